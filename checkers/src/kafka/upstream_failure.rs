//! Histories on which upstream's checker fails, so that its verdict is `:unknown`.

use super::{
    index::HistoryIndex,
    operations::{KeyId, MessageId},
};
use crate::edn::Value;

/// The failure of upstream's checker.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum UpstreamFailure<'a> {
    /// Successful polls returned this key, but only with empty lists. So there is no greatest
    /// offset, but upstream takes the maximum all the same.
    OnlyEmptyPolls(KeyId),
    /// No operation tried to send this message. `reader` is the successful poll of it, if there is
    /// one.
    NoWriter { key: KeyId, message: MessageId, reader: Option<usize> },
    /// An offset is not a 64-bit integer.
    BadOffset(&'a Value),
}

impl<'a> UpstreamFailure<'a> {
    /// The first failure that the operations alone show.
    pub(super) fn of(index: &HistoryIndex<'a>) -> Option<UpstreamFailure<'a>> {
        let bad_offset = index.ops.bad_offset.map(UpstreamFailure::BadOffset);
        bad_offset.or_else(|| {
            let (reader, key, message) = index.by_message.without_writer?;
            Some(UpstreamFailure::NoWriter { key, message, reader: Some(reader) })
        })
    }
}
