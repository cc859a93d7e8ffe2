//! Checkers for Jepsen histories: linearizable registers, transactions, sets, counters, logs,
//! echoes and unique ids, with the verdicts of Jepsen and Maelstrom.
//!
//! A checker is a function from a history to a verdict: it uses no network, no clock and no
//! processes. Each checker gives the results of the upstream checker that it names, of Jepsen,
//! Knossos, Elle or Maelstrom. An error that upstream overlooks is only a warning, unless the
//! history has faults that Maelstrom cannot inject: then refused operations and liveness count as
//! well.
//!
//! ```
//! use eddy_checkers::assessment::Criteria;
//! use eddy_checkers::history::History;
//! use eddy_checkers::workload::{self, CheckContext, LinKv, WorkloadChecker};
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
//! let (placement, criteria) = (Placement::inferred(&history), Criteria::of(&history));
//! let models = [ConsistencyModel::StrictSerializable];
//! let context = CheckContext { placement: &placement, models: &models };
//! let assessment = workload.judge(&history, &context, criteria);
//! assert_eq!((workload.name(), assessment.valid()), (LinKv.name(), Validity::Invalid));
//! let reasons = assessment.reasons(&placement);
//! assert!(reasons[0].starts_with("key 7 is not linearizable: read 2 at index 3 by process 1"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! `examples/judge.rs` is a program that checks a file.
//!
//! # Input
//!
//! [`history::file::read`] reads a file, gzipped or not, and [`history::file::find`] finds it in
//! the directory of a test. [`History::read`] parses a string, and [`History::from_ops`] takes
//! operations. The string is a sequence of operations, or one vector of them:
//!
//! - in EDN, as in Jepsen's `history.edn`: maps, or records `#jepsen.history.Op{…}`;
//! - in JSON, as elle-cli reads it: objects, with strings where EDN has keywords.
//!
//! An operation has a `:type` (`:invoke`, `:ok`, `:fail` or `:info`), a `:process`, a function `:f`
//! and a `:value`. These may be missing: `:index` and `:time`, which the order of operations
//! replaces; `:f` of transactions; and `:process`, if there is only one. Jepsen's `history.txt` and
//! `test.jepsen` are not supported.
//!
//! For a history of which nothing else is known, use [`Placement::inferred`] and
//! [`assessment::Criteria::of`]. With the names of the nodes, reasons can name the faulty one.
//!
//! # Choosing the workload
//!
//! A workload is a [`WorkloadChecker`]: it defines the operations, and the check of their history.
//! [`workload::recognize`] finds the workload by the operations of all clients. If these fit
//! several workloads, it does not guess. [`workload::by_name`] takes a name as Maelstrom's `-w`
//! does; in Rust, each workload is a unit struct, such as [`workload::LinKv`]. For a workload of
//! your own, implement the trait.
//!
//! | workload | operations | what is checked |
//! |---|---|---|
//! | `lin-kv` | `read`, `write`, `cas` of a register, or of `[key value]` | linearizability |
//! | `txn-list-append` | `txn` of `[:append k v]` and `[:r k vs]` | consistency models |
//! | `txn-rw-register` | `txn` of `[:w k v]` and `[:r k v]` | consistency models |
//! | `kafka` | `send`, `poll`, `txn` of both, `assign`, `subscribe` | lost or reordered messages |
//! | `broadcast` | `broadcast`, `read` of a list | lost and stale elements |
//! | `g-set` | `add`, `read` of a list or a set | lost and stale elements |
//! | `g-counter`, `pn-counter` | `add`, `read` of a number | sums in final reads |
//! | `unique-ids` | `generate` | duplicate ids |
//! | `echo` | `echo` | replies that differ from their requests |
//!
//! # Output
//!
//! [`WorkloadChecker::judge`] applies all checkers to a history, and returns an [`Assessment`]: the
//! [`Validity`] of the whole, the reasons why it is not valid, the [`Contradiction`]s between
//! operations, warnings, and the map of Jepsen's `results.edn` as [`edn`]. A history with nothing
//! to check is unknown, not valid. [`WorkloadChecker::check`] returns the [`Verdict`] of the
//! workload's own checker. Each checker is also a module with functions of its own:
//! [`linearizable`], [`elle`], [`kafka`], [`set_full`], [`counter`], [`unique_ids`], [`echo`].
//!
//! Sentences quote values as they are in the history. A program that shows them on a terminal
//! should escape control characters with [`printable()`].
//!
//! # Errors
//!
//! A string that cannot be parsed is an error, and a history that cannot be judged is unknown. A
//! [`HistoryError`](history::HistoryError) names the line, what was expected there, and what was
//! found. For a file or an unknown workload, the error is a sentence with the same information.
//! Checkers do not fail: they skip operations whose values have another shape, and if none is left,
//! the verdict is unknown.
//!
//! [`Assessment`]: assessment::Assessment

pub mod assessment;
pub mod availability;
mod compat;
pub mod contradiction;
mod contradictions;
pub mod counter;
pub mod echo;
pub mod edn;
pub mod elle;
pub mod evidence;
pub mod exceptions;
#[cfg(test)]
mod fuzz;
pub mod history;
pub mod kafka;
pub mod linearizable;
pub mod liveness;
#[cfg(test)]
mod plain_sentences;
pub mod quantiles;
pub mod random;
pub mod repair;
mod results;
mod sentences;
pub mod set_full;
pub mod stats;
#[cfg(test)]
mod testing;
mod type_change;
pub mod unique_ids;
mod verdict;
pub mod wording;
pub mod workload;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use self::contradiction::Contradiction;
#[doc(inline)]
pub use self::elle::ConsistencyModel;
pub use self::evidence::Evidence;
pub use self::verdict::Verdict;
#[doc(inline)]
pub use self::workload::WorkloadChecker;
#[doc(inline)]
pub use eddy_text::printable::printable;

use crate::edn::Value;
use crate::history::{History, Kind, Process};

/// The assignment of client processes to nodes. Threads are assigned to the nodes round robin. A
/// process that replaces a crashed one runs on the same thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Placement<'a> {
    /// The names of the nodes.
    pub nodes: &'a [String],
    /// The number of client threads.
    pub concurrency: usize,
}

impl<'a> Placement<'a> {
    /// The placement inferred from a history alone: without nodes, and with the number of threads
    /// inferred from the numbers of processes. After an indeterminate operation, the process is
    /// replaced by one whose number is greater by the number of threads. So the number of threads
    /// is the least N such that every process is either below N or N above one whose last operation
    /// was indeterminate.
    pub fn inferred(history: &History) -> Placement<'static> {
        // The first operation of each process, and its last one if that is indeterminate.
        let mut spans: BTreeMap<u64, (usize, Option<usize>)> = BTreeMap::new();
        for op in history.client_ops() {
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

    /// The node of a process; `None` for the nemesis, or if there are no nodes or threads.
    pub fn node_of(&self, process: Process) -> Option<&'a str> {
        let Process::Client(process) = process else { return None };
        let thread = process.checked_rem(self.concurrency as u64)?;
        let node = thread.checked_rem(self.nodes.len() as u64)?;
        self.nodes.get(usize::try_from(node).ok()?).map(String::as_str)
    }
}

/// The value of `:valid?`, ordered from the best to the worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Validity {
    /// Nothing is wrong.
    Valid,
    /// The checker could not decide, for example for lack of evidence, or because a search reached
    /// its limits.
    Unknown,
    /// Something is wrong.
    Invalid,
}

impl Validity {
    /// The verdict on a whole: the worst of the verdicts on its parts, and valid if there are none.
    pub fn merge(parts: impl IntoIterator<Item = Validity>) -> Validity {
        parts.into_iter().max().unwrap_or(Validity::Valid)
    }

    /// The value under `:valid?`: `true`, `:unknown` or `false`.
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

/// A fraction in single precision, as Maelstrom writes it; `whole` must not be 0.
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
    fn the_number_of_threads_is_inferred_from_the_numbers_of_processes() {
        #[track_caller]
        fn check(text: &str, threads: usize) {
            assert_eq!(Placement::inferred(&history(text)).concurrency, threads, "{text}");
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
