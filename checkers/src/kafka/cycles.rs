//! Cycles in the dependency graph, which arise only from polls of messages before they were sent.
//!
//! Upstream asks Elle (Kingsbury and Alvaro, *Elle: Inferring Isolation Anomalies from Experimental
//! Observations*, VLDB 2020) for cycles of two relations. A send comes before the polls of its
//! message (`wr`), and an operation that succeeded comes before those invoked after its completion
//! (`realtime`).
//!
//! Assume that no poll completed before the send of its message was invoked. Then a `wr` edge leads
//! from an earlier invocation to a later completion, and a `realtime` edge leads from a completion
//! to a later invocation. So around a cycle, where the two relations alternate, every invocation
//! would come before itself. Therefore a cycle needs a poll that breaks the assumption, and the
//! graph is built only if there is one. Upstream reports one cycle for each strongly connected
//! component, and the component itself.

use rustc_hash::FxHashMap;

use super::{
    errors::{ErrorType, LogError},
    index::HistoryIndex,
    operations::ParsedOp,
};
use crate::history::Kind;

/// The errors that upstream reports: for each component, a `:G1c-realtime` cycle and the component
/// itself; or else that the graph has no edges.
pub(super) fn find(index: &HistoryIndex<'_>) -> Vec<(ErrorType, Vec<LogError>)> {
    let premature = premature(index);
    if premature.is_empty() {
        let errors = if is_graph_empty(index) { vec![LogError::EmptyGraph] } else { Vec::new() };
        return vec![(ErrorType::EmptyTransactionGraph, errors)];
    }
    let components = components(index);
    let shown = components.iter().filter_map(|component| {
        let inside = |at: usize| component.binary_search(&index.op(at).index).is_ok();
        let is_inside = |error: &&LogError| match **error {
            LogError::PrematureRead { writer, reader, .. } => inside(writer) && inside(reader),
            _ => false,
        };
        premature.iter().find(is_inside).cloned()
    });
    let shown = shown.collect();
    let components = components.into_iter().map(|indices| LogError::Component { indices });
    vec![(ErrorType::G1cRealtime, shown), (ErrorType::StrongPl2CycleExists, components.collect())]
}

/// The polls that completed before the sends of their messages were invoked.
fn premature(index: &HistoryIndex<'_>) -> Vec<LogError> {
    let mut premature = Vec::new();
    for (reader, parsed) in index.ops.all.iter().enumerate() {
        if parsed.op.kind != Kind::Ok {
            continue;
        }
        for poll in &parsed.polls {
            for (_, message) in &poll.pairs {
                let (key, message) = (poll.key, *message);
                let Some(writer) = index.by_message.writer(key, message) else { continue };
                let began = index.history.invocation(index.op(writer));
                if writer != reader && began.is_some_and(|began| parsed.op.index < began.index) {
                    premature.push(LogError::PrematureRead { key, message, writer, reader });
                }
            }
        }
    }
    premature
}

/// True if the graph has no edges, which is an error upstream: no message was polled, and no
/// operation was invoked after the completion of another one.
fn is_graph_empty(index: &HistoryIndex<'_>) -> bool {
    let ops = || index.ops.all.iter().filter(|parsed| parsed.sends_or_polls());
    let polled_any = |parsed: &ParsedOp<'_>| parsed.polls.iter().any(|poll| !poll.pairs.is_empty());
    let first_end = ops().find(|parsed| parsed.op.kind == Kind::Ok).map(|parsed| parsed.op.index);
    let begun = ops().filter(|parsed| index.history.completion(parsed.op).is_some());
    let last_begin = begun.map(|parsed| parsed.op.index).max();
    let in_turn = first_end.zip(last_begin).is_some_and(|(end, begin)| end < begin);
    !in_turn && !ops().any(polled_any)
}

/// The strongly connected components of more than one operation, each as the sorted indices of its
/// operations in the history.
fn components(index: &HistoryIndex<'_>) -> Vec<Vec<usize>> {
    let components = strongly_connected(&edges(index)).into_iter();
    let components = components.filter(|component| component.len() > 1);
    let indices = components.map(|component| {
        let indices = component.into_iter().map(|at| index.op(at).index);
        let mut indices: Vec<usize> = indices.collect();
        indices.sort_unstable();
        indices
    });
    indices.collect()
}

/// The successors of each operation, given by its completion: the polls of its messages, and the
/// operations that were invoked after it (without those that follow by transitivity).
fn edges(index: &HistoryIndex<'_>) -> Vec<Vec<usize>> {
    let all = &index.ops.all;
    let places: FxHashMap<usize, usize> =
        all.iter().enumerate().map(|(at, parsed)| (parsed.op.index, at)).collect();
    let mut after = vec![Vec::new(); all.len()];
    let mut before = vec![Vec::new(); all.len()];
    let mut ended: Vec<usize> = Vec::new();
    for (at, parsed) in all.iter().enumerate().filter(|(_, parsed)| parsed.sends_or_polls()) {
        match parsed.op.kind {
            Kind::Invoke => {
                let completion = index.history.completion(parsed.op);
                if let Some(end) = completion.and_then(|op| places.get(&op.index)) {
                    before[*end].clone_from(&ended);
                    for first in &ended {
                        after[*first].push(*end);
                    }
                }
            }
            Kind::Ok => {
                ended.retain(|earlier| !before[at].contains(earlier));
                ended.push(at);
            }
            Kind::Fail | Kind::Info => {}
        }
        if parsed.is_completion() {
            for sent in &parsed.sends {
                if index.by_message.writer(sent.key, sent.message) == Some(at) {
                    let readers = index.by_message.readers(sent.key, sent.message).iter();
                    after[at].extend(readers.filter(|reader| **reader != at));
                }
            }
        }
    }
    after
}

/// Tarjan's algorithm (*Depth-First Search and Linear Graph Algorithms*, 1972), with an explicit
/// stack, because a history may be long.
fn strongly_connected(after: &[Vec<usize>]) -> Vec<Vec<usize>> {
    const UNSEEN: usize = usize::MAX;
    let (mut index, mut lowlink) = (vec![UNSEEN; after.len()], vec![UNSEEN; after.len()]);
    let (mut stack, mut is_on_stack) = (Vec::new(), vec![false; after.len()]);
    let (mut components, mut next_index) = (Vec::new(), 0);
    for root in 0..after.len() {
        if index[root] != UNSEEN {
            continue;
        }
        let mut calls = vec![(root, 0)];
        while let Some((operation, next)) = calls.last_mut() {
            let operation = *operation;
            if *next == 0 && index[operation] == UNSEEN {
                (index[operation], lowlink[operation], is_on_stack[operation]) =
                    (next_index, next_index, true);
                next_index += 1;
                stack.push(operation);
            }
            if let Some(successor) = after[operation].get(*next) {
                *next += 1;
                if index[*successor] == UNSEEN {
                    calls.push((*successor, 0));
                } else if is_on_stack[*successor] {
                    lowlink[operation] = lowlink[operation].min(index[*successor]);
                }
                continue;
            }
            calls.pop();
            if let Some((parent, _)) = calls.last() {
                lowlink[*parent] = lowlink[*parent].min(lowlink[operation]);
            }
            if lowlink[operation] == index[operation] {
                let start =
                    stack.iter().rposition(|member| *member == operation).unwrap_or_default();
                let component = stack.split_off(start);
                for member in &component {
                    is_on_stack[*member] = false;
                }
                components.push(component);
            }
        }
    }
    components
}
