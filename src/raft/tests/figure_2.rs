//! One test for each rule of figure 2, in its order.

use super::*;

// State: "updated on stable storage before responding".

#[test]
fn state_what_must_persist_is_stored_before_anybody_is_answered() {
    let mut node = follower(1, None, &[]);
    let voted = hear(&mut node, 1, Message::RequestVote(ballot(2, 0, 0)));
    let stored = Output::StoreTerm { current_term: 2, voted_for: Some(1) };
    assert_eq!(voted[0], stored);
    assert!(matches!(voted[1], Output::Send { to: 1, .. }));

    let appended = hear(&mut node, 1, append(2, (0, 0), &[2], 0));
    assert_eq!(appended[0], Output::StoreEntries { index: 1, entries: vec![entry(2)] });
    assert!(matches!(appended[1], Output::Send { to: 1, .. }));

    let mut restarted = follower(2, Some(1), &[2]);
    assert!(!is_granted(&hear(&mut restarted, 2, Message::RequestVote(ballot(2, 9, 9)))));
}

// AppendEntries, receiver.

/// Section 5.1.
#[test]
fn append_entries_receiver_1_refuses_a_leader_of_a_former_term() {
    let mut node = follower(3, None, &[1]);
    let outputs = hear(&mut node, 1, append(2, (1, 1), &[2], 2));
    let [(1, Message::AppendEntriesAnswer(answer))] = sent(&outputs)[..] else { panic!() };
    assert_eq!(answer.term, 3);
    assert_eq!(answer.outcome, Outcome::OldTerm);
    assert_eq!((terms(&node), node.commit_index(), node.leader()), (vec![1], 0, None));
}

/// Section 5.3.
#[test]
fn append_entries_receiver_2_refuses_when_the_log_has_no_such_entry() {
    #[track_caller]
    fn check(log: &[u64], prev: (u64, u64), expected: Outcome) {
        let mut node = follower(5, None, log);
        let outputs = hear(&mut node, 1, append(5, prev, &[5], 9));
        assert_eq!(outcome(&outputs), expected);
        assert_eq!((terms(&node), node.commit_index()), (log.to_vec(), 0));
    }
    check(&[], (1, 1), Outcome::Differs { next_index: 1 });
    check(&[1, 1], (4, 1), Outcome::Differs { next_index: 3 });
    // The whole term that differs is skipped (the end of section 5.3).
    check(&[1, 2, 2], (3, 3), Outcome::Differs { next_index: 2 });
}

/// Section 5.3.
#[test]
fn append_entries_receiver_3_deletes_an_entry_that_differs_and_all_that_follow() {
    let mut node = follower(4, None, &[1, 2, 2, 3]);
    let outputs = hear(&mut node, 1, append(4, (1, 1), &[2, 4], 0));
    assert_eq!(outcome(&outputs), Outcome::Matches { match_index: 3 });
    assert_eq!(terms(&node), [1, 2, 4]);
    assert_eq!(outputs[0], Output::StoreEntries { index: 3, entries: vec![entry(4)] });
}

#[test]
fn append_entries_receiver_4_appends_what_is_new_and_keeps_what_is_there() {
    let mut node = follower(4, None, &[1, 4]);
    hear(&mut node, 1, append(4, (1, 1), &[4, 4], 0));
    assert_eq!(terms(&node), [1, 4, 4]);
    // An old message takes nothing away.
    let outputs = hear(&mut node, 1, append(4, (1, 1), &[4], 0));
    assert_eq!(outcome(&outputs), Outcome::Matches { match_index: 2 });
    assert_eq!(terms(&node), [1, 4, 4]);
    assert!(!outputs.iter().any(|output| matches!(output, Output::StoreEntries { .. })));
}

#[test]
fn append_entries_receiver_5_commits_what_the_leader_has_up_to_the_last_new_entry() {
    #[track_caller]
    fn check(leader_commit: u64, expected: u64) {
        // The third entry may not be the leader's.
        let mut node = follower(2, None, &[1, 1, 1]);
        hear(&mut node, 1, append(2, (1, 1), &[1], leader_commit));
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
fn request_vote_receiver_1_refuses_a_candidate_of_a_former_term() {
    let mut node = follower(3, None, &[]);
    let outputs = hear(&mut node, 1, Message::RequestVote(ballot(2, 9, 9)));
    assert!(!is_granted(&outputs));
    assert_eq!(node.term(), 3);
}

/// Sections 5.2 and 5.4.
#[test]
fn request_vote_receiver_2_grants_one_vote_a_term_to_a_log_that_is_up_to_date() {
    #[track_caller]
    fn check(voted_for: Option<NodeId>, last: (u64, u64), expected: bool) {
        let mut node = follower(4, voted_for, &[1, 3]);
        let outputs = hear(&mut node, 1, Message::RequestVote(ballot(4, last.0, last.1)));
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
fn all_servers_1_apply_what_is_committed_once_and_in_order() {
    let mut node = follower(1, None, &[1]);
    let outputs = hear(&mut node, 1, append(1, (1, 1), &[1, 1], 2));
    assert_eq!(applied(&outputs), [(1, Some(1)), (2, Some(1))]);
    let outputs = hear(&mut node, 1, append(1, (3, 1), &[], 3));
    assert_eq!(applied(&outputs), [(3, Some(1))]);
}

/// Section 5.1.
#[test]
fn all_servers_2_follow_a_later_term() {
    let answer = VoteAnswer { term: 9, asked: 2, vote_granted: false };
    for message in [
        append(9, (0, 0), &[], 0),
        differs(9, 1, 0),
        Message::RequestVote(ballot(9, 0, 0)),
        Message::RequestVoteAnswer(answer),
        Message::PreVoteAnswer(answer),
    ] {
        let mut node = leader(2, &[1]);
        let outputs = hear(&mut node, 1, message.clone());
        assert_eq!((node.term(), node.leader() == Some(0)), (9, false), "{message:?}");
        assert!(matches!(outputs[0], Output::StoreTerm { current_term: 9, voted_for: None }));
    }
    // But not one that only might begin.
    let mut node = leader(2, &[1]);
    hear(&mut node, 1, Message::PreVote(ballot(9, 9, 9)));
    assert_eq!((node.term(), node.leader()), (2, Some(0)));
}

// Followers (section 5.2).

#[test]
fn followers_1_answer_candidates_and_leaders() {
    let mut node = follower(1, None, &[]);
    assert_eq!(sent(&hear(&mut node, 1, Message::RequestVote(ballot(1, 0, 0)))).len(), 1);
    assert_eq!(sent(&hear(&mut node, 1, append(1, (0, 0), &[], 0))).len(), 1);
    assert_eq!(node.leader(), Some(1));
}

#[test]
fn followers_2_call_an_election_when_they_neither_hear_a_leader_nor_grant_a_vote_in_time() {
    #[track_caller]
    fn check(message: Said, waits: bool) {
        let mut node = follower(3, None, &[]);
        let due = node.due();
        node.step(due.saturating_sub(MOMENT), [Input::Message { from: 1, message }]);
        let outputs = node.step(due, [Input::Tick { random: 0 }]);
        assert_eq!(sent(&outputs).is_empty(), waits);
        assert_eq!(node.due() >= (due + PACE.election).saturating_sub(MOMENT), waits);
    }
    check(append(3, (0, 0), &[], 0), true);
    check(Message::RequestVote(ballot(3, 0, 0)), true);
    // A former leader, a candidate that has no vote, and one that only asks.
    check(append(2, (0, 0), &[], 0), false);
    check(Message::RequestVote(ballot(2, 0, 0)), false);
    check(Message::PreVote(ballot(4, 0, 0)), false);
}

// Candidates (section 5.2).

#[test]
fn candidates_1_begin_a_term_vote_for_themselves_and_ask_everybody() {
    let mut node = follower(3, Some(2), &[1, 2]);
    node.step(LATER, [Input::Tick { random: 0 }]);
    let granted = VoteAnswer { term: 3, asked: 4, vote_granted: true };
    let outputs = hear(&mut node, 1, Message::PreVoteAnswer(granted));
    assert_eq!(outputs[0], Output::StoreTerm { current_term: 4, voted_for: Some(0) });
    let asked = Message::RequestVote(ballot(4, 2, 2));
    assert_eq!(sent(&outputs), [(1, &asked), (2, &asked)]);
    assert!(node.due() > LATER);
}

#[test]
fn candidates_2_lead_with_the_votes_of_a_majority() {
    let stored = Stored::default();
    let mut node = Node::new(0, 5, PACE, stored, Duration::ZERO, 0);
    node.step(LATER, [Input::Tick { random: 0 }]);
    let answer = |asked, vote_granted| VoteAnswer { term: 0, asked, vote_granted };
    for from in [1, 2] {
        hear(&mut node, from, Message::PreVoteAnswer(answer(1, true)));
    }
    // Twice the same vote, a refusal, and a vote in another term.
    for (from, asked, vote_granted) in [(1, 1, true), (1, 1, true), (2, 1, false), (3, 0, true)] {
        hear(&mut node, from, Message::RequestVoteAnswer(answer(asked, vote_granted)));
        assert_eq!(node.leader(), None);
    }
    hear(&mut node, 4, Message::RequestVoteAnswer(answer(1, true)));
    assert_eq!(node.leader(), Some(0));
}

#[test]
fn candidates_3_follow_who_leads_their_term() {
    let mut node = follower(3, None, &[]);
    node.step(LATER, [Input::Tick { random: 0 }]);
    let granted = VoteAnswer { term: 3, asked: 4, vote_granted: true };
    hear(&mut node, 1, Message::PreVoteAnswer(granted));
    hear(&mut node, 2, append(4, (0, 0), &[4], 0));
    assert_eq!((node.leader(), terms(&node)), (Some(2), vec![4]));
}

#[test]
fn candidates_4_call_another_election_when_time_is_up() {
    let mut node = follower(3, None, &[]);
    node.step(LATER, [Input::Tick { random: 0 }]);
    let granted = |asked| VoteAnswer { term: 3, asked, vote_granted: true };
    hear(&mut node, 1, Message::PreVoteAnswer(granted(4)));
    node.step(LATER + LATER, [Input::Tick { random: 0 }]);
    hear(&mut node, 1, Message::PreVoteAnswer(granted(5)));
    assert_eq!((node.term(), node.leader()), (5, None));
}

// Leaders.

/// Section 5.2. The first message is not empty here: it has the entry of section 8.
#[test]
fn leaders_1_speak_at_once_and_never_leave_a_follower_in_silence() {
    let mut node = follower(1, None, &[1]);
    node.step(LATER, [Input::Tick { random: 0 }]);
    let granted = VoteAnswer { term: 1, asked: 2, vote_granted: true };
    hear(&mut node, 1, Message::PreVoteAnswer(granted));
    let outputs = hear(&mut node, 1, Message::RequestVoteAnswer(granted));
    for follower in [1, 2] {
        let append = appended(&outputs, follower);
        assert_eq!((append.prev_log_index, append.prev_log_term), (1, 1));
        assert_eq!(append.entries, [Entry { term: 2, command: None }]);
    }
    agree(&mut node, 2, 1, 2);
    assert_eq!(node.due(), LATER + PACE.heartbeat);
    let outputs = node.step(node.due(), [Input::Tick { random: 0 }]);
    assert_eq!(sent(&outputs).len(), 2);
    assert!(appended(&outputs, 1).entries.is_empty());
}

/// Section 5.3.
#[test]
fn leaders_2_append_commands_and_apply_them_when_they_are_committed() {
    let mut node = leader(2, &[]);
    agree(&mut node, 2, 1, 1);
    let outputs = node.step(LATER, [Input::Propose { ticket: 5, command: 8 }]);
    assert_eq!(appended(&outputs, 1).entries, [Entry { term: 2, command: Some(8) }]);
    assert!(applied(&outputs).is_empty());
    let outputs = hear(&mut node, 1, matches(2, 2, 2));
    assert_eq!(applied(&outputs), [(2, Some(8))]);
    // Whoever does not lead says so.
    let refused = follower(2, None, &[]).step(LATER, [Input::Propose { ticket: 5, command: 8 }]);
    assert_eq!(refused, [Output::Refused { ticket: 5 }]);
}

/// Section 5.3.
#[test]
fn leaders_3_send_each_follower_all_from_its_next_index_on() {
    let mut node = leader(3, &[1, 2]);
    hear(&mut node, 1, matches(3, 1, 3));
    let outputs = hear(&mut node, 2, differs(3, 1, 2));
    assert_eq!(sent(&outputs).len(), 1);
    let append = appended(&outputs, 2);
    assert_eq!((append.prev_log_index, append.prev_log_term), (1, 1));
    assert_eq!(append.entries.iter().map(|entry| entry.term).collect::<Vec<_>>(), [2, 3]);
}

/// Section 5.3.
#[test]
fn leaders_3_1_note_what_a_follower_has() {
    let mut node = leader(2, &[1]);
    hear(&mut node, 1, matches(2, 1, 2));
    let outputs = node.step(LATER, [Input::Propose { ticket: 0, command: 8 }]);
    assert_eq!(appended(&outputs, 1).prev_log_index, 2);
    assert_eq!(node.commit_index(), 2);
    // An answer that is late takes nothing back.
    hear(&mut node, 1, matches(2, 2, 3));
    hear(&mut node, 1, matches(2, 1, 2));
    let outputs = node.step(LATER, [Input::Propose { ticket: 0, command: 9 }]);
    assert_eq!(appended(&outputs, 1).prev_log_index, 3);
}

/// Section 5.3.
#[test]
fn leaders_3_2_go_back_where_a_log_differs_and_try_again() {
    let mut node = leader(4, &[1, 2, 3]);
    let outputs = hear(&mut node, 1, differs(4, 1, 3));
    assert_eq!(appended(&outputs, 1).prev_log_index, 2);
    let outputs = hear(&mut node, 1, differs(4, 2, 1));
    assert_eq!(appended(&outputs, 1).prev_log_index, 0);
    assert_eq!(appended(&outputs, 1).entries.len(), 4);
    // The same refusal, once more.
    assert!(hear(&mut node, 1, differs(4, 2, 1)).is_empty());
}

/// Sections 5.3 and 5.4.
#[test]
fn leaders_4_commit_what_a_majority_has_if_it_is_of_their_term() {
    // Figure 8: the entry of term 2 is on a majority, and may still be overwritten.
    let mut node = leader(4, &[1, 2]);
    hear(&mut node, 1, matches(4, 1, 2));
    assert_eq!(node.commit_index(), 0);
    let outputs = hear(&mut node, 1, matches(4, 1, 3));
    assert_eq!(node.commit_index(), 3);
    assert_eq!(applied(&outputs), [(1, Some(1)), (2, Some(2)), (3, None)]);
}
