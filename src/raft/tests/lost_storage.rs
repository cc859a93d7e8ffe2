//! Followers that have lost entries that they had acknowledged.

use super::*;
use crate::raft::Forwarder;
use crate::raft::tests::dissertation::{READY, read};

const LOST: TestOutput = Output::LostStorage { node: 2, acknowledged: 1, last_log_index: 0 };

/// A leader of term 2 whose followers have acknowledged the first entry, and which has detected
/// that node 2 has lost it.
fn leader_that_detected_loss() -> TestRaft {
    let mut node = leader(2, &[]);
    respond_both(&mut node, 2, 1, 1);
    let outputs = node.step(LATER, [Input::Propose { request_id: 0, command: 8 }]);
    let round = appended(&outputs, 2).round;
    let outputs = receive(&mut node, 2, differs(2, round, 1));
    assert_eq!(outputs, [LOST]);
    node
}

#[test]
fn a_rejection_is_proof_if_the_entry_was_acknowledged_when_the_message_was_sent() {
    #[track_caller]
    fn check(mut node: TestRaft, answers: &[TestMessage], expected: bool) {
        let outputs = answers.iter().flat_map(|answer| receive(&mut node, 2, answer.clone()));
        let is_lost = |output: &TestOutput| matches!(output, Output::LostStorage { .. });
        assert_eq!(outputs.collect::<Vec<_>>().iter().any(is_lost), expected, "{answers:?}");
    }
    // Rounds 1 to 3 are sent before any response, each with the entry after the last one's.
    let start = || {
        let mut node = follower(1, None, &[]);
        node.config.max_in_flight = 4;
        node.step(LATER, [Input::Tick { random: 0 }]);
        for message in [RaftMessage::PreVoteResponse, RaftMessage::RequestVoteResponse] {
            let answer = RequestVoteResponse { term: 1, requested_term: 2, vote_granted: true };
            receive(&mut node, 1, message(answer));
        }
        for command in [8, 9] {
            node.step(LATER, [Input::Propose { request_id: 0, command }]);
        }
        node
    };
    // Round 3 overtook round 2: its rejection is late, and proves nothing of the log by now.
    check(start(), &[matches(2, 1, 1), matches(2, 2, 2), differs(2, 3, 2)], false);
    check(start(), &[matches(2, 2, 2), matches(2, 3, 3), differs(2, 2, 1)], false);
    // Round 4 is a heartbeat, sent when entry 3 is known to match.
    let acknowledged = || {
        let mut node = start();
        receive(&mut node, 2, matches(2, 3, 3));
        let due = node.deadline();
        node.step(due, [Input::Tick { random: 0 }]);
        node
    };
    check(acknowledged(), &[differs(2, 4, 3)], true);
    check(acknowledged(), &[differs(2, 4, 1)], true);
    check(acknowledged(), &[differs(2, 3, 1)], false);
    // The round with this number in another term proves nothing.
    let old = AppendEntriesResponse { term: 2, round: 4, outcome: ReplicationOutcome::OldTerm };
    check(acknowledged(), &[RaftMessage::AppendEntriesResponse(old)], false);
    check(acknowledged(), &[differs(1, 4, 1)], false);
}

#[test]
fn the_last_index_before_a_snapshot_is_proof_if_it_is_below_what_was_acknowledged() {
    #[track_caller]
    fn check(outcome: ReplicationOutcome, expected: bool) {
        let mut node = leader(2, &[1, 1]);
        node.config.max_message_bytes = 2;
        receive(&mut node, 1, matches(2, 1, 3));
        // The leader knows that node 2 has the first entry.
        receive(&mut node, 2, matches(2, 1, 1));
        progress(&mut node, 2).next_index = 2;
        let outputs = node.step(LATER, [Input::Compact { index: 3, state: vec![7, 8, 9] }]);
        let install = sent(&outputs).into_iter().find_map(|(_, message)| match message {
            RaftMessage::InstallSnapshot(install) => Some(install),
            _ => None,
        });
        let round = install.unwrap_or_else(|| panic!("no part in {outputs:?}")).round;
        let answer = AppendEntriesResponse { term: 2, round, outcome };
        let outputs = receive(&mut node, 2, RaftMessage::AppendEntriesResponse(answer));
        let is_lost = |output: &TestOutput| matches!(output, Output::LostStorage { .. });
        assert_eq!(outputs.iter().any(is_lost), expected);
    }
    for (last_log_index, expected) in [(0, true), (1, false), (9, false)] {
        check(ReplicationOutcome::Receiving { offset: 2, last_log_index }, expected);
        check(ReplicationOutcome::Installed { match_index: 3, last_log_index }, expected);
    }
}

#[test]
fn a_node_that_has_lost_its_storage_is_sent_nothing_and_acknowledges_nothing() {
    let mut node = leader_that_detected_loss();
    // With its acknowledgement, two of three would have the entry.
    assert!(receive(&mut node, 2, matches(2, 2, 2)).is_empty());
    assert_eq!(node.commit_index(), 1);
    let due = node.deadline();
    let outputs = node.step(due, [Input::Tick { random: 0 }]);
    assert!(sent(&outputs).iter().all(|(to, _)| *to == 1), "{outputs:?}");
    receive(&mut node, 1, matches(2, 2, 2));
    assert_eq!(node.commit_index(), 2);
}

#[test]
fn a_leader_that_hears_only_from_a_node_that_has_lost_its_storage_steps_down() {
    let mut node = leader_that_detected_loss();
    let due = LATER + CONFIG.quorum_timeout;
    let message = matches(2, 2, 2);
    node.step(due.saturating_sub(MOMENT), [Input::Message { from: 2, message }]);
    assert_eq!(node.leader(), Some(0));
    node.step(due, [Input::Tick { random: 0 }]);
    assert_eq!(node.leader(), None);
}

#[test]
fn a_node_that_has_lost_its_storage_confirms_no_read_not_even_its_own() {
    let mut node = leader_that_detected_loss();
    receive(&mut node, 1, matches(2, 2, 2));
    let forwarder = Some(Forwarder { node: 2, term: 2 });
    let outputs = node.step(LATER, [Input::Read { request_id: 5, forwarder }]);
    let round = appended(&outputs, 1).round;
    assert!(!outputs.contains(&READY));
    assert!(!receive(&mut node, 2, matches(2, round, 2)).contains(&READY));
    assert!(receive(&mut node, 1, matches(2, round, 2)).contains(&READY));
    assert!(node.step(LATER, [read(6)]).iter().all(|output| *output != READY));
}

#[test]
fn a_node_that_has_lost_its_storage_elects_nobody_in_later_terms() {
    let mut node = leader_that_detected_loss();
    node.step(LATER + CONFIG.quorum_timeout, [Input::Tick { random: 0 }]);
    let again = node.deadline();
    node.step(again, [Input::Tick { random: 0 }]);
    let vote = |requested_term| RequestVoteResponse { term: 2, requested_term, vote_granted: true };
    receive(&mut node, 2, RaftMessage::PreVoteResponse(vote(3)));
    assert_eq!(node.term(), 2);
    receive(&mut node, 1, RaftMessage::PreVoteResponse(vote(3)));
    assert_eq!(node.term(), 3);
    receive(&mut node, 2, RaftMessage::RequestVoteResponse(vote(3)));
    assert_eq!(node.leader(), None);
    let outputs = receive(&mut node, 1, RaftMessage::RequestVoteResponse(vote(3)));
    assert_eq!(node.leader(), Some(0));
    assert!(sent(&outputs).iter().all(|(to, _)| *to == 1), "{outputs:?}");
}
