//! How many seeds are tried, and how far they are for people who have asked for many.

use std::sync::Once;
use std::time::Instant;

use indicatif::{ProgressBar, ProgressState, ProgressStyle};

use crate::checker::sentence::counted;
use crate::uncaptured::{self, TELL_EVERY, tell};

/// A bar on a terminal, a line now and then anywhere else.
pub(super) struct Progress {
    name: String,
    count: u64,
    done: u64,
    began: Instant,
    told: Instant,
    bar: ProgressBar,
}

/// Tells how many seeds each test tries where nobody has said how many, once for all tests of this
/// process: whoever reads "ok" shall know what it rests on.
pub(super) fn tell_usual(program: &str, count: u64) {
    static TOLD: Once = Once::new();
    TOLD.call_once(|| {
        tell(&format!(
            "{program}: tests that take seeds try {count} of them; EDDY_SEEDS=500 tries more"
        ));
    });
}

impl Progress {
    /// The progress of the test `name`, with so many seeds.
    pub(super) fn new(name: &str, count: u64) -> Progress {
        let style =
            ProgressStyle::with_template("{bar:20} {pos} of {len} seeds, {speed} {wide_msg}")
                .unwrap_or_else(|_| ProgressStyle::default_bar());
        let speed = |state: &ProgressState, f: &mut dyn std::fmt::Write| {
            // A bar that cannot be drawn is no reason to fail.
            let _ = write!(f, "{:.1}/s", state.per_sec());
        };
        let bar = ProgressBar::new(count).with_message(name.to_owned());
        let bar = uncaptured::show(bar, style.with_key("speed", speed));
        let now = Instant::now();
        Progress { name: name.to_owned(), count, done: 0, began: now, told: now, bar }
    }

    /// One more seed has been tried.
    pub(super) fn advance(&mut self) {
        self.done += 1;
        self.bar.inc(1);
        if self.bar.is_hidden() && self.told.elapsed() >= TELL_EVERY {
            self.told = Instant::now();
            self.tell(&format!("{} of {}", self.done, counted(self.count, "seed")));
        }
    }

    /// All have been tried, or one has failed.
    pub(super) fn finish(&self, failed: Option<u64>) {
        uncaptured::clear(&self.bar);
        let Progress { count, done, .. } = self;
        let seconds = self.began.elapsed().as_secs_f64();
        self.tell(&match failed {
            None => format!("{} in {seconds:.1} s", counted(*count, "seed")),
            Some(seed) => format!("SEED {seed} FAILED, {done} of {count} tried in {seconds:.1} s"),
        });
    }

    fn tell(&self, what: &str) {
        tell(&format!("{}: {what}", self.name));
    }
}
