//! Cycles of transactions: building the graph, searching it, and explaining what was found.

use super::anomaly::{self, Anomaly};
use super::cycle::{self, Found};
use super::existence;
use super::findings::{Explanation, Findings};
use super::graph::{Graph, Rels};
use super::kind;
use super::order::{self, Triple};
use super::transaction::{Id, Transactions};
use crate::edn::{Map, Value};
use crate::sentence::seconds;

/// What is known of the dependencies between transactions, by their data.
pub(super) trait Dependencies {
    /// In which order reasons are tried, when one edge has several.
    const ORDER: [Rels; 5];
    /// All edges.
    fn edges(&self) -> Vec<Triple>;
    /// Why one transaction precedes another, for this reason.
    fn explain(&self, from: u32, to: u32, rel: Rels) -> Option<Step>;
    /// The step as results have it.
    fn step_to_edn(&self, step: &Step) -> Value;
    /// The step in words, with names for both transactions.
    fn say(&self, step: &Step, from: &str, to: &str) -> String;
}

/// Why one transaction precedes another: what they did to one key.
#[derive(Debug, Clone, Copy)]
pub(super) struct Step {
    pub(super) rel: Rels,
    pub(super) key: Id,
    /// The version that the first one wrote or read; `None` for the initial one.
    pub(super) value: Option<Id>,
    /// The version that replaced it, where one did.
    pub(super) next: Option<Id>,
    /// Which of its operations that was, in the first transaction and in the second.
    pub(super) mops: [Option<usize>; 2],
}

/// Whether the order of time or that of processes is to be heeded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Beyond {
    Nothing,
    Process,
    Realtime,
}

/// Finds a shortest cycle of each kind in each knot of transactions, unless a worse one makes it
/// redundant.
pub(super) fn search<D: Dependencies>(
    transactions: &Transactions<'_>,
    dependencies: &D,
    beyond: Beyond,
    findings: &mut Findings,
) {
    let mut edges = dependencies.edges();
    match beyond {
        Beyond::Nothing => {}
        Beyond::Process => edges.extend(order::process(transactions)),
        Beyond::Realtime => edges.extend(order::realtime(transactions)),
    }
    if edges.is_empty() {
        let why = "no transaction read or wrote what another one wrote".to_owned();
        let explain = || Explanation::of(Vec::new(), vec![why]);
        findings.add(anomaly::EMPTY_GRAPH, true, explain);
    }
    // Self-loops are only there to tell that a transaction has to do with anything; what they
    // could show is shown by other means, except where a knot goes through them.
    let graph = Graph::new(transactions.entries.len(), edges);
    let specs = kind::specs();
    for knot in graph.knots() {
        let part = graph.part(&knot);
        let whole = |vertex: u32| knot[vertex as usize];
        let mut redundant = std::collections::BTreeSet::new();
        for spec in &specs {
            if redundant.contains(&spec.anomaly) {
                continue;
            }
            match cycle::shortest(&part, spec, D::ORDER) {
                Found::Cycle(cycle) => {
                    let cycle: Vec<u32> = cycle.into_iter().map(whole).collect();
                    let found = add_cycle(transactions, dependencies, &graph, &cycle, findings);
                    redundant.extend(anomaly::implied([found]));
                }
                Found::Nothing => {}
                Found::Unknown => add_timeout(spec.anomaly, knot.len(), findings),
            }
        }
        for existence in existence::check(&part) {
            let value = existence.to_edn(|v| transactions.entries[whole(v) as usize].op.index);
            findings.add(existence.anomaly, value, || {
                let among =
                    existence.knot.iter().map(|v| &transactions.entries[whole(*v) as usize]);
                let (count, model) = (existence.knot.len(), existence.model);
                let why =
                    format!("among {count} transactions there are cycles that {model} forbids");
                Explanation::of_unnamed(among.collect(), vec![why])
            });
        }
    }
}

fn add_timeout(sought: Anomaly, transactions: usize, findings: &mut Findings) {
    let value = Map::new()
        .with("type", Value::keyword(anomaly::TIMEOUT.name()))
        .with("anomaly-spec-type", Value::keyword(sought.name()))
        .with("scc-size", transactions);
    findings.add(anomaly::TIMEOUT, value, || {
        let why = format!("there may be a {sought} among {transactions} transactions");
        Explanation::of(Vec::new(), vec![why])
    });
}

/// Adds a cycle under the name that its explanation gives it, and tells that name.
fn add_cycle<D: Dependencies>(
    transactions: &Transactions<'_>,
    dependencies: &D,
    graph: &Graph,
    cycle: &[u32],
    findings: &mut Findings,
) -> Anomaly {
    let pairs = || cycle.iter().copied().zip(cycle.iter().copied().cycle().skip(1));
    let rels: Vec<Rels> =
        pairs().map(|(a, b)| kind::explained(graph.rels(a, b), D::ORDER)).collect();
    let anomaly = kind::classify(&rels);
    let op = |vertex: u32| transactions.entries[vertex as usize].op.to_edn();
    let steps = pairs().zip(&rels).map(|((a, b), rel)| match dependencies.explain(a, b, *rel) {
        Some(step) => dependencies.step_to_edn(&step),
        None => ordered_to_edn(transactions, a, b, *rel),
    });
    let value = Map::new()
        .with("cycle", cycle.iter().chain(cycle.first()).map(|v| op(*v)).collect::<Vec<_>>())
        .with("steps", Value::List(steps.collect()))
        .with("type", Value::keyword(anomaly.name()));
    findings.add(anomaly, value, || {
        let name = |vertex: u32| {
            let place = cycle.iter().position(|other| *other == vertex);
            format!("T{}", place.unwrap_or_default() + 1)
        };
        let mut lines = Vec::new();
        for ((a, b), rel) in pairs().zip(&rels) {
            let (from, to) = (name(a), name(b));
            let why = match dependencies.explain(a, b, *rel) {
                Some(step) => dependencies.say(&step, &from, &to),
                None => say_order(transactions, a, b, *rel, &from, &to),
            };
            lines.push(format!("{why}, so {from} comes before {to}"));
        }
        lines.push(match cycle.len() {
            1 => "so T1 would have to come before itself".to_owned(),
            _ => "so each of them would have to come before itself, and no order of these \
                  transactions explains what they saw"
                .to_owned(),
        });
        let named = cycle.iter().map(|vertex| &transactions.entries[*vertex as usize]);
        Explanation::of(named.collect(), lines)
    });
    anomaly
}

fn ordered_to_edn(transactions: &Transactions<'_>, a: u32, b: u32, rel: Rels) -> Value {
    let [a, b] = [a, b].map(|vertex| &transactions.entries[vertex as usize]);
    let map = Map::new();
    if rel == Rels::PROCESS {
        return map.with("type", Value::keyword("process")).with("process", a.op.process).into();
    }
    map.with("type", Value::keyword("realtime"))
        .with("a'", a.op.to_edn())
        .with("b", b.invocation.unwrap_or(b.op).to_edn())
        .into()
}

fn say_order(
    transactions: &Transactions<'_>,
    a: u32,
    b: u32,
    rel: Rels,
    from: &str,
    to: &str,
) -> String {
    let [a, b] = [a, b].map(|vertex| &transactions.entries[vertex as usize]);
    if rel == Rels::PROCESS {
        return format!("process {} did {from} before {to}", a.op.process);
    }
    let begun = b.invocation.unwrap_or(b.op);
    let earlier = seconds(begun.time.saturating_sub(a.op.time));
    let (ended, begun) = (a.op.index, begun.index);
    format!("{from} had ended (index {ended}) {earlier} before {to} began (index {begun})")
}
