//! A table of tests, one row for each that was checked.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use super::check::Figure;
use crate::checker::Validity;

/// Adds a row, and the head before the first one.
pub(super) fn append(
    path: &Path,
    title: &str,
    valid: Validity,
    figures: &[Figure; 4],
    passed: bool,
) -> io::Result<()> {
    let mut file = File::options().create(true).append(true).open(path)?;
    let mut text = String::new();
    if file.metadata()?.len() == 0 {
        let head = ["challenge", "valid", "ok", "msgs/op", "median", "max", "limits", "verdict"];
        text.push_str(&row(head.map(str::to_owned)));
    }
    let [msgs_per_op, median, maximum, ok_fraction] = figures;
    let shown = |figure: &Figure, digits: usize| match figure.value {
        Some(value) => format!("{value:.digits$}"),
        None => "-".to_owned(),
    };
    let limits: Vec<String> =
        [msgs_per_op, median, maximum, ok_fraction].into_iter().filter_map(Figure::limit).collect();
    text.push_str(&row([
        title.to_owned(),
        valid.to_edn().to_string(),
        shown(ok_fraction, 3),
        shown(msgs_per_op, 2),
        shown(median, 0),
        shown(maximum, 0),
        if limits.is_empty() { "-".to_owned() } else { limits.join(", ") },
        if passed { "passed" } else { "FAILED" }.to_owned(),
    ]));
    file.write_all(text.as_bytes())
}

fn row([title, valid, ok, msgs_per_op, median, maximum, limits, verdict]: [String; 8]) -> String {
    let figures = format!("{ok:>6}{msgs_per_op:>9}{median:>8}{maximum:>8}");
    format!("{title:<23}{valid:<7}{figures}  {limits:<22}{verdict}\n")
}
