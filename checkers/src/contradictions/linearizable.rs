//! Contradictions of registers: the operations that the explanation of a counterexample names.

use crate::{
    Contradiction,
    contradiction::MAX_CONTRADICTIONS,
    linearizable::{
        Counterexample, LinearizableResults,
        counterexample::{Exclusion, Obstacle},
        register::{NIL, OperationId},
    },
    wording,
};

impl LinearizableResults<'_> {
    /// For each key that is not linearizable, the operation that cannot be linearized, and those
    /// that prevent it.
    pub fn contradictions(&self) -> Vec<Contradiction> {
        self.failures().take(MAX_CONTRADICTIONS).map(Counterexample::contradiction).collect()
    }
}

impl Counterexample<'_> {
    fn contradiction(&self) -> Contradiction {
        let register = &self.result.register;
        let operations = self.named().map(|id| register.operation(id));
        let entries =
            operations.flat_map(|operation| [Some(operation.invocation), operation.completion]);
        let indices = entries.flatten().map(|op| op.index);
        let contradiction = Contradiction::of(self.reason(wording::time), indices);
        let needed =
            register.operation(self.due).action.required_value().filter(|needed| *needed != NIL);
        // If no value is required, messages carry the value that was there and was forgotten.
        let value = needed.unwrap_or_else(|| self.result.value_after(&self.linearization));
        if value == NIL { contradiction } else { contradiction.with_value(register.value(value)) }
    }

    fn named(&self) -> impl Iterator<Item = OperationId> {
        let (under_way, finder) = match self.obstacle {
            Obstacle::Pending { setter, exclusion: Exclusion::ObservedBy(finder), .. } => {
                (Some(setter), Some(finder))
            }
            Obstacle::Pending { setter, .. } => (Some(setter), None),
            Obstacle::NotInvoked | Obstacle::NotPending => (None, None),
        };
        let overwritten = [self.former_setter, self.overwriter];
        [Some(self.due), self.setter, under_way, finder].into_iter().chain(overwritten).flatten()
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        edn::Value,
        linearizable::tests::{judged, one_by_one},
    };

    #[track_caller]
    fn check(lines: &str, what: &str, operations: &[usize], value: i64) {
        let contradictions = judged(lines).contradictions();
        let [found] = &contradictions[..] else { panic!("{contradictions:?}") };
        assert_eq!((&*found.description, &found.operations[..]), (what, operations));
        assert_eq!(found.value, Some(Value::Int(value)));
    }

    #[test]
    fn an_operation_that_cannot_be_linearized_contradicts_those_that_prevent_it() {
        check(
            &one_by_one("0 write 3\n3 read 3\n1 write 2\n3 read 2\n4 read 3\n4 read 7"),
            "key 0 is not linearizable: read 3 at 0.090 s by process 4, but key 0 was 2 from \
             0.050 s (write 2 by process 1) on, and no write of 3 was under way",
            &[0, 1, 4, 5, 8, 9],
            3,
        );
        check(
            &("0 invoke write 1\n0 info write 1\n".to_owned()
                + &one_by_one("1 write 2\n1 read 1\n1 write 2\n1 read 1")),
            "key 0 is not linearizable: read 1 at 0.090 s by process 1, but key 0 was 2 from \
             0.070 s (write 2 by process 1) on, and write 1 by process 0 was under way, but it \
             came earlier, before read 1 by process 1 at 0.050 s",
            &[0, 4, 5, 6, 7, 8, 9],
            1,
        );
        check(
            &one_by_one("0 read 3"),
            "key 0 is not linearizable: read 3 at 0.010 s by process 0, but nothing had been \
             written to key 0, and nobody had begun to write 3",
            &[0, 1],
            3,
        );
        assert_eq!(judged(&one_by_one("0 write 1\n0 read 1")).contradictions(), []);
    }
}
