//! One test for each rule of figure 2, in its order.

use super::*;

// State: "updated on stable storage before responding".

#[test]
fn state_is_stored_before_a_response_is_sent() {
    let mut node = follower(1, None, &[]);
    let voted = receive(&mut node, 1, RaftMessage::RequestVote(request_vote(2, 0, 0)));
    let stored = Output::StoreTermAndVote { current_term: 2, voted_for: Some(1) };
    assert_eq!(voted[0], stored);
    assert!(matches!(voted[1], Output::Send { to: 1, .. }));

    let appended = receive(&mut node, 1, append(2, (0, 0), &[2], 0));
    assert_eq!(appended[0], Output::StoreEntries { index: 1, entries: vec![entry(2)] });
    assert!(matches!(appended[1], Output::Send { to: 1, .. }));

    let mut restarted = follower(2, Some(1), &[2]);
    assert!(!is_granted(&receive(
        &mut restarted,
        2,
        RaftMessage::RequestVote(request_vote(2, 9, 9))
    )));
}

// AppendEntries, receiver.

/// Section 5.1.
#[test]
fn append_entries_receiver_1_rejects_a_leader_of_a_former_term() {
    let mut node = follower(3, None, &[1]);
    let outputs = receive(&mut node, 1, append(2, (1, 1), &[2], 2));
    let [(1, RaftMessage::AppendEntriesResponse(answer))] = sent(&outputs)[..] else { panic!() };
    assert_eq!(answer.term, 3);
    assert_eq!(answer.outcome, ReplicationOutcome::OldTerm);
    assert_eq!((terms(&node), node.commit_index(), node.leader()), (vec![1], 0, None));
}

/// Section 5.3.
#[test]
fn append_entries_receiver_2_rejects_when_the_log_has_no_such_entry() {
    #[track_caller]
    fn check(log: &[u64], prev: (u64, u64), expected: ReplicationOutcome) {
        let mut node = follower(5, None, log);
        let outputs = receive(&mut node, 1, append(5, prev, &[5], 9));
        assert_eq!(outcome(&outputs), expected);
        assert_eq!((terms(&node), node.commit_index()), (log.to_vec(), 0));
    }
    check(&[], (1, 1), ReplicationOutcome::Differs { next_index: 1 });
    check(&[1, 1], (4, 1), ReplicationOutcome::Differs { next_index: 3 });
    // The whole term that differs is skipped (the end of section 5.3).
    check(&[1, 2, 2], (3, 3), ReplicationOutcome::Differs { next_index: 2 });
}

/// Section 5.3.
#[test]
fn append_entries_receiver_3_deletes_an_entry_that_differs_and_all_that_follow() {
    let mut node = follower(4, None, &[1, 2, 2, 3]);
    let outputs = receive(&mut node, 1, append(4, (1, 1), &[2, 4], 0));
    assert_eq!(outcome(&outputs), ReplicationOutcome::Matches { match_index: 3 });
    assert_eq!(terms(&node), [1, 2, 4]);
    assert_eq!(outputs[0], Output::StoreEntries { index: 3, entries: vec![entry(4)] });
}

#[test]
fn append_entries_receiver_4_appends_new_entries_and_keeps_those_already_in_the_log() {
    let mut node = follower(4, None, &[1, 4]);
    receive(&mut node, 1, append(4, (1, 1), &[4, 4], 0));
    assert_eq!(terms(&node), [1, 4, 4]);
    // An old message deletes nothing.
    let outputs = receive(&mut node, 1, append(4, (1, 1), &[4], 0));
    assert_eq!(outcome(&outputs), ReplicationOutcome::Matches { match_index: 2 });
    assert_eq!(terms(&node), [1, 4, 4]);
    assert!(!outputs.iter().any(|output| matches!(output, Output::StoreEntries { .. })));
}

#[test]
fn append_entries_receiver_5_commits_up_to_the_leaders_commit_index_or_the_last_new_entry() {
    #[track_caller]
    fn check(leader_commit: u64, expected: u64) {
        // The third entry may not be in the leader's log.
        let mut node = follower(2, None, &[1, 1, 1]);
        receive(&mut node, 1, append(2, (1, 1), &[1], leader_commit));
        assert_eq!(node.commit_index(), expected);
    }
    check(0, 0);
    check(1, 1);
    check(2, 2);
    check(3, 2);
}

// RequestVote, receiver.

/// Section 5.1.
#[test]
fn request_vote_receiver_1_rejects_a_candidate_of_a_former_term() {
    let mut node = follower(3, None, &[]);
    let outputs = receive(&mut node, 1, RaftMessage::RequestVote(request_vote(2, 9, 9)));
    assert!(!is_granted(&outputs));
    assert_eq!(node.term(), 3);
}

/// Sections 5.2 and 5.4.
#[test]
fn request_vote_receiver_2_grants_one_vote_a_term_to_a_log_that_is_up_to_date() {
    #[track_caller]
    fn check(voted_for: Option<ServerId>, last: (u64, u64), expected: bool) {
        let mut node = follower(4, voted_for, &[1, 3]);
        let outputs =
            receive(&mut node, 1, RaftMessage::RequestVote(request_vote(4, last.0, last.1)));
        assert_eq!(is_granted(&outputs), expected);
    }
    check(None, (2, 3), true);
    check(Some(1), (2, 3), true);
    check(Some(2), (2, 3), false);
    check(Some(0), (2, 3), false);
    // The later term wins, and the longer log in the same one (section 5.4.1).
    check(None, (1, 4), true);
    check(None, (3, 3), true);
    check(None, (1, 3), false);
    check(None, (9, 2), false);
}

// All servers.

/// Section 5.3.
#[test]
fn all_servers_1_apply_committed_entries_once_and_in_order() {
    let mut node = follower(1, None, &[1]);
    let outputs = receive(&mut node, 1, append(1, (1, 1), &[1, 1], 2));
    assert_eq!(applied(&outputs), [(1, Some(1)), (2, Some(1))]);
    let outputs = receive(&mut node, 1, append(1, (3, 1), &[], 3));
    assert_eq!(applied(&outputs), [(3, Some(1))]);
}

/// Section 5.1.
#[test]
fn all_servers_2_follow_a_later_term() {
    let answer = RequestVoteResponse { term: 9, requested_term: 2, vote_granted: false };
    for message in [
        append(9, (0, 0), &[], 0),
        differs(9, 1, 0),
        RaftMessage::RequestVote(request_vote(9, 0, 0)),
        RaftMessage::RequestVoteResponse(answer),
        RaftMessage::PreVoteResponse(answer),
    ] {
        let mut node = leader(2, &[1]);
        let outputs = receive(&mut node, 1, message.clone());
        assert_eq!((node.term(), node.leader() == Some(0)), (9, false), "{message:?}");
        assert!(matches!(
            outputs[0],
            Output::StoreTermAndVote { current_term: 9, voted_for: None }
        ));
    }
    // But not the term of a pre-vote, which may never begin.
    let mut node = leader(2, &[1]);
    receive(&mut node, 1, RaftMessage::PreVote(request_vote(9, 9, 9)));
    assert_eq!((node.term(), node.leader()), (2, Some(0)));
}

// Followers (section 5.2).

#[test]
fn followers_1_respond_to_candidates_and_leaders() {
    let mut node = follower(1, None, &[]);
    assert_eq!(
        sent(&receive(&mut node, 1, RaftMessage::RequestVote(request_vote(1, 0, 0)))).len(),
        1
    );
    assert_eq!(sent(&receive(&mut node, 1, append(1, (0, 0), &[], 0))).len(), 1);
    assert_eq!(node.leader(), Some(1));
}

#[test]
fn followers_2_start_an_election_if_they_neither_hear_from_a_leader_nor_grant_a_vote_in_time() {
    #[track_caller]
    fn check(message: TestMessage, waits: bool) {
        let mut node = follower(3, None, &[]);
        let due = node.deadline();
        node.step(due.saturating_sub(MOMENT), [Input::Message { from: 1, message }]);
        let outputs = node.step(due, [Input::Tick { random: 0 }]);
        assert_eq!(sent(&outputs).is_empty(), waits);
        assert_eq!(
            node.deadline() >= (due + CONFIG.min_election_timeout).saturating_sub(MOMENT),
            waits
        );
    }
    check(append(3, (0, 0), &[], 0), true);
    check(RaftMessage::RequestVote(request_vote(3, 0, 0)), true);
    // A former leader, a candidate that gets no vote, and a pre-candidate.
    check(append(2, (0, 0), &[], 0), false);
    check(RaftMessage::RequestVote(request_vote(2, 0, 0)), false);
    check(RaftMessage::PreVote(request_vote(4, 0, 0)), false);
}

// Candidates (section 5.2).

#[test]
fn candidates_1_begin_a_term_vote_for_themselves_and_request_all_votes() {
    let mut node = follower(3, Some(2), &[1, 2]);
    node.step(LATER, [Input::Tick { random: 0 }]);
    let granted = RequestVoteResponse { term: 3, requested_term: 4, vote_granted: true };
    let outputs = receive(&mut node, 1, RaftMessage::PreVoteResponse(granted));
    assert_eq!(outputs[0], Output::StoreTermAndVote { current_term: 4, voted_for: Some(0) });
    let asked = RaftMessage::RequestVote(request_vote(4, 2, 2));
    assert_eq!(sent(&outputs), [(1, &asked), (2, &asked)]);
    assert!(node.deadline() > LATER);
}

#[test]
fn candidates_2_lead_with_the_votes_of_a_majority() {
    let stored = PersistentState::default();
    let mut node = TestRaft::new(0, 5, CONFIG, stored, Duration::ZERO, 0);
    node.step(LATER, [Input::Tick { random: 0 }]);
    let answer = |requested_term, vote_granted| RequestVoteResponse {
        term: 0,
        requested_term,
        vote_granted,
    };
    for from in [1, 2] {
        receive(&mut node, from, RaftMessage::PreVoteResponse(answer(1, true)));
    }
    // The same vote twice, a rejection, and a vote in another term.
    for (from, asked, vote_granted) in [(1, 1, true), (1, 1, true), (2, 1, false), (3, 0, true)] {
        receive(&mut node, from, RaftMessage::RequestVoteResponse(answer(asked, vote_granted)));
        assert_eq!(node.leader(), None);
    }
    receive(&mut node, 4, RaftMessage::RequestVoteResponse(answer(1, true)));
    assert_eq!(node.leader(), Some(0));
}

#[test]
fn candidates_3_follow_the_leader_of_their_term() {
    let mut node = follower(3, None, &[]);
    node.step(LATER, [Input::Tick { random: 0 }]);
    let granted = RequestVoteResponse { term: 3, requested_term: 4, vote_granted: true };
    receive(&mut node, 1, RaftMessage::PreVoteResponse(granted));
    receive(&mut node, 2, append(4, (0, 0), &[4], 0));
    assert_eq!((node.leader(), terms(&node)), (Some(2), vec![4]));
}

#[test]
fn candidates_4_start_another_election_after_the_election_timeout() {
    let mut node = follower(3, None, &[]);
    node.step(LATER, [Input::Tick { random: 0 }]);
    let granted =
        |requested_term| RequestVoteResponse { term: 3, requested_term, vote_granted: true };
    receive(&mut node, 1, RaftMessage::PreVoteResponse(granted(4)));
    node.step(LATER + LATER, [Input::Tick { random: 0 }]);
    receive(&mut node, 1, RaftMessage::PreVoteResponse(granted(5)));
    assert_eq!((node.term(), node.leader()), (5, None));
}

// Leaders.

/// Section 5.2. The first message is not empty here: it has the no-op entry of section 8.
#[test]
fn leaders_1_send_to_all_followers_upon_election_and_heartbeats_while_idle() {
    let mut node = follower(1, None, &[1]);
    node.step(LATER, [Input::Tick { random: 0 }]);
    let granted = RequestVoteResponse { term: 1, requested_term: 2, vote_granted: true };
    receive(&mut node, 1, RaftMessage::PreVoteResponse(granted));
    let outputs = receive(&mut node, 1, RaftMessage::RequestVoteResponse(granted));
    for follower in [1, 2] {
        let append = appended(&outputs, follower);
        assert_eq!((append.prev_log_index, append.prev_log_term), (1, 1));
        assert_eq!(append.entries, [Entry { term: 2, command: None }]);
    }
    respond_both(&mut node, 2, 1, 2);
    assert_eq!(node.deadline(), LATER + CONFIG.heartbeat_interval);
    let outputs = node.step(node.deadline(), [Input::Tick { random: 0 }]);
    assert_eq!(sent(&outputs).len(), 2);
    assert!(appended(&outputs, 1).entries.is_empty());
}

/// Section 5.3.
#[test]
fn leaders_2_append_commands_and_apply_them_once_committed() {
    let mut node = leader(2, &[]);
    respond_both(&mut node, 2, 1, 1);
    let outputs = node.step(LATER, [Input::Propose { request_id: 5, command: 8 }]);
    assert_eq!(appended(&outputs, 1).entries, [Entry { term: 2, command: Some(8) }]);
    assert!(applied(&outputs).is_empty());
    let outputs = receive(&mut node, 1, matches(2, 2, 2));
    assert_eq!(applied(&outputs), [(2, Some(8))]);
    // A node that does not lead rejects the command.
    let refused =
        follower(2, None, &[]).step(LATER, [Input::Propose { request_id: 5, command: 8 }]);
    assert_eq!(refused, [Output::NotLeader { request_id: 5 }]);
}

/// Section 5.3.
#[test]
fn leaders_3_send_each_follower_the_entries_from_its_next_index_on() {
    let mut node = leader(3, &[1, 2]);
    receive(&mut node, 1, matches(3, 1, 3));
    let outputs = receive(&mut node, 2, differs(3, 1, 2));
    assert_eq!(sent(&outputs).len(), 1);
    let append = appended(&outputs, 2);
    assert_eq!((append.prev_log_index, append.prev_log_term), (1, 1));
    assert_eq!(append.entries.iter().map(|entry| entry.term).collect::<Vec<_>>(), [2, 3]);
}

/// Section 5.3.
#[test]
fn leaders_3_1_update_next_index_and_match_index_after_a_success() {
    let mut node = leader(2, &[1]);
    receive(&mut node, 1, matches(2, 1, 2));
    let outputs = node.step(LATER, [Input::Propose { request_id: 0, command: 8 }]);
    assert_eq!(appended(&outputs, 1).prev_log_index, 2);
    assert_eq!(node.commit_index(), 2);
    // A late response does not decrease them.
    receive(&mut node, 1, matches(2, 2, 3));
    receive(&mut node, 1, matches(2, 1, 2));
    let outputs = node.step(LATER, [Input::Propose { request_id: 0, command: 9 }]);
    assert_eq!(appended(&outputs, 1).prev_log_index, 3);
}

/// Section 5.3.
#[test]
fn leaders_3_2_decrease_next_index_after_a_failure_and_try_again() {
    let mut node = leader(4, &[1, 2, 3]);
    let outputs = receive(&mut node, 1, differs(4, 1, 3));
    assert_eq!(appended(&outputs, 1).prev_log_index, 2);
    let outputs = receive(&mut node, 1, differs(4, 2, 1));
    assert_eq!(appended(&outputs, 1).prev_log_index, 0);
    assert_eq!(appended(&outputs, 1).entries.len(), 4);
    // The same rejection, duplicated.
    assert!(receive(&mut node, 1, differs(4, 2, 1)).is_empty());
}

/// Sections 5.3 and 5.4.
#[test]
fn leaders_4_commit_an_entry_of_their_term_that_a_majority_has() {
    // Figure 8: a majority has the entry of term 2, and it may still be overwritten.
    let mut node = leader(4, &[1, 2]);
    receive(&mut node, 1, matches(4, 1, 2));
    assert_eq!(node.commit_index(), 0);
    let outputs = receive(&mut node, 1, matches(4, 1, 3));
    assert_eq!(node.commit_index(), 3);
    assert_eq!(applied(&outputs), [(1, Some(1)), (2, Some(2)), (3, None)]);
}
