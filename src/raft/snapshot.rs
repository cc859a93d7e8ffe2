//! Snapshots in parts (figure 13).
//!
//! A snapshot is text, and is never cut within a character. The leader sends the next part when the
//! last one is answered. The response names the offset of the next part, so lost and duplicated
//! parts and restarts of the follower need no rules of their own. The first part is empty, and
//! repeated until it is answered. So the leader learns the last index of the follower's own log
//! before a part can replace that log, even if responses are lost. The index shows if the follower
//! still has what it acknowledged (`lost_storage.rs`).
//!
//! A leader finishes the snapshot that it has begun to send even if it has a newer one by then.
//! Otherwise a follower that takes longer to receive a snapshot than the leader to make the next
//! one would never receive any. A follower keeps one partial snapshot, and discards it when another
//! begins.

use std::borrow::Cow;

use serde::Serialize;

use super::core::Raft;
use super::message::{InstallSnapshot, ServerId, Snapshot};
use crate::json::Json;

/// State of a state machine that can be sent as text.
pub trait SnapshotState: Clone {
    /// Text of the whole state. The same state must always give the same text, because the text is
    /// made anew for each part.
    fn text(&self) -> Cow<'_, str>;

    /// State with this text; `None` if the text is not that of a state.
    fn from_text(text: String) -> Option<Self>;
}

impl SnapshotState for Json {
    fn text(&self) -> Cow<'_, str> {
        Cow::Borrowed(self.get())
    }

    fn from_text(text: String) -> Option<Self> {
        Json::from_text(text).ok()
    }
}

/// Snapshot that a leader is sending to a follower.
#[derive(Debug, Clone)]
pub(super) struct SnapshotTransfer<S> {
    pub(super) snapshot: Snapshot<S>,
    /// Offset of the next part, in bytes.
    pub(super) offset: usize,
    /// True if the follower has responded to a part. Until then, parts are empty.
    pub(super) is_acknowledged: bool,
    /// Round to which the follower last responded; at first, round of the first part. A response to
    /// an earlier round is outdated, or is about another snapshot.
    pub(super) round: u64,
}

impl<S: SnapshotState> SnapshotTransfer<S> {
    /// Next part, of at most `max_bytes` as a JSON string.
    pub(super) fn next_part(&self, term: u64, round: u64, max_bytes: usize) -> InstallSnapshot {
        let text = self.snapshot.state.text();
        let (offset, rest) =
            text.get(self.offset..).map_or((0, &*text), |rest| (self.offset, rest));
        let data = if self.is_acknowledged { prefix(rest, max_bytes) } else { "" };
        InstallSnapshot {
            term,
            last_included_index: self.snapshot.last_included_index,
            last_included_term: self.snapshot.last_included_term,
            offset,
            data: data.to_owned(),
            done: data.len() == rest.len(),
            round,
        }
    }
}

/// Longest prefix of a text that takes at most `max_bytes` as a JSON string, but at least one
/// character. In JSON, quotation marks and backslashes take two bytes, and control characters at
/// most six.
fn prefix(text: &str, max_bytes: usize) -> &str {
    let mut bytes = 0;
    let end = text.bytes().position(|byte| {
        bytes += match byte {
            b'"' | b'\\' => 2,
            0..0x20 => 6,
            _ => 1,
        };
        bytes > max_bytes
    });
    let Some(end) = end else { return text };
    let end = (0..=end).rev().find(|end| text.is_char_boundary(*end)).unwrap_or_default();
    let first = text.chars().next().map_or(0, char::len_utf8);
    &text[..end.max(first)]
}

/// Snapshot of which a follower has received the beginning.
#[derive(Debug, Clone)]
pub(super) struct PartialSnapshot {
    id: SnapshotId,
    text: String,
}

/// Snapshot that a leader sends. Parts with different ids must not be put together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct SnapshotId {
    leader: ServerId,
    term: u64,
    last_included_index: u64,
    last_included_term: u64,
}

/// Snapshot, if the received part was the last one, or offset of the part that is needed next.
pub(super) enum ReceivedPart<S> {
    Complete(Snapshot<S>),
    Next { offset: usize },
}

impl<C: Clone + Serialize, S: SnapshotState> Raft<C, S> {
    /// Log compaction: replaces applied entries by a snapshot of the state that they have led to
    /// (section 7).
    pub(super) fn compact(&mut self, last_included_index: u64, state: S) {
        let term = self.log.term_at(last_included_index);
        if let Some(last_included_term) = term
            && (self.log.snapshot_index() + 1..=self.last_applied).contains(&last_included_index)
        {
            self.log.install(Snapshot { last_included_index, last_included_term, state });
            self.effects.has_compacted = true;
        }
    }

    /// Receiver of `InstallSnapshot`, rules 2 to 5: puts parts together in order.
    pub(super) fn receive_part(
        &mut self,
        from: ServerId,
        part: InstallSnapshot,
    ) -> ReceivedPart<S> {
        let InstallSnapshot { term, last_included_index, last_included_term, .. } = part;
        let id = SnapshotId { leader: from, term, last_included_index, last_included_term };
        let new = || PartialSnapshot { id, text: String::new() };
        #[cfg(test)]
        if self.mutant == Some(super::tests::Mutant::MixesSnapshots) {
            self.partial_snapshot.iter_mut().for_each(|one| one.id = id);
        }
        let mut partial =
            self.partial_snapshot.take().filter(|one| one.id == id).unwrap_or_else(new);
        if part.offset == partial.text.len() {
            partial.text.push_str(&part.data);
            if part.done {
                return match S::from_text(partial.text) {
                    Some(state) => ReceivedPart::Complete(Snapshot {
                        last_included_index,
                        last_included_term,
                        state,
                    }),
                    // The text was damaged on the way: begin again.
                    None => ReceivedPart::Next { offset: 0 },
                };
            }
        }
        let offset = partial.text.len();
        // Without text, there is nothing to keep.
        self.partial_snapshot = Some(partial).filter(|one| !one.text.is_empty());
        ReceivedPart::Next { offset }
    }

    /// Discards a partial snapshot that ends at or before the commit index, and so is not needed.
    pub(super) fn discard_partial_snapshot(&mut self) {
        let commit_index = self.commit_index;
        self.partial_snapshot.take_if(|one| one.id.last_included_index <= commit_index);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_ends_between_characters_and_counts_what_json_makes_of_it() {
        #[track_caller]
        fn check(text: &str, max_bytes: usize, expected: &str) {
            assert_eq!(prefix(text, max_bytes), expected);
        }
        check("[1,2]", 9, "[1,2]");
        check("[1,2]", 5, "[1,2]");
        check("[1,2]", 4, "[1,2");
        check(r#""a\"b""#, 6, r#""a\"#);
        check(r#""a\"b""#, 5, r#""a\"#);
        check(r#""a\"b""#, 4, r#""a"#);
        check("\"é\"", 3, "\"");
        check("\"é\"", 4, "\"é");
        check("é", 0, "é");
        check("\n\n", 11, "\n");
        check("", 0, "");
    }

    #[test]
    fn parts_put_together_are_the_text() {
        let text = serde_json::to_string(&["é\"\\\n", "😀", "x", "\u{7f}\u{1}"]).unwrap();
        let text = Json::from_text(text).unwrap();
        for max_bytes in 0..40 {
            let snapshot =
                Snapshot { last_included_index: 9, last_included_term: 2, state: text.clone() };
            let mut transfer =
                SnapshotTransfer { snapshot, offset: 0, is_acknowledged: true, round: 1 };
            let mut whole = String::new();
            loop {
                let part = transfer.next_part(3, 1, max_bytes);
                let bytes = serde_json::to_string(&part.data).unwrap().len() - 2;
                assert!(bytes <= max_bytes.max(6), "{part:?}");
                assert_eq!(part.offset, whole.len());
                whole.push_str(&part.data);
                transfer.offset = whole.len();
                if part.done {
                    break;
                }
            }
            assert_eq!(whole, text.get());
        }
    }
}
