//! Whether counters count: Maelstrom's checker of `g-counter` and `pn-counter`.
//!
//! Every final read must equal the sum of the deltas that were acknowledged, plus any of those of
//! which nobody knows whether they were added. Upstream says no more than that. Where a read is
//! wrong we tell which adds would explain it, if few do.

mod acceptable;
mod earlier;
mod evidence;
mod fewest;
#[cfg(test)]
mod tests;

use self::acceptable::{MOST_RANGES, contains, delta, integer};
use self::evidence::{Facts, Wrong};
use super::sentence::{and, counted, first_few, folded, time};
use super::{Contradiction, Placement, Validity, contradiction};
use crate::edn::{Map, Value};
use crate::history::{History, Kind, Op};

/// What is to be said about the final reads of a counter.
#[derive(Debug, Clone, PartialEq)]
pub struct Counter {
    /// Valid if every final read is acceptable; unknown if one is no integer, or what was added is
    /// none, where Maelstrom's checker gives up, or if there are too many sums.
    pub valid: Validity,
    /// The final reads that are not acceptable.
    pub errors: Vec<Op>,
    /// The values of the final reads, in the order in which they ended.
    pub final_reads: Vec<Value>,
    /// What they may be: the least and the greatest of each range, in ascending order.
    pub acceptable: Vec<[i128; 2]>,
    /// The sum of what was acknowledged.
    pub sum: i128,
    /// The additions that may have happened besides.
    pub in_doubt: Vec<Op>,
    /// What Maelstrom would not have said.
    pub warnings: Vec<String>,
    /// The wrong values, each with what is known about it.
    wrong: Vec<Wrong>,
    /// Which final reads are as they should be, if any are while others are not.
    right: Option<String>,
}

/// Compares the final reads with what was added.
pub fn check(history: &History) -> Counter {
    check_on_nodes(history, &Placement { nodes: &[], concurrency: 0 })
}

/// [`check`], and on which nodes clients read what is wrong.
pub fn check_on_nodes(history: &History, placement: &Placement<'_>) -> Counter {
    let adds = |kind| history.clients().filter(move |op| op.kind == kind && op.f == "add");
    let sum = adds(Kind::Ok).filter_map(|op| delta(&op.value)).sum();
    let in_doubt: Vec<Op> = adds(Kind::Info).cloned().collect();
    let deltas = in_doubt.iter().filter_map(|op| delta(&op.value));
    let (acceptable, are_all) = acceptable::ranges(sum, deltas, MOST_RANGES);
    let is_final = |op: &&Op| op.kind == Kind::Ok && is_marked(op);
    let reads: Vec<&Op> = history.ops().iter().filter(is_final).collect();
    let is_whole = |op: &&&Op| is_integer(&op.value);
    let (whole, odd): (Vec<&Op>, Vec<&Op>) = reads.iter().partition(is_whole);
    let is_acceptable = |op: &&Op| integer(&op.value).is_some_and(|sum| contains(&acceptable, sum));
    let (right, errors): (Vec<&Op>, Vec<&Op>) = whole.into_iter().partition(is_acceptable);
    let odd_adds: Vec<&Op> =
        adds(Kind::Ok).chain(adds(Kind::Info)).filter(|op| delta(&op.value).is_none()).collect();
    let no_integer = |did: &str, op: &Op| {
        let Op { process, index, value, .. } = op;
        let size = if integer(value).is_some() { " of up to 95 bits" } else { "" };
        let value = value.json();
        format!("process {process} {did} {value} at index {index}, which is no integer{size}")
    };
    let mut warnings =
        Vec::from_iter(folded(odd.iter().map(|op| no_integer("read", op)), "final reads"));
    warnings.extend(folded(odd_adds.iter().map(|op| no_integer("added", op)), "additions"));
    let is_known = are_all && odd_adds.is_empty();
    let (mut wrong, mut as_it_should) = (Vec::new(), None);
    if is_known && !errors.is_empty() {
        let has_doubts = !in_doubt.is_empty();
        let facts = Facts { history, placement, acceptable: &acceptable, has_doubts };
        wrong = facts.of(&valued(&errors));
        as_it_should = facts.right(&valued(&right));
    }
    Counter {
        valid: if odd.is_empty() && is_known {
            Validity::from(errors.is_empty())
        } else {
            Validity::Unknown
        },
        errors: if is_known { errors.into_iter().cloned().collect() } else { Vec::new() },
        final_reads: reads.iter().map(|op| op.value.clone()).collect(),
        warnings,
        acceptable,
        sum,
        in_doubt,
        wrong,
        right: as_it_should,
    }
}

fn valued<'a>(reads: &[&'a Op]) -> Vec<(i128, &'a Op)> {
    reads.iter().filter_map(|read| Some((integer(&read.value)?, *read))).collect()
}

/// Tells an integer, which is all that a counter can be read as.
pub(crate) fn is_integer(value: &Value) -> bool {
    matches!(value, Value::Int(_) | Value::BigInt(_) | Value::BigInteger(_))
}

fn is_marked(op: &Op) -> bool {
    op.extra("final?").is_some_and(|mark| *mark != Value::Nil && *mark != Value::Bool(false))
}

impl Counter {
    /// Why it is not valid, in a sentence.
    pub fn reason(&self) -> Option<String> {
        match self.valid {
            Validity::Valid => None,
            Validity::Unknown if self.warnings.is_empty() => {
                Some(format!("what may have been added gives more than {MOST_RANGES} sums"))
            }
            Validity::Unknown => Some("what was read or added is no integer".to_owned()),
            Validity::Invalid => {
                let (read, expected) = (self.read(), self.expected());
                let cause = match &self.wrong[..] {
                    [Wrong { value, cause: Some(cause), adds, .. }] if !adds.is_empty() => {
                        format!(": {value} comes out {cause}")
                    }
                    _ => String::new(),
                };
                Some(format!("{read} at the end, which should be {expected}{cause}"))
            }
        }
    }

    /// Readers of wrong values: `n1 and n2 read 37; n3 read 40`.
    fn read(&self) -> String {
        if self.wrong.iter().any(|wrong| !wrong.are_nodes) || self.wrong.is_empty() {
            let mut values: Vec<String> =
                self.errors.iter().map(|op| op.value.json().to_string()).collect();
            values.dedup();
            return format!("clients read {}", and(&values));
        }
        let each = self.wrong.iter().map(|wrong| {
            let Wrong { readers, value, .. } = wrong;
            format!("{} read {value}", and(readers))
        });
        each.collect::<Vec<_>>().join("; ")
    }

    /// What a final read may be.
    fn expected(&self) -> String {
        let ranges = self.acceptable.iter().map(|[from, to]| match to - from {
            0 => from.to_string(),
            1 => format!("{from} or {to}"),
            _ => format!("{from} to {to}"),
        });
        first_few(ranges, "ranges").join(" or ")
    }

    /// What contradicts what, in lines for a person to read; none if it is valid.
    pub fn explanation(&self) -> Vec<String> {
        if self.errors.is_empty() {
            return Vec::new();
        }
        let mut lines = vec![format!("The deltas that were acknowledged add up to {}.", self.sum)];
        lines.extend(first_few(
            self.in_doubt.iter().map(|Op { value, process, index, .. }| {
                format!(
                    "{} may have been added besides: process {process} does not know \
                     (index {index}).",
                    value.json()
                )
            }),
            "additions in doubt",
        ));
        lines.extend(first_few(
            self.errors.iter().map(|Op { value, process, index, .. }| {
                let value = value.json();
                format!("But process {process} read {value} at the end (index {index}).")
            }),
            "final reads",
        ));
        lines.push(format!("No choice of those in doubt gives that: only {}.", self.expected()));
        lines.extend(self.wrong.iter().flat_map(|wrong| wrong.lines.clone()));
        lines.extend(self.right.clone());
        lines
    }

    /// The final reads that are not acceptable, and what they may be.
    pub fn contradictions(&self, history: &History) -> Vec<Contradiction> {
        let in_doubt = match self.in_doubt.len() as u64 {
            0 => String::new(),
            count => format!(", {} may have been added besides", counted(count, "delta")),
        };
        let (sum, expected) = (self.sum, self.expected());
        let of = |read: &Op| {
            let (process, value, when) = (read.process, read.value.json(), time(read));
            let wrong = integer(&read.value)
                .and_then(|value| self.wrong.iter().find(|wrong| wrong.value == value));
            let cause = wrong.and_then(|wrong| wrong.cause.as_ref());
            let cause = cause.map_or(String::new(), |cause| format!("; it comes out {cause}"));
            let what = format!(
                "process {process} read {value} at {when}, but the deltas that were acknowledged \
                 add up to {sum}{in_doubt}, so at the end a read may be {expected}{cause}"
            );
            let adds = wrong.map_or(&[][..], |wrong| &wrong.adds);
            Contradiction::between(history, what, adds.iter().chain([read])).about(&read.value)
        };
        self.errors.iter().take(contradiction::MOST).map(of).collect()
    }

    /// The map under `:workload`.
    pub fn to_edn(&self) -> Value {
        let errors: Vec<Value> = self.errors.iter().map(Op::to_edn).collect();
        let integer = |number: i128| match i64::try_from(number) {
            Ok(number) => Value::Int(number),
            Err(_) => Value::BigInt(number.to_string().into()),
        };
        let ranges = self.acceptable.iter().map(|range| Value::Vector(range.map(integer).into()));
        Map::new()
            .with("valid?", self.valid)
            .with("errors", Some(errors).filter(|errors| !errors.is_empty()).map(Value::List))
            .with("final-reads", Value::List(self.final_reads.clone()))
            .with("acceptable", Value::List(ranges.collect()))
            .into()
    }
}
