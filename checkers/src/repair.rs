//! Repair time: the time after the faults until all nodes had every value that was acknowledged
//! before.
//!
//! The *heal* is the end of the last fault; from then on nothing keeps nodes from exchanging
//! values. The values that count were acknowledged before it. The last read that lacks one of these
//! was answered by a node that had not received it yet. So the time from the heal to the invocation
//! of this read is a lower bound of the repair time, and the true time exceeds it by at most the
//! time until that node was read again. A value that was acknowledged just before the heal had no
//! longer to spread than usual, so where nothing has to be repaired, this is the normal propagation
//! time of a value.
//!
//! This is a measurement, not a verdict. [`set_full`](super::set_full) decides if anything is lost.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use rustc_hash::FxHashSet;

use super::Placement;
use crate::edn::Value;
use crate::history::{History, Kind, Op};

/// The time that repair took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Repair {
    /// The time from the heal to the invocation of the last read that lacked a value; zero if none
    /// did.
    pub within: Duration,
    /// The number of values that the last read at some node lacked. They are not repaired, so
    /// `within` is only a lower bound for them.
    pub missed: usize,
    /// The number of nodes that were read after the last read that lacked a value. They confirm
    /// that it was the last.
    pub nodes: usize,
    /// The number of values that count.
    pub values: usize,
    /// The number of reads that were invoked after the heal and succeeded. Without any, nothing is
    /// known.
    pub reads: usize,
}

/// Measures when the values that `add` operations added before `heal` were in all results of `read`
/// operations invoked at `heal` or later. `heal` is a time of the history. Excused values do not
/// count.
pub fn check(
    history: &History,
    add: &str,
    read: &str,
    heal: Duration,
    placement: &Placement<'_>,
    excused: &[Value],
) -> Repair {
    let heal = u64::try_from(heal.as_nanos()).unwrap_or(u64::MAX);
    let is_add = |op: &&Op| op.kind == Kind::Ok && op.f == add && op.time < heal;
    let mut values: BTreeSet<&Value> =
        history.client_ops().filter(is_add).map(|op| &op.value).collect();
    for value in excused {
        values.remove(value);
    }
    let is_read = |op: &&Op| op.kind == Kind::Invoke && op.f == read && op.time >= heal;
    let answered = |invocation| {
        let completion = history.completion(invocation)?;
        (completion.kind == Kind::Ok).then_some((invocation, completion))
    };
    let reads: Vec<(&Op, &Op)> =
        history.client_ops().filter(is_read).filter_map(answered).collect();

    // From the end, so that earlier reads need not be searched.
    let last = reads.iter().rposition(|(_, read)| missing(&values, read).next().is_some());
    let since = last.map_or(0, |last| last + 1);
    let node_of = |(_, read): &(&Op, &Op)| placement.node_of(read.process);
    let nodes: BTreeSet<&str> = reads[since..].iter().filter_map(node_of).collect();
    let last_reads: BTreeMap<&str, &Op> =
        reads.iter().filter_map(|read| Some((node_of(read)?, read.1))).collect();
    let missed: BTreeSet<&Value> =
        last_reads.values().flat_map(|read| missing(&values, read)).collect();
    Repair {
        within: Duration::from_nanos(last.map_or(0, |last| reads[last].0.time - heal)),
        missed: missed.len(),
        nodes: nodes.len(),
        values: values.len(),
        reads: reads.len(),
    }
}

/// The values that a read lacks. To find the first takes time linear in the read's elements.
fn missing<'a>(values: &BTreeSet<&'a Value>, read: &Op) -> impl Iterator<Item = &'a Value> {
    let elements = read.value.as_sequence().unwrap_or_default();
    let has: FxHashSet<&Value> = elements.iter().collect();
    values.iter().copied().filter(move |value| !has.contains(value))
}

/// A duration in whole milliseconds.
pub(crate) fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::history;

    /// Two values, acknowledged at 10 and 30 ms by n0 and n1.
    const ADDED: &str = "0 invoke add 1\n0 ok add 1\n1 invoke add 2\n1 ok add 2\n";

    /// The heal is between two lines.
    const HEAL: Duration = Duration::from_millis(35);

    /// A read by a process; the first after the adds is invoked 5 ms after the heal, and the others
    /// follow every 20 ms.
    fn read(process: u64, elements: &str) -> String {
        format!("{process} invoke read nil\n{process} ok read [{elements}]\n")
    }

    /// Judges a history of three nodes, `n0` to `n2`, and six threads.
    #[track_caller]
    fn judge(text: &str, excused: &[Value]) -> Repair {
        judge_at(HEAL, text, excused)
    }

    #[track_caller]
    fn judge_at(heal: Duration, text: &str, excused: &[Value]) -> Repair {
        let nodes = ["n0", "n1", "n2"].map(str::to_owned);
        let placement = Placement { nodes: &nodes, concurrency: 6 };
        super::check(&history(text), "add", "read", heal, &placement, excused)
    }

    /// Checks the history after the heal: the repair time in milliseconds, then the missed values,
    /// the nodes that confirm it, and the reads.
    #[track_caller]
    fn check(after: &[String], within: u64, [missed, nodes, reads]: [usize; 3]) {
        let within = Duration::from_millis(within);
        let expected = Repair { within, missed, nodes, values: 2, reads };
        assert_eq!(judge(&(ADDED.to_owned() + &after.concat()), &[]), expected, "{after:?}");
    }

    #[test]
    fn values_that_no_read_lacks_are_repaired_at_once() {
        check(&[read(0, "1 2")], 0, [0, 1, 1]);
        check(&[read(0, "2 1"), read(1, "1 2"), read(3, "1 2 3")], 0, [0, 2, 3]);
    }

    #[test]
    fn repair_lasts_until_the_invocation_of_the_last_read_that_lacks_a_value() {
        check(&[read(0, "1"), read(0, "1 2")], 5, [0, 1, 2]);
        check(&[read(0, "1 2"), read(0, "1"), read(0, "1 2")], 25, [0, 1, 3]);
        check(&[read(2, ""), read(0, "1 2"), read(2, "2"), read(2, "1 2")], 45, [0, 1, 4]);
        check(&[read(2, "1"), read(0, "1 2"), read(1, "1 2"), read(2, "1 2")], 5, [0, 3, 4]);
    }

    #[test]
    fn values_that_the_last_read_of_a_node_lacks_are_not_repaired() {
        check(&[read(0, "1 2"), read(1, "1")], 25, [1, 0, 2]);
        check(&[read(1, "1"), read(0, "1 2"), read(2, "1 2")], 5, [1, 2, 3]);
        check(&[read(0, "1"), read(1, "2"), read(2, "1 2")], 25, [2, 1, 3]);
        // Six threads: processes 1, 4 and 7 all work on n1.
        check(&[read(1, ""), read(4, "2"), read(7, "1 2")], 25, [0, 1, 3]);
    }

    #[test]
    fn a_duplicate_element_does_not_replace_another() {
        check(&[read(0, "1 1"), read(0, "3 4")], 25, [2, 0, 2]);
    }

    #[test]
    fn without_reads_nothing_is_known() {
        check(&[], 0, [0, 0, 0]);
        let failed = "0 invoke read nil\n0 fail read nil\n".to_owned();
        let endless = "1 invoke read nil\n".to_owned();
        check(&[failed, endless], 0, [0, 0, 0]);
    }

    #[test]
    fn reads_are_ordered_by_invocation() {
        let early = "2 invoke read nil\n";
        let text = "0 invoke add 1\n0 ok add 1\n1 invoke add 2\n";
        // It was invoked before the heal, so it may have been answered before.
        let late = format!("{text}{early}2 ok read []\n{}", read(0, "1"));
        let zero = Duration::ZERO;
        let expected = Repair { within: zero, missed: 0, nodes: 1, values: 1, reads: 1 };
        assert_eq!(judge(&late, &[]), expected);
        let overtaken = format!("{ADDED}{early}{}2 ok read []\n", read(0, "1 2"));
        let within = Duration::from_millis(5);
        let expected = Repair { within, missed: 2, nodes: 1, values: 2, reads: 2 };
        assert_eq!(judge(&overtaken, &[]), expected);
    }

    #[test]
    fn values_that_were_not_acknowledged_before_the_heal_do_not_count() {
        let doubt = "0 invoke add 1\n0 info add 1\n1 invoke add 2\n1 fail add 2\n";
        let late = "0 invoke add 3\n0 ok add 3\n";
        let repair = judge(&format!("{doubt}{late}{}", read(0, "")), &[]);
        assert_eq!((repair.values, repair.missed, repair.reads), (0, 0, 1));
    }

    #[test]
    fn at_the_heal_itself_completed_adds_do_not_count_and_invoked_reads_do() {
        let counts = |milliseconds| {
            let text = format!("{ADDED}{}", read(0, ""));
            let Repair { values, reads, .. } =
                judge_at(Duration::from_millis(milliseconds), &text, &[]);
            [values, reads]
        };
        assert_eq!([10, 30, 40, 41].map(counts), [[0, 1], [1, 1], [2, 1], [2, 0]]);
    }

    #[test]
    fn excused_values_do_not_count() {
        let text = format!("{ADDED}{}{}", read(0, "1 2"), read(0, "2"));
        let excused = [Value::Int(1), Value::Int(7)];
        let within = Duration::ZERO;
        let expected = Repair { within, missed: 0, nodes: 1, values: 1, reads: 2 };
        assert_eq!(judge(&text, &excused), expected);
    }
}
