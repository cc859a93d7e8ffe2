use super::*;
use crate::Validity;
use crate::elle::testing::{concurrent, history, oks};

#[track_caller]
fn check(model: &str, text: &str, expected: &str) -> ElleResults<'static> {
    super::super::testing::check(super::check, model, text, expected)
}

#[test]
fn a_serial_execution_is_valid_by_every_model() {
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
fn a_stale_read_violates_models_with_real_time_or_process_order() {
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

/// Two related transactions, so that the dependency graph is not empty.
const RELATED: [(&str, &str); 2] = [("ok", "[[:append 9 1]]"), ("ok", "[[:r 9 [1]]]")];

#[test]
fn reads_of_uncommitted_versions_are_found_without_cycles() {
    let aborted =
        concurrent(&[("fail", "[[:append 1 1]]"), ("ok", "[[:r 1 [1]]]"), RELATED[0], RELATED[1]]);
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
            history(&oks(&[contradiction, other])),
            &[ConsistencyModel::SnapshotIsolation],
        );
        assert!(elle.reason().unwrap().contains("internal (1)"), "{contradiction}");
    }
    // To upstream, a read of nil implies nothing about later reads.
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
    let elle = super::check(history(&orders), &[ConsistencyModel::ReadCommitted]);
    assert!(elle.reason().unwrap().contains("incompatible-order (1)"));
    let twice = oks(&["[[:append 1 1]]", "[[:r 1 [1 1]]]"]);
    let elle = super::check(history(&twice), &[ConsistencyModel::ReadUncommitted]);
    assert!(elle.reason().unwrap().contains("duplicate-elements (1)"));
}

#[test]
fn histories_that_upstream_gives_up_on_are_unknown() {
    let error = |text: &str| {
        let elle = super::check(history(text), &[ConsistencyModel::ReadCommitted]);
        assert_eq!(elle.valid, Validity::Unknown, "{text}");
        elle.error().unwrap_or_default()
    };
    let garbage = oks(&["[[:append 1 1]]", "[[:r 1 [9 1]]]"]);
    assert_eq!(error(&garbage), "the list 1 has 9, which nobody appended");
    let elle = super::check(history(&garbage), &[ConsistencyModel::ReadCommitted]);
    let expected = "the reply to process 1 at index 3 has 9 for key 1, which nobody appended";
    assert_eq!(elle.warnings(), [expected]);
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
fn a_transaction_that_never_completes_may_have_committed() {
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
