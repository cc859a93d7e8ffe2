//! Tests that sentences for people contain no EDN, on histories in which everything goes wrong.

use crate::assessment::{Assessment, Criteria, ProtocolWarnings};
use crate::availability::Goal;
use crate::history::History;
use crate::workload::{
    Broadcast, CheckContext, Echo, GCounter, GSet, Kafka, LinKv, TxnListAppend, TxnRwRegister,
    UniqueIds, WorkloadChecker,
};
use crate::{ConsistencyModel, Placement};

/// The first keyword, `nil` or set in a text, as EDN writes them.
fn edn(text: &str) -> Option<&str> {
    let is_start = |before: Option<char>| before.is_none_or(|letter| " [({".contains(letter));
    text.char_indices().map(|(place, _)| place).find_map(|place| {
        let rest = &text[place..];
        let is_free = is_start(text[..place].chars().next_back());
        let is_keyword = rest
            .strip_prefix(':')
            .is_some_and(|name| name.starts_with(|letter: char| letter.is_ascii_lowercase()));
        let is_nil = rest
            .strip_prefix("nil")
            .is_some_and(|after| !after.starts_with(|letter: char| letter.is_ascii_alphanumeric()));
        ((is_free && (is_keyword || is_nil)) || rest.starts_with("#{")).then_some(rest)
    })
}

/// A history of these lines: process, type, function, value, and further fields.
fn history(lines: &[(u64, &str, &str, &str, &str)]) -> History {
    let ops = lines.iter().enumerate().map(|(index, (process, kind, f, value, rest))| {
        format!(
            "{{:index {index}, :time {index}000000, :type :{kind}, :process {process}, :f :{f}, \
             :value {value}{rest}}}\n"
        )
    });
    History::read_edn(&ops.collect::<String>()).unwrap()
}

/// All sentences about a history.
fn sentences_about(workload: &dyn WorkloadChecker, history: &History) -> Vec<String> {
    let nodes = ["n0", "n1"].map(String::from);
    let placement = Placement { nodes: &nodes, concurrency: 2 };
    let models = [ConsistencyModel::StrictSerializable];
    let verdict = workload.check(history, &CheckContext { placement: &placement, models: &models });
    let explanation = verdict.explanation.clone();
    let criteria = Criteria { availability: Goal::Total, is_liveness_judged: true };
    let judged = Assessment::new(criteria, history, &placement, verdict, None);
    let mut sentences = judged.reasons(&placement);
    sentences.extend(explanation);
    sentences.extend(judged.warnings(&placement, ProtocolWarnings::default(), None).all);
    sentences.extend(
        judged.contradictions(history, &placement).into_iter().map(|found| found.description),
    );
    sentences
}

const LATE: &str = ", :final? true, :error :net-timeout";
const REFUSED: &str = ", :final? true, :error [:key-does-not-exist \"no\"]";
const ODD: &str = ", :error [:unknown {\"a\" nil}]";

#[test]
fn edn_is_recognized_by_keywords_nil_and_sets() {
    assert_eq!(edn("the error is :net-timeout"), Some(":net-timeout"));
    assert_eq!(edn("it read nil, and"), Some("nil, and"));
    assert_eq!(edn("[:r 7 nil]"), Some(":r 7 nil]"));
    assert_eq!(edn("a set #{1}"), Some("#{1}"));
    assert_eq!(edn("the evil {\"a\":null} at 0.1 s: nilpotent"), None);
}

#[track_caller]
fn check(workload: &dyn WorkloadChecker, lines: &[(u64, &str, &str, &str, &str)]) {
    let sentences = sentences_about(workload, &history(lines));
    assert!(!sentences.is_empty(), "{workload:?}: {lines:?}");
    for sentence in &sentences {
        assert_eq!(edn(sentence), None, "{workload:?}: {sentence}");
    }
}

#[test]
fn sentences_about_failures_and_losses_contain_no_edn() {
    let refused: [(&dyn WorkloadChecker, &str); 9] = [
        (&Broadcast, "broadcast"),
        (&Echo, "echo"),
        (&GCounter, "add"),
        (&GSet, "add"),
        (&Kafka, "send"),
        (&LinKv, "write"),
        (&TxnListAppend, "txn"),
        (&TxnRwRegister, "txn"),
        (&UniqueIds, "generate"),
    ];
    for (workload, f) in refused {
        let value = match f {
            "send" | "txn" => "[[:r 1 nil]]",
            "write" => "[0 nil]",
            _ => "1",
        };
        for (kind, error) in [("info", LATE), ("fail", REFUSED), ("info", ODD)] {
            check(
                workload,
                &[(0, "invoke", f, value, ", :final? true"), (0, kind, f, value, error)],
            );
        }
    }
    let sets: [(&dyn WorkloadChecker, &str); 2] = [(&Broadcast, "broadcast"), (&GSet, "add")];
    for (workload, add) in sets {
        for read in ["[nil]", "[{\"a\" nil} {\"a\" nil}]", "{:a 1}", "[\"1\"]"] {
            let read = [(1, "invoke", "read", "nil", ""), (1, "ok", "read", read, "")];
            let added = [(0, "invoke", add, "1", ""), (0, "ok", add, "1", "")];
            check(workload, &[added, read, read].concat());
        }
    }
    check(
        &Echo,
        &[
            (0, "invoke", "echo", "\"hi\"", ""),
            (0, "ok", "echo", "{:type \"echo_ok\", :echo nil}", ""),
            (0, "invoke", "echo", "\"hi\"", ""),
            (0, "fail", "echo", "\"hi\"", REFUSED),
        ],
    );
    for ids in ["nil", "{:a nil}", "[nil]"] {
        let given = [(0, "invoke", "generate", "nil", ""), (0, "ok", "generate", ids, "")];
        check(&UniqueIds, &[given, given].concat());
    }
    for read in ["nil", "7", "{:a nil}"] {
        let read = [
            (0, "invoke", "add", "5", ""),
            (0, "ok", "add", "5", ""),
            (0, "invoke", "read", "nil", ", :final? true"),
            (0, "ok", "read", read, ", :final? true"),
        ];
        check(&GCounter, &read);
    }
}

#[test]
fn sentences_about_contradictions_contain_no_edn() {
    for read in ["[0 7]", "[0 \"1\"]", "[0 {\"a\" nil}]", "[nil 1]", "[0 nil]"] {
        let read = [
            (0, "invoke", "write", "[0 1]", ""),
            (0, "ok", "write", "[0 1]", ""),
            (1, "invoke", "cas", "[0 [1 nil]]", ""),
            (1, "ok", "cas", "[0 [1 nil]]", ""),
            (0, "invoke", "cas", "[0 [nil 2]]", ""),
            (0, "fail", "cas", "[0 [nil 2]]", ", :error [:precondition-failed \"no\"]"),
            (1, "invoke", "read", "[0 nil]", ""),
            (1, "ok", "read", read, ""),
        ];
        check(&LinKv, &read);
    }
    let transactions: [(&dyn WorkloadChecker, &str, &str); 5] = [
        (&TxnListAppend, "append", "[1 2]"),
        (&TxnListAppend, "append", "[\"1\"]"),
        (&TxnListAppend, "append", "[1 1]"),
        (&TxnRwRegister, "w", "\"1\""),
        (&TxnRwRegister, "w", "2"),
    ];
    for (workload, write, read) in transactions {
        let asked = format!("[[:{write} 0 1] [:r 0 nil] [:r nil nil]]");
        let answered = format!("[[:{write} 0 1] [:r 0 {read}] [:r nil nil]]");
        let other = format!("[[:r 0 nil] [:{write} 0 2]]");
        check(
            workload,
            &[
                (0, "invoke", "txn", &other, ""),
                (0, "fail", "txn", &other, ", :error [:txn-conflict nil]"),
                (0, "invoke", "txn", &asked, ""),
                (0, "ok", "txn", &answered, ""),
                (1, "invoke", "txn", "[[:r 0 nil]]", ""),
                (1, "ok", "txn", "[[:r 0 nil]]", ""),
            ],
        );
    }
    for polled in ["[[0 1] [5 2]]", "[[0 nil]]", "[[0 \"1\"]]", "[[nil 1]]"] {
        let polled = format!("[[:poll {{\"k\" {polled}}}]]");
        check(
            &Kafka,
            &[
                (0, "invoke", "send", "[[:send \"k\" 1]]", ""),
                (0, "ok", "send", "[[:send \"k\" [0 1]]]", ""),
                (0, "invoke", "send", "[[:send \"k\" 3]]", ""),
                (0, "ok", "send", "[[:send \"k\" [0 3]]]", ""),
                (1, "invoke", "poll", "[[:poll]]", ""),
                (1, "ok", "poll", &polled, ""),
            ],
        );
    }
}
