//! The analysis of transactions that read lists and append to them: Maelstrom's `txn-list-append`.
//!
//! A list that was read shows every earlier version of its key, in order. So the longest read of a
//! key gives its version order, and all dependencies follow from that. The writer of an element
//! comes after the writer of the element before it (`ww`), and after all readers of the list that
//! ends there (`rw`). The reader of a list comes after the writer of its last element (`wr`). An
//! element that nobody read was appended after those that somebody read.

mod internal;
mod noncyclic;
#[cfg(test)]
mod tests;
mod versions;

use self::versions::{VersionIndex, sorted_reads};
use super::dependencies::{self, Dependencies};
use super::findings::{CycleStep, Findings};
use super::graph::Rels;
use super::order::{EdgeTriple, vertex_of};
use super::transaction::{InternedId, Mop, TxnHistory};
use super::{ConsistencyModel, ElleResults, TxnWorkload, dirty_reads, lost_update};
use crate::history::{History, Kind};

/// Checks the operations `txn`, whose values are vectors of `[:r key list]` and `[:append key
/// element]`.
pub fn check<'h>(history: &'h History, models: &[ConsistencyModel]) -> ElleResults<'h> {
    ElleResults::judge(TxnWorkload::ListAppend, history, models, |transactions| {
        noncyclic::check_unique_appends(transactions)?;
        let mut findings = Findings::default();
        let all = sorted_reads(transactions, transactions.entries.iter());
        noncyclic::dirty_updates(transactions, &all, &mut findings)?;
        dirty_reads::check(transactions, &mut findings);
        internal::internal_anomalies(transactions, &mut findings);
        internal::future_reads(transactions, &mut findings);
        noncyclic::duplicates(transactions, &mut findings);
        lost_update::check(transactions, &mut findings);
        let possible =
            sorted_reads(transactions, transactions.possibly_committed().map(|(_, entry)| entry));
        noncyclic::incompatible_orders(transactions, &possible, &mut findings);
        let lists =
            ListDependencies { transactions, index: VersionIndex::new(transactions, &possible) };
        dependencies::search(transactions, &lists, models, &mut findings);
        Ok(findings)
    })
}

/// The dependencies that follow from lists.
struct ListDependencies<'a, 'h> {
    transactions: &'a TxnHistory<'h>,
    index: VersionIndex,
}

impl<'h> ListDependencies<'_, 'h> {
    fn mops(&self, vertex: u32) -> &[Mop<'h>] {
        &self.transactions.entries[vertex as usize].mops
    }

    /// The predecessors of an append: the writer of the version before it, and the readers of that
    /// version.
    fn before_append(&self, mop: &Mop<'_>) -> (Option<u32>, &[u32]) {
        let previous = self.index.previous(mop.key, mop.value);
        let writer = previous.and_then(|element| self.index.writer(mop.key, element));
        (writer, self.index.readers(mop.key, previous))
    }
}

impl<'h> Dependencies<'h> for ListDependencies<'_, 'h> {
    const ORDER: [Rels; 5] = [Rels::WW, Rels::WR, Rels::RW, Rels::PROCESS, Rels::REALTIME];

    fn edges(&self) -> Vec<EdgeTriple> {
        let mut edges = Vec::new();
        for (at, entry) in self.transactions.possibly_committed() {
            let to = vertex_of(at);
            for mop in &entry.mops {
                if mop.is_write {
                    let (writer, readers) = self.before_append(mop);
                    edges.extend(writer.map(|from| (from, to, Rels::WW)));
                    edges.extend(readers.iter().map(|from| (*from, to, Rels::RW)));
                } else if let Some(last) = mop.last() {
                    let writer = self.index.writer(mop.key, last);
                    edges.extend(writer.map(|from| (from, to, Rels::WR)));
                }
            }
        }
        edges.retain(|(from, to, _)| from != to);
        edges
    }

    fn explain(&self, from: u32, to: u32, rel: Rels) -> Option<CycleStep<'h>> {
        let (before, after) = (self.mops(from), self.mops(to));
        let value = |id| self.transactions.value(id);
        let place = |is_write: bool, key: InternedId, last: Option<InternedId>| {
            let shown = |m: &Mop<'_>| if is_write { Some(m.value) } else { m.last() };
            before.iter().position(|m| m.is_write == is_write && m.key == key && shown(m) == last)
        };
        after.iter().enumerate().find_map(|(at, mop)| {
            let Mop { is_write, key, value: written, .. } = *mop;
            let last = if is_write { self.index.previous(key, written) } else { mop.last() };
            let is_from = match rel {
                Rels::RW => self.index.readers(key, last).contains(&from),
                _ => self.index.writer(key, last?) == Some(from),
            };
            let mops = [place(rel != Rels::RW, key, last).filter(|_| is_from)?, at];
            let is_observed = self.index.is_observed(key, written);
            let (key, last, next) = (value(key), last.map(value), value(written));
            match (rel, last) {
                (Rels::WR, Some(value)) if !is_write => {
                    Some(CycleStep::WriteRead { key, value, mops })
                }
                (Rels::WW, Some(value)) if is_write => {
                    Some(CycleStep::WriteWrite { key, value, next, is_observed, mops })
                }
                (Rels::RW, value) if is_write => {
                    Some(CycleStep::ReadWrite { key, value, next, mops })
                }
                _ => None,
            }
        })
    }
}

/// True if a micro-operation counts as a read of its value. The reads of an indeterminate
/// transaction have no answer, only the nil of the request.
fn counts_as_read(kind: Kind, mop: &Mop<'_>) -> bool {
    !mop.is_write && (kind != Kind::Info || mop.elements.is_some())
}
