//! Whole tests, simulated under a clock that ticks once a millisecond.

use super::*;

const START: Duration = Duration::from_millis(30);
const LIMIT: Duration = Duration::from_secs(20);
const TICK: Duration = Duration::from_millis(1);
const NO_TIME: Duration = Duration::ZERO;

fn plan(concurrency: usize, rate: f64) -> Plan {
    let nodes = (0..concurrency).map(|number| format!("n{number}")).collect();
    Plan {
        concurrency,
        thread_groups: vec![vec![Range { start: 0, end: concurrency }]],
        rate,
        time_limit: LIMIT,
        faults: BTreeSet::new(),
        nemesis_interval: Duration::from_secs(2),
        strikes: Vec::new(),
        faults_until: Duration::MAX,
        cluster: Rc::new(ClusterInfo { nodes, latency: NO_TIME }),
        has_final: false,
    }
}

#[test]
#[expect(clippy::single_range_in_vec_init, reason = "a subgroup is a range")]
fn groups_get_operations_in_proportion_to_their_size_while_a_thread_is_free() {
    #[track_caller]
    fn check(groups: &[&[Range<usize>]], slow: Range<usize>, expected: &[Range<usize>]) {
        let plan = Plan {
            thread_groups: groups.iter().map(|parts| parts.to_vec()).collect(),
            ..plan(8, 100.0)
        };
        let parts: Vec<&Range<usize>> = groups.iter().copied().flatten().collect();
        let takes = |thread: usize, _| {
            let time = if slow.contains(&thread) { LIMIT } else { NO_TIME };
            (time, false)
        };
        let mut counts = vec![0; parts.len()];
        for (_, next) in simulate(&plan, takes) {
            if let GeneratorStep::Invoke { thread, .. } = next {
                let part = parts.iter().position(|part| part.contains(&thread)).unwrap();
                counts[part] += 1;
            }
        }
        let is_expected = |(count, range): (&usize, &Range<usize>)| range.contains(count);
        assert!(counts.iter().zip(expected).all(is_expected), "{counts:?}");
    }
    let nobody = 8..8;
    check(&[&[0..8]], nobody.clone(), &[1900..2100]);
    check(&[&[0..2], &[2..4], &[4..8]], nobody.clone(), &[430..570, 430..570, 900..1100]);
    check(&[&[0..2, 2..4], &[4..8]], nobody, &[430..570, 430..570, 900..1100]);
    // A group has the weight of all its threads, as long as one of them is free.
    check(&[&[0..2], &[2..4], &[4..8]], 0..1, &[430..570, 430..570, 900..1100]);
    check(&[&[0..2], &[2..4], &[4..8]], 0..2, &[2..3, 600..720, 1260..1400]);
    // So does a group with a subgroup that has no free thread.
    check(&[&[0..2, 2..4], &[4..8]], 0..2, &[2..3, 900..1100, 900..1100]);
}

/// Simulates a test under a clock that ticks, and returns its steps with their times. `takes` has,
/// by thread and time, the duration of an operation, and true if it crashes.
fn simulate(
    plan: &Plan,
    takes: impl Fn(usize, Duration) -> (Duration, bool),
) -> Vec<(Duration, GeneratorStep)> {
    let mut generator = Generator::new(plan, START, &Random::seeded(1));
    let mut now = START;
    let mut pending = BTreeSet::new();
    let mut events = Vec::new();
    loop {
        let next = generator.next(now);
        let until = match next {
            GeneratorStep::WaitUntil(due) => START + TICK * millis_up(due.saturating_sub(START)),
            GeneratorStep::WaitForCompletion => Duration::MAX,
            _ => {
                events.push((now, next.clone()));
                match next {
                    GeneratorStep::Done => return events,
                    GeneratorStep::Invoke { thread, .. } => {
                        let (time, crashed) = takes(thread, now);
                        pending.insert((now + time, thread, crashed));
                    }
                    _ => {}
                }
                continue;
            }
        };
        assert!(until > now, "{next:?} at {now:?} is no wait");
        match pending.first().copied().filter(|(end, ..)| *end <= until) {
            Some(completion @ (end, thread, crashed)) => {
                pending.remove(&completion);
                now = end;
                generator.completed(now, thread, crashed);
            }
            None => now = until,
        }
    }
}

fn millis_up(time: Duration) -> u32 {
    u32::try_from(time.as_nanos().div_ceil(TICK.as_nanos())).expect("a short test")
}

/// The times of the invocations.
fn invocations(events: &[(Duration, GeneratorStep)]) -> Vec<Duration> {
    let invocations =
        events.iter().filter(|(_, next)| matches!(next, GeneratorStep::Invoke { .. }));
    invocations.map(|(time, _)| *time).collect()
}

/// Checks the number of operations in 20 seconds. `length` is the duration of each, in
/// microseconds.
#[track_caller]
fn check(concurrency: usize, rate: f64, length: u64, expected: std::ops::RangeInclusive<usize>) {
    let events = simulate(&plan(concurrency, rate), |_, _| (Duration::from_micros(length), false));
    let count = invocations(&events).len();
    assert!(expected.contains(&count), "{count} operations");
}

#[test]
fn the_rate_holds_under_a_clock_of_milliseconds() {
    check(1, 1000.0, 0, 19_600..=20_400);
    check(3, 1000.0, 0, 19_600..=20_400);
    check(3, 1000.0, 200, 19_600..=20_400);
    check(25, 1000.0, 5_000, 19_600..=20_400);
    check(5, 10.0, 5_000, 180..=220);
}

#[test]
fn slow_operations_hold_the_rate_down() {
    check(2, 1000.0, 100_000, 396..=402);
    check(1, 0.0, 0, 0..=0);
}

#[test]
fn when_all_threads_were_busy_one_operation_comes_at_once_and_no_burst() {
    let busy_until = START + Duration::from_secs(5);
    let events = simulate(&plan(1, 100.0), |_, now| (busy_until.saturating_sub(now), false));
    let times = invocations(&events);
    assert_eq!(times[..2], [START, busy_until]);
    let soon = times[1..].iter().filter(|time| **time < busy_until + 100 * TICK).count();
    assert!((5..=20).contains(&soon), "{soon} operations in the first tenth of a second");
}

#[test]
fn a_crashed_process_is_replaced() {
    let events = simulate(&plan(2, 100.0), |thread, _| (NO_TIME, thread == 1));
    let mut expected = [0, 1];
    for (_, next) in events {
        let GeneratorStep::Invoke { thread, process, .. } = next else { continue };
        assert_eq!(process, expected[thread]);
        expected[thread] += if thread == 1 { 2 } else { 0 };
    }
    assert!(expected[1] > 100);
}

#[test]
fn faults_end_and_nodes_recover_before_the_final_operations() {
    let faults = BTreeSet::from([Fault::Partition]);
    let plan = Plan { has_final: true, faults, ..plan(5, 10.0) };
    let slow = Duration::from_secs(5);
    let events = simulate(&plan, |thread, _| (if thread == 3 { slow } else { NO_TIME }, false));
    let main_ends = START + LIMIT;
    let drained = events.iter().rev().find_map(|(time, next)| match next {
        GeneratorStep::Invoke { thread: 3, phase: Phase::Main, .. } => Some(*time + slow),
        _ => None,
    });
    let stop = drained.expect("thread 3 had a turn").max(main_ends);
    let split = events.iter().position(|(time, _)| *time >= main_ends).expect("a second part");
    let (main, after) = events.split_at(split);

    let starts = |(_, next): &&(Duration, GeneratorStep)| {
        matches!(next, GeneratorStep::Strike(NemesisAction::Begin { .. }))
    };
    assert!(main.iter().filter(starts).count() > 2, "faults struck");
    assert!(
        main.iter()
            .all(|(_, next)| !matches!(next, GeneratorStep::Invoke { phase: Phase::Final, .. }))
    );
    let last =
        |thread| GeneratorStep::Invoke { thread, process: thread as u64, phase: Phase::Final };
    let end = NemesisAction::End { nemesis_index: 0, due: stop, fault: Fault::Partition };
    let mut expected = vec![(stop, GeneratorStep::Strike(end))];
    expected.extend((0..5).map(|thread| (stop + RECOVERY, last(thread))));
    expected.push((stop + RECOVERY + slow, GeneratorStep::Done));
    assert_eq!(after, expected);
}

#[test]
fn a_final_operation_may_be_followed_by_another() {
    let plan = Plan { has_final: true, time_limit: NO_TIME, ..plan(1, 10.0) };
    let mut generator = Generator::new(&plan, START, &Random::seeded(1));
    assert_eq!(generator.next(START), GeneratorStep::WaitUntil(START + RECOVERY));
    let mut now = START + RECOVERY;
    for process in [0, 1, 2] {
        let invoke = GeneratorStep::Invoke { thread: 0, process, phase: Phase::Final };
        assert_eq!(generator.next(now), invoke);
        assert_eq!(generator.next(now), GeneratorStep::WaitForCompletion);
        generator.completed(now, 0, true);
        if process < 2 {
            generator.schedule_final(0, now + TICK);
            assert_eq!(generator.next(now), GeneratorStep::WaitUntil(now + TICK));
        }
        now += TICK;
    }
    assert_eq!(generator.next(now), GeneratorStep::Done);
}

#[test]
fn the_nemesis_strikes_while_all_threads_are_busy_but_not_after_the_limit() {
    let plan = Plan { faults: BTreeSet::from([Fault::Partition]), ..plan(1, 1000.0) };
    let events = simulate(&plan, |_, _| (2 * LIMIT, false));
    assert_eq!(invocations(&events).len(), 1);
    assert!(events.len() > 5, "{events:?}");
    assert!(events[..events.len() - 1].iter().all(|(time, _)| *time < START + LIMIT));
}

#[test]
fn a_named_strike_takes_place_at_its_time_and_ends_with_the_main_part_at_the_latest() {
    let second = Duration::from_secs(1);
    let strikes = vec![
        Strike::kill(["n0"], 2 * second, 5 * second),
        Strike::pause(["n1"], 19 * second, 100 * second),
        Strike::mute(["n1"], 20 * second, 100 * second),
    ];
    let plan = Plan { strikes, has_final: true, ..plan(2, 10.0) };
    let events = simulate(&plan, |_, _| (NO_TIME, false));
    let struck = events.iter().filter_map(|(time, next)| match next {
        GeneratorStep::Strike(action) => {
            Some(format!("{action} at {}", time.saturating_sub(START).as_secs()))
        }
        _ => None,
    });
    let struck: Vec<String> = struck.collect();
    assert_eq!(struck, ["kill at 2", "start at 5", "pause at 19", "resume at 20"]);
}

#[test]
fn faults_that_end_early_end_for_good_and_operations_go_on() {
    let second = Duration::from_secs(1);
    let faults = BTreeSet::from([Fault::Partition, Fault::Slow]);
    let strikes = vec![
        Strike::kill(["n0"], 2 * second, 5 * second),
        Strike::pause(["n1"], 7 * second, 100 * second),
    ];
    let faults_until = 8 * second;
    let plan = Plan { faults, strikes, faults_until, has_final: true, ..plan(2, 10.0) };
    let events = simulate(&plan, |_, _| (NO_TIME, false));
    let end = START + faults_until;
    let split = events.iter().position(|(time, _)| *time >= end).expect("a second part");
    let (before, after) = events.split_at(split);
    let starts = |(_, next): &&(Duration, GeneratorStep)| {
        matches!(next, GeneratorStep::Strike(NemesisAction::Begin { .. }))
    };
    assert!(before.iter().filter(starts).count() > 4, "faults struck");
    let struck: Vec<String> = after
        .iter()
        .filter_map(|(time, next)| match next {
            GeneratorStep::Strike(action @ NemesisAction::End { due, .. }) => {
                assert_eq!((*time, *due), (end, end));
                Some(action.to_string())
            }
            GeneratorStep::Strike(action) => panic!("{action} at {time:?}"),
            _ => None,
        })
        .collect();
    assert_eq!(struck, ["stop-slow", "resume", "stop-partition"]);
    assert!(invocations(after).iter().filter(|time| **time < START + LIMIT).count() > 100);
}

#[test]
fn faults_that_would_end_after_the_main_part_end_with_it() {
    let faults = BTreeSet::from([Fault::Partition, Fault::Kill]);
    let usual = Plan { faults, has_final: true, ..plan(5, 10.0) };
    let expected = simulate(&usual, |_, _| (NO_TIME, false));
    for faults_until in [LIMIT, 2 * LIMIT] {
        let plan = Plan { faults_until, ..usual.clone() };
        assert_eq!(simulate(&plan, |_, _| (NO_TIME, false)), expected);
    }
}
