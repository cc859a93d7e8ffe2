//! One end of a reliable link between two nodes: sequence numbers, cumulative acknowledgements,
//! retransmission, and the times at which something is due. It does no I/O; the time is a
//! parameter.
//!
//! Each direction is numbered and acknowledged like a TCP stream (RFC 9293), item by item in place
//! of byte by byte. But items are handed over as they arrive, at least once and in any order. The
//! receiver acknowledges all before the first that is missing, and every batch carries the
//! acknowledgement of the other direction. An acknowledgement leaves without items only after a
//! delay, as in TCP (RFC 1122, section 4.2.3.2). The receiver remembers which items arrived out of
//! order, so that they need not be sent again. After the retransmission timeout the sender starts
//! again at the first item that is not acknowledged (go-back-N); until the neighbor acknowledges
//! something, new items wait for the next retransmission. Acknowledged items are forgotten, so an
//! idle link holds only a few numbers.
//!
//! # Retransmission timeout
//!
//! The timeout is QUIC's (RFC 9002, section 6.2.1), because QUIC knows that acknowledgements are
//! delayed on purpose: each says for how long, and the round trip is measured without that delay.
//! The timeout is the smoothed round trip, plus four times its mean deviation ([`Estimate`]), plus
//! the longest delay of an acknowledgement. It is never shorter than
//! [`Timing::min_retransmit_timeout`], and never longer than [`Timing::max_retransmit_timeout`],
//! which bounds the time that a repair takes. Items that were sent twice measure nothing, because
//! it is unknown which of the two was acknowledged (Karn's algorithm).
//!
//! # Flow control
//!
//! Batches are bounded by bytes ([`size::FULL_MESSAGE_BYTES`]), and so is what is in flight
//! ([`WINDOW_BYTES`]): a neighbor that is slow, or was down for long, is sent the next batch when
//! it has acknowledged an earlier one. A full batch does not wait for the batch timer, and requests
//! its acknowledgement at once. After a timeout the first batch has at most [`PROBE_BYTES`], as
//! TCP's congestion window starts again with one segment. More can be in flight, for example a
//! single longer item. Its transfer may take longer than the timeout. So then the timeout starts at
//! the last acknowledgement, and each timeout doubles the next (RFC 6298, sections 5.3 and 5.5), up
//! to [`MAX_BACKOFF`] times.
//!
//! # Incarnations
//!
//! A stream connects two *incarnations*. A node that was killed starts again with a higher
//! incarnation number. When its neighbor sees that, it starts a new stream with the items that were
//! not acknowledged. The new stream has sequence numbers that the old one did not use, so that no
//! late message is taken for part of it. The node does not know any more what its former
//! incarnation acknowledged. So the neighbor's batches name the beginning of the new stream
//! (`stream_base`), which tells the node that there was a former incarnation, and that it needs
//! [anti-entropy](super::spawn_anti_entropy).

use std::collections::VecDeque;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::Timing;
use super::batch_timer::{BatchTimer, TickAlignment};
use super::estimate::Estimate;
use super::received::ReceivedRanges;
use crate::{json, size};

/// Batches are sent while fewer bytes of items than this are in flight. A larger window is faster
/// over long round trips, but puts more old items in front of new ones at a slow neighbor.
const WINDOW_BYTES: usize = 4 * size::FULL_MESSAGE_BYTES;

/// Maximum bytes of items in the batch that probes a neighbor after a timeout, unless a single item
/// is longer: too few for a long transfer. A larger value gives a neighbor that is back more at
/// once, but wastes more on each probe before.
const PROBE_BYTES: usize = 64 << 10;

/// Maximum number of doublings of the timeout, while more than [`PROBE_BYTES`] are in flight. More
/// doublings waste fewer retransmissions of long items, but a neighbor that is back may wait longer
/// for them: up to 7 s with two.
const MAX_BACKOFF: u32 = 2;

/// Message between two nodes: items, and the acknowledgement of the receiver's items.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Batch<T> {
    /// Incarnation of the sender.
    incarnation: u64,
    /// Incarnation of the receiver, if the sender knows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    receiver_incarnation: Option<u64>,
    /// True if the sender needs an acknowledgement now: this is a retransmission or a hello, or
    /// more items wait behind this batch.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    ack_requested: bool,
    /// Cumulative acknowledgement: the next sequence number that the sender expects.
    cumulative_ack: u64,
    /// QUIC's ACK delay: milliseconds since the newest acknowledged item arrived; absent if it was
    /// acknowledged before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ack_delay_millis: Option<u64>,
    /// Sequence number of the first item.
    first_seq: u64,
    /// Items that the receiver may not know.
    pub items: Vec<T>,
    /// Beginning of the stream for the receiver's present incarnation, if the sender knows of a
    /// former one. Lower sequence numbers were for former incarnations; what these have not
    /// acknowledged comes again at higher ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    stream_base: Option<u64>,
    /// State of the sender's ticks, if it aligns them with the receiver's. It then needs a
    /// [`WaitReport`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tick_alignment: Option<TickAlignment>,
    /// For a receiver that aligns its ticks with the sender's: how long its items had to wait here
    /// for a tick.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    wait_report: Option<WaitReport>,
}

/// Time for which the items of a batch wait for a tick at their receiver.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct WaitReport {
    /// Sequence number after the last of the items.
    end_seq: u64,
    millis: u64,
}

/// One node's end of a link.
///
/// Of the stream to the neighbor, `first_unacked + sent_len <= sent_end <= stream_end()`; of the
/// stream from it, `last_ack_sent <= received.next_expected()`. In TCP's terms, `first_unacked` is
/// SND.UNA, `first_unacked + sent_len` is SND.NXT, `sent_end` is the highest SND.NXT so far, and
/// `received.next_expected()` is RCV.NXT.
#[derive(Debug)]
pub(super) struct Link<T> {
    timing: Timing,
    /// This node's incarnation.
    incarnation: u64,
    /// The neighbor's incarnation, once it has sent anything.
    neighbor_incarnation: Option<u64>,
    /// True if the neighbor has shown whether it knows a former incarnation.
    hello_answered: bool,
    /// Time at which the neighbor was last told of this incarnation, by any batch; `None` once it
    /// has answered, or if no hello is planned.
    announced_at: Option<Instant>,
    /// Beginning of the stream for the neighbor's present incarnation, if a former one is known.
    stream_base: Option<u64>,
    /// Backlog: items for the neighbor that are not acknowledged, each with its length as JSON.
    backlog: VecDeque<(T, usize)>,
    /// Bytes of the backlog.
    backlog_bytes: usize,
    /// Sequence number of the first item of the backlog.
    first_unacked: u64,
    /// Number of items at the front of the backlog that were sent since the last timeout.
    sent_len: usize,
    /// Bytes of these items.
    sent_bytes: usize,
    /// Sequence number after the last item that was ever sent.
    sent_end: u64,
    /// Batches that were sent since the last timeout and are not acknowledged.
    in_flight: VecDeque<InFlightBatch>,
    /// Time of the last acknowledgement of something.
    last_progress: Instant,
    /// Time between sending items and their acknowledgement, without the delay that the neighbor
    /// reports.
    round_trip: Option<Estimate>,
    /// Number of times that the timeout was doubled.
    backoff: u32,
    /// Number of items at the front of the backlog that need not be reported as unacknowledged:
    /// they were already, or they were enqueued while the neighbor was suspected, when the caller
    /// could see that.
    reported_len: usize,
    /// True if a timeout has passed, and the neighbor has acknowledged nothing since.
    is_suspected: bool,
    /// Sequence numbers that have arrived from the neighbor.
    received: ReceivedRanges,
    /// Cumulative acknowledgement that was last sent to the neighbor.
    last_ack_sent: u64,
    /// Arrival time of the newest item, until its acknowledgement is sent.
    newest_arrival: Option<Instant>,
    /// Items from this neighbor that were sent upstream and are not acknowledged there.
    forwarded: VecDeque<ForwardedItems>,
    /// Newest forwarded items that the upstream neighbor has acknowledged, and this node has not.
    confirmed: Option<ForwardedItems>,
    /// Time since which an acknowledgement is owed, and true if it is urgent.
    ack_owed: Option<(Instant, bool)>,
    /// Report on the time for which the neighbor's items wait here, until it is sent.
    wait_report: Option<WaitReport>,
    batch_timer: BatchTimer,
}

/// Batch of items that was sent and is not acknowledged.
#[derive(Debug, Clone, Copy)]
struct InFlightBatch {
    /// Sequence number after the last item.
    end: u64,
    sent_at: Instant,
    /// Tick for which it was planned, if it left at one.
    planned: Option<Instant>,
    /// True if any of it had been sent before.
    is_retransmitted: bool,
}

/// Received items that were forwarded to the upstream neighbor.
#[derive(Debug, Clone, Copy)]
struct ForwardedItems {
    /// Sequence number after the last item, in the stream to the upstream neighbor.
    upstream_end: u64,
    /// Sequence number after the last item, in the stream from which they came.
    received_end: u64,
    /// Arrival time of the newest item.
    arrived_at: Instant,
}

/// Consequences of a received batch for the caller.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct ReceiveOutcome {
    /// True if the neighbor knows of a former incarnation of this node.
    pub(super) reports_restart: bool,
    /// True if the batch is from a former incarnation of the neighbor. The present one may not know
    /// its items.
    pub(super) is_stale: bool,
    /// True if the batch is the first from a new incarnation of the neighbor.
    pub(super) neighbor_restarted: bool,
}

impl<T: Clone + Serialize> Link<T> {
    /// Link on which nothing was sent yet, and whose ticks are counted from `start`.
    pub(super) fn new(timing: Timing, incarnation: u64, start: Instant) -> Link<T> {
        Link {
            timing,
            incarnation,
            neighbor_incarnation: None,
            hello_answered: false,
            announced_at: None,
            stream_base: None,
            backlog: VecDeque::new(),
            backlog_bytes: 0,
            first_unacked: 0,
            sent_len: 0,
            sent_bytes: 0,
            sent_end: 0,
            in_flight: VecDeque::new(),
            last_progress: start,
            round_trip: None,
            backoff: 0,
            reported_len: 0,
            is_suspected: false,
            received: ReceivedRanges::default(),
            last_ack_sent: 0,
            newest_arrival: None,
            forwarded: VecDeque::new(),
            confirmed: None,
            ack_owed: None,
            wait_report: None,
            batch_timer: BatchTimer::new(&timing, start),
        }
    }

    /// Plans a hello after [`Timing::hello_delay`], unless another batch leaves before it.
    pub(super) fn schedule_hello(&mut self, now: Instant) {
        if !self.hello_answered && self.announced_at.is_none() {
            // As if the neighbor was told so long ago that a hello is due after the delay.
            let ago = self.timing.min_retransmit_timeout.saturating_sub(self.timing.hello_delay);
            self.announced_at = Some(now.checked_sub(ago).unwrap_or(now));
        }
    }

    /// Puts items at the end of the stream.
    pub(super) fn enqueue(&mut self, now: Instant, items: impl IntoIterator<Item = T>) {
        self.batch_timer.on_enqueued(now, self.has_unsent());
        for item in items {
            // One more byte for the comma.
            let length = json::encoded_len(&item).saturating_add(1);
            self.backlog_bytes = self.backlog_bytes.saturating_add(length);
            self.backlog.push_back((item, length));
        }
        if self.is_suspected {
            self.reported_len = self.backlog.len();
        }
    }

    /// True if the neighbor has acknowledged nothing since a timeout.
    pub(super) fn is_suspected(&self) -> bool {
        self.is_suspected
    }

    /// Time at which a batch is to be sent, if nothing changes.
    pub(super) fn due(&self) -> Option<Instant> {
        let acknowledgement =
            self.ack_owed.map(
                |(since, is_urgent)| {
                    if is_urgent { since } else { since + self.timing.max_ack_delay }
                },
            );
        let may_send = self.has_unsent() && !self.is_suspected && self.sent_bytes < WINDOW_BYTES;
        let unsent = may_send.then(|| {
            // A full batch is due at once: `last_progress` is never in the future.
            if self.has_full_batch() {
                self.last_progress
            } else {
                self.batch_timer.next_departure()
            }
        });
        [acknowledgement, unsent, self.retransmit_at()].into_iter().flatten().min()
    }

    /// True if the backlog has items that were not sent, or must be sent again.
    pub(super) fn has_unsent(&self) -> bool {
        self.sent_len < self.backlog.len()
    }

    /// True if the unsent items fill a batch, so that waiting for more gains nothing.
    fn has_full_batch(&self) -> bool {
        self.backlog_bytes - self.sent_bytes > size::FULL_MESSAGE_BYTES
    }

    /// Time of the next retransmission, or of the next hello.
    fn retransmit_at(&self) -> Option<Instant> {
        let timeout = self.retransmit_timeout();
        let retransmission = self.in_flight.front().map(|flight| {
            if self.sent_bytes > PROBE_BYTES {
                flight.sent_at.max(self.last_progress) + timeout * (1 << self.backoff)
            } else {
                flight.sent_at + timeout
            }
        });
        let hello = self.announced_at.map(|since| since + self.timing.min_retransmit_timeout);
        [retransmission, hello].into_iter().flatten().min()
    }

    /// QUIC's timeout, within the bounds of [`Timing`].
    fn retransmit_timeout(&self) -> Duration {
        let least = self.timing.min_retransmit_timeout;
        let Some(round_trip) = self.round_trip else { return least };
        let allowed = round_trip.mean().saturating_add(round_trip.allowance());
        let allowed = Duration::from_nanos(u64::try_from(allowed).unwrap_or(0));
        self.timing
            .max_ack_delay
            .saturating_add(allowed)
            .min(self.timing.max_retransmit_timeout)
            .max(least)
    }

    /// Builds the batch that is due now. If the retransmission timeout has just passed, also
    /// returns the items to report as unacknowledged. If this node `forwards` the neighbor's items,
    /// it acknowledges those that the upstream neighbor has acknowledged, and the rest only when an
    /// acknowledgement is due.
    pub(super) fn make_batch(&mut self, now: Instant, forwards: bool) -> (Batch<T>, Vec<T>) {
        let mut newly_unacked = Vec::new();
        let is_retry = self.retransmit_at().is_some_and(|at| at <= now);
        if is_retry {
            newly_unacked = self.on_timeout();
        }
        let begin = self.first_unacked + self.sent_len as u64;
        let (end, bytes) = self.batch_end();
        let items = self.backlog.range(self.sent_len..end).map(|(item, _)| item.clone()).collect();
        let has_more = end < self.backlog.len();
        let is_on_schedule = self.is_on_schedule(now) && !is_retry && !has_more;
        if end > self.sent_len {
            let planned = self.batch_timer.planned_tick(now).filter(|_| is_on_schedule);
            let is_retransmitted = begin < self.sent_end;
            let end = self.first_unacked + end as u64;
            let sent_at = now;
            self.in_flight.push_back(InFlightBatch { end, sent_at, planned, is_retransmitted });
            self.sent_end = self.sent_end.max(end);
        }
        (self.sent_len, self.sent_bytes) = (end, self.sent_bytes.saturating_add(bytes));
        let ack_is_due = self.ack_owed.is_some_and(|(since, is_urgent)| {
            is_urgent || since + self.timing.max_ack_delay <= now
        });
        let arrived_at = if forwards && !ack_is_due {
            let arrived_at = self.acknowledge_confirmed();
            // Nothing is left to acknowledge. If this stayed set, the next acknowledgement would be
            // due too early.
            if self.last_ack_sent == self.received.next_expected() {
                self.ack_owed = None;
            }
            arrived_at
        } else {
            self.ack_owed = None;
            self.last_ack_sent = self.received.next_expected();
            self.newest_arrival.take()
        };
        // With a gap, the newest item is not among the acknowledged ones, so its delay measures
        // nothing.
        let arrived_at = arrived_at.filter(|_| !self.received.has_gap());
        let batch = Batch {
            incarnation: self.incarnation,
            receiver_incarnation: self.neighbor_incarnation,
            ack_requested: is_retry || has_more,
            cumulative_ack: self.last_ack_sent,
            ack_delay_millis: arrived_at.map(|then| millis(now - then)),
            first_seq: begin,
            items,
            stream_base: self.stream_base,
            tick_alignment: self.batch_timer.alignment().filter(|_| is_on_schedule),
            wait_report: self.wait_report.take(),
        };
        self.announced_at = self.announced_at.map(|_| now);
        if !has_more {
            self.batch_timer.on_sent(now);
        }
        self.debug_assert_stream_order();
        (batch, newly_unacked)
    }

    /// Acknowledges items that the upstream neighbor has acknowledged, and returns the arrival time
    /// of the newest.
    fn acknowledge_confirmed(&mut self) -> Option<Instant> {
        let ForwardedItems { received_end, arrived_at, .. } = self.confirmed.take()?;
        if received_end <= self.last_ack_sent {
            return None;
        }
        self.last_ack_sent = received_end;
        self.ack_owed = self
            .ack_owed
            .filter(|_| received_end < self.received.next_expected())
            .map(|(since, is_urgent)| (since.max(arrived_at), is_urgent));
        Some(arrived_at)
    }

    /// Records that everything received so far lies before `upstream_end` in the stream to the
    /// upstream neighbor.
    pub(super) fn note_forwarded(&mut self, upstream_end: u64) {
        let last = self.forwarded.back().or(self.confirmed.as_ref());
        let noted_end =
            last.map_or(self.last_ack_sent, |last| last.received_end.max(self.last_ack_sent));
        let received_end = self.received.next_expected();
        if let Some(arrived_at) = self.newest_arrival
            && noted_end < received_end
        {
            self.forwarded.push_back(ForwardedItems { upstream_end, received_end, arrived_at });
        }
    }

    /// Records that the upstream neighbor has acknowledged everything before `upstream_ack` in its
    /// stream. `None` if it was restarted, and so has forgotten what was forwarded.
    pub(super) fn note_confirmed(&mut self, upstream_ack: Option<u64>) {
        let Some(upstream_ack) = upstream_ack else { return self.forwarded.clear() };
        while let Some(first) = self.forwarded.front()
            && first.upstream_end <= upstream_ack
        {
            self.confirmed = self.forwarded.pop_front();
        }
    }

    /// Sequence number before which the neighbor has acknowledged everything.
    pub(super) fn first_unacked(&self) -> u64 {
        self.first_unacked
    }

    /// Sequence number after the last item.
    pub(super) fn stream_end(&self) -> u64 {
        self.first_unacked + self.backlog.len() as u64
    }

    /// Counts all of the backlog as not sent, so that it is sent again from its first item.
    /// Returns the items that were not reported as unacknowledged.
    fn on_timeout(&mut self) -> Vec<T> {
        let mut newly_unacked = Vec::new();
        if self.sent_len > 0 {
            if self.sent_bytes > PROBE_BYTES {
                self.backoff = (self.backoff + 1).min(MAX_BACKOFF);
            }
            self.is_suspected = true;
            newly_unacked
                .extend(self.backlog.range(self.reported_len..).map(|(item, _)| item.clone()));
            self.reported_len = self.backlog.len();
        }
        (self.sent_len, self.sent_bytes) = (0, 0);
        self.in_flight.clear();
        newly_unacked
    }

    /// End of the next batch in the backlog, and its bytes. It has as many items as fit, but at
    /// least one as long as the window is not full.
    fn batch_end(&self) -> (usize, usize) {
        let (mut end, mut bytes) = (self.sent_len, 0_usize);
        if self.sent_bytes >= WINDOW_BYTES {
            return (end, bytes);
        }
        let max_bytes = if self.is_suspected { PROBE_BYTES } else { size::FULL_MESSAGE_BYTES };
        for (_, length) in self.backlog.range(self.sent_len..) {
            if bytes > 0 && bytes.saturating_add(*length) > max_bytes {
                break;
            }
            (end, bytes) = (end + 1, bytes.saturating_add(*length));
        }
        (end, bytes)
    }

    /// Processes a batch from the neighbor.
    pub(super) fn receive(&mut self, now: Instant, batch: &Batch<T>) -> ReceiveOutcome {
        if self.neighbor_incarnation.is_some_and(|known| batch.incarnation < known) {
            return ReceiveOutcome { is_stale: true, ..ReceiveOutcome::default() };
        }
        let neighbor_restarted =
            self.neighbor_incarnation.is_some_and(|known| known < batch.incarnation);
        if neighbor_restarted {
            self.start_new_stream();
        }
        self.neighbor_incarnation = Some(batch.incarnation);
        if batch.receiver_incarnation.is_some() {
            // It has shown whether it knows a former incarnation.
            (self.hello_answered, self.announced_at) = (true, None);
        }
        let is_to_me = batch.receiver_incarnation.is_none_or(|to| to == self.incarnation);
        if is_to_me {
            self.record_received(now, batch);
        }
        if batch.receiver_incarnation == Some(self.incarnation) {
            // Before `process_ack`, which removes the batch from `in_flight`.
            let measured = batch.wait_report.and_then(|report| {
                let flight = self.in_flight.iter().find(|flight| flight.end == report.end_seq)?;
                Some((flight.planned?, Duration::from_millis(report.millis)))
            });
            self.process_ack(now, batch.cumulative_ack, batch.ack_delay_millis);
            if let Some((planned, wait)) = measured {
                // A quarter of a round trip, until the deviation is measured.
                let deviation = self.round_trip.map_or(0, |round_trip| round_trip.mean() / 4);
                let deviation = Duration::from_nanos(u64::try_from(deviation).unwrap_or(0));
                self.batch_timer.adjust(now, planned, wait, deviation);
            }
        }
        if !batch.items.is_empty()
            || batch.ack_requested
            || batch.receiver_incarnation != Some(self.incarnation)
        {
            let (since, was_urgent) = self.ack_owed.unwrap_or((now, false));
            // The answer to a hello can wait for items with which to travel.
            let is_awaited = batch.ack_requested && !batch.items.is_empty();
            self.ack_owed =
                Some((since, was_urgent || is_awaited || neighbor_restarted || !is_to_me));
        }
        ReceiveOutcome {
            reports_restart: batch.stream_base.is_some() || !is_to_me,
            is_stale: false,
            neighbor_restarted,
        }
    }

    /// Starts a new stream, for a new incarnation of the neighbor. Its sequence numbers are new,
    /// because the neighbor may get late messages of the old stream, and acknowledge those.
    fn start_new_stream(&mut self) {
        self.first_unacked += self.backlog.len() as u64;
        self.stream_base = Some(self.first_unacked);
        (self.sent_len, self.sent_bytes, self.sent_end) = (0, 0, self.first_unacked);
        (self.is_suspected, self.backoff) = (false, 0);
        (self.received, self.newest_arrival, self.wait_report) =
            (ReceivedRanges::default(), None, None);
        self.last_ack_sent = 0;
        self.forwarded.clear();
        self.confirmed = None;
        self.in_flight.clear();
        self.batch_timer.lose_alignment();
        self.debug_assert_stream_order();
    }

    /// Adds the sequence numbers of a batch to those that have arrived.
    fn record_received(&mut self, now: Instant, batch: &Batch<T>) {
        self.received.skip_to(batch.stream_base.unwrap_or_default());
        let end = batch.first_seq.saturating_add(batch.items.len() as u64);
        if self.received.insert(batch.first_seq, end) {
            self.newest_arrival = Some(now);
        }
    }

    /// Drops the acknowledged items, and measures the round trip by the newest, which the neighbor
    /// has had for `delay` milliseconds.
    fn process_ack(&mut self, now: Instant, cumulative_ack: u64, delay: Option<u64>) {
        let Some(count) = cumulative_ack.checked_sub(self.first_unacked) else { return };
        let count = count.min(self.sent_end - self.first_unacked);
        for _ in 0..count {
            let Some((_, length)) = self.backlog.pop_front() else { break };
            self.backlog_bytes = self.backlog_bytes.saturating_sub(length);
            if self.sent_len > 0 {
                self.sent_len -= 1;
                self.sent_bytes = self.sent_bytes.saturating_sub(length);
            }
        }
        let mut last = None;
        while let Some(flight) = self.in_flight.front().copied()
            && flight.end <= cumulative_ack
        {
            self.in_flight.pop_front();
            last = Some(flight);
        }
        if count > 0 {
            self.first_unacked += count;
            self.reported_len =
                self.reported_len.saturating_sub(usize::try_from(count).unwrap_or(usize::MAX));
            self.is_suspected = false;
            self.last_progress = now;
            self.batch_timer.advance(now);
        }
        if let (Some(InFlightBatch { end, sent_at, is_retransmitted: false, .. }), Some(delay)) =
            (last, delay)
            && end == cumulative_ack
        {
            self.backoff = 0;
            self.measure_round_trip((now - sent_at).saturating_sub(Duration::from_millis(delay)));
        }
        self.debug_assert_stream_order();
    }

    /// Asserts the invariant of the stream to the neighbor.
    fn debug_assert_stream_order(&self) {
        debug_assert!(self.first_unacked + self.sent_len as u64 <= self.sent_end);
        debug_assert!(self.sent_end <= self.stream_end());
    }

    fn measure_round_trip(&mut self, round_trip: Duration) {
        let nanos = i64::try_from(round_trip.as_nanos()).unwrap_or(i64::MAX);
        match &mut self.round_trip {
            Some(round_trip) => round_trip.add(nanos),
            // RFC 6298 starts with half of it. Until more is known, the minimum timeout suffices.
            None => self.round_trip = Some(Estimate::new(nanos, nanos / 8)),
        }
    }

    /// Aligns the batch timer with the neighbor's.
    pub(super) fn align_ticks(&mut self) {
        self.batch_timer.align();
    }

    /// Timer by which batches leave for the neighbor.
    pub(super) fn batch_timer(&self) -> &BatchTimer {
        &self.batch_timer
    }

    /// Stores for the next report how long the items of this batch wait for a tick, if its sender
    /// aligns with that. Returns true if the batch was to arrive before the tick that was missed.
    pub(super) fn note_wait(
        &mut self,
        batch: &Batch<T>,
        wait: Duration,
        tick_missed: bool,
    ) -> bool {
        let Some(alignment) = batch.tick_alignment.filter(|_| !batch.items.is_empty()) else {
            return false;
        };
        let batch_missed = tick_missed && alignment == TickAlignment::Aligned;
        // The report on a late batch must not be overwritten by the next.
        if batch_missed || self.wait_report.is_none() {
            let end_seq = batch.first_seq.saturating_add(batch.items.len() as u64);
            self.wait_report = Some(WaitReport { end_seq, millis: millis(wait) });
        }
        batch_missed
    }

    /// True if items leave now because the batch timer says so.
    fn is_on_schedule(&self, now: Instant) -> bool {
        self.has_unsent() && self.batch_timer.next_departure() <= now
    }

    /// Sends unsent items at once, if there are any, and restarts the batch timer.
    pub(super) fn flush(&mut self, now: Instant) {
        self.batch_timer.restart(now, self.has_unsent());
    }

    /// Adds an extra tick at this time, at which items leave if there are any then.
    pub(super) fn add_extra_tick(&mut self, at: Instant) {
        self.batch_timer.add_extra_tick(at);
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
