//! The findings of all checkers on a test, and the verdict that follows from them.

use crate::availability::{self, Availability, Goal};
use crate::evidence::Lack;
use crate::exceptions::{self, Exceptions};
use crate::history::History;
use crate::liveness::{self, Liveness};
use crate::stats::{self, Stats};
use crate::verdict::Doubt;
use crate::{Placement, Validity, Verdict};

/// The standard that a history is judged by beside its workload.
#[derive(Debug, Clone, Copy, Default)]
pub struct Standard {
    /// The operations that must succeed.
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
    pub(crate) exceptions: Exceptions,
    pub(crate) stats: Stats,
    /// The count of operations that succeeded.
    pub availability: Availability,
    pub(crate) liveness: Liveness,
    pub(crate) is_liveness_judged: bool,
    /// The findings of the workload's checker.
    pub verdict: Verdict,
    /// The evidence that was looked for and what was found, if the workload's checker had
    /// nothing to judge.
    pub(crate) lack: Option<Lack>,
    /// The reason why the test did not come to its end, if so.
    pub(crate) failure: Option<String>,
}

/// The verdict on a history, part by part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parts {
    /// On the end of the test: valid if it came.
    pub end: Validity,
    /// On the success of operations.
    pub stats: Validity,
    /// On the fraction of operations that succeeded.
    pub availability: Validity,
    /// On what the workload's checker looks at.
    pub workload: Validity,
    /// On the last operations; valid where they are not judged.
    pub liveness: Validity,
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
            self.verdict = self.verdict.doubted(Doubt::NothingJudged(lack));
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
        self.parts().valid()
    }

    /// The verdicts, one by one.
    pub fn parts(&self) -> Parts {
        Parts {
            end: self.failure.is_none().into(),
            stats: self.stats.valid,
            availability: self.availability.valid,
            workload: self.verdict.valid,
            liveness: self.judged_liveness().map_or(Validity::Valid, |liveness| liveness.valid),
        }
    }

    /// The findings on liveness, where they count for the verdict.
    pub(crate) fn judged_liveness(&self) -> Option<&Liveness> {
        Some(&self.liveness).filter(|_| self.is_liveness_judged)
    }
}

impl Parts {
    /// The verdict on the whole history: the worst of them.
    pub fn valid(self) -> Validity {
        let Parts { end, stats, availability, workload, liveness } = self;
        Validity::merge([end, stats, availability, workload, liveness])
    }
}
