//! Lost elements that only killed nodes had.
//!
//! A node is known to have had an element if it acknowledged the add, or returned the element in a
//! read. If each such node was killed after the last operation that shows the element there, then
//! only durable storage was sure to keep it; the nodes may not have had time to pass it on. If one
//! of these nodes was not killed after that, it still had the element and could have sent it to
//! others.

use std::collections::BTreeMap;

use super::LostElement;
use crate::Placement;
use crate::edn::Value;
use crate::history::{History, Kind, Op, Process};

/// The lost elements that only killed nodes had, given all lost elements, sorted. `None` if the
/// history has no kills, or if the placement of clients is unknown.
pub(super) fn lost_with_killed_nodes(
    history: &History,
    [add, read]: [&str; 2],
    placement: &Placement<'_>,
    lost: &[LostElement],
) -> Option<Vec<Value>> {
    let kills = kills(history);
    if kills.is_empty() || placement.nodes.is_empty() || placement.concurrency == 0 {
        return None;
    }
    if lost.is_empty() {
        return Some(Vec::new());
    }
    let number = |element: &Value| lost.binary_search_by(|lost| lost.element.cmp(element)).ok();
    // For each lost element, the last operation that shows it at each node.
    let mut sightings: Vec<BTreeMap<&str, usize>> = vec![BTreeMap::new(); lost.len()];
    for op in history.client_ops() {
        let Some(node) = placement.node_of(op.process) else { continue };
        let mut see = |element| {
            if let Some(number) = number(element) {
                sightings[number].insert(node, op.index);
            }
        };
        match op.kind {
            // An add of the same element discards its earlier sightings.
            Kind::Invoke if op.f == add => {
                if let Some(number) = number(&op.value) {
                    sightings[number].clear();
                }
            }
            Kind::Ok if op.f == add => see(&op.value),
            Kind::Ok if op.f == read => {
                op.value.elements().unwrap_or_default().into_iter().for_each(see);
            }
            _ => {}
        }
    }
    let only_killed_nodes_had_it = |sightings: &BTreeMap<&str, usize>| {
        let was_killed = |(node, seen): (&&str, &usize)| kills.get(node) > Some(seen);
        !sightings.is_empty() && sightings.iter().all(was_killed)
    };
    let lost_to_kills =
        lost.iter().zip(&sightings).filter(|(_, seen)| only_killed_nodes_had_it(seen));
    Some(lost_to_kills.map(|(lost, _)| lost.element.clone()).collect())
}

/// The last kill of each node, by the index of the entry that reports it.
fn kills(history: &History) -> BTreeMap<&str, usize> {
    let killed = Value::keyword("killed");
    let is_kill = |op: &&Op| op.process == Process::Nemesis && op.f == "kill";
    let mut kills = BTreeMap::new();
    for op in history.ops().iter().filter(is_kill) {
        // The first of the two entries names the target, as `:one`; the second has the nodes that
        // were killed.
        let Value::Map(nodes) = &op.value else { continue };
        let those = nodes.iter().filter(|(_, what)| **what == killed);
        kills.extend(those.filter_map(|(node, _)| Some((node.as_str()?, op.index))));
    }
    kills
}

#[cfg(test)]
mod tests {
    use super::super::check_with_kills;
    use super::*;
    use crate::testing::history;

    /// Checks the elements that only killed nodes had, of three nodes `n0` to `n2` with two threads
    /// each.
    #[track_caller]
    fn check(text: &str, expected: Option<&[i64]>) {
        let nodes = ["n0", "n1", "n2"].map(str::to_owned);
        let placement = Placement { nodes: &nodes, concurrency: 6 };
        let set = check_with_kills(&history(text), "add", "read", &placement);
        let lost: Vec<&Value> = set.lost.iter().map(|lost| &lost.element).collect();
        assert_eq!(lost, [&Value::Int(1)], "{text}");
        let expected = expected.map(|elements| elements.iter().copied().map(Value::Int).collect());
        assert_eq!(set.lost_with_killed_nodes, expected, "{text}");
    }

    /// As [`check`], but an element is added at n0 before `between`, and a last read at n2 lacks
    /// it.
    #[track_caller]
    fn check_between(between: &str, expected: Option<&[i64]>) {
        let added = "0 invoke add 1\n0 ok add 1\n";
        check(&format!("{added}{between}\n2 invoke read nil\n2 ok read []"), expected);
    }

    const N0: &str = "nemesis info kill :one\nnemesis info kill {\"n0\" :killed}\n";
    const N1: &str = "nemesis info kill :one\nnemesis info kill {\"n1\" :killed}\n";
    const BOTH: &str =
        "nemesis info kill :all\nnemesis info kill {\"n0\" :killed \"n1\" :killed}\n";
    const READ_AT_N0: &str = "0 invoke read nil\n0 ok read [1]\n";
    const READ_AT_N1: &str = "1 invoke read nil\n1 ok read [1]\n";

    #[test]
    fn an_element_is_lost_to_kills_if_all_nodes_that_had_it_were_killed_later() {
        check_between("", None);
        check_between(N0, Some(&[1]));
        check_between(N1, Some(&[]));
        check_between(&[READ_AT_N1, N0].concat(), Some(&[]));
        check_between(&[READ_AT_N1, BOTH].concat(), Some(&[1]));
        check_between(&[READ_AT_N1, N0, N1].concat(), Some(&[1]));
        // The node had it again after the first kill.
        check_between(&[N0, READ_AT_N0].concat(), Some(&[]));
        check_between(&[N0, READ_AT_N0, N0].concat(), Some(&[1]));
        check_between(&[N1, READ_AT_N1, N0].concat(), Some(&[]));
        check_between(&[N0, N0].concat(), Some(&[1]));
    }

    #[test]
    fn a_kill_before_the_add_ended_explains_nothing() {
        let added = "0 ok add 1\n2 invoke read nil\n2 ok read []";
        check(&format!("0 invoke add 1\n{N0}{added}"), Some(&[]));
        check(&format!("{N0}0 invoke add 1\n{added}"), Some(&[]));
    }

    #[test]
    fn restarts_and_other_faults_are_not_kills() {
        check_between("nemesis info start {\"n0\" :started}", None);
        check_between("nemesis info kill :one\nnemesis info kill {\"n0\" :alive}", None);
        check_between("nemesis info start-partition {\"n0\" :killed}", None);
    }

    #[test]
    fn a_process_that_replaces_another_works_on_the_same_node() {
        let lost = "2 invoke read nil\n2 ok read []";
        let read = |process| format!("{process} invoke read nil\n{process} ok read [1]\n");
        // Six threads: process 6 is the second of thread 0, process 3 the first of thread 3.
        for (process, killed) in [(6, N0), (3, N0), (9, N0), (7, N1), (4, N1), (16, N1)] {
            let add = "12 invoke add 1\n12 info add 1\n";
            check(&format!("{add}{}{killed}{lost}", read(process)), Some(&[1]));
        }
    }

    #[test]
    fn adding_an_element_again_discards_its_earlier_sightings() {
        let again = "1 invoke add 1\n1 ok add 1\n";
        check_between(&[again, N1].concat(), Some(&[1]));
        check_between(&[again, N0].concat(), Some(&[]));
    }
}
