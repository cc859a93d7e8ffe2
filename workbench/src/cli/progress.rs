//! Progress of a running test: a line on STDERR, and `progress.json` for viewers of the store.
//!
//! A thread draws the line and writes the file, so that neither a stopped terminal nor a slow disk
//! delays the test, and both are updated while nothing happens.

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
use eddy::generator::{GeneratorStage, RECOVERY};
use eddy::interpreter::{Interpreter, RunStats};
use eddy_checkers::wording::counted;
use eddy_pages::store::{ProgressFile, TestProgress};
use eddy_text::printable::printable;
use indicatif::{ProgressBar, ProgressStyle};

use super::write_stderr;

/// Interval between redraws of the line. A shorter one cannot be followed by eye; with a longer
/// one, the line would look stuck.
const REDRAW_INTERVAL: Duration = Duration::from_millis(100);

/// Redraws per write of the file, which makes 500 ms. Readers poll as often; more writes would keep
/// the disk busy for nothing.
const REDRAWS_PER_WRITE: u32 = 5;

/// Window of the operation rate. A shorter one would show random fluctuations; a longer one would
/// hide the effect of a fault.
const RATE_WINDOW: Duration = Duration::from_secs(3);

/// Template of the line: a bar for the elapsed time, and a message that is truncated at the line's
/// end.
const TEMPLATE: &str = "{bar:16} {wide_msg}";

/// Display of a test's progress, until dropped.
pub(super) struct ProgressDisplay {
    latest: Arc<Mutex<LatestStats>>,
    /// Dropped to stop the thread.
    stop_sender: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
    bar: ProgressBar,
}

/// Latest statistics of the test.
#[derive(Debug, Clone, Copy, Default)]
struct LatestStats {
    stats: RunStats,
    is_judging: bool,
}

impl ProgressDisplay {
    /// Displays the progress of a test that is recorded in this directory. `quiet` hides the line,
    /// which other output on STDERR would break.
    pub(super) fn begin(test: &Test, directory: &Path, quiet: bool) -> ProgressDisplay {
        let (stop_sender, stopped) = mpsc::channel();
        let latest = Arc::new(Mutex::new(LatestStats::default()));
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
        let meter = ProgressMeter::new(test.time_limit);
        let thread = Builder::new().name("progress".to_owned()).spawn({
            let (latest, bar) = (Arc::clone(&latest), bar.clone());
            move || show(meter, &latest, &stopped, &bar, &file)
        });
        // Without the thread, the test runs without a display.
        ProgressDisplay { latest, stop_sender: Some(stop_sender), thread: thread.ok(), bar }
    }

    /// Updates the statistics.
    pub(super) fn update(&self, interpreter: &Interpreter) {
        self.latest.lock().unwrap_or_else(PoisonError::into_inner).stats = interpreter.run_stats();
    }

    /// Returns a function that writes lines to STDERR without breaking the progress line.
    pub(super) fn line_printer(&self) -> impl Fn(&str) + use<> {
        let bar = self.bar.clone();
        move |text| bar.suspend(|| write_stderr(&format!("eddy: {}", printable(text))))
    }

    /// Marks the test as being judged.
    pub(super) fn begin_judging(&self) {
        self.latest.lock().unwrap_or_else(PoisonError::into_inner).is_judging = true;
    }
}

impl Drop for ProgressDisplay {
    fn drop(&mut self) {
        drop(self.stop_sender.take());
        if let Some(thread) = self.thread.take() {
            // A panic of the thread was printed already, and must not lose the test.
            let _ = thread.join();
        }
    }
}

/// Draws the line and writes the file at an interval, and removes both at the end.
fn show(
    mut meter: ProgressMeter,
    latest: &Mutex<LatestStats>,
    stopped: &Receiver<()>,
    bar: &ProgressBar,
    file: &ProgressFile,
) {
    for round in 0_u32.. {
        let LatestStats { stats, is_judging } =
            *latest.lock().unwrap_or_else(PoisonError::into_inner);
        let progress = meter.read(Instant::now(), &stats, is_judging);
        bar.set_position(millis(Duration::from_secs_f64(progress.elapsed_s)));
        bar.set_message(line(&progress));
        if round.is_multiple_of(REDRAWS_PER_WRITE) {
            // Best effort: a full disk is reported at the end of the test.
            let _ = file.replace(&progress);
        }
        if stopped.recv_timeout(REDRAW_INTERVAL) != Err(RecvTimeoutError::Timeout) {
            break;
        }
    }
    bar.finish_and_clear();
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// Meter that turns successive statistics into progress.
struct ProgressMeter {
    limit: Duration,
    /// Time of the first sample with operations due.
    began: Option<Instant>,
    /// Current part of the test and its start.
    part: Option<(GeneratorStage, Instant)>,
    /// Samples of the number of operations, for their rate.
    samples: VecDeque<(Instant, u64)>,
}

impl ProgressMeter {
    fn new(limit: Duration) -> ProgressMeter {
        ProgressMeter { limit, began: None, part: None, samples: VecDeque::new() }
    }

    fn read(&mut self, now: Instant, stats: &RunStats, is_over: bool) -> TestProgress {
        if self.part.map(|(part, _)| part) != stats.stage {
            self.part = stats.stage.map(|part| (part, now));
        }
        if self.part.is_some() {
            self.began.get_or_insert(now);
        }
        let faults = Fault::ALL.iter().zip(stats.strikes).filter(|(_, strikes)| *strikes > 0);
        TestProgress {
            pid: std::process::id(),
            elapsed_s: self.began.map_or(0.0, |began| (now - began).as_secs_f64()),
            time_limit_s: self.limit.as_secs_f64(),
            stage: if is_over { "judging".to_owned() } else { self.stage(now) },
            operations: stats.operations,
            ops_per_second: self.rate(now, stats.operations),
            msgs_per_op: stats.msgs_per_op,
            faults: faults.map(|(fault, strikes)| (fault.to_string(), strikes)).collect(),
        }
    }

    fn stage(&self, now: Instant) -> String {
        match self.part {
            None => "waiting for the nodes".to_owned(),
            Some((GeneratorStage::Main, _)) => "operations".to_owned(),
            Some((GeneratorStage::Draining, _)) => "last answers".to_owned(),
            Some((GeneratorStage::Recovery, since)) => {
                format!("recovery {}/{} s", (now - since).as_secs(), RECOVERY.as_secs())
            }
            Some((GeneratorStage::Final, _)) => "last operations".to_owned(),
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "no test has 2^53 operations")]
    fn rate(&mut self, now: Instant, operations: u64) -> f64 {
        if self.began.is_none() {
            return 0.0;
        }
        self.samples.push_back((now, operations));
        while self.samples.get(1).is_some_and(|(at, _)| now - *at >= RATE_WINDOW) {
            self.samples.pop_front();
        }
        let (at, before) = self.samples[0];
        let seconds = (now - at).as_secs_f64();
        if seconds > 0.0 { (operations - before) as f64 / seconds } else { 0.0 }
    }
}

/// Progress as a line. The most important parts come first, because the end may be truncated.
fn line(progress: &TestProgress) -> String {
    let TestProgress { elapsed_s, time_limit_s, stage, operations, .. } = progress;
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
    parts.extend(progress.faults.iter().map(|(fault, strikes)| strikes_text(fault, *strikes)));
    parts.push(counted(*operations, "operation"));
    parts.join(", ")
}

fn strikes_text(fault: &str, strikes: u64) -> String {
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
    fn a_line_shows_the_stage() {
        let mut meter = ProgressMeter::new(Duration::from_secs(20));
        let start = Instant::now();
        let mut check = |second: f64, stage, operations, strikes, is_over, expected: &str| {
            let msgs_per_op = (operations > 0).then_some(4.214);
            let stats = RunStats { stage, operations, msgs_per_op, strikes };
            let now = start + Duration::from_secs_f64(second);
            assert_eq!(line(&meter.read(now, &stats, is_over)), expected);
        };
        let (none, some) = ([0; 7], [2, 1, 0, 0, 3, 0, 0]);
        check(0.0, None, 0, none, false, "waiting for the nodes");
        let main = Some(GeneratorStage::Main);
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
        check(21.0, Some(GeneratorStage::Draining), 40, none, false, waiting);
        let recovery = Some(GeneratorStage::Recovery);
        let quiet = |over| format!("recovery {over}/10 s, 4.21 msgs/op, 40 operations");
        check(22.0, recovery, 40, none, false, &quiet(0));
        check(24.5, recovery, 40, none, false, &quiet(2));
        let last = Some(GeneratorStage::Final);
        check(32.0, last, 43, none, false, "last operations, 4.21 msgs/op, 43 operations");
        check(33.0, last, 43, none, true, "judging, 4.21 msgs/op, 43 operations");
    }

    #[test]
    fn one_operation_is_singular() {
        let mut meter = ProgressMeter::new(Duration::from_secs(20));
        let part = Some(GeneratorStage::Draining);
        let stats =
            RunStats { stage: part, operations: 1, msgs_per_op: Some(2.0), strikes: [0; 7] };
        let line = line(&meter.read(Instant::now(), &stats, false));
        assert_eq!(line, "last answers, 2.00 msgs/op, 1 operation");
    }
}
