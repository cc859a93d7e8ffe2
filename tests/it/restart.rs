//! What the programs of the broadcast challenges do when they hear that they have had a former life:
//! they compare themselves with the others, who are played here.

use std::collections::BTreeSet;
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
        let (dest, mut body) = self.hear_of("read_ok");
        assert_eq!(dest, "c1");
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

impl Node {
    /// The next message of this kind.
    fn hear_of(&mut self, kind: &str) -> (String, Value) {
        loop {
            let (dest, body) = self.hear();
            if body["type"] == kind {
                return (dest, body);
            }
        }
    }

    /// Says that somebody knows a former life of the node, and takes its question.
    fn remind(&mut self) -> Value {
        let former =
            json!({"type": "gossip", "life": 1, "to": 7, "heard": 0, "first": 0, "news": []});
        self.say("n2", &former);
        let (dest, question) = self.hear_of("compare");
        assert_eq!(dest, "n2");
        question
    }
}

/// The answer of a node that differs in everything, and has these.
fn difference(question: &Value, items: &Value) -> Value {
    let buckets: Vec<usize> =
        (0..question["digest"]["buckets"].as_array().unwrap().len()).collect();
    let in_reply_to = &question["msg_id"];
    json!({"type": "compare_ok", "buckets": buckets, "items": items, "in_reply_to": in_reply_to})
}

#[test]
fn a_node_that_has_forgotten_a_life_asks_one_neighbor_and_then_the_others_and_tells_them() {
    #[track_caller]
    fn check(program: &str) {
        let mut node = Node::start(program);
        let question = node.remind();
        node.say("n2", &difference(&question, &json!([1, 2.50])));
        let (dest, question) = node.hear_of("compare");
        assert_eq!(dest, "n3", "{program}");
        node.say("n3", &difference(&question, &json!([2.50, 3])));
        let mut told = BTreeSet::new();
        while !told.is_superset(&[("n2", "3"), ("n3", "1")].map(owned).into()) {
            let (dest, body) = node.hear_of("gossip");
            for value in body["news"].as_array().unwrap() {
                told.insert((dest.clone(), value.to_string()));
            }
        }
        assert!(!told.contains(&owned(("n2", "1"))), "{program}: {told:?}");
        assert_eq!(node.read(), json!([1, 2.50, 3]));
    }
    fn owned((dest, value): (&str, &str)) -> (String, String) {
        (dest.to_owned(), value.to_owned())
    }
    check(env!("CARGO_BIN_EXE_broadcast-c"));
    check(env!("CARGO_BIN_EXE_broadcast-d"));
    check(env!("CARGO_BIN_EXE_broadcast-e"));
}

#[test]
fn the_next_life_of_a_node_has_a_greater_number_and_numbers_its_questions_differently() {
    let [one, other] = [(); 2].map(|()| {
        let mut node = Node::start(env!("CARGO_BIN_EXE_broadcast-d"));
        (node.remind()["msg_id"].clone(), node.hear_of("gossip").1["life"].as_u64().unwrap())
    });
    assert_ne!(one.0, other.0);
    assert!(one.1 < other.1, "{one:?} {other:?}");
}
