//! Followers that lack much: how much a message has, and when what is long is sent again.

use super::*;

/// When the leader says something next, and what it says to node 2.
fn at_its_due(node: &mut Node) -> (Duration, Vec<Said>) {
    let due = node.due();
    let outputs = node.step(due, [Input::Tick { random: 0 }]);
    let to_2 = sent(&outputs).into_iter().filter(|(to, _)| *to == 2);
    (due, to_2.map(|(_, message)| message.clone()).collect())
}

/// A leader of three to which node 1 agrees at once, so that it leads on; node 2 has the first
/// entry. Then so many commands are proposed, of 32 bytes each in a message, and sent to node 2.
fn leader_with_news(commands: u64) -> (Node, AppendEntries<u64>) {
    let mut node = leader(2, &[]);
    node.pace.quorum = LATER + LATER;
    node.pace.most_bytes = 1000;
    agree(&mut node, 2, 1, 1);
    let proposals = (0..commands).map(|n| Input::Propose { ticket: n, command: 1_000_000_000 + n });
    let outputs = node.step(LATER, proposals);
    let append = appended(&outputs, 2).clone();
    (node, append)
}

fn entries(message: &Said) -> usize {
    match message {
        Message::AppendEntries(append) => append.entries.len(),
        _ => panic!("entries were expected: {message:?}"),
    }
}

#[test]
fn a_message_has_as_many_entries_as_fit_and_one_that_is_larger_goes_alone() {
    #[track_caller]
    fn check(most_bytes: usize, expected: &[usize]) {
        let mut node = leader(2, &[]);
        node.pace.most_bytes = most_bytes;
        agree(&mut node, 2, 1, 1);
        let proposals = (0..5).map(|n| Input::Propose { ticket: n, command: 1_000_000_000 + n });
        let (mut outputs, mut counts) = (node.step(LATER, proposals), Vec::new());
        while node.owes(6) || counts.is_empty() {
            let AppendEntries { prev_log_index, entries, round, .. } = appended(&outputs, 2);
            let (round, count) = (*round, entries.len());
            let match_index = prev_log_index + count as u64;
            counts.push(count);
            hear(&mut node, 1, matches(2, round, match_index));
            outputs = hear(&mut node, 2, matches(2, round, match_index));
        }
        counts.extend(entries_to(2, &outputs));
        assert_eq!(counts, expected);
    }
    check(1000, &[5]);
    check(64, &[2, 2, 1]);
    check(63, &[1, 1, 1, 1, 1]);
    check(1, &[1, 1, 1, 1, 1]);
}

fn entries_to(node: NodeId, outputs: &[Done]) -> Option<usize> {
    let mut to_it = sent(outputs).into_iter().filter(|(to, _)| *to == node);
    to_it.next().map(|(_, message)| entries(message))
}

#[test]
fn who_does_not_answer_in_time_is_sent_little_until_it_answers() {
    let (mut node, append) = leader_with_news(100);
    assert_eq!(append.entries.len(), 31);
    // While it may be on its way, there are heartbeats.
    let mut said = Vec::new();
    while said.len() < 2 {
        let (due, messages) = at_its_due(&mut node);
        assert!(due < LATER + PACE.longest_retry, "{due:?}");
        said.extend(messages);
    }
    assert!(said.iter().all(|message| entries(message) == 0), "{said:?}");
    // Then it counts as lost; and for as long as nothing is heard, what is repeated is short.
    let (mut bytes, mut last) = (0, LATER);
    while last < LATER + LATER / 2 {
        let (due, messages) = at_its_due(&mut node);
        bytes += messages.iter().map(|message| entries(message) * 32).sum::<usize>();
        last = due;
    }
    assert!((100..=60 * PACE.probe_bytes).contains(&bytes), "{bytes}");
    // Whatever it answers, it is there: when the last probe's time is over, it gets more.
    node.step(last + MOMENT, [Input::Message { from: 2, message: matches(2, 3, 1) }]);
    let mut more = Vec::new();
    while more.is_empty() {
        more = at_its_due(&mut node).1;
    }
    assert_eq!(more.iter().map(entries).collect::<Vec<_>>(), [31]);
}

/// When entries are sent once more to a follower that answers all heartbeats, and nothing that is
/// long: milliseconds after they were first sent.
fn repetitions(mut node: Node) -> Vec<u128> {
    let (mut times, mut last) = (Vec::new(), Duration::ZERO);
    while last < LATER + LATER {
        let (due, messages) = at_its_due(&mut node);
        last = due;
        for message in messages {
            let Message::AppendEntries(append) = message else { panic!() };
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
fn what_is_long_is_repeated_after_twice_as_long_each_time() {
    let (node, _) = leader_with_news(100);
    assert_eq!(repetitions(node), [300, 900, 2100, 4100, 6100, 8100]);
}

#[test]
fn the_time_of_the_last_transfer_tells_how_long_to_wait_for_the_next() {
    let (mut node, append) = leader_with_news(100);
    let match_index = append.prev_log_index + 31;
    let message = matches(2, append.round, match_index);
    // Its heartbeats are answered, and it takes 0.25 s.
    let arrival = LATER + Duration::from_millis(250);
    let outputs = node.step(arrival, [Input::Message { from: 2, message }]);
    assert_eq!(appended(&outputs, 2).entries.len(), 31);
    node.step(arrival, [Input::Message { from: 1, message: matches(2, append.round, 1) }]);
    assert_eq!(repetitions(node)[0], 250 + 500);
}

#[test]
fn heartbeats_go_on_while_a_part_of_a_snapshot_is_on_its_way() {
    let (mut node, _) = leader_with_news(2);
    agree(&mut node, 2, 2, 3);
    let state = (0..100).collect();
    node.step(LATER, [Input::Compact { index: 3, state }]);
    node.pace.most_bytes = 200;
    // Node 2 is another one now, for what matters here: of it nothing is known.
    (progress(&mut node, 2).match_index, progress(&mut node, 2).next_index) = (0, 1);
    let (due, messages) = at_its_due(&mut node);
    let [Message::InstallSnapshot(part)] = &messages[..] else { panic!("{messages:?}") };
    let outcome = Outcome::Receiving { offset: 0, last_log_index: 0 };
    let answer = AppendEntriesAnswer { term: 2, round: part.round, outcome };
    let message = Message::AppendEntriesAnswer(answer);
    let outputs = node.step(due, [Input::Message { from: 2, message }]);
    let [(2, Message::InstallSnapshot(part))] = sent(&outputs)[..] else { panic!("{outputs:?}") };
    assert_eq!(part.data.len(), 200);
    let mut last = due;
    while last + PACE.heartbeat < due + PACE.longest_retry {
        let (next, messages) = at_its_due(&mut node);
        assert!(next <= last + PACE.heartbeat);
        let [Message::AppendEntries(append)] = &messages[..] else { continue };
        assert!(append.entries.is_empty());
        // To a heartbeat it says that it lacks what the snapshot has, which is no news.
        let message = differs(2, append.round, 1);
        assert!(node.step(next, [Input::Message { from: 2, message }]).is_empty());
        last = next;
    }
}
