//! Cycles of transactions: building the graph, searching it, and the steps of what was found.

use std::collections::BTreeSet;

use super::anomaly::{self, Anomaly};
use super::cycle::{self, Found};
use super::existence;
use super::findings::{Case, Findings, Step};
use super::graph::{Graph, Rels};
use super::kind;
use super::model::{self, ConsistencyModel};
use super::order::{self, Triple};
use super::transaction::Transactions;

/// What is known of the dependencies between transactions, by their data.
pub(super) trait Dependencies<'h> {
    /// In which order reasons are tried, when one edge has several.
    const ORDER: [Rels; 5];
    /// All edges.
    fn edges(&self) -> Vec<Triple>;
    /// Why one transaction precedes another, for this reason.
    fn explain(&self, from: u32, to: u32, rel: Rels) -> Option<Step<'h>>;
}

/// Finds a shortest cycle of each kind in each knot of transactions, unless a worse one makes it
/// redundant.
pub(super) fn search<'h, D: Dependencies<'h>>(
    transactions: &Transactions<'h>,
    dependencies: &D,
    models: &[ConsistencyModel],
    findings: &mut Findings<'h>,
) {
    let mut edges = dependencies.edges();
    match beyond(models) {
        Rels::PROCESS => edges.extend(order::process(transactions)),
        Rels::REALTIME => edges.extend(order::realtime(transactions)),
        _ => {}
    }
    if edges.is_empty() {
        findings.add(anomaly::EMPTY_GRAPH, Case::EmptyGraph);
    }
    // Self-loops are only there to tell that a transaction has to do with anything; what they
    // could show is shown by other means, except where a knot goes through them.
    let graph = Graph::new(transactions.entries.len(), edges);
    let specs = kind::specs();
    for knot in graph.knots() {
        let part = graph.part(&knot);
        let whole = |vertex: u32| knot[vertex as usize];
        let mut redundant = BTreeSet::new();
        for spec in &specs {
            if redundant.contains(&spec.anomaly) {
                continue;
            }
            match cycle::shortest(&part, spec, D::ORDER) {
                Found::Cycle(cycle) => {
                    let cycle: Vec<u32> = cycle.into_iter().map(whole).collect();
                    let (anomaly, case) = explained(transactions, dependencies, &graph, &cycle);
                    findings.add(anomaly, case);
                    redundant.extend(anomaly::implied([anomaly]));
                }
                Found::Nothing => {}
                Found::Unknown => {
                    let (sought, transactions) = (spec.anomaly, knot.len());
                    findings.add(anomaly::TIMEOUT, Case::Timeout { sought, transactions });
                }
            }
        }
        for (spec, members) in existence::check(&part) {
            let members = members.into_iter().map(whole);
            let transactions = members.map(|v| transactions.entries[v as usize].op).collect();
            let (model, base, extended) = (spec.model, spec.base, spec.extended);
            let case = Case::CycleExists { model, base, extended, transactions };
            findings.add(spec.anomaly, case);
        }
    }
}

/// The order beyond data that these models speak of; that of time goes beyond that of processes.
fn beyond(models: &[ConsistencyModel]) -> Rels {
    let prohibited = model::prohibited(models);
    let specs = kind::specs().into_iter().filter(|spec| prohibited.contains(&spec.anomaly));
    specs.map(|spec| spec.variant).max().unwrap_or(Rels::NONE)
}

/// A cycle with its steps, under the name that these give it.
fn explained<'h, D: Dependencies<'h>>(
    transactions: &Transactions<'h>,
    dependencies: &D,
    graph: &Graph,
    cycle: &[u32],
) -> (Anomaly, Case<'h>) {
    let entry = |vertex: u32| &transactions.entries[vertex as usize];
    let (mut rels, mut steps) = (Vec::new(), Vec::new());
    for (from, to) in cycle.iter().zip(cycle.iter().cycle().skip(1)) {
        let (before, after) = (entry(*from), entry(*to));
        let rel = kind::explained(graph.rels(*from, *to), D::ORDER);
        rels.push(rel);
        steps.push(match rel {
            Rels::PROCESS => Step::Process(before.op.process),
            Rels::REALTIME => {
                Step::Realtime { end: before.op, begin: after.invocation.unwrap_or(after.op) }
            }
            _ => {
                let step = dependencies.explain(*from, *to, rel);
                step.expect("an edge can be explained by what it was inferred from")
            }
        });
    }
    let transactions = cycle.iter().map(|vertex| entry(*vertex).op).collect();
    (kind::classify(&rels), Case::Cycle { transactions, steps })
}
