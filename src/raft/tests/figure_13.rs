//! Snapshots (section 7, figure 13).

use super::*;

/// `InstallSnapshot` with a whole snapshot in one part.
fn install(term: u64, snapshot: Snapshot<Vec<u64>>) -> TestMessage {
    let text = snapshot.state.text().into_owned();
    part(term, &snapshot, 0, &text, true)
}

fn part(
    term: u64,
    snapshot: &Snapshot<Vec<u64>>,
    offset: usize,
    data: &str,
    done: bool,
) -> TestMessage {
    let Snapshot { last_included_index, last_included_term, .. } = *snapshot;
    let data = data.to_owned();
    RaftMessage::InstallSnapshot(InstallSnapshot {
        term,
        last_included_index,
        last_included_term,
        offset,
        data,
        done,
        round: 1,
    })
}

fn receiving(offset: usize, last_log_index: u64) -> ReplicationOutcome {
    ReplicationOutcome::Receiving { offset, last_log_index }
}

fn received(term: u64, round: u64, offset: usize) -> TestMessage {
    let outcome = receiving(offset, 9);
    RaftMessage::AppendEntriesResponse(AppendEntriesResponse { term, round, outcome })
}

/// Part that is sent to node 2, if it is the only message.
fn sent_part(outputs: &[TestOutput]) -> &InstallSnapshot {
    match sent(outputs)[..] {
        [(2, RaftMessage::InstallSnapshot(install))] => install,
        _ => panic!("a part was expected: {outputs:?}"),
    }
}

/// A leader of term 2 whose log begins after entry 2, and which sends at most four bytes at a time;
/// with its outputs when node 2, which has no entries, has responded to the empty part.
fn leader_with_snapshot() -> (TestRaft, Vec<TestOutput>) {
    let mut node = leader(2, &[1, 1]);
    node.config.max_message_bytes = 4;
    receive(&mut node, 1, matches(2, 1, 3));
    node.step(LATER, [Input::Compact { index: 2, state: vec![1, 22, 333] }]);
    let outputs = receive(&mut node, 2, differs(2, 1, 1));
    let first = sent_part(&outputs);
    assert_eq!((&*first.data, first.offset, first.done), ("", 0, false));
    let outputs = receive(&mut node, 2, received(2, first.round, 0));
    (node, outputs)
}

#[test]
fn install_snapshot_receiver_1_rejects_a_leader_of_a_former_term() {
    let mut node = follower(3, None, &[1]);
    let outputs = receive(&mut node, 1, install(2, snapshot(9, 2)));
    assert_eq!(outcome(&outputs), ReplicationOutcome::OldTerm);
    assert_eq!(node.log().snapshot(), None);
}

#[test]
fn install_snapshot_receiver_2_to_4_put_parts_together_in_their_order() {
    let mut node = follower(3, None, &[1]);
    let whole = Snapshot { state: vec![1, 22, 333], ..snapshot(9, 2) };
    let mut check = |offset, data, done, expected| {
        let outputs = receive(&mut node, 1, part(3, &whole, offset, data, done));
        assert_eq!(outcome(&outputs), expected, "{data} at {offset}");
        outputs.contains(&Output::Restore(whole.clone()))
    };
    // A part that does not begin where the last one ended is ignored, and the response says so.
    assert!(!check(3, "22,", false, receiving(0, 1)));
    assert!(!check(0, "[1,", false, receiving(3, 1)));
    assert!(!check(0, "[1,", false, receiving(3, 1)));
    assert!(!check(6, "333]", true, receiving(3, 1)));
    assert!(!check(3, "22,", false, receiving(6, 1)));
    assert!(check(
        6,
        "333]",
        true,
        ReplicationOutcome::Installed { match_index: 9, last_log_index: 1 }
    ));
    // The last part again, because its response was lost.
    assert!(!check(
        6,
        "333]",
        true,
        ReplicationOutcome::Installed { match_index: 9, last_log_index: 9 }
    ));
    assert!(node.partial_snapshot.is_none());
}

#[test]
fn a_part_resets_the_election_timeout() {
    let mut node = follower(3, None, &[]);
    let due = node.deadline();
    let message = part(3, &snapshot(9, 2), 0, "[", false);
    node.step(due.saturating_sub(MOMENT), [Input::Message { from: 1, message }]);
    assert!(node.deadline() >= (due + CONFIG.min_election_timeout).saturating_sub(MOMENT));
    assert_eq!(node.leader(), Some(1));
}

#[test]
fn a_partial_snapshot_is_discarded_when_another_begins_and_when_it_is_not_needed() {
    #[track_caller]
    fn check(message: TestMessage, expected: bool) {
        let mut node = follower(3, None, &[1, 1]);
        receive(&mut node, 1, part(3, &snapshot(9, 2), 0, "[7", false));
        receive(&mut node, 1, message);
        assert_eq!(node.partial_snapshot.is_some(), expected);
        // In no case is a part of one snapshot appended to a part of another.
        let outputs = receive(&mut node, 1, part(4, &snapshot(8, 2), 2, "7]", true));
        assert!(!outputs.iter().any(|output| matches!(output, Output::Restore(_))));
    }
    check(append(3, (2, 1), &[], 2), true);
    check(part(3, &snapshot(8, 2), 2, "]", true), false);
    check(part(4, &snapshot(9, 2), 2, "]", true), false);
    check(append(4, (2, 1), &[], 0), false);
    check(RaftMessage::RequestVote(request_vote(4, 9, 9)), false);
    check(append(3, (2, 1), &[1, 1, 1, 1, 1, 1, 2], 9), false);
}

#[test]
fn a_snapshot_is_sent_part_by_part_each_after_the_response_to_the_last() {
    let (mut node, outputs) = leader_with_snapshot();
    let mut text = String::new();
    let mut part = sent_part(&outputs).clone();
    loop {
        assert_eq!((part.offset, part.last_included_index), (text.len(), 2));
        assert!(part.data.len() <= 4);
        text.push_str(&part.data);
        // Nothing else is sent until a heartbeat is due.
        assert!(node.step(LATER, [Input::Tick { random: 0 }]).is_empty());
        if part.done {
            break;
        }
        part = sent_part(&receive(&mut node, 2, received(2, part.round, text.len()))).clone();
    }
    assert_eq!(text, "[1,22,333]");
    let outputs = receive(&mut node, 2, matches(2, part.round, 2));
    assert_eq!(appended(&outputs, 2).prev_log_index, 2);
}

#[test]
fn a_leader_continues_at_the_followers_offset_and_ignores_late_responses() {
    let (mut node, outputs) = leader_with_snapshot();
    let first = sent_part(&outputs).round;
    let second = sent_part(&receive(&mut node, 2, received(2, first, 4))).round;
    // The first response, duplicated, does not answer the second part.
    assert!(receive(&mut node, 2, received(2, first, 4)).is_empty());
    // The follower was restarted, and has lost its parts.
    assert_eq!(sent_part(&receive(&mut node, 2, received(2, second, 0))).offset, 0);
}

#[test]
fn a_newer_snapshot_is_not_sent_before_the_older_one_is_installed() {
    let (mut node, outputs) = leader_with_snapshot();
    let round = sent_part(&outputs).round;
    let outputs = node.step(LATER, [Input::Compact { index: 3, state: vec![4_444_444] }]);
    assert!(sent(&outputs).is_empty());
    let outputs = receive(&mut node, 2, received(2, round, 4));
    let part = sent_part(&outputs);
    assert_eq!((&*part.data, part.last_included_index), ("2,33", 2));
    let round = sent_part(&receive(&mut node, 2, received(2, part.round, 8))).round;
    let outputs = receive(&mut node, 2, matches(2, round, 2));
    let round = sent_part(&outputs).round;
    let outputs = receive(&mut node, 2, received(2, round, 0));
    let part = sent_part(&outputs);
    assert_eq!((&*part.data, part.offset, part.last_included_index), ("[444", 0, 3));
}

#[test]
fn install_snapshot_receiver_5_stores_it_and_ignores_older_ones() {
    let mut node = follower(3, None, &[]);
    let outputs = receive(&mut node, 1, install(3, snapshot(9, 2)));
    let place_of_answer = position(&outputs, |output| matches!(output, Output::Send { .. }));
    let stored = PersistentState {
        current_term: 3,
        snapshot: Some(snapshot(9, 2)),
        ..PersistentState::default()
    };
    assert_eq!(outputs[place_of_answer - 1], Output::StoreAll(stored));
    let outputs = receive(&mut node, 1, install(3, snapshot(8, 2)));
    assert_eq!(
        outcome(&outputs),
        ReplicationOutcome::Installed { match_index: 8, last_log_index: 9 }
    );
    assert_eq!((outputs.len(), node.log().snapshot_index()), (1, 9));
}

#[test]
fn install_snapshot_receiver_6_keeps_what_follows_the_entry_that_it_ends_with() {
    let mut node = follower(3, None, &[1, 2, 2]);
    receive(&mut node, 1, install(3, snapshot(2, 2)));
    assert_eq!((terms(&node), node.log().last_index()), (vec![2], 3));
}

#[test]
fn install_snapshot_receiver_7_discards_any_other_log() {
    let mut node = follower(3, None, &[1, 1, 1]);
    receive(&mut node, 1, install(3, snapshot(2, 2)));
    assert_eq!((terms(&node), node.log().last_index()), (vec![], 2));
    assert_eq!(node.log().last_term(), 2);
}

#[test]
fn install_snapshot_receiver_8_resets_the_state_machine() {
    let mut node = follower(3, None, &[1, 1, 1]);
    let outputs = receive(&mut node, 1, install(3, snapshot(2, 1)));
    assert!(outputs.contains(&Output::Restore(snapshot(2, 1))));
    let outputs = receive(&mut node, 1, append(3, (2, 1), &[1], 3));
    assert_eq!(applied(&outputs), [(3, Some(1))]);
}

#[test]
fn a_leader_sends_its_snapshot_to_a_follower_that_needs_compacted_entries() {
    let mut node = leader(2, &[1, 1]);
    receive(&mut node, 1, matches(2, 1, 3));
    node.step(LATER, [Input::Compact { index: 2, state: vec![7] }]);
    let outputs = receive(&mut node, 2, differs(2, 1, 1));
    let round = sent_part(&outputs).round;
    let outputs = receive(&mut node, 2, received(2, round, 0));
    let install = sent_part(&outputs);
    assert_eq!((install.last_included_index, install.last_included_term), (2, 1));
    assert_eq!((&*install.data, install.offset, install.done), ("[7]", 0, true));
    let outputs = receive(&mut node, 2, matches(2, install.round, 2));
    assert_eq!(appended(&outputs, 2).prev_log_index, 2);
    // A follower that does not respond is sent a probe first.
    let mut node = leader(2, &[1, 1]);
    receive(&mut node, 1, matches(2, 1, 3));
    node.step(LATER, [Input::Compact { index: 3, state: vec![7] }]);
    let outputs = node.step(LATER + CONFIG.max_retransmit_timeout, [Input::Tick { random: 0 }]);
    assert!(appended(&outputs, 2).entries.is_empty());
}

#[test]
fn only_applied_entries_are_compacted() {
    #[track_caller]
    fn check(index: u64, expected: u64) {
        let mut node = follower(1, None, &[1, 1, 1]);
        receive(&mut node, 1, append(1, (3, 1), &[], 2));
        node.step(LATER, [Input::Compact { index, state: vec![7] }]);
        assert_eq!((node.log().snapshot_index(), node.log().last_index()), (expected, 3));
    }
    check(2, 2);
    check(3, 0);
    check(0, 0);
}

#[test]
fn a_leader_waits_with_compaction_for_responsive_followers_only() {
    let mut node = leader(2, &[]);
    receive(&mut node, 1, matches(2, 1, 1));
    node.step(LATER, [Input::Propose { request_id: 0, command: 8 }]);
    receive(&mut node, 1, matches(2, 2, 2));
    // Node 2 has not responded to the first message, so the second entry waits.
    assert_eq!(
        (node.commit_index(), node.needs_entries_through(1), node.needs_entries_through(2)),
        (2, false, true)
    );
    let mut silent = node.clone();
    silent.step(LATER + CONFIG.max_retransmit_timeout, [Input::Tick { random: 0 }]);
    assert!(!silent.needs_entries_through(2));
    receive(&mut node, 2, matches(2, 1, 1));
    assert!(!node.needs_entries_through(2));
}
