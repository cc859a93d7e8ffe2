//! Limits to the size of messages, in bytes of JSON.
//!
//! A message is a line, and a reader skips lines above 64 MiB. So a batch that grew without limit
//! would some day be skipped, and be retransmitted for ever. Two limits prevent that: a node
//! rejects a client's entry that is too large ([`check_entry_size`]), and adds no entries to a
//! message that is full ([`MessageBudget`]).

use serde::Serialize;

use crate::error::{Error, ErrorCode};
use crate::json;

/// Maximum size of an entry, which is a value that nodes send to each other as a whole. A larger
/// limit allows larger values; a smaller one shortens the delay of the messages behind such a
/// value.
pub const MAX_ENTRY_BYTES: usize = 8 << 20;

/// Size at which a message is full. A larger size saves messages; a smaller one shortens the delay
/// of the messages behind a full one, and retransmits less after a loss.
pub(crate) const FULL_MESSAGE_BYTES: usize = 512 << 10;

/// Rejects an entry of more than [`MAX_ENTRY_BYTES`] with an error that contains `name`. The error
/// is definite, so call this before the operation has any effect.
///
/// ```
/// # use glomers::check_entry_size;
/// assert!(check_entry_size("the message", &"short").is_ok());
/// let error = check_entry_size("the key", &"x".repeat(9 << 20)).unwrap_err();
/// assert!(error.code.is_definite());
/// assert_eq!(error.text, "the key has 9437186 bytes as JSON; at most 8388608 are allowed");
/// ```
pub fn check_entry_size(name: &str, entry: &(impl Serialize + ?Sized)) -> Result<(), Error> {
    let length = json::encoded_len(entry);
    if length <= MAX_ENTRY_BYTES {
        return Ok(());
    }
    let text = format!("{name} has {length} bytes as JSON; at most {MAX_ENTRY_BYTES} are allowed");
    Err(ErrorCode::MalformedRequest.error(text))
}

/// Remaining space for entries in a message: 512 KiB, which only the last entry may exceed.
#[derive(Debug, Clone)]
pub struct MessageBudget {
    remaining: usize,
}

impl MessageBudget {
    /// Subtracts the entry's size and returns true, or returns false if the message is full.
    pub fn try_reserve(&mut self, entry: &(impl Serialize + ?Sized)) -> bool {
        let has_room = !self.is_full();
        if has_room {
            self.remaining = self.remaining.saturating_sub(json::encoded_len(entry));
        }
        has_room
    }

    /// True if no further entry may be added.
    pub fn is_full(&self) -> bool {
        self.remaining == 0
    }
}

impl Default for MessageBudget {
    fn default() -> Self {
        MessageBudget { remaining: FULL_MESSAGE_BYTES }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_may_take_eight_mebibytes() {
        // Two bytes are the quotes.
        assert!(check_entry_size("it", &"x".repeat(MAX_ENTRY_BYTES - 2)).is_ok());
        let error = check_entry_size("it", &"x".repeat(MAX_ENTRY_BYTES - 1)).unwrap_err();
        assert_eq!(error.code, ErrorCode::MalformedRequest);
    }

    #[test]
    fn a_message_takes_entries_until_it_is_full_and_the_first_in_any_case() {
        #[track_caller]
        fn check(length: usize, expected: usize) {
            let (entry, mut room) = ("x".repeat(length - 2), MessageBudget::default());
            let taken =
                std::iter::repeat_n(&entry, 1_000_000).take_while(|entry| room.try_reserve(*entry));
            assert_eq!(taken.count(), expected);
        }
        check(FULL_MESSAGE_BYTES / 4, 4);
        check(FULL_MESSAGE_BYTES / 4 - 1, 5);
        check(FULL_MESSAGE_BYTES * 3, 1);
    }
}
