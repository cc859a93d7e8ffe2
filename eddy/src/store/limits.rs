//! Limits that become known after a test: they go beside its figures, wherever those are kept.

use std::fs;
use std::io;
use std::path::Path;

use serde::de::DeserializeOwned;

use super::{DESCRIPTION, SUMMARY, replace};
use crate::page::{REPORT, report};
use crate::summary::{Limits, Summary};

/// Puts the limits beside the figures of a recorded test, in its summary and its report, and does
/// nothing where there is no summary: Maelstrom keeps none.
pub(crate) fn keep(directory: &Path, limits: Limits) -> io::Result<()> {
    let Some(summary) = read::<Summary>(&directory.join(SUMMARY)) else { return Ok(()) };
    let summary = summary.limit(limits);
    let mut json = serde_json::to_string_pretty(&summary)?;
    json.push('\n');
    replace::file(&directory.join(SUMMARY), json)?;
    let path = directory.join(REPORT);
    let description = read(&directory.join(DESCRIPTION)).unwrap_or_default();
    let html = fs::read_to_string(&path).ok();
    let html = html.and_then(|html| report::with_summary(&html, &description, &summary));
    html.map_or(Ok(()), |html| replace::file(&path, html))
}

/// What a file of ours holds, unless it is missing or not of ours.
fn read<T: DeserializeOwned>(path: &Path) -> Option<T> {
    serde_json::from_slice(&fs::read(path).ok()?).ok()
}
