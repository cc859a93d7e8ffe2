//! Leaders that are killed, paused or cut off at an exact time.

use super::*;

/// Time of the fault: the first leader is elected, and nothing else has happened.
const FAULT_AT: Duration = Duration::from_secs(5);

/// Runs a cluster to find the leader at [`FAULT_AT`], and runs it again with a fault of that node.
/// Returns the leader, the time until the next leader sends its first message, and the report.
fn strike_leader(
    nodes: usize,
    seed: u64,
    strike: impl Fn(&str) -> Strike,
) -> (String, Duration, Report) {
    let quiet = apart(10, Test { seed, trace: true, ..challenge(nodes) });
    let calm = Test { time_limit: FAULT_AT, ..quiet.clone() }.run(LinKv::new);
    let (_, (leader, _)) = leaders(&calm).pop_last().unwrap();
    let strikes = vec![strike(&leader)];
    let report = Test { strikes, ..quiet }.run(LinKv::new);
    report.assert_valid();
    let elected = leaders(&report);
    let next = elected.values().find(|(other, since)| *other != leader && *since > FAULT_AT);
    let began = report.strikes[0].from;
    assert_eq!(began, FAULT_AT);
    let (_, since) = next.unwrap_or_else(|| panic!("nobody leads after {leader}: {report}"));
    (leader, since.saturating_sub(FAULT_AT), report)
}

const TWO_SECONDS: Duration = Duration::from_secs(2);

#[test]
fn for_any_seed_a_leader_that_is_killed_is_replaced_within_two_seconds() {
    let waits = seeds(|seed| {
        [3, 5].map(|nodes| {
            let kill = |leader: &str| Strike::kill([leader], FAULT_AT, Duration::MAX);
            let (_, wait, _) = strike_leader(nodes, seed, kill);
            assert!(wait < TWO_SECONDS, "{nodes} nodes waited {wait:?}");
            wait
        })
    });
    println!(
        "{} seeds: a new leader after {:?} at most",
        waits.len(),
        waits.iter().flatten().max()
    );
}

#[test]
fn for_any_seed_a_leader_that_is_paused_is_replaced_and_follows_when_it_is_back() {
    seeds(|seed| {
        let back = FAULT_AT + Duration::from_secs(5);
        let pause = |leader: &str| Strike::pause([leader], FAULT_AT, back);
        let (leader, wait, report) = strike_leader(3, seed, pause);
        assert!(wait < TWO_SECONDS, "{wait:?}");
        // It does not depose the new leader.
        let elected = leaders(&report);
        let last = elected.last_key_value().unwrap();
        assert!(last.1.0 != leader && last.1.1 < back, "{elected:?}");
    });
}

#[test]
fn a_leader_that_hears_nobody_steps_down_and_one_that_nobody_hears_is_deposed() {
    let until = FAULT_AT + Duration::from_secs(8);
    for harm in [
        |leader: &str, until| Strike::deafen([leader], FAULT_AT, until),
        |leader: &str, until| Strike::mute([leader], FAULT_AT, until),
        |leader: &str, until| Strike::partition([leader], FAULT_AT, until),
    ] {
        let (leader, wait, report) = strike_leader(3, 0, |leader| harm(leader, until));
        println!("{}: a new leader after {wait:?}", report.strikes[0]);
        // A deaf leader goes on sending heartbeats until it steps down itself.
        assert!(wait < TWO_SECONDS + Duration::from_millis(100), "{wait:?}");
        // The clients of the other nodes are answered meanwhile.
        let others = report
            .history
            .client_ops()
            .filter(|op| report.node_of(op).is_some_and(|node| node != leader) && is_answered(op));
        let nanoseconds = |time: Duration| u64::try_from(time.as_nanos()).unwrap();
        let (from, until) = (nanoseconds(FAULT_AT + wait), nanoseconds(until));
        let answered = others.filter(|op| (from..until).contains(&op.time)).count();
        assert!(answered > 200, "{answered}: {report}");
    }
}
