//! What people look at after a test: `report.html`, and the pictures beside it.
//!
//! Everything is a function of the report. What happened is taken from it once, as a
//! `Scene`; charts and pictures are drawn of that, and `report.html` draws the rest by itself,
//! from `Data`.

mod charts;
mod data;
mod diagram;
pub(crate) mod report;
mod timeline;
mod view_model;

use anyhow::{Context, Result};
use eddy::Report;

use self::data::ReportData;
use self::report::ReportPage;
use self::view_model::ViewModel;
use crate::store::{Description, PageFile};
use crate::summary::Summary;

/// The name of the page that has everything.
pub const REPORT: &str = "report.html";

/// The name of the page of operations alone, as Maelstrom has it.
pub const TIMELINE: &str = "timeline.html";

/// The style sheet of all pages.
pub const STYLE: &str = include_str!("../templates/style.css");

/// A name or a path in parts, between which a line may break: behind what separates its words.
pub fn parts(text: &str) -> impl Iterator<Item = &str> {
    text.split_inclusive(['/', '_', '.', ':', '+', ',', '='])
}

/// Renders all pages of a test, and lines that explain the first contradiction. `files` are the
/// other recorded files, for links.
pub(crate) fn render_all(
    report: &Report,
    description: &Description,
    summary: &Summary,
    files: &[&str],
) -> Result<(Vec<PageFile>, Vec<String>)> {
    let view_model = ViewModel::of(report);
    let title = format!("{}, seed {}", description.workload, description.seed);
    let charts = charts::of(&view_model).context("a chart cannot be drawn")?;
    let timeline = timeline::html(&title, &view_model)?;
    let messages = diagram::svg(&view_model)?;
    let data = ReportData::of(view_model);
    let pictures = ["messages.svg", TIMELINE].into_iter();
    let pictures: Vec<&str> = pictures.chain(charts.iter().map(|chart| chart.file)).collect();
    let files: Vec<&str> = files.iter().copied().chain(pictures).collect();
    let page = ReportPage { description, summary, charts: &charts, files: &files, data: &data };
    let mut pages = vec![
        PageFile { file: REPORT, text: page.render()? },
        PageFile { file: "messages.svg", text: messages },
        PageFile { file: TIMELINE, text: timeline },
    ];
    pages.extend(charts.into_iter().map(|chart| PageFile { file: chart.file, text: chart.svg }));
    let explanation = data.contradictions.into_iter().next().map(|first| first.summary_lines);
    Ok((pages, explanation.unwrap_or_default()))
}
