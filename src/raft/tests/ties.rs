//! Elections that tie, by an exact schedule: four nodes, of which two stand for election at the
//! same moment, and each has one voter.

use std::collections::BTreeMap;

use super::*;

/// Messages that wait to be delivered, by whom they are from and to.
type Post = BTreeMap<(NodeId, NodeId), Vec<Said>>;

fn nodes() -> Vec<Node> {
    (0..4).map(|me| Node::new(me, 4, PACE, Stored::default(), Duration::ZERO, 0)).collect()
}

fn step(nodes: &mut [Node], me: NodeId, now: Duration, input: Input<u64, Vec<u64>>) -> Post {
    let mut post = Post::new();
    for output in nodes[me].step(now, [input]) {
        if let Output::Send { to, message } = output {
            post.entry((me, to)).or_default().push(message);
        }
    }
    post
}

/// Delivers what is between these nodes, and all that is said about it.
fn deliver(nodes: &mut [Node], now: Duration, post: Post, links: &[(NodeId, NodeId)]) {
    let mut waiting: Vec<_> = post.into_iter().collect();
    while let Some(((from, to), messages)) = waiting.pop() {
        let is_linked = links.contains(&(from, to)) || links.contains(&(to, from));
        for message in messages.into_iter().filter(|_| is_linked) {
            waiting.extend(step(nodes, to, now, Input::Message { from, message }));
        }
    }
}

const EVERYBODY: [(NodeId, NodeId); 6] = [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)];

#[test]
fn of_two_candidates_with_as_many_votes_none_leads_and_the_next_election_is_decided() {
    let mut nodes = nodes();
    let tick = |random| Input::Tick { random };
    // Both find a majority that would vote for them, before either has begun its term.
    for candidate in [0, 1] {
        step(&mut nodes, candidate, LATER, tick(0));
    }
    let granted = VoteAnswer { term: 0, asked: 1, vote_granted: true };
    let mut ballots = Vec::new();
    for candidate in [0, 1] {
        let mut asked = Post::new();
        for from in [2, 3] {
            let message = Message::PreVoteAnswer(granted);
            asked.extend(step(&mut nodes, candidate, LATER, Input::Message { from, message }));
        }
        ballots.push(asked);
    }
    // Each is the first with one voter, and has voted for itself.
    deliver(&mut nodes, LATER, ballots[0].clone(), &[(0, 2)]);
    deliver(&mut nodes, LATER, ballots[1].clone(), &[(1, 3)]);
    for asked in ballots {
        deliver(&mut nodes, LATER, asked, &EVERYBODY);
    }
    assert_eq!(nodes.iter().map(Node::leader).collect::<Vec<_>>(), [None; 4]);
    assert_eq!(nodes.iter().map(Node::term).collect::<Vec<_>>(), [1; 4]);
    // As patient as each other, they would tie again; whose number is lower asks first.
    let again = nodes[0].due().max(nodes[1].due()) + PACE.longest_retry;
    let post = step(&mut nodes, 1, again, tick(1));
    deliver(&mut nodes, again, post, &EVERYBODY);
    assert_eq!(nodes.iter().map(Node::leader).collect::<Vec<_>>(), [Some(1); 4]);
    assert_eq!(nodes[1].term(), 2);
}

#[test]
fn random_numbers_decide_which_of_two_candidates_asks_again_first() {
    let mut nodes = nodes();
    for (candidate, random) in [(0, 1), (1, 200_000_000)] {
        step(&mut nodes, candidate, LATER, Input::Tick { random });
    }
    let patience = |node: &Node| node.election_due.saturating_sub(LATER);
    assert!(patience(&nodes[0]) + Duration::from_millis(199) < patience(&nodes[1]));
}
