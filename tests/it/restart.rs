//! Anti-entropy of the broadcast nodes after they learn of a former incarnation. The test plays
//! their neighbors.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Lines, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Value, json};

/// The process of node n1, with the neighbors n2 and n3. It is the hub, if there
/// is one.
struct BroadcastNode {
    process: Child,
    stdin: ChildStdin,
    stdout: Lines<BufReader<ChildStdout>>,
}

impl BroadcastNode {
    fn start(program: &str) -> BroadcastNode {
        let mut command = Command::new(program);
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let stdin = process.stdin.take().unwrap();
        let stdout = BufReader::new(process.stdout.take().unwrap()).lines();
        let mut node = BroadcastNode { process, stdin, stdout };
        let node_ids = ["n1", "n2", "n3"];
        node.send("c0", &json!({"type": "init", "node_id": "n1", "node_ids": node_ids}));
        let topology = json!({"n1": ["n2", "n3"], "n2": ["n1"], "n3": ["n1"]});
        node.send("c0", &json!({"type": "topology", "topology": topology}));
        node
    }

    fn send(&mut self, src: &str, body: &Value) {
        let message = json!({"src": src, "dest": "n1", "body": body});
        writeln!(self.stdin, "{message}").unwrap();
    }

    /// The destination and the body of the node's next message.
    fn receive(&mut self) -> (String, Value) {
        let line = self.stdout.next().unwrap().unwrap();
        let mut message: Value = serde_json::from_str(&line).unwrap();
        (message["dest"].as_str().unwrap().to_owned(), message["body"].take())
    }

    fn read(&mut self) -> Value {
        self.send("c1", &json!({"type": "read", "msg_id": 1}));
        let (dest, mut body) = self.receive_type("read_ok");
        assert_eq!(dest, "c1");
        body["messages"].take()
    }
}

impl Drop for BroadcastNode {
    fn drop(&mut self) {
        // It may have ended already. It must not outlive a failed test.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl BroadcastNode {
    /// Skips messages up to the next one of this type.
    fn receive_type(&mut self, kind: &str) -> (String, Value) {
        loop {
            let (dest, body) = self.receive();
            if body["type"] == kind {
                return (dest, body);
            }
        }
    }

    /// Tells the node that n2 knows a former incarnation of it, and returns its request for the
    /// difference.
    fn note_restart(&mut self) -> Value {
        let former = json!({
            "type": "gossip", "incarnation": 1, "receiver_incarnation": 7, "cumulative_ack": 0,
            "first_seq": 0, "items": [],
        });
        self.send("n2", &former);
        let (dest, question) = self.receive_type("compare");
        assert_eq!(dest, "n2");
        question
    }
}

/// The reply of a node that differs in all buckets and has these items.
fn difference(question: &Value, items: &Value) -> Value {
    let buckets: Vec<usize> =
        (0..question["digest"]["buckets"].as_array().unwrap().len()).collect();
    let in_reply_to = &question["msg_id"];
    json!({"type": "compare_ok", "buckets": buckets, "items": items, "in_reply_to": in_reply_to})
}

#[test]
fn a_restarted_node_compares_itself_with_all_neighbors_and_sends_them_what_they_lack() {
    #[track_caller]
    fn check(program: &str) {
        let mut node = BroadcastNode::start(program);
        let question = node.note_restart();
        node.send("n2", &difference(&question, &json!([1, 2.50])));
        let (dest, question) = node.receive_type("compare");
        assert_eq!(dest, "n3", "{program}");
        node.send("n3", &difference(&question, &json!([2.50, 3])));
        let mut received = BTreeSet::new();
        while !received.is_superset(&[("n2", "3"), ("n3", "1")].map(owned).into()) {
            let (dest, body) = node.receive_type("gossip");
            for value in body["items"].as_array().unwrap() {
                received.insert((dest.clone(), value.to_string()));
            }
        }
        assert!(!received.contains(&owned(("n2", "1"))), "{program}: {received:?}");
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
fn a_restarted_node_has_a_greater_incarnation_number_and_other_message_ids() {
    let [one, other] = [(); 2].map(|()| {
        let mut node = BroadcastNode::start(env!("CARGO_BIN_EXE_broadcast-d"));
        (
            node.note_restart()["msg_id"].clone(),
            node.receive_type("gossip").1["incarnation"].as_u64().unwrap(),
        )
    });
    assert_ne!(one.0, other.0);
    assert!(one.1 < other.1, "{one:?} {other:?}");
}
