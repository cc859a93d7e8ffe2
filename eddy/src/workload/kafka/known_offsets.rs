//! The highest offsets that all clients together know: of sent and of polled messages.

use std::collections::BTreeMap;

use crate::edn::{Map, Value};

/// The highest known offsets, by key.
#[derive(Debug, Default)]
pub(super) struct KnownOffsets {
    /// The highest sent offset, of keys with unpolled messages. Invariant: for each key, `polled <
    /// sent`.
    sent: BTreeMap<u64, i64>,
    /// The highest polled offset of the same keys.
    polled: BTreeMap<u64, i64>,
    /// The highest offset, sent or polled, of all keys.
    highest: BTreeMap<u64, i64>,
}

impl KnownOffsets {
    /// Records the micro-operations of a successful operation. Returns the highest offsets that it
    /// polled.
    pub(super) fn note(&mut self, micro_ops: &Value) -> BTreeMap<u64, i64> {
        let mut polled = BTreeMap::new();
        for micro_op in micro_ops.as_sequence().unwrap_or_default() {
            match micro_op.as_sequence() {
                Some([_, key, sent]) => {
                    let offset = sent.as_sequence().and_then(|pair| pair.first()?.as_int());
                    if let (Some(key), Some(offset)) = (parse_key(key), offset) {
                        raise(&mut self.sent, key, offset);
                        raise(&mut self.highest, key, offset);
                    }
                }
                Some([_, Value::Map(messages)]) => {
                    for (key, pairs) in messages.iter() {
                        let pairs = pairs.as_sequence().unwrap_or_default().iter();
                        let offsets =
                            pairs.filter_map(|pair| pair.as_sequence()?.first()?.as_int());
                        if let (Some(key), Some(offset)) = (parse_key(key), offsets.max()) {
                            raise(&mut polled, key, offset);
                        }
                    }
                }
                _ => {}
            }
        }
        for (key, offset) in &polled {
            raise(&mut self.polled, *key, *offset);
            raise(&mut self.highest, *key, *offset);
        }
        let seen = &self.polled;
        self.sent.retain(|key, sent| seen.get(key).is_none_or(|seen| seen < sent));
        let sent = &self.sent;
        self.polled.retain(|key, _| sent.contains_key(key));
        polled
    }

    /// The keys with unpolled messages, and the highest offset sent to each.
    pub(super) fn unpolled(&self) -> &BTreeMap<u64, i64> {
        &self.sent
    }

    /// The highest known offset of each key.
    pub(super) fn highest(&self) -> &BTreeMap<u64, i64> {
        &self.highest
    }

    /// The keys with unpolled messages: `{7 {:polled -1, :sent 3}}`.
    pub(super) fn to_edn(&self) -> Value {
        let keys = self.sent.iter().map(|(key, sent)| {
            let polled = self.polled.get(key).copied().unwrap_or(-1);
            (Value::from(*key), Map::new().with("polled", polled).with("sent", *sent).into())
        });
        keys.collect::<Map>().into()
    }
}

/// Parses a key. Clients send to keys that are numbers, written as strings; others are ignored.
fn parse_key(key: &Value) -> Option<u64> {
    key.as_str()?.parse().ok()
}

fn raise(offsets: &mut BTreeMap<u64, i64>, key: u64, offset: i64) {
    offsets.entry(key).and_modify(|highest| *highest = offset.max(*highest)).or_insert(offset);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_unpolled_until_its_highest_sent_offset_is_polled() {
        let mut offsets = KnownOffsets::default();
        let mut note = |ops: &str, behind: &str, highest: &[(u64, i64)]| {
            offsets.note(&Value::read_edn(ops).unwrap());
            assert_eq!(offsets.to_edn().to_string(), behind);
            assert_eq!(offsets.highest().clone().into_iter().collect::<Vec<_>>(), highest);
        };
        note("[[:send \"9\" [0 1]]]", "{9 {:polled -1, :sent 0}}", &[(9, 0)]);
        note("[[:send \"9\" [1 2]]]", "{9 {:polled -1, :sent 1}}", &[(9, 1)]);
        note("[[:poll {\"9\" [[0 1]]}]]", "{9 {:polled 0, :sent 1}}", &[(9, 1)]);
        note("[[:poll {\"9\" [[1 2]], \"10\" [[4 5]], \"x\" []}]]", "{}", &[(9, 1), (10, 4)]);
        note("[[:poll {}]]", "{}", &[(9, 1), (10, 4)]);
        note("[\"9\"]", "{}", &[(9, 1), (10, 4)]);
    }
}
