//! Shrinking: the search for the smallest test that fails in the same way as a given one.
//!
//! The failed test runs again and again with something removed: strikes, time, nodes, operations.
//! If a candidate still fails in the same way, it replaces the test. The search ends when nothing
//! more can be removed (Hildebrandt and Zeller, "Simplifying and Isolating Failure-Inducing Input",
//! 2002). Strikes that a nemesis drew are first written out, so that each can be removed by itself.
//! A smaller cluster draws other random numbers, so it is tried with several seeds. The search
//! depends on the test alone: repeated, it finds the same.

mod progress;
mod smallest;

use std::time::Duration;

pub(crate) use self::progress::SearchProgress;
pub(crate) use self::smallest::SmallestTest;
use self::smallest::size_text;
use crate::checkers::assessment::Validities;
use crate::nemesis::Strike;
use crate::panic_capture::capture_panics;
use crate::report::Report;
use crate::service::is_service;
use crate::test::Test;

/// Maximum number of tests that a search runs. More would seldom find a smaller one and take longer
/// than people wait; fewer would often miss one.
const MAX_RUNS: u32 = 1000;

/// Maximum number of messages that these tests may send together; above it no further test is
/// started. More would take longer than people wait; fewer would end the search of a large test too
/// early.
const MAX_MESSAGES: u64 = 3_000_000;

/// The seeds tried for each candidate with fewer nodes or operations, besides the seed that is
/// known to fail. More would spend the limited runs on candidates that do not fail; fewer would
/// miss failures that other random numbers hide.
const SEEDS_PER_CANDIDATE: u64 = 16;

/// Minimum length of a strike after its times are rounded.
const MILLISECOND: Duration = Duration::from_millis(1);

/// Shrinks the test of a report while it fails in the same way, and prints the progress. `None` if
/// `holds` is true of the report, or if its nodes cannot run again.
pub(crate) fn find_smallest(
    report: &Report,
    holds: &dyn Fn(&Report) -> bool,
    progress: Option<SearchProgress>,
) -> Option<SmallestTest> {
    if holds(report) {
        return None;
    }
    let with_scheduled_strikes = Test {
        faults: [].into(),
        strikes: report.strikes.clone(),
        trace: false,
        ..report.test().clone()
    };
    let rerun = report.rerun()?;
    let known_warnings = report.warnings.clone();
    let (smallest, smallest_report) = (report.test().clone(), report.clone());
    let mut shrinker = Shrinker {
        rerun,
        holds,
        validities: smallest_report.validities(),
        original: with_scheduled_strikes.clone(),
        smallest,
        smallest_report,
        runs: 0,
        messages_sent: 0,
        progress,
    };
    shrinker.attempt(with_scheduled_strikes);
    shrinker.remove_common_fault_end();
    shrinker.round_strike_times();
    loop {
        let before = shrinker.smallest.clone();
        // First the removals that make all later tests faster.
        shrinker.shorten_test();
        shrinker.remove_strikes();
        shrinker.remove_nodes();
        shrinker.remove_strikes();
        shrinker.remove_targets();
        shrinker.shorten_strikes();
        shrinker.move_strikes_earlier();
        shrinker.shorten_test();
        shrinker.reduce_rate();
        if shrinker.smallest == before || shrinker.is_over() {
            let limit = shrinker.limit();
            let Shrinker { smallest: test, smallest_report: report, runs, progress, .. } = shrinker;
            if let Some(progress) = progress {
                progress.finish(limit.as_deref());
            }
            return Some(SmallestTest { test, report, runs, known_warnings, limit });
        }
    }
}

/// The state of the search: the smallest failing test so far, and the runs and messages spent.
struct Shrinker<'a> {
    rerun: &'a dyn Fn(&Test) -> Report,
    holds: &'a dyn Fn(&Report) -> bool,
    validities: Validities,
    /// The test that failed, with its drawn strikes written out.
    original: Test,
    smallest: Test,
    smallest_report: Report,
    runs: u32,
    messages_sent: u64,
    progress: Option<SearchProgress>,
}

impl Shrinker<'_> {
    fn is_over(&self) -> bool {
        let is_obsolete = self.progress.as_ref().is_some_and(SearchProgress::is_obsolete);
        self.limit().is_some() || is_obsolete
    }

    /// The limit that the search has reached, if any. There may be smaller tests then.
    fn limit(&self) -> Option<String> {
        if self.runs >= MAX_RUNS {
            Some(format!("{MAX_RUNS} tests"))
        } else if self.messages_sent >= MAX_MESSAGES {
            Some(format!("{MAX_MESSAGES} messages"))
        } else {
            None
        }
    }

    /// Runs a candidate, if it is a valid test. If it fails in the same way, it becomes the
    /// smallest.
    fn attempt(&mut self, test: Test) -> bool {
        if self.is_over() || test.validate().is_err() {
            return false;
        }
        let report = capture_panics(|| (self.rerun)(&test));
        self.runs += 1;
        self.messages_sent += report.traffic.all.sent;
        let fails_alike = report.validities() == self.validities && !(self.holds)(&report);
        if let Some(progress) = &mut self.progress {
            if fails_alike {
                let is_smaller = is_smaller(&test, &self.original);
                progress.candidate_found(&test, &report, is_smaller);
            }
            progress.attempt_done(self.runs);
        }
        if fails_alike {
            (self.smallest, self.smallest_report) = (test, report);
        }
        fails_alike
    }

    /// Tries a candidate with several seeds, because it draws other random numbers than before.
    fn attempt_with_seeds(&mut self, test: &Test) -> bool {
        let seeds = [test.seed].into_iter().chain(0..SEEDS_PER_CANDIDATE);
        seeds.into_iter().any(|seed| self.attempt(Test { seed, ..test.clone() }))
    }

    /// Removes strikes: all of them, halves, quarters, and in the end one by one.
    fn remove_strikes(&mut self) {
        let mut length = self.smallest.strikes.len();
        while length > 0 {
            let mut from = 0;
            while from < self.smallest.strikes.len() {
                let mut strikes = self.smallest.strikes.clone();
                let until = strikes.len().min(from + length);
                strikes.drain(from..until);
                if !self.attempt(Test { strikes, ..self.smallest.clone() }) {
                    from += length;
                }
            }
            length /= 2;
        }
    }

    /// Removes the common end of all faults, since each scheduled strike has an end of its own.
    fn remove_common_fault_end(&mut self) {
        if self.smallest.faults.is_empty() && self.smallest.faults_until != Duration::MAX {
            self.attempt(Test { faults_until: Duration::MAX, ..self.smallest.clone() });
        }
    }

    /// Rounds the times of strikes to milliseconds, the resolution of a simulation's timers.
    fn round_strike_times(&mut self) {
        let mut test = self.smallest.clone();
        let over = test.time_limit.min(test.faults_until);
        for strike in &mut test.strikes {
            if next_millisecond(strike.from) >= over {
                continue;
            }
            [strike.from, strike.until] = [strike.from, strike.until].map(next_millisecond);
            strike.until = strike.until.max(strike.from.saturating_add(MILLISECOND));
        }
        self.attempt(test);
    }

    /// Shortens the test: by half, by a quarter, by an eighth.
    fn shorten_test(&mut self) {
        for part in [2, 4, 8] {
            loop {
                let limit = self.smallest.time_limit;
                let time_limit = whole_milliseconds(limit.saturating_sub(limit / part));
                if time_limit.is_zero() || time_limit == limit {
                    break;
                }
                let mut test = Test { time_limit, ..self.smallest.clone() };
                test.strikes.retain(|strike| strike.from < time_limit);
                for strike in &mut test.strikes {
                    strike.until = strike.until.min(time_limit);
                }
                if !self.attempt(test) {
                    break;
                }
            }
        }
    }

    /// Removes nodes; the smallest cluster is tried first.
    fn remove_nodes(&mut self) {
        let all = self.smallest.node_ids();
        let few = [1, 2, 3, 5, all.len() / 2, all.len() * 3 / 4, all.len() - 1];
        let sizes = few.into_iter().filter(|size| (1..all.len()).contains(size));
        for size in sizes {
            let left = Test {
                nodes: size,
                ids: self.smallest.ids.iter().take(size).cloned().collect(),
                ..self.smallest.clone()
            };
            // The remaining nodes take over the strikes of the removed ones.
            let ids = left.node_ids();
            let strikes = left.strikes.iter().map(|strike| retarget(strike, &all, &ids));
            let strikes = strikes.collect();
            if self.attempt_with_seeds(&Test { strikes, ..left }) {
                return;
            }
        }
    }

    /// Removes nodes from the targets of each strike.
    fn remove_targets(&mut self) {
        for number in 0..self.smallest.strikes.len() {
            for name in self.smallest.strikes[number].effect.targets() {
                let mut test = self.smallest.clone();
                let strike = &mut test.strikes[number];
                strike.effect = strike.effect.restricted_to(|other| other != name);
                if !strike.effect.targets().is_empty() {
                    self.attempt(test);
                }
            }
        }
    }

    /// Halves the length of each strike, as often as the test still fails.
    fn shorten_strikes(&mut self) {
        for number in 0..self.smallest.strikes.len() {
            loop {
                let Strike { from, until, .. } = self.smallest.strikes[number];
                let time = whole_milliseconds(until.saturating_sub(from) / 2);
                let mut test = self.smallest.clone();
                test.strikes[number].until = from + time;
                if time.is_zero() || !self.attempt(test) {
                    break;
                }
            }
        }
    }

    /// Moves strikes to earlier times, each by itself and then all together, so that the test can
    /// be shorter.
    fn move_strikes_earlier(&mut self) {
        let count = self.smallest.strikes.len();
        let each = (0..count).map(|number| number..number + 1);
        for those in each.chain(std::iter::once(0..count)) {
            loop {
                let mut test = self.smallest.clone();
                let strikes = &mut test.strikes[those.clone()];
                let first = strikes.iter().map(|strike| strike.from).min().unwrap_or_default();
                let earlier = first.saturating_sub(whole_milliseconds(first / 2));
                for strike in strikes {
                    strike.from -= earlier;
                    strike.until -= earlier;
                }
                if earlier.is_zero() || !self.attempt_with_seeds(&test) {
                    break;
                }
            }
        }
    }

    /// Halves the rate of operations, as often as the test still fails.
    fn reduce_rate(&mut self) {
        while self.smallest.rate > 1.0 {
            let rate = (self.smallest.rate / 2.0).ceil();
            if rate >= self.smallest.rate
                || !self.attempt_with_seeds(&Test { rate, ..self.smallest.clone() })
            {
                break;
            }
        }
    }
}

/// True if a test is smaller than another one in at least one respect.
fn is_smaller(test: &Test, other: &Test) -> bool {
    test.strikes.len() < other.strikes.len()
        || test.time_limit < other.time_limit
        || test.node_ids().len() < other.node_ids().len()
        || test.rate < other.rate
}

fn whole_milliseconds(time: Duration) -> Duration {
    Duration::from_millis(u64::try_from(time.as_millis()).unwrap_or(u64::MAX))
}

fn next_millisecond(time: Duration) -> Duration {
    whole_milliseconds(time.saturating_add(Duration::from_nanos(999_999)))
}

/// The same strike in a smaller cluster, where each node replaces several of the larger one.
fn retarget(strike: &Strike, all: &[String], left: &[String]) -> Strike {
    let stand_in = |name: &str| {
        if is_service(name) {
            return Some(name.to_owned());
        }
        let place = all.iter().position(|other| other == name).unwrap_or_default();
        Some(left[place % left.len()].clone())
    };
    Strike { effect: strike.effect.map_targets(stand_in), ..strike.clone() }
}
