//! All tests, in a table.
//!
//! What is asked for, and in which order, stands in the address; so it can be sent to somebody, and
//! nothing is lost by loading the page again.

mod query;

use std::collections::BTreeSet;
use std::sync::Arc;

use askama::Template;
use axum::extract::{self, State};
use axum::response::Response;
use eddy_pages::page::REPORT;
use eddy_pages::summary::Figure;

use self::query::{Column, Query};
use super::App;
use super::answer::{self, Failure, look};
use super::root::{self, Root};
use super::run::{Run, Verdict};
use super::{link, shown};

/// How many tests are on a page. More would be slow on a phone, fewer would be turned often.
const PER_PAGE: usize = 200;

#[derive(Debug, Template)]
#[template(path = "serve/list.html")]
struct List {
    store: String,
    query: Query,
    headers: Vec<Header>,
    choices: Vec<Choice>,
    rows: Vec<Row>,
    /// How many tests there are, and how many of them match.
    total: usize,
    matching: usize,
    /// The number of the first row, from 1.
    first: usize,
    previous: Option<String>,
    next: Option<String>,
    /// Those that are running, whether they match or not, as JSON.
    running: String,
}

/// The head of a column, a link that sorts by it.
#[derive(Debug)]
struct Header {
    title: &'static str,
    link: String,
    /// `ascending` or `descending`, empty if it is sorted by another.
    sorted: &'static str,
    is_number: bool,
}

/// A selection of which tests are shown.
#[derive(Debug)]
struct Choice {
    name: &'static str,
    /// Value, title, and whether it is chosen.
    options: Vec<(String, String, bool)>,
}

#[derive(Debug)]
struct Row {
    id: String,
    files: String,
    report: Option<String>,
    time: String,
    workload: String,
    program: String,
    nodes: String,
    faults: String,
    verdict: &'static str,
    words: String,
    /// Why there is no verdict, or why it is not valid.
    why: String,
    /// The title of the column, the value, and what it measures.
    figures: Vec<(&'static str, String, String)>,
}

pub(super) async fn page(
    State(app): State<Arc<App>>,
    extract::Query(query): extract::Query<Query>,
) -> Result<Response, Failure> {
    let root = app.root.clone();
    let list = look(move || Ok(List::of(&root, query))).await?;
    answer::page(&list)
}

/// Reads all tests; a store that has been removed has none.
fn read(root: &Root) -> Vec<Run> {
    let Ok(store) = root.open() else { return Vec::new() };
    let runs = root::ids(&store).into_iter();
    runs.filter_map(|id| Some(Run::read(&root.run(&id).ok()?, &id))).collect()
}

impl List {
    fn of(root: &Root, query: Query) -> List {
        let runs = read(root);
        let total = runs.len();
        let running = runs.iter().filter(|run| run.verdict() == Verdict::Running);
        let running: Vec<_> = running.map(|run| run.id.to_string()).collect();
        let choices = choices(&runs, &query);
        let runs = query.select(runs);
        let matching = runs.len();
        let pages = matching.div_ceil(PER_PAGE).max(1);
        let page = query.page().min(pages);
        let turn = |page| link::query(&query.turned(page));
        List {
            store: root.path().display().to_string(),
            headers: Column::ALL.iter().map(|column| Header::of(*column, &query)).collect(),
            choices,
            rows: runs.iter().skip((page - 1) * PER_PAGE).take(PER_PAGE).map(Row::of).collect(),
            total,
            matching,
            first: (page - 1) * PER_PAGE + 1,
            previous: (page > 1).then(|| turn(page - 1)),
            next: (page < pages).then(|| turn(page + 1)),
            // Texts always have a form in JSON.
            running: serde_json::to_string(&running).unwrap_or_default(),
            query,
        }
    }

    /// The number of the last row.
    fn last(&self) -> usize {
        self.first + self.rows.len() - 1
    }
}

fn choices(runs: &[Run], query: &Query) -> Vec<Choice> {
    let choice = |name, all: &str, chosen: &str, options: Vec<(String, String)>| {
        let is_known = options.iter().any(|(value, _)| value == chosen);
        // What was asked for stays in sight, even where there is no such test.
        let unknown =
            (!is_known && !chosen.is_empty()).then(|| (chosen.to_owned(), chosen.to_owned()));
        let options = [(String::new(), all.to_owned())].into_iter().chain(options).chain(unknown);
        let options = options.map(|(value, title)| (value.clone(), title, value == chosen));
        Choice { name, options: options.collect() }
    };
    let same =
        |texts: BTreeSet<String>| texts.into_iter().map(|text| (text.clone(), text)).collect();
    let workloads = runs.iter().map(|run| run.id.workload.clone()).collect();
    let programs = runs.iter().map(Run::program).filter(|program| !program.is_empty()).collect();
    let verdicts =
        Verdict::ALL.map(|verdict| (verdict.class().to_owned(), verdict.title().to_owned()));
    vec![
        choice("workload", "all workloads", &query.workload, same(workloads)),
        choice("program", "all programs", &query.program, same(programs)),
        choice("verdict", "all verdicts", &query.verdict, verdicts.into()),
    ]
}

impl Header {
    fn of(column: Column, query: &Query) -> Header {
        let (is_sorted, descends) = (query.column() == column, query.descends());
        Header {
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

impl Row {
    fn of(run: &Run) -> Row {
        let numbers = [Column::MsgsPerOp, Column::Median, Column::Maximum, Column::OkFraction];
        let figure = |(place, column): (usize, &Column)| {
            let figure = run.summary().and_then(|summary| summary.figures.get(place));
            let meaning = figure.and_then(Figure::meaning).unwrap_or_default();
            (column.title(), shown::number_or_none(run.figure(place)), meaning)
        };
        let nodes = run.description.nodes.len();
        let why =
            run.summary().and_then(|summary| summary.failure.as_ref().or(summary.reasons.first()));
        Row {
            id: run.id.to_string(),
            files: link::of_run(&run.id, ""),
            report: run.has_report.then(|| link::of_run(&run.id, REPORT)),
            time: shown::time(&run.id.time),
            workload: run.id.workload.clone(),
            program: run.program(),
            nodes: if nodes == 0 { String::new() } else { nodes.to_string() },
            faults: run.description.nemesis.join(", "),
            verdict: run.verdict().class(),
            words: run.words(),
            why: why.cloned().unwrap_or_default(),
            figures: numbers.iter().enumerate().map(figure).collect(),
        }
    }
}
