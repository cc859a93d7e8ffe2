//! Split votes, by an exact schedule: of four nodes, two become candidates at the same moment, and
//! each of them gets the vote of one other node.

use std::collections::BTreeMap;

use super::*;

/// Messages in flight, by sender and receiver.
type InFlight = BTreeMap<(ServerId, ServerId), Vec<TestMessage>>;

fn nodes() -> Vec<TestRaft> {
    (0..4)
        .map(|me| TestRaft::new(me, 4, CONFIG, PersistentState::default(), Duration::ZERO, 0))
        .collect()
}

fn step(
    nodes: &mut [TestRaft],
    me: ServerId,
    now: Duration,
    input: Input<u64, Vec<u64>>,
) -> InFlight {
    let mut messages = InFlight::new();
    for output in nodes[me].step(now, [input]) {
        if let Output::Send { to, message } = output {
            messages.entry((me, to)).or_default().push(message);
        }
    }
    messages
}

/// Delivers messages on these links, and all messages that follow from them.
fn deliver(
    nodes: &mut [TestRaft],
    now: Duration,
    messages: InFlight,
    links: &[(ServerId, ServerId)],
) {
    let mut waiting: Vec<_> = messages.into_iter().collect();
    while let Some(((from, to), messages)) = waiting.pop() {
        let is_linked = links.contains(&(from, to)) || links.contains(&(to, from));
        for message in messages.into_iter().filter(|_| is_linked) {
            waiting.extend(step(nodes, to, now, Input::Message { from, message }));
        }
    }
}

const ALL_LINKS: [(ServerId, ServerId); 6] = [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)];

#[test]
fn after_a_split_vote_nobody_leads_and_the_next_election_is_decided() {
    let mut nodes = nodes();
    let tick = |random| Input::Tick { random };
    // Both pre-votes are granted by a majority before either candidate has begun its term.
    for candidate in [0, 1] {
        step(&mut nodes, candidate, LATER, tick(0));
    }
    let granted = RequestVoteResponse { term: 0, requested_term: 1, vote_granted: true };
    let mut ballots = Vec::new();
    for candidate in [0, 1] {
        let mut asked = InFlight::new();
        for from in [2, 3] {
            let message = RaftMessage::PreVoteResponse(granted);
            asked.extend(step(&mut nodes, candidate, LATER, Input::Message { from, message }));
        }
        ballots.push(asked);
    }
    // Each has its own vote, and is the first to request that of one other node.
    deliver(&mut nodes, LATER, ballots[0].clone(), &[(0, 2)]);
    deliver(&mut nodes, LATER, ballots[1].clone(), &[(1, 3)]);
    for asked in ballots {
        deliver(&mut nodes, LATER, asked, &ALL_LINKS);
    }
    assert_eq!(nodes.iter().map(TestRaft::leader).collect::<Vec<_>>(), [None; 4]);
    assert_eq!(nodes.iter().map(TestRaft::term).collect::<Vec<_>>(), [1; 4]);
    // With equal timeouts they would split the vote again; here node 1 times out first.
    let again = nodes[0].deadline().max(nodes[1].deadline()) + CONFIG.max_retransmit_timeout;
    let messages = step(&mut nodes, 1, again, tick(1));
    deliver(&mut nodes, again, messages, &ALL_LINKS);
    assert_eq!(nodes.iter().map(TestRaft::leader).collect::<Vec<_>>(), [Some(1); 4]);
    assert_eq!(nodes[1].term(), 2);
}

#[test]
fn random_numbers_decide_which_of_two_candidates_starts_the_next_election() {
    let mut nodes = nodes();
    for (candidate, random) in [(0, 1), (1, 200_000_000)] {
        step(&mut nodes, candidate, LATER, Input::Tick { random });
    }
    let timeout = |node: &TestRaft| node.election_deadline.saturating_sub(LATER);
    assert!(timeout(&nodes[0]) + Duration::from_millis(199) < timeout(&nodes[1]));
}
