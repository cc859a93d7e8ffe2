//! One kind of error: how often, the worst of them, and the first ones in words.

use super::{
    acts::{Act, Acts, Key, Message},
    contradictions::Evidence,
    facts::Facts,
    version_orders::{Slot, VersionOrders},
};
use crate::{
    contradiction::{self, Contradiction},
    edn::{Map, Value},
    history::{History, Kind, Op, Process},
    sentence::{NAMED, time},
};

/// All errors of one kind in a history.
#[derive(Debug, Clone, PartialEq)]
pub struct Anomaly {
    /// Upstream's name: `poll-skip`.
    pub name: &'static str,
    /// How many there are.
    pub count: usize,
    /// Those that results show; upstream decides which, and shows them in a list.
    pub errors: Value,
    /// The first of them in words.
    pub explanation: Vec<String>,
    /// The operations of the first of them.
    pub contradictions: Vec<Contradiction>,
}

/// How many errors of a kind are explained: one to understand it, more to see what they share.
const EXPLAINED: usize = 3;

/// How many errors are shown of those kinds of which upstream shows all. Each quotes operations
/// whole, and a last poll is long: in a history of 17,000 operations, 100 errors took 2 MB.
const SHOWN: usize = 128;

impl Anomaly {
    /// Whether it makes a history invalid. Upstream lets a log interleave what one client sends.
    pub fn is_bad(&self) -> bool {
        self.name != "int-send-skip"
    }

    /// What stands under its name.
    pub(super) fn to_edn(&self) -> Value {
        Map::new().with("count", self.count).with("errs", self.errors.clone()).into()
    }
}

/// Which of the errors of a kind are shown.
#[derive(Debug, Clone, Copy)]
pub(super) enum Shown {
    /// As many as there are, within reason.
    All,
    /// The least by a measure.
    Least(usize),
    /// The greatest by a measure, the greatest last.
    Greatest(usize),
}

/// Something that contradicts the claim that keys are logs.
pub(super) trait Case {
    /// What stands in results.
    fn to_edn(&self, told: &Told<'_>) -> Value;
    /// The same, for people.
    fn sentence(&self, told: &Told<'_>) -> String;
    /// The operations that show it, as far as they can be named.
    fn evidence(&self, told: &Told<'_>) -> Evidence;
    /// The place of the operation that showed it.
    fn shown_at(&self) -> usize;
    /// How much it is; errors of a kind are sorted by it.
    fn measure(&self) -> i64 {
        0
    }
}

/// Sums up the errors of a kind, which are in upstream's order; `None` if there are none.
pub(super) fn anomaly<C: Case>(
    name: &'static str,
    cases: &[C],
    shown: Shown,
    told: &Told<'_>,
) -> Option<Anomaly> {
    if cases.is_empty() {
        return None;
    }
    let mut sorted: Vec<&C> = cases.iter().collect();
    sorted.sort_by_key(|case| case.measure());
    let errors = match shown {
        Shown::All => &sorted[..sorted.len().min(SHOWN)],
        Shown::Least(count) => &sorted[..sorted.len().min(count)],
        Shown::Greatest(count) => &sorted[sorted.len().saturating_sub(count)..],
    };
    let errors = Value::List(errors.iter().map(|case| case.to_edn(told)).collect());
    sorted.sort_by_key(|case| case.shown_at());
    let mut explanation: Vec<_> =
        sorted.iter().take(EXPLAINED).map(|case| case.sentence(told)).collect();
    if cases.len() > EXPLAINED {
        explanation.push(format!("and {} more of this kind", cases.len() - EXPLAINED));
    }
    let contradictions = sorted.iter().take(contradiction::MOST).filter_map(|case| {
        let what = format!("{name}: {}", case.sentence(told));
        case.evidence(told).contradiction(told, what)
    });
    let contradictions = contradictions.collect();
    Some(Anomaly { name, count: cases.len(), errors, explanation, contradictions })
}

/// What there is to tell a person from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Told<'a> {
    pub(super) history: &'a History,
    pub(super) acts: &'a Acts<'a>,
    pub(super) facts: &'a Facts,
    pub(super) orders: &'a VersionOrders,
}

impl<'a> Told<'a> {
    /// What a key is called.
    pub(super) fn key(&self, key: Key) -> &'a Value {
        self.acts.keys.value(key)
    }

    /// What a message is.
    pub(super) fn message(&self, message: Message) -> &'a Value {
        self.acts.messages.value(message)
    }

    /// The operation at a place.
    pub(super) fn act(&self, at: usize) -> &'a Act<'a> {
        &self.acts.all[at]
    }

    /// The operation at a place, as results quote it.
    pub(super) fn quoted(&self, at: usize) -> Value {
        self.act(at).op.to_edn()
    }

    /// Who sent a message, and what became of that: `process 3 sent 14 (index 99 to 101, 0.523 s;
    /// offset 8)`.
    pub(super) fn send(&self, key: Key, message: Message) -> String {
        let value = self.message(message).json();
        let Some(at) = self.facts.writer(key, message) else {
            return format!("nobody sent {value}");
        };
        let act = self.act(at);
        let sent = act.sends.iter().rev().find(|sent| (sent.key, sent.message) == (key, message));
        let outcome = match (act.op.kind, sent.and_then(|sent| sent.offset)) {
            (Kind::Ok, Some(offset)) => format!("acknowledged at offset {offset}"),
            (Kind::Fail, _) => "which failed".to_owned(),
            _ => "which was not acknowledged".to_owned(),
        };
        format!("{} sent {value} ({}), {outcome}", who(act.op), self.span(act.op))
    }

    /// When an operation began and ended: `index 99 to 101, 0.523 s`.
    pub(super) fn span(&self, completion: &Op) -> String {
        match self.history.invocation(completion) {
            None => when(completion),
            Some(Op { index, .. }) => {
                format!("index {index} to {}, {}", completion.index, time(completion))
            }
        }
    }

    /// What stands in a part of a log that `reader` was not told of: `12 at offset 11, which
    /// process 2 sent (index 103 to 106, 0.245 s)`.
    pub(super) fn left_out(&self, key: Key, slots: &[Slot], reader: &Op) -> String {
        let few = slots.iter().take(NAMED).map(|slot| self.slot(key, slot, reader));
        let few: Vec<String> = few.collect();
        match slots.len().saturating_sub(NAMED) {
            0 => few.join("; "),
            rest => format!("{}; and {rest} more", few.join("; ")),
        }
    }

    fn slot(&self, key: Key, slot: &Slot, reader: &Op) -> String {
        let message = slot.messages[0];
        let stands = self.at_offset(key, message);
        let Some(at) = self.facts.writer(key, message) else {
            return format!("{stands}, which nobody sent");
        };
        let writer = self.act(at).op;
        let sent = format!("{stands}, which {} sent ({})", who(writer), self.span(writer));
        match self.history.invocation(writer) {
            Some(began) if reader.index < began.index => {
                format!("{sent}: later, so the node gave an offset below one that was polled")
            }
            _ => sent,
        }
    }

    /// A message and where it stands in its log: `12 at offset 11`.
    pub(super) fn at_offset(&self, key: Key, message: Message) -> String {
        let (log, value) = (self.orders.log(key), self.message(message).json());
        match log.index(message) {
            None => format!("{value} at an unknown offset"),
            Some(index) => format!("{value} at offset {}", log.slots()[index].offset),
        }
    }

    /// Messages as a list.
    pub(super) fn firsts(&self, slots: &[Slot]) -> Value {
        Value::List(slots.iter().map(|slot| self.message(slot.messages[0]).clone()).collect())
    }
}

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
