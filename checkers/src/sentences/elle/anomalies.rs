//! The meaning of each anomaly, and the explanation of each case.

use std::iter;

use crate::edn::Value;
use crate::elle::TxnWorkload::{ListAppend, RwRegister};
use crate::elle::{Anomaly, Case, DirtyRead, ElleResults};
use crate::history::Op;

/// Maximum number of transactions of one lost update that are named.
const MAX_UPDATES_NAMED: usize = 4;

impl Anomaly {
    /// The meaning of the anomaly; empty for those that are never reported by themselves.
    pub(super) fn meaning(self) -> &'static str {
        match self.name().trim_end_matches("-process").trim_end_matches("-realtime") {
            "G0" => "writes of transactions are interleaved (dirty write)",
            "G1a" => "a transaction read what a failed one wrote (aborted read)",
            "G1b" => {
                "a transaction read a value that its writer then overwrote (intermediate read)"
            }
            "G1c" => "read and write dependencies form a cycle (circular information flow)",
            "G-single-item" | "G-single" => {
                "a transaction saw one part of what others did and missed another (read skew)"
            }
            "G-nonadjacent-item" | "G-nonadjacent" => {
                "transactions saw one part of what others did and missed another, in a cycle"
            }
            "G2-item" | "G2" => "transactions missed each other's writes (write skew)",
            "lost-update" => {
                "transactions read the same version and overwrote it, unaware of each other"
            }
            "internal" => "a transaction contradicts itself",
            "future-read" => "a transaction read what it wrote only later",
            "dirty-update" => "a transaction updated what a failed one wrote",
            "duplicate-elements" => "a read contains an element more than once",
            "incompatible-order" => "reads of a key contradict each other about its order",
            "cyclic-versions" => "the versions of a key cannot be ordered",
            "empty-transaction-graph" => {
                "no transaction depends on another, so nothing can be judged"
            }
            "cycle-search-timeout" => "the search for cycles was given up",
            _ => "",
        }
    }
}

/// The transactions of a case that sentences call T1, T2 and so on.
pub(crate) fn named_transactions<'h>(case: &Case<'h>) -> Vec<&'h Op> {
    match case {
        Case::AbortedRead(read) | Case::IntermediateRead(read) => vec![read.writer, read.reader],
        Case::DirtyUpdate { failed, writer, .. } => vec![failed, writer],
        Case::DuplicateElements { reader, .. } => vec![reader],
        Case::IncompatibleOrder { readers, .. } => readers.clone(),
        Case::Internal { transaction, .. } | Case::FutureRead { transaction, .. } => {
            vec![transaction]
        }
        Case::LostUpdate { transactions, .. } => {
            transactions.iter().take(MAX_UPDATES_NAMED).copied().collect()
        }
        Case::Cycle { transactions, .. } => transactions.clone(),
        Case::CyclicVersions { .. }
        | Case::CycleExists { .. }
        | Case::EmptyGraph
        | Case::Timeout { .. } => Vec::new(),
    }
}

/// The list that a read had to return; dots stand for the unknown beginning of a list.
pub(crate) fn expected_list(list: &Value, is_whole: bool) -> Value {
    match list.as_sequence() {
        Some(end) if !is_whole => {
            let dots = Value::Symbol("...".to_owned());
            Value::Vector(iter::once(dots).chain(end.iter().cloned()).collect())
        }
        _ => list.clone(),
    }
}

impl ElleResults<'_> {
    /// The explanation of a case in lines of text, with the transactions called T1, T2 and so on.
    pub(super) fn explain(&self, case: &Case<'_>) -> Vec<String> {
        let line = match (case, self.workload) {
            (Case::AbortedRead(DirtyRead { key, value, .. }), ListAppend) => {
                let (key, value) = (key.json(), value.json());
                format!("T1 appended {value} to key {key} and failed, but T2 read it")
            }
            (Case::AbortedRead(DirtyRead { key, value, .. }), RwRegister) => {
                let (key, value) = (key.json(), value.json());
                format!("T1 set key {key} to {value} and failed, but T2 read it")
            }
            (Case::IntermediateRead(DirtyRead { key, value, .. }), ListAppend) => {
                let (key, value) = (key.json(), value.json());
                format!(
                    "T1 appended {value} to key {key} and more after it, which T2 did not yet read"
                )
            }
            (Case::IntermediateRead(DirtyRead { key, value, .. }), RwRegister) => {
                let (key, value) = (key.json(), value.json());
                format!("T1 set key {key} to {value} and then overwrote it itself, but T2 read it")
            }
            (Case::DirtyUpdate { key, elements, .. }, _) => {
                let (key, elements) = (key.json(), elements.json());
                format!(
                    "T1 failed, but reads of key {key} show {elements}: the element of T1, and \
                     that of T2 after it"
                )
            }
            (Case::DuplicateElements { key, times, .. }, _) => {
                let ((element, times), key) = (times[0], key.json());
                let element = element.json();
                format!(
                    "T1 read key {key} with {element} in it {times} times, but it was appended once"
                )
            }
            (Case::IncompatibleOrder { key, lists: [a, b], place, .. }, _) => {
                let (key, a, b) = (key.json(), a.json(), b.json());
                format!(
                    "T1 read key {key} as {a}, T2 as {b}: lists only grow at their ends, so one \
                     should be a prefix of the other, but they differ from position {place} on"
                )
            }
            (Case::Internal { key, read, expected: list, is_whole, .. }, ListAppend) => {
                let (key, read, expected) =
                    (key.json(), read.json(), expected_list(list, *is_whole));
                let expected = expected.json();
                format!(
                    "after its own earlier operations T1 had to read key {key} as {expected}, but \
                     it read {read}"
                )
            }
            (Case::Internal { key, read, expected, .. }, RwRegister) => {
                let (key, read, expected) = (key.json(), read.json(), expected.json());
                format!(
                    "T1 had itself read or written {expected} for key {key}, but then read {read}"
                )
            }
            (Case::FutureRead { key, element, .. }, _) => {
                let (key, element) = (key.json(), element.json());
                format!("T1 read {element} in key {key} before it appended it")
            }
            (Case::LostUpdate { key, read, transactions }, _) => {
                let (key, read) = (key.json(), read.json());
                let all = match transactions.len() {
                    2 => "both transactions".to_owned(),
                    0..=MAX_UPDATES_NAMED => "all of the transactions".to_owned(),
                    count => format!("these and {} more transactions", count - MAX_UPDATES_NAMED),
                };
                format!(
                    "{all} read key {key} as {read} and then wrote to it, so the later one did not \
                     see the earlier write"
                )
            }
            (Case::CyclicVersions { key, replacements, .. }, _) => {
                let end = "so each of these versions would have to come before itself";
                let lines = replacements.iter().map(|(transaction, [read, written])| {
                    let (index, key) = (transaction.index, key.json());
                    let (read, written) = (read.json(), written.json());
                    format!(
                        "the transaction at index {index} read key {key} as {read} and set it to \
                         {written}, so {read} comes before {written}"
                    )
                });
                return lines.chain([end.to_owned()]).collect();
            }
            (Case::Cycle { steps, .. }, _) => return self.steps(steps),
            (Case::CycleExists { model, transactions, .. }, _) => {
                let count = transactions.len();
                format!("among {count} transactions there are cycles that {model} forbids")
            }
            (Case::EmptyGraph, _) => "no transaction read or wrote what another one wrote".into(),
            (Case::Timeout { sought, transactions }, _) => {
                format!("there may be a {sought} among {transactions} transactions")
            }
        };
        vec![line]
    }
}
