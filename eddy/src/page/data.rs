//! What `report.html` draws by itself: messages, operations and faults, as JSON.
//!
//! Times are whole microseconds of the history, so what comes before setup is negative. Long lists
//! are columns: entry `i` of each belongs to thing `i`. What refers to a thing of another list is
//! its place in that list, and -1 where there is none.

mod carriers;
mod clues;
mod messages;
mod operations;
mod shown;
mod story;

use std::time::Duration;

use serde::Serialize;

use self::messages::Arrow;
use crate::report::Report;
use crate::report::timeline::Effect;

/// How many messages a page has at most. With more it would be slow to load and to draw; with fewer
/// it would leave out what people want to see.
const MOST_MESSAGES: usize = 100_000;

/// How many operations a page has at most, for the same reasons.
const MOST_OPERATIONS: usize = 50_000;

/// All that there is to draw.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Data {
    /// When the first thing and the last thing happened.
    pub(crate) begin: i64,
    pub(crate) end: i64,
    /// Who sends or receives: nodes, then services, then clients.
    pub(crate) participants: Vec<Participant>,
    /// The `type`s of messages.
    pub(crate) kinds: Vec<String>,
    /// In the order of sending.
    pub(crate) messages: Messages,
    /// What operations are called, `read`.
    pub(crate) functions: Vec<String>,
    /// In the order of beginning.
    pub(crate) operations: Operations,
    /// In the order of beginning.
    pub(crate) faults: Vec<Shade>,
    /// What went wrong, the most telling first.
    pub(crate) contradictions: Vec<Clue>,
    /// What is not in here, and why, in sentences.
    pub(crate) omissions: Vec<String>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Participant {
    pub(crate) name: String,
    /// `node`, `service` or `client`.
    pub(crate) kind: &'static str,
}

/// Columns of messages. One that a fault has doubled is two.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Messages {
    /// Its number on the network.
    pub(crate) id: Vec<u64>,
    /// Participants.
    pub(crate) src: Vec<usize>,
    pub(crate) dest: Vec<usize>,
    pub(crate) kind: Vec<usize>,
    pub(crate) sent: Vec<i64>,
    /// When it arrived or was dropped; if neither happened, the end, or when it was sent if nobody
    /// waited for it any more.
    pub(crate) ended: Vec<i64>,
    /// `received`, `lost` (dropped by a fault) or `under way` (when the test ended), as 0, 1, 2.
    pub(crate) fate: Vec<u8>,
    /// The name of the fault that dropped it, or an empty text.
    pub(crate) fault: Vec<String>,
    /// JSON; its beginning only if it is long.
    pub(crate) body: Vec<String>,
    /// How many bytes the whole body has, where `body` is only its beginning; else 0.
    pub(crate) bytes: Vec<usize>,
}

/// Columns of operations of clients.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Operations {
    pub(crate) process: Vec<u64>,
    /// Functions.
    pub(crate) f: Vec<usize>,
    /// `ok`, `fail` or `info` (nobody knows), as 0, 1, 2.
    pub(crate) outcome: Vec<u8>,
    pub(crate) invoked: Vec<i64>,
    /// When it ended; -1 if it never did.
    pub(crate) completed: Vec<i64>,
    /// The participant that is its client, and the one that was asked.
    pub(crate) client: Vec<i64>,
    pub(crate) node: Vec<i64>,
    /// What was asked and what came of it, in EDN, cut where long.
    pub(crate) value: Vec<String>,
    pub(crate) result: Vec<String>,
    /// Why it did not succeed, or an empty text.
    pub(crate) error: Vec<String>,
    /// Where it stands in `history.edn`: the index of its beginning.
    pub(crate) index: Vec<usize>,
}

/// A fault, from when until when.
#[derive(Debug, Serialize)]
pub(crate) struct Shade {
    /// `partition`.
    pub(crate) fault: String,
    pub(crate) from: i64,
    pub(crate) until: i64,
    /// What it did, and to whom, in words.
    pub(crate) what: String,
    /// The participants that it struck.
    pub(crate) struck: Vec<usize>,
}

/// Something that cannot be, and what shows it.
#[derive(Debug, Serialize)]
pub(crate) struct Clue {
    /// What contradicts what.
    pub(crate) what: String,
    /// How it came about, in lines: the way of a value through the cluster. May be empty.
    pub(crate) story: Vec<String>,
    /// The operations that contradict each other.
    pub(crate) operations: Vec<usize>,
    /// The messages that carried the value that is lost or wrong, or that belong to the operations.
    pub(crate) messages: Vec<usize>,
    /// What to look at: from when until when.
    pub(crate) from: i64,
    pub(crate) until: i64,
}

impl Data {
    /// What there is to draw of a test, which has messages only if they were kept.
    pub(crate) fn of(report: &Report) -> Data {
        let mut arrows = messages::arrows(report);
        let participants = messages::participants(report, &arrows);
        let mut operations = operations::of(report, &participants, &arrows);
        let mut data = Data { participants, ..Data::default() };
        let times = operations.iter().map(|operation| operation.completed.max(operation.invoked));
        let times = arrows.iter().map(|arrow| arrow.ended.unwrap_or(arrow.sent)).chain(times);
        data.end = times.max().unwrap_or_default();
        data.begin = arrows.first().map_or(0, |arrow| arrow.sent).min(0);
        data.leave_out(report, &mut arrows, &mut operations);
        data.contradictions = clues::of(report, &data.participants, &arrows, &operations);
        data.messages = messages::columns(&arrows, &data.participants, data.end, &mut data.kinds);
        data.operations = operations::columns(&operations, &mut data.functions);
        data.faults = data.shades(report);
        data
    }

    /// Takes away what would be too much, as far as possible from where something went wrong.
    fn leave_out(
        &mut self,
        report: &Report,
        arrows: &mut Vec<Arrow<'_>>,
        operations: &mut Vec<operations::Operation<'_>>,
    ) {
        let focus = clues::focus(report, operations);
        let around = |times: &mut dyn Iterator<Item = i64>, most: usize| {
            let before = times.filter(|time| *time < focus).count();
            before.saturating_sub(most / 2)
        };
        let all = arrows.len();
        if all > MOST_MESSAGES {
            let first = around(&mut arrows.iter().map(|arrow| arrow.sent), MOST_MESSAGES);
            let first = first.min(all - MOST_MESSAGES);
            *arrows = arrows.split_off(first);
            arrows.truncate(MOST_MESSAGES);
            self.omissions.push(format!("{MOST_MESSAGES} of {all} messages are shown"));
        }
        let all = operations.len();
        if all > MOST_OPERATIONS {
            let times = &mut operations.iter().map(|operation| operation.invoked);
            let first = around(times, MOST_OPERATIONS).min(all - MOST_OPERATIONS);
            *operations = operations.split_off(first);
            operations.truncate(MOST_OPERATIONS);
            self.omissions.push(format!("{MOST_OPERATIONS} of {all} operations are shown"));
        }
        let log = report.chronicle().messages.as_ref();
        if let Some(since) = log.and_then(|log| log.full_since()) {
            self.omissions.push(format!(
                "messages were kept up to {:.3} s, and then there was no more room",
                since.as_secs_f64()
            ));
        }
    }

    fn shades(&self, report: &Report) -> Vec<Shade> {
        let began = report.chronicle().began;
        let time = |time: Duration| microseconds(began.saturating_add(time)).min(self.end);
        let place = |name: &String| self.participants.iter().position(|known| known.name == *name);
        let shades = report.strikes.iter().map(|strike| Shade {
            fault: strike.harm.fault().to_string(),
            from: time(strike.from),
            until: time(strike.until),
            what: Effect(&strike.harm).to_string(),
            struck: strike.harm.names().iter().filter_map(place).collect(),
        });
        shades.collect()
    }
}

fn microseconds(time: Duration) -> i64 {
    i64::try_from(time.as_micros()).unwrap_or(i64::MAX)
}
