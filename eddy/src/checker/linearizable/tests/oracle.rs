//! Small histories, right and wrong, judged by trying every order.

use std::collections::BTreeMap;

use super::super::{Verdict, check, sample::Sample};
use crate::{
    edn::Value,
    history::{History, Kind, Op, Process},
    random::Random,
};

/// An operation that happened, if it has an end, or may have.
#[derive(Clone)]
struct Call {
    f: String,
    value: Value,
    begin: usize,
    end: Option<usize>,
}

/// All that did not fail.
fn calls(history: &History) -> Vec<Call> {
    let invocations = history.ops().iter().filter(|op| op.kind == Kind::Invoke);
    let call = |begin: &Op| {
        let end = history.completion(begin);
        let ok = end.filter(|end| end.kind == Kind::Ok);
        let value = ok.unwrap_or(begin).value.as_sequence().unwrap()[1].clone();
        let call =
            Call { f: begin.f.to_string(), value, begin: begin.index, end: ok.map(|ok| ok.index) };
        (end.map(|end| end.kind) != Some(Kind::Fail)).then_some(call)
    };
    invocations.filter_map(call).collect()
}

/// The first completion up to which there is no order.
fn first_wrong(history: &History) -> Option<usize> {
    let calls = calls(history);
    let mut ends: Vec<usize> = calls.iter().filter_map(|call| call.end).collect();
    ends.sort_unstable();
    ends.into_iter().find(|limit| {
        let begun = calls.iter().filter(|call| call.begin < *limit).cloned();
        let cut = |call: Call| Call { end: call.end.filter(|end| end <= limit), ..call };
        !has_order(&begun.map(cut).collect::<Vec<_>>(), &Value::Nil)
    })
}

fn has_order(left: &[Call], state: &Value) -> bool {
    let Some(first_end) = left.iter().filter_map(|call| call.end).min() else { return true };
    (0..left.len()).any(|next| {
        let Call { f, value, begin, .. } = &left[next];
        let after = match (f.as_str(), value) {
            _ if *begin > first_end => None,
            ("read", Value::Nil) => Some(state),
            ("read", value) => (value == state).then_some(state),
            ("write", value) => Some(value),
            (_, pair) => {
                let pair = pair.as_sequence().unwrap();
                (pair[0] == *state).then_some(&pair[1])
            }
        };
        let rest = || [&left[..next], &left[next + 1..]].concat();
        after.is_some_and(|after| has_order(&rest(), after))
    })
}

/// Our verdict: where there is no order any more.
fn judged(history: &History) -> Option<usize> {
    let judged = check(history);
    judged.keys.into_iter().find_map(|key| match key.verdict {
        Verdict::Linearizable => None,
        Verdict::NotLinearizable(failure) => Some(failure.op.index),
        Verdict::Unknown(reason) => panic!("{reason}"),
    })
}

/// The same operations, one after the other.
fn renumbered(ops: Vec<Op>) -> History {
    History::from_ops((0..).zip(ops).map(|(index, op)| Op { index, ..op }))
}

const MUTATIONS: [&str; 6] = ["lost", "swapped", "doubled", "shifted", "changed", "ended"];

fn mutated(history: &History, mutation: &str, random: &mut Random) -> Option<History> {
    let mut ops = history.ops().to_vec();
    let is_ok = |op: &&Op| op.kind == Kind::Ok;
    let oks: Vec<usize> = ops.iter().filter(is_ok).map(|op| op.index).collect();
    if oks.len() < 2 {
        return None;
    }
    let (at, other) = (*random.choose(&oks), *random.choose(&oks));
    let begin = history.invocation(&ops[at])?.index;
    match mutation {
        "lost" => {
            ops.remove(at);
            ops.remove(begin);
        }
        "swapped" => {
            let other_begin = history.invocation(&ops[other])?.index;
            for (a, b) in [(at, other), (begin, other_begin)] {
                let (f, value) = (ops[a].f.clone(), ops[a].value.clone());
                ops[a] = Op { f: ops[b].f.clone(), value: ops[b].value.clone(), ..ops[a].clone() };
                ops[b] = Op { f, value, ..ops[b].clone() };
            }
        }
        "doubled" => {
            let stranger = |op: &Op| Op { process: Process::Client(1_000), ..op.clone() };
            let (again, end) = (stranger(&ops[begin]), stranger(&ops[at]));
            ops.extend([again, end]);
        }
        "shifted" => {
            // It ends as soon as it has begun.
            let end = ops.remove(at);
            ops.insert(begin + 1, end);
        }
        "changed" => {
            let value = Value::from(random.below(3));
            let key = ops[at].value.as_sequence()?[0].clone();
            let argument =
                if ops[at].f == "cas" { vec![value.clone(), value].into() } else { value };
            ops[at].value = vec![key, argument].into();
        }
        _ => ops[at].kind = *random.choose(&[Kind::Info, Kind::Fail]),
    }
    // A process whose operation got no end begins nothing else.
    let open = |(at, op): (usize, &Op)| {
        let later = || ops[at + 1..].iter().any(|later| later.process == op.process);
        op.kind == Kind::Info && later()
    };
    (!ops.iter().enumerate().any(open)).then(|| renumbered(ops.clone()))
}

#[test]
fn verdicts_are_those_of_trying_every_order() {
    let (mut rejected, mut accepted) = (BTreeMap::new(), BTreeMap::new());
    for seed in 0..800 {
        let mut random = Random::seeded(seed);
        let sample = Sample {
            operations: 8,
            clients: 2 + random.below(4),
            keys: 1,
            values: 2 + random.below(2),
            lost: 0.4,
            refused: 0.1,
        };
        let history = sample.history(&mut random);
        assert_eq!((judged(&history), first_wrong(&history)), (None, None), "seed {seed}");
        for mutation in MUTATIONS {
            let Some(history) = mutated(&history, mutation, &mut random) else { continue };
            let expected = first_wrong(&history);
            assert_eq!(judged(&history), expected, "seed {seed}, {mutation}:\n{history:?}");
            let count = if expected.is_some() { &mut rejected } else { &mut accepted };
            *count.entry(mutation).or_insert(0) += 1;
        }
    }
    for mutation in MUTATIONS {
        let times = [&rejected, &accepted].map(|count| count.get(mutation).copied().unwrap_or(0));
        assert!(times.iter().all(|times| *times > 20), "{mutation}: {times:?}");
    }
}
