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
pub(crate) mod failure;
pub(crate) mod final_paths;
pub(crate) mod finding;
mod layout;
mod refusals;
pub(crate) mod register;
pub mod sample;
mod schedule;
mod search;
#[cfg(test)]
pub(crate) mod tests;
mod zones;

pub use self::{
    failure::Failure,
    finding::{Finding, GaveUp},
    refusals::Refusals,
    register::Malformed,
};
use self::{finding::Conclusion, layout::Layout, register::Register};
use crate::{
    Validity,
    edn::Value,
    history::{History, Op},
};

/// What a search may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// How many bytes the configurations of one key may take. More judge histories with more
    /// clients and more crashes; fewer leave those unknown and let the machine breathe.
    pub memory: usize,
    /// How many seconds a search of one key may take. They are counted in steps, of which a
    /// program that was built to be fast does so many in about a second, so that a verdict does
    /// not depend on the machine. More judge more; users wait longer for what stays unknown.
    pub seconds: u64,
}

impl Default for Limits {
    /// Half a gigabyte and ten seconds, which a thousand operations with known ends never come
    /// close to.
    fn default() -> Limits {
        Limits { memory: 512 << 20, seconds: 10 }
    }
}

/// The findings on all keys.
#[derive(Debug, Clone)]
pub struct Linearizable<'a> {
    /// The worst of the keys.
    pub valid: Validity,
    /// Each key that an operation names, sorted; or the one register there is, without a key.
    pub keys: Vec<Key<'a>>,
    /// The number of successful operations that were judged; reads of nil tell nothing.
    pub judged: usize,
    /// The operations that lack their key.
    pub without_key: Vec<&'a Op>,
}

/// The findings on a key.
#[derive(Debug, Clone)]
pub struct Key<'a> {
    /// The key; `None` if there is one register, and operations name no key.
    pub key: Option<&'a Value>,
    /// The verdict on its operations.
    pub verdict: Verdict<'a>,
}

/// The verdict on a key's operations.
#[derive(Debug, Clone)]
pub enum Verdict<'a> {
    /// They are. What refusals and reads of nil say besides does not count.
    Linearizable(Finding<'a>, Refusals<'a>),
    /// They are not.
    NotLinearizable(Box<Failure<'a>>),
    /// Nobody knows: to find out would cost too much.
    TooCostly(Finding<'a>, GaveUp),
    /// There is an order, but whether refusals and reads of nil leave one would cost too much to
    /// find out.
    RefusalsTooCostly(Finding<'a>, GaveUp),
    /// Nobody knows, for they make no sense.
    Malformed(Malformed<'a>),
}

/// Judges the operations `read`, `write` and `cas`. Their values are `[key value]`, or
/// `[key [from to]]`; or else the same without a key, and then there is one register.
pub fn check(history: &History) -> Linearizable<'_> {
    check_within(history, Limits::default())
}

/// [`check`], at a cost.
pub fn check_within(history: &History, limits: Limits) -> Linearizable<'_> {
    let Layout { registers, without_key } = Layout::of(history.clients().collect());
    let refusals_count = history.has_faults_beyond_maelstrom();
    let mut judged = 0;
    let keys = registers.into_iter().map(|(key, ops)| {
        let verdict = Register::of(key, &ops).map_or_else(Verdict::Malformed, |register| {
            judged += register.operations.iter().filter(|one| one.tells_something()).count();
            Verdict::of(register, limits, refusals_count)
        });
        Key { key, verdict }
    });
    let keys: Vec<Key<'_>> = keys.collect();
    Linearizable { valid: Validity::merge(keys.iter().map(Key::valid)), keys, judged, without_key }
}

impl<'a> Linearizable<'a> {
    /// The keys that are not linearizable.
    pub(crate) fn failures(&self) -> impl Iterator<Item = &Failure<'a>> {
        self.keys.iter().filter_map(|key| match &key.verdict {
            Verdict::NotLinearizable(failure) => Some(&**failure),
            _ => None,
        })
    }
}

impl Key<'_> {
    /// Valid, unknown or invalid.
    pub fn valid(&self) -> Validity {
        match self.verdict {
            Verdict::Linearizable(..) => Validity::Valid,
            Verdict::NotLinearizable(_) => Validity::Invalid,
            _ => Validity::Unknown,
        }
    }
}

impl<'a> Verdict<'a> {
    fn of(register: Register<'a>, limits: Limits, refusals_count: bool) -> Verdict<'a> {
        let finding = search::finding(register, limits);
        match finding.conclusion {
            Conclusion::NoOrder => Verdict::NotLinearizable(Failure::of(finding)),
            Conclusion::GaveUp => {
                let search = finding.gave_up(limits);
                Verdict::TooCostly(finding, search)
            }
            Conclusion::Order => match Refusals::of(&finding.register, limits) {
                Refusals::Contradict(failure) if refusals_count => {
                    Verdict::NotLinearizable(failure)
                }
                Refusals::TooCostly(search) if refusals_count => {
                    Verdict::RefusalsTooCostly(finding, search)
                }
                refusals => Verdict::Linearizable(finding, refusals),
            },
        }
    }

    /// The operations and the orders that it rests on, if they make sense.
    pub(crate) fn finding(&self) -> Option<&Finding<'a>> {
        match self {
            Verdict::Linearizable(finding, _)
            | Verdict::TooCostly(finding, _)
            | Verdict::RefusalsTooCostly(finding, _) => Some(finding),
            Verdict::NotLinearizable(failure) => Some(&failure.finding),
            Verdict::Malformed(_) => None,
        }
    }
}
