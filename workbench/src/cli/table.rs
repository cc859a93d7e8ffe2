//! Table of tests, with a row for each check.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use eddy_checkers::Validity;
use eddy_pages::summary::Figure;

/// Appends a row, and a header before the first one.
pub(super) fn append(
    path: &Path,
    title: &str,
    valid: Validity,
    figures: &[Figure],
    passed: bool,
) -> io::Result<()> {
    let mut file = File::options().create(true).append(true).open(path)?;
    let mut text = String::new();
    if file.metadata()?.len() == 0 {
        let head = ["challenge", "valid", "ok", "msgs/op", "median", "max", "limits", "verdict"];
        text.push_str(&row(head.map(str::to_owned)));
    }
    let shown = |figure: usize, digits: usize| match figures.get(figure).and_then(|f| f.value) {
        Some(value) => format!("{value:.digits$}"),
        None => "-".to_owned(),
    };
    let limits: Vec<String> = figures.iter().filter_map(Figure::limit_text).collect();
    text.push_str(&row([
        title.to_owned(),
        valid.to_edn().to_string(),
        shown(3, 3),
        shown(0, 2),
        shown(1, 0),
        shown(2, 0),
        if limits.is_empty() { "-".to_owned() } else { limits.join(", ") },
        if passed { "passed" } else { "FAILED" }.to_owned(),
    ]));
    file.write_all(text.as_bytes())
}

fn row([title, valid, ok, msgs_per_op, median, maximum, limits, verdict]: [String; 8]) -> String {
    let figures = format!("{ok:>6}{msgs_per_op:>9}{median:>8}{maximum:>8}");
    format!("{title:<23}{valid:<7}{figures}  {limits:<22}{verdict}\n")
}
