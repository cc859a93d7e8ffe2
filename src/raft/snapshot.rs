//! Snapshots that travel in parts (figure 13).
//!
//! A snapshot is text, and a part of it ends between two characters. The leader sends the next part
//! when the last one is answered; the answer says where the follower goes on, so what is lost, or
//! comes twice, or after a restart of the follower, needs no rule of its own. The first part is
//! empty: before anything takes the place of the follower's log, the answer tells where that ends,
//! and so whether it has what was acknowledged (`lost_storage.rs`).
//!
//! The leader finishes the snapshot that it has begun to send even if it has a newer one by then:
//! otherwise a follower that takes longer for one than the leader for the next would never have
//! any. The follower keeps one unfinished snapshot, and drops it when another one begins.

use std::borrow::Cow;

use super::core::Raft;
use super::message::{InstallSnapshot, NodeId, Snapshot};
use crate::json::Json;

/// The state of a state machine, as text.
pub trait SnapshotState: Clone {
    /// All of it. The same state has the same text each time.
    fn text(&self) -> Cow<'_, str>;

    /// The state that has this text; `None` if none has.
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

/// A snapshot that a leader sends to a follower.
#[derive(Debug, Clone)]
pub(super) struct Transfer<S> {
    pub(super) snapshot: Snapshot<S>,
    /// Where the next part begins.
    pub(super) offset: usize,
    /// Whether the follower has answered any part.
    pub(super) is_answered: bool,
    /// The round of the last answer, at first of the first part. What answers an earlier one says
    /// nothing new, or is about another snapshot.
    pub(super) round: u64,
}

impl<S: SnapshotState> Transfer<S> {
    /// The next part, with at most so many bytes in a message.
    pub(super) fn part(&self, term: u64, round: u64, most_bytes: usize) -> InstallSnapshot {
        let text = self.snapshot.state.text();
        let (offset, rest) =
            text.get(self.offset..).map_or((0, &*text), |rest| (self.offset, rest));
        let data = if self.is_answered { part(rest, most_bytes) } else { "" };
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

/// The beginning of a text that takes at most so many bytes as a string of JSON, but at least one
/// character. In JSON, quotation marks and backslashes take two bytes, and control characters six
/// at most.
fn part(text: &str, most_bytes: usize) -> &str {
    let mut bytes = 0;
    let end = text.bytes().position(|byte| {
        bytes += match byte {
            b'"' | b'\\' => 2,
            0..0x20 => 6,
            _ => 1,
        };
        bytes > most_bytes
    });
    let Some(end) = end else { return text };
    let end = (0..=end).rev().find(|end| text.is_char_boundary(*end)).unwrap_or_default();
    let first = text.chars().next().map_or(0, char::len_utf8);
    &text[..end.max(first)]
}

/// A snapshot of which a follower has the beginning.
#[derive(Debug, Clone)]
pub(super) struct Receiving {
    /// Whose it is, and its leader's term, last index and last term.
    name: (NodeId, u64, u64, u64),
    text: String,
}

impl<C, S: SnapshotState> Raft<C, S> {
    /// The receiver of `InstallSnapshot`, rules 2 to 5: parts are put together in their order. The
    /// whole snapshot, or where in it the next part begins.
    pub(super) fn receive_part(
        &mut self,
        from: NodeId,
        part: InstallSnapshot,
    ) -> Result<Snapshot<S>, usize> {
        let InstallSnapshot { term, last_included_index, last_included_term, .. } = part;
        let name = (from, term, last_included_index, last_included_term);
        let new = || Receiving { name, text: String::new() };
        #[cfg(test)]
        if self.mutant == Some(super::tests::Mutant::MixesSnapshots) {
            self.receiving.iter_mut().for_each(|one| one.name = name);
        }
        let mut receiving =
            self.receiving.take().filter(|one| one.name == name).unwrap_or_else(new);
        if part.offset == receiving.text.len() {
            receiving.text.push_str(&part.data);
            if part.done {
                let state = S::from_text(receiving.text).ok_or(0_usize)?;
                return Ok(Snapshot { last_included_index, last_included_term, state });
            }
        }
        let offset = receiving.text.len();
        self.receiving = Some(receiving).filter(|one| !one.text.is_empty());
        Err(offset)
    }

    /// Forgets what is not needed any more: another snapshot, or entries, have taken its place.
    pub(super) fn stop_receiving(&mut self) {
        let commit_index = self.commit_index;
        self.receiving = self.receiving.take().filter(|one| one.name.2 > commit_index);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_ends_between_characters_and_counts_what_json_makes_of_it() {
        #[track_caller]
        fn check(text: &str, most_bytes: usize, expected: &str) {
            assert_eq!(part(text, most_bytes), expected);
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
        for most_bytes in 0..40 {
            let snapshot =
                Snapshot { last_included_index: 9, last_included_term: 2, state: text.clone() };
            let mut transfer = Transfer { snapshot, offset: 0, is_answered: true, round: 1 };
            let mut whole = String::new();
            loop {
                let part = transfer.part(3, 1, most_bytes);
                let bytes = serde_json::to_string(&part.data).unwrap().len() - 2;
                assert!(bytes <= most_bytes.max(6), "{part:?}");
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
