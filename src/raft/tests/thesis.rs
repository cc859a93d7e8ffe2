//! What the paper leaves to Ongaro's dissertation: pre-votes, reads without an entry, and leaders
//! that nobody answers.

use super::*;
use crate::raft::Witness;

pub(super) fn read(ticket: u64) -> Input<u64, Vec<u64>> {
    Input::Read { ticket, witness: None }
}

pub(super) const READY: Done = Output::ReadReady { ticket: 5 };

/// Section 9.6.
#[test]
fn a_pre_vote_needs_a_later_term_an_up_to_date_log_and_no_leader() {
    #[track_caller]
    fn check(silence: Duration, ballot: Ballot, expected: bool) {
        let mut node = follower(2, Some(2), &[1, 1]);
        let message = append(2, (2, 1), &[], 0);
        node.step(LATER, [Input::Message { from: 2, message }]);
        let message = Message::PreVote(ballot);
        let outputs = node.step(LATER + silence, [Input::Message { from: 1, message }]);
        assert_eq!((is_granted(&outputs), node.term()), (expected, 2));
    }
    check(PACE.election, ballot(3, 2, 1), true);
    check(PACE.election, ballot(2, 2, 1), false);
    check(PACE.election, ballot(3, 1, 1), false);
    check(PACE.election.saturating_sub(MOMENT), ballot(3, 2, 1), false);
    assert!(!is_granted(&hear(&mut leader(2, &[]), 1, Message::PreVote(ballot(3, 9, 9)))));
}

/// Section 9.6.
#[test]
fn who_has_lost_its_leader_begins_no_term_before_a_majority_has() {
    let mut node = follower(2, None, &[]);
    for second in 10..20 {
        let outputs = node.step(Duration::from_secs(second), [Input::Tick { random: 0 }]);
        assert!(sent(&outputs).iter().all(|(_, message)| matches!(message, Message::PreVote(_))));
        let refused = VoteAnswer { term: 2, asked: 3, vote_granted: false };
        hear(&mut node, 1, Message::PreVoteAnswer(refused));
    }
    assert_eq!(node.term(), 2);
}

/// Section 6.2.
#[test]
fn a_leader_that_no_majority_answers_steps_down_and_gives_up_its_reads() {
    let mut node = leader(2, &[]);
    node.step(LATER, [read(5)]);
    let due = LATER + PACE.quorum;
    node.step(due.saturating_sub(MOMENT), [Input::Tick { random: 0 }]);
    assert_eq!(node.leader(), Some(0));
    let outputs = node.step(due, [Input::Tick { random: 0 }]);
    assert_eq!((node.leader(), node.term()), (None, 2));
    assert_eq!(outputs, [Output::Refused { ticket: 5 }]);
}

/// Section 6.4.
#[test]
fn a_read_waits_for_an_entry_of_the_term_and_for_an_answer_to_a_later_message() {
    let mut node = leader(2, &[1]);
    assert!(!node.step(LATER, [read(5)]).contains(&READY));
    // Round 1 left before the read came, so it is no confirmation; but then there is a round 2.
    let outputs = hear(&mut node, 1, matches(2, 1, 2));
    assert_eq!((node.commit_index(), appended(&outputs, 1).round), (2, 2));
    assert!(!outputs.contains(&READY));
    assert!(hear(&mut node, 1, matches(2, 2, 2)).contains(&READY));
}

/// A leader counts its rounds from 1 in each term, so a message of a former one may bear the number
/// of a round of this one. That it is refused now confirms nothing.
#[test]
fn the_refusal_of_a_message_of_a_former_term_confirms_no_read() {
    let mut node = leader(2, &[]);
    agree(&mut node, 2, 1, 1);
    let outputs = node.step(LATER, [read(5)]);
    let round = appended(&outputs, 1).round;
    let refusal = AppendEntriesAnswer { term: 2, round, outcome: Outcome::OldTerm };
    assert!(hear(&mut node, 1, Message::AppendEntriesAnswer(refusal)).is_empty());
    assert!(hear(&mut node, 1, matches(2, round, 1)).contains(&READY));
}

/// Section 6.4.
#[test]
fn reads_that_wait_share_a_round() {
    let mut node = leader(2, &[]);
    agree(&mut node, 2, 1, 1);
    let outputs = node.step(LATER, (0..100).map(read));
    assert_eq!(sent(&outputs).len(), 2);
    let outputs = hear(&mut node, 1, matches(2, 2, 1));
    assert_eq!(outputs.len(), 100);
}

#[test]
fn a_follower_that_asks_is_a_confirmation_if_it_is_in_the_same_term() {
    #[track_caller]
    fn check(nodes: usize, term: u64, expected: bool) {
        let mut node = leader(2, &[]);
        node.nodes = nodes;
        hear(&mut node, 2, matches(2, 1, 1));
        node.commit_index = 1;
        let witness = Some(Witness { node: 1, term });
        let outputs = node.step(LATER, [Input::Read { ticket: 5, witness }]);
        assert_eq!(outputs.contains(&READY), expected);
    }
    check(3, 2, true);
    check(3, 1, false);
    check(5, 2, false);
}

#[test]
fn who_is_alone_leads_at_once_and_says_nothing() {
    let stored = Stored::default();
    let mut node = Node::new(0, 1, PACE, stored, LATER, 0);
    assert_eq!(node.due(), LATER);
    node.step(LATER, [Input::Tick { random: 0 }]);
    let outputs = node.step(LATER, [Input::Propose { ticket: 0, command: 8 }, read(5)]);
    let entries = vec![Entry { term: 1, command: Some(8) }];
    let apply = Output::Apply { index: 2, command: Some(8) };
    assert_eq!(outputs, [Output::StoreEntries { index: 2, entries }, apply, READY]);
    assert_eq!(node.due(), Duration::MAX);
}

/// Section 10.2.1.
#[test]
fn a_leader_sends_before_it_stores() {
    let mut node = leader(2, &[]);
    agree(&mut node, 2, 1, 1);
    let outputs = node.step(LATER, [Input::Propose { ticket: 0, command: 8 }]);
    let sends = place(&outputs, |output| matches!(output, Output::Send { .. }));
    let stores = place(&outputs, |output| matches!(output, Output::StoreEntries { .. }));
    assert!(sends < stores);
}

/// What comes in one step leaves together.
#[test]
fn proposals_that_come_together_leave_in_one_message_for_each_follower() {
    let mut node = leader(2, &[]);
    agree(&mut node, 2, 1, 1);
    let proposals = (0..100).map(|ticket| Input::Propose { ticket, command: ticket });
    let outputs = node.step(LATER, proposals.chain([read(5)]));
    assert_eq!(sent(&outputs).len(), 2);
    assert_eq!(appended(&outputs, 1).entries.len(), 100);
}
