//! Checkers for Jepsen histories: linearizable registers, transactions, sets, counters and logs,
//! judged as Jepsen and Maelstrom judge them.
//!
//! A history goes in, a verdict comes out: nothing here knows a network, a clock or a process. Each
//! checker follows the one of Jepsen, Knossos, Elle or Maelstrom that it names, to the digit; where
//! that one is blind there is a warning, never another verdict.
//!
//! [`history`] reads `history.edn`, `history.jsonl` and `.gz` of them; [`Workload`] tells which
//! operations there are, and calls the checker of its kind; [`Verdict`] has the reason, the
//! operations that contradict each other, and Maelstrom's `results.edn` as [`edn`].
//!
//! ```
//! use eddy_checkers::elle::ConsistencyModel;
//! use eddy_checkers::history::History;
//! use eddy_checkers::{Placement, Validity, Workload};
//!
//! let history = r#"
//!     {:process 0, :type :invoke, :f :write, :value [:x 1], :index 0, :time 0}
//!     {:process 0, :type :ok,     :f :write, :value [:x 1], :index 1, :time 5}
//!     {:process 1, :type :invoke, :f :read,  :value [:x nil], :index 2, :time 6}
//!     {:process 1, :type :ok,     :f :read,  :value [:x 2], :index 3, :time 9}
//! "#;
//! let history = History::read_edn(history).unwrap();
//! let workload = Workload::of(&history).unwrap();
//! let models = [ConsistencyModel::StrictSerializable];
//! let verdict = workload.check(&history, &Placement::unknown(&history), &models);
//! assert_eq!((workload, verdict.valid), (Workload::LinKv, Validity::Invalid));
//! assert!(verdict.reason.unwrap().contains("read 2"));
//! ```

pub mod availability;
mod clojure;
pub mod contradiction;
pub mod counter;
mod disguise;
pub mod echo;
pub mod edn;
pub mod elle;
pub mod evidence;
pub mod exceptions;
pub mod history;
pub mod judgement;
pub mod kafka;
pub mod linearizable;
pub mod liveness;
#[cfg(test)]
mod odd_histories;
pub mod quantiles;
pub mod random;
pub mod repair;
pub mod sentence;
pub mod set_full;
pub mod stats;
#[cfg(test)]
mod testing;
pub mod unique_ids;
mod verdict;
#[cfg(test)]
mod words;
mod workload;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use self::contradiction::Contradiction;
#[doc(inline)]
pub use self::elle::ConsistencyModel;
pub use self::evidence::Evidence;
pub use self::verdict::Verdict;
pub use self::workload::Workload;
use crate::edn::Value;
use crate::history::{History, Kind, Process};

/// Which node each client works on: client threads are dealt out to the nodes in turn, and a
/// process that replaces one whose operation has no known end is of the same thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Placement<'a> {
    /// The nodes' names.
    pub nodes: &'a [String],
    /// How many client threads there are.
    pub concurrency: usize,
}

impl<'a> Placement<'a> {
    /// A placement of which nothing is known but the history: not the nodes, and the number of
    /// threads only from the numbers of processes. A process that was in doubt is replaced by one
    /// whose number is greater by that of the threads, so it is the least number by which every
    /// process either is one of the first or has such a predecessor.
    pub fn unknown(history: &History) -> Placement<'static> {
        // Where each process began, and where it was in doubt.
        let mut spans: BTreeMap<u64, (usize, Option<usize>)> = BTreeMap::new();
        for op in history.clients() {
            let Process::Client(process) = op.process else { continue };
            let (_, doubt) = spans.entry(process).or_insert((op.index, None));
            *doubt = Some(op.index).filter(|_| op.kind == Kind::Info);
        }
        let is_possible = |threads: &u64| {
            spans.range(threads..).all(|(process, (began, _))| {
                let former = spans.get(&(process - threads)).and_then(|(_, doubt)| *doubt);
                former.is_some_and(|doubt| doubt < *began)
            })
        };
        let Some(last) = spans.keys().last().copied() else {
            return Placement { nodes: &[], concurrency: 0 };
        };
        // The last process is one of the first, or it has a predecessor.
        let differences = spans.keys().rev().skip(1).map(|process| last - process);
        let threads = differences.chain([last.saturating_add(1)]).find(is_possible);
        let threads = threads.unwrap_or_default();
        Placement { nodes: &[], concurrency: usize::try_from(threads).unwrap_or_default() }
    }

    /// The node that a process works on; `None` for the nemesis, and if there is nobody.
    pub fn node_of(&self, process: Process) -> Option<&'a str> {
        let Process::Client(process) = process else { return None };
        let thread = process.checked_rem(self.concurrency as u64)?;
        let node = thread.checked_rem(self.nodes.len() as u64)?;
        self.nodes.get(usize::try_from(node).ok()?).map(String::as_str)
    }
}

/// Whether a history is as it should be; the worse, the greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Validity {
    /// Nothing is wrong.
    Valid,
    /// There is too little evidence.
    Unknown,
    /// Something is wrong.
    Invalid,
}

impl Validity {
    /// The verdict on a whole, given those on its parts: the worst, and valid if there are none.
    pub fn merge(parts: impl IntoIterator<Item = Validity>) -> Validity {
        parts.into_iter().max().unwrap_or(Validity::Valid)
    }

    /// What stands under `:valid?`: `true`, `:unknown` or `false`.
    pub fn to_edn(self) -> Value {
        match self {
            Validity::Valid => Value::Bool(true),
            Validity::Unknown => Value::keyword("unknown"),
            Validity::Invalid => Value::Bool(false),
        }
    }
}

impl From<bool> for Validity {
    fn from(valid: bool) -> Validity {
        if valid { Validity::Valid } else { Validity::Invalid }
    }
}

impl From<Validity> for Value {
    fn from(validity: Validity) -> Value {
        validity.to_edn()
    }
}

/// A fraction with the 32 bits that Maelstrom gives it; `whole` must not be 0.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "results show no more digits"
)]
pub fn fraction(part: usize, whole: usize) -> f32 {
    (part as f64 / whole as f64) as f32
}

#[cfg(test)]
mod tests {
    use super::Validity::{self, Invalid, Unknown, Valid};
    use super::{Placement, testing::history};

    #[test]
    fn the_worst_part_decides() {
        assert_eq!(Validity::merge([]), Valid);
        assert_eq!(Validity::merge([Valid, Unknown, Valid]), Unknown);
        assert_eq!(Validity::merge([Unknown, Invalid, Valid]), Invalid);
        assert_eq!(Unknown.to_edn().to_string(), ":unknown");
    }

    #[test]
    fn the_number_of_threads_follows_from_who_replaced_whom() {
        #[track_caller]
        fn check(text: &str, threads: usize) {
            assert_eq!(Placement::unknown(&history(text)).concurrency, threads, "{text}");
        }
        check("nemesis info kill nil", 0);
        check("0 invoke read nil", 1);
        check("9223372036854775806 invoke read nil", usize::MAX / 2);
        check("0 invoke read nil\n1 invoke read nil\n2 invoke read nil\n1 ok read 1", 3);
        check("0 invoke read nil\n1 invoke read nil\n1 info read nil\n3 invoke read nil", 2);
        check("0 invoke read nil\n0 info read nil\n1 invoke read nil\n1 info read nil", 1);
        check("0 invoke read nil\n1 invoke read nil\n0 info read nil\n2 invoke read nil", 2);
        check("0 info read nil\n5 info read nil\n10 invoke read nil\n2 invoke read nil", 5);
    }
}
