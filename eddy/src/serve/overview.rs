//! The page of one test: what came of it, and its files.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::response::{Redirect, Response};
use cap_std::fs::Dir;

use super::App;
use super::answer::{self, Failure, look};
use super::root::{Id, Root};
use super::run::{Outcome, Run, Verdict};
use super::{link, shown};
use crate::summary::{self, Figure};

/// How many files are listed. A node may keep a file for every value; more would be slow to show
/// and nobody's to read.
const LISTED: usize = 1000;

/// How deep directories are looked into: `storage/` and a node's, and some of its own.
const DEEP: usize = 8;

#[derive(Debug, Template)]
#[template(path = "serve/overview.html")]
struct Overview {
    run: Run,
    verdict: Verdict,
    words: String,
    time: String,
    report: Option<String>,
    /// What is known about it, as names and values.
    about: Vec<(&'static str, String)>,
    files: Vec<Listed>,
    is_cut: bool,
}

/// A file, below the test's directory.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Listed {
    /// Files of the test come before those of its nodes.
    depth: usize,
    path: String,
    /// `None` for what cannot be read: pipes, sockets, links.
    link: Option<String>,
    size: String,
}

/// The page has relative links, so its address must end with a slash.
pub(super) async fn redirect(
    Path((workload, time)): Path<(String, String)>,
) -> Result<Redirect, Failure> {
    let id = Id::new(&workload, &time).ok_or_else(|| Failure::not_found("such test"))?;
    Ok(Redirect::permanent(&link::of_run(&id, "")))
}

pub(super) async fn page(
    State(app): State<Arc<App>>,
    Path((workload, time)): Path<(String, String)>,
) -> Result<Response, Failure> {
    let id = Id::new(&workload, &time).ok_or_else(|| Failure::not_found("such test"))?;
    let root = app.root.clone();
    let overview = look(move || Overview::of(&root, &id)).await?;
    answer::page(&overview)
}

impl Overview {
    fn of(root: &Root, id: &Id) -> Result<Overview, Failure> {
        let directory = root.run(id).map_err(|_| Failure::not_found("such test"))?;
        let run = Run::read(&directory, id);
        let mut files = Vec::new();
        list(&directory, id, "", 0, &mut files);
        let is_cut = files.len() > LISTED;
        files.truncate(LISTED);
        files.sort();
        Ok(Overview {
            verdict: run.verdict(),
            words: run.words(),
            time: shown::time(&id.time),
            report: run.has_report.then(|| link::of_run(id, "report.html")),
            about: about(&run),
            run,
            files,
            is_cut,
        })
    }

    fn figures(&self) -> &[Figure] {
        self.run.summary().map_or(&[], |summary| &summary.figures)
    }

    /// Everything that is to be said in sentences, worst first.
    fn sentences(&self) -> Vec<&str> {
        let Some(summary) = self.run.summary() else { return Vec::new() };
        let failure = summary.failure.iter();
        failure.chain(&summary.reasons).chain(&summary.warnings).map(String::as_str).collect()
    }

    fn explanation(&self) -> String {
        self.run.summary().map(|summary| summary.explanation.join("\n")).unwrap_or_default()
    }
}

/// What a test was, in the words of its description, without what is not known.
pub(super) fn about(run: &Run) -> Vec<(&'static str, String)> {
    let description = &run.description;
    let number = |value: f64| if value == 0.0 { String::new() } else { summary::shown(value) };
    let latency = match number(description.latency_ms) {
        mean if mean.is_empty() => mean,
        mean => format!("{mean} ms, {}", description.latency_dist),
    };
    let mut about = vec![
        ("workload", description.workload.clone()),
        ("program", description.bin.clone()),
        ("command", description.command.join(" ")),
        ("nodes", description.nodes.join(" ")),
        ("clients", number(f64::from(u32::try_from(description.concurrency).unwrap_or(u32::MAX)))),
        ("operations per second", number(description.rate)),
        ("time limit, s", number(description.time_limit_s)),
        ("latency", latency),
        ("faults", description.nemesis.join(", ")),
        ("seed", description.seed.clone()),
    ];
    if let Outcome::Running(progress) = &run.outcome {
        about.push(("operations so far", progress.operations.to_string()));
    }
    about
}

/// Lists the files of a directory and of those below, one more than is shown.
fn list(directory: &Dir, id: &Id, prefix: &str, depth: usize, files: &mut Vec<Listed>) {
    for entry in directory.entries().into_iter().flatten().filter_map(Result::ok) {
        if files.len() > LISTED {
            return;
        }
        let (Ok(kind), Ok(name)) = (entry.file_type(), entry.file_name().into_string()) else {
            continue;
        };
        let path = format!("{prefix}{name}");
        if kind.is_dir() {
            let Ok(below) = entry.open_dir() else { continue };
            if depth < DEEP {
                list(&below, id, &format!("{path}/"), depth + 1, files);
            }
            continue;
        }
        let size = entry.metadata().map_or(0, |metadata| metadata.len());
        files.push(if kind.is_file() {
            let link = Some(link::of_run(id, &path));
            Listed { depth, path, link, size: shown::size(size) }
        } else {
            Listed { depth, path, link: None, size: "not a file".to_owned() }
        });
    }
}
