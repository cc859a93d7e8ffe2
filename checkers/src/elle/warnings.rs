//! Warnings about errors that upstream overlooks: replies that do not match their requests, and
//! garbage reads.

#![expect(missing_docs, reason = "fields are what their names say")]

use rustc_hash::{FxHashMap, FxHashSet};

use super::TxnWorkload;
use super::transaction::{InternedId, Mop, NIL, TxnEntry, TxnHistory};
use crate::edn::Value;
use crate::history::Op;

/// An error that upstream overlooks.
#[derive(Debug, Clone, PartialEq)]
pub enum Warning<'h> {
    /// A reply with another number of micro-operations than its request.
    LengthMismatch { reply: &'h Op, requested: usize, replied: usize },
    /// A reply with another micro-operation than its request.
    OperationMismatch { reply: &'h Op, requested: &'h Value, replied: &'h Value },
    /// A read of a value that nobody wrote; `origin` was written and may have been turned into it.
    GarbageRead { reply: &'h Op, key: &'h Value, value: &'h Value, origin: Option<&'h Value> },
    /// Two elements that a read shows in the opposite order of their appends by one transaction.
    /// The dependency graph has no edges within a transaction, so upstream does not see this.
    Reordered { reply: &'h Op, writer: &'h Op, key: &'h Value, elements: [&'h Value; 2] },
    /// A cycle of transactions, each of whose writes some process observed before the next one's.
    DirtyWrites { writers: Vec<&'h Op>, observations: Vec<Observation<'h>> },
}

/// Two versions of a key that a process observed one after the other, in these operations.
#[derive(Debug, Clone, PartialEq)]
pub struct Observation<'h> {
    pub key: &'h Value,
    pub versions: [&'h Value; 2],
    pub ops: [&'h Op; 2],
}

/// The warnings that follow from single replies, grouped by kind.
pub(super) fn check<'h>(transactions: &TxnHistory<'h>) -> Vec<Warning<'h>> {
    [mismatched_replies(transactions), garbage_reads(transactions), reordered(transactions)]
        .concat()
}

/// The replies whose micro-operations differ from those of their requests.
fn mismatched_replies<'h>(transactions: &TxnHistory<'h>) -> Vec<Warning<'h>> {
    let replies = transactions.committed().filter_map(|(_, entry)| {
        let request = entry.invocation?.value.as_sequence()?;
        mismatch(entry.op, request, &entry.mops)
    });
    replies.collect()
}

/// The first difference between a reply and its request, if there is one.
fn mismatch<'h>(reply: &'h Op, request: &'h [Value], answer: &[Mop<'h>]) -> Option<Warning<'h>> {
    if request.len() != answer.len() {
        let (requested, replied) = (request.len(), answer.len());
        return Some(Warning::LengthMismatch { reply, requested, replied });
    }
    request.iter().zip(answer).find_map(|(requested, mop)| {
        let (requested_parts, replied_parts) =
            (requested.as_sequence()?, mop.source.as_sequence()?);
        let compared = if mop.is_write { 3 } else { 2 };
        let same = (0..compared).all(|part| requested_parts.get(part) == replied_parts.get(part));
        (!same).then_some(Warning::OperationMismatch { reply, requested, replied: mop.source })
    })
}

/// The versions that were read and that nobody wrote.
fn garbage_reads<'h>(transactions: &TxnHistory<'h>) -> Vec<Warning<'h>> {
    let mops = transactions.entries.iter().flat_map(|entry| &entry.mops);
    let written: FxHashSet<(InternedId, InternedId)> =
        mops.filter(|mop| mop.is_write).map(|mop| (mop.key, mop.value)).collect();
    let (mut known, mut warnings) = (written.clone(), Vec::new());
    for (entry, mop) in transactions.committed_reads() {
        for version in transactions.versions(mop) {
            let is_initial = *version == NIL && transactions.workload == TxnWorkload::RwRegister;
            if !is_initial && known.insert((mop.key, *version)) {
                let is_written = |id| written.contains(&(mop.key, id));
                let origin = transactions.origin(*version, is_written);
                let [key, value] = [mop.key, *version].map(|id| transactions.value(id));
                warnings.push(Warning::GarbageRead { reply: entry.op, key, value, origin });
            }
        }
    }
    warnings
}

/// The reads that show two appends of one transaction in the wrong order.
fn reordered<'h>(transactions: &TxnHistory<'h>) -> Vec<Warning<'h>> {
    let mut appends: FxHashMap<(InternedId, InternedId), (&TxnEntry<'h>, usize)> =
        FxHashMap::default();
    for (_, entry) in transactions.possibly_committed() {
        for (place, mop) in entry.mops.iter().enumerate().filter(|(_, mop)| mop.is_write) {
            appends.insert((mop.key, mop.value), (entry, place));
        }
    }
    let (mut known, mut warnings) = (FxHashSet::default(), Vec::new());
    for (entry, mop) in transactions.committed_reads() {
        for pair in mop.elements.iter().flat_map(|elements| elements.windows(2)) {
            let [a, b] = [pair[0], pair[1]];
            let places = appends.get(&(mop.key, a)).zip(appends.get(&(mop.key, b)));
            let Some(((writer, first), (other, second))) = places else { continue };
            let is_reordered = writer.op.index == other.op.index && second < first;
            if is_reordered && known.insert((mop.key, a, b)) {
                let [key, a, b] = [mop.key, a, b].map(|id| transactions.value(id));
                let (reply, writer) = (entry.op, writer.op);
                warnings.push(Warning::Reordered { reply, writer, key, elements: [a, b] });
            }
        }
    }
    warnings
}
