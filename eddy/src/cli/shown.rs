//! How a verdict is shown: results, warnings, reasons and, as the last line, Maelstrom's own words.

use std::fmt::{self, Display};

use super::limits;
use crate::checker::Validity;
use crate::edn::Value;
use crate::printable::printable;
use crate::summary::Summary;

/// What was found, displayed without anything that could harm a terminal.
pub(super) struct Shown<'a> {
    pub(super) results: &'a Value,
    pub(super) summary: &'a Summary,
}

impl Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Summary { valid, figures, reasons, explanation, warnings, .. } = self.summary;
        let mut text = self.results.pretty();
        text.push('\n');
        for (head, lines) in [("warning: ", warnings), ("because ", reasons), ("  ", explanation)] {
            for line in lines {
                text.extend([head, line, "\n"]);
            }
        }
        if figures.iter().any(|figure| figure.limit.is_some()) {
            let lines = limits::lines(self.summary);
            text.extend(["\n", &anstream::adapter::strip_str(&lines).to_string()]);
        }
        text.extend(["\n", valid.map_or("", sentence), "\n"]);
        f.write_str(&printable(&text))
    }
}

/// What Maelstrom says at the end, which scripts look for.
pub(super) fn sentence(valid: Validity) -> &'static str {
    match valid {
        Validity::Valid => "Everything looks good! ヽ(‘ー`)ノ",
        Validity::Invalid => "Analysis invalid! (ﾉಥ益ಥ）ﾉ ┻━┻",
        Validity::Unknown => "Errors occurred during analysis, but no anomalies found. ಠ~ಠ",
    }
}
