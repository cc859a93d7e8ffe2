//! What came of a test, in a dozen lines for people at a terminal.

use std::fmt::{self, Display, Formatter};

use eddy_pages::summary::Summary;
use eddy_text::printable::{SCREEN, excerpt, printable};

use super::colors::{BAD, DOUBTFUL, HEAD, Painted};
use super::limits::{self, Line, NAME};
use super::shown::sentence;

/// How many lines tell what went wrong. More would push the verdict off a small screen; fewer would
/// cut most explanations before they get to the point.
pub(super) const MOST_REASONS: usize = 8;

/// How many lines tell the errors that nodes wrote to STDERR: one of a usual length, whole.
const MOST_ERRORS: usize = 12;

/// How many warnings are told.
const MOST_WARNINGS: usize = 3;

/// How many letters a line may have; a terminal breaks it into a few of its own.
const MOST_LETTERS: usize = 240;

/// How many letters the first warning may have, which is the most telling one, and shows what a
/// node sent: that whole, and a sentence about it.
const MOST_OF_FIRST: usize = SCREEN + MOST_LETTERS;

/// A summary, displayed without anything that could harm a terminal but colors of ours.
pub(super) struct Brief<'a> {
    pub(super) summary: &'a Summary,
    /// What contradicts what, for checkers that have no explanation.
    pub(super) contradiction: Option<&'a str>,
    /// How what went wrong came about, in lines.
    pub(super) story: &'a [String],
    /// Where there is more to be seen, if it is a file.
    pub(super) report: Option<String>,
    /// Where the rest of what is cut can be found, in words that follow "more".
    pub(super) rest: &'static str,
    /// The command that does it again.
    pub(super) again: Option<String>,
}

impl Display for Brief<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Brief { summary, contradiction, report, again, .. } = self;
        let Summary { figures, reasons, stderr, .. } = summary;
        writeln!(f, "{}", Painted(limits::color(summary), &summary.headline()))?;
        let (decisive, warnings) = summary.split_warnings();
        let told = |figure: &&_| {
            let eddy_pages::summary::Figure { value, limit, .. } = figure;
            value.is_some() || limit.is_some()
        };
        for figure in figures.iter().filter(told) {
            writeln!(f, "  {}", Line(figure))?;
        }
        if let Some((ok, invoked)) = summary.operations {
            writeln!(f, "  {:<NAME$}{ok:>12} ok of {invoked}", "operations")?;
        }
        for meaning in summary.meanings() {
            writeln!(f, "  {meaning}")?;
        }
        let because = Painted(BAD, "because ").to_string();
        let reasons = reasons.iter().flat_map(|reason| texts(&because, reason));
        let explanation = summary.explained(*contradiction);
        let explanation = explanation.iter().chain(self.story);
        let explanation = explanation.flat_map(|line| texts("  ", line));
        let warning = Painted(DOUBTFUL, "warning: ").to_string();
        let explained =
            decisive.iter().map(|line| format!("{warning}{}", cut(line, MOST_OF_FIRST)));
        let lines = reasons.chain(explained).chain(explanation);
        self.tell(f, lines, MOST_REASONS + decisive.len(), "lines")?;
        let stderr = stderr.iter().map(|line| cut(line, MOST_LETTERS));
        self.tell(f, stderr, MOST_ERRORS, "lines")?;
        let warnings = warnings.iter().enumerate().map(|(number, line)| {
            let is_first = number == 0 && decisive.is_empty();
            let most = if is_first { MOST_OF_FIRST } else { MOST_LETTERS };
            format!("{warning}{}", cut(line, most))
        });
        self.tell(f, warnings, MOST_WARNINGS, "warnings")?;
        let again = again.as_deref().filter(|_| limits::status(summary) != 0);
        if let Some(faults) = &summary.faults {
            writeln!(f, "{}{}", Painted(HEAD, "faults  "), cut(faults, MOST_LETTERS))?;
        }
        Links { report: report.as_deref(), again }.fmt(f)?;
        writeln!(f, "\n{}", summary.valid.map_or("", sentence))
    }
}

/// Where to see more of a test and how to do it again, a line each, as far as there is any.
pub(super) struct Links<'a> {
    pub(super) report: Option<&'a str>,
    pub(super) again: Option<&'a str>,
}

impl Display for Links<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for (head, text) in [("report  ", self.report), ("again   ", self.again)] {
            if let Some(text) = text {
                writeln!(f, "{}{}", Painted(HEAD, head), printable(text))?;
            }
        }
        Ok(())
    }
}

impl Brief<'_> {
    /// Tells the first so many lines, and how many more there are.
    fn tell(
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

/// The lines of a text, the first of them behind a head, and the others as far in.
pub(super) fn texts(head: &str, text: &str) -> impl Iterator<Item = String> {
    let lines = text.lines().enumerate();
    lines.map(move |(number, line)| {
        let head = if number == 0 { head } else { "  " };
        format!("{head}{}", cut(line, MOST_LETTERS))
    })
}

fn cut(line: &str, most: usize) -> String {
    excerpt(line, most).replace('\n', " ")
}
