//! Verdicts on small counters.

use super::*;
use crate::{history::Process, random::Random, testing::history};

/// Judges adds such as `ok 3`, `info -1`, `fail 2`, and final reads given as numbers.
pub(crate) fn check(adds: &[&str], reads: &[&str]) -> CounterResults<'static> {
    judged(adds, reads).1
}

/// [`check`] with its history, which outlives the test because the results borrow from it.
pub(crate) fn judged(adds: &[&str], reads: &[&str]) -> (&'static History, CounterResults<'static>) {
    let adds = adds.iter().flat_map(|add| {
        let (kind, delta) = add.split_once(' ').unwrap();
        [format!("0 invoke add {delta}"), format!("0 {kind} add {delta}")]
    });
    let lines: Vec<String> = adds
        .chain(
            reads
                .iter()
                .flat_map(|read| ["1 invoke read nil".to_owned(), format!("1 ok read {read}")]),
        )
        .collect();
    let ops = history(&lines.join("\n")).ops().to_vec();
    let history = History::from_ops(ops.into_iter().map(|mut op| {
        if op.f == "read" {
            op.extra.push(("final?".into(), Value::Bool(true)));
        }
        op
    }));
    let history = Box::leak(Box::new(history));
    (history, super::check(history))
}

#[test]
fn final_reads_are_the_acknowledged_sum_plus_any_subset_of_indeterminate_adds() {
    #[track_caller]
    fn expect(adds: &[&str], acceptable: &str, good: &[&str], bad: &[&str]) {
        for (read, valid) in good.iter().map(|r| (r, true)).chain(bad.iter().map(|r| (r, false))) {
            let counter = check(adds, &[read]);
            assert_eq!(counter.valid, valid.into(), "{read}");
            let edn = counter.to_edn();
            assert_eq!(edn.get("acceptable").unwrap().to_string(), acceptable);
            assert_eq!(counter.reason().is_none(), valid);
            assert_eq!(counter.explanation().is_empty(), valid);
        }
    }
    expect(&[], "([0 0])", &["0"], &["1", "-1"]);
    expect(&["ok 3", "ok -5", "fail 7"], "([-2 -2])", &["-2"], &["5", "0"]);
    expect(&["ok 1", "info 1"], "([1 2])", &["1", "2"], &["0", "3"]);
    expect(&["info 2", "info -3"], "([-3 -3] [-1 0] [2 2])", &["-3", "-1", "0", "2"], &["1"]);
    expect(&["info 5", "info 5"], "([0 0] [5 5] [10 10])", &["0", "5", "10"], &["1", "15"]);
    expect(
        &["ok 9223372036854775807", "ok 1"],
        "([9223372036854775808N 9223372036854775808N])",
        &["9223372036854775808N"],
        &["-9223372036854775808"],
    );
}

#[test]
fn a_read_that_is_not_an_integer_makes_the_verdict_unknown() {
    let counter = check(&["ok 1"], &["1.0", "1"]);
    assert_eq!((counter.valid, counter.warnings().len()), (Validity::Unknown, 1));
}

/// A valid history: adds, some failed and some indeterminate, reads now and then, and one at the
/// end of each of three clients.
fn valid(random: &mut Random) -> Vec<Op> {
    let (mut ops, mut sum): (Vec<Op>, i64) = (Vec::new(), 0);
    let mut push = |process: u64, kind, f: &'static str, value: Value, is_final: bool| {
        let op = Op::invoke(ops.len(), ops.len() as u64, Process::Client(process), f, value);
        let extra = if is_final { vec![("final?".into(), true.into())] } else { Vec::new() };
        ops.push(Op { kind, extra, ..op });
    };
    for process in 0..random.below(12) {
        let delta = i64::try_from(random.below(30)).unwrap() - 12;
        push(process, Kind::Invoke, "add", delta.into(), false);
        let (kind, is_added) = match random.below(4) {
            0 => (Kind::Fail, false),
            1 => (Kind::Info, random.below(2) == 0),
            _ => (Kind::Ok, true),
        };
        sum += if is_added { delta } else { 0 };
        push(process, kind, "add", delta.into(), false);
        if random.below(3) == 0 {
            push(99, Kind::Invoke, "read", Value::Nil, false);
            push(99, Kind::Ok, "read", sum.into(), false);
        }
    }
    for process in 100..103 {
        push(process, Kind::Invoke, "read", Value::Nil, true);
        push(process, Kind::Ok, "read", sum.into(), true);
    }
    ops
}

/// True if each final read is the sum of some subset, by trying all subsets.
fn is_valid_by_all_subsets(ops: &[Op]) -> bool {
    let deltas = |kind| {
        let adds = ops.iter().filter(move |op| op.kind == kind && op.f == "add");
        adds.map(|op| op.value.as_int().unwrap())
    };
    let sum: i64 = deltas(Kind::Ok).sum();
    let indeterminate: Vec<i64> = deltas(Kind::Info).collect();
    let is_subset_sum = |value: i64| {
        (0..1_u32 << indeterminate.len()).any(|subset| {
            let chosen = indeterminate.iter().enumerate().filter(|(at, _)| subset >> at & 1 == 1);
            sum + chosen.map(|(_, delta)| delta).sum::<i64>() == value
        })
    };
    let mut reads = ops.iter().filter(|op| op.kind == Kind::Ok && is_marked_final(op));
    reads.all(|op| is_subset_sum(op.value.as_int().unwrap()))
}

#[test]
fn verdicts_on_mutated_histories_are_those_of_trying_all_subsets() {
    type Mutation = fn(&mut Vec<Op>, &mut Random);
    let mutations: [(&str, Mutation); 6] = [
        ("none", |_, _| {}),
        ("an operation lost", |ops, random| {
            ops.remove(random.index(ops.len()));
        }),
        ("an operation doubled", |ops, random| {
            let op = random.choose(ops).clone();
            ops.push(op);
        }),
        ("two values swapped", |ops, random| {
            let [one, other] = [0, 1].map(|_| 2 * random.index(ops.len() / 2) + 1);
            let value = ops[one].value.clone();
            ops[one].value = std::mem::replace(&mut ops[other].value, value);
        }),
        ("an operation shifted in time", |ops, random| {
            let op = ops.remove(random.index(ops.len()));
            ops.insert(random.index(ops.len()), op);
        }),
        ("a value changed", |ops, random| {
            let at = 2 * random.index(ops.len() / 2) + 1;
            ops[at].value = Value::Int(i64::try_from(random.below(9)).unwrap());
        }),
    ];
    for (name, mutate) in mutations {
        let mut verdicts = [0, 0];
        for seed in 0..500 {
            let mut random = Random::seeded(seed);
            let mut ops = valid(&mut random);
            mutate(&mut ops, &mut random);
            let ops = (0..).zip(ops).map(|(index, op)| Op { index, ..op });
            let history = History::from_ops(ops);
            let expected = is_valid_by_all_subsets(history.ops());
            assert_eq!(super::check(&history).valid, expected.into(), "{name}, seed {seed}");
            verdicts[usize::from(expected)] += 1;
        }
        let is_harmless = matches!(name, "none" | "an operation shifted in time");
        assert_eq!(verdicts[0] == 0, is_harmless, "{name}: {verdicts:?}");
        assert!(verdicts[1] > 20, "{name}: {verdicts:?}");
    }
}

#[test]
fn too_many_possible_sums_make_the_verdict_unknown() {
    let deltas: Vec<String> = (0..40).map(|power| format!("info {}", 1_u64 << power)).collect();
    let few: Vec<&str> = deltas.iter().map(String::as_str).collect();
    assert_eq!(check(&few, &["5"]).valid, Validity::Valid);
    let deltas: Vec<String> = (0..30).map(|power| format!("info {}", 3_u64.pow(power))).collect();
    let many: Vec<&str> = deltas.iter().map(String::as_str).collect();
    let counter = check(&many, &["2"]);
    assert_eq!((counter.valid, counter.errors.len()), (Validity::Unknown, 0));
    assert!(counter.reason().unwrap().contains("allow more than 100000 ranges of sums"));
}

/// Judges lines such as `0 ok add 3`, where `final` stands for reads at the end; client threads are
/// distributed over n0, n1 and n2.
pub(crate) fn on_nodes(text: &str) -> (&'static History, CounterResults<'static>) {
    let ops = history(&text.replace("final", "read")).ops().to_vec();
    let is_final = |index: usize| {
        let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        lines.nth(index).is_some_and(|line| line.contains("final"))
    };
    let history = History::from_ops(ops.into_iter().map(|mut op| {
        if is_final(op.index) {
            op.extra.push(("final?".into(), Value::Bool(true)));
        }
        op
    }));
    let history = Box::leak(Box::new(history));
    let nodes = Box::leak(Box::new(["n0", "n1", "n2"].map(String::from)));
    (history, check_on_nodes(history, &Placement { nodes, concurrency: 6 }))
}

#[test]
fn a_read_between_adds_is_correct_if_it_shows_the_acknowledged_ones_and_any_pending_ones() {
    #[track_caller]
    fn check(read: &str, is_right: bool) {
        let (_, counter) = on_nodes(&format!(
            "0 invoke add 1
             0 ok add 1
             2 invoke add 10
             2 info add 10
             0 invoke add 100
             1 invoke read nil
             3 invoke add 1000
             0 ok add 100
             1 ok read {read}
             5 invoke add 10000
             5 ok add 10000
             3 ok add 1000
             1 invoke final nil
             1 ok final 0"
        ));
        let [earlier] = counter.wrong_values[0].earlier[..] else { panic!("{counter:?}") };
        assert_eq!((earlier.count, earlier.last_correct.is_some()), (1, is_right), "{read}");
    }
    check("1", true);
    check("11", true);
    check("101", true);
    check("1111", true);
    check("0", false);
    check("10", false);
    check("10001", false);
    check("\"1\"", false);
}

#[test]
fn many_wrong_values_are_not_all_explained() {
    let reads: Vec<String> = (1..40).map(|value| value.to_string()).collect();
    let reads: Vec<&str> = reads.iter().map(String::as_str).collect();
    let counter = check(&[], &reads);
    assert_eq!((counter.errors.len(), counter.wrong_values.len()), (39, 8));
    let reason = counter.reason().unwrap();
    assert!(reason.starts_with("clients read 1, 2, 3, 4, 5, 6, 7, 8 and 31 more"), "{reason}");
}
