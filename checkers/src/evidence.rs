//! Evidence: the number of operations that a verdict rests on.
//!
//! Upstream's checkers find nothing wrong where there is nothing to check. That is obvious right
//! after a test, but not for a history from elsewhere.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::history::{History, Kind, Op};

/// The number of operations that a checker looks for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Evidence {
    /// A phrase for these operations that can follow "no": `echo that ended`.
    pub wanted: &'static str,
    /// The number of operations that the verdict rests on.
    pub judged: usize,
    /// The number of operations that were skipped, because their values have another shape.
    pub skipped: usize,
}

/// The finding that a checker had nothing to judge, with the operations that the history has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoEvidence {
    /// The evidence that the checker looked for; its `judged` is 0.
    pub evidence: Evidence,
    /// The operations that the history has.
    pub found: OperationCounts,
}

/// The operations of clients by function: `[succeeded, invoked]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperationCounts(pub BTreeMap<Cow<'static, str>, [usize; 2]>);

impl Evidence {
    /// Counts the operations that the checker looks for. Each item is true if the operation's value
    /// can be judged.
    pub fn count(wanted: &'static str, operations: impl IntoIterator<Item = bool>) -> Evidence {
        let (mut judged, mut skipped) = (0, 0);
        for can_be_judged in operations {
            *(if can_be_judged { &mut judged } else { &mut skipped }) += 1;
        }
        Evidence { wanted, judged, skipped }
    }

    /// The finding that nothing was judged, if `judged` is 0.
    pub fn no_evidence(&self, history: &History) -> Option<NoEvidence> {
        (self.judged == 0)
            .then(|| NoEvidence { evidence: *self, found: OperationCounts::of(history) })
    }
}

impl OperationCounts {
    /// Counts the operations of a history.
    pub fn of(history: &History) -> OperationCounts {
        let mut by_f: BTreeMap<Cow<'static, str>, [usize; 2]> = BTreeMap::new();
        for op in history.client_ops() {
            let [ok, begun] = by_f.entry(op.f.clone()).or_default();
            *ok += usize::from(op.kind == Kind::Ok);
            // A history may begin in the middle of an operation.
            *begun += usize::from(op.kind == Kind::Invoke || history.invocation(op).is_none());
        }
        OperationCounts(by_f)
    }
}

/// The `ok` completions of operations whose function is one of `names`.
pub(crate) fn successful<'a>(
    history: &'a History,
    names: &'a [&str],
) -> impl Iterator<Item = &'a Op> {
    history.client_ops().filter(|op| op.kind == Kind::Ok && names.contains(&&*op.f))
}
