//! Quantiles of latencies.

/// Quantiles of latencies in milliseconds, as Jepsen's `frequency-distribution` takes them: each is
/// the latency at index ⌊n·p⌋ of the sorted latencies.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Quantiles {
    /// The smallest (0).
    pub minimum: u64,
    /// The median (0.5).
    pub median: u64,
    /// The 95th percentile (0.95).
    pub p95: u64,
    /// The 99th percentile (0.99).
    pub p99: u64,
    /// The largest (1).
    pub maximum: u64,
}

impl Quantiles {
    /// The quantiles of these latencies, unless there are none.
    pub fn of(latencies: impl IntoIterator<Item = u64>) -> Option<Quantiles> {
        let mut sorted: Vec<u64> = latencies.into_iter().collect();
        sorted.sort_unstable();
        let last = sorted.len().checked_sub(1)?;
        let at = |percent| sorted[last.min(sorted.len() * percent / 100)];
        Some(Quantiles {
            minimum: at(0),
            median: at(50),
            p95: at(95),
            p99: at(99),
            maximum: at(100),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(latencies: impl IntoIterator<Item = u64>, expected: &str) {
        let quantiles = Quantiles::of(latencies).unwrap();
        assert_eq!(quantiles.to_edn().to_string(), expected);
    }

    #[test]
    fn a_quantile_is_one_of_the_latencies() {
        check([7], "{0 7, 0.5 7, 0.95 7, 0.99 7, 1 7}");
        check([3, 1, 2, 4], "{0 1, 0.5 3, 0.95 4, 0.99 4, 1 4}");
        check(0..100, "{0 0, 0.5 50, 0.95 95, 0.99 99, 1 99}");
        assert_eq!(Quantiles::of([]), None);
    }
}
