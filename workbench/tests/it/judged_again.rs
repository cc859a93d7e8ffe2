//! `eddy analyze` of a test's directory repeats the test's verdict.
//!
//! The nodes answer every workload from their own memory without talking to each other, so a single
//! node is correct, and several are not.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fs;
use std::num::NonZeroUsize;
use std::time::Duration;

use eddy::checkers::availability::Goal;
use eddy::checkers::elle::ConsistencyModel;
use eddy::concurrency::Concurrency;
use eddy::edn::Value;
use eddy::{Fault, Report, Strike, Test, Validity, Workload, workload};
use glomers::{ErrorCode, Handler, async_trait};
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use crate::common::Place;

/// Deviation of a node from answering every request.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Deviation {
    Well,
    /// Answers no read.
    NeverReads,
    /// Answers no request in its second half minute.
    Tires,
    /// Refuses every third request.
    Refuses,
    /// Drops the second half of a transaction.
    Forgets,
    Panics,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Request {
    Echo { echo: Json },
    Generate,
    Topology,
    Broadcast { message: Json },
    Add { delta: Option<i64>, element: Option<Json> },
    Read { key: Option<Json> },
    Write { key: Json, value: Json },
    Cas { key: Json, from: Json, to: Json },
    Send { key: String, msg: Json },
    Poll { offsets: BTreeMap<String, usize> },
    CommitOffsets { offsets: BTreeMap<String, usize> },
    ListCommittedOffsets { keys: Vec<String> },
    Txn { txn: Vec<(String, Json, Json)> },
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Reply {
    EchoOk {
        echo: Json,
    },
    GenerateOk {
        id: String,
    },
    TopologyOk,
    BroadcastOk,
    AddOk,
    #[serde(rename = "read_ok")]
    ReadSet {
        messages: Vec<Json>,
    },
    ReadOk {
        value: Json,
    },
    WriteOk,
    CasOk,
    SendOk {
        offset: usize,
    },
    PollOk {
        msgs: BTreeMap<String, Vec<(usize, Json)>>,
    },
    CommitOffsetsOk,
    ListCommittedOffsetsOk {
        offsets: BTreeMap<String, usize>,
    },
    TxnOk {
        txn: Vec<(String, Json, Json)>,
    },
}

struct IsolatedNode {
    workload: &'static dyn Workload,
    deviation: Deviation,
    began: tokio::time::Instant,
    requests: Cell<usize>,
    sum: Cell<i64>,
    elements: RefCell<Vec<Json>>,
    registers: RefCell<BTreeMap<String, Json>>,
    logs: RefCell<BTreeMap<String, Vec<Json>>>,
    committed: RefCell<BTreeMap<String, usize>>,
}

impl IsolatedNode {
    fn new(workload: &'static dyn Workload, deviation: Deviation) -> IsolatedNode {
        IsolatedNode {
            workload,
            deviation,
            began: tokio::time::Instant::now(),
            requests: Cell::default(),
            sum: Cell::default(),
            elements: RefCell::default(),
            registers: RefCell::default(),
            logs: RefCell::default(),
            committed: RefCell::default(),
        }
    }

    fn read(&self, key: Option<&Json>) -> anyhow::Result<Reply> {
        let elements = self.elements.borrow().clone();
        Ok(match (self.workload.name(), key) {
            ("broadcast", _) => Reply::ReadSet { messages: elements },
            ("g-set", _) => Reply::ReadOk { value: elements.into() },
            (_, None) => Reply::ReadOk { value: self.sum.get().into() },
            (_, Some(key)) => {
                let value = self.registers.borrow().get(&key.to_string()).cloned();
                let missing = || ErrorCode::KeyDoesNotExist.error("there is no such key");
                Reply::ReadOk { value: value.ok_or_else(missing)? }
            }
        })
    }

    fn transact(&self, mut txn: Vec<(String, Json, Json)>) -> Reply {
        let half = txn.len() / 2;
        for (place, (f, key, value)) in txn.iter_mut().enumerate() {
            let is_forgotten = self.deviation == Deviation::Forgets && place > half;
            let mut registers = self.registers.borrow_mut();
            let register = registers.entry(key.to_string()).or_default();
            match &**f {
                "r" => *value = register.clone(),
                _ if is_forgotten => {}
                "append" => {
                    let mut list = register.as_array().cloned().unwrap_or_default();
                    list.push(value.clone());
                    *register = list.into();
                }
                _ => *register = value.clone(),
            }
        }
        Reply::TxnOk { txn }
    }
}

#[async_trait(?Send)]
impl Handler for IsolatedNode {
    type Request = Request;
    type Reply = Reply;

    async fn handle(&self, _from: &str, request: Request) -> anyhow::Result<Reply> {
        let number = self.requests.get();
        self.requests.set(number + 1);
        let is_tired = self.began.elapsed() > Duration::from_secs(30);
        match self.deviation {
            Deviation::Panics if number > 20 => panic!("I do not feel well"),
            Deviation::Refuses if number % 3 == 2 => {
                return Err(ErrorCode::TemporarilyUnavailable.error("not now").into());
            }
            Deviation::NeverReads if matches!(request, Request::Read { .. }) => {
                std::future::pending::<()>().await;
            }
            Deviation::Tires if is_tired => std::future::pending().await,
            _ => {}
        }
        Ok(match request {
            Request::Echo { echo } => Reply::EchoOk { echo },
            Request::Generate => Reply::GenerateOk { id: number.to_string() },
            Request::Topology => Reply::TopologyOk,
            Request::Broadcast { message } => {
                self.elements.borrow_mut().push(message);
                Reply::BroadcastOk
            }
            Request::Add { delta, element } => {
                self.elements.borrow_mut().extend(element);
                self.sum.set(self.sum.get() + delta.unwrap_or_default());
                Reply::AddOk
            }
            Request::Read { key } => self.read(key.as_ref())?,
            Request::Write { key, value } => {
                self.registers.borrow_mut().insert(key.to_string(), value);
                Reply::WriteOk
            }
            Request::Cas { key, from, to } => {
                let mut registers = self.registers.borrow_mut();
                match registers.get_mut(&key.to_string()) {
                    Some(value) if *value == from => *value = to,
                    Some(_) => return Err(ErrorCode::PreconditionFailed.error("another").into()),
                    None => return Err(ErrorCode::KeyDoesNotExist.error("none").into()),
                }
                Reply::CasOk
            }
            Request::Send { key, msg } => {
                let mut logs = self.logs.borrow_mut();
                let log = logs.entry(key).or_default();
                log.push(msg);
                Reply::SendOk { offset: log.len() - 1 }
            }
            Request::Poll { offsets } => {
                let logs = self.logs.borrow();
                let from = |(key, offset): (String, usize)| {
                    let log = logs.get(&key)?.iter().cloned().enumerate().skip(offset);
                    let log: Vec<(usize, Json)> = log.collect();
                    (!log.is_empty()).then_some((key, log))
                };
                Reply::PollOk { msgs: offsets.into_iter().filter_map(from).collect() }
            }
            Request::CommitOffsets { offsets } => {
                self.committed.borrow_mut().extend(offsets);
                Reply::CommitOffsetsOk
            }
            Request::ListCommittedOffsets { keys } => {
                let mut offsets = self.committed.borrow().clone();
                offsets.retain(|key, _| keys.contains(key));
                Reply::ListCommittedOffsetsOk { offsets }
            }
            Request::Txn { txn } => self.transact(txn),
        })
    }
}

/// Runs a test of a workload with changes.
fn run(
    workload: &'static dyn Workload,
    deviation: Deviation,
    change: impl FnOnce(&mut Test),
) -> Report {
    let two = NonZeroUsize::new(2).unwrap();
    let mut test = Test {
        workload,
        concurrency: Concurrency::PerNode(two),
        rate: 20.0,
        time_limit: Duration::from_secs(20),
        seed: 7,
        ..Test::default()
    };
    change(&mut test);
    test.run(move |_| IsolatedNode::new(workload, deviation))
}

/// Analyzes a recorded test, and checks that the verdict is the same.
#[track_caller]
fn check(place: &Place, report: &Report, expected: Validity) {
    let test = report.test();
    let name = format!("{test:?}: {report}");
    assert_eq!(report.valid, expected, "{name}");
    let directory = eddy_pages::keep(report, &place.0.join("store")).unwrap();
    let outcome = place.eddy(&format!("analyze {}", directory.display()));
    let status = match expected {
        Validity::Valid => 0,
        Validity::Invalid => 1,
        Validity::Unknown => 2,
    };
    let outcome = outcome.expect(status, &format!("eddy: workload {}, as ", test.workload.name()));
    let results = outcome.stdout.split("\nreason: ").next().unwrap();
    let results = results.split("\nwarning: ").next().unwrap();
    let results = results.split("\n\n").next().unwrap();
    let analyzed = Value::read_edn(results).unwrap();
    for part in ["valid?", "workload", "stats", "availability", "liveness", "exceptions"] {
        let [then, now] = [&report.results, &analyzed].map(|results| results.get(part));
        // If nothing was judged, a test is valid, as in Maelstrom, with a warning.
        let is_empty = report.warnings.iter().any(|line| line.starts_with("nothing was judged"));
        if part == "workload" && is_empty {
            let verdicts = [then, now].map(|results| results.and_then(|map| map.get("valid?")));
            let expected = [Value::Bool(true), Value::keyword("unknown")];
            assert_eq!(verdicts, expected.each_ref().map(Some), "{name}");
        } else {
            assert_eq!(now, then, "{name}");
        }
    }
    for reason in &report.reasons {
        assert!(outcome.stdout.contains(&format!("reason: {reason}")), "{name}: {reason}");
    }
}

#[test]
fn every_workload_gets_the_same_verdict_again() {
    use Validity::{Invalid, Valid};
    let place = Place::new("judged-again-workloads");
    for workload in workload::ALL {
        check(&place, &run(workload, Deviation::Well, |_| {}), Valid);
        let two = run(workload, Deviation::Well, |test| test.nodes = 2);
        check(&place, &two, if workload.name() == "echo" { Valid } else { Invalid });
    }
}

#[test]
fn options_of_the_test_apply_again() {
    use Validity::{Invalid, Valid};
    let place = Place::new("judged-again-standards");
    let models = |models: &[ConsistencyModel]| {
        let models = models.to_vec();
        move |test: &mut Test| (test.consistency_models, test.nodes) = (models, 2)
    };
    let rw = &workload::TxnRwRegister;
    check(&place, &run(rw, Deviation::Well, models(&[ConsistencyModel::ReadUncommitted])), Valid);
    check(&place, &run(rw, Deviation::Well, models(&[ConsistencyModel::Serializable])), Invalid);
    check(&place, &run(rw, Deviation::Well, models(&[])), Valid);
    let goal = |goal: Goal| move |test: &mut Test| test.availability = goal;
    let echo = &workload::GCounter;
    check(&place, &run(echo, Deviation::Refuses, goal(Goal::Total)), Invalid);
    check(&place, &run(echo, Deviation::Refuses, goal(Goal::Fraction(0.1 + 0.2))), Valid);
    check(&place, &run(echo, Deviation::Refuses, goal(Goal::Fraction(0.9))), Invalid);
    check(&place, &run(echo, Deviation::Refuses, goal(Goal::None)), Valid);
}

#[test]
fn a_test_in_which_no_read_succeeded_is_judged_again() {
    let place = Place::new("judged-again-reads");
    for name in ["broadcast", "g-set", "lin-kv", "g-counter", "pn-counter"] {
        let workload = workload::by_name(name, &workload::ALL).unwrap();
        let silent = run(workload, Deviation::NeverReads, |_| {});
        check(&place, &silent, Validity::Invalid);
    }
}

#[test]
fn a_test_in_which_nothing_was_judged_is_valid_and_its_history_is_not() {
    let place = Place::new("judged-again-nothing");
    for workload in workload::ALL {
        let report = run(workload, Deviation::Well, |test| test.rate = 0.0);
        // The counters are read at the end. Maelstrom rejects an empty graph.
        let (expected, status) = match workload.name() {
            "echo" | "lin-kv" | "unique-ids" => (Validity::Valid, 2),
            "g-counter" | "pn-counter" => (Validity::Valid, 0),
            "broadcast" | "g-set" | "txn-list-append" => (Validity::Unknown, 2),
            "kafka" | "txn-rw-register" => (Validity::Invalid, 1),
            other => panic!("{other} is new"),
        };
        assert_eq!(report.valid, expected, "{report}");
        let directory = eddy_pages::keep(&report, &place.0.join("store")).unwrap();
        let stdout =
            place.eddy(&format!("analyze {}", directory.display())).expect(status, "").stdout;
        let lack = "nothing was judged: there is no ";
        let is_read = !matches!(workload.name(), "broadcast" | "g-set");
        assert_eq!(stdout.contains(lack), status != 0 && is_read, "{report}: {stdout}");
        let is_warned = report.warnings.iter().any(|line| line.starts_with(lack));
        assert_eq!(is_warned, status != 0 && expected != Validity::Unknown, "{report}");
    }
}

#[test]
fn values_lost_to_kills_and_missing_clients_are_reported_again() {
    let place = Place::new("judged-again-kills");
    let second = Duration::from_secs;
    let with_ids = |test: &mut Test| test.ids = vec!["left".to_owned(), "right".to_owned()];
    let killed = run(&workload::GSet, Deviation::Well, |test| {
        test.strikes = vec![Strike::kill(["n0"], second(15), second(17))];
    });
    assert!(!killed.lost_with_killed_nodes.is_empty(), "{killed}");
    check(&place, &killed, Validity::Invalid);
    let tired = run(&workload::Kafka, Deviation::Tires, |test| {
        with_ids(test);
        (test.time_limit, test.faults) = (second(25), [Fault::Slow].into());
    });
    let is_late = |reason: &String| reason.contains("all faults had ended 10 s before");
    assert!(tired.reasons.iter().any(is_late), "{tired}");
    check(&place, &tired, Validity::Invalid);
    let tired = run(&workload::Echo, Deviation::Tires, |test| {
        (test.time_limit, test.faults) = (second(25), [Fault::Partition].into());
    });
    check(&place, &tired, Validity::Valid);
    let all: [(&dyn Workload, u64); 3] =
        [(&workload::Kafka, 3), (&workload::LinKv, 4), (&workload::Broadcast, 5)];
    for (workload, seed) in all {
        let all = run(workload, Deviation::Well, |test| {
            (test.faults, test.seed, test.nodes) = (Fault::ALL.into(), seed, 3);
        });
        check(&place, &all, Validity::Invalid);
    }
}

#[test]
fn an_interrupted_test_is_judged_by_its_record() {
    let place = Place::new("judged-again-failure");
    let report = run(&workload::Echo, Deviation::Panics, |_| {});
    assert_eq!(report.valid, Validity::Invalid);
    let directory = eddy_pages::keep(&report, &place.0.join("store")).unwrap();
    let analyze = format!("analyze {}", directory.display());
    let outcome = place.eddy(&analyze).expect(2, "").stdout;
    let expected = "reason: the test did not end, and the recorded part of it was judged: node \
                    n0 cannot be tested: it panicked: I do not feel well";
    assert!(outcome.contains(expected), "{outcome}");
    // The state that a killed test leaves.
    fs::remove_file(directory.join("summary.json")).unwrap();
    fs::remove_file(directory.join("results.edn")).unwrap();
    let outcome = place.eddy(&analyze).expect(2, "").stdout;
    assert!(outcome.contains("was judged: it was stopped, or is still running"), "{outcome}");
}

#[test]
fn the_command_line_overrides_test_json_which_overrides_the_path() {
    let place = Place::new("judged-again-belief");
    let report =
        run(&workload::GCounter, Deviation::Refuses, |test| test.availability = Goal::Total);
    let directory = eddy_pages::keep(&report, &place.0.join("store")).unwrap();
    let at = directory.display();
    place.eddy(&format!("analyze {at}")).expect(1, "workload g-counter, as ");
    place.eddy(&format!("analyze {at} --availability 0.1")).expect(0, "");
    let other = place.eddy(&format!("analyze {at} -w pn-counter")).expect(1, "");
    assert_eq!(other.stderr, "");
    // An older version did not record the availability, and the verdict differs.
    let test = directory.join("test.json");
    let written = fs::read_to_string(&test).unwrap();
    let mut older: Json = serde_json::from_str(&written).unwrap();
    for field in ["consistency_models", "availability", "judges_liveness"] {
        assert!(older.as_object_mut().unwrap().remove(field).is_some(), "{written}");
    }
    fs::write(&test, older.to_string()).unwrap();
    let outcome = place.eddy(&format!("analyze {at}")).expect(0, "test.json says").stdout;
    let expected = "results.edn says false of the availability, and this analysis true; set \
                    --availability to what the test required";
    assert!(outcome.contains(expected), "{outcome}");
    // Invalid values are not guessed.
    older["availability"] = json!("most");
    fs::write(&test, older.to_string()).unwrap();
    let expected = "expected any, total or a number from 0 to 1, found \"most\"; --availability";
    place.eddy(&format!("analyze {at}")).expect(254, expected);
    place.eddy(&format!("analyze {at} --availability total")).expect(1, "");
    // Maelstrom leaves no test.json, but a path with the workload.
    fs::remove_file(&test).unwrap();
    place.eddy(&format!("analyze {at}")).expect(0, "eddy: workload g-counter, as its path says");
    place.eddy("analyze store/latest").expect(0, "eddy: workload g-counter, as its path says");
    let file = directory.join("history.edn");
    fs::copy(file, place.0.join("history.edn")).unwrap();
    let expected = "eddy: workload pn-counter, recognized by its operations; the verdict is the \
                    same with -w g-counter";
    place.eddy("analyze history.edn").expect(0, expected);
    // Jepsen also records the operations of each key of lin-kv separately.
    let read = "{:index 0, :time 0, :type :invoke, :process 0, :f :read, :value nil}";
    let key = "store/lin-kv/20240131T235959.999+0100/independent/7/history.edn";
    place.file(key, read, 0o644);
    let expected = "eddy: workload lin-kv, as its path says";
    assert!(place.eddy(&format!("analyze {key}")).stderr.starts_with(expected));
    place.file("lin-kv/mine/history.edn", read, 0o644);
    place.eddy("analyze lin-kv/mine").expect(254, "fits several workloads");
}

#[test]
fn a_bare_history_under_faults_of_eddy_is_judged_by_liveness_too() {
    let place = Place::new("judged-again-bare");
    // A client that crashes on purpose is replaced, and the replacement got replies.
    let moods: [(&dyn Workload, Deviation, i32); 2] =
        [(&workload::Kafka, Deviation::Well, 0), (&workload::Echo, Deviation::Tires, 1)];
    for (workload, deviation, status) in moods {
        let report = run(workload, deviation, |test| {
            (test.time_limit, test.faults) = (Duration::from_secs(25), [Fault::Slow].into());
        });
        let directory = eddy_pages::keep(&report, &place.0.join("store")).unwrap();
        fs::copy(directory.join("history.edn"), place.0.join("history.edn")).unwrap();
        let outcome =
            place.eddy("analyze history.edn").expect(status, "recognized by its operations");
        let is_dead = outcome.stdout.contains("reason: the last echo that a node was asked for (");
        assert_eq!(is_dead, status == 1, "{}", outcome.stdout);
        assert!(!outcome.stdout.contains("warning: the last "), "{}", outcome.stdout);
    }
}
