//! What the programs of the broadcast challenges do at their start, which may be one of many: they
//! ask the others, who are played here.

#![expect(clippy::unwrap_used, reason = "here, what must not fail is a test that fails")]

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Lines, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Value, json};

/// A program that is the node n1, between n2 and n3, and the hub if it has one.
struct Node {
    process: Child,
    stdin: ChildStdin,
    stdout: Lines<BufReader<ChildStdout>>,
}

impl Node {
    fn start(program: &str) -> Node {
        let mut command = Command::new(program);
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let stdin = process.stdin.take().unwrap();
        let stdout = BufReader::new(process.stdout.take().unwrap()).lines();
        let mut node = Node { process, stdin, stdout };
        let node_ids = ["n1", "n2", "n3"];
        node.say("c0", &json!({"type": "init", "node_id": "n1", "node_ids": node_ids}));
        let topology = json!({"n1": ["n2", "n3"], "n2": ["n1"], "n3": ["n1"]});
        node.say("c0", &json!({"type": "topology", "topology": topology}));
        node
    }

    fn say(&mut self, src: &str, body: &Value) {
        let message = json!({"src": src, "dest": "n1", "body": body});
        writeln!(self.stdin, "{message}").unwrap();
    }

    /// What the node says next: to whom, and what.
    fn hear(&mut self) -> (String, Value) {
        let line = self.stdout.next().unwrap().unwrap();
        let mut message: Value = serde_json::from_str(&line).unwrap();
        (message["dest"].as_str().unwrap().to_owned(), message["body"].take())
    }

    fn read(&mut self) -> Value {
        self.say("c1", &json!({"type": "read", "msg_id": 1}));
        let (dest, mut body) = self.hear();
        assert_eq!((dest.as_str(), &body["type"]), ("c1", &json!("read_ok")));
        body["messages"].take()
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // It may have ended; it must not stay, whatever the test came to.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn a_node_that_starts_learns_what_it_may_have_known_and_tells_the_others() {
    #[track_caller]
    fn check(program: &str) {
        let mut node = Node::start(program);
        let questions = BTreeMap::from([node.hear(), node.hear()]);
        assert!(questions.values().all(|body| body["type"] == "read"), "{questions:?}");
        let answer = |to: &str, messages: Value| json!({"type": "read_ok", "messages": messages, "in_reply_to": questions[to]["msg_id"]});
        node.say("n2", &answer("n2", json!([1, 2.50])));
        let (dest, body) = node.hear();
        assert_eq!(dest, "n3", "{program}: {body}");
        assert_eq!((&body["type"], &body["messages"]), (&json!("gossip"), &json!([1, 2.50])));
        node.say("n3", &answer("n3", json!([2.50, 3])));
        let (dest, body) = node.hear();
        assert_eq!(dest, "n2", "{program}: {body}");
        assert_eq!((&body["type"], &body["messages"]), (&json!("gossip"), &json!([3])));
        assert_eq!(node.read(), json!([1, 2.50, 3]));
    }
    check(env!("CARGO_BIN_EXE_broadcast-c"));
    check(env!("CARGO_BIN_EXE_broadcast-d"));
    check(env!("CARGO_BIN_EXE_broadcast-e"));
}

#[test]
fn two_lives_of_a_node_number_their_questions_differently() {
    let [one, other] = [(); 2].map(|()| Node::start(env!("CARGO_BIN_EXE_broadcast-d")).hear());
    assert_eq!(one.1["type"], "read");
    assert_ne!(one.1["msg_id"], other.1["msg_id"]);
}
