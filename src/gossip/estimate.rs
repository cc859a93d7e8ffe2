//! Estimate mean and mean deviation of a time that varies: TCP's estimator (RFC 6298, section 2,
//! after Jacobson's "Congestion Avoidance and Control", 1988).
//!
//! Times are in nanoseconds. They are negative if they lie before the origin from which they are
//! counted.

/// Mean and mean deviation of measurements, weighted towards the newest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Estimate {
    mean: i64,
    deviation: i64,
}

impl Estimate {
    /// Estimate after one measurement, with a guess of the deviation (RFC 6298: half of the first
    /// round trip).
    pub(super) fn new(first: i64, deviation: i64) -> Estimate {
        Estimate { mean: first, deviation }
    }

    /// Adds a measurement: moves the mean by an eighth of the distance to it, and the deviation by
    /// a quarter of the difference between that distance and itself.
    pub(super) fn add(&mut self, measured: i64) {
        let error = measured.saturating_sub(self.mean);
        self.deviation += (error.saturating_abs() - self.deviation) / 4;
        self.mean += error / 8;
    }

    /// Adds `by` to the mean, when the origin of the measured times is moved.
    pub(super) fn shift(&mut self, by: i64) {
        self.mean = self.mean.saturating_add(by);
    }

    pub(super) fn mean(&self) -> i64 {
        self.mean
    }

    /// Distance from the mean that the next value may have: four times the mean deviation. A
    /// uniform distribution ends at two mean deviations; 1.9 % of an exponential one lies beyond
    /// four.
    pub(super) fn allowance(&self) -> i64 {
        self.deviation.saturating_mul(4)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::Host;

    /// Checks the mean and the allowance after many measurements, which `draw` makes of random
    /// numbers below 1 000 000.
    #[track_caller]
    fn check(draw: impl Fn(i64) -> i64, mean: i64, allowance: [i64; 2]) {
        let random = Host::seeded(1).random();
        let mut estimate = Estimate::new(500_000, 250_000);
        for _ in 0..1000 {
            estimate.add(draw(i64::try_from(random.next() % 1_000_000).unwrap()));
        }
        assert!((estimate.mean() - mean).abs() < 200_000, "{estimate:?}");
        assert!((allowance[0]..=allowance[1]).contains(&estimate.allowance()), "{estimate:?}");
    }

    #[test]
    fn the_mean_and_the_deviation_follow_what_is_measured() {
        check(|_| 300_000, 300_000, [0, 100]);
        check(|_| -300_000, -300_000, [0, 100]);
        check(|drawn| drawn, 500_000, [500_000, 1_600_000]);
        check(|drawn| 100_000 + drawn / 10, 150_000, [50_000, 160_000]);
    }

    #[test]
    fn the_figures_of_two_measurements_are_those_of_rfc_6298() {
        let mut estimate = Estimate::new(800, 400);
        estimate.add(1600);
        assert_eq!(estimate, Estimate { mean: 900, deviation: 500 });
    }
}
