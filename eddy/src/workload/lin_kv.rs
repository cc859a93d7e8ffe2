//! Registers with read, write and compare-and-set, each of which must be linearizable.
//!
//! As in Jepsen's `linearizable-register`, `2n` clients work on a key at a time, where `n` is the
//! number of nodes, and go on to another key when 20 processes have had to do with it, for an
//! operation in doubt may take effect at any later time, and makes checking harder. The first `n`
//! clients of all do nothing but read; the others write, and twice as often compare and set.

use std::ops::Range;
use std::time::Duration;

use serde_json::json;

use super::{LinKv, Operations, Parameters, Turn, Workload};
use crate::checker::sentence::counted;
use crate::client::{Errors, Operation, Outcome, Reply, Request, Schema, Shape};
use crate::edn::Value;
use crate::history::{Kind, Op};
use crate::random::Random;

/// How many processes may have to do with a key. More would make checking harder, fewer would
/// give less to check.
const PROCESSES: usize = 20;

/// Values are numbers below this: few, so that a compare-and-set often finds what it expects.
const VALUES: u64 = 5;

/// How long a client waits at least.
const LEAST_TIMEOUT: Duration = Duration::from_secs(1);

impl Workload for LinKv {
    fn operations(&self, parameters: &Parameters) -> Box<dyn Operations> {
        Box::new(Registers::new(parameters.nodes, parameters.latency))
    }

    /// Checks that so many clients can be dealt out to groups.
    fn validate(&self, parameters: &Parameters) -> Result<(), String> {
        let Parameters { nodes, clients: threads, .. } = *parameters;
        let (size, clients) = (2 * nodes, counted(threads as u64, "client"));
        if threads > 0 && threads.is_multiple_of(size) {
            return Ok(());
        }
        Err(format!(
            "{clients} cannot be dealt out to the keys of lin-kv, where two per node share \
             one; expected a concurrency of {size}, or 2n, or a multiple of that"
        ))
    }

    fn writes(&self) -> Option<(&'static str, &'static [&'static str])> {
        Some(("write", &["write", "cas"]))
    }
}

struct Registers {
    nodes: usize,
    timeout: Duration,
    groups: Vec<Group>,
    next_key: u64,
}

/// Clients that work on the same key.
struct Group {
    key: u64,
    /// How many processes had to do with it that have been replaced since.
    gone: usize,
}

impl Registers {
    fn new(nodes: usize, latency: Duration) -> Registers {
        let timeout = latency.saturating_mul(10).max(LEAST_TIMEOUT);
        Registers { nodes, timeout, groups: Vec::new(), next_key: 0 }
    }

    fn group_of(&mut self, thread: usize) -> &mut Group {
        let number = thread / (2 * self.nodes);
        while self.groups.len() <= number {
            self.groups.push(Group { key: self.next_key, gone: 0 });
            self.next_key += 1;
        }
        &mut self.groups[number]
    }

    fn key_for(&mut self, thread: usize) -> u64 {
        let (size, next_key) = (2 * self.nodes, self.next_key);
        let group = self.group_of(thread);
        if group.gone > 0 && size + group.gone > PROCESSES {
            *group = Group { key: next_key, gone: 0 };
            self.next_key += 1;
        }
        self.group_of(thread).key
    }
}

impl Operations for Registers {
    fn crews(&self, threads: usize) -> Vec<Vec<Range<usize>>> {
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

    fn next(&mut self, turn: Turn, random: &mut Random) -> Operation {
        let key = self.key_for(turn.thread);
        if turn.thread < self.nodes {
            return read(key);
        }
        match random.below(3) {
            0 => write(key, random.below(VALUES)),
            _ => cas(key, random.below(VALUES), random.below(VALUES)),
        }
    }

    fn completed(&mut self, thread: usize, op: &Op) {
        if op.kind == Kind::Info {
            self.group_of(thread).gone += 1;
        }
    }
}

fn read(key: u64) -> Operation {
    let reply = Schema::new("read_ok", &[("value", Shape::Any)]);
    let request =
        Request::new(json!({"type": "read", "key": key}), reply, Outcome::Made(with_value));
    let value = vec![key.into(), Value::Nil].into();
    Operation { errors: Errors::Harmless, ..Operation::ask("read", value, request) }
}

/// The key that was read, and the value that it has.
fn with_value(sent: &Value, reply: &Reply<'_>) -> Result<Value, String> {
    let key = sent.as_sequence().and_then(|pair| pair.first()).cloned();
    let value = Outcome::Field("value").of(sent, reply)?;
    Ok(vec![key.unwrap_or(Value::Nil), value].into())
}

fn write(key: u64, value: u64) -> Operation {
    let body = json!({"type": "write", "key": key, "value": value});
    let request = Request::new(body, Schema::new("write_ok", &[]), Outcome::Sent);
    Operation::ask("write", vec![key.into(), value.into()].into(), request)
}

fn cas(key: u64, from: u64, to: u64) -> Operation {
    let body = json!({"type": "cas", "key": key, "from": from, "to": to});
    let request = Request::new(body, Schema::new("cas_ok", &[]), Outcome::Sent);
    let change = Value::from(vec![from.into(), to.into()]);
    Operation::ask("cas", vec![key.into(), change].into(), request)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turn(thread: usize) -> Turn {
        Turn { now: Duration::ZERO, thread, process: thread as u64 }
    }

    fn key(operation: &Operation) -> i64 {
        operation.value.as_sequence().unwrap()[0].as_int().unwrap()
    }

    #[test]
    fn two_clients_per_node_share_a_key_and_only_the_first_group_reads() {
        let mut workload = Registers::new(3, Duration::ZERO);
        assert_eq!(format!("{:?}", workload.crews(12)), "[[0..3, 3..6], [6..12]]");
        let mut random = Random::seeded(0);
        for thread in (0..12).chain(0..12) {
            let operation = workload.next(turn(thread), &mut random);
            assert_eq!(key(&operation), i64::from(thread >= 6));
            assert_eq!(operation.f == "read", thread < 3);
        }
    }

    #[test]
    fn a_group_goes_on_to_another_key_when_twenty_processes_have_had_to_do_with_it() {
        let mut workload = Registers::new(3, Duration::ZERO);
        let mut random = Random::seeded(0);
        let mut keys = Vec::new();
        for _ in 0..60 {
            keys.push(key(&workload.next(turn(4), &mut random)));
            let crash = Op::invoke(0, 0, crate::history::Process::Client(4), "cas", Value::Nil);
            workload.completed(4, &Op { kind: Kind::Info, ..crash });
        }
        // Six at a time, and 14 more.
        let expected: Vec<i64> = (0..60).map(|crashes| crashes / 15).collect();
        assert_eq!(keys, expected);
    }

    #[test]
    fn there_must_be_as_many_clients_as_groups_need() {
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
        assert!(alone.starts_with("1 client cannot be dealt out"), "{alone}");
        let error = validate(5, 5).unwrap_err();
        assert!(error.ends_with("expected a concurrency of 10, or 2n, or a multiple of that"));
    }
}
