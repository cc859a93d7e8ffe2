//! What `report.html` draws by itself: messages, operations and faults, as JSON.
//!
//! Times are whole microseconds of the history, so what comes before setup is negative. Long lists
//! are columns: entry `i` of each belongs to thing `i`. What refers to a thing of another list is
//! its place in that list, and -1 where there is none.

pub(super) mod evidence;
pub(super) mod messages;
mod omissions;
pub(super) mod operations;
mod propagation;
pub(super) mod truncate;
mod value_messages;
#[cfg(test)]
pub(super) mod tests;

use std::time::Duration;

use serde::Serialize;

use super::view_model::ViewModel;

/// All that there is to draw.
#[derive(Debug, Default, Serialize)]
pub(crate) struct ReportData {
    /// Times of the first and the last event.
    pub(crate) begin: i64,
    pub(crate) end: i64,
    /// Who sends or receives: nodes, then services, then clients.
    pub(crate) participants: Vec<Participant>,
    /// The `type`s of messages.
    pub(crate) kinds: Vec<String>,
    /// In the order of sending.
    pub(crate) messages: MessageColumns,
    /// Names of operations, such as `read`.
    pub(crate) functions: Vec<String>,
    /// In the order of invocation.
    pub(crate) operations: OperationColumns,
    /// In the order of their start.
    pub(crate) faults: Vec<FaultSpan>,
    /// Evidence of each contradiction, the most telling first.
    pub(crate) contradictions: Vec<ContradictionView>,
    /// Sentences about data that was left out, and why.
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
pub(crate) struct MessageColumns {
    /// Id on the network.
    pub(crate) id: Vec<u64>,
    /// Participants.
    pub(crate) src: Vec<usize>,
    pub(crate) dest: Vec<usize>,
    pub(crate) kind: Vec<usize>,
    pub(crate) sent: Vec<i64>,
    /// When it arrived or was dropped; if neither happened, the end, or when it was sent if nobody
    /// waited for it any more; if that is not recorded, when recording ended.
    pub(crate) ended: Vec<i64>,
    /// `received`, `lost` (dropped by a fault), `under way` (when the test ended) or not recorded,
    /// as 0, 1, 2, 3.
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
pub(crate) struct OperationColumns {
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
pub(crate) struct FaultSpan {
    /// Name of the fault, such as `partition`.
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
pub(crate) struct ContradictionView {
    /// Description of the contradiction.
    pub(crate) what: String,
    /// How it came about, in lines: the way of a value through the cluster. May be empty.
    pub(crate) story: Vec<String>,
    /// The same without the messages.
    #[serde(skip)]
    pub(crate) summary_lines: Vec<String>,
    /// Operations that contradict each other.
    pub(crate) operations: Vec<usize>,
    /// The messages that carried the value that is lost or wrong, or that belong to the operations.
    pub(crate) messages: Vec<usize>,
    /// What to look at: from when until when.
    pub(crate) from: i64,
    pub(crate) until: i64,
}

impl ReportData {
    /// Data of a test. It has messages only if the test recorded them.
    pub(crate) fn of(mut view_model: ViewModel<'_>) -> ReportData {
        let omissions = omissions::leave_out(&mut view_model);
        let ViewModel { begin, end, participants, arrows, operations, fault_spans, .. } =
            view_model;
        let ViewModel { contradictions, recorded_until, .. } = view_model;
        let (mut kinds, mut functions) = (Vec::new(), Vec::new());
        ReportData {
            begin,
            end,
            messages: messages::columns(&arrows, &participants, end, recorded_until, &mut kinds),
            operations: operations::columns(&operations, &participants, &mut functions),
            participants,
            kinds,
            functions,
            faults: fault_spans,
            contradictions,
            omissions,
        }
    }
}

pub(super) fn microseconds(time: Duration) -> i64 {
    i64::try_from(time.as_micros()).unwrap_or(i64::MAX)
}
