//! The files of the programs that keep something, spoiled in every way.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Output, Stdio};

use serde_json::{Value, json};

use super::INIT;
use super::damage::{File, print};
use super::disk::Place;

const LIN_KV: &str = env!("CARGO_BIN_EXE_lin-kv");
const BROADCAST_DURABLE: &str = env!("CARGO_BIN_EXE_broadcast-durable");
const KAFKA_C: &str = env!("CARGO_BIN_EXE_kafka-c");

/// A program that is the only node of its cluster.
struct Program {
    process: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
}

impl Program {
    fn start(program: &str, storage: &Path) -> Program {
        let mut command = Command::new(program);
        // With backtraces, an error is more than a sentence.
        command.env("EDDY_STORAGE", storage).env_remove("RUST_BACKTRACE");
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = command.spawn().unwrap();
        let mut stdin = process.stdin.take().unwrap();
        stdin.write_all(INIT.as_bytes()).unwrap();
        let stdout = BufReader::new(process.stdout.take().unwrap());
        Program { process, stdin, stdout }
    }

    /// Asks all of these at once, and takes as many answers.
    fn ask(&mut self, bodies: &[Value]) {
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
            // The other lines are for nodes that are not there.
            if !line.contains(r#""dest":"n"#) {
                assert!(line.contains("_ok\""), "{line}");
                waiting -= 1;
            }
        }
    }

    /// Kills it, as `kill -9` does.
    fn kill(mut self) -> Output {
        self.process.kill().unwrap();
        self.process.wait_with_output().unwrap()
    }

    /// Waits until it ends.
    fn end(self) -> Output {
        drop(self.stdin);
        self.process.wait_with_output().unwrap()
    }
}

fn file(place: &Place, name: &'static str) -> File {
    File::new(name, std::fs::read(place.path().join(name)).unwrap())
}

fn write(value: usize) -> Value {
    json!({"type": "write", "key": value % 7, "value": value})
}

/// What [`File::check`] asserts, and that only a loss that leaves nothing whole behind it can take
/// more than the last batch.
fn check(title: &str, file: &File, stride: usize) {
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
fn a_replica_never_goes_on_from_a_damaged_journal() {
    let place = Place::new();
    // Two lives, for the terms of both.
    for _ in 0..2 {
        let mut node = Program::start(LIN_KV, place.path());
        (1..4).for_each(|value| node.ask(&[write(value)]));
        node.kill();
    }
    let journal = file(&place, "raft.log");
    assert!(journal.batches() > 6, "{}", journal.batches());
    let text = std::fs::read_to_string(place.path().join("raft.log")).unwrap();
    for kind in ["owner", "life", "term", "entry"] {
        assert!(text.contains(&format!("{{\"{kind}\":")), "{text}");
    }
    check("lin-kv's raft.log", &journal, 1);
}

#[test]
fn a_replica_never_goes_on_from_a_damaged_snapshot() {
    let place = Place::new();
    let mut node = Program::start(LIN_KV, place.path());
    node.ask(&[write(0)]);
    node.ask(&(0..1200).map(write).collect::<Vec<_>>());
    (1..4).for_each(|value| node.ask(&[write(value)]));
    node.kill();
    let text = std::fs::read_to_string(place.path().join("raft.log")).unwrap();
    assert!(text.contains("{\"snapshot\":"), "{text}");
    check("lin-kv's raft.log with a snapshot", &file(&place, "raft.log"), text.len() / 500 + 1);
}

#[test]
fn values_neighbors_and_logs_of_messages_are_never_forgotten_by_a_disk_unnoticed() {
    let place = Place::new();
    let mut node = Program::start(BROADCAST_DURABLE, place.path());
    node.ask(&[json!({"type": "topology", "topology": {"n1": ["n2", "n3"]}})]);
    for message in 0..5 {
        node.ask(&[json!({"type": "broadcast", "message": message})]);
    }
    node.kill();
    check("broadcast-durable's values.log", &file(&place, "values.log"), 1);
    check("broadcast-durable's neighbors.value", &file(&place, "neighbors.value"), 1);

    let place = Place::new();
    let mut node = Program::start(KAFKA_C, place.path());
    for msg in 0..5 {
        node.ask(&[json!({"type": "send", "key": "k", "msg": msg})]);
    }
    node.ask(&[json!({"type": "commit_offsets", "offsets": {"k": 3}})]);
    node.kill();
    check("kafka-c's kafka.log", &file(&place, "kafka.log"), 1);
}

#[test]
fn a_program_that_refuses_ends_with_a_sentence_and_a_status_and_answers_nobody() {
    let place = Place::new();
    let mut node = Program::start(BROADCAST_DURABLE, place.path());
    (0..3).for_each(|message| node.ask(&[json!({"type": "broadcast", "message": message})]));
    // A second process with the same directory, while the first one lives.
    let second = Program::start(BROADCAST_DURABLE, place.path()).end();
    let check = |output: &Output, why: &str| {
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(told.starts_with("Error: n1 refuses to start: "), "{told}");
        assert!(told.contains(why) && !told.contains(".rs:"), "{told}");
        assert_eq!((output.status.code(), &output.stdout[..]), (Some(1), &b""[..]), "{told}");
    };
    check(&second, "another process uses the directory");
    node.ask(&[json!({"type": "broadcast", "message": 3})]);
    node.kill();

    // The first one is gone, and so is its lock.
    let mut third = Program::start(BROADCAST_DURABLE, place.path());
    third.ask(&[json!({"type": "broadcast", "message": 4})]);
    third.kill();

    let path = place.path().join("values.log");
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[30] ^= 1;
    std::fs::write(&path, &bytes).unwrap();
    let damaged = Program::start(BROADCAST_DURABLE, place.path()).end();
    check(&damaged, &format!("{} is damaged at record 1 of batch 2 (line 3, ", path.display()));
    assert_eq!(std::fs::read(&path).unwrap(), bytes);
}
