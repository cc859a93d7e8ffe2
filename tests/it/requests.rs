//! Unusual requests to the nodes as processes: keys with several JSON texts, many parts, long
//! values. CPU time is measured on Linux only.

#[cfg(target_os = "linux")]
mod growth;
mod lengths;
mod values;

use std::fs;
use std::io::{BufRead as _, BufReader, Lines, Write as _};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc::{self, Sender};
use std::thread;
use std::time::Duration;

use serde::Deserialize;
use serde_json::value::RawValue;

const BROADCASTS: [&str; 5] = [
    env!("CARGO_BIN_EXE_broadcast-b"),
    env!("CARGO_BIN_EXE_broadcast-c"),
    env!("CARGO_BIN_EXE_broadcast-d"),
    env!("CARGO_BIN_EXE_broadcast-e"),
    env!("CARGO_BIN_EXE_broadcast-durable"),
];
const G_SET: &str = env!("CARGO_BIN_EXE_g-set");
const KAFKA_A: &str = env!("CARGO_BIN_EXE_kafka-a");
const KAFKA_B: &str = env!("CARGO_BIN_EXE_kafka-b");
const KAFKA_C: &str = env!("CARGO_BIN_EXE_kafka-c");
const TXN_A: &str = env!("CARGO_BIN_EXE_txn-a");
const TXN_B: &str = env!("CARGO_BIN_EXE_txn-b");
const TXN_C: &str = env!("CARGO_BIN_EXE_txn-c");
const TXN_LIST_APPEND: &str = env!("CARGO_BIN_EXE_txn-list-append");

/// The process of node n1. The test plays its client, its store and its peers.
struct ProcessUnderTest {
    process: Child,
    /// Lines for a thread that writes them, so that the test can read meanwhile.
    lines: Sender<String>,
    output: Lines<BufReader<ChildStdout>>,
    /// Number of requests so far.
    request_count: usize,
    /// Length of the longest line of output, in bytes.
    longest_line: usize,
}

#[derive(Deserialize)]
struct RawMessage<'a> {
    dest: &'a str,
    #[serde(borrow)]
    body: &'a RawValue,
}

#[derive(Deserialize)]
struct RawHeader {
    #[serde(rename = "type")]
    kind: String,
    msg_id: Option<u64>,
}

impl ProcessUnderTest {
    /// Starts a cluster of one node.
    fn start(program: &str) -> ProcessUnderTest {
        ProcessUnderTest::start_among(program, r#"["n1"]"#)
    }

    /// Starts a node of a cluster.
    fn start_among(program: &str, node_ids: &str) -> ProcessUnderTest {
        let mut command = Command::new(program);
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut stdin = process.stdin.take().unwrap();
        let (lines, said) = mpsc::channel::<String>();
        // The thread ends with the process or with the sender.
        thread::spawn(move || said.iter().all(|line| writeln!(stdin, "{line}").is_ok()));
        let output = BufReader::new(process.stdout.take().unwrap()).lines();
        let mut node =
            ProcessUnderTest { process, lines, output, request_count: 0, longest_line: 0 };
        node.call(&format!(r#"{{"type":"init","node_id":"n1","node_ids":{node_ids}}}"#));
        node
    }

    /// The body of the reply to this one.
    fn call(&mut self, body: &str) -> String {
        self.request(body);
        self.receive_reply()
    }

    /// Sends a request as the client c1.
    fn request(&mut self, body: &str) {
        self.request_count += 1;
        let fields = body.strip_prefix('{').unwrap();
        self.send("c1", &format!(r#"{{"msg_id":{},{fields}"#, self.request_count));
    }

    /// CPU time of the process so far.
    #[cfg(target_os = "linux")]
    fn cpu_time(&mut self) -> Duration {
        // Linux updates it when the process goes to sleep, as it does after one more reply.
        self.call(r#"{"type":"init"}"#);
        let statistics = fs::read_to_string(format!("/proc/{}/schedstat", self.process.id()));
        let nanoseconds = statistics.unwrap().split(' ').next().unwrap().parse().unwrap();
        Duration::from_nanos(nanoseconds)
    }

    fn send(&self, src: &str, body: &str) {
        let line = format!(r#"{{"src":"{src}","dest":"n1","body":{body}}}"#);
        self.lines.send(line).unwrap();
    }

    /// Waits for a reply to the client, and replies for the store and the peers meanwhile.
    fn receive_reply(&mut self) -> String {
        loop {
            let line = self.output.next().unwrap().unwrap();
            self.longest_line = self.longest_line.max(line.len());
            let RawMessage { dest, body } = serde_json::from_str(&line).unwrap();
            if dest == "c1" {
                return body.get().to_owned();
            }
            self.play_peer(dest, body);
        }
    }

    /// Replies as an empty store or as a peer, with success.
    fn play_peer(&self, dest: &str, body: &RawValue) {
        let RawHeader { kind, msg_id } = serde_json::from_str(body.get()).unwrap();
        let (kind, fields) = match &*kind {
            "read" => ("error".to_owned(), r#","code":20"#),
            "list_committed_offsets" => (format!("{kind}_ok"), r#","offsets":{}"#),
            _ => (format!("{kind}_ok"), ""),
        };
        if let Some(msg_id) = msg_id {
            self.send(dest, &format!(r#"{{"type":"{kind}"{fields},"in_reply_to":{msg_id}}}"#));
        }
    }
}

impl Drop for ProcessUnderTest {
    fn drop(&mut self) {
        // It may have ended already. It must not outlive a failed test.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// `count` parts of JSON, separated by commas.
fn list(count: usize, part: impl Fn(usize) -> String) -> String {
    (0..count).map(part).collect::<Vec<_>>().join(",")
}
