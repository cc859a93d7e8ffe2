//! Whether counters count: Maelstrom's checker of `g-counter` and `pn-counter`.
//!
//! Every final read must equal the sum of the deltas that were acknowledged, plus any of those of
//! which nobody knows whether they were added. The sums of all subsets of these are kept as ranges
//! of integers: each delta in doubt shifts every range there is, and joins the outcome to what
//! there was. So they are exact, and few, because deltas are small. In a foreign history they need
//! not be; there are as many as subsets then, and the verdict is unknown.

use super::sentence::{counted, first_few, listed, time};
use super::{Contradiction, Validity, contradiction};
use crate::edn::{Map, Value};
use crate::history::{History, Kind, Op};

/// How many ranges of sums are told apart. Clients' deltas of −5 to 4 never give more than three;
/// more would take time and memory for histories that nobody has.
const MOST_RANGES: usize = 100_000;

/// What is to be said about the final reads of a counter.
#[derive(Debug, Clone, PartialEq)]
pub struct Counter {
    /// Valid if every final read is acceptable; unknown if one is no integer, where Maelstrom's
    /// checker gives up, or if there are too many sums.
    pub valid: Validity,
    /// The final reads that are not acceptable.
    pub errors: Vec<Op>,
    /// The values of the final reads, in the order in which they ended.
    pub final_reads: Vec<Value>,
    /// What they may be: the least and the greatest of each range, in ascending order.
    pub acceptable: Vec<[i128; 2]>,
    /// The sum of what was acknowledged.
    pub sum: i128,
    /// The additions that may have happened besides.
    pub in_doubt: Vec<Op>,
    /// What Maelstrom would not have said.
    pub warnings: Vec<String>,
}

/// Compares the final reads with what was added.
pub fn check(history: &History) -> Counter {
    let adds = |kind| history.clients().filter(move |op| op.kind == kind && op.f == "add");
    let sum = adds(Kind::Ok).filter_map(delta).sum();
    let in_doubt: Vec<Op> = adds(Kind::Info).cloned().collect();
    let mut acceptable = vec![[sum, sum]];
    for delta in in_doubt.iter().filter_map(delta) {
        acceptable = joined(&acceptable, delta);
        if acceptable.len() > MOST_RANGES {
            break;
        }
    }
    let are_too_many = acceptable.len() > MOST_RANGES;
    acceptable.truncate(MOST_RANGES);
    let is_final = |op: &&Op| op.kind == Kind::Ok && is_marked(op);
    let reads: Vec<&Op> = history.ops().iter().filter(is_final).collect();
    let is_odd = |op: &&&Op| !matches!(op.value, Value::Int(_) | Value::BigInt(_));
    let (odd, whole): (Vec<&Op>, Vec<&Op>) = reads.iter().partition(is_odd);
    let is_acceptable = |op: &&Op| {
        let value = op.value.to_string().trim_end_matches('N').parse::<i128>();
        value.is_ok_and(|value| acceptable.iter().any(|[from, to]| (*from..=*to).contains(&value)))
    };
    let errors: Vec<Op> = whole.into_iter().filter(|op| !is_acceptable(op)).cloned().collect();
    let warnings = odd.iter().map(|op| {
        format!(
            "process {} read {} at index {}, which is no integer",
            op.process, op.value, op.index
        )
    });
    Counter {
        valid: if odd.is_empty() && !are_too_many {
            Validity::from(errors.is_empty())
        } else {
            Validity::Unknown
        },
        errors: if are_too_many { Vec::new() } else { errors },
        final_reads: reads.iter().map(|op| op.value.clone()).collect(),
        warnings: first_few(warnings, "final reads"),
        acceptable,
        sum,
        in_doubt,
    }
}

fn is_marked(op: &Op) -> bool {
    op.extra("final?").is_some_and(|mark| *mark != Value::Nil && *mark != Value::Bool(false))
}

fn delta(op: &Op) -> Option<i128> {
    op.value.as_int().map(i128::from)
}

/// What the sums in these ranges become with this delta, or without.
fn joined(ranges: &[[i128; 2]], delta: i128) -> Vec<[i128; 2]> {
    let shifted = ranges.iter().map(|range| range.map(|end| end + delta));
    let mut all: Vec<[i128; 2]> = ranges.iter().copied().chain(shifted).collect();
    all.sort_unstable();
    let mut joined: Vec<[i128; 2]> = Vec::new();
    for [from, to] in all {
        match joined.last_mut() {
            Some([_, last]) if from <= *last + 1 => *last = to.max(*last),
            _ => joined.push([from, to]),
        }
    }
    joined
}

impl Counter {
    /// Why it is not valid, in a sentence.
    pub fn reason(&self) -> Option<String> {
        let values =
            |ops: &[Op]| listed(&ops.iter().map(|op| op.value.clone()).collect::<Vec<_>>());
        match self.valid {
            Validity::Valid => None,
            Validity::Unknown if self.warnings.is_empty() => {
                Some(format!("what may have been added gives more than {MOST_RANGES} sums"))
            }
            Validity::Unknown => Some("a final read is no integer".to_owned()),
            Validity::Invalid => {
                let read = values(&self.errors);
                Some(format!("clients read {read} at the end, which should be {}", self.expected()))
            }
        }
    }

    /// What a final read may be.
    fn expected(&self) -> String {
        let ranges = self.acceptable.iter().map(|[from, to]| match to - from {
            0 => from.to_string(),
            1 => format!("{from} or {to}"),
            _ => format!("{from} to {to}"),
        });
        first_few(ranges, "ranges").join(" or ")
    }

    /// What contradicts what, in lines for a person to read; none if it is valid.
    pub fn explanation(&self) -> Vec<String> {
        if self.errors.is_empty() {
            return Vec::new();
        }
        let mut lines = vec![format!("The deltas that were acknowledged add up to {}.", self.sum)];
        lines.extend(first_few(
            self.in_doubt.iter().map(|Op { value, process, index, .. }| {
                format!(
                    "{value} may have been added besides: process {process} does not know \
                     (index {index})."
                )
            }),
            "additions in doubt",
        ));
        lines.extend(first_few(
            self.errors.iter().map(|Op { value, process, index, .. }| {
                format!("But process {process} read {value} at the end (index {index}).")
            }),
            "final reads",
        ));
        lines.push(format!("No choice of those in doubt gives that: only {}.", self.expected()));
        lines
    }

    /// The final reads that are not acceptable, and what they may be.
    pub fn contradictions(&self, history: &History) -> Vec<Contradiction> {
        let in_doubt = match self.in_doubt.len() as u64 {
            0 => String::new(),
            count => format!(", {} may have been added besides", counted(count, "delta")),
        };
        let (sum, expected) = (self.sum, self.expected());
        let of = |read: &Op| {
            let (process, value, when) = (read.process, &read.value, time(read));
            let what = format!(
                "process {process} read {value} at {when}, but the deltas that were acknowledged \
                 add up to {sum}{in_doubt}, so at the end a read may be {expected}"
            );
            Contradiction::between(history, what, [read]).about(value)
        };
        self.errors.iter().take(contradiction::MOST).map(of).collect()
    }

    /// The map under `:workload`.
    pub fn to_edn(&self) -> Value {
        let errors: Vec<Value> = self.errors.iter().map(Op::to_edn).collect();
        let integer = |number: i128| match i64::try_from(number) {
            Ok(number) => Value::Int(number),
            Err(_) => Value::BigInt(number.to_string().into()),
        };
        let ranges = self.acceptable.iter().map(|range| Value::Vector(range.map(integer).into()));
        Map::new()
            .with("valid?", self.valid)
            .with("errors", Some(errors).filter(|errors| !errors.is_empty()).map(Value::List))
            .with("final-reads", Value::List(self.final_reads.clone()))
            .with("acceptable", Value::List(ranges.collect()))
            .into()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

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
            for (read, valid) in
                good.iter().map(|r| (r, true)).chain(bad.iter().map(|r| (r, false)))
            {
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
        let deltas: Vec<String> =
            (0..30).map(|power| format!("info {}", 3_u64.pow(power))).collect();
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
            ]
        );
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

    #[test]
    fn whatever_was_added_the_ranges_hold_the_sums_of_all_subsets_and_nothing_else() {
        for seed in 0..500 {
            let mut random = Random::seeded(seed);
            let deltas: Vec<i128> =
                (0..random.below(9)).map(|_| i128::from(random.below(30)) - 12).collect();
            let sums: BTreeSet<i128> = (0..1_u32 << deltas.len())
                .map(|subset| {
                    let chosen =
                        deltas.iter().enumerate().filter(|(place, _)| subset >> place & 1 == 1);
                    chosen.map(|(_, delta)| delta).sum()
                })
                .collect();
            let ranges = deltas.iter().fold(vec![[0, 0]], |ranges, delta| joined(&ranges, *delta));
            let inside: BTreeSet<i128> = ranges.iter().flat_map(|[from, to]| *from..=*to).collect();
            assert_eq!(inside, sums, "{deltas:?}");
            assert!(ranges.windows(2).all(|pair| pair[0][1] + 1 < pair[1][0]), "{ranges:?}");
        }
    }
}
