//! Nodes as processes: tests that need a real stdin, stdout and exit code.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Output, Stdio};

use glomers::{Handler, Node, async_trait};
use serde::{Deserialize, Serialize};

const ECHO: &str = env!("CARGO_BIN_EXE_echo");
const BROADCAST_DURABLE: &str = env!("CARGO_BIN_EXE_broadcast-durable");
const UNIQUE_IDS: &str = env!("CARGO_BIN_EXE_unique-ids");

const INIT: &str = r#"{"src":"c0","dest":"n1","body":{"type":"init","msg_id":1,"node_id":"n1","node_ids":["n1"]}}
"#;
const INIT_OK: &str = r#"{"src":"n1","dest":"c0","body":{"type":"init_ok","in_reply_to":1}}
"#;

/// Runs a process with this input until it ends.
fn run(command: &mut Command, input: &str) -> Output {
    let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut process = command.spawn().unwrap();
    // Fails if the process has ended already, as some of these tests expect.
    let _ = process.stdin.take().unwrap().write_all(input.as_bytes());
    process.wait_with_output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

#[test]
fn a_node_can_be_driven_by_hand_and_ends_with_its_input() {
    let request = r#"{"src":"c1","dest":"n1","body":{"type":"echo","echo":[1.0],"msg_id":2}}"#;
    let reply =
        r#"{"src":"n1","dest":"c1","body":{"type":"echo_ok","echo":[1.0],"in_reply_to":2}}"#;
    let output = run(&mut Command::new(ECHO), &format!("{INIT}{request}\n"));
    assert_eq!(text(&output.stdout), format!("{INIT_OK}{reply}\n"));
    assert_eq!(text(&output.stderr), "");
    assert!(output.status.success());
}

#[test]
fn command_line_arguments_are_ignored() {
    let output = run(Command::new(UNIQUE_IDS).args(["extra", "--words", "-x"]), INIT);
    assert_eq!(text(&output.stdout), INIT_OK);
    assert!(output.status.success());
}

#[test]
fn two_runs_of_a_node_generate_different_ids() {
    let generate = r#"{"src":"c1","dest":"n1","body":{"type":"generate","msg_id":2}}"#;
    let [one, other] = [(); 2].map(|()| {
        let output = run(&mut Command::new(UNIQUE_IDS), &format!("{INIT}{generate}"));
        text(&output.stdout).to_owned()
    });
    assert!(one.contains("generate_ok"), "{one}");
    assert_ne!(one, other);
}

#[test]
fn a_bad_line_is_reported_on_stderr_only() {
    let output = run(&mut Command::new(ECHO), &format!("{INIT}rubbish\n"));
    assert_eq!(text(&output.stdout), INIT_OK);
    let stderr = text(&output.stderr);
    assert!(
        stderr.starts_with("n1: malformed-request (12)") && stderr.contains("rubbish"),
        "{stderr}"
    );
    assert!(output.status.success());
}

#[test]
fn a_node_whose_stdout_is_closed_ends_with_an_error() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = Command::new(ECHO);
    let command = command.stdin(Stdio::piped()).stdout(writer).stderr(Stdio::piped());
    let mut process = command.spawn().unwrap();
    // stdin stays open, so only the failed write can end the node.
    let mut stdin = process.stdin.take().unwrap();
    stdin.write_all(INIT.as_bytes()).unwrap();
    let output = process.wait_with_output().unwrap();
    drop(stdin);
    assert_eq!(output.status.code(), Some(1));
    let stderr = text(&output.stderr);
    assert!(stderr.starts_with("Error: cannot write output\n"), "{stderr}");
}

/// A node with two bugs: one in its handler, one in a background task.
struct Buggy {
    node: Node,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Request {
    Panic,
    SpawnPanic,
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Reply {
    SpawnPanicOk,
}

#[async_trait(?Send)]
impl Handler for Buggy {
    type Request = Request;
    type Reply = Reply;

    async fn handle(&self, _from: &str, request: Request) -> anyhow::Result<Reply> {
        match request {
            Request::Panic => panic!("a bug in a handler"),
            Request::SpawnPanic => {
                self.node.spawn(async {
                    tokio::task::yield_now().await;
                    panic!("a bug in the background");
                });
                Ok(Reply::SpawnPanicOk)
            }
        }
    }
}

/// Starts the test executable again, as the node.
#[test]
fn a_panic_ends_the_process_while_its_input_is_open() {
    const RUN_AS_NODE: &str = "GLOMERS_TEST_RUN_AS_NODE";
    if std::env::var_os(RUN_AS_NODE).is_some() {
        return glomers::serve(|node| Buggy { node }).unwrap();
    }
    let check = |kind: &str, expected: &str| {
        let mut command = Command::new(std::env::current_exe().unwrap());
        let name = "process::a_panic_ends_the_process_while_its_input_is_open";
        command.args(["--exact", name, "--nocapture"]).env(RUN_AS_NODE, "1");
        let command = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut process = command.spawn().unwrap();
        let mut stdin = process.stdin.take().unwrap();
        let request = format!(r#"{{"src":"c1","dest":"n1","body":{{"type":"{kind}"}}}}"#);
        stdin.write_all(format!("{INIT}{request}\n").as_bytes()).unwrap();
        let output = process.wait_with_output().unwrap();
        drop(stdin);
        assert_eq!(output.status.code(), Some(101));
        assert!(text(&output.stderr).contains(expected), "{}", text(&output.stderr));
    };
    check("panic", "a bug in a handler");
    check("spawn_panic", "a bug in the background");
}

/// The process of a node with durable storage, to be killed.
struct KillableNode {
    process: Child,
    stdout: BufReader<ChildStdout>,
}

impl KillableNode {
    fn start(directory: &Path) -> Self {
        let mut command = Command::new(BROADCAST_DURABLE);
        let command = command.env("EDDY_STORAGE", directory);
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let stdout = BufReader::new(process.stdout.take().unwrap());
        let mut node = KillableNode { process, stdout };
        node.send(INIT);
        node.receive_type("init_ok");
        node
    }

    fn send(&mut self, lines: &str) {
        self.process.stdin.as_mut().unwrap().write_all(lines.as_bytes()).unwrap();
    }

    /// Skips lines up to the next one of this type.
    fn receive_type(&mut self, kind: &str) -> String {
        let kind = format!(r#""type":"{kind}""#);
        let mut lines = self.stdout.by_ref().lines().map(Result::unwrap);
        lines.find(|line| line.contains(&kind)).unwrap()
    }

    /// Kills it by `SIGKILL`, and returns the rest of its output.
    fn kill(mut self) -> Vec<String> {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
        self.stdout.lines().map(Result::unwrap).collect()
    }
}

/// A line from the client c1.
fn request(body: &str) -> String {
    format!("{{\"src\":\"c1\",\"dest\":\"n1\",\"body\":{body}}}\n")
}

#[test]
fn a_node_that_is_killed_and_restarted_has_all_acknowledged_values() {
    const VALUES: u64 = 1000;
    let directory = std::env::temp_dir().join(format!("glomers-killed-{}", std::process::id()));
    std::fs::create_dir(&directory).unwrap();
    let (mut acknowledged, mut unknown) = (BTreeSet::new(), 0);
    for incarnation in 0..10 {
        let mut node = KillableNode::start(&directory);
        if incarnation == 0 {
            node.send(&request(r#"{"type":"topology","msg_id":1,"topology":{"n1":["n2"]}}"#));
            node.receive_type("topology_ok");
        } else {
            // The neighbors are known without a topology, and are sent everything again.
            assert!(node.receive_type("gossip").contains(r#""dest":"n2""#));
        }
        node.send(&request(r#"{"type":"read","msg_id":2}"#));
        let read = node.receive_type("read_ok");
        let values = read.split(['[', ']']).nth(1).unwrap();
        let found = values.split(',').filter_map(|value| value.parse().ok()).collect();
        assert!(acknowledged.is_subset(&found), "{acknowledged:?} are not all in {read}");

        // More than a pipe holds, so the node has read some by now. It is killed while it stores
        // them, immediately or after some acknowledgements.
        let values = incarnation * VALUES + 10..(incarnation + 1) * VALUES + 10;
        let broadcast = |value: u64| {
            let body = format!(r#"{{"type":"broadcast","msg_id":{value},"message":{value}}}"#);
            request(&body)
        };
        node.send(&values.map(broadcast).collect::<String>());
        let awaited = if incarnation == 0 { 1 } else { incarnation % 3 * 10 };
        let mut received: Vec<_> =
            (0..awaited).map(|_| node.receive_type("broadcast_ok")).collect();
        received.extend(node.kill().into_iter().filter(|line| line.contains("broadcast_ok")));
        let value = |line: &String| {
            let (_, id) = line.trim_end_matches('}').rsplit_once(':').unwrap();
            id.parse::<u64>().unwrap()
        };
        unknown += VALUES - received.len() as u64;
        acknowledged.extend(received.iter().map(value));
    }
    std::fs::remove_dir_all(&directory).unwrap();
    println!("{} values were acknowledged, {unknown} were not", acknowledged.len());
    assert!(acknowledged.len() > 50, "hardly anything was acknowledged");
    assert!(unknown > 0, "every kill came too late");
}

#[test]
fn a_node_without_a_directory_keeps_nothing_and_warns_once() {
    let broadcast =
        r#"{"src":"c1","dest":"n1","body":{"type":"broadcast","msg_id":2,"message":7}}"#;
    let mut command = Command::new(BROADCAST_DURABLE);
    let output = run(command.env_remove("EDDY_STORAGE"), &format!("{INIT}{broadcast}\n"));
    assert!(text(&output.stdout).contains("broadcast_ok"), "{}", text(&output.stdout));
    let stderr = "n1: stored data is not kept, because EDDY_STORAGE names no directory\n";
    assert_eq!(text(&output.stderr), stderr);
    assert!(output.status.success());
}
