//! Reads of what was not there: of messages that were not sent, or not sent yet.

use super::{
    acts::{Key, Message},
    anomaly::{Case, Told, when, who},
    clojure::order_set,
    contradictions::Evidence,
    sends::sent_by_key,
};
use crate::{
    edn::{Map, Value},
    history::Kind,
};

/// A poll of a message whose send failed: Adya's G1a.
#[derive(Debug)]
pub(super) struct AbortedRead {
    key: Key,
    message: Message,
    writer: Option<usize>,
    reader: usize,
}

/// An operation that polled what it sent itself.
#[derive(Debug)]
pub(super) struct PrecommittedRead {
    key: Key,
    message: Message,
    op: usize,
}

/// The polls of what was not sent.
pub(super) fn aborted_reads(told: &Told<'_>) -> Vec<AbortedRead> {
    let mut aborted = Vec::new();
    for (reader, act) in told.acts.all.iter().enumerate().filter(|(_, act)| act.op.kind == Kind::Ok)
    {
        for poll in &act.polls {
            let messages = poll.pairs.iter().map(|(_, message)| *message);
            let failed =
                messages.filter(|message| told.facts.failed.contains(&(poll.key, *message)));
            aborted.extend(failed.map(|message| {
                let writer = told.facts.writer(poll.key, message);
                AbortedRead { key: poll.key, message, writer, reader }
            }));
        }
    }
    aborted
}

/// The polls of what was sent in the same operation, one each.
pub(super) fn precommitted_reads(told: &Told<'_>) -> Vec<PrecommittedRead> {
    let both = told.acts.all.iter().enumerate();
    let both = both.filter(|(_, act)| !act.sends.is_empty() && !act.polls.is_empty());
    both.filter_map(|(op, act)| {
        sent_by_key(told, act).into_iter().find_map(|(key, mut messages)| {
            let poll = act.poll_of(key)?;
            order_set(&mut messages, |message| told.acts.messages.place(*message));
            let polled = |message: &Message| poll.pairs.iter().any(|(_, polled)| polled == message);
            let message = messages.into_iter().find(polled)?;
            Some(PrecommittedRead { key, message, op })
        })
    })
    .collect()
}

impl Case for AbortedRead {
    fn to_edn(&self, told: &Told<'_>) -> Value {
        Map::new()
            .with("key", told.key(self.key).clone())
            .with("value", told.message(self.message).clone())
            .with("writer", self.writer.map(|writer| told.quoted(writer)))
            .with("reader", told.quoted(self.reader))
            .into()
    }

    fn sentence(&self, told: &Told<'_>) -> String {
        let reader = told.act(self.reader).op;
        format!(
            "key {}: {} polled {} ({}), though {}: a definite error promises that nobody ever \
             polls the message",
            told.key(self.key).json(),
            who(reader),
            told.message(self.message).json(),
            when(reader),
            told.send(self.key, self.message),
        )
    }

    fn evidence(&self, told: &Told<'_>) -> Evidence {
        Evidence::of(told, (self.key, self.message), [self.reader])
    }

    fn shown_at(&self) -> usize {
        self.reader
    }
}

impl Case for PrecommittedRead {
    fn to_edn(&self, told: &Told<'_>) -> Value {
        Map::new()
            .with("op", told.quoted(self.op))
            .with("key", told.key(self.key).clone())
            .with("value", told.message(self.message).clone())
            .into()
    }

    fn sentence(&self, told: &Told<'_>) -> String {
        let (key, message, op) =
            (told.key(self.key).json(), told.message(self.message).json(), told.act(self.op).op);
        let (who, when) = (who(op), when(op));
        format!("key {key}: {who} polled {message} in the operation that sends it ({when})")
    }

    fn evidence(&self, told: &Told<'_>) -> Evidence {
        Evidence::of(told, (self.key, self.message), [self.op])
    }

    fn shown_at(&self) -> usize {
        self.op
    }
}
