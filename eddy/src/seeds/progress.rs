//! The progress of the seeds of one test, shown if `EDDY_SEEDS` asked for many.

use std::sync::Once;
use std::time::Instant;

use indicatif::{ProgressBar, ProgressState, ProgressStyle};

use crate::checkers::wording::counted;
use crate::uncaptured::{self, LOG_INTERVAL, print_lines};

/// A bar on a terminal; elsewhere a line every [`LOG_INTERVAL`].
pub(super) struct SeedProgress {
    name: String,
    count: u64,
    done: u64,
    began: Instant,
    last_line: Instant,
    bar: ProgressBar,
}

/// Prints the default number of seeds, once for all tests of this process, so that a reader of "ok"
/// knows how few runs it rests on.
pub(super) fn print_default_count(program: &str, count: u64) {
    static TOLD: Once = Once::new();
    TOLD.call_once(|| {
        print_lines(&format!(
            "{program}: tests that take seeds try {count} of them; EDDY_SEEDS=500 tries more"
        ));
    });
}

impl SeedProgress {
    /// Starts the progress of the test `name` with `count` seeds.
    pub(super) fn new(name: &str, count: u64) -> SeedProgress {
        let style =
            ProgressStyle::with_template("{bar:20} {pos} of {len} seeds, {speed} {wide_msg}")
                .unwrap_or_else(|_| ProgressStyle::default_bar());
        let speed = |state: &ProgressState, f: &mut dyn std::fmt::Write| {
            // A bar that cannot be drawn is no reason to fail.
            let _ = write!(f, "{:.1}/s", state.per_sec());
        };
        let bar = ProgressBar::new(count).with_message(name.to_owned());
        let bar = uncaptured::show_bar(bar, style.with_key("speed", speed));
        let now = Instant::now();
        SeedProgress { name: name.to_owned(), count, done: 0, began: now, last_line: now, bar }
    }

    /// Counts one more seed.
    pub(super) fn advance(&mut self) {
        self.done += 1;
        self.bar.inc(1);
        if self.bar.is_hidden() && self.last_line.elapsed() >= LOG_INTERVAL {
            self.last_line = Instant::now();
            self.print(&format!("{} of {}", self.done, counted(self.count, "seed")));
        }
    }

    /// Prints the end: all seeds were tried, or one has failed.
    pub(super) fn finish(&self, failed: Option<u64>) {
        uncaptured::clear_bar(&self.bar);
        let SeedProgress { count, done, .. } = self;
        let seconds = self.began.elapsed().as_secs_f64();
        self.print(&match failed {
            None => format!("{} in {seconds:.1} s", counted(*count, "seed")),
            Some(seed) => format!("SEED {seed} FAILED, {done} of {count} tried in {seconds:.1} s"),
        });
    }

    fn print(&self, what: &str) {
        print_lines(&format!("{}: {what}", self.name));
    }
}
