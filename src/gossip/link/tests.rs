use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::*;
use crate::host::{Host, SplitMix64};
use crate::size::FULL_MESSAGE_BYTES;

const TIMING: Timing = Timing::IMMEDIATE;
const LATENCY: Duration = Duration::from_millis(100);

/// Two ends of a link, a and b, and the network between them.
struct LinkPair {
    start: Instant,
    now: Instant,
    ends: [Link<u64>; 2],
    incarnations: [u64; 2],
    latency: Duration,
    /// Maximum delay of a message in milliseconds, besides the latency, and the generator that
    /// draws it.
    jitter: Option<(u64, SplitMix64)>,
    /// Number of batches that missed the tick for which they were sent.
    missed_ticks: u64,
    /// True if messages get lost.
    is_cut: bool,
    in_flight: Vec<(Instant, usize, Batch<u64>)>,
    /// A line for each batch: time, sender, first sequence number, items, acknowledgement, and so
    /// on.
    trace: Vec<String>,
    /// Arrival times at b of batches that were sent for one of b's ticks.
    arrivals: Vec<Duration>,
}

const A: usize = 0;
const B: usize = 1;

impl LinkPair {
    fn new(timing: Timing) -> LinkPair {
        let start = Instant::now();
        let ends = [(); 2].map(|()| Link::new(timing, 0, start));
        let (in_flight, trace, arrivals) = (Vec::new(), Vec::new(), Vec::new());
        let (incarnations, latency, is_cut) = ([0; 2], LATENCY, false);
        let (now, jitter, missed_ticks) = (start, None, 0);
        LinkPair {
            start,
            now,
            ends,
            incarnations,
            latency,
            jitter,
            missed_ticks,
            is_cut,
            in_flight,
            trace,
            arrivals,
        }
    }

    fn draw_jitter(&self) -> Duration {
        let drawn = self.jitter.as_ref().map(|(maximum, random)| random.next() % (maximum + 1));
        Duration::from_millis(drawn.unwrap_or(0))
    }

    fn at(&self, millis: u64) -> Instant {
        self.start + Duration::from_millis(millis)
    }

    /// Enqueues items at an end, at this millisecond.
    fn enqueue(&mut self, millis: u64, who: usize, items: impl IntoIterator<Item = u64>) {
        self.run(millis);
        self.ends[who].enqueue(self.at(millis), items);
        self.run(millis);
    }

    fn schedule_hello(&mut self, millis: u64, who: usize) {
        self.run(millis);
        self.ends[who].schedule_hello(self.at(millis));
    }

    /// Kills an end, and starts its next incarnation.
    fn restart(&mut self, millis: u64, who: usize) {
        self.run(millis);
        self.incarnations[who] += 1;
        self.ends[who] = Link::new(self.ends[who].timing, self.incarnations[who], self.at(millis));
    }

    /// Starts or stops losing messages, at this millisecond.
    fn cut(&mut self, millis: u64, is_cut: bool) {
        self.run(millis);
        self.is_cut = is_cut;
    }

    /// Runs everything that is due up to this millisecond.
    fn run(&mut self, millis: u64) {
        let end = self.at(millis);
        loop {
            let due = |who: usize| Some((self.ends[who].due()?, who));
            let next = [due(A), due(B)].into_iter().flatten().min();
            let arrival = self.in_flight.iter().enumerate().min_by_key(|(_, (at, ..))| *at);
            match (next, arrival) {
                (next, Some((index, &(at, ..))))
                    if at <= end && next.is_none_or(|(due, _)| at <= due) =>
                {
                    let (now, to, batch) = self.in_flight.remove(index);
                    self.now = now;
                    self.receive(to, &batch);
                }
                (Some((due, who)), _) if due <= end => {
                    self.now = self.now.max(due);
                    self.send_batch(who);
                }
                _ => break,
            }
        }
        self.now = end;
    }

    fn receive(&mut self, who: usize, batch: &Batch<u64>) {
        let (now, end) = (self.now, &mut self.ends[who]);
        end.receive(now, batch);
        let extra_tick = end.batch_timer.extra_tick_after_miss(now);
        if let Some(wait) = end.batch_timer.wait(now)
            && end.note_wait(batch, wait, extra_tick.is_some())
            && let Some(at) = extra_tick
        {
            self.missed_ticks += 1;
            end.add_extra_tick(at);
        }
    }

    fn send_batch(&mut self, who: usize) {
        let now = self.now;
        let (batch, newly_unacked) = self.ends[who].make_batch(now, false);
        let is_in_time = batch.tick_alignment == Some(TickAlignment::Aligned);
        let mut line = format!("{} {}", (now - self.start).as_millis(), ["a", "b"][who]);
        write!(line, " {}{:?} ack {}", batch.first_seq, batch.items, batch.cumulative_ack).unwrap();
        line += if batch.stream_base.is_some() { " new stream" } else { "" };
        if !newly_unacked.is_empty() {
            write!(line, " unacked {newly_unacked:?}").unwrap();
        }
        self.trace.push(line);
        let arrival = now + self.latency + self.draw_jitter();
        if who == A && is_in_time && !batch.items.is_empty() {
            self.arrivals.push(arrival - self.start);
        }
        if !self.is_cut {
            self.in_flight.push((arrival, 1 - who, batch));
        }
    }

    /// Checks the batches of the first minute, after which nothing is due.
    #[track_caller]
    fn check(mut self, expected: &[&str]) {
        self.run(60_000);
        assert_eq!(self.trace, expected);
        assert_eq!(self.ends.each_ref().map(Link::due), [None, None]);
        assert!(self.ends.iter().all(|end| end.backlog.is_empty() && !end.is_suspected()));
    }
}

#[test]
fn an_acknowledgement_travels_with_items() {
    let mut pair = LinkPair::new(TIMING);
    pair.enqueue(0, A, [1, 2]);
    pair.enqueue(1000, B, [3]);
    pair.enqueue(2000, A, [4]);
    pair.check(&[
        "0 a 0[1, 2] ack 0",
        "1000 b 0[3] ack 2",
        "2000 a 2[4] ack 1",
        "3500 b 1[] ack 3",
    ]);
}

#[test]
fn an_acknowledgement_without_items_leaves_alone_after_a_delay_and_is_cumulative() {
    let mut pair = LinkPair::new(TIMING);
    pair.enqueue(0, A, [1]);
    pair.enqueue(300, A, [2]);
    pair.enqueue(1399, A, [3]);
    pair.check(&["0 a 0[1] ack 0", "300 a 1[2] ack 0", "1399 a 2[3] ack 0", "1500 b 0[] ack 3"]);
}

#[test]
fn an_idle_link_is_silent() {
    LinkPair::new(TIMING).check(&[]);
}

#[test]
fn a_lost_batch_is_retransmitted_from_the_first_missing_item_and_new_items_wait_for_it() {
    let mut pair = LinkPair::new(TIMING);
    pair.enqueue(0, A, [1]);
    pair.enqueue(500, B, [10]);
    pair.cut(600, true);
    pair.enqueue(1000, A, [2]);
    pair.enqueue(1100, A, [3]);
    pair.enqueue(3000, A, [4]);
    pair.cut(4000, false);
    pair.enqueue(4100, A, [5, 6]);
    pair.check(&[
        "0 a 0[1] ack 0",
        "500 b 0[10] ack 1",
        "1000 a 1[2] ack 1",
        "1100 a 2[3] ack 1",
        "2200 b 0[10] ack 1 unacked [10]",
        "2700 a 1[2, 3] ack 1 unacked [2, 3]",
        "3900 b 0[10] ack 1",
        "4400 a 1[2, 3, 4, 5, 6] ack 1",
        "4500 b 1[] ack 6",
    ]);
}

#[test]
fn a_duplicated_or_reordered_batch_counts_once() {
    let mut pair = LinkPair::new(TIMING);
    pair.enqueue(0, A, [1]);
    pair.enqueue(10, A, [2]);
    let (at, to, batch) = pair.in_flight[0].clone();
    pair.in_flight[0].0 = at + Duration::from_millis(50);
    pair.in_flight.push((at + Duration::from_millis(200), to, batch));
    // The second comes first, and nothing needs to come again.
    pair.check(&["0 a 0[1] ack 0", "10 a 1[2] ack 0", "1510 b 0[] ack 2"]);
}

#[test]
fn a_hello_leaves_when_nothing_else_was_sent_and_again_until_it_is_answered() {
    let mut pair = LinkPair::new(TIMING);
    pair.cut(0, true);
    pair.schedule_hello(0, A);
    pair.cut(2000, false);
    pair.check(&["700 a 0[] ack 0", "2400 a 0[] ack 0", "3900 b 0[] ack 0"]);
}

#[test]
fn no_hello_leaves_when_items_were_sent() {
    let mut pair = LinkPair::new(TIMING);
    pair.schedule_hello(0, A);
    pair.schedule_hello(0, B);
    pair.enqueue(300, A, [1]);
    pair.enqueue(600, B, [2]);
    pair.check(&["300 a 0[1] ack 0", "600 b 0[2] ack 1", "2100 a 1[] ack 1"]);
}

#[test]
fn simultaneous_hellos_are_both_answered() {
    let mut pair = LinkPair::new(TIMING);
    pair.schedule_hello(0, A);
    pair.schedule_hello(0, B);
    pair.check(&["700 a 0[] ack 0", "700 b 0[] ack 0", "2200 a 0[] ack 0", "2200 b 0[] ack 0"]);
}

#[test]
fn a_restarted_neighbor_learns_of_its_restart_and_gets_what_was_not_acknowledged() {
    let mut pair = LinkPair::new(TIMING);
    pair.enqueue(0, A, [1]);
    pair.enqueue(1000, B, [2]);
    pair.cut(1200, true);
    pair.enqueue(1300, A, [3]);
    pair.restart(1500, B);
    pair.cut(2000, false);
    pair.schedule_hello(2000, B);
    pair.check(&[
        "0 a 0[1] ack 0",
        "1000 b 0[2] ack 1",
        "1300 a 1[3] ack 1",
        "2700 b 0[] ack 0",
        "2800 a 2[3] ack 0 new stream",
        "4300 b 0[] ack 3",
    ]);
}

#[test]
fn a_node_that_gets_a_batch_for_its_former_incarnation_learns_that_it_was_restarted() {
    let mut pair = LinkPair::new(TIMING);
    pair.enqueue(0, A, [1]);
    pair.restart(2000, B);
    pair.enqueue(3000, A, [2]);
    pair.run(3050);
    let (_, _, batch) = pair.in_flight[0].clone();
    let outcome = pair.ends[B].receive(pair.at(3100), &batch);
    assert_eq!(outcome, ReceiveOutcome { reports_restart: true, ..ReceiveOutcome::default() });
    pair.check(&[
        "0 a 0[1] ack 0",
        "1500 b 0[] ack 1",
        "3000 a 1[2] ack 0",
        "3100 b 0[] ack 0",
        "3200 a 2[2] ack 0 new stream",
        "4700 b 0[] ack 3",
    ]);
}

#[test]
fn a_batch_of_a_former_incarnation_is_stale() {
    let start = Instant::now();
    let [mut former, mut present, mut other] =
        [0, 1, 0].map(|incarnation| Link::<u64>::new(TIMING, incarnation, start));
    former.enqueue(start, [1]);
    let (batch, _) = former.make_batch(start, false);
    present.schedule_hello(start);
    other.receive(start, &present.make_batch(start, false).0);
    let outcome = other.receive(start, &batch);
    assert_eq!(outcome, ReceiveOutcome { is_stale: true, ..ReceiveOutcome::default() });
    assert_eq!(other.received.next_expected(), 0);
}

#[test]
fn unacked_items_are_reported_once_even_if_some_are_acknowledged() {
    let mut pair = LinkPair::new(TIMING);
    pair.enqueue(0, A, [1]);
    pair.run(150);
    pair.cut(150, true);
    pair.enqueue(200, A, [2, 3]);
    pair.cut(1800, false);
    pair.check(&[
        "0 a 0[1] ack 0",
        "200 a 1[2, 3] ack 0",
        "1500 b 0[] ack 1",
        "1700 a 0[1, 2, 3] ack 0 unacked [1, 2, 3]",
        "3400 a 0[1, 2, 3] ack 0",
        "3500 b 0[] ack 3",
    ]);
    let start = Instant::now();
    let at = |millis| start + Duration::from_millis(millis);
    let [mut link, mut other] = [(); 2].map(|()| Link::<u64>::new(TIMING, 0, start));
    link.enqueue(at(0), [1]);
    let (first, _) = link.make_batch(at(0), false);
    link.enqueue(at(1), [2]);
    link.make_batch(at(1), false);
    assert_eq!(link.make_batch(at(1700), false).1, [1, 2]);
    assert!(link.is_suspected());
    other.receive(at(1700), &first);
    link.receive(at(1800), &other.make_batch(at(1800), false).0);
    assert!(!link.is_suspected());
    link.enqueue(at(1900), [3]);
    link.make_batch(at(1900), false);
    let (batch, late) = link.make_batch(at(3500), false);
    assert_eq!((batch.first_seq, batch.items, late), (1, vec![2, 3], vec![3]));
    assert!(link.is_suspected());
}

/// From the first report on, items arrive before the upstream neighbor's tick, and 10 ms before it
/// once it is known that nothing varies, whatever interval and latency are.
#[test]
fn items_arrive_shortly_before_the_tick_of_the_upstream_neighbor() {
    for (interval, latency) in [50, 100, 300, 1000, 1800].into_iter().flat_map(|interval| {
        [0, 1, 30, 100, 250, 400].into_iter().map(move |latency| (interval, latency))
    }) {
        let timing = Timing {
            // So long that nothing leaves but at ticks.
            max_ack_delay: Duration::from_secs(3),
            min_retransmit_timeout: Duration::from_secs(5),
            ..Timing::every(Duration::from_millis(interval))
        };
        let mut pair = LinkPair::new(timing);
        pair.latency = Duration::from_millis(latency);
        pair.ends[A].align_ticks();
        let random = Host::seeded(interval + latency).random();
        let mut times = [17, 37];
        for item in 0..600 {
            let who = usize::from(times[A] > times[B]);
            pair.enqueue(times[who], who, [item]);
            times[who] += random.next() % 700;
        }
        assert!(pair.arrivals.len() > 40, "{}", pair.arrivals.len());
        assert_eq!(pair.missed_ticks, 0, "interval {interval}, latency {latency}");
        for arrival in &pair.arrivals[pair.arrivals.len() / 2..] {
            // The upstream neighbor's ticks are counted from the start.
            let interval_micros = u128::from(interval) * 1000;
            let before = interval_micros - arrival.as_micros() % interval_micros;
            assert!(
                (9000..=11_000).contains(&before),
                "interval {interval}, latency {latency}: {before}"
            );
        }
    }
}

/// Number of batches that miss the upstream neighbor's tick, and of batches, where a message takes
/// up to so many milliseconds longer.
fn misses(interval: u64, jitter: u64) -> (u64, usize) {
    let mut pair = LinkPair::new(Timing::every(Duration::from_millis(interval)));
    pair.jitter = Some((jitter, Host::seeded(interval + jitter).random()));
    pair.ends[A].align_ticks();
    let random = Host::seeded(interval).random();
    let mut time = 0;
    for item in 0..2000 {
        pair.enqueue(time, A, [item]);
        pair.enqueue(time, B, [item]);
        time += random.next() % interval;
    }
    (pair.missed_ticks, pair.arrivals.len())
}

#[test]
fn the_lead_adapts_to_jitter_so_that_few_batches_miss_the_tick() {
    for (interval, jitter) in
        [(300, 10), (300, 50), (300, 100), (1200, 50), (1200, 100), (1200, 200)]
    {
        let (missed, sent) = misses(interval, jitter);
        println!("interval {interval} ms, jitter {jitter} ms: {missed} of {sent} missed");
        assert!(sent > 500 && missed * 200 <= sent as u64, "{missed} of {sent}");
    }
}

#[test]
fn a_batch_that_misses_the_tick_causes_an_extra_one_an_eighth_of_an_interval_later() {
    for (delay, expected) in [(0, "2400 b 1[11] ack 2"), (250, "1700 b 1[11] ack 2")] {
        let mut pair = LinkPair::new(Timing::every(Duration::from_millis(800)));
        pair.ends[A].align_ticks();
        pair.enqueue(50, A, [1]);
        pair.enqueue(60, B, [10]);
        // A's items leave for b's tick at 1600, with a lead of 200 ms.
        pair.enqueue(1000, A, [2]);
        pair.run(1350);
        pair.in_flight[0].0 += Duration::from_millis(delay);
        pair.enqueue(1680, B, [11]);
        pair.run(2500);
        let lines = &pair.trace;
        assert_eq!(lines[..3], ["50 a 0[1] ack 0", "800 b 0[10] ack 1", "1300 a 1[2] ack 1"]);
        assert_eq!(lines[3], expected);
    }
}

#[test]
fn without_reports_items_for_an_upstream_neighbor_leave_at_once_and_others_at_ticks() {
    let mut pair = LinkPair::new(Timing::every(Duration::from_millis(300)));
    pair.ends[A].align_ticks();
    pair.enqueue(70, A, [1]);
    pair.enqueue(170, B, [2]);
    pair.enqueue(180, B, [3]);
    pair.enqueue(210, A, [4]);
    pair.check(&[
        "70 a 0[1] ack 0",
        "210 a 1[4] ack 0",
        "300 b 0[2, 3] ack 1",
        "1410 b 2[] ack 2",
        "1500 a 2[] ack 2",
    ]);
}

/// Number of times that each kind of fault, and its consequences, happened.
#[derive(Debug, Default)]
struct EventCounts {
    lost: u64,
    duplicated: u64,
    reordered: u64,
    restarts: u64,
    stale: u64,
    unacked: u64,
}

/// Two ends under random faults, the items that were enqueued, and those that arrived.
struct FaultSimulation {
    random: SplitMix64,
    pair: LinkPair,
    /// Items that each end was given in its present incarnation, and when.
    enqueued: [Vec<(u64, Instant)>; 2],
    /// Items that arrived at each end: in former incarnations, and in the present one.
    arrived: [[BTreeSet<u64>; 2]; 2],
    started_at: [Instant; 2],
    /// Incarnation of the other end of which each end has heard first, in its present one.
    first_heard: [Option<u64>; 2],
    knows_restart: [bool; 2],
    reported: [BTreeSet<u64>; 2],
    counts: EventCounts,
}

const FAULTY_TIME: Duration = Duration::from_secs(60);
const FAULT_FREE_TIME: Duration = Duration::from_secs(30);

impl FaultSimulation {
    fn new(seed: u64, timing: Timing) -> FaultSimulation {
        let pair = LinkPair::new(timing);
        let started_at = [pair.start; 2];
        let (enqueued, arrived) = (<[_; 2]>::default(), <[[_; 2]; 2]>::default());
        let (random, counts) = (Host::seeded(seed).random(), EventCounts::default());
        let (first_heard, knows_restart, reported) = ([None; 2], [false; 2], <[_; 2]>::default());
        FaultSimulation {
            random,
            pair,
            enqueued,
            arrived,
            started_at,
            first_heard,
            knows_restart,
            reported,
            counts,
        }
    }

    fn one_in(&self, count: u64) -> bool {
        self.random.next().is_multiple_of(count)
    }

    fn run(&mut self) {
        let start = self.pair.start;
        for who in [A, B] {
            self.pair.ends[who].schedule_hello(start);
        }
        let mut item = 0;
        for millis in 0.. {
            let now = self.pair.at(millis);
            let has_faults = now < start + FAULTY_TIME;
            if now > start + FAULTY_TIME + FAULT_FREE_TIME {
                break;
            }
            for who in [A, B] {
                if has_faults && self.one_in(800) {
                    item += 1;
                    self.pair.ends[who].enqueue(now, [item]);
                    self.enqueued[who].push((item, now));
                }
                if has_faults && self.one_in(15_000) {
                    self.restart(now, who);
                }
                self.receive(now, who);
                while self.pair.ends[who].due().is_some_and(|due| due <= now) {
                    self.send_batch(now, who, has_faults);
                }
            }
        }
    }

    fn restart(&mut self, now: Instant, who: usize) {
        let pair = &mut self.pair;
        pair.incarnations[who] += 1;
        pair.ends[who] = Link::new(pair.ends[who].timing, pair.incarnations[who], pair.start);
        pair.ends[who].schedule_hello(now);
        self.enqueued[who].clear();
        let present = std::mem::take(&mut self.arrived[who][1]);
        self.arrived[who][0].extend(present);
        (self.started_at[who], self.first_heard[who], self.knows_restart[who]) = (now, None, false);
        self.reported[who].clear();
        self.counts.restarts += 1;
    }

    fn receive(&mut self, now: Instant, who: usize) {
        let arrived = self.pair.in_flight.extract_if(.., |(at, to, _)| *at <= now && *to == who);
        for (_, _, batch) in arrived.collect::<Vec<_>>() {
            let link = &mut self.pair.ends[who];
            self.counts.reordered += u64::from(batch.first_seq > link.received.next_expected());
            let outcome = link.receive(now, &batch);
            self.counts.stale += u64::from(outcome.is_stale);
            self.knows_restart[who] |= outcome.reports_restart;
            self.first_heard[who] = self.first_heard[who].or(Some(batch.incarnation));
            self.arrived[who][1].extend(batch.items);
        }
    }

    fn send_batch(&mut self, now: Instant, who: usize, has_faults: bool) {
        let (batch, newly_unacked) = self.pair.ends[who].make_batch(now, false);
        self.counts.unacked += newly_unacked.len() as u64;
        let are_new = newly_unacked.iter().all(|item| self.reported[who].insert(*item));
        assert!(are_new, "{newly_unacked:?} was reported twice");
        let delay = |random: &SplitMix64| match random.next() % 4 {
            _ if !has_faults => LATENCY,
            0 => Duration::from_millis(random.next() % 8000),
            _ => Duration::from_millis(random.next() % 200),
        };
        let is_duplicated = has_faults && self.one_in(5);
        self.counts.duplicated += u64::from(is_duplicated);
        for _ in 0..=usize::from(is_duplicated) {
            if has_faults && self.one_in(3) {
                self.counts.lost += 1;
            } else {
                let at = now + delay(&self.random);
                self.pair.in_flight.push((at, 1 - who, batch.clone()));
            }
        }
    }

    fn check(&self) {
        for (who, other) in [(A, B), (B, A)] {
            for (item, at) in &self.enqueued[who] {
                let [former, present] = &self.arrived[other];
                let has_arrived = present.contains(item)
                    || (*at < self.started_at[other] && former.contains(item));
                assert!(has_arrived, "{item} was lost");
            }
            let knew_former =
                self.first_heard[who].is_some_and(|heard| heard < self.pair.incarnations[other]);
            assert!(!knew_former || self.knows_restart[other], "not told that it was restarted");
            let end = &self.pair.ends[who];
            assert!(end.due().is_none() && end.backlog.is_empty(), "not silent: {end:?}");
        }
    }
}

#[test]
fn despite_faults_and_restarts_everything_arrives_and_then_the_link_is_silent() {
    let mut all = EventCounts::default();
    for seed in 0..300 {
        println!("seed {seed}");
        let timing = if seed % 2 == 0 { TIMING } else { Timing::every(Duration::from_millis(300)) };
        let mut simulation = FaultSimulation::new(seed, timing);
        simulation.run();
        simulation.check();
        let counts = simulation.counts;
        all.lost += counts.lost;
        all.duplicated += counts.duplicated;
        all.reordered += counts.reordered;
        all.restarts += counts.restarts;
        all.stale += counts.stale;
        all.unacked += counts.unacked;
    }
    println!("{all:?}");
    let EventCounts { lost, duplicated, reordered, restarts, stale, unacked } = all;
    assert!(
        [lost, duplicated, reordered, restarts, stale, unacked].iter().all(|count| *count > 100)
    );
}

#[test]
fn a_late_duplicate_for_a_former_incarnation_acknowledges_nothing_of_the_new_stream() {
    let mut pair = LinkPair::new(TIMING);
    pair.enqueue(0, A, [1, 2]);
    let (_, to, batch) = pair.in_flight[0].clone();
    pair.in_flight.push((pair.at(2100), to, batch));
    pair.restart(2000, B);
    pair.enqueue(2200, A, [3]);
    pair.cut(2350, true);
    pair.cut(2450, false);
    pair.enqueue(2500, B, [10]);
    pair.check(&[
        "0 a 0[1, 2] ack 0",
        "1500 b 0[] ack 2",
        "2200 a 2[3] ack 0",
        "2300 b 0[] ack 2",
        "2400 a 3[3] ack 0 new stream",
        "2500 b 0[10] ack 2",
        "4000 a 4[] ack 1 new stream",
        "4100 a 3[3] ack 1 new stream unacked [3]",
        "4200 b 1[] ack 4",
    ]);
}

#[test]
fn a_nonsensical_batch_does_no_harm() {
    const NUMBERS: [u64; 4] = [0, 1, u64::MAX - 1, u64::MAX];
    let some = |number| (number > 0).then_some(number);
    for timing in [TIMING, Timing::every(Duration::from_millis(300))] {
        for cumulative_ack in NUMBERS {
            for first_seq in NUMBERS {
                for base in NUMBERS {
                    let start = Instant::now();
                    let mut link = Link::new(timing, 0, start);
                    link.align_ticks();
                    link.enqueue(start, [1, 2]);
                    link.make_batch(start, false);
                    let stream_base = some(base);
                    for incarnation in NUMBERS {
                        let items = vec![3, 4];
                        let (receiver_incarnation, ack_requested) = (Some(0), true);
                        let (ack_delay_millis, tick_alignment) =
                            (Some(cumulative_ack), Some(TickAlignment::Aligned));
                        let wait_report = Some(WaitReport { end_seq: 2, millis: cumulative_ack });
                        let batch = Batch {
                            incarnation,
                            receiver_incarnation,
                            ack_requested,
                            cumulative_ack,
                            ack_delay_millis,
                            first_seq,
                            items,
                            stream_base,
                            tick_alignment,
                            wait_report,
                        };
                        link.receive(start + LATENCY, &batch);
                        link.note_wait(&batch, Duration::MAX, true);
                        link.add_extra_tick(start + LATENCY);
                        link.make_batch(start + LATENCY, false);
                    }
                    let now = start + Duration::from_secs(1);
                    link.enqueue(now, [5]);
                    assert!(
                        link.due().is_some_and(|at| at <= now + timing.min_retransmit_timeout),
                        "{link:?}"
                    );
                }
            }
        }
    }
}

/// Bytes of the items in a batch.
fn bytes<T: Clone + Serialize>(batch: &Batch<T>) -> usize {
    serde_json::to_string(&batch.items).unwrap().len()
}

/// Acknowledgement of all items before this sequence number.
fn acknowledgement(cumulative_ack: u64) -> Batch<String> {
    Batch {
        incarnation: 0,
        receiver_incarnation: Some(0),
        ack_requested: false,
        cumulative_ack,
        ack_delay_millis: Some(0),
        first_seq: 0,
        items: vec![],
        stream_base: None,
        tick_alignment: None,
        wait_report: None,
    }
}

#[test]
fn a_long_backlog_leaves_in_bounded_batches_and_at_most_a_window_at_a_time() {
    let now = Instant::now();
    for timing in [TIMING, Timing::every(Duration::from_secs(10))] {
        let mut link = Link::new(timing, 0, now);
        let third = "x".repeat(FULL_MESSAGE_BYTES / 3 - 10);
        let long = "x".repeat(8 << 20);
        let mut items = vec![third; 20];
        items.insert(4, long);
        link.enqueue(now, items.clone());
        let (mut sent, mut sizes) = (Vec::new(), Vec::new());
        let mut later = now;
        while sent.len() < items.len() {
            // Only a batch that is not full waits for a tick.
            let due = link.due().unwrap();
            assert!(due <= later || sent.len() + 1 == items.len(), "{:?}", due - later);
            later = later.max(due);
            let mut window = 0;
            while link.due().is_some_and(|due| due <= later) {
                let (batch, _) = link.make_batch(later, false);
                assert_eq!(batch.first_seq, sent.len() as u64);
                assert!(bytes(&batch) <= FULL_MESSAGE_BYTES || batch.items.len() == 1);
                assert!(window < 2 << 20, "{window} bytes are on their way");
                window += bytes(&batch);
                sizes.push(batch.items.len());
                sent.extend(batch.items);
                // A sender with more items asks for its acknowledgement at once.
                assert_eq!(batch.ack_requested, sent.len() < items.len());
            }
            later += LATENCY;
            link.receive(later, &acknowledgement(sent.len() as u64));
        }
        assert_eq!(sizes, [3, 1, 1, 3, 3, 3, 3, 3, 1]);
        assert_eq!(sent, items);
    }
}

#[test]
fn a_transfer_that_exceeds_the_timeout_is_retransmitted_less_and_less_often() {
    let start = Instant::now();
    let mut link = Link::new(TIMING, 0, start);
    link.enqueue(start, vec!["x".repeat(PROBE_BYTES); 3]);
    link.make_batch(start, false);
    let mut repeated = Vec::new();
    for _ in 0..5 {
        let due = link.due().unwrap();
        let (batch, _) = link.make_batch(due, false);
        assert_eq!((batch.first_seq, batch.items.len()), (0, 1), "no more than a probe");
        repeated.push((due - start).as_millis());
    }
    // 1.7 s, twice, and four times as much.
    assert_eq!(repeated, [1700, 5100, 11_900, 18_700, 25_500]);

    // All of it had arrived, and only its acknowledgement is late: nothing is sent again.
    link.receive(start + Duration::from_secs(40), &acknowledgement(3));
    assert_eq!(link.due(), None);
    assert!(link.backlog.is_empty() && !link.is_suspected());
}

#[test]
fn while_a_long_transfer_is_acknowledged_bit_by_bit_nothing_is_retransmitted() {
    let start = Instant::now();
    let mut link = Link::new(TIMING, 0, start);
    link.enqueue(start, vec!["x".repeat(FULL_MESSAGE_BYTES - 10); 40]);
    let (mut now, mut sent) = (start, 0);
    let mut on_way = VecDeque::new();
    while sent < 40 {
        // A batch takes 1.5 s, and the next ones wait for it.
        while link.due().is_some_and(|due| due <= now) {
            let (batch, late) = link.make_batch(now, false);
            assert_eq!((batch.first_seq, late), (sent, vec![]), "repeated at {:?}", now - start);
            sent += batch.items.len() as u64;
            on_way.push_back(sent);
        }
        let arrival = now + Duration::from_millis(1500);
        assert!(link.due().is_none_or(|due| due >= arrival), "due before {:?}", arrival - start);
        now = arrival;
        link.receive(now, &acknowledgement(on_way.pop_front().unwrap()));
    }
}

#[test]
fn an_acknowledgement_owed_for_an_empty_batch_does_not_hurry_a_later_one() {
    let start = Instant::now();
    let at = |millis| start + Duration::from_millis(millis);
    let [mut link, mut child] = [(); 2].map(|()| Link::new(TIMING, 0, start));
    child.enqueue(start, ["x".to_owned()]);
    link.receive(at(0), &Batch { ack_requested: true, ..acknowledgement(0) });
    link.make_batch(at(200), true);
    link.receive(at(1300), &child.make_batch(at(1300), false).0);
    // No other node has the item yet, whatever has been owed since 0.
    assert_eq!(link.make_batch(at(1500), true).0.cumulative_ack, 0);
    assert_eq!(link.make_batch(at(2700), true).0.cumulative_ack, 1, "but not forever");
}

#[test]
fn items_that_arrive_out_of_order_are_not_retransmitted() {
    let mut pair = LinkPair::new(TIMING);
    pair.enqueue(0, A, [1]);
    pair.enqueue(10, A, [2]);
    pair.enqueue(20, A, [3]);
    // The first comes last.
    pair.in_flight[0].0 += Duration::from_millis(400);
    pair.check(&["0 a 0[1] ack 0", "10 a 1[2] ack 0", "20 a 2[3] ack 0", "1510 b 0[] ack 3"]);
}

#[test]
fn the_timeout_follows_round_trips_without_the_delay_of_acknowledgements() {
    let start = Instant::now();
    let mut link = Link::new(TIMING, 0, start);
    let mut now = start;
    let mut timeout = |round_trip: u64, delay: u64| {
        link.enqueue(now, ["x".to_owned()]);
        link.make_batch(now, false);
        now += Duration::from_millis(round_trip + delay);
        let ack_delay = Some(delay);
        link.receive(now, &Batch { ack_delay_millis: ack_delay, ..acknowledgement(link.sent_end) });
        link.retransmit_timeout().as_millis()
    };
    // 1.4 s, the mean, and four times the deviation, which is an eighth of the first.
    assert_eq!(timeout(280, 0), 1820);
    assert_eq!(timeout(280, 1400), 1785);
    // Constant round trips are within what is always allowed.
    assert_eq!((0..40).map(|_| timeout(200, 700)).last(), Some(1700));
    let varied = (0..40).map(|number| timeout(160 + 80 * (number % 2), 0)).last().unwrap();
    assert!((1740..1800).contains(&varied), "{varied}");
    assert_eq!((0..40).map(|_| timeout(5000, 0)).last(), Some(1850));
}
