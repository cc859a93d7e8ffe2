use super::*;
use crate::testing::history;

/// Judges a history whose functions are `add` and `read`.
#[track_caller]
fn check(text: &str, valid: Validity, [stable, lost, never_read]: [usize; 3]) -> SetFullResults {
    let set = super::check(&history(text), "add", "read");
    let counts = [set.stable_count, set.lost.len(), set.never_read.len()];
    assert_eq!((set.valid, counts), (valid, [stable, lost, never_read]), "{text}");
    assert_eq!(set.attempt_count, stable + lost + never_read);
    set
}

#[test]
fn without_reads_nothing_is_known() {
    check("", Validity::Unknown, [0, 0, 0]);
    check("0 invoke add 1\n0 ok add 1", Validity::Unknown, [0, 0, 1]);
}

#[test]
fn an_element_that_every_late_read_has_is_stable() {
    let set = check(
        "0 invoke add 1
         0 ok add 1
         1 invoke read nil
         1 ok read [1]",
        Validity::Valid,
        [1, 0, 0],
    );
    assert_eq!(set.stable_latencies.unwrap().maximum, 0);
    assert!(set.stale.is_empty() && set.read_anomalies.is_empty());
}

#[test]
fn an_element_that_a_read_missed_is_stale_until_then() {
    let set = check(
        "0 invoke add [\"a\"]
         0 ok add [\"a\"]
         1 invoke read nil
         1 ok read []
         1 invoke read nil
         1 ok read [[\"a\"]]",
        Validity::Valid,
        [1, 0, 0],
    );
    let [stale] = &set.worst_stale[..] else { panic!("one stale element") };
    assert_eq!((stale.stable_latency, stale.known.index, stale.last_absent.index), (10, 1, 2));
}

#[test]
fn an_element_that_a_late_read_lacks_is_lost() {
    let set = check(
        "0 invoke add 1
         0 ok add 1
         1 invoke read nil
         1 ok read [1]
         1 invoke read nil
         1 ok read []",
        Validity::Invalid,
        [0, 1, 0],
    );
    assert_eq!(set.lost_latencies.unwrap().maximum, 10);
}

#[test]
fn a_read_that_began_before_the_add_ended_proves_no_loss() {
    check(
        "0 invoke add 1
         1 invoke read nil
         0 ok add 1
         1 ok read []",
        Validity::Unknown,
        [0, 0, 1],
    );
}

#[test]
fn reads_are_ordered_by_invocation() {
    check(
        "0 invoke add 1
         0 ok add 1
         1 invoke read nil
         2 invoke read nil
         2 ok read [1]
         1 ok read []",
        Validity::Valid,
        [1, 0, 0],
    );
}

#[test]
fn a_failed_add_may_be_absent_but_once_read_it_may_not_vanish() {
    let failed = "0 invoke add 1
                  0 info add 1
                  1 invoke read nil
                  1 ok read []";
    check(failed, Validity::Unknown, [0, 0, 1]);
    let seen = "\n1 invoke read nil\n1 ok read [1]";
    check(&format!("{failed}{seen}"), Validity::Valid, [1, 0, 0]);
    let gone = "\n1 invoke read nil\n1 ok read []";
    check(&format!("{failed}{seen}{gone}"), Validity::Invalid, [0, 1, 0]);
}

#[test]
fn failed_reads_and_the_nemesis_are_no_evidence() {
    check(
        "0 invoke add 1
         0 ok add 1
         1 invoke read nil
         1 ok read [1]
         nemesis ok read []
         1 invoke read nil
         1 fail read nil",
        Validity::Valid,
        [1, 0, 0],
    );
}

#[test]
fn adding_an_element_again_resets_its_timeline() {
    check(
        "0 invoke add 1
         0 ok add 1
         1 invoke read nil
         1 ok read []
         0 invoke add 1
         0 ok add 1",
        Validity::Unknown,
        [0, 0, 1],
    );
}

#[test]
fn unexpected_elements_and_duplicates_do_not_change_the_verdict() {
    let set = check(
        "0 invoke add 1
         0 ok add 1
         4 invoke read nil
         4 ok read [1 7 1 1]
         1 invoke read nil
         1 ok read [7 1 1]",
        Validity::Valid,
        [1, 0, 0],
    );
    let odd: Vec<_> = set.read_anomalies.iter().map(|read| (&read.value, read.kind)).collect();
    let expected = [
        (&Value::Int(7), ReadAnomalyKind::Unexpected),
        (&Value::Int(1), ReadAnomalyKind::Duplicated(3)),
    ];
    assert_eq!(odd, expected);
    assert_eq!(set.to_edn().get("duplicated-count"), Some(&0.into()));
}

#[test]
fn of_equally_stale_elements_the_greatest_are_described() {
    let adds = (0..10).map(|i| format!("{i} invoke add {i}\n"));
    let text: String = adds.chain((0..10).map(|i| format!("{i} info add {i}\n"))).collect();
    let reads = |elements: &str| format!("0 invoke read nil\n0 ok read {elements}\n");
    let text =
        text + &reads("[0 1 2 3 4 5 6 7 8 9]") + &reads("[]") + &reads("[9 8 7 6 5 4 3 2 1 0]");
    let set = check(&text, Validity::Valid, [10, 0, 0]);
    let worst: Vec<_> = set.worst_stale.iter().map(|stale| stale.element.as_int()).collect();
    assert_eq!(worst, (2..10).rev().map(Some).collect::<Vec<_>>());
    assert_eq!(set.worst_stale[0].known.f, "read");
}
