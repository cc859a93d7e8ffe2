//! Snapshots (section 7, figure 13).

use super::*;

/// A whole snapshot in one part.
fn install(term: u64, snapshot: Snapshot<Vec<u64>>) -> Said {
    let text = snapshot.state.text().into_owned();
    part(term, &snapshot, 0, &text, true)
}

fn part(term: u64, snapshot: &Snapshot<Vec<u64>>, offset: usize, data: &str, done: bool) -> Said {
    let Snapshot { last_included_index, last_included_term, .. } = *snapshot;
    let data = data.to_owned();
    Message::InstallSnapshot(InstallSnapshot {
        term,
        last_included_index,
        last_included_term,
        offset,
        data,
        done,
        round: 1,
    })
}

fn receiving(offset: usize, last_log_index: u64) -> Outcome {
    Outcome::Receiving { offset, last_log_index }
}

fn received(term: u64, round: u64, offset: usize) -> Said {
    let outcome = receiving(offset, 9);
    Message::AppendEntriesAnswer(AppendEntriesAnswer { term, round, outcome })
}

/// The part that goes to node 2, and nothing else does.
fn sent_part(outputs: &[Done]) -> &InstallSnapshot {
    match sent(outputs)[..] {
        [(2, Message::InstallSnapshot(install))] => install,
        _ => panic!("a part was expected: {outputs:?}"),
    }
}

/// A leader of term 2 whose log begins after entry 2, and which sends no more than four bytes at a
/// time; and what it says when node 2 turns out to have nothing, and has answered the empty part.
fn leader_with_snapshot() -> (Node, Vec<Done>) {
    let mut node = leader(2, &[1, 1]);
    node.pace.most_bytes = 4;
    hear(&mut node, 1, matches(2, 1, 3));
    node.step(LATER, [Input::Compact { index: 2, state: vec![1, 22, 333] }]);
    let outputs = hear(&mut node, 2, differs(2, 1, 1));
    let first = sent_part(&outputs);
    assert_eq!((&*first.data, first.offset, first.done), ("", 0, false));
    let outputs = hear(&mut node, 2, received(2, first.round, 0));
    (node, outputs)
}

#[test]
fn install_snapshot_receiver_1_refuses_a_leader_of_a_former_term() {
    let mut node = follower(3, None, &[1]);
    let outputs = hear(&mut node, 1, install(2, snapshot(9, 2)));
    assert_eq!(outcome(&outputs), Outcome::OldTerm);
    assert_eq!(node.log().snapshot(), None);
}

#[test]
fn install_snapshot_receiver_2_to_4_put_parts_together_in_their_order() {
    let mut node = follower(3, None, &[1]);
    let whole = Snapshot { state: vec![1, 22, 333], ..snapshot(9, 2) };
    let mut check = |offset, data, done, expected| {
        let outputs = hear(&mut node, 1, part(3, &whole, offset, data, done));
        assert_eq!(outcome(&outputs), expected, "{data} at {offset}");
        outputs.contains(&Output::Restore(whole.clone()))
    };
    // What does not begin where the last part has ended is not taken, and the answer says so.
    assert!(!check(3, "22,", false, receiving(0, 1)));
    assert!(!check(0, "[1,", false, receiving(3, 1)));
    assert!(!check(0, "[1,", false, receiving(3, 1)));
    assert!(!check(6, "333]", true, receiving(3, 1)));
    assert!(!check(3, "22,", false, receiving(6, 1)));
    assert!(check(6, "333]", true, Outcome::Installed { match_index: 9, last_log_index: 1 }));
    // The last one again, because the answer was lost.
    assert!(!check(6, "333]", true, Outcome::Installed { match_index: 9, last_log_index: 9 }));
    assert!(node.receiving.is_none());
}

#[test]
fn a_part_is_a_sign_of_the_leader() {
    let mut node = follower(3, None, &[]);
    let due = node.due();
    let message = part(3, &snapshot(9, 2), 0, "[", false);
    node.step(due.saturating_sub(MOMENT), [Input::Message { from: 1, message }]);
    assert!(node.due() >= (due + PACE.election).saturating_sub(MOMENT));
    assert_eq!(node.leader(), Some(1));
}

#[test]
fn a_snapshot_that_is_half_there_goes_when_another_one_begins_and_when_none_is_needed() {
    #[track_caller]
    fn check(message: Said, expected: bool) {
        let mut node = follower(3, None, &[1, 1]);
        hear(&mut node, 1, part(3, &snapshot(9, 2), 0, "[7", false));
        hear(&mut node, 1, message);
        assert_eq!(node.receiving.is_some(), expected);
        // Whatever has come, no part of one snapshot is put after a part of another.
        let outputs = hear(&mut node, 1, part(4, &snapshot(8, 2), 2, "7]", true));
        assert!(!outputs.iter().any(|output| matches!(output, Output::Restore(_))));
    }
    check(append(3, (2, 1), &[], 2), true);
    check(part(3, &snapshot(8, 2), 2, "]", true), false);
    check(part(4, &snapshot(9, 2), 2, "]", true), false);
    check(append(4, (2, 1), &[], 0), false);
    check(Message::RequestVote(ballot(4, 9, 9)), false);
    check(append(3, (2, 1), &[1, 1, 1, 1, 1, 1, 2], 9), false);
}

#[test]
fn a_snapshot_is_sent_part_by_part_each_after_the_answer_to_the_last() {
    let (mut node, outputs) = leader_with_snapshot();
    let mut text = String::new();
    let mut part = sent_part(&outputs).clone();
    loop {
        assert_eq!((part.offset, part.last_included_index), (text.len(), 2));
        assert!(part.data.len() <= 4);
        text.push_str(&part.data);
        // Meanwhile there are heartbeats and nothing else.
        assert!(node.step(LATER, [Input::Tick { random: 0 }]).is_empty());
        if part.done {
            break;
        }
        part = sent_part(&hear(&mut node, 2, received(2, part.round, text.len()))).clone();
    }
    assert_eq!(text, "[1,22,333]");
    let outputs = hear(&mut node, 2, matches(2, part.round, 2));
    assert_eq!(appended(&outputs, 2).prev_log_index, 2);
}

#[test]
fn a_leader_goes_on_where_the_follower_says_and_no_answer_that_is_late_takes_it_back() {
    let (mut node, outputs) = leader_with_snapshot();
    let first = sent_part(&outputs).round;
    let second = sent_part(&hear(&mut node, 2, received(2, first, 4))).round;
    // The first answer, once more, is none to the second part.
    assert!(hear(&mut node, 2, received(2, first, 4)).is_empty());
    // It was restarted, and what it had is gone.
    assert_eq!(sent_part(&hear(&mut node, 2, received(2, second, 0))).offset, 0);
}

#[test]
fn a_newer_snapshot_does_not_begin_before_the_older_one_is_there() {
    let (mut node, outputs) = leader_with_snapshot();
    let round = sent_part(&outputs).round;
    let outputs = node.step(LATER, [Input::Compact { index: 3, state: vec![4_444_444] }]);
    assert!(sent(&outputs).is_empty());
    let outputs = hear(&mut node, 2, received(2, round, 4));
    let part = sent_part(&outputs);
    assert_eq!((&*part.data, part.last_included_index), ("2,33", 2));
    let round = sent_part(&hear(&mut node, 2, received(2, part.round, 8))).round;
    let outputs = hear(&mut node, 2, matches(2, round, 2));
    let round = sent_part(&outputs).round;
    let outputs = hear(&mut node, 2, received(2, round, 0));
    let part = sent_part(&outputs);
    assert_eq!((&*part.data, part.offset, part.last_included_index), ("[444", 0, 3));
}

#[test]
fn install_snapshot_receiver_5_stores_it_and_needs_none_that_is_older() {
    let mut node = follower(3, None, &[]);
    let outputs = hear(&mut node, 1, install(3, snapshot(9, 2)));
    let place_of_answer = place(&outputs, |output| matches!(output, Output::Send { .. }));
    let stored = Stored { current_term: 3, snapshot: Some(snapshot(9, 2)), ..Stored::default() };
    assert_eq!(outputs[place_of_answer - 1], Output::StoreAll(stored));
    let outputs = hear(&mut node, 1, install(3, snapshot(8, 2)));
    assert_eq!(outcome(&outputs), Outcome::Installed { match_index: 8, last_log_index: 9 });
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
    let round = sent_part(&outputs).round;
    let outputs = hear(&mut node, 2, received(2, round, 0));
    let install = sent_part(&outputs);
    assert_eq!((install.last_included_index, install.last_included_term), (2, 1));
    assert_eq!((&*install.data, install.offset, install.done), ("[7]", 0, true));
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
