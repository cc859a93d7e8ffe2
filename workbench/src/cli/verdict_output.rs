//! Output of a verdict: results, warnings, reasons, and Maelstrom's last line.

use std::fmt::{self, Display};

use eddy_checkers::Validity;
use eddy_checkers::edn::Value;
use eddy_pages::summary::Summary;
use eddy_text::printable::printable;

use super::limits;

/// Verdict with results, displayed without control characters.
pub(super) struct VerdictOutput<'a> {
    pub(super) results: &'a Value,
    pub(super) summary: &'a Summary,
    /// First contradiction, for checkers without an explanation.
    pub(super) contradiction: Option<&'a str>,
}

impl Display for VerdictOutput<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Summary { valid, figures, reasons, stderr, .. } = self.summary;
        let (decisive, warnings) = self.summary.split_warnings();
        let explanation = self.summary.explanation_lines(self.contradiction);
        let mut text = self.results.pretty();
        text.push('\n');
        let parts = [
            ("warning: ", warnings),
            ("reason: ", reasons),
            ("warning: ", decisive),
            ("  ", &explanation),
            ("", stderr),
        ];
        for (head, lines) in parts {
            for line in lines {
                text.extend([head, line, "\n"]);
            }
        }
        if self.summary.fails_by_warnings() || figures.iter().any(|figure| figure.limit.is_some()) {
            let lines = limits::figure_lines(self.summary);
            text.extend(["\n", &anstream::adapter::strip_str(&lines).to_string()]);
        }
        text.extend(["\n", valid.map_or("", verdict_line), "\n"]);
        f.write_str(&printable(&text))
    }
}

/// Maelstrom's last line, which scripts look for.
pub(super) fn verdict_line(valid: Validity) -> &'static str {
    match valid {
        Validity::Valid => "Everything looks good! ヽ(‘ー`)ノ",
        Validity::Invalid => "Analysis invalid! (ﾉಥ益ಥ）ﾉ ┻━┻",
        Validity::Unknown => "Errors occurred during analysis, but no anomalies found. ಠ~ಠ",
    }
}
