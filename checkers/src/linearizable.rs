//! Linearizability of registers: Maelstrom's `lin-kv`, judged as by Knossos.
//!
//! A history is linearizable if its operations have a *linearization*: an order in which a register
//! would give the same answers, and in which no operation comes before one that completed before it
//! was invoked (Herlihy and Wing, *Linearizability*, 1990). Linearizability is local: a history is
//! linearizable if the history of each key is. Failed operations did not take effect. Indeterminate
//! operations may have taken effect at any time since their invocation, or never, and their results
//! are unknown.
//!
//! Deciding linearizability is NP-complete, unless it is known which write each read observed; then
//! it takes no longer than sorting (Gibbons and Korach, *Testing shared memories*, 1997). So if no
//! value of a key is written twice, there is no search, and any number of operations may overlap;
//! `zones.rs` has the argument.
//!
//! The search is Wing and Gong's (*Testing and Verifying Concurrent Objects*, 1993): linearize any
//! pending operation that can be the next one, and backtrack if none can. Lowe's cache of
//! configurations (*Testing for linearizability*, 2017) ensures that none is searched twice. A
//! configuration is the set of linearized operations and the register's value; the future depends
//! on nothing else. As in Lowe's just-in-time variant, operations are linearized only when the next
//! completion requires its operation to be: that operation, and pending ones before it. In any
//! linearization, all others can be put off. So the search passes completions one by one, and the
//! set of linearized operations is the number of completions passed and a few bits for pending
//! operations, not one bit for each operation. If no linearization passes a completion, the history
//! up to it has none, and the history up to the one before has one: that completion ends the
//! shortest failing prefix.
//!
//! Three reductions shrink the search, and none of them loses a linearization. First, a read-only
//! operation is linearized as soon as the register has its value, because it changes nothing and is
//! then out of the way. Second, an indeterminate operation is linearized only if another operation
//! can observe its value before it is overwritten; otherwise it can be left out. Third, of
//! indeterminate operations with the same action, the one invoked first goes first; and a
//! configuration that has linearized more of them than another, and is otherwise the same, can do
//! nothing that the other cannot. So crashed writes cost time only where they explain something.
//!
//! An operation that failed because the key did not exist, or had another value, observed that. If
//! no linearization agrees with these observations, there is a warning; if the history has faults
//! that Maelstrom cannot inject, it is the verdict. `refusals.rs` has the argument.

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

/// Limits of a search.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SearchLimits {
    /// Maximum memory for the configurations of one key, in bytes. A larger limit decides histories
    /// with more clients and more crashes; a smaller one leaves those unknown and spares the
    /// machine's memory.
    pub memory: usize,
    /// Maximum time of the search of one key, in seconds of an optimized build. It is counted in
    /// steps, so the verdict does not depend on the machine. A larger limit decides more histories;
    /// users wait longer for the others.
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

/// The results of one key.
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
