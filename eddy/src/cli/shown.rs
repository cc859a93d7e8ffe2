//! How a verdict is shown: results, warnings, reasons and, as the last line, Maelstrom's own words.

use std::fmt::{self, Display};

use crate::checker::Validity;
use crate::edn::Value;
use crate::printable::printable;
use crate::report::Report;

/// What was found, displayed without anything that could harm a terminal.
pub(super) struct Shown<'a> {
    pub(super) valid: Validity,
    pub(super) results: &'a Value,
    pub(super) warnings: &'a [String],
    pub(super) reasons: &'a [String],
    pub(super) explanation: &'a [String],
}

impl<'a> From<&'a Report> for Shown<'a> {
    fn from(report: &'a Report) -> Shown<'a> {
        let Report { valid, results, warnings, reasons, explanation, .. } = report;
        Shown { valid: *valid, results, warnings, reasons, explanation }
    }
}

impl Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = self.results.pretty();
        text.push('\n');
        for (head, lines) in
            [("warning: ", self.warnings), ("because ", self.reasons), ("  ", self.explanation)]
        {
            for line in lines {
                text.extend([head, line, "\n"]);
            }
        }
        text.extend(["\n", sentence(self.valid), "\n"]);
        f.write_str(&printable(&text))
    }
}

/// What Maelstrom says at the end, which scripts look for.
fn sentence(valid: Validity) -> &'static str {
    match valid {
        Validity::Valid => "Everything looks good! ヽ(‘ー`)ノ",
        Validity::Invalid => "Analysis invalid! (ﾉಥ益ಥ）ﾉ ┻━┻",
        Validity::Unknown => "Errors occurred during analysis, but no anomalies found. ಠ~ಠ",
    }
}
