use super::*;
use crate::{Validity, testing::history};

/// Judges a history by a model: the verdict, and which anomalies there are.
#[track_caller]
fn check(model: &str, text: &str, expected: &str) -> Elle {
    let elle = super::check(&history(text), &[model.parse().unwrap()]);
    let names: Vec<&str> = elle.anomalies.keys().map(|anomaly| anomaly.name()).collect();
    let found = format!("{:?} {}", elle.valid, names.join(" "));
    assert_eq!(found.trim_end(), expected, "{model}\n{text}");
    assert_eq!(elle.reason().is_none(), elle.valid == Validity::Valid);
    assert_eq!(elle.explanation().is_empty(), elle.valid == Validity::Valid);
    elle
}

/// Transactions, one after the other, of processes 0, 1, 2 …, none before all have begun.
fn concurrent(ends: &[(&str, &str)]) -> String {
    let asked = |value: &str| {
        let value = Value::read_edn(value).unwrap();
        let mops =
            value.as_sequence().unwrap().iter().map(|mop| match mop.as_sequence().unwrap() {
                [Value::Keyword(f), key, _] if f == "r" => {
                    Value::Vector(vec![Value::keyword("r"), key.clone(), Value::Nil])
                }
                _ => mop.clone(),
            });
        Value::Vector(mops.collect())
    };
    let begins =
        ends.iter().enumerate().map(|(i, (_, value))| format!("{i} invoke txn {}\n", asked(value)));
    let ends =
        ends.iter().enumerate().map(|(i, (kind, value))| format!("{i} {kind} txn {value}\n"));
    begins.chain(ends).collect()
}

fn oks(values: &[&str]) -> String {
    concurrent(&values.iter().map(|value| ("ok", *value)).collect::<Vec<_>>())
}

#[test]
fn what_happened_one_after_the_other_is_valid() {
    for model in ConsistencyModel::ALL {
        check(
            model.name(),
            "0 invoke txn [[:append 1 1] [:r 1 nil]]
             0 ok txn [[:append 1 1] [:r 1 [1]]]
             1 invoke txn [[:r 1 nil] [:append 1 2] [:append 2 1]]
             1 ok txn [[:r 1 [1]] [:append 1 2] [:append 2 1]]
             0 invoke txn [[:r 1 nil] [:r 2 nil] [:r 3 nil]]
             0 ok txn [[:r 1 [1 2]] [:r 2 [1]] [:r 3 nil]]",
            "Valid",
        );
    }
}

#[test]
fn cycles_are_named_by_their_edges() {
    let g0 = oks(&[
        "[[:append 1 1] [:append 2 1]]",
        "[[:append 1 2] [:append 2 2]]",
        "[[:r 1 [1 2]] [:r 2 [2 1]]]",
    ]);
    check("read-uncommitted", &g0, "Invalid G0");
    let g1c = oks(&["[[:append 1 1] [:r 2 [1]]]", "[[:append 2 1] [:r 1 [1]]]"]);
    check("read-uncommitted", &g1c, "Valid");
    check("read-committed", &g1c, "Invalid G1c");
    let skewed_read = oks(&["[[:append 1 1] [:append 2 1]]", "[[:r 1 [1]] [:r 2 nil]]"]);
    check("read-committed", &skewed_read, "Valid");
    check("snapshot-isolation", &skewed_read, "Invalid G-single-item");
    check("strict-serializable", &skewed_read, "Invalid G-single-item");
    let skewed_write = oks(&[
        "[[:r 1 nil] [:append 2 1]]",
        "[[:r 2 nil] [:append 1 1]]",
        "[[:r 1 [1]] [:r 2 [1]]]",
    ]);
    check("snapshot-isolation", &skewed_write, "Valid");
    check("repeatable-read", &skewed_write, "Invalid G2-item");
    let long_fork = oks(&[
        "[[:append 1 1]]",
        "[[:append 2 1]]",
        "[[:r 1 [1]] [:r 2 nil]]",
        "[[:r 1 nil] [:r 2 [1]]]",
    ]);
    check("read-committed", &long_fork, "Valid");
    check("snapshot-isolation", &long_fork, "Invalid G-nonadjacent-item");
}

#[test]
fn a_stale_read_matters_to_models_that_know_time_or_processes() {
    let stale = |reader| {
        format!(
            "0 invoke txn [[:append 1 1]]
             0 ok txn [[:append 1 1]]
             {reader} invoke txn [[:r 1 nil]]
             {reader} ok txn [[:r 1 nil]]"
        )
    };
    check("serializable", &stale(1), "Valid");
    check("strong-session-serializable", &stale(1), "Valid");
    check("strict-serializable", &stale(1), "Invalid G-single-item-realtime");
    check("strong-session-serializable", &stale(0), "Invalid G-single-item-process");
    check("strong-session-snapshot-isolation", &stale(0), "Invalid G-single-item-process");
}

/// Transactions that make the graph one of more than nothing.
const SEEN: [(&str, &str); 2] = [("ok", "[[:append 9 1]]"), ("ok", "[[:r 9 [1]]]")];

#[test]
fn reads_of_what_is_not_committed_are_found_without_cycles() {
    let aborted =
        concurrent(&[("fail", "[[:append 1 1]]"), ("ok", "[[:r 1 [1]]]"), SEEN[0], SEEN[1]]);
    check("read-uncommitted", &aborted, "Valid");
    check("read-committed", &aborted, "Invalid G1a");
    let unknown = concurrent(&[("info", "[[:append 1 1]]"), ("ok", "[[:r 1 [1]]]")]);
    check("strict-serializable", &unknown, "Valid");
    let intermediate = oks(&["[[:append 1 1] [:append 1 2]]", "[[:r 1 [1]]]"]);
    check("read-uncommitted", &intermediate, "Valid");
    check("read-committed", &intermediate, "Invalid G1b");
    let dirty = concurrent(&[
        ("fail", "[[:append 1 1]]"),
        ("ok", "[[:append 1 2]]"),
        ("info", "[[:r 1 [1 2]]]"),
    ]);
    check("read-committed", &dirty, "Invalid dirty-update");
}

#[test]
fn a_transaction_must_not_contradict_itself() {
    let contradictions = [
        "[[:append 1 1] [:r 1 nil]]",
        "[[:r 1 []] [:r 1 nil]]",
        "[[:r 1 nil] [:append 1 1] [:r 1 [2 1]]]",
        "[[:append 1 1] [:r 1 [1 2]]]",
    ];
    let other = "[[:append 1 2]]";
    for contradiction in contradictions {
        let elle = super::check(
            &history(&oks(&[contradiction, other])),
            &[ConsistencyModel::SnapshotIsolation],
        );
        assert!(elle.reason().unwrap().contains("internal (1)"), "{contradiction}");
    }
    // Upstream does not count a read of nil as an expectation.
    check("snapshot-isolation", &oks(&["[[:r 1 nil] [:r 1 [2]]]", other]), "Invalid G-single-item");
    let future = oks(&["[[:r 1 [1]] [:append 1 1]]", "[[:r 1 [1]]]"]);
    check("read-committed", &future, "Invalid future-read");
}

#[test]
fn lost_updates_and_contradicting_orders_need_no_graph() {
    let lost = oks(&["[[:r 1 nil] [:append 1 1]]", "[[:r 1 nil] [:append 1 2]]"]);
    let elle = check("update-atomic", &lost, "Invalid lost-update");
    assert_eq!(
        elle.to_edn().get("not").unwrap().to_string(),
        "#{:cursor-stability :update-atomic}"
    );
    let orders = oks(&["[[:append 1 1]]", "[[:append 1 2]]", "[[:r 1 [1 2]]]", "[[:r 1 [2 1]]]"]);
    let elle = check("read-uncommitted", &orders, "Valid");
    assert_eq!(elle.to_edn().to_string(), "{:valid? true}");
    let elle = super::check(&history(&orders), &[ConsistencyModel::ReadCommitted]);
    assert!(elle.reason().unwrap().contains("incompatible-order (1)"));
    let twice = oks(&["[[:append 1 1]]", "[[:r 1 [1 1]]]"]);
    let elle = super::check(&history(&twice), &[ConsistencyModel::ReadUncommitted]);
    assert!(elle.reason().unwrap().contains("duplicate-elements (1)"));
}

#[test]
fn what_upstream_gives_up_on_is_unknown() {
    let error = |text: &str| {
        let elle = super::check(&history(text), &[ConsistencyModel::ReadCommitted]);
        assert_eq!(elle.valid, Validity::Unknown, "{text}");
        elle.error.unwrap_or_default()
    };
    let garbage = oks(&["[[:append 1 1]]", "[[:r 1 [9 1]]]"]);
    assert_eq!(error(&garbage), "the list 1 has 9, which nobody appended");
    let elle = super::check(&history(&garbage), &[ConsistencyModel::ReadCommitted]);
    let expected = "the reply to process 1 at index 3 has 9 for key 1, which nobody appended";
    assert_eq!(elle.warnings, [expected]);
    assert_eq!(
        error(&oks(&["[[:append 1 1]]", "[[:append 1 1]]"])),
        "1 was appended to 1 more than once"
    );
    assert_eq!(error("0 ok txn 5"), "the transaction at index 0 is no list of operations");
    assert!(error("0 ok txn [[:w 1 2]]").ends_with("is neither r nor append: [\"w\",1,2]"));
    assert!(error("0 ok txn [[:r 1 \"x\"]]").ends_with("read what is no list: [\"r\",1,\"x\"]"));
    assert!(error("0 ok txn [5]").ends_with("has an operation that is no triple: 5"));
    let empty = check(
        "read-committed",
        "0 invoke txn [[:append 1 1]]\n0 ok txn [[:append 1 1]]",
        "Unknown empty-transaction-graph",
    );
    assert_eq!(
        empty.to_edn().get_in(&["anomalies", "empty-transaction-graph"]),
        Some(&true.into())
    );
}

#[test]
fn keys_and_elements_may_be_any_json() {
    let skewed = oks(&[
        "[[:append {\"a\" [1 nil]} \"x\"] [:append 1.5 true]]",
        "[[:r {\"a\" [1 nil]} [\"x\"]] [:r 1.5 nil]]",
    ]);
    check("snapshot-isolation", &skewed, "Invalid G-single-item");
}

#[test]
fn an_operation_that_never_ends_may_have_happened() {
    check(
        "strict-serializable",
        "0 invoke txn [[:append 1 1]]
         1 invoke txn [[:r 1 nil]]
         1 ok txn [[:r 1 [1]]]
         nemesis info kill [:n0]
         1 invoke txn [[:r 1 nil]]",
        "Valid",
    );
}

#[test]
fn replies_that_answer_something_else_are_warnings() {
    let text = "0 invoke txn [[:r 1 nil] [:append 1 1]]
                0 ok txn [[:r 1 nil]]
                1 invoke txn [[:r 1 nil] [:append 2 1]]
                1 ok txn [[:r 2 nil] [:append 2 1]]
                0 invoke txn [[:r 1 nil] [:append 1 2]]
                0 ok txn [[:r 1 nil] [:append 1 3]]";
    let elle = super::check(&history(text), &[ConsistencyModel::ReadUncommitted]);
    assert_eq!(
        elle.warnings,
        ["the reply to process 0 at index 1 has 1 operation, and its request had 2; and 2 more \
             replies that do not match their requests",]
    );
    let (_, later) = text.split_once("[[:r 1 nil]]\n").unwrap();
    let elle = super::check(&history(later), &[ConsistencyModel::ReadUncommitted]);
    let first = "the reply to process 1 at index 1 has [\"r\",2,null], where its request had \
                 [\"r\",1,null]; and one more like it";
    assert!(elle.warnings[0].starts_with(first), "{:?}", elle.warnings);
}

#[test]
fn appends_of_one_transaction_that_change_places_are_a_warning() {
    let text = oks(&["[[:append 1 1] [:append 1 2]]", "[[:r 1 [2 1]]]"]);
    let elle = check("read-uncommitted", &text, "Valid");
    let expected = "the reply to process 1 at index 3 has 2 before 1 in 1, but the transaction at \
                    index 2 appended 1 first";
    assert_eq!(elle.warnings, [expected]);
}

#[test]
fn a_cycle_is_explained_step_by_step() {
    let skewed = oks(&["[[:append 1 1] [:append 2 1]]", "[[:r 1 [1]] [:r 2 nil]]"]);
    let elle = check("serializable", &skewed, "Invalid G-single-item");
    assert_eq!(
        elle.explanation(),
        [
            "G-single-item: a transaction saw one part of what others did and missed another \
             (read skew)",
            "  T1 (index 3, process 1, 0.030 s, ok): [[\"r\",1,[1]],[\"r\",2,null]]",
            "  T2 (index 2, process 0, 0.020 s, ok): [[\"append\",1,1],[\"append\",2,1]]",
            "  T1 read 2 as empty and did not see 1, which T2 appended, so T1 comes before T2",
            "  T1 read 1 up to 1, which T2 had appended, so T2 comes before T1",
            "  so each of them would have to come before itself, and no order of these \
             transactions explains what they saw",
        ]
    );
    let step = elle.to_edn().get_in(&["anomalies", "G-single-item"]).unwrap().to_string();
    let expected = "{:type :rw, :key 2, :value :elle.list-append/init, :value' 1, \
                    :a-mop-index 1, :b-mop-index 1}";
    assert!(step.contains(expected), "{step}");
}

#[test]
fn the_transactions_of_each_case_contradict_each_other() {
    #[track_caller]
    fn expect(elle: &Elle, what: &str, operations: &[usize], value: Option<i64>) {
        let found = &elle.contradictions()[0];
        assert_eq!((&*found.what, &found.operations[..]), (what, operations));
        assert_eq!(found.value, value.map(Value::Int));
    }
    let skewed = oks(&["[[:append 1 1] [:append 2 1]]", "[[:r 5 nil]]", "[[:r 1 [1]] [:r 2 nil]]"]);
    expect(
        &check("serializable", &skewed, "Invalid G-single-item"),
        "G-single-item, a transaction saw one part of what others did and missed another (read \
         skew): T1 read 2 as empty and did not see 1, which T2 appended, so T1 comes before T2; T1 \
         read 1 up to 1, which T2 had appended, so T2 comes before T1; T1 is by process 2 (0.020 s \
         to 0.050 s), T2 is by process 0 (0.000 s to 0.030 s)",
        &[0, 2, 3, 5],
        None,
    );
    let aborted = concurrent(&[("fail", "[[:append 1 7]]"), ("ok", "[[:r 1 [7]]]")]);
    expect(
        &check("read-committed", &aborted, "Invalid G1a empty-transaction-graph"),
        "G1a, a transaction read what another one wrote that failed (aborted read): T1 appended 7 \
         to 1 and failed, and yet it was seen by T2; T1 is by process 0 (0.000 s to 0.020 s), T2 \
         is by process 1 (0.010 s to 0.030 s)",
        &[0, 1, 2, 3],
        Some(7),
    );
}

#[test]
fn every_anomaly_is_told_before_any_is_told_again() {
    let failed: Vec<String> = (1..=25).map(|key| format!("[:append {key} 7]")).collect();
    let read: Vec<String> = (1..=25).map(|key| format!("[:r {key} [7]]")).collect();
    let [failed, read] = [failed, read].map(|mops| format!("[{}]", mops.join(" ")));
    let text = concurrent(&[
        ("fail", &failed),
        ("ok", &read),
        ("ok", "[[:append 99 1] [:r 99 [2 1]]]"),
        ("ok", "[[:append 99 2] [:r 99 [1]]]"),
    ]);
    let elle = super::check(&history(&text), &["serializable".parse().unwrap()]);
    let contradictions = elle.contradictions();
    assert_eq!(contradictions.len(), 20);
    let kinds = elle.anomalies.keys();
    let first = |name: &str| contradictions.iter().position(|c| c.what.starts_with(name)).unwrap();
    for kind in kinds {
        assert!(first(kind.name()) < elle.anomalies.len(), "{kind}");
    }
}
