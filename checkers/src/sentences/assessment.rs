//! Sentences that do not depend on the workload, and the order of all sentences about a test.

use std::fmt::{self, Display};

use crate::assessment::{Assessment, ProtocolWarnings, Validities, Warnings};
use crate::availability::Availability;
use crate::evidence::{Evidence, NoEvidence, OperationCounts};
use crate::exceptions::{self, ExceptionClass, Exceptions};
use crate::history::{Kind, Op};
use crate::liveness::Liveness;
use crate::repair::{Repair, milliseconds};
use crate::verdict::Doubt;
use crate::wording::{counted, error_clause, first_few, time};
use crate::{Placement, Validity, Verdict};

impl Assessment {
    /// The reasons why it is not valid.
    pub fn reasons(&self, placement: &Placement<'_>) -> Vec<String> {
        let dead = self.judged_liveness().map(|liveness| liveness.reasons(placement));
        let reasons = self.failure.iter().cloned().chain(self.stats.reasons(placement));
        let reasons = reasons.chain(self.availability.reason()).chain(reason(&self.verdict));
        reasons.chain(dead.unwrap_or_default()).collect()
    }

    /// Warnings that Maelstrom does not give, the most informative first: protocol errors of nodes,
    /// as the test saw them; then those of the history; then `others`, which do not come from
    /// checkers.
    pub fn warnings(
        &self,
        placement: &Placement<'_>,
        mistakes: ProtocolWarnings,
        others: impl IntoIterator<Item = String>,
    ) -> Warnings {
        let decisive = self.decisive(&mistakes);
        let dead =
            if self.is_liveness_judged { Vec::new() } else { self.liveness.reasons(placement) };
        // A valid verdict without evidence needs this warning; an unknown one has said why.
        let lack = self.no_evidence.iter().filter(|_| self.verdict.valid != Validity::Unknown);
        let warnings = mistakes.all.into_iter().chain(self.exceptions.warning());
        let warnings = warnings.chain(self.stats.silent_node_warnings(placement));
        let warnings = warnings.chain(self.verdict.warnings.clone());
        let warnings = warnings.chain(lack.map(NoEvidence::sentence));
        let mut all: Vec<String> = warnings.chain(dead).chain(others).collect();
        let place = decisive.and_then(|decisive| all.iter().position(|each| *each == decisive));
        if let Some(place) = place {
            all[..=place].rotate_right(1);
        }
        Warnings { all, decisive_count: usize::from(place.is_some()) }
    }

    /// The warning that explains why the test is not valid, if one does: the cause of missing
    /// replies, or of lost values.
    fn decisive(&self, mistakes: &ProtocolWarnings) -> Option<String> {
        let parts @ Validities { workload, .. } = self.validities();
        let but_workload = Validities { run: Validity::Valid, workload: Validity::Valid, ..parts };
        if but_workload.valid() == Validity::Valid && workload != Validity::Unknown {
            return self.verdict.decisive_warning.clone().filter(|_| workload == Validity::Invalid);
        }
        let silencing = mistakes.all.first().filter(|_| mistakes.silencing_count > 0).cloned();
        silencing.or_else(|| self.exceptions.warning())
    }
}

/// The reason why a verdict is not valid: its checker's reason, then the doubts.
fn reason(verdict: &Verdict) -> Option<String> {
    let doubts = verdict.doubts.iter().map(|doubt| match doubt {
        Doubt::NothingJudged(lack) => lack.sentence(),
        Doubt::Interrupted => "later operations might have returned what is missing".to_owned(),
    });
    let reasons: Vec<String> = verdict.reason.iter().cloned().chain(doubts).collect();
    (!reasons.is_empty()).then(|| reasons.join("; "))
}

impl NoEvidence {
    /// A sentence with the operations that were looked for and those that were found.
    pub(crate) fn sentence(&self) -> String {
        let Evidence { wanted, skipped, .. } = self.evidence;
        let others = match skipped as u64 {
            0 => String::new(),
            count => {
                let those = counted(count, "value");
                format!("; {those} of another shape could not be judged")
            }
        };
        let found = self.found.description();
        format!("nothing was judged: there is no {wanted}; the history has {found}{others}")
    }
}

impl OperationCounts {
    /// The operations with their counts: `read (2 ok of 3)`.
    pub(crate) fn description(&self) -> String {
        let shown = self.0.iter().map(|(f, [ok, begun])| format!("{f} ({ok} ok of {begun})"));
        let shown: Vec<String> = shown.collect();
        if shown.is_empty() { "no operation of a client".to_owned() } else { shown.join(", ") }
    }
}

impl Exceptions {
    /// A warning about malformed replies, which no checker uses.
    pub fn warning(&self) -> Option<String> {
        let malformed = |class: &ExceptionClass| {
            let message = exceptions::malformed(class.example.extra("exception")?)?;
            let replies = match class.count {
                1 => "a reply was malformed".to_owned(),
                count => format!("{count} replies were malformed, this one first"),
            };
            Some(format!("{replies} (index {}): {message}", class.example.index))
        };
        self.0.iter().find_map(malformed)
    }
}

impl Availability {
    /// The reason why it is not valid.
    pub fn reason(&self) -> Option<String> {
        let Availability { ok_count, invoke_count, required, .. } = self;
        match self.valid {
            Validity::Valid => None,
            Validity::Unknown => Some(format!(
                "no operation was invoked, so the availability is unknown; expected at least \
                 {required}"
            )),
            Validity::Invalid => Some(format!(
                "{ok_count} of {invoke_count} operations succeeded, a fraction of {}; expected at \
                 least {required}",
                self.ok_fraction()
            )),
        }
    }

    /// A sentence that `count` operations did not succeed, of which `first` was the first.
    pub(crate) fn without_success(&self, count: usize, first: &Op, end: &Op) -> String {
        let operations = counted(count as u64, "operation");
        let (f, process, when, why) = (&first.f, first.process, time(first), error_clause(end));
        format!(
            "{operations} of {} did not succeed; the first was {f} by process {process}, begun at \
             {when}{why}",
            self.invoke_count
        )
    }
}

impl Liveness {
    /// The reasons why it is not valid.
    pub fn reasons(&self, placement: &Placement<'_>) -> Vec<String> {
        let reasons = self.failed.iter().map(|Op { process, f, index, .. }| {
            let node = placement.node_of(*process).unwrap_or("a node");
            format!(
                "the last {f} that {node} was asked for (process {process}, index {index}) did not \
                 succeed, although all faults had ended 10 s before"
            )
        });
        first_few(reasons, "last operations")
    }
}

/// A sentence that a last operation did not succeed; `end` is its completion, if there is one.
pub(crate) fn failed_last_operation(
    placement: &Placement<'_>,
    op: &Op,
    end: Option<&Op>,
) -> String {
    let node = placement.node_of(op.process).unwrap_or("a node");
    let became = match end {
        None => "never ended".to_owned(),
        Some(end) if end.kind == Kind::Fail => format!("was refused{}", error_clause(end)),
        Some(end) => format!("was not answered{}", error_clause(end)),
    };
    let (f, process, when) = (&op.f, op.process, time(op));
    format!(
        "all faults had ended, but the last {f} that {node} was asked for, by process {process} at \
         {when}, {became}"
    )
}

impl Display for Repair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Repair { within, missed, values, reads, .. } = self;
        let within = milliseconds(*within);
        match missed {
            _ if *reads == 0 => f.write_str("not measured")?,
            0 => write!(f, "{within} ms after the faults")?,
            _ => write!(f, "{missed} still missing {within} ms after the faults")?,
        }
        let [values, reads] =
            [(values, "value"), (reads, "read")].map(|(count, what)| counted(*count as u64, what));
        write!(f, ", {values}, {reads}")
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::assessment::Criteria;
    use crate::history::History;
    use crate::testing::history;
    use crate::workload::{CheckContext, Echo, GSet, Kafka, WorkloadChecker};

    #[test]
    fn malformed_replies_are_a_warning_that_quotes_the_first() {
        #[track_caller]
        fn check(classes: &[&str], expected: Option<&str>) {
            let ops = classes.iter().enumerate().map(|(i, class)| {
                format!(
                    "{{:index {i}, :time 1, :type :info, :process {i}, :f :read, :value nil, \
                     :exception {{:via [{{:type {class}, :message \"Wrong.\"}}]}}}}\n"
                )
            });
            let history = History::read_edn(&ops.collect::<String>()).unwrap();
            assert_eq!(exceptions::check(&history).warning().as_deref(), expected);
        }
        check(&[], None);
        check(&[":timeout"], None);
        let (malformed, one) = (":malformed-rpc-response", "a reply was malformed");
        check(&[":timeout", malformed], Some(&format!("{one} (index 1): Wrong.")));
        let two = "2 replies were malformed, this one first (index 0): Wrong.";
        check(&[malformed, malformed], Some(two));
    }

    #[test]
    fn if_nothing_was_judged_the_expected_and_the_found_operations_are_named() {
        let text = "0 invoke read nil\n0 ok read {0 1}\n0 invoke add 1\n1 ok read 2";
        let history = history(text);
        let of = |operations: &[bool]| {
            let evidence = Evidence::count("final read", operations.iter().copied());
            evidence.no_evidence(&history).map(|lack| lack.sentence())
        };
        assert_eq!(of(&[true, false]), None);
        let nothing = "nothing was judged: there is no final read; the history has add (0 ok of \
                       1), read (2 ok of 2)";
        assert_eq!(of(&[]).unwrap(), nothing);
        let odd = format!("{nothing}; 2 values of another shape could not be judged");
        assert_eq!(of(&[false, false]).unwrap(), odd);
    }

    #[test]
    fn missing_values_in_an_interrupted_test_are_unknown() {
        #[track_caller]
        fn check(workload: &dyn WorkloadChecker, text: &str, expected: Validity, reason: &str) {
            let history = history(text);
            let placement = Placement { nodes: &[], concurrency: 0 };
            let context = CheckContext { placement: &placement, models: &[] };
            let judged = workload.judge(&history, &context, Criteria::default());
            assert_eq!(judged.valid(), Validity::Invalid);
            let judged = judged.interrupted();
            assert_eq!(judged.valid(), expected);
            assert_eq!(
                judged.results(None).keyword("workload").unwrap().get("valid?"),
                Some(&expected.into())
            );
            assert_eq!(judged.reasons(&placement), [reason]);
        }
        let lost = "0 invoke add 7\n0 ok add 7\n1 invoke read nil\n1 ok read []";
        let reason = "1 value was lost after an acknowledgement or a read: 7; later operations \
                      might have returned what is missing";
        check(&GSet, lost, Validity::Unknown, reason);
        let unseen = "0 invoke send [[:send 1 7]]\n0 ok send [[:send 1 [0 7]]]
                      1 invoke poll [[:poll]]\n1 ok poll [[:poll {}]]";
        let reason = "unseen (1 message of 1 key); later operations might have returned what is \
                      missing";
        check(&Kafka, unseen, Validity::Unknown, reason);
        let wrong = "0 invoke echo 7\n0 ok echo {:echo 8}";
        let reason = "1 request was not echoed; the first was 7, answered with {\"echo\":8}";
        check(&Echo, wrong, Validity::Invalid, reason);
    }

    #[test]
    fn a_repair_is_shown_in_a_line() {
        #[track_caller]
        fn check(missed: usize, reads: usize, expected: &str) {
            let within = Duration::from_micros(1_734_900);
            let repair = Repair { within, missed, nodes: 5, values: 12, reads };
            assert_eq!(repair.to_string(), expected);
        }
        check(0, 341, "1734 ms after the faults, 12 values, 341 reads");
        check(1, 341, "1 still missing 1734 ms after the faults, 12 values, 341 reads");
        check(0, 0, "not measured, 12 values, 0 reads");
    }
}
