//! What people look at after a test: `report.html`, and the pictures beside it.
//!
//! Everything is a function of the report. What happened is taken from it once, as a
//! `Scene`; charts and pictures are drawn of that, and `report.html` draws the rest by itself,
//! from `Data`.

mod charts;
mod data;
mod diagram;
pub(crate) mod report;
mod scene;
mod timeline;

use anyhow::{Context, Result};
use eddy::Report;

use self::data::Data;
use self::report::ReportPage;
use self::scene::Scene;
use crate::store::{Description, Page};
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

/// All pages of a test, and in lines how it went wrong; `files` are what else is kept, for links.
pub(crate) fn all(
    report: &Report,
    description: &Description,
    summary: &Summary,
    files: &[&str],
) -> Result<(Vec<Page>, Vec<String>)> {
    let scene = Scene::of(report);
    let title = format!("{}, seed {}", description.workload, description.seed);
    let charts = charts::of(&scene).context("a chart cannot be drawn")?;
    let timeline = timeline::html(&title, &scene)?;
    let messages = diagram::svg(&scene)?;
    let data = Data::of(scene);
    let pictures = ["messages.svg", TIMELINE].into_iter();
    let pictures: Vec<&str> = pictures.chain(charts.iter().map(|chart| chart.file)).collect();
    let files: Vec<&str> = files.iter().copied().chain(pictures).collect();
    let page = ReportPage { description, summary, charts: &charts, files: &files, data: &data };
    let mut pages = vec![
        Page { file: REPORT, text: page.render()? },
        Page { file: "messages.svg", text: messages },
        Page { file: TIMELINE, text: timeline },
    ];
    pages.extend(charts.into_iter().map(|chart| Page { file: chart.file, text: chart.svg }));
    let story = data.contradictions.into_iter().next().map(|first| first.in_short);
    Ok((pages, story.unwrap_or_default()))
}
