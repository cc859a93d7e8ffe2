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

/// Transactions of processes 0, 1, 2 …, of which none ends before all have begun.
fn concurrent(ends: &[(&str, &str)]) -> String {
    let begins = ends.iter().enumerate().map(|(i, (_, value))| format!("{i} invoke txn {value}\n"));
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
        assert!(elle.warnings.is_empty());
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
fn what_a_read_before_a_write_shows_is_an_order_of_versions() {
    let g0 = oks(&[
        "[[:r 1 nil] [:w 1 1] [:r 2 1] [:w 2 2]]",
        "[[:r 1 1] [:w 1 2] [:r 2 nil] [:w 2 1]]",
    ]);
    // Each of these writes was also read, so upstream explains the circle by that.
    check("read-committed", &g0, "Invalid G1c PL-1-cycle-exists");
    check("read-uncommitted", &g0, "Invalid PL-1-cycle-exists");
    let cyclic = oks(&["[[:r 1 1] [:w 1 2]]", "[[:r 1 2] [:w 1 1]]"]);
    let elle = check("read-uncommitted", &cyclic, "Invalid cyclic-versions");
    let case = elle.to_edn().get_in(&["anomalies", "cyclic-versions"]).unwrap().to_string();
    assert_eq!(case, "[{:key 1, :scc #{1 2}, :sources [:initial-state :wfr-keys]}]");
    assert_eq!(elle.explanation().len(), 4);
}

#[test]
fn reads_of_what_is_not_committed_are_found_without_cycles() {
    let aborted = concurrent(&[("fail", "[[:w 1 1]]"), ("ok", "[[:r 1 1]]"), ("ok", SEEN)]);
    check("read-uncommitted", &aborted, "Valid");
    check("read-committed", &aborted, "Invalid G1a");
    let unknown = concurrent(&[("info", "[[:w 1 1]]"), ("ok", "[[:r 1 1]]"), ("ok", SEEN)]);
    check("strict-serializable", &unknown, "Valid");
    let intermediate = oks(&["[[:w 1 1] [:w 1 2]]", "[[:r 1 1]]", SEEN]);
    check("read-uncommitted", &intermediate, "Valid");
    check("read-committed", &intermediate, "Invalid G1b");
    check("snapshot-isolation", &oks(&["[[:w 1 1] [:r 1 nil]]", SEEN]), "Invalid internal");
    let lost = oks(&["[[:r 1 nil] [:w 1 1]]", "[[:r 1 nil] [:w 1 2]]"]);
    check("update-atomic", &lost, "Invalid lost-update");
    check("read-committed", &lost, "Valid");
}

/// A transaction that has to do with itself, so that the graph has more than nothing.
const SEEN: &str = "[[:r 9 nil] [:w 9 1]]";

#[test]
fn what_upstream_gives_up_on_is_unknown() {
    let error = |text: &str| {
        let elle = super::check(&history(text), &[ConsistencyModel::ReadUncommitted]);
        assert_eq!(elle.valid, Validity::Unknown, "{text}");
        elle.error.unwrap_or_default()
    };
    let twice = oks(&["[[:w 1 1]]", "[[:w 1 1]]", "[[:r 1 1]]"]);
    assert_eq!(error(&twice), "1 was written to key 1 by more than one transaction");
    let types = oks(&["[[:w 1 1]]", "[[:w \"1\" 1]]"]);
    assert_eq!(error(&types), "keys are of different types: 1 and \"1\"");
    assert!(error("0 ok txn [[:append 1 2]]").ends_with("is neither r nor w: [\"append\",1,2]"));
    // Maelstrom does not ask further in this workload.
    check("read-uncommitted", "0 ok txn [[:w 1 1]]", "Invalid empty-transaction-graph");
}

#[test]
fn values_from_nowhere_are_warnings_and_may_be_any_json() {
    let elle = check(
        "serializable",
        &oks(&["[[:w [1] {\"a\" 1}]]", "[[:r [1] {\"a\" 2}]]", "[[:r [1] nil]]"]),
        "Valid",
    );
    let expected =
        "the reply to process 1 at index 4 has {\"a\":2} for key [1], which nobody wrote";
    assert_eq!(elle.warnings, [expected]);
}

#[test]
fn writes_that_processes_saw_interleaved_are_warnings() {
    let text = |last: u8| {
        format!(
            "0 invoke txn [[:w 1 1] [:w 2 1]]
             1 invoke txn [[:w 1 2] [:w 2 2]]
             0 ok txn [[:w 1 1] [:w 2 1]]
             1 ok txn [[:w 1 2] [:w 2 2]]
             0 invoke txn [[:r 1 nil]]
             0 ok txn [[:r 1 2]]
             1 invoke txn [[:r 2 nil]]
             1 ok txn [[:r 2 {last}]]"
        )
    };
    assert!(check("read-uncommitted", &text(2), "Valid").warnings.is_empty());
    assert_eq!(
        check("read-uncommitted", &text(1), "Valid").warnings,
        ["either reads went back to older versions, or the writes of the transactions at index \
             2, 3 were interleaved (G0), which upstream cannot see: process 0 saw key 1 as 1 \
             (index 2) and then as 2 (index 5); process 1 saw key 2 as 2 (index 3) and then as 1 \
             (index 7)"]
    );
}

#[test]
fn a_cycle_is_explained_step_by_step() {
    let skewed = oks(&["[[:w 1 1] [:w 2 1]]", "[[:r 1 1] [:r 2 nil]]"]);
    let elle = check("serializable", &skewed, "Invalid G-single-item");
    assert_eq!(
        elle.explanation()[1..5],
        [
            "  T1 (index 3, process 1, 0.030 s, ok): [[\"r\",1,1],[\"r\",2,null]]",
            "  T2 (index 2, process 0, 0.020 s, ok): [[\"w\",1,1],[\"w\",2,1]]",
            "  T1 read key 2 before anything was written to it (as null), and T2 set it to 1, so \
             T1 comes before T2",
            "  T1 read key 1 as 1, which T2 had written, so T2 comes before T1",
        ]
    );
    let steps = elle.to_edn().get_in(&["anomalies", "G-single-item"]).unwrap().to_string();
    let expected = "{:key 2, :value nil, :value' 1, :type :rw, :a-mop-index 1, :b-mop-index 1}";
    assert!(steps.contains(expected), "{steps}");
}

#[test]
fn the_transactions_of_each_case_contradict_each_other() {
    #[track_caller]
    fn expect(text: &str, expected: &str, what: &str, operations: &[usize]) {
        let elle = check("serializable", text, expected);
        let name = &what[..what.find(',').unwrap()];
        let found = elle.contradictions();
        let found = found.iter().find(|found| found.what.starts_with(name)).unwrap();
        assert_eq!((&*found.what, &found.operations[..]), (what, operations));
    }
    expect(
        &oks(&["[[:w 5 5]]", "[[:w 1 1] [:r 1 2]]"]),
        "Invalid empty-transaction-graph internal",
        "internal, a transaction contradicts itself: T1 itself had read or written key 1 as 1, and \
         then read it as 2; T1 is by process 1 (0.010 s to 0.030 s)",
        &[1, 3],
    );
    expect(
        &oks(&["[[:r 1 1] [:w 1 2]]", "[[:r 1 1] [:w 1 3]]", "[[:r 1 1] [:w 1 4]]", "[[:w 1 1]]"]),
        "Invalid G2-item lost-update",
        "lost-update, transactions read the same version and replaced it, each unseen by the \
         other: they all read 1 as 1 and then wrote to it, so whichever came later did not see the \
         earlier one; T1 is by process 0 (0.000 s to 0.040 s), T2 is by process 1 (0.010 s to \
         0.050 s), T3 is by process 2 (0.020 s to 0.060 s)",
        &[0, 1, 2, 4, 5, 6],
    );
    // These transactions have no names.
    expect(
        &oks(&["[[:r 1 1] [:w 1 2]]", "[[:r 1 2] [:w 1 1]]"]),
        "Invalid G1c cyclic-versions",
        "cyclic-versions, there is no order of a key's versions: the transaction at index 2 read \
         key 1 as 1 and set it to 2, so 1 comes before 2; the transaction at index 3 read key 1 as \
         2 and set it to 1, so 2 comes before 1",
        &[0, 1, 2, 3],
    );
}
