//! Broadcast: half of the operations tell a node a new value, the other half read what a node has.
//!
//! The values are the integers from 0. Judged by Jepsen's `set-full` with `broadcast` for `add`.

use std::time::Duration;

use serde_json::json;

use super::{Operation, Operations, Outcome, Verdict};
use crate::checker::repair::{self, Repair};
use crate::checker::{Placement, set_full};
use crate::edn::Value;
use crate::history::History;
use crate::random::Random;
use crate::schema::{Schema, Shape};
use crate::topology::Topology;

pub(super) struct Broadcast {
    topology: Topology,
    next: i64,
}

impl Broadcast {
    pub(super) fn new(topology: Topology) -> Broadcast {
        Broadcast { topology, next: 0 }
    }
}

impl Operations for Broadcast {
    fn setup(&self, nodes: &[String]) -> Option<Operation> {
        let topology = self.topology.neighbors(nodes);
        Some(Operation {
            f: "topology",
            value: Value::Nil,
            request: json!({"type": "topology", "topology": topology}).into(),
            reply: Schema::new("topology_ok", &[]),
            result: Outcome::Sent,
            idempotent: false,
        })
    }

    fn next(&mut self, random: &mut Random) -> Operation {
        if random.below(2) == 0 {
            return read();
        }
        let message = self.next;
        self.next += 1;
        Operation {
            f: "broadcast",
            value: Value::Int(message),
            request: json!({"type": "broadcast", "message": message}).into(),
            reply: Schema::new("broadcast_ok", &[]),
            result: Outcome::Sent,
            idempotent: false,
        }
    }

    fn last(&self) -> Option<Operation> {
        Some(read())
    }
}

fn read() -> Operation {
    Operation {
        f: "read",
        value: Value::Nil,
        request: json!({"type": "read"}).into(),
        reply: Schema::new("read_ok", &[("messages", Shape::List)]),
        result: Outcome::Field("messages"),
        idempotent: true,
    }
}

pub(super) fn check(history: &History, placement: &Placement<'_>) -> Verdict {
    let set = set_full::check_with_kills(history, "broadcast", "read", placement);
    Verdict {
        valid: set.valid,
        results: set.to_edn(),
        reason: set.reason(),
        stable_latency: set.stable_latencies,
        lost: set.lost,
        lost_with_nodes: set.lost_with_nodes.unwrap_or_default(),
        warnings: set.warnings,
    }
}

/// How soon after the heal every node knew what was acknowledged before, but for what is excused.
pub(super) fn repair(
    history: &History,
    heal: Duration,
    placement: &Placement<'_>,
    excused: &[Value],
) -> Repair {
    repair::check(history, "broadcast", "read", heal, placement, excused)
}
