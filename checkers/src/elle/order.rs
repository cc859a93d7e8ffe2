//! Orders between transactions that their data does not show: that of time, and that of processes.
//!
//! Every transaction precedes all that begin after its end, which is a quadratic number of pairs.
//! Of these it is enough to keep the transitive reduction: when `b` ends, whatever ended before
//! `b` began needs no more edges, for it precedes everything later by way of `b`. So at most as
//! many ends wait for edges as there are clients.

use rustc_hash::FxHashMap;

use super::{graph::Rels, transaction::Transactions};
use crate::history::Kind;

/// An edge from the end of one transaction to that of another.
pub(super) type Triple = (u32, u32, Rels);

/// Edges from each transaction that happened to those that began after its end.
pub(super) fn realtime(transactions: &Transactions<'_>) -> Vec<Triple> {
    let ends: FxHashMap<usize, u32> = transactions
        .ends()
        .map(|(at, entry)| (entry.invocation.unwrap_or(entry.op).index, number(at)))
        .collect();
    let (mut edges, mut waiting): (Vec<Triple>, Vec<(usize, u32)>) = (Vec::new(), Vec::new());
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
                waiting.push((index, number(at)));
            }
            (Kind::Fail | Kind::Info, _) => {}
        }
    }
    edges
}

/// Edges from each transaction that happened to the next one of its process.
pub(super) fn process(transactions: &Transactions<'_>) -> Vec<Triple> {
    let mut last = FxHashMap::default();
    let mut edges = Vec::new();
    for (at, entry) in transactions.oks() {
        if let Some(before) = last.insert(entry.op.process, number(at)) {
            edges.push((before, number(at), Rels::PROCESS));
        }
    }
    edges
}

/// The vertex of the transaction that ends with this entry.
pub(super) fn number(entry: usize) -> u32 {
    u32::try_from(entry).expect("a history has less than 2^32 operations")
}

#[cfg(test)]
mod tests {
    use super::super::Workload;
    use super::*;
    use crate::random::Random;
    use crate::testing::history;

    #[test]
    fn what_follows_from_the_edges_is_the_order_of_time() {
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
            let transactions = Transactions::read(&history, Workload::RwRegister).unwrap();
            let edges = realtime(&transactions);
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
            for (a, first) in transactions.ends() {
                for (b, second) in transactions.ends() {
                    let begun = second.invocation.unwrap_or(second.op).index;
                    let precedes = first.kind == Kind::Ok && first.op.index < begun;
                    assert_eq!(reaches[a][b], precedes, "{a} and {b} in\n{text}");
                }
            }
            assert!(edges.len() <= 4 * n, "{} edges among {n}", edges.len());
        }
    }

    #[test]
    fn a_process_does_one_thing_after_the_other() {
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
        let transactions = Transactions::read(&history, Workload::RwRegister).unwrap();
        assert_eq!(process(&transactions), [(1, 7, Rels::PROCESS)]);
    }
}
