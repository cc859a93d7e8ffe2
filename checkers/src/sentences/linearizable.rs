//! Sentences about registers: the reasons why there is no linearization, or why that is unknown.

use super::type_change;
use crate::{
    edn::Value,
    history::{Kind, Op},
    linearizable::{
        Counterexample, KeyResult, KeyVerdict, LinearizableResults, Malformed, RefusalCheck,
        SearchStopped,
        counterexample::{Exclusion, Obstacle},
        register::{NIL, OperationId, Register, RegisterAction, RegisterOperation, ValueId},
    },
    wording::{counted, first_and_count, first_few, list_first, time},
};

/// Maximum number of operations that are listed before the one that cannot be linearized. Fewer
/// hide how the register got its value, more hide everything else.
const MAX_OPERATIONS_BEFORE: usize = 8;

/// The subject of sentences about operations that Maelstrom does not judge.
const REFUSED: &str = "operations that were refused, and reads of null,";

impl LinearizableResults<'_> {
    /// The reason why it is not valid, in a sentence.
    pub fn reason(&self) -> Option<String> {
        let mut worst = self.keys.iter().filter(|key| key.valid() == self.valid);
        let reason = worst.next()?.reason()?;
        let others: Vec<&Value> = worst.filter_map(|key| key.key).collect();
        Some(match &others[..] {
            [] => reason,
            others => {
                let keys = if others.len() == 1 { "key" } else { "keys" };
                format!("{reason}; likewise for {keys} {}", list_first(others.iter().copied()))
            }
        })
    }

    /// For each key that is not linearizable: a linearization of the operations before, the
    /// operation that cannot be linearized, and the reason.
    pub fn explanation(&self) -> Vec<String> {
        self.failures().flat_map(Counterexample::lines).collect()
    }

    /// Warnings of what upstream overlooks: operations without a key, refusals, and reads of nil,
    /// that contradict a value.
    pub fn warnings(&self) -> Vec<String> {
        let overlooked = self.keys.iter().filter_map(KeyResult::warning);
        let without_key = self
            .without_key
            .iter()
            .map(|op| format!("the value of {} at index {} names no key", op.f, op.index));
        let overlooked = first_and_count(overlooked, "keys like these");
        overlooked
            .into_iter()
            .chain(first_and_count(without_key, "operations without a key"))
            .collect()
    }
}

impl KeyResult<'_> {
    fn reason(&self) -> Option<String> {
        match &self.verdict {
            KeyVerdict::NotLinearizable(failure) => Some(failure.reason(at_index)),
            verdict @ KeyVerdict::RefusalsTooCostly(..) => {
                Some(format!("for {}, {}", register_name(self.key), verdict.cause()?))
            }
            verdict => Some(format!(
                "{} could not be judged: {}",
                register_name(self.key),
                verdict.cause()?
            )),
        }
    }

    fn warning(&self) -> Option<String> {
        let KeyVerdict::Linearizable(_, refusals) = &self.verdict else { return None };
        match refusals {
            RefusalCheck::Consistent => None,
            RefusalCheck::Inconsistent(failure) => Some(failure.overlooked_refusal()),
            RefusalCheck::TooCostly(stopped) => {
                let (name, cause) = (register_name(self.key), stopped.clause());
                Some(format!("for {name}, {REFUSED} could not be judged: {cause}"))
            }
        }
    }
}

impl KeyVerdict<'_> {
    /// The reason why it is unknown, in a clause.
    pub(crate) fn cause(&self) -> Option<String> {
        match self {
            KeyVerdict::Linearizable(..) | KeyVerdict::NotLinearizable(_) => None,
            KeyVerdict::TooCostly(_, stopped) => Some(stopped.clause()),
            KeyVerdict::RefusalsTooCostly(_, stopped) => {
                Some(format!("{REFUSED} could not be judged: {}", stopped.clause()))
            }
            KeyVerdict::Malformed(malformed) => Some(malformed.clause()),
        }
    }
}

impl SearchStopped {
    fn clause(&self) -> String {
        let SearchStopped { limits, passed, completions } = self;
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
            Malformed::UnknownOperation(Op { f, index, .. }, argument) => {
                format!("a register knows no `{f}` of {}, as at index {index}", argument.json())
            }
            Malformed::OverlappingInvocations(first, Op { process, index, .. }) => format!(
                "process {process} begins an operation at index {index}, and the one from index \
                 {} has not ended",
                first.index
            ),
            Malformed::NeverInvoked(Op { process, index, .. }) => {
                format!("what process {process} ends at index {index} never began")
            }
        }
    }
}

impl Counterexample<'_> {
    /// The reason why there is no linearization; `at` shows an entry's index or time.
    pub(crate) fn reason(&self, at: fn(&Op) -> String) -> String {
        format!(
            "{} is not linearizable: {}",
            register_name(self.result.register.key),
            self.sentence(at)
        )
    }

    /// `read 3 at index 57 by process 4, but key 0 was 2 from index 40 (write 2 by process 1) on,
    /// and no write of 3 was under way`.
    fn sentence(&self, at: fn(&Op) -> String) -> String {
        let register = &self.result.register;
        let due = register.operation(self.due);
        let (what, because) = (register.description(due), register.refusal_reason(due));
        let (when, process) = (at(due.entry()), due.invocation.process);
        let (was, elsewhere, obstacle) =
            (self.last_value(at), self.other_values(), self.obstacle(at));
        format!(
            "{what} at {when} by process {process}{because}, but {was}{elsewhere}, and {obstacle}"
        )
    }

    /// A clause with the last value in the linearization, and the operation that set it.
    fn last_value(&self, at: fn(&Op) -> String) -> String {
        let register = &self.result.register;
        let key = register_name(register.key);
        let Some(setter) = self.setter.map(|id| register.operation(id)) else {
            return format!("nothing had been written to {key}");
        };
        let value = register.value_text(setter.action.written_value().unwrap_or(NIL));
        let by = register.with_process(setter);
        match setter.completion.filter(|end| end.index < self.completion().index) {
            Some(end) => format!("{key} was {value} from {} ({by}) on", at(end)),
            None => format!("{key} was {value} ({by}, under way since {})", at(setter.invocation)),
        }
    }

    /// The last values in other linearizations.
    fn other_values(&self) -> String {
        let register = &self.result.register;
        let others: Vec<String> =
            self.other_values.iter().map(|id| register.value_text(*id)).collect();
        match &others[..] {
            [] => String::new(),
            others => format!(" (or {}, in another order)", others.join(" or ")),
        }
    }

    /// A clause with the reason why no operation can have set the required value.
    fn obstacle(&self, at: fn(&Op) -> String) -> String {
        let register = &self.result.register;
        let due = register.operation(self.due);
        let needed = due.action.required_value();
        let value = needed.map(|needed| register.value_text(needed)).unwrap_or_default();
        match self.obstacle {
            Obstacle::NotInvoked => {
                let is_set = |known: &Value| {
                    let mut sets =
                        register.operations.iter().filter_map(|one| one.action.written_value());
                    sets.any(|set| register.value(set) == known)
                };
                let hint = needed.map(|needed| type_change::hint(register.value(needed), is_set));
                format!("nobody had begun to write {value}{}", hint.unwrap_or_default())
            }
            Obstacle::NotPending if needed.is_none() => {
                "no write of another value was under way".to_owned()
            }
            Obstacle::NotPending if due.is_refusal() => "nothing deletes a key".to_owned(),
            Obstacle::NotPending => format!("no write of {value} was under way"),
            Obstacle::Pending { setter, exclusion, others } => {
                let by = register.with_process(register.operation(setter));
                let why_not = self.exclusion(exclusion, at);
                let more = match others as u64 {
                    0 => String::new(),
                    more => format!("; and {}", counted(more, "more such operation")),
                };
                format!("{by} was under way, but {why_not}{more}")
            }
        }
    }

    fn exclusion(&self, why_not: Exclusion, at: fn(&Op) -> String) -> String {
        let register = &self.result.register;
        match why_not {
            Exclusion::Requires(value) => {
                format!("it would have had to find {}", register.value_text(value))
            }
            Exclusion::ObservedBy(finder) => {
                let finder = register.operation(finder);
                format!(
                    "it came earlier, before {} at {}",
                    register.with_process(finder),
                    at(finder.entry())
                )
            }
            Exclusion::Overwritten => "it came earlier and was overwritten".to_owned(),
        }
    }

    /// A warning of a contradiction that Maelstrom overlooks, in a history that it could have
    /// recorded.
    fn overlooked_refusal(&self) -> String {
        let (register, end) = (&self.result.register, self.completion());
        let (what, why) = match (end.kind, &*end.f, register.argument(end)) {
            (Kind::Fail, ..) => ("a refusal".to_owned(), "ignores operations that failed"),
            (_, "read", Value::Nil) => ("a read of null".to_owned(), "takes it for unknown"),
            _ => (
                format!("the refusals of {}", register_name(register.key)),
                "ignores why operations failed",
            ),
        };
        let sentence = self.sentence(at_index);
        format!("Maelstrom overlooks {what}, because it {why}: {sentence}")
    }

    /// The explanation, in lines: the linearization, then the sentence.
    fn lines(&self) -> Vec<String> {
        let register = &self.result.register;
        let with_times = |id: OperationId| register.with_times(register.operation(id));
        let (key, index_of_end) = (register_name(register.key), self.completion().index);
        let skipped = self.linearization.len().saturating_sub(MAX_OPERATIONS_BEFORE);
        let mut lines =
            vec![format!("{key}: no order explains its operations up to index {index_of_end}")];
        lines.push(match (self.linearization.len(), skipped) {
            (0, _) => "  no operation came before:".to_owned(),
            (_, 0) => "  the operations before it can be ordered like this:".to_owned(),
            (..) => {
                format!("  the operations before it can be ordered like this ({skipped} omitted):")
            }
        });
        let mut value = self.result.value_after(&self.linearization[..skipped]);
        for step in &self.linearization[skipped..] {
            value = register.operation(step.operation).action.written_value().unwrap_or(value);
            lines.push(format!(
                "    {}: the value is then {}",
                with_times(step.operation),
                register.value_text(value)
            ));
        }
        lines.push(format!("    {}: cannot be placed", with_times(self.due)));
        let mut others = self.result.pending(&self.linearization);
        others.retain(|id| *id != self.due);
        if !others.is_empty() {
            lines.push("  also pending, and not placed:".to_owned());
        }
        let others = first_few(others.into_iter().map(with_times), "operations").into_iter();
        lines.extend(others.map(|other| format!("    {other}")));
        let needed = register
            .operation(self.due)
            .action
            .required_value()
            .map(|needed| register.value_text(needed));
        lines.extend(needed.zip(self.overwriter.map(with_times)).map(|(value, overwriter)| {
            format!("  in this order, the value was last {value} before {overwriter}")
        }));
        lines.push(format!("  {}", self.sentence(at_index)));
        lines
    }
}

impl Register<'_> {
    /// `write 1 by process 5, index 36 to 38, 0.421 s to 0.424 s`.
    fn with_times(&self, operation: &RegisterOperation<'_>) -> String {
        let (by, because) = (self.with_process(operation), self.refusal_reason(operation));
        let (index, since) = (operation.invocation.index, time(operation.invocation));
        match operation.completion {
            Some(end) => {
                let (end, until) = (end.index, time(end));
                format!("{by}{because}, index {index} to {end}, {since} to {until}")
            }
            None => format!("{by}, from index {index}, {since}, without an end"),
        }
    }

    /// `write 1 by process 5`.
    fn with_process(&self, operation: &RegisterOperation<'_>) -> String {
        format!("{} by process {}", self.description(operation), operation.invocation.process)
    }

    /// `write 1`; if it was refused, its argument.
    fn description(&self, operation: &RegisterOperation<'_>) -> String {
        match operation.action {
            RegisterAction::Read(value) if !operation.is_refusal() => {
                format!("read {}", self.value_text(value.unwrap_or(NIL)))
            }
            RegisterAction::Write(value) => format!("write {}", self.value_text(value)),
            RegisterAction::Cas(from, to) => {
                format!("cas {} to {}", self.value_text(from), self.value_text(to))
            }
            RegisterAction::Read(_) | RegisterAction::ReadAnyBut(_) => {
                let (f, argument) = (&operation.invocation.f, self.argument(operation.invocation));
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

    /// The reason of a refusal; empty for other operations.
    fn refusal_reason(&self, operation: &RegisterOperation<'_>) -> String {
        match operation.action {
            _ if !operation.is_refusal() => String::new(),
            RegisterAction::ReadAnyBut(value) => {
                format!(" was refused because the value was not {}", self.value_text(value))
            }
            _ => " was refused because the key did not exist".to_owned(),
        }
    }

    fn value_text(&self, value: ValueId) -> String {
        self.value(value).json().to_string()
    }
}

/// The name of a register in sentences.
fn register_name(key: Option<&Value>) -> String {
    key.map_or_else(|| "the register".to_owned(), |key| format!("key {}", key.json()))
}

fn at_index(op: &Op) -> String {
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
    fn the_first_operation_that_cannot_be_linearized_is_named() {
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
             on, and nobody had begun to write 1.0; 1 is known, not 1.0: values must come back \
             with their type",
        );
    }

    #[test]
    fn pending_operations_that_cannot_explain_a_read_are_named() {
        // It takes effect once, though the relaxed search would let it do so twice.
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
    fn the_last_values_of_all_linearizations_are_named() {
        check_invalid(
            &overlapping(3, 1, &[9]),
            "read 9 at index 7 by process 3, but key 0 was 2 from index 5 (write 2 by process 2) \
             on (or 0 or 1, in another order), and nobody had begun to write 9",
        );
    }

    #[test]
    fn an_explanation_lists_the_end_of_a_linearization_and_pending_operations() {
        let writes = joined((0..12).map(|value| format!("0 write {value}")));
        let lines =
            one_by_one(writes.trim_end()) + "1 invoke write 50\n" + &one_by_one("2 read 10");
        let explanation = judged(&lines).explanation();
        let expected = "\
key 0: no order explains its operations up to index 26
  the operations before it can be ordered like this (4 omitted):
    write 4 by process 0, index 8 to 9, 0.080 s to 0.090 s: the value is then 4
    write 5 by process 0, index 10 to 11, 0.100 s to 0.110 s: the value is then 5
    write 6 by process 0, index 12 to 13, 0.120 s to 0.130 s: the value is then 6
    write 7 by process 0, index 14 to 15, 0.140 s to 0.150 s: the value is then 7
    write 8 by process 0, index 16 to 17, 0.160 s to 0.170 s: the value is then 8
    write 9 by process 0, index 18 to 19, 0.180 s to 0.190 s: the value is then 9
    write 10 by process 0, index 20 to 21, 0.200 s to 0.210 s: the value is then 10
    write 11 by process 0, index 22 to 23, 0.220 s to 0.230 s: the value is then 11
    read 10 by process 2, index 25 to 26, 0.250 s to 0.260 s: cannot be placed
  also pending, and not placed:
    write 50 by process 1, from index 24, 0.240 s, without an end
  in this order, the value was last 10 before write 11 by process 0, index 22 to 23, 0.220 s to \
0.230 s
  read 10 at index 26 by process 2, but key 0 was 11 from index 23 (write 11 by process 0) on, \
and no write of 10 was under way";
        assert_eq!(explanation.join("\n"), expected);
    }

    #[test]
    fn a_malformed_history_is_unknown() {
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
    fn an_operation_without_a_key_is_a_warning() {
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
        let warning = "Maelstrom overlooks a read of null, because it takes it for unknown: read \
                       null at index 3 by process 0, but key 0 was 1 from index 1 (write 1 by \
                       process 0) on, and no write of null was under way";
        assert_eq!(judged.warnings(), [warning]);
    }
}
