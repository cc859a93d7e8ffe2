//! What a page does not have, since it would be too slow with it.
//!
//! Clues are found before anything is left out, so that what they tell is true of the whole test.
//! What they refer to stays, wherever it is; else what is nearest to where something went wrong.

use std::collections::BTreeSet;
use std::ops::Range;

use super::shown;
use crate::page::scene::{Scene, around};

/// How many messages a page has at most. With more it would be slow to load and to draw; with fewer
/// it would leave out what people want to see.
const MOST_MESSAGES: usize = 100_000;

/// How many operations a page has at most, for the same reasons.
const MOST_OPERATIONS: usize = 50_000;

/// How many messages of a clue stay that are far from it all. A value that every message gossips is
/// in all of them; with fewer, the picture would not show its way to the last node.
const MOST_OF_A_CLUE: usize = 1_000;

/// Takes away what would be too much, as far as possible from where something went wrong, and says
/// so in sentences.
pub(super) fn leave_out(scene: &mut Scene<'_>) -> Vec<String> {
    leave_out_beyond(MOST_MESSAGES, MOST_OPERATIONS, scene)
}

pub(super) fn leave_out_beyond(
    messages: usize,
    operations: usize,
    scene: &mut Scene<'_>,
) -> Vec<String> {
    let mut omissions = Vec::new();
    let focus = scene.focus();
    let sent = scene.arrows.iter().map(|arrow| arrow.sent);
    if let Some(near) = around(sent, focus, messages) {
        let own = scene.clues.iter().flat_map(|clue| clue.messages.iter().take(MOST_OF_A_CLUE));
        let kept = kept(near, own);
        omissions.push(format!("{} of {} messages are shown", kept.len(), scene.arrows.len()));
        keep(&mut scene.arrows, &kept);
        for clue in &mut scene.clues {
            renumber(&mut clue.messages, &kept);
        }
    }
    let invoked = scene.operations.iter().map(|operation| operation.invoked);
    if let Some(near) = around(invoked, focus, operations) {
        let kept = kept(near, scene.clues.iter().flat_map(|clue| &clue.operations));
        omissions.push(format!(
            "{} of {} operations are shown",
            kept.len(),
            scene.operations.len()
        ));
        keep(&mut scene.operations, &kept);
        for clue in &mut scene.clues {
            renumber(&mut clue.operations, &kept);
        }
    }
    omissions.extend(scene.recorded_until.map(|until| {
        let until = shown::seconds(until);
        format!("messages were kept until {until}, and then there was no more room")
    }));
    omissions
}

/// The places of what stays, in order.
fn kept<'a>(near: Range<usize>, own: impl Iterator<Item = &'a usize>) -> Vec<usize> {
    near.chain(own.copied()).collect::<BTreeSet<_>>().into_iter().collect()
}

/// Keeps what is at these places, which are in order.
fn keep<T>(all: &mut Vec<T>, kept: &[usize]) {
    let (mut place, mut next) = (0, kept.iter().peekable());
    all.retain(|_| {
        let stays = next.next_if_eq(&&place).is_some();
        place += 1;
        stays
    });
}

/// Turns places into those among what is kept.
fn renumber(places: &mut Vec<usize>, kept: &[usize]) {
    *places = places.iter().filter_map(|place| kept.binary_search(place).ok()).collect();
}
