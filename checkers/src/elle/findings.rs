//! The findings about transactions as plain data, which `results` and `sentences` render.
//!
//! A transaction is represented by its completion in the history, or by its invocation if it never
//! completed. Keys, values and operations are borrowed from the history.

#![expect(missing_docs, reason = "fields are what their names say")]

use std::collections::BTreeMap;

use super::{anomaly::Anomaly, graph::Rels, model::ConsistencyModel};
use crate::edn::Value;
use crate::history::{Op, Process};

/// All anomalies of a history, whether or not the models forbid them.
#[derive(Debug, Default)]
pub(super) struct Findings<'h>(pub(super) BTreeMap<Anomaly, Vec<Case<'h>>>);

impl<'h> Findings<'h> {
    pub(super) fn add(&mut self, anomaly: Anomaly, case: Case<'h>) {
        self.0.entry(anomaly).or_default().push(case);
    }
}

/// One occurrence of an anomaly.
#[derive(Debug, Clone, PartialEq)]
pub enum Case<'h> {
    /// A read of a version that a failed transaction wrote (aborted read, G1a).
    AbortedRead(DirtyRead<'h>),
    /// A read of a version that its writer itself overwrote (intermediate read, G1b).
    IntermediateRead(DirtyRead<'h>),
    /// An append after one that failed; `elements` is what reads show from the failed one on.
    DirtyUpdate { failed: &'h Op, writer: &'h Op, key: &'h Value, elements: Value },
    /// A read that has elements more than once, each with its number of occurrences.
    DuplicateElements {
        reader: &'h Op,
        mop: &'h Value,
        key: &'h Value,
        times: Vec<(&'h Value, usize)>,
    },
    /// Two lists of a key neither of which is a prefix of the other, the first position (from 1) at
    /// which they differ, and the committed transactions that read them.
    IncompatibleOrder { key: &'h Value, lists: [Value; 2], place: usize, readers: Vec<&'h Op> },
    /// A read that contradicts earlier operations of its transaction. Unless `is_whole`, only the
    /// end of the expected list is known.
    Internal {
        transaction: &'h Op,
        mop: &'h Value,
        key: &'h Value,
        read: &'h Value,
        expected: Value,
        is_whole: bool,
    },
    /// A read of an element that its transaction appended only later.
    FutureRead { transaction: &'h Op, mop: &'h Value, key: &'h Value, element: &'h Value },
    /// Transactions that read the same version and then overwrote it.
    LostUpdate { key: &'h Value, read: &'h Value, transactions: Vec<&'h Op> },
    /// A strongly connected component of a key's version graph, sorted, and the transactions that
    /// read one version and then wrote another within it.
    CyclicVersions {
        key: &'h Value,
        versions: Vec<&'h Value>,
        replacements: Vec<(&'h Op, [&'h Value; 2])>,
    },
    /// A cycle in the dependency graph: step `i` leads from transaction `i` to the next, the last
    /// step to the first transaction.
    Cycle { transactions: Vec<&'h Op>, steps: Vec<CycleStep<'h>> },
    /// A component with cycles that a model forbids: of edges with relations in `base`, and if
    /// `extended`, of anti-dependencies between them.
    CycleExists { model: ConsistencyModel, base: Rels, extended: bool, transactions: Vec<&'h Op> },
    /// A dependency graph without edges.
    EmptyGraph,
    /// A search for an anomaly in a component of so many transactions that was given up.
    Timeout { sought: Anomaly, transactions: usize },
}

/// A read of a version that was not committed.
#[derive(Debug, Clone, PartialEq)]
pub struct DirtyRead<'h> {
    pub writer: &'h Op,
    pub reader: &'h Op,
    /// The micro-operation as it is in the history.
    pub mop: &'h Value,
    pub key: &'h Value,
    pub value: &'h Value,
}

/// A step of a cycle: the reason why one transaction comes before the next.
///
/// `mops` are the positions of the micro-operations that show it, in the first and in the second
/// transaction.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum CycleStep<'h> {
    /// The second read what the first wrote (`wr`).
    WriteRead { key: &'h Value, value: &'h Value, mops: [usize; 2] },
    /// The second wrote the version after that of the first (`ww`). For a list, either a read shows
    /// it (`is_observed`), or it follows because nobody read the element.
    WriteWrite {
        key: &'h Value,
        value: &'h Value,
        next: &'h Value,
        is_observed: bool,
        mops: [usize; 2],
    },
    /// The second wrote the version after the one that the first read (`rw`); `None` is the initial
    /// version.
    ReadWrite { key: &'h Value, value: Option<&'h Value>, next: &'h Value, mops: [usize; 2] },
    /// The same process executed both (process order).
    Process(Process),
    /// The first completed before the second was invoked (real-time order).
    Realtime { end: &'h Op, begin: &'h Op },
}

/// The reason why a history cannot be analyzed.
#[derive(Debug, Clone, PartialEq)]
pub enum AnalysisError<'h> {
    /// A transaction that is not a list of micro-operations.
    NotAList(&'h Op),
    /// A micro-operation that is not a triple.
    NotATriple(&'h Op, &'h Value),
    /// A micro-operation that neither reads nor writes.
    UnknownFunction(&'h Op, &'h Value),
    /// A read that returned something other than a list.
    ReadOfNonList(&'h Op, &'h Value),
    /// Two keys of different types, which a database is likely to treat as equal.
    MixedKeyTypes([&'h Value; 2]),
    /// A version with more than one writer, so no dependency follows from it.
    DuplicateWrite { key: &'h Value, value: &'h Value },
    /// A read of an element that nobody appended; `origin` was appended and may have been turned
    /// into it.
    GarbageRead { key: &'h Value, value: &'h Value, origin: Option<&'h Value> },
}
