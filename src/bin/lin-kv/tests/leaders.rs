//! Leaders that are lost, paused, or cut off, at an exact time.

use super::*;

/// When it strikes: the first leader is elected, and nothing else has happened.
const THEN: Duration = Duration::from_secs(5);

/// Runs a cluster, and runs it again with a strike against whoever leads [`THEN`]. Tells who that
/// was, how long it took until the next leader was heard of, and what came of it.
fn strike_the_leader(
    nodes: usize,
    seed: u64,
    strike: impl Fn(&str) -> Strike,
) -> (String, Duration, Report) {
    let quiet = apart(10, Test { seed, trace: true, ..challenge(nodes) });
    let calm = Test { time_limit: THEN, ..quiet.clone() }.run(LinKv::new);
    let (_, (leader, _)) = leaders(&calm).pop_last().unwrap();
    let strikes = vec![strike(&leader)];
    let report = Test { strikes, ..quiet }.run(LinKv::new);
    report.assert_valid();
    let elected = leaders(&report);
    let next = elected.values().find(|(other, since)| *other != leader && *since > THEN);
    let began = report.strikes[0].from;
    assert_eq!(began, THEN);
    let (_, since) = next.unwrap_or_else(|| panic!("nobody leads after {leader}: {report}"));
    (leader, since.saturating_sub(THEN), report)
}

const TWO_SECONDS: Duration = Duration::from_secs(2);

#[test]
fn whatever_the_seed_a_leader_that_dies_is_replaced_within_two_seconds() {
    let waits = seeds(|seed| {
        [3, 5].map(|nodes| {
            let kill = |leader: &str| Strike::kill([leader], THEN, Duration::MAX);
            let (_, wait, _) = strike_the_leader(nodes, seed, kill);
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
fn whatever_the_seed_a_leader_that_stands_still_is_replaced_and_follows_when_it_is_back() {
    seeds(|seed| {
        let back = THEN + Duration::from_secs(5);
        let pause = |leader: &str| Strike::pause([leader], THEN, back);
        let (leader, wait, report) = strike_the_leader(3, seed, pause);
        assert!(wait < TWO_SECONDS, "{wait:?}");
        // It does not depose who leads now.
        let elected = leaders(&report);
        let last = elected.last_key_value().unwrap();
        assert!(last.1.0 != leader && last.1.1 < back, "{elected:?}");
    });
}

#[test]
fn a_leader_that_hears_nobody_steps_down_and_one_that_nobody_hears_is_deposed() {
    let until = THEN + Duration::from_secs(8);
    for harm in [
        |leader: &str, until| Strike::deafen([leader], THEN, until),
        |leader: &str, until| Strike::mute([leader], THEN, until),
        |leader: &str, until| Strike::partition([leader], THEN, until),
    ] {
        let (leader, wait, report) = strike_the_leader(3, 0, |leader| harm(leader, until));
        println!("{}: a new leader after {wait:?}", report.strikes[0]);
        // A deaf one has to notice before the others can.
        assert!(wait < TWO_SECONDS + Duration::from_millis(100), "{wait:?}");
        // The clients of the others are answered meanwhile.
        let others = report
            .history
            .clients()
            .filter(|op| report.node_of(op).is_some_and(|node| node != leader) && is_answered(op));
        let nanoseconds = |time: Duration| u64::try_from(time.as_nanos()).unwrap();
        let (from, until) = (nanoseconds(THEN + wait), nanoseconds(until));
        let answered = others.filter(|op| (from..until).contains(&op.time)).count();
        assert!(answered > 200, "{answered}: {report}");
    }
}
