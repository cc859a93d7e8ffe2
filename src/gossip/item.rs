//! How long what nodes tell each other may be, in bytes.
//!
//! A line of more than 64 MiB is skipped by whoever reads it, and would be sent again for ever; and
//! a long one keeps those behind it waiting. So items are bounded when a client brings them, and
//! messages when they are made of items.

use std::io;

use serde::Serialize;

use crate::error::{Error, ErrorCode};

/// How many bytes of items a message has at most, unless it is one item. A longer one keeps those
/// behind it waiting; shorter ones are more messages.
pub(super) const LONGEST_BATCH: usize = 512 << 10;

/// How many bytes an item may have as JSON. More could be told as well, up to what fits into a line
/// of 64 MiB; but whatever else is on a link waits for it.
pub const LONGEST_ITEM: usize = 8 << 20;

/// Refuses what a client wants to be told to other nodes if it is longer than [`LONGEST_ITEM`].
///
/// # Errors
/// [`ErrorCode::Abort`], which is definite: nothing may have happened yet.
pub fn check_length(item: &impl Serialize) -> Result<(), Error> {
    let length = json_length(item);
    if length <= LONGEST_ITEM {
        return Ok(());
    }
    Err(ErrorCode::Abort.error(format!(
        "received a value of {length} bytes, which is too long to be passed on to other nodes; \
         expected at most {LONGEST_ITEM} bytes"
    )))
}

/// How many bytes something takes as JSON; a great many, if it does not fit into JSON, which is for
/// whoever sends it to say.
pub(super) fn json_length(item: &impl Serialize) -> usize {
    let mut count = Count(0);
    serde_json::to_writer(&mut count, item).map_or(usize::MAX / 2, |()| count.0)
}

/// Counts what is written to it.
struct Count(usize);

impl io::Write for Count {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_that_is_too_long_is_refused_for_good_and_one_that_just_fits_is_not() {
        // Two bytes are the quotes.
        let item = |length: usize| "x".repeat(length - 2);
        assert_eq!(check_length(&item(LONGEST_ITEM)), Ok(()));
        let error = check_length(&item(LONGEST_ITEM + 1)).unwrap_err();
        assert!(error.code.is_definite());
        assert_eq!(
            error.text,
            "received a value of 8388609 bytes, which is too long to be passed on to other nodes; \
             expected at most 8388608 bytes"
        );
    }
}
