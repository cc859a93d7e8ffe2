//! Sentences about registers: why there is no order of their operations, or why nobody knows.

use super::disguise;
use crate::{
    edn::Value,
    history::{Kind, Op},
    linearizable::{
        Failure, GaveUp, Key, Linearizable, Malformed, Refusals, Verdict,
        failure::{Obstacle, WhyNot},
        register::{Action, NIL, Operation, OperationId, Register, ValueId},
    },
    sentence::{counted, first_few, folded, listed, time},
};

/// The most operations told before the one that fits nowhere. Fewer hide how the register came
/// to its value, more hide everything else.
const BEFORE: usize = 8;

/// The subject of sentences about what Maelstrom does not judge.
const REFUSED: &str = "operations that were refused, and reads of null,";

impl Linearizable<'_> {
    /// The reason why it is not valid, in a sentence.
    pub fn reason(&self) -> Option<String> {
        let mut worst = self.keys.iter().filter(|key| key.valid() == self.valid);
        let reason = worst.next()?.reason()?;
        let others: Vec<&Value> = worst.filter_map(|key| key.key).collect();
        Some(match &others[..] {
            [] => reason,
            others => format!("{reason}; and so with key {}", listed(others.iter().copied())),
        })
    }

    /// For each key that is not linearizable: what came before in an order that is possible, what
    /// fits nowhere, and why not.
    pub fn explanation(&self) -> Vec<String> {
        self.failures().flat_map(Failure::lines).collect()
    }

    /// Warnings of what upstream overlooks: operations without a key, and what was refused or read
    /// as nil though it was there.
    pub fn warnings(&self) -> Vec<String> {
        let overlooked = self.keys.iter().filter_map(Key::warning);
        let without_key = self
            .without_key
            .iter()
            .map(|op| format!("the value of {} at index {} names no key", op.f, op.index));
        let overlooked = folded(overlooked, "keys like these");
        overlooked.into_iter().chain(folded(without_key, "operations without a key")).collect()
    }
}

impl Key<'_> {
    fn reason(&self) -> Option<String> {
        match &self.verdict {
            Verdict::NotLinearizable(failure) => Some(failure.reason(index)),
            verdict => {
                Some(format!("{} could not be judged: {}", name(self.key), verdict.cause()?))
            }
        }
    }

    fn warning(&self) -> Option<String> {
        let Verdict::Linearizable(_, refusals) = &self.verdict else { return None };
        match refusals {
            Refusals::Consistent => None,
            Refusals::Contradict(failure) => Some(failure.unpunished()),
            Refusals::TooCostly(search) => {
                let (name, cause) = (name(self.key), search.clause());
                Some(format!("{REFUSED} of {name} could not be judged: {cause}"))
            }
        }
    }
}

impl Verdict<'_> {
    /// The reason why it is unknown, in a clause.
    pub(crate) fn cause(&self) -> Option<String> {
        match self {
            Verdict::Linearizable(..) | Verdict::NotLinearizable(_) => None,
            Verdict::TooCostly(_, search) => Some(search.clause()),
            Verdict::RefusalsTooCostly(_, search) => {
                Some(format!("{REFUSED} could not be judged: {}", search.clause()))
            }
            Verdict::Malformed(malformed) => Some(malformed.clause()),
        }
    }
}

impl GaveUp {
    fn clause(&self) -> String {
        let GaveUp { limits, passed, completions } = self;
        let megabytes = limits.memory >> 20;
        let seconds = counted(limits.seconds, "second");
        let passed = counted(*passed as u64, "completion");
        format!(
            "the search may take {megabytes} MiB and about {seconds}, and got past {passed} of \
             {completions}; an order may or may not exist"
        )
    }
}

impl Malformed<'_> {
    fn clause(&self) -> String {
        match self {
            Malformed::Unknown(Op { f, index, .. }, argument) => {
                format!("a register knows no `{f}` of {}, as at index {index}", argument.json())
            }
            Malformed::Overlap(first, Op { process, index, .. }) => format!(
                "process {process} begins an operation at index {index}, and the one from index \
                 {} has not ended",
                first.index
            ),
            Malformed::NeverBegan(Op { process, index, .. }) => {
                format!("what process {process} ends at index {index} never began")
            }
        }
    }
}

impl Failure<'_> {
    /// The reason why there is no order, with indices or times for when something happened.
    pub(crate) fn reason(&self, at: fn(&Op) -> String) -> String {
        format!("{} is not linearizable: {}", name(self.finding.register.key), self.sentence(at))
    }

    /// `read 3 at index 57 by process 4, but key 0 was 2 from index 40 (write 2 by process 1) on,
    /// and no write of 3 was under way`.
    fn sentence(&self, at: fn(&Op) -> String) -> String {
        let register = &self.finding.register;
        let due = register.operation(self.due);
        let (what, because) = (register.words(due), register.because(due));
        let (when, process) = (at(due.entry()), due.begin.process);
        let (was, elsewhere, obstacle) = (self.was(at), self.elsewhere(), self.obstacle(at));
        format!(
            "{what} at {when} by process {process}{because}, but {was}{elsewhere}, and {obstacle}"
        )
    }

    /// The last value in the order, and who set it.
    fn was(&self, at: fn(&Op) -> String) -> String {
        let register = &self.finding.register;
        let key = name(register.key);
        let Some(setter) = self.setter.map(|id| register.operation(id)) else {
            return format!("nothing had been written to {key}");
        };
        let value = register.text(setter.action.sets().unwrap_or(NIL));
        let by = register.by(setter);
        match setter.end.filter(|end| end.index < self.completion().index) {
            Some(end) => format!("{key} was {value} from {} ({by}) on", at(end)),
            None => format!("{key} was {value} ({by}, under way since {})", at(setter.begin)),
        }
    }

    /// The last values in other orders.
    fn elsewhere(&self) -> String {
        let register = &self.finding.register;
        let others: Vec<String> = self.other_values.iter().map(|id| register.text(*id)).collect();
        match &others[..] {
            [] => String::new(),
            others => format!(" (or {}, in another order)", others.join(" or ")),
        }
    }

    /// The reason why nobody can have set what was needed.
    fn obstacle(&self, at: fn(&Op) -> String) -> String {
        let register = &self.finding.register;
        let due = register.operation(self.due);
        let needed = due.action.needs();
        let value = needed.map(|needed| register.text(needed)).unwrap_or_default();
        match self.obstacle {
            Obstacle::NotBegun => {
                let is_set = |known: &Value| {
                    let mut sets = register.operations.iter().filter_map(|one| one.action.sets());
                    sets.any(|set| register.value(set) == known)
                };
                let hint = needed.map(|needed| disguise::hint(register.value(needed), is_set));
                format!("nobody had begun to write {value}{}", hint.unwrap_or_default())
            }
            Obstacle::NotUnderWay if needed.is_none() => {
                "no write of another value was under way".to_owned()
            }
            Obstacle::NotUnderWay if due.is_refusal() => "nothing deletes a key".to_owned(),
            Obstacle::NotUnderWay => format!("no write of {value} was under way"),
            Obstacle::UnderWay { setter, why_not, others } => {
                let by = register.by(register.operation(setter));
                let why_not = self.why_not(why_not, at);
                let more = match others as u64 {
                    0 => String::new(),
                    more => format!("; and {}", counted(more, "more such operation")),
                };
                format!("{by} was under way, but {why_not}{more}")
            }
        }
    }

    fn why_not(&self, why_not: WhyNot, at: fn(&Op) -> String) -> String {
        let register = &self.finding.register;
        match why_not {
            WhyNot::Needs(value) => format!("it would have had to find {}", register.text(value)),
            WhyNot::FoundBy(finder) => {
                let finder = register.operation(finder);
                format!("it came earlier, before {} at {}", register.by(finder), at(finder.entry()))
            }
            WhyNot::Overwritten => "it came earlier and was overwritten".to_owned(),
        }
    }

    /// A warning that it goes unpunished, for a history that Maelstrom could have recorded.
    fn unpunished(&self) -> String {
        let (register, end) = (&self.finding.register, self.completion());
        let (what, but) = match (end.kind, &*end.f, register.argument(end)) {
            (Kind::Fail, ..) => {
                let but = "takes it for an operation that did not happen and says nothing";
                ("a refusal".to_owned(), but)
            }
            (_, "read", Value::Nil) => ("a read of null".to_owned(), "takes it for unknown"),
            _ => (format!("what {} refused", name(register.key)), "does not ask why"),
        };
        let sentence = self.sentence(index);
        format!("{what} goes unpunished, for Maelstrom {but}: {sentence}")
    }

    /// The operations in order, and the sentence.
    fn lines(&self) -> Vec<String> {
        let register = &self.finding.register;
        let told = |id: OperationId| register.told(register.operation(id));
        let (key, index_of_end) = (name(register.key), self.completion().index);
        let skipped = self.order.len().saturating_sub(BEFORE);
        let mut lines =
            vec![format!("{key}: no order explains its operations up to index {index_of_end}")];
        lines.push(match (self.order.len(), skipped) {
            (0, _) => "  nothing came before:".to_owned(),
            (_, 0) => "  what came before fits in this order:".to_owned(),
            (..) => {
                let operations = counted(skipped as u64, "operation");
                format!("  what came before fits in this order, whose first {operations} we skip:")
            }
        });
        let mut value = self.finding.value_after(&self.order[..skipped]);
        for step in &self.order[skipped..] {
            value = register.operation(step.operation).action.sets().unwrap_or(value);
            lines.push(format!("    {}: it is {}", told(step.operation), register.text(value)));
        }
        lines.push(format!("    {}: fits nowhere", told(self.due)));
        let mut others = self.finding.pending(&self.order);
        others.retain(|id| *id != self.due);
        if !others.is_empty() {
            lines.push("  under way as well, and not in this order yet:".to_owned());
        }
        let others = first_few(others.into_iter().map(told), "operations").into_iter();
        lines.extend(others.map(|other| format!("    {other}")));
        let needed =
            register.operation(self.due).action.needs().map(|needed| register.text(needed));
        lines.extend(needed.zip(self.overwriter.map(told)).map(|(value, overwriter)| {
            format!("  in this order it was {value} last before {overwriter}")
        }));
        lines.push(format!("  {}", self.sentence(index)));
        lines
    }
}

impl Register<'_> {
    /// `write 1 by process 5, index 36 to 38, 0.421 s to 0.424 s`.
    fn told(&self, operation: &Operation<'_>) -> String {
        let (by, because) = (self.by(operation), self.because(operation));
        let (index, since) = (operation.begin.index, time(operation.begin));
        match operation.end {
            Some(end) => {
                let (end, until) = (end.index, time(end));
                format!("{by}{because}, index {index} to {end}, {since} to {until}")
            }
            None => format!("{by}, from index {index}, {since}, without an end"),
        }
    }

    /// `write 1 by process 5`.
    fn by(&self, operation: &Operation<'_>) -> String {
        format!("{} by process {}", self.words(operation), operation.begin.process)
    }

    /// `write 1`; if it was refused, what it was to do.
    fn words(&self, operation: &Operation<'_>) -> String {
        match operation.action {
            Action::Read(value) if !operation.is_refusal() => {
                format!("read {}", self.text(value.unwrap_or(NIL)))
            }
            Action::Write(value) => format!("write {}", self.text(value)),
            Action::Cas(from, to) => format!("cas {} to {}", self.text(from), self.text(to)),
            Action::Read(_) | Action::Not(_) => {
                let (f, argument) = (&operation.begin.f, self.argument(operation.begin));
                match argument.as_sequence() {
                    _ if *argument == Value::Nil => f.to_string(),
                    Some([from, to]) if f == "cas" => {
                        format!("cas {} to {}", from.json(), to.json())
                    }
                    _ => format!("{f} {}", argument.json()),
                }
            }
        }
    }

    /// The error of an operation that was refused, if it was.
    fn because(&self, operation: &Operation<'_>) -> String {
        match operation.action {
            _ if !operation.is_refusal() => String::new(),
            Action::Not(value) => {
                format!(" was refused because the value was not {}", self.text(value))
            }
            _ => " was refused because the key did not exist".to_owned(),
        }
    }

    fn text(&self, value: ValueId) -> String {
        self.value(value).json().to_string()
    }
}

/// The name of a register in sentences.
fn name(key: Option<&Value>) -> String {
    key.map_or_else(|| "the register".to_owned(), |key| format!("key {}", key.json()))
}

fn index(op: &Op) -> String {
    format!("index {}", op.index)
}

#[cfg(test)]
mod tests {
    use crate::{
        Validity,
        linearizable::{
            check,
            tests::{check_invalid, check_valid, joined, judged, one_by_one, overlapping},
        },
        testing::history,
    };

    #[test]
    fn the_first_operation_that_fits_nowhere_is_named() {
        check_invalid(
            &one_by_one("0 read 3"),
            "read 3 at index 1 by process 0, but nothing had been written to key 0, \
             and nobody had begun to write 3",
        );
        check_invalid(
            &one_by_one("0 write 3\n1 write 2\n4 read 3\n4 read 7"),
            "read 3 at index 5 by process 4, but key 0 was 2 from index 3 (write 2 by process 1) \
             on, and no write of 3 was under way",
        );
        check_invalid(
            &one_by_one("0 write 1\n1 cas [0 2]"),
            "cas 0 to 2 at index 3 by process 1, but key 0 was 1 from index 1 (write 1 by process \
             0) on, and nobody had begun to write 0",
        );
        check_invalid(
            &one_by_one("0 write 1\n0 read 1.0"),
            "read 1.0 at index 3 by process 0, but key 0 was 1 from index 1 (write 1 by process 0) \
             on, and nobody had begun to write 1.0; 1 is known, and not 1.0: values must come back \
             with their type",
        );
    }

    #[test]
    fn what_was_under_way_and_did_not_help_is_told() {
        // It happens once, though a search that does not count would let it happen twice.
        check_invalid(
            &("0 invoke write 1\n0 info write 1\n".to_owned()
                + &one_by_one("1 write 2\n1 read 1\n1 write 2\n1 read 1\n1 read 5")),
            "read 1 at index 9 by process 1, but key 0 was 2 from index 7 (write 2 by process 1) \
             on, and write 1 by process 0 was under way, but it came earlier, before read 1 by \
             process 1 at index 5",
        );
        check_invalid(
            &("0 invoke cas [4 1]\n".to_owned() + &one_by_one("1 write 2\n1 read 1")),
            "read 1 at index 4 by process 1, but key 0 was 2 from index 2 (write 2 by process 1) \
             on, and cas 4 to 1 by process 0 was under way, but it would have had to find 4",
        );
        check_invalid(
            "0 invoke write 1\n1 invoke read nil\n1 ok read 1\n1 invoke read nil\n1 ok read 2",
            "read 2 at index 4 by process 1, but key 0 was 1 (write 1 by process 0, under way \
             since index 0), and nobody had begun to write 2",
        );
    }

    #[test]
    fn what_the_last_value_can_be_is_told_of_every_order() {
        check_invalid(
            &overlapping(3, 1, &[9]),
            "read 9 at index 7 by process 3, but key 0 was 2 from index 5 (write 2 by process 2) \
             on (or 0 or 1, in another order), and nobody had begun to write 9",
        );
    }

    #[test]
    fn an_explanation_tells_the_end_of_an_order_and_what_else_was_under_way() {
        let writes = joined((0..12).map(|value| format!("0 write {value}")));
        let lines =
            one_by_one(writes.trim_end()) + "1 invoke write 50\n" + &one_by_one("2 read 10");
        let explanation = judged(&lines).explanation();
        let expected = "\
key 0: no order explains its operations up to index 26
  what came before fits in this order, whose first 4 operations we skip:
    write 4 by process 0, index 8 to 9, 0.080 s to 0.090 s: it is 4
    write 5 by process 0, index 10 to 11, 0.100 s to 0.110 s: it is 5
    write 6 by process 0, index 12 to 13, 0.120 s to 0.130 s: it is 6
    write 7 by process 0, index 14 to 15, 0.140 s to 0.150 s: it is 7
    write 8 by process 0, index 16 to 17, 0.160 s to 0.170 s: it is 8
    write 9 by process 0, index 18 to 19, 0.180 s to 0.190 s: it is 9
    write 10 by process 0, index 20 to 21, 0.200 s to 0.210 s: it is 10
    write 11 by process 0, index 22 to 23, 0.220 s to 0.230 s: it is 11
    read 10 by process 2, index 25 to 26, 0.250 s to 0.260 s: fits nowhere
  under way as well, and not in this order yet:
    write 50 by process 1, from index 24, 0.240 s, without an end
  in this order it was 10 last before write 11 by process 0, index 22 to 23, 0.220 s to 0.230 s
  read 10 at index 26 by process 2, but key 0 was 11 from index 23 (write 11 by process 0) on, \
and no write of 10 was under way";
        assert_eq!(explanation.join("\n"), expected);
    }

    #[test]
    fn what_makes_no_sense_is_unknown() {
        for (lines, reason) in [
            ("0 invoke add [0 1]", "a register knows no `add` of 1, as at index 0"),
            (
                "0 invoke cas [0 7]\n1 invoke read [0 nil]",
                "a register knows no `cas` of 7, as at index 0",
            ),
            ("0 ok read [0 1]", "what process 0 ends at index 0 never began"),
            (
                "0 invoke read [0 nil]\n0 invoke read [0 nil]",
                "process 0 begins an operation at index 1, and the one from index 0 has not ended",
            ),
        ] {
            let history = history(lines);
            let judged = check(&history);
            assert_eq!((judged.valid, judged.judged), (Validity::Unknown, 0));
            assert_eq!(judged.reason(), Some(format!("key 0 could not be judged: {reason}")));
            assert_eq!(judged.to_edn().get("failures").unwrap().to_string(), "[]");
            assert!(judged.explanation().is_empty());
        }
    }

    #[test]
    fn what_names_no_key_is_a_warning() {
        let history = history("0 invoke read nil\n1 invoke read [1 2 3]");
        let judged = check(&history);
        assert_eq!((judged.valid, judged.keys.len(), judged.judged), (Validity::Valid, 0, 0));
        let warning = "the value of read at index 0 names no key; and one more like it";
        assert_eq!(judged.warnings(), [warning]);
    }

    #[test]
    fn a_read_of_nil_is_a_warning_if_it_cannot_be_true() {
        check_valid(&one_by_one("0 read nil\n0 write 1"));
        let judged = judged(&one_by_one("0 write 1\n0 read nil"));
        assert_eq!(judged.valid, Validity::Valid);
        let warning = "a read of null goes unpunished, for Maelstrom takes it for unknown: read \
            null at index 3 by process 0, but key 0 was 1 from index 1 (write 1 by process 0) on, \
            and no write of null was under way";
        assert_eq!(judged.warnings(), [warning]);
    }
}
