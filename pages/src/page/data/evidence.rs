//! Evidence: the contradictions that a checker found, with the messages that belong to them.

use std::collections::BTreeSet;

use eddy_checkers::Contradiction;
use rustc_hash::FxHashMap;

use super::ContradictionView;
use super::messages::Arrow;
use super::operations::ViewOperation;
use super::propagation::Propagation;
use super::value_messages::ValuePattern;
use crate::page::view_model::ViewModel;

/// Divisor of the evidence's duration for the margin shown around it.
const MARGIN_DIVISOR: i64 = 20;

/// Smallest margin, in microseconds: a single moment shows nothing.
const MIN_MARGIN: i64 = 1_000;

/// Evidence for every contradiction.
pub(in crate::page) fn of(view_model: &ViewModel<'_>) -> Vec<ContradictionView> {
    let nodes = view_model.report.test().node_ids();
    let places = operation_indices(view_model);
    let contradictions = view_model.report.contradictions.iter();
    contradictions
        .map(|contradiction| view_of(contradiction, &nodes, &places, view_model))
        .collect()
}

fn view_of(
    contradiction: &Contradiction,
    nodes: &[String],
    places: &FxHashMap<usize, usize>,
    view_model: &ViewModel<'_>,
) -> ContradictionView {
    let Contradiction { description, operations, value } = contradiction;
    let own: BTreeSet<usize> =
        operations.iter().filter_map(|index| places.get(index).copied()).collect();
    let own: Vec<usize> = own.into_iter().collect();
    let said: BTreeSet<usize> = own
        .iter()
        .flat_map(|place| messages_of(&view_model.operations[*place], view_model))
        .collect();
    let asked = said.iter().map(|place| &view_model.arrows[*place]);
    let value = value.as_ref().filter(|_| view_model.report.test().workload.spreads_values());
    let pattern = value.and_then(|value| ValuePattern::new(value, asked));
    let value_messages =
        pattern.map(|pattern| value_messages(&pattern, view_model)).unwrap_or_default();
    let carried: Vec<&Arrow<'_>> =
        value_messages.iter().map(|place| &view_model.arrows[*place]).collect();
    let own_operations: Vec<&ViewOperation<'_>> =
        own.iter().map(|place| &view_model.operations[*place]).collect();
    let (summary_lines, way) = match value {
        Some(value) if !carried.is_empty() => {
            let propagation = Propagation {
                value,
                nodes,
                operations: &own_operations,
                value_messages: &carried,
                arrows: &view_model.arrows,
                recorded_until: view_model.recorded_until,
            };
            (propagation.summary_lines(), propagation.message_lines())
        }
        _ => Default::default(),
    };
    let times = carried.iter().flat_map(|arrow| [arrow.sent, arrow.ended.unwrap_or(arrow.sent)]);
    let own_times = own_operations.iter();
    let own_times = own_times.flat_map(|own| [own.invoked, own.completed.max(own.invoked)]);
    let (from, until) = time_range(times)
        .or_else(|| time_range(own_times))
        .unwrap_or((view_model.begin, view_model.end));
    let around = ((until - from) / MARGIN_DIVISOR).max(MIN_MARGIN);
    ContradictionView {
        what: description.clone(),
        evidence: summary_lines.iter().cloned().chain(way).collect(),
        summary_lines,
        operations: own,
        messages: said
            .into_iter()
            .chain(value_messages)
            .collect::<BTreeSet<_>>()
            .into_iter()
            .collect(),
        from: from - around,
        until: until + around,
    }
}

/// Index of the operation for each entry of the history.
fn operation_indices(view_model: &ViewModel<'_>) -> FxHashMap<usize, usize> {
    let mut places = FxHashMap::default();
    for (place, ViewOperation { begin, end, .. }) in view_model.operations.iter().enumerate() {
        places.insert(begin.index, place);
        places.extend(end.map(|end| (end.index, place)));
    }
    places
}

/// Messages to nodes and services that carried a value.
fn value_messages(pattern: &ValuePattern, view_model: &ViewModel<'_>) -> Vec<usize> {
    let all = view_model.arrows.iter().enumerate();
    let value_messages = all.filter(|(_, arrow)| !arrow.is_to_client() && pattern.is_in(arrow));
    value_messages.map(|(place, _)| place).collect()
}

/// Messages to and from an operation's client while the operation lasted.
fn messages_of(operation: &ViewOperation<'_>, view_model: &ViewModel<'_>) -> Vec<usize> {
    let Some(client) = operation.client else { return Vec::new() };
    let client = view_model.participants[client].name.as_str();
    let (from, until) = (operation.invoked, operation.completed);
    let until = if until < from { i64::MAX } else { until };
    let first = view_model.arrows.partition_point(|arrow| arrow.sent < from);
    let during = view_model.arrows.iter().enumerate().skip(first);
    let during = during.take_while(|(_, arrow)| arrow.sent <= until);
    let own = during.filter(|(_, arrow)| {
        [&arrow.message.src, &arrow.message.dest].into_iter().any(|name| **name == *client)
    });
    own.map(|(place, _)| place).collect()
}

fn time_range(times: impl Iterator<Item = i64> + Clone) -> Option<(i64, i64)> {
    Some((times.clone().min()?, times.max()?))
}
