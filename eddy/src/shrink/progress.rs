//! The progress of the search for a smaller failing test, on STDERR.
//!
//! The test harness shows a panic only when all tests have ended. So the verdict is printed on
//! STDERR at once, and each smaller test as Rust when it is found: whoever interrupts the run keeps
//! it. A test with many strikes fills a screen, and early in the search smaller tests follow each
//! other quickly. So the output is rate-limited: the longer the text, the longer the pause before
//! it. The first smaller test is printed at once, since without it an interrupted search leaves
//! only the seed.

use std::thread;
use std::time::{Duration, Instant};

use eddy_text::printable::printable;
use indicatif::{ProgressBar, ProgressStyle};

use super::size_text;
use crate::checkers::wording::counted;
use crate::report::Report;
use crate::seeds::SeedRun;
use crate::test::Test;
use crate::test::rust::RustSource;
use crate::uncaptured::{self, LOG_INTERVAL, print_lines};

/// The mean rate of output on a terminal. More is faster than people read; with less, the last test
/// printed is far from the smallest when somebody interrupts the search.
const BYTES_PER_SECOND: u32 = 200;

/// The mean rate of output without a terminal. More would hide the failures in a log; with less,
/// the log ends with a test far from the smallest.
const BYTES_PER_SECOND_OF_LOG: u32 = 100;

/// The progress of one search, as printed for whoever waits for it.
pub(crate) struct SearchProgress {
    /// The name of the test, several of which may run side by side.
    name: String,
    began: Instant,
    rate_limit: RateLimit,
    /// True if a test was found that is smaller than the failed one, not the same test with its
    /// drawn strikes written out.
    found_smaller: bool,
    last_output: Instant,
    /// The text of the smallest test so far, until it is printed.
    pending: Option<String>,
    tried: u32,
    is_terminal: bool,
    bar: ProgressBar,
    /// The run of one seed among several that this search belongs to, if any.
    seed_run: Option<SeedRun>,
}

impl SearchProgress {
    /// Prints the beginning of a search, with the `lines` of the verdict.
    pub(crate) fn new(lines: &str) -> SearchProgress {
        let is_terminal = uncaptured::is_terminal();
        let seed_run = SeedRun::current();
        if let Some(seed_run) = &seed_run {
            seed_run.mark_failed();
        }
        let style = ProgressStyle::with_template("{spinner} {elapsed}, {wide_msg}")
            .unwrap_or_else(|_| ProgressStyle::default_spinner());
        let now = Instant::now();
        let progress = SearchProgress {
            name: thread::current().name().unwrap_or("?").to_owned(),
            began: now,
            rate_limit: RateLimit {
                bytes_per_second: if is_terminal {
                    BYTES_PER_SECOND
                } else {
                    BYTES_PER_SECOND_OF_LOG
                },
                last_write: Some(Duration::ZERO),
            },
            found_smaller: false,
            last_output: now,
            pending: None,
            tried: 0,
            is_terminal,
            bar: uncaptured::show_bar(ProgressBar::new_spinner(), style),
            seed_run,
        };
        let stop = if is_terminal {
            " Ctrl-C stops the search; the last test printed is the smallest."
        } else {
            ""
        };
        progress.print(&format!(
            "\n{}: {lines}\nLooking for smaller tests that fail in the same way.{stop}",
            progress.name
        ));
        progress
    }

    /// Records that one more test ran.
    pub(super) fn attempt_done(&mut self, tried: u32) {
        self.tried = tried;
        let tried = format!("{} tried", counted(u64::from(tried), "smaller test"));
        self.bar.set_message(format!("{tried}: {}", self.name));
        let elapsed = self.began.elapsed();
        if self.pending.as_ref().is_some_and(|text| self.rate_limit.allows(elapsed, text.len())) {
            self.print_pending();
        }
        if !self.is_terminal && self.last_output.elapsed() >= LOG_INTERVAL {
            self.last_output = Instant::now();
            self.print(&format!("{}: {tried}", self.name));
        }
    }

    /// Records the smallest failing test so far. `is_smaller` tells if it is smaller than the
    /// failed test itself.
    pub(super) fn candidate_found(&mut self, test: &Test, report: &Report, is_smaller: bool) {
        if is_smaller && !self.found_smaller {
            self.found_smaller = true;
            self.rate_limit.last_write = None;
        }
        let rust = RustSource(test).to_string();
        let (size, tried, name) = (size_text(test, report), self.tried + 1, &self.name);
        let head = format!("{name}: smaller, with {size} ({tried} tried):");
        self.pending = Some(if self.is_terminal {
            format!("\n{head}\n{rust}")
        } else {
            let line: Vec<&str> = rust.lines().map(str::trim).collect();
            format!("{head} {}", line.join(" "))
        });
    }

    /// True if a lower seed has failed, so that nobody needs this search any more.
    pub(super) fn is_obsolete(&self) -> bool {
        self.seed_run.as_ref().is_some_and(|seed_run| !seed_run.is_lowest_failed())
    }

    /// Prints the end of the search: no smaller test exists, or this `limit` was reached.
    pub(super) fn finish(mut self, limit: Option<&str>) {
        if self.is_obsolete() {
            return self.print_stopped();
        }
        self.print_pending();
        let seconds = self.began.elapsed().as_secs_f64();
        let (name, tests) = (&self.name, counted(u64::from(self.tried), "test"));
        let ended = match limit {
            Some(limit) => format!("stopped after {tests} at its limit of {limit}"),
            None => format!("no smaller test among {tests}"),
        };
        self.print(&format!(
            "{name}: {ended}, after {seconds:.1} s; the failure shows its history when all tests \
             have ended"
        ));
    }

    /// Prints that the search stops, because only the lowest seed that fails is reported.
    fn print_stopped(&self) {
        uncaptured::clear_bar(&self.bar);
        print_lines(&printable(&format!("{}: stopped, because a lower seed fails too", self.name)));
    }

    fn print_pending(&mut self) {
        if let Some(text) = self.pending.take() {
            self.last_output = Instant::now();
            self.print(&text);
        }
    }

    /// Prints lines, unless a lower seed has failed.
    fn print(&self, lines: &str) {
        if self.seed_run.as_ref().is_none_or(SeedRun::is_lowest_failed) {
            print_lines(&printable(lines));
        } else {
            uncaptured::clear_bar(&self.bar);
        }
    }
}

impl Drop for SearchProgress {
    fn drop(&mut self) {
        uncaptured::clear_bar(&self.bar);
    }
}

/// A rate limit of the output, in bytes per second.
struct RateLimit {
    bytes_per_second: u32,
    last_write: Option<Duration>,
}

impl RateLimit {
    fn allows(&mut self, now: Duration, bytes: usize) -> bool {
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        let pause = Duration::from_secs(1) * bytes / self.bytes_per_second;
        let is_time = self.last_write.is_none_or(|last| now.saturating_sub(last) >= pause);
        if is_time {
            self.last_write = Some(now);
        }
        is_time
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_longer_text_needs_a_longer_pause_before_it() {
        let mut rate_limit = RateLimit { bytes_per_second: 200, last_write: None };
        let mut check = |milliseconds, bytes, expected| {
            let now = Duration::from_millis(milliseconds);
            assert_eq!(rate_limit.allows(now, bytes), expected, "{bytes} at {milliseconds} ms");
        };
        check(7, 2_000, true);
        check(1_006, 200, false);
        check(1_007, 200, true);
        check(1_500, 100, false);
        check(1_507, 100, true);
        check(11_506, 2_000, false);
        check(11_507, 2_000, true);
    }
}
