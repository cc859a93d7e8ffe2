//! The text of the smallest test found: its Rust source, its history, and the operations that
//! contradict each other.

use std::collections::BTreeSet;
use std::fmt::{self, Display};

use eddy_text::printable::printable;

use crate::checkers::wording::{counted, time};
use crate::history::Op;
use crate::report::Report;
use crate::test::Test;
use crate::test::rust::RustSource;

/// Maximum length of a history that is shown whole. In a longer one the mistake would be hard to
/// find, so only the operations that contradict each other are shown.
const MAX_SHOWN_OPS: usize = 60;

/// Maximum number of contradictions that are shown. One is enough to see the mistake, and more may
/// only be its consequences.
const MAX_CONTRADICTIONS: usize = 3;

/// The smallest test found, and its report.
pub(crate) struct SmallestTest {
    pub(crate) test: Test,
    pub(super) report: Report,
    pub(super) runs: u32,
    /// The warnings about the original test, which are not repeated.
    pub(super) known_warnings: Vec<String>,
    /// The limit that ended the search early, if any.
    pub(super) limit: Option<String>,
}

/// The size of a test: `1 node, 2 operations, 1 strike, 2ms, seed 10`.
pub(super) fn size_text(test: &Test, report: &Report) -> String {
    let [nodes, operations, strikes] = [
        (test.node_ids().len(), "node"),
        (report.operations.invoked, "operation"),
        (test.strikes.len(), "strike"),
    ]
    .map(|(count, what)| counted(count as u64, what));
    format!("{nodes}, {operations}, {strikes}, {:?}, seed {}", test.time_limit, test.seed)
}

impl Display for SmallestTest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let SmallestTest { test, report, runs, known_warnings, limit } = self;
        let size = size_text(test, report);
        let tests = counted(u64::from(*runs), "test");
        writeln!(f, "Of {tests}, the smallest that fails in the same way has {size}:\n")?;
        if let Some(limit) = limit {
            writeln!(f, "There may be smaller ones: the search reached its limit of {limit}.\n")?;
        }
        writeln!(f, "{}\n", RustSource(test))?;
        if let Some(failure) = &report.failure {
            writeln!(f, "{failure}\n")?;
        }
        let contradictions =
            &report.contradictions[..report.contradictions.len().min(MAX_CONTRADICTIONS)];
        let wrong: BTreeSet<usize> =
            contradictions.iter().flat_map(|each| each.operations.iter().copied()).collect();
        let ops = report.history.ops();
        let is_short = ops.len() <= MAX_SHOWN_OPS;
        if is_short {
            writeln!(f, "Its history{}:\n", if wrong.is_empty() { "" } else { LEGEND })?;
        } else if !wrong.is_empty() {
            writeln!(f, "The operations that contradict each other:\n")?;
        }
        for op in ops.iter().filter(|op| is_short || wrong.contains(&op.index)) {
            writeln!(f, "{}", HistoryLine { op, is_wrong: is_short && wrong.contains(&op.index) })?;
        }
        if !contradictions.is_empty() {
            writeln!(f)?;
        }
        for contradiction in contradictions {
            writeln!(f, "{}.", printable(&contradiction.description))?;
        }
        let mut warnings =
            report.warnings.iter().filter(|warning| !known_warnings.contains(warning));
        warnings.try_for_each(|warning| writeln!(f, "\nwarning: {}", printable(warning)))
    }
}

/// The legend of marked lines.
const LEGEND: &str = " (> marks operations that contradict each other)";

/// Displays an operation of the history with its time, to which the sentences refer.
struct HistoryLine<'a> {
    op: &'a Op,
    is_wrong: bool,
}

impl Display for HistoryLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = if self.is_wrong { '>' } else { ' ' };
        write!(f, "{mark} {:>9}  {}", time(self.op), printable(&self.op.to_txt()))
    }
}
