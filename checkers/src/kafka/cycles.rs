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
    acts::{Act, Key, Message},
    anomaly::{Anomaly, Case, Shown, Told, anomaly, when, who},
    contradictions::Evidence,
};
use crate::{
    edn::{Map, Set, Value},
    history::Kind,
};

/// A poll that ended before the send of its message began.
#[derive(Debug, Clone, Copy)]
struct Premature {
    key: Key,
    message: Message,
    reader: usize,
    writer: usize,
}

/// Operations of which each comes before each other one.
#[derive(Debug)]
struct Component {
    /// Their indices in the history, sorted.
    indices: Vec<usize>,
}

/// What upstream reports of cycles: `:G1c-realtime`, that there is a component, or that no two
/// operations are related at all.
pub(super) fn find(told: &Told<'_>) -> Vec<Anomaly> {
    let premature = premature(told);
    if premature.is_empty() {
        return nothing_related(told).into_iter().collect();
    }
    let components = components(told);
    let shown: Vec<Premature> = components
        .iter()
        .filter_map(|component| {
            let inside =
                |at: usize| component.indices.binary_search(&told.act(at).op.index).is_ok();
            premature.iter().find(|cycle| inside(cycle.reader) && inside(cycle.writer)).copied()
        })
        .collect();
    let cycles = anomaly("G1c-realtime", &shown, Shown::Least(8), told);
    let exists = anomaly("strong-PL-2-cycle-exists", &components, Shown::All, told);
    cycles.into_iter().chain(exists).collect()
}

fn premature(told: &Told<'_>) -> Vec<Premature> {
    let mut premature = Vec::new();
    for (reader, act) in told.acts.all.iter().enumerate() {
        if act.op.kind != Kind::Ok {
            continue;
        }
        for poll in &act.polls {
            for (_, message) in &poll.pairs {
                let Some(writer) = told.facts.writer(poll.key, *message) else { continue };
                let began = told.history.invocation(told.act(writer).op);
                if writer != reader && began.is_some_and(|began| act.op.index < began.index) {
                    premature.push(Premature { key: poll.key, message: *message, reader, writer });
                }
            }
        }
    }
    premature
}

/// An anomaly upstream if no send was polled and no operation began after another one had ended.
fn nothing_related(told: &Told<'_>) -> Option<Anomaly> {
    let acts = || told.acts.all.iter().filter(|act| act.is_transaction());
    let tells = |act: &Act<'_>| act.polls.iter().any(|poll| !poll.pairs.is_empty());
    let first_end = acts().find(|act| act.op.kind == Kind::Ok).map(|act| act.op.index);
    let begun = acts().filter(|act| told.history.completion(act.op).is_some());
    let last_begin = begun.map(|act| act.op.index).max();
    let in_turn = first_end.zip(last_begin).is_some_and(|(end, begin)| end < begin);
    if in_turn || acts().any(tells) {
        return None;
    }
    let explanation = "no operation began after the end of another one, so there is nothing to \
                       judge; a longer test has more of them";
    Some(Anomaly {
        name: "empty-transaction-graph",
        count: 1,
        errors: true.into(),
        explanation: vec![explanation.to_owned()],
        contradictions: Vec::new(),
    })
}

/// The strongly connected components of more than one operation.
fn components(told: &Told<'_>) -> Vec<Component> {
    let after = edges(told);
    let components = strongly_connected(&after).into_iter().filter(|component| component.len() > 1);
    components
        .map(|component| {
            let mut indices: Vec<usize> =
                component.into_iter().map(|at| told.act(at).op.index).collect();
            indices.sort_unstable();
            Component { indices }
        })
        .collect()
}

/// For each operation, by its end, those that come after it: the polls of what it sent, and those
/// that began after it, unless they also began after one of those.
fn edges(told: &Told<'_>) -> Vec<Vec<usize>> {
    let all = &told.acts.all;
    let places: FxHashMap<usize, usize> =
        all.iter().enumerate().map(|(at, act)| (act.op.index, at)).collect();
    let mut after = vec![Vec::new(); all.len()];
    let mut before = vec![Vec::new(); all.len()];
    let mut ended: Vec<usize> = Vec::new();
    for (at, act) in all.iter().enumerate().filter(|(_, act)| act.is_transaction()) {
        match act.op.kind {
            Kind::Invoke => {
                let completion = told.history.completion(act.op);
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
                if told.facts.writer(sent.key, sent.message) == Some(at) {
                    let readers = told.facts.readers(sent.key, sent.message).iter();
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

impl Case for Premature {
    fn to_edn(&self, told: &Told<'_>) -> Value {
        let [reader, writer] = [self.reader, self.writer].map(|at| told.quoted(at));
        let began =
            told.history.invocation(told.act(self.writer).op).map(crate::history::Op::to_edn);
        let realtime = Map::new()
            .with("type", Value::keyword("realtime"))
            .with("a'", reader.clone())
            .with("b", began);
        let polled = Map::new()
            .with("type", Value::keyword("wr"))
            .with("key", told.key(self.key).clone())
            .with("value", told.message(self.message).clone());
        Map::new()
            .with("cycle", vec![reader.clone(), writer, reader])
            .with("steps", Value::List(vec![realtime.into(), polled.into()]))
            .with("type", Value::keyword("G1c-realtime"))
            .into()
    }

    fn sentence(&self, told: &Told<'_>) -> String {
        let [reader, writer] = [self.reader, self.writer].map(|at| told.act(at).op);
        let message = told.message(self.message).json();
        let began = told.history.invocation(writer).map_or(String::new(), when);
        format!(
            "key {}: {} had polled {message} ({}) before {} began to send it ({began}), so the \
             message was there before it could be known",
            told.key(self.key).json(),
            who(reader),
            when(reader),
            who(writer),
        )
    }

    fn evidence(&self, told: &Told<'_>) -> Evidence {
        Evidence::of(told, (self.key, self.message), [self.reader])
    }

    fn shown_at(&self) -> usize {
        self.reader
    }
}

impl Case for Component {
    fn to_edn(&self, _: &Told<'_>) -> Value {
        let subgraph = ["union", "ww", "wwp", "wr", "wrp", "realtime"].map(Value::keyword);
        Map::new()
            .with("type", Value::keyword("strong-PL-2-cycle-exists"))
            .with("not", Value::keyword("strong-read-committed"))
            .with("subgraph", subgraph.to_vec())
            .with("scc-size", self.indices.len())
            .with("scc", self.indices.iter().map(|index| Value::from(*index)).collect::<Set>())
            .into()
    }

    fn sentence(&self, _: &Told<'_>) -> String {
        let (first, last) = (self.indices.first(), self.indices.last());
        let [first, last] = [first, last].map(|index| index.copied().unwrap_or_default());
        format!(
            "{} operations, from index {first} to {last}, would each have to come before all \
             others: a send comes before its polls, and what has ended before what begins",
            self.indices.len()
        )
    }

    /// The cycle shows it better.
    fn evidence(&self, _: &Told<'_>) -> Evidence {
        Evidence::default()
    }

    fn shown_at(&self) -> usize {
        self.indices.first().copied().unwrap_or_default()
    }
}
