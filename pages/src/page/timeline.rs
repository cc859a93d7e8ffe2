//! `timeline.html`: operations as bars with a column for each process, as in Jepsen.
//!
//! Time goes down. Each invocation and each completion has its own row, so a bar always has room
//! for its text, and two bars are side by side if and only if the operations were concurrent.

use std::collections::{BTreeMap, BTreeSet};

use askama::Template;
use eddy_checkers::history::Kind;
use eddy_text::printable::printable;

use super::data::operations::ViewOperation;
use super::data::truncate;
use super::view_model::{ViewModel, around};

/// Operations of a page at most: as many as Jepsen draws. Browsers become slow with more.
const MAX_OPERATIONS: usize = 10_000;

/// Row height and distance of columns, in pixels.
const ROW: usize = 16;
const COLUMN: usize = 150;

/// Space for the numbers of processes.
const TOP: usize = 20;

#[derive(Template)]
#[template(path = "timeline.html")]
struct TimelineTemplate<'a> {
    title: &'a str,
    note: String,
    width: usize,
    height: usize,
    processes: Vec<ProcessColumn>,
    operations: Vec<OperationBar>,
}

struct ProcessColumn {
    number: u64,
    left: usize,
}

struct OperationBar {
    index: usize,
    outcome: &'static str,
    is_wrong: bool,
    left: usize,
    top: usize,
    height: usize,
    text: String,
    times: String,
}

/// Renders the page of a test with this title.
pub(crate) fn html(title: &str, view_model: &ViewModel<'_>) -> askama::Result<String> {
    let all = view_model.operations.len();
    let invoked = view_model.operations.iter().map(|operation| operation.invoked);
    let range = around(invoked, view_model.focus(), MAX_OPERATIONS).unwrap_or(0..all);
    let (first, few) = (range.start, range.len());
    let shown = &view_model.operations[range];
    let note = match first {
        _ if all == 1 => "The only operation.".to_owned(),
        _ if few == all => format!("All {all} operations."),
        0 => format!("The first {few} of {all} operations; history.txt has all."),
        _ => format!("{few} of {all} operations, around what went wrong; history.txt has all."),
    };
    let columns: BTreeSet<u64> = shown.iter().map(|operation| operation.process).collect();
    let columns: BTreeMap<u64, usize> = columns.into_iter().zip(0..).collect();
    let wrong: BTreeSet<usize> = view_model
        .contradictions
        .iter()
        .flat_map(|contradiction| contradiction.operations.iter().copied())
        .collect();
    let rows = rows(shown);
    let bars = shown.iter().zip(&rows.spans).enumerate();
    let bars = bars.map(|(place, (operation, (begin, end)))| OperationBar {
        index: operation.begin.index,
        outcome: outcome(operation),
        is_wrong: wrong.contains(&(first + place)),
        left: COLUMN * columns.get(&operation.process).copied().unwrap_or_default(),
        top: TOP + ROW * begin,
        height: ROW * (end - begin).max(1),
        text: text(operation),
        times: times(operation),
    });
    let processes = columns.iter();
    let page = TimelineTemplate {
        title,
        note,
        width: COLUMN * columns.len(),
        height: TOP + ROW * (rows.count + 2),
        processes: processes
            .map(|(number, column)| ProcessColumn { number: *number, left: COLUMN * column })
            .collect(),
        operations: bars.collect(),
    };
    page.render()
}

/// First and last rows of bars.
struct BarRows {
    spans: Vec<(usize, usize)>,
    count: usize,
}

/// Rows are in the order of the history, which is finer than times: a client may complete an
/// operation and invoke another in the same microsecond. An operation without completion lasts to
/// the end.
fn rows(operations: &[ViewOperation<'_>]) -> BarRows {
    let mut events: Vec<(usize, bool, usize)> = Vec::new();
    for (place, operation) in operations.iter().enumerate() {
        events.push((operation.begin.index, false, place));
        events.push((operation.end.map_or(usize::MAX, |end| end.index), true, place));
    }
    events.sort_unstable();
    let mut spans = vec![(0, 0); operations.len()];
    for (row, (_, is_end, place)) in events.iter().enumerate() {
        if *is_end {
            spans[*place].1 = row;
        } else {
            spans[*place].0 = row;
        }
    }
    BarRows { spans, count: events.len() }
}

/// Outcome in a word, which is also its CSS class. An operation without completion may have
/// happened.
fn outcome(operation: &ViewOperation<'_>) -> &'static str {
    operation.end.map_or(Kind::Info, |end| end.kind).name()
}

/// Requested value, result and error.
fn text(operation: &ViewOperation<'_>) -> String {
    let ViewOperation { begin, end, .. } = operation;
    let mut text = format!("{} {}", begin.f, truncate::value(&begin.value));
    if let Some(end) = end.filter(|end| end.value != begin.value) {
        text.extend([" → ", &truncate::value(&end.value)]);
    }
    if let Some(error) = end.and_then(|end| end.error.as_ref()) {
        text.extend([" ", &truncate::value(error)]);
    }
    printable(&text).into_owned()
}

fn times(operation: &ViewOperation<'_>) -> String {
    let (process, invoked) = (operation.process, truncate::seconds(operation.invoked));
    match operation.end {
        Some(_) => {
            let completed = truncate::seconds(operation.completed);
            format!("process {process}, {invoked} to {completed}, {}", outcome(operation))
        }
        None => format!("process {process}, {invoked}, and it never ended"),
    }
}

#[cfg(test)]
mod tests {
    use eddy::Test;
    use eddy::latency::Latency;

    use super::super::data::tests::{run, test};
    use super::*;

    #[test]
    fn bars_of_a_process_are_below_each_other_even_where_nothing_takes_any_time() {
        let report = run(&Test { latency: Latency::default(), rate: 100.0, ..test() });
        let view_model = ViewModel::of(&report);
        let rows = rows(&view_model.operations);
        let mut free: BTreeMap<u64, usize> = BTreeMap::new();
        for (operation, (begin, end)) in view_model.operations.iter().zip(&rows.spans) {
            assert!(begin < end);
            let before = free.insert(operation.process, *end);
            assert!(before.is_none_or(|before| before < *begin), "{:?}", operation.begin);
        }
        assert!(
            view_model.operations.iter().any(|operation| operation.invoked == operation.completed)
        );
    }
}
