use super::*;
use crate::testing::history;

/// Judges a history in which `add` and `read` stand for themselves.
#[track_caller]
fn check(text: &str, valid: Validity, [stable, lost, never_read]: [usize; 3]) -> SetFull {
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
fn what_reads_returned_is_told_where_nothing_is_known_or_something_is_lost() {
    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(
            super::check(&history(text), "add", "read").reason().unwrap(),
            expected,
            "{text}"
        );
    }
    let (add, null, empty) = (
        "0 invoke add 1\n0 ok add 1\n",
        "1 invoke read nil\n1 ok read nil\n",
        "1 invoke read nil\n1 ok read []\n",
    );
    let unknown = "so nobody knows whether the value that was sent is kept";
    let nulls = "answered null in place of a list, which is taken for an empty one";
    let lost = "1 value known to a node and then lost: 1";
    check("", "clients sent no value, so none was there to be kept or lost");
    check(add, &format!("no read succeeded, {unknown}"));
    check(&format!("{null}{add}"), &format!("the only read {nulls}, {unknown}"));
    check(&format!("{null}{null}{add}"), &format!("all 2 reads {nulls}, {unknown}"));
    check(
        &format!("{empty}{add}"),
        &format!("the only read that succeeded returned no value, {unknown}"),
    );
    check(
        &format!("{empty}{empty}{add}"),
        &format!("none of 2 reads that succeeded returned a value, {unknown}"),
    );
    check(&format!("{empty}{add}{null}"), &format!("{lost}; 1 of 2 reads {nulls}"));
    // Here it is another read that shows the loss.
    check(&format!("{null}{add}{empty}"), lost);
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
    assert!(set.stale.is_empty() && set.warnings.is_empty());
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
fn reads_count_by_when_they_began() {
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
fn failed_reads_and_the_nemesis_say_nothing() {
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
fn an_element_that_is_added_again_begins_anew() {
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
fn foreign_elements_and_duplicates_are_warnings_only() {
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
    let expected =
        ["process 4 read 7 at index 3, but no add sent it", "process 4 read 1 3 times at index 3"];
    assert_eq!(set.warnings, expected);
    assert_eq!(set.to_edn().get("duplicated-count"), Some(&0.into()));
}

#[test]
fn many_warnings_are_shortened() {
    let elements = Value::Vector((0..20).map(Value::Int).collect());
    let text = format!("0 invoke read nil\n0 ok read {elements}");
    let set = super::check(&history(&text), "add", "read");
    let folded = "process 0 read 0 at index 1, but no add sent it; and 19 more elements that were \
                  never sent";
    assert_eq!(set.warnings, [folded]);
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
