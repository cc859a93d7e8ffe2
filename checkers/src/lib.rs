//! Checkers for Jepsen histories: linearizable registers, transactions, sets, counters, logs,
//! echoes and unique ids, judged as Jepsen and Maelstrom judge them.
//!
//! A history goes in, a verdict comes out: nothing here knows a network, a clock or a process. Each
//! checker follows the one of Jepsen, Knossos, Elle or Maelstrom that it names, to the digit; where
//! that one is blind there is a warning, never another verdict.
//!
//! ```
//! use eddy_checkers::history::History;
//! use eddy_checkers::judgement::Standard;
//! use eddy_checkers::workload::{self, Checker, LinKv, Setting};
//! use eddy_checkers::{ConsistencyModel, Placement, Validity};
//!
//! let history = r#"
//!     {:process 0, :type :invoke, :f :write, :value [7 1]}
//!     {:process 0, :type :ok,     :f :write, :value [7 1]}
//!     {:process 1, :type :invoke, :f :read,  :value [7 nil]}
//!     {:process 1, :type :ok,     :f :read,  :value [7 2]}
//! "#;
//! let history = History::read(history)?;
//! let workload = workload::recognize(&history, &workload::ALL)?;
//! let (placement, standard) = (Placement::unknown(&history), Standard::of(&history));
//! let models = [ConsistencyModel::StrictSerializable];
//! let setting = Setting { placement: &placement, models: &models };
//! let judgement = workload.judge(&history, &setting, standard);
//! assert_eq!((workload.name(), judgement.valid()), (LinKv.name(), Validity::Invalid));
//! let reasons = judgement.reasons(&placement);
//! assert!(reasons[0].starts_with("key 7 is not linearizable: read 2 at index 3 by process 1"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! `examples/judge.rs` is a program that judges a file.
//!
//! # What goes in
//!
//! [`history::file::read`] reads a file, gzipped or not, and [`history::file::find`] finds it in
//! the directory of a test. [`History::read`] reads a text, and [`History::from_ops`] takes
//! operations. A text is operations one after the other, or all in one vector:
//!
//! - in EDN, as in Jepsen's `history.edn`: maps, or records `#jepsen.history.Op{…}`;
//! - in JSON, as elle-cli reads it: objects, with strings where EDN has keywords.
//!
//! An operation has a `:type` (`:invoke`, `:ok`, `:fail` or `:info`), a `:process`, a function `:f`
//! and a `:value`. These may be missing: `:index` and `:time`, in whose place is the order; `:f` of
//! transactions; and `:process`, if a single one does everything. Jepsen's `history.txt` and
//! `test.jepsen` are not read.
//!
//! [`Placement::unknown`] and [`judgement::Standard::of`] do for a history of which nothing else is
//! known. With the names of the nodes, reasons can say which one is to blame.
//!
//! # How to choose the workload
//!
//! A workload is a [`Checker`]: it tells which operations there are, and how they are judged.
//! [`workload::recognize`] finds it by the operations of all clients; where these may be of several
//! workloads, it does not guess. [`workload::named`] takes a name as Maelstrom's `-w` does, and
//! [`workload::LinKv`] is one in Rust. One of your own implements the trait.
//!
//! | workload | operations | what is judged |
//! |---|---|---|
//! | `lin-kv` | `read`, `write`, `cas` of a register, or of `[key value]` | linearizability |
//! | `txn-list-append` | `txn` of `[:append k v]` and `[:r k vs]` | consistency models |
//! | `txn-rw-register` | `txn` of `[:w k v]` and `[:r k v]` | consistency models |
//! | `kafka` | `send`, `poll`, `txn` of both, `assign`, `subscribe` | lost or reordered messages |
//! | `broadcast` | `broadcast`, `read` of a list | lost and stale elements |
//! | `g-set` | `add`, `read` of a list or a set | lost and stale elements |
//! | `g-counter`, `pn-counter` | `add`, `read` of a number | sums in final reads |
//! | `unique-ids` | `generate` | ids that were given twice |
//! | `echo` | `echo` | answers that differ from the question |
//!
//! # What comes out
//!
//! [`Checker::judge`] judges a history in every respect, and gives a [`Judgement`]: the
//! [`Validity`] of the whole, the reasons why it is not valid, the [`Contradiction`]s between
//! operations, warnings, and the map of Jepsen's `results.edn` as [`edn`]. Nothing is valid of
//! which nothing was judged: that is unknown. [`Checker::check`] gives the [`Verdict`] of the
//! workload's checker alone. Each checker is a module with functions of its own, too:
//! [`linearizable`], [`elle`], [`kafka`], [`set_full`], [`counter`], [`unique_ids`], [`echo`].
//!
//! Sentences quote values as the history has them: a program that shows them on a terminal should
//! escape control characters, as [`printable()`] does.
//!
//! # Errors
//!
//! What cannot be read is an error, and what cannot be judged is unknown. A
//! [`HistoryError`](history::HistoryError) names the line of a text, what was expected there, and
//! what was found. For a file, and for a workload that is not known, the error is a sentence that
//! says the same. Checkers do not fail: an operation whose value has another shape is passed over,
//! and if none is left, the verdict is unknown.
//!
//! [`Judgement`]: judgement::Judgement

pub mod availability;
mod compat;
pub mod contradiction;
mod contradictions;
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
mod results;
pub mod sentence;
mod sentences;
pub mod set_full;
pub mod stats;
#[cfg(test)]
mod testing;
pub mod unique_ids;
mod verdict;
#[cfg(test)]
mod words;
pub mod workload;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use self::contradiction::Contradiction;
#[doc(inline)]
pub use self::elle::ConsistencyModel;
pub use self::evidence::Evidence;
pub use self::verdict::Verdict;
#[doc(inline)]
pub use self::workload::Checker;
#[doc(inline)]
pub use eddy_text::printable::printable;

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
