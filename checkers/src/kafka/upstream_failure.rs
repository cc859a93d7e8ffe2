//! Histories on which upstream's checker fails, so that its verdict is `:unknown`.

use super::{
    acts::{Key, Message},
    index::Index,
};
use crate::edn::Value;

/// The failure of upstream's checker.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum UpstreamFailure<'a> {
    /// Polls that succeeded returned this key, but only ever with an empty list: there is no
    /// farthest message, and upstream looks at what is there all the same.
    NothingOf(Key),
    /// Somebody polled this message, or knows of it, and nobody was to send it.
    NoWriter { key: Key, message: Message, reader: Option<usize> },
    /// An offset is no integer of 64 bits.
    BadOffset(&'a Value),
}

impl<'a> UpstreamFailure<'a> {
    /// The part of a history that upstream does not expect.
    pub(super) fn of(index: &Index<'a>) -> Option<UpstreamFailure<'a>> {
        let bad_offset = index.acts.bad_offset.map(UpstreamFailure::BadOffset);
        bad_offset.or_else(|| {
            let (reader, key, message) = index.facts.without_writer?;
            Some(UpstreamFailure::NoWriter { key, message, reader: Some(reader) })
        })
    }
}
