//! What is good, bad and doubtful, in color. Whether a terminal wants any is decided where text is
//! printed, which takes the colors out again.

use std::fmt::{self, Display};

use anstyle::{AnsiColor, Style};

/// The head of what is told.
pub(super) const HEAD: Style = Style::new().bold();

/// As it should be.
pub(super) const GOOD: Style = AnsiColor::Green.on_default().bold();

/// Not as it should be.
pub(super) const BAD: Style = AnsiColor::Red.on_default().bold();

/// Unknown result, or warning.
pub(super) const WARNING: Style = AnsiColor::Yellow.on_default().bold();

/// Text in a style.
pub(super) struct Styled<T>(pub(super) Style, pub(super) T);

impl<T: Display> Display for Styled<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Styled(style, text) = self;
        write!(f, "{style}{text}{style:#}")
    }
}
