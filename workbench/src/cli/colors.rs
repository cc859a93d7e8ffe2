//! Colors for good, bad and doubtful results. The printer removes them if the terminal does not
//! want any.

use std::fmt::{self, Display};

use anstyle::{AnsiColor, Style};

/// Head of a line.
pub(super) const HEAD: Style = Style::new().bold();

/// Good result.
pub(super) const GOOD: Style = AnsiColor::Green.on_default().bold();

/// Bad result.
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
