use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::*;
use crate::host::{Host, Random};
use crate::size::FULL;

const PACE: Pace = Pace::AT_ONCE;
const LATENCY: Duration = Duration::from_millis(100);

/// Two ends of a link, a and b, and the way between them.
struct Play {
    start: Instant,
    now: Instant,
    ends: [Link<u64>; 2],
    lives: [u64; 2],
    latency: Duration,
    /// How much longer a message may take, in milliseconds, and by which it is drawn.
    jitter: Option<(u64, Random)>,
    /// How many batches missed the beat that they were sent for.
    missed: u64,
    /// Whether what is sent gets lost.
    is_cut: bool,
    on_way: Vec<(Instant, usize, Batch<u64>)>,
    /// A line for each batch: when it left, from whom, the first position, the news, and so on.
    said: Vec<String>,
    /// When which news arrived at b, if it was on a beat that b's feedback has moved.
    arrivals: Vec<Duration>,
}

const A: usize = 0;
const B: usize = 1;

impl Play {
    fn new(pace: Pace) -> Play {
        let start = Instant::now();
        let ends = [(); 2].map(|()| Link::new(pace, 0, start));
        let (on_way, said, arrivals) = (Vec::new(), Vec::new(), Vec::new());
        let (lives, latency, is_cut) = ([0; 2], LATENCY, false);
        let (now, jitter, missed) = (start, None, 0);
        Play { start, now, ends, lives, latency, jitter, missed, is_cut, on_way, said, arrivals }
    }

    fn draw_jitter(&self) -> Duration {
        let drawn = self.jitter.as_ref().map(|(most, random)| random.next() % (most + 1));
        Duration::from_millis(drawn.unwrap_or(0))
    }

    fn at(&self, millis: u64) -> Instant {
        self.start + Duration::from_millis(millis)
    }

    /// Lets an end have news, at this millisecond.
    fn tell(&mut self, millis: u64, who: usize, news: impl IntoIterator<Item = u64>) {
        self.run(millis);
        self.ends[who].tell(self.at(millis), news);
        self.run(millis);
    }

    fn greet(&mut self, millis: u64, who: usize) {
        self.run(millis);
        self.ends[who].greet(self.at(millis));
    }

    /// Kills an end, and starts its next life.
    fn restart(&mut self, millis: u64, who: usize) {
        self.run(millis);
        self.lives[who] += 1;
        self.ends[who] = Link::new(self.ends[who].pace, self.lives[who], self.at(millis));
    }

    /// Loses what is sent from this millisecond on, or no longer.
    fn cut(&mut self, millis: u64, is_cut: bool) {
        self.run(millis);
        self.is_cut = is_cut;
    }

    /// Lets everything happen that happens up to this millisecond.
    fn run(&mut self, millis: u64) {
        let end = self.at(millis);
        loop {
            let due = |who: usize| Some((self.ends[who].due()?, who));
            let next = [due(A), due(B)].into_iter().flatten().min();
            let arrival = self.on_way.iter().enumerate().min_by_key(|(_, (at, ..))| *at);
            match (next, arrival) {
                (next, Some((index, &(at, ..))))
                    if at <= end && next.is_none_or(|(due, _)| at <= due) =>
                {
                    let (now, to, batch) = self.on_way.remove(index);
                    self.now = now;
                    self.receive(to, &batch);
                }
                (Some((due, who)), _) if due <= end => {
                    self.now = self.now.max(due);
                    self.emit(who);
                }
                _ => break,
            }
        }
        self.now = end;
    }

    fn receive(&mut self, who: usize, batch: &Batch<u64>) {
        let (now, end) = (self.now, &mut self.ends[who]);
        end.receive(now, batch);
        let second_chance = end.beat.second_chance(now);
        if let Some(wait) = end.beat.wait(now)
            && end.note_wait(batch, wait, second_chance.is_some())
            && let Some(at) = second_chance
        {
            self.missed += 1;
            end.flush_also(at);
        }
    }

    fn emit(&mut self, who: usize) {
        let now = self.now;
        let (batch, late) = self.ends[who].emit(now, false);
        let is_in_time = batch.aim == Some(Aim::Beat);
        let mut said = format!("{} {}", (now - self.start).as_millis(), ["a", "b"][who]);
        write!(said, " {}{:?} heard {}", batch.first, batch.news, batch.heard).unwrap();
        said += if batch.again.is_some() { " again" } else { "" };
        if !late.is_empty() {
            write!(said, " late {late:?}").unwrap();
        }
        self.said.push(said);
        let arrival = now + self.latency + self.draw_jitter();
        if who == A && is_in_time && !batch.news.is_empty() {
            self.arrivals.push(arrival - self.start);
        }
        if !self.is_cut {
            self.on_way.push((arrival, 1 - who, batch));
        }
    }

    /// Checks what was said in the first minute, after which there is nothing to say.
    #[track_caller]
    fn check(mut self, expected: &[&str]) {
        self.run(60_000);
        assert_eq!(self.said, expected);
        assert_eq!(self.ends.each_ref().map(Link::due), [None, None]);
        assert!(self.ends.iter().all(|end| end.queue.is_empty() && !end.is_overdue()));
    }
}

#[test]
fn an_acknowledgement_rides_on_news() {
    let mut play = Play::new(PACE);
    play.tell(0, A, [1, 2]);
    play.tell(1000, B, [3]);
    play.tell(2000, A, [4]);
    play.check(&[
        "0 a 0[1, 2] heard 0",
        "1000 b 0[3] heard 2",
        "2000 a 2[4] heard 1",
        "3500 b 1[] heard 3",
    ]);
}

#[test]
fn an_acknowledgement_that_finds_no_news_leaves_alone_and_for_all_that_has_come() {
    let mut play = Play::new(PACE);
    play.tell(0, A, [1]);
    play.tell(300, A, [2]);
    play.tell(1399, A, [3]);
    play.check(&[
        "0 a 0[1] heard 0",
        "300 a 1[2] heard 0",
        "1399 a 2[3] heard 0",
        "1500 b 0[] heard 3",
    ]);
}

#[test]
fn nothing_is_said_without_need() {
    Play::new(PACE).check(&[]);
}

#[test]
fn a_lost_batch_is_repeated_from_the_first_missing_position_and_news_waits_for_it() {
    let mut play = Play::new(PACE);
    play.tell(0, A, [1]);
    play.tell(500, B, [10]);
    play.cut(600, true);
    play.tell(1000, A, [2]);
    play.tell(1100, A, [3]);
    play.tell(3000, A, [4]);
    play.cut(4000, false);
    play.tell(4100, A, [5, 6]);
    play.check(&[
        "0 a 0[1] heard 0",
        "500 b 0[10] heard 1",
        "1000 a 1[2] heard 1",
        "1100 a 2[3] heard 1",
        "2200 b 0[10] heard 1 late [10]",
        "2700 a 1[2, 3] heard 1 late [2, 3]",
        "3900 b 0[10] heard 1",
        "4400 a 1[2, 3, 4, 5, 6] heard 1",
        "4500 b 1[] heard 6",
    ]);
}

#[test]
fn a_batch_that_comes_twice_or_late_is_heard_once() {
    let mut play = Play::new(PACE);
    play.tell(0, A, [1]);
    play.tell(10, A, [2]);
    let (at, to, batch) = play.on_way[0].clone();
    play.on_way[0].0 = at + Duration::from_millis(50);
    play.on_way.push((at + Duration::from_millis(200), to, batch));
    // The second comes first, and nothing needs to come again.
    play.check(&["0 a 0[1] heard 0", "10 a 1[2] heard 0", "1510 b 0[] heard 2"]);
}

#[test]
fn a_greeting_leaves_when_nothing_else_was_said_and_again_until_it_is_answered() {
    let mut play = Play::new(PACE);
    play.cut(0, true);
    play.greet(0, A);
    play.cut(2000, false);
    play.check(&["700 a 0[] heard 0", "2400 a 0[] heard 0", "3900 b 0[] heard 0"]);
}

#[test]
fn a_greeting_is_spared_when_there_was_something_to_say() {
    let mut play = Play::new(PACE);
    play.greet(0, A);
    play.greet(0, B);
    play.tell(300, A, [1]);
    play.tell(600, B, [2]);
    play.check(&["300 a 0[1] heard 0", "600 b 0[2] heard 1", "2100 a 1[] heard 1"]);
}

#[test]
fn two_that_greet_each_other_answer_each_other() {
    let mut play = Play::new(PACE);
    play.greet(0, A);
    play.greet(0, B);
    play.check(&[
        "700 a 0[] heard 0",
        "700 b 0[] heard 0",
        "2200 a 0[] heard 0",
        "2200 b 0[] heard 0",
    ]);
}

#[test]
fn a_neighbor_that_is_reborn_is_told_so_and_gets_what_its_former_life_had_not_acknowledged() {
    let mut play = Play::new(PACE);
    play.tell(0, A, [1]);
    play.tell(1000, B, [2]);
    play.cut(1200, true);
    play.tell(1300, A, [3]);
    play.restart(1500, B);
    play.cut(2000, false);
    play.greet(2000, B);
    play.check(&[
        "0 a 0[1] heard 0",
        "1000 b 0[2] heard 1",
        "1300 a 1[3] heard 1",
        "2700 b 0[] heard 0",
        "2800 a 2[3] heard 0 again",
        "4300 b 0[] heard 3",
    ]);
}

#[test]
fn whoever_is_taken_for_a_former_life_learns_that_there_was_one() {
    let mut play = Play::new(PACE);
    play.tell(0, A, [1]);
    play.restart(2000, B);
    play.tell(3000, A, [2]);
    play.run(3050);
    let (_, _, batch) = play.on_way[0].clone();
    let received = play.ends[B].receive(play.at(3100), &batch);
    assert_eq!(received, Received { is_again: true, ..Received::default() });
    play.check(&[
        "0 a 0[1] heard 0",
        "1500 b 0[] heard 1",
        "3000 a 1[2] heard 0",
        "3100 b 0[] heard 0",
        "3200 a 2[2] heard 0 again",
        "4700 b 0[] heard 3",
    ]);
}

#[test]
fn a_batch_of_a_former_life_is_late() {
    let start = Instant::now();
    let [mut former, mut present, mut other] =
        [0, 1, 0].map(|life| Link::<u64>::new(PACE, life, start));
    former.tell(start, [1]);
    let (batch, _) = former.emit(start, false);
    present.greet(start);
    other.receive(start, &present.emit(start, false).0);
    let received = other.receive(start, &batch);
    assert_eq!(received, Received { is_late: true, ..Received::default() });
    assert_eq!(other.heard.contiguous(), 0);
}

#[test]
fn what_is_overdue_is_reported_once_although_a_part_of_it_is_acknowledged() {
    let mut play = Play::new(PACE);
    play.tell(0, A, [1]);
    play.run(150);
    play.cut(150, true);
    play.tell(200, A, [2, 3]);
    play.cut(1800, false);
    play.check(&[
        "0 a 0[1] heard 0",
        "200 a 1[2, 3] heard 0",
        "1500 b 0[] heard 1",
        "1700 a 0[1, 2, 3] heard 0 late [1, 2, 3]",
        "3400 a 0[1, 2, 3] heard 0",
        "3500 b 0[] heard 3",
    ]);
    let start = Instant::now();
    let at = |millis| start + Duration::from_millis(millis);
    let [mut link, mut other] = [0, 0].map(|life| Link::<u64>::new(PACE, life, start));
    link.tell(at(0), [1]);
    let (first, _) = link.emit(at(0), false);
    link.tell(at(1), [2]);
    link.emit(at(1), false);
    assert_eq!(link.emit(at(1700), false).1, [1, 2]);
    assert!(link.is_overdue());
    other.receive(at(1700), &first);
    link.receive(at(1800), &other.emit(at(1800), false).0);
    assert!(!link.is_overdue());
    link.tell(at(1900), [3]);
    link.emit(at(1900), false);
    let (batch, late) = link.emit(at(3500), false);
    assert_eq!((batch.first, batch.news, late), (1, vec![2, 3], vec![3]));
    assert!(link.is_overdue());
}

/// News of a follower arrives before the hub's beat from the first feedback on, and 10 ms before it
/// when it is known that nothing varies, whatever beats and latency are.
#[test]
fn news_arrives_shortly_before_the_beat_of_whom_a_node_follows() {
    for (beat, latency) in [50, 100, 300, 1000, 1800]
        .into_iter()
        .flat_map(|beat| [0, 1, 30, 100, 250, 400].into_iter().map(move |latency| (beat, latency)))
    {
        let pace = Pace {
            // So long that nothing leaves but on beats.
            acknowledge: Duration::from_secs(3),
            retry: Duration::from_secs(5),
            ..Pace::every(Duration::from_millis(beat))
        };
        let mut play = Play::new(pace);
        play.latency = Duration::from_millis(latency);
        play.ends[A].follow();
        let random = Host::seeded(beat + latency).random();
        let mut times = [17, 37];
        for item in 0..600 {
            let who = usize::from(times[A] > times[B]);
            play.tell(times[who], who, [item]);
            times[who] += random.next() % 700;
        }
        assert!(play.arrivals.len() > 40, "{}", play.arrivals.len());
        assert_eq!(play.missed, 0, "beat {beat}, latency {latency}");
        for arrival in &play.arrivals[play.arrivals.len() / 2..] {
            // The hub's beats have been counted from the start.
            let beat_micros = u128::from(beat) * 1000;
            let before = beat_micros - arrival.as_micros() % beat_micros;
            assert!((9000..=11_000).contains(&before), "beat {beat}, latency {latency}: {before}");
        }
    }
}

/// How many of how many batches of a follower miss the beat, where a message takes up to so many
/// milliseconds longer; and how many news arrive later than a period and an eighth after they were
/// told, and two ways.
fn misses(beat: u64, jitter: u64) -> (u64, usize) {
    let mut play = Play::new(Pace::every(Duration::from_millis(beat)));
    play.jitter = Some((jitter, Host::seeded(beat + jitter).random()));
    play.ends[A].follow();
    let random = Host::seeded(beat).random();
    let mut time = 0;
    for item in 0..2000 {
        play.tell(time, A, [item]);
        play.tell(time, B, [item]);
        time += random.next() % beat;
    }
    (play.missed, play.arrivals.len())
}

#[test]
fn the_lead_follows_the_jitter_so_that_few_batches_miss_the_beat() {
    for (beat, jitter) in [(300, 10), (300, 50), (300, 100), (1200, 50), (1200, 100), (1200, 200)] {
        let (missed, sent) = misses(beat, jitter);
        println!("beat {beat} ms, jitter {jitter} ms: {missed} of {sent} missed");
        assert!(sent > 500 && missed * 200 <= sent as u64, "{missed} of {sent}");
    }
}

#[test]
fn for_a_batch_that_misses_the_beat_there_is_one_more_an_eighth_of_a_period_later() {
    for (delay, expected) in [(0, "2400 b 1[11] heard 2"), (250, "1700 b 1[11] heard 2")] {
        let mut play = Play::new(Pace::every(Duration::from_millis(800)));
        play.ends[A].follow();
        play.tell(50, A, [1]);
        play.tell(60, B, [10]);
        // A's news leaves for b's beat at 1600, with a lead of 200 ms.
        play.tell(1000, A, [2]);
        play.run(1350);
        play.on_way[0].0 += Duration::from_millis(delay);
        play.tell(1680, B, [11]);
        play.run(2500);
        let said = &play.said;
        assert_eq!(said[..3], ["50 a 0[1] heard 0", "800 b 0[10] heard 1", "1300 a 1[2] heard 1"]);
        assert_eq!(said[3], expected);
    }
}

#[test]
fn without_feedback_a_follower_speaks_at_once_and_others_on_the_beat() {
    let mut play = Play::new(Pace::every(Duration::from_millis(300)));
    play.ends[A].follow();
    play.tell(70, A, [1]);
    play.tell(170, B, [2]);
    play.tell(180, B, [3]);
    play.tell(210, A, [4]);
    play.check(&[
        "70 a 0[1] heard 0",
        "210 a 1[4] heard 0",
        "300 b 0[2, 3] heard 1",
        "1410 b 2[] heard 2",
        "1500 a 2[] heard 2",
    ]);
}

/// Which hard things have happened.
#[derive(Debug, Default)]
struct Happened {
    lost: u64,
    duplicated: u64,
    reordered: u64,
    restarts: u64,
    late: u64,
    overdue: u64,
}

/// Two ends, what they have been told, and what has reached them, whatever the network does.
struct Storm {
    random: Random,
    play: Play,
    /// What was told to each end, by its present life, and when.
    told: [Vec<(u64, Instant)>; 2],
    /// What has reached each end: in a former life, and in the present one.
    reached: [[BTreeSet<u64>; 2]; 2],
    born: [Instant; 2],
    /// Of which life of the other one each end has heard first, in its present life.
    met: [Option<u64>; 2],
    knows_again: [bool; 2],
    reported: [BTreeSet<u64>; 2],
    happened: Happened,
}

const STORM: Duration = Duration::from_secs(60);
const CALM: Duration = Duration::from_secs(30);

impl Storm {
    fn new(seed: u64, pace: Pace) -> Storm {
        let play = Play::new(pace);
        let born = [play.start; 2];
        let (told, reached) = (<[_; 2]>::default(), <[[_; 2]; 2]>::default());
        let (random, happened) = (Host::seeded(seed).random(), Happened::default());
        let (met, knows_again, reported) = ([None; 2], [false; 2], <[_; 2]>::default());
        Storm { random, play, told, reached, born, met, knows_again, reported, happened }
    }

    fn one_in(&self, count: u64) -> bool {
        self.random.next().is_multiple_of(count)
    }

    fn run(&mut self) {
        let start = self.play.start;
        for who in [A, B] {
            self.play.ends[who].greet(start);
        }
        let mut item = 0;
        for millis in 0.. {
            let now = self.play.at(millis);
            let is_stormy = now < start + STORM;
            if now > start + STORM + CALM {
                break;
            }
            for who in [A, B] {
                if is_stormy && self.one_in(800) {
                    item += 1;
                    self.play.ends[who].tell(now, [item]);
                    self.told[who].push((item, now));
                }
                if is_stormy && self.one_in(15_000) {
                    self.restart(now, who);
                }
                self.receive(now, who);
                while self.play.ends[who].due().is_some_and(|due| due <= now) {
                    self.emit(now, who, is_stormy);
                }
            }
        }
    }

    fn restart(&mut self, now: Instant, who: usize) {
        let play = &mut self.play;
        play.lives[who] += 1;
        play.ends[who] = Link::new(play.ends[who].pace, play.lives[who], play.start);
        play.ends[who].greet(now);
        self.told[who].clear();
        let present = std::mem::take(&mut self.reached[who][1]);
        self.reached[who][0].extend(present);
        (self.born[who], self.met[who], self.knows_again[who]) = (now, None, false);
        self.reported[who].clear();
        self.happened.restarts += 1;
    }

    fn receive(&mut self, now: Instant, who: usize) {
        let arrived = self.play.on_way.extract_if(.., |(at, to, _)| *at <= now && *to == who);
        for (_, _, batch) in arrived.collect::<Vec<_>>() {
            let link = &mut self.play.ends[who];
            self.happened.reordered += u64::from(batch.first > link.heard.contiguous());
            let received = link.receive(now, &batch);
            self.happened.late += u64::from(received.is_late);
            self.knows_again[who] |= received.is_again;
            self.met[who] = self.met[who].or(Some(batch.life));
            self.reached[who][1].extend(batch.news);
        }
    }

    fn emit(&mut self, now: Instant, who: usize, is_stormy: bool) {
        let (batch, late) = self.play.ends[who].emit(now, false);
        self.happened.overdue += late.len() as u64;
        let are_new = late.iter().all(|item| self.reported[who].insert(*item));
        assert!(are_new, "{late:?} was reported twice");
        let delay = |random: &Random| match random.next() % 4 {
            _ if !is_stormy => LATENCY,
            0 => Duration::from_millis(random.next() % 8000),
            _ => Duration::from_millis(random.next() % 200),
        };
        let is_duplicated = is_stormy && self.one_in(5);
        self.happened.duplicated += u64::from(is_duplicated);
        for _ in 0..=usize::from(is_duplicated) {
            if is_stormy && self.one_in(3) {
                self.happened.lost += 1;
            } else {
                let at = now + delay(&self.random);
                self.play.on_way.push((at, 1 - who, batch.clone()));
            }
        }
    }

    fn check(&self) {
        for (who, other) in [(A, B), (B, A)] {
            for (item, at) in &self.told[who] {
                let [former, present] = &self.reached[other];
                let has_arrived =
                    present.contains(item) || (*at < self.born[other] && former.contains(item));
                assert!(has_arrived, "{item} was lost");
            }
            let knew_former = self.met[who].is_some_and(|life| life < self.play.lives[other]);
            assert!(!knew_former || self.knows_again[other], "not told that it was reborn");
            let end = &self.play.ends[who];
            assert!(end.due().is_none() && end.queue.is_empty(), "not silent: {end:?}");
        }
    }
}

#[test]
fn whatever_the_network_does_and_whoever_restarts_everything_arrives_and_then_there_is_silence() {
    let mut all = Happened::default();
    for seed in 0..300 {
        println!("seed {seed}");
        let pace = if seed % 2 == 0 { PACE } else { Pace::every(Duration::from_millis(300)) };
        let mut storm = Storm::new(seed, pace);
        storm.run();
        storm.check();
        let happened = storm.happened;
        all.lost += happened.lost;
        all.duplicated += happened.duplicated;
        all.reordered += happened.reordered;
        all.restarts += happened.restarts;
        all.late += happened.late;
        all.overdue += happened.overdue;
    }
    println!("{all:?}");
    let Happened { lost, duplicated, reordered, restarts, late, overdue } = all;
    assert!(
        [lost, duplicated, reordered, restarts, late, overdue].iter().all(|count| *count > 100)
    );
}

#[test]
fn a_late_duplicate_for_a_former_life_acknowledges_nothing_of_the_new_stream() {
    let mut play = Play::new(PACE);
    play.tell(0, A, [1, 2]);
    let (_, to, batch) = play.on_way[0].clone();
    play.on_way.push((play.at(2100), to, batch));
    play.restart(2000, B);
    play.tell(2200, A, [3]);
    play.cut(2350, true);
    play.cut(2450, false);
    play.tell(2500, B, [10]);
    play.check(&[
        "0 a 0[1, 2] heard 0",
        "1500 b 0[] heard 2",
        "2200 a 2[3] heard 0",
        "2300 b 0[] heard 2",
        "2400 a 3[3] heard 0 again",
        "2500 b 0[10] heard 2",
        "4000 a 4[] heard 1 again",
        "4100 a 3[3] heard 1 again late [3]",
        "4200 b 1[] heard 4",
    ]);
}

#[test]
fn a_batch_of_nonsense_does_no_harm() {
    const NUMBERS: [u64; 4] = [0, 1, u64::MAX - 1, u64::MAX];
    let some = |number| (number > 0).then_some(number);
    for pace in [PACE, Pace::every(Duration::from_millis(300))] {
        for heard in NUMBERS {
            for first in NUMBERS {
                for again in NUMBERS {
                    let start = Instant::now();
                    let mut link = Link::new(pace, 0, start);
                    link.follow();
                    link.tell(start, [1, 2]);
                    link.emit(start, false);
                    let again = some(again);
                    for life in NUMBERS {
                        let news = vec![3, 4];
                        let (to, ask) = (Some(0), true);
                        let (ack_delay, aim) = (Some(heard), Some(Aim::Beat));
                        let waits = Some(Waits { up_to: 2, millis: heard });
                        let batch = Batch {
                            life,
                            to,
                            ask,
                            heard,
                            ack_delay,
                            first,
                            news,
                            again,
                            aim,
                            waits,
                        };
                        link.receive(start + LATENCY, &batch);
                        link.note_wait(&batch, Duration::MAX, true);
                        link.flush_also(start + LATENCY);
                        link.emit(start + LATENCY, false);
                    }
                    let now = start + Duration::from_secs(1);
                    link.tell(now, [5]);
                    assert!(link.due().is_some_and(|at| at <= now + pace.retry), "{link:?}");
                }
            }
        }
    }
}

/// The bytes of the news in a batch.
fn bytes<T: Clone + Serialize>(batch: &Batch<T>) -> usize {
    serde_json::to_string(&batch.news).unwrap().len()
}

/// An acknowledgement of news up to a position.
fn acknowledgement(heard: u64) -> Batch<String> {
    Batch {
        life: 0,
        to: Some(0),
        ask: false,
        heard,
        ack_delay: Some(0),
        first: 0,
        news: vec![],
        again: None,
        aim: None,
        waits: None,
    }
}

#[test]
fn a_long_backlog_leaves_in_batches_that_are_bounded_and_no_more_than_a_window_at_a_time() {
    let now = Instant::now();
    for pace in [PACE, Pace::every(Duration::from_secs(10))] {
        let mut link = Link::new(pace, 0, now);
        let third = "x".repeat(FULL / 3 - 10);
        let long = "x".repeat(8 << 20);
        let mut news = vec![third; 20];
        news.insert(4, long);
        link.tell(now, news.clone());
        let (mut told, mut sizes) = (Vec::new(), Vec::new());
        let mut later = now;
        while told.len() < news.len() {
            // Only what does not fill a batch waits for a beat.
            let due = link.due().unwrap();
            assert!(due <= later || told.len() + 1 == news.len(), "{:?}", due - later);
            later = later.max(due);
            let mut window = 0;
            while link.due().is_some_and(|due| due <= later) {
                let (batch, _) = link.emit(later, false);
                assert_eq!(batch.first, told.len() as u64);
                assert!(bytes(&batch) <= FULL || batch.news.len() == 1);
                assert!(window < 2 << 20, "{window} bytes are on their way");
                window += bytes(&batch);
                sizes.push(batch.news.len());
                told.extend(batch.news);
                // Who has more to tell has the acknowledgement come at once.
                assert_eq!(batch.ask, told.len() < news.len());
            }
            later += LATENCY;
            link.receive(later, &acknowledgement(told.len() as u64));
        }
        assert_eq!(sizes, [3, 1, 1, 3, 3, 3, 3, 3, 1]);
        assert_eq!(told, news);
    }
}

#[test]
fn a_transfer_that_takes_longer_than_the_time_out_is_repeated_less_and_less_often() {
    let start = Instant::now();
    let mut link = Link::new(PACE, 0, start);
    link.tell(start, vec!["x".repeat(SMALL); 3]);
    link.emit(start, false);
    let mut repeated = Vec::new();
    for _ in 0..5 {
        let due = link.due().unwrap();
        let (batch, _) = link.emit(due, false);
        assert_eq!((batch.first, batch.news.len()), (0, 1), "no more than a small batch");
        repeated.push((due - start).as_millis());
    }
    // 1.7 s, twice, and four times as much.
    assert_eq!(repeated, [1700, 5100, 11_900, 18_700, 25_500]);

    // All of it had arrived, and only its acknowledgement is late: nothing comes again.
    link.receive(start + Duration::from_secs(40), &acknowledgement(3));
    assert_eq!(link.due(), None);
    assert!(link.queue.is_empty() && !link.is_overdue());
}

#[test]
fn while_a_long_transfer_is_acknowledged_bit_by_bit_nothing_is_repeated() {
    let start = Instant::now();
    let mut link = Link::new(PACE, 0, start);
    link.tell(start, vec!["x".repeat(FULL - 10); 40]);
    let (mut now, mut sent) = (start, 0);
    let mut on_way = VecDeque::new();
    while sent < 40 {
        // A batch takes 1.5 s, and those behind it wait for it.
        while link.due().is_some_and(|due| due <= now) {
            let (batch, late) = link.emit(now, false);
            assert_eq!((batch.first, late), (sent, vec![]), "repeated at {:?}", now - start);
            sent += batch.news.len() as u64;
            on_way.push_back(sent);
        }
        let arrival = now + Duration::from_millis(1500);
        assert!(link.due().is_none_or(|due| due >= arrival), "due before {:?}", arrival - start);
        now = arrival;
        link.receive(now, &acknowledgement(on_way.pop_front().unwrap()));
    }
}

#[test]
fn what_is_owed_for_a_batch_without_news_does_not_hurry_a_later_acknowledgement() {
    let start = Instant::now();
    let at = |millis| start + Duration::from_millis(millis);
    let [mut link, mut child] = [0; 2].map(|life| Link::new(PACE, life, start));
    child.tell(start, ["x".to_owned()]);
    link.receive(at(0), &Batch { ask: true, ..acknowledgement(0) });
    link.emit(at(200), true);
    link.receive(at(1300), &child.emit(at(1300), false).0);
    // Nobody else has the news yet, whatever has been owed since 0.
    assert_eq!(link.emit(at(1500), true).0.heard, 0);
    assert_eq!(link.emit(at(2700), true).0.heard, 1, "but not forever");
}

#[test]
fn what_comes_out_of_order_is_not_sent_again() {
    let mut play = Play::new(PACE);
    play.tell(0, A, [1]);
    play.tell(10, A, [2]);
    play.tell(20, A, [3]);
    // The first comes last.
    play.on_way[0].0 += Duration::from_millis(400);
    play.check(&[
        "0 a 0[1] heard 0",
        "10 a 1[2] heard 0",
        "20 a 2[3] heard 0",
        "1510 b 0[] heard 3",
    ]);
}

#[test]
fn the_time_out_follows_round_trips_that_are_measured_without_the_delay_of_acknowledgements() {
    let start = Instant::now();
    let mut link = Link::new(PACE, 0, start);
    let mut now = start;
    let mut timeout = |round_trip: u64, delay: u64| {
        link.tell(now, ["x".to_owned()]);
        link.emit(now, false);
        now += Duration::from_millis(round_trip + delay);
        let ack_delay = Some(delay);
        link.receive(now, &Batch { ack_delay, ..acknowledgement(link.sent_to) });
        link.timeout().as_millis()
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
