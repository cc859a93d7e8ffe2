//! How far the seeds of a test are, for people who have asked for many.
//!
//! The test harness catches what tests print, so all of this is written to STDERR itself.

use std::io::{Write, stderr};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressState, ProgressStyle};

/// How long nothing is said where there is no terminal. Lines of a shorter interval would bury the
/// failures in a log, with longer ones a test looks as if it hung.
const TELL_EVERY: Duration = Duration::from_secs(10);

/// How long a bar stands. No eye would follow a shorter one.
const REDRAW_EVERY: Duration = Duration::from_millis(100);

/// The bars of all tests that run at the same time.
static BARS: LazyLock<MultiProgress> = LazyLock::new(MultiProgress::new);

/// A bar on a terminal, a line now and then anywhere else.
pub(super) struct Progress {
    name: String,
    count: u64,
    done: u64,
    began: Instant,
    told: Instant,
    bar: ProgressBar,
}

impl Progress {
    /// The progress of the test `name`, with so many seeds.
    pub(super) fn new(name: &str, count: u64) -> Progress {
        let bar = BARS.add(ProgressBar::new(count));
        if let Ok(style) =
            ProgressStyle::with_template("{bar:20} {pos} of {len} seeds, {speed} {wide_msg}")
        {
            let speed = |state: &ProgressState, f: &mut dyn std::fmt::Write| {
                // A bar that cannot be drawn is no reason to fail.
                let _ = write!(f, "{:.1}/s", state.per_sec());
            };
            bar.set_style(style.with_key("speed", speed));
        }
        let name = name.to_owned();
        bar.set_message(name.clone());
        bar.enable_steady_tick(REDRAW_EVERY);
        let now = Instant::now();
        Progress { name, count, done: 0, began: now, told: now, bar }
    }

    /// One more seed has been tried.
    pub(super) fn advance(&mut self) {
        self.done += 1;
        self.bar.inc(1);
        if self.bar.is_hidden() && self.told.elapsed() >= TELL_EVERY {
            self.told = Instant::now();
            self.tell(&format!("{} of {} seeds", self.done, self.count));
        }
    }

    /// All have been tried, or one has failed.
    pub(super) fn finish(&self, failed: Option<u64>) {
        self.bar.finish_and_clear();
        BARS.remove(&self.bar);
        let Progress { count, done, .. } = self;
        let seconds = self.began.elapsed().as_secs_f64();
        self.tell(&match failed {
            None => format!("{count} seeds in {seconds:.1} s"),
            Some(seed) => format!("SEED {seed} FAILED, {done} of {count} tried in {seconds:.1} s"),
        });
    }

    fn tell(&self, what: &str) {
        // Nor is a line that nobody reads.
        let _ = BARS.suspend(|| writeln!(stderr(), "{}: {what}", self.name));
    }
}
