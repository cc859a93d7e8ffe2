//! Registers that are as good as one copy on one machine.

use super::{CheckContext, WorkloadChecker};
use crate::evidence::{self, Evidence};
use crate::history::{History, Kind, Op};
use crate::{Verdict, linearizable};

/// `lin-kv`: registers that are as good as one copy on one machine.
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

    /// Reads alone, without keys, may be of anything, so they count against registers where others
    /// read as well.
    fn fits(&self, op: &Op) -> Option<bool> {
        let is_pair = op.value.as_sequence().is_some_and(|pair| pair.len() == 2);
        match (&*op.f, op.kind) {
            // Who reads a key names it before it is known what the key has.
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
