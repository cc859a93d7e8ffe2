//! The smallest test that was found, for people: how it is made, what happens in it, and which
//! operations contradict each other.

use std::collections::BTreeSet;
use std::fmt::{self, Display};

use eddy_text::printable::printable;

use crate::checker::sentence::{counted, time};
use crate::history::Op;
use crate::report::Report;
use crate::test::Test;
use crate::test::rust::Rust;

/// How long a history is shown whole. Of a longer one only what contradicts each other is an
/// explanation.
const SHOWN: usize = 60;

/// How many contradictions are told. One is enough to see the mistake, and the next may be a
/// consequence.
const TOLD: usize = 3;

/// The smallest test that was found.
pub(crate) struct Smallest {
    pub(crate) test: Test,
    pub(super) report: Report,
    pub(super) runs: u32,
    /// What the report of the test that was made smaller has warned of.
    pub(super) warned: Vec<String>,
    /// What ended the search before there was no smaller test, if anything did.
    pub(super) limit: Option<&'static str>,
}

/// How large a test is: `1 node, 2 operations, 1 strike, 2ms, seed 10`.
pub(super) fn size(test: &Test, report: &Report) -> String {
    let [nodes, operations, strikes] = [
        (test.node_ids().len(), "node"),
        (report.operations.invoked, "operation"),
        (test.strikes.len(), "strike"),
    ]
    .map(|(count, what)| counted(count as u64, what));
    format!("{nodes}, {operations}, {strikes}, {:?}, seed {}", test.time_limit, test.seed)
}

impl Display for Smallest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Smallest { test, report, runs, warned, limit } = self;
        let size = size(test, report);
        writeln!(f, "The smallest of {runs} tests in which the same goes wrong has {size}:\n")?;
        if let Some(limit) = limit {
            writeln!(
                f,
                "There may be smaller ones: the search was given up after {runs}, {limit}.\n"
            )?;
        }
        writeln!(f, "{}\n", Rust(test))?;
        if let Some(failure) = &report.failure {
            writeln!(f, "{failure}\n")?;
        }
        let contradictions = &report.contradictions[..report.contradictions.len().min(TOLD)];
        let wrong: BTreeSet<usize> =
            contradictions.iter().flat_map(|each| each.operations.iter().copied()).collect();
        let ops = report.history.ops();
        let is_short = ops.len() <= SHOWN;
        if is_short {
            writeln!(f, "What happens in it{}:\n", if wrong.is_empty() { "" } else { MARKED })?;
        } else if !wrong.is_empty() {
            writeln!(f, "What contradicts each other in it:\n")?;
        }
        for op in ops.iter().filter(|op| is_short || wrong.contains(&op.index)) {
            writeln!(f, "{}", Line { op, is_wrong: is_short && wrong.contains(&op.index) })?;
        }
        if !contradictions.is_empty() {
            writeln!(f)?;
        }
        for contradiction in contradictions {
            writeln!(f, "{}.", printable(&contradiction.what))?;
        }
        let mut warnings = report.warnings.iter().filter(|warning| !warned.contains(warning));
        warnings.try_for_each(|warning| writeln!(f, "\nwarning: {}", printable(warning)))
    }
}

/// What tells how lines are marked.
const MARKED: &str = " (> marks what contradicts each other)";

/// An entry of the history with its time, which sentences refer to.
struct Line<'a> {
    op: &'a Op,
    is_wrong: bool,
}

impl Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = if self.is_wrong { '>' } else { ' ' };
        write!(f, "{mark} {:>9}  {}", time(self.op), printable(&self.op.to_txt()))
    }
}
