//! Tests that refusals contradict writes.

use super::*;

/// A history of key 0; a refusal is a line such as `0 fail cas [1 2] 22`, after `0 invoke …`.
fn history_with_refusals(lines: &str) -> History {
    let ops = lines.lines().map(str::trim).enumerate().map(|(index, line)| {
        let known =
            [(" 20", "key-does-not-exist"), (" 22", "precondition-failed"), (" 0", "net-timeout")];
        let error = known.into_iter().filter(|_| line.contains("fail"));
        let error = error.into_iter().find(|(code, _)| line.ends_with(code));
        let line = error.map_or(line, |(code, _)| line.strip_suffix(code).unwrap());
        let [process, kind, f, value] = line.splitn(4, ' ').collect::<Vec<_>>()[..] else {
            panic!("four words in `{line}`")
        };
        let key = if process == "nemesis" { value.to_owned() } else { format!("[0 {value}]") };
        let op = history(&format!("{process} {kind} {f} {key}")).ops()[0].clone();
        let error = error.map(|(_, name)| vec![Value::keyword(name), "no".into()].into());
        Op { index, time: 10_000_000 * index as u64, error, ..op }
    });
    History::from_ops(ops)
}

/// The results of a history, without and with a fault that Maelstrom cannot inject.
fn without_and_with_kill(lines: &str) -> [LinearizableResults<'static>; 2] {
    let lines = lines.trim().to_owned();
    let both = [lines.clone(), lines + "\nnemesis info kill nil"];
    both.map(|lines| check(Box::leak(Box::new(history_with_refusals(&lines)))))
}

/// Checks the sentence about a refusal: a warning, or the verdict if a node was killed.
#[track_caller]
fn check_refused(lines: &str, sentence: &str) {
    let [without, with] = without_and_with_kill(lines);
    assert_eq!((without.valid, without.reason()), (Validity::Valid, None));
    let warnings = without.warnings();
    let [warning] = &warnings[..] else { panic!("{warnings:?}") };
    let overlooked = "Maelstrom overlooks a refusal, because it ignores operations that failed";
    assert_eq!(*warning, format!("{overlooked}: {sentence}"));
    assert_eq!((with.valid, with.warnings()), (Validity::Invalid, vec![]));
    assert_eq!(with.reason(), Some(format!("key 0 is not linearizable: {sentence}")));
    assert_eq!(with.to_edn().get("failures").unwrap().to_string(), "[0]");
}

#[track_caller]
fn check_not_refused(lines: &str) {
    for judged in without_and_with_kill(lines) {
        assert_eq!((judged.valid, judged.reason()), (Validity::Valid, None));
        assert_eq!(judged.warnings(), [""; 0]);
    }
}

const WRITTEN: &str = "1 invoke write 3\n1 ok write 3\n";

#[test]
fn a_written_key_exists() {
    check_refused(
        &(WRITTEN.to_owned() + "2 invoke read nil\n2 fail read nil 20"),
        "read at index 3 by process 2 was refused because the key did not exist, but key 0 was 3 \
         from index 1 (write 3 by process 1) on, and nothing deletes a key",
    );
    check_refused(
        &(WRITTEN.to_owned() + "2 invoke cas [1 2]\n2 fail cas [1 2] 20"),
        "cas 1 to 2 at index 3 by process 2 was refused because the key did not exist, but key 0 \
         was 3 from index 1 (write 3 by process 1) on, and nothing deletes a key",
    );
    // The value was there before its write was acknowledged, because it had been read.
    check_refused(
        "1 invoke write 3\n2 invoke read nil\n2 ok read 3\n2 invoke write 4\n2 fail write 4 20",
        "write 4 at index 4 by process 2 was refused because the key did not exist, but key 0 was \
         3 (write 3 by process 1, under way since index 0), and nothing deletes a key",
    );
}

#[test]
fn a_known_value_is_not_another_one() {
    check_refused(
        &(WRITTEN.to_owned() + "2 invoke cas [3 2]\n2 fail cas [3 2] 22"),
        "cas 3 to 2 at index 3 by process 2 was refused because the value was not 3, but key 0 was \
         3 from index 1 (write 3 by process 1) on, and no write of another value was under way",
    );
    // The pending operation came too early.
    check_refused(
        &("0 invoke cas [nil 7]\n3 invoke read nil\n3 ok read 7\n".to_owned()
            + WRITTEN
            + "2 invoke cas [3 2]\n2 fail cas [3 2] 22"),
        "cas 3 to 2 at index 6 by process 2 was refused because the value was not 3, but key 0 was \
         3 from index 4 (write 3 by process 1) on, and cas null to 7 by process 0 was under way, \
         but it came earlier, before read 7 by process 3 at index 2",
    );
}

#[test]
fn a_refusal_that_may_be_true_is_no_contradiction() {
    let read = "2 invoke read nil\n2 fail read nil 20\n";
    check_not_refused(&(read.to_owned() + WRITTEN));
    // While the write is pending, in either order.
    check_not_refused("1 invoke write 3\n2 invoke read nil\n2 fail read nil 20\n1 ok write 3");
    check_not_refused(&(WRITTEN.to_owned() + "2 invoke cas [1 2]\n2 fail cas [1 2] 22"));
    // The key has no value, so not this one either.
    check_not_refused("2 invoke cas [1 2]\n2 fail cas [1 2] 22");
    // An indeterminate write may have set another value.
    check_not_refused(
        &(WRITTEN.to_owned() + "0 invoke write 5\n2 invoke cas [3 2]\n2 fail cas [3 2] 22"),
    );
    // An operation without an answer, or with another error, observed nothing.
    check_not_refused(&(WRITTEN.to_owned() + "2 invoke read nil\n2 fail read nil 0"));
    check_not_refused(&(WRITTEN.to_owned() + "2 invoke read nil\n2 fail read nil 22"));
    check_not_refused(&(WRITTEN.to_owned() + "2 invoke read nil\n2 fail read nil"));
}

#[test]
fn a_refusal_may_rule_out_another_operation() {
    // The indeterminate write explains the refusal or the read, but not both.
    let lines = WRITTEN.to_owned()
        + "0 invoke write 5\n2 invoke cas [3 2]\n2 fail cas [3 2] 22\n3 invoke write 3\n3 ok write 3
           2 invoke read nil\n2 ok read 5";
    let [without, with] = without_and_with_kill(&lines);
    let sentence = "read 5 at index 8 by process 2, but key 0 was 3 from index 6 (write 3 by \
                    process 3) on, and write 5 by process 0 was under way, but it came earlier, \
                    before cas 3 to 2 by process 2 at index 4";
    let warning =
        "Maelstrom overlooks the refusals of key 0, because it ignores why operations failed";
    assert_eq!(without.warnings(), [format!("{warning}: {sentence}")]);
    assert_eq!(with.reason(), Some(format!("key 0 is not linearizable: {sentence}")));
}

#[test]
fn a_refusal_is_reported_with_the_write_that_it_contradicts() {
    let [_, with] =
        without_and_with_kill(&(WRITTEN.to_owned() + "2 invoke cas [1 2]\n2 fail cas [1 2] 20"));
    let expected = "\
key 0: no order explains its operations up to index 3
  the operations before it can be ordered like this:
    write 3 by process 1, index 0 to 1, 0.000 s to 0.010 s: the value is then 3
    cas 1 to 2 by process 2 was refused because the key did not exist, index 2 to 3, 0.020 s to \
0.030 s: cannot be placed
  in this order, the value was last null before write 3 by process 1, index 0 to 1, 0.000 s to \
0.010 s
  cas 1 to 2 at index 3 by process 2 was refused because the key did not exist, but key 0 was 3 \
from index 1 (write 3 by process 1) on, and nothing deletes a key";
    assert_eq!(with.explanation().join("\n"), expected);
    let [contradiction] = &with.contradictions()[..] else { panic!("{with:?}") };
    assert_eq!(contradiction.operations, [0, 1, 2, 3]);
    assert_eq!(contradiction.value, Some(Value::Int(3)));
}

#[test]
fn a_read_of_nil_counts_where_faults_are_beyond_maelstrom() {
    let [without, with] =
        without_and_with_kill(&(WRITTEN.to_owned() + "2 invoke read nil\n2 ok read nil"));
    assert_eq!((without.valid, without.warnings().len()), (Validity::Valid, 1));
    let reason = "key 0 is not linearizable: read null at index 3 by process 2, but key 0 was 3 \
                  from index 1 (write 3 by process 1) on, and no write of null was under way";
    assert_eq!((with.reason().as_deref(), with.warnings().len()), (Some(reason), 0));
}

#[test]
fn refusals_beyond_the_limits_are_a_warning_unless_they_report_a_missing_key() {
    let limits = SearchLimits { memory: 10_000, ..SearchLimits::default() };
    let lines = overlapping(14, 1, &[5]) + "20 invoke cas [6 7]\n20 fail cas [6 7] 22\n";
    let check = |lines: &str| {
        let history = history_with_refusals(lines);
        let judged = check_within(&history, limits);
        (judged.valid, judged.reason().unwrap_or_default(), judged.warnings())
    };
    let (valid, _, warnings) = check(&lines);
    assert_eq!((valid, warnings.len()), (Validity::Valid, 1));
    let warning = "for key 0, operations that were refused, and reads of null, could not be \
                   judged: the search may take 0 MiB and about 10 seconds, and got past 14 \
                   completions of 16";
    assert!(warnings[0].starts_with(warning), "{}", warnings[0]);

    let (valid, reason, warnings) = check(&(lines.clone() + "nemesis info kill nil"));
    assert_eq!((valid, warnings.len()), (Validity::Unknown, 0));
    assert!(reason.contains(", operations that were refused, and reads of null, "), "{reason}");

    let lines = lines + "20 invoke read nil\n20 fail read nil 20\nnemesis info kill nil";
    let (valid, reason, warnings) = check(&lines);
    assert_eq!((valid, warnings.len()), (Validity::Invalid, 0));
    assert!(reason.contains("because the key did not exist"), "{reason}");
}
