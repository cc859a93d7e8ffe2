//! Lost writes: acknowledged messages below what somebody has polled, which nobody has.
//!
//! A client that has polled an offset had to be shown all lower ones before, to it or to somebody
//! who committed them. Of a message at several offsets, the first one tells how far was polled and
//! the last one how far a client must have come to miss it.

use super::{anomaly::Error, index::Index, upstream_failure::UpstreamFailure};
use crate::compat::clojure::order_set;

/// Finds what was lost.
pub(super) fn find<'a>(index: &Index<'a>) -> Result<Vec<Error>, UpstreamFailure<'a>> {
    let mut lost = Vec::new();
    for (key, read) in &index.facts.read_keys {
        let (key, log) = (*key, index.orders.log(*key));
        let firsts = read.iter().filter_map(|message| Some(log.bounds(*message)?.0));
        let bound = firsts.max().ok_or(UpstreamFailure::NothingOf(key))?;
        let lasts = |index_in_log: usize| {
            let mut lasts = log.slots()[index_in_log].messages.clone();
            lasts.retain(|message| {
                log.bounds(*message).is_some_and(|(_, last)| last == index_in_log)
            });
            order_set(&mut lasts, |message| index.acts.messages.place(*message));
            lasts
        };
        let farthest = lasts(bound).first().map(|message| index.facts.readers(key, *message));
        let reader = farthest.and_then(|readers| readers.first().copied());
        for message in (0..=bound).flat_map(lasts) {
            if index.facts.read.contains(&(key, message)) {
                continue;
            }
            let nobody = UpstreamFailure::NoWriter { key, message, reader: None };
            let writer = index.facts.writer(key, message).ok_or(nobody)?;
            if index.facts.has_happened(index.act(writer)) {
                let first = log.bounds(message).map_or(bound, |(first, _)| first);
                lost.push(Error::LostWrite { key, message, index: first, bound, writer, reader });
            }
        }
    }
    Ok(lost)
}
