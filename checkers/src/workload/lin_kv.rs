//! The workload `lin-kv`, judged by the checker `linearizable`.

use super::{CheckContext, WorkloadChecker};
use crate::evidence::{self, Evidence};
use crate::history::{History, Kind, Op};
use crate::{Verdict, linearizable};

/// `lin-kv`: linearizable registers, one for each key.
#[derive(Debug, Clone, Copy)]
pub struct LinKv;

impl WorkloadChecker for LinKv {
    fn name(&self) -> &'static str {
        "lin-kv"
    }

    fn functions(&self) -> &'static [&'static str] {
        &["read", "write", "cas"]
    }

    fn check(&self, history: &History, _context: &CheckContext<'_>) -> Verdict {
        let keys = linearizable::check(history);
        let succeeded = evidence::successful(history, &["read", "write", "cas"]).zip(0..);
        let ends = succeeded.map(|(_, number)| number < keys.judged);
        let evidence = Evidence::count("successful read, write or cas with a key", ends);
        let verdict = Verdict::new(evidence, keys.valid, keys.to_edn(), keys.reason());
        verdict.with_findings(keys.contradictions(), keys.explanation(), keys.warnings())
    }

    /// A read without a key may belong to any workload, so it counts against registers. That
    /// matters only for a history of reads alone: no other workload has `write` or `cas`.
    fn fits(&self, op: &Op) -> Option<bool> {
        let is_pair = op.value.as_sequence().is_some_and(|pair| pair.len() == 2);
        match (&*op.f, op.kind) {
            // The invocation of a read names its key, with no value yet.
            ("read", Kind::Invoke) => Some(is_pair),
            ("read", _) => (!is_pair).then_some(false),
            _ => Some(true),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Placement;
    use crate::testing::history;

    #[test]
    fn nothing_is_judged_where_what_succeeded_names_no_key() {
        let history = history("0 invoke read [0 nil]\n1 invoke write 3\n1 ok write 3");
        let placement = Placement::inferred(&history);
        let verdict = LinKv.check(&history, &CheckContext { placement: &placement, models: &[] });
        let evidence = verdict.evidence.unwrap();
        assert_eq!((evidence.judged, evidence.skipped), (0, 1));
    }
}
