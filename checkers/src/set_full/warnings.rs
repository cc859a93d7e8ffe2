//! What a set's reads get wrong without upstream's minding.

use super::super::sentence::folded;
use super::{SetFull, timeline::Timeline};
use crate::{edn::Value, history::Op};

/// A sentence about the elements that nobody added, and one about those that one read has twice.
pub(super) fn of(timelines: &[Timeline<'_>], add: &str) -> Vec<String> {
    let foreign =
        timelines.iter().filter(|timeline| timeline.add.is_none()).filter_map(|timeline| {
            let Op { process, index, .. } = timeline.first_read?;
            let element = timeline.element.json();
            Some(format!("process {process} read {element} at index {index}, but no {add} sent it"))
        });
    let duplicates = timelines.iter().filter_map(|timeline| {
        let read @ Op { process, index, .. } = timeline.first_duplicate?;
        let times = occurrences(timeline.element, read);
        let element = timeline.element.json();
        Some(format!("process {process} read {element} {times} times at index {index}"))
    });
    let foreign = folded(foreign, "elements that were never sent");
    let duplicates = folded(duplicates, "elements that were read more than once at a time");
    foreign.into_iter().chain(duplicates).collect()
}

/// A sentence about the reads whose value is no list of elements, so that it tells nothing.
pub(super) fn of_shape(odd: &[&Op]) -> Option<String> {
    let odd = odd.iter().map(|Op { process, value, index, .. }| {
        let value = value.json();
        format!("process {process} read {value} at index {index}, which is no list of elements")
    });
    folded(odd, "reads of no list")
}

/// A sentence about the elements that were lost with their nodes, if there are any.
pub(super) fn of_kills(set: &SetFull) -> Option<String> {
    let with_nodes = set.lost_with_nodes.as_ref().filter(|elements| !elements.is_empty())?.len();
    let those = match set.lost.len() {
        1 => "the lost value".to_owned(),
        all if all == with_nodes => format!("all {all} lost values"),
        all => format!("{with_nodes} of {all} lost values"),
    };
    Some(format!(
        "only nodes that were killed knew {those}: what is acknowledged survives a kill if it is \
         durable in storage before that, and read again after a restart"
    ))
}

fn occurrences(element: &Value, read: &Op) -> usize {
    let elements = read.value.elements().unwrap_or_default();
    elements.into_iter().filter(|other| *other == element).count()
}
