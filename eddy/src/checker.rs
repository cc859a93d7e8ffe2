//! Verdicts: pure functions from a history to what is to be said about it.
//!
//! Each follows the checker of Jepsen or Maelstrom that it names, to the digit, so that a solution
//! that passes here passes there. Where upstream is blind we add warnings, never another verdict.

pub mod availability;
mod clojure;
pub(crate) mod contradiction;
pub mod counter;
pub mod echo;
pub mod elle;
pub mod exceptions;
pub mod kafka;
pub mod linearizable;
pub mod liveness;
pub mod quantiles;
pub mod repair;
pub(crate) mod sentence;
pub mod set_full;
pub mod stats;
#[cfg(test)]
mod testing;
pub mod unique_ids;

use serde::{Deserialize, Serialize};

pub use self::contradiction::Contradiction;
use crate::edn::Value;
use crate::history::Process;

/// Which node each client works on: client threads are dealt out to the nodes in turn, and a
/// process that replaces one whose operation has no known end is of the same thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Placement<'a> {
    /// The nodes' names.
    pub nodes: &'a [String],
    /// How many client threads there are.
    pub concurrency: usize,
}

impl<'a> Placement<'a> {
    /// The node that a process works on; `None` for the nemesis, and if there is nobody.
    pub fn node_of(&self, process: Process) -> Option<&'a str> {
        let Process::Client(process) = process else { return None };
        let thread = process.checked_rem(self.concurrency as u64)?;
        let node = thread.checked_rem(self.nodes.len() as u64)?;
        self.nodes.get(usize::try_from(node).ok()?).map(String::as_str)
    }
}

/// Whether a history is as it should be; the worse, the greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Validity {
    /// Nothing is wrong.
    Valid,
    /// There is too little evidence.
    Unknown,
    /// Something is wrong.
    Invalid,
}

impl Validity {
    /// The verdict on a whole, given those on its parts: the worst, and valid if there are none.
    pub fn merge(parts: impl IntoIterator<Item = Validity>) -> Validity {
        parts.into_iter().max().unwrap_or(Validity::Valid)
    }

    /// What stands under `:valid?`: `true`, `:unknown` or `false`.
    pub fn to_edn(self) -> Value {
        match self {
            Validity::Valid => Value::Bool(true),
            Validity::Unknown => Value::keyword("unknown"),
            Validity::Invalid => Value::Bool(false),
        }
    }
}

impl From<bool> for Validity {
    fn from(valid: bool) -> Validity {
        if valid { Validity::Valid } else { Validity::Invalid }
    }
}

impl From<Validity> for Value {
    fn from(validity: Validity) -> Value {
        validity.to_edn()
    }
}

/// A fraction with the 32 bits that Maelstrom gives it; `whole` must not be 0.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "results show no more digits"
)]
pub fn fraction(part: usize, whole: usize) -> f32 {
    (part as f64 / whole as f64) as f32
}

#[cfg(test)]
mod tests {
    use super::Validity::{self, Invalid, Unknown, Valid};

    #[test]
    fn the_worst_part_decides() {
        assert_eq!(Validity::merge([]), Valid);
        assert_eq!(Validity::merge([Valid, Unknown, Valid]), Unknown);
        assert_eq!(Validity::merge([Unknown, Invalid, Valid]), Invalid);
        assert_eq!(Unknown.to_edn().to_string(), ":unknown");
    }
}
