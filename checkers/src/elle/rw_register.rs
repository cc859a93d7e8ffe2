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

use self::versions::Versions;
use super::dependencies::{self, Dependencies, Step};
use super::findings::Findings;
use super::graph::Rels;
use super::order::{Triple, number};
use super::transaction::{Id, Mop, NIL, Transactions, external_reads, external_writes};
use super::{ConsistencyModel, Elle, Workload, warnings};
use crate::{
    Validity,
    edn::{Map, Value},
    history::History,
};

/// Judges the operations `txn`, whose values are vectors of `[:r key value]` and `[:w key value]`.
pub fn check(history: &History, models: &[ConsistencyModel]) -> Elle {
    let unknown = |error| Elle::unknown(Workload::RwRegister, models, error);
    let transactions = match Transactions::read(history, "w", false) {
        Ok(transactions) => transactions,
        Err(error) => return unknown(error),
    };
    let mut elle = match analyze(&transactions, models) {
        Ok(findings) => Elle::judge(Workload::RwRegister, models, findings),
        Err(error) => unknown(error),
    };
    elle.warnings = Vec::from_iter(warnings::malformed(&transactions));
    elle.warnings.extend(warnings::foreign_values(&transactions));
    if elle.valid == Validity::Valid {
        elle.warnings.extend(sessions::dirty_writes(&transactions));
    }
    elle
}

fn analyze(
    transactions: &Transactions<'_>,
    models: &[ConsistencyModel],
) -> Result<Findings, String> {
    cases::check_keys(transactions)?;
    let mut findings = Findings::default();
    let registers = Registers::new(transactions, &mut findings);
    registers.check_unique()?;
    cases::internal(transactions, &mut findings);
    cases::aborted_reads(transactions, &mut findings);
    cases::intermediate_reads(transactions, &mut findings);
    super::lost_update::check(transactions, &mut findings);
    dependencies::search(transactions, &registers, super::beyond(models), &mut findings);
    Ok(findings)
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
    fn new(transactions: &'a Transactions<'h>, findings: &mut Findings) -> Registers<'a, 'h> {
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

    /// A version that was read must have one writer, or nothing can be inferred; the error is a
    /// sentence.
    fn check_unique(&self) -> Result<(), String> {
        let twice = self.read.iter().find(|version| self.writers(**version).len() > 1);
        let Some((key, value)) = twice else { return Ok(()) };
        let [key, value] = [*key, *value].map(|id| self.transactions.shown(id));
        Err(format!("{value} was written to key {key} by more than one transaction"))
    }

    fn readers(&self, version: (Id, Id)) -> &[u32] {
        self.readers.get(&version).map_or(&[], Vec::as_slice)
    }

    fn writers(&self, version: (Id, Id)) -> &[u32] {
        self.writers.get(&version).map_or(&[], Vec::as_slice)
    }

    fn mops(&self, vertex: u32) -> &[Mop<'_>] {
        &self.transactions.entries[vertex as usize].mops
    }
}

impl Dependencies for Registers<'_, '_> {
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

    fn explain(&self, from: u32, to: u32, rel: Rels) -> Option<Step> {
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
            let second = *seconds.iter().find(|(other, _)| *other == key)?;
            let follows = match rel {
                Rels::WR => second == first,
                _ => self.versions.precedes(key, value, second.1),
            };
            let mops =
                [place(before, rel != Rels::RW, first), place(after, rel != Rels::WR, second)];
            let next = (rel != Rels::WR).then_some(second.1);
            follows.then_some(Step { rel, key, value: Some(value), next, mops })
        })
    }

    fn step_to_edn(&self, step: &Step) -> Value {
        let value = |id| self.transactions.value(id).clone();
        let version = step.value.map(value);
        let map = match step.next {
            None => Map::new()
                .with("type", Value::keyword("wr"))
                .with("key", value(step.key))
                .with("value", version),
            Some(next) => Map::new()
                .with("key", value(step.key))
                .with("value", version)
                .with("value'", value(next))
                .with("type", Value::keyword(if step.rel == Rels::WW { "ww" } else { "rw" })),
        };
        map.with("a-mop-index", step.mops[0]).with("b-mop-index", step.mops[1]).into()
    }

    fn say(&self, step: &Step, from: &str, to: &str) -> String {
        let key = self.transactions.shown(step.key);
        let version = step.value.unwrap_or(NIL);
        let value = self.transactions.shown(version);
        match step.next.map(|next| self.transactions.shown(next)) {
            None => format!("{to} read key {key} as {value}, which {from} had written"),
            Some(next) if step.rel == Rels::WW => format!(
                "{to} set key {key} to {next} after reading {value}, which {from} had written"
            ),
            Some(next) if version == NIL => format!(
                "{from} read key {key} before anything was written to it (as null), and {to} set \
                 it to {next}"
            ),
            Some(next) => {
                format!("{from} read key {key} as {value}, which {to} replaced by {next}")
            }
        }
    }
}
