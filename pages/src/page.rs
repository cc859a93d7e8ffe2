//! Pages of a test: `report.html` and the pictures beside it.
//!
//! Everything is a function of the report. The events of the test are read from it once, into a
//! `ViewModel`. Charts and pictures are drawn from that; `report.html` draws the rest in the
//! browser, from `ReportData`.

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

/// File name of the page with everything.
pub const REPORT: &str = "report.html";

/// File name of the page with operations alone, as in Maelstrom.
pub const TIMELINE: &str = "timeline.html";

/// Style sheet of all pages.
pub const STYLE: &str = include_str!("../templates/style.css");

/// Parts of a name or path between which a line may break: each ends with a separator.
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
