//! The workload `kafka`, judged by the checker `kafka`.

use super::transactions::micro_ops_fit;
use super::{CheckContext, WorkloadChecker};
use crate::history::{History, Op};
use crate::{Verdict, kafka};

/// `kafka`: logs that clients append to and poll.
#[derive(Debug, Clone, Copy)]
pub struct Kafka;

impl WorkloadChecker for Kafka {
    fn name(&self) -> &'static str {
        "kafka"
    }

    /// Includes functions of Jepsen's Kafka tests that Maelstrom does not use: the checker is the
    /// same.
    fn functions(&self) -> &'static [&'static str] {
        &["send", "poll", "txn", "assign", "subscribe", "crash", "debug-topic-partitions"]
    }

    fn check(&self, history: &History, _context: &CheckContext<'_>) -> Verdict {
        let logs = kafka::check(history);
        let verdict = Verdict::new(logs.evidence, logs.valid, logs.to_edn(), logs.reason());
        let is_provisional =
            logs.unseen.is_some() && !logs.errors.iter().any(|each| each.error_type.is_bad());
        let verdict =
            verdict.with_findings(logs.contradictions(), logs.explanation(), logs.warnings());
        Verdict { is_provisional, ..verdict }
    }

    fn fits(&self, op: &Op) -> Option<bool> {
        micro_ops_fit(op, |f, _| Some(matches!(f, "send" | "poll")))
    }
}
