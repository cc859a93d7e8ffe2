//! Parts of sentences about logs: who did what to which message, and when.

use crate::history::{Kind, Op, Process};
use crate::kafka::{Index, Key, Message, Slot, Step};
use crate::sentence::{NAMED, time};

/// `process 4`
pub(super) fn who(op: &Op) -> String {
    match op.process {
        Process::Client(number) => format!("process {number}"),
        Process::Nemesis => "the nemesis".to_owned(),
    }
}

/// `index 120, 4.523 s`
pub(super) fn when(op: &Op) -> String {
    format!("index {}, {}", op.index, time(op))
}

/// The beginning and end of an operation: `index 99 to 101, 0.523 s`.
fn span(index: &Index<'_>, completion: &Op) -> String {
    match index.history.invocation(completion) {
        None => when(completion),
        Some(began) => {
            format!("index {} to {}, {}", began.index, completion.index, time(completion))
        }
    }
}

/// The sender of a message, and the outcome: `process 3 sent 14 (index 99 to 101, 0.523 s),
/// acknowledged at offset 8`.
pub(super) fn sent(index: &Index<'_>, key: Key, message: Message) -> String {
    let value = index.message(message).json();
    let Some(at) = index.facts.writer(key, message) else {
        return format!("nobody sent {value}");
    };
    let (act, op) = (index.act(at), index.op(at));
    let sent = act.sends.iter().rev().find(|sent| (sent.key, sent.message) == (key, message));
    let outcome = match (op.kind, sent.and_then(|sent| sent.offset)) {
        (Kind::Ok, Some(offset)) => format!("acknowledged at offset {offset}"),
        (Kind::Fail, _) => "which failed".to_owned(),
        _ => "which was not acknowledged".to_owned(),
    };
    format!("{} sent {value} ({}), {outcome}", who(op), span(index, op))
}

/// The first to tell that a message stands at an offset: `process 3 polled (index 12, 0.120 s)`.
pub(super) fn witness(index: &Index<'_>, key: Key, offset: i64, message: Message) -> String {
    let Some(at) = index.witness(key, offset, message) else {
        return "somebody was told".to_owned();
    };
    let was_sent = index.act(at).sends_to(key, offset, message);
    let verb = if was_sent { "was told by send_ok" } else { "polled" };
    format!("{} {verb} ({})", who(index.op(at)), when(index.op(at)))
}

/// Both ends of a step: `process 4 polled 7 at offset 6 (index 120, 4.523 s), and next 9 at
/// offset 8 (index 131, 4.530 s)`.
pub(super) fn ends(index: &Index<'_>, step: &Step, verb: &str) -> String {
    let [first, second] = step.ops.map(|at| index.op(at));
    let [from, to] = [step.from, step.to].map(|message| at_offset(index, step.key, message));
    let (who, first_when, second_when) = (who(first), when(first), when(second));
    if step.ops[0] == step.ops[1] {
        format!("{who} {verb} {from} and then {to} in one operation ({first_when})")
    } else {
        format!("{who} {verb} {from} ({first_when}), and next {to} ({second_when})")
    }
}

/// The part of a log that `reader` was not told of: `12 at offset 11, which process 2
/// sent (index 103 to 106, 0.245 s)`.
pub(super) fn left_out(index: &Index<'_>, key: Key, slots: &[Slot], reader: &Op) -> String {
    let few = slots.iter().take(NAMED).map(|slot| {
        let message = slot.messages[0];
        let stands = at_offset(index, key, message);
        let Some(writer) = index.facts.writer(key, message).map(|at| index.op(at)) else {
            return format!("{stands}, which nobody sent");
        };
        let sent = format!("{stands}, which {} sent ({})", who(writer), span(index, writer));
        match index.history.invocation(writer) {
            Some(began) if reader.index < began.index => {
                format!("{sent}: later, so the node gave an offset below one that was polled")
            }
            _ => sent,
        }
    });
    let few: Vec<String> = few.collect();
    match slots.len().saturating_sub(NAMED) {
        0 => few.join("; "),
        rest => format!("{}; and {rest} more", few.join("; ")),
    }
}

/// A message and where it stands in its log: `12 at offset 11`.
fn at_offset(index: &Index<'_>, key: Key, message: Message) -> String {
    let (log, value) = (index.orders.log(key), index.message(message).json());
    match log.index(message) {
        None => format!("{value} at an unknown offset"),
        Some(at) => format!("{value} at offset {}", log.slots()[at].offset),
    }
}
