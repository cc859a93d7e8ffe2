//! What shows that an element is lost: that it was known, and the reads that lack it.
//!
//! A lost element has been in no read that began after the last one that has it. So every read that
//! began after that, and after the element was known, lacks it; the first of them and the last one
//! tell from when on, and that it did not come back.

use super::timeline::{Outcome, Timeline};
use crate::contradiction::{self, Contradiction};
use crate::edn::Value;
use crate::history::{History, Kind, Op};
use crate::sentence::time;

/// The contradictions of these elements that are lost: those first that not only killed nodes had,
/// which are sorted, and of these the earliest.
pub(super) fn of(
    history: &History,
    read: &str,
    timelines: &[Timeline<'_>],
    lost_with_nodes: Option<&[Value]>,
) -> Vec<Contradiction> {
    let is_lost = |timeline: &&Timeline<'_>| matches!(timeline.outcome(), Outcome::Lost { .. });
    let is_excused = |timeline: &Timeline<'_>| {
        lost_with_nodes.is_some_and(|sorted| sorted.binary_search(timeline.element).is_ok())
    };
    let mut lost: Vec<_> =
        timelines.iter().filter(is_lost).map(|lost| (is_excused(lost), lost)).collect();
    lost.sort_by_key(|(is_excused, lost)| (*is_excused, lost.known.map(|known| known.index)));
    let reads = || history.clients().filter(|op| op.kind == Kind::Invoke && op.f == read);
    let succeeded = |op: &&Op| history.completion(op).is_some_and(|end| end.kind == Kind::Ok);
    let first = |after: usize| reads().filter(|op| op.index > after).find(succeeded);
    lost.into_iter()
        .take(contradiction::MOST)
        .filter_map(|(is_excused, lost)| of_lost(history, read, lost, is_excused, first))
        .collect()
}

fn of_lost<'a>(
    history: &'a History,
    read: &str,
    lost: &Timeline<'a>,
    is_excused: bool,
    first_read_after: impl Fn(usize) -> Option<&'a Op>,
) -> Option<Contradiction> {
    let (known, last_absent) = (lost.known?, lost.last_absent?);
    let (element, shown) = (lost.element, lost.element.json());
    let since = lost.last_present.map_or(known.index, |read| read.index.max(known.index));
    let first_absent = first_read_after(since)?;
    let how = if known.f == read { "read by" } else { "acknowledged to" };
    let is_other = |read: &&Op| history.completion(read).is_none_or(|end| end.index != known.index);
    let last_present = lost.last_present.filter(is_other).map_or(String::new(), |read| {
        let (process, began) = (read.process, time(read));
        format!(" and last in the read by process {process} that began at {began}")
    });
    let excuse = if is_excused { "; only nodes that were killed had it" } else { "" };
    let what = format!(
        "value {shown}, {how} process {} at {}{last_present}, is missing from the read by \
         process {} that began at {}, and no later read has it{excuse}",
        known.process,
        time(known),
        first_absent.process,
        time(first_absent),
    );
    let entries = [lost.add, Some(known), lost.last_present, Some(first_absent), Some(last_absent)];
    let entries = entries.into_iter().flatten();
    Some(Contradiction::between(history, what, entries).about(element))
}

#[cfg(test)]
mod tests {
    use super::super::{check, check_with_kills};
    use crate::Placement;
    use crate::edn::Value;
    use crate::testing::history;

    #[test]
    fn a_lost_value_is_told_with_what_made_it_known_and_the_reads_that_lack_it() {
        #[track_caller]
        fn expect(text: &str, what: &str, operations: &[usize]) {
            let set = check(&history(text), "add", "read");
            let [lost] = &set.contradictions[..] else { panic!("{:?}", set.contradictions) };
            assert_eq!((&*lost.what, &lost.operations[..]), (what, operations));
            assert_eq!(lost.value, Some(Value::Int(17)));
        }
        expect(
            "3 invoke add 17\n3 ok add 17\n0 invoke read nil\n0 ok read []",
            "value 17, acknowledged to process 3 at 0.010 s, is missing from the read by process 0 \
             that began at 0.020 s, and no later read has it",
            &[0, 1, 2, 3],
        );
        // A read made it known, and another was the last to have it. One that failed shows nothing.
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
        // A read that had begun before the last one that has it does not count.
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
            assert_eq!(check(&history(text), "add", "read").contradictions, []);
        }
    }

    #[test]
    fn what_only_killed_nodes_had_comes_last() {
        let text = "0 invoke add 1\n0 ok add 1
                    nemesis info kill {\"n0\" :killed}
                    1 invoke add 2\n1 ok add 2
                    1 invoke read nil\n1 ok read []";
        let nodes = ["n0", "n1"].map(str::to_owned);
        let placement = Placement { nodes: &nodes, concurrency: 2 };
        let set = check_with_kills(&history(text), "add", "read", &placement);
        let values: Vec<_> = set.contradictions.iter().map(|lost| lost.value.clone()).collect();
        assert_eq!(values, [Some(Value::Int(2)), Some(Value::Int(1))]);
        let is_excused = |what: &str| what.ends_with("; only nodes that were killed had it");
        let excused: Vec<_> =
            set.contradictions.iter().map(|lost| is_excused(&lost.what)).collect();
        assert_eq!(excused, [false, true]);
    }

    #[test]
    fn the_first_of_many_are_told() {
        let adds = (0..30).map(|i| format!("{i} invoke add {i}\n{i} ok add {i}\n"));
        let text = adds.collect::<String>() + "0 invoke read nil\n0 ok read []";
        assert_eq!(check(&history(&text), "add", "read").contradictions.len(), 20);
    }
}
