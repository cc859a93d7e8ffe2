//! Nodes as processes: what only a real stdin, stdout and exit code can show.

#![expect(clippy::unwrap_used, reason = "here, what must not fail is a test that fails")]

use std::io::Write as _;
use std::process::{Command, Output, Stdio};

use glomers::{Handler, Node, async_trait};
use serde::{Deserialize, Serialize};

const ECHO: &str = env!("CARGO_BIN_EXE_echo");
const UNIQUE_IDS: &str = env!("CARGO_BIN_EXE_unique-ids");

const INIT: &str = r#"{"src":"c0","dest":"n1","body":{"type":"init","msg_id":1,"node_id":"n1","node_ids":["n1"]}}
"#;
const INIT_OK: &str = r#"{"src":"n1","dest":"c0","body":{"type":"init_ok","in_reply_to":1}}
"#;

/// Gives a process this input and waits for its end.
fn run(command: &mut Command, input: &str) -> Output {
    let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut process = command.spawn().unwrap();
    // A process that is down already takes no input, which is what some of them are here for.
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
fn words_on_the_command_line_are_tolerated() {
    let output = run(Command::new(UNIQUE_IDS).args(["extra", "--words", "-x"]), INIT);
    assert_eq!(text(&output.stdout), INIT_OK);
    assert!(output.status.success());
}

#[test]
fn two_runs_of_a_node_give_out_different_ids() {
    let generate = r#"{"src":"c1","dest":"n1","body":{"type":"generate","msg_id":2}}"#;
    let [one, other] = [(); 2].map(|()| {
        let output = run(&mut Command::new(UNIQUE_IDS), &format!("{INIT}{generate}"));
        text(&output.stdout).to_owned()
    });
    assert!(one.contains("generate_ok"), "{one}");
    assert_ne!(one, other);
}

#[test]
fn a_bad_line_is_told_on_stderr_and_nowhere_else() {
    let output = run(&mut Command::new(ECHO), &format!("{INIT}rubbish\n"));
    assert_eq!(text(&output.stdout), INIT_OK);
    let told = text(&output.stderr);
    assert!(told.starts_with("n1: malformed-request (12)") && told.contains("rubbish"), "{told}");
    assert!(output.status.success());
}

#[test]
fn a_node_whose_words_nobody_takes_ends_with_a_sentence() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = Command::new(ECHO);
    let command = command.stdin(Stdio::piped()).stdout(writer).stderr(Stdio::piped());
    let mut process = command.spawn().unwrap();
    // stdin stays open: the node must end although it could read on.
    let mut stdin = process.stdin.take().unwrap();
    stdin.write_all(INIT.as_bytes()).unwrap();
    let output = process.wait_with_output().unwrap();
    drop(stdin);
    assert_eq!(output.status.code(), Some(1));
    let told = text(&output.stderr);
    assert!(told.starts_with("Error: cannot write output\n"), "{told}");
}

/// A node with bugs: one in its handler, one in what it does in the background.
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

/// Runs itself once more, as a process that is the node.
#[test]
fn a_panic_takes_the_process_down_while_its_input_is_open() {
    const BE_THE_NODE: &str = "GLOMERS_TEST_BE_THE_NODE";
    if std::env::var_os(BE_THE_NODE).is_some() {
        return glomers::serve(|node| Buggy { node }).unwrap();
    }
    let check = |kind: &str, expected: &str| {
        let mut command = Command::new(std::env::current_exe().unwrap());
        let name = "a_panic_takes_the_process_down_while_its_input_is_open";
        command.args(["--exact", name, "--nocapture"]).env(BE_THE_NODE, "1");
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
