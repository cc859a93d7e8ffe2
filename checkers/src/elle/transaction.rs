//! The transactions of a history, with interned keys and values that are fast to compare.
//!
//! Keys and values may be any JSON. Each distinct one gets a number at its first occurrence, and
//! from there on values are equal if their numbers are. A list that was read is also kept as the
//! numbers of its elements.

use std::slice;

use rustc_hash::FxHashMap;

use super::{TxnWorkload, findings::AnalysisError};
use crate::{
    edn::Value,
    history::{History, Kind, Op},
    type_change::TypeChange,
};

/// The number of an interned key or value.
pub(super) type InternedId = u32;

/// A micro-operation (Elle's *mop*): a read or a write of one key.
#[derive(Debug, Clone)]
pub(super) struct Mop<'h> {
    /// True for a write or an append, false for a read.
    pub(super) is_write: bool,
    pub(super) key: InternedId,
    /// The value that was written or read.
    pub(super) value: InternedId,
    /// The elements of a list that was read; `None` for nil, for writes, and without lists.
    pub(super) elements: Option<Vec<InternedId>>,
    /// The micro-operation as it is in the history.
    pub(super) source: &'h Value,
}

impl Mop<'_> {
    /// The last element of the list that was read.
    pub(super) fn last(&self) -> Option<InternedId> {
        self.elements.as_ref()?.last().copied()
    }
}

/// An invocation or a completion of an operation `txn`.
#[derive(Debug, Clone)]
pub(super) struct TxnEntry<'h> {
    pub(super) op: &'h Op,
    /// The type of the operation; `Info` for an invocation without completion, which may have
    /// happened.
    pub(super) kind: Kind,
    /// The invocation, if this is a completion.
    pub(super) invocation: Option<&'h Op>,
    pub(super) mops: Vec<Mop<'h>>,
}

/// All transactions of a history, and the interned keys and values.
#[derive(Debug)]
pub(super) struct TxnHistory<'h> {
    /// The workload, which determines how reads and writes are interpreted.
    pub(super) workload: TxnWorkload,
    /// Invocations and completions, in the order of the history.
    pub(super) entries: Vec<TxnEntry<'h>>,
    values: Vec<&'h Value>,
    ids: FxHashMap<&'h Value, InternedId>,
}

/// The number of nil.
pub(super) const NIL: InternedId = 0;

impl<'h> TxnHistory<'h> {
    /// Reads the transactions of a history.
    pub(super) fn read(
        history: &'h History,
        workload: TxnWorkload,
    ) -> Result<TxnHistory<'h>, AnalysisError<'h>> {
        let (entries, values, ids) = (Vec::new(), Vec::new(), FxHashMap::default());
        let mut transactions = TxnHistory { workload, entries, values, ids };
        transactions.intern(&Value::Nil);
        for op in history.client_ops().filter(|op| op.f == "txn") {
            let mops = transactions.parse_mops(op)?;
            let kind = match op.kind {
                Kind::Invoke if history.completion(op).is_none() => Kind::Info,
                kind => kind,
            };
            let invocation = history.invocation(op);
            transactions.entries.push(TxnEntry { op, kind, invocation, mops });
        }
        Ok(transactions)
    }

    /// The key or value with this number.
    pub(super) fn value(&self, id: InternedId) -> &'h Value {
        self.values[id as usize]
    }

    /// The list of the values with these numbers.
    pub(super) fn list(&self, ids: &[InternedId]) -> Value {
        Value::Vector(ids.iter().map(|id| self.value(*id).clone()).collect())
    }

    /// A known value that may have been turned into this one, such as 3 into `"3"`.
    pub(super) fn origin(
        &self,
        found: InternedId,
        is_known: impl Fn(InternedId) -> bool,
    ) -> Option<&'h Value> {
        let origins = TypeChange::originals(self.value(found)).into_iter();
        let mut origins = origins.filter_map(|(_, origin)| self.ids.get(&origin).copied());
        origins.find(|id| is_known(*id)).map(|id| self.value(id))
    }

    /// The entries that stand for a whole transaction, with their positions: completions, and
    /// invocations without one.
    pub(super) fn outcomes(&self) -> impl Iterator<Item = (usize, &TxnEntry<'h>)> {
        self.entries.iter().enumerate().filter(|(_, entry)| entry.kind != Kind::Invoke)
    }

    /// The transactions that may have committed: all but definite failures.
    pub(super) fn possibly_committed(&self) -> impl Iterator<Item = (usize, &TxnEntry<'h>)> {
        self.outcomes().filter(|(_, entry)| entry.kind != Kind::Fail)
    }

    /// The transactions that committed.
    pub(super) fn committed(&self) -> impl Iterator<Item = (usize, &TxnEntry<'h>)> {
        self.outcomes().filter(|(_, entry)| entry.kind == Kind::Ok)
    }

    /// The reads of transactions that committed.
    pub(super) fn committed_reads(&self) -> impl Iterator<Item = (&TxnEntry<'h>, &Mop<'h>)> {
        let mops =
            self.committed().flat_map(|(_, entry)| entry.mops.iter().map(move |mop| (entry, mop)));
        mops.filter(|(_, mop)| !mop.is_write)
    }

    /// The versions that a read returned: the elements of a list, or the value of a register.
    pub(super) fn versions<'a>(&self, read: &'a Mop<'h>) -> &'a [InternedId] {
        match self.workload {
            TxnWorkload::ListAppend => read.elements.as_deref().unwrap_or_default(),
            TxnWorkload::RwRegister => slice::from_ref(&read.value),
        }
    }

    fn intern(&mut self, value: &'h Value) -> InternedId {
        *self.ids.entry(value).or_insert_with(|| {
            self.values.push(value);
            InternedId::try_from(self.values.len() - 1)
                .expect("a history has less than 2^32 values")
        })
    }

    fn parse_mops(&mut self, op: &'h Op) -> Result<Vec<Mop<'h>>, AnalysisError<'h>> {
        let sources = match &op.value {
            Value::Nil => &[],
            value => value.as_sequence().ok_or(AnalysisError::NotAList(op))?,
        };
        let mut mops = Vec::with_capacity(sources.len());
        for source in sources {
            let (f, key, value) = match source.as_sequence() {
                Some([Value::Keyword(f), key, value, ..]) => (f, key, value),
                Some([Value::Keyword(f), key]) => (f, key, &Value::Nil),
                _ => return Err(AnalysisError::NotATriple(op, source)),
            };
            let is_write = f == self.workload.write_function();
            if !is_write && f != "r" {
                return Err(AnalysisError::UnknownFunction(op, source));
            }
            let elements = match value.as_sequence() {
                _ if is_write || self.workload == TxnWorkload::RwRegister => None,
                Some(elements) => {
                    Some(elements.iter().map(|element| self.intern(element)).collect())
                }
                None if *value == Value::Nil => None,
                None => return Err(AnalysisError::ReadOfNonList(op, source)),
            };
            let (key, value) = (self.intern(key), self.intern(value));
            mops.push(Mop { is_write, key, value, elements, source });
        }
        Ok(mops)
    }
}

/// The external reads of a transaction: the value of each key whose first micro-operation is a
/// read.
pub(super) fn external_reads(mops: &[Mop<'_>]) -> Vec<(InternedId, InternedId)> {
    let mut seen: Vec<InternedId> = Vec::new();
    let mut reads = Vec::new();
    for mop in mops {
        if !seen.contains(&mop.key) {
            seen.push(mop.key);
            if !mop.is_write {
                reads.push((mop.key, mop.value));
            }
        }
    }
    reads
}

/// The external writes of a transaction: the last value it wrote to each key, in the order of the
/// first writes.
pub(super) fn external_writes(mops: &[Mop<'_>]) -> Vec<(InternedId, InternedId)> {
    let mut writes: Vec<(InternedId, InternedId)> = Vec::new();
    for mop in mops.iter().filter(|mop| mop.is_write) {
        match writes.iter_mut().find(|(key, _)| *key == mop.key) {
            Some((_, value)) => *value = mop.value,
            None => writes.push((mop.key, mop.value)),
        }
    }
    writes
}
