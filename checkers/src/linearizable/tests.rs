use super::{history_generator::HistoryGenerator, *};
use crate::{history::Kind, random::Random, testing::history};

mod oracle;
mod refused;

/// Checks a history of key 0, given as lines such as `0 ok read 3`, whose values lack the key.
///
/// The history outlives the test, because the results borrow from it.
#[track_caller]
pub(crate) fn judged(lines: &str) -> LinearizableResults<'static> {
    check(Box::leak(Box::new(history(&keyed(lines)))))
}

/// Adds key 0 to the lines.
#[track_caller]
fn keyed(lines: &str) -> String {
    let lines = lines.lines().map(str::trim).filter(|line| !line.is_empty());
    let keyed = lines.map(|line| match line.splitn(4, ' ').collect::<Vec<_>>()[..] {
        [process, kind, f, value] => format!("{process} {kind} {f} [0 {value}]\n"),
        _ => panic!("four words in `{line}`"),
    });
    keyed.collect()
}

#[track_caller]
pub(crate) fn check_valid(lines: &str) {
    let judged = judged(lines);
    assert_eq!((judged.reason(), judged.valid), (None, Validity::Valid));
    assert_eq!(judged.warnings(), [""; 0]);
}

/// Checks the sentence about the operation that cannot be linearized.
#[track_caller]
pub(crate) fn check_invalid(lines: &str, sentence: &str) {
    let judged = judged(lines);
    assert_eq!(judged.reason(), Some(format!("key 0 is not linearizable: {sentence}")));
    assert_eq!((judged.valid, judged.keys.len()), (Validity::Invalid, 1));
    assert_eq!(judged.explanation().last(), Some(&format!("  {sentence}")));
}

pub(crate) fn joined(lines: impl Iterator<Item = String>) -> String {
    lines.map(|line| line + "\n").collect()
}

/// Sequential operations: each line is invoked and ends with `ok`.
pub(crate) fn one_by_one(lines: &str) -> String {
    let lines = lines.lines().map(|line| {
        let (process, operation) = line.trim().split_once(' ').unwrap();
        let begin = if operation.starts_with("read") { "read nil" } else { operation };
        format!(
            "{process} invoke {begin}
{process} ok {operation}"
        )
    });
    joined(lines)
}

#[test]
fn one_linearization_is_enough() {
    check_valid("");
    check_valid(&one_by_one("0 write 1\n1 read 1\n0 cas [1 2]\n1 read 2"));
    check_valid(&one_by_one("0 cas [nil 2]\n1 read 2"));
    // A write that takes long, before, between and after reads.
    for reads in [[1, 1, 1], [2, 2, 2], [1, 2, 2], [1, 1, 2]] {
        let reads = reads.map(|value| one_by_one(&format!("1 read {value}")));
        let write = format!("2 invoke write 2\n{}2 ok write 2", reads.concat());
        check_valid(&(one_by_one("0 write 1\n") + &write));
    }
    // A chain in the reverse order of its completions.
    check_valid(
        "0 invoke cas [2 3]\n1 invoke cas [1 2]\n2 invoke write 1\n3 invoke read nil
         3 ok read 3\n0 ok cas [2 3]\n1 ok cas [1 2]\n2 ok write 1",
    );
    // A failed operation did not take effect.
    check_valid("0 invoke write 1\n0 fail write 1\n1 invoke read nil\n1 fail read nil");
    // Numbers of other types are other values, and lists are equal to vectors.
    check_valid(&one_by_one("0 write (1 2)\n0 read [1 2]"));
}

#[test]
fn indeterminate_operations_may_take_effect_later_or_never() {
    for end in ["0 info write 1\n", ""] {
        let begun = format!("0 invoke write 1\n{end}");
        for reads in ["1 read 2", "1 read 1", "1 read 2\n1 read 2\n1 read 1\n1 read 1"] {
            let rest = one_by_one(&format!("1 write 2\n{reads}"));
            check_valid(&(begun.clone() + &rest));
        }
    }
}

#[test]
fn keys_are_judged_independently() {
    let history = history(
        "0 invoke write [\"b\" 1]\n1 invoke write [\"a\" 2]\n0 ok write [\"b\" 1]
         1 ok write [\"a\" 2]\n0 invoke read [\"b\" nil]\n1 invoke read [\"a\" nil]
         nemesis info start-partition nil\n0 ok read [\"b\" 1]\n1 ok read [\"a\" 1]",
    );
    let judged = check(&history);
    let verdicts: Vec<_> = judged.keys.iter().map(|key| (key.key.cloned(), key.valid())).collect();
    let expected = [("a", Validity::Invalid), ("b", Validity::Valid)];
    assert_eq!(verdicts, expected.map(|(key, valid)| (Some(key.into()), valid)));
    assert_eq!(judged.judged, 4);
    assert_eq!(judged.to_edn().get("failures").unwrap().to_string(), "[\"a\"]");
    assert!(
        judged.reason().unwrap().starts_with("key \"a\" is not linearizable: read 1 at index 8")
    );
}

#[test]
fn a_read_of_nil_is_no_evidence() {
    let history = history("0 invoke read nil\n0 ok read nil");
    let judged = check(&history);
    assert_eq!((judged.valid, judged.judged), (Validity::Valid, 0));
}

#[test]
fn a_single_register_is_reported_as_upstream_reports_one_key() {
    let lines = one_by_one("0 write 1\n0 write 2\n1 read 1");
    let history_of_one = history(&lines);
    let one = check(&history_of_one);
    assert_eq!((one.valid, one.keys.len(), one.judged), (Validity::Invalid, 1, 3));
    let reason = "the register is not linearizable: read 1 at index 5 by process 1, but the \
        register was 2 from index 3 (write 2 by process 0) on, and no write of 1 was under way";
    assert_eq!(one.reason().as_deref(), Some(reason));
    assert_eq!(
        one.explanation()[0],
        "the register: no order explains its operations up to index 5"
    );
    assert!(
        one.contradictions()[0].description.starts_with("the register is not linearizable: read 1")
    );
    // The map under a key in `:results`.
    let keyed = judged(&lines).to_edn();
    let Some(Value::Map(keys)) = keyed.get("results") else { panic!("{keyed}") };
    assert_eq!(Some(&one.to_edn()), keys.get(&Value::Int(0)));

    for (lines, valid, reason) in [
        ("0 write 0\n0 cas [0 1]\n1 read 1", Validity::Valid, None),
        ("0 write 0\n0 cas [1 2]\n1 read 1", Validity::Invalid, Some("cas 1 to 2 at index 3")),
        ("0 cas [nil 1]\n0 cas [1 2]\n1 read 2", Validity::Valid, None),
        ("0 write [1 2]\n1 read [1 2]", Validity::Valid, None),
        ("0 write [1 2]\n1 read [2 1]", Validity::Invalid, Some("read [2,1] at index 3")),
        ("0 write 1\n1 add 2", Validity::Unknown, Some("a register knows no `add` of 2")),
    ] {
        let history = history(&one_by_one(lines));
        let one = check(&history);
        assert_eq!((one.valid, one.keys.len(), one.warnings()), (valid, 1, vec![]), "{lines}");
        let told = one.reason().unwrap_or_default();
        assert!(told.contains(reason.unwrap_or_default()) && told.is_empty() == reason.is_none());
    }
}

/// Overlapping writes, each of its own value, followed by reads.
pub(crate) fn overlapping(writes: u64, values_per_writer: u64, reads: &[u64]) -> String {
    let line = |n: u64, kind| format!("{n} {kind} write {}", n / values_per_writer);
    let begun = joined((0..writes).map(|n| line(n, "invoke")));
    let ended = joined((0..writes).map(|n| line(n, "ok")));
    let reads = reads.iter().map(|value| format!("{writes} read {value}"));
    begun + &ended + &one_by_one(joined(reads).trim_end())
}

#[test]
fn any_number_of_overlapping_writes_of_distinct_values_is_judged_at_once() {
    let start = std::time::Instant::now();
    let reads: Vec<u64> = (0..1_000).map(|_| 5).collect();
    check_valid(&overlapping(1_000, 1, &reads));
    check_invalid(
        &overlapping(1_000, 1, &[5, 6]),
        "read 6 at index 2003 by process 1000, but key 0 was 5 from index 1005 (write 5 by process \
         5) on, and no write of 6 was under way",
    );
    // Far more than it takes, and far less than a search would.
    assert!(start.elapsed().as_secs() < 10, "{:?}", start.elapsed());
}

#[test]
fn a_search_stops_at_its_limits() {
    // Each value is written twice, so there is nothing but to search.
    let history = history(&keyed(&overlapping(12, 2, &[99])));
    assert_eq!(check(&history).valid, Validity::Invalid);
    let default = SearchLimits::default();
    for limits in
        [SearchLimits { memory: 10_000, ..default }, SearchLimits { seconds: 0, ..default }]
    {
        let judged = check_within(&history, limits);
        assert_eq!(judged.valid, Validity::Unknown);
        assert!(judged.reason().unwrap().contains("an order may or may not exist"));
    }
}

#[test]
fn generated_histories_are_linearizable_and_an_unwritten_value_is_found() {
    let generator = HistoryGenerator {
        operations: 600,
        clients: 12,
        keys: 3,
        values: 5,
        indeterminate: 0.1,
        unavailable: 0.05,
    };
    let mut infos = 0;
    for seed in 0..200 {
        let mut random = Random::seeded(seed);
        let history = generator.history(&mut random);
        let judged = check(&history);
        assert_eq!((judged.reason(), judged.keys.len()), (None, 3), "seed {seed}");
        assert_eq!(judged.warnings(), [""; 0], "seed {seed}");
        infos += history.ops().iter().filter(|op| op.kind == Kind::Info).count();

        let is_read = |op: &&Op| op.kind == Kind::Ok && op.f == "read";
        let reads: Vec<&Op> = history.ops().iter().filter(is_read).collect();
        let wrong = (*random.choose(&reads)).clone();
        let key = wrong.value.as_sequence().unwrap()[0].clone();
        let odd = History::from_ops(history.ops().iter().cloned().map(|op| {
            let value = vec![key.clone(), Value::Int(77)].into();
            if op.index == wrong.index { Op { value, ..op } } else { op }
        }));
        let failed: Vec<_> = check(&odd)
            .keys
            .into_iter()
            .filter_map(|key| match key.verdict {
                KeyVerdict::NotLinearizable(failure) => {
                    Some((key.key?.clone(), failure.completion().index))
                }
                _ => None,
            })
            .collect();
        assert_eq!(failed, [(key, wrong.index)], "seed {seed}");
    }
    assert!(infos > 1_000, "{infos}");
}

#[test]
fn hundreds_of_crashed_writes_and_many_clients_are_judged_fast() {
    let generator = HistoryGenerator {
        operations: 2_000,
        clients: 40,
        keys: 1,
        values: 5,
        indeterminate: 0.3,
        unavailable: 0.0,
    };
    let history_of_sample = generator.history(&mut Random::seeded(1));
    let judged = check(&history_of_sample);
    assert_eq!((judged.reason(), judged.valid), (None, Validity::Valid));
    // No read observes any of them, whether each writes its own value or not.
    for writers_of_a_value in [1, 2] {
        let write = |n| format!("{n} invoke write [0 {}]", n / writers_of_a_value);
        let lost = joined((0..2_000).map(write));
        let read = "2000 invoke write [0 -1]\n2000 ok write [0 -1]\n\
                    2001 invoke read [0 nil]\n2001 ok read [0 -2]";
        assert_eq!(check(&history(&(lost + read))).valid, Validity::Invalid);
    }
}
