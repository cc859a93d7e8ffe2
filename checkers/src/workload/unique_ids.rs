//! The workload `unique-ids`, judged by the checker `unique_ids`.

use std::iter::repeat_n;

use super::{CheckContext, WorkloadChecker};
use crate::evidence::Evidence;
use crate::history::History;
use crate::{Verdict, unique_ids};

/// `unique-ids`: globally unique ids.
#[derive(Debug, Clone, Copy)]
pub struct UniqueIds;

impl WorkloadChecker for UniqueIds {
    fn name(&self) -> &'static str {
        "unique-ids"
    }

    fn functions(&self) -> &'static [&'static str] {
        &["generate"]
    }

    fn check(&self, history: &History, _context: &CheckContext<'_>) -> Verdict {
        let ids = unique_ids::check(history);
        let results = ids.to_edn();
        let given = repeat_n(true, ids.acknowledged_count);
        let evidence = Evidence::count("successful generate", given);
        let verdict = Verdict::new(evidence, ids.valid, results, ids.reason());
        Verdict { contradictions: ids.contradictions(history), ..verdict }
    }
}
