//! `eddy check`: compares a recorded test with limits, Fly.io's criteria, which Maelstrom prints
//! but never checks. It writes nothing into the test's directory.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use eddy_checkers::Validity;
use eddy_checkers::edn::Value;
use eddy_checkers::wording::counted;
use eddy_pages::page::REPORT;
use eddy_pages::store;
use eddy_pages::summary::{self, Summary};

use super::colors::{BAD, Styled, WARNING};
use super::limits::{self, LimitArguments};
use super::summary_text::{MAX_REASON_LINES, indented_lines};
use super::{analyze, help, table};

#[derive(Debug, Args)]
pub(super) struct CheckArguments {
    /// A test's directory, such as store/latest, or a file in it; eddy's or Maelstrom's
    directory: PathBuf,
    #[command(flatten, next_help_heading = help::LIMITS)]
    limits: LimitArguments,
    /// Name of the test in the table [default: the directory]
    #[arg(long, value_name = "NAME")]
    title: Option<String>,
    /// Also append the figures to this file, as a row of a table
    #[arg(long, value_name = "FILE")]
    table: Option<PathBuf>,
}

/// Result of a comparison.
#[derive(Debug, Default)]
pub(super) struct CheckResult {
    /// Figures as text.
    pub(super) text: String,
    /// Exit status, unless there is a failure.
    pub(super) status: u8,
    /// Failure that is not the arguments' fault.
    pub(super) failure: Option<String>,
}

impl CheckArguments {
    /// Compares each figure with its limit. The error says what is wrong with the directory.
    pub(super) fn check(&self) -> Result<CheckResult, String> {
        let directory = store::test_directory_of(&self.directory).unwrap_or(&self.directory);
        if let Some(failure) = no_verdict_message(directory) {
            return Ok(CheckResult { failure: Some(failure), ..CheckResult::default() });
        }
        let results = read(directory)?;
        let valid = summary::verdict(&results).ok_or_else(|| {
            let path = directory.join(store::RESULTS);
            format!("{} has no :valid? of true, false or :unknown", path.display())
        })?;
        let history = || analyze::history_of(directory).ok();
        let figures = summary::figures(&results, history);
        let warnings = if self.limits.is_strict() { warnings(directory)? } else { Vec::new() };
        let summary = Summary { valid: Some(valid), figures, warnings, ..Summary::default() };
        let summary = summary.with_limits(self.limits.limits());
        let status = limits::exit_status(&summary);
        let mut text = limits::figure_lines(&summary);
        if valid != Validity::Valid {
            text.extend(reasons(directory));
        }
        let warning = Styled(WARNING, "warning: ").to_string();
        let warnings = summary.warnings.iter().flat_map(|line| indented_lines(&warning, line));
        text.extend(warnings.map(|line| line + "\n"));
        let failure = self.table.as_ref().and_then(|table| {
            let title = self.title.clone().unwrap_or_else(|| directory.display().to_string());
            let appended = table::append(table, &title, valid, &summary.figures, status == 0);
            let error = appended.err()?;
            Some(format!("{} cannot be written: {error}", table.display()))
        });
        Ok(CheckResult { text, status, failure })
    }
}

/// Warnings of a test: those in its summary, then those from its history.
fn warnings(directory: &Path) -> Result<Vec<String>, String> {
    let Summary { mut warnings, idle_faults, .. } = summary(directory).unwrap_or_default();
    warnings.retain(|warning| !idle_faults.contains(warning));
    for warning in analyze::warnings_of(directory)? {
        if !warnings.contains(&warning) {
            warnings.push(warning);
        }
    }
    Ok(warnings)
}

/// Recorded summary, if eddy ran the test.
fn summary(directory: &Path) -> Option<Summary> {
    let text = fs::read_to_string(directory.join(store::SUMMARY)).ok()?;
    serde_json::from_str(&text).ok()
}

/// Lines with the recorded reasons why a test is not valid, or else with the command that finds
/// them.
fn reasons(directory: &Path) -> Vec<String> {
    let Some(Summary { reasons, explanation, .. }) = summary(directory) else {
        return vec![format!("why: eddy analyze {}\n", directory.display())];
    };
    let head = Styled(BAD, "reason: ").to_string();
    let reasons = reasons.iter().flat_map(|reason| indented_lines(&head, reason));
    let lines: Vec<_> =
        reasons.chain(explanation.iter().flat_map(|line| indented_lines("  ", line))).collect();
    let rest = lines.len().saturating_sub(MAX_REASON_LINES);
    let rest = (rest > 0).then(|| format!("… {} in {REPORT}", counted(rest, "more line")));
    lines.into_iter().take(MAX_REASON_LINES).chain(rest).map(|line| line + "\n").collect()
}

/// Sentence about why a test has no verdict, if it is a test without one.
fn no_verdict_message(directory: &Path) -> Option<String> {
    let is_without =
        directory.join("history.edn").exists() && !directory.join(store::RESULTS).exists();
    is_without.then(|| {
        format!(
            "{} has no verdict: the test was stopped, could not be carried out, or is still \
             running",
            directory.display()
        )
    })
}

fn read(directory: &Path) -> Result<Value, String> {
    let shown = directory.display();
    if !directory.exists() {
        return Err(format!("{shown} does not exist; expected the directory of a test"));
    }
    if !directory.is_dir() {
        return Err(format!("{shown} is not a directory; expected the directory of a test"));
    }
    let path = directory.join(store::RESULTS);
    let latest = directory.join("latest");
    if !path.exists() && latest.exists() {
        return Err(format!("{shown} is not a test; did you mean {}?", latest.display()));
    }
    let shown = path.display();
    let text = fs::read_to_string(&path)
        .map_err(|error| format!("{shown}: {error}; expected the results of a test"))?;
    Value::read_edn(&text).map_err(|error| format!("{shown} is not a results file: {error}"))
}
