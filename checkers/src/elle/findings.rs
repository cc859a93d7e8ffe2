//! Findings about transactions as plain data, which the renderers put into words and maps.
//!
//! A transaction is the entry of its end in the history, or of its beginning if it never ended.
//! Keys, values and operations are the history's own.

#![expect(missing_docs, reason = "fields are what their names say")]

use std::collections::BTreeMap;

use super::{anomaly::Anomaly, graph::Rels, model::ConsistencyModel};
use crate::edn::Value;
use crate::history::{Op, Process};

/// All anomalies of a history, whether or not anybody minds.
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
    /// A read of what a failed transaction wrote (G1a).
    AbortedRead(DirtyRead<'h>),
    /// A read of what its writer itself replaced (G1b).
    IntermediateRead(DirtyRead<'h>),
    /// An append behind one that failed; `elements` are what reads show from that one on.
    DirtyUpdate { failed: &'h Op, writer: &'h Op, key: &'h Value, elements: Value },
    /// A read that has elements more than once, each with how often.
    DuplicateElements {
        reader: &'h Op,
        mop: &'h Value,
        key: &'h Value,
        times: Vec<(&'h Value, usize)>,
    },
    /// Two lists of a key that differ from a place on, the first of which has number 1, and those
    /// who certainly read them.
    IncompatibleOrder { key: &'h Value, lists: [Value; 2], place: usize, readers: Vec<&'h Op> },
    /// A read that differs from what the transaction itself did before. Unless `is_whole`, only the
    /// end of the list is known that was to be expected.
    Internal {
        transaction: &'h Op,
        mop: &'h Value,
        key: &'h Value,
        read: &'h Value,
        expected: Value,
        is_whole: bool,
    },
    /// A read of what the transaction itself appended only later.
    FutureRead { transaction: &'h Op, mop: &'h Value, key: &'h Value, element: &'h Value },
    /// Transactions that read the same version and then replaced it.
    LostUpdate { key: &'h Value, read: &'h Value, transactions: Vec<&'h Op> },
    /// Versions of a key, sorted, each of which comes before itself by transactions that read the
    /// first of two versions and then wrote the second.
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
    /// No transaction is related to another.
    EmptyGraph,
    /// A search among so many transactions that was given up.
    Timeout { sought: Anomaly, transactions: usize },
}

/// A read of a version that should not have been seen.
#[derive(Debug, Clone, PartialEq)]
pub struct DirtyRead<'h> {
    pub writer: &'h Op,
    pub reader: &'h Op,
    /// The read as it stands in the history.
    pub mop: &'h Value,
    pub key: &'h Value,
    pub value: &'h Value,
}

/// The reason why one transaction comes before another.
///
/// `mops` are the places of the operations that show it, in the one and in the other.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum CycleStep<'h> {
    /// The second read what the first wrote (`wr`).
    WriteRead { key: &'h Value, value: &'h Value, mops: [usize; 2] },
    /// The other one wrote the version after that of the one (`ww`). Of a list that is either
    /// observed, or follows from nobody having read the element.
    WriteWrite {
        key: &'h Value,
        value: &'h Value,
        next: &'h Value,
        is_observed: bool,
        mops: [usize; 2],
    },
    /// The other one wrote the version after that which the one had read (`rw`); `None` is the
    /// initial one.
    ReadWrite { key: &'h Value, value: Option<&'h Value>, next: &'h Value, mops: [usize; 2] },
    /// The same process did both.
    Process(Process),
    /// The one had ended here before the other one began there.
    Realtime { end: &'h Op, begin: &'h Op },
}

/// The reason why nothing can be said about any transaction.
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
