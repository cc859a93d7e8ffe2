//! The dependency graph: how it is built, the search for its cycles, and the steps of each cycle.

use std::collections::BTreeSet;

use super::anomaly::{self, Anomaly};
use super::cycle::{self, CycleSearchOutcome};
use super::cycle_exists;
use super::cycle_kinds;
use super::findings::{Case, CycleStep, Findings};
use super::graph::{Graph, Rels};
use super::model::{self, ConsistencyModel};
use super::order::{self, EdgeTriple};
use super::transaction::TxnHistory;

/// The dependencies between transactions that a workload infers from their data.
pub(super) trait Dependencies<'h> {
    /// The order in which the relations of one edge are tried as its explanation.
    const ORDER: [Rels; 5];
    /// All dependency edges.
    fn edges(&self) -> Vec<EdgeTriple>;
    /// The operations that show this relation between two transactions.
    fn explain(&self, from: u32, to: u32, rel: Rels) -> Option<CycleStep<'h>>;
}

/// Finds a shortest cycle of each kind in each nontrivial component, unless a worse cycle makes it
/// redundant.
pub(super) fn search<'h, D: Dependencies<'h>>(
    transactions: &TxnHistory<'h>,
    dependencies: &D,
    models: &[ConsistencyModel],
    findings: &mut Findings<'h>,
) {
    let mut edges = dependencies.edges();
    match required_order(models) {
        Rels::PROCESS => edges.extend(order::process_edges(transactions)),
        Rels::REALTIME => edges.extend(order::realtime_edges(transactions)),
        _ => {}
    }
    if edges.is_empty() {
        findings.add(anomaly::EMPTY_GRAPH, Case::EmptyGraph);
    }
    // A self-loop only keeps the graph from being empty. Other checks find what it could show,
    // unless its transaction is in a nontrivial component.
    let graph = Graph::new(transactions.entries.len(), edges);
    let specs = cycle_kinds::specs();
    for component in graph.nontrivial_components() {
        let subgraph = graph.subgraph(&component);
        let whole = |vertex: u32| component[vertex as usize];
        let mut redundant = BTreeSet::new();
        for spec in &specs {
            if redundant.contains(&spec.anomaly) {
                continue;
            }
            match cycle::shortest(&subgraph, spec, D::ORDER) {
                CycleSearchOutcome::Cycle(cycle) => {
                    let cycle: Vec<u32> = cycle.into_iter().map(whole).collect();
                    let (anomaly, case) = explain_cycle(transactions, dependencies, &graph, &cycle);
                    findings.add(anomaly, case);
                    redundant.extend(anomaly::implied([anomaly]));
                }
                CycleSearchOutcome::NoCycle => {}
                CycleSearchOutcome::GaveUp => {
                    let (sought, transactions) = (spec.anomaly, component.len());
                    findings.add(anomaly::TIMEOUT, Case::Timeout { sought, transactions });
                }
            }
        }
        for (spec, members) in cycle_exists::check(&subgraph) {
            let members = members.into_iter().map(whole);
            let transactions = members.map(|v| transactions.entries[v as usize].op).collect();
            let (model, base, extended) = (spec.model, spec.base, spec.extended);
            let case = Case::CycleExists { model, base, extended, transactions };
            findings.add(spec.anomaly, case);
        }
    }
}

/// The order beyond data that these models require. Real-time order includes process order.
fn required_order(models: &[ConsistencyModel]) -> Rels {
    let prohibited = model::prohibited(models);
    let specs = cycle_kinds::specs().into_iter().filter(|spec| prohibited.contains(&spec.anomaly));
    specs.map(|spec| spec.variant).max().unwrap_or(Rels::NONE)
}

/// A cycle with its steps, and the anomaly that these make it.
fn explain_cycle<'h, D: Dependencies<'h>>(
    transactions: &TxnHistory<'h>,
    dependencies: &D,
    graph: &Graph,
    cycle: &[u32],
) -> (Anomaly, Case<'h>) {
    let entry = |vertex: u32| &transactions.entries[vertex as usize];
    let (mut rels, mut steps) = (Vec::new(), Vec::new());
    for (from, to) in cycle.iter().zip(cycle.iter().cycle().skip(1)) {
        let (before, after) = (entry(*from), entry(*to));
        let rel = cycle_kinds::first_rel(graph.rels(*from, *to), D::ORDER);
        rels.push(rel);
        steps.push(match rel {
            Rels::PROCESS => CycleStep::Process(before.op.process),
            Rels::REALTIME => {
                CycleStep::Realtime { end: before.op, begin: after.invocation.unwrap_or(after.op) }
            }
            _ => {
                let step = dependencies.explain(*from, *to, rel);
                step.expect("an edge is explained by the operations it was inferred from")
            }
        });
    }
    let transactions = cycle.iter().map(|vertex| entry(*vertex).op).collect();
    (cycle_kinds::classify(&rels), Case::Cycle { transactions, steps })
}
