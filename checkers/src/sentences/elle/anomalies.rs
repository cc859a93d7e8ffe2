//! The meaning of each anomaly, and why something is a case of it.

use std::iter;

use crate::edn::Value;
use crate::elle::Workload::{ListAppend, RwRegister};
use crate::elle::{Anomaly, Case, DirtyRead, Elle};
use crate::history::Op;

/// The most transactions of one lost update that are shown.
const UPDATES: usize = 4;

impl Anomaly {
    /// The anomaly in words; empty for those that are never found by themselves.
    pub(super) fn meaning(self) -> &'static str {
        match self.name().trim_end_matches("-process").trim_end_matches("-realtime") {
            "G0" => "writes of transactions are interleaved (dirty write)",
            "G1a" => "a transaction read what another one wrote that failed (aborted read)",
            "G1b" => {
                "a transaction read what another one wrote and then overwrote itself \
                 (intermediate read)"
            }
            "G1c" => "information flows in a circle",
            "G-single-item" | "G-single" => {
                "a transaction saw one part of what others did and missed another (read skew)"
            }
            "G-nonadjacent-item" | "G-nonadjacent" => {
                "transactions saw one part of what others did and missed another, in a circle"
            }
            "G2-item" | "G2" => "transactions missed each other's writes (write skew)",
            "lost-update" => {
                "transactions read the same version and replaced it, each unseen by the other"
            }
            "internal" => "a transaction contradicts itself",
            "future-read" => "a transaction read what it wrote only later",
            "dirty-update" => "a transaction built upon what another one wrote that failed",
            "duplicate-elements" => "a read has an element more than once",
            "incompatible-order" => "reads of a key contradict each other about its order",
            "cyclic-versions" => "there is no order of a key's versions",
            "empty-transaction-graph" => {
                "no transaction has anything to do with another, so nothing can be said"
            }
            "cycle-search-timeout" => "the search for cycles was given up",
            _ => "",
        }
    }
}

/// The transactions that sentences about a case call T1, T2 and so on.
pub(crate) fn named<'h>(case: &Case<'h>) -> Vec<&'h Op> {
    match case {
        Case::AbortedRead(read) | Case::IntermediateRead(read) => vec![read.writer, read.reader],
        Case::DirtyUpdate { failed, writer, .. } => vec![failed, writer],
        Case::DuplicateElements { reader, .. } => vec![reader],
        Case::IncompatibleOrder { readers, .. } => readers.clone(),
        Case::Internal { transaction, .. } | Case::FutureRead { transaction, .. } => {
            vec![transaction]
        }
        Case::LostUpdate { transactions, .. } => {
            transactions.iter().take(UPDATES).copied().collect()
        }
        Case::Cycle { transactions, .. } => transactions.clone(),
        Case::CyclicVersions { .. }
        | Case::CycleExists { .. }
        | Case::EmptyGraph
        | Case::Timeout { .. } => Vec::new(),
    }
}

/// The list that a read had to return; dots stand for the part of a list that is not known.
pub(crate) fn expected(list: &Value, is_whole: bool) -> Value {
    match list.as_sequence() {
        Some(end) if !is_whole => {
            let dots = Value::Symbol("...".to_owned());
            Value::Vector(iter::once(dots).chain(end.iter().cloned()).collect())
        }
        _ => list.clone(),
    }
}

impl Elle<'_> {
    /// The explanation of a case, in lines that call the transactions by their names.
    pub(super) fn why(&self, case: &Case<'_>) -> Vec<String> {
        let line = match (case, self.workload) {
            (Case::AbortedRead(DirtyRead { key, value, .. }), ListAppend) => {
                let (key, value) = (key.json(), value.json());
                format!("T1 appended {value} to {key} and failed, and yet it was seen by T2")
            }
            (Case::AbortedRead(DirtyRead { key, value, .. }), RwRegister) => {
                let (key, value) = (key.json(), value.json());
                format!("T1 set key {key} to {value} and failed, and yet it was read by T2")
            }
            (Case::IntermediateRead(DirtyRead { key, value, .. }), ListAppend) => {
                let (key, value) = (key.json(), value.json());
                format!(
                    "T1 appended {value} to {key} and more after it, which was not yet seen by T2"
                )
            }
            (Case::IntermediateRead(DirtyRead { key, value, .. }), RwRegister) => {
                let (key, value) = (key.json(), value.json());
                format!(
                    "T1 set key {key} to {value} and then replaced it itself, but it was read by T2"
                )
            }
            (Case::DirtyUpdate { key, elements, .. }, _) => {
                let (key, elements) = (key.json(), elements.json());
                format!(
                    "T1 failed, and yet reads of {key} show {elements}: what T1 appended is there, \
                     and T2 was appended behind it"
                )
            }
            (Case::DuplicateElements { key, times, .. }, _) => {
                let ((element, times), key) = (times[0], key.json());
                let element = element.json();
                format!("T1 read {key} with {element} in it {times} times, which was appended once")
            }
            (Case::IncompatibleOrder { key, lists: [a, b], place, .. }, _) => {
                let (key, a, b) = (key.json(), a.json(), b.json());
                format!(
                    "T1 read {key} as {a}, T2 as {b}: lists only grow at their ends, so one of \
                     these should begin with the other, but they differ from place {place} on"
                )
            }
            (Case::Internal { key, read, expected: list, is_whole, .. }, ListAppend) => {
                let (key, read, expected) = (key.json(), read.json(), expected(list, *is_whole));
                let expected = expected.json();
                format!(
                    "by what T1 itself read and appended before, it had to read {key} as \
                     {expected}, and it read {read}"
                )
            }
            (Case::Internal { key, read, expected, .. }, RwRegister) => {
                let (key, read, expected) = (key.json(), read.json(), expected.json());
                format!(
                    "T1 itself had read or written key {key} as {expected}, and then read it as \
                     {read}"
                )
            }
            (Case::FutureRead { key, element, .. }, _) => {
                let (key, element) = (key.json(), element.json());
                format!("T1 read {element} in {key}, and appended it afterwards")
            }
            (Case::LostUpdate { key, read, transactions }, _) => {
                let (key, read) = (key.json(), read.json());
                let all = match transactions.len() {
                    2 => "both".to_owned(),
                    0..=UPDATES => "all".to_owned(),
                    count => format!("all, and {} more,", count - UPDATES),
                };
                format!(
                    "they {all} read {key} as {read} and then wrote to it, so whichever came later \
                     did not see the earlier one"
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
