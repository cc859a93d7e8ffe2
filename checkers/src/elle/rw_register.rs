//! The analysis of transactions that read and write registers: Maelstrom's `txn-rw-register`.
//!
//! A register shows one version at a time, so its version order must be inferred. Nil is the
//! initial version. If a transaction read one version before it wrote another, the second comes
//! after the first (*writes follow reads*). The result is a partial order. A transaction comes
//! after the one that wrote what it read (`wr`), after those that wrote a version right before its
//! own (`ww`), and after those that read such a version (`rw`).
//!
//! Nothing is known of two writes without a read. That is why even interleaved writes (G0) are
//! mostly not found. `sessions.rs` gives warnings about them instead.

mod noncyclic;
mod sessions;
#[cfg(test)]
mod tests;
mod versions;

use rustc_hash::FxHashMap;

pub(super) use self::sessions::dirty_writes;
use self::versions::VersionGraph;
use super::dependencies::{self, Dependencies};
use super::findings::{AnalysisError, CycleStep, Findings};
use super::graph::Rels;
use super::order::{EdgeTriple, vertex_of};
use super::transaction::{InternedId, Mop, NIL, TxnHistory, external_reads, external_writes};
use super::{ConsistencyModel, ElleResults, TxnWorkload, dirty_reads, lost_update};
use crate::history::History;

/// Checks the operations `txn`, whose values are vectors of `[:r key value]` and `[:w key value]`.
pub fn check<'h>(history: &'h History, models: &[ConsistencyModel]) -> ElleResults<'h> {
    ElleResults::judge(TxnWorkload::RwRegister, history, models, |transactions| {
        noncyclic::check_key_types(transactions)?;
        let mut findings = Findings::default();
        let registers = RegisterDependencies::new(transactions, &mut findings);
        registers.check_unique()?;
        noncyclic::internal_anomalies(transactions, &mut findings);
        dirty_reads::check(transactions, &mut findings);
        lost_update::check(transactions, &mut findings);
        dependencies::search(transactions, &registers, models, &mut findings);
        Ok(findings)
    })
}

/// The transactions that read or wrote each version, which is a pair of key and value.
type ByVersion = FxHashMap<(InternedId, InternedId), Vec<u32>>;

/// The dependencies that follow from registers.
struct RegisterDependencies<'a, 'h> {
    transactions: &'a TxnHistory<'h>,
    versions: VersionGraph,
    /// The versions that were read, in the order of the history.
    read_versions: Vec<(InternedId, InternedId)>,
    readers: ByVersion,
    writers: ByVersion,
}

impl<'a, 'h> RegisterDependencies<'a, 'h> {
    fn new(
        transactions: &'a TxnHistory<'h>,
        findings: &mut Findings<'h>,
    ) -> RegisterDependencies<'a, 'h> {
        let versions = VersionGraph::new(transactions, findings);
        let (mut read_versions, mut readers, mut writers) =
            (Vec::new(), ByVersion::default(), ByVersion::default());
        for (at, entry) in transactions.committed() {
            for version in external_reads(&entry.mops) {
                let readers = readers.entry(version).or_default();
                if readers.is_empty() {
                    read_versions.push(version);
                }
                readers.push(vertex_of(at));
            }
            for version in external_writes(&entry.mops) {
                writers.entry(version).or_default().push(vertex_of(at));
            }
        }
        RegisterDependencies { transactions, versions, read_versions, readers, writers }
    }

    /// Checks that no version that was read has two writers; otherwise nothing can be inferred.
    fn check_unique(&self) -> Result<(), AnalysisError<'h>> {
        let twice = self.read_versions.iter().find(|version| self.writers(**version).len() > 1);
        let Some((key, value)) = twice else { return Ok(()) };
        let [key, value] = [*key, *value].map(|id| self.transactions.value(id));
        Err(AnalysisError::DuplicateWrite { key, value })
    }

    fn readers(&self, version: (InternedId, InternedId)) -> &[u32] {
        self.readers.get(&version).map_or(&[], Vec::as_slice)
    }

    fn writers(&self, version: (InternedId, InternedId)) -> &[u32] {
        self.writers.get(&version).map_or(&[], Vec::as_slice)
    }

    fn mops(&self, vertex: u32) -> &[Mop<'h>] {
        &self.transactions.entries[vertex as usize].mops
    }
}

impl<'h> Dependencies<'h> for RegisterDependencies<'_, 'h> {
    const ORDER: [Rels; 5] = [Rels::WR, Rels::WW, Rels::RW, Rels::PROCESS, Rels::REALTIME];

    fn edges(&self) -> Vec<EdgeTriple> {
        let mut edges = Vec::new();
        for version in &self.read_versions {
            for from in self.writers(*version) {
                edges.extend(self.readers(*version).iter().map(|to| (*from, *to, Rels::WR)));
            }
        }
        for (key, before, after) in self.versions.edges() {
            for to in self.writers((key, after)) {
                // A self-loop has no relation. It only keeps the graph from being empty.
                let edge = |from, rels| (from, *to, if from == *to { Rels::NONE } else { rels });
                let writers = self.writers((key, before)).iter();
                edges.extend(writers.map(|from| edge(*from, Rels::WW)));
                let readers = self.readers((key, before)).iter();
                edges.extend(readers.map(|from| edge(*from, Rels::RW)));
            }
        }
        edges
    }

    fn explain(&self, from: u32, to: u32, rel: Rels) -> Option<CycleStep<'h>> {
        let (before, after) = (self.mops(from), self.mops(to));
        let place = |mops: &[Mop<'_>], is_write: bool, (key, value): (InternedId, InternedId)| {
            mops.iter().position(|m| m.is_write == is_write && m.key == key && m.value == value)
        };
        let (firsts, seconds) = match rel {
            Rels::WR => (external_writes(before), external_reads(after)),
            Rels::WW => (external_writes(before), external_writes(after)),
            Rels::RW => (external_reads(before), external_writes(after)),
            _ => return None,
        };
        firsts.into_iter().find_map(|first @ (key, value)| {
            let second @ (_, next) = *seconds.iter().find(|(other, _)| *other == key)?;
            let follows = match rel {
                Rels::WR => next == value,
                _ => self.versions.precedes(key, value, next),
            };
            let mops =
                [place(before, rel != Rels::RW, first)?, place(after, rel != Rels::WR, second)?];
            let is_initial = value == NIL;
            let [key, value, next] = [key, value, next].map(|id| self.transactions.value(id));
            follows.then_some(match rel {
                Rels::WR => CycleStep::WriteRead { key, value, mops },
                Rels::WW => CycleStep::WriteWrite { key, value, next, is_observed: true, mops },
                _ => {
                    let value = (!is_initial).then_some(value);
                    CycleStep::ReadWrite { key, value, next, mops }
                }
            })
        })
    }
}
