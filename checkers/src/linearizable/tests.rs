use super::{sample::Sample, *};
use crate::{history::Kind, random::Random, testing::history};

mod oracle;
mod refused;

/// Checks a history on key 0 of lines such as `0 ok read 3`, whose values stand without the key.
#[track_caller]
fn judged(lines: &str) -> Linearizable {
    check(&history(&keyed(lines)))
}

/// The same lines, about key 0.
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
fn check_valid(lines: &str) {
    let judged = judged(lines);
    assert_eq!((judged.reason(), judged.valid), (None, Validity::Valid));
    assert_eq!(judged.warnings, [""; 0]);
}

/// The sentence about what fits nowhere.
#[track_caller]
fn check_invalid(lines: &str, sentence: &str) {
    let judged = judged(lines);
    let [Key { verdict: Verdict::NotLinearizable(failure), .. }] = &judged.keys[..] else {
        panic!("{:?}", judged.keys)
    };
    assert_eq!(failure.sentence, sentence);
    assert_eq!(judged.valid, Validity::Invalid);
    assert_eq!(judged.explanation(), failure.explanation);
}

fn joined(lines: impl Iterator<Item = String>) -> String {
    lines.map(|line| line + "\n").collect()
}

/// One operation after the other: each line is invoked and ends with `ok`.
fn one_by_one(lines: &str) -> String {
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
fn an_order_is_enough() {
    check_valid("");
    check_valid(&one_by_one("0 write 1\n1 read 1\n0 cas [1 2]\n1 read 2"));
    check_valid(&one_by_one("0 cas [nil 2]\n1 read 2"));
    // A write that takes long, before, between and after reads.
    for reads in [[1, 1, 1], [2, 2, 2], [1, 2, 2], [1, 1, 2]] {
        let reads = reads.map(|value| one_by_one(&format!("1 read {value}")));
        let write = format!("2 invoke write 2\n{}2 ok write 2", reads.concat());
        check_valid(&(one_by_one("0 write 1\n") + &write));
    }
    // A chain in the opposite order of its ends.
    check_valid(
        "0 invoke cas [2 3]\n1 invoke cas [1 2]\n2 invoke write 1\n3 invoke read nil
         3 ok read 3\n0 ok cas [2 3]\n1 ok cas [1 2]\n2 ok write 1",
    );
    // What failed did not happen.
    check_valid("0 invoke write 1\n0 fail write 1\n1 invoke read nil\n1 fail read nil");
    // Numbers of other types are other values, and lists are equal to vectors.
    check_valid(&one_by_one("0 write (1 2)\n0 read [1 2]"));
}

#[test]
fn what_has_no_end_may_happen_later_or_never() {
    for end in ["0 info write 1\n", ""] {
        let begun = format!("0 invoke write 1\n{end}");
        for reads in ["1 read 2", "1 read 1", "1 read 2\n1 read 2\n1 read 1\n1 read 1"] {
            let rest = one_by_one(&format!("1 write 2\n{reads}"));
            check_valid(&(begun.clone() + &rest));
        }
    }
}

#[test]
fn the_first_operation_that_fits_nowhere_is_named() {
    check_invalid(
        &one_by_one("0 read 3"),
        "read 3 at index 1 by process 0, but nothing had been written to key 0, \
         and nobody had begun to write 3",
    );
    check_invalid(
        &one_by_one("0 write 3\n1 write 2\n4 read 3\n4 read 7"),
        "read 3 at index 5 by process 4, but key 0 was 2 from index 3 (write 2 by process 1) on, \
         and no write of 3 was under way",
    );
    check_invalid(
        &one_by_one("0 write 1\n1 cas [0 2]"),
        "cas 0 to 2 at index 3 by process 1, but key 0 was 1 from index 1 (write 1 by process 0) \
         on, and nobody had begun to write 0",
    );
    check_invalid(
        &one_by_one("0 write 1\n0 read 1.0"),
        "read 1.0 at index 3 by process 0, but key 0 was 1 from index 1 (write 1 by process 0) \
         on, and nobody had begun to write 1.0; 1 is known, and not 1.0: values must come back \
         with their type",
    );
}

#[test]
fn what_was_under_way_and_did_not_help_is_told() {
    // It happens once, though a search that does not count would let it happen twice.
    check_invalid(
        &("0 invoke write 1\n0 info write 1\n".to_owned()
            + &one_by_one("1 write 2\n1 read 1\n1 write 2\n1 read 1\n1 read 5")),
        "read 1 at index 9 by process 1, but key 0 was 2 from index 7 (write 2 by process 1) on, \
         and write 1 by process 0 was under way, but it came earlier, \
         before read 1 by process 1 at index 5",
    );
    check_invalid(
        &("0 invoke cas [4 1]\n".to_owned() + &one_by_one("1 write 2\n1 read 1")),
        "read 1 at index 4 by process 1, but key 0 was 2 from index 2 (write 2 by process 1) on, \
         and cas 4 to 1 by process 0 was under way, but it would have had to find 4",
    );
    check_invalid(
        "0 invoke write 1\n1 invoke read nil\n1 ok read 1\n1 invoke read nil\n1 ok read 2",
        "read 2 at index 4 by process 1, but key 0 was 1 (write 1 by process 0, under way since \
         index 0), and nobody had begun to write 2",
    );
}

#[test]
fn an_explanation_tells_the_end_of_an_order_and_what_else_was_under_way() {
    let writes = joined((0..12).map(|value| format!("0 write {value}")));
    let lines = one_by_one(writes.trim_end()) + "1 invoke write 50\n" + &one_by_one("2 read 10");
    let explanation = judged(&lines).explanation();
    let expected = "\
key 0: no order explains its operations up to index 26
  what came before fits in this order, whose first 4 operations we skip:
    write 4 by process 0, index 8 to 9, 0.080 s to 0.090 s: it is 4
    write 5 by process 0, index 10 to 11, 0.100 s to 0.110 s: it is 5
    write 6 by process 0, index 12 to 13, 0.120 s to 0.130 s: it is 6
    write 7 by process 0, index 14 to 15, 0.140 s to 0.150 s: it is 7
    write 8 by process 0, index 16 to 17, 0.160 s to 0.170 s: it is 8
    write 9 by process 0, index 18 to 19, 0.180 s to 0.190 s: it is 9
    write 10 by process 0, index 20 to 21, 0.200 s to 0.210 s: it is 10
    write 11 by process 0, index 22 to 23, 0.220 s to 0.230 s: it is 11
    read 10 by process 2, index 25 to 26, 0.250 s to 0.260 s: fits nowhere
  under way as well, and not in this order yet:
    write 50 by process 1, from index 24, 0.240 s, without an end
  in this order it was 10 last before write 11 by process 0, index 22 to 23, 0.220 s to 0.230 s
  read 10 at index 26 by process 2, but key 0 was 11 from index 23 (write 11 by process 0) on, \
and no write of 10 was under way";
    assert_eq!(explanation.join("\n"), expected);
}

#[test]
fn keys_are_judged_one_by_one() {
    let judged = check(&history(
        "0 invoke write [\"b\" 1]\n1 invoke write [\"a\" 2]\n0 ok write [\"b\" 1]
         1 ok write [\"a\" 2]\n0 invoke read [\"b\" nil]\n1 invoke read [\"a\" nil]
         nemesis info start-partition nil\n0 ok read [\"b\" 1]\n1 ok read [\"a\" 1]",
    ));
    let verdicts: Vec<_> = judged.keys.iter().map(|key| (key.name(), key.valid())).collect();
    let expected = [("key \"a\"", Validity::Invalid), ("key \"b\"", Validity::Valid)];
    assert_eq!(verdicts, expected.map(|(name, valid)| (name.to_owned(), valid)));
    assert_eq!(judged.judged, 4);
    assert_eq!(judged.to_edn().get("failures").unwrap().to_string(), "[\"a\"]");
    assert!(
        judged.reason().unwrap().starts_with("key \"a\" is not linearizable: read 1 at index 8")
    );
}

#[test]
fn a_history_whose_first_operation_is_wrong_has_no_completion_before_it() {
    let results = judged(&one_by_one("0 read 3")).to_edn();
    let expected = "{:valid? false, :configs ({:model #knossos.model.CASRegister{:value nil}, \
        :last-op nil, :pending [{:process 0, :type :invoke, :f :read, :value 3, :index 0, :time 0}\
        ]}), :final-paths ([{:op {:process 0, :type :ok, :f :read, :value 3, :index 1, \
        :time 10000000}, :model #knossos.model.Inconsistent{:msg \"can't read 3 from register \"}}\
        ]), :previous-ok nil, :last-op nil, :op {:process 0, :type :ok, :f :read, :value 3, \
        :index 1, :time 10000000}}";
    let Some(Value::Map(keys)) = results.get("results") else { panic!("{results}") };
    let key = keys.get(&Value::Int(0)).unwrap();
    assert_eq!(key.get("linearizable").unwrap().to_string(), expected);
}

#[test]
fn what_makes_no_sense_is_unknown() {
    for (lines, reason) in [
        ("0 invoke add [0 1]", "a register knows no `add` of 1, as at index 0"),
        (
            "0 invoke cas [0 7]\n1 invoke read [0 nil]",
            "a register knows no `cas` of 7, as at index 0",
        ),
        ("0 ok read [0 1]", "what process 0 ends at index 0 never began"),
        (
            "0 invoke read [0 nil]\n0 invoke read [0 nil]",
            "process 0 begins an operation at index 1, and the one from index 0 has not ended",
        ),
    ] {
        let judged = check(&history(lines));
        assert_eq!((judged.valid, judged.judged), (Validity::Unknown, 0));
        assert_eq!(judged.reason(), Some(format!("key 0 could not be judged: {reason}")));
        assert_eq!(judged.to_edn().get("failures").unwrap().to_string(), "[]");
        assert!(judged.explanation().is_empty());
    }
}

#[test]
fn a_read_of_nil_is_no_evidence() {
    let judged = check(&history("0 invoke read nil\n0 ok read nil"));
    assert_eq!((judged.valid, judged.judged), (Validity::Valid, 0));
}

#[test]
fn what_names_no_key_is_a_warning() {
    let judged = check(&history("0 invoke read nil\n1 invoke read [1 2 3]"));
    assert_eq!((judged.valid, judged.keys.len(), judged.judged), (Validity::Valid, 0, 0));
    let warning = "the value of read at index 0 names no key; and one more like it";
    assert_eq!(judged.warnings, [warning]);
}

#[test]
fn a_read_of_nil_is_a_warning_if_it_cannot_be_true() {
    check_valid(&one_by_one("0 read nil\n0 write 1"));
    let judged = judged(&one_by_one("0 write 1\n0 read nil"));
    assert_eq!(judged.valid, Validity::Valid);
    let warning = "a read of null goes unpunished, for Maelstrom takes it for unknown: read null \
        at index 3 by process 0, but key 0 was 1 from index 1 (write 1 by process 0) on, and no \
        write of null was under way";
    assert_eq!(judged.warnings, [warning]);
}

#[test]
fn one_register_has_no_key_and_is_told_as_upstream_tells_one_key() {
    let lines = one_by_one("0 write 1\n0 write 2\n1 read 1");
    let one = check(&history(&lines));
    assert_eq!((one.valid, one.keys.len(), one.judged), (Validity::Invalid, 1, 3));
    let reason = "the register is not linearizable: read 1 at index 5 by process 1, but the \
        register was 2 from index 3 (write 2 by process 0) on, and no write of 1 was under way";
    assert_eq!(one.reason().as_deref(), Some(reason));
    assert_eq!(
        one.explanation()[0],
        "the register: no order explains its operations up to index 5"
    );
    assert!(one.contradictions()[0].what.starts_with("the register is not linearizable: read 1"));
    // What stands under a key in `:results`.
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
        let one = check(&history(&one_by_one(lines)));
        assert_eq!((one.valid, one.keys.len(), &one.warnings[..]), (valid, 1, &[][..]), "{lines}");
        let told = one.reason().unwrap_or_default();
        assert!(told.contains(reason.unwrap_or_default()) && told.is_empty() == reason.is_none());
    }
}

/// So many overlapping writes, each of its own value, and what is read afterwards.
fn overlapping(writes: u64, values_per_writer: u64, reads: &[u64]) -> String {
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
fn what_the_last_value_can_be_is_told_of_every_order() {
    check_invalid(
        &overlapping(3, 1, &[9]),
        "read 9 at index 7 by process 3, but key 0 was 2 from index 5 (write 2 by process 2) on \
         (or 0 or 1, in another order), and nobody had begun to write 9",
    );
}

#[test]
fn a_search_that_would_take_too_much_memory_or_time_gives_up() {
    // Each value is written twice, so there is nothing but to search.
    let history = history(&keyed(&overlapping(12, 2, &[99])));
    assert_eq!(check(&history).valid, Validity::Invalid);
    let default = Limits::default();
    for limits in [Limits { memory: 10_000, ..default }, Limits { seconds: 0, ..default }] {
        let judged = check_within(&history, limits);
        assert_eq!(judged.valid, Validity::Unknown);
        assert!(judged.reason().unwrap().contains("an order may or may not exist"));
    }
}

#[test]
fn what_was_done_by_a_register_is_linearizable_and_a_value_from_nowhere_is_found() {
    let sample =
        Sample { operations: 600, clients: 12, keys: 3, values: 5, lost: 0.1, refused: 0.05 };
    let mut infos = 0;
    for seed in 0..200 {
        let mut random = Random::seeded(seed);
        let history = sample.history(&mut random);
        let judged = check(&history);
        assert_eq!((judged.reason(), judged.keys.len()), (None, 3), "seed {seed}");
        assert_eq!(judged.warnings, [""; 0], "seed {seed}");
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
                Verdict::NotLinearizable(failure) => Some((key.key?, failure.op.index)),
                _ => None,
            })
            .collect();
        assert_eq!(failed, [(key, wrong.index)], "seed {seed}");
    }
    assert!(infos > 1_000, "{infos}");
}

#[test]
fn hundreds_of_crashed_writes_and_many_clients_are_no_trouble() {
    let sample =
        Sample { operations: 2_000, clients: 40, keys: 1, values: 5, lost: 0.3, refused: 0.0 };
    let judged = check(&sample.history(&mut Random::seeded(1)));
    assert_eq!((judged.reason(), judged.valid), (None, Validity::Valid));
    // Nobody ever hears of any of them, whether each writes its own value or not.
    for writers_of_a_value in [1, 2] {
        let write = |n| format!("{n} invoke write [0 {}]", n / writers_of_a_value);
        let lost = joined((0..2_000).map(write));
        let read = "2000 invoke write [0 -1]\n2000 ok write [0 -1]\n\
                    2001 invoke read [0 nil]\n2001 ok read [0 -2]";
        assert_eq!(check(&history(&(lost + read))).valid, Validity::Invalid);
    }
}

#[test]
fn what_fits_nowhere_and_what_leaves_it_no_room_contradict_each_other() {
    #[track_caller]
    fn expect(lines: &str, what: &str, operations: &[usize], value: i64) {
        let contradictions = judged(lines).contradictions();
        let [found] = &contradictions[..] else { panic!("{contradictions:?}") };
        assert_eq!((&*found.what, &found.operations[..]), (what, operations));
        assert_eq!(found.value, Some(Value::Int(value)));
    }
    expect(
        &one_by_one("0 write 3\n3 read 3\n1 write 2\n3 read 2\n4 read 3\n4 read 7"),
        "key 0 is not linearizable: read 3 at 0.090 s by process 4, but key 0 was 2 from 0.050 s \
         (write 2 by process 1) on, and no write of 3 was under way",
        &[0, 1, 4, 5, 8, 9],
        3,
    );
    expect(
        &("0 invoke write 1\n0 info write 1\n".to_owned()
            + &one_by_one("1 write 2\n1 read 1\n1 write 2\n1 read 1")),
        "key 0 is not linearizable: read 1 at 0.090 s by process 1, but key 0 was 2 from 0.070 s \
         (write 2 by process 1) on, and write 1 by process 0 was under way, but it came earlier, \
         before read 1 by process 1 at 0.050 s",
        &[0, 4, 5, 6, 7, 8, 9],
        1,
    );
    expect(
        &one_by_one("0 read 3"),
        "key 0 is not linearizable: read 3 at 0.010 s by process 0, but nothing had been written \
         to key 0, and nobody had begun to write 3",
        &[0, 1],
        3,
    );
    assert_eq!(judged(&one_by_one("0 write 1\n0 read 1")).contradictions(), []);
}
