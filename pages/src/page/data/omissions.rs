//! Omissions: data that would make a page too slow.
//!
//! Evidence is collected before anything is left out, so its text holds for the whole test.
//! Everything that the evidence refers to stays. Of the rest, what is nearest to the first
//! contradiction stays.

use std::collections::BTreeSet;
use std::ops::Range;

use super::truncate;
use crate::page::view_model::{ViewModel, around};

/// Messages of a page at most. More would be slow to load and draw; fewer would leave out what
/// people want to see.
const MAX_MESSAGES: usize = 100_000;

/// Operations of a page at most, for the same reasons.
const MAX_OPERATIONS: usize = 50_000;

/// Messages of one contradiction that stay however far away they are. Where every message gossips
/// all values, each of them carries the value; with fewer, the picture would not show its way to
/// the last node.
const MAX_EVIDENCE_MESSAGES: usize = 1_000;

/// Removes excess data, farthest from the first contradiction first, and returns sentences about
/// it.
pub(super) fn leave_out(view_model: &mut ViewModel<'_>) -> Vec<String> {
    leave_out_beyond(MAX_MESSAGES, MAX_OPERATIONS, view_model)
}

pub(super) fn leave_out_beyond(
    messages: usize,
    operations: usize,
    view_model: &mut ViewModel<'_>,
) -> Vec<String> {
    let mut omissions = Vec::new();
    let focus = view_model.focus();
    let sent = view_model.arrows.iter().map(|arrow| arrow.sent);
    if let Some(near) = around(sent, focus, messages) {
        let own = view_model
            .contradictions
            .iter()
            .flat_map(|contradiction| contradiction.messages.iter().take(MAX_EVIDENCE_MESSAGES));
        let kept = kept_indices(near, own);
        omissions.push(format!("{} of {} messages are shown", kept.len(), view_model.arrows.len()));
        keep(&mut view_model.arrows, &kept);
        for contradiction in &mut view_model.contradictions {
            renumber(&mut contradiction.messages, &kept);
        }
    }
    let invoked = view_model.operations.iter().map(|operation| operation.invoked);
    if let Some(near) = around(invoked, focus, operations) {
        let kept = kept_indices(
            near,
            view_model.contradictions.iter().flat_map(|contradiction| &contradiction.operations),
        );
        omissions.push(format!(
            "{} of {} operations are shown",
            kept.len(),
            view_model.operations.len()
        ));
        keep(&mut view_model.operations, &kept);
        for contradiction in &mut view_model.contradictions {
            renumber(&mut contradiction.operations, &kept);
        }
    }
    omissions.extend(view_model.recorded_until.map(|until| {
        let until = truncate::seconds(until);
        format!("messages are recorded until {until}, when the log was full")
    }));
    omissions
}

/// Sorted indices of the entries that stay.
fn kept_indices<'a>(near: Range<usize>, own: impl Iterator<Item = &'a usize>) -> Vec<usize> {
    near.chain(own.copied()).collect::<BTreeSet<_>>().into_iter().collect()
}

/// Keeps the entries at these sorted indices.
fn keep<T>(all: &mut Vec<T>, kept: &[usize]) {
    let (mut place, mut next) = (0, kept.iter().peekable());
    all.retain(|_| {
        let stays = next.next_if_eq(&&place).is_some();
        place += 1;
        stays
    });
}

/// Maps indices to those among the kept entries.
fn renumber(places: &mut Vec<usize>, kept: &[usize]) {
    *places = places.iter().filter_map(|place| kept.binary_search(place).ok()).collect();
}
