//! STDERR itself, for what people are to see while tests run.
//!
//! The test harness catches what tests print, and shows it when all have ended. What is written
//! here passes it by. The bars of all tests share one terminal, so whoever writes goes around them.

use std::io::{IsTerminal, Write, stderr};
use std::sync::LazyLock;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

/// How long nothing is said where there is no terminal. Lines of a shorter interval would hide the
/// failures in a log, with longer ones a test looks as if it hung.
pub(crate) const TELL_EVERY: Duration = Duration::from_secs(10);

/// How long a bar stands. No eye would follow a shorter one.
const REDRAW_EVERY: Duration = Duration::from_millis(100);

/// The bars of all tests that run at the same time.
static BARS: LazyLock<MultiProgress> = LazyLock::new(MultiProgress::new);

/// Writes lines in one piece, so that those of other threads are not between them.
pub(crate) fn tell(lines: &str) {
    // A line that nobody reads is no reason to fail.
    let _ = BARS.suspend(|| stderr().write_all(format!("{lines}\n").as_bytes()));
}

/// Whether somebody may be looking.
pub(crate) fn is_terminal() -> bool {
    stderr().is_terminal()
}

/// Shows a bar, which is hidden where there is no terminal.
pub(crate) fn show(bar: ProgressBar, style: ProgressStyle) -> ProgressBar {
    let bar = BARS.add(bar);
    bar.set_style(style);
    bar.enable_steady_tick(REDRAW_EVERY);
    bar
}

/// Takes a bar away.
pub(crate) fn clear(bar: &ProgressBar) {
    bar.finish_and_clear();
    BARS.remove(bar);
}
