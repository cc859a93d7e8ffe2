use crate::edn::Value;
use crate::elle::testing::{check, concurrent, history, oks};
use crate::elle::{ElleResults, list_append, rw_register};

#[test]
fn the_transactions_of_each_case_of_lists_contradict_each_other() {
    #[track_caller]
    fn expect(elle: &ElleResults<'_>, what: &str, operations: &[usize], value: Option<i64>) {
        let found = &elle.contradictions()[0];
        assert_eq!((&*found.description, &found.operations[..]), (what, operations));
        assert_eq!(found.value, value.map(Value::Int));
    }
    let skewed = oks(&["[[:append 1 1] [:append 2 1]]", "[[:r 5 nil]]", "[[:r 1 [1]] [:r 2 nil]]"]);
    expect(
        &check(list_append::check, "serializable", &skewed, "Invalid G-single-item"),
        "G-single-item, a transaction saw one part of what others did and missed another (read \
         skew): T1 read key 2 as empty and did not see 1, which T2 appended, so T1 comes before \
         T2; T1 read key 1 up to element 1, which T2 had appended, so T2 comes before T1; T1 is by \
         process 2 (0.020 s to 0.050 s), T2 is by process 0 (0.000 s to 0.030 s)",
        &[0, 2, 3, 5],
        None,
    );
    let aborted = concurrent(&[("fail", "[[:append 1 7]]"), ("ok", "[[:r 1 [7]]]")]);
    expect(
        &check(
            list_append::check,
            "read-committed",
            &aborted,
            "Invalid G1a empty-transaction-graph",
        ),
        "G1a, a transaction read what a failed one wrote (aborted read): T1 appended 7 to key 1 \
         and failed, but T2 read it; T1 is by process 0 (0.000 s to 0.020 s), T2 is by process 1 \
         (0.010 s to 0.030 s)",
        &[0, 1, 2, 3],
        Some(7),
    );
}

#[test]
fn the_transactions_of_each_case_of_registers_contradict_each_other() {
    #[track_caller]
    fn expect(text: &str, expected: &str, what: &str, operations: &[usize]) {
        let elle = check(rw_register::check, "serializable", text, expected);
        let name = &what[..what.find(',').unwrap()];
        let found = elle.contradictions();
        let found = found.iter().find(|found| found.description.starts_with(name)).unwrap();
        assert_eq!((&*found.description, &found.operations[..]), (what, operations));
    }
    expect(
        &oks(&["[[:w 5 5]]", "[[:w 1 1] [:r 1 2]]"]),
        "Invalid empty-transaction-graph internal",
        "internal, a transaction contradicts itself: T1 had itself read or written 1 for key 1, \
         but then read 2; T1 is by process 1 (0.010 s to 0.030 s)",
        &[1, 3],
    );
    expect(
        &oks(&["[[:r 1 1] [:w 1 2]]", "[[:r 1 1] [:w 1 3]]", "[[:r 1 1] [:w 1 4]]", "[[:w 1 1]]"]),
        "Invalid G2-item lost-update",
        "lost-update, transactions read the same version and overwrote it, unaware of each other: \
         all of the transactions read key 1 as 1 and then wrote to it, so the later one did not \
         see the earlier write; T1 is by process 0 (0.000 s to 0.040 s), T2 is by process 1 (0.010 \
         s to 0.050 s), T3 is by process 2 (0.020 s to 0.060 s)",
        &[0, 1, 2, 4, 5, 6],
    );
    // The sentence gives these transactions no names such as T1.
    expect(
        &oks(&["[[:r 1 1] [:w 1 2]]", "[[:r 1 2] [:w 1 1]]"]),
        "Invalid G1c cyclic-versions",
        "cyclic-versions, the versions of a key cannot be ordered: the transaction at index 2 read \
         key 1 as 1 and set it to 2, so 1 comes before 2; the transaction at index 3 read key 1 as \
         2 and set it to 1, so 2 comes before 1",
        &[0, 1, 2, 3],
    );
}

#[test]
fn every_anomaly_is_shown_once_before_any_is_shown_twice() {
    let failed: Vec<String> = (1..=25).map(|key| format!("[:append {key} 7]")).collect();
    let read: Vec<String> = (1..=25).map(|key| format!("[:r {key} [7]]")).collect();
    let [failed, read] = [failed, read].map(|mops| format!("[{}]", mops.join(" ")));
    let text = concurrent(&[
        ("fail", &failed),
        ("ok", &read),
        ("ok", "[[:append 99 1] [:r 99 [2 1]]]"),
        ("ok", "[[:append 99 2] [:r 99 [1]]]"),
    ]);
    let elle = list_append::check(history(&text), &["serializable".parse().unwrap()]);
    let contradictions = elle.contradictions();
    assert_eq!(contradictions.len(), 20);
    let kinds = elle.anomalies.keys();
    let first =
        |name: &str| contradictions.iter().position(|c| c.description.starts_with(name)).unwrap();
    for kind in kinds {
        assert!(first(kind.name()) < elle.anomalies.len(), "{kind}");
    }
}
