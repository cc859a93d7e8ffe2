//! Sentences about what is judged whatever the workload is, and the order of all sentences about a
//! test.

use std::fmt::{self, Display};

use crate::availability::Availability;
use crate::evidence::{Evidence, Found, Lack};
use crate::exceptions::{self, ExceptionClass, Exceptions};
use crate::history::{Kind, Op};
use crate::judgement::{Judgement, Mistakes, Parts, Warnings};
use crate::liveness::Liveness;
use crate::repair::{Repair, milliseconds};
use crate::sentence::{because, counted, first_few, time};
use crate::verdict::Doubt;
use crate::{Placement, Validity, Verdict};

impl Judgement {
    /// The reason why it is not valid.
    pub fn reasons(&self, placement: &Placement<'_>) -> Vec<String> {
        let dead = self.judged_liveness().map(|liveness| liveness.reasons(placement));
        let reasons = self.failure.iter().cloned().chain(self.stats.reasons(placement));
        let reasons = reasons.chain(self.availability.reason()).chain(reason(&self.verdict));
        reasons.chain(dead.unwrap_or_default()).collect()
    }

    /// Warnings beyond Maelstrom's, the most telling first: what nodes did that no node
    /// should, as the test saw it; then what the history shows; and `others` that are not the
    /// checkers', with what Maelstrom does not look at.
    pub fn warnings(
        &self,
        placement: &Placement<'_>,
        mistakes: Mistakes,
        others: impl IntoIterator<Item = String>,
    ) -> Warnings {
        let decisive = self.decisive(&mistakes);
        let dead =
            if self.is_liveness_judged { Vec::new() } else { self.liveness.reasons(placement) };
        // Where there is nothing to look at, Maelstrom finds nothing wrong, or an empty graph.
        let lack = self.lack.iter().filter(|_| self.verdict.valid != Validity::Unknown);
        let warnings = mistakes.all.into_iter().chain(self.exceptions.warning());
        let warnings = warnings.chain(self.stats.silent(placement));
        let warnings = warnings.chain(self.verdict.warnings.clone());
        let warnings = warnings.chain(lack.map(Lack::sentence));
        let mut all: Vec<String> = warnings.chain(dead).chain(others).collect();
        let place = decisive.and_then(|decisive| all.iter().position(|each| *each == decisive));
        if let Some(place) = place {
            all[..=place].rotate_right(1);
        }
        Warnings { all, decisive: usize::from(place.is_some()) }
    }

    /// The warning that explains why the test is not valid, if one does: why operations were not
    /// answered, or how values were lost.
    fn decisive(&self, mistakes: &Mistakes) -> Option<String> {
        let parts @ Parts { workload, .. } = self.parts();
        let but_workload = Parts { end: Validity::Valid, workload: Validity::Valid, ..parts };
        if but_workload.valid() == Validity::Valid && workload != Validity::Unknown {
            return self.verdict.decisive.clone().filter(|_| workload == Validity::Invalid);
        }
        let silencing = mistakes.all.first().filter(|_| mistakes.silencing > 0).cloned();
        silencing.or_else(|| self.exceptions.warning())
    }
}

/// The reason why a verdict is not valid: its checker's, and what makes that unknown.
fn reason(verdict: &Verdict) -> Option<String> {
    let doubts = verdict.doubts.iter().map(|doubt| match doubt {
        Doubt::NothingJudged(lack) => lack.sentence(),
        Doubt::CutOff => "later operations may have shown them".to_owned(),
    });
    let reasons: Vec<String> = verdict.reason.iter().cloned().chain(doubts).collect();
    (!reasons.is_empty()).then(|| reasons.join("; "))
}

impl Lack {
    /// The sentence about what was looked for and what was found.
    pub(crate) fn sentence(&self) -> String {
        let Evidence { wanted, passed_over, .. } = self.evidence;
        let others = match passed_over as u64 {
            0 => String::new(),
            count => {
                let those = counted(count, "value");
                format!("; {those} of another shape could not be judged")
            }
        };
        let found = self.found.words();
        format!("nothing was judged: there is no {wanted}; the history has {found}{others}")
    }
}

impl Found {
    /// The operations and how many of each succeeded: `read (2 ok of 3)`.
    pub(crate) fn words(&self) -> String {
        let shown = self.0.iter().map(|(f, [ok, begun])| format!("{f} ({ok} ok of {begun})"));
        let shown: Vec<String> = shown.collect();
        if shown.is_empty() { "no operation of a client".to_owned() } else { shown.join(", ") }
    }
}

impl Exceptions {
    /// A warning about replies of the wrong shape, of which no checker makes anything.
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
                "no operation was invoked, so nothing shows that a fraction of {required} succeeds"
            )),
            Validity::Invalid => Some(format!(
                "{ok_count} of {invoke_count} operations succeeded, a fraction of {}; expected at \
                 least {required}",
                self.ok_fraction()
            )),
        }
    }

    /// That so many operations did not succeed, of which this was the first.
    pub(crate) fn missed(&self, count: usize, first: &Op, end: &Op) -> String {
        let operations = counted(count as u64, "operation");
        let (f, process, when, why) = (&first.f, first.process, time(first), because(end));
        format!(
            "{operations} of {} did not succeed; the first was {f} by process {process}, begun at \
             {when}{why}",
            self.invoke_count
        )
    }
}

impl Liveness {
    /// The reason why it is not valid.
    pub fn reasons(&self, placement: &Placement<'_>) -> Vec<String> {
        let reasons = self.failed.iter().map(|Op { process, f, index, .. }| {
            let node = placement.node_of(*process).unwrap_or("a node");
            format!(
                "the last {f} that {node} was asked for (process {process}, index {index}) did not \
                 succeed, although no fault was left and the nodes had 10 s to recover"
            )
        });
        first_few(reasons, "last operations")
    }
}

/// That a last operation did not succeed, which ended so, if it did.
pub(crate) fn not_alive(placement: &Placement<'_>, op: &Op, end: Option<&Op>) -> String {
    let node = placement.node_of(op.process).unwrap_or("a node");
    let became = match end {
        None => "never ended".to_owned(),
        Some(end) if end.kind == Kind::Fail => format!("was refused{}", because(end)),
        Some(end) => format!("was not answered{}", because(end)),
    };
    let (f, process, when) = (&op.f, op.process, time(op));
    format!(
        "no fault was left, and the last {f} that {node} was asked for, by process {process} at \
         {when}, {became}"
    )
}

impl Display for Repair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Repair { within, missed, values, reads, .. } = self;
        let within = milliseconds(*within);
        match missed {
            _ if *reads == 0 => f.write_str("nobody looked")?,
            0 => write!(f, "{within} ms after the faults")?,
            _ => write!(f, "{missed} missed still {within} ms after the faults")?,
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
    use crate::history::History;
    use crate::judgement::Standard;
    use crate::testing::history;
    use crate::workload::{Checker, Echo, GSet, Kafka, Setting};

    #[test]
    fn replies_of_the_wrong_shape_are_warned_of_with_the_first() {
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
    fn what_was_looked_for_and_what_was_found_is_told_where_nothing_was_judged() {
        let text = "0 invoke read nil\n0 ok read {0 1}\n0 invoke add 1\n1 ok read 2";
        let history = history(text);
        let of = |operations: &[bool]| {
            let evidence = Evidence::count("final read", operations.iter().copied());
            evidence.lack(&history).map(|lack| lack.sentence())
        };
        assert_eq!(of(&[true, false]), None);
        let nothing = "nothing was judged: there is no final read; the history has add (0 ok of \
                       1), read (2 ok of 2)";
        assert_eq!(of(&[]).unwrap(), nothing);
        let odd = format!("{nothing}; 2 values of another shape could not be judged");
        assert_eq!(of(&[false, false]).unwrap(), odd);
    }

    #[test]
    fn what_is_merely_missing_when_a_test_is_cut_off_is_unknown() {
        #[track_caller]
        fn check(workload: &dyn Checker, text: &str, expected: Validity, reason: &str) {
            let history = history(text);
            let placement = Placement { nodes: &[], concurrency: 0 };
            let setting = Setting { placement: &placement, models: &[] };
            let judged = workload.judge(&history, &setting, Standard::default());
            assert_eq!(judged.valid(), Validity::Invalid);
            let judged = judged.cut_off();
            assert_eq!(judged.valid(), expected);
            assert_eq!(
                judged.results(None).keyword("workload").unwrap().get("valid?"),
                Some(&expected.into())
            );
            assert_eq!(judged.reasons(&placement), [reason]);
        }
        let lost = "0 invoke add 7\n0 ok add 7\n1 invoke read nil\n1 ok read []";
        let reason =
            "1 value known to a node and then lost: 7; later operations may have shown them";
        check(&GSet, lost, Validity::Unknown, reason);
        let unseen = "0 invoke send [[:send 1 7]]\n0 ok send [[:send 1 [0 7]]]
                      1 invoke poll [[:poll]]\n1 ok poll [[:poll {}]]";
        let reason = "unseen (1 message of 1 key); later operations may have shown them";
        check(&Kafka, unseen, Validity::Unknown, reason);
        let wrong = "0 invoke echo 7\n0 ok echo {:echo 8}";
        let reason = "1 request not echoed; the first was 7, and what came back {\"echo\":8}";
        check(&Echo, wrong, Validity::Invalid, reason);
    }

    #[test]
    fn a_repair_is_told_in_a_line() {
        #[track_caller]
        fn check(missed: usize, reads: usize, expected: &str) {
            let within = Duration::from_micros(1_734_900);
            let repair = Repair { within, missed, nodes: 5, values: 12, reads };
            assert_eq!(repair.to_string(), expected);
        }
        check(0, 341, "1734 ms after the faults, 12 values, 341 reads");
        check(1, 341, "1 missed still 1734 ms after the faults, 12 values, 341 reads");
        check(0, 0, "nobody looked, 12 values, 0 reads");
    }
}
