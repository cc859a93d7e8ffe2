//! Comparison of two alternating runs by the median of their ratios.

use std::fmt::{self, Display};
use std::time::{Duration, Instant};

/// Number of pairs of runs. More take longer, fewer are disturbed by other processes.
const PAIRS: usize = 15;

/// A measurement with its bound.
pub(crate) struct Figure {
    unit: &'static str,
    ours: f64,
    theirs: Option<f64>,
    bound: Bound,
}

/// The bound of a figure.
pub(crate) enum Bound {
    /// Minimum of the median of theirs divided by ours: we are at least so many times as fast.
    Faster { ratio: f64, least: f64 },
    /// Maximum of the median of ours divided by theirs: we take at most so many times as long.
    Slower { ratio: f64, most: f64 },
    /// Exclusive maximum of ours.
    Below(f64),
}

/// Runs both sides alternately, each of which returns its time.
pub(crate) fn alternate(
    mut ours: impl FnMut() -> Duration,
    mut theirs: impl FnMut() -> Duration,
) -> (Vec<Duration>, Vec<Duration>) {
    // An uncounted run to warm up the caches.
    ours();
    theirs();
    (0..PAIRS)
        .map(|pair| {
            // The second run finds a warmer machine, so the order alternates as well.
            if pair % 2 == 0 {
                let ours = ours();
                (ours, theirs())
            } else {
                let theirs = theirs();
                (ours(), theirs)
            }
        })
        .unzip()
}

/// The time that `run` takes.
pub(crate) fn time(run: impl FnOnce()) -> Duration {
    let start = Instant::now();
    run();
    start.elapsed()
}

/// The median.
pub(crate) fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<_> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

impl Figure {
    /// A rate of at least `least` times theirs, where each run handles `count` things.
    pub(crate) fn faster(
        least: f64,
        count: usize,
        (ours, theirs): (Vec<Duration>, Vec<Duration>),
    ) -> Figure {
        let ratio = median(
            theirs
                .iter()
                .zip(&ours)
                .map(|(theirs, ours)| theirs.as_secs_f64() / ours.as_secs_f64()),
        );
        let rate = |times: Vec<Duration>| {
            median(times.iter().map(|time| count as f64 / time.as_secs_f64() / 1000.0))
        };
        let (ours, theirs) = (rate(ours), Some(rate(theirs)));
        Figure { unit: "1000/s", ours, theirs, bound: Bound::Faster { ratio, least } }
    }

    /// A delay of at most `most` times theirs, where each run has `count` of them.
    pub(crate) fn slower(
        most: f64,
        count: usize,
        (ours, theirs): (Vec<Duration>, Vec<Duration>),
    ) -> Figure {
        let ratio = median(
            ours.iter()
                .zip(&theirs)
                .map(|(ours, theirs)| ours.as_secs_f64() / theirs.as_secs_f64()),
        );
        let delay = |times: Vec<Duration>| {
            median(times.iter().map(|time| time.as_secs_f64() * 1e6 / count as f64))
        };
        let (ours, theirs) = (delay(ours), Some(delay(theirs)));
        Figure { unit: "µs", ours, theirs, bound: Bound::Slower { ratio, most } }
    }

    /// A figure below a bound, without a comparison.
    pub(crate) fn below(unit: &'static str, bound: f64, ours: f64) -> Figure {
        Figure { unit, ours, theirs: None, bound: Bound::Below(bound) }
    }

    /// True if the bound holds.
    pub(crate) fn holds(&self) -> bool {
        match self.bound {
            Bound::Faster { ratio, least } => ratio >= least,
            Bound::Slower { ratio, most } => ratio <= most,
            Bound::Below(bound) => self.ours < bound,
        }
    }
}

/// Prints the head of the table.
pub(crate) fn print_head() {
    println!("{:<34}{:>10}{:>10} {:<7}{:>6}  bound", "what", "ours", "bare", "unit", "ratio");
}

impl Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Figure { unit, ours, .. } = self;
        let theirs = self.theirs.map_or_else(|| "-".to_owned(), |theirs| format!("{theirs:.2}"));
        let (ratio, bound) = match self.bound {
            Bound::Faster { ratio, least } => (format!("{ratio:.2}"), format!("≥ {least}")),
            Bound::Slower { ratio, most } => (format!("{ratio:.2}"), format!("≤ {most}")),
            Bound::Below(bound) => ("-".to_owned(), format!("< {bound} {unit}")),
        };
        let verdict = if self.holds() { "holds" } else { "MISSED" };
        write!(f, "{ours:>10.2}{theirs:>10} {unit:<7}{ratio:>6}  {bound:<7} {verdict}")
    }
}
