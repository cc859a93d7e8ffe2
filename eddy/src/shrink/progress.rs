//! Progress of the search for a smaller failing test, on STDERR.
//!
//! The harness shows the panic that ends a test when all tests have ended, and nobody may want to
//! wait so long. So the verdict is written to STDERR at once, and the smallest test so far whenever
//! there is a new one, whole, as Rust: whoever stops all of it keeps that. A test with many strikes
//! takes a screen, and in the beginning there is a smaller one each moment. So the longer the text,
//! the longer ago must the last one be. The first that is smaller is told at once: who stops before
//! it would have the seed alone.

use std::thread;
use std::time::{Duration, Instant};

use eddy_text::printable::printable;
use indicatif::{ProgressBar, ProgressStyle};

use super::size;
use crate::checker::sentence::counted;
use crate::report::Report;
use crate::seeds::Trial;
use crate::test::Test;
use crate::test::rust::Rust;
use crate::uncaptured::{self, TELL_EVERY, tell};

/// How much is written in the mean. More is faster than people read, with less the smallest so far
/// is long out of date when somebody stops the test.
const LETTERS_PER_SECOND: u32 = 200;

/// The same where there is no terminal. More buries the failures in a log.
const LETTERS_PER_SECOND_OF_LOG: u32 = 100;

/// A search for a smaller test, as told to whoever waits for it.
pub(crate) struct Progress {
    /// The name of the test, several of which may run side by side.
    name: String,
    began: Instant,
    pace: Pace,
    /// Whether any was smaller than the test that has failed, and not only the same in other words.
    has_smaller: bool,
    told: Instant,
    /// The smallest so far, as long as it has not been told.
    news: Option<String>,
    tried: u32,
    is_terminal: bool,
    bar: ProgressBar,
    /// The seed that is tried, of several.
    trial: Option<Trial>,
}

impl Progress {
    /// A search that begins now, for a test that has failed as the `lines` say.
    pub(crate) fn new(lines: &str) -> Progress {
        let is_terminal = uncaptured::is_terminal();
        let trial = Trial::of_this_thread();
        if let Some(trial) = &trial {
            trial.fail();
        }
        let style = ProgressStyle::with_template("{spinner} {elapsed}, {wide_msg}")
            .unwrap_or_else(|_| ProgressStyle::default_spinner());
        let now = Instant::now();
        let progress = Progress {
            name: thread::current().name().unwrap_or("?").to_owned(),
            began: now,
            pace: Pace {
                letters_per_second: if is_terminal {
                    LETTERS_PER_SECOND
                } else {
                    LETTERS_PER_SECOND_OF_LOG
                },
                last: Some(Duration::ZERO),
            },
            has_smaller: false,
            told: now,
            news: None,
            tried: 0,
            is_terminal,
            bar: uncaptured::show(ProgressBar::new_spinner(), style),
            trial,
        };
        let stop =
            if is_terminal { " Ctrl-C ends it; the last one told is the smallest." } else { "" };
        progress.tell(&format!(
            "\n{}: {lines}\nLooking for smaller tests in which the same goes wrong.{stop}",
            progress.name
        ));
        progress
    }

    /// One more test was tried.
    pub(super) fn tried(&mut self, tried: u32) {
        self.tried = tried;
        let tried = format!("{} tried", counted(u64::from(tried), "smaller test"));
        self.bar.set_message(format!("{tried}: {}", self.name));
        let elapsed = self.began.elapsed();
        if self.news.as_ref().is_some_and(|news| self.pace.admits(elapsed, news.len())) {
            self.tell_news();
        }
        if !self.is_terminal && self.told.elapsed() >= TELL_EVERY {
            self.told = Instant::now();
            self.tell(&format!("{}: {tried}", self.name));
        }
    }

    /// This test fails likewise, and is the smallest so far; whether it is smaller than the first.
    pub(super) fn found(&mut self, test: &Test, report: &Report, is_smaller: bool) {
        if is_smaller && !self.has_smaller {
            self.has_smaller = true;
            self.pace.last = None;
        }
        let rust = Rust(test).to_string();
        let (size, tried, name) = (size(test, report), self.tried + 1, &self.name);
        let head = format!("{name}: smaller, with {size} ({tried} tried):");
        self.news = Some(if self.is_terminal {
            format!("\n{head}\n{rust}")
        } else {
            let line: Vec<&str> = rust.lines().map(str::trim).collect();
            format!("{head} {}", line.join(" "))
        });
    }

    /// Whether nobody waits for it any more, since a lower seed has failed.
    pub(super) fn is_given_up(&self) -> bool {
        self.trial.as_ref().is_some_and(|trial| !trial.is_lowest_that_failed())
    }

    /// There is no smaller one than the last; or there may be, and this `limit` ended the search.
    pub(super) fn end(mut self, limit: Option<&str>) {
        if self.is_given_up() {
            return self.give_up();
        }
        self.tell_news();
        let seconds = self.began.elapsed().as_secs_f64();
        let (name, tests) = (&self.name, counted(u64::from(self.tried), "test"));
        let ended = match limit {
            Some(limit) => format!("given up after {tests}, {limit}"),
            None => format!("no smaller one among {tests}"),
        };
        self.tell(&format!(
            "{name}: {ended}, after {seconds:.1} s; what happens in it comes with the failure, \
             when all tests have ended"
        ));
    }

    /// Of several seeds that fail the lowest is told, and this is not it.
    fn give_up(&self) {
        uncaptured::clear(&self.bar);
        tell(&printable(&format!("{}: given up, for a lower seed fails, too", self.name)));
    }

    fn tell_news(&mut self) {
        if let Some(news) = self.news.take() {
            self.told = Instant::now();
            self.tell(&news);
        }
    }

    /// Of several seeds that fail, the lowest is told, as it is in the end.
    fn tell(&self, lines: &str) {
        if self.trial.as_ref().is_none_or(Trial::is_lowest_that_failed) {
            tell(&printable(lines));
        } else {
            uncaptured::clear(&self.bar);
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        uncaptured::clear(&self.bar);
    }
}

/// When so many letters may be written again.
struct Pace {
    letters_per_second: u32,
    last: Option<Duration>,
}

impl Pace {
    fn admits(&mut self, now: Duration, letters: usize) -> bool {
        let letters = u32::try_from(letters).unwrap_or(u32::MAX);
        let pause = Duration::from_secs(1) * letters / self.letters_per_second;
        let is_time = self.last.is_none_or(|last| now.saturating_sub(last) >= pause);
        if is_time {
            self.last = Some(now);
        }
        is_time
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longer_the_text_the_longer_the_pause_before_it() {
        let mut pace = Pace { letters_per_second: 200, last: None };
        let mut check = |milliseconds, letters, expected| {
            let now = Duration::from_millis(milliseconds);
            assert_eq!(pace.admits(now, letters), expected, "{letters} at {milliseconds} ms");
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
