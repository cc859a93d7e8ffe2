//! The verdict of a workload's checker.

use crate::edn::Value;
use crate::evidence::NoEvidence;
use crate::quantiles::Quantiles;
use crate::{Contradiction, Evidence, Validity};

/// The verdict of a workload's checker, with its reasons and results.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// Valid if the history is as the workload requires.
    pub valid: Validity,
    /// The map under `:workload` in `results.edn`.
    pub results: Value,
    /// For sets, the time until values were in every read, in milliseconds.
    pub stable_latency: Option<Quantiles>,
    /// For sets, the values that were lost.
    pub lost: Vec<Value>,
    /// The lost values that only killed nodes had.
    pub lost_with_killed_nodes: Vec<Value>,
    /// The reason why it is not valid, if the checker found one.
    pub reason: Option<String>,
    /// Reasons why the verdict is unknown, whatever the checker found.
    pub doubts: Vec<Doubt>,
    /// An explanation of the contradictions, in lines of text.
    pub explanation: Vec<String>,
    /// Warnings that Maelstrom does not give.
    pub warnings: Vec<String>,
    /// The warning that explains the verdict, if one does.
    pub decisive_warning: Option<String>,
    /// The operations that contradict each other, the most informative first.
    pub contradictions: Vec<Contradiction>,
    /// The evidence that it rests on; `None` if no checker ran.
    pub evidence: Option<Evidence>,
    /// True if the only error is that something is missing, which later operations could have
    /// shown.
    pub is_provisional: bool,
}

/// A reason not to trust a verdict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Doubt {
    /// Nothing was judged.
    NothingJudged(NoEvidence),
    /// The test was interrupted, and missing values may still have been propagating.
    Interrupted,
}

impl Verdict {
    /// A verdict without explanation, warnings and contradictions.
    pub fn new(
        evidence: Evidence,
        valid: Validity,
        results: Value,
        reason: Option<String>,
    ) -> Verdict {
        Verdict {
            valid,
            results,
            stable_latency: None,
            lost: Vec::new(),
            lost_with_killed_nodes: Vec::new(),
            reason,
            doubts: Vec::new(),
            explanation: Vec::new(),
            warnings: Vec::new(),
            decisive_warning: None,
            contradictions: Vec::new(),
            evidence: Some(evidence),
            is_provisional: false,
        }
    }

    /// The verdict if no checker ran.
    pub fn unknown() -> Verdict {
        let nothing = Verdict::new(Evidence::default(), Validity::Unknown, Value::Nil, None);
        Verdict { evidence: None, ..nothing }
    }

    /// Makes the verdict unknown for this reason, and keeps the results.
    pub(crate) fn with_doubt(mut self, doubt: Doubt) -> Verdict {
        if let Value::Map(results) = &mut self.results {
            results.insert(Value::keyword("valid?"), Validity::Unknown);
        }
        self.doubts.push(doubt);
        Verdict { valid: Validity::Unknown, ..self }
    }

    /// The verdict on a test that was interrupted. It becomes unknown if the only error is that
    /// values are missing, since these may still have been propagating.
    pub(crate) fn interrupted(self) -> Verdict {
        if self.valid != Validity::Invalid || !self.is_provisional {
            return self;
        }
        let (explanation, contradictions) = (Vec::new(), Vec::new());
        Verdict {
            explanation,
            contradictions,
            decisive_warning: None,
            ..self.with_doubt(Doubt::Interrupted)
        }
    }

    /// Adds contradictions, warnings, and an explanation, unless that only repeats the reason.
    pub(crate) fn with_findings(
        self,
        contradictions: Vec<Contradiction>,
        explanation: Vec<String>,
        warnings: Vec<String>,
    ) -> Verdict {
        let is_said = explanation.len() == 1 && explanation.first() == self.reason.as_ref();
        let explanation = if is_said { Vec::new() } else { explanation };
        Verdict { explanation, warnings, contradictions, ..self }
    }
}
