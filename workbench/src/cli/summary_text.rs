//! Summary of a test in about a dozen lines for a terminal.

use std::fmt::{self, Display, Formatter};

use eddy_pages::summary::Summary;
use eddy_text::printable::{MAX_SCREEN_CHARS, excerpt, printable};

use super::colors::{BAD, HEAD, Styled, WARNING};
use super::limits::{self, FigureLine, NAME_WIDTH};
use super::verdict_output::verdict_line;

/// Maximum number of lines of reasons and explanation. More would push the verdict off a small
/// screen; fewer would cut most explanations short.
pub(super) const MAX_REASON_LINES: usize = 8;

/// Lines of errors from STDERR: enough for one error of usual length.
const MAX_ERROR_LINES: usize = 12;

/// Number of warnings shown. More would push the verdict off a small screen.
const MAX_WARNINGS: usize = 3;

/// Characters of a line, which a terminal may break into several.
const MAX_LINE_CHARS: usize = 240;

/// Characters of the first warning, which is the most telling and quotes a node's message: the
/// whole message and a sentence about it.
const MAX_FIRST_WARNING_CHARS: usize = MAX_SCREEN_CHARS + MAX_LINE_CHARS;

/// Summary of a test, displayed without control characters except our own colors.
pub(super) struct SummaryText<'a> {
    pub(super) summary: &'a Summary,
    /// First contradiction, for checkers without an explanation.
    pub(super) contradiction: Option<&'a str>,
    /// Lines that explain the first contradiction.
    pub(super) propagation: &'a [String],
    /// Path of the report, if any.
    pub(super) report: Option<String>,
    /// Place of the omitted lines, in words that follow "more".
    pub(super) rest: &'static str,
    /// Command that repeats the test.
    pub(super) repro_command: Option<String>,
}

impl Display for SummaryText<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let SummaryText { summary, contradiction, report, repro_command, .. } = self;
        let Summary { figures, reasons, stderr, .. } = summary;
        writeln!(f, "{}", Styled(limits::color(summary), &summary.headline()))?;
        let (decisive, warnings) = summary.split_warnings();
        let is_shown = |figure: &&_| {
            let eddy_pages::summary::Figure { value, limit, .. } = figure;
            value.is_some() || limit.is_some()
        };
        for figure in figures.iter().filter(is_shown) {
            writeln!(f, "  {}", FigureLine(figure))?;
        }
        if let Some((ok, invoked)) = summary.operations {
            writeln!(f, "  {:<NAME_WIDTH$}{ok:>12} ok of {invoked}", "operations")?;
        }
        for meaning in summary.meanings() {
            writeln!(f, "  {meaning}")?;
        }
        let head = Styled(BAD, "reason: ").to_string();
        let reasons = reasons.iter().flat_map(|reason| indented_lines(&head, reason));
        let explanation = summary.explanation_lines(*contradiction);
        let explanation = explanation.iter().chain(self.propagation);
        let explanation = explanation.flat_map(|line| indented_lines("  ", line));
        let warning = Styled(WARNING, "warning: ").to_string();
        let explained = decisive
            .iter()
            .map(|line| format!("{warning}{}", truncated(line, MAX_FIRST_WARNING_CHARS)));
        let lines = reasons.chain(explained).chain(explanation);
        self.write_first(f, lines, MAX_REASON_LINES + decisive.len(), "lines")?;
        let stderr = stderr.iter().map(|line| truncated(line, MAX_LINE_CHARS));
        self.write_first(f, stderr, MAX_ERROR_LINES, "lines")?;
        let warnings = warnings.iter().enumerate().map(|(number, line)| {
            let is_first = number == 0 && decisive.is_empty();
            let most = if is_first { MAX_FIRST_WARNING_CHARS } else { MAX_LINE_CHARS };
            format!("{warning}{}", truncated(line, most))
        });
        self.write_first(f, warnings, MAX_WARNINGS, "warnings")?;
        let again = repro_command.as_deref().filter(|_| limits::exit_status(summary) != 0);
        if let Some(faults) = &summary.faults {
            writeln!(f, "{}{}", Styled(HEAD, "faults  "), truncated(faults, MAX_LINE_CHARS))?;
        }
        ReportLinks { report: report.as_deref(), repro_command: again }.fmt(f)?;
        writeln!(f, "\n{}", summary.valid.map_or("", verdict_line))
    }
}

/// Lines with the report and the command that repeats the test, as far as there are any.
pub(super) struct ReportLinks<'a> {
    pub(super) report: Option<&'a str>,
    pub(super) repro_command: Option<&'a str>,
}

impl Display for ReportLinks<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for (head, text) in [("report  ", self.report), ("again   ", self.repro_command)] {
            if let Some(text) = text {
                writeln!(f, "{}{}", Styled(HEAD, head), printable(text))?;
            }
        }
        Ok(())
    }
}

impl SummaryText<'_> {
    /// Writes the first lines, and the number of omitted ones.
    fn write_first(
        &self,
        f: &mut Formatter<'_>,
        lines: impl Iterator<Item = String>,
        most: usize,
        what: &str,
    ) -> fmt::Result {
        let lines: Vec<String> = lines.collect();
        for line in lines.iter().take(most) {
            writeln!(f, "{line}")?;
        }
        match lines.len().saturating_sub(most) {
            0 => Ok(()),
            1 => writeln!(f, "… 1 more {} {}", what.trim_end_matches('s'), self.rest),
            more => writeln!(f, "… {more} more {what} {}", self.rest),
        }
    }
}

/// Lines of a text, the first after a head, the others indented.
pub(super) fn indented_lines(head: &str, text: &str) -> impl Iterator<Item = String> {
    let lines = text.lines().enumerate();
    lines.map(move |(number, line)| {
        let head = if number == 0 { head } else { "  " };
        format!("{head}{}", truncated(line, MAX_LINE_CHARS))
    })
}

fn truncated(line: &str, most: usize) -> String {
    excerpt(line, most).replace('\n', " ")
}
