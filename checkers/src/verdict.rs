//! The findings of a workload's checker.

use crate::edn::Value;
use crate::quantiles::Quantiles;
use crate::set_full::SetFull;
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
    /// Those of them that were known to no node that was not killed.
    pub lost_with_nodes: Vec<Value>,
    /// Why it is not valid, if so.
    pub reason: Option<String>,
    /// What contradicts what, in lines for a person to read.
    pub explanation: Vec<String>,
    /// What Maelstrom would not have said.
    pub warnings: Vec<String>,
    /// That of them which explains the verdict, if one does.
    pub decisive: Option<String>,
    /// The operations that contradict each other, the most telling first.
    pub contradictions: Vec<Contradiction>,
    /// What it rests on; `None` if nobody has looked.
    pub evidence: Option<Evidence>,
}

impl Verdict {
    /// A verdict with nothing more to say.
    pub(crate) fn new(
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
            lost_with_nodes: Vec::new(),
            reason,
            explanation: Vec::new(),
            warnings: Vec::new(),
            decisive: None,
            contradictions: Vec::new(),
            evidence: Some(evidence),
        }
    }

    /// A verdict on nothing: nobody has looked.
    pub fn unknown() -> Verdict {
        let nothing = Verdict::new(Evidence::default(), Validity::Unknown, Value::Nil, None);
        Verdict { evidence: None, ..nothing }
    }

    /// The same, but unknown for this reason, with the results that it has.
    pub(crate) fn doubted(mut self, reason: String) -> Verdict {
        if let Value::Map(results) = &mut self.results {
            results.insert(Value::keyword("valid?"), Validity::Unknown);
        }
        Verdict { valid: Validity::Unknown, reason: Some(reason), ..self }
    }

    /// The same for a test that was cut off: what nobody has seen yet may have been on its way, so
    /// that alone makes it unknown.
    pub(crate) fn cut_off(self) -> Verdict {
        let is_unseen_alone = self.results.get("bad-error-types").is_some_and(|types| {
            types.as_sequence().is_some_and(|types| *types == [Value::keyword("unseen")])
        });
        if self.valid != Validity::Invalid || self.lost.is_empty() && !is_unseen_alone {
            return self;
        }
        let found = self.reason.clone().unwrap_or_default();
        let reason = format!("{found}; later operations may have shown them");
        let (explanation, contradictions) = (Vec::new(), Vec::new());
        Verdict { explanation, contradictions, decisive: None, ..self.doubted(reason) }
    }

    /// The same with more to say: an explanation, unless the reason has said it.
    pub(crate) fn with(self, explanation: Vec<String>, warnings: Vec<String>) -> Verdict {
        let is_said = explanation.len() == 1 && explanation.first() == self.reason.as_ref();
        let explanation = if is_said { Vec::new() } else { explanation };
        Verdict { explanation, warnings, ..self }
    }

    pub(crate) fn of_set(set: SetFull) -> Verdict {
        let verdict = Verdict::new(set.evidence, set.valid, set.to_edn(), set.reason());
        // That all values were lost with their nodes comes last.
        let is_by_kills = set.lost_with_nodes.as_ref() == Some(&set.lost) && !set.lost.is_empty();
        Verdict {
            decisive: set.warnings.last().filter(|_| is_by_kills).cloned(),
            stable_latency: set.stable_latencies,
            lost: set.lost,
            lost_with_nodes: set.lost_with_nodes.unwrap_or_default(),
            warnings: set.warnings,
            contradictions: set.contradictions,
            ..verdict
        }
    }
}
