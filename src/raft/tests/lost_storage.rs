//! Followers that have lost what they had acknowledged.

use super::*;
use crate::raft::Witness;
use crate::raft::tests::thesis::{READY, read};

const LOST: Done = Output::LostStorage { node: 2, acknowledged: 1, last_log_index: 0 };

/// A leader of term 2 whose followers have acknowledged the first entry, and node 2 has lost it.
fn leader_that_knows() -> Node {
    let mut node = leader(2, &[]);
    agree(&mut node, 2, 1, 1);
    let outputs = node.step(LATER, [Input::Propose { ticket: 0, command: 8 }]);
    let round = appended(&outputs, 2).round;
    let outputs = hear(&mut node, 2, differs(2, round, 1));
    assert_eq!(outputs, [LOST]);
    node
}

#[test]
fn a_refusal_is_proof_if_the_entry_had_been_acknowledged_when_it_was_asked_for() {
    #[track_caller]
    fn check(mut node: Node, answers: &[Said], expected: bool) {
        let outputs = answers.iter().flat_map(|answer| hear(&mut node, 2, answer.clone()));
        let is_lost = |output: &Done| matches!(output, Output::LostStorage { .. });
        assert_eq!(outputs.collect::<Vec<_>>().iter().any(is_lost), expected, "{answers:?}");
    }
    // Rounds 1 to 3 are sent before anything is answered, each behind the last.
    let start = || {
        let mut node = follower(1, None, &[]);
        node.pace.window = 4;
        node.step(LATER, [Input::Tick { random: 0 }]);
        for message in [Message::PreVoteAnswer, Message::RequestVoteAnswer] {
            let answer = VoteAnswer { term: 1, asked: 2, vote_granted: true };
            hear(&mut node, 1, message(answer));
        }
        for command in [8, 9] {
            node.step(LATER, [Input::Propose { ticket: 0, command }]);
        }
        node
    };
    // Round 3 came before round 2: its refusal is late, and says nothing of what is there by now.
    check(start(), &[matches(2, 1, 1), matches(2, 2, 2), differs(2, 3, 2)], false);
    check(start(), &[matches(2, 2, 2), matches(2, 3, 3), differs(2, 2, 1)], false);
    // Round 4 is sent when entry 3 is known to be there, and is a heartbeat.
    let acknowledged = || {
        let mut node = start();
        hear(&mut node, 2, matches(2, 3, 3));
        let due = node.due();
        node.step(due, [Input::Tick { random: 0 }]);
        node
    };
    check(acknowledged(), &[differs(2, 4, 3)], true);
    check(acknowledged(), &[differs(2, 4, 1)], true);
    check(acknowledged(), &[differs(2, 3, 1)], false);
    // Of the round with this number in another term nobody knows.
    let old = AppendEntriesAnswer { term: 2, round: 4, outcome: Outcome::OldTerm };
    check(acknowledged(), &[Message::AppendEntriesAnswer(old)], false);
    check(acknowledged(), &[differs(1, 4, 1)], false);
}

#[test]
fn who_receives_a_snapshot_shows_it_by_the_end_of_its_log() {
    #[track_caller]
    fn check(outcome: Outcome, expected: bool) {
        let mut node = leader(2, &[1, 1]);
        node.pace.most_bytes = 2;
        hear(&mut node, 1, matches(2, 1, 3));
        // Of what node 2 has, the leader knows the first entry.
        hear(&mut node, 2, matches(2, 1, 1));
        progress(&mut node, 2).next_index = 2;
        let outputs = node.step(LATER, [Input::Compact { index: 3, state: vec![7, 8, 9] }]);
        let install = sent(&outputs).into_iter().find_map(|(_, message)| match message {
            Message::InstallSnapshot(install) => Some(install),
            _ => None,
        });
        let round = install.unwrap_or_else(|| panic!("no part in {outputs:?}")).round;
        let answer = AppendEntriesAnswer { term: 2, round, outcome };
        let outputs = hear(&mut node, 2, Message::AppendEntriesAnswer(answer));
        let is_lost = |output: &Done| matches!(output, Output::LostStorage { .. });
        assert_eq!(outputs.iter().any(is_lost), expected);
    }
    for (last_log_index, expected) in [(0, true), (1, false), (9, false)] {
        check(Outcome::Receiving { offset: 2, last_log_index }, expected);
        check(Outcome::Installed { match_index: 3, last_log_index }, expected);
    }
}

#[test]
fn who_has_lost_its_storage_is_sent_nothing_and_acknowledges_nothing() {
    let mut node = leader_that_knows();
    // The entry is on two of three, if its word is taken.
    assert!(hear(&mut node, 2, matches(2, 2, 2)).is_empty());
    assert_eq!(node.commit_index(), 1);
    let due = node.due();
    let outputs = node.step(due, [Input::Tick { random: 0 }]);
    assert!(sent(&outputs).iter().all(|(to, _)| *to == 1), "{outputs:?}");
    hear(&mut node, 1, matches(2, 2, 2));
    assert_eq!(node.commit_index(), 2);
}

#[test]
fn a_leader_that_only_hears_from_who_has_lost_its_storage_steps_down() {
    let mut node = leader_that_knows();
    let due = LATER + PACE.quorum;
    let message = matches(2, 2, 2);
    node.step(due.saturating_sub(MOMENT), [Input::Message { from: 2, message }]);
    assert_eq!(node.leader(), Some(0));
    node.step(due, [Input::Tick { random: 0 }]);
    assert_eq!(node.leader(), None);
}

#[test]
fn who_has_lost_its_storage_confirms_no_read_not_even_its_own() {
    let mut node = leader_that_knows();
    hear(&mut node, 1, matches(2, 2, 2));
    let witness = Some(Witness { node: 2, term: 2 });
    let outputs = node.step(LATER, [Input::Read { ticket: 5, witness }]);
    let round = appended(&outputs, 1).round;
    assert!(!outputs.contains(&READY));
    assert!(!hear(&mut node, 2, matches(2, round, 2)).contains(&READY));
    assert!(hear(&mut node, 1, matches(2, round, 2)).contains(&READY));
    assert!(node.step(LATER, [read(6)]).iter().all(|output| *output != READY));
}

#[test]
fn who_has_lost_its_storage_elects_nobody_in_later_terms() {
    let mut node = leader_that_knows();
    node.step(LATER + PACE.quorum, [Input::Tick { random: 0 }]);
    let again = node.due();
    node.step(again, [Input::Tick { random: 0 }]);
    let vote = |asked| VoteAnswer { term: 2, asked, vote_granted: true };
    hear(&mut node, 2, Message::PreVoteAnswer(vote(3)));
    assert_eq!(node.term(), 2);
    hear(&mut node, 1, Message::PreVoteAnswer(vote(3)));
    assert_eq!(node.term(), 3);
    hear(&mut node, 2, Message::RequestVoteAnswer(vote(3)));
    assert_eq!(node.leader(), None);
    let outputs = hear(&mut node, 1, Message::RequestVoteAnswer(vote(3)));
    assert_eq!(node.leader(), Some(0));
    assert!(sent(&outputs).iter().all(|(to, _)| *to == 1), "{outputs:?}");
}
