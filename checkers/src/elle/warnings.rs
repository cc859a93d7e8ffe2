//! Warnings about what upstream overlooks: replies to something else, and values from nowhere.

#![expect(missing_docs, reason = "fields are what their names say")]

use rustc_hash::{FxHashMap, FxHashSet};

use super::Workload;
use super::transaction::{Entry, Id, Mop, NIL, Transactions};
use crate::edn::Value;
use crate::history::Op;

/// Something wrong that upstream overlooks.
#[derive(Debug, Clone, PartialEq)]
pub enum Warning<'h> {
    /// A reply that has another number of operations than its request.
    OtherLength { reply: &'h Op, asked: usize, told: usize },
    /// A reply that has another operation than its request.
    OtherOperation { reply: &'h Op, asked: &'h Value, told: &'h Value },
    /// A value that was read and that nobody wrote; `origin` was written and may have become that.
    Foreign { reply: &'h Op, key: &'h Value, value: &'h Value, origin: Option<&'h Value> },
    /// Two elements that a read has in this order, and the writer appended in the other. Graphs of
    /// transactions have no place for what happens within one.
    Reordered { reply: &'h Op, writer: &'h Op, key: &'h Value, elements: [&'h Value; 2] },
    /// Transactions whose writes were seen in a circle.
    DirtyWrites { writers: Vec<&'h Op>, sights: Vec<Sight<'h>> },
}

/// Two versions of a key that a process saw one after the other, in these operations.
#[derive(Debug, Clone, PartialEq)]
pub struct Sight<'h> {
    pub key: &'h Value,
    pub versions: [&'h Value; 2],
    pub ops: [&'h Op; 2],
}

/// All that single replies show; those of a kind stand together.
pub(super) fn check<'h>(transactions: &Transactions<'h>) -> Vec<Warning<'h>> {
    [malformed(transactions), foreign(transactions), reordered(transactions)].concat()
}

/// Replies whose operations are not those of their requests.
fn malformed<'h>(transactions: &Transactions<'h>) -> Vec<Warning<'h>> {
    let replies = transactions.oks().filter_map(|(_, entry)| {
        let request = entry.invocation?.value.as_sequence()?;
        fault(entry.op, request, &entry.mops)
    });
    replies.collect()
}

/// What is wrong with an answer to a request, if anything is.
fn fault<'h>(reply: &'h Op, request: &'h [Value], answer: &[Mop<'h>]) -> Option<Warning<'h>> {
    if request.len() != answer.len() {
        let (asked, told) = (request.len(), answer.len());
        return Some(Warning::OtherLength { reply, asked, told });
    }
    request.iter().zip(answer).find_map(|(asked, mop)| {
        let (asked_parts, told_parts) = (asked.as_sequence()?, mop.source.as_sequence()?);
        let compared = if mop.writes { 3 } else { 2 };
        let same = (0..compared).all(|part| asked_parts.get(part) == told_parts.get(part));
        (!same).then_some(Warning::OtherOperation { reply, asked, told: mop.source })
    })
}

/// Versions that were read and that nobody wrote.
fn foreign<'h>(transactions: &Transactions<'h>) -> Vec<Warning<'h>> {
    let mops = transactions.entries.iter().flat_map(|entry| &entry.mops);
    let written: FxHashSet<(Id, Id)> =
        mops.filter(|mop| mop.writes).map(|mop| (mop.key, mop.value)).collect();
    let (mut known, mut warnings) = (written.clone(), Vec::new());
    for (entry, mop) in transactions.reads() {
        for version in transactions.versions(mop) {
            let is_initial = *version == NIL && transactions.workload == Workload::RwRegister;
            if !is_initial && known.insert((mop.key, *version)) {
                let is_written = |id| written.contains(&(mop.key, id));
                let origin = transactions.origin(*version, is_written);
                let [key, value] = [mop.key, *version].map(|id| transactions.value(id));
                warnings.push(Warning::Foreign { reply: entry.op, key, value, origin });
            }
        }
    }
    warnings
}

/// Reads that show two appends of one transaction in the wrong order.
fn reordered<'h>(transactions: &Transactions<'h>) -> Vec<Warning<'h>> {
    let mut appends: FxHashMap<(Id, Id), (&Entry<'h>, usize)> = FxHashMap::default();
    for (_, entry) in transactions.possible() {
        for (place, mop) in entry.mops.iter().enumerate().filter(|(_, mop)| mop.writes) {
            appends.insert((mop.key, mop.value), (entry, place));
        }
    }
    let (mut known, mut warnings) = (FxHashSet::default(), Vec::new());
    for (entry, mop) in transactions.reads() {
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
