//! Due times of a series of events: a given mean rate, with random gaps.
//!
//! Gaps are uniform between zero and twice their mean, as in Jepsen's `stagger`. Jepsen counts each
//! gap from the time when the previous event happened. Under a clock that ticks once a millisecond
//! this would add half a millisecond to every gap, and a rate of 1000 would sink by a third. So
//! here a gap counts from the time when the previous event was due. Two things shift the series,
//! since they are not errors of the clock: times during which no event was possible, and delays
//! that are too long to catch up with.

use std::time::Duration;

use crate::random::Random;

/// Maximum delay of an event that does not shift the later ones. More would cause a burst of
/// events after a machine stood still; less would let the rate sink at every late wake-up.
const MAX_CATCH_UP: Duration = Duration::from_millis(10);

/// The series of due times. Times count from the beginning of the test.
#[derive(Debug)]
pub struct Stagger {
    due: Duration,
    max_gap: Duration,
    random: Random,
}

impl Stagger {
    /// Makes a series with this mean gap; the first event is due at `start`.
    pub fn every(mean_gap: Duration, start: Duration, random: Random) -> Stagger {
        Stagger { due: start, max_gap: mean_gap.saturating_mul(2), random }
    }

    /// Makes a series with this mean rate. At a rate of 0 or less no event is ever due.
    pub fn at_rate(per_second: f64, start: Duration, random: Random) -> Stagger {
        let mean_gap = Duration::try_from_secs_f64(per_second.recip()).unwrap_or(Duration::MAX);
        let start = if per_second > 0.0 { start } else { Duration::MAX };
        Stagger::every(mean_gap, start, random)
    }

    /// The time at which the next event is due.
    pub fn due(&self) -> Duration {
        self.due
    }

    /// Records that the event has happened, and draws the due time of the next one.
    pub fn happened(&mut self, now: Duration) {
        let in_time = now.saturating_sub(self.due) <= MAX_CATCH_UP;
        let from = if in_time { self.due } else { now };
        self.due = from.saturating_add(self.random.time_below(self.max_gap));
    }

    /// Shifts the series by the time from `since` until `now`, during which no event was possible.
    pub fn skip_blocked_time(&mut self, since: Duration, now: Duration) {
        self.due += now.saturating_sub(since.max(self.due));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// Counts the events of 20 seconds if each wake-up is at the next tick.
    #[track_caller]
    fn check(per_second: f64, tick: Duration, expected: std::ops::RangeInclusive<u32>) {
        let mut stagger = Stagger::at_rate(per_second, SECOND, Random::seeded(1));
        let mut now = SECOND;
        let mut events = 0;
        while now < 21 * SECOND {
            while stagger.due() <= now {
                stagger.happened(now);
                events += 1;
            }
            now += tick;
        }
        assert!(expected.contains(&events), "{events} events at {per_second} per second");
    }

    #[test]
    fn the_mean_rate_does_not_depend_on_the_tick() {
        check(1000.0, Duration::from_millis(1), 19_600..=20_400);
        check(1000.0, Duration::from_micros(50), 19_600..=20_400);
        check(100.0, Duration::from_millis(1), 1_900..=2_100);
        check(0.1, Duration::from_millis(1), 1..=4);
        check(0.0, Duration::from_millis(1), 0..=0);
    }

    #[test]
    fn a_long_delay_is_not_caught_up_with() {
        check(1000.0, SECOND, 20..=60);
    }

    #[test]
    fn the_first_is_due_at_once_and_gaps_are_within_twice_their_mean() {
        let mut stagger = Stagger::every(SECOND, SECOND, Random::seeded(1));
        assert_eq!(stagger.due(), SECOND);
        let mut longest = Duration::ZERO;
        for _ in 0..1_000 {
            let now = stagger.due();
            stagger.happened(now);
            longest = longest.max(stagger.due().saturating_sub(now));
        }
        assert!((SECOND * 19 / 10..SECOND * 2).contains(&longest));
    }

    #[test]
    fn only_blocked_time_shifts_the_series() {
        let at = Duration::from_millis;
        for (since, now, due) in [(5, 100, 100), (15, 100, 95), (5, 8, 10)] {
            let mut stagger = Stagger::every(SECOND, at(10), Random::seeded(1));
            stagger.skip_blocked_time(at(since), at(now));
            assert_eq!(stagger.due(), at(due), "from {since} to {now}");
        }
    }
}
