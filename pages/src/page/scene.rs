//! All that a page shows of what happened: taken from the report once, for charts and pictures.

use std::ops::Range;
use std::time::Duration;

use eddy::Report;
use eddy::network::Log;
use eddy::report::timeline::Effect;

use super::data::clues;
use super::data::messages::{self, Arrow};
use super::data::operations::{self, Operation};
use super::data::{Clue, Participant, Shade, microseconds};

/// What happened, in whole microseconds of the history.
#[derive(Debug)]
pub(crate) struct Scene<'a> {
    pub(super) report: &'a Report,
    /// When the first thing and the last thing happened.
    pub(super) begin: i64,
    pub(super) end: i64,
    pub(super) participants: Vec<Participant>,
    /// Messages in the order of sending; none if they were not kept.
    pub(super) arrows: Vec<Arrow<'a>>,
    /// Operations in the order of beginning.
    pub(super) operations: Vec<Operation<'a>>,
    pub(super) shades: Vec<Shade>,
    /// What went wrong, the most telling first.
    pub(super) clues: Vec<Clue>,
    /// Until when it is recorded what became of messages, if not until the end.
    pub(super) recorded_until: Option<i64>,
}

impl<'a> Scene<'a> {
    /// What happened in a test.
    pub(crate) fn of(report: &'a Report) -> Scene<'a> {
        let arrows = messages::arrows(report);
        let participants = messages::participants(report, &arrows);
        let operations = operations::of(report, &participants);
        let ended = operations.iter().map(|operation| operation.completed.max(operation.invoked));
        let arrived = arrows.iter().map(|arrow| arrow.ended.unwrap_or(arrow.sent));
        let end = ended.chain(arrived).max().unwrap_or_default();
        let begin = arrows.first().map_or(0, |arrow| arrow.sent).min(0);
        let shades = shades(report, &participants, end);
        let log = report.chronicle().messages.as_ref();
        let recorded_until = log.and_then(Log::full_since).map(|at| messages::time(report, at));
        let clues = Vec::new();
        let scene = Scene {
            report,
            begin,
            end,
            participants,
            arrows,
            operations,
            shades,
            clues,
            recorded_until,
        };
        Scene { clues: clues::of(&scene), ..scene }
    }

    /// When the first contradiction is, or the beginning of time if there is none.
    pub(super) fn focus(&self) -> i64 {
        let own = self.clues.first().into_iter().flat_map(|clue| &clue.operations);
        own.map(|place| self.operations[*place].invoked).min().unwrap_or(i64::MIN)
    }
}

/// The `most` of these ascending times that are around one, if they are more.
pub(super) fn around(
    times: impl ExactSizeIterator<Item = i64>,
    one: i64,
    most: usize,
) -> Option<Range<usize>> {
    let spare = times.len().checked_sub(most).filter(|spare| *spare > 0)?;
    let before = times.take_while(|time| *time < one).count();
    let first = before.saturating_sub(most / 2).min(spare);
    Some(first..first + most)
}

fn shades(report: &Report, participants: &[Participant], end: i64) -> Vec<Shade> {
    let began = report.chronicle().began;
    let time = |time: Duration| microseconds(began.saturating_add(time)).min(end);
    let place = |name: &String| participants.iter().position(|known| known.name == *name);
    let shades = report.strikes.iter().map(|strike| Shade {
        fault: strike.harm.fault().to_string(),
        from: time(strike.from),
        until: time(strike.until),
        what: Effect(&strike.harm).to_string(),
        struck: strike.harm.names().iter().filter_map(place).collect(),
    });
    shades.collect()
}
