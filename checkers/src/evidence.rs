//! Evidence: how many operations a verdict rests on.
//!
//! Upstream's checkers find nothing wrong where there is nothing to look at. Whoever has just seen
//! the test knows that; whoever is given a history has to be told.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::history::{History, Kind, Op};

/// The operations that a checker looks for, counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Evidence {
    /// Which operations they are, in words that follow "no": `echo that ended`.
    pub wanted: &'static str,
    /// How many the verdict rests on.
    pub judged: usize,
    /// How many were passed over because their values have another shape.
    pub passed_over: usize,
}

/// Evidence of nothing, and what a history has in its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lack {
    /// The evidence that was looked for, and not judged.
    pub evidence: Evidence,
    /// The operations that were found.
    pub found: Found,
}

/// The operations of clients by function: how many succeeded, and how many there are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found(pub BTreeMap<Cow<'static, str>, [usize; 2]>);

impl Evidence {
    /// Counts the operations that the checker looks for, each by whether its value can be judged.
    pub fn count(wanted: &'static str, operations: impl IntoIterator<Item = bool>) -> Evidence {
        let (mut judged, mut passed_over) = (0, 0);
        for can_be_judged in operations {
            *(if can_be_judged { &mut judged } else { &mut passed_over }) += 1;
        }
        Evidence { wanted, judged, passed_over }
    }

    /// The lack of it, if nothing was judged.
    pub fn lack(&self, history: &History) -> Option<Lack> {
        (self.judged == 0).then(|| Lack { evidence: *self, found: Found::of(history) })
    }
}

impl Found {
    /// Counts the operations of a history.
    pub fn of(history: &History) -> Found {
        let mut by_f: BTreeMap<Cow<'static, str>, [usize; 2]> = BTreeMap::new();
        for op in history.clients() {
            let [ok, begun] = by_f.entry(op.f.clone()).or_default();
            *ok += usize::from(op.kind == Kind::Ok);
            // A history may begin in the middle of an operation.
            *begun += usize::from(op.kind == Kind::Invoke || history.invocation(op).is_none());
        }
        Found(by_f)
    }
}

/// The ends of operations that succeeded and are called one of these.
pub(crate) fn ok<'a>(history: &'a History, names: &'a [&str]) -> impl Iterator<Item = &'a Op> {
    history.clients().filter(|op| op.kind == Kind::Ok && names.contains(&&*op.f))
}
