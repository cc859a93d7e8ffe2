//! What upstream overlooks: replies to something that nobody asked, and values from nowhere.

use rustc_hash::{FxHashMap, FxHashSet};

use super::super::disguise;
use super::super::sentence::{counted, folded};
use super::transaction::{Entry, Id, Mop, NIL, Transactions};
use crate::edn::Value;

/// A sentence about the replies whose operations are not those of its request.
pub(super) fn malformed(transactions: &Transactions<'_>) -> Option<String> {
    let sentences = transactions.oks().filter_map(|(_, entry)| {
        let request = entry.invocation?.value.as_sequence()?;
        let fault = fault(request, &entry.mops)?;
        Some(format!("{} {fault}", told(entry)))
    });
    folded(sentences, "replies that do not match their requests")
}

/// What is wrong with an answer to a request, if anything is.
fn fault(request: &[Value], answer: &[Mop<'_>]) -> Option<String> {
    if request.len() != answer.len() {
        let (asked, told) = (request.len(), counted(answer.len() as u64, "operation"));
        return Some(format!("has {told}, and its request had {asked}"));
    }
    request.iter().zip(answer).find_map(|(asked, mop)| {
        let (asked_parts, told_parts) = (asked.as_sequence()?, mop.source.as_sequence()?);
        let compared = if mop.writes { 3 } else { 2 };
        let same = (0..compared).all(|part| asked_parts.get(part) == told_parts.get(part));
        (!same)
            .then(|| format!("has {}, where its request had {}", mop.source.json(), asked.json()))
    })
}

/// A sentence about the elements that were read and that nobody appended.
pub(super) fn foreign_elements(transactions: &Transactions<'_>) -> Option<String> {
    foreign(transactions, |mop| mop.elements.clone().unwrap_or_default(), "appended")
}

/// A sentence about the reads that show two appends of one transaction in the wrong order: graphs
/// of transactions have no place for what happens within one.
pub(super) fn reordered(transactions: &Transactions<'_>) -> Option<String> {
    let mut appends: FxHashMap<(Id, Id), (&Entry<'_>, usize)> = FxHashMap::default();
    for (_, entry) in transactions.possible() {
        for (place, mop) in entry.mops.iter().enumerate().filter(|(_, mop)| mop.writes) {
            appends.insert((mop.key, mop.value), (entry, place));
        }
    }
    let mut known = FxHashSet::default();
    let mut sentences = Vec::new();
    for (_, entry) in transactions.oks() {
        for mop in &entry.mops {
            for pair in mop.elements.iter().flat_map(|elements| elements.windows(2)) {
                let [a, b] = [pair[0], pair[1]];
                let places = appends.get(&(mop.key, a)).zip(appends.get(&(mop.key, b)));
                let Some(((writer, first), (other, second))) = places else { continue };
                let is_reordered = writer.op.index == other.op.index && second < first;
                if is_reordered && known.insert((mop.key, a, b)) {
                    let [key, a, b] = [mop.key, a, b].map(|id| transactions.shown(id));
                    let (told, index) = (told(entry), writer.op.index);
                    sentences.push(format!(
                        "{told} has {a} before {b} in {key}, but the transaction at index {index} \
                         appended {b} first"
                    ));
                }
            }
        }
    }
    folded(sentences.into_iter(), "appends that changed places")
}

/// A sentence about the values that were read and that nobody wrote.
pub(super) fn foreign_values(transactions: &Transactions<'_>) -> Option<String> {
    let read = |mop: &Mop<'_>| Vec::from_iter((mop.value != NIL).then_some(mop.value));
    foreign(transactions, read, "wrote")
}

fn foreign(
    transactions: &Transactions<'_>,
    read: impl Fn(&Mop<'_>) -> Vec<Id>,
    verb: &str,
) -> Option<String> {
    let mops = transactions.entries.iter().flat_map(|entry| &entry.mops);
    let mut known: FxHashSet<(Id, Id)> =
        mops.filter(|mop| mop.writes).map(|mop| (mop.key, mop.value)).collect();
    let written = known.clone();
    let mut sentences = Vec::new();
    for (_, entry) in transactions.oks() {
        for mop in entry.mops.iter().filter(|mop| !mop.writes) {
            for value in read(mop) {
                if known.insert((mop.key, value)) {
                    let is_known = |value: &Value| {
                        let value = transactions.known(value);
                        value.is_some_and(|value| written.contains(&(mop.key, value)))
                    };
                    let [key, value] = [mop.key, value].map(|id| transactions.value(id));
                    let hint = disguise::hint(value, is_known);
                    let (key, value) = (key.json(), value.json());
                    let what = format!("has {value} for key {key}, which nobody {verb}{hint}");
                    sentences.push(format!("{} {what}", told(entry)));
                }
            }
        }
    }
    folded(sentences.into_iter(), &format!("values that nobody {verb}"))
}

fn told(entry: &Entry<'_>) -> String {
    format!("the reply to process {} at index {}", entry.op.process, entry.op.index)
}
