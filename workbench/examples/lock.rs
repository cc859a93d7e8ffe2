//! Custom workload: a lock service, whose locks must never have two holders at a time.
//!
//! A client acquires a lock, and releases it with its next operation. `lock` is the program `eddy`
//! with this workload added: `lock test -w lock --bin path/to/node`. It also contains two nodes to
//! test, one of them wrong: `--bin target/debug/examples/lock -- wrong-node`.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::process::ExitCode;

use eddy::Validity;
use eddy::checkers::wording::time;
use eddy::checkers::{Contradiction, Evidence, Placement, Verdict};
use eddy::client::{ClientRequest, Operation, ResultSource, Schema};
use eddy::edn::Map;
use eddy::history::{History, Kind, Op, Process};
use eddy::random::Random;
use eddy::workload::{
    CheckContext, ClientContext, Operations, Parameters, Workload, WorkloadChecker,
};
use glomers::{ErrorCode, Handler, KeyValue, Node, async_trait};
use serde::{Deserialize, Serialize};
use serde_json::json;

/// Number of contradictions reported. More would hide the first ones, which are the most telling.
const MAX_CONTRADICTIONS: usize = 20;

#[derive(Debug)]
struct Lock;

impl WorkloadChecker for Lock {
    fn name(&self) -> &'static str {
        "lock"
    }

    fn functions(&self) -> &'static [&'static str] {
        &["acquire", "release"]
    }

    /// A client certainly holds a lock from the reply that grants it until it requests the release.
    /// An acquisition without a known outcome may hold the lock, and a release without one may have
    /// freed it, so neither contradicts anything.
    fn check(&self, history: &History, context: &CheckContext<'_>) -> Verdict {
        let mut holders: BTreeMap<Option<i64>, Vec<&Op>> = BTreeMap::new();
        let mut grants = 0;
        let mut contradictions = Vec::new();
        for op in history.client_ops() {
            let holders = holders.entry(op.value.as_int()).or_default();
            match (&*op.f, op.kind) {
                ("acquire", Kind::Ok) => {
                    let both = holders
                        .first()
                        .map(|first| two_holders(history, context.placement, first, op));
                    contradictions.extend(both);
                    holders.push(op);
                    grants += 1;
                }
                ("release", Kind::Invoke) => holders.retain(|grant| grant.process != op.process),
                _ => {}
            }
        }
        let valid = Validity::from(contradictions.is_empty());
        let reason = contradictions.first().map(|first: &Contradiction| first.description.clone());
        let results = Map::new()
            .with("valid?", valid)
            .with("grant-count", grants)
            .with("double-grant-count", contradictions.len());
        contradictions.truncate(MAX_CONTRADICTIONS);
        let evidence = Evidence::count("successful acquire", (0..grants).map(|_| true));
        Verdict { contradictions, ..Verdict::new(evidence, valid, results.into(), reason) }
    }
}

fn two_holders(
    history: &History,
    placement: &Placement<'_>,
    first: &Op,
    second: &Op,
) -> Contradiction {
    let node = |grant: &Op| placement.node_of(grant.process).unwrap_or("a node").to_owned();
    let what = format!(
        "{} granted lock {} to process {} at {}, although process {} held it, granted by {} at {}",
        node(second),
        second.value,
        second.process,
        time(second),
        first.process,
        node(first),
        time(first)
    );
    Contradiction::between(history, what, [first, second])
}

impl Workload for Lock {
    fn operations(&self, _parameters: &Parameters) -> Box<dyn Operations> {
        Box::new(LockOperations { held: BTreeMap::new() })
    }
}

/// Lock that each process holds, as far as its client knows.
struct LockOperations {
    held: BTreeMap<Process, i64>,
}

impl Operations for LockOperations {
    /// All clients contend for one lock for a second, then for the next, because a client that
    /// never got its grant may hold the first forever.
    fn next(&mut self, context: ClientContext, _random: &mut Random) -> Operation {
        let held = self.held.get(&Process::Client(context.process)).copied();
        let (f, reply) = match held {
            Some(_) => ("release", Schema::new("release_ok", &[])),
            None => ("acquire", Schema::new("acquire_ok", &[])),
        };
        let lock = held.unwrap_or_else(|| context.now.as_secs().try_into().unwrap_or_default());
        let body = json!({"type": f, "lock": lock});
        Operation::ask(f, lock.into(), ClientRequest::new(body, reply, ResultSource::Sent))
    }

    fn completed(&mut self, _thread: usize, op: &Op) {
        match (&*op.f, op.kind, op.value.as_int()) {
            ("acquire", Kind::Ok, Some(lock)) => self.held.insert(op.process, lock),
            ("release", ..) => self.held.remove(&op.process),
            _ => None,
        };
    }
}

/// A program without its own nodes needs only the call of `eddy_workbench::main`.
fn main() -> anyhow::Result<ExitCode> {
    match std::env::args().nth(1).as_deref() {
        Some("node") => glomers::serve(LockService::shared)?,
        Some("wrong-node") => glomers::serve(LockService::unshared)?,
        _ => return Ok(eddy_workbench::main(&[&Lock])),
    }
    Ok(ExitCode::SUCCESS)
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum LockRequest {
    Acquire { lock: u64 },
    Release { lock: u64 },
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum LockReply {
    AcquireOk,
    ReleaseOk,
}

/// Node that stores the holder of each lock, or an empty text.
struct LockService {
    /// Store shared by all nodes; `None` in the wrong node.
    shared: Option<KeyValue>,
    own: RefCell<BTreeMap<u64, String>>,
}

impl LockService {
    fn shared(node: Node) -> LockService {
        LockService { shared: Some(KeyValue::lin(&node)), own: RefCell::default() }
    }

    /// Wrong node that grants locks by itself: clients of two nodes can hold the same lock.
    fn unshared(_node: Node) -> LockService {
        LockService { shared: None, own: RefCell::default() }
    }

    /// Compare-and-set of a lock's holder; true if the holder was `before`.
    async fn swap(&self, lock: u64, before: &str, after: &str) -> anyhow::Result<bool> {
        if let Some(store) = &self.shared {
            return Ok(store.cas_or_create(&lock, &before, &after).await?);
        }
        let mut own = self.own.borrow_mut();
        let holder = own.entry(lock).or_default();
        let is_as_before = holder == before;
        if is_as_before {
            after.clone_into(holder);
        }
        Ok(is_as_before)
    }
}

#[async_trait(?Send)]
impl Handler for LockService {
    type Request = LockRequest;
    type Reply = LockReply;

    async fn handle(&self, from: &str, request: LockRequest) -> anyhow::Result<LockReply> {
        let (lock, before, after, reply) = match request {
            LockRequest::Acquire { lock } => (lock, "", from, LockReply::AcquireOk),
            LockRequest::Release { lock } => (lock, from, "", LockReply::ReleaseOk),
        };
        if self.swap(lock, before, after).await? {
            return Ok(reply);
        }
        Err(ErrorCode::PreconditionFailed.error("somebody else holds it").into())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use eddy::{Fault, Report, Test, seeds};

    use super::*;

    fn test(start: fn(Node) -> LockService, seed: u64) -> Report {
        let test = Test {
            workload: &Lock,
            nodes: 3,
            concurrency: "2n".parse().unwrap(),
            rate: 100.0,
            time_limit: Duration::from_secs(20),
            faults: Fault::ALL.into(),
            nemesis_interval: Duration::from_secs(2),
            seed,
            ..Test::default()
        };
        test.run(start)
    }

    #[test]
    fn for_any_seed_a_shared_store_grants_a_lock_to_one_client() {
        seeds(|seed| {
            let report = test(LockService::shared, seed);
            report.assert_valid();
            assert!(report.ok_count("acquire") > 50, "{report}");
        });
    }

    #[test]
    fn nodes_without_a_shared_store_grant_a_lock_twice() {
        let report = test(LockService::unshared, 0);
        assert_eq!(report.valid, Validity::Invalid, "{report}");
        let Contradiction { description, operations, .. } = &report.contradictions[0];
        assert_eq!(report.reasons.first(), Some(description), "{report}");
        let named: Vec<&Op> =
            operations.iter().map(|index| &report.history.ops()[*index]).collect();
        let grants: Vec<&&Op> = named.iter().filter(|op| op.kind == Kind::Ok).collect();
        assert!(named.len() == 4 && named.iter().all(|op| op.f == "acquire"), "{named:?}");
        assert!(grants.len() == 2 && grants[0].process != grants[1].process, "{named:?}");
    }

    #[test]
    fn only_certain_holders_contradict_each_other() {
        #[track_caller]
        fn check(lines: &[(u64, &str, &str)], expected: &[usize]) {
            let op = |(process, kind, f): &(u64, &str, &str)| {
                format!("{{:process {process}, :type :{kind}, :f :{f}, :value 7}}\n")
            };
            let text: String = lines.iter().map(op).collect();
            let history = History::read_edn(&text).unwrap();
            let placement = Placement::inferred(&history);
            let verdict =
                Lock.check(&history, &CheckContext { placement: &placement, models: &[] });
            let named = verdict.contradictions.into_iter().flat_map(|each| each.operations);
            assert_eq!(named.collect::<Vec<_>>(), expected, "{text}");
        }
        let begun = [(0, "invoke", "acquire"), (1, "invoke", "acquire")];
        let granted = (1, "ok", "acquire");
        check(&[&begun[..], &[(0, "ok", "acquire"), granted]].concat(), &[0, 1, 2, 3]);
        check(&[&begun[..], &[(0, "info", "acquire"), granted]].concat(), &[]);
        check(&[&begun[..], &[(0, "fail", "acquire"), granted]].concat(), &[]);
        let released = [(0, "ok", "acquire"), (0, "invoke", "release"), (0, "info", "release")];
        check(&[&begun[..], &released[..], &[granted]].concat(), &[]);
        check(&[&begun[..], &released[..2], &[granted]].concat(), &[]);
    }
}
