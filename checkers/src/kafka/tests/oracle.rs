//! An oracle that finds the same errors by comparing everything with everything else.

use std::collections::BTreeSet;

use super::simulation::{ClientAction, ClientEvent, OffsetPairs};
use crate::history::Kind;

/// The verdict of the oracle.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct OracleVerdict {
    /// True if upstream's checker fails.
    pub(super) fails: bool,
    /// The names of the errors. They are not comparable if offsets are inconsistent, because
    /// upstream then chooses the message that represents an offset.
    pub(super) errors: BTreeSet<&'static str>,
    /// The greatest lag.
    pub(super) lag: u64,
    /// The number of unseen messages of all keys.
    pub(super) unseen: usize,
}

/// The events in the order of their completions, and the offsets that they report.
struct OracleHistory<'a> {
    events: Vec<&'a ClientEvent>,
    /// All reported offsets: key, offset, message.
    known: BTreeSet<(usize, i64, i64)>,
}

/// Judges a history.
pub(super) fn judge(events: &[ClientEvent]) -> OracleVerdict {
    let mut events: Vec<&ClientEvent> = events.iter().collect();
    events.sort_by_key(|event| event.ended);
    let mut known = BTreeSet::new();
    for event in &events {
        match &event.action {
            ClientAction::Send { key, message, offset: Some(offset) } if event.kind == Kind::Ok => {
                known.insert((*key, *offset, *message));
            }
            ClientAction::Poll(_) => known.extend(polled(event)),
            _ => {}
        }
    }
    let history = OracleHistory { events, known };
    let mut oracle = OracleVerdict::default();
    let mut note = |name, holds: bool| {
        if holds {
            oracle.errors.insert(name);
        }
    };
    note("inconsistent-offsets", history.any_pair(|a, b| a.1 == b.1 && a.2 != b.2));
    note("duplicate", history.any_pair(|a, b| a.1 != b.1 && a.2 == b.2));
    for (name, steps) in history.steps() {
        match name {
            "nonmonotonic-send" => note("nonmonotonic-send", steps < 1),
            "within" => {
                note("int-poll-skip", steps > 1);
                note("int-nonmonotonic-poll", steps < 1);
            }
            _ => {
                note("poll-skip", steps > 1);
                note("nonmonotonic-poll", steps < 1);
            }
        }
    }
    note("lost-write", history.anything_lost());
    note(
        "G1a",
        history
            .sends()
            .any(|(key, message, event)| event.kind == Kind::Fail && history.is_read(key, message)),
    );
    let cyclic = history.is_cyclic();
    note("G1c-realtime", cyclic);
    note("strong-PL-2-cycle-exists", cyclic);
    let unseen = history.unseen();
    note("unseen", unseen > 0);
    oracle.unseen = unseen;
    oracle.fails = history.fails();
    oracle.lag = history.lag();
    oracle
}

fn polled(event: &ClientEvent) -> Vec<(usize, i64, i64)> {
    match &event.action {
        ClientAction::Poll(polled) if event.kind == Kind::Ok => polled
            .iter()
            .flat_map(|(key, pairs)| {
                pairs.iter().map(|(offset, message)| (*key, *offset, *message))
            })
            .collect(),
        _ => Vec::new(),
    }
}

fn pairs_of(event: &ClientEvent, wanted: usize) -> Option<&OffsetPairs> {
    match &event.action {
        ClientAction::Poll(polled) if event.kind == Kind::Ok => {
            polled.iter().find(|(key, _)| *key == wanted).map(|(_, pairs)| pairs)
        }
        _ => None,
    }
}

fn drops(event: &ClientEvent, wanted: usize) -> bool {
    let ClientAction::Assign(keys) = &event.action else { return false };
    event.kind == Kind::Ok && !keys.contains(&wanted)
}

impl OracleHistory<'_> {
    fn any_pair(&self, holds: impl Fn(&(usize, i64, i64), &(usize, i64, i64)) -> bool) -> bool {
        self.known.iter().any(|a| self.known.iter().any(|b| a.0 == b.0 && holds(a, b)))
    }

    fn sends(&self) -> impl Iterator<Item = (usize, i64, &ClientEvent)> {
        self.events.iter().filter_map(|event| match event.action {
            ClientAction::Send { key, message, .. } => Some((key, message, *event)),
            _ => None,
        })
    }

    fn is_read(&self, key: usize, message: i64) -> bool {
        self.events
            .iter()
            .any(|event| polled(event).iter().any(|polled| (polled.0, polled.2) == (key, message)))
    }

    /// The number of offsets in use below this one.
    fn index(&self, key: usize, offset: i64) -> i64 {
        let below = self.known.iter().filter(|known| known.0 == key && known.1 < offset);
        let below: BTreeSet<i64> = below.map(|known| known.1).collect();
        i64::try_from(below.len()).unwrap()
    }

    fn offsets(&self, key: usize, message: i64) -> Vec<i64> {
        let known = self.known.iter().filter(|known| (known.0, known.2) == (key, message));
        known.map(|known| known.1).collect()
    }

    fn last_index(&self, key: usize, message: i64) -> Option<i64> {
        self.offsets(key, message).last().map(|offset| self.index(key, *offset))
    }

    fn distance(&self, key: usize, from: i64, to: i64) -> i64 {
        let indices = self.last_index(key, from).zip(self.last_index(key, to));
        indices.map_or(1, |(from, to)| to - from)
    }

    /// All steps from one message to another by the same process.
    fn steps(&self) -> Vec<(&'static str, i64)> {
        let mut steps = Vec::new();
        let keys: BTreeSet<usize> = self.known.iter().map(|known| known.0).collect();
        for key in keys {
            for (at, event) in self.events.iter().enumerate() {
                if let Some(pairs) = pairs_of(event, key) {
                    for pair in pairs.windows(2) {
                        steps.push(("within", self.distance(key, pair[0].1, pair[1].1)));
                    }
                    let between = |later: &&&ClientEvent| later.process == event.process;
                    let next = self.events[at + 1..]
                        .iter()
                        .filter(between)
                        .find(|later| pairs_of(later, key).is_some() || drops(later, key));
                    let first = next.and_then(|next| pairs_of(next, key)?.first());
                    if let Some((last, first)) = pairs.last().zip(first) {
                        steps.push(("between", self.distance(key, last.1, first.1)));
                    }
                }
                let sent = |event: &ClientEvent| match event.action {
                    ClientAction::Send { key: to, message, .. }
                        if event.kind != Kind::Fail && to == key =>
                    {
                        Some(message)
                    }
                    _ => None,
                };
                if let Some(message) = sent(event) {
                    let next = self.events[at + 1..].iter().filter(|later| {
                        later.process == event.process
                            && (sent(later).is_some() || drops(later, key))
                    });
                    if let Some(second) = next.map(|later| sent(later)).next().flatten() {
                        steps.push(("nonmonotonic-send", self.distance(key, message, second)));
                    }
                }
            }
        }
        steps
    }

    fn anything_lost(&self) -> bool {
        self.sends().any(|(key, message, event)| {
            let last = self.last_index(key, message);
            event.kind == Kind::Ok
                && !self.is_read(key, message)
                && self.events.iter().flat_map(|event| polled(event)).any(|read| {
                    let first =
                        self.offsets(key, read.2).first().map(|offset| self.index(key, *offset));
                    read.0 == key && last.is_some() && last <= first
                })
        })
    }

    /// True if an operation comes before itself in the transitive closure of all relations.
    fn is_cyclic(&self) -> bool {
        let transactions = self.events.iter().filter(|event| {
            matches!(event.action, ClientAction::Send { .. } | ClientAction::Poll(_))
        });
        let transactions: Vec<&&ClientEvent> = transactions.collect();
        let comes_before = |a: &ClientEvent, b: &ClientEvent| {
            let is_polled = match a.action {
                ClientAction::Send { key, message, .. } => {
                    polled(b).iter().any(|polled| (polled.0, polled.2) == (key, message))
                }
                _ => false,
            };
            is_polled || a.kind == Kind::Ok && a.ended < b.began
        };
        let size = transactions.len();
        let mut reaches: Vec<Vec<bool>> = transactions
            .iter()
            .map(|a| transactions.iter().map(|b| comes_before(a, b)).collect())
            .collect();
        for through in 0..size {
            let row = reaches[through].clone();
            for from in reaches.iter_mut().filter(|from| from[through]) {
                for (reached, also) in from.iter_mut().zip(&row) {
                    *reached |= also;
                }
            }
        }
        (0..size).any(|at| reaches[at][at])
    }

    fn unseen(&self) -> usize {
        let unseen = self.sends().filter(|(key, message, event)| {
            event.kind == Kind::Ok && !self.is_read(*key, *message)
        });
        unseen.count()
    }

    fn fails(&self) -> bool {
        let polled_keys: BTreeSet<usize> = self
            .events
            .iter()
            .filter_map(|event| match &event.action {
                ClientAction::Poll(polled) if event.kind == Kind::Ok => Some(polled),
                _ => None,
            })
            .flat_map(|polled| polled.iter().map(|(key, _)| *key))
            .collect();
        let all: Vec<_> = self.events.iter().flat_map(|event| polled(event)).collect();
        let from_nowhere = all.iter().any(|polled| {
            self.sends().all(|(key, message, _)| (key, message) != (polled.0, polled.2))
        });
        from_nowhere || polled_keys.iter().any(|key| all.iter().all(|polled| polled.0 != *key))
    }

    fn lag(&self) -> u64 {
        let mut worst = 0;
        for (at, event) in self.events.iter().enumerate() {
            if !matches!(event.action, ClientAction::Poll(_)) || event.kind != Kind::Ok {
                continue;
            }
            let past = self.events[..=at].iter().filter(|past| past.process == event.process);
            let past: Vec<&&ClientEvent> = past.filter(|past| past.kind == Kind::Ok).collect();
            let keys: BTreeSet<usize> = self.known.iter().map(|known| known.0).collect();
            for key in keys {
                let dropped = past.iter().rposition(|past| drops(past, key));
                let since = &past[dropped.map_or(0, |dropped| dropped + 1)..];
                let assigns = |past: &&&&ClientEvent| {
                    matches!(&past.action, ClientAction::Assign(keys) if keys.contains(&key))
                        || pairs_of(past, key).is_some()
                };
                if since.iter().find(assigns).is_none() {
                    continue;
                }
                let seen =
                    since.iter().flat_map(|past| polled(past)).filter(|known| known.0 == key);
                let seen = seen.map(|known| known.1).max().unwrap_or(-1);
                let later = self.events.iter().filter(|later| {
                    let sent = match later.action {
                        ClientAction::Send { key, offset: Some(offset), .. }
                            if later.kind == Kind::Ok =>
                        {
                            vec![(key, offset, 0)]
                        }
                        _ => polled(later),
                    };
                    sent.iter().any(|known| known.0 == key && known.1 > seen)
                });
                let later = later.map(|later| later.ended).min().unwrap_or(u64::MAX);
                worst = worst.max(event.began.saturating_sub(later));
            }
        }
        worst
    }
}
