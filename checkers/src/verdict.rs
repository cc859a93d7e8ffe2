//! The findings of a workload's checker.

use crate::edn::Value;
use crate::evidence::NoEvidence;
use crate::quantiles::Quantiles;
use crate::{Contradiction, Evidence, Validity};

/// The findings of a workload's checker.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// The verdict: valid if the history is as the workload wants it.
    pub valid: Validity,
    /// The map under `:workload`.
    pub results: Value,
    /// For sets, how long values took to be everywhere, in milliseconds.
    pub stable_latency: Option<Quantiles>,
    /// For sets, the values that vanished.
    pub lost: Vec<Value>,
    /// The lost values that only killed nodes had.
    pub lost_with_killed_nodes: Vec<Value>,
    /// The reason why it is not valid, if the checker found one.
    pub reason: Option<String>,
    /// The reasons why it is unknown, whatever its checker found.
    pub doubts: Vec<Doubt>,
    /// What contradicts what, in lines for a person to read.
    pub explanation: Vec<String>,
    /// What Maelstrom would not have said.
    pub warnings: Vec<String>,
    /// The warning that explains the verdict, if one does.
    pub decisive_warning: Option<String>,
    /// The operations that contradict each other, the most informative first.
    pub contradictions: Vec<Contradiction>,
    /// What it rests on; `None` if nobody has looked.
    pub evidence: Option<Evidence>,
    /// True if nothing is wrong but that something is missing, which later operations could have
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
    /// A verdict with nothing more to say.
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

    /// A verdict on nothing: nobody has looked.
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
