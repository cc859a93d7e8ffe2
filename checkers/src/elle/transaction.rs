//! What clients asked of the database and heard from it, in a form that is quick to compare.
//!
//! Keys and values may be any JSON, so each is given a number when it is first met; from there on
//! equality is that of numbers. A list that was read is kept as the numbers of its elements, too.

use std::slice;

use rustc_hash::FxHashMap;

use super::{Workload, findings::Error};
use crate::{
    disguise::Disguise,
    edn::Value,
    history::{History, Kind, Op},
};

/// The number of a key or a value.
pub(super) type Id = u32;

/// A read or a write of one key.
#[derive(Debug, Clone)]
pub(super) struct Mop<'h> {
    /// Whether it writes (or appends) and does not read.
    pub(super) writes: bool,
    /// Which key.
    pub(super) key: Id,
    /// What was written or read.
    pub(super) value: Id,
    /// The elements of a list that was read; `None` for nil, for writes, and without lists.
    pub(super) elements: Option<Vec<Id>>,
    /// How it stands in the history.
    pub(super) source: &'h Value,
}

impl Mop<'_> {
    /// The last element of the list that was read.
    pub(super) fn last(&self) -> Option<Id> {
        self.elements.as_ref()?.last().copied()
    }
}

/// One end of an operation `txn`.
#[derive(Debug, Clone)]
pub(super) struct Entry<'h> {
    /// The operation.
    pub(super) op: &'h Op,
    /// How it ended; an operation that never did is one that may have happened.
    pub(super) kind: Kind,
    /// Its beginning, if this is an end.
    pub(super) invocation: Option<&'h Op>,
    /// What it did.
    pub(super) mops: Vec<Mop<'h>>,
}

/// All transactions of a history, and what the numbers stand for.
#[derive(Debug)]
pub(super) struct Transactions<'h> {
    /// The kind of values that they read and write.
    pub(super) workload: Workload,
    /// Beginnings and ends, in the order of the history.
    pub(super) entries: Vec<Entry<'h>>,
    values: Vec<&'h Value>,
    ids: FxHashMap<&'h Value, Id>,
}

/// What the number of nil is.
pub(super) const NIL: Id = 0;

impl<'h> Transactions<'h> {
    /// Reads the transactions of a history.
    pub(super) fn read(
        history: &'h History,
        workload: Workload,
    ) -> Result<Transactions<'h>, Error<'h>> {
        let (entries, values, ids) = (Vec::new(), Vec::new(), FxHashMap::default());
        let mut transactions = Transactions { workload, entries, values, ids };
        transactions.id(&Value::Nil);
        for op in history.clients().filter(|op| op.f == "txn") {
            let mops = transactions.mops(op)?;
            let kind = match op.kind {
                Kind::Invoke if history.completion(op).is_none() => Kind::Info,
                kind => kind,
            };
            let invocation = history.invocation(op);
            transactions.entries.push(Entry { op, kind, invocation, mops });
        }
        Ok(transactions)
    }

    /// What a number stands for.
    pub(super) fn value(&self, id: Id) -> &'h Value {
        self.values[id as usize]
    }

    /// The list that these numbers stand for.
    pub(super) fn list(&self, ids: &[Id]) -> Value {
        Value::Vector(ids.iter().map(|id| self.value(*id).clone()).collect())
    }

    /// The value that may have become this one, if there is one that is known: 3 for `"3"`.
    pub(super) fn origin(&self, found: Id, is_known: impl Fn(Id) -> bool) -> Option<&'h Value> {
        let origins = Disguise::origins(self.value(found)).into_iter();
        let mut origins = origins.filter_map(|(_, origin)| self.ids.get(&origin).copied());
        origins.find(|id| is_known(*id)).map(|id| self.value(id))
    }

    /// The ends, with their places among the entries.
    pub(super) fn ends(&self) -> impl Iterator<Item = (usize, &Entry<'h>)> {
        self.entries.iter().enumerate().filter(|(_, entry)| entry.kind != Kind::Invoke)
    }

    /// The ends of what may have had effects: all but definite failures.
    pub(super) fn possible(&self) -> impl Iterator<Item = (usize, &Entry<'h>)> {
        self.ends().filter(|(_, entry)| entry.kind != Kind::Fail)
    }

    /// The ends of what certainly happened.
    pub(super) fn oks(&self) -> impl Iterator<Item = (usize, &Entry<'h>)> {
        self.ends().filter(|(_, entry)| entry.kind == Kind::Ok)
    }

    /// Everything that was certainly read.
    pub(super) fn reads(&self) -> impl Iterator<Item = (&Entry<'h>, &Mop<'h>)> {
        let mops = self.oks().flat_map(|(_, entry)| entry.mops.iter().map(move |mop| (entry, mop)));
        mops.filter(|(_, mop)| !mop.writes)
    }

    /// The versions that a read shows: the elements of a list, or the value of a register.
    pub(super) fn versions<'a>(&self, read: &'a Mop<'h>) -> &'a [Id] {
        match self.workload {
            Workload::ListAppend => read.elements.as_deref().unwrap_or_default(),
            Workload::RwRegister => slice::from_ref(&read.value),
        }
    }

    fn id(&mut self, value: &'h Value) -> Id {
        *self.ids.entry(value).or_insert_with(|| {
            self.values.push(value);
            Id::try_from(self.values.len() - 1).expect("a history has less than 2^32 values")
        })
    }

    fn mops(&mut self, op: &'h Op) -> Result<Vec<Mop<'h>>, Error<'h>> {
        let sources = match &op.value {
            Value::Nil => &[],
            value => value.as_sequence().ok_or(Error::NoList(op))?,
        };
        let mut mops = Vec::with_capacity(sources.len());
        for source in sources {
            let (f, key, value) = match source.as_sequence() {
                Some([Value::Keyword(f), key, value, ..]) => (f, key, value),
                Some([Value::Keyword(f), key]) => (f, key, &Value::Nil),
                _ => return Err(Error::NoTriple(op, source)),
            };
            let writes = f == self.workload.write();
            if !writes && f != "r" {
                return Err(Error::UnknownFunction(op, source));
            }
            let elements = match value.as_sequence() {
                _ if writes || self.workload == Workload::RwRegister => None,
                Some(elements) => Some(elements.iter().map(|element| self.id(element)).collect()),
                None if *value == Value::Nil => None,
                None => return Err(Error::NoListRead(op, source)),
            };
            let (key, value) = (self.id(key), self.id(value));
            mops.push(Mop { writes, key, value, elements, source });
        }
        Ok(mops)
    }
}

/// What a transaction read of each key before it wrote the key or read it again, in order.
pub(super) fn external_reads(mops: &[Mop<'_>]) -> Vec<(Id, Id)> {
    let mut seen: Vec<Id> = Vec::new();
    let mut reads = Vec::new();
    for mop in mops {
        if !seen.contains(&mop.key) {
            seen.push(mop.key);
            if !mop.writes {
                reads.push((mop.key, mop.value));
            }
        }
    }
    reads
}

/// The last value that a transaction wrote of each key, in the order of the first writes.
pub(super) fn external_writes(mops: &[Mop<'_>]) -> Vec<(Id, Id)> {
    let mut writes: Vec<(Id, Id)> = Vec::new();
    for mop in mops.iter().filter(|mop| mop.writes) {
        match writes.iter_mut().find(|(key, _)| *key == mop.key) {
            Some((_, value)) => *value = mop.value,
            None => writes.push((mop.key, mop.value)),
        }
    }
    writes
}
