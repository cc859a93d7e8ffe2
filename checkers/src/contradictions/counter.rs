//! Contradictions of counters: wrong final reads, with the adds that explain them.

use crate::{
    Contradiction,
    contradiction::MAX_CONTRADICTIONS,
    counter::{CounterResults, acceptable::integer, smallest_explanation::AddExplanation},
    history::{History, Op},
    wording::{counted, time},
};

impl CounterResults<'_> {
    /// The wrong final reads, with the sums that they may return.
    pub fn contradictions(&self, history: &History) -> Vec<Contradiction> {
        self.errors
            .iter()
            .take(MAX_CONTRADICTIONS)
            .map(|read| self.contradiction(history, read))
            .collect()
    }

    fn contradiction(&self, history: &History, read: &Op) -> Contradiction {
        let indeterminate = match self.indeterminate.len() as u64 {
            0 => String::new(),
            count => format!(", {} may have been added as well", counted(count, "delta")),
        };
        let (sum, expected) = (self.sum, self.expected());
        let (process, value, when) = (read.process, read.value.json(), time(read));
        let wrong =
            self.wrong_values.iter().find(|wrong| Some(wrong.value) == integer(&read.value));
        let cause = wrong.and_then(|wrong| self.cause(&wrong.explanation));
        let cause = cause.map_or(String::new(), |cause| format!("; it is the sum {cause}"));
        let what = format!(
            "process {process} read {value} at {when}, but the deltas that were acknowledged add \
             up to {sum}{indeterminate}, so at the end a read may be {expected}{cause}"
        );
        let adds = match wrong.map(|wrong| &wrong.explanation) {
            Some(AddExplanation::Unique(places)) => &places[..],
            _ => &[],
        };
        let adds = adds.iter().map(|place| self.suspects[*place].add);
        Contradiction::between(history, what, adds.chain([read])).with_value(&read.value)
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        counter::tests::{judged, on_nodes},
        edn::Value,
    };

    #[test]
    fn a_read_that_is_no_sum_of_deltas_is_a_contradiction() {
        let (history, counter) = judged(&["ok 2", "info 4"], &["2", "3"]);
        let contradictions = counter.contradictions(history);
        let [wrong] = &contradictions[..] else { panic!("{contradictions:?}") };
        let what = "process 1 read 3 at 0.070 s, but the deltas that were acknowledged add up to \
                    2, 1 delta may have been added as well, so at the end a read may be 2 or 6";
        assert_eq!((&*wrong.description, &wrong.operations[..]), (what, &[6, 7][..]));
        assert_eq!(wrong.value, Some(Value::Int(3)));
    }

    #[test]
    fn a_missing_add_is_part_of_the_contradiction() {
        let (history, counter) = on_nodes(
            "0 invoke add 2
             0 ok add 2
             0 invoke add 5
             0 ok add 5
             1 invoke final nil
             1 ok final 2
             2 invoke final nil
             2 ok final 99999999999999999999999999999999999999999",
        );
        let contradictions = counter.contradictions(history);
        assert_eq!(contradictions[0].operations, [2, 3, 4, 5]);
        let cause = "; it is the sum without 5 (process 0 on n0, acknowledged at 0.030 s)";
        assert!(contradictions[0].description.ends_with(cause));
        // A value too large for any sum is wrong as well, without an explanation.
        assert_eq!((counter.errors.len(), contradictions.len()), (2, 2));
    }
}
