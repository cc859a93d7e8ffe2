//! The line that tells how far a test is, for people who look.

use std::io::{IsTerminal, stderr};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use crate::interpreter::Interpreter;
use crate::test::Test;

/// How long a line stands. Counting operations for shorter ones would take time from the test, and
/// no eye would follow.
const REDRAW_EVERY: Duration = Duration::from_millis(100);

/// A line on a terminal; nothing anywhere else.
pub(super) struct Progress {
    bar: ProgressBar,
    limit: u64,
    is_running: bool,
    drawn: Instant,
}

impl Progress {
    /// The progress of a test; `quiet` where other lines on STDERR would tear it.
    pub(super) fn of(test: &Test, quiet: bool) -> Progress {
        let bar = if quiet || !stderr().is_terminal() {
            ProgressBar::hidden()
        } else {
            let bar = ProgressBar::new_spinner();
            if let Ok(style) = ProgressStyle::with_template("{spinner} {elapsed} {msg}") {
                bar.set_style(style);
            }
            bar.enable_steady_tick(REDRAW_EVERY);
            bar
        };
        let limit = test.time_limit.as_secs();
        bar.set_message("waiting for the nodes");
        Progress { bar, limit, is_running: false, drawn: Instant::now() }
    }

    /// Tells of what has happened since.
    pub(super) fn update(&mut self, interpreter: &Interpreter) {
        if self.bar.is_hidden() || self.drawn.elapsed() < REDRAW_EVERY {
            return;
        }
        self.drawn = Instant::now();
        let operations = interpreter.invoked();
        if operations == 0 {
            return;
        }
        if !self.is_running {
            self.is_running = true;
            self.bar.reset_elapsed();
        }
        let traffic = interpreter.journal().traffic(operations);
        let figure = traffic.servers.msgs_per_op.unwrap_or_default();
        let limit = self.limit;
        // Whether a test ends now or goes on depends on its workload and its faults.
        let rest = if self.bar.elapsed().as_secs() > limit {
            "; any faults end now, and any last operations come after 10 s of quiet"
        } else {
            ""
        };
        self.bar.set_message(format!(
            "of {limit}s, {operations} operations, {figure:.2} msgs/op{rest}"
        ));
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
