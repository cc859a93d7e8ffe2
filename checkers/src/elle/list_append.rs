//! Transactions that read lists and append to them: Maelstrom's `txn-list-append`.
//!
//! A list that was read shows every version that its key had before, and in which order. So the
//! longest read of a key gives the order of its versions, and all dependencies follow from it:
//! whoever appended an element comes after whoever appended the one before (`ww`), and after all
//! who read a list that ended there (`rw`); whoever read a list comes after whoever appended its
//! last element (`wr`). What nobody read was appended after what somebody did.

mod cases;
mod internal;
#[cfg(test)]
mod tests;
mod versions;

use self::versions::{Index, sorted_reads};
use super::dependencies::{self, Dependencies, Step};
use super::findings::Findings;
use super::graph::Rels;
use super::order::{Triple, number};
use super::transaction::{Mop, Transactions};
use super::{ConsistencyModel, Elle, Workload, warnings};
use crate::{
    edn::{Map, Value},
    history::{History, Kind},
};

/// Judges the operations `txn`, whose values are vectors of `[:r key list]` and `[:append key
/// element]`.
pub fn check(history: &History, models: &[ConsistencyModel]) -> Elle {
    let unknown = |error| Elle::unknown(Workload::ListAppend, models, error);
    let transactions = match Transactions::read(history, "append", true) {
        Ok(transactions) => transactions,
        Err(error) => return unknown(error),
    };
    let mut elle = match analyze(&transactions, models) {
        Ok(findings) => Elle::judge(Workload::ListAppend, models, findings),
        Err(error) => unknown(error),
    };
    elle.warnings = Vec::from_iter(warnings::malformed(&transactions));
    elle.warnings.extend(warnings::foreign_elements(&transactions));
    elle.warnings.extend(warnings::reordered(&transactions));
    elle
}

fn analyze(
    transactions: &Transactions<'_>,
    models: &[ConsistencyModel],
) -> Result<Findings, String> {
    cases::check_unique(transactions)?;
    let mut findings = Findings::default();
    let all = sorted_reads(transactions, transactions.entries.iter());
    cases::dirty_updates(transactions, &all, &mut findings)?;
    cases::aborted_reads(transactions, &mut findings);
    cases::intermediate_reads(transactions, &mut findings);
    internal::contradictions(transactions, &mut findings);
    internal::future_reads(transactions, &mut findings);
    cases::duplicates(transactions, &mut findings);
    super::lost_update::check(transactions, &mut findings);
    let possible = sorted_reads(transactions, transactions.possible().map(|(_, entry)| entry));
    cases::incompatible_orders(transactions, &possible, &mut findings);
    let index = Index::new(transactions, &possible);
    let lists = Lists { transactions, index };
    dependencies::search(transactions, &lists, super::beyond(models), &mut findings);
    Ok(findings)
}

/// Dependencies by lists.
struct Lists<'a, 'h> {
    transactions: &'a Transactions<'h>,
    index: Index,
}

impl Lists<'_, '_> {
    fn mops(&self, vertex: u32) -> &[Mop<'_>] {
        &self.transactions.entries[vertex as usize].mops
    }

    /// What a transaction's append follows: the append before it, and the reads in between.
    fn before_append(&self, mop: &Mop<'_>) -> (Option<u32>, &[u32]) {
        let previous = self.index.previous(mop.key, mop.value);
        let writer = previous.and_then(|element| self.index.writer(mop.key, element));
        (writer, self.index.readers(mop.key, previous))
    }
}

impl Dependencies for Lists<'_, '_> {
    const ORDER: [Rels; 5] = [Rels::WW, Rels::WR, Rels::RW, Rels::PROCESS, Rels::REALTIME];

    fn edges(&self) -> Vec<Triple> {
        let mut edges = Vec::new();
        for (at, entry) in self.transactions.possible() {
            let to = number(at);
            for mop in &entry.mops {
                if mop.writes {
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

    fn explain(&self, from: u32, to: u32, rel: Rels) -> Option<Step> {
        let (before, after) = (self.mops(from), self.mops(to));
        let append = |key, element| {
            before.iter().position(|m| m.writes && m.key == key && m.value == element)
        };
        after.iter().enumerate().find_map(|(at, mop)| {
            let (key, mops) = (mop.key, |first| [first, Some(at)]);
            match rel {
                Rels::WR if !mop.writes => {
                    let last = mop.last()?;
                    let is_writer = self.index.writer(key, last) == Some(from);
                    let mops = mops(append(key, last));
                    is_writer.then_some(Step { rel, key, value: Some(last), next: None, mops })
                }
                Rels::WW if mop.writes => {
                    let value = self.index.previous(key, mop.value)?;
                    let is_writer = self.index.writer(key, value) == Some(from);
                    let mops = mops(append(key, value));
                    let (value, next) = (Some(value), Some(mop.value));
                    is_writer.then_some(Step { rel, key, value, next, mops })
                }
                Rels::RW if mop.writes => {
                    let value = self.index.previous(key, mop.value);
                    let is_reader = self.index.readers(key, value).contains(&from);
                    let read =
                        before.iter().position(|m| !m.writes && m.key == key && m.last() == value);
                    let next = Some(mop.value);
                    is_reader.then_some(Step { rel, key, value, next, mops: mops(read) })
                }
                _ => None,
            }
        })
    }

    fn step_to_edn(&self, step: &Step) -> Value {
        let value = |id| self.transactions.value(id).clone();
        let kind = match step.rel {
            Rels::WW => "ww",
            Rels::WR => "wr",
            _ => "rw",
        };
        let initial = || Value::keyword("elle.list-append/init");
        let mut map = Map::new()
            .with("type", Value::keyword(kind))
            .with("key", value(step.key))
            .with("value", step.value.map_or_else(initial, value));
        if let Some(next) = step.next {
            map = map.with("value'", value(next));
        }
        map.with("a-mop-index", step.mops[0]).with("b-mop-index", step.mops[1]).into()
    }

    fn say(&self, step: &Step, from: &str, to: &str) -> String {
        let value = |id| self.transactions.shown(id);
        let key = value(step.key);
        match (step.value.map(value), step.next.map(value)) {
            (Some(last), None) => {
                format!("{to} read {key} up to {last}, which {from} had appended")
            }
            (Some(last), Some(next)) if step.rel == Rels::WW => {
                let is_seen = step.next.is_some_and(|id| self.index.is_observed(step.key, id));
                let seen = if is_seen {
                    "reads show it right behind"
                } else {
                    "no read shows it, so it is behind"
                };
                format!("{to} appended {next} to {key}: {seen} {last}, which {from} appended")
            }
            (Some(last), Some(next)) => format!(
                "{from} read {key} up to {last} and did not see {next}, which {to} appended"
            ),
            (None, Some(next)) => {
                format!("{from} read {key} as empty and did not see {next}, which {to} appended")
            }
            (None, None) => String::new(),
        }
    }
}

/// Whether an end may count as a read of what it says: a transaction of unknown end has only the
/// nil that was asked with.
fn has_read(kind: Kind, mop: &Mop<'_>) -> bool {
    !mop.writes && (kind != Kind::Info || mop.elements.is_some())
}
