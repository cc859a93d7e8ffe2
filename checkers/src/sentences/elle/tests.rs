use crate::elle::testing::{check, history, oks};
use crate::elle::{ConsistencyModel, list_append, rw_register};

#[test]
fn a_cycle_of_lists_is_explained_step_by_step() {
    let skewed = oks(&["[[:append 1 1] [:append 2 1]]", "[[:r 1 [1]] [:r 2 nil]]"]);
    let elle = check(list_append::check, "serializable", &skewed, "Invalid G-single-item");
    assert_eq!(
        elle.explanation(),
        [
            "G-single-item: a transaction saw one part of what others did and missed another \
             (read skew)",
            "  T1 (index 3, process 1, 0.030 s, ok): [[\"r\",1,[1]],[\"r\",2,null]]",
            "  T2 (index 2, process 0, 0.020 s, ok): [[\"append\",1,1],[\"append\",2,1]]",
            "  T1 read key 2 as empty and did not see 1, which T2 appended, so T1 comes before T2",
            "  T1 read key 1 up to element 1, which T2 had appended, so T2 comes before T1",
            "  so each of them would have to come before itself, and no order of these \
             transactions explains what they saw",
        ]
    );
}

#[test]
fn a_cycle_of_registers_is_explained_step_by_step() {
    let skewed = oks(&["[[:w 1 1] [:w 2 1]]", "[[:r 1 1] [:r 2 nil]]"]);
    let elle = check(rw_register::check, "serializable", &skewed, "Invalid G-single-item");
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
}

#[test]
fn replies_that_do_not_match_their_requests_are_warnings() {
    let text = "0 invoke txn [[:r 1 nil] [:append 1 1]]
                0 ok txn [[:r 1 nil]]
                1 invoke txn [[:r 1 nil] [:append 2 1]]
                1 ok txn [[:r 2 nil] [:append 2 1]]
                0 invoke txn [[:r 1 nil] [:append 1 2]]
                0 ok txn [[:r 1 nil] [:append 1 3]]";
    let elle = list_append::check(history(text), &[ConsistencyModel::ReadUncommitted]);
    assert_eq!(
        elle.warnings(),
        ["the reply to process 0 at index 1 has 1 operation, and its request had 2; and 2 more \
          replies that do not match their requests",]
    );
    let (_, later) = text.split_once("[[:r 1 nil]]\n").unwrap();
    let elle = list_append::check(history(later), &[ConsistencyModel::ReadUncommitted]);
    let first = "the reply to process 1 at index 1 has [\"r\",2,null], where its request had \
                 [\"r\",1,null]; and one more like it";
    assert!(elle.warnings()[0].starts_with(first), "{:?}", elle.warnings());
}

#[test]
fn reordered_appends_of_one_transaction_are_a_warning() {
    let text = oks(&["[[:append 1 1] [:append 1 2]]", "[[:r 1 [2 1]]]"]);
    let elle = check(list_append::check, "read-uncommitted", &text, "Valid");
    let expected = "the reply to process 1 at index 3 has 2 before 1 in key 1, but the transaction \
                    at index 2 appended 1 first";
    assert_eq!(elle.warnings(), [expected]);
}

#[test]
fn garbage_reads_are_warnings_and_may_be_any_json() {
    let elle = check(
        rw_register::check,
        "serializable",
        &oks(&["[[:w [1] {\"a\" 1}]]", "[[:r [1] {\"a\" 2}]]", "[[:r [1] nil]]"]),
        "Valid",
    );
    let expected =
        "the reply to process 1 at index 4 has {\"a\":2} for key [1], which nobody wrote";
    assert_eq!(elle.warnings(), [expected]);
}

#[test]
fn writes_that_processes_observed_interleaved_are_warnings() {
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
    assert!(check(rw_register::check, "read-uncommitted", &text(2), "Valid").warnings().is_empty());
    assert_eq!(
        check(rw_register::check, "read-uncommitted", &text(1), "Valid").warnings(),
        ["either reads went back to older versions, or the writes of the transactions at indices \
          2, 3 were interleaved (G0), which Maelstrom overlooks: process 0 saw key 1 as 1 (index \
          2) and then as 2 (index 5); process 1 saw key 2 as 2 (index 3) and then as 1 (index 7)"]
    );
}
