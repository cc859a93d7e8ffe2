//! `eddy analyze`: a verdict on a recorded history, eddy's or Maelstrom's.
//!
//! Checkers need only the history, so it can be judged again: after a checker was fixed, with other
//! consistency models, or to compare eddy's verdict with Maelstrom's.

mod recording;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use clap::Args;
use eddy::workload::{CheckContext, fitting, recognize};
use eddy::{Test, Workload};
use eddy_checkers::ConsistencyModel;
use eddy_checkers::Validity;
use eddy_checkers::assessment::{Criteria, ProtocolWarnings, Warnings};
use eddy_checkers::availability::Goal;
use eddy_checkers::edn::Value;
use eddy_checkers::history::History;
use eddy_checkers::history::file::{find, read, read_torn};
use eddy_pages::page::REPORT;
use eddy_pages::store;
use eddy_pages::summary::{self, Summary};

use self::recording::Recording;
use super::numbers;
use super::stdout::StdoutText;
use super::summary_text::SummaryText;
use super::value_parser::NameParser;
use super::verdict_output::VerdictOutput;
use super::workloads::{self, WorkloadParser};

#[derive(Debug, Args)]
pub(super) struct AnalyzeArguments {
    /// A history.edn, gzipped or not; or a test's directory, or a file in it
    #[arg(value_name = "HISTORY_OR_DIR")]
    path: PathBuf,
    /// The workload [default: taken from test.json, the path or the operations]
    #[arg(short, long, value_name = "NAME", value_parser = WorkloadParser)]
    #[arg(hide_possible_values = true)]
    workload: Option<&'static dyn Workload>,
    /// Consistency models for transactions, separated by commas: read-committed, serializable, …
    /// [default: the test's, or strict-serializable]
    #[arg(long, value_name = "MODELS")]
    #[arg(value_delimiter = ',', value_parser = NameParser(&ConsistencyModel::ALL))]
    #[arg(hide_possible_values = true)]
    consistency_models: Option<Vec<ConsistencyModel>>,
    /// Required share of successful operations: any, total, or a fraction from 0 to 1 [default: the
    /// test's, or any]
    #[arg(long, value_parser = numbers::goal, allow_negative_numbers = true)]
    availability: Option<Goal>,
    /// Print all results as EDN, even on a terminal
    #[arg(long)]
    edn: bool,
}

/// Result of judging a history.
#[derive(Debug)]
pub(super) struct Analysis {
    pub(super) summary: Summary,
    results: Value,
    /// First contradiction, if any.
    contradiction: Option<String>,
    /// Report beside the history, if any.
    report: Option<String>,
    /// Sentence about the chosen workload and its source, unless the command line names it.
    pub(super) origin: Option<String>,
    edn: bool,
}

impl Analysis {
    /// Text to print, on a terminal or elsewhere.
    pub(super) fn output(&self) -> StdoutText {
        let Analysis { summary, results, contradiction, report, edn, .. } = self;
        let (contradiction, report) = (contradiction.as_deref(), report.clone());
        if *edn || !StdoutText::is_terminal() {
            return StdoutText::Plain(
                VerdictOutput { results, summary, contradiction }.to_string(),
            );
        }
        let summary_text = SummaryText {
            summary,
            contradiction,
            propagation: &[],
            report,
            rest: "with --edn",
            repro_command: None,
        };
        StdoutText::Colored(summary_text.to_string())
    }
}

impl AnalyzeArguments {
    /// Judges the history. The error says what is wrong with the file.
    pub(super) fn analyze(&self) -> Result<Analysis, String> {
        let path = find(path_to_judge(&self.path))?;
        let recording = Recording::read_beside(&path);
        let history =
            if recording.interruption.is_some() { read_torn(&path)? } else { read(&path)? };
        if history.client_ops().next().is_none() && !recording.is_of_eddy() {
            let shown = path.display();
            return Err(format!("{shown} has no operation of a client; expected a history.edn"));
        }
        let (workload, origin) = self.workload(&path, &recording, &history)?;
        let models = match &self.consistency_models {
            Some(models) => Some(models.clone()),
            None => recording.consistency_models()?,
        };
        let models = models.unwrap_or_else(|| Test::default().consistency_models);
        let availability = match self.availability {
            Some(goal) => goal,
            None => recording.availability()?.unwrap_or_default(),
        };
        let is_liveness_judged = recording.judges_liveness(&history);
        let criteria = Criteria { availability, is_liveness_judged };
        let placement = recording.placement(&history);
        let interruption = recording.interruption.as_ref();
        let context = CheckContext { placement: &placement, models: &models };
        let mut analysis = self.judge(&history, workload, &context, criteria, interruption);
        let foreign = foreign_operations_warning(workload, &history);
        let differences = recording.differences(&path, &analysis.results, |model| {
            workload.check(&history, &CheckContext { models: &[model], ..context }).valid
                == Validity::Valid
        });
        let place = analysis.summary.decisive;
        let differences = foreign.into_iter().chain(differences);
        analysis.summary.warnings.splice(place..place, differences);
        analysis.report = report_line(&path, recording.results.as_ref(), &analysis);
        analysis.origin = origin;
        Ok(analysis)
    }

    /// Workload and its source: the command line, `test.json`, the path, or the operations, in this
    /// order.
    fn workload(
        &self,
        path: &Path,
        recording: &Recording,
        history: &History,
    ) -> Result<(&'static dyn Workload, Option<String>), String> {
        if let Some(workload) = self.workload {
            return Ok((workload, None));
        }
        if let Some((workload, origin)) = recording.workload() {
            let origin = format!("workload {}, as {origin} says", workload.name());
            return Ok((workload, Some(origin)));
        }
        let workload = recognize(history, workloads::all())
            .map_err(|error| format!("{} {error}; name it with -w", path.display()))?;
        let name = workload.name();
        let fitting = fitting(history, workloads::all());
        let others = fitting.iter().map(|other| other.name()).filter(|other| *other != name);
        let others: Vec<&str> = others.collect();
        let others = match &others[..] {
            [] => String::new(),
            others => format!("; the verdict is the same with -w {}", others.join(" or ")),
        };
        Ok((workload, Some(format!("workload {name}, recognized by its operations{others}"))))
    }

    fn judge(
        &self,
        history: &History,
        workload: &dyn Workload,
        context: &CheckContext<'_>,
        criteria: Criteria,
        interruption: Option<&String>,
    ) -> Analysis {
        let placement = context.placement;
        let judged = workload.judge(history, context, criteria);
        let judged = if interruption.is_some() { judged.interrupted() } else { judged };
        // An interrupted test without errors might have failed later.
        let ended = interruption.map_or(Validity::Valid, |_| Validity::Unknown);
        let valid = Validity::merge([judged.valid(), ended]);
        let results: Value = judged.complete(judged.results(None)).with("valid?", valid).into();
        let availability = &judged.availability;
        let Warnings { all: warnings, decisive_count: decisive } =
            judged.warnings(placement, ProtocolWarnings::default(), None);
        let summary = Summary {
            valid: Some(valid),
            operations: Some((availability.ok_count, availability.invoke_count)),
            figures: summary::figures(&results, || Some(history)),
            reasons: judged.reasons(placement).into_iter().chain(interruption.cloned()).collect(),
            explanation: judged.verdict.explanation.clone(),
            warnings,
            decisive,
            ..Summary::default()
        };
        let contradictions = judged.contradictions(history, placement);
        let contradiction = contradictions.into_iter().next().map(|first| first.description);
        let (report, origin) = (None, None);
        Analysis { summary, results, contradiction, report, origin, edn: self.edn }
    }
}

/// Warnings about what Maelstrom overlooks in the history of a recorded test.
pub(super) fn warnings_of(directory: &Path) -> Result<Vec<String>, String> {
    let path = find(directory)?;
    let recording = Recording::read_beside(&path);
    let history = read(&path)?;
    // Maelstrom does not record consistency models. If transactions are valid under some model, the
    // weakest one gives the same warnings.
    let models = recording.consistency_models()?;
    let models = models.unwrap_or_else(|| vec![ConsistencyModel::ReadUncommitted]);
    let recorded = AnalyzeArguments {
        path: path.clone(),
        workload: None,
        consistency_models: None,
        availability: None,
        edn: false,
    };
    let (workload, _) = recorded.workload(&path, &recording, &history)?;
    let criteria = Criteria { availability: Goal::default(), is_liveness_judged: false };
    let placement = recording.placement(&history);
    let context = CheckContext { placement: &placement, models: &models };
    let analysis = recorded.judge(&history, workload, &context, criteria, None);
    Ok(analysis.summary.warnings)
}

/// Path to judge: the test's directory if the path is one of its other files.
fn path_to_judge(path: &Path) -> &Path {
    let name = path.file_name().and_then(OsStr::to_str).unwrap_or_default();
    let is_result = [store::RESULTS, "results.json", store::DESCRIPTION, store::SUMMARY];
    let is_other = [".html", ".svg", ".txt", ".log"].iter().any(|end| name.ends_with(end));
    let test = || store::test_directory_of(path).filter(|test| find(test).is_ok());
    if is_other || is_result.contains(&name) { test().unwrap_or(path) } else { path }
}

/// Warning about operations that the workload does not have, if the history has operations of both
/// kinds.
fn foreign_operations_warning(workload: &dyn Workload, history: &History) -> Option<String> {
    let foreign = workload.foreign_functions(history).join(", ");
    let has_both = !foreign.is_empty() && workload.has_operations_in(history);
    has_both.then(|| {
        let known = workload.name_with_functions();
        format!("the history has operations that are not of {known}: {foreign}")
    })
}

/// Reads the history of a recorded test. The error says what is wrong with the directory or file.
pub(super) fn history_of(path: &Path) -> Result<History, String> {
    read(&find(path)?)
}

/// Path of the report, with a note if the recorded verdict differs.
fn report_line(history: &Path, recorded: Option<&Value>, analysis: &Analysis) -> Option<String> {
    let path = history.with_file_name(REPORT);
    if !path.exists() {
        return None;
    }
    let then = recorded.and_then(summary::verdict);
    let about = if then == analysis.summary.valid { "" } else { " (about the recorded verdict)" };
    Some(format!("{}{about}", path.display()))
}
