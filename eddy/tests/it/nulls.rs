//! `null` in replies, as Go encodes a nil slice. In place of a list it means an empty list, as in
//! Maelstrom. Elsewhere the reply is malformed, or `null` is the value that is judged.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::Duration;

use eddy::history::Kind;
use eddy::{Report, Test, Validity, Workload, workload};
use glomers::{Handler, async_trait};
use serde_json::{Map, Value, json};

/// One correct server for every workload, whose replies `change` modifies.
struct AnyWorkloadServer {
    change: fn(&mut Value),
    state: RefCell<ServerState>,
}

#[derive(Default)]
struct ServerState {
    ids: u64,
    elements: Vec<Value>,
    sum: i64,
    logs: BTreeMap<String, Vec<Value>>,
    committed: Map<String, Value>,
    keys: BTreeMap<String, Value>,
}

#[async_trait(?Send)]
impl Handler for AnyWorkloadServer {
    type Request = Map<String, Value>;
    type Reply = Value;

    async fn handle(&self, _from: &str, request: Self::Request) -> anyhow::Result<Value> {
        let kind = request["type"].as_str().unwrap_or_default().to_owned();
        let mut reply = self.state.borrow_mut().answer(&kind, &request);
        if reply["type"] != "error" {
            (self.change)(&mut reply);
            reply["type"] = format!("{kind}_ok").into();
        }
        Ok(reply)
    }
}

impl ServerState {
    fn answer(&mut self, kind: &str, request: &Map<String, Value>) -> Value {
        let field = |name: &str| request.get(name).cloned().unwrap_or_default();
        match (kind, request.contains_key("key")) {
            ("echo", _) => json!({"echo": field("echo")}),
            ("generate", _) => {
                self.ids += 1;
                json!({"id": self.ids})
            }
            ("broadcast", _) => {
                self.elements.push(field("message"));
                json!({})
            }
            ("add", _) => {
                self.elements.extend(request.get("element").cloned());
                self.sum += field("delta").as_i64().unwrap_or_default();
                json!({})
            }
            ("send", _) => {
                let log = self.logs.entry(text(&field("key"))).or_default();
                log.push(json!([log.len(), field("msg")]));
                json!({"offset": log.len() - 1})
            }
            ("poll", _) => {
                let mut msgs = Map::new();
                for (key, offset) in field("offsets").as_object().into_iter().flatten() {
                    let log = self.logs.entry(key.clone()).or_default();
                    let from = usize::try_from(offset.as_u64().unwrap_or_default()).unwrap_or(0);
                    msgs.insert(key.clone(), log[from.min(log.len())..].into());
                }
                json!({"msgs": msgs})
            }
            ("commit_offsets", _) => {
                self.committed.extend(field("offsets").as_object().cloned().unwrap_or_default());
                json!({})
            }
            ("list_committed_offsets", _) => json!({"offsets": self.committed}),
            ("txn", _) => {
                let txn = field("txn");
                let ops = txn.as_array().into_iter().flatten().map(|op| self.transact(op));
                json!({"txn": ops.collect::<Vec<_>>()})
            }
            ("write", _) => {
                self.keys.insert(field("key").to_string(), field("value"));
                json!({})
            }
            ("read" | "cas", true) => match self.keys.get_mut(&field("key").to_string()) {
                None => json!({"type": "error", "code": 20}),
                Some(value) if kind == "read" => json!({"value": value}),
                Some(value) if *value != field("from") => json!({"type": "error", "code": 22}),
                Some(value) => {
                    *value = field("to");
                    json!({})
                }
            },
            // Workloads differ in this reply; the changes select the right fields.
            ("read", false) => json!({"messages": self.elements, "sum": self.sum}),
            _ => json!({}),
        }
    }

    fn transact(&mut self, op: &Value) -> Value {
        let value = self.keys.entry(op[1].to_string()).or_default();
        match op[0].as_str() {
            Some("r") => return json!(["r", op[1], value]),
            Some("append") => match value {
                Value::Array(list) => list.push(op[2].clone()),
                _ => *value = json!([op[2]]),
            },
            _ => *value = op[2].clone(),
        }
        op.clone()
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// Reduces the reply to a read without a key to the one field that the workload expects.
fn keep_field(reply: &mut Value, from: &str, to: &str) {
    if reply.get(from).is_some() {
        *reply = json!({to: reply[from]});
    }
}

fn set_null(reply: &mut Value, name: &str) {
    if let Some(field) = reply.get_mut(name) {
        *field = Value::Null;
    }
}

fn null_if_empty(field: &mut Value) {
    if field.as_array().is_some_and(Vec::is_empty) {
        *field = Value::Null;
    }
}

fn run(workload: &'static dyn Workload, change: fn(&mut Value)) -> Report {
    let rate = 50.0;
    let concurrency = "4n".parse().unwrap_or_default();
    let time_limit = Duration::from_secs(5);
    let test = Test { workload, rate, concurrency, time_limit, seed: 7, ..Test::default() };
    test.run(move |_| AnyWorkloadServer { change, state: RefCell::default() })
}

/// The completion of the first operation `f` with a changed reply, such as `ok nil`.
fn first_completion(report: &Report, f: &str, is_changed: fn(&str) -> bool) -> String {
    let ends = report.history.ops().iter().filter(|op| op.f == f && op.kind != Kind::Invoke);
    let ends = ends.map(|op| match op.kind {
        Kind::Ok => format!("ok {}", op.value),
        _ => format!("info {}", op.error.clone().unwrap_or_else(|| "".into())),
    });
    ends.into_iter().find(|end| is_changed(end)).unwrap_or_default()
}

#[test]
fn null_means_what_it_means_in_maelstrom() {
    use Validity::{Invalid, Unknown, Valid};

    #[track_caller]
    fn check(
        workload: &'static dyn Workload,
        change: fn(&mut Value),
        f: &str,
        expected: &str,
        valid: Validity,
    ) {
        let report = run(workload, change);
        let end = first_completion(&report, f, |end| {
            end.contains("nil") || end.contains("null") || end == "ok []"
        });
        assert!(end.contains(expected), "expected {expected} of {workload:?}, got {end}\n{report}");
        assert_eq!(report.valid, valid, "{report}");
    }
    let malformed = "info \"indeterminate: Malformed reply: ";
    // Lists.
    check(
        &workload::Broadcast,
        |reply| {
            keep_field(reply, "messages", "messages");
            reply.get_mut("messages").into_iter().for_each(null_if_empty);
        },
        "read",
        "ok nil",
        Valid,
    );
    let never = |reply: &mut Value| {
        keep_field(reply, "messages", "messages");
        set_null(reply, "messages");
    };
    check(&workload::Broadcast, never, "read", "ok nil", Invalid);
    check(
        &workload::GSet,
        |reply| {
            keep_field(reply, "messages", "value");
            reply.get_mut("value").into_iter().for_each(null_if_empty);
        },
        "read",
        "ok nil",
        Valid,
    );
    let never = |reply: &mut Value| {
        keep_field(reply, "messages", "value");
        set_null(reply, "value");
    };
    check(&workload::GSet, never, "read", "ok nil", Invalid);
    let polled = |reply: &mut Value| {
        let keys = reply.get_mut("msgs").and_then(Value::as_object_mut).into_iter();
        keys.flat_map(Map::values_mut).for_each(null_if_empty);
    };
    check(&workload::Kafka, polled, "poll", " nil", Valid);
    // Transactions: the whole transaction, and the value of a read.
    let transactions: [(&dyn Workload, Validity); 2] = [
        // Elle fails if no reply has a key's only append.
        (&workload::TxnListAppend, Unknown),
        (&workload::TxnRwRegister, Valid),
    ];
    for (workload, valid) in transactions {
        check(workload, |reply| set_null(reply, "txn"), "txn", "ok []", valid);
        check(workload, |_| {}, "txn", " nil]", Valid);
    }
    // Lists of a fixed length, which null is not.
    check(
        &workload::TxnListAppend,
        |reply| reply["txn"][0] = Value::Null,
        "txn",
        malformed,
        Invalid,
    );
    check(
        &workload::Kafka,
        |reply| {
            let keys = reply.get_mut("msgs").and_then(Value::as_object_mut).into_iter();
            keys.flat_map(Map::values_mut).for_each(|pairs| *pairs = json!([null]));
        },
        "poll",
        malformed,
        Invalid,
    );
    // Maps and numbers.
    check(&workload::Kafka, |reply| set_null(reply, "msgs"), "poll", malformed, Invalid);
    check(&workload::Kafka, |reply| set_null(reply, "offset"), "send", malformed, Invalid);
    // The final assignments, to offset 0 of every key, have no request, so some succeed.
    check(&workload::Kafka, |reply| set_null(reply, "offsets"), "assign", malformed, Valid);
    let offsets = |reply: &mut Value| {
        if reply.get("offsets").is_some() {
            reply["offsets"] = json!({"7": null});
        }
    };
    check(&workload::Kafka, offsets, "assign", malformed, Valid);
    for workload in [&workload::GCounter as &dyn Workload, &workload::PnCounter] {
        let sum = |reply: &mut Value| {
            keep_field(reply, "sum", "value");
            set_null(reply, "value");
        };
        check(workload, sum, "read", malformed, Invalid);
    }
    // Fields that may be anything.
    check(&workload::Echo, |reply| set_null(reply, "echo"), "echo", ":echo nil", Invalid);
    check(&workload::UniqueIds, |reply| set_null(reply, "id"), "generate", "ok nil", Invalid);
    // A register may hold anything, and for Knossos a read of nil matches every state.
    check(&workload::LinKv, |reply| set_null(reply, "value"), "read", " nil]", Valid);
}
