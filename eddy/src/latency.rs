//! The latency of messages.
//!
//! As in Maelstrom (`net.clj`), each message draws its own latency, truncated to whole
//! milliseconds. So messages overtake each other unless the distribution is constant. Only messages
//! between servers have a latency; the network decides which these are.

use std::fmt::{self, Display};
use std::str::FromStr;
use std::time::Duration;

use eddy_text::name::{self, UnknownName};

use crate::random::Random;

/// The latency of a network; zero by default.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Latency {
    /// The mean, nearly: see [`Distribution`].
    pub mean: Duration,
    /// The distribution around the mean.
    pub distribution: Distribution,
}

/// A distribution of latencies around their mean, the value of `--latency-dist`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Distribution {
    /// Always the mean.
    #[default]
    Constant,
    /// Every whole millisecond from 0 up to, but excluding, twice the mean. The average is half a
    /// millisecond below the mean.
    Uniform,
    /// Most are short, a few are very long: one in 150 is over five times the mean.
    Exponential,
}

impl Latency {
    /// The latency of one message, in whole milliseconds.
    pub fn draw(&self, random: &mut Random) -> Duration {
        whole_milliseconds(match self.distribution {
            Distribution::Constant => self.mean,
            Distribution::Uniform => random.time_below(whole_milliseconds(self.mean * 2)),
            // Inverse transform sampling, at a number in 0 < x ≤ 1.
            Distribution::Exponential => self.mean.mul_f64(-(1.0 - random.fraction()).ln()),
        })
    }
}

fn whole_milliseconds(time: Duration) -> Duration {
    Duration::new(time.as_secs(), time.subsec_millis() * 1_000_000)
}

impl Distribution {
    /// All distributions.
    pub const ALL: [Distribution; 3] =
        [Distribution::Constant, Distribution::Uniform, Distribution::Exponential];
}

impl Display for Distribution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Distribution::Constant => "constant",
            Distribution::Uniform => "uniform",
            Distribution::Exponential => "exponential",
        })
    }
}

impl FromStr for Distribution {
    type Err = UnknownName;

    fn from_str(received: &str) -> Result<Distribution, UnknownName> {
        name::find("latency distribution", &Distribution::ALL, received)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DRAWS: u32 = 20_000;

    /// Draws many latencies around a mean and compares their minimum, average and maximum, in
    /// milliseconds.
    #[track_caller]
    fn check(distribution: &str, mean: u64, least: u64, averages: [f64; 2], greatest: u64) {
        let distribution = distribution.parse().expect("a known distribution");
        let latency = Latency { mean: Duration::from_millis(mean), distribution };
        let mut random = Random::seeded(1);
        let draws: Vec<Duration> = (0..DRAWS).map(|_| latency.draw(&mut random)).collect();
        let average = draws.iter().sum::<Duration>().as_secs_f64() * 1_000.0 / f64::from(DRAWS);
        assert_eq!(draws.iter().min(), Some(&Duration::from_millis(least)));
        assert!((averages[0]..=averages[1]).contains(&average), "{average}");
        assert!(draws.iter().max() <= Some(&Duration::from_millis(greatest)));
        assert!(draws.iter().all(|draw| draw.subsec_nanos() % 1_000_000 == 0));
    }

    #[test]
    fn latencies_spread_as_their_distribution_says() {
        check("constant", 100, 100, [100.0, 100.0], 100);
        check("uniform", 100, 0, [98.5, 100.5], 199);
        check("uniform", 1, 0, [0.48, 0.52], 1);
        check("exponential", 100, 0, [97.5, 101.5], 2_000);
    }

    #[test]
    fn without_a_mean_there_is_no_latency() {
        for distribution in Distribution::ALL {
            check(&distribution.to_string(), 0, 0, [0.0, 0.0], 0);
        }
    }

    #[test]
    fn an_unknown_name_is_an_error_that_lists_the_known_ones() {
        let error = "exponental".parse::<Distribution>().expect_err("no such distribution");
        assert_eq!(
            error.to_string(),
            "no latency distribution is called \"exponental\"; did you mean exponential? \
             (known: constant, uniform, exponential)"
        );
    }
}
