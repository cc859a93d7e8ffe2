//! Contradictions of sets: the operations that show that elements are lost.

use crate::contradiction::{Contradiction, MAX_CONTRADICTIONS};
use crate::history::History;
use crate::sentences::set_full::missing_element;
use crate::set_full::SetFullResults;

impl SetFullResults {
    /// The operations that show that elements are lost. Elements that only killed nodes had come
    /// last; within both groups, the earliest come first.
    pub fn contradictions(&self, history: &History) -> Vec<Contradiction> {
        let with_nodes = self.lost_with_killed_nodes.as_deref().unwrap_or_default();
        let with_excuse =
            self.lost.iter().map(|lost| (with_nodes.binary_search(&lost.element).is_ok(), lost));
        let mut all: Vec<_> = with_excuse.collect();
        all.sort_by_key(|(is_excused, lost)| (*is_excused, lost.known));
        let first = all.into_iter().take(MAX_CONTRADICTIONS);
        let contradictions = first.filter_map(|(is_excused, lost)| {
            let entries = [lost.add, lost.known, lost.first_absent, lost.last_absent];
            let entries = entries.into_iter().chain(lost.last_present);
            let entries = entries.filter_map(|index| history.op(index));
            let what = missing_element(history, lost, is_excused)?;
            Some(Contradiction::between(history, what, entries).with_value(&lost.element))
        });
        contradictions.collect()
    }
}

#[cfg(test)]
mod tests {
    use crate::Placement;
    use crate::edn::Value;
    use crate::set_full::{check, check_with_kills};
    use crate::testing::history;

    #[test]
    fn a_lost_value_is_reported_with_the_entry_that_made_it_known_and_the_reads_that_lack_it() {
        #[track_caller]
        fn expect(text: &str, what: &str, operations: &[usize]) {
            let history = history(text);
            let contradictions = check(&history, "add", "read").contradictions(&history);
            let [lost] = &contradictions[..] else { panic!("{contradictions:?}") };
            assert_eq!((&*lost.description, &lost.operations[..]), (what, operations));
            assert_eq!(lost.value, Some(Value::Int(17)));
        }
        expect(
            "3 invoke add 17\n3 ok add 17\n0 invoke read nil\n0 ok read []",
            "value 17, acknowledged to process 3 at 0.010 s, is missing from the read by process 0 \
             that began at 0.020 s, and no later read has it",
            &[0, 1, 2, 3],
        );
        // A read made it known, and another was the last to have it. A failed read shows nothing.
        expect(
            "3 invoke add 17\n3 info add 17\n1 invoke read nil\n1 ok read [17]
             2 invoke read nil\n2 ok read [17]\n0 invoke read nil\n0 info read nil
             1 invoke read nil\n1 ok read [1]\n2 invoke read nil\n2 ok read []
             4 invoke read nil\n4 ok read []",
            "value 17, read by process 1 at 0.030 s and last in the read by process 2 that began \
             at 0.040 s, is missing from the read by process 1 that began at 0.080 s, and no later \
             read has it",
            &[0, 1, 2, 3, 4, 5, 8, 9, 12, 13],
        );
        // A read that was invoked before the last one that has it does not count.
        expect(
            "3 invoke add 17\n3 ok add 17\n1 invoke read nil\n2 invoke read nil\n1 ok read []
             2 ok read [17]\n0 invoke read nil\n0 ok read []",
            "value 17, acknowledged to process 3 at 0.010 s and last in the read by process 2 that \
             began at 0.030 s, is missing from the read by process 0 that began at 0.060 s, and no \
             later read has it",
            &[0, 1, 3, 5, 6, 7],
        );
    }

    #[test]
    fn values_that_are_stale_or_never_read_contradict_nothing() {
        for text in [
            "0 invoke add 1\n0 ok add 1",
            "0 invoke add 1\n0 ok add 1\n1 invoke read nil\n1 ok read []
             1 invoke read nil\n1 ok read [1]",
        ] {
            let history = history(text);
            assert_eq!(check(&history, "add", "read").contradictions(&history), []);
        }
    }

    #[test]
    fn values_that_only_killed_nodes_had_come_last() {
        let text = "0 invoke add 1\n0 ok add 1
                    nemesis info kill {\"n0\" :killed}
                    1 invoke add 2\n1 ok add 2
                    1 invoke read nil\n1 ok read []";
        let nodes = ["n0", "n1"].map(str::to_owned);
        let placement = Placement { nodes: &nodes, concurrency: 2 };
        let history = history(text);
        let set = check_with_kills(&history, "add", "read", &placement);
        let lost = set.contradictions(&history);
        let values: Vec<_> = lost.iter().map(|lost| lost.value.clone()).collect();
        assert_eq!(values, [Some(Value::Int(2)), Some(Value::Int(1))]);
        let is_excused = |what: &str| what.ends_with("; only nodes that were killed had it");
        let excused: Vec<_> = lost.iter().map(|lost| is_excused(&lost.description)).collect();
        assert_eq!(excused, [false, true]);
    }

    #[test]
    fn only_the_first_of_many_are_reported() {
        let adds = (0..30).map(|i| format!("{i} invoke add {i}\n{i} ok add {i}\n"));
        let history = history(&(adds.collect::<String>() + "0 invoke read nil\n0 ok read []"));
        assert_eq!(check(&history, "add", "read").contradictions(&history).len(), 20);
    }
}
