//! The orders between transactions that their data does not show: real-time and process order.
//!
//! A transaction precedes all that are invoked after its completion, which is a quadratic number of
//! pairs. Their transitive reduction is enough: when `b` completes, a transaction that completed
//! before the invocation of `b` needs no more edges, because it precedes everything later by way of
//! `b`. So the number of completions that need further edges never exceeds the number of clients.

use rustc_hash::FxHashMap;

use super::{graph::Rels, transaction::TxnHistory};
use crate::history::Kind;

/// An edge between two transactions and its relations; a vertex is the entry of a completion.
pub(super) type EdgeTriple = (u32, u32, Rels);

/// The real-time edges: from each committed transaction to those invoked after its completion.
pub(super) fn realtime_edges(transactions: &TxnHistory<'_>) -> Vec<EdgeTriple> {
    let ends: FxHashMap<usize, u32> = transactions
        .outcomes()
        .map(|(at, entry)| (entry.invocation.unwrap_or(entry.op).index, vertex_of(at)))
        .collect();
    let (mut edges, mut waiting): (Vec<EdgeTriple>, Vec<(usize, u32)>) = (Vec::new(), Vec::new());
    for (at, entry) in transactions.entries.iter().enumerate() {
        let index = entry.op.index;
        match (entry.op.kind, entry.invocation) {
            (Kind::Invoke, _) => {
                if let Some(end) = ends.get(&index) {
                    edges.extend(waiting.iter().map(|(_, from)| (*from, *end, Rels::REALTIME)));
                }
            }
            (Kind::Ok, invocation) => {
                if let Some(invocation) = invocation {
                    waiting.retain(|(ended, _)| *ended > invocation.index);
                }
                waiting.push((index, vertex_of(at)));
            }
            (Kind::Fail | Kind::Info, _) => {}
        }
    }
    edges
}

/// The process edges: from each committed transaction to the next one of its process.
pub(super) fn process_edges(transactions: &TxnHistory<'_>) -> Vec<EdgeTriple> {
    let mut last = FxHashMap::default();
    let mut edges = Vec::new();
    for (at, entry) in transactions.committed() {
        if let Some(before) = last.insert(entry.op.process, vertex_of(at)) {
            edges.push((before, vertex_of(at), Rels::PROCESS));
        }
    }
    edges
}

/// The vertex of the transaction that completes with this entry.
pub(super) fn vertex_of(entry: usize) -> u32 {
    u32::try_from(entry).expect("a history has less than 2^32 operations")
}

#[cfg(test)]
mod tests {
    use super::super::TxnWorkload;
    use super::*;
    use crate::random::Random;
    use crate::testing::history;

    #[test]
    fn the_transitive_closure_of_the_edges_is_real_time_order() {
        let mut random = Random::seeded(1);
        for _ in 0..200 {
            let mut running = [false; 4];
            let mut text = String::new();
            for _ in 0..24 {
                let process = random.below(4);
                let running = &mut running[usize::try_from(process).unwrap()];
                let kind = match (*running, random.below(5)) {
                    (false, _) => "invoke",
                    (true, 0) => "fail",
                    (true, 1) => "info",
                    (true, _) => "ok",
                };
                *running = !*running;
                text += [&process.to_string(), kind, "txn []\n"].join(" ").as_str();
            }
            let history = history(&text);
            let transactions = TxnHistory::read(&history, TxnWorkload::RwRegister).unwrap();
            let edges = realtime_edges(&transactions);
            let n = transactions.entries.len();
            let mut reaches = vec![vec![false; n]; n];
            for (a, b, _) in &edges {
                reaches[*a as usize][*b as usize] = true;
            }
            for via in 0..n {
                for a in 0..n {
                    for b in 0..n {
                        reaches[a][b] |= reaches[a][via] && reaches[via][b];
                    }
                }
            }
            for (a, first) in transactions.outcomes() {
                for (b, second) in transactions.outcomes() {
                    let begun = second.invocation.unwrap_or(second.op).index;
                    let precedes = first.kind == Kind::Ok && first.op.index < begun;
                    assert_eq!(reaches[a][b], precedes, "{a} and {b} in\n{text}");
                }
            }
            assert!(edges.len() <= 4 * n, "{} edges among {n}", edges.len());
        }
    }

    #[test]
    fn a_process_executes_one_transaction_after_the_other() {
        let history = history(
            "0 invoke txn []
             0 ok txn []
             1 invoke txn []
             0 invoke txn []
             0 fail txn []
             0 invoke txn []
             1 ok txn []
             0 ok txn []",
        );
        let transactions = TxnHistory::read(&history, TxnWorkload::RwRegister).unwrap();
        assert_eq!(process_edges(&transactions), [(1, 7, Rels::PROCESS)]);
    }
}
