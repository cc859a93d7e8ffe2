//! Lost writes: acknowledged messages below what somebody has polled, which nobody has.
//!
//! A client that has polled an offset had to be shown all lower ones before, to it or to somebody
//! who committed them. Of a message at several offsets, the first one tells how far was polled and
//! the last one how far a client must have come to miss it.

use super::{
    acts::{Key, Message},
    anomaly::{Case, Told, when, who},
    clojure::order_set,
    contradictions::Evidence,
    give_up::GiveUp,
};
use crate::edn::{Map, Value};

/// A message that was lost.
#[derive(Debug)]
pub(super) struct LostWrite {
    key: Key,
    message: Message,
    /// The first index where it is told to stand.
    index: usize,
    /// The greatest index that was polled.
    bound: usize,
    writer: usize,
    /// Who polled that far.
    reader: Option<usize>,
}

/// Finds what was lost.
pub(super) fn find(told: &Told<'_>) -> Result<Vec<LostWrite>, GiveUp> {
    let mut lost = Vec::new();
    for (key, read) in &told.facts.read_keys {
        let log = told.orders.log(*key);
        let firsts = read.iter().filter_map(|message| Some(log.bounds(*message)?.0));
        let bound = firsts.max().ok_or(GiveUp::NothingOf(*key))?;
        let mut reader = None;
        for (index, slot) in log.slots()[..=bound].iter().enumerate() {
            let mut lasts = slot.messages.clone();
            lasts.retain(|message| log.bounds(*message).is_some_and(|(_, last)| last == index));
            order_set(&mut lasts, |message| told.acts.messages.place(*message));
            if index == bound {
                let message = lasts.first();
                reader = message.and_then(|message| told.facts.readers(*key, *message).first());
            }
            for message in lasts {
                if told.facts.read.contains(&(*key, message)) {
                    continue;
                }
                let nobody = GiveUp::NoWriter { key: *key, message };
                let writer = told.facts.writer(*key, message).ok_or(nobody)?;
                if told.facts.has_happened(told.act(writer)) {
                    let index = log.bounds(message).map_or(index, |(first, _)| first);
                    let (key, reader) = (*key, None);
                    lost.push(LostWrite { key, message, index, bound, writer, reader });
                }
            }
        }
        for lost in lost.iter_mut().rev().take_while(|lost| lost.key == *key) {
            lost.reader = reader.copied();
        }
    }
    Ok(lost)
}

impl Case for LostWrite {
    fn to_edn(&self, told: &Told<'_>) -> Value {
        Map::new()
            .with("key", told.key(self.key).clone())
            .with("value", told.message(self.message).clone())
            .with("index", self.index)
            .with("max-read-index", self.bound)
            .with("writer", told.quoted(self.writer))
            .with("max-read", self.reader.map(|reader| told.quoted(reader)))
            .into()
    }

    fn sentence(&self, told: &Told<'_>) -> String {
        let farthest = told.orders.log(self.key).slots()[self.bound].offset;
        let reader = self.reader.map(|reader| told.act(reader).op);
        let reader =
            reader.map_or("somebody".to_owned(), |op| format!("{} ({})", who(op), when(op)));
        format!(
            "key {}: {}, and nobody ever polled it, though {reader} polled as far as offset \
             {farthest}",
            told.key(self.key).json(),
            told.send(self.key, self.message),
        )
    }

    fn evidence(&self, told: &Told<'_>) -> Evidence {
        Evidence::of(told, (self.key, self.message), self.reader)
    }

    fn shown_at(&self) -> usize {
        self.writer
    }
}
