//! Messages that were acknowledged and never polled.

use std::collections::BTreeMap;

use rustc_hash::FxHashSet;

use super::{
    acts::{Key, Message},
    anomaly::Told,
    clojure::{Place, order_map},
    contradictions::Evidence,
};
use crate::{
    contradiction::{self, Contradiction},
    edn::{Map, Value},
    history::Kind,
    sentence::{counted, first_few},
};

/// How many messages of a key are shown, as upstream does.
const SHOWN: usize = 32;

/// The messages that nobody has polled at the end of a history.
#[derive(Debug, Clone, PartialEq)]
pub struct Unseen {
    /// When the last operation succeeded, in nanoseconds.
    pub time: u64,
    /// By key, the messages, sorted; no list is empty.
    pub messages: BTreeMap<Value, Vec<Value>>,
    /// Sentences about the first of them.
    pub explanation: Vec<String>,
    /// The sends of the first of them, with the last poll of their key.
    pub contradictions: Vec<Contradiction>,
}

/// Compares what was acknowledged with what was polled; `None` if all was seen.
pub(super) fn find(told: &Told<'_>) -> Option<Unseen> {
    let mut sent: Vec<(Key, Message)> = Vec::new();
    let mut known: FxHashSet<Key> = FxHashSet::default();
    let (mut time, mut of_last) = (0, Vec::new());
    let succeeded = told.acts.all.iter().filter(|act| act.op.kind == Kind::Ok);
    for act in succeeded.filter(|act| act.is_transaction()) {
        time = act.op.time;
        sent.extend(act.sends.iter().map(|sent| (sent.key, sent.message)));
        known.extend(act.sends.iter().map(|sent| sent.key));
        // Upstream takes what is polled of a key that nobody has been acknowledged a send to for
        // what is unseen; the next operation corrects that, if there is one.
        let new = act.polls.iter().filter(|poll| !known.contains(&poll.key));
        of_last = new
            .flat_map(|poll| poll.pairs.iter().map(|(_, message)| (poll.key, *message)))
            .collect();
        known.extend(act.polls.iter().map(|poll| poll.key));
    }
    sent.retain(|sent| !told.facts.read.contains(sent));
    let unpolled = sent.iter().map(|(key, message)| {
        let sender = told.send(*key, *message);
        format!("key {}: {sender}, and nobody ever polled it", told.key(*key).json())
    });
    let too_late = of_last.iter().map(|(key, message)| {
        let (key, message) = (told.key(*key).json(), told.message(*message).json());
        format!(
            "key {key}: {message} was polled by the last operation alone, and no send to this key \
             was acknowledged, which Maelstrom takes for unseen"
        )
    });
    let sentences: Vec<String> = unpolled.chain(too_late).collect();
    let unseen = sent.iter().chain(&of_last).zip(&sentences).take(contradiction::MOST);
    let contradictions = unseen.filter_map(|((key, message), sentence)| {
        let polls = |at: &usize| told.act(*at).poll_of(*key).is_some();
        let last_poll = (0..told.acts.all.len()).rev().find(polls);
        let evidence = Evidence::of(told, (*key, *message), last_poll);
        evidence.contradiction(told, format!("unseen: {sentence}"))
    });
    let contradictions = contradictions.collect();
    let explanation = first_few(sentences.into_iter(), "messages that nobody polled");
    let mut messages: BTreeMap<Value, Vec<Value>> = BTreeMap::new();
    for (key, message) in sent.into_iter().chain(of_last) {
        messages.entry(told.key(key).clone()).or_default().push(told.message(message).clone());
    }
    for messages in messages.values_mut() {
        messages.sort();
        messages.dedup();
    }
    (!messages.is_empty()).then_some(Unseen { time, messages, explanation, contradictions })
}

impl Unseen {
    /// What stands under `:unseen`.
    pub(super) fn to_edn(&self) -> Value {
        let counts = self.messages.iter().map(|(key, of_key)| (key.clone(), of_key.len().into()));
        let mut shown: Vec<_> = self.messages.iter().collect();
        order_map(&mut shown, |(key, _)| Place::of(key));
        let shown = shown.into_iter().map(|(key, messages)| {
            (key.clone(), Value::List(messages.iter().take(SHOWN).cloned().collect()))
        });
        Map::new()
            .with("time", self.time)
            .with("unseen", counts.collect::<Map>())
            .with("messages", shown.collect::<Map>())
            .into()
    }

    /// How many there are, in words.
    pub(super) fn counted(&self) -> String {
        let messages: usize = self.messages.values().map(Vec::len).sum();
        let keys = counted(self.messages.len() as u64, "key");
        format!("{} of {keys}", counted(messages as u64, "message"))
    }
}
