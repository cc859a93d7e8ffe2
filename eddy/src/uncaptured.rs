//! Output on STDERR itself, for people who watch tests run.
//!
//! The test harness captures the output of `println!` and `eprintln!`, and shows it when all tests
//! have ended. Output written here is not captured. The progress bars of all tests share one
//! terminal, so each write suspends them.

use std::io::{IsTerminal, Write, stderr};
use std::sync::LazyLock;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

/// The interval of progress lines without a terminal. With a shorter one they would hide the
/// failures in a log; with a longer one a test looks as if it hung.
pub(crate) const LOG_INTERVAL: Duration = Duration::from_secs(10);

/// The interval at which a bar is redrawn. People cannot follow a shorter one; with a longer one
/// the bar seems to hang.
const REDRAW_INTERVAL: Duration = Duration::from_millis(100);

/// The bars of all tests that run at the same time.
static BARS: LazyLock<MultiProgress> = LazyLock::new(MultiProgress::new);

/// Writes lines in one piece, so that no lines of other threads come between them.
pub(crate) fn print_lines(lines: &str) {
    // A test must not fail because STDERR is closed.
    let _ = BARS.suspend(|| stderr().write_all(format!("{lines}\n").as_bytes()));
}

/// True if STDERR is a terminal.
pub(crate) fn is_terminal() -> bool {
    stderr().is_terminal()
}

/// Shows a progress bar; without a terminal it is hidden.
pub(crate) fn show_bar(bar: ProgressBar, style: ProgressStyle) -> ProgressBar {
    let bar = BARS.add(bar);
    bar.set_style(style);
    bar.enable_steady_tick(REDRAW_INTERVAL);
    bar
}

/// Removes a progress bar.
pub(crate) fn clear_bar(bar: &ProgressBar) {
    bar.finish_and_clear();
    BARS.remove(bar);
}
