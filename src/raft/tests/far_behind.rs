//! Followers that are far behind: sizes of messages, probes, and retransmission timeouts.

use super::*;

/// Time of the leader's next deadline, and the messages that it sends to node 2 then.
fn at_deadline(node: &mut TestRaft) -> (Duration, Vec<TestMessage>) {
    let due = node.deadline();
    let outputs = node.step(due, [Input::Tick { random: 0 }]);
    let to_2 = sent(&outputs).into_iter().filter(|(to, _)| *to == 2);
    (due, to_2.map(|(_, message)| message.clone()).collect())
}

/// A leader of three that does not step down, whose followers have the first entry; and the message
/// to node 2 after so many commands are proposed, of 32 bytes each.
fn leader_with_unsent_entries(commands: u64) -> (TestRaft, AppendEntries<u64>) {
    let mut node = leader(2, &[]);
    node.config.quorum_timeout = LATER + LATER;
    node.config.max_message_bytes = 1000;
    respond_both(&mut node, 2, 1, 1);
    let proposals =
        (0..commands).map(|n| Input::Propose { request_id: n, command: 1_000_000_000 + n });
    let outputs = node.step(LATER, proposals);
    let append = appended(&outputs, 2).clone();
    (node, append)
}

fn entries(message: &TestMessage) -> usize {
    match message {
        RaftMessage::AppendEntries(append) => append.entries.len(),
        _ => panic!("entries were expected: {message:?}"),
    }
}

#[test]
fn a_message_has_as_many_entries_as_fit_and_a_larger_entry_is_sent_alone() {
    #[track_caller]
    fn check(most_bytes: usize, expected: &[usize]) {
        let mut node = leader(2, &[]);
        node.config.max_message_bytes = most_bytes;
        respond_both(&mut node, 2, 1, 1);
        let proposals =
            (0..5).map(|n| Input::Propose { request_id: n, command: 1_000_000_000 + n });
        let (mut outputs, mut counts) = (node.step(LATER, proposals), Vec::new());
        while node.needs_entries_through(6) || counts.is_empty() {
            let AppendEntries { prev_log_index, entries, round, .. } = appended(&outputs, 2);
            let (round, count) = (*round, entries.len());
            let match_index = prev_log_index + count as u64;
            counts.push(count);
            receive(&mut node, 1, matches(2, round, match_index));
            outputs = receive(&mut node, 2, matches(2, round, match_index));
        }
        counts.extend(entries_to(2, &outputs));
        assert_eq!(counts, expected);
    }
    check(1000, &[5]);
    check(64, &[2, 2, 1]);
    check(63, &[1, 1, 1, 1, 1]);
    check(1, &[1, 1, 1, 1, 1]);
}

fn entries_to(node: ServerId, outputs: &[TestOutput]) -> Option<usize> {
    let mut to_it = sent(outputs).into_iter().filter(|(to, _)| *to == node);
    to_it.next().map(|(_, message)| entries(message))
}

#[test]
fn a_follower_that_does_not_respond_in_time_is_sent_probes_until_it_does() {
    let (mut node, append) = leader_with_unsent_entries(100);
    assert_eq!(append.entries.len(), 31);
    // While the large message may be in flight, there are heartbeats.
    let mut said = Vec::new();
    while said.len() < 2 {
        let (due, messages) = at_deadline(&mut node);
        assert!(due < LATER + CONFIG.max_retransmit_timeout, "{due:?}");
        said.extend(messages);
    }
    assert!(said.iter().all(|message| entries(message) == 0), "{said:?}");
    // Then it counts as lost; and until the follower responds, it is sent only probes.
    let (mut bytes, mut last) = (0, LATER);
    while last < LATER + LATER / 2 {
        let (due, messages) = at_deadline(&mut node);
        bytes += messages.iter().map(|message| entries(message) * 32).sum::<usize>();
        last = due;
    }
    assert!((100..=60 * CONFIG.max_probe_bytes).contains(&bytes), "{bytes}");
    // Any response shows that it is alive: when the last probe has timed out, it is sent more.
    node.step(last + MOMENT, [Input::Message { from: 2, message: matches(2, 3, 1) }]);
    let mut more = Vec::new();
    while more.is_empty() {
        more = at_deadline(&mut node).1;
    }
    assert_eq!(more.iter().map(entries).collect::<Vec<_>>(), [31]);
}

/// Times at which entries are sent again to a follower that responds to all heartbeats and to no
/// large message, in milliseconds after they were first sent.
fn retransmissions(mut node: TestRaft) -> Vec<u128> {
    let (mut times, mut last) = (Vec::new(), Duration::ZERO);
    while last < LATER + LATER {
        let (due, messages) = at_deadline(&mut node);
        last = due;
        for message in messages {
            let RaftMessage::AppendEntries(append) = message else { panic!() };
            if append.entries.len() > 3 {
                times.push(due.saturating_sub(LATER).as_millis());
            } else {
                let message = matches(2, append.round, append.prev_log_index);
                let outputs = node.step(due + MOMENT, [Input::Message { from: 2, message }]);
                assert!(sent(&outputs).is_empty());
            }
        }
    }
    times
}

#[test]
fn the_retransmission_timeout_of_a_large_message_doubles_each_time() {
    let (node, _) = leader_with_unsent_entries(100);
    assert_eq!(retransmissions(node), [300, 900, 2100, 4100, 6100, 8100]);
}

#[test]
fn the_retransmission_timeout_of_a_large_message_is_twice_the_time_of_the_last_transfer() {
    let (mut node, append) = leader_with_unsent_entries(100);
    let match_index = append.prev_log_index + 31;
    let message = matches(2, append.round, match_index);
    // Heartbeats are answered meanwhile, and the transfer takes 0.25 s.
    let arrival = LATER + Duration::from_millis(250);
    let outputs = node.step(arrival, [Input::Message { from: 2, message }]);
    assert_eq!(appended(&outputs, 2).entries.len(), 31);
    node.step(arrival, [Input::Message { from: 1, message: matches(2, append.round, 1) }]);
    assert_eq!(retransmissions(node)[0], 250 + 500);
}

#[test]
fn heartbeats_continue_while_a_part_of_a_snapshot_is_in_flight() {
    let (mut node, _) = leader_with_unsent_entries(2);
    respond_both(&mut node, 2, 2, 3);
    let state = (0..100).collect();
    node.step(LATER, [Input::Compact { index: 3, state }]);
    node.config.max_message_bytes = 200;
    // The leader forgets what it knows of node 2, as if it were newly elected.
    (progress(&mut node, 2).match_index, progress(&mut node, 2).next_index) = (0, 1);
    let (due, messages) = at_deadline(&mut node);
    let [RaftMessage::InstallSnapshot(part)] = &messages[..] else { panic!("{messages:?}") };
    let outcome = ReplicationOutcome::Receiving { offset: 0, last_log_index: 0 };
    let answer = AppendEntriesResponse { term: 2, round: part.round, outcome };
    let message = RaftMessage::AppendEntriesResponse(answer);
    let outputs = node.step(due, [Input::Message { from: 2, message }]);
    let [(2, RaftMessage::InstallSnapshot(part))] = sent(&outputs)[..] else {
        panic!("{outputs:?}")
    };
    assert_eq!(part.data.len(), 200);
    let mut last = due;
    while last + CONFIG.heartbeat_interval < due + CONFIG.max_retransmit_timeout {
        let (next, messages) = at_deadline(&mut node);
        assert!(next <= last + CONFIG.heartbeat_interval);
        let [RaftMessage::AppendEntries(append)] = &messages[..] else { continue };
        assert!(append.entries.is_empty());
        // The follower rejects a heartbeat, since it lacks the snapshot, and that changes nothing.
        let message = differs(2, append.round, 1);
        assert!(node.step(next, [Input::Message { from: 2, message }]).is_empty());
        last = next;
    }
}
