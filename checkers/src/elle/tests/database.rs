//! A simulated database of three lists with a given isolation level, and its clients' histories.

use crate::edn::Value;
use crate::history::{History, Kind, Op, Process};
use crate::random::Random;

/// A transaction of a client, and the replies it got.
#[derive(Debug, Clone)]
pub(super) struct SimulatedTxn {
    pub(super) begin: u64,
    pub(super) end: u64,
    pub(super) kind: Kind,
    /// The key of each micro-operation, and the element that it appends, if it is an append.
    pub(super) mops: Vec<(usize, Option<i64>)>,
    /// The list that each micro-operation read, if it is a read that was answered.
    pub(super) reads: Vec<Option<Vec<i64>>>,
}

/// The values that reads show: whole lists, or only their last elements, as registers do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ReadKind {
    Lists,
    Registers,
}

/// The isolation level of the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Isolation {
    /// Strict serializability: each transaction happens at one instant.
    Strict,
    /// Snapshot isolation: a transaction reads the state at its beginning, and fails if a key that
    /// it writes has changed since.
    Snapshot,
    /// No isolation: each micro-operation happens at an instant of its own.
    None,
}

const KEYS: usize = 3;

/// Runs `count` transactions, and at the end one that reads every key.
pub(super) fn simulate(random: &mut Random, count: u64, isolation: Isolation) -> Vec<SimulatedTxn> {
    let mut elements = [0; KEYS];
    let mut transactions: Vec<SimulatedTxn> = (0..count)
        .map(|number| {
            let begin = 100 * number + random.below(100);
            let end = begin + 1 + random.below(400);
            let mops = (0..=random.below(4)).map(|_| {
                let key = usize::try_from(random.below(KEYS as u64)).unwrap();
                let append = random.below(2) == 0;
                elements[key] += i64::from(append);
                (key, append.then_some(elements[key]))
            });
            let mops: Vec<_> = mops.collect();
            let reads = vec![None; mops.len()];
            SimulatedTxn { begin, end, kind: Kind::Ok, mops, reads }
        })
        .collect();
    let last = 100 * count + 1_000;
    let mops: Vec<_> = (0..KEYS).map(|key| (key, None)).collect();
    let reads = vec![None; mops.len()];
    transactions.push(SimulatedTxn { begin: last, end: last + 1, kind: Kind::Ok, mops, reads });
    execute(random, &mut transactions, isolation);
    transactions
}

/// Executes every transaction at an instant between its invocation and its completion.
fn execute(random: &mut Random, transactions: &mut [SimulatedTxn], isolation: Isolation) {
    let last = transactions.len() - 1;
    // The instants at which micro-operations execute: all of a transaction at once, or one by one.
    let mut moments: Vec<(u64, usize, Option<usize>)> = Vec::new();
    for (number, transaction) in transactions.iter_mut().enumerate() {
        let mut moment = || transaction.begin + random.below(transaction.end - transaction.begin);
        if isolation == Isolation::None {
            let mut times: Vec<u64> = transaction.mops.iter().map(|_| moment()).collect();
            times.sort_unstable();
            moments.extend(times.into_iter().zip(0..).map(|(at, mop)| (at, number, Some(mop))));
        } else {
            moments.push((moment(), number, None));
        }
        let fate = if number == last { 9 } else { random.below(10) };
        transaction.kind = match fate {
            0 => Kind::Fail,
            1 | 2 => Kind::Info,
            _ => Kind::Ok,
        };
    }
    moments.sort_unstable();
    let mut lists = vec![Vec::new(); KEYS];
    // The past states, from which snapshots are taken.
    let mut past: Vec<(u64, Vec<Vec<i64>>)> = vec![(0, lists.clone())];
    for (at, number, mop) in moments {
        let transaction = &mut transactions[number];
        // Of the indeterminate transactions, half never happen.
        let vanishes = transaction.kind == Kind::Info && number % 2 == 0;
        if transaction.kind == Kind::Fail || vanishes {
            continue;
        }
        let begin = transaction.begin;
        let snapshot = past.iter().rev().find(|(time, _)| *time <= begin).map(|(_, then)| then);
        let mut view = match (isolation, snapshot) {
            (Isolation::Snapshot, Some(then)) => then.clone(),
            _ => lists.clone(),
        };
        let mut written = [false; KEYS];
        for place in mop.map_or(0..transaction.mops.len(), |mop| mop..mop + 1) {
            let (key, append) = transaction.mops[place];
            match append {
                Some(element) => view[key].push(element),
                None => transaction.reads[place] = Some(view[key].clone()),
            }
            written[key] |= append.is_some();
        }
        let changed = |key: usize| snapshot.is_none_or(|then| then[key] != lists[key]);
        let conflicts = (0..KEYS).any(|key| written[key] && changed(key));
        if isolation == Isolation::Snapshot && conflicts {
            transaction.kind = Kind::Fail;
            transaction.reads.fill(None);
            continue;
        }
        for key in (0..KEYS).filter(|key| written[*key]) {
            lists[key].clone_from(&view[key]);
        }
        if transaction.kind == Kind::Info {
            transaction.reads.fill(None);
        }
        past.push((at, lists.clone()));
        if past.len() > 64 {
            past.remove(0);
        }
    }
}

/// The history that clients record; each transaction has a process of its own.
pub(super) fn history(transactions: &[SimulatedTxn], seen: ReadKind) -> History {
    let mut events: Vec<(u64, bool, usize)> = Vec::new();
    for (number, transaction) in transactions.iter().enumerate() {
        events.push((transaction.begin, false, number));
        events.push((transaction.end.max(transaction.begin), true, number));
    }
    events.sort_unstable();
    History::from_ops(events.into_iter().enumerate().map(|(index, (time, is_end, number))| {
        let transaction = &transactions[number];
        let kind = if is_end { transaction.kind } else { Kind::Invoke };
        let value = value(transaction, seen, kind == Kind::Ok);
        let process = Process::Client(number as u64);
        Op { kind, ..Op::invoke(index, time, process, "txn", value) }
    }))
}

fn value(transaction: &SimulatedTxn, seen: ReadKind, knows: bool) -> Value {
    let write = if seen == ReadKind::Lists { "append" } else { "w" };
    let mops = transaction.mops.iter().zip(&transaction.reads).map(|((key, append), read)| {
        let read = read.as_ref().filter(|list| knows && !list.is_empty());
        let (f, value) = match (append, seen) {
            (Some(element), _) => (write, Value::Int(*element)),
            (None, ReadKind::Registers) => ("r", read.and_then(|list| list.last().copied()).into()),
            (None, ReadKind::Lists) => {
                let list =
                    read.map(|list| Value::Vector(list.iter().copied().map(Value::Int).collect()));
                ("r", list.into())
            }
        };
        Value::Vector(vec![Value::keyword(f), Value::from(*key), value])
    });
    Value::Vector(mops.collect())
}
