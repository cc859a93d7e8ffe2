//! How far a test is, while it runs: a line on STDERR for people who look, and `progress.json` for
//! whoever looks at the store.
//!
//! A thread of its own draws the one and writes the other, so that neither a terminal that is
//! stopped nor a disk that is slow takes time from the test, and both go on while nothing happens.

use std::collections::VecDeque;
use std::env;
use std::io::{IsTerminal, stderr};
use std::path::Path;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use eddy::Fault;
use eddy::Test;
use eddy::generator::{Part, RECOVERY};
use eddy::interpreter::{Interpreter, Tally};
use eddy_checkers::sentence::counted;
use eddy_pages::store::{Progress, ProgressFile};
use eddy_text::printable::printable;
use indicatif::{ProgressBar, ProgressStyle};

use super::tell;

/// How long a line stands. No eye would follow shorter ones; longer ones would look stuck.
const REDRAW_EVERY: Duration = Duration::from_millis(100);

/// How many lines there are for each time that the file is written: every 500 ms. Whoever reads it
/// looks as often; writing it more often would keep the disk busy for nothing.
const LINES_PER_FILE: u32 = 5;

/// Over how long operations per second are counted. Less would show the chance in their times; more
/// would hide what a fault does to them.
const RATE_OVER: Duration = Duration::from_secs(3);

/// What is shown: on the left how much of the time limit is over; the rest is cut where the line
/// ends.
const TEMPLATE: &str = "{bar:16} {wide_msg}";

/// Shows the progress of a test until it is dropped.
pub(super) struct Watch {
    seen: Arc<Mutex<Seen>>,
    /// Dropped to stop the thread.
    going_on: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
    bar: ProgressBar,
}

/// What the test told last.
#[derive(Debug, Clone, Copy, Default)]
struct Seen {
    tally: Tally,
    is_over: bool,
}

impl Watch {
    /// Watches a test that is recorded in this directory; `quiet` where other lines on STDERR would
    /// tear the one that is shown.
    pub(super) fn begin(test: &Test, directory: &Path, quiet: bool) -> Watch {
        let (going_on, stopped) = mpsc::channel();
        let seen = Arc::new(Mutex::new(Seen::default()));
        let is_dumb = env::var_os("TERM").is_some_and(|terminal| terminal == "dumb");
        let bar = if quiet || is_dumb || !stderr().is_terminal() {
            ProgressBar::hidden()
        } else {
            ProgressBar::new(millis(test.time_limit))
        };
        if let Ok(style) = ProgressStyle::with_template(TEMPLATE) {
            bar.set_style(style);
        }
        let file = ProgressFile::of(directory);
        let gauge = Gauge::new(test.time_limit);
        let thread = Builder::new().name("progress".to_owned()).spawn({
            let (seen, bar) = (Arc::clone(&seen), bar.clone());
            move || show(gauge, &seen, &stopped, &bar, &file)
        });
        // A test that nobody watches is a test all the same.
        Watch { seen, going_on: Some(going_on), thread: thread.ok(), bar }
    }

    /// Takes note of what has happened since.
    pub(super) fn note(&self, interpreter: &Interpreter) {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).tally = interpreter.tally();
    }

    /// Writes lines to STDERR around the line that is shown.
    pub(super) fn teller(&self) -> impl Fn(&str) + use<> {
        let bar = self.bar.clone();
        move |text| bar.suspend(|| tell(&format!("eddy: {}", printable(text))))
    }

    /// Nothing more happens, and what happened is judged.
    pub(super) fn judge(&self) {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).is_over = true;
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        drop(self.going_on.take());
        if let Some(thread) = self.thread.take() {
            // Its panic has been told, and is no reason to lose the test.
            let _ = thread.join();
        }
    }
}

/// Draws the line and writes the file, time and again; clears and removes them at the end.
fn show(
    mut gauge: Gauge,
    seen: &Mutex<Seen>,
    stopped: &Receiver<()>,
    bar: &ProgressBar,
    file: &ProgressFile,
) {
    for round in 0_u32.. {
        let Seen { tally, is_over } = *seen.lock().unwrap_or_else(PoisonError::into_inner);
        let progress = gauge.read(Instant::now(), &tally, is_over);
        bar.set_position(millis(Duration::from_secs_f64(progress.elapsed_s)));
        bar.set_message(line(&progress));
        if round.is_multiple_of(LINES_PER_FILE) {
            // Nobody needs it who does not look, and a disk that is full will be told at the end.
            let _ = file.replace(&progress);
        }
        if stopped.recv_timeout(REDRAW_EVERY) != Err(RecvTimeoutError::Timeout) {
            break;
        }
    }
    bar.finish_and_clear();
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// Makes progress of tallies, given when each was taken.
struct Gauge {
    limit: Duration,
    /// When the first operation was due, as far as anybody saw.
    began: Option<Instant>,
    /// What goes on, and since when.
    part: Option<(Part, Instant)>,
    /// How many operations there were at some times, for their rate.
    samples: VecDeque<(Instant, u64)>,
}

impl Gauge {
    fn new(limit: Duration) -> Gauge {
        Gauge { limit, began: None, part: None, samples: VecDeque::new() }
    }

    fn read(&mut self, now: Instant, tally: &Tally, is_over: bool) -> Progress {
        if self.part.map(|(part, _)| part) != tally.part {
            self.part = tally.part.map(|part| (part, now));
        }
        if self.part.is_some() {
            self.began.get_or_insert(now);
        }
        let faults = Fault::ALL.iter().zip(tally.strikes).filter(|(_, strikes)| *strikes > 0);
        Progress {
            pid: std::process::id(),
            elapsed_s: self.began.map_or(0.0, |began| (now - began).as_secs_f64()),
            time_limit_s: self.limit.as_secs_f64(),
            stage: if is_over { "judging".to_owned() } else { self.stage(now) },
            operations: tally.operations,
            ops_per_second: self.rate(now, tally.operations),
            msgs_per_op: tally.msgs_per_op,
            faults: faults.map(|(fault, strikes)| (fault.to_string(), strikes)).collect(),
        }
    }

    fn stage(&self, now: Instant) -> String {
        match self.part {
            None => "waiting for the nodes".to_owned(),
            Some((Part::Operations, _)) => "operations".to_owned(),
            Some((Part::LastAnswers, _)) => "last answers".to_owned(),
            Some((Part::Recovery, since)) => {
                format!("recovery {}/{} s", (now - since).as_secs(), RECOVERY.as_secs())
            }
            Some((Part::LastOperations, _)) => "last operations".to_owned(),
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "no test has 2^53 operations")]
    fn rate(&mut self, now: Instant, operations: u64) -> f64 {
        if self.began.is_none() {
            return 0.0;
        }
        self.samples.push_back((now, operations));
        while self.samples.get(1).is_some_and(|(at, _)| now - *at >= RATE_OVER) {
            self.samples.pop_front();
        }
        let (at, before) = self.samples[0];
        let seconds = (now - at).as_secs_f64();
        if seconds > 0.0 { (operations - before) as f64 / seconds } else { 0.0 }
    }
}

/// The progress in a line; what matters most comes first, because the end may be cut.
fn line(progress: &Progress) -> String {
    let Progress { elapsed_s, time_limit_s, stage, operations, .. } = progress;
    if *operations == 0 && stage != "operations" {
        return stage.clone();
    }
    let mut parts = if stage == "operations" {
        let time = format!("{:.0}/{time_limit_s} s", elapsed_s.floor());
        vec![time, format!("{:.1} op/s", progress.ops_per_second)]
    } else {
        vec![stage.clone()]
    };
    parts.push(format!("{:.2} msgs/op", progress.msgs_per_op.unwrap_or_default()));
    parts.extend(progress.faults.iter().map(|(fault, strikes)| struck(fault, *strikes)));
    parts.push(counted(*operations, "operation"));
    parts.join(", ")
}

fn struck(fault: &str, strikes: u64) -> String {
    let name = match fault {
        "one-way" => "one-way cut",
        "slow" => "slow-down",
        name => name,
    };
    let plural = match (strikes, name) {
        (1, _) => "",
        (_, "loss") => "es",
        _ => "s",
    };
    format!("{strikes} {name}{plural}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_tells_what_goes_on() {
        let mut gauge = Gauge::new(Duration::from_secs(20));
        let start = Instant::now();
        let mut check = |second: f64, part, operations, strikes, is_over, expected: &str| {
            let msgs_per_op = (operations > 0).then_some(4.214);
            let tally = Tally { part, operations, msgs_per_op, strikes };
            let now = start + Duration::from_secs_f64(second);
            assert_eq!(line(&gauge.read(now, &tally, is_over)), expected);
        };
        let (none, some) = ([0; 7], [2, 1, 0, 0, 3, 0, 0]);
        check(0.0, None, 0, none, false, "waiting for the nodes");
        let main = Some(Part::Operations);
        check(1.0, main, 0, none, false, "0/20 s, 0.0 op/s, 0.00 msgs/op, 0 operations");
        check(3.0, main, 20, none, false, "2/20 s, 10.0 op/s, 4.21 msgs/op, 20 operations");
        check(
            6.0,
            main,
            26,
            some,
            false,
            "5/20 s, 2.0 op/s, 4.21 msgs/op, 1 kill, 3 losses, 2 partitions, 26 operations",
        );
        let waiting = "last answers, 4.21 msgs/op, 40 operations";
        check(21.0, Some(Part::LastAnswers), 40, none, false, waiting);
        let recovery = Some(Part::Recovery);
        let quiet = |over| format!("recovery {over}/10 s, 4.21 msgs/op, 40 operations");
        check(22.0, recovery, 40, none, false, &quiet(0));
        check(24.5, recovery, 40, none, false, &quiet(2));
        let last = Some(Part::LastOperations);
        check(32.0, last, 43, none, false, "last operations, 4.21 msgs/op, 43 operations");
        check(33.0, last, 43, none, true, "judging, 4.21 msgs/op, 43 operations");
    }

    #[test]
    fn one_operation_is_no_plural() {
        let mut gauge = Gauge::new(Duration::from_secs(20));
        let part = Some(Part::LastAnswers);
        let tally = Tally { part, operations: 1, msgs_per_op: Some(2.0), strikes: [0; 7] };
        let line = line(&gauge.read(Instant::now(), &tally, false));
        assert_eq!(line, "last answers, 2.00 msgs/op, 1 operation");
    }
}
