//! Messages from the future: Elle's cycles, as far as this workload has any.
//!
//! Upstream asks Elle for cycles of two relations: a send comes before the polls of its message,
//! and an operation that succeeded comes before those that began after its end. (Kingsbury and
//! Alvaro, *Elle: Inferring Isolation Anomalies from Experimental Observations*, VLDB 2020.) Say
//! that no poll ended before the send of what it returned had begun. Then of each send and a poll
//! of it, the beginning of the first comes before the end of the second; and around a cycle, where
//! the two relations alternate, every beginning comes before every end that follows, and so before
//! itself. So there are cycles only if there is such a poll, and the graph is built only then.
//! Upstream reports one cycle for each strongly connected component, and that there is one.

use rustc_hash::FxHashMap;

use super::{
    acts::Act,
    anomaly::{Error, ErrorType},
    index::Index,
};
use crate::history::Kind;

/// What upstream reports of cycles: `:G1c-realtime`, that there is a component, or that no two
/// operations are related at all.
pub(super) fn find(index: &Index<'_>) -> Vec<(ErrorType, Vec<Error>)> {
    let premature = premature(index);
    if premature.is_empty() {
        let errors =
            if is_nothing_related(index) { vec![Error::NothingRelated] } else { Vec::new() };
        return vec![(ErrorType::EmptyTransactionGraph, errors)];
    }
    let components = components(index);
    let shown = components.iter().filter_map(|component| {
        let inside = |at: usize| component.binary_search(&index.op(at).index).is_ok();
        let is_inside = |error: &&Error| match **error {
            Error::PrematureRead { writer, reader, .. } => inside(writer) && inside(reader),
            _ => false,
        };
        premature.iter().find(is_inside).cloned()
    });
    let shown = shown.collect();
    let components = components.into_iter().map(|indices| Error::Component { indices });
    vec![(ErrorType::G1cRealtime, shown), (ErrorType::StrongPl2CycleExists, components.collect())]
}

/// The polls that ended before the sends of their messages began.
fn premature(index: &Index<'_>) -> Vec<Error> {
    let mut premature = Vec::new();
    for (reader, act) in index.acts.all.iter().enumerate() {
        if act.op.kind != Kind::Ok {
            continue;
        }
        for poll in &act.polls {
            for (_, message) in &poll.pairs {
                let (key, message) = (poll.key, *message);
                let Some(writer) = index.facts.writer(key, message) else { continue };
                let began = index.history.invocation(index.op(writer));
                if writer != reader && began.is_some_and(|began| act.op.index < began.index) {
                    premature.push(Error::PrematureRead { key, message, writer, reader });
                }
            }
        }
    }
    premature
}

/// True if no send was polled and no operation began after another one had ended, which is an
/// error upstream.
fn is_nothing_related(index: &Index<'_>) -> bool {
    let acts = || index.acts.all.iter().filter(|act| act.is_transaction());
    let tells = |act: &Act<'_>| act.polls.iter().any(|poll| !poll.pairs.is_empty());
    let first_end = acts().find(|act| act.op.kind == Kind::Ok).map(|act| act.op.index);
    let begun = acts().filter(|act| index.history.completion(act.op).is_some());
    let last_begin = begun.map(|act| act.op.index).max();
    let in_turn = first_end.zip(last_begin).is_some_and(|(end, begin)| end < begin);
    !in_turn && !acts().any(tells)
}

/// The strongly connected components of more than one operation, by their indices in the history,
/// sorted.
fn components(index: &Index<'_>) -> Vec<Vec<usize>> {
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

/// For each operation, by its end, those that come after it: the polls of what it sent, and those
/// that began after it, unless they also began after one of those.
fn edges(index: &Index<'_>) -> Vec<Vec<usize>> {
    let all = &index.acts.all;
    let places: FxHashMap<usize, usize> =
        all.iter().enumerate().map(|(at, act)| (act.op.index, at)).collect();
    let mut after = vec![Vec::new(); all.len()];
    let mut before = vec![Vec::new(); all.len()];
    let mut ended: Vec<usize> = Vec::new();
    for (at, act) in all.iter().enumerate().filter(|(_, act)| act.is_transaction()) {
        match act.op.kind {
            Kind::Invoke => {
                let completion = index.history.completion(act.op);
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
        if act.is_completion() {
            for sent in &act.sends {
                if index.facts.writer(sent.key, sent.message) == Some(at) {
                    let readers = index.facts.readers(sent.key, sent.message).iter();
                    after[at].extend(readers.filter(|reader| **reader != at));
                }
            }
        }
    }
    after
}

/// Tarjan's algorithm (*Depth-First Search and Linear Graph Algorithms*, 1972), with a stack of
/// its own: a history may be long.
fn strongly_connected(after: &[Vec<usize>]) -> Vec<Vec<usize>> {
    const UNSEEN: usize = usize::MAX;
    let (mut order, mut low) = (vec![UNSEEN; after.len()], vec![UNSEEN; after.len()]);
    let (mut open, mut is_open) = (Vec::new(), vec![false; after.len()]);
    let (mut components, mut seen) = (Vec::new(), 0);
    for root in 0..after.len() {
        if order[root] != UNSEEN {
            continue;
        }
        let mut path = vec![(root, 0)];
        while let Some((node, next)) = path.last_mut() {
            let node = *node;
            if *next == 0 && order[node] == UNSEEN {
                (order[node], low[node], is_open[node]) = (seen, seen, true);
                seen += 1;
                open.push(node);
            }
            if let Some(successor) = after[node].get(*next) {
                *next += 1;
                if order[*successor] == UNSEEN {
                    path.push((*successor, 0));
                } else if is_open[*successor] {
                    low[node] = low[node].min(order[*successor]);
                }
                continue;
            }
            path.pop();
            if let Some((parent, _)) = path.last() {
                low[*parent] = low[*parent].min(low[node]);
            }
            if low[node] == order[node] {
                let start = open.iter().rposition(|open| *open == node).unwrap_or_default();
                let component = open.split_off(start);
                for member in &component {
                    is_open[*member] = false;
                }
                components.push(component);
            }
        }
    }
    components
}
