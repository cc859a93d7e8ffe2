//! Linearizable key-value store: each key is a register with read, write and compare-and-set.
//!
//! As in Jepsen's `linearizable-register`, a group of `2n` clients works on one key at a time,
//! where `n` is the number of nodes. It changes to a new key when 20 processes have used the key:
//! an indeterminate operation ends its process and may take effect at any later time, which makes
//! checking harder. The first `n` clients of the test only read. The others write, and twice as
//! often compare and set.

use std::ops::Range;
use std::time::Duration;

use serde_json::json;

use super::{ClientContext, LinKv, Operations, Parameters, Workload};
use crate::checkers::wording::counted;
use crate::client::{
    ClientReply, ClientRequest, ErrorPolicy, Operation, ResultSource, Schema, Shape,
};
use crate::edn::Value;
use crate::history::{Kind, Op};
use crate::random::Random;

/// Maximum number of processes that use a key. More would make checking harder, fewer would leave
/// less to check.
const PROCESSES_PER_KEY: usize = 20;

/// The number of values, from 0. With more, fewer compare-and-sets would find the value that they
/// expect; with fewer, stale reads would more often look right.
const VALUE_COUNT: u64 = 5;

/// Minimum timeout of a client. A shorter one would make slow replies indeterminate.
const MIN_TIMEOUT: Duration = Duration::from_secs(1);

impl Workload for LinKv {
    fn operations(&self, parameters: &Parameters) -> Box<dyn Operations> {
        Box::new(RegisterOperations::new(parameters.nodes, parameters.latency))
    }

    /// Checks that the clients can be divided into groups.
    fn validate(&self, parameters: &Parameters) -> Result<(), String> {
        let Parameters { nodes, clients: threads, .. } = *parameters;
        let (size, clients) = (2 * nodes, counted(threads as u64, "client"));
        if threads > 0 && threads.is_multiple_of(size) {
            return Ok(());
        }
        Err(format!(
            "{clients} cannot be divided among the keys of lin-kv, two clients per node for each; \
             expected a concurrency of {size}, or 2n, or a multiple of that"
        ))
    }

    fn writes(&self) -> Option<(&'static str, &'static [&'static str])> {
        Some(("write", &["write", "cas"]))
    }
}

struct RegisterOperations {
    nodes: usize,
    timeout: Duration,
    groups: Vec<KeyGroup>,
    next_key: u64,
}

/// Clients that work on the same key.
struct KeyGroup {
    key: u64,
    /// The number of processes that used the key and have been replaced since.
    replaced: usize,
}

impl RegisterOperations {
    fn new(nodes: usize, latency: Duration) -> RegisterOperations {
        let timeout = latency.saturating_mul(10).max(MIN_TIMEOUT);
        RegisterOperations { nodes, timeout, groups: Vec::new(), next_key: 0 }
    }

    fn group_of(&mut self, thread: usize) -> &mut KeyGroup {
        let number = thread / (2 * self.nodes);
        while self.groups.len() <= number {
            self.groups.push(KeyGroup { key: self.next_key, replaced: 0 });
            self.next_key += 1;
        }
        &mut self.groups[number]
    }

    fn key_for(&mut self, thread: usize) -> u64 {
        let (size, next_key) = (2 * self.nodes, self.next_key);
        let group = self.group_of(thread);
        if group.replaced > 0 && size + group.replaced > PROCESSES_PER_KEY {
            *group = KeyGroup { key: next_key, replaced: 0 };
            self.next_key += 1;
        }
        self.group_of(thread).key
    }
}

impl Operations for RegisterOperations {
    fn thread_groups(&self, threads: usize) -> Vec<Vec<Range<usize>>> {
        let size = 2 * self.nodes;
        let first = vec![0..self.nodes, self.nodes..size];
        let start = |number: usize| number * size;
        let others = (1..threads / size)
            .map(|number| vec![Range { start: start(number), end: start(number + 1) }]);
        [first].into_iter().chain(others).collect()
    }

    fn reuses_clients(&self) -> bool {
        true
    }

    fn timeout(&self) -> Duration {
        self.timeout
    }

    fn next(&mut self, context: ClientContext, random: &mut Random) -> Operation {
        let key = self.key_for(context.thread);
        if context.thread < self.nodes {
            return read(key);
        }
        match random.below(3) {
            0 => write(key, random.below(VALUE_COUNT)),
            _ => cas(key, random.below(VALUE_COUNT), random.below(VALUE_COUNT)),
        }
    }

    fn completed(&mut self, thread: usize, op: &Op) {
        if op.kind == Kind::Info {
            self.group_of(thread).replaced += 1;
        }
    }
}

fn read(key: u64) -> Operation {
    let reply = Schema::new("read_ok", &[("value", Shape::Any)]);
    let request = ClientRequest::new(
        json!({"type": "read", "key": key}),
        reply,
        ResultSource::Computed(keyed_value),
    );
    let value = vec![key.into(), Value::Nil].into();
    Operation { errors: ErrorPolicy::Harmless, ..Operation::ask("read", value, request) }
}

/// The key of a read with the value in its reply.
fn keyed_value(sent: &Value, reply: &ClientReply<'_>) -> Result<Value, String> {
    let key = sent.as_sequence().and_then(|pair| pair.first()).cloned();
    let value = ResultSource::Field("value").value(sent, reply)?;
    Ok(vec![key.unwrap_or(Value::Nil), value].into())
}

fn write(key: u64, value: u64) -> Operation {
    let body = json!({"type": "write", "key": key, "value": value});
    let request = ClientRequest::new(body, Schema::new("write_ok", &[]), ResultSource::Sent);
    Operation::ask("write", vec![key.into(), value.into()].into(), request)
}

fn cas(key: u64, from: u64, to: u64) -> Operation {
    let body = json!({"type": "cas", "key": key, "from": from, "to": to});
    let request = ClientRequest::new(body, Schema::new("cas_ok", &[]), ResultSource::Sent);
    let change = Value::from(vec![from.into(), to.into()]);
    Operation::ask("cas", vec![key.into(), change].into(), request)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn context(thread: usize) -> ClientContext {
        ClientContext { now: Duration::ZERO, thread, process: thread as u64 }
    }

    fn key(operation: &Operation) -> i64 {
        operation.value.as_sequence().unwrap()[0].as_int().unwrap()
    }

    #[test]
    fn two_clients_per_node_share_a_key_and_only_the_first_group_reads() {
        let mut operations = RegisterOperations::new(3, Duration::ZERO);
        assert_eq!(format!("{:?}", operations.thread_groups(12)), "[[0..3, 3..6], [6..12]]");
        let mut random = Random::seeded(0);
        for thread in (0..12).chain(0..12) {
            let operation = operations.next(context(thread), &mut random);
            assert_eq!(key(&operation), i64::from(thread >= 6));
            assert_eq!(operation.f == "read", thread < 3);
        }
    }

    #[test]
    fn a_group_changes_to_a_new_key_when_twenty_processes_have_used_the_old_one() {
        let mut operations = RegisterOperations::new(3, Duration::ZERO);
        let mut random = Random::seeded(0);
        let mut keys = Vec::new();
        for _ in 0..60 {
            keys.push(key(&operations.next(context(4), &mut random)));
            let crash = Op::invoke(0, 0, crate::history::Process::Client(4), "cas", Value::Nil);
            operations.completed(4, &Op { kind: Kind::Info, ..crash });
        }
        // Six processes at a time, and 14 that were replaced: the 15th crash exceeds the limit.
        let expected: Vec<i64> = (0..60).map(|crashes| crashes / 15).collect();
        assert_eq!(keys, expected);
    }

    #[test]
    fn the_number_of_clients_must_be_a_multiple_of_the_group_size() {
        fn validate(nodes: usize, clients: usize) -> Result<(), String> {
            let test = crate::Test { nodes, ..crate::Test::default() };
            LinKv.validate(&Parameters { clients, ..test.parameters() })
        }
        #[track_caller]
        fn check(nodes: usize, threads: usize, is_valid: bool) {
            assert_eq!(validate(nodes, threads).is_ok(), is_valid);
        }
        check(1, 2, true);
        check(5, 5, false);
        check(5, 10, true);
        check(5, 15, false);
        check(3, 12, true);
        let alone = validate(1, 1).unwrap_err();
        assert!(alone.starts_with("1 client cannot be divided"), "{alone}");
        let error = validate(5, 5).unwrap_err();
        assert!(error.ends_with("expected a concurrency of 10, or 2n, or a multiple of that"));
    }
}
