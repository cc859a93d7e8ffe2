//! Lost writes: acknowledged messages that nobody polled, though somebody polled a greater offset.
//!
//! When a client polls an offset, all lower offsets must have been polled before, by it or by a
//! client that committed them. If a message has several offsets, its first one counts for how far
//! polls have come, and its last one for how far they must come before the message is lost.

use super::{errors::LogError, index::HistoryIndex, upstream_failure::UpstreamFailure};
use crate::compat::clojure::order_set;

/// Finds the lost writes of each key.
pub(super) fn find<'a>(index: &HistoryIndex<'a>) -> Result<Vec<LogError>, UpstreamFailure<'a>> {
    let mut lost = Vec::new();
    for (key, read) in &index.by_message.read_keys {
        let (key, log) = (*key, index.logs.get(*key));
        let firsts = read.iter().filter_map(|message| Some(log.bounds(*message)?.0));
        let bound = firsts.max().ok_or(UpstreamFailure::OnlyEmptyPolls(key))?;
        let lasts = |index_in_log: usize| {
            let mut lasts = log.slots()[index_in_log].messages.clone();
            lasts.retain(|message| {
                log.bounds(*message).is_some_and(|(_, last)| last == index_in_log)
            });
            order_set(&mut lasts, |message| index.ops.messages.trie_position(*message));
            lasts
        };
        let farthest = lasts(bound).first().map(|message| index.by_message.readers(key, *message));
        let reader = farthest.and_then(|readers| readers.first().copied());
        for message in (0..=bound).flat_map(lasts) {
            if index.by_message.read.contains(&(key, message)) {
                continue;
            }
            let no_writer = UpstreamFailure::NoWriter { key, message, reader: None };
            let writer = index.by_message.writer(key, message).ok_or(no_writer)?;
            if index.by_message.has_happened(index.parsed(writer)) {
                let first = log.bounds(message).map_or(bound, |(first, _)| first);
                lost.push(LogError::LostWrite { key, message, slot: first, bound, writer, reader });
            }
        }
    }
    Ok(lost)
}
