//! What one node and its neighbor owe each other: positions, and when something is due. It does no
//! I/O; the time is a parameter.
//!
//! Each direction is a stream of news, as TCP's is one of bytes (RFC 9293): the sender numbers what
//! it tells, the receiver acknowledges how far it has everything, and any batch carries the
//! acknowledgement of the other direction. One that is owed leaves by itself only after a delay, as
//! there (RFC 1122, section 4.2.3.2). What is not acknowledged in time is sent again from the first
//! missing position, and while that goes on, news waits for the next attempt. What is acknowledged
//! is forgotten: then a link is a few numbers.
//!
//! A stream is between two *lives*. A node that was killed begins a greater life, and its neighbor,
//! when it hears of that, begins a new stream with what it has not got acknowledged, at positions
//! of its own, so that nothing that comes late is taken for part of it. What the former life has
//! acknowledged it does not know any more; it tells the new one that there was a former one
//! (`again`), so that this one [catches up](super::catch_up).

use std::collections::VecDeque;
use std::io;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::Pace;
use super::beat::Beat;

/// How many bytes of news a batch has at most, unless it is one piece. A longer batch keeps those
/// behind it waiting, and beyond 64 MiB nobody reads it; shorter ones are more messages.
const LONGEST_BATCH: usize = 512 << 10;

/// What travels between two nodes: news, and an acknowledgement of the other's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Batch<T> {
    /// The sender's life.
    life: u64,
    /// The receiver's life, as far as the sender knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    to: Option<u64>,
    /// Whether the sender must have an answer: because it has waited for one too long, and keeps
    /// back its news; or because it has started, and does not know whether the receiver knows a
    /// former life.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    ask: bool,
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
    /// What was told and is not acknowledged.
    queue: VecDeque<T>,
    /// The position of the first of these.
    acknowledged: u64,
    /// How many of these were sent.
    sent: usize,
    /// Where the news ended that was sent at which time and is not acknowledged.
    flights: VecDeque<(u64, Instant)>,
    /// How much of the queue waited when it became overdue, of which somebody was told; or was told
    /// by somebody who could see that it was.
    told_of: usize,
    /// Whether something was, and the neighbor has not acknowledged anything since.
    is_overdue: bool,
    /// Up to where this node has what it was told.
    heard: u64,
    /// Since when an acknowledgement is owed, and whether it is urgent.
    owes: Option<(Instant, bool)>,
    beat: Beat,
}

/// What came of a batch.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Received {
    /// The neighbor has known a former life of this node.
    pub(super) is_again: bool,
    /// The news come from a former life of the neighbor, whose present one may not know them.
    pub(super) is_late: bool,
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
            acknowledged: 0,
            sent: 0,
            flights: VecDeque::new(),
            told_of: 0,
            is_overdue: false,
            heard: 0,
            owes: None,
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
        self.queue.extend(news);
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
        let news = (self.has_news() && !self.is_overdue).then_some(self.beat.next());
        [acknowledgement, news, self.retry()].into_iter().flatten().min()
    }

    /// Whether there is anything that was not sent.
    fn has_news(&self) -> bool {
        self.sent < self.queue.len()
    }

    fn retry(&self) -> Option<Instant> {
        let sent = self.flights.front().map(|(_, sent_at)| *sent_at);
        [sent, self.greeted].into_iter().flatten().min().map(|since| since + self.pace.retry)
    }

    /// The batch that is due now, and the news with which the neighbor has become overdue by that.
    pub(super) fn emit(&mut self, now: Instant) -> (Batch<T>, Vec<T>) {
        let mut late = Vec::new();
        let is_retry = self.retry().is_some_and(|at| at <= now);
        if is_retry {
            if self.sent > 0 {
                self.is_overdue = true;
                late.extend(self.queue.range(self.told_of..).cloned());
                self.told_of = self.queue.len();
            }
            self.sent = 0;
            self.flights.clear();
        }
        let end = self.end_of_batch();
        let batch = Batch {
            life: self.life,
            to: self.peer,
            ask: is_retry,
            heard: self.heard,
            first: self.acknowledged + self.sent as u64,
            news: self.queue.range(self.sent..end).cloned().collect(),
            again: self.again,
            waited: self.beat.take_waited().map(millis),
        };
        if self.has_news() {
            self.flights.push_back((self.acknowledged + end as u64, now));
        }
        self.sent = end;
        self.owes = None;
        self.greeted = self.greeted.map(|_| now);
        self.beat.left(now);
        (batch, late)
    }

    /// Up to where the queue fits into one batch: all of it, unless it is very long.
    fn end_of_batch(&self) -> usize {
        let mut length = 0;
        let fits = |news: &&T| {
            let is_first = length == 0;
            length += json_length(*news);
            is_first || length <= LONGEST_BATCH
        };
        self.sent + self.queue.range(self.sent..).take_while(fits).count()
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
        if batch.to.is_some() {
            // It has shown whether it knows a former life.
            (self.is_met, self.greeted) = (true, None);
        }
        let is_to_me = batch.to.is_none_or(|to| to == self.life);
        if is_to_me {
            self.hear(batch);
        }
        if batch.to == Some(self.life) {
            let sent_at = self.acknowledge(now, batch.heard);
            if let (Some(sent_at), Some(waited)) = (sent_at, batch.waited) {
                self.beat.keep_time(now, sent_at, Duration::from_millis(waited));
            }
        }
        if !batch.news.is_empty() {
            self.beat.arrived(now);
        }
        if !batch.news.is_empty() || batch.ask || batch.to != Some(self.life) {
            let (since, was_urgent) = self.owes.unwrap_or((now, false));
            // A greeting can wait for something to travel with.
            let is_awaited = batch.ask && !batch.news.is_empty();
            self.owes = Some((since, was_urgent || is_awaited || is_reborn || !is_to_me));
        }
        Received { is_again: batch.again.is_some() || !is_to_me, is_late: false }
    }

    /// A new stream, for a new life of the neighbor. It has positions of its own, because the
    /// neighbor may hear late of the former one, and acknowledge that.
    fn begin_anew(&mut self) {
        self.acknowledged += self.queue.len() as u64;
        self.again = Some(self.acknowledged);
        (self.sent, self.heard, self.is_overdue) = (0, 0, false);
        self.flights.clear();
        self.beat.lose_time();
    }

    /// Notes up to where this node has what it was told.
    fn hear(&mut self, batch: &Batch<T>) {
        self.heard = self.heard.max(batch.again.unwrap_or_default());
        if batch.first <= self.heard {
            self.heard = self.heard.max(batch.first.saturating_add(batch.news.len() as u64));
        }
    }

    /// Forgets what the neighbor has. Tells when the last of it was sent, if the neighbor had heard
    /// nothing else when it said so.
    fn acknowledge(&mut self, now: Instant, heard: u64) -> Option<Instant> {
        let count = usize::try_from(heard.checked_sub(self.acknowledged)?).unwrap_or(usize::MAX);
        let count = count.min(self.sent);
        if count > 0 {
            self.queue.drain(..count);
            self.acknowledged += count as u64;
            self.sent -= count;
            self.told_of = self.told_of.saturating_sub(count);
            self.is_overdue = false;
            self.beat.advance(now);
        }
        let mut last = None;
        while let Some((end, sent_at)) = self.flights.front().copied()
            && end <= heard
        {
            self.flights.pop_front();
            last = (end == heard).then_some(sent_at);
        }
        last
    }

    /// Has the beats follow those of the neighbor.
    pub(super) fn follow(&mut self) {
        self.beat.follow();
    }

    /// Whether news leaves now because it is the time for it.
    pub(super) fn is_on_beat(&self, now: Instant) -> bool {
        self.has_news() && self.beat.next() <= now
    }

    /// Notes that the neighbor's last news goes on to others now.
    pub(super) fn passed_on(&mut self, now: Instant) {
        self.beat.passed_on(now);
    }

    /// Lets news leave at once, if there is any, and counts the beats from now.
    pub(super) fn flush(&mut self, now: Instant) {
        self.beat.strike(now, self.has_news());
    }
}

/// How many bytes something takes as JSON; a great many, if it does not fit into JSON, which is for
/// whoever sends it to say.
fn json_length(news: &impl Serialize) -> usize {
    let mut count = Count(0);
    serde_json::to_writer(&mut count, news).map_or(usize::MAX / 2, |()| count.0)
}

/// Counts what is written to it.
struct Count(usize);

impl io::Write for Count {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
