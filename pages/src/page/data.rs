//! Data that `report.html` draws in the browser: messages, operations and faults, as JSON.
//!
//! Times are whole microseconds of the history, so times before its start are negative. Long
//! lists are columns: entry `i` of each column belongs to item `i`. References are indices into
//! other lists, with -1 for none.

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

/// Everything that the page draws.
#[derive(Debug, Default, Serialize)]
pub(crate) struct ReportData {
    /// Times of the first and the last event.
    pub(crate) begin: i64,
    pub(crate) end: i64,
    /// Senders and receivers: nodes, then services, then clients.
    pub(crate) participants: Vec<Participant>,
    /// Message types.
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

/// Columns of messages. A message that a fault duplicated has two entries.
#[derive(Debug, Default, Serialize)]
pub(crate) struct MessageColumns {
    /// Id on the network.
    pub(crate) id: Vec<u64>,
    /// Indices of participants.
    pub(crate) src: Vec<usize>,
    pub(crate) dest: Vec<usize>,
    pub(crate) kind: Vec<usize>,
    pub(crate) sent: Vec<i64>,
    /// Time of arrival or loss. For a message without either: the end of the test, or its send time
    /// if nobody waited for it any more; or, if that is not recorded, the end of recording.
    pub(crate) ended: Vec<i64>,
    /// Fate: 0 received, 1 lost to a fault, 2 in flight when the test ended, 3 not recorded.
    pub(crate) fate: Vec<u8>,
    /// Name of the fault that dropped the message, or empty.
    pub(crate) fault: Vec<String>,
    /// Body as JSON, truncated if it is long.
    pub(crate) body: Vec<String>,
    /// Size of the whole body in bytes if `body` is truncated, else 0.
    pub(crate) bytes: Vec<usize>,
}

/// Columns of operations of clients.
#[derive(Debug, Default, Serialize)]
pub(crate) struct OperationColumns {
    pub(crate) process: Vec<u64>,
    /// Indices of functions.
    pub(crate) f: Vec<usize>,
    /// Outcome: 0 `ok`, 1 `fail`, 2 `info` (unknown).
    pub(crate) outcome: Vec<u8>,
    pub(crate) invoked: Vec<i64>,
    /// Time of completion, or -1 without one.
    pub(crate) completed: Vec<i64>,
    /// Participants: the client, and the node that it asked.
    pub(crate) client: Vec<i64>,
    pub(crate) node: Vec<i64>,
    /// Requested and returned value in EDN, truncated if long.
    pub(crate) value: Vec<String>,
    pub(crate) result: Vec<String>,
    /// Error, or empty.
    pub(crate) error: Vec<String>,
    /// Index of the invocation in `history.edn`.
    pub(crate) index: Vec<usize>,
}

/// Interval during which a fault was active.
#[derive(Debug, Serialize)]
pub(crate) struct FaultSpan {
    /// Name of the fault, such as `partition`.
    pub(crate) fault: String,
    pub(crate) from: i64,
    pub(crate) until: i64,
    /// Sentence about its effect and its targets.
    pub(crate) what: String,
    /// Participants that the fault struck.
    pub(crate) struck: Vec<usize>,
}

/// Contradiction with its evidence.
#[derive(Debug, Serialize)]
pub(crate) struct ContradictionView {
    /// Description of the contradiction.
    pub(crate) what: String,
    /// Lines that explain its cause: the propagation of a value through the cluster. May be empty.
    pub(crate) evidence: Vec<String>,
    /// The same lines without those about single messages.
    #[serde(skip)]
    pub(crate) summary_lines: Vec<String>,
    /// Operations that contradict each other.
    pub(crate) operations: Vec<usize>,
    /// Messages that carried the lost or wrong value, or that belong to the operations.
    pub(crate) messages: Vec<usize>,
    /// Time window to show.
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
