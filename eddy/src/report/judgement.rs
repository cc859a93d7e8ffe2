//! What all checkers say of a test, and what it comes to together.

use crate::checker::availability::{self, Availability};
use crate::checker::exceptions::{self, Exceptions};
use crate::checker::liveness::{self, Liveness};
use crate::checker::stats::{self, Stats};
use crate::checker::{Contradiction, Placement, Validity, contradiction};
use crate::edn::Map;
use crate::history::History;
use crate::network::Traffic;
use crate::report::Parts;
use crate::test::Test;
use crate::workload::Verdict;

/// The findings on one history.
pub(super) struct Judgement {
    exceptions: Exceptions,
    stats: Stats,
    pub(super) availability: Availability,
    liveness: Liveness,
    /// Maelstrom does not look at liveness, so under Maelstrom's faults it is no verdict.
    is_liveness_judged: bool,
    pub(super) verdict: Verdict,
    failure: Option<String>,
}

impl Judgement {
    /// Everything but the workload, whose verdict is given.
    pub(super) fn new(
        test: &Test,
        history: &History,
        placement: &Placement<'_>,
        verdict: Verdict,
        failure: Option<String>,
    ) -> Judgement {
        Judgement {
            exceptions: exceptions::check(history),
            stats: stats::check(history),
            availability: availability::check(history, test.availability),
            liveness: liveness::check(history, placement),
            is_liveness_judged: test.is_beyond_maelstrom(),
            verdict,
            failure,
        }
    }

    /// The verdicts, one by one.
    pub(super) fn parts(&self) -> Parts {
        let ended = Validity::from(self.failure.is_none());
        let alive = if self.is_liveness_judged { self.liveness.valid } else { Validity::Valid };
        [ended, self.stats.valid, self.availability.valid, self.verdict.valid, alive]
    }

    /// The map of `results.edn`, as far as checkers know it.
    pub(super) fn results(&self, traffic: Traffic) -> Map {
        Map::new()
            .with("exceptions", self.exceptions.to_edn())
            .with("stats", self.stats.to_edn())
            .with("availability", self.availability.to_edn())
            .with("net", traffic.to_edn())
            .with("workload", self.verdict.results.clone())
    }

    /// The same with what only some tests have, which comes last.
    pub(super) fn complete(&self, mut results: Map) -> Map {
        if self.is_liveness_judged {
            results = results.with("liveness", self.liveness.to_edn());
        }
        if let Some(failure) = &self.failure {
            results = results.with("error", failure.as_str());
        }
        results
    }

    /// The operations that contradict each other; where the workload has none, those for which it
    /// is not valid all the same.
    pub(super) fn contradictions(
        &mut self,
        history: &History,
        placement: &Placement<'_>,
    ) -> Vec<Contradiction> {
        let of_workload = std::mem::take(&mut self.verdict.contradictions);
        if !of_workload.is_empty() {
            return of_workload;
        }
        let judged = Some(&self.liveness).filter(|_| self.is_liveness_judged);
        let dead = judged.map(|liveness| liveness.contradictions(history, placement));
        contradiction::by_turns(vec![
            self.stats.contradictions(history),
            dead.unwrap_or_default(),
            self.availability.contradiction(history).into_iter().collect(),
        ])
    }

    /// Why it is not valid, in sentences.
    pub(super) fn reasons(&self, placement: &Placement<'_>) -> Vec<String> {
        let dead =
            if self.is_liveness_judged { self.liveness.reasons(placement) } else { Vec::new() };
        let reasons = self.failure.iter().cloned().chain(self.stats.reasons());
        let reasons = reasons.chain(self.availability.reason());
        reasons.chain(self.verdict.reason.clone()).chain(dead).collect()
    }

    /// What Maelstrom would not have said, in sentences; `others` are not the checkers'.
    pub(super) fn warnings(
        &self,
        placement: &Placement<'_>,
        others: impl IntoIterator<Item = String>,
    ) -> Vec<String> {
        let dead =
            if self.is_liveness_judged { Vec::new() } else { self.liveness.reasons(placement) };
        let warnings = self.exceptions.warning().into_iter().chain(self.verdict.warnings.clone());
        warnings.chain(others).chain(dead).collect()
    }
}
