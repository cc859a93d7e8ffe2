//! Snapshots (section 7, figure 13). Rules 2 to 4 are of parts, and here a snapshot has none.

use super::*;
use crate::raft::InstallSnapshot;

fn install(term: u64, snapshot: Snapshot<Vec<u64>>) -> Said {
    Message::InstallSnapshot(InstallSnapshot { term, snapshot, round: 1 })
}

#[test]
fn install_snapshot_receiver_1_refuses_a_leader_of_a_former_term() {
    let mut node = follower(3, None, &[1]);
    let outputs = hear(&mut node, 1, install(2, snapshot(9, 2)));
    assert!(matches!(outcome(&outputs), Outcome::Differs { .. }));
    assert_eq!(node.log().snapshot(), None);
}

#[test]
fn install_snapshot_receiver_5_stores_it_and_needs_none_that_is_older() {
    let mut node = follower(3, None, &[]);
    let outputs = hear(&mut node, 1, install(3, snapshot(9, 2)));
    let place_of_answer = place(&outputs, |output| matches!(output, Output::Send { .. }));
    let stored = Stored { current_term: 3, snapshot: Some(snapshot(9, 2)), ..Stored::default() };
    assert_eq!(outputs[place_of_answer - 1], Output::StoreAll(stored));
    let outputs = hear(&mut node, 1, install(3, snapshot(8, 2)));
    assert_eq!(outcome(&outputs), Outcome::Matches { match_index: 8 });
    assert_eq!((outputs.len(), node.log().snapshot_index()), (1, 9));
}

#[test]
fn install_snapshot_receiver_6_keeps_what_follows_the_entry_that_it_ends_with() {
    let mut node = follower(3, None, &[1, 2, 2]);
    hear(&mut node, 1, install(3, snapshot(2, 2)));
    assert_eq!((terms(&node), node.log().last_index()), (vec![2], 3));
}

#[test]
fn install_snapshot_receiver_7_discards_any_other_log() {
    let mut node = follower(3, None, &[1, 1, 1]);
    hear(&mut node, 1, install(3, snapshot(2, 2)));
    assert_eq!((terms(&node), node.log().last_index()), (vec![], 2));
    assert_eq!(node.log().last_term(), 2);
}

#[test]
fn install_snapshot_receiver_8_resets_the_state_machine() {
    let mut node = follower(3, None, &[1, 1, 1]);
    let outputs = hear(&mut node, 1, install(3, snapshot(2, 1)));
    assert!(outputs.contains(&Output::Restore(snapshot(2, 1))));
    let outputs = hear(&mut node, 1, append(3, (2, 1), &[1], 3));
    assert_eq!(applied(&outputs), [(3, Some(1))]);
}

#[test]
fn a_leader_sends_its_snapshot_to_whom_its_log_is_too_short_for() {
    let mut node = leader(2, &[1, 1]);
    hear(&mut node, 1, matches(2, 1, 3));
    node.step(LATER, [Input::Compact { index: 2, state: vec![7] }]);
    let outputs = hear(&mut node, 2, differs(2, 1, 1));
    let [(2, Message::InstallSnapshot(install))] = sent(&outputs)[..] else { panic!() };
    assert_eq!(install.snapshot, snapshot(2, 1));
    let outputs = hear(&mut node, 2, matches(2, install.round, 2));
    assert_eq!(appended(&outputs, 2).prev_log_index, 2);
    // One that does not answer is asked for an answer first.
    let mut node = leader(2, &[1, 1]);
    hear(&mut node, 1, matches(2, 1, 3));
    node.step(LATER, [Input::Compact { index: 3, state: vec![7] }]);
    let outputs = node.step(LATER + PACE.longest_retry, [Input::Tick { random: 0 }]);
    assert!(appended(&outputs, 2).entries.is_empty());
}

#[test]
fn only_what_is_applied_is_compacted() {
    #[track_caller]
    fn check(index: u64, expected: u64) {
        let mut node = follower(1, None, &[1, 1, 1]);
        hear(&mut node, 1, append(1, (3, 1), &[], 2));
        node.step(LATER, [Input::Compact { index, state: vec![7] }]);
        assert_eq!((node.log().snapshot_index(), node.log().last_index()), (expected, 3));
    }
    check(2, 2);
    check(3, 0);
    check(0, 0);
}

#[test]
fn a_leader_owes_entries_to_who_answers_and_not_to_who_is_silent() {
    let mut node = leader(2, &[]);
    hear(&mut node, 1, matches(2, 1, 1));
    node.step(LATER, [Input::Propose { ticket: 0, command: 8 }]);
    hear(&mut node, 1, matches(2, 2, 2));
    // Node 2 has not answered the first message, so the second entry waits.
    assert_eq!((node.commit_index(), node.owes(1), node.owes(2)), (2, false, true));
    let mut silent = node.clone();
    silent.step(LATER + PACE.longest_retry, [Input::Tick { random: 0 }]);
    assert!(!silent.owes(2));
    hear(&mut node, 2, matches(2, 1, 1));
    assert!(!node.owes(2));
}
