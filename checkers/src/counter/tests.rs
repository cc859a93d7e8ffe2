//! Verdicts on small counters.

use super::super::testing::history;
use super::*;
use crate::history::Process;
use crate::random::Random;

/// Additions as `ok 3`, `info -1`, `fail 2`, and final reads as numbers.
fn check(adds: &[&str], reads: &[&str]) -> Counter {
    judged(adds, reads).1
}

fn judged(adds: &[&str], reads: &[&str]) -> (History, Counter) {
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
    let counter = super::check(&history);
    (history, counter)
}

#[test]
fn final_reads_are_the_sum_of_what_was_added_and_of_any_of_what_may_have_been() {
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
fn a_read_that_is_no_integer_decides_nothing() {
    let counter = check(&["ok 1"], &["1.0", "1"]);
    assert_eq!((counter.valid, counter.warnings.len()), (Validity::Unknown, 1));
}

/// A valid history: additions, some refused and some in doubt, reads now and then, and one at
/// the end of each of three clients.
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

/// Whether each final read is the sum of some subset, by trying all subsets.
fn is_valid_by_all_subsets(ops: &[Op]) -> bool {
    let deltas = |kind| {
        let adds = ops.iter().filter(move |op| op.kind == kind && op.f == "add");
        adds.map(|op| op.value.as_int().unwrap())
    };
    let sum: i64 = deltas(Kind::Ok).sum();
    let in_doubt: Vec<i64> = deltas(Kind::Info).collect();
    let is_subset_sum = |value: i64| {
        (0..1_u32 << in_doubt.len()).any(|subset| {
            let chosen = in_doubt.iter().enumerate().filter(|(at, _)| subset >> at & 1 == 1);
            sum + chosen.map(|(_, delta)| delta).sum::<i64>() == value
        })
    };
    let mut reads = ops.iter().filter(|op| op.kind == Kind::Ok && is_marked(op));
    reads.all(|op| is_subset_sum(op.value.as_int().unwrap()))
}

#[test]
fn whatever_becomes_of_a_valid_history_the_verdict_is_that_of_all_subsets() {
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
fn more_sums_than_anybody_can_tell_apart_decide_nothing() {
    let deltas: Vec<String> = (0..40).map(|power| format!("info {}", 1_u64 << power)).collect();
    let few: Vec<&str> = deltas.iter().map(String::as_str).collect();
    assert_eq!(check(&few, &["5"]).valid, Validity::Valid);
    let deltas: Vec<String> = (0..30).map(|power| format!("info {}", 3_u64.pow(power))).collect();
    let many: Vec<&str> = deltas.iter().map(String::as_str).collect();
    let counter = check(&many, &["2"]);
    assert_eq!((counter.valid, counter.errors.len()), (Validity::Unknown, 0));
    assert!(counter.reason().unwrap().ends_with("gives more than 100000 sums"));
}

#[test]
fn an_explanation_names_what_contradicts_what() {
    let counter = check(&["ok 2", "info 4"], &["2", "3"]);
    assert_eq!(counter.reason().unwrap(), "clients read 3 at the end, which should be 2 or 6");
    assert_eq!(
        counter.explanation(),
        [
            "The deltas that were acknowledged add up to 2.",
            "4 may have been added besides: process 0 does not know (index 3).",
            "But process 1 read 3 at the end (index 7).",
            "No choice of those in doubt gives that: only 2 or 6.",
            "3, read by process 1, is 1 more than 2, the nearest that it may be: no choice of up \
             to 4 adds that are missing or counted twice explains it.",
            "process 1 last read a sum that was right then, 2, at 0.050 s.",
            "Right at the end: process 1 read 2.",
        ]
    );
}

/// Lines such as `0 ok add 3`, where `final` reads are those at the end; client threads are dealt
/// out to n0, n1 and n2.
fn on_nodes(text: &str) -> (History, Counter) {
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
    let nodes = ["n0", "n1", "n2"].map(String::from);
    let placement = Placement { nodes: &nodes, concurrency: 6 };
    let counter = check_on_nodes(&history, &placement);
    (history, counter)
}

/// What was added, as process, end and delta; what is read of n1 at the end; what is said.
#[track_caller]
fn explain(adds: &str, read: &str, reason: &str, line: &str) {
    let adds = adds.split(", ").filter(|add| !add.is_empty()).map(|add| {
        let words: Vec<&str> = add.split(' ').collect();
        let [process, kind, delta] = words[..] else { panic!("{add}") };
        match kind {
            "begun" => format!("{process} invoke add {delta}\n"),
            _ => format!("{process} invoke add {delta}\n{process} {kind} add {delta}\n"),
        }
    });
    let adds: String = adds.collect();
    let (_, counter) = on_nodes(&format!("{adds}1 invoke final nil\n1 ok final {read}"));
    assert_eq!(counter.reason().unwrap(), reason);
    let explanation = counter.explanation();
    assert_eq!(explanation.last().unwrap(), line, "{explanation:?}");
}

#[test]
fn a_wrong_sum_is_explained_by_the_adds_that_are_missing_or_doubled() {
    explain(
        "0 ok 2, 3 ok 1, 2 ok 4",
        "5",
        "n1 read 5 at the end, which should be 7: 5 comes out without 2 (process 0 on n0, \
         acknowledged at 0.010 s)",
        "5, read from n1, is 2 less than 7: it comes out without 2 (process 0 on n0, acknowledged \
         at 0.010 s), and no other single add explains it.",
    );
    explain(
        "0 ok 2, 3 ok 1, 2 ok 8",
        "8",
        "n1 read 8 at the end, which should be 11: 8 comes out without 2 (process 0 on n0, \
         acknowledged at 0.010 s) and 1 (process 3 on n0, acknowledged at 0.030 s)",
        "8, read from n1, is 3 less than 11: it comes out without 2 (process 0 on n0, \
         acknowledged at 0.010 s) and 1 (process 3 on n0, acknowledged at 0.030 s), and no other \
         choice of up to 2 adds explains it.",
    );
    explain(
        "0 ok 3, 2 ok 3",
        "3",
        "n1 read 3 at the end, which should be 6",
        "3, read from n1, is 3 less than 6: it comes out, for example, without 3 (process 0 on n0, \
         acknowledged at 0.010 s).",
    );
    explain(
        "0 ok 3, 2 ok 5",
        "13",
        "n1 read 13 at the end, which should be 8: 13 comes out with 5 (process 2 on n2, \
         acknowledged at 0.030 s) counted twice",
        "13, read from n1, is 5 more than 8: it comes out with 5 (process 2 on n2, acknowledged at \
         0.030 s) counted twice, and no other single add explains it.",
    );
    explain(
        "0 ok -3, 2 ok 10",
        "10",
        "n1 read 10 at the end, which should be 7: 10 comes out without -3 (process 0 on n0, \
         acknowledged at 0.010 s)",
        "10, read from n1, is 3 more than 7: it comes out without -3 (process 0 on n0, \
         acknowledged at 0.010 s), and no other single add explains it.",
    );
    explain(
        "0 ok 2",
        "1",
        "n1 read 1 at the end, which should be 2",
        "1, read from n1, is 1 less than 2: no choice of up to 4 adds that are missing or counted \
         twice explains it.",
    );
    explain(
        "0 ok 9223372036854775807, 3 ok 9223372036854775807, 2 ok 12",
        "18446744073709551614",
        "n1 read 18446744073709551614 at the end, which should be 18446744073709551626: \
         18446744073709551614 comes out without 12 (process 2 on n2, acknowledged at 0.050 s)",
        "18446744073709551614, read from n1, is 12 less than 18446744073709551626: it comes out \
         without 12 (process 2 on n2, acknowledged at 0.050 s), and no other single add explains \
         it.",
    );
}

#[test]
fn adds_that_are_not_acknowledged_explain_a_wrong_sum_as_well() {
    explain(
        "0 ok 1, 2 fail 20",
        "21",
        "n1 read 21 at the end, which should be 1: 21 comes out with 20 (process 2 on n2, refused \
         at 0.030 s) counted all the same",
        "21, read from n1, is 20 more than 1: it comes out with 20 (process 2 on n2, refused at \
         0.030 s) counted all the same, and no other single add explains it.",
    );
    explain(
        "0 ok 1, 2 begun 20",
        "21",
        "n1 read 21 at the end, which should be 1: 21 comes out with 20 (process 2 on n2, begun \
         and not ended, at 0.020 s) counted all the same",
        "21, read from n1, is 20 more than 1: it comes out with 20 (process 2 on n2, begun and not \
         ended, at 0.020 s) counted all the same, and no other single add explains it.",
    );
    explain(
        "0 ok 7, 2 info 20",
        "20",
        "n1 read 20 at the end, which should be 7 or 27: 20 comes out without 7 (process 0 on n0, \
         acknowledged at 0.010 s), with some choice of those in doubt",
        "20, read from n1, is 7 less than 27, the nearest that it may be: it comes out without 7 \
         (process 0 on n0, acknowledged at 0.010 s), with some choice of those in doubt, and no \
         other single add explains it.",
    );
    explain(
        "0 ok 7, 2 info 20",
        "47",
        "n1 read 47 at the end, which should be 7 or 27: 47 comes out with 20 (process 2 on n2, \
         in doubt since 0.030 s) counted twice, with some choice of those in doubt",
        "47, read from n1, is 20 more than 27, the nearest that it may be: it comes out with 20 \
         (process 2 on n2, in doubt since 0.030 s) counted twice, with some choice of those in \
         doubt, and no other single add explains it.",
    );
}

#[test]
fn nodes_that_agree_are_named_with_when_they_were_right() {
    let (history, counter) = on_nodes(
        "0 invoke add 2
         0 ok add 2
         1 invoke read nil
         1 ok read 2
         5 invoke read nil
         5 ok read 0
         0 invoke add 5
         0 ok add 5
         1 invoke read nil
         1 ok read 2
         0 invoke final nil
         0 ok final 7
         3 invoke final nil
         3 ok final 7
         1 invoke final nil
         1 ok final 2
         4 invoke final nil
         4 ok final 2
         2 invoke final nil
         2 ok final 2
         5 invoke final nil
         5 ok final 99999999999999999999999999999999999999999",
    );
    let lost = "5 (process 0 on n0, acknowledged at 0.070 s)";
    let expected = [
        format!(
            "2, on which n1 and n2 agree, is 5 less than 7: it comes out without {lost}, and no \
             other single add explains it."
        ),
        "n1 last read a sum that was right then, 2, at 0.030 s.".to_owned(),
        "n2 was not right before either, in 1 earlier read.".to_owned(),
        "Right at the end: n0 read 7.".to_owned(),
    ];
    let explanation = counter.explanation();
    assert_eq!(explanation[explanation.len() - 4..], expected);
    let reason = counter.reason().unwrap();
    assert!(reason.starts_with("n1 and n2 read 2 at the end, which should be 7: "), "{reason}");
    let contradictions = counter.contradictions(&history);
    assert_eq!(contradictions[0].operations, [6, 7, 14, 15], "with the add that is missing");
    assert!(contradictions[0].what.ends_with(&format!("; it comes out without {lost}")));
    // What is too large for any sum is wrong as well, and nothing more is known about it.
    assert_eq!((counter.errors.len(), contradictions.len()), (4, 4));
}

#[test]
fn a_read_between_adds_is_right_if_it_shows_what_was_acknowledged_and_any_of_the_rest() {
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
        let explanation = counter.explanation();
        let last = explanation.last().unwrap();
        assert_eq!(last.starts_with("n1 last read a sum that was right then"), is_right, "{last}");
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
fn what_was_added_and_is_no_integer_decides_nothing() {
    #[track_caller]
    fn check(add: &str, expected: &str) {
        let counter = super::check(&history(&format!("0 invoke add 1\n0 {add}")));
        assert_eq!(counter.valid, Validity::Unknown);
        assert_eq!(counter.warnings, [expected]);
        assert_eq!(counter.reason().unwrap(), "what was read or added is no integer");
    }
    check("ok add 1.5", "process 0 added 1.5 at index 1, which is no integer");
    check("info add \"1\"", "process 0 added \"1\" at index 1, which is no integer");
    check("ok add nil", "process 0 added null at index 1, which is no integer");
    assert_eq!(super::check(&history("0 invoke add 1\n0 fail add nil")).valid, Validity::Valid);
}

#[test]
fn many_wrong_values_are_not_all_explained() {
    let reads: Vec<String> = (1..40).map(|value| value.to_string()).collect();
    let reads: Vec<&str> = reads.iter().map(String::as_str).collect();
    let counter = check(&[], &reads);
    assert_eq!((counter.errors.len(), counter.wrong.len()), (39, 8));
    let reason = counter.reason().unwrap();
    assert!(reason.starts_with("clients read 1, 2, 3, 4, 5, 6, 7, 8 and 31 more"), "{reason}");
}

#[test]
fn a_read_that_no_choice_of_deltas_gives_is_a_contradiction() {
    let (history, counter) = judged(&["ok 2", "info 4"], &["2", "3"]);
    let contradictions = counter.contradictions(&history);
    let [wrong] = &contradictions[..] else { panic!("{contradictions:?}") };
    let what = "process 1 read 3 at 0.070 s, but the deltas that were acknowledged add up to \
                2, 1 delta may have been added besides, so at the end a read may be 2 or 6";
    assert_eq!((&*wrong.what, &wrong.operations[..]), (what, &[6, 7][..]));
    assert_eq!(wrong.value, Some(Value::Int(3)));
}
