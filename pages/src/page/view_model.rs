//! View model: the events of a test, read from the report once, for charts and pictures.

use std::ops::Range;
use std::time::Duration;

use eddy::Report;
use eddy::network::Journal;
use eddy::report::faults_txt::EffectText;

use super::data::evidence;
use super::data::messages::{self, Arrow};
use super::data::operations::{self, ViewOperation};
use super::data::{ContradictionView, FaultSpan, Participant, microseconds};

/// Events of a test, in whole microseconds of the history.
#[derive(Debug)]
pub(crate) struct ViewModel<'a> {
    pub(super) report: &'a Report,
    /// Times of the first and the last event.
    pub(super) begin: i64,
    pub(super) end: i64,
    pub(super) participants: Vec<Participant>,
    /// Messages in the order of sending; empty if they were not recorded.
    pub(super) arrows: Vec<Arrow<'a>>,
    /// Operations in the order of invocation.
    pub(super) operations: Vec<ViewOperation<'a>>,
    pub(super) fault_spans: Vec<FaultSpan>,
    /// Evidence of each contradiction, the most telling first.
    pub(super) contradictions: Vec<ContradictionView>,
    /// End of the recording of messages, if before the end of the test.
    pub(super) recorded_until: Option<i64>,
}

impl<'a> ViewModel<'a> {
    /// Reads the events of a test.
    pub(crate) fn of(report: &'a Report) -> ViewModel<'a> {
        let arrows = messages::arrows(report);
        let participants = messages::participants(report, &arrows);
        let operations = operations::of(report, &participants);
        let ended = operations.iter().map(|operation| operation.completed.max(operation.invoked));
        let arrived = arrows.iter().map(|arrow| arrow.ended.unwrap_or(arrow.sent));
        let end = ended.chain(arrived).max().unwrap_or_default();
        let begin = arrows.first().map_or(0, |arrow| arrow.sent).min(0);
        let fault_spans = fault_spans(report, &participants, end);
        let journal = report.network_record().messages.as_ref();
        let recorded_until =
            journal.and_then(Journal::full_since).map(|at| messages::time(report, at));
        let contradictions = Vec::new();
        let view_model = ViewModel {
            report,
            begin,
            end,
            participants,
            arrows,
            operations,
            fault_spans,
            contradictions,
            recorded_until,
        };
        ViewModel { contradictions: evidence::of(&view_model), ..view_model }
    }

    /// Time of the first contradiction, or `i64::MIN` without one.
    pub(super) fn focus(&self) -> i64 {
        let own = self
            .contradictions
            .first()
            .into_iter()
            .flat_map(|contradiction| &contradiction.operations);
        own.map(|place| self.operations[*place].invoked).min().unwrap_or(i64::MIN)
    }
}

/// Indices of the `most` times around `one`, or `None` if there are no more than `most`. The times
/// are ascending.
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

fn fault_spans(report: &Report, participants: &[Participant], end: i64) -> Vec<FaultSpan> {
    let began = report.network_record().strikes_start;
    let time = |time: Duration| microseconds(began.saturating_add(time)).min(end);
    let place = |name: &String| participants.iter().position(|known| known.name == *name);
    let shades = report.strikes.iter().map(|strike| FaultSpan {
        fault: strike.effect.fault().to_string(),
        from: time(strike.from),
        until: time(strike.until),
        what: EffectText(&strike.effect).to_string(),
        struck: strike.effect.targets().iter().filter_map(place).collect(),
    });
    shades.collect()
}
