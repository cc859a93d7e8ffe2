//! Runs of one test with many seeds, to find mistakes that show only once in a hundred runs.
//!
//! Seeds start in ascending order, and after a failure no more start. So all seeds below the failed
//! one are running or done, and when they have ended, the lowest seed that fails is known. It is
//! the same in every run, however the threads are scheduled.

use std::any::{Any, type_name_of_val};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::panic::{self, AssertUnwindSafe, Location};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::{env, thread};

use crate::checkers::wording::counted;
use crate::panic_capture::{self, capture_panics};
use crate::repro_command;

mod progress;

use progress::SeedProgress;

/// The number of seeds unless `EDDY_SEEDS` sets it. More find rarer mistakes and make every `cargo
/// test` slower.
const DEFAULT_SEEDS: u64 = 4;

/// Runs `test` with the seeds 0 to 3, on all cores, and returns its results in the order of the
/// seeds.
///
/// Four seeds find mistakes that show in most runs, fast enough for every `cargo test`. A mistake
/// that shows in one run of a hundred they miss 24 times out of 25; 300 seeds find it 19 times out
/// of 20. So run hundreds of seeds once for each new node and each new test. STDERR says that only
/// four were tried.
///
/// `EDDY_SEEDS=500` in the environment sets the number of seeds, and shows the progress.
/// `EDDY_SEED=17` runs this seed alone.
///
/// # Panics
/// If `test` panics: with the panic of the lowest seed that fails, after printing that seed and the
/// command that repeats it.
#[track_caller]
pub fn seeds<T: Send>(test: impl Fn(u64) -> T + Sync) -> Vec<T> {
    let location = Location::caller();
    let chosen = SeedChoice::new(env_var("EDDY_SEED").as_deref(), env_var("EDDY_SEEDS").as_deref())
        .unwrap_or_else(|error| panic!("{error}"));
    let closure = type_name_of_val(&test);
    let name = repro_command::test_name(closure);
    let program = closure.split("::").next().unwrap_or_default();
    let title = &format!("{program}::{}", name.as_deref().unwrap_or("?"));
    if chosen.is_default {
        progress::print_default_count(program, DEFAULT_SEEDS);
    }
    let command = |seed| repro_command::for_test(Some(seed), location, name.as_deref());

    let is_alone = chosen.seeds.start() == chosen.seeds.end();
    let lowest_failed = &Arc::new(AtomicU64::new(u64::MAX));
    let choice = chosen.clone();
    let queue = Mutex::new(SeedQueue::new(chosen, title));
    let next = || queue.lock().expect("nobody panics here").next();
    let work = || {
        while let Some(seed) = next() {
            // A thread for each seed, whose name is in the message of its panic.
            let outcome = thread::scope(|scope| {
                let thread = thread::Builder::new().name(format!("seed {seed} of {title}"));
                let run = || {
                    repro_command::set_for_thread(command(seed));
                    SeedRun { seed, lowest_failed: Arc::clone(lowest_failed) }.set_current();
                    test(seed)
                };
                // Of several seeds, only the lowest that fails is reported.
                let run = move || {
                    // With RUST_BACKTRACE the usual hook prints the panic, with a backtrace.
                    let is_shown = is_alone && env::var_os("RUST_BACKTRACE").is_some();
                    let outcome =
                        if is_shown { Ok(run()) } else { capture_panics(|| catch_panic(run)) };
                    outcome.map_err(|panic| (panic, panic_capture::take_last_message()))
                };
                let joined = thread.spawn_scoped(scope, run).expect("a thread can be started");
                joined.join().unwrap_or_else(|panic| Err((panic, None)))
            });
            queue.lock().expect("nobody panics here").record(seed, outcome);
        }
    };
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(work);
        }
    });
    let queue = queue.into_inner().expect("nobody panics here");
    let among = choice.tried_text(queue.outcomes.len());
    queue.results().unwrap_or_else(|(seed, (panic, text))| {
        if let Some(text) = text {
            eprintln!("\n{text}\n");
        }
        println!("seed {seed} failed{among}; to repeat it:\n{}", command(seed));
        panic::resume_unwind(panic)
    })
}

/// The seeds to run, as chosen by the environment.
#[derive(Debug, Clone, PartialEq)]
struct SeedChoice {
    seeds: RangeInclusive<u64>,
    /// The number of seeds that `EDDY_SEEDS` asks for, if it is set: then the progress is shown.
    requested: Option<u64>,
    /// True if neither variable is set.
    is_default: bool,
}

impl SeedChoice {
    /// Parses the values of `EDDY_SEED` and `EDDY_SEEDS`. A bad value is an error: to run other
    /// seeds than the requested ones would be worse.
    fn new(seed: Option<&str>, count: Option<&str>) -> Result<SeedChoice, String> {
        let number = |name, value: &str| {
            value.parse().map_err(|_| format!("{name}={value:?}: expected a whole number"))
        };
        let seed = seed.map(|value| number("EDDY_SEED", value)).transpose()?;
        let count: Option<u64> = count.map(|value| number("EDDY_SEEDS", value)).transpose()?;
        let Some(last) = count.unwrap_or(DEFAULT_SEEDS).checked_sub(1) else {
            return Err("EDDY_SEEDS=\"0\": expected 1 or more".to_owned());
        };
        Ok(match seed {
            Some(seed) => SeedChoice { seeds: seed..=seed, requested: None, is_default: false },
            None => SeedChoice { seeds: 0..=last, requested: count, is_default: count.is_none() },
        })
    }

    /// The text that follows "seed 2 failed": how many seeds were tried, of how many.
    fn tried_text(&self, tried: usize) -> String {
        let (first, last) = (self.seeds.start(), self.seeds.end());
        if first == last {
            return String::new();
        }
        let count = counted(last - first + 1, "seed");
        format!(", the first to fail; {tried} of {count} were tried")
    }
}

fn env_var(name: &str) -> Option<String> {
    env::var_os(name).map(|value| value.to_string_lossy().into_owned())
}

fn catch_panic<T>(run: impl FnOnce() -> T) -> thread::Result<T> {
    panic::catch_unwind(AssertUnwindSafe(run))
}

/// The run of one seed among several, as its thread knows it.
#[derive(Clone)]
pub(crate) struct SeedRun {
    seed: u64,
    lowest_failed: Arc<AtomicU64>,
}

thread_local! {
    static SEED_RUN: RefCell<Option<SeedRun>> = const { RefCell::new(None) };
}

impl SeedRun {
    /// The seed run that this thread was started for.
    pub(crate) fn current() -> Option<SeedRun> {
        SEED_RUN.with_borrow(Clone::clone)
    }

    fn set_current(self) {
        SEED_RUN.set(Some(self));
    }

    /// Records that the seed has failed, although its test may go on with a search for long.
    pub(crate) fn mark_failed(&self) {
        self.lowest_failed.fetch_min(self.seed, Ordering::Relaxed);
    }

    /// True if this seed is the lowest known to fail, so that it is the one to report.
    pub(crate) fn is_lowest_failed(&self) -> bool {
        self.lowest_failed.load(Ordering::Relaxed) == self.seed
    }
}

/// The payload of a caught panic, and its message with thread and location.
type CaughtPanic = (Box<dyn Any + Send>, Option<String>);

/// The result of one seed.
type SeedOutcome<T> = Result<T, CaughtPanic>;

/// The seeds that have not started, and the outcomes of those that have ended.
struct SeedQueue<T> {
    remaining: RangeInclusive<u64>,
    outcomes: BTreeMap<u64, SeedOutcome<T>>,
    has_failed: bool,
    progress: Option<SeedProgress>,
}

impl<T> SeedQueue<T> {
    fn new(chosen: SeedChoice, title: &str) -> SeedQueue<T> {
        SeedQueue {
            remaining: chosen.seeds,
            outcomes: BTreeMap::new(),
            has_failed: false,
            progress: chosen.requested.map(|count| SeedProgress::new(title, count)),
        }
    }

    /// The next seed to run, unless one has failed.
    fn next(&mut self) -> Option<u64> {
        if self.has_failed { None } else { self.remaining.next() }
    }

    fn record(&mut self, seed: u64, outcome: SeedOutcome<T>) {
        self.has_failed |= outcome.is_err();
        self.outcomes.insert(seed, outcome);
        self.progress.as_mut().map(SeedProgress::advance);
    }

    /// The results in the order of the seeds; or the lowest seed that failed, and its panic.
    fn results(self) -> Result<Vec<T>, (u64, CaughtPanic)> {
        let in_order = self.outcomes.into_iter();
        let results: Result<Vec<T>, (u64, CaughtPanic)> =
            in_order.map(|(seed, outcome)| outcome.map_err(|panic| (seed, panic))).collect();
        if let Some(progress) = self.progress {
            progress.finish(results.as_ref().err().map(|(seed, _)| *seed));
        }
        results
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_the_order_of_their_seeds() {
        let results = seeds(|seed| seed);
        assert!(!results.is_empty());
        assert!(results.is_sorted(), "{results:?}");
    }

    #[test]
    fn the_environment_chooses_the_seeds() {
        #[track_caller]
        fn check(seed: Option<&str>, count: Option<&str>, expected: Result<SeedChoice, &str>) {
            assert_eq!(SeedChoice::new(seed, count), expected.map_err(str::to_owned));
        }
        let asked = |seeds, requested| Ok(SeedChoice { seeds, requested, is_default: false });
        let usual = SeedChoice { seeds: 0..=DEFAULT_SEEDS - 1, requested: None, is_default: true };
        check(None, None, Ok(usual));
        check(None, Some("500"), asked(0..=499, Some(500)));
        check(Some("17"), None, asked(17..=17, None));
        check(Some("17"), Some("500"), asked(17..=17, None));
        let last = &u64::MAX.to_string();
        check(Some(last), None, asked(u64::MAX..=u64::MAX, None));
        check(Some("x"), None, Err("EDDY_SEED=\"x\": expected a whole number"));
        check(None, Some(""), Err("EDDY_SEEDS=\"\": expected a whole number"));
        check(None, Some("-1"), Err("EDDY_SEEDS=\"-1\": expected a whole number"));
        check(None, Some("0"), Err("EDDY_SEEDS=\"0\": expected 1 or more"));
    }

    #[test]
    fn the_lowest_seed_that_fails_is_reported_whichever_fails_first() {
        let chosen = SeedChoice { seeds: 0..=9, requested: None, is_default: false };
        let mut queue = SeedQueue::new(chosen, "a test");
        let begun: Vec<_> = (0..4).filter_map(|_| queue.next()).collect();
        assert_eq!(begun, [0, 1, 2, 3]);
        for (seed, outcome) in [(3, Err("3")), (0, Ok(())), (1, Err("1")), (2, Err("2"))] {
            queue.record(seed, outcome.map_err(|panic| (Box::new(panic) as _, None)));
            assert_eq!(queue.next(), None);
        }
        let (seed, panic) = queue.results().unwrap_err();
        assert_eq!((seed, panic.0.downcast_ref()), (1, Some(&"1")));
    }

    #[test]
    fn a_failure_says_how_many_seeds_were_tried() {
        #[track_caller]
        fn check(seeds: RangeInclusive<u64>, tried: usize, expected: &str) {
            let chosen = SeedChoice { seeds, requested: None, is_default: false };
            assert_eq!(chosen.tried_text(tried), expected);
        }
        check(0..=3, 4, ", the first to fail; 4 of 4 seeds were tried");
        check(0..=199, 21, ", the first to fail; 21 of 200 seeds were tried");
        check(17..=17, 1, "");
    }

    #[test]
    fn only_the_lowest_seed_that_has_failed_is_reported() {
        let lowest_failed = Arc::new(AtomicU64::new(u64::MAX));
        let trial = |seed| SeedRun { seed, lowest_failed: Arc::clone(&lowest_failed) };
        let [low, high] = [trial(2), trial(3)];
        let told = || [&low, &high].map(SeedRun::is_lowest_failed);
        high.mark_failed();
        assert_eq!(told(), [false, true]);
        low.mark_failed();
        assert_eq!(told(), [true, false]);
        high.mark_failed();
        assert_eq!(told(), [true, false]);
    }

    #[test]
    #[should_panic(expected = "is bad")]
    fn a_failure_is_passed_on() {
        seeds(|seed| assert!(seed == u64::MAX, "seed {seed} is bad"));
    }
}
