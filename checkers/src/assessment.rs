//! The assessment of a history: the verdicts of all checkers, and the overall one.

use crate::availability::{self, Availability, Goal};
use crate::evidence::NoEvidence;
use crate::exceptions::{self, Exceptions};
use crate::history::History;
use crate::liveness::{self, Liveness};
use crate::stats::{self, Stats};
use crate::verdict::Doubt;
use crate::{Placement, Validity, Verdict};

/// Criteria that a history is judged by in addition to its workload's.
#[derive(Debug, Clone, Copy, Default)]
pub struct Criteria {
    /// The fraction of operations that must succeed.
    pub availability: Goal,
    /// True if liveness counts for the verdict. Maelstrom does not check liveness, so under
    /// Maelstrom's own faults it does not count.
    pub is_liveness_judged: bool,
}

impl Criteria {
    /// Maelstrom's criteria for a history of unknown origin. Liveness counts if the history has
    /// faults that Maelstrom cannot inject.
    pub fn of(history: &History) -> Criteria {
        let is_liveness_judged = history.has_faults_beyond_maelstrom();
        Criteria { is_liveness_judged, ..Criteria::default() }
    }
}

/// The verdicts of all checkers on one history.
pub struct Assessment {
    pub(crate) exceptions: Exceptions,
    pub(crate) stats: Stats,
    /// The count of operations that succeeded.
    pub availability: Availability,
    pub(crate) liveness: Liveness,
    pub(crate) is_liveness_judged: bool,
    /// The verdict of the workload's checker.
    pub verdict: Verdict,
    /// The evidence that is missing, if the workload's checker had nothing to judge.
    pub(crate) no_evidence: Option<NoEvidence>,
    /// The reason why the test did not run to its end, if it did not.
    pub(crate) failure: Option<String>,
}

/// The value of `:valid?` of each part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validities {
    /// Valid if the test ran to its end.
    pub run: Validity,
    /// Jepsen's `stats`: valid if each function succeeded at least once.
    pub stats: Validity,
    /// Valid if enough operations succeeded.
    pub availability: Validity,
    /// The verdict of the workload's checker.
    pub workload: Validity,
    /// Valid if the last operations succeeded, or if liveness does not count.
    pub liveness: Validity,
}

/// Warnings that Maelstrom does not give, the most informative first.
#[derive(Debug, Default)]
pub struct Warnings {
    /// All warnings.
    pub all: Vec<String>,
    /// The number of leading warnings that explain why the test is not valid.
    pub decisive_count: usize,
}

/// Warnings about mistakes of nodes in the protocol, the most informative first.
#[derive(Debug, Default)]
pub struct ProtocolWarnings {
    /// All warnings.
    pub all: Vec<String>,
    /// The number of leading warnings that explain why clients get no reply.
    pub silencing_count: usize,
}

impl Assessment {
    /// Runs all checkers but the workload's, whose verdict is given.
    pub fn new(
        criteria: Criteria,
        history: &History,
        placement: &Placement<'_>,
        verdict: Verdict,
        failure: Option<String>,
    ) -> Assessment {
        Assessment {
            exceptions: exceptions::check(history),
            stats: stats::check(history),
            availability: availability::check(history, criteria.availability),
            liveness: liveness::check(history, placement),
            is_liveness_judged: criteria.is_liveness_judged,
            no_evidence: verdict.evidence.and_then(|evidence| evidence.no_evidence(history)),
            verdict,
            failure,
        }
    }

    /// Turns parts for which nothing was judged from valid into unknown.
    pub(crate) fn requiring_evidence(mut self) -> Assessment {
        self.stats = self.stats.requiring_evidence();
        self.availability = self.availability.requiring_evidence();
        if self.verdict.valid != Validity::Invalid
            && let Some(lack) = self.no_evidence.take()
        {
            self.verdict = self.verdict.with_doubt(Doubt::NothingJudged(lack));
        }
        self
    }

    /// The assessment of a test that was interrupted: values that no read returned yet may still
    /// have been propagating.
    #[must_use]
    pub fn interrupted(self) -> Assessment {
        let verdict = self.verdict.interrupted();
        Assessment { verdict, ..self }.requiring_evidence()
    }

    /// The verdict on the whole history.
    pub fn valid(&self) -> Validity {
        self.validities().valid()
    }

    /// The verdict of each part.
    pub fn validities(&self) -> Validities {
        Validities {
            run: self.failure.is_none().into(),
            stats: self.stats.valid,
            availability: self.availability.valid,
            workload: self.verdict.valid,
            liveness: self.judged_liveness().map_or(Validity::Valid, |liveness| liveness.valid),
        }
    }

    /// The findings on liveness, if they count for the verdict.
    pub(crate) fn judged_liveness(&self) -> Option<&Liveness> {
        Some(&self.liveness).filter(|_| self.is_liveness_judged)
    }
}

impl Validities {
    /// The verdict on the whole history: the worst of its parts.
    pub fn valid(self) -> Validity {
        let Validities { run, stats, availability, workload, liveness } = self;
        Validity::merge([run, stats, availability, workload, liveness])
    }
}
