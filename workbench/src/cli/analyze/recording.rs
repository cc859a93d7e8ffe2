//! Description and verdict of a recorded test, from the files beside its history.
//!
//! eddy writes `test.json`. Maelstrom does not: then the path names the workload, and a different
//! recorded verdict shows that the test had other options.

use std::fs;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;

use eddy::{Fault, Workload, workload};
use eddy_checkers::Placement;
use eddy_checkers::availability::Goal;
use eddy_checkers::edn::Value;
use eddy_checkers::elle::{self, ConsistencyModel};
use eddy_checkers::history::History;
use eddy_pages::store::{self, Description};
use eddy_pages::summary::Summary;

use crate::cli::workloads;

/// Known facts about a recorded test, all of which may be missing.
#[derive(Debug)]
pub(super) struct Recording {
    /// Path and contents of `test.json`.
    description: Option<(PathBuf, Description)>,
    /// Workload named by the path.
    workload_in_path: Option<&'static dyn Workload>,
    pub(super) results: Option<Value>,
    /// Sentence about why the test did not finish, if so.
    pub(super) interruption: Option<String>,
}

impl Recording {
    /// Reads the files beside a history.
    pub(super) fn read_beside(history: &Path) -> Recording {
        let results = fs::read_to_string(history.with_file_name(store::RESULTS));
        let results = results.ok().and_then(|text| Value::read_edn(&text).ok());
        let path = history.with_file_name(store::DESCRIPTION);
        let description = read::<Description>(&path).map(|description| (path, description));
        let interruption =
            description.as_ref().and_then(|_| interruption(history, results.is_some()));
        Recording {
            description,
            workload_in_path: workload_of_path(history),
            results,
            interruption,
        }
    }

    /// True if eddy recorded the test.
    pub(super) fn is_of_eddy(&self) -> bool {
        self.description.is_some()
    }

    /// Workload and its source.
    pub(super) fn workload(&self) -> Option<(&'static dyn Workload, String)> {
        let described = self.description.as_ref().and_then(|(path, description)| {
            Some((named(&description.workload)?, path.display().to_string()))
        });
        described.or_else(|| Some((self.workload_in_path?, "its path".to_owned())))
    }

    /// Recorded consistency models. The error says what is wrong with them.
    pub(super) fn consistency_models(&self) -> Result<Option<Vec<ConsistencyModel>>, String> {
        self.described("--consistency-models", Description::consistency_models)
    }

    /// Recorded availability. The error says what is wrong with it.
    pub(super) fn availability(&self) -> Result<Option<Goal>, String> {
        self.described("--availability", Description::availability)
    }

    fn described<T>(
        &self,
        option: &str,
        what: impl Fn(&Description) -> Result<Option<T>, String>,
    ) -> Result<Option<T>, String> {
        let Some((path, description)) = &self.description else { return Ok(None) };
        what(description)
            .map_err(|error| format!("{}: {error}; {option} overrides it", path.display()))
    }

    /// True if the last operations had to succeed: eddy requires it under faults that Maelstrom
    /// does not have.
    pub(super) fn judges_liveness(&self, history: &History) -> bool {
        let test = self.description.as_ref().map(|(_, test)| test);
        let asked_for_more = || {
            let faults = test.map(|test| &test.nemesis[..]).unwrap_or_default();
            faults.iter().any(|fault| *fault != Fault::Partition.to_string())
        };
        let recorded = test.and_then(|test| test.judges_liveness);
        recorded.unwrap_or_else(|| asked_for_more() || history.has_faults_beyond_maelstrom())
    }

    /// Assignment of clients to nodes, as far as it is known.
    pub(super) fn placement(&self, history: &History) -> Placement<'_> {
        match &self.description {
            Some((_, Description { nodes, concurrency, .. }))
                if !nodes.is_empty() && *concurrency > 0 =>
            {
                Placement { nodes, concurrency: *concurrency }
            }
            _ => Placement::inferred(history),
        }
    }

    /// Warnings about recorded verdicts that differ from those in `results`. `holds` returns
    /// whether the history is valid under a consistency model.
    pub(super) fn differences(
        &self,
        history: &Path,
        results: &Value,
        holds: impl Fn(ConsistencyModel) -> bool,
    ) -> Vec<String> {
        let path = history.with_file_name(store::RESULTS);
        let differences = ["workload", "stats", "availability"].map(|part| {
            let verdict = [part, "valid?"];
            let (then, now) = (self.results.as_ref()?.get_in(&verdict)?, results.get_in(&verdict)?);
            let way = match (part, then, now) {
                ("workload", Value::Bool(true), Value::Bool(false)) => {
                    weaker_models(results, &holds)
                }
                ("availability", Value::Bool(false), Value::Bool(true)) => {
                    "; set --availability to what the test required".to_owned()
                }
                _ => String::new(),
            };
            (then != now).then(|| {
                let path = path.display();
                let [then, now] = [then, now].map(|verdict| match verdict {
                    Value::Keyword(name) => name.to_string(),
                    other => other.to_string(),
                });
                format!("{path} says {then} of the {part}, and this analysis {now}{way}")
            })
        });
        differences.into_iter().flatten().collect()
    }
}

/// Strongest consistency models under which the transactions are valid, as the end of a sentence.
fn weaker_models(results: &Value, holds: impl Fn(ConsistencyModel) -> bool) -> String {
    let not = ["not", "also-not"].map(|key| results.get_in(&["workload", key]));
    let ruled_out: Vec<ConsistencyModel> = not
        .into_iter()
        .flatten()
        .filter_map(|models| if let Value::Set(models) = models { Some(models) } else { None })
        .flat_map(|models| models.iter().filter_map(|model| model.to_string().parse().ok()))
        .collect();
    if ruled_out.is_empty() {
        // Without ruled-out models, the error does not depend on the model.
        return String::new();
    }
    let is_open = |model: ConsistencyModel| !ruled_out.contains(&model);
    let strongest = elle::strongest(|model| is_open(model) && holds(model));
    let names: Vec<String> = strongest.iter().map(ToString::to_string).collect();
    match &names[..] {
        [] => String::new(),
        names => format!(": under --consistency-models {} it is valid", names.join(" or ")),
    }
}

/// Workload named by a store's path: `<workload>/<time>/history.edn`, or
/// `<workload>/<time>/independent/<key>/history.edn` for a single key.
fn workload_of_path(history: &Path) -> Option<&'static dyn Workload> {
    // `latest` is a link.
    let history = fs::canonicalize(history).ok()?;
    let mut names = history.ancestors().skip(1).filter_map(|path| path.file_name()?.to_str());
    let mut time = names.next()?;
    let above = names.next()?;
    let workload = if above == "independent" {
        time = names.next()?;
        names.next()?
    } else {
        above
    };
    let is_time = time.len() > "20261121T235013".len()
        && time.bytes().enumerate().all(|(place, byte)| match place {
            8 => byte == b'T',
            0..15 => byte.is_ascii_digit(),
            _ => true,
        });
    named(workload).filter(|_| is_time)
}

fn named(workload: &str) -> Option<&'static dyn Workload> {
    workload::by_name(workload, workloads::all()).ok()
}

/// Sentence about why a test of eddy's did not finish, if so.
fn interruption(history: &Path, has_results: bool) -> Option<String> {
    let summary: Option<Summary> = read(&history.with_file_name(store::SUMMARY));
    let why = match summary.and_then(|summary| summary.failure) {
        Some(failure) => failure.lines().next().unwrap_or_default().to_owned(),
        None if has_results => return None,
        None => "it was stopped, or is still running".to_owned(),
    };
    Some(format!("the test did not end, and the recorded part of it was judged: {why}"))
}

fn read<T: DeserializeOwned>(path: &Path) -> Option<T> {
    serde_json::from_str(&fs::read_to_string(path).ok()?).ok()
}
