//! From a test that fails to the smallest one that fails in the same way.
//!
//! A test that has failed is run again and again with something taken away: strikes, time, nodes,
//! operations. What still fails likewise is taken for the next step, until nothing more can go
//! (Hildebrandt and Zeller, "Simplifying and Isolating Failure-Inducing Input", 2002). The strikes
//! that a nemesis drew are named first, so that each can go by itself. A smaller cluster draws
//! other numbers, so it is tried with several seeds. Everything depends on the test alone: who
//! repeats it finds the same.

mod progress;
mod smallest;

use std::time::Duration;

pub(crate) use self::progress::Progress;
pub(crate) use self::smallest::Smallest;
use self::smallest::size;
use crate::checker::judgement::Parts;
use crate::nemesis::Strike;
use crate::quiet::quietly;
use crate::report::Report;
use crate::service::is_service;
use crate::test::Test;

/// How many tests are run at most. More would seldom find a smaller one, and nobody waits for it.
const MOST_RUNS: u32 = 1000;

/// How many messages all these tests together may send, before no further one is begun. More would
/// take longer than people wait.
const MOST_MESSAGES: u64 = 3_000_000;

/// How many seeds are tried with fewer nodes or operations, besides the one that is known to fail.
/// More would spend the runs that there are on what does not fail; fewer would miss what a change
/// of the draws hides.
const SEEDS: u64 = 16;

/// The shortest time that a strike takes once its times are rounded.
const MILLISECOND: Duration = Duration::from_millis(1);

/// Makes a test smaller as long as it fails in the way of this one, and tells whoever waits;
/// `None` if this one holds, or if there is no way to run others.
pub(crate) fn smallest(
    report: &Report,
    holds: &dyn Fn(&Report) -> bool,
    progress: Option<Progress>,
) -> Option<Smallest> {
    if holds(report) {
        return None;
    }
    let named = Test {
        faults: [].into(),
        strikes: report.strikes.clone(),
        trace: false,
        ..report.test().clone()
    };
    let rerun = report.rerun()?;
    let warned = report.warnings.clone();
    let (test, report) = (report.test().clone(), report.clone());
    let mut search = Search {
        rerun,
        holds,
        parts: report.parts(),
        first: named.clone(),
        test,
        report,
        runs: 0,
        messages: 0,
        progress,
    };
    search.attempt(named);
    search.let_strikes_end_alone();
    search.round_times();
    loop {
        let before = search.test.clone();
        // First what makes all further tests take less.
        search.take_time_away();
        search.take_strikes_away();
        search.take_nodes_away();
        search.take_strikes_away();
        search.take_targets_away();
        search.take_time_from_strikes();
        search.take_time_before_strikes();
        search.take_time_away();
        search.take_operations_away();
        if search.test == before || search.is_over() {
            let limit = search.limit();
            let Search { test, report, runs, progress, .. } = search;
            if let Some(progress) = progress {
                progress.end(limit);
            }
            return Some(Smallest { test, report, runs, warned, limit });
        }
    }
}

/// The smallest test so far, and what was spent to find it.
struct Search<'a> {
    rerun: &'a dyn Fn(&Test) -> Report,
    holds: &'a dyn Fn(&Report) -> bool,
    parts: Parts,
    /// The test that has failed, with its strikes named.
    first: Test,
    test: Test,
    report: Report,
    runs: u32,
    messages: u64,
    progress: Option<Progress>,
}

impl Search<'_> {
    fn is_over(&self) -> bool {
        let is_given_up = self.progress.as_ref().is_some_and(Progress::is_given_up);
        self.limit().is_some() || is_given_up
    }

    /// What ends the search before there is no smaller test, if anything does.
    fn limit(&self) -> Option<&'static str> {
        if self.runs >= MOST_RUNS {
            Some("as many as are tried")
        } else if self.messages >= MOST_MESSAGES {
            Some("which sent as many messages as people wait for")
        } else {
            None
        }
    }

    /// Runs a test if there can be such a one, and takes it for the smallest if it fails likewise.
    fn attempt(&mut self, test: Test) -> bool {
        if self.is_over() || test.validate().is_err() {
            return false;
        }
        let report = quietly(|| (self.rerun)(&test));
        self.runs += 1;
        self.messages += report.all.sent;
        let fails_likewise = report.parts() == self.parts && !(self.holds)(&report);
        if let Some(progress) = &mut self.progress {
            if fails_likewise {
                let is_smaller = is_smaller(&test, &self.first);
                progress.found(&test, &report, is_smaller);
            }
            progress.tried(self.runs);
        }
        if fails_likewise {
            (self.test, self.report) = (test, report);
        }
        fails_likewise
    }

    /// The same with other seeds, too, because other numbers are drawn.
    fn attempt_with_seeds(&mut self, test: &Test) -> bool {
        let seeds = [test.seed].into_iter().chain(0..SEEDS);
        seeds.into_iter().any(|seed| self.attempt(Test { seed, ..test.clone() }))
    }

    /// Fewer strikes: all of them, halves, quarters, and in the end one by one.
    fn take_strikes_away(&mut self) {
        let mut length = self.test.strikes.len();
        while length > 0 {
            let mut from = 0;
            while from < self.test.strikes.len() {
                let mut strikes = self.test.strikes.clone();
                let until = strikes.len().min(from + length);
                strikes.drain(from..until);
                if !self.attempt(Test { strikes, ..self.test.clone() }) {
                    from += length;
                }
            }
            length /= 2;
        }
    }

    /// Nothing that ends all faults at once, since the strikes that are known end by themselves.
    fn let_strikes_end_alone(&mut self) {
        if self.test.faults.is_empty() && self.test.faults_until != Duration::MAX {
            self.attempt(Test { faults_until: Duration::MAX, ..self.test.clone() });
        }
    }

    /// Strikes at whole milliseconds, which is when a simulation wakes up anyway.
    fn round_times(&mut self) {
        let mut test = self.test.clone();
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

    /// A shorter test: half of it, a quarter less, an eighth less.
    fn take_time_away(&mut self) {
        for part in [2, 4, 8] {
            loop {
                let limit = self.test.time_limit;
                let time_limit = whole_milliseconds(limit.saturating_sub(limit / part));
                if time_limit.is_zero() || time_limit == limit {
                    break;
                }
                let mut test = Test { time_limit, ..self.test.clone() };
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

    /// Fewer nodes, the fewest first.
    fn take_nodes_away(&mut self) {
        let all = self.test.node_ids();
        let few = [1, 2, 3, 5, all.len() / 2, all.len() * 3 / 4, all.len() - 1];
        let sizes = few.into_iter().filter(|size| (1..all.len()).contains(size));
        for size in sizes {
            let left = Test {
                nodes: size,
                names: self.test.names.iter().take(size).cloned().collect(),
                ..self.test.clone()
            };
            // Those that go hand their strikes on.
            let ids = left.node_ids();
            let strikes = left.strikes.iter().map(|strike| on_fewer(strike, &all, &ids));
            let strikes = strikes.collect();
            if self.attempt_with_seeds(&Test { strikes, ..left }) {
                return;
            }
        }
    }

    /// Strikes that are aimed at fewer nodes.
    fn take_targets_away(&mut self) {
        for number in 0..self.test.strikes.len() {
            for name in self.test.strikes[number].harm.names() {
                let mut test = self.test.clone();
                let strike = &mut test.strikes[number];
                strike.harm = strike.harm.only(|other| other != name);
                if !strike.harm.names().is_empty() {
                    self.attempt(test);
                }
            }
        }
    }

    /// Strikes that take half of their time.
    fn take_time_from_strikes(&mut self) {
        for number in 0..self.test.strikes.len() {
            loop {
                let Strike { from, until, .. } = self.test.strikes[number];
                let time = whole_milliseconds(until.saturating_sub(from) / 2);
                let mut test = self.test.clone();
                test.strikes[number].until = from + time;
                if time.is_zero() || !self.attempt(test) {
                    break;
                }
            }
        }
    }

    /// Strikes that come earlier, each for itself and then all of them, so that the test can be
    /// shorter.
    fn take_time_before_strikes(&mut self) {
        let count = self.test.strikes.len();
        let each = (0..count).map(|number| number..number + 1);
        for those in each.chain(std::iter::once(0..count)) {
            loop {
                let mut test = self.test.clone();
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

    /// Half as many operations.
    fn take_operations_away(&mut self) {
        while self.test.rate > 1.0 {
            let rate = (self.test.rate / 2.0).ceil();
            if rate >= self.test.rate
                || !self.attempt_with_seeds(&Test { rate, ..self.test.clone() })
            {
                break;
            }
        }
    }
}

/// Whether a test has fewer of anything that another one has.
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

/// The same strike in a smaller cluster, where each node stands in for several.
fn on_fewer(strike: &Strike, all: &[String], left: &[String]) -> Strike {
    let stand_in = |name: &str| {
        if is_service(name) {
            return Some(name.to_owned());
        }
        let place = all.iter().position(|other| other == name).unwrap_or_default();
        Some(left[place % left.len()].clone())
    };
    Strike { harm: strike.harm.map(stand_in), ..strike.clone() }
}
