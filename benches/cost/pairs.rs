//! Two things, run alternately, and the median of their ratios.

use std::fmt::{self, Display};
use std::time::{Duration, Instant};

/// How many pairs of runs there are. More take longer, fewer let a neighbor on the machine decide.
const PAIRS: usize = 15;

/// What was measured, beside its bound.
pub(crate) struct Figure {
    unit: &'static str,
    ours: f64,
    theirs: Option<f64>,
    bound: Bound,
}

/// What a figure must be.
pub(crate) enum Bound {
    /// The median of theirs divided by ours must be at least `least`: we are so many times as fast.
    Faster { ratio: f64, least: f64 },
    /// The median of ours divided by theirs must be at most `most`: we take so many times as long.
    Slower { ratio: f64, most: f64 },
    /// Ours must be below this.
    Below(f64),
}

/// Times both sides in turn, each of which returns how long it took.
pub(crate) fn alternate(
    mut ours: impl FnMut() -> Duration,
    mut theirs: impl FnMut() -> Duration,
) -> (Vec<Duration>, Vec<Duration>) {
    // Once for the caches, which is not counted.
    ours();
    theirs();
    (0..PAIRS)
        .map(|pair| {
            // Whoever comes second finds a warmer machine, so they take turns in that as well.
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

/// How long something takes.
pub(crate) fn time(run: impl FnOnce()) -> Duration {
    let start = Instant::now();
    run();
    start.elapsed()
}

/// The value in the middle.
pub(crate) fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<_> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

impl Figure {
    /// A rate, which must be at least `least` times theirs; each run handles `count` things.
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

    /// A delay, which must be at most `most` times theirs; each run has `count` of them.
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

    /// A figure that must be below a bound, whatever others need.
    pub(crate) fn below(unit: &'static str, bound: f64, ours: f64) -> Figure {
        Figure { unit, ours, theirs: None, bound: Bound::Below(bound) }
    }

    /// Whether the bound is kept.
    pub(crate) fn holds(&self) -> bool {
        match self.bound {
            Bound::Faster { ratio, least } => ratio >= least,
            Bound::Slower { ratio, most } => ratio <= most,
            Bound::Below(bound) => self.ours < bound,
        }
    }
}

/// Prints what stands above the figures.
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
