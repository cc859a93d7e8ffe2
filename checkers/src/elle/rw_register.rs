//! Transactions that read registers and write them: Maelstrom's `txn-rw-register`.
//!
//! A register shows one version at a time, so the order of its versions must be inferred: nil is
//! the first one, and where a transaction read one version before it wrote another, the latter is
//! taken to come after the former (*writes follow reads*). That is a partial order. A transaction
//! comes after the one that wrote what it read (`wr`), after those that wrote a version right
//! before its own (`ww`), and after those that read such a version (`rw`). Of two writes without a
//! read nothing is known, which is why even interleaved writes (G0) mostly go unseen; what can be
//! said of them is a warning, see `sessions.rs`.

mod cases;
mod sessions;
#[cfg(test)]
mod tests;
mod versions;

use rustc_hash::FxHashMap;

pub(super) use self::sessions::dirty_writes;
use self::versions::Versions;
use super::dependencies::{self, Dependencies};
use super::findings::{Error, Findings, Step};
use super::graph::Rels;
use super::order::{Triple, number};
use super::transaction::{Id, Mop, NIL, Transactions, external_reads, external_writes};
use super::{ConsistencyModel, Elle, Workload, dirty_reads, lost_update};
use crate::history::History;

/// Judges the operations `txn`, whose values are vectors of `[:r key value]` and `[:w key value]`.
pub fn check<'h>(history: &'h History, models: &[ConsistencyModel]) -> Elle<'h> {
    Elle::judge(Workload::RwRegister, history, models, |transactions| {
        cases::check_keys(transactions)?;
        let mut findings = Findings::default();
        let registers = Registers::new(transactions, &mut findings);
        registers.check_unique()?;
        cases::internal(transactions, &mut findings);
        dirty_reads::check(transactions, &mut findings);
        lost_update::check(transactions, &mut findings);
        dependencies::search(transactions, &registers, models, &mut findings);
        Ok(findings)
    })
}

/// Keys with values, and the transactions that did something with those.
type ByVersion = FxHashMap<(Id, Id), Vec<u32>>;

/// Dependencies by registers.
struct Registers<'a, 'h> {
    transactions: &'a Transactions<'h>,
    versions: Versions,
    /// Which versions were read, by whom; in the order of the history.
    read: Vec<(Id, Id)>,
    readers: ByVersion,
    writers: ByVersion,
}

impl<'a, 'h> Registers<'a, 'h> {
    fn new(transactions: &'a Transactions<'h>, findings: &mut Findings<'h>) -> Registers<'a, 'h> {
        let versions = Versions::new(transactions, findings);
        let (mut read, mut readers, mut writers) =
            (Vec::new(), ByVersion::default(), ByVersion::default());
        for (at, entry) in transactions.oks() {
            for version in external_reads(&entry.mops) {
                let readers = readers.entry(version).or_default();
                if readers.is_empty() {
                    read.push(version);
                }
                readers.push(number(at));
            }
            for version in external_writes(&entry.mops) {
                writers.entry(version).or_default().push(number(at));
            }
        }
        Registers { transactions, versions, read, readers, writers }
    }

    /// A version that was read must have one writer, or nothing can be inferred.
    fn check_unique(&self) -> Result<(), Error<'h>> {
        let twice = self.read.iter().find(|version| self.writers(**version).len() > 1);
        let Some((key, value)) = twice else { return Ok(()) };
        let [key, value] = [*key, *value].map(|id| self.transactions.value(id));
        Err(Error::WrittenTwice { key, value })
    }

    fn readers(&self, version: (Id, Id)) -> &[u32] {
        self.readers.get(&version).map_or(&[], Vec::as_slice)
    }

    fn writers(&self, version: (Id, Id)) -> &[u32] {
        self.writers.get(&version).map_or(&[], Vec::as_slice)
    }

    fn mops(&self, vertex: u32) -> &[Mop<'h>] {
        &self.transactions.entries[vertex as usize].mops
    }
}

impl<'h> Dependencies<'h> for Registers<'_, 'h> {
    const ORDER: [Rels; 5] = [Rels::WR, Rels::WW, Rels::RW, Rels::PROCESS, Rels::REALTIME];

    fn edges(&self) -> Vec<Triple> {
        let mut edges = Vec::new();
        for version in &self.read {
            for from in self.writers(*version) {
                edges.extend(self.readers(*version).iter().map(|to| (*from, *to, Rels::WR)));
            }
        }
        for (key, before, after) in self.versions.edges() {
            for to in self.writers((key, after)) {
                // That a transaction is related to itself says no more than that it is there.
                let edge = |from, rels| (from, *to, if from == *to { Rels::NONE } else { rels });
                let writers = self.writers((key, before)).iter();
                edges.extend(writers.map(|from| edge(*from, Rels::WW)));
                let readers = self.readers((key, before)).iter();
                edges.extend(readers.map(|from| edge(*from, Rels::RW)));
            }
        }
        edges
    }

    fn explain(&self, from: u32, to: u32, rel: Rels) -> Option<Step<'h>> {
        let (before, after) = (self.mops(from), self.mops(to));
        let place = |mops: &[Mop<'_>], writes: bool, (key, value): (Id, Id)| {
            mops.iter().position(|m| m.writes == writes && m.key == key && m.value == value)
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
                Rels::WR => Step::WriteRead { key, value, mops },
                Rels::WW => Step::WriteWrite { key, value, next, is_observed: true, mops },
                _ => {
                    let value = (!is_initial).then_some(value);
                    Step::ReadWrite { key, value, next, mops }
                }
            })
        })
    }
}
