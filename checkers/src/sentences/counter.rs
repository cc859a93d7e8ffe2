//! Sentences about counters: which final reads are wrong, and which adds would explain them.

use crate::{
    Validity,
    counter::{
        Counter, MOST_RANGES,
        acceptable::integer,
        evidence::{Earlier, MOST_READS, Mistake, Wrong},
        fewest::{Fewest, MOST_ADDS},
    },
    history::{Kind, Op},
    sentence::{and, counted, first_few, folded, time},
};

impl Counter<'_> {
    /// The reason why it is not valid, in a sentence.
    pub fn reason(&self) -> Option<String> {
        let is_whole = self.odd_reads.is_empty() && self.odd_adds.is_empty();
        match self.valid {
            Validity::Valid => None,
            Validity::Unknown if is_whole => {
                Some(format!("what may have been added gives more than {MOST_RANGES} sums"))
            }
            Validity::Unknown => Some("what was read or added is no integer".to_owned()),
            Validity::Invalid => {
                let (read, expected) = (self.read(), self.expected());
                let cause = match &self.wrong[..] {
                    [Wrong { value, fewest: Fewest::Only(adds), .. }] => {
                        format!(": {value} comes out {}", self.adds(adds))
                    }
                    _ => String::new(),
                };
                Some(format!("{read} at the end, which should be {expected}{cause}"))
            }
        }
    }

    /// The contradictions, in lines for a person to read; none if it is valid.
    pub fn explanation(&self) -> Vec<String> {
        if self.errors.is_empty() {
            return Vec::new();
        }
        let mut lines = vec![format!("The deltas that were acknowledged add up to {}.", self.sum)];
        let in_doubt = self.in_doubt.iter().map(|Op { value, process, index, .. }| {
            let value = value.json();
            format!(
                "{value} may have been added besides: process {process} does not know (index \
                 {index})."
            )
        });
        lines.extend(first_few(in_doubt, "additions in doubt"));
        let errors = self.errors.iter().map(|Op { value, process, index, .. }| {
            let value = value.json();
            format!("But process {process} read {value} at the end (index {index}).")
        });
        lines.extend(first_few(errors, "final reads"));
        lines.push(format!("No choice of those in doubt gives that: only {}.", self.expected()));
        lines.extend(self.wrong.iter().flat_map(|wrong| self.lines(wrong)));
        let right = self.right.iter();
        let right = right.map(|(sum, reads)| format!("{} read {sum}", self.readers(reads)));
        let right = first_few(right, "sums").join("; ");
        lines.extend((!right.is_empty()).then(|| format!("Right at the end: {right}.")));
        lines
    }

    /// Reads and additions of what is no integer, about which Maelstrom says nothing.
    pub fn warnings(&self) -> Vec<String> {
        let no_integer = |did: &str, Op { process, index, value, .. }: &Op| {
            let size = if integer(value).is_some() { " of up to 95 bits" } else { "" };
            let value = value.json();
            format!("process {process} {did} {value} at index {index}, which is no integer{size}")
        };
        let reads = self.odd_reads.iter().map(|read| no_integer("read", read));
        let adds = self.odd_adds.iter().map(|add| no_integer("added", add));
        folded(reads, "final reads").into_iter().chain(folded(adds, "additions")).collect()
    }

    /// Readers of wrong values: `n1 and n2 read 37; n3 read 40`.
    fn read(&self) -> String {
        if self.wrong.is_empty() || !self.wrong.iter().all(|wrong| self.are_nodes(&wrong.reads)) {
            let values = self.errors.iter().map(|read| read.value.json().to_string());
            let mut values: Vec<String> = values.collect();
            values.dedup();
            return format!("clients read {}", and(&values));
        }
        let each = self.wrong.iter().map(|Wrong { reads, value, .. }| {
            let readers = self.readers(reads);
            format!("{readers} read {value}")
        });
        each.collect::<Vec<_>>().join("; ")
    }

    /// The sums that a final read may show: `2 or 6`.
    pub(crate) fn expected(&self) -> String {
        let ranges = self.acceptable.iter().map(|[from, to]| match to - from {
            0 => from.to_string(),
            1 => format!("{from} or {to}"),
            _ => format!("{from} to {to}"),
        });
        first_few(ranges, "ranges").join(" or ")
    }

    /// The way in which a wrong value comes out, if one is known: `for example without 2 (…)`.
    pub(crate) fn cause(&self, fewest: &Fewest) -> Option<String> {
        match fewest {
            Fewest::Only(adds) => Some(self.adds(adds)),
            Fewest::Example(adds) => Some(format!("for example {}", self.adds(adds))),
            Fewest::None | Fewest::Unknown => None,
        }
    }

    /// Everything that is known about a wrong value.
    fn lines(&self, wrong: &Wrong<'_>) -> Vec<String> {
        let Wrong { value, reads, nearest, fewest, earlier } = wrong;
        let readers = self.readers(reads);
        let read_by = match &reads[..] {
            [_] if self.are_nodes(reads) => format!("read from {readers}"),
            [_] => format!("read by {readers}"),
            _ => format!("on which {readers} agree"),
        };
        let (by, more) = (value.abs_diff(*nearest), if value < nearest { "less" } else { "more" });
        let which = if self.in_doubt.is_empty() { "" } else { ", the nearest that it may be" };
        let how = match fewest {
            Fewest::Only(adds) => {
                let others = match adds.len() {
                    1 => "no other single add explains it".to_owned(),
                    count => format!("no other choice of up to {count} adds explains it"),
                };
                format!("it comes out {}, and {others}", self.adds(adds))
            }
            Fewest::Example(adds) => format!("it comes out, for example, {}", self.adds(adds)),
            Fewest::None => format!(
                "no choice of up to {MOST_ADDS} adds that are missing or counted twice explains it"
            ),
            Fewest::Unknown => {
                "there are too many choices of adds that may be missing or counted twice".to_owned()
            }
        };
        let line = format!("{value}, {read_by}, is {by} {more} than {nearest}{which}: {how}.");
        let earlier = reads.iter().zip(earlier);
        let earlier = earlier.filter_map(|(read, earlier)| self.earlier(read, earlier));
        [line].into_iter().chain(earlier).collect()
    }

    /// The last time that a reader was right, if it read anything before.
    fn earlier(&self, read: &Op, earlier: &Earlier<'_>) -> Option<String> {
        let reader = self.readers(&[read]);
        match (earlier.last_right, earlier.count) {
            (_, 0) => None,
            (Some(read), _) => {
                let (sum, when) = (integer(&read.value).unwrap_or_default(), time(read));
                Some(format!("{reader} last read a sum that was right then, {sum}, at {when}."))
            }
            (None, count) if count > MOST_READS => {
                Some(format!("None of the last {MOST_READS} earlier reads of {reader} was right."))
            }
            (None, count) => {
                let reads = counted(count as u64, "earlier read");
                Some(format!("{reader} was not right before either, in {reads}."))
            }
        }
    }

    /// `n1 and n2`; `process 3` where nodes are not known.
    fn readers(&self, reads: &[&Op]) -> String {
        let name = |read: &&Op| match self.placement.node_of(read.process) {
            Some(node) => node.to_owned(),
            None => format!("process {}", read.process),
        };
        and(&reads.iter().map(name).collect::<Vec<_>>())
    }

    fn are_nodes(&self, reads: &[&Op]) -> bool {
        reads.iter().all(|read| self.placement.node_of(read.process).is_some())
    }

    /// `without 2 (…) and 3 (…), with 4 (…) counted twice`.
    fn adds(&self, places: &[usize]) -> String {
        let of = |mistake: Mistake| {
            let suspects = places.iter().map(|place| &self.suspects[*place]);
            let adds = suspects.filter(|suspect| suspect.mistake == mistake);
            let adds: Vec<String> = adds.map(|suspect| self.named(suspect.add)).collect();
            let adds = (!adds.is_empty()).then(|| and(&adds))?;
            Some(match mistake {
                Mistake::Missing => format!("without {adds}"),
                Mistake::Doubled => format!("with {adds} counted twice"),
                Mistake::Unacknowledged => format!("with {adds} counted all the same"),
            })
        };
        let mistakes = [Mistake::Missing, Mistake::Doubled, Mistake::Unacknowledged];
        let mut parts: Vec<String> = mistakes.into_iter().filter_map(of).collect();
        if !self.in_doubt.is_empty() {
            parts.push("with some choice of those in doubt".to_owned());
        }
        parts.join(", ")
    }

    /// An add by its delta, its process, and what became of it when.
    fn named(&self, add: &Op) -> String {
        let Op { value, process, kind, .. } = add;
        let node = self.placement.node_of(*process).map(|node| format!(" on {node}"));
        let became = match kind {
            Kind::Ok => "acknowledged at",
            Kind::Info => "in doubt since",
            Kind::Fail => "refused at",
            Kind::Invoke => "begun and not ended, at",
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
        assert_eq!(counter.reason().unwrap(), "clients read 3 at the end, which should be 2 or 6");
        assert_eq!(
            counter.explanation(),
            [
                "The deltas that were acknowledged add up to 2.",
                "4 may have been added besides: process 0 does not know (index 3).",
                "But process 1 read 3 at the end (index 7).",
                "No choice of those in doubt gives that: only 2 or 6.",
                "3, read by process 1, is 1 more than 2, the nearest that it may be: no choice of \
                 up to 4 adds that are missing or counted twice explains it.",
                "process 1 last read a sum that was right then, 2, at 0.050 s.",
                "Right at the end: process 1 read 2.",
            ]
        );
    }

    /// Adds, as process, end and delta; the final read of n1; the sentences expected.
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
            "n1 read 5 at the end, which should be 7: 5 comes out without 2 (process 0 on n0, \
             acknowledged at 0.010 s)",
            "5, read from n1, is 2 less than 7: it comes out without 2 (process 0 on n0, \
             acknowledged at 0.010 s), and no other single add explains it.",
        );
        explain(
            "0 ok 2, 3 ok 1, 2 ok 8",
            "8",
            "n1 read 8 at the end, which should be 11: 8 comes out without 2 (process 0 on n0, \
             acknowledged at 0.010 s) and 1 (process 3 on n0, acknowledged at 0.030 s)",
            "8, read from n1, is 3 less than 11: it comes out without 2 (process 0 on n0, \
             acknowledged at 0.010 s) and 1 (process 3 on n0, acknowledged at 0.030 s), and no \
             other choice of up to 2 adds explains it.",
        );
        explain(
            "0 ok 3, 2 ok 3",
            "3",
            "n1 read 3 at the end, which should be 6",
            "3, read from n1, is 3 less than 6: it comes out, for example, without 3 (process 0 on \
             n0, acknowledged at 0.010 s).",
        );
        explain(
            "0 ok 3, 2 ok 5",
            "13",
            "n1 read 13 at the end, which should be 8: 13 comes out with 5 (process 2 on n2, \
             acknowledged at 0.030 s) counted twice",
            "13, read from n1, is 5 more than 8: it comes out with 5 (process 2 on n2, \
             acknowledged at 0.030 s) counted twice, and no other single add explains it.",
        );
        explain(
            "0 ok -3, 2 ok 10",
            "10",
            "n1 read 10 at the end, which should be 7: 10 comes out without -3 (process 0 on n0, \
             acknowledged at 0.010 s)",
            "10, read from n1, is 3 more than 7: it comes out without -3 (process 0 on n0, \
             acknowledged at 0.010 s), and no other single add explains it.",
        );
        explain(
            "0 ok 2",
            "1",
            "n1 read 1 at the end, which should be 2",
            "1, read from n1, is 1 less than 2: no choice of up to 4 adds that are missing or \
             counted twice explains it.",
        );
        explain(
            "0 ok 9223372036854775807, 3 ok 9223372036854775807, 2 ok 12",
            "18446744073709551614",
            "n1 read 18446744073709551614 at the end, which should be 18446744073709551626: \
             18446744073709551614 comes out without 12 (process 2 on n2, acknowledged at 0.050 s)",
            "18446744073709551614, read from n1, is 12 less than 18446744073709551626: it comes \
             out without 12 (process 2 on n2, acknowledged at 0.050 s), and no other single add \
             explains it.",
        );
    }

    #[test]
    fn adds_that_are_not_acknowledged_explain_a_wrong_sum_as_well() {
        explain(
            "0 ok 1, 2 fail 20",
            "21",
            "n1 read 21 at the end, which should be 1: 21 comes out with 20 (process 2 on n2, \
             refused at 0.030 s) counted all the same",
            "21, read from n1, is 20 more than 1: it comes out with 20 (process 2 on n2, refused \
             at 0.030 s) counted all the same, and no other single add explains it.",
        );
        explain(
            "0 ok 1, 2 begun 20",
            "21",
            "n1 read 21 at the end, which should be 1: 21 comes out with 20 (process 2 on n2, \
             begun and not ended, at 0.020 s) counted all the same",
            "21, read from n1, is 20 more than 1: it comes out with 20 (process 2 on n2, begun and \
             not ended, at 0.020 s) counted all the same, and no other single add explains it.",
        );
        explain(
            "0 ok 7, 2 info 20",
            "20",
            "n1 read 20 at the end, which should be 7 or 27: 20 comes out without 7 (process 0 on \
             n0, acknowledged at 0.010 s), with some choice of those in doubt",
            "20, read from n1, is 7 less than 27, the nearest that it may be: it comes out without \
             7 (process 0 on n0, acknowledged at 0.010 s), with some choice of those in doubt, and \
             no other single add explains it.",
        );
        explain(
            "0 ok 7, 2 info 20",
            "47",
            "n1 read 47 at the end, which should be 7 or 27: 47 comes out with 20 (process 2 on \
             n2, in doubt since 0.030 s) counted twice, with some choice of those in doubt",
            "47, read from n1, is 20 more than 27, the nearest that it may be: it comes out with \
             20 (process 2 on n2, in doubt since 0.030 s) counted twice, with some choice of those \
             in doubt, and no other single add explains it.",
        );
    }

    #[test]
    fn nodes_that_agree_are_named_with_when_they_were_right() {
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
                "2, on which n1 and n2 agree, is 5 less than 7: it comes out without {lost}, and \
                 no other single add explains it."
            ),
            "n1 last read a sum that was right then, 2, at 0.030 s.".to_owned(),
            "n2 was not right before either, in 1 earlier read.".to_owned(),
            "Right at the end: n0 read 7.".to_owned(),
        ];
        let explanation = counter.explanation();
        assert_eq!(explanation[explanation.len() - 4..], expected);
        let reason = counter.reason().unwrap();
        assert!(reason.starts_with("n1 and n2 read 2 at the end, which should be 7: "), "{reason}");
    }

    #[test]
    fn what_was_added_and_is_no_integer_decides_nothing() {
        #[track_caller]
        fn check(add: &str, expected: &str) {
            let history = history(&format!("0 invoke add 1\n0 {add}"));
            let counter = counter::check(&history);
            assert_eq!(counter.valid, Validity::Unknown);
            assert_eq!(counter.warnings(), [expected]);
            assert_eq!(counter.reason().unwrap(), "what was read or added is no integer");
        }
        check("ok add 1.5", "process 0 added 1.5 at index 1, which is no integer");
        check("info add \"1\"", "process 0 added \"1\" at index 1, which is no integer");
        check("ok add nil", "process 0 added null at index 1, which is no integer");
        let history = history("0 invoke add 1\n0 fail add nil");
        assert_eq!(counter::check(&history).valid, Validity::Valid);
    }
}
