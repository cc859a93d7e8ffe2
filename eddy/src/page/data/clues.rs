//! Where to look: the contradictions that a checker found, with the messages that belong to them.

use std::collections::{BTreeMap, BTreeSet};

use super::carriers::Wanted;
use super::messages::Arrow;
use super::operations::Operation;
use super::{Clue, story};
use crate::checker::Contradiction;
use crate::page::scene::Scene;
use crate::workload::Workload;

/// What is shown around what belongs together, as a part of its length.
const AROUND: i64 = 20;

/// The least that is shown around it, in microseconds: a moment alone says nothing.
const LEAST_AROUND: i64 = 1_000;

/// When the first contradiction is, or the beginning of time if there is none.
pub(super) fn focus(scene: &Scene<'_>) -> i64 {
    let first = scene.report.contradictions.first();
    let own = first.into_iter().flat_map(|first| own_operations(&first.operations, scene));
    own.map(|place| scene.operations[place].invoked).min().unwrap_or(i64::MIN)
}

/// Every contradiction, with what there is to see of it.
pub(in crate::page) fn of(scene: &Scene<'_>) -> Vec<Clue> {
    let nodes = scene.report.test().node_ids();
    let clues = scene.report.contradictions.iter();
    clues.filter_map(|contradiction| clue(contradiction, &nodes, scene)).collect()
}

fn clue(contradiction: &Contradiction, nodes: &[String], scene: &Scene<'_>) -> Option<Clue> {
    let Contradiction { what, operations, value } = contradiction;
    let own = own_operations(operations, scene);
    let said: BTreeSet<usize> =
        own.iter().flat_map(|place| messages_of(&scene.operations[*place], scene)).collect();
    let asked = said.iter().map(|place| &scene.arrows[*place]);
    let value = value.as_ref().filter(|_| is_spread(scene));
    let wanted = value.and_then(|value| Wanted::new(value, asked));
    let carriers = wanted.map(|wanted| carriers(&wanted, scene)).unwrap_or_default();
    let carried: Vec<&Arrow<'_>> = carriers.iter().map(|place| &scene.arrows[*place]).collect();
    let own_operations: Vec<&Operation<'_>> =
        own.iter().map(|place| &scene.operations[*place]).collect();
    let story = match value {
        Some(value) if !carried.is_empty() => story::of(value, nodes, &own_operations, &carried),
        _ => Vec::new(),
    };
    let way = carried.iter().flat_map(|arrow| [arrow.sent, arrow.ended.unwrap_or(arrow.sent)]);
    let (from, until) = ends(way).or_else(|| {
        let own = own_operations.iter();
        ends(own.flat_map(|own| [own.invoked, own.completed.max(own.invoked)]))
    })?;
    let around = ((until - from) / AROUND).max(LEAST_AROUND);
    Some(Clue {
        what: what.clone(),
        story,
        operations: own,
        messages: said.into_iter().chain(carriers).collect::<BTreeSet<_>>().into_iter().collect(),
        from: from - around,
        until: until + around,
    })
}

/// Whether a value is to reach every node, and is no other operation's. Elsewhere the same small
/// number is in half of all messages, and where it went says nothing.
fn is_spread(scene: &Scene<'_>) -> bool {
    matches!(scene.report.test().workload, Workload::Broadcast | Workload::GSet)
}

/// The places of the operations that have these entries of the history.
fn own_operations(indices: &[usize], scene: &Scene<'_>) -> Vec<usize> {
    let mut places = BTreeMap::new();
    for (place, Operation { begin, end, .. }) in scene.operations.iter().enumerate() {
        places.insert(begin.index, place);
        places.extend(end.map(|end| (end.index, place)));
    }
    let own = indices.iter().filter_map(|index| places.get(index).copied());
    own.collect::<BTreeSet<_>>().into_iter().collect()
}

/// The messages to nodes and services that carried a value.
fn carriers(wanted: &Wanted, scene: &Scene<'_>) -> Vec<usize> {
    let all = scene.arrows.iter().enumerate();
    let carriers = all.filter(|(_, arrow)| !arrow.is_to_client() && wanted.is_in(arrow));
    carriers.map(|(place, _)| place).collect()
}

/// The messages between an operation's client and whom it asked, as long as it lasted.
fn messages_of(operation: &Operation<'_>, scene: &Scene<'_>) -> Vec<usize> {
    let Some(client) = operation.client else { return Vec::new() };
    let client = scene.participants[client].name.as_str();
    let (from, until) = (operation.invoked, operation.completed);
    let until = if until < from { i64::MAX } else { until };
    let first = scene.arrows.partition_point(|arrow| arrow.sent < from);
    let during = scene.arrows.iter().enumerate().skip(first);
    let during = during.take_while(|(_, arrow)| arrow.sent <= until);
    let own = during.filter(|(_, arrow)| {
        [&arrow.message.src, &arrow.message.dest].into_iter().any(|name| **name == *client)
    });
    own.map(|(place, _)| place).collect()
}

fn ends(times: impl Iterator<Item = i64> + Clone) -> Option<(i64, i64)> {
    Some((times.clone().min()?, times.max()?))
}
