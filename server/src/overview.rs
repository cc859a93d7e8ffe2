//! Page of one test: its result and its files.

use std::borrow::Cow;
use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::response::{Redirect, Response};
use cap_std::fs::Dir;
use eddy_pages::page::REPORT;
use eddy_pages::summary::{self, Figure, Summary};
use eddy_text::printable::printable;
use eddy_text::shell::quote_words;

use crate::recorded_test::{RecordedTest, TestOutcome, TestStatus};
use crate::response::{self, ErrorPage, read_store};
use crate::server::AppState;
use crate::store_dir::{StoreDir, TestId};
use crate::{format, link};

/// Number of files listed. A node may keep a file per value; more would be slow to show, and nobody
/// would read them.
const MAX_FILES: usize = 1000;

/// Depth of listed directories: `storage/`, a node's, and some below it.
const MAX_DEPTH: usize = 8;

#[derive(Debug, Template)]
#[template(path = "overview.html")]
struct Overview {
    test: RecordedTest,
    status: TestStatus,
    verdict_text: String,
    time: String,
    report: Option<String>,
    /// Names and values of the test's parameters.
    about: Vec<(&'static str, String)>,
    files: Vec<ListedFile>,
    is_cut: bool,
}

/// File below the test's directory.
#[derive(Debug)]
struct ListedFile {
    path: String,
    /// `None` for files that are not served: pipes, sockets, links.
    link: Option<String>,
    size: String,
}

/// Redirects to the URL with a slash at its end, which relative links need.
pub(crate) async fn redirect(
    Path((workload, time)): Path<(String, String)>,
) -> Result<Redirect, ErrorPage> {
    let id = TestId::new(&workload, &time).ok_or_else(|| ErrorPage::not_found("such test"))?;
    Ok(Redirect::permanent(&link::of_test(&id, "")))
}

pub(crate) async fn page(
    State(app): State<Arc<AppState>>,
    Path((workload, time)): Path<(String, String)>,
) -> Result<Response, ErrorPage> {
    let id = TestId::new(&workload, &time).ok_or_else(|| ErrorPage::not_found("such test"))?;
    let store_dir = app.store_dir.clone();
    let overview = read_store(move || Overview::of(&store_dir, &id)).await?;
    response::page(&overview)
}

impl Overview {
    fn of(store_dir: &StoreDir, id: &TestId) -> Result<Overview, ErrorPage> {
        let directory = store_dir.test(id).map_err(|_| ErrorPage::not_found("such test"))?;
        let test = RecordedTest::read(&directory, id);
        let (files, is_cut) = list(&directory, id);
        Ok(Overview {
            status: test.status(),
            verdict_text: test.verdict_text(),
            time: format::local_time(&id.time),
            report: test.has_report.then(|| link::of_test(id, REPORT)),
            about: parameters(&test),
            test,
            files,
            is_cut,
        })
    }

    fn figures(&self) -> &[Figure] {
        self.test.summary().map_or(&[], |summary| &summary.figures)
    }

    /// Failure as a sentence and the lines after it.
    fn failure(&self) -> Option<(Cow<'_, str>, Cow<'_, str>)> {
        let (sentence, lines) = self.test.summary()?.failure_in_parts()?;
        Some((printable(sentence), printable(lines)))
    }

    /// Reasons and warnings, the most serious first.
    fn sentences(&self) -> Vec<Cow<'_, str>> {
        let Some(summary) = self.test.summary() else { return Vec::new() };
        summary.reasons.iter().chain(&summary.warnings).map(|text| printable(text)).collect()
    }

    fn meanings(&self) -> Vec<String> {
        self.test.summary().map(Summary::meanings).unwrap_or_default()
    }

    fn explanation(&self) -> String {
        let Some(summary) = self.test.summary() else { return String::new() };
        printable(&[&summary.explanation[..], &summary.stderr].concat().join("\n")).into_owned()
    }
}

/// Known parameters of a test.
pub(crate) fn parameters(test: &RecordedTest) -> Vec<(&'static str, String)> {
    let description = &test.description;
    let number =
        |value: f64| if value == 0.0 { String::new() } else { summary::format_figure(value) };
    let latency = match number(description.latency_ms) {
        mean if mean.is_empty() => mean,
        mean => format!("{mean} ms, {}", description.latency_dist),
    };
    let clients = match description.concurrency {
        0 => String::new(),
        some => some.to_string(),
    };
    let mut about = vec![
        ("workload", description.workload.clone()),
        ("program", printable(&description.bin).into_owned()),
        ("command", printable(&quote_words(&description.command)).into_owned()),
        ("nodes", description.nodes.join(" ")),
        ("clients", clients),
        ("operations per second", number(description.rate)),
        ("time limit, s", number(description.time_limit_s)),
        ("latency", latency),
        ("faults", description.nemesis.join(", ")),
        ("seed", description.seed.clone()),
    ];
    if let TestOutcome::Running(progress) = &test.outcome {
        about.push(("operations so far", progress.operations.to_string()));
    }
    about
}

/// Files of a test, those of its nodes last, and true if there are more.
fn list(test: &Dir, id: &TestId) -> (Vec<ListedFile>, bool) {
    let mut files = Vec::new();
    let mut level = vec![String::new()];
    for _depth in 0..=MAX_DEPTH {
        let mut below = Vec::new();
        let mut found = Vec::new();
        for prefix in level {
            let path = if prefix.is_empty() { "." } else { &prefix };
            for entry in test.read_dir(path).into_iter().flatten().filter_map(Result::ok) {
                let (Ok(kind), Ok(name)) = (entry.file_type(), entry.file_name().into_string())
                else {
                    continue;
                };
                let path = format!("{prefix}{name}");
                if kind.is_dir() {
                    below.push(format!("{path}/"));
                } else {
                    found.push((path, entry, kind.is_file()));
                }
            }
        }
        found.sort_unstable_by(|(one, ..), (other, ..)| one.cmp(other));
        for (path, entry, is_file) in found {
            if files.len() == MAX_FILES {
                return (files, true);
            }
            files.push(if is_file {
                let size = entry.metadata().map_or(0, |metadata| metadata.len());
                ListedFile { link: Some(link::of_test(id, &path)), path, size: format::size(size) }
            } else {
                ListedFile { path, link: None, size: "not a file".to_owned() }
            });
        }
        below.sort_unstable();
        level = below;
    }
    (files, false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_of_files_of_a_node_do_not_hide_those_of_the_test() {
        let path = std::env::temp_dir().join(format!("eddy-overview-{}", std::process::id()));
        let storage = path.join("a-storage/n0");
        std::fs::create_dir_all(&storage).unwrap();
        std::fs::write(path.join("results.edn"), "{}").unwrap();
        for number in 0..=MAX_FILES {
            std::fs::write(storage.join(number.to_string()), "").unwrap();
        }
        let directory = Dir::open_ambient_dir(&path, cap_std::ambient_authority()).unwrap();
        let id = TestId::new("echo", "t").unwrap();
        let (files, is_cut) = list(&directory, &id);
        std::fs::remove_dir_all(&path).unwrap();
        assert!(is_cut);
        assert_eq!(files.len(), MAX_FILES);
        let paths: Vec<&str> = files.iter().take(3).map(|file| file.path.as_str()).collect();
        assert_eq!(paths, ["results.edn", "a-storage/n0/0", "a-storage/n0/1"]);
    }
}
