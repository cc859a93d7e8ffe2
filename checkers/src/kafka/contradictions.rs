//! Which sends and polls contradict each other, the most telling kinds first.

use super::{
    Kafka,
    acts::{Key, Message},
    anomaly::{Anomaly, Told},
    give_up::GiveUp,
};
use crate::contradiction::{self, Contradiction};
use crate::history::Op;

/// Kinds of errors, the most telling first: what is lost, what a log cannot be, what was polled and
/// should not have been, and what came in another order. The others come after these.
const TELLING: [&str; 11] = [
    "lost-write",
    "unseen",
    "inconsistent-offsets",
    "duplicate",
    "G1a",
    "G1c-realtime",
    "poll-skip",
    "int-poll-skip",
    "nonmonotonic-poll",
    "int-nonmonotonic-poll",
    "nonmonotonic-send",
];

/// What one error is about.
#[derive(Debug, Default)]
pub(super) struct Evidence {
    /// The places of the operations that contradict each other.
    pub(super) acts: Vec<usize>,
    /// The message that is lost, doubled or out of order.
    pub(super) message: Option<Message>,
}

impl Evidence {
    /// Of these operations, and of who sent the message.
    pub(super) fn of(
        told: &Told<'_>,
        (key, message): (Key, Message),
        acts: impl IntoIterator<Item = usize>,
    ) -> Evidence {
        let acts = acts.into_iter().chain(told.facts.writer(key, message));
        Evidence { acts: acts.collect(), message: Some(message) }
    }

    /// The contradiction, unless it has no operations to show.
    pub(super) fn contradiction(self, told: &Told<'_>, what: String) -> Option<Contradiction> {
        let entries: Vec<&Op> = self.acts.iter().map(|at| told.act(*at).op).collect();
        let contradiction = Contradiction::between(told.history, what, entries.iter().copied());
        let contradiction = match self.message {
            Some(message) => contradiction.about(told.message(message)),
            None => contradiction,
        };
        (!entries.is_empty()).then_some(contradiction)
    }
}

impl GiveUp {
    /// What upstream's checker fails on.
    pub(super) fn contradiction(&self, told: &Told<'_>) -> Option<Contradiction> {
        let evidence = match self {
            GiveUp::NothingOf(key) => {
                let is_poll = |at: &usize| told.act(*at).poll_of(*key).is_some();
                let first = (0..told.acts.all.len()).find(is_poll);
                Evidence { acts: first.into_iter().collect(), message: None }
            }
            GiveUp::NoWriter { key, message } => {
                let readers = told.facts.readers(*key, *message);
                Evidence::of(told, (*key, *message), readers.first().copied())
            }
            GiveUp::BadOffset(_) => Evidence::default(),
        };
        evidence.contradiction(told, self.sentence(told))
    }
}

impl Kafka {
    /// The sends and polls that contradict each other; none if it is valid.
    pub fn contradictions(&self) -> Vec<Contradiction> {
        let bad = self.anomalies.iter().filter(|anomaly| anomaly.is_bad());
        let kinds = bad.map(|Anomaly { name, contradictions, .. }| (*name, contradictions));
        let unseen = self.unseen.iter().map(|unseen| ("unseen", &unseen.contradictions));
        let mut kinds: Vec<_> = kinds.chain(unseen).collect();
        let place = |name| TELLING.iter().position(|other| *other == name);
        kinds.sort_by_key(|(name, _)| place(*name).unwrap_or(TELLING.len()));
        let kinds = kinds.into_iter().map(|(_, contradictions)| contradictions.clone());
        let fails = self.fails.iter().filter_map(|fails| fails.2.clone()).collect();
        contradiction::by_turns(std::iter::once(fails).chain(kinds).collect())
    }
}
