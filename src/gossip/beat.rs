//! When news leaves on a link: at beats, so that much leaves at a time.
//!
//! A node that passes on what it is told wants it shortly before its own beat. So it notes how long
//! a neighbor's last news had to wait there, and says so with its next batch; and whoever follows
//! moves its beats by that, less a little. What has to agree is how long a second is, and that what
//! took a while to arrive will take as long again.

use std::time::Duration;

use tokio::time::Instant;

use super::Pace;

/// The beats of a link.
#[derive(Debug)]
pub(super) struct Beat {
    period: Duration,
    ahead: Duration,
    /// The next one, or one that is past when nothing waits for it.
    next: Instant,
    follows: Follows,
    /// When the neighbor's last news came, unless they have been passed on since.
    arrived: Option<Instant>,
    /// How long they waited for that, unless the neighbor was told.
    waited: Option<Duration>,
}

/// Whether the beats are kept so that news arrives shortly before the neighbor's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Follows {
    Nobody,
    /// They will be, when the neighbor has said how long news waits there.
    NotYet,
    Neighbor,
}

impl Beat {
    /// Beats that are counted from `start`.
    pub(super) fn new(pace: &Pace, start: Instant) -> Beat {
        let Pace { flush: period, ahead, .. } = *pace;
        let follows = Follows::Nobody;
        Beat { period, ahead, next: start, follows, arrived: None, waited: None }
    }

    /// When news may leave that waits for it.
    pub(super) fn next(&self) -> Instant {
        self.next
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

    /// Whether the beats follow those of the neighbor.
    #[cfg(test)]
    pub(super) fn is_in_time(&self) -> bool {
        self.follows == Follows::Neighbor
    }

    /// There is news, as there `was` before or not.
    pub(super) fn told(&mut self, now: Instant, was: bool) {
        match self.follows {
            // Before the neighbor has said how long it waits there, any time is as good.
            Follows::NotYet => self.next = now,
            Follows::Nobody | Follows::Neighbor if was => {}
            Follows::Nobody | Follows::Neighbor => self.advance(now),
        }
    }

    /// Goes on to the first beat that is not past.
    pub(super) fn advance(&mut self, now: Instant) {
        let behind = now.saturating_duration_since(self.next);
        if self.period.is_zero() {
            self.next = self.next.max(now);
        } else if !behind.is_zero() {
            let beats = behind.as_nanos().div_ceil(self.period.as_nanos());
            let passed = u64::try_from(beats * self.period.as_nanos()).unwrap_or(u64::MAX);
            self.next += Duration::from_nanos(passed);
        }
    }

    /// What waited has left.
    pub(super) fn left(&mut self, now: Instant) {
        if self.next <= now {
            self.next += self.period;
            self.advance(now);
        }
    }

    /// There is one now, and the others are counted from it.
    pub(super) fn strike(&mut self, now: Instant, has_news: bool) {
        self.next = if has_news { now } else { now + self.period };
    }

    /// The neighbor's news has come.
    pub(super) fn arrived(&mut self, now: Instant) {
        self.arrived = Some(now);
    }

    /// It goes on to others.
    pub(super) fn passed_on(&mut self, now: Instant) {
        self.waited = self.arrived.take().map(|then| now - then).or(self.waited);
    }

    /// What is to be said of that to the neighbor.
    pub(super) fn take_waited(&mut self) -> Option<Duration> {
        self.waited.take()
    }

    /// What was sent then has `waited` at the neighbor for so long; more than the time since cannot
    /// be, and would have news wait for ever.
    pub(super) fn keep_time(&mut self, now: Instant, sent_at: Instant, waited: Duration) {
        if self.follows != Follows::Nobody && !self.period.is_zero() {
            self.follows = Follows::Neighbor;
            let then = sent_at + waited.min(now.saturating_duration_since(sent_at));
            self.next = then.checked_sub(self.ahead).unwrap_or(then);
            self.advance(now);
        }
    }
}
