//! Where to look: the contradictions that a checker found, with the messages that belong to them.

use std::collections::BTreeSet;

use eddy_checkers::Contradiction;
use rustc_hash::FxHashMap;

use super::Clue;
use super::carriers::Wanted;
use super::messages::Arrow;
use super::operations::Operation;
use super::story::Story;
use crate::page::scene::Scene;

/// What is shown around what belongs together, as a part of its length.
const AROUND: i64 = 20;

/// The least that is shown around it, in microseconds: a moment alone says nothing.
const LEAST_AROUND: i64 = 1_000;

/// Every contradiction, with what there is to see of it.
pub(in crate::page) fn of(scene: &Scene<'_>) -> Vec<Clue> {
    let nodes = scene.report.test().node_ids();
    let places = places(scene);
    let clues = scene.report.contradictions.iter();
    clues.map(|contradiction| clue(contradiction, &nodes, &places, scene)).collect()
}

fn clue(
    contradiction: &Contradiction,
    nodes: &[String],
    places: &FxHashMap<usize, usize>,
    scene: &Scene<'_>,
) -> Clue {
    let Contradiction { what, operations, value } = contradiction;
    let own: BTreeSet<usize> =
        operations.iter().filter_map(|index| places.get(index).copied()).collect();
    let own: Vec<usize> = own.into_iter().collect();
    let said: BTreeSet<usize> =
        own.iter().flat_map(|place| messages_of(&scene.operations[*place], scene)).collect();
    let asked = said.iter().map(|place| &scene.arrows[*place]);
    let value = value.as_ref().filter(|_| scene.report.test().workload.spreads_values());
    let wanted = value.and_then(|value| Wanted::new(value, asked));
    let carriers = wanted.map(|wanted| carriers(&wanted, scene)).unwrap_or_default();
    let carried: Vec<&Arrow<'_>> = carriers.iter().map(|place| &scene.arrows[*place]).collect();
    let own_operations: Vec<&Operation<'_>> =
        own.iter().map(|place| &scene.operations[*place]).collect();
    let (in_short, way) = match value {
        Some(value) if !carried.is_empty() => {
            let story = Story {
                value,
                nodes,
                operations: &own_operations,
                carriers: &carried,
                arrows: &scene.arrows,
                recorded_until: scene.recorded_until,
            };
            (story.in_short(), story.way())
        }
        _ => Default::default(),
    };
    let times = carried.iter().flat_map(|arrow| [arrow.sent, arrow.ended.unwrap_or(arrow.sent)]);
    let own_times = own_operations.iter();
    let own_times = own_times.flat_map(|own| [own.invoked, own.completed.max(own.invoked)]);
    let (from, until) = ends(times).or_else(|| ends(own_times)).unwrap_or((scene.begin, scene.end));
    let around = ((until - from) / AROUND).max(LEAST_AROUND);
    Clue {
        what: what.clone(),
        story: in_short.iter().cloned().chain(way).collect(),
        in_short,
        operations: own,
        messages: said.into_iter().chain(carriers).collect::<BTreeSet<_>>().into_iter().collect(),
        from: from - around,
        until: until + around,
    }
}

/// For each entry of the history the place of the operation that has it.
fn places(scene: &Scene<'_>) -> FxHashMap<usize, usize> {
    let mut places = FxHashMap::default();
    for (place, Operation { begin, end, .. }) in scene.operations.iter().enumerate() {
        places.insert(begin.index, place);
        places.extend(end.map(|end| (end.index, place)));
    }
    places
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
