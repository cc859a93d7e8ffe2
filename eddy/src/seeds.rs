//! The same test with many seeds: what happens once in a hundred runs should be found before it
//! happens to somebody.
//!
//! Seeds are begun in their order, and after a failure no more are begun. So all below the one that
//! failed are already on their way, and once they have ended, the lowest seed that fails is known.
//! It is the same in every run, however the threads take turns.

use std::any::{Any, type_name_of_val};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::panic::{self, AssertUnwindSafe, Location};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::{env, thread};

use crate::checker::sentence::counted;
use crate::quiet::{self, quietly};
use crate::repeat;

mod progress;

use progress::Progress;

/// How many seeds are tried unless `EDDY_SEEDS` says otherwise. More find rarer faults and make
/// every `cargo test` slower.
const SEEDS: u64 = 4;

/// Runs `test` with the seeds from 0 on all cores, and gives what it returned, by seed.
///
/// There are 4, from 0 to 3, and STDERR says so. They find what goes wrong in most runs, soon
/// enough for every `cargo test`. What goes wrong in one run of a hundred they miss 24 times of 25:
/// 300 seeds find it 19 times of 20. So a node that is new, or a test that is, deserves hundreds
/// once.
///
/// `EDDY_SEEDS=500` in the environment sets how many, and shows how far they are; `EDDY_SEED=17`
/// tries this one alone.
///
/// # Panics
/// If `test` does, as it did with the lowest seed that fails, after saying which it was and how to
/// repeat it.
#[track_caller]
pub fn seeds<T: Send>(test: impl Fn(u64) -> T + Sync) -> Vec<T> {
    let location = Location::caller();
    let chosen = Chosen::new(variable("EDDY_SEED").as_deref(), variable("EDDY_SEEDS").as_deref())
        .unwrap_or_else(|error| panic!("{error}"));
    let closure = type_name_of_val(&test);
    let name = repeat::test_name(closure);
    let program = closure.split("::").next().unwrap_or_default();
    let title = &format!("{program}::{}", name.as_deref().unwrap_or("?"));
    if chosen.is_usual {
        progress::tell_usual(program, SEEDS);
    }
    let line = |seed| repeat::line(Some(seed), location, name.as_deref());

    let is_alone = chosen.seeds.start() == chosen.seeds.end();
    let lowest_that_failed = &Arc::new(AtomicU64::new(u64::MAX));
    let among = chosen.clone();
    let trials = Mutex::new(Trials::new(chosen, title));
    let next = || trials.lock().expect("nobody panics here").next();
    let work = || {
        while let Some(seed) = next() {
            // A thread for each seed, so that it is told in which one a panic was.
            let outcome = thread::scope(|scope| {
                let thread = thread::Builder::new().name(format!("seed {seed} of {title}"));
                let run = || {
                    repeat::remember(line(seed));
                    Trial { seed, lowest_that_failed: Arc::clone(lowest_that_failed) }.begin();
                    test(seed)
                };
                // Of several, only the lowest that fails is told.
                let run = move || {
                    // Whoever asked for a backtrace gets it, between lines of ours.
                    let is_told = is_alone && env::var_os("RUST_BACKTRACE").is_some();
                    let outcome = if is_told { Ok(run()) } else { quietly(|| caught(run)) };
                    outcome.map_err(|panic| (panic, quiet::last()))
                };
                let joined = thread.spawn_scoped(scope, run).expect("a thread can be started");
                joined.join().unwrap_or_else(|panic| Err((panic, None)))
            });
            trials.lock().expect("nobody panics here").end(seed, outcome);
        }
    };
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(work);
        }
    });
    let trials = trials.into_inner().expect("nobody panics here");
    let among = among.among(trials.outcomes.len());
    trials.results().unwrap_or_else(|(seed, (panic, text))| {
        if let Some(text) = text {
            eprintln!("\n{text}\n");
        }
        println!("seed {seed} failed{among}; to repeat it:\n{}", line(seed));
        panic::resume_unwind(panic)
    })
}

/// Which seeds are tried.
#[derive(Debug, Clone, PartialEq)]
struct Chosen {
    seeds: RangeInclusive<u64>,
    /// How many somebody asked for, who waits for them.
    awaited: Option<u64>,
    /// Whether nobody asked for any.
    is_usual: bool,
}

impl Chosen {
    /// What the values of `EDDY_SEED` and `EDDY_SEEDS` ask for. Nonsense is an error: to try other
    /// seeds than those asked for would be worse.
    fn new(seed: Option<&str>, count: Option<&str>) -> Result<Chosen, String> {
        let number = |name, value: &str| {
            value.parse().map_err(|_| format!("{name}={value:?}: expected a whole number"))
        };
        let seed = seed.map(|value| number("EDDY_SEED", value)).transpose()?;
        let count: Option<u64> = count.map(|value| number("EDDY_SEEDS", value)).transpose()?;
        let Some(last) = count.unwrap_or(SEEDS).checked_sub(1) else {
            return Err("EDDY_SEEDS=\"0\": expected 1 or more".to_owned());
        };
        Ok(match seed {
            Some(seed) => Chosen { seeds: seed..=seed, awaited: None, is_usual: false },
            None => Chosen { seeds: 0..=last, awaited: count, is_usual: count.is_none() },
        })
    }

    /// What follows "seed 2 failed", when so many were tried.
    fn among(&self, tried: usize) -> String {
        let (first, last) = (self.seeds.start(), self.seeds.end());
        if first == last {
            return String::new();
        }
        let count = counted(last - first + 1, "seed");
        format!(", the first to fail; {tried} of {count} were tried")
    }
}

fn variable(name: &str) -> Option<String> {
    env::var_os(name).map(|value| value.to_string_lossy().into_owned())
}

fn caught<T>(run: impl FnOnce() -> T) -> thread::Result<T> {
    panic::catch_unwind(AssertUnwindSafe(run))
}

/// A seed that a thread tries, of several.
#[derive(Clone)]
pub(crate) struct Trial {
    seed: u64,
    lowest_that_failed: Arc<AtomicU64>,
}

thread_local! {
    static TRIAL: RefCell<Option<Trial>> = const { RefCell::new(None) };
}

impl Trial {
    /// The seed that this thread was started for.
    pub(crate) fn of_this_thread() -> Option<Trial> {
        TRIAL.with_borrow(Clone::clone)
    }

    fn begin(self) {
        TRIAL.set(Some(self));
    }

    /// Notes that the seed has failed, although its test may go on for long.
    pub(crate) fn fail(&self) {
        self.lowest_that_failed.fetch_min(self.seed, Ordering::Relaxed);
    }

    /// Whether it is the one that is told in the end, as far as that is known.
    pub(crate) fn is_lowest_that_failed(&self) -> bool {
        self.lowest_that_failed.load(Ordering::Relaxed) == self.seed
    }
}

/// What a thread has panicked with, and what is to be said of it.
type Panic = (Box<dyn Any + Send>, Option<String>);

/// What came of a seed.
type Outcome<T> = Result<T, Panic>;

/// The seeds to be tried, and what came of those that were.
struct Trials<T> {
    left: RangeInclusive<u64>,
    outcomes: BTreeMap<u64, Outcome<T>>,
    has_failed: bool,
    progress: Option<Progress>,
}

impl<T> Trials<T> {
    fn new(chosen: Chosen, title: &str) -> Trials<T> {
        Trials {
            left: chosen.seeds,
            outcomes: BTreeMap::new(),
            has_failed: false,
            progress: chosen.awaited.map(|count| Progress::new(title, count)),
        }
    }

    /// The seed to begin with now.
    fn next(&mut self) -> Option<u64> {
        if self.has_failed { None } else { self.left.next() }
    }

    fn end(&mut self, seed: u64, outcome: Outcome<T>) {
        self.has_failed |= outcome.is_err();
        self.outcomes.insert(seed, outcome);
        self.progress.as_mut().map(Progress::advance);
    }

    /// What was returned, by seed; or the lowest that failed, and its panic.
    fn results(self) -> Result<Vec<T>, (u64, Panic)> {
        let in_order = self.outcomes.into_iter();
        let results: Result<Vec<T>, (u64, Panic)> =
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
        fn check(seed: Option<&str>, count: Option<&str>, expected: Result<Chosen, &str>) {
            assert_eq!(Chosen::new(seed, count), expected.map_err(str::to_owned));
        }
        let asked = |seeds, awaited| Ok(Chosen { seeds, awaited, is_usual: false });
        let usual = Chosen { seeds: 0..=SEEDS - 1, awaited: None, is_usual: true };
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
    fn the_lowest_seed_that_fails_is_told_whichever_fails_first() {
        let chosen = Chosen { seeds: 0..=9, awaited: None, is_usual: false };
        let mut trials = Trials::new(chosen, "a test");
        let begun: Vec<_> = (0..4).filter_map(|_| trials.next()).collect();
        assert_eq!(begun, [0, 1, 2, 3]);
        for (seed, outcome) in [(3, Err("3")), (0, Ok(())), (1, Err("1")), (2, Err("2"))] {
            trials.end(seed, outcome.map_err(|panic| (Box::new(panic) as _, None)));
            assert_eq!(trials.next(), None);
        }
        let (seed, panic) = trials.results().unwrap_err();
        assert_eq!((seed, panic.0.downcast_ref()), (1, Some(&"1")));
    }

    #[test]
    fn a_failure_tells_how_many_seeds_there_were() {
        #[track_caller]
        fn check(seeds: RangeInclusive<u64>, tried: usize, expected: &str) {
            let chosen = Chosen { seeds, awaited: None, is_usual: false };
            assert_eq!(chosen.among(tried), expected);
        }
        check(0..=3, 4, ", the first to fail; 4 of 4 seeds were tried");
        check(0..=199, 21, ", the first to fail; 21 of 200 seeds were tried");
        check(17..=17, 1, "");
    }

    #[test]
    fn of_seeds_that_fail_the_lowest_is_told() {
        let lowest_that_failed = Arc::new(AtomicU64::new(u64::MAX));
        let trial = |seed| Trial { seed, lowest_that_failed: Arc::clone(&lowest_that_failed) };
        let [low, high] = [trial(2), trial(3)];
        let told = || [&low, &high].map(Trial::is_lowest_that_failed);
        high.fail();
        assert_eq!(told(), [false, true]);
        low.fail();
        assert_eq!(told(), [true, false]);
        high.fail();
        assert_eq!(told(), [true, false]);
    }

    #[test]
    #[should_panic(expected = "is bad")]
    fn a_failure_is_passed_on() {
        seeds(|seed| assert!(seed == u64::MAX, "seed {seed} is bad"));
    }
}
