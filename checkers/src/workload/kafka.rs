//! Logs that clients append to, and follow.

use super::Checker;
use super::transactions::micro_ops_fit;
use crate::elle::ConsistencyModel;
use crate::history::{History, Op};
use crate::{Placement, Verdict, kafka};

/// `kafka`: logs that clients append to, and follow.
#[derive(Debug, Clone, Copy)]
pub struct Kafka;

impl Checker for Kafka {
    fn name(&self) -> &'static str {
        "kafka"
    }

    /// Jepsen's Kafka tests have more than Maelstrom asks for, and the same checker.
    fn functions(&self) -> &'static [&'static str] {
        &["send", "poll", "txn", "assign", "subscribe", "crash", "debug-topic-partitions"]
    }

    fn check(
        &self,
        history: &History,
        _placement: &Placement<'_>,
        _models: &[ConsistencyModel],
    ) -> Verdict {
        let logs = kafka::check(history);
        let contradictions = logs.contradictions();
        let verdict = Verdict::new(logs.evidence, logs.valid, logs.to_edn(), logs.reason());
        let is_provisional =
            logs.unseen.is_some() && !logs.anomalies.iter().any(|each| each.error_type.is_bad());
        let verdict = Verdict { contradictions, is_provisional, ..verdict };
        verdict.with(logs.explanation(), logs.warnings())
    }

    fn fits(&self, op: &Op) -> Option<bool> {
        micro_ops_fit(op, |f, _| Some(matches!(f, "send" | "poll")))
    }
}
