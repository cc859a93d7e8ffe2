//! Reliable links to neighbors: every item that a node enqueues for a neighbor arrives there,
//! whatever the network loses, duplicates or reorders. (This is not epidemic gossip: no peer is
//! chosen at random. The name is that of the challenges.)
//!
//! A link between two nodes carries two streams of items, one in each direction. The sender gives
//! each item a sequence number, keeps it in a backlog, and retransmits it until it is acknowledged.
//! Acknowledgements are cumulative: one number says that everything before it has arrived. An
//! acknowledgement travels with the next batch of items in the other direction; only if there is
//! none for a while does it travel alone. So on a link with items in both directions
//! acknowledgements cost nothing, and an idle link is silent. Acknowledged items leave the backlog,
//! so an idle link holds only a few numbers.
//!
//! Delivery is *at least once* and unordered: unlike TCP, a link hands items over as they arrive.
//! [`Seen`] removes duplicates.
//!
//! # Nothing is lost
//!
//! An item that is acknowledged is known to the receiver; any other is in the backlog of its
//! sender. Suppose that every node acknowledges an item only when it is in the backlogs for all
//! neighbors to which it must be forwarded. Then at any moment a value that a node lacks is in the
//! backlog of another node that will send it on. Once the links work for long enough, all backlogs
//! are empty.
//!
//! The time that this takes follows from [`Timing`]: a batch that was lost just before a fault
//! ended is retransmitted [`Timing::min_retransmit_timeout`] after it was sent, or up to
//! [`Timing::max_retransmit_timeout`] where round trips vary. While more than 64 KiB are in flight
//! to a neighbor, the time counts from its last acknowledgement, if that is later, and doubles with
//! each timeout, up to a bound. A neighbor that acknowledges nothing for this time is *suspected*.
//! Until it acknowledges something, each retransmission has at most 64 KiB of the backlog for it,
//! or a single larger item.
//!
//! # Message sizes
//!
//! A batch has at most 512 KiB of items, or a single larger item; so has an answer during
//! [anti-entropy](spawn_anti_entropy). A handler should refuse items of more than 8 MiB from
//! clients by [`check_entry_size`](crate::check_entry_size), so that no line exceeds the 64 MiB
//! that a node reads. At most some 2 MiB are in flight to a neighbor, which acknowledges them
//! before it is sent more, and between two batches all other links have their turns. So a neighbor
//! that has missed a lot receives it as fast as it can take it, and delays nobody else.
//!
//! # After a restart
//!
//! A node that is killed forgets its backlogs and the items that it has acknowledged. Its neighbors
//! notice the restart, because the messages of a new [incarnation](Node::incarnation) have a higher
//! number. They tell the node that it had a former incarnation, and it starts
//! [anti-entropy](spawn_anti_entropy). It compares its items with those of one neighbor, which
//! sends everything, and then with those of all others. By then their [`Digest`]s hardly differ, so
//! they send only what is still missing.
//!
//! Let a node Z be restarted, and X be a neighbor of Z that stays up. Every value that X knows
//! reaches Z:
//!
//! * If X learned the value after it had heard of Z's present incarnation, it is in the backlog for
//!   this incarnation.
//! * If X learned it before, and has it in the backlog for Z's former incarnation, X carries it
//!   over into the stream for the present one. Otherwise Z has acknowledged it or has sent it
//!   itself, so X's reply to Z's comparison contains it. (It does not if a message that Z sent
//!   before it was killed arrives after that comparison, but before any batch of the present
//!   incarnation.)
//! * If X learned it from a late message of a former incarnation of Z, X sends it to the present
//!   one.
//! * If Z was killed before it had forwarded the value to a third node, Z gets it back when it
//!   compares itself with X, and sends it to the nodes with which it has compared itself before.
//!
//! A node that is killed meanwhile begins again; one that does not answer is asked until it does.
//! Comparing twice does no harm. So a value is lost only if at some moment no live node knows it.
//!
//! Incarnations are numbered by the system's clock. If that clock was set back while a node was
//! down, the node looks older than its former incarnation, and its neighbors ignore it until it is
//! restarted with a later clock.
//!
//! A node may have one *upstream* neighbor, in a tree its parent, to which it forwards what all
//! others send. It can align its batches with that neighbor's ([`Gossip::set_upstream`]).

mod anti_entropy;
mod batch_timer;
mod estimate;
mod link;
mod received;
mod seen;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::time::Duration;

use serde::Serialize;
use tokio::sync::{Notify, mpsc};
use tokio::time::{Instant, sleep_until};

pub use self::anti_entropy::{ComparisonStep, spawn_anti_entropy};
pub use self::link::Batch;
use self::link::Link;
pub use self::seen::{BucketItems, Digest, Seen};
use crate::node::Node;

/// Intervals and timeouts of a node's links. All nodes of a cluster must use the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// Time between two ticks of the batch timer. Items leave at a tick, or at once if this is
    /// zero. A larger value saves messages; a smaller one reduces latency.
    pub batch_interval: Duration,
    /// Minimum of the lead: the time by which items should arrive before the tick at which their
    /// [upstream](Gossip::set_upstream) neighbor forwards them. Where latency varies, the lead is
    /// four times its mean deviation, up to a third of `batch_interval`. A larger value tolerates
    /// deviations that were not measured yet; a smaller one reduces latency.
    pub min_lead: Duration,
    /// Longest time for which an acknowledgement waits for items that it can travel with. A larger
    /// value saves messages; a smaller one allows a smaller `min_retransmit_timeout`.
    pub max_ack_delay: Duration,
    /// Shortest time without an acknowledgement after which items are retransmitted. It must exceed
    /// `max_ack_delay` and a round trip together. A larger value delays repair.
    pub min_retransmit_timeout: Duration,
    /// Longest such time, for round trips that are measured to take longer, or to vary. A larger
    /// value retransmits less of what is late and not lost, and delays repair.
    pub max_retransmit_timeout: Duration,
    /// Time for which a node that starts waits for something to send to a neighbor, before it sends
    /// a hello: an empty batch that announces its incarnation. A larger value saves messages, and
    /// delays the repair after a restart.
    pub hello_delay: Duration,
}

impl Timing {
    /// Items leave at once, and repair takes less than 2 s where a message takes 100 ms.
    pub const IMMEDIATE: Timing = Timing {
        batch_interval: Duration::ZERO,
        min_lead: Duration::from_millis(10),
        max_ack_delay: Duration::from_millis(1400),
        min_retransmit_timeout: Duration::from_millis(1700),
        max_retransmit_timeout: Duration::from_millis(1850),
        hello_delay: Duration::from_millis(700),
    };

    /// Items leave in batches, one per interval.
    pub const fn every(interval: Duration) -> Timing {
        Timing {
            batch_interval: interval,
            max_ack_delay: interval.saturating_add(Duration::from_millis(800)),
            min_retransmit_timeout: interval.saturating_add(Duration::from_millis(1200)),
            max_retransmit_timeout: interval.saturating_add(Duration::from_millis(1500)),
            hello_delay: interval.saturating_add(Duration::from_millis(500)),
            ..Timing::IMMEDIATE
        }
    }
}

/// A node's ends of all its links. Clones are cheap and refer to the same links.
pub struct Gossip<T>(Rc<GossipInner<T>>);

struct GossipInner<T> {
    node: Node,
    timing: Timing,
    start: Instant,
    links: RefCell<BTreeMap<String, Rc<NeighborLink<T>>>>,
    /// Nodes that may have items which a former incarnation of this node has sent or received.
    comparison_peers: RefCell<BTreeSet<String>>,
    /// Those of them with which this incarnation has not been compared yet.
    uncompared_peers: RefCell<Vec<String>>,
    /// First node that has shown that it knows of a former incarnation of this one.
    restart_reporter: RefCell<Option<String>>,
    /// Nodes to compare with, although this node was not restarted.
    extra_comparisons: RefCell<Vec<String>>,
    comparison_needed: Notify,
    /// Neighbor to which this node forwards the items of all others, see [`Gossip::set_upstream`].
    upstream: RefCell<Option<String>>,
    send: SendFn<T>,
    /// Channel to the task of [`Gossip::on_suspected`].
    suspicions: RefCell<Option<mpsc::UnboundedSender<UnackedItems<T>>>>,
}

type SendFn<T> = Box<dyn Fn(&str, Batch<T>)>;

/// A neighbor that has become suspected, and items that it has not acknowledged.
type UnackedItems<T> = (String, Vec<T>);

struct NeighborLink<T> {
    state: RefCell<Link<T>>,
    changed: Notify,
}

/// Nodes with which this node has to compare itself.
pub(super) enum Comparisons {
    /// All that were not compared with since a restart. The first of them is the one that has
    /// reported the restart, unless it was compared with before.
    AfterRestart(Vec<String>),
    /// Those that [`Gossip::compare_with`] has named.
    Extra(Vec<String>),
}

impl<T: Clone + Serialize + 'static> Gossip<T> {
    /// Gossip without any links yet. `message` wraps a batch into a message.
    pub fn new<M: Serialize>(
        node: &Node,
        timing: Timing,
        message: impl Fn(Batch<T>) -> M + 'static,
    ) -> Gossip<T> {
        let send = {
            let node = node.clone();
            Box::new(move |to: &str, batch| node.send(to, &message(batch)))
        };
        Gossip(Rc::new(GossipInner {
            node: node.clone(),
            timing,
            start: Instant::now(),
            links: RefCell::default(),
            comparison_peers: RefCell::default(),
            uncompared_peers: RefCell::default(),
            restart_reporter: RefCell::default(),
            extra_comparisons: RefCell::default(),
            comparison_needed: Notify::new(),
            upstream: RefCell::default(),
            send,
            suspicions: RefCell::default(),
        }))
    }

    /// Opens links to neighbors and schedules a hello on each, so that each end finds out whether
    /// the other had a former incarnation.
    pub fn connect(&self, neighbors: impl IntoIterator<Item = String>) {
        for neighbor in neighbors {
            self.update_link(&neighbor, Link::schedule_hello);
            self.add_comparison_peers([neighbor]);
        }
    }

    /// Adds nodes with which this node compares itself in [anti-entropy](spawn_anti_entropy) after
    /// a restart: nodes that are not neighbors, but may have learned from a former incarnation of
    /// this one what nobody else knows.
    pub fn add_comparison_peers(&self, others: impl IntoIterator<Item = String>) {
        for other in others {
            if self.0.comparison_peers.borrow_mut().insert(other.clone()) {
                self.0.uncompared_peers.borrow_mut().push(other);
            }
        }
        self.0.comparison_needed.notify_one();
    }

    /// Starts [anti-entropy](spawn_anti_entropy) after a restart that `reporter` knows of: a
    /// neighbor, or this node itself.
    pub fn note_restart(&self, reporter: &str) {
        self.0.restart_reporter.borrow_mut().get_or_insert_with(|| reporter.to_owned());
        self.0.comparison_needed.notify_one();
    }

    /// Compares this node's items with those of another one, once, as in
    /// [anti-entropy](spawn_anti_entropy) after a restart. Useful when a node that no longer
    /// answers may have sent its last items to only one of the two.
    pub fn compare_with(&self, other: &str) {
        self.0.extra_comparisons.borrow_mut().push(other.to_owned());
        self.0.comparison_needed.notify_one();
    }

    /// Makes a neighbor the upstream of this node: the one to which this node forwards what others
    /// send. Batches to it are timed to arrive shortly before the tick at which the neighbor
    /// forwards them. The neighbor reports how long items have to wait there, so clocks need not be
    /// synchronized; items that have just missed a tick are forwarded at an extra one. Items of
    /// others are acknowledged once the upstream neighbor has acknowledged them, or when their
    /// acknowledgement has waited for [`Timing::max_ack_delay`].
    pub fn set_upstream(&self, neighbor: &str) {
        self.0.upstream.replace(Some(neighbor.to_owned()));
        self.update_link(neighbor, |link, _| link.align_ticks());
    }

    /// Sends the items for a neighbor at once, and restarts its batch timer.
    pub fn flush(&self, neighbor: &str) {
        self.update_link(neighbor, Link::flush);
    }

    /// True from a retransmission timeout until the neighbor acknowledges something.
    pub fn is_suspected(&self, neighbor: &str) -> bool {
        let links = self.0.links.borrow();
        links.get(neighbor).is_some_and(|link| link.state.borrow().is_suspected())
    }

    /// Spawns a task that calls `call` with each neighbor that becomes suspected, and those items
    /// in the backlog for it that were not reported before. Items that are enqueued while the
    /// neighbor [is suspected](Gossip::is_suspected) are not reported.
    pub fn on_suspected(&self, call: impl Fn(&str, Vec<T>) + 'static) {
        // Unbounded, like the backlogs from which the items are copied. The task empties it at
        // once, because `call` is not async.
        let (sender, mut suspicions) = mpsc::unbounded_channel();
        self.0.suspicions.replace(Some(sender));
        self.0.node.spawn(async move {
            while let Some((neighbor, items)) = suspicions.recv().await {
                call(&neighbor, items);
            }
        });
    }

    /// Puts items into the backlog for a neighbor, and opens a link if there is none.
    pub fn enqueue(&self, neighbor: &str, items: impl IntoIterator<Item = T>) {
        let mut items = items.into_iter().peekable();
        if items.peek().is_some() {
            self.update_link(neighbor, |link, now| link.enqueue(now, items));
        }
    }

    /// Records that a batch has arrived, so that its items will be acknowledged. Call it after the
    /// items were stored and enqueued for others, or before, but without an `await` between: the
    /// acknowledgement is sent by another task, so it cannot leave meanwhile.
    ///
    /// Returns true if the sender is still in the incarnation that sent the batch. If it was
    /// restarted meanwhile, it has forgotten these items, and nobody else will send them to the
    /// nodes that they have not reached yet.
    pub fn receive(&self, from: &str, batch: &Batch<T>) -> bool {
        let (outcome, acked) = self.update_link(from, |link, now| {
            let outcome = link.receive(now, batch);
            (outcome, link.first_unacked())
        });
        if self.is_upstream(from) {
            let upstream_ack = (!outcome.neighbor_restarted).then_some(acked);
            self.for_each_link_except(from, |link| link.note_confirmed(upstream_ack));
        }
        self.report_wait(from, batch);
        if outcome.is_stale {
            self.enqueue(from, batch.items.iter().cloned());
        }
        if outcome.reports_restart {
            self.add_comparison_peers([from.to_owned()]);
            self.note_restart(from);
        }
        !outcome.is_stale
    }

    /// Reports to the sender of items how long they wait here for the tick at which they are
    /// forwarded: to the upstream neighbor, or, without one, to all. Items that have just missed a
    /// tick are forwarded at an extra one.
    fn report_wait(&self, from: &str, batch: &Batch<T>) {
        let (links, upstream) = (self.0.links.borrow(), self.0.upstream.borrow());
        // Without an upstream neighbor all links have the same ticks, so the sender's will do.
        let onward_link = links.get(upstream.as_deref().unwrap_or(from));
        let (Some(onward_link), Some(from_link)) = (onward_link, links.get(from)) else { return };
        let now = Instant::now();
        let extra_tick = onward_link.state.borrow().batch_timer().extra_tick_after_miss(now);
        let Some(wait) = onward_link.state.borrow().batch_timer().wait(now) else { return };
        let tick_missed = extra_tick.is_some();
        let batch_missed = from_link.state.borrow_mut().note_wait(batch, wait, tick_missed);
        let Some(at) = extra_tick.filter(|_| batch_missed) else { return };
        for (neighbor, link) in &*links {
            if upstream.as_ref().is_none_or(|upstream| upstream == neighbor) {
                link.state.borrow_mut().add_extra_tick(at);
                link.changed.notify_one();
            }
        }
    }

    /// Waits until this node has to compare itself with others, and returns them.
    pub(super) async fn next_comparisons(&self) -> Comparisons {
        loop {
            let extra = self.0.extra_comparisons.take();
            if !extra.is_empty() {
                return Comparisons::Extra(extra);
            }
            if let Some(first) = &*self.0.restart_reporter.borrow() {
                let mut others = self.0.uncompared_peers.take();
                if let Some(index) = others.iter().position(|other| other == first) {
                    others[..=index].rotate_right(1);
                }
                if !others.is_empty() {
                    return Comparisons::AfterRestart(others);
                }
            }
            self.0.comparison_needed.notified().await;
        }
    }

    pub(super) fn node(&self) -> &Node {
        &self.0.node
    }

    fn update_link<R>(&self, neighbor: &str, change: impl FnOnce(&mut Link<T>, Instant) -> R) -> R {
        let link = self.link_to(neighbor);
        let result = change(&mut link.state.borrow_mut(), Instant::now());
        link.changed.notify_one();
        result
    }

    /// Link to a neighbor. If there is none, it is opened, without a hello.
    fn link_to(&self, neighbor: &str) -> Rc<NeighborLink<T>> {
        let GossipInner { node, timing, start, links, .. } = &*self.0;
        if let Some(link) = links.borrow().get(neighbor) {
            return Rc::clone(link);
        }
        let state = RefCell::new(Link::new(*timing, node.incarnation(), *start));
        let link = Rc::new(NeighborLink { state, changed: Notify::new() });
        links.borrow_mut().insert(neighbor.to_owned(), Rc::clone(&link));
        node.spawn(run_link(self.clone(), neighbor.to_owned(), Rc::clone(&link)));
        link
    }
}

/// Sends what is due on a link, until the node ends.
async fn run_link<T: Clone + Serialize + 'static>(
    gossip: Gossip<T>,
    neighbor: String,
    link: Rc<NeighborLink<T>>,
) {
    loop {
        let (due, now) = (link.state.borrow().due(), Instant::now());
        match due {
            Some(at) if at <= now => {
                gossip.send_batch(&neighbor, &link, now);
                if link.state.borrow().due().is_some_and(|at| at <= now) {
                    // Let this batch be written, and other links have their turns, before the next.
                    tokio::task::yield_now().await;
                }
            }
            Some(at) => tokio::select! {
                biased;
                () = link.changed.notified() => {}
                () = sleep_until(at) => {}
            },
            None => link.changed.notified().await,
        }
    }
}

impl<T: Clone + Serialize + 'static> Gossip<T> {
    fn send_batch(&self, neighbor: &str, link: &NeighborLink<T>, now: Instant) {
        let GossipInner { send, suspicions, .. } = &*self.0;
        let forwards = self.forwards_items_of(neighbor);
        let (batch, newly_unacked) = link.state.borrow_mut().make_batch(now, forwards);
        send(neighbor, batch);
        if self.is_upstream(neighbor) {
            let upstream_end = link.state.borrow().stream_end();
            self.for_each_link_except(neighbor, |link| link.note_forwarded(upstream_end));
        }
        if let Some(suspicions) = &*suspicions.borrow()
            && !newly_unacked.is_empty()
        {
            // Fails only when the node is about to end.
            let _ = suspicions.send((neighbor.to_owned(), newly_unacked));
        }
    }

    /// True if this node forwards the items of this neighbor to the upstream one. Such items are
    /// acknowledged once the upstream neighbor has acknowledged them. If they were acknowledged
    /// before, and this node and the upstream one were killed, their sender would not know that it
    /// has to send them to another node.
    fn forwards_items_of(&self, neighbor: &str) -> bool {
        let upstream = self.0.upstream.borrow();
        let upstream = upstream.as_deref().filter(|upstream| *upstream != neighbor);
        let links = self.0.links.borrow();
        let link = upstream.and_then(|upstream| links.get(upstream));
        link.is_some_and(|link| !link.state.borrow().is_suspected())
    }

    fn is_upstream(&self, neighbor: &str) -> bool {
        self.0.upstream.borrow().as_deref() == Some(neighbor)
    }

    fn for_each_link_except(&self, neighbor: &str, mut change: impl FnMut(&mut Link<T>)) {
        for (other, link) in &*self.0.links.borrow() {
            if other != neighbor {
                change(&mut link.state.borrow_mut());
            }
        }
    }
}

impl<T> Clone for Gossip<T> {
    fn clone(&self) -> Self {
        Gossip(Rc::clone(&self.0))
    }
}
