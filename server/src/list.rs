//! List of all tests.
//!
//! Filters and order are in the URL, so it can be sent to others, and a reload loses nothing.

mod query;

use std::collections::BTreeSet;
use std::sync::Arc;

use askama::Template;
use axum::extract::{self, State};
use axum::response::Response;
use eddy_pages::page::REPORT;
use eddy_pages::summary::Figure;

use self::query::{Column, ListQuery};
use crate::recorded_test::{RecordedTest, TestStatus};
use crate::response::{self, ErrorPage, read_store};
use crate::server::AppState;
use crate::store_dir::{self, StoreDir};
use crate::{format, link};

/// Tests per page. More would be slow on a phone; fewer would need many page turns.
const TESTS_PER_PAGE: usize = 200;

#[derive(Debug, Template)]
#[template(path = "list.html")]
struct ListPage {
    store: String,
    query: ListQuery,
    headers: Vec<ColumnHeader>,
    choices: Vec<Filter>,
    rows: Vec<TestRow>,
    /// Number of all tests, and of those that match.
    total: usize,
    matching: usize,
    /// Number of the first row, from 1.
    first: usize,
    previous: Option<String>,
    next: Option<String>,
    /// JSON list of all running tests, whether they match or not.
    running: String,
}

/// Column header: a link that sorts by the column.
#[derive(Debug)]
struct ColumnHeader {
    title: &'static str,
    link: String,
    /// `ascending` or `descending`, or empty if another column is sorted.
    sorted: &'static str,
    is_number: bool,
}

/// Filter of the tests that are shown.
#[derive(Debug)]
struct Filter {
    name: &'static str,
    /// Value, title, and true if it is chosen.
    options: Vec<(String, String, bool)>,
}

#[derive(Debug)]
struct TestRow {
    id: String,
    files: String,
    report: Option<String>,
    time: String,
    workload: String,
    program: String,
    nodes: String,
    faults: String,
    status_class: &'static str,
    verdict_text: String,
    /// Reason why there is no verdict, or why the test is not valid.
    why: String,
    /// Title of the column, value, and explanation.
    figures: Vec<(&'static str, String, String)>,
}

pub(crate) async fn page(
    State(app): State<Arc<AppState>>,
    extract::Query(query): extract::Query<ListQuery>,
) -> Result<Response, ErrorPage> {
    let store_dir = app.store_dir.clone();
    let list = read_store(move || Ok(ListPage::of(&store_dir, query))).await?;
    response::page(&list)
}

/// Reads all tests. A store that was removed has none.
fn read(store_dir: &StoreDir) -> Vec<RecordedTest> {
    let Ok(store) = store_dir.open() else { return Vec::new() };
    let tests = store_dir::ids(&store).into_iter();
    tests.filter_map(|id| Some(RecordedTest::read(&store_dir.test(&id).ok()?, &id))).collect()
}

impl ListPage {
    fn of(store_dir: &StoreDir, query: ListQuery) -> ListPage {
        let tests = read(store_dir);
        let total = tests.len();
        let running = tests.iter().filter(|test| test.status() == TestStatus::Running);
        let running: Vec<_> = running.map(|test| test.id.to_string()).collect();
        let choices = filters(&tests, &query);
        let tests = query.select(tests);
        let matching = tests.len();
        let pages = matching.div_ceil(TESTS_PER_PAGE).max(1);
        let page = query.page().min(pages);
        let turn = |page| link::query(&query.on_page(page));
        ListPage {
            store: store_dir.path().display().to_string(),
            headers: Column::ALL.iter().map(|column| ColumnHeader::of(*column, &query)).collect(),
            choices,
            rows: tests
                .iter()
                .skip((page - 1) * TESTS_PER_PAGE)
                .take(TESTS_PER_PAGE)
                .map(TestRow::of)
                .collect(),
            total,
            matching,
            first: (page - 1) * TESTS_PER_PAGE + 1,
            previous: (page > 1).then(|| turn(page - 1)),
            next: (page < pages).then(|| turn(page + 1)),
            // Strings are always valid JSON.
            running: serde_json::to_string(&running).unwrap_or_default(),
            query,
        }
    }

    /// Number of the last row.
    fn last(&self) -> usize {
        self.first + self.rows.len() - 1
    }
}

fn filters(tests: &[RecordedTest], query: &ListQuery) -> Vec<Filter> {
    let choice = |name, all: &str, chosen: &str, options: Vec<(String, String)>| {
        let is_known = options.iter().any(|(value, _)| value == chosen);
        // The chosen value stays visible, even if there is no such test.
        let unknown =
            (!is_known && !chosen.is_empty()).then(|| (chosen.to_owned(), chosen.to_owned()));
        let options = [(String::new(), all.to_owned())].into_iter().chain(options).chain(unknown);
        let options = options.map(|(value, title)| (value.clone(), title, value == chosen));
        Filter { name, options: options.collect() }
    };
    let same =
        |texts: BTreeSet<String>| texts.into_iter().map(|text| (text.clone(), text)).collect();
    let workloads = tests.iter().map(|test| test.id.workload.clone()).collect();
    let programs =
        tests.iter().map(RecordedTest::program).filter(|program| !program.is_empty()).collect();
    let verdicts =
        TestStatus::ALL.map(|verdict| (verdict.class().to_owned(), verdict.title().to_owned()));
    vec![
        choice("workload", "all workloads", &query.workload, same(workloads)),
        choice("program", "all programs", &query.program, same(programs)),
        choice("verdict", "all verdicts", &query.verdict, verdicts.into()),
    ]
}

impl ColumnHeader {
    fn of(column: Column, query: &ListQuery) -> ColumnHeader {
        let (is_sorted, descends) = (query.column() == column, query.descends());
        ColumnHeader {
            title: column.title(),
            link: link::query(&query.sorted(column)),
            sorted: match (is_sorted, descends) {
                (false, _) => "",
                (true, false) => "ascending",
                (true, true) => "descending",
            },
            is_number: column.is_number(),
        }
    }
}

impl TestRow {
    fn of(test: &RecordedTest) -> TestRow {
        let numbers = [Column::MsgsPerOp, Column::Median, Column::Maximum, Column::OkFraction];
        let figure = |(place, column): (usize, &Column)| {
            let figure = test.summary().and_then(|summary| summary.figures.get(place));
            let meaning = figure.and_then(Figure::meaning).unwrap_or_default();
            (column.title(), format::optional_figure(test.figure(place)), meaning)
        };
        let nodes = test.description.nodes.len();
        let why =
            test.summary().and_then(|summary| summary.failure.as_ref().or(summary.reasons.first()));
        TestRow {
            id: test.id.to_string(),
            files: link::of_test(&test.id, ""),
            report: test.has_report.then(|| link::of_test(&test.id, REPORT)),
            time: format::local_time(&test.id.time),
            workload: test.id.workload.clone(),
            program: test.program(),
            nodes: if nodes == 0 { String::new() } else { nodes.to_string() },
            faults: test.description.nemesis.join(", "),
            status_class: test.status().class(),
            verdict_text: test.verdict_text(),
            why: why.cloned().unwrap_or_default(),
            figures: numbers.iter().enumerate().map(figure).collect(),
        }
    }
}
