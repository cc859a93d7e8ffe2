//! What one node and its neighbor owe each other: positions, and when something is due. It does no
//! I/O; the time is a parameter.
//!
//! Each direction is a stream of news, as TCP's is one of bytes (RFC 9293): the sender numbers what
//! it tells, the receiver acknowledges how far it has everything, and any batch carries the
//! acknowledgement of the other direction. One that is owed leaves by itself only after a delay, as
//! there (RFC 1122, section 4.2.3.2). What comes out of order is remembered, so that it need not
//! come again. What is not acknowledged in time is sent again from the first missing position, and
//! while that goes on, news waits for the next attempt. What is acknowledged is forgotten: then a
//! link is a few numbers.
//!
//! # When something is sent again
//!
//! The retransmission time-out is that of QUIC (RFC 9002, section 6.2.1), which knows that
//! acknowledgements are delayed on purpose: each says for how long it was, so that the round trip
//! is measured without that. Its smoothed mean and four times its mean deviation ([`Smoothed`]),
//! and the longest delay of an acknowledgement, are the time-out, but never less than
//! [`Pace::retry`], and never more than [`Pace::retry_at_most`], for what gets lost is repaired no
//! sooner. What was sent twice measures nothing, for who knows which of both was
//! acknowledged (Karn's algorithm).
//!
//! # How much is sent
//!
//! Batches are bounded by bytes ([`size::FULL`]), and so is what is on its way ([`WINDOW`]): a
//! neighbor that is slow, or was away for long, is sent the next batch when it has acknowledged a
//! former one. A full batch waits for no beat, and asks for its acknowledgement at once. After a
//! time-out the first batch is a [`SMALL`] one, as a congestion window of TCP begins anew with one
//! segment. Where more than that is on its way, which is one very long item at least, it may be the
//! transfer that takes its time: then the time-out begins with the last acknowledgement, and each
//! one doubles the next (RFC 6298, sections 5.3 and 5.5), up to [`LONGEST_BACKOFF`].
//!
//! # Lives
//!
//! A stream is between two *lives*. A node that was killed begins a greater life, and its neighbor,
//! when it hears of that, begins a new stream with what it has not got acknowledged, at positions
//! of its own, so that nothing that comes late is taken for part of it. What the former life has
//! acknowledged it does not know any more; it tells the new one that there was a former one
//! (`again`), so that this one [catches up](super::catch_up).

use std::collections::VecDeque;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::Pace;
use super::beat::{Aim, Beat};
use super::received::Positions;
use super::smoothed::Smoothed;
use crate::{json, size};

/// How many bytes of news may be on their way before something is acknowledged, and one batch more.
/// More is faster where the way is long, and makes a neighbor that is slow busier with what is not
/// new any more.
const WINDOW: usize = 4 * size::FULL;

/// How many bytes of news are taken for something that cannot take long to transfer. More gets to a
/// neighbor that is back at once; and as much is sent in vain, each time.
const SMALL: usize = 64 << 10;

/// How many times the time-out for what is not [`SMALL`] is doubled. More sends long items in vain
/// less often; a neighbor that is back waits for them for longer, with two for 7 s.
const LONGEST_BACKOFF: u32 = 2;

/// What travels between two nodes: news, and an acknowledgement of the other's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Batch<T> {
    /// The sender's life.
    life: u64,
    /// The receiver's life, as far as the sender knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    to: Option<u64>,
    /// Whether the sender must have an answer: because it has waited for one too long, and keeps
    /// back its news; because it has more news than may be on their way; or because it has started,
    /// and does not know whether the receiver knows a former life.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    ask: bool,
    /// Up to which position the sender has what it was told.
    heard: u64,
    /// For how many milliseconds it has had the last of that, if nothing was said of that yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ack_delay: Option<u64>,
    /// The position of the first news.
    first: u64,
    /// What the receiver may not know.
    pub news: Vec<T>,
    /// Up to which position the news was for former lives of the receiver, if the sender has heard
    /// of one. What is missing of it comes again, at greater positions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    again: Option<u64>,
    /// When the news is to arrive, if the sender follows the receiver's beats.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    aim: Option<Aim>,
    /// How long the receiver's news waits for the sender's beat, if the receiver follows that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    waits: Option<Waits>,
}

/// How long news waits for the beat of the node that it was for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Waits {
    /// The position after the news.
    up_to: u64,
    millis: u64,
}

/// One node's end of a link.
#[derive(Debug)]
pub(super) struct Link<T> {
    pace: Pace,
    /// This node's life.
    life: u64,
    /// The neighbor's life, once it has spoken.
    peer: Option<u64>,
    /// Whether the neighbor has shown whether it knows a former life.
    is_met: bool,
    /// When the neighbor was last told of this life, if it must be.
    greeted: Option<Instant>,
    /// Where the stream for the neighbor's present life begins, if a former one is known.
    again: Option<u64>,
    /// What was told and is not acknowledged, each with its length as JSON.
    queue: VecDeque<(T, usize)>,
    /// How many bytes these are.
    queue_bytes: usize,
    /// The position of the first of these.
    acknowledged: u64,
    /// How many of these were sent, since the last time-out.
    sent: usize,
    /// How many bytes these are.
    sent_bytes: usize,
    /// The position after the last that was ever sent; `acknowledged + sent <= sent_to`.
    sent_to: u64,
    /// What was sent since the last time-out and is not acknowledged.
    flights: VecDeque<Flight>,
    /// When something was acknowledged last.
    progress: Instant,
    /// The time from sending news until its acknowledgement is here, without the delay that the
    /// neighbor tells.
    round_trip: Option<Smoothed>,
    /// How often the time-out was doubled.
    backoff: u32,
    /// How much of the queue waited when it became overdue, of which somebody was told; or was told
    /// by somebody who could see that it was.
    told_of: usize,
    /// Whether something was, and the neighbor has not acknowledged anything since.
    is_overdue: bool,
    /// What of the neighbor's stream this node has.
    heard: Positions,
    /// Cumulative acknowledgement last sent to the neighbor; `told_heard <= heard.contiguous()`.
    told_heard: u64,
    /// When the last of that came, if the neighbor was not told.
    heard_at: Option<Instant>,
    /// Received news that was forwarded to the followed node and is not acknowledged there.
    forwarded: VecDeque<Forwarded>,
    /// The last of it that was acknowledged there, if the neighbor was not told.
    confirmed: Option<Forwarded>,
    /// Since when an acknowledgement is owed, and whether it is urgent.
    owes: Option<(Instant, bool)>,
    /// How long the neighbor's news waits here, if it was not told.
    waits: Option<Waits>,
    beat: Beat,
}

/// A batch of news that was sent.
#[derive(Debug, Clone, Copy)]
struct Flight {
    /// The position after its last news.
    end: u64,
    sent_at: Instant,
    /// On which beat it left, if it did.
    planned: Option<Instant>,
    /// Whether any of it had been sent before.
    is_repeated: bool,
}

/// Received news that was forwarded to the followed node.
#[derive(Debug, Clone, Copy)]
struct Forwarded {
    /// The position there after the last of it.
    position: u64,
    /// Up to which position it is what the neighbor told, and when the last of that came.
    heard: u64,
    came: Instant,
}

/// What came of a batch.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Received {
    /// The neighbor has known a former life of this node.
    pub(super) is_again: bool,
    /// The news come from a former life of the neighbor, whose present one may not know them.
    pub(super) is_late: bool,
    /// It is the first from a new life of the neighbor.
    pub(super) is_reborn: bool,
}

impl<T: Clone + Serialize> Link<T> {
    /// A link that has been silent so far, whose beats are counted from `start`.
    pub(super) fn new(pace: Pace, life: u64, start: Instant) -> Link<T> {
        Link {
            pace,
            life,
            peer: None,
            is_met: false,
            greeted: None,
            again: None,
            queue: VecDeque::new(),
            queue_bytes: 0,
            acknowledged: 0,
            sent: 0,
            sent_bytes: 0,
            sent_to: 0,
            flights: VecDeque::new(),
            progress: start,
            round_trip: None,
            backoff: 0,
            told_of: 0,
            is_overdue: false,
            heard: Positions::default(),
            told_heard: 0,
            heard_at: None,
            forwarded: VecDeque::new(),
            confirmed: None,
            owes: None,
            waits: None,
            beat: Beat::new(&pace, start),
        }
    }

    /// Sees to it that the neighbor hears of this life, in [`Pace::greet`] at the latest.
    pub(super) fn greet(&mut self, now: Instant) {
        if !self.is_met && self.greeted.is_none() {
            // As if it had been greeted so long ago that the next time is then.
            let ago = self.pace.retry.saturating_sub(self.pace.greet);
            self.greeted = Some(now.checked_sub(ago).unwrap_or(now));
        }
    }

    /// Puts news at the end of the stream.
    pub(super) fn tell(&mut self, now: Instant, news: impl IntoIterator<Item = T>) {
        self.beat.told(now, self.has_news());
        for item in news {
            // And a comma.
            let length = json::length(&item).saturating_add(1);
            self.queue_bytes = self.queue_bytes.saturating_add(length);
            self.queue.push_back((item, length));
        }
        if self.is_overdue {
            self.told_of = self.queue.len();
        }
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
        let may_send = self.has_news() && !self.is_overdue && self.sent_bytes < WINDOW;
        let news = may_send.then(|| if self.is_full() { self.progress } else { self.beat.next() });
        [acknowledgement, news, self.retry()].into_iter().flatten().min()
    }

    /// Whether there is anything that was not sent.
    pub(super) fn has_news(&self) -> bool {
        self.sent < self.queue.len()
    }

    /// Whether what was not sent fills a batch, which gains nothing by waiting for more.
    fn is_full(&self) -> bool {
        self.queue_bytes - self.sent_bytes > size::FULL
    }

    fn retry(&self) -> Option<Instant> {
        let timeout = self.timeout();
        let news = self.flights.front().map(|flight| {
            if self.sent_bytes > SMALL {
                flight.sent_at.max(self.progress) + timeout * (1 << self.backoff)
            } else {
                flight.sent_at + timeout
            }
        });
        let greeting = self.greeted.map(|since| since + self.pace.retry);
        [news, greeting].into_iter().flatten().min()
    }

    /// How long an acknowledgement is waited for.
    fn timeout(&self) -> Duration {
        let least = self.pace.retry;
        let Some(round_trip) = self.round_trip else { return least };
        let allowed = round_trip.mean().saturating_add(round_trip.allowance());
        let allowed = Duration::from_nanos(u64::try_from(allowed).unwrap_or(0));
        self.pace.acknowledge.saturating_add(allowed).min(self.pace.retry_at_most).max(least)
    }

    /// The batch that is due now, and the news with which the neighbor has become overdue by that.
    /// If this node `forwards` what it is told, it acknowledges what was acknowledged to it there,
    /// and the rest only when an acknowledgement is due.
    pub(super) fn emit(&mut self, now: Instant, forwards: bool) -> (Batch<T>, Vec<T>) {
        let mut late = Vec::new();
        let is_retry = self.retry().is_some_and(|at| at <= now);
        if is_retry {
            late = self.time_out();
        }
        let begin = self.acknowledged + self.sent as u64;
        let (end, bytes) = self.end_of_batch();
        let news = self.queue.range(self.sent..end).map(|(item, _)| item.clone()).collect();
        let has_more = end < self.queue.len();
        let is_on_beat = self.is_on_beat(now) && !is_retry && !has_more;
        if end > self.sent {
            let planned = self.beat.planned(now).filter(|_| is_on_beat);
            let is_repeated = begin < self.sent_to;
            let end = self.acknowledged + end as u64;
            self.flights.push_back(Flight { end, sent_at: now, planned, is_repeated });
            self.sent_to = self.sent_to.max(end);
        }
        (self.sent, self.sent_bytes) = (end, self.sent_bytes.saturating_add(bytes));
        let is_owed = self
            .owes
            .is_some_and(|(since, is_urgent)| is_urgent || since + self.pace.acknowledge <= now);
        let heard_at = if forwards && !is_owed {
            let heard_at = self.acknowledge_confirmed();
            // What is owed for a batch without news must not hurry the acknowledgement of the next.
            if self.told_heard == self.heard.contiguous() {
                self.owes = None;
            }
            heard_at
        } else {
            self.owes = None;
            self.told_heard = self.heard.contiguous();
            self.heard_at.take()
        };
        let heard_at = heard_at.filter(|_| !self.heard.has_gap());
        let batch = Batch {
            life: self.life,
            to: self.peer,
            ask: is_retry || has_more,
            heard: self.told_heard,
            ack_delay: heard_at.map(|then| millis(now - then)),
            first: begin,
            news,
            again: self.again,
            aim: self.beat.aim().filter(|_| is_on_beat),
            waits: self.waits.take(),
        };
        self.greeted = self.greeted.map(|_| now);
        if !has_more {
            self.beat.left(now);
        }
        (batch, late)
    }

    /// Acknowledges what has arrived at the node that this one follows, and tells when the last of
    /// that came.
    fn acknowledge_confirmed(&mut self) -> Option<Instant> {
        let Forwarded { heard, came, .. } = self.confirmed.take()?;
        if heard <= self.told_heard {
            return None;
        }
        self.told_heard = heard;
        self.owes = self
            .owes
            .filter(|_| heard < self.heard.contiguous())
            .map(|(since, is_urgent)| (since.max(came), is_urgent));
        Some(came)
    }

    /// Everything that this node was told is on its way to the node that it follows, up to this
    /// position there.
    pub(super) fn note_forwarded(&mut self, position: u64) {
        let last = self.forwarded.back().or(self.confirmed.as_ref());
        let known = last.map_or(self.told_heard, |last| last.heard.max(self.told_heard));
        let heard = self.heard.contiguous();
        if let Some(came) = self.heard_at
            && known < heard
        {
            self.forwarded.push_back(Forwarded { position, heard, came });
        }
    }

    /// The node that this one follows has everything up to this position; nothing, if that is a new
    /// life of it.
    pub(super) fn note_confirmed(&mut self, position: Option<u64>) {
        let Some(position) = position else { return self.forwarded.clear() };
        while let Some(first) = self.forwarded.front()
            && first.position <= position
        {
            self.confirmed = self.forwarded.pop_front();
        }
    }

    /// Up to which position the neighbor has what it was told.
    pub(super) fn acknowledged(&self) -> u64 {
        self.acknowledged
    }

    /// The position after the last news.
    pub(super) fn end(&self) -> u64 {
        self.acknowledged + self.queue.len() as u64
    }

    /// Nothing of what was sent counts as sent any more. Returns those of whom nobody was told.
    fn time_out(&mut self) -> Vec<T> {
        let mut late = Vec::new();
        if self.sent > 0 {
            if self.sent_bytes > SMALL {
                self.backoff = (self.backoff + 1).min(LONGEST_BACKOFF);
            }
            self.is_overdue = true;
            late.extend(self.queue.range(self.told_of..).map(|(item, _)| item.clone()));
            self.told_of = self.queue.len();
        }
        (self.sent, self.sent_bytes) = (0, 0);
        self.flights.clear();
        late
    }

    /// Up to where the queue fits into a batch, which may be one item that does not; and how many
    /// bytes that is.
    fn end_of_batch(&self) -> (usize, usize) {
        let (mut end, mut bytes) = (self.sent, 0_usize);
        if self.sent_bytes >= WINDOW {
            return (end, bytes);
        }
        let longest = if self.is_overdue { SMALL } else { size::FULL };
        for (_, length) in self.queue.range(self.sent..) {
            if bytes > 0 && bytes.saturating_add(*length) > longest {
                break;
            }
            (end, bytes) = (end + 1, bytes.saturating_add(*length));
        }
        (end, bytes)
    }

    /// Takes a batch from the neighbor.
    pub(super) fn receive(&mut self, now: Instant, batch: &Batch<T>) -> Received {
        if self.peer.is_some_and(|life| batch.life < life) {
            return Received { is_late: true, ..Received::default() };
        }
        let is_reborn = self.peer.is_some_and(|life| life < batch.life);
        if is_reborn {
            self.begin_anew();
        }
        self.peer = Some(batch.life);
        if batch.to.is_some() {
            // It has shown whether it knows a former life.
            (self.is_met, self.greeted) = (true, None);
        }
        let is_to_me = batch.to.is_none_or(|to| to == self.life);
        if is_to_me {
            self.hear(now, batch);
        }
        if batch.to == Some(self.life) {
            let measured = batch.waits.and_then(|waits| {
                let flight = self.flights.iter().find(|flight| flight.end == waits.up_to)?;
                Some((flight.planned?, Duration::from_millis(waits.millis)))
            });
            self.acknowledge(now, batch.heard, batch.ack_delay);
            if let Some((planned, wait)) = measured {
                // As varied as a quarter of a round trip, until it is known better.
                let deviation = self.round_trip.map_or(0, |round_trip| round_trip.mean() / 4);
                let deviation = Duration::from_nanos(u64::try_from(deviation).unwrap_or(0));
                self.beat.keep_time(now, planned, wait, deviation);
            }
        }
        if !batch.news.is_empty() || batch.ask || batch.to != Some(self.life) {
            let (since, was_urgent) = self.owes.unwrap_or((now, false));
            // A greeting can wait for something to travel with.
            let is_awaited = batch.ask && !batch.news.is_empty();
            self.owes = Some((since, was_urgent || is_awaited || is_reborn || !is_to_me));
        }
        Received { is_again: batch.again.is_some() || !is_to_me, is_late: false, is_reborn }
    }

    /// A new stream, for a new life of the neighbor. It has positions of its own, because the
    /// neighbor may hear late of the former one, and acknowledge that.
    fn begin_anew(&mut self) {
        self.acknowledged += self.queue.len() as u64;
        self.again = Some(self.acknowledged);
        (self.sent, self.sent_bytes, self.sent_to) = (0, 0, self.acknowledged);
        (self.is_overdue, self.backoff) = (false, 0);
        (self.heard, self.heard_at, self.waits) = (Positions::default(), None, None);
        self.told_heard = 0;
        self.forwarded.clear();
        self.confirmed = None;
        self.flights.clear();
        self.beat.lose_time();
    }

    /// Notes what this node has of what it was told.
    fn hear(&mut self, now: Instant, batch: &Batch<T>) {
        self.heard.skip_to(batch.again.unwrap_or_default());
        let end = batch.first.saturating_add(batch.news.len() as u64);
        if self.heard.insert(batch.first, end) {
            self.heard_at = Some(now);
        }
    }

    /// Forgets what the neighbor has, and measures the round trip by the last of it, which the
    /// neighbor has had for `delay` milliseconds.
    fn acknowledge(&mut self, now: Instant, heard: u64, delay: Option<u64>) {
        let Some(count) = heard.checked_sub(self.acknowledged) else { return };
        let count = count.min(self.sent_to - self.acknowledged);
        for _ in 0..count {
            let Some((_, length)) = self.queue.pop_front() else { break };
            self.queue_bytes = self.queue_bytes.saturating_sub(length);
            if self.sent > 0 {
                self.sent -= 1;
                self.sent_bytes = self.sent_bytes.saturating_sub(length);
            }
        }
        let mut last = None;
        while let Some(flight) = self.flights.front().copied()
            && flight.end <= heard
        {
            self.flights.pop_front();
            last = Some(flight);
        }
        if count > 0 {
            self.acknowledged += count;
            self.told_of =
                self.told_of.saturating_sub(usize::try_from(count).unwrap_or(usize::MAX));
            self.is_overdue = false;
            self.progress = now;
            self.beat.advance(now);
        }
        if let (Some(Flight { end, sent_at, is_repeated: false, .. }), Some(delay)) = (last, delay)
            && end == heard
        {
            self.backoff = 0;
            self.measure((now - sent_at).saturating_sub(Duration::from_millis(delay)));
        }
    }

    fn measure(&mut self, round_trip: Duration) {
        let nanos = i64::try_from(round_trip.as_nanos()).unwrap_or(i64::MAX);
        match &mut self.round_trip {
            Some(round_trip) => round_trip.add(nanos),
            // TCP begins with a half. But until more is known, `Pace::retry` is allowance enough.
            None => self.round_trip = Some(Smoothed::new(nanos, nanos / 8)),
        }
    }

    /// Has the beats follow those of the neighbor.
    pub(super) fn follow(&mut self) {
        self.beat.follow();
    }

    /// This node's beats for the neighbor.
    pub(super) fn beat(&self) -> &Beat {
        &self.beat
    }

    /// Notes how long the news of this batch waits for a beat, if its sender follows that. Tells
    /// whether it was to be here earlier.
    pub(super) fn note_wait(&mut self, batch: &Batch<T>, wait: Duration, has_missed: bool) -> bool {
        let Some(aim) = batch.aim.filter(|_| !batch.news.is_empty()) else { return false };
        let has_missed = has_missed && aim == Aim::Beat;
        // That something was late must not be hidden by what came next.
        if has_missed || self.waits.is_none() {
            let up_to = batch.first.saturating_add(batch.news.len() as u64);
            self.waits = Some(Waits { up_to, millis: millis(wait) });
        }
        has_missed
    }

    /// Whether news leaves now because it is the time for it.
    fn is_on_beat(&self, now: Instant) -> bool {
        self.has_news() && self.beat.next() <= now
    }

    /// Lets news leave at once, if there is any, and counts the beats from now.
    pub(super) fn flush(&mut self, now: Instant) {
        self.beat.strike(now, self.has_news());
    }

    /// Lets news leave at this time, too, if there is any then.
    pub(super) fn flush_also(&mut self, at: Instant) {
        self.beat.strike_also(at);
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
