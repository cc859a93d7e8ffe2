//! Brute-force oracle: small histories, right and wrong, judged by trying every order.

use std::collections::BTreeMap;

use super::super::{
    KeyVerdict, OpsByKey, Register, SearchLimits, check,
    history_generator::HistoryGenerator,
    register::{NIL, OperationId},
    search,
    search_result::{LinearizationStep, SearchResult},
    zones,
};
use crate::{
    edn::Value,
    history::{History, Kind, Op, Process},
    random::Random,
};

/// An operation that took effect, if it has an end, or may have; or a refusal.
#[derive(Clone)]
struct OracleOperation {
    f: String,
    value: Value,
    begin: usize,
    end: Option<usize>,
}

/// All operations that did not fail; and, if refusals count, the observations that the key was
/// missing or had another value.
fn oracle_operations(history: &History, refusals_count: bool) -> Vec<OracleOperation> {
    let invocations = history.ops().iter().filter(|op| op.kind == Kind::Invoke);
    let call = |begin: &Op| {
        let end = history.completion(begin);
        let ok = end.filter(|end| end.kind == Kind::Ok);
        let value = ok.unwrap_or(begin).value.as_sequence().unwrap()[1].clone();
        let is_nil = ok.is_some() && begin.f == "read" && value == Value::Nil;
        let refused = end.filter(|end| end.kind == Kind::Fail).map(|end| {
            let error = end.error.as_ref().map(Value::to_string).unwrap_or_default();
            match &*begin.f {
                _ if error.contains(":key-does-not-exist") => Some("is nil"),
                "cas" if error.contains(":precondition-failed") => Some("differs"),
                _ => None,
            }
        });
        let (f, end) = match refused {
            Some(observed) => (observed.filter(|_| refusals_count)?, end),
            None if is_nil && refusals_count => ("is nil", ok),
            None => (&*begin.f, ok),
        };
        let (f, end) = (f.to_owned(), end.map(|end| end.index));
        Some(OracleOperation { f, value, begin: begin.index, end })
    };
    invocations.filter_map(call).collect()
}

/// The first completion up to which there is no linearization.
fn first_wrong(history: &History, refusals_count: bool) -> Option<usize> {
    let calls = oracle_operations(history, refusals_count);
    let mut ends: Vec<usize> = calls.iter().filter_map(|call| call.end).collect();
    ends.sort_unstable();
    ends.into_iter().find(|limit| {
        let begun = calls.iter().filter(|call| call.begin < *limit).cloned();
        let cut = |call: OracleOperation| OracleOperation {
            end: call.end.filter(|end| end <= limit),
            ..call
        };
        !has_order(&begun.map(cut).collect::<Vec<_>>(), &Value::Nil)
    })
}

fn has_order(left: &[OracleOperation], state: &Value) -> bool {
    let Some(first_end) = left.iter().filter_map(|call| call.end).min() else { return true };
    (0..left.len()).any(|next| {
        let OracleOperation { f, value, begin, .. } = &left[next];
        let after = match (f.as_str(), value) {
            _ if *begin > first_end => None,
            ("is nil", _) => (*state == Value::Nil).then_some(state),
            ("differs", pair) => (pair.as_sequence().unwrap()[0] != *state).then_some(state),
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

/// Our verdict: the first completion up to which there is no linearization, and the warnings.
fn judged(history: &History) -> (Option<usize>, Vec<String>) {
    let judged = check(history);
    let wrong = judged.keys.iter().find_map(|key| match &key.verdict {
        KeyVerdict::Linearizable(..) => None,
        KeyVerdict::NotLinearizable(failure) => Some(failure.completion().index),
        unknown => panic!("{:?}", unknown.cause()),
    });
    (wrong, judged.warnings())
}

/// The entries with new indices, in this order.
fn renumbered(ops: Vec<Op>) -> History {
    History::from_ops((0..).zip(ops).map(|(index, op)| Op { index, ..op }))
}

/// The history with a fault at its end that Maelstrom cannot inject.
fn with_kill(history: &History) -> History {
    let kill = Op::invoke(history.ops().len(), 0, Process::Nemesis, "kill", Value::Nil);
    let kill = Op { kind: Kind::Info, ..kill };
    History::from_ops(history.ops().iter().cloned().chain([kill]))
}

const MUTATIONS: [&str; 7] =
    ["lost", "swapped", "doubled", "shifted", "changed", "ended", "refused"];

fn mutated(history: &History, mutation: &str, random: &mut Random) -> Option<History> {
    let mut ops = history.ops().to_vec();
    let is_known = |op: &&Op| op.kind == Kind::Ok || op.kind == Kind::Fail;
    let known: Vec<usize> = ops.iter().filter(is_known).map(|op| op.index).collect();
    if known.len() < 2 {
        return None;
    }
    let (at, other) = (*random.choose(&known), *random.choose(&known));
    let begin = history.invocation(&ops[at])?.index;
    match mutation {
        "lost" => {
            ops.remove(at);
            ops.remove(begin);
        }
        "swapped" => {
            let other_begin = history.invocation(&ops[other])?.index;
            for (a, b) in [(at, other), (begin, other_begin)] {
                let (index, process) = (ops[a].index, ops[a].process);
                let (other_index, other_process) = (ops[b].index, ops[b].process);
                ops.swap(a, b);
                ops[a] = Op { index, process, ..ops[a].clone() };
                ops[b] = Op { index: other_index, process: other_process, ..ops[b].clone() };
            }
        }
        "doubled" => {
            let stranger = |op: &Op| Op { process: Process::Client(1_000), ..op.clone() };
            let (again, end) = (stranger(&ops[begin]), stranger(&ops[at]));
            ops.extend([again, end]);
        }
        "shifted" => {
            // It completes right after its invocation.
            let end = ops.remove(at);
            ops.insert(begin + 1, end);
        }
        "changed" => {
            let key = ops[at].value.as_sequence()?[0].clone();
            let mut known = vec![Value::from(random.below(3))];
            known.extend(ops.iter().filter_map(|op| match &op.value.as_sequence()?[1] {
                value @ Value::Int(_) => Some(value.clone()),
                _ => None,
            }));
            let value = random.choose(&known).clone();
            let argument = match &*ops[at].f {
                "cas" => vec![value, random.choose(&known).clone()].into(),
                _ => value,
            };
            let value: Value = vec![key, argument].into();
            if ops[at].f == "read" {
                // A refused read now succeeds.
                ops[at] = Op { kind: Kind::Ok, error: None, ..ops[at].clone() };
            } else {
                ops[begin].value = value.clone();
            }
            ops[at].value = value;
        }
        "refused" => {
            let errors = ["key-does-not-exist", "precondition-failed"];
            let error = Value::from(vec![Value::keyword(*random.choose(&errors)), Value::Nil]);
            let value = ops[begin].value.clone();
            ops[at] = Op { kind: Kind::Fail, value, error: Some(error), ..ops[at].clone() };
        }
        _ => {
            let kind = *random.choose(&[Kind::Info, Kind::Fail]);
            ops[at] = Op { kind, error: None, ..ops[at].clone() };
        }
    }
    // A process with an indeterminate operation invokes no other.
    let open = |(at, op): (usize, &Op)| {
        let later = || ops[at + 1..].iter().any(|later| later.process == op.process);
        op.kind == Kind::Info && later()
    };
    (!ops.iter().enumerate().any(open)).then(|| renumbered(ops.clone()))
}

/// The number of right and of wrong histories by mutation.
#[derive(Default)]
struct VerdictCounts(BTreeMap<(&'static str, bool), usize>);

impl VerdictCounts {
    fn add(&mut self, mutation: &'static str, is_wrong: bool) {
        *self.0.entry((mutation, is_wrong)).or_insert(0) += 1;
    }

    #[track_caller]
    fn check(&self, mutations: &[&'static str], at_least: usize) {
        for mutation in mutations {
            for is_wrong in [false, true] {
                let times = self.0.get(&(*mutation, is_wrong)).copied().unwrap_or(0);
                assert!(times >= at_least, "{mutation}, wrong: {is_wrong}: {:?}", self.0);
            }
        }
    }
}

/// Checks our verdicts on generated histories and mutations of them against brute force; `seen` is
/// called with each.
#[track_caller]
fn check_verdicts(
    seeds: std::ops::Range<u64>,
    sample: impl Fn(&mut Random) -> HistoryGenerator,
    mut seen: impl FnMut(&'static str, &History, Option<usize>, Option<usize>),
) {
    for seed in seeds {
        let mut random = Random::seeded(seed);
        let sample = sample(&mut random);
        let right = sample.history(&mut random);
        let all = MUTATIONS
            .into_iter()
            .filter_map(|mutation| Some((mutation, mutated(&right, mutation, &mut random)?)));
        let all: Vec<_> = [("none", right.clone())].into_iter().chain(all).collect();
        for (mutation, history) in all {
            let place = || format!("seed {seed}, {mutation}:\n{history:?}");
            let wrong = first_wrong(&history, false);
            let (found, warnings) = judged(&history);
            assert_eq!(found, wrong, "{}", place());
            let evidence = wrong.or_else(|| first_wrong(&history, true));
            assert_eq!(warnings.is_empty(), wrong == evidence, "{warnings:?} {}", place());
            assert_eq!(judged(&with_kill(&history)), (evidence, Vec::new()), "{}", place());
            assert!(mutation != "none" || evidence.is_none(), "{}", place());
            seen(mutation, &history, wrong, evidence);
        }
    }
}

#[test]
fn verdicts_are_those_of_brute_force() {
    let (mut all, mut by_refusals) = (VerdictCounts::default(), VerdictCounts::default());
    let sample = |random: &mut Random| HistoryGenerator {
        operations: 8,
        clients: 2 + random.below(4),
        keys: 1,
        values: 2 + random.below(2),
        indeterminate: 0.4,
        unavailable: 0.1,
    };
    check_verdicts(0..1_200, sample, |mutation, _, wrong, evidence| {
        all.add(mutation, wrong.is_some());
        if wrong.is_none() {
            by_refusals.add(mutation, evidence.is_some());
        }
    });
    all.check(&["lost", "swapped", "doubled", "shifted", "changed", "ended"], 21);
    by_refusals.check(&["swapped", "doubled", "shifted", "refused"], 20);
}

#[test]
fn zones_agree_with_the_search_and_with_brute_force() {
    let mut counts = VerdictCounts::default();
    let mut by_refusals = VerdictCounts::default();
    let sample = |random: &mut Random| HistoryGenerator {
        operations: 9,
        clients: 2 + random.below(5),
        keys: 1,
        values: 1 << 40,
        indeterminate: 0.3,
        unavailable: 0.1,
    };
    check_verdicts(0..1_500, sample, |mutation, history, wrong, evidence| {
        let layout = OpsByKey::of(history.client_ops().collect());
        let [(key, ops)] = &layout.registers[..] else { return };
        let register = Register::of(*key, ops).unwrap();
        let Ok(zones) = zones::find(register.clone()) else { return };
        let search = search::find_by_search(register.clone(), SearchLimits::default());
        let told =
            |finding: &SearchResult<'_>| (finding.conclusion, finding.prefix_len, finding.due());
        assert_eq!(told(&zones), told(&search));
        for finding in [zones, search] {
            finding.linearizations.iter().for_each(|order| check_order(&register, &finding, order));
        }
        counts.add(mutation, wrong.is_some());
        if wrong.is_none() {
            by_refusals.add(mutation, evidence.is_some());
        }
    });
    counts.check(&["lost", "swapped", "shifted", "changed"], 50);
    by_refusals.check(&["swapped", "doubled", "shifted", "refused"], 20);
}

/// Checks a linearization: it has all completed operations, no operation twice, agrees with real
/// time and with the register, and cannot be extended by the operation that could not be
/// linearized.
#[track_caller]
fn check_order(register: &Register<'_>, finding: &SearchResult<'_>, order: &[LinearizationStep]) {
    let operation = |id: OperationId| &register.operations[id as usize];
    let passed = &finding.completions[..finding.prefix_len];
    let limit = finding.due().map_or(usize::MAX, |due| operation(due).completion.unwrap().index);
    let (mut value, mut happened) = (NIL, Vec::new());
    for step in order {
        let next = operation(step.operation);
        assert!(next.invocation.index < limit && !happened.contains(&step.operation));
        value = next.action.apply(value).expect("a register that answers so");
        for before in happened.iter().map(|id| operation(*id)) {
            assert!(next.completion.is_none_or(|end| before.invocation.index < end.index));
        }
        let left = passed.iter().find(|id| !happened.contains(*id));
        let left = left.or_else(|| finding.completions.get(finding.prefix_len));
        assert!(!step.is_due || left == Some(&step.operation));
        happened.push(step.operation);
    }
    assert!(passed.iter().all(|id| happened.contains(id)));
    if let Some(due) = finding.due() {
        assert!(!happened.contains(&due) && !operation(due).action.accepts(value));
    }
}
