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
        let elle = check(
            model.name(),
            "0 invoke txn [[:w 1 1] [:r 1 nil]]
             0 ok txn [[:w 1 1] [:r 1 1]]
             1 invoke txn [[:r 1 nil] [:w 1 2] [:w 2 1]]
             1 ok txn [[:r 1 1] [:w 1 2] [:w 2 1]]
             0 invoke txn [[:r 1 nil] [:r 2 nil] [:r 3 nil]]
             0 ok txn [[:r 1 2] [:r 2 1] [:r 3 nil]]",
            "Valid",
        );
        let expected = "{:valid? true, :anomaly-types (), :anomalies nil}";
        assert_eq!(elle.to_edn().to_string(), expected);
        assert!(elle.warnings().is_empty());
    }
}

#[test]
fn cycles_are_named_by_their_edges() {
    let g1c = oks(&["[[:w 1 1] [:r 2 1]]", "[[:w 2 1] [:r 1 1]]"]);
    check("read-uncommitted", &g1c, "Valid");
    check("read-committed", &g1c, "Invalid G1c");
    let skewed_read = oks(&["[[:w 1 1] [:w 2 1]]", "[[:r 1 1] [:r 2 nil]]"]);
    check("read-committed", &skewed_read, "Valid");
    check("snapshot-isolation", &skewed_read, "Invalid G-single-item");
    let skewed_write = oks(&["[[:r 1 nil] [:w 2 1]]", "[[:r 2 nil] [:w 1 1]]"]);
    check("snapshot-isolation", &skewed_write, "Valid");
    check("serializable", &skewed_write, "Invalid G2-item");
    let stale = "0 invoke txn [[:w 1 1]]
                 0 ok txn [[:w 1 1]]
                 1 invoke txn [[:r 1 nil]]
                 1 ok txn [[:r 1 nil]]";
    check("serializable", stale, "Valid");
    check("strict-serializable", stale, "Invalid G-single-item-realtime");
}

#[test]
fn writes_that_follow_reads_give_a_version_order() {
    let g0 = oks(&[
        "[[:r 1 nil] [:w 1 1] [:r 2 1] [:w 2 2]]",
        "[[:r 1 1] [:w 1 2] [:r 2 nil] [:w 2 1]]",
    ]);
    // Each of these writes was also read, so upstream explains the cycle by the reads.
    check("read-committed", &g0, "Invalid G1c PL-1-cycle-exists");
    check("read-uncommitted", &g0, "Invalid PL-1-cycle-exists");
    let cyclic = oks(&["[[:r 1 1] [:w 1 2]]", "[[:r 1 2] [:w 1 1]]"]);
    let elle = check("read-uncommitted", &cyclic, "Invalid cyclic-versions");
    let case = elle.to_edn().get_in(&["anomalies", "cyclic-versions"]).unwrap().to_string();
    assert_eq!(case, "[{:key 1, :scc #{1 2}, :sources [:initial-state :wfr-keys]}]");
    assert_eq!(elle.explanation().len(), 4);
}

#[test]
fn reads_of_uncommitted_versions_are_found_without_cycles() {
    let aborted = concurrent(&[("fail", "[[:w 1 1]]"), ("ok", "[[:r 1 1]]"), ("ok", SELF_RELATED)]);
    check("read-uncommitted", &aborted, "Valid");
    check("read-committed", &aborted, "Invalid G1a");
    let unknown = concurrent(&[("info", "[[:w 1 1]]"), ("ok", "[[:r 1 1]]"), ("ok", SELF_RELATED)]);
    check("strict-serializable", &unknown, "Valid");
    let intermediate = oks(&["[[:w 1 1] [:w 1 2]]", "[[:r 1 1]]", SELF_RELATED]);
    check("read-uncommitted", &intermediate, "Valid");
    check("read-committed", &intermediate, "Invalid G1b");
    check("snapshot-isolation", &oks(&["[[:w 1 1] [:r 1 nil]]", SELF_RELATED]), "Invalid internal");
    let lost = oks(&["[[:r 1 nil] [:w 1 1]]", "[[:r 1 nil] [:w 1 2]]"]);
    check("update-atomic", &lost, "Invalid lost-update");
    check("read-committed", &lost, "Valid");
}

/// A transaction with a self-loop, so that the dependency graph is not empty.
const SELF_RELATED: &str = "[[:r 9 nil] [:w 9 1]]";

#[test]
fn histories_that_upstream_gives_up_on_are_unknown() {
    let error = |text: &str| {
        let elle = super::check(history(text), &[ConsistencyModel::ReadUncommitted]);
        assert_eq!(elle.valid, Validity::Unknown, "{text}");
        elle.error().unwrap_or_default()
    };
    let twice = oks(&["[[:w 1 1]]", "[[:w 1 1]]", "[[:r 1 1]]"]);
    assert_eq!(error(&twice), "1 was written to key 1 by more than one transaction");
    let types = oks(&["[[:w 1 1]]", "[[:w \"1\" 1]]"]);
    assert_eq!(error(&types), "keys are of different types: 1 and \"1\"");
    assert!(error("0 ok txn [[:append 1 2]]").ends_with("is neither r nor w: [\"append\",1,2]"));
    // In this workload Maelstrom takes even this anomaly for a violation.
    check("read-uncommitted", "0 ok txn [[:w 1 1]]", "Invalid empty-transaction-graph");
}
