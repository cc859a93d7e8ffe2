//! Misconfigured clusters, storage of other nodes, clocks that are set back, and values that are
//! too large.

use std::path::Path;
use std::rc::Rc;

use glomers::{Directory, Host};

use super::*;

/// Runs a node with its storage in this directory, and sends it a write. Returns its output, or the
/// error with which it ends.
fn write(directory: &Path, node_id: &str, node_ids: &[&str]) -> String {
    write_in_incarnation(0, directory, node_id, node_ids)
}

fn write_in_incarnation(
    incarnation: u64,
    directory: &Path,
    node_id: &str,
    node_ids: &[&str],
) -> String {
    let disk = Rc::new(Directory::at(directory));
    let host = Host::seeded(0).with_incarnation(incarnation).with_disk(disk);
    let init = serde_json::json!({"type": "init", "node_id": node_id, "node_ids": node_ids});
    let init = serde_json::json!({"src": "c0", "dest": node_id, "body": init});
    let write = r#"{"src":"c1","dest":"n1","body":{"type":"write","msg_id":2,"key":1,"value":7}}"#;
    let (input, mut output) = (format!("{init}\n{write}\n"), Vec::new());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let serve = host.serve_on(input.as_bytes(), &mut output, LinKv::new);
    match runtime.block_on(serve) {
        Ok(()) => String::from_utf8(output).unwrap(),
        Err(error) => error.to_string(),
    }
}

/// Output of a node, or the error with which it ends, when it is started with the storage of `n1`
/// in the cluster `n1`, `n2`, `n3`.
fn restart(name: &str, node_id: &str, node_ids: &[&str]) -> String {
    let directory = format!("glomers-misuse-{name}-{}", std::process::id());
    let directory = std::env::temp_dir().join(directory);
    std::fs::create_dir_all(&directory).unwrap();
    write(&directory, "n1", &["n1", "n2", "n3"]);
    let said = write(&directory, node_id, node_ids);
    std::fs::remove_dir_all(&directory).unwrap();
    said
}

#[test]
fn a_node_refuses_the_storage_of_another_node_and_of_another_cluster() {
    #[track_caller]
    fn check(name: &str, node_id: &str, node_ids: &[&str], expected: &str) {
        let said = restart(name, node_id, node_ids);
        assert!(said.contains(expected), "{said}");
    }
    check("node", "n2", &["n1", "n2", "n3"], "n2 refuses to start: it has the storage of n1 in");
    check("larger", "n1", &["n1", "n2", "n3", "n4"], "it has the storage of n1 in");
    check("other", "n1", &["n1", "m2", "m3"], "with its own storage, or with none");
    // In another order it is the same cluster. One node of three sends requests to the others.
    check("order", "n1", &["n3", "n2", "n1"], r#"{"src":"n1","dest":"n2","#);
}

#[test]
fn a_node_that_is_not_in_the_list_refuses_to_start() {
    let directory = std::env::temp_dir().join("glomers-misuse-none");
    let said = write(&directory, "n9", &["n1", "n2"]);
    assert_eq!(said, r#"n9 refuses to start: it is not a member of the cluster ["n1", "n2"]"#);
}

#[test]
fn a_node_that_is_listed_twice_is_one_node() {
    let directory = format!("glomers-misuse-twice-{}", std::process::id());
    let directory = std::env::temp_dir().join(directory);
    std::fs::create_dir_all(&directory).unwrap();
    let said = write(&directory, "n1", &["n1", "n1"]);
    std::fs::remove_dir_all(&directory).unwrap();
    assert!(said.contains(r#""type":"write_ok""#), "{said}");
}

#[test]
fn a_clock_that_is_set_back_does_not_decrease_the_incarnation() {
    let directory = format!("glomers-misuse-clock-{}", std::process::id());
    let directory = std::env::temp_dir().join(directory);
    std::fs::create_dir_all(&directory).unwrap();
    let said =
        [7, 3, 3].map(|incarnation| write_in_incarnation(incarnation, &directory, "n1", &["n1"]));
    let stored = std::fs::read_to_string(directory.join("raft.log")).unwrap();
    std::fs::remove_dir_all(&directory).unwrap();
    for said in said {
        assert!(said.contains(r#""type":"write_ok""#), "{said}");
    }
    for incarnation in [7, 8, 9] {
        assert!(stored.contains(&format!(r#"{{"incarnation":{incarnation}}}"#)), "{stored}");
    }
}

#[test]
fn a_value_whose_line_would_be_longer_than_8_mib_is_refused_with_its_size() {
    let init =
        r#"{"src":"c0","dest":"n1","body":{"type":"init","node_id":"n1","node_ids":["n1"]}}"#;
    let write = |msg_id: u64, bytes: usize| {
        let body = serde_json::json!({"type": "write", "msg_id": msg_id, "key": 1,
            "value": "x".repeat(bytes)});
        serde_json::json!({"src": "c1", "dest": "n1", "body": body}).to_string()
    };
    let lines = [init.to_owned(), write(2, 8 << 20), write(3, 8_000_000)].join("\n");
    let mut output = Vec::new();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let serve = Host::seeded(0).serve_on(lines.as_bytes(), &mut output, LinKv::new);
    runtime.block_on(serve).unwrap();
    let said = String::from_utf8(output).unwrap();
    let answers = said.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let answers: Vec<_> = answers.map(|answer| answer["body"].clone()).collect();
    let answer = |id: u64| answers.iter().find(|body| body["in_reply_to"] == id).unwrap();
    assert_eq!(answer(2)["code"], 12, "{said}");
    // The value, its quotation marks, and the command around it.
    let text = "the request takes 8388640 bytes as JSON: expected at most 8387584";
    assert_eq!(answer(2)["text"], text);
    assert_eq!(answer(3)["type"], "write_ok", "{said}");
}

#[test]
fn two_nodes_need_each_other() {
    let [from, until] = [5, 15].map(Duration::from_secs);
    let strikes = vec![Strike::kill(["n1"], from, until)];
    let report = apart(10, Test { strikes, ..challenge(2) }).run(LinKv::new);
    report.assert_valid();
    let nanoseconds = |time: Duration| u64::try_from(time.as_nanos()).unwrap();
    // Requests that were in flight when the other node died may still be answered.
    let alone = nanoseconds(from + Duration::from_millis(100))..nanoseconds(until);
    let answers = report.history.client_ops().filter(|op| is_answered(op));
    assert_eq!(answers.filter(|op| alone.contains(&op.time)).count(), 0);
    assert!(percent(answered(&report)) > 60, "{report}");
}
