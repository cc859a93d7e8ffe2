//! Phrases about processes, operations and messages, for sentences about logs.

use crate::history::{Kind, Op, Process};
use crate::kafka::{HistoryIndex, KeyId, LogStep, MessageId, OffsetSlot};
use crate::wording::{MAX_NAMED, time};

/// The process of an operation: `process 4`.
pub(super) fn who(op: &Op) -> String {
    match op.process {
        Process::Client(number) => format!("process {number}"),
        Process::Nemesis => "the nemesis".to_owned(),
    }
}

/// The index and time of an operation: `index 120, 4.523 s`.
pub(super) fn when(op: &Op) -> String {
    format!("index {}, {}", op.index, time(op))
}

/// The invocation and completion of an operation: `index 99 to 101, 0.523 s`.
fn span(index: &HistoryIndex<'_>, completion: &Op) -> String {
    match index.history.invocation(completion) {
        None => when(completion),
        Some(began) => {
            format!("index {} to {}, {}", began.index, completion.index, time(completion))
        }
    }
}

/// The sender of a message, and the outcome: `process 3 sent 14 (index 99 to 101, 0.523 s),
/// acknowledged at offset 8`.
pub(super) fn sent(index: &HistoryIndex<'_>, key: KeyId, message: MessageId) -> String {
    let value = index.message(message).json();
    let Some(at) = index.by_message.writer(key, message) else {
        return format!("nobody sent {value}");
    };
    let (parsed, op) = (index.parsed(at), index.op(at));
    let sent = parsed.sends.iter().rev().find(|sent| (sent.key, sent.message) == (key, message));
    let outcome = match (op.kind, sent.and_then(|sent| sent.offset)) {
        (Kind::Ok, Some(offset)) => format!("acknowledged at offset {offset}"),
        (Kind::Fail, _) => "which failed".to_owned(),
        _ => "which was not acknowledged".to_owned(),
    };
    format!("{} sent {value} ({}), {outcome}", who(op), span(index, op))
}

/// The first report of a message at an offset: `a poll of process 3 (index 12, 0.120 s)`.
pub(super) fn first_report(
    index: &HistoryIndex<'_>,
    key: KeyId,
    offset: i64,
    message: MessageId,
) -> String {
    let Some(at) = index.first_report(key, offset, message) else {
        return "an unknown reply".to_owned();
    };
    let was_sent = index.parsed(at).sends_to(key, offset, message);
    let report = if was_sent { "the reply to a send" } else { "a poll" };
    format!("{report} of {} ({})", who(index.op(at)), when(index.op(at)))
}

/// Both messages of a step: `process 4 polled 7 at offset 6 (index 120, 4.523 s), and then 9 at
/// offset 8 (index 131, 4.530 s)`.
pub(super) fn ends(index: &HistoryIndex<'_>, step: &LogStep, verb: &str) -> String {
    let [first, second] = step.ops.map(|at| index.op(at));
    let [from, to] = [step.from, step.to].map(|message| at_offset(index, step.key, message));
    let (who, first_when, second_when) = (who(first), when(first), when(second));
    if step.ops[0] == step.ops[1] {
        format!("{who} {verb} {from} and then {to} in one operation ({first_when})")
    } else {
        format!("{who} {verb} {from} ({first_when}), and then {to} ({second_when})")
    }
}

/// The messages in these slots, which the operation `reader` skipped: `12 at offset 11, which
/// process 2 sent (index 103 to 106, 0.245 s)`.
pub(super) fn left_out(
    index: &HistoryIndex<'_>,
    key: KeyId,
    slots: &[OffsetSlot],
    reader: &Op,
) -> String {
    let few = slots.iter().take(MAX_NAMED).map(|slot| {
        let message = slot.messages[0];
        let stands = at_offset(index, key, message);
        let Some(writer) = index.by_message.writer(key, message).map(|at| index.op(at)) else {
            return format!("{stands}, which nobody sent");
        };
        let sent = format!("{stands}, which {} sent ({})", who(writer), span(index, writer));
        match index.history.invocation(writer) {
            Some(began) if reader.index < began.index => {
                format!(
                    "{sent}, after this poll: the node gave it an offset below one that had been \
                     polled"
                )
            }
            _ => sent,
        }
    });
    let few: Vec<String> = few.collect();
    match slots.len().saturating_sub(MAX_NAMED) {
        0 => few.join("; "),
        rest => format!("{}; and {rest} more", few.join("; ")),
    }
}

/// A message and its offset: `12 at offset 11`.
fn at_offset(index: &HistoryIndex<'_>, key: KeyId, message: MessageId) -> String {
    let (log, value) = (index.logs.get(key), index.message(message).json());
    match log.slot_of(message) {
        None => format!("{value} at an unknown offset"),
        Some(at) => format!("{value} at offset {}", log.slots()[at].offset),
    }
}
