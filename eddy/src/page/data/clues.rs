//! Where to look: the contradictions that a checker found, with the messages that belong to them.

use std::collections::BTreeMap;

use super::carriers::Wanted;
use super::messages::Arrow;
use super::operations::Operation;
use super::{Clue, Participant, story};
use crate::checker::Contradiction;
use crate::report::Report;

/// What is shown around what belongs together, as a part of its length.
const AROUND: i64 = 20;

/// The least that is shown around it, in microseconds: a moment alone says nothing.
const LEAST_AROUND: i64 = 1_000;

/// When the first contradiction is, or the beginning if there is none.
pub(super) fn focus(report: &Report, operations: &[Operation<'_>]) -> i64 {
    let first = report.contradictions.first();
    let index = first.and_then(|contradiction| contradiction.operations.first());
    let operation = index.and_then(|index| {
        operations.iter().find(|operation| {
            operation.begin.index == *index || operation.end.is_some_and(|end| end.index == *index)
        })
    });
    operation.map_or(i64::MIN, |operation| operation.invoked)
}

/// Every contradiction, with what there is to see of it.
pub(super) fn of(
    report: &Report,
    participants: &[Participant],
    arrows: &[Arrow<'_>],
    operations: &[Operation<'_>],
) -> Vec<Clue> {
    let mut places = BTreeMap::new();
    for (place, Operation { begin, end, .. }) in operations.iter().enumerate() {
        places.insert(begin.index, place);
        places.extend(end.map(|end| (end.index, place)));
    }
    let nodes = report.test().node_ids();
    let clue = |contradiction: &Contradiction| {
        let Contradiction { what, operations: indices, value } = contradiction;
        let mut own: Vec<usize> =
            indices.iter().filter_map(|index| places.get(index).copied()).collect();
        own.sort_unstable();
        own.dedup();
        let mut messages: Vec<usize> = Vec::new();
        for place in &own {
            messages.extend(messages_of(&operations[*place], participants, arrows));
        }
        let asked = messages.iter().map(|place| &arrows[*place]);
        let wanted = value.as_ref().and_then(|value| Wanted::new(value, asked));
        let mut carriers = Vec::new();
        if let Some(wanted) = wanted {
            let to_nodes = |arrow: &Arrow<'_>| !arrow.message.dest.starts_with('c');
            let all = arrows.iter().enumerate();
            let all = all.filter(|(_, arrow)| to_nodes(arrow) && wanted.is_in(arrow));
            carriers = all.map(|(place, _)| place).collect();
        }
        let carried: Vec<&Arrow<'_>> = carriers.iter().map(|place| &arrows[*place]).collect();
        let story = if carried.is_empty() { vec![] } else { story::of(&nodes, &carried) };
        let times =
            carried.iter().flat_map(|arrow| [arrow.sent, arrow.ended.unwrap_or(arrow.sent)]);
        let (from, until) = ends(times).or_else(|| {
            let own = own.iter().map(|place| &operations[*place]);
            ends(own.flat_map(|own| [own.invoked, own.completed.max(own.invoked)]))
        })?;
        messages.extend(carriers);
        messages.sort_unstable();
        messages.dedup();
        let around = ((until - from) / AROUND).max(LEAST_AROUND);
        Some(Clue {
            what: what.clone(),
            story,
            operations: own,
            messages,
            from: from - around,
            until: until + around,
        })
    };
    report.contradictions.iter().filter_map(clue).collect()
}

/// The messages between an operation's client and whom it asked, as long as it lasted.
fn messages_of<'a>(
    operation: &Operation<'_>,
    participants: &'a [Participant],
    arrows: &'a [Arrow<'_>],
) -> impl Iterator<Item = usize> + 'a {
    let client = operation.client.map(|client| participants[client].name.as_str());
    let (from, until) = (operation.invoked, operation.completed);
    let until = if until < from { i64::MAX } else { until };
    let first = arrows.partition_point(|arrow| arrow.sent < from);
    let during = arrows.iter().enumerate().skip(first);
    let during = during.take_while(move |(_, arrow)| arrow.sent <= until);
    let own = during.filter(move |(_, arrow)| {
        client.is_some_and(|client| {
            [&arrow.message.src, &arrow.message.dest].iter().any(|name| ***name == *client)
        })
    });
    own.map(|(place, _)| place)
}

fn ends(times: impl Iterator<Item = i64>) -> Option<(i64, i64)> {
    let times: Vec<i64> = times.collect();
    Some((*times.iter().min()?, *times.iter().max()?))
}
