//! Rules of Ongaro's dissertation that the paper lacks: PreVote, ReadIndex, leaders that step down
//! without a majority, and leaders that send before they store.

use super::*;
use crate::raft::Forwarder;

pub(super) fn read(request_id: u64) -> Input<u64, Vec<u64>> {
    Input::Read { request_id, forwarder: None }
}

pub(super) const READY: TestOutput = Output::ReadReady { request_id: 5 };

/// Section 9.6.
#[test]
fn a_pre_vote_needs_a_later_term_an_up_to_date_log_and_no_leader() {
    #[track_caller]
    fn check(silence: Duration, ballot: RequestVote, expected: bool) {
        let mut node = follower(2, Some(2), &[1, 1]);
        let message = append(2, (2, 1), &[], 0);
        node.step(LATER, [Input::Message { from: 2, message }]);
        let message = RaftMessage::PreVote(ballot);
        let outputs = node.step(LATER + silence, [Input::Message { from: 1, message }]);
        assert_eq!((is_granted(&outputs), node.term()), (expected, 2));
    }
    check(CONFIG.min_election_timeout, request_vote(3, 2, 1), true);
    check(CONFIG.min_election_timeout, request_vote(2, 2, 1), false);
    check(CONFIG.min_election_timeout, request_vote(3, 1, 1), false);
    check(CONFIG.min_election_timeout.saturating_sub(MOMENT), request_vote(3, 2, 1), false);
    assert!(!is_granted(&receive(
        &mut leader(2, &[]),
        1,
        RaftMessage::PreVote(request_vote(3, 9, 9))
    )));
}

/// Section 9.6.
#[test]
fn a_pre_candidate_begins_no_term_before_a_majority_grants_its_pre_vote() {
    let mut node = follower(2, None, &[]);
    for second in 10..20 {
        let outputs = node.step(Duration::from_secs(second), [Input::Tick { random: 0 }]);
        assert!(
            sent(&outputs).iter().all(|(_, message)| matches!(message, RaftMessage::PreVote(_)))
        );
        let refused = RequestVoteResponse { term: 2, requested_term: 3, vote_granted: false };
        receive(&mut node, 1, RaftMessage::PreVoteResponse(refused));
    }
    assert_eq!(node.term(), 2);
}

/// Section 6.2.
#[test]
fn a_leader_that_no_majority_answers_steps_down_and_rejects_its_reads() {
    let mut node = leader(2, &[]);
    node.step(LATER, [read(5)]);
    let due = LATER + CONFIG.quorum_timeout;
    node.step(due.saturating_sub(MOMENT), [Input::Tick { random: 0 }]);
    assert_eq!(node.leader(), Some(0));
    let outputs = node.step(due, [Input::Tick { random: 0 }]);
    assert_eq!((node.leader(), node.term()), (None, 2));
    assert_eq!(outputs, [Output::NotLeader { request_id: 5 }]);
}

/// Section 6.4.
#[test]
fn a_read_waits_for_an_entry_of_the_term_and_for_a_response_to_a_later_message() {
    let mut node = leader(2, &[1]);
    assert!(!node.step(LATER, [read(5)]).contains(&READY));
    // Round 1 was sent before the read arrived, so it is no confirmation; round 2 follows.
    let outputs = receive(&mut node, 1, matches(2, 1, 2));
    assert_eq!((node.commit_index(), appended(&outputs, 1).round), (2, 2));
    assert!(!outputs.contains(&READY));
    assert!(receive(&mut node, 1, matches(2, 2, 2)).contains(&READY));
}

/// A leader counts its rounds from 1 in each term, so a message of a former term may have the
/// number of a round of this one. Its rejection confirms nothing.
#[test]
fn the_rejection_of_a_message_of_a_former_term_confirms_no_read() {
    let mut node = leader(2, &[]);
    respond_both(&mut node, 2, 1, 1);
    let outputs = node.step(LATER, [read(5)]);
    let round = appended(&outputs, 1).round;
    let refusal = AppendEntriesResponse { term: 2, round, outcome: ReplicationOutcome::OldTerm };
    assert!(receive(&mut node, 1, RaftMessage::AppendEntriesResponse(refusal)).is_empty());
    assert!(receive(&mut node, 1, matches(2, round, 1)).contains(&READY));
}

/// Section 6.4.
#[test]
fn reads_that_wait_share_a_round() {
    let mut node = leader(2, &[]);
    respond_both(&mut node, 2, 1, 1);
    let outputs = node.step(LATER, (0..100).map(read));
    assert_eq!(sent(&outputs).len(), 2);
    let outputs = receive(&mut node, 1, matches(2, 2, 1));
    assert_eq!(outputs.len(), 100);
}

#[test]
fn a_follower_that_forwards_a_read_confirms_it_if_it_is_in_the_same_term() {
    #[track_caller]
    fn check(nodes: usize, term: u64, expected: bool) {
        let mut node = leader(2, &[]);
        node.cluster_size = nodes;
        receive(&mut node, 2, matches(2, 1, 1));
        node.commit_index = 1;
        let forwarder = Some(Forwarder { node: 1, term });
        let outputs = node.step(LATER, [Input::Read { request_id: 5, forwarder }]);
        assert_eq!(outputs.contains(&READY), expected);
    }
    check(3, 2, true);
    check(3, 1, false);
    check(5, 2, false);
}

#[test]
fn a_single_node_leads_at_once_and_sends_nothing() {
    let stored = PersistentState::default();
    let mut node = TestRaft::new(0, 1, CONFIG, stored, LATER, 0);
    assert_eq!(node.deadline(), LATER);
    node.step(LATER, [Input::Tick { random: 0 }]);
    let outputs = node.step(LATER, [Input::Propose { request_id: 0, command: 8 }, read(5)]);
    let entries = vec![Entry { term: 1, command: Some(8) }];
    let apply = Output::Apply { index: 2, command: Some(8) };
    assert_eq!(outputs, [Output::StoreEntries { index: 2, entries }, apply, READY]);
    assert_eq!(node.deadline(), Duration::MAX);
}

/// Section 10.2.1.
#[test]
fn a_leader_sends_before_it_stores() {
    let mut node = leader(2, &[]);
    respond_both(&mut node, 2, 1, 1);
    let outputs = node.step(LATER, [Input::Propose { request_id: 0, command: 8 }]);
    let sends = position(&outputs, |output| matches!(output, Output::Send { .. }));
    let stores = position(&outputs, |output| matches!(output, Output::StoreEntries { .. }));
    assert!(sends < stores);
}

#[test]
fn the_proposals_of_one_step_are_sent_in_one_message_to_each_follower() {
    let mut node = leader(2, &[]);
    respond_both(&mut node, 2, 1, 1);
    let proposals = (0..100).map(|request_id| Input::Propose { request_id, command: request_id });
    let outputs = node.step(LATER, proposals.chain([read(5)]));
    assert_eq!(sent(&outputs).len(), 2);
    assert_eq!(appended(&outputs, 1).entries.len(), 100);
}
