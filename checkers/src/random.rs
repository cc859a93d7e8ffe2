//! Seeded random numbers: everything that may differ between two runs comes from one seed.
//!
//! A single stream would couple all draws: one more message would change which node the nemesis
//! strikes. So each component forks a stream of its own by name, and a stream depends only on the
//! names that led to it. The generator is PCG64, whose crate promises the same values on every
//! platform. The distributions are implemented here, because the `rand` crate changes its sampling
//! between releases, and a recorded seed must stay valid.

use std::time::Duration;

use rand_pcg::Pcg64;
use rand_pcg::rand_core::{Rng, SeedableRng};

/// A source of random draws that repeats itself for the same seed.
#[derive(Debug)]
pub struct Random {
    seed: u64,
    generator: Pcg64,
}

impl Random {
    /// The stream of this seed.
    pub fn seeded(seed: u64) -> Random {
        Random { seed, generator: Pcg64::seed_from_u64(seed) }
    }

    /// The stream of this name. It does not depend on earlier draws, and the same name gives the
    /// same stream.
    #[must_use]
    pub fn fork(&self, name: &str) -> Random {
        Random::seeded(hash(self.seed, name.as_bytes()))
    }

    /// Any 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.generator.next_u64()
    }

    /// A number in `0..bound`; panics if that is empty.
    pub fn below(&mut self, bound: u64) -> u64 {
        assert!(bound > 0, "there is no number below 0");
        // The incomplete last stretch of multiples is drawn again: it would favor small numbers.
        let incomplete = (u64::MAX % bound + 1) % bound;
        loop {
            let bits = self.bits();
            if bits <= u64::MAX - incomplete {
                return bits % bound;
            }
        }
    }

    /// A number in `0.0..1.0`.
    pub fn fraction(&mut self) -> f64 {
        // 52 random bits behind the exponent of one: all of 1.0..2.0, evenly.
        f64::from_bits(1.0_f64.to_bits() | (self.bits() >> 12)) - 1.0
    }

    /// A time in `0..bound` to the nanosecond, or zero if that is empty.
    pub fn time_below(&mut self, bound: Duration) -> Duration {
        match u64::try_from(bound.as_nanos()) {
            Ok(0) => Duration::ZERO,
            Ok(nanoseconds) => Duration::from_nanos(self.below(nanoseconds)),
            Err(_) => Duration::from_nanos(self.bits()),
        }
    }

    /// One of these, with equal probability; panics if there is none.
    pub fn choose<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.index(items.len())]
    }

    /// Shuffles these, every order with equal probability (Fisher and Yates).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.index(last + 1));
        }
    }

    /// An index below `len`; panics if that is 0.
    pub fn index(&mut self, len: usize) -> usize {
        usize::try_from(self.below(len as u64)).expect("what is below a usize fits a usize")
    }
}

/// FNV-1a over the seed and the name.
fn hash(seed: u64, name: &[u8]) -> u64 {
    let bytes = seed.to_le_bytes().into_iter().chain(name.iter().copied());
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Recorded seeds are worthless once these change.
    #[test]
    fn the_stream_of_a_seed_never_changes() {
        let mut random = Random::seeded(7);
        assert_eq!(
            [random.bits(), random.bits()],
            [9_351_779_398_707_215, 4_267_278_794_321_568_333]
        );
        assert_eq!(random.fork("net").bits(), 9_874_354_153_525_854_157);
        assert_eq!((0..8).map(|_| random.below(10)).collect::<Vec<_>>(), [0, 1, 8, 1, 7, 0, 2, 2]);
    }

    #[test]
    fn a_fork_does_not_depend_on_earlier_draws() {
        let mut random = Random::seeded(1);
        let before = random.fork("net").bits();
        random.bits();
        assert_eq!(random.fork("net").bits(), before);
    }

    #[test]
    fn different_names_are_different_streams() {
        let random = Random::seeded(1);
        let paths = [
            random.fork("a"),
            random.fork("b"),
            random.fork("ab"),
            random.fork("a").fork("b"),
            random.fork("b").fork("a"),
            Random::seeded(2).fork("a"),
        ];
        let draws: std::collections::BTreeSet<u64> =
            paths.into_iter().map(|mut path| path.bits()).collect();
        assert_eq!(draws.len(), 6);
    }

    #[test]
    fn draws_are_even_and_stay_within_their_bounds() {
        let mut random = Random::seeded(3);
        let mut seen = [0_u32; 7];
        let mut sum = 0.0;
        for _ in 0..70_000 {
            seen[random.index(7)] += 1;
            sum += random.fraction();
            assert!(random.time_below(Duration::from_nanos(3)) < Duration::from_nanos(3));
        }
        assert!(seen.iter().all(|count| (9_500..10_500).contains(count)), "{seen:?}");
        assert!((0.49..0.51).contains(&(sum / 70_000.0)));
        assert_eq!(random.time_below(Duration::ZERO), Duration::ZERO);
    }

    #[test]
    fn a_shuffle_loses_nothing_and_reaches_every_order() {
        let mut random = Random::seeded(4);
        let orders: std::collections::BTreeSet<[u8; 4]> = (0..1_000)
            .map(|_| {
                let mut items = [1, 2, 3, 4];
                random.shuffle(&mut items);
                items
            })
            .collect();
        assert_eq!(orders.len(), 24);
    }
}
