//! Operations that leave the one that fits nowhere no room: the ones that its explanation names.

use crate::{
    Contradiction,
    contradiction::MOST,
    linearizable::{
        Failure, Linearizable,
        failure::{Obstacle, WhyNot},
        register::{NIL, OperationId},
    },
    sentence,
};

impl Linearizable<'_> {
    /// For each key that is not linearizable: what fits nowhere, and what leaves it no room.
    pub fn contradictions(&self) -> Vec<Contradiction> {
        self.failures().take(MOST).map(Failure::contradiction).collect()
    }
}

impl Failure<'_> {
    fn contradiction(&self) -> Contradiction {
        let register = &self.finding.register;
        let operations = self.named().map(|id| register.operation(id));
        let entries = operations.flat_map(|operation| [Some(operation.begin), operation.end]);
        let indices = entries.flatten().map(|op| op.index);
        let contradiction = Contradiction::of(self.reason(sentence::time), indices);
        let needed = register.operation(self.due).action.needs().filter(|needed| *needed != NIL);
        // Nobody carries a value that was not there: what was forgotten is what was there.
        let value = needed.unwrap_or_else(|| self.finding.value_after(&self.order));
        if value == NIL { contradiction } else { contradiction.about(register.value(value)) }
    }

    fn named(&self) -> impl Iterator<Item = OperationId> {
        let (under_way, finder) = match self.obstacle {
            Obstacle::UnderWay { setter, why_not: WhyNot::FoundBy(finder), .. } => {
                (Some(setter), Some(finder))
            }
            Obstacle::UnderWay { setter, .. } => (Some(setter), None),
            Obstacle::NotBegun | Obstacle::NotUnderWay => (None, None),
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
        assert_eq!((&*found.what, &found.operations[..]), (what, operations));
        assert_eq!(found.value, Some(Value::Int(value)));
    }

    #[test]
    fn what_fits_nowhere_and_what_leaves_it_no_room_contradict_each_other() {
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
