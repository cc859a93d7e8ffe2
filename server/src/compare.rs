//! Comparison of two tests: their parameters and their results.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use cap_std::fs::Dir;
use eddy_pages::page::REPORT;
use eddy_pages::summary;

use crate::recorded_test::RecordedTest;
use crate::response::{self, ErrorPage, read_store};
use crate::server::AppState;
use crate::store_dir::{StoreDir, TestId};
use crate::{format, link, overview};

/// Charts to compare.
const CHARTS: [(&str, &str); 4] = [
    ("latency-raw.svg", "Latency of each operation"),
    ("latency-quantiles.svg", "Quantiles of operation latency"),
    ("rate.svg", "Operations per second"),
    ("messages-rate.svg", "Messages per second"),
];

#[derive(Debug, Template)]
#[template(path = "compare.html")]
struct Comparison {
    sides: [ComparedTest; 2],
    about: Vec<ComparedRow>,
    figures: Vec<ComparedRow>,
    charts: Vec<ChartPair>,
}

#[derive(Debug)]
struct ComparedTest {
    letter: &'static str,
    id: String,
    time: String,
    files: String,
    report: Option<String>,
    status_class: &'static str,
    verdict_text: String,
    reasons: Vec<String>,
}

/// Row with the values of both tests.
#[derive(Debug)]
struct ComparedRow {
    name: String,
    sides: [String; 2],
    differs: bool,
    /// Figures only: second minus first, and second divided by first.
    difference: String,
    ratio: String,
}

#[derive(Debug)]
struct ChartPair {
    title: &'static str,
    /// URLs of the pictures, if any.
    sides: [Option<String>; 2],
}

/// Compares the tests `a` and `b`, or both `run`s from the list's form, the older first.
pub(crate) async fn page(
    State(app): State<Arc<AppState>>,
    Query(pairs): Query<Vec<(String, String)>>,
) -> Result<Response, ErrorPage> {
    let named = |name: &str| {
        let values = pairs.iter().filter(|(key, _)| key == name);
        values.map(|(_, value)| value.as_str()).collect::<Vec<_>>()
    };
    match (named("a").as_slice(), named("b").as_slice(), named("run").as_slice()) {
        (&[a], &[b], &[]) => {
            let (a, b) = (id(a)?, id(b)?);
            if a == b {
                return Err(bad_request("Both are the same test. Choose two different ones."));
            }
            let store_dir = app.store_dir.clone();
            response::page(&read_store(move || Comparison::of(&store_dir, [a, b])).await?)
        }
        (&[], &[], &[one, other]) => {
            let (one, other) = (id(one)?, id(other)?);
            let time = |id: &TestId| (format::start_time(&id.time), id.clone());
            let (a, b) = if time(&other) < time(&one) { (other, one) } else { (one, other) };
            let query = link::query(&[("a", a.to_string()), ("b", b.to_string())]);
            Ok(Redirect::to(&format!("/compare?{query}")).into_response())
        }
        _ => Err(bad_request("Two tests can be compared. Choose two in the list.")),
    }
}

fn bad_request(message: &str) -> ErrorPage {
    ErrorPage::new(StatusCode::BAD_REQUEST, message)
}

fn id(text: &str) -> Result<TestId, ErrorPage> {
    TestId::parse(text).ok_or_else(|| {
        bad_request(&format!("{text} is not the name of a test; expected <workload>/<time>."))
    })
}

impl Comparison {
    fn of(store_dir: &StoreDir, ids: [TestId; 2]) -> Result<Comparison, ErrorPage> {
        let read = |id: &TestId| {
            let missing = |_| ErrorPage::not_found(&format!("test {id}"));
            let directory = store_dir.test(id).map_err(missing)?;
            Ok((RecordedTest::read(&directory, id), directory))
        };
        let [a, b] = ids;
        let ((a, a_directory), (b, b_directory)) = (read(&a)?, read(&b)?);
        let about = overview::parameters(&a).into_iter().zip(overview::parameters(&b));
        let about = about.map(|((name, a), (_, b))| ComparedRow::new(name, [a, b]));
        let chart = |(name, title): &(&str, &'static str)| {
            let side = |directory: &Dir, test: &RecordedTest| {
                directory.is_file(name).then(|| link::of_test(&test.id, name))
            };
            ChartPair { title, sides: [side(&a_directory, &a), side(&b_directory, &b)] }
        };
        Ok(Comparison {
            about: about.filter(|line| line.sides.iter().any(|side| !side.is_empty())).collect(),
            figures: figures(&a, &b),
            charts: CHARTS.iter().map(chart).collect(),
            sides: [ComparedTest::of("A", &a), ComparedTest::of("B", &b)],
        })
    }
}

/// All figures that either test has.
fn figures(a: &RecordedTest, b: &RecordedTest) -> Vec<ComparedRow> {
    let of = |test: &RecordedTest| {
        let figures = test.summary().map(|summary| summary.figures.as_slice()).unwrap_or_default();
        figures.iter().map(|figure| (figure.name.clone(), figure.value)).collect::<Vec<_>>()
    };
    let (a, b) = (of(a), of(b));
    let only_b = b.iter().filter(|(name, _)| !a.iter().any(|(other, _)| other == name));
    let names: Vec<_> = a.iter().chain(only_b).map(|(name, _)| name.clone()).collect();
    let value = |figures: &[(String, Option<f64>)], name: &str| {
        figures.iter().find(|(other, _)| other == name).and_then(|(_, value)| *value)
    };
    names
        .iter()
        .map(|name| ComparedRow::of_figure(name, value(&a, name), value(&b, name)))
        .collect()
}

impl ComparedTest {
    fn of(letter: &'static str, test: &RecordedTest) -> ComparedTest {
        let reasons = test
            .summary()
            .map(|summary| summary.failure.iter().chain(&summary.reasons).cloned().collect());
        ComparedTest {
            letter,
            id: test.id.to_string(),
            time: format::local_time(&test.id.time),
            files: link::of_test(&test.id, ""),
            report: test.has_report.then(|| link::of_test(&test.id, REPORT)),
            status_class: test.status().class(),
            verdict_text: test.verdict_text(),
            reasons: reasons.unwrap_or_default(),
        }
    }
}

impl ComparedRow {
    fn new(name: &str, sides: [String; 2]) -> ComparedRow {
        let differs = sides[0] != sides[1];
        let (difference, ratio) = (String::new(), String::new());
        ComparedRow { name: name.to_owned(), sides, differs, difference, ratio }
    }

    fn of_figure(name: &str, a: Option<f64>, b: Option<f64>) -> ComparedRow {
        let mut line = ComparedRow::new(name, [a, b].map(format::optional_figure));
        if let (Some(a), Some(b)) = (a, b) {
            let sign = if b > a {
                "+"
            } else if b < a {
                "−"
            } else {
                ""
            };
            line.difference = format!("{sign}{}", summary::format_figure((b - a).abs()));
            if a != 0.0 {
                line.ratio = format!("× {}", summary::format_figure(b / a));
            }
        }
        line
    }
}
