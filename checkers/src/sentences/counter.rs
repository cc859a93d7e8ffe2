//! Sentences about counters: the wrong final reads, and the adds that would explain them.

use crate::{
    Validity,
    counter::{
        CounterResults, MAX_RANGES,
        acceptable::integer,
        smallest_explanation::{AddExplanation, MAX_ADDS},
        wrong_reads::{EarlierReads, MAX_READS_CHECKED, Miscount, WrongValue},
    },
    history::{Kind, Op},
    wording::{counted, first_and_count, first_few, join_and, time},
};

impl CounterResults<'_> {
    /// The reason why it is not valid, in a sentence.
    pub fn reason(&self) -> Option<String> {
        let is_whole = self.non_integer_reads.is_empty() && self.non_integer_adds.is_empty();
        match self.valid {
            Validity::Valid => None,
            Validity::Unknown if is_whole => Some(format!(
                "the indeterminate adds allow more than {MAX_RANGES} ranges of sums, too many to \
                 check"
            )),
            Validity::Unknown => {
                Some("a value that was read or added is not an integer".to_owned())
            }
            Validity::Invalid => {
                let (read, expected) = (self.wrong_readers(), self.expected());
                let cause = match &self.wrong_values[..] {
                    [WrongValue { value, explanation: AddExplanation::Unique(adds), .. }] => {
                        format!(": {value} is the sum {}", self.miscounted_adds(adds))
                    }
                    _ => String::new(),
                };
                Some(format!("{read} in final reads; expected {expected}{cause}"))
            }
        }
    }

    /// An explanation of the wrong reads, in lines of text; none if it is valid.
    pub fn explanation(&self) -> Vec<String> {
        if self.errors.is_empty() {
            return Vec::new();
        }
        let mut lines = vec![format!("The deltas that were acknowledged add up to {}.", self.sum)];
        let indeterminate = self.indeterminate.iter();
        let indeterminate = indeterminate.map(|Op { value, process, index, .. }| {
            let value = value.json();
            format!(
                "{value} may have been added as well: process {process} got no definite reply \
                 (index {index})."
            )
        });
        lines.extend(first_few(indeterminate, "indeterminate adds"));
        let errors = self.errors.iter().map(|Op { value, process, index, .. }| {
            let value = value.json();
            format!("But the final read of process {process} returned {value} (index {index}).")
        });
        lines.extend(first_few(errors, "final reads"));
        if !self.indeterminate.is_empty() {
            lines.push(format!("With any choice of these, the sum is {}.", self.expected()));
        }
        lines.extend(self.wrong_values.iter().flat_map(|wrong| self.explain_value(wrong)));
        let right = self.correct_values.iter();
        let right = right.map(|(sum, reads)| format!("{} read {sum}", self.readers(reads)));
        let right = first_few(right, "sums").join("; ");
        lines.extend((!right.is_empty()).then(|| format!("Correct final reads: {right}.")));
        lines
    }

    /// Warnings of reads and adds of values that are not integers, which Maelstrom does not report.
    pub fn warnings(&self) -> Vec<String> {
        let no_integer = |did: &str, Op { process, index, value, .. }: &Op| {
            let size = if integer(value).is_some() { " of up to 95 bits" } else { "" };
            let value = value.json();
            format!(
                "process {process} {did} {value} at index {index}, which is not an integer{size}"
            )
        };
        let reads = self.non_integer_reads.iter().map(|read| no_integer("read", read));
        let adds = self.non_integer_adds.iter().map(|add| no_integer("added", add));
        first_and_count(reads, "final reads")
            .into_iter()
            .chain(first_and_count(adds, "additions"))
            .collect()
    }

    /// The wrong values with their readers: `n1 and n2 read 37; n3 read 40`.
    fn wrong_readers(&self) -> String {
        if self.wrong_values.is_empty()
            || !self.wrong_values.iter().all(|wrong| self.are_nodes(&wrong.reads))
        {
            let values = self.errors.iter().map(|read| read.value.json().to_string());
            let mut values: Vec<String> = values.collect();
            values.dedup();
            return format!("clients read {}", join_and(&values));
        }
        let each = self.wrong_values.iter().map(|WrongValue { reads, value, .. }| {
            let readers = self.readers(reads);
            format!("{readers} read {value}")
        });
        each.collect::<Vec<_>>().join("; ")
    }

    /// The sums that a final read may return: `2 or 6`.
    pub(crate) fn expected(&self) -> String {
        let ranges = self.acceptable.iter().map(|[from, to]| match to - from {
            0 => from.to_string(),
            1 => format!("{from} or {to}"),
            _ => format!("{from} to {to}"),
        });
        first_few(ranges, "ranges").join(" or ")
    }

    /// The miscounted adds that explain a wrong value, if any are known: `for example without 2
    /// (…)`.
    pub(crate) fn cause(&self, fewest: &AddExplanation) -> Option<String> {
        match fewest {
            AddExplanation::Unique(adds) => Some(self.miscounted_adds(adds)),
            AddExplanation::Example(adds) => {
                Some(format!("for example {}", self.miscounted_adds(adds)))
            }
            AddExplanation::None | AddExplanation::Unknown => None,
        }
    }

    /// The explanation of a wrong value, in lines.
    fn explain_value(&self, wrong: &WrongValue<'_>) -> Vec<String> {
        let WrongValue { value, reads, nearest, explanation, earlier } = wrong;
        let readers = self.readers(reads);
        let read_by = match &reads[..] {
            [_] if self.are_nodes(reads) => format!("read from {readers}"),
            [_] => format!("read by {readers}"),
            _ => format!("on which {readers} agree"),
        };
        let (by, more) = (value.abs_diff(*nearest), if value < nearest { "less" } else { "more" });
        let which = if self.indeterminate.is_empty() { "" } else { ", the nearest possible sum" };
        let how = match explanation {
            AddExplanation::Unique(adds) => {
                let others = match adds.len() {
                    1 => "no other single add explains it".to_owned(),
                    count => format!("no other choice of up to {count} adds explains it"),
                };
                format!("it is the sum {}, and {others}", self.miscounted_adds(adds))
            }
            AddExplanation::Example(adds) => {
                format!("it is the sum, for example, {}", self.miscounted_adds(adds))
            }
            AddExplanation::None => format!(
                "no choice of up to {MAX_ADDS} adds that are missing or counted twice explains it"
            ),
            AddExplanation::Unknown => {
                "there are too many choices of adds that may be missing or counted twice".to_owned()
            }
        };
        let line = format!("{value}, {read_by}, is {by} {more} than {nearest}{which}: {how}.");
        let earlier = reads.iter().zip(earlier);
        let earlier = earlier.filter_map(|(read, earlier)| self.earlier(read, earlier));
        [line].into_iter().chain(earlier).collect()
    }

    /// A sentence on the last correct read of a reader, if it read anything before.
    fn earlier(&self, read: &Op, earlier: &EarlierReads<'_>) -> Option<String> {
        let reader = self.readers(&[read]);
        match (earlier.last_correct, earlier.count) {
            (_, 0) => None,
            (Some(read), _) => {
                let (sum, when) = (integer(&read.value).unwrap_or_default(), time(read));
                Some(format!("{reader}'s last correct read returned {sum}, at {when}."))
            }
            (None, count) if count > MAX_READS_CHECKED => Some(format!(
                "None of the last {MAX_READS_CHECKED} earlier reads of {reader} was correct."
            )),
            (None, count) => {
                let reads = counted(count as u64, "read");
                Some(format!("{reader} had no correct read before: {reads} checked."))
            }
        }
    }

    /// `n1 and n2`; `process 3` where nodes are not known.
    fn readers(&self, reads: &[&Op]) -> String {
        let name = |read: &&Op| match self.placement.node_of(read.process) {
            Some(node) => node.to_owned(),
            None => format!("process {}", read.process),
        };
        join_and(&reads.iter().map(name).collect::<Vec<_>>())
    }

    fn are_nodes(&self, reads: &[&Op]) -> bool {
        reads.iter().all(|read| self.placement.node_of(read.process).is_some())
    }

    /// `without 2 (…) and 3 (…), with 4 (…) counted twice`.
    fn miscounted_adds(&self, places: &[usize]) -> String {
        let of = |mistake: Miscount| {
            let suspects = places.iter().map(|place| &self.suspects[*place]);
            let adds = suspects.filter(|suspect| suspect.miscount == mistake);
            let adds: Vec<String> = adds.map(|suspect| self.describe_add(suspect.add)).collect();
            let adds = (!adds.is_empty()).then(|| join_and(&adds))?;
            Some(match mistake {
                Miscount::Missing => format!("without {adds}"),
                Miscount::Doubled => format!("with {adds} counted twice"),
                Miscount::Unacknowledged => format!("with {adds} counted anyway"),
            })
        };
        let mistakes = [Miscount::Missing, Miscount::Doubled, Miscount::Unacknowledged];
        let mut parts: Vec<String> = mistakes.into_iter().filter_map(of).collect();
        if !self.indeterminate.is_empty() {
            parts.push("with some of the indeterminate adds".to_owned());
        }
        parts.join(", ")
    }

    /// An add: its delta, its process, and its outcome with the time.
    fn describe_add(&self, add: &Op) -> String {
        let Op { value, process, kind, .. } = add;
        let node = self.placement.node_of(*process).map(|node| format!(" on {node}"));
        let became = match kind {
            Kind::Ok => "acknowledged at",
            Kind::Info => "indeterminate since",
            Kind::Fail => "refused at",
            Kind::Invoke => "pending since",
        };
        let delta = integer(value).unwrap_or_default();
        format!("{delta} (process {process}{}, {became} {})", node.unwrap_or_default(), time(add))
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        Validity,
        counter::{
            self,
            tests::{check, on_nodes},
        },
        testing::history,
    };

    #[test]
    fn an_explanation_names_what_contradicts_what() {
        let counter = check(&["ok 2", "info 4"], &["2", "3"]);
        assert_eq!(counter.reason().unwrap(), "clients read 3 in final reads; expected 2 or 6");
        assert_eq!(
            counter.explanation(),
            [
                "The deltas that were acknowledged add up to 2.",
                "4 may have been added as well: process 0 got no definite reply (index 3).",
                "But the final read of process 1 returned 3 (index 7).",
                "With any choice of these, the sum is 2 or 6.",
                "3, read by process 1, is 1 more than 2, the nearest possible sum: no choice of up \
                 to 4 adds that are missing or counted twice explains it.",
                "process 1's last correct read returned 2, at 0.050 s.",
                "Correct final reads: process 1 read 2.",
            ]
        );
    }

    /// Checks the explanation of a wrong read: adds as process, completion and delta; the final
    /// read of n1; the expected sentences.
    #[track_caller]
    fn explain(adds: &str, read: &str, reason: &str, line: &str) {
        let adds = adds.split(", ").filter(|add| !add.is_empty()).map(|add| {
            let words: Vec<&str> = add.split(' ').collect();
            let [process, kind, delta] = words[..] else { panic!("{add}") };
            match kind {
                "begun" => format!("{process} invoke add {delta}\n"),
                _ => format!("{process} invoke add {delta}\n{process} {kind} add {delta}\n"),
            }
        });
        let adds: String = adds.collect();
        let (_, counter) = on_nodes(&format!("{adds}1 invoke final nil\n1 ok final {read}"));
        assert_eq!(counter.reason().unwrap(), reason);
        let explanation = counter.explanation();
        assert_eq!(explanation.last().unwrap(), line, "{explanation:?}");
    }

    #[test]
    fn a_wrong_sum_is_explained_by_the_adds_that_are_missing_or_doubled() {
        explain(
            "0 ok 2, 3 ok 1, 2 ok 4",
            "5",
            "n1 read 5 in final reads; expected 7: 5 is the sum without 2 (process 0 on n0, \
             acknowledged at 0.010 s)",
            "5, read from n1, is 2 less than 7: it is the sum without 2 (process 0 on n0, \
             acknowledged at 0.010 s), and no other single add explains it.",
        );
        explain(
            "0 ok 2, 3 ok 1, 2 ok 8",
            "8",
            "n1 read 8 in final reads; expected 11: 8 is the sum without 2 (process 0 on n0, \
             acknowledged at 0.010 s) and 1 (process 3 on n0, acknowledged at 0.030 s)",
            "8, read from n1, is 3 less than 11: it is the sum without 2 (process 0 on n0, \
             acknowledged at 0.010 s) and 1 (process 3 on n0, acknowledged at 0.030 s), and no \
             other choice of up to 2 adds explains it.",
        );
        explain(
            "0 ok 3, 2 ok 3",
            "3",
            "n1 read 3 in final reads; expected 6",
            "3, read from n1, is 3 less than 6: it is the sum, for example, without 3 (process 0 \
             on n0, acknowledged at 0.010 s).",
        );
        explain(
            "0 ok 3, 2 ok 5",
            "13",
            "n1 read 13 in final reads; expected 8: 13 is the sum with 5 (process 2 on n2, \
             acknowledged at 0.030 s) counted twice",
            "13, read from n1, is 5 more than 8: it is the sum with 5 (process 2 on n2, \
             acknowledged at 0.030 s) counted twice, and no other single add explains it.",
        );
        explain(
            "0 ok -3, 2 ok 10",
            "10",
            "n1 read 10 in final reads; expected 7: 10 is the sum without -3 (process 0 on n0, \
             acknowledged at 0.010 s)",
            "10, read from n1, is 3 more than 7: it is the sum without -3 (process 0 on n0, \
             acknowledged at 0.010 s), and no other single add explains it.",
        );
        explain(
            "0 ok 2",
            "1",
            "n1 read 1 in final reads; expected 2",
            "1, read from n1, is 1 less than 2: no choice of up to 4 adds that are missing or \
             counted twice explains it.",
        );
        explain(
            "0 ok 9223372036854775807, 3 ok 9223372036854775807, 2 ok 12",
            "18446744073709551614",
            "n1 read 18446744073709551614 in final reads; expected 18446744073709551626: \
             18446744073709551614 is the sum without 12 (process 2 on n2, acknowledged at 0.050 s)",
            "18446744073709551614, read from n1, is 12 less than 18446744073709551626: it is \
             the sum without 12 (process 2 on n2, acknowledged at 0.050 s), and no other single \
             add explains it.",
        );
    }

    #[test]
    fn adds_that_are_not_acknowledged_explain_a_wrong_sum_as_well() {
        explain(
            "0 ok 1, 2 fail 20",
            "21",
            "n1 read 21 in final reads; expected 1: 21 is the sum with 20 (process 2 on n2, \
             refused at 0.030 s) counted anyway",
            "21, read from n1, is 20 more than 1: it is the sum with 20 (process 2 on n2, refused \
             at 0.030 s) counted anyway, and no other single add explains it.",
        );
        explain(
            "0 ok 1, 2 begun 20",
            "21",
            "n1 read 21 in final reads; expected 1: 21 is the sum with 20 (process 2 on n2, \
             pending since 0.020 s) counted anyway",
            "21, read from n1, is 20 more than 1: it is the sum with 20 (process 2 on n2, pending \
             since 0.020 s) counted anyway, and no other single add explains it.",
        );
        explain(
            "0 ok 7, 2 info 20",
            "20",
            "n1 read 20 in final reads; expected 7 or 27: 20 is the sum without 7 (process 0 on \
             n0, acknowledged at 0.010 s), with some of the indeterminate adds",
            "20, read from n1, is 7 less than 27, the nearest possible sum: it is the sum without \
             7 (process 0 on n0, acknowledged at 0.010 s), with some of the indeterminate adds, \
             and no other single add explains it.",
        );
        explain(
            "0 ok 7, 2 info 20",
            "47",
            "n1 read 47 in final reads; expected 7 or 27: 47 is the sum with 20 (process 2 on n2, \
             indeterminate since 0.030 s) counted twice, with some of the indeterminate adds",
            "47, read from n1, is 20 more than 27, the nearest possible sum: it is the sum with 20 \
             (process 2 on n2, indeterminate since 0.030 s) counted twice, with some of the \
             indeterminate adds, and no other single add explains it.",
        );
    }

    #[test]
    fn nodes_that_agree_are_named_with_their_last_correct_reads() {
        let (_, counter) = on_nodes(
            "0 invoke add 2
             0 ok add 2
             1 invoke read nil
             1 ok read 2
             5 invoke read nil
             5 ok read 0
             0 invoke add 5
             0 ok add 5
             1 invoke read nil
             1 ok read 2
             0 invoke final nil
             0 ok final 7
             3 invoke final nil
             3 ok final 7
             1 invoke final nil
             1 ok final 2
             4 invoke final nil
             4 ok final 2
             2 invoke final nil
             2 ok final 2
             5 invoke final nil
             5 ok final 99999999999999999999999999999999999999999",
        );
        let lost = "5 (process 0 on n0, acknowledged at 0.070 s)";
        let expected = [
            format!(
                "2, on which n1 and n2 agree, is 5 less than 7: it is the sum without {lost}, and \
                 no other single add explains it."
            ),
            "n1's last correct read returned 2, at 0.030 s.".to_owned(),
            "n2 had no correct read before: 1 read checked.".to_owned(),
            "Correct final reads: n0 read 7.".to_owned(),
        ];
        let explanation = counter.explanation();
        assert_eq!(explanation[explanation.len() - 4..], expected);
        let reason = counter.reason().unwrap();
        assert!(reason.starts_with("n1 and n2 read 2 in final reads; expected 7: "), "{reason}");
    }

    #[test]
    fn an_add_that_is_not_an_integer_makes_the_verdict_unknown() {
        #[track_caller]
        fn check(add: &str, expected: &str) {
            let history = history(&format!("0 invoke add 1\n0 {add}"));
            let counter = counter::check(&history);
            assert_eq!(counter.valid, Validity::Unknown);
            assert_eq!(counter.warnings(), [expected]);
            assert_eq!(
                counter.reason().unwrap(),
                "a value that was read or added is not an integer"
            );
        }
        check("ok add 1.5", "process 0 added 1.5 at index 1, which is not an integer");
        check("info add \"1\"", "process 0 added \"1\" at index 1, which is not an integer");
        check("ok add nil", "process 0 added null at index 1, which is not an integer");
        let history = history("0 invoke add 1\n0 fail add nil");
        assert_eq!(counter::check(&history).valid, Validity::Valid);
    }
}
