//! When news leaves on a link: at beats, so that much leaves at a time.
//!
//! A node that passes on what it is told wants it shortly before its own beat. So it notes how long
//! before that a neighbor's last news came, and says so with its next batch; and whoever follows
//! keeps its beats so much ahead of the neighbor's as a batch takes to get there, and a lead. What
//! has to agree is how long a second is.
//!
//! # The lead
//!
//! What comes after the beat waits for the next one, so the lead has to allow for ways that vary
//! and for nodes that are woken late. How much they do is measured: each report tells when the
//! batch would have had to leave to arrive at the beat, and [`Smoothed`] is the mean of that and
//! its deviation, four times of which is the lead. A batch's time is the one for which it was
//! planned, so what the follower itself is late counts as well.
//!
//! However long the lead is, a few batches miss the beat. Where one does, the neighbor has an extra
//! beat an eighth of a period after the one that was missed, and passes on what has come by then;
//! and so on, for what comes in the first three eighths of the period. Each costs a batch for each
//! link, and saves the rest of the period.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::Pace;
use super::smoothed::Smoothed;

/// The beats of a link.
#[derive(Debug)]
pub(super) struct Beat {
    period: Duration,
    ahead: Duration,
    /// One of the beats; the others are any number of periods before and after it.
    anchor: Instant,
    /// When news leaves next: at a beat, unless something is to leave at once; or a time that is
    /// past when nothing waits for it.
    next: Instant,
    /// One more time at which news leaves that waits then.
    extra: Option<Instant>,
    /// When there may be another one of these.
    next_extra: Instant,
    follows: Follows,
    /// When news would have to leave to arrive at one of the neighbor's beats, counted from
    /// `origin`.
    latest: Option<Smoothed>,
    origin: Instant,
}

/// Whether the beats are kept so that news arrives shortly before the neighbor's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Follows {
    Nobody,
    /// They will be, when the neighbor has said when news arrives there.
    NotYet,
    Neighbor,
}

/// When a batch is to arrive that a follower has sent on its beat.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Aim {
    /// At any time: the receiver has not said yet when its beats are.
    Unknown,
    /// Shortly before the receiver's beat.
    Beat,
}

impl Beat {
    /// Beats that are counted from `start`.
    pub(super) fn new(pace: &Pace, start: Instant) -> Beat {
        let Pace { flush: period, ahead, .. } = *pace;
        Beat {
            period,
            ahead,
            anchor: start,
            next: start,
            extra: None,
            next_extra: start,
            follows: Follows::Nobody,
            latest: None,
            origin: start,
        }
    }

    /// When news may leave that waits for it.
    pub(super) fn next(&self) -> Instant {
        self.extra.map_or(self.next, |extra| extra.min(self.next))
    }

    /// The beat on which news leaves now, if it does not on one more.
    pub(super) fn planned(&self, now: Instant) -> Option<Instant> {
        (self.next <= now).then_some(self.next)
    }

    /// Has the beats follow those of the neighbor.
    pub(super) fn follow(&mut self) {
        if self.follows == Follows::Nobody {
            self.follows = Follows::NotYet;
        }
    }

    /// The neighbor counts its beats anew.
    pub(super) fn lose_time(&mut self) {
        if self.follows == Follows::Neighbor {
            self.follows = Follows::NotYet;
        }
    }

    /// When news is to arrive that leaves on a beat, if the beats follow the neighbor's.
    pub(super) fn aim(&self) -> Option<Aim> {
        match self.follows {
            Follows::Nobody => None,
            Follows::NotYet => Some(Aim::Unknown),
            Follows::Neighbor => Some(Aim::Beat),
        }
    }

    /// There is news, as there `was` before or not.
    pub(super) fn told(&mut self, now: Instant, was: bool) {
        if was && self.follows != Follows::NotYet {
            return;
        }
        self.extra = self.extra.filter(|extra| now <= *extra);
        if self.follows == Follows::NotYet {
            // Before the neighbor has said when news arrives there, any time is as good.
            self.next = now;
        } else {
            self.advance(now);
        }
    }

    /// Goes on to the first beat that is not past.
    pub(super) fn advance(&mut self, now: Instant) {
        if self.next < now {
            self.next = self.beat_from(now);
        }
    }

    /// What waited has left.
    pub(super) fn left(&mut self, now: Instant) {
        self.extra = self.extra.filter(|extra| now < *extra);
        if self.next <= now {
            self.next = match self.period {
                Duration::ZERO => now,
                _ => self.beat_from(now + Duration::from_nanos(1)),
            };
        }
    }

    /// There is one now, and the others are counted from it.
    pub(super) fn strike(&mut self, now: Instant, has_news: bool) {
        self.anchor = now;
        self.next = if has_news { now } else { now + self.period };
    }

    /// How long something that has come now waits for the beat, if that is known.
    pub(super) fn wait(&self, now: Instant) -> Option<Duration> {
        let is_known = self.follows != Follows::NotYet && !self.period.is_zero();
        is_known.then(|| self.beat_from(now) - now)
    }

    /// When what has come now, and was to be here at the beat, should go on: if it came in the
    /// first three eighths of the period, it has missed the last beat.
    pub(super) fn second_chance(&self, now: Instant) -> Option<Instant> {
        let wait = self.wait(now)?;
        // What comes at the very moment of the beat may have come after that.
        let elapsed = if wait.is_zero() { wait } else { self.period.checked_sub(wait)? };
        let has_missed = elapsed < self.period * 3 / 8;
        has_missed.then(|| now + (self.period / 8).saturating_sub(elapsed))
    }

    /// Has news leave at this time as well, if some waits then; or later, if it did an eighth of a
    /// period ago.
    pub(super) fn strike_also(&mut self, at: Instant) {
        if self.extra.is_none_or(|extra| extra < at) {
            let at = at.max(self.next_extra);
            self.extra = Some(at);
            self.next_extra = at + self.period / 8;
        }
    }

    /// News that was planned to leave then waits at the neighbor for its beat for so long. Until
    /// more is known, the lead is four times `deviation`.
    pub(super) fn keep_time(
        &mut self,
        now: Instant,
        planned: Instant,
        wait: Duration,
        deviation: Duration,
    ) {
        let period = nanos(self.period);
        if self.follows == Follows::Nobody || period == 0 || wait > self.period {
            return;
        }
        let measured = nanos((planned + wait).saturating_duration_since(self.origin));
        let latest = match &mut self.latest {
            Some(latest) if self.follows == Follows::Neighbor => {
                let periods = (measured - latest.mean() + period / 2).div_euclid(period);
                latest.shift(periods.saturating_mul(period));
                latest.add(measured);
                latest
            }
            latest => latest.insert(Smoothed::new(measured, nanos(deviation))),
        };
        let lead = latest.allowance().min(period / 3).max(nanos(self.ahead));
        self.follows = Follows::Neighbor;
        // As many periods later as it takes to be a time that there is.
        self.anchor = self.origin + since(latest.mean() - lead, period);
        let was = self.next;
        self.next = self.beat_from(now);
        if now < was && was + self.period / 2 < self.next {
            // What waits for a beat that has just moved into the past need not wait for the next.
            self.next = now;
        }
    }

    /// The first beat at a time or after it.
    fn beat_from(&self, time: Instant) -> Instant {
        let period = self.period.as_nanos();
        if period == 0 {
            return time;
        }
        let multiple =
            |count: u128| Duration::from_nanos(u64::try_from(count * period).unwrap_or(u64::MAX));
        match time.checked_duration_since(self.anchor) {
            Some(behind) => self.anchor + multiple(behind.as_nanos().div_ceil(period)),
            None => self.anchor - multiple((self.anchor - time).as_nanos() / period),
        }
    }
}

fn nanos(time: Duration) -> i64 {
    i64::try_from(time.as_nanos()).unwrap_or(i64::MAX)
}

/// A time, or as many periods later as it takes not to be negative.
fn since(time: i64, period: i64) -> Duration {
    let time = if time < 0 { time.rem_euclid(period) } else { time };
    Duration::from_nanos(time.unsigned_abs())
}
