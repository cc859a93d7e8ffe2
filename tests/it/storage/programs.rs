//! The files of the nodes with durable storage, damaged in every way.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Output, Stdio};

use serde_json::{Value, json};

use super::INIT;
use super::damage::{SampleFile, print};
use super::disk::TempDirectory;

const LIN_KV: &str = env!("CARGO_BIN_EXE_lin-kv");
const BROADCAST_DURABLE: &str = env!("CARGO_BIN_EXE_broadcast-durable");
const KAFKA_C: &str = env!("CARGO_BIN_EXE_kafka-c");

/// The process of a cluster's only node.
struct StorageNode {
    process: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
}

impl StorageNode {
    fn start(program: &str, storage: &Path) -> StorageNode {
        let mut command = Command::new(program);
        // A backtrace would follow the error message.
        command.env("EDDY_STORAGE", storage).env_remove("RUST_BACKTRACE");
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = command.spawn().unwrap();
        let mut stdin = process.stdin.take().unwrap();
        stdin.write_all(INIT.as_bytes()).unwrap();
        let stdout = BufReader::new(process.stdout.take().unwrap());
        StorageNode { process, stdin, stdout }
    }

    /// Sends all requests at once, and waits for as many replies.
    fn call_all(&mut self, bodies: &[Value]) {
        let mut lines = String::new();
        for (msg_id, body) in (1..).zip(bodies) {
            let mut body = body.clone();
            body["msg_id"] = json!(msg_id);
            let message = json!({"src": "c1", "dest": "n1", "body": body});
            lines.push_str(&message.to_string());
            lines.push('\n');
        }
        self.stdin.write_all(lines.as_bytes()).unwrap();
        let mut waiting = bodies.len();
        while waiting > 0 {
            let mut line = String::new();
            self.stdout.read_line(&mut line).unwrap();
            // The other lines are for nodes that do not exist.
            if !line.contains(r#""dest":"n"#) {
                assert!(line.contains("_ok\""), "{line}");
                waiting -= 1;
            }
        }
    }

    /// Kills it by `SIGKILL`.
    fn kill(mut self) -> Output {
        self.process.kill().unwrap();
        self.process.wait_with_output().unwrap()
    }

    /// Closes its input and waits until it ends.
    fn end(self) -> Output {
        drop(self.stdin);
        self.process.wait_with_output().unwrap()
    }
}

fn file(place: &TempDirectory, name: &'static str) -> SampleFile {
    SampleFile::new(name, std::fs::read(place.path().join(name)).unwrap())
}

fn write(value: usize) -> Value {
    json!({"type": "write", "key": value % 7, "value": value})
}

/// [`SampleFile::check`], and that only kinds of damage that can remove the end of a file lose more
/// than the last batch.
fn check(title: &str, file: &SampleFile, stride: usize) {
    let counts = file.check(stride, 3);
    print(title, &counts);
    for (kind, count) in counts {
        assert!(count.unmarked == 0 || !file.is_marked(), "{title}: {kind}: {count}");
        let may_lose_end = ["16 zeros", "cut short", "missing batch"].contains(&kind);
        assert!(count.end_lost == 0 || may_lose_end, "{title}: {kind}: {count}");
        assert!(count.refused > 0, "{title}: {kind}: {count}");
    }
}

#[test]
fn a_replica_never_continues_with_a_damaged_log() {
    let place = TempDirectory::new();
    // Two incarnations, for the terms of both.
    for _ in 0..2 {
        let mut node = StorageNode::start(LIN_KV, place.path());
        (1..4).for_each(|value| node.call_all(&[write(value)]));
        node.kill();
    }
    let journal = file(&place, "raft.log");
    assert!(journal.batches() > 6, "{}", journal.batches());
    let text = std::fs::read_to_string(place.path().join("raft.log")).unwrap();
    for kind in ["owner", "incarnation", "term_and_vote", "entry"] {
        assert!(text.contains(&format!("{{\"{kind}\":")), "{text}");
    }
    check("lin-kv's raft.log", &journal, 1);
}

#[test]
fn a_replica_never_continues_with_a_damaged_snapshot() {
    let place = TempDirectory::new();
    let mut node = StorageNode::start(LIN_KV, place.path());
    node.call_all(&[write(0)]);
    node.call_all(&(0..1200).map(write).collect::<Vec<_>>());
    (1..4).for_each(|value| node.call_all(&[write(value)]));
    node.kill();
    let text = std::fs::read_to_string(place.path().join("raft.log")).unwrap();
    assert!(text.contains("{\"snapshot\":"), "{text}");
    check("lin-kv's raft.log with a snapshot", &file(&place, "raft.log"), text.len() / 500 + 1);
}

#[test]
fn damage_to_values_neighbors_and_message_logs_is_always_noticed() {
    let place = TempDirectory::new();
    let mut node = StorageNode::start(BROADCAST_DURABLE, place.path());
    node.call_all(&[json!({"type": "topology", "topology": {"n1": ["n2", "n3"]}})]);
    for message in 0..5 {
        node.call_all(&[json!({"type": "broadcast", "message": message})]);
    }
    node.kill();
    check("broadcast-durable's values.log", &file(&place, "values.log"), 1);
    check("broadcast-durable's neighbors.value", &file(&place, "neighbors.value"), 1);

    let place = TempDirectory::new();
    let mut node = StorageNode::start(KAFKA_C, place.path());
    for msg in 0..5 {
        node.call_all(&[json!({"type": "send", "key": "k", "msg": msg})]);
    }
    node.call_all(&[json!({"type": "commit_offsets", "offsets": {"k": 3}})]);
    node.kill();
    check("kafka-c's kafka.log", &file(&place, "kafka.log"), 1);
}

#[test]
fn a_program_that_refuses_to_start_prints_an_error_and_no_reply() {
    let place = TempDirectory::new();
    let mut node = StorageNode::start(BROADCAST_DURABLE, place.path());
    (0..3).for_each(|message| node.call_all(&[json!({"type": "broadcast", "message": message})]));
    // A second process with the same directory while the first one runs.
    let second = StorageNode::start(BROADCAST_DURABLE, place.path()).end();
    let check = |output: &Output, why: &str| {
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(stderr.starts_with("Error: n1 refuses to start: "), "{stderr}");
        assert!(stderr.contains(why) && !stderr.contains(".rs:"), "{stderr}");
        assert_eq!((output.status.code(), &output.stdout[..]), (Some(1), &b""[..]), "{stderr}");
    };
    check(&second, "another process uses the directory");
    node.call_all(&[json!({"type": "broadcast", "message": 3})]);
    node.kill();

    // The first process is gone, and its lock with it.
    let mut third = StorageNode::start(BROADCAST_DURABLE, place.path());
    third.call_all(&[json!({"type": "broadcast", "message": 4})]);
    third.kill();

    let path = place.path().join("values.log");
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[30] ^= 1;
    std::fs::write(&path, &bytes).unwrap();
    let damaged = StorageNode::start(BROADCAST_DURABLE, place.path()).end();
    check(&damaged, &format!("{} is damaged at record 1 of batch 2 (line 3, ", path.display()));
    assert_eq!(std::fs::read(&path).unwrap(), bytes);
}
