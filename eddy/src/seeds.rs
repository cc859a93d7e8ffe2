//! The same test with many seeds: what happens once in a hundred runs should be found before it
//! happens to somebody.

use std::panic::{self, AssertUnwindSafe};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::{env, fmt, thread};

/// How many seeds are tried unless `EDDY_SEEDS` says otherwise. More find rarer faults and make
/// every `cargo test` slower.
const SEEDS: u64 = 4;

/// Runs `test` with the seeds from 0 on all cores, and gives what it returned, by seed.
///
/// `EDDY_SEEDS=500` in the environment sets how many, `EDDY_SEED=17` tries this one alone.
///
/// # Panics
/// If `test` does, after saying with which seed, and how to repeat it.
pub fn seeds<T: Send>(test: impl Fn(u64) -> T + Sync) -> Vec<T> {
    let (first, count) = match (number("EDDY_SEED"), number("EDDY_SEEDS")) {
        (Some(seed), _) => (seed, 1),
        (None, count) => (0, count.unwrap_or(SEEDS)),
    };
    let (next, failed) = (AtomicU64::new(first), AtomicBool::new(false));
    let results = Mutex::new(Vec::new());
    let name = thread::current().name().unwrap_or_default().to_owned();
    let work = || {
        while !failed.load(Ordering::Relaxed) {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= first.saturating_add(count) {
                break;
            }
            match panic::catch_unwind(AssertUnwindSafe(|| test(seed))) {
                Ok(result) => results.lock().expect("nobody panics here").push((seed, result)),
                Err(panic) => {
                    failed.store(true, Ordering::Relaxed);
                    eprintln!("seed {seed} failed; to repeat it: {}", Repeat { seed, name: &name });
                    panic::resume_unwind(panic);
                }
            }
        }
    };
    thread::scope(|scope| {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let workers: Vec<_> = (0..cores).map(|_| scope.spawn(work)).collect();
        for worker in workers {
            worker.join().unwrap_or_else(|panic| panic::resume_unwind(panic));
        }
    });
    let mut results = results.into_inner().expect("nobody panics here");
    results.sort_by_key(|(seed, _)| *seed);
    results.into_iter().map(|(_, result)| result).collect()
}

/// The command line that runs a test with one seed; with others, if it is not known which it was.
struct Repeat<'a> {
    seed: u64,
    name: &'a str,
}

impl fmt::Display for Repeat<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let program = env::current_exe().unwrap_or_default();
        write!(f, "EDDY_SEED={} {}", self.seed, program.display())?;
        // A test is told by its thread, but under --test-threads=1, all run on the first. Then what
        // was run is known only as a whole.
        match self.name {
            "" | "main" => env::args().skip(1).try_for_each(|word| write!(f, " {word}")),
            test => write!(f, " --exact {test}"),
        }
    }
}

/// A number from the environment.
///
/// # Panics
/// If the variable holds something else: to try other seeds than those asked for would be worse.
fn number(variable: &str) -> Option<u64> {
    let value = env::var(variable).ok()?;
    let number = value.parse();
    Some(number.unwrap_or_else(|_| panic!("{variable}={value:?}: expected a whole number")))
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
    fn the_command_that_repeats_a_test_names_it_or_runs_what_ran() {
        let program = env::current_exe().unwrap();
        let [named, unknown] = ["a::b", "main"].map(|name| Repeat { seed: 7, name }.to_string());
        assert_eq!(named, format!("EDDY_SEED=7 {} --exact a::b", program.display()));
        let words: Vec<String> = env::args().skip(1).map(|word| format!(" {word}")).collect();
        assert_eq!(unknown, format!("EDDY_SEED=7 {}{}", program.display(), words.concat()));
    }

    #[test]
    #[should_panic(expected = "is bad")]
    fn a_failure_is_passed_on() {
        seeds(|seed| assert!(seed == u64::MAX, "seed {seed} is bad"));
    }
}
