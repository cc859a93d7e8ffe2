//! What one node and its neighbor owe each other: positions, and when something is due. It does no
//! I/O; the time is a parameter.
//!
//! Each direction is a stream of news, as TCP's is one of bytes (RFC 9293): the sender numbers what
//! it tells, the receiver acknowledges how far it has everything, and any batch carries the
//! acknowledgement of the other direction. One that is owed leaves by itself only after a delay, as
//! there (RFC 1122, section 4.2.3.2). What is not acknowledged in time is sent again from the first
//! missing position (RFC 6298, section 5), and while that goes on, news waits for the next attempt.
//! What is acknowledged is forgotten: then a link is a few numbers.
//!
//! A stream is between two *lives*. A node that was killed begins a greater life, and its neighbor,
//! when it hears of that, begins a new stream with what it has not got acknowledged. What has been
//! acknowledged by the former life it does not know any more; it tells the new one that there was a
//! former one (`again`), so that this one [catches up](super::catch_up).

use std::collections::VecDeque;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::Pace;

/// What travels between two nodes: news, and an acknowledgement of the other's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Batch<T> {
    /// The sender's life.
    life: u64,
    /// The receiver's life, as far as the sender knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    to: Option<u64>,
    /// Up to which position the sender has what it was told.
    heard: u64,
    /// The position of the first news.
    first: u64,
    /// What the receiver may not know.
    pub news: Vec<T>,
    /// Up to which position the news was for former lives of the receiver, if the sender has heard
    /// of one. What is missing of it comes again, at greater positions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    again: Option<u64>,
    /// For how many milliseconds the receiver's last news have waited for this batch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    waited: Option<u64>,
}

/// One node's end of a link.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is known at another time")]
pub(super) struct Link<T> {
    pace: Pace,
    /// This node's life.
    life: u64,
    /// The neighbor's life, once it has spoken.
    peer: Option<u64>,
    /// Whether the neighbor has spoken to this life, or knows no former one.
    is_met: bool,
    /// Whether this life must be told to the neighbor until it has done so.
    must_greet: bool,
    /// Where the stream for the neighbor's present life begins, if a former one is known.
    again: Option<u64>,
    /// What was told and is not acknowledged.
    queue: VecDeque<T>,
    /// The position of the first of these.
    acknowledged: u64,
    /// How many of these were sent.
    sent: usize,
    /// How many of those were overdue once, of which somebody was told.
    told_of: usize,
    /// Whether some were, and the neighbor has not acknowledged any since.
    is_overdue: bool,
    /// Up to where this node has what it was told.
    heard: u64,
    /// Since when an acknowledgement is owed, and whether it is urgent.
    owes: Option<(Instant, bool)>,
    /// Since when an acknowledgement is waited for.
    waits: Option<Instant>,
    /// The next beat at which news may leave.
    beat: Instant,
    /// Whether the beats are kept so that news arrives shortly before the neighbor's.
    is_leader: bool,
    /// Whether the beats are the right ones.
    is_in_time: bool,
    /// Where the news ended that was sent at which time, until the neighbor has said how long it
    /// waited there.
    flights: VecDeque<(u64, Instant)>,
    /// When the neighbor's last news came, unless they have left since.
    arrived: Option<Instant>,
    /// How long they waited until they left, unless the neighbor was told.
    waited: Option<Duration>,
}

/// What came of a batch.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Received {
    /// The neighbor has known a former life of this node.
    pub(super) is_again: bool,
    /// The news come from a former life of the neighbor, whose present one may not know them.
    pub(super) is_late: bool,
}

impl<T: Clone> Link<T> {
    /// A link that has been silent so far, whose beats are counted from `start`.
    pub(super) fn new(pace: Pace, life: u64, start: Instant) -> Link<T> {
        Link {
            pace,
            life,
            peer: None,
            is_met: false,
            must_greet: false,
            again: None,
            queue: VecDeque::new(),
            acknowledged: 0,
            sent: 0,
            told_of: 0,
            is_overdue: false,
            heard: 0,
            owes: None,
            waits: None,
            beat: start,
            is_leader: false,
            is_in_time: false,
            flights: VecDeque::new(),
            arrived: None,
            waited: None,
        }
    }

    /// Sees to it that the neighbor hears of this life, in [`Pace::greet`] at the latest.
    pub(super) fn greet(&mut self, now: Instant) {
        if self.is_met {
            return;
        }
        self.must_greet = true;
        // As if a greeting had been sent, so long ago.
        let ago = self.pace.retry.saturating_sub(self.pace.greet);
        self.waits = self.waits.or(Some(now.checked_sub(ago).unwrap_or(now)));
    }

    /// Puts news at the end of the stream.
    pub(super) fn tell(&mut self, now: Instant, news: impl IntoIterator<Item = T>) {
        if self.is_leader && !self.is_in_time {
            // Before the neighbor has said how long news waits there, any time is as good.
            self.beat = now;
        } else if self.sent == self.queue.len() {
            self.advance_beat(now);
        }
        self.queue.extend(news);
    }

    /// Whether the neighbor has been silent about something for longer than it may.
    pub(super) fn is_overdue(&self) -> bool {
        self.is_overdue
    }

    /// When a batch is to be sent, if nothing changes.
    pub(super) fn due(&self) -> Option<Instant> {
        let acknowledgement =
            self.owes.map(
                |(since, is_urgent)| {
                    if is_urgent { since } else { since + self.pace.acknowledge }
                },
            );
        let news = (self.sent < self.queue.len() && !self.is_overdue()).then_some(self.beat);
        [acknowledgement, news, self.retry()].into_iter().flatten().min()
    }

    fn retry(&self) -> Option<Instant> {
        self.waits.map(|since| since + self.pace.retry)
    }

    /// Has the beats follow those of the neighbor.
    pub(super) fn follow(&mut self) {
        self.is_leader = true;
    }

    /// Whether news leaves now because it is the time for it.
    pub(super) fn is_on_beat(&self, now: Instant) -> bool {
        self.sent < self.queue.len() && self.beat <= now
    }

    /// Notes that the neighbor's last news goes on to others now.
    pub(super) fn passed_on(&mut self, now: Instant) {
        self.waited = self.arrived.take().map(|then| now - then).or(self.waited);
    }

    /// The batch that is due now, and those of its news that the neighbor is overdue with for the
    /// first time.
    pub(super) fn emit(&mut self, now: Instant) -> (Batch<T>, Vec<T>) {
        let mut late = Vec::new();
        if self.retry().is_some_and(|at| at <= now) {
            late.extend(self.queue.iter().take(self.sent).skip(self.told_of).cloned());
            self.is_overdue = self.sent > 0;
            self.told_of = self.told_of.max(self.sent);
            (self.sent, self.waits) = (0, None);
        }
        let batch = Batch {
            life: self.life,
            to: self.peer,
            heard: self.heard,
            first: self.acknowledged + self.sent as u64,
            news: self.queue.range(self.sent..).cloned().collect(),
            again: self.again,
            waited: self.waited.take().map(millis),
        };
        let was_waiting = self.sent > 0;
        if self.is_leader && self.sent < self.queue.len() {
            self.flights.push_back((self.acknowledged + self.queue.len() as u64, now));
        }
        self.sent = self.queue.len();
        self.owes = None;
        if !was_waiting && (self.sent > 0 || self.must_greet) {
            self.waits = Some(now);
        }
        if self.beat <= now {
            self.beat += self.pace.flush;
            self.advance_beat(now);
        }
        (batch, late)
    }

    /// Takes a batch from the neighbor.
    pub(super) fn receive(&mut self, now: Instant, batch: &Batch<T>) -> Received {
        if self.peer.is_some_and(|life| batch.life < life) {
            return Received { is_again: false, is_late: true };
        }
        let is_reborn = self.peer.is_some_and(|life| life < batch.life);
        if is_reborn {
            self.begin_anew();
        }
        self.peer = Some(batch.life);
        let is_to_me = batch.to.is_none_or(|to| to == self.life);
        if is_to_me {
            (self.is_met, self.must_greet) = (true, false);
            // Whoever does not know this life has heard nothing of it.
            let heard = if batch.to.is_some() { batch.heard } else { 0 };
            self.acknowledge(now, heard);
        }
        let end = batch.first + batch.news.len() as u64;
        if let (true, Some(start)) = (is_to_me, batch.again) {
            self.heard = self.heard.max(start);
        }
        if is_to_me && batch.first <= self.heard {
            self.heard = self.heard.max(end);
        }
        if !batch.news.is_empty() {
            self.arrived = Some(now);
        }
        if !batch.news.is_empty() || batch.to != Some(self.life) {
            let is_urgent = is_reborn || !is_to_me;
            let (since, was_urgent) = self.owes.unwrap_or((now, false));
            self.owes = Some((since, is_urgent || was_urgent));
        }
        self.keep_time(now, batch.heard, batch.waited.map(Duration::from_millis));
        Received { is_again: batch.again.is_some() || !is_to_me, is_late: false }
    }

    /// A new stream, for a new life of the neighbor. It has positions of its own, because the
    /// neighbor may hear late of the former one, and acknowledge that.
    fn begin_anew(&mut self) {
        self.acknowledged += self.queue.len() as u64;
        (self.sent, self.heard) = (0, 0);
        (self.is_overdue, self.waits, self.is_in_time) = (false, None, false);
        self.flights.clear();
        self.again = Some(self.acknowledged);
    }

    fn acknowledge(&mut self, now: Instant, heard: u64) {
        let count = heard.saturating_sub(self.acknowledged);
        let count = usize::try_from(count).unwrap_or(usize::MAX).min(self.sent);
        if count > 0 {
            self.queue.drain(..count);
            self.acknowledged += count as u64;
            self.sent -= count;
            self.told_of = self.told_of.saturating_sub(count);
            self.is_overdue = false;
            self.waits = (self.sent > 0).then_some(now);
            self.advance_beat(now);
        } else if self.sent == 0 {
            self.waits = None;
        }
    }

    /// Moves the beats so that news arrives shortly before the neighbor's batches leave, given how
    /// long the last that it has heard waited there.
    fn keep_time(&mut self, now: Instant, heard: u64, waited: Option<Duration>) {
        while let Some(&(end, sent_at)) = self.flights.front()
            && end <= heard
        {
            self.flights.pop_front();
            if let (true, Some(waited)) = (end == heard, waited) {
                self.is_in_time = true;
                let then = sent_at + waited;
                self.beat = then.checked_sub(self.pace.ahead).unwrap_or(then);
                self.advance_beat(now);
            }
        }
    }

    /// Lets news leave at once, if there is any, and counts the beats from now.
    pub(super) fn flush(&mut self, now: Instant) {
        self.beat = if self.sent < self.queue.len() { now } else { now + self.pace.flush };
    }

    /// Goes on to the first beat that is not past.
    fn advance_beat(&mut self, now: Instant) {
        let behind = now.saturating_duration_since(self.beat);
        if self.pace.flush.is_zero() {
            self.beat = self.beat.max(now);
        } else if !behind.is_zero() {
            let beats = behind.as_nanos().div_ceil(self.pace.flush.as_nanos());
            self.beat += nanos(beats * self.pace.flush.as_nanos());
        }
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

fn nanos(nanos: u128) -> Duration {
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests;
