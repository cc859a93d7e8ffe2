//! What all checkers say of a test, and what it comes to together.

use crate::availability::{self, Availability, Goal};
use crate::edn::{Map, Value};
use crate::exceptions::{self, Exceptions};
use crate::history::History;
use crate::liveness::{self, Liveness};
use crate::stats::{self, Stats};
use crate::{Contradiction, Placement, Validity, Verdict, contradiction};

/// The verdicts on the end of the test (valid if it came), operations, availability, the workload
/// and liveness, in this order.
pub type Parts = [Validity; 5];

/// What a history is judged by beside its workload.
#[derive(Debug, Clone, Copy, Default)]
pub struct Standard {
    /// How many operations must succeed.
    pub availability: Goal,
    /// Maelstrom does not look at liveness, so under Maelstrom's faults it is no verdict.
    pub is_liveness_judged: bool,
}

impl Standard {
    /// Maelstrom's standard for a history of unknown origin, and liveness where it has faults that
    /// Maelstrom does not know.
    pub fn of(history: &History) -> Standard {
        let is_liveness_judged = history.has_faults_beyond_maelstrom();
        Standard { is_liveness_judged, ..Standard::default() }
    }
}

/// The findings on one history.
pub struct Judgement {
    exceptions: Exceptions,
    stats: Stats,
    /// The count of operations that succeeded.
    pub availability: Availability,
    liveness: Liveness,
    is_liveness_judged: bool,
    /// The findings of the workload's checker.
    pub verdict: Verdict,
    /// What was looked for and what was found, if the workload's checker found nothing to judge.
    lack: Option<String>,
    failure: Option<String>,
}

/// Sentences about what Maelstrom would not have said, the most telling first.
#[derive(Debug, Default)]
pub struct Warnings {
    /// All of them.
    pub all: Vec<String>,
    /// How many of them, the first ones, explain why the test is not valid.
    pub decisive: usize,
}

/// What nodes did that no node should, in sentences, the most telling first.
#[derive(Debug, Default)]
pub struct Mistakes {
    /// All of them.
    pub all: Vec<String>,
    /// How many of them, the first ones, tell why clients hear no answer.
    pub silencing: usize,
}

impl Judgement {
    /// Everything but the workload, whose verdict is given.
    pub fn new(
        standard: Standard,
        history: &History,
        placement: &Placement<'_>,
        verdict: Verdict,
        failure: Option<String>,
    ) -> Judgement {
        Judgement {
            exceptions: exceptions::check(history),
            stats: stats::check(history),
            availability: availability::check(history, standard.availability),
            liveness: liveness::check(history, placement),
            is_liveness_judged: standard.is_liveness_judged,
            lack: verdict.evidence.and_then(|evidence| evidence.lack(history)),
            verdict,
            failure,
        }
    }

    /// The same where nothing is valid that was not judged: that is unknown.
    pub(crate) fn on_evidence(mut self) -> Judgement {
        self.stats = self.stats.on_evidence();
        self.availability = self.availability.on_evidence();
        if self.verdict.valid != Validity::Invalid
            && let Some(lack) = self.lack.take()
        {
            let reason = self.verdict.reason.take().map(|reason| format!("{reason}; "));
            self.verdict = self.verdict.doubted(reason.unwrap_or_default() + &lack);
        }
        self
    }

    /// The same for a test that did not come to its end: what nobody has seen yet may have been on
    /// its way.
    #[must_use]
    pub fn cut_off(self) -> Judgement {
        let verdict = self.verdict.cut_off();
        Judgement { verdict, ..self }.on_evidence()
    }

    /// The verdict on the whole history.
    pub fn valid(&self) -> Validity {
        Validity::merge(self.parts())
    }

    /// The verdicts, one by one.
    pub fn parts(&self) -> Parts {
        let ended = Validity::from(self.failure.is_none());
        let alive = if self.is_liveness_judged { self.liveness.valid } else { Validity::Valid };
        [ended, self.stats.valid, self.availability.valid, self.verdict.valid, alive]
    }

    /// The map of `results.edn`, as far as checkers know it, with the messages if anybody knows.
    pub fn results(&self, net: Option<Value>) -> Map {
        let mut results = Map::new()
            .with("exceptions", self.exceptions.to_edn())
            .with("stats", self.stats.to_edn())
            .with("availability", self.availability.to_edn());
        if let Some(net) = net {
            results = results.with("net", net);
        }
        results.with("workload", self.verdict.results.clone())
    }

    /// The same with what only some tests have, which comes last.
    pub fn complete(&self, mut results: Map) -> Map {
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
    pub fn contradictions(
        &self,
        history: &History,
        placement: &Placement<'_>,
    ) -> Vec<Contradiction> {
        if !self.verdict.contradictions.is_empty() {
            return self.verdict.contradictions.clone();
        }
        let judged = Some(&self.liveness).filter(|_| self.is_liveness_judged);
        let dead = judged.map(|liveness| liveness.contradictions(history, placement));
        contradiction::by_turns(vec![
            self.stats.contradictions(history, placement),
            dead.unwrap_or_default(),
            self.availability.contradiction(history).into_iter().collect(),
        ])
    }

    /// Why it is not valid, in sentences.
    pub fn reasons(&self, placement: &Placement<'_>) -> Vec<String> {
        let dead =
            if self.is_liveness_judged { self.liveness.reasons(placement) } else { Vec::new() };
        let reasons = self.failure.iter().cloned().chain(self.stats.reasons(placement));
        let reasons = reasons.chain(self.availability.reason());
        reasons.chain(self.verdict.reason.clone()).chain(dead).collect()
    }

    /// What Maelstrom would not have said, in sentences, the most telling first: what nodes did
    /// that no node should, as the test saw it; then what the history shows; and `others` that are
    /// not the checkers', with what Maelstrom does not look at.
    pub fn warnings(
        &self,
        placement: &Placement<'_>,
        mistakes: Mistakes,
        others: impl IntoIterator<Item = String>,
    ) -> Warnings {
        let decisive = self.decisive(&mistakes);
        let dead =
            if self.is_liveness_judged { Vec::new() } else { self.liveness.reasons(placement) };
        // Where there is nothing to look at, Maelstrom finds nothing wrong, or an empty graph.
        let lack = self.lack.iter().filter(|_| self.verdict.valid != Validity::Unknown);
        let warnings = mistakes.all.into_iter().chain(self.exceptions.warning());
        let warnings = warnings.chain(self.stats.silent(placement));
        let warnings = warnings.chain(self.verdict.warnings.clone()).chain(lack.cloned());
        let mut all: Vec<String> = warnings.chain(dead).chain(others).collect();
        let place = decisive.and_then(|decisive| all.iter().position(|each| *each == decisive));
        if let Some(place) = place {
            all[..=place].rotate_right(1);
        }
        Warnings { all, decisive: usize::from(place.is_some()) }
    }

    /// The warning that explains why the test is not valid, if one does: why operations were not
    /// answered, or how values were lost.
    fn decisive(&self, mistakes: &Mistakes) -> Option<String> {
        let [_, stats, availability, workload, alive] = self.parts();
        let is_silent = [stats, availability, alive].iter().any(|part| *part != Validity::Valid);
        if !is_silent && workload != Validity::Unknown {
            return self.verdict.decisive.clone().filter(|_| workload == Validity::Invalid);
        }
        let silencing = mistakes.all.first().filter(|_| mistakes.silencing > 0).cloned();
        silencing.or_else(|| self.exceptions.warning())
    }
}
