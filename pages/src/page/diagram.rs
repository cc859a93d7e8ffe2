//! `messages.svg`: a sequence diagram, after Lamport (*Time, Clocks, and the Ordering of Events in
//! a Distributed System*, 1978).
//!
//! Time goes down, and each event has its own row, so arrows can be told apart even if all are
//! instantaneous. The distance between two rows may be a microsecond or a second; the times are at
//! the side. The picture has the messages around the first contradiction, or else the first
//! messages; `report.html` has all of them, on a time scale.

use std::collections::{BTreeMap, BTreeSet};

use askama::Template;
use eddy::network::NetworkMessage;
use eddy_text::printable::{excerpt, printable};

use super::data::messages::{self, Arrow};
use super::data::truncate;
use super::view_model::ViewModel;

/// Messages of a picture at most. With more, picture viewers become slow and people lost.
const MAX_MESSAGES: usize = 1_000;

/// Row height and distance of lifelines: with less, texts cover each other.
const ROW: usize = 16;
const COLUMN: usize = 130;

/// Space for times at the left and names at the top.
const LEFT: usize = 90;
const TOP: usize = 60;

/// Template of the picture, with coordinates in pixels.
#[derive(Template)]
#[template(path = "messages.svg")]
struct MessageDiagram<'a> {
    width: usize,
    height: usize,
    top: usize,
    bottom: usize,
    times_end: usize,
    note: String,
    columns: Vec<Lifeline<'a>>,
    rows: Vec<EventRow>,
    arrows: Vec<ArrowLine>,
    bands: Vec<FaultBand>,
}

/// Rows of the events during a fault.
struct FaultBand {
    y: usize,
    height: usize,
    /// Y of its name. Names of faults that begin on the same row are below each other.
    text: usize,
    name: String,
}

/// Vertical line of a participant.
struct Lifeline<'a> {
    name: &'a str,
    x: usize,
}

/// Row of an event.
struct EventRow {
    y: usize,
    time: String,
}

/// Arrow of a message.
struct ArrowLine {
    class: String,
    x1: usize,
    y1: usize,
    x2: usize,
    y2: usize,
    arrives: bool,
    kind: String,
    title: String,
}

/// Renders the picture as an SVG document.
pub(crate) fn svg(view_model: &ViewModel<'_>) -> askama::Result<String> {
    let (chosen, wrong) = select_messages(view_model);
    let columns = lifeline_columns(&chosen, view_model);
    let (spans, times) = rows(&chosen, view_model);
    let all = view_model.arrows.len();
    let note = match chosen.len() {
        0 => "No messages were sent or recorded.".to_owned(),
        1 if all == 1 => "The only message".to_owned(),
        few if few == all => format!("All {all} messages"),
        few => format!("{few} of {all} messages; report.html has more"),
    };
    let height = TOP + ROW * (times.len() + 2);
    let arrows = chosen.iter().zip(spans).map(|(place, (begin, end))| {
        let x_of = |name: &str| x(columns.get(name).copied().unwrap_or_default());
        let arrow = &view_model.arrows[*place];
        let message = arrow.message;
        ArrowLine {
            class: class(arrow, wrong.contains(place), view_model.recorded_until.is_some()),
            x1: x_of(&message.src),
            y1: y(begin),
            x2: x_of(&message.dest),
            y2: y(end),
            arrives: arrow.ended.is_some() && arrow.fault.is_none(),
            kind: printable(&messages::kind(message)).into_owned(),
            title: title(arrow),
        }
    });
    let rows = times.iter().enumerate();
    let picture = MessageDiagram {
        width: LEFT + COLUMN * columns.len().max(1),
        height,
        top: TOP,
        bottom: height - ROW,
        times_end: LEFT - 30,
        note,
        rows: rows
            .map(|(row, time)| EventRow { y: y(row), time: truncate::seconds(*time) })
            .collect(),
        arrows: arrows.collect(),
        bands: bands(&times, view_model),
        columns: columns.iter().map(|(name, column)| Lifeline { name, x: x(*column) }).collect(),
    };
    picture.render()
}

impl ArrowLine {
    /// Position of the arrow's text.
    fn middle(&self) -> (usize, usize) {
        (usize::midpoint(self.x1, self.x2), usize::midpoint(self.y1, self.y2) - 2)
    }
}

fn class(arrow: &Arrow<'_>, is_wrong: bool, is_cut_short: bool) -> String {
    let is_lost = arrow.fault.is_some() || arrow.ended.is_none() && !is_cut_short;
    let classes = [
        ("message", true),
        ("client", arrow.message.involves_client()),
        ("lost", is_lost),
        ("wrong", is_wrong),
    ];
    let classes = classes.into_iter().filter(|(_, applies)| *applies).map(|(class, _)| class);
    classes.collect::<Vec<_>>().join(" ")
}

/// Tooltip of a message.
fn title(arrow: &Arrow<'_>) -> String {
    let NetworkMessage { id, src, dest, body } = arrow.message;
    let fate = arrow.fault.map(|fault| format!(", lost to {fault}")).unwrap_or_default();
    let body = excerpt(body.get(), truncate::MAX_BYTES);
    format!("{src} → {dest}, message {id}{fate}: {body}")
}

/// Messages to show, and those among them that belong to the first contradiction. These come first,
/// then messages around them, or else the first ones; messages between servers are preferred to
/// those with clients.
fn select_messages(view_model: &ViewModel<'_>) -> (Vec<usize>, BTreeSet<usize>) {
    let contradiction = view_model.contradictions.first();
    let wrong: BTreeSet<usize> = contradiction
        .iter()
        .flat_map(|contradiction| contradiction.messages.iter().copied())
        .take(MAX_MESSAGES)
        .collect();
    let (from, until) = contradiction
        .map_or((0, i64::MAX), |contradiction| (contradiction.from, contradiction.until));
    let mut chosen = wrong.clone();
    let around = view_model.arrows.iter().enumerate();
    let around: Vec<(usize, &Arrow<'_>)> =
        around.filter(|(_, arrow)| (from..=until).contains(&arrow.sent)).collect();
    for is_with_client in [false, true] {
        let those =
            around.iter().filter(|(_, arrow)| arrow.message.involves_client() == is_with_client);
        chosen.extend(
            those.map(|(place, _)| *place).take(MAX_MESSAGES - chosen.len().min(MAX_MESSAGES)),
        );
    }
    (chosen.into_iter().collect(), wrong)
}

/// Column of each participant that sends or receives any of the messages, nodes first.
fn lifeline_columns<'a>(
    chosen: &[usize],
    view_model: &'a ViewModel<'_>,
) -> BTreeMap<&'a str, usize> {
    let arrows = chosen.iter().map(|place| view_model.arrows[*place].message);
    let names: BTreeSet<&str> =
        arrows.flat_map(|message| [&*message.src, &*message.dest]).collect();
    let present = view_model.participants.iter().map(|participant| participant.name.as_str());
    present.filter(|name| names.contains(name)).zip(0..).collect()
}

/// Rows of each message's send and end, and the time of each row. Rows are in the order of the log,
/// where causes come before effects even if nothing takes any time.
fn rows(chosen: &[usize], view_model: &ViewModel<'_>) -> (Vec<(usize, usize)>, Vec<i64>) {
    let mut events: Vec<(usize, i64, usize, bool)> = Vec::new();
    for (number, place) in chosen.iter().enumerate() {
        let arrow = &view_model.arrows[*place];
        events.push((arrow.send_index, arrow.sent, number, false));
        let end = arrow.end_index.zip(arrow.ended);
        events.extend(end.map(|(ended_as, ended)| (ended_as, ended, number, true)));
    }
    events.sort_unstable();
    let mut spans = vec![(0, 0); chosen.len()];
    for (row, (.., number, is_end)) in events.iter().enumerate() {
        if !is_end {
            spans[*number].0 = row;
        }
        spans[*number].1 = row;
    }
    (spans, events.into_iter().map(|(_, time, ..)| time).collect())
}

/// Band of each fault during which any of these rows is.
fn bands(times: &[i64], view_model: &ViewModel<'_>) -> Vec<FaultBand> {
    let mut bands: Vec<FaultBand> = Vec::new();
    for fault_span in &view_model.fault_spans {
        let first = times.partition_point(|time| *time < fault_span.from);
        let rows = times[first..].partition_point(|time| *time < fault_span.until);
        if rows == 0 {
            continue;
        }
        let top = y(first) - ROW / 2;
        let beside = bands.iter().filter(|band| band.y == top).count();
        let text = y(first + beside) + 4;
        bands.push(FaultBand { y: top, height: ROW * rows, text, name: fault_span.fault.clone() });
    }
    bands
}

fn x(column: usize) -> usize {
    LEFT + COLUMN * column + COLUMN / 2
}

fn y(row: usize) -> usize {
    TOP + ROW * (row + 1)
}

#[cfg(test)]
mod tests {
    use eddy::Test;
    use eddy::latency::Latency;

    use super::super::data::tests::{run, test, with_partition};
    use super::*;

    #[test]
    fn causes_are_above_effects_even_where_nothing_takes_any_time() {
        let report = run(&Test { latency: Latency::default(), ..test() });
        let view_model = ViewModel::of(&report);
        let all: Vec<usize> = (0..view_model.arrows.len()).collect();
        let (spans, times) = rows(&all, &view_model);
        assert!(times.is_sorted());
        let field = |arrow: &Arrow<'_>, name: &str| {
            let body: serde_json::Value = serde_json::from_str(arrow.message.body.get()).unwrap();
            body[name].as_u64()
        };
        let mut at_once = 0;
        for (number, reply) in view_model.arrows.iter().enumerate() {
            let Some(id) = field(reply, "in_reply_to") else { continue };
            let request = view_model.arrows.iter().position(|arrow| {
                arrow.message.src == reply.message.dest
                    && arrow.message.dest == reply.message.src
                    && field(arrow, "msg_id") == Some(id)
            });
            let request = request.unwrap();
            assert!(spans[request].1 < spans[number].0, "{request} {number}: {spans:?}");
            at_once += usize::from(view_model.arrows[request].sent == reply.sent);
        }
        assert!(at_once > 0, "some took no time at all");
    }

    #[test]
    fn the_rows_of_a_fault_have_a_band_with_its_name() {
        let report = run(&with_partition());
        let view_model = ViewModel::of(&report);
        let (from, until) = (view_model.fault_spans[0].from, view_model.fault_spans[0].until);
        let shown = bands(&[from - 1, from, until - 1, until], &view_model);
        let [FaultBand { y: top, height, name, .. }] = &shown[..] else { panic!("no band") };
        assert_eq!((*top, *height, name.as_str()), (y(1) - ROW / 2, 2 * ROW, "partition"));
        assert!(bands(&[from - 1, until], &view_model).is_empty());
        let picture = svg(&view_model).unwrap();
        assert_eq!(picture.matches("<rect class=\"fault\"").count(), 1);
    }
}
