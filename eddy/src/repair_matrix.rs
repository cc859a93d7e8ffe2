//! Repair times of a broadcast: the same test under each fault alone, and under several together.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Display};
use std::time::Duration;

use crate::checkers::wording::counted;
use crate::nemesis::{Fault, Strike};
use crate::report::Report;
use crate::test::Test;

/// The end of the faults, and the end of the operations: time for several strikes, and then for
/// several reads of every node. Longer times would make each run slower.
const FAULTS_UNTIL: Duration = Duration::from_secs(8);
const TIME_LIMIT: Duration = Duration::from_secs(13);

/// Extra repair time after kills, since nodes must first find out which values they lack, and after
/// slowdowns, since slow messages are still in flight when the fault ends.
const EXTRA_REPAIR_TIME: Duration = Duration::from_secs(1);

/// Repair times of a broadcast by set of faults. Displays as a table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RepairMatrix(BTreeMap<String, MatrixRow>);

/// Measurements under one set of faults.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct MatrixRow {
    runs: u64,
    /// The number of messages that faults dropped.
    dropped: u64,
    /// Maximum time from the end of the faults until every node had all earlier values.
    repaired: Duration,
}

impl RepairMatrix {
    /// Runs a broadcast under each fault alone, and under several together.
    ///
    /// # Panics
    /// If values are lost, except those that only killed nodes had. If a node lacks a value for
    /// longer than `within` after the end of the faults; after kills and slowdowns, a second
    /// longer. [`Report::assert`] explains these failures. And if no message was dropped, except
    /// under pause, duplicate and slow, which drop none.
    #[track_caller]
    pub fn assert_repaired(
        test: &Test,
        within: Duration,
        run: impl Fn(&Test) -> Report,
    ) -> RepairMatrix {
        let mut matrix = RepairMatrix::default();
        for (number, faults) in fault_sets().into_iter().enumerate() {
            let is_loss = faults == BTreeSet::from([Fault::Loss]);
            let everywhere = Strike::lose(0.2, test.node_ids(), Duration::ZERO, FAULTS_UNTIL);
            let report = run(&Test {
                rate: 50.0,
                time_limit: TIME_LIMIT,
                nemesis_interval: Duration::from_secs(2),
                faults_until: FAULTS_UNTIL,
                faults: if is_loss { BTreeSet::new() } else { faults.clone() },
                strikes: if is_loss { vec![everywhere] } else { Vec::new() },
                ..test.clone()
            });
            let is_allowed = faults.contains(&Fault::Kill) || faults.contains(&Fault::Slow);
            let within = if is_allowed { within + EXTRA_REPAIR_TIME } else { within };
            report.assert(&format!("be repaired {within:?} after the end of faults"), |report| {
                let is_repaired = report
                    .repair
                    .is_none_or(|repair| repair.within <= within && repair.missed == 0);
                is_repaired && report.is_valid_but_for_kills()
            });
            let name = format!("{}. {}", number + 1, set_name(&faults));
            let keeps = [Fault::Pause, Fault::Duplicate, Fault::Slow];
            let is_kept = faults.iter().all(|fault| keeps.contains(fault));
            assert!(is_kept || report.dropped > 0, "{name} dropped no message: {report}");
            let repaired = report.repair.map_or(Duration::ZERO, |repair| repair.within);
            matrix.0.insert(name, MatrixRow { runs: 1, dropped: report.dropped, repaired });
        }
        matrix
    }

    /// Merges the measurements of two matrices.
    #[must_use]
    pub fn merge(mut self, other: RepairMatrix) -> RepairMatrix {
        for (name, row) in other.0 {
            let sum = self.0.entry(name).or_default();
            sum.runs += row.runs;
            sum.dropped += row.dropped;
            sum.repaired = sum.repaired.max(row.repaired);
        }
        self
    }
}

/// Each fault alone, all faults together that need no extra time, and all faults.
fn fault_sets() -> Vec<BTreeSet<Fault>> {
    let harmless = |fault: &Fault| !matches!(fault, Fault::Kill | Fault::Slow);
    let alone = Fault::ALL.map(|fault| BTreeSet::from([fault]));
    let survived = Fault::ALL.into_iter().filter(harmless).collect();
    alone.into_iter().chain([survived, Fault::ALL.into()]).collect()
}

fn set_name(faults: &BTreeSet<Fault>) -> String {
    match faults.len() {
        1 => faults.iter().map(ToString::to_string).collect(),
        all if all == Fault::ALL.len() => "all".to_owned(),
        _ => "all but kill, slow".to_owned(),
    }
}

impl Display for RepairMatrix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, MatrixRow { runs, dropped, repaired }) in &self.0 {
            let (name, millis) = (format!("{name}:"), repaired.as_millis());
            let (runs, messages) = (counted(*runs, "run"), counted(*dropped, "message"));
            write!(f, "  {name:<22} {runs:>9}, {messages:>17} dropped, ")?;
            writeln!(f, "repaired in {millis:>4} ms")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_added_up() {
        let row = |dropped, millis| {
            let row = MatrixRow { runs: 1, dropped, repaired: Duration::from_millis(millis) };
            RepairMatrix([("1. kill".to_owned(), row)].into())
        };
        let sum = row(2, 30).merge(row(3, 20)).merge(RepairMatrix::default());
        let expected =
            "  1. kill:                  2 runs,        5 messages dropped, repaired in   30 ms\n";
        assert_eq!(sum.to_string(), expected);
        let expected =
            "  1. kill:                   1 run,         1 message dropped, repaired in   30 ms\n";
        assert_eq!(row(1, 30).to_string(), expected);
    }

    #[test]
    fn every_fault_has_a_row_and_all_have_one() {
        let names: Vec<String> = fault_sets().iter().map(set_name).collect();
        let expected = "partition|kill|pause|one-way|loss|duplicate|slow|all but kill, slow|all";
        assert_eq!(names.join("|"), expected);
    }
}
