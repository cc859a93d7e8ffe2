//! `messages.svg`: messages as arrows between the lines of those who sent and received them, after
//! Lamport (*Time, Clocks, and the Ordering of Events in a Distributed System*, 1978).
//!
//! Time goes down, and each event has a row of its own, so arrows are told apart even where all of
//! them are instantaneous. What is between two rows may be a microsecond or a second; the times
//! stand at the side. A picture has the messages around the one place where something went wrong,
//! or the first ones; `report.html` has all of them, and a scale.

use std::collections::{BTreeMap, BTreeSet};

use askama::Template;
use eddy::network::Message;
use eddy_text::printable::{excerpt, printable};

use super::data::messages::{self, Arrow};
use super::data::shown;
use super::scene::Scene;

/// How many messages a picture has. Viewers of pictures become slow with more, and people as well.
const MOST: usize = 1_000;

/// How high a row is, and how far lines are apart: less, and texts cover each other.
const ROW: usize = 16;
const COLUMN: usize = 130;

/// Room for the times on the left, and for the names above.
const LEFT: usize = 90;
const TOP: usize = 60;

/// The picture, with all its places in pixels.
#[derive(Template)]
#[template(path = "messages.svg")]
struct Picture<'a> {
    width: usize,
    height: usize,
    top: usize,
    bottom: usize,
    times_end: usize,
    note: String,
    columns: Vec<Column<'a>>,
    rows: Vec<Row>,
    arrows: Vec<Line>,
    bands: Vec<Band>,
}

/// The rows of what happened during a fault.
struct Band {
    y: usize,
    height: usize,
    /// Where its name stands: faults that begin on the same row have theirs below each other.
    text: usize,
    name: String,
}

/// Who sends and receives.
struct Column<'a> {
    name: &'a str,
    x: usize,
}

/// When something happened.
struct Row {
    y: usize,
    time: String,
}

/// A message.
struct Line {
    class: String,
    x1: usize,
    y1: usize,
    x2: usize,
    y2: usize,
    arrives: bool,
    kind: String,
    title: String,
}

/// The picture, as an SVG document.
pub(crate) fn svg(scene: &Scene<'_>) -> askama::Result<String> {
    let (chosen, wrong) = choose(scene);
    let columns = columns(&chosen, scene);
    let (spans, times) = rows(&chosen, scene);
    let all = scene.arrows.len();
    let note = match chosen.len() {
        0 => "There was no message, or none was kept.".to_owned(),
        1 if all == 1 => "The only message".to_owned(),
        few if few == all => format!("All {all} messages"),
        few => format!("{few} of {all} messages; report.html has more"),
    };
    let height = TOP + ROW * (times.len() + 2);
    let arrows = chosen.iter().zip(spans).map(|(place, (begin, end))| {
        let x_of = |name: &str| x(columns.get(name).copied().unwrap_or_default());
        let arrow = &scene.arrows[*place];
        let message = arrow.message;
        Line {
            class: class(arrow, wrong.contains(place), scene.recorded_until.is_some()),
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
    let picture = Picture {
        width: LEFT + COLUMN * columns.len().max(1),
        height,
        top: TOP,
        bottom: height - ROW,
        times_end: LEFT - 30,
        note,
        rows: rows.map(|(row, time)| Row { y: y(row), time: shown::seconds(*time) }).collect(),
        arrows: arrows.collect(),
        bands: bands(&times, scene),
        columns: columns.iter().map(|(name, column)| Column { name, x: x(*column) }).collect(),
    };
    picture.render()
}

impl Line {
    /// Where its text stands.
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

/// What is shown when somebody points at a message.
fn title(arrow: &Arrow<'_>) -> String {
    let Message { id, src, dest, body } = arrow.message;
    let fate = arrow.fault.map(|fault| format!(", lost to {fault}")).unwrap_or_default();
    let body = excerpt(body.get(), shown::MOST_BYTES);
    format!("{src} → {dest}, message {id}{fate}: {body}")
}

/// The messages to show, and which of them belong to what went wrong: those first, then what is
/// around them, or else the first ones; between servers rather than with clients.
fn choose(scene: &Scene<'_>) -> (Vec<usize>, BTreeSet<usize>) {
    let clue = scene.clues.first();
    let wrong: BTreeSet<usize> =
        clue.iter().flat_map(|clue| clue.messages.iter().copied()).take(MOST).collect();
    let (from, until) = clue.map_or((0, i64::MAX), |clue| (clue.from, clue.until));
    let mut chosen = wrong.clone();
    let around = scene.arrows.iter().enumerate();
    let around: Vec<(usize, &Arrow<'_>)> =
        around.filter(|(_, arrow)| (from..=until).contains(&arrow.sent)).collect();
    for is_with_client in [false, true] {
        let those =
            around.iter().filter(|(_, arrow)| arrow.message.involves_client() == is_with_client);
        chosen.extend(those.map(|(place, _)| *place).take(MOST - chosen.len().min(MOST)));
    }
    (chosen.into_iter().collect(), wrong)
}

/// A column for everybody who sends or receives any of the messages, nodes first.
fn columns<'a>(chosen: &[usize], scene: &'a Scene<'_>) -> BTreeMap<&'a str, usize> {
    let arrows = chosen.iter().map(|place| scene.arrows[*place].message);
    let names: BTreeSet<&str> =
        arrows.flat_map(|message| [&*message.src, &*message.dest]).collect();
    let present = scene.participants.iter().map(|participant| participant.name.as_str());
    present.filter(|name| names.contains(name)).zip(0..).collect()
}

/// For each message the rows of its beginning and its end, and the time of each row. Rows are in
/// the order of the log, where causes come before effects even if nothing takes any time.
fn rows(chosen: &[usize], scene: &Scene<'_>) -> (Vec<(usize, usize)>, Vec<i64>) {
    let mut events: Vec<(usize, i64, usize, bool)> = Vec::new();
    for (number, place) in chosen.iter().enumerate() {
        let arrow = &scene.arrows[*place];
        events.push((arrow.sent_as, arrow.sent, number, false));
        let end = arrow.ended_as.zip(arrow.ended);
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

/// A band for each fault during which any of these rows is.
fn bands(times: &[i64], scene: &Scene<'_>) -> Vec<Band> {
    let mut bands: Vec<Band> = Vec::new();
    for shade in &scene.shades {
        let first = times.partition_point(|time| *time < shade.from);
        let rows = times[first..].partition_point(|time| *time < shade.until);
        if rows == 0 {
            continue;
        }
        let top = y(first) - ROW / 2;
        let beside = bands.iter().filter(|band| band.y == top).count();
        let text = y(first + beside) + 4;
        bands.push(Band { y: top, height: ROW * rows, text, name: shade.fault.clone() });
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
        let scene = Scene::of(&report);
        let all: Vec<usize> = (0..scene.arrows.len()).collect();
        let (spans, times) = rows(&all, &scene);
        assert!(times.is_sorted());
        let field = |arrow: &Arrow<'_>, name: &str| {
            let body: serde_json::Value = serde_json::from_str(arrow.message.body.get()).unwrap();
            body[name].as_u64()
        };
        let mut at_once = 0;
        for (number, reply) in scene.arrows.iter().enumerate() {
            let Some(id) = field(reply, "in_reply_to") else { continue };
            let request = scene.arrows.iter().position(|arrow| {
                arrow.message.src == reply.message.dest
                    && arrow.message.dest == reply.message.src
                    && field(arrow, "msg_id") == Some(id)
            });
            let request = request.unwrap();
            assert!(spans[request].1 < spans[number].0, "{request} {number}: {spans:?}");
            at_once += usize::from(scene.arrows[request].sent == reply.sent);
        }
        assert!(at_once > 0, "some took no time at all");
    }

    #[test]
    fn the_rows_of_a_fault_are_a_band_with_its_name() {
        let report = run(&with_partition());
        let scene = Scene::of(&report);
        let (from, until) = (scene.shades[0].from, scene.shades[0].until);
        let shown = bands(&[from - 1, from, until - 1, until], &scene);
        let [Band { y: top, height, name, .. }] = &shown[..] else { panic!("no band") };
        assert_eq!((*top, *height, name.as_str()), (y(1) - ROW / 2, 2 * ROW, "partition"));
        assert!(bands(&[from - 1, until], &scene).is_empty());
        let picture = svg(&scene).unwrap();
        assert_eq!(picture.matches("<rect class=\"fault\"").count(), 1);
    }
}
