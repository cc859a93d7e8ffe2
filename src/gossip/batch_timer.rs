//! Batch timer of a link: items wait for its next tick, so that many leave in one batch.
//!
//! A node that forwards what it receives needs it shortly before its own tick. So it measures how
//! long the items of a neighbor's last batch wait in its own backlog for the tick, and reports that
//! with its next batch. The neighbor aligns its ticks with these reports: they precede the node's
//! ticks by the one-way latency and a lead. Clocks need not be synchronized; they only have to run
//! at the same rate.
//!
//! # The lead
//!
//! Items that arrive after the tick wait for the next one. So the lead has to allow for latencies
//! that vary, and for nodes that are woken late. Both are measured: each report tells when the
//! batch would have had to leave to arrive at the tick; [`Estimate`] keeps the mean and the mean
//! deviation of that time, and four times the deviation is the lead. A batch counts as sent at the
//! tick for which it was planned, so delays of the sender itself are included.
//!
//! However long the lead is, a few batches miss the tick. When one does, the receiver adds an extra
//! tick, an eighth of an interval after the one that was missed, and forwards what has come by
//! then. More extra ticks follow for what comes in the first three eighths of the interval. Each
//! costs one batch for each link, and saves waiting for the rest of the interval.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::Timing;
use super::estimate::Estimate;

/// Periodic timer by whose ticks batches leave on a link.
#[derive(Debug)]
pub(super) struct BatchTimer {
    interval: Duration,
    min_lead: Duration,
    /// One of the ticks; the others are whole intervals before and after it.
    anchor: Instant,
    /// Next tick at which items leave, or now if they are to leave at once. It may lie in the past
    /// while no items wait.
    next_tick: Instant,
    /// One more time at which waiting items leave.
    extra_tick: Option<Instant>,
    /// Earliest time for another extra tick.
    earliest_extra: Instant,
    /// `None` if the ticks are not to be aligned with the neighbor's.
    alignment: Option<TickAlignment>,
    /// Time at which items would have to leave to arrive at one of the neighbor's ticks, counted
    /// from `origin`.
    departure_for_tick: Option<Estimate>,
    origin: Instant,
}

/// State of ticks that are to be aligned with a neighbor's, so that items arrive shortly before the
/// neighbor forwards them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum TickAlignment {
    /// The neighbor has not reported yet when its ticks are.
    Pending,
    Aligned,
}

impl BatchTimer {
    /// Timer whose ticks are counted from `start`.
    pub(super) fn new(timing: &Timing, start: Instant) -> BatchTimer {
        let Timing { batch_interval: interval, min_lead, .. } = *timing;
        BatchTimer {
            interval,
            min_lead,
            anchor: start,
            next_tick: start,
            extra_tick: None,
            earliest_extra: start,
            alignment: None,
            departure_for_tick: None,
            origin: start,
        }
    }

    /// Next time at which waiting items leave: a tick or an extra one.
    pub(super) fn next_departure(&self) -> Instant {
        self.extra_tick.map_or(self.next_tick, |extra| extra.min(self.next_tick))
    }

    /// Tick at which items leave now, unless they leave at an extra one.
    pub(super) fn planned_tick(&self, now: Instant) -> Option<Instant> {
        (self.next_tick <= now).then_some(self.next_tick)
    }

    /// Starts to align the ticks with the neighbor's.
    pub(super) fn align(&mut self) {
        self.alignment.get_or_insert(TickAlignment::Pending);
    }

    /// Gives up the alignment until the next report: a neighbor that was restarted counts its ticks
    /// from another time.
    pub(super) fn lose_alignment(&mut self) {
        self.alignment = self.alignment.map(|_| TickAlignment::Pending);
    }

    /// State of the ticks, if they are to be aligned with the neighbor's.
    pub(super) fn alignment(&self) -> Option<TickAlignment> {
        self.alignment
    }

    /// Sets the tick for items that were enqueued. If there were unsent items before
    /// (`had_unsent`), their tick is set already, and the new ones leave with them.
    pub(super) fn on_enqueued(&mut self, now: Instant, had_unsent: bool) {
        let is_pending = self.alignment == Some(TickAlignment::Pending);
        if had_unsent && !is_pending {
            return;
        }
        self.extra_tick = self.extra_tick.filter(|extra| now <= *extra);
        if is_pending {
            // Until the neighbor has reported its ticks, any time is as good as another.
            self.next_tick = now;
        } else {
            self.advance(now);
        }
    }

    /// Skips ticks in the past.
    pub(super) fn advance(&mut self, now: Instant) {
        if self.next_tick < now {
            self.next_tick = self.tick_from(now);
        }
    }

    /// Sets the next tick after all items that waited have left.
    pub(super) fn on_sent(&mut self, now: Instant) {
        self.extra_tick = self.extra_tick.filter(|extra| now < *extra);
        if self.next_tick <= now {
            self.next_tick = match self.interval {
                Duration::ZERO => now,
                _ => self.tick_from(now + Duration::from_nanos(1)),
            };
        }
    }

    /// Restarts the timer: there is a tick now, and the others are counted from it.
    pub(super) fn restart(&mut self, now: Instant, has_unsent: bool) {
        self.anchor = now;
        self.next_tick = if has_unsent { now } else { now + self.interval };
    }

    /// Time for which items that have arrived now wait for the tick, if that is known.
    pub(super) fn wait(&self, now: Instant) -> Option<Duration> {
        let is_known = self.alignment != Some(TickAlignment::Pending) && !self.interval.is_zero();
        is_known.then(|| self.tick_from(now) - now)
    }

    /// Time of an extra tick for items that have arrived now, and were to arrive before the tick.
    /// They have missed it if they came in the first three eighths of the interval.
    pub(super) fn extra_tick_after_miss(&self, now: Instant) -> Option<Instant> {
        let wait = self.wait(now)?;
        // Items that arrive at the very moment of the tick may have missed it.
        let elapsed = if wait.is_zero() { wait } else { self.interval.checked_sub(wait)? };
        let has_missed = elapsed < self.interval * 3 / 8;
        has_missed.then(|| now + (self.interval / 8).saturating_sub(elapsed))
    }

    /// Adds an extra tick at this time, or later if the last one was less than an eighth of an
    /// interval before.
    pub(super) fn add_extra_tick(&mut self, at: Instant) {
        if self.extra_tick.is_none_or(|extra| extra < at) {
            let at = at.max(self.earliest_extra);
            self.extra_tick = Some(at);
            self.earliest_extra = at + self.interval / 8;
        }
    }

    /// Processes a report: the items that should have left at `planned` had to wait at the neighbor
    /// for `wait`, until its tick. Until the deviation is measured, it counts as `deviation`.
    pub(super) fn adjust(
        &mut self,
        now: Instant,
        planned: Instant,
        wait: Duration,
        deviation: Duration,
    ) {
        let interval = nanos(self.interval);
        if self.alignment.is_none() || interval == 0 || wait > self.interval {
            return;
        }
        let measured = nanos((planned + wait).saturating_duration_since(self.origin));
        let departure = match &mut self.departure_for_tick {
            Some(departure) if self.alignment == Some(TickAlignment::Aligned) => {
                let intervals = (measured - departure.mean() + interval / 2).div_euclid(interval);
                departure.shift(intervals.saturating_mul(interval));
                departure.add(measured);
                departure
            }
            departure => departure.insert(Estimate::new(measured, nanos(deviation))),
        };
        let lead = departure.allowance().min(interval / 3).max(nanos(self.min_lead));
        self.alignment = Some(TickAlignment::Aligned);
        // Non-negative, because an `Instant` cannot be before `origin`.
        self.anchor = self.origin + non_negative(departure.mean() - lead, interval);
        let previous = self.next_tick;
        self.next_tick = self.tick_from(now);
        if now < previous && previous + self.interval / 2 < self.next_tick {
            // Items whose tick has just moved into the past need not wait for the next one.
            self.next_tick = now;
        }
    }

    /// First tick at this time or after it.
    fn tick_from(&self, time: Instant) -> Instant {
        let interval = self.interval.as_nanos();
        if interval == 0 {
            return time;
        }
        let multiple =
            |count: u128| Duration::from_nanos(u64::try_from(count * interval).unwrap_or(u64::MAX));
        match time.checked_duration_since(self.anchor) {
            Some(elapsed) => self.anchor + multiple(elapsed.as_nanos().div_ceil(interval)),
            None => self.anchor - multiple((self.anchor - time).as_nanos() / interval),
        }
    }
}

fn nanos(time: Duration) -> i64 {
    i64::try_from(time.as_nanos()).unwrap_or(i64::MAX)
}

/// This time, or, if it is negative, that time modulo `interval`.
fn non_negative(time: i64, interval: i64) -> Duration {
    let time = if time < 0 { time.rem_euclid(interval) } else { time };
    Duration::from_nanos(time.unsigned_abs())
}
