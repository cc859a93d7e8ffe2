//! Whether each key of a store behaved like one register: Maelstrom's `lin-kv`, judged by Knossos.
//!
//! A history is linearizable if its operations can be put in an order that a register would answer
//! alike, and in which no operation comes before one that had ended when it began (Herlihy and
//! Wing, *Linearizability*, 1990). Keys are independent: a history is linearizable if each key's
//! part of it is. What failed did not happen. What has no known end may have happened at any time
//! since it began, or never, and nobody knows what it read.
//!
//! To tell whether there is an order is NP-complete, unless it is known which write each read
//! found: then it takes no longer than to sort (Gibbons and Korach, *Testing shared memories*,
//! 1997). So where no value of a key is set twice, there is no search, and any number of operations
//! may overlap; `zones.rs` has the argument.
//!
//! The search is Wing and Gong's (*Testing and Verifying Concurrent Objects*, 1993): let any
//! operation happen next that could be the first of those that are left, and go back where nothing
//! can. With Lowe's memory of configurations (*Testing for linearizability*, 2017) none is searched
//! twice. A configuration is what has happened and what the register holds; the future depends on
//! nothing else. As in Lowe's just-in-time variant, an operation happens only when another one that
//! ends next has to happen: of an order that explains the history, everything else can be put off.
//! So completions are passed one by one, and what has happened is the number of those passed and a
//! few bits for the operations under way, not one bit for each operation. If no order passes a
//! completion, the history up to it has none, and up to the one before it has one: that completion
//! is the shortest failing prefix.
//!
//! Three things are left out, and none of them loses an order. What only observes happens as soon
//! as it finds its value, for it is one obligation less and changes nothing. What need not happen
//! happens only if somebody is there to find its value before it is overwritten, else it can be
//! taken out of the order. And of operations without an end that do the same, the one that began
//! first goes first; a configuration that has used up more of them than another, and is otherwise
//! the same, can do nothing that the other cannot. So writes that crashed cost something only where
//! they explain something.
//!
//! An operation that was refused because there was no such key, or another value, observed that.
//! Where that leaves no order, it is a warning, or the verdict if there were faults that Maelstrom
//! does not have; `refusals.rs` has the argument.

mod cache;
pub(crate) mod counterexample;
pub(crate) mod final_paths;
pub mod history_generator;
mod ops_by_key;
mod refusals;
pub(crate) mod register;
mod search;
mod search_index;
pub(crate) mod search_result;
#[cfg(test)]
pub(crate) mod tests;
mod zones;

pub use self::{
    counterexample::Counterexample,
    refusals::RefusalCheck,
    register::Malformed,
    search_result::{SearchResult, SearchStopped},
};
use self::{ops_by_key::OpsByKey, register::Register, search_result::Conclusion};
use crate::{
    Validity,
    edn::Value,
    history::{History, Op},
};

/// What a search may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SearchLimits {
    /// Maximum memory for the configurations of one key, in bytes. A larger limit decides histories
    /// with more clients and more crashes; a smaller one leaves those unknown and spares the
    /// machine's memory.
    pub memory: usize,
    /// How many seconds a search of one key may take. They are counted in steps, of which a
    /// program that was built to be fast does so many in about a second, so that a verdict does
    /// not depend on the machine. More judge more; users wait longer for what stays unknown.
    pub seconds: u64,
}

impl Default for SearchLimits {
    /// Half a gibibyte and ten seconds; a thousand determinate operations need far less.
    fn default() -> SearchLimits {
        SearchLimits { memory: 512 << 20, seconds: 10 }
    }
}

/// The findings on all keys.
#[derive(Debug, Clone)]
pub struct LinearizableResults<'a> {
    /// The worst verdict of all keys.
    pub valid: Validity,
    /// The results of each key, sorted by key; or of the single register, if operations name no
    /// key.
    pub keys: Vec<KeyResult<'a>>,
    /// The number of successful operations that were judged; reads of nil are no evidence.
    pub judged: usize,
    /// The operations that lack their key.
    pub without_key: Vec<&'a Op>,
}

/// The findings on a key.
#[derive(Debug, Clone)]
pub struct KeyResult<'a> {
    /// The key; `None` if there is one register, and operations name no key.
    pub key: Option<&'a Value>,
    /// The verdict on its operations.
    pub verdict: KeyVerdict<'a>,
}

/// The verdict on a key's operations.
#[derive(Debug, Clone)]
pub enum KeyVerdict<'a> {
    /// There is a linearization. The check of refusals and reads of nil does not change that.
    Linearizable(SearchResult<'a>, RefusalCheck<'a>),
    /// There is no linearization.
    NotLinearizable(Box<Counterexample<'a>>),
    /// Unknown: the search reached its limits.
    TooCostly(SearchResult<'a>, SearchStopped),
    /// There is a linearization, but the search for one that agrees with refusals and reads of nil
    /// reached its limits.
    RefusalsTooCostly(SearchResult<'a>, SearchStopped),
    /// Unknown: the operations are malformed.
    Malformed(Malformed<'a>),
}

/// Judges the operations `read`, `write` and `cas`. Their values are `[key value]`, or `[key [from
/// to]]` for `cas`. If operations name no key, there is a single register.
pub fn check(history: &History) -> LinearizableResults<'_> {
    check_within(history, SearchLimits::default())
}

/// [`check`] with other limits than the default.
pub fn check_within(history: &History, limits: SearchLimits) -> LinearizableResults<'_> {
    let OpsByKey { registers, without_key } = OpsByKey::of(history.client_ops().collect());
    let are_refusals_judged = history.has_faults_beyond_maelstrom();
    let mut judged = 0;
    let keys = registers.into_iter().map(|(key, ops)| {
        let verdict = Register::of(key, &ops).map_or_else(KeyVerdict::Malformed, |register| {
            judged += register.operations.iter().filter(|one| one.is_evidence()).count();
            KeyVerdict::of(register, limits, are_refusals_judged)
        });
        KeyResult { key, verdict }
    });
    let keys: Vec<KeyResult<'_>> = keys.collect();
    LinearizableResults {
        valid: Validity::merge(keys.iter().map(KeyResult::valid)),
        keys,
        judged,
        without_key,
    }
}

impl<'a> LinearizableResults<'a> {
    /// The counterexamples of the keys that are not linearizable.
    pub(crate) fn failures(&self) -> impl Iterator<Item = &Counterexample<'a>> {
        self.keys.iter().filter_map(|key| match &key.verdict {
            KeyVerdict::NotLinearizable(failure) => Some(&**failure),
            _ => None,
        })
    }
}

impl KeyResult<'_> {
    /// Valid, unknown or invalid.
    pub fn valid(&self) -> Validity {
        match self.verdict {
            KeyVerdict::Linearizable(..) => Validity::Valid,
            KeyVerdict::NotLinearizable(_) => Validity::Invalid,
            _ => Validity::Unknown,
        }
    }
}

impl<'a> KeyVerdict<'a> {
    fn of(
        register: Register<'a>,
        limits: SearchLimits,
        are_refusals_judged: bool,
    ) -> KeyVerdict<'a> {
        let result = search::find(register, limits);
        match result.conclusion {
            Conclusion::NotLinearizable => KeyVerdict::NotLinearizable(Counterexample::of(result)),
            Conclusion::GaveUp => {
                let stopped = result.stopped(limits);
                KeyVerdict::TooCostly(result, stopped)
            }
            Conclusion::Linearizable => match RefusalCheck::of(&result.register, limits) {
                RefusalCheck::Inconsistent(failure) if are_refusals_judged => {
                    KeyVerdict::NotLinearizable(failure)
                }
                RefusalCheck::TooCostly(stopped) if are_refusals_judged => {
                    KeyVerdict::RefusalsTooCostly(result, stopped)
                }
                refusals => KeyVerdict::Linearizable(result, refusals),
            },
        }
    }

    /// The search result that the verdict rests on, unless the operations are malformed.
    pub(crate) fn search_result(&self) -> Option<&SearchResult<'a>> {
        match self {
            KeyVerdict::Linearizable(result, _)
            | KeyVerdict::TooCostly(result, _)
            | KeyVerdict::RefusalsTooCostly(result, _) => Some(result),
            KeyVerdict::NotLinearizable(failure) => Some(&failure.result),
            KeyVerdict::Malformed(_) => None,
        }
    }
}
