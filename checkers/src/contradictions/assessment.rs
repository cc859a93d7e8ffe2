//! Contradictions that do not depend on the workload: operations that should have succeeded.

use crate::assessment::Assessment;
use crate::availability::Availability;
use crate::contradiction::{Contradiction, MAX_CONTRADICTIONS, round_robin};
use crate::history::{History, Kind, Op};
use crate::liveness::Liveness;
use crate::sentences::{assessment::failed_last_operation, stats::no_success};
use crate::stats::Stats;
use crate::wording::{MAX_NAMED, time};
use crate::{Placement, Validity};

impl Assessment {
    /// The contradictions of the workload; if it has none, the operations because of which the
    /// history is not valid.
    pub fn contradictions(
        &self,
        history: &History,
        placement: &Placement<'_>,
    ) -> Vec<Contradiction> {
        if !self.verdict.contradictions.is_empty() {
            return self.verdict.contradictions.clone();
        }
        let dead = self.judged_liveness();
        let dead = dead.map(|liveness| liveness.contradictions(history, placement));
        round_robin(vec![
            self.stats.contradictions(history, placement),
            dead.unwrap_or_default(),
            self.availability.contradiction(history).into_iter().collect(),
        ])
    }
}

impl Stats {
    /// For each function of which no operation succeeded, its first operations.
    pub fn contradictions(
        &self,
        history: &History,
        placement: &Placement<'_>,
    ) -> Vec<Contradiction> {
        let failures = self.without_success(placement).map(|responses| {
            let ends =
                history.client_ops().filter(|op| op.kind != Kind::Invoke && op.f == responses.f);
            let first: Vec<&Op> = ends.take(MAX_NAMED).collect();
            let when = first.first().map(|op| format!("; the first of them ended at {}", time(op)));
            let what = no_success(&responses) + &when.unwrap_or_default();
            Contradiction::between(history, what, first)
        });
        failures.collect()
    }
}

impl Liveness {
    /// The last operations that failed, one by one.
    pub fn contradictions(
        &self,
        history: &History,
        placement: &Placement<'_>,
    ) -> Vec<Contradiction> {
        let failed = self.failed.iter().take(MAX_CONTRADICTIONS).map(|op| {
            let what = failed_last_operation(placement, op, history.completion(op));
            Contradiction::between(history, what, [op])
        });
        failed.collect()
    }
}

impl Availability {
    /// The first operations that did not succeed, if the goal is not met.
    pub fn contradiction(&self, history: &History) -> Option<Contradiction> {
        let end = |op| history.completion(op).unwrap_or(op);
        let begun = history.ops().iter().filter(|op| op.kind == Kind::Invoke);
        let mut without_success = begun.filter(|op| end(op).kind != Kind::Ok);
        let named: Vec<&Op> = without_success.by_ref().take(MAX_NAMED).collect();
        let first = named.first().filter(|_| self.valid != Validity::Valid)?;
        let what = self.without_success(named.len() + without_success.count(), first, end(first));
        Some(Contradiction::between(history, what, named))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::availability::{self, Goal};
    use crate::testing::history;
    use crate::{liveness, stats};

    #[test]
    fn the_first_operations_of_a_function_that_never_succeeded_are_named() {
        let adds = (0..20).map(|i| format!("{i} invoke add {i}\n{i} info add {i}\n"));
        let history = history(&(adds.collect::<String>() + "0 invoke read nil\n0 ok read []"));
        let contradictions = stats::check(&history)
            .contradictions(&history, &Placement { nodes: &[], concurrency: 0 });
        let [adds] = &contradictions[..] else { panic!("{contradictions:?}") };
        let what = "none of 20 adds succeeded: 20 ended without an error; the first of them ended \
                    at 0.010 s";
        assert_eq!((&*adds.description, &adds.operations), (what, &(0..16).collect()));
    }

    #[test]
    fn a_last_operation_that_did_not_succeed_contradicts_that_no_fault_is_left() {
        let op = |index: usize, process: u64, kind: &str, error: &str| {
            format!(
                "{{:index {index}, :time {index}000000000, :type :{kind}, :process {process}, :f \
                 :read, :value nil, :final? true{error}}}\n"
            )
        };
        let ops = [
            op(0, 0, "invoke", ""),
            op(1, 1, "invoke", ""),
            op(2, 2, "invoke", ""),
            op(3, 3, "invoke", ""),
            op(4, 1, "info", ", :error :net-timeout"),
            op(5, 2, "fail", ", :error [:temporarily-unavailable \"no leader\"]"),
            op(6, 3, "ok", ""),
        ];
        let nodes = ["n0", "n1"].map(String::from);
        let placement = Placement { nodes: &nodes, concurrency: 4 };
        let history = History::read_edn(&ops.concat()).unwrap();
        let found = liveness::check(&history, &placement).contradictions(&history, &placement);
        let asked = |node: &str, process: u64| {
            format!(
                "all faults had ended, but the last read that {node} was asked for, by process \
                 {process} at {process}.000 s,"
            )
        };
        let expected = [
            (format!("{} never ended", asked("n0", 0)), vec![0]),
            (format!("{} was not answered: timed out", asked("n1", 1)), vec![1, 4]),
            (
                format!(
                    "{} was refused: error 11, temporarily unavailable: \"no leader\"",
                    asked("n0", 2)
                ),
                vec![2, 5],
            ),
        ];
        let found: Vec<_> =
            found.into_iter().map(|found| (found.description, found.operations)).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn the_first_operations_that_did_not_succeed_are_named() {
        let history = history(
            "0 invoke read nil\n0 ok read 1\n0 invoke read nil\n0 fail read nil
             0 invoke read nil\n0 ok read nil\n0 invoke add 1",
        );
        let found = |goal| availability::check(&history, goal).contradiction(&history);
        assert_eq!(found(Goal::Fraction(0.5)), None);
        let found = found(Goal::Total).unwrap();
        let what = "2 operations of 4 did not succeed; the first was read by process 0, begun at \
                    0.020 s";
        assert_eq!((&*found.description, &found.operations[..]), (what, &[2, 3, 6][..]));
    }
}
