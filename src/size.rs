//! How long a message may become, in bytes of JSON.
//!
//! A message is a line, and a line above 64 MiB is skipped by whoever reads it. So a message that
//! grows with what there is to tell would one day be sent in vain, and again for ever. Two limits
//! keep messages below: a node refuses an entry that is too long when its client brings it
//! ([`check_entry`]), and puts no more entries into a message that is full ([`Room`]).

use serde::Serialize;

use crate::error::{Error, ErrorCode};
use crate::json;

/// The most bytes that an entry may take: what a node passes on to others in one piece. More allows
/// for longer values; less keeps what waits behind one waiting for less.
pub const LONGEST_ENTRY: usize = 8 << 20;

/// How many bytes fill a message. More saves messages; less keeps what waits behind one waiting for
/// less, and repeats less after a loss.
pub(crate) const FULL: usize = 512 << 10;

/// Refuses an entry of more than [`LONGEST_ENTRY`] bytes, by its name. Nothing may have happened
/// yet, because the error is definite.
///
/// ```
/// # use glomers::check_entry;
/// assert!(check_entry("the message", &"short").is_ok());
/// let error = check_entry("the key", &"x".repeat(9 << 20)).unwrap_err();
/// assert!(error.code.is_definite());
/// assert_eq!(error.text, "the key takes 9437186 bytes as JSON, and at most 8388608 are taken");
/// ```
pub fn check_entry(name: &str, entry: &(impl Serialize + ?Sized)) -> Result<(), Error> {
    let length = json::length(entry);
    if length <= LONGEST_ENTRY {
        return Ok(());
    }
    let text =
        format!("{name} takes {length} bytes as JSON, and at most {LONGEST_ENTRY} are taken");
    Err(ErrorCode::MalformedRequest.error(text))
}

/// The room for entries in a message: 512 KiB, and what the last entry takes beyond.
#[derive(Debug, Clone)]
pub struct Room {
    left: usize,
}

impl Room {
    /// Takes the room that an entry needs, and says whether there was any left.
    pub fn take(&mut self, entry: &(impl Serialize + ?Sized)) -> bool {
        let has_room = !self.is_full();
        if has_room {
            self.left = self.left.saturating_sub(json::length(entry));
        }
        has_room
    }

    /// Whether the message takes no further entry.
    pub fn is_full(&self) -> bool {
        self.left == 0
    }
}

impl Default for Room {
    fn default() -> Self {
        Room { left: FULL }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_may_take_eight_mebibytes() {
        // Two of them are quotes.
        assert!(check_entry("it", &"x".repeat(LONGEST_ENTRY - 2)).is_ok());
        let error = check_entry("it", &"x".repeat(LONGEST_ENTRY - 1)).unwrap_err();
        assert_eq!(error.code, ErrorCode::MalformedRequest);
    }

    #[test]
    fn a_message_takes_entries_until_it_is_full_and_the_first_in_any_case() {
        #[track_caller]
        fn check(length: usize, expected: usize) {
            let (entry, mut room) = ("x".repeat(length - 2), Room::default());
            let taken =
                std::iter::repeat_n(&entry, 1_000_000).take_while(|entry| room.take(*entry));
            assert_eq!(taken.count(), expected);
        }
        check(FULL / 4, 4);
        check(FULL / 4 - 1, 5);
        check(FULL * 3, 1);
    }
}
