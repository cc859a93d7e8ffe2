//! Keeping neighbors up to date: what is new, and seeing to it that it arrives.
//!
//! Each link between two nodes is two streams of news, one in each direction. Whoever tells numbers
//! what it tells, keeps it in a backlog, and sends it again until it is acknowledged. Whoever is
//! told acknowledges up to where it has everything, with the next news that it has for the other
//! one anyway; only if there is none for a while does an acknowledgement travel alone. So on a link
//! with news in both directions acknowledgements cost nothing, and on one without any, nothing is
//! said. A backlog is forgotten as it is acknowledged, and then a link is a few numbers.
//!
//! # Nothing is lost
//!
//! What a node has acknowledged, it has; what it has not, is in the backlog of whoever told it. So
//! if a node acknowledges only what it has put into the backlogs of those to whom it has to pass it
//! on, every value is at any moment either known to a node or in the backlog of one that is to tell
//! it. Once the links work for long enough, every backlog is empty. How long that is follows from
//! [`Pace`]: a batch that was lost just before a fault ended is sent again [`Pace::retry`] after it
//! was sent, or [`Pace::retry_at_most`] where round trips vary so much. While a neighbor
//! acknowledges nothing for longer than that, it is *overdue*, and is sent no more than 64 KiB of
//! what it misses each time.
//!
//! # How long messages are
//!
//! A batch has 512 KiB of news at most, or one item; so has an answer that [catches up](catch_up).
//! An item is what a client brings; [`check_entry`](crate::check_entry) refuses more than 8 MiB.
//! So no message is ever too long to be read. Some 2 MiB are on their way to a neighbor, which
//! acknowledges them before it is sent more, and between two batches all others have their turns:
//! a neighbor that has missed a lot gets it as fast as it takes it, and nobody waits for that.
//!
//! News may arrive twice, when its acknowledgement is late or lost, and in another order. [`Seen`]
//! takes care of that.
//!
//! # After a restart
//!
//! A node that is killed forgets what it has acknowledged, and what it has to tell. Its neighbors
//! find out, because the messages of a new [life](Node::life) bear a greater number; so they say
//! that there was a former life, and the node has to [`catch_up`]: it compares what it knows with
//! what each of its neighbors does, by [`Digest`]s, so that only one of them tells everything. Then
//! every value that a living node X knows gets to its neighbor Z:
//!
//! * If X learned it after it had heard of Z's present life, it is in the backlog for this life.
//! * If X learned it before, it is in X's answer to Z's question, because X had heard of this life
//!   before it asked.
//! * If X learned it from a former life of Z, whose message was late, X tells the present life.
//! * If Z tells a third node what X knows, and is killed before, X and Z compare when Z is back,
//!   and Z tells those it has compared itself with already.
//!
//! Who is killed meanwhile begins again; who does not answer is asked until it does. Comparing
//! twice does no harm. So a value is lost only if at some moment no living node knows it.
//!
//! Lives are numbered by the system's clock. A node whose clock was set back while it was down
//! counts as its former life, and is not listened to until it is started later than that was.

mod beat;
mod catch_up;
mod link;
mod received;
mod seen;
mod smoothed;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::time::Duration;

use serde::Serialize;
use tokio::sync::{Notify, mpsc};
use tokio::time::{Instant, sleep_until};

pub use self::catch_up::{Lesson, catch_up};
pub use self::link::Batch;
use self::link::Link;
pub use self::seen::{Difference, Digest, Seen};
use crate::node::Node;

/// When a node sends what. All nodes of a cluster need the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// The time between two beats; news leaves at one, or at once if this is zero. Longer saves
    /// messages, shorter saves latency.
    pub flush: Duration,
    /// How long before a beat of the neighbor it [follows](Gossip::follow) a node's news should
    /// arrive there at least. It is more where the time that this takes varies: four times its mean
    /// deviation, as it was measured, but no more than a third of `flush`. Less saves latency, more
    /// allows for what was not measured yet.
    pub ahead: Duration,
    /// How long an acknowledgement waits for news that it can travel with. Longer saves messages,
    /// shorter allows for a shorter `retry`.
    pub acknowledge: Duration,
    /// How long an acknowledgement is waited for at least before everything is sent again. It must
    /// exceed `acknowledge` and the way there and back together. Longer takes longer to repair.
    pub retry: Duration,
    /// How long it is waited for at most where the way there and back is measured to take longer,
    /// or to vary. Longer repeats less of what is late and not lost, and takes longer to repair.
    pub retry_at_most: Duration,
    /// How long a node that starts waits for a reason to speak to a neighbor, before it tells it
    /// that it has started. Longer saves messages, and takes longer after a restart.
    pub greet: Duration,
}

impl Pace {
    /// News leaves at once, and repair takes less than 2 s where a message takes 100 ms.
    pub const AT_ONCE: Pace = Pace {
        flush: Duration::ZERO,
        ahead: Duration::from_millis(10),
        acknowledge: Duration::from_millis(1400),
        retry: Duration::from_millis(1700),
        retry_at_most: Duration::from_millis(1850),
        greet: Duration::from_millis(700),
    };

    /// News leaves at beats.
    pub const fn every(flush: Duration) -> Pace {
        Pace {
            flush,
            acknowledge: flush.saturating_add(Duration::from_millis(800)),
            retry: flush.saturating_add(Duration::from_millis(1200)),
            retry_at_most: flush.saturating_add(Duration::from_millis(1500)),
            greet: flush.saturating_add(Duration::from_millis(500)),
            ..Pace::AT_ONCE
        }
    }
}

/// A node's end of all its links. Clones are the same, and cheap.
pub struct Gossip<T>(Rc<Shared<T>>);

struct Shared<T> {
    node: Node,
    pace: Pace,
    start: Instant,
    links: RefCell<BTreeMap<String, Rc<End<T>>>>,
    /// Those that may know what this node has told or been told in a former life.
    known: RefCell<BTreeSet<String>>,
    /// Those of them that were not asked.
    acquaintances: RefCell<Vec<String>>,
    /// The first that has shown that it knows of a former life of this node.
    reminder: RefCell<Option<String>>,
    /// Nodes to compare with, although this node was not restarted.
    compare_requests: RefCell<Vec<String>>,
    reminded: Notify,
    leader: RefCell<Option<String>>,
    send: Send<T>,
    overdue: RefCell<Option<mpsc::UnboundedSender<Overdue<T>>>>,
}

type Send<T> = Box<dyn Fn(&str, Batch<T>)>;

/// A neighbor, and news that it is overdue with.
type Overdue<T> = (String, Vec<T>);

struct End<T> {
    link: RefCell<Link<T>>,
    changed: Notify,
}

impl<T: Clone + Serialize + 'static> Gossip<T> {
    /// No links yet; `message` makes the message that carries a batch.
    pub fn new<M: Serialize>(
        node: &Node,
        pace: Pace,
        message: impl Fn(Batch<T>) -> M + 'static,
    ) -> Gossip<T> {
        let sender = node.clone();
        let send = Box::new(move |to: &str, batch| sender.send(to, &message(batch)));
        Gossip(Rc::new(Shared {
            node: node.clone(),
            pace,
            start: Instant::now(),
            links: RefCell::default(),
            known: RefCell::default(),
            acquaintances: RefCell::default(),
            reminder: RefCell::default(),
            compare_requests: RefCell::default(),
            reminded: Notify::new(),
            leader: RefCell::default(),
            send,
            overdue: RefCell::default(),
        }))
    }

    /// Lets neighbors know that this node has started, so that each finds out whether the other has
    /// had a former life.
    pub fn meet(&self, neighbors: impl IntoIterator<Item = String>) {
        for neighbor in neighbors {
            self.change(&neighbor, Link::greet);
            self.ask_also([neighbor]);
        }
    }

    /// Has these asked, too, when this node has to [catch up](catch_up): it is not their neighbor,
    /// but may have told them in a former life what nobody else knows.
    pub fn ask_also(&self, others: impl IntoIterator<Item = String>) {
        for other in others {
            if self.0.known.borrow_mut().insert(other.clone()) {
                self.0.acquaintances.borrow_mut().push(other);
            }
        }
        self.0.reminded.notify_one();
    }

    /// Notes that this node has had a former life, as somebody knows.
    pub fn remind(&self, who: &str) {
        self.0.reminder.borrow_mut().get_or_insert_with(|| who.to_owned());
        self.0.reminded.notify_one();
    }

    /// Compares this node with another one, once, as a node does that [catches up](catch_up): for
    /// when somebody has fallen silent that may have told only one of them what it knew.
    pub fn compare_with(&self, other: &str) {
        self.0.compare_requests.borrow_mut().push(other.to_owned());
        self.0.reminded.notify_one();
    }

    /// Has news for this neighbor leave so that it arrives shortly before the neighbor's own beat.
    /// The neighbor says how long it has to wait there, so no clocks need to agree; and if it comes
    /// shortly after a beat nevertheless, the neighbor sends again soon.
    pub fn follow(&self, neighbor: &str) {
        self.0.leader.replace(Some(neighbor.to_owned()));
        self.change(neighbor, |link, _| link.follow());
    }

    /// Lets the news for a neighbor leave at once, and counts its beats from now.
    pub fn flush(&self, neighbor: &str) {
        self.change(neighbor, Link::flush);
    }

    /// Whether a neighbor has not acknowledged something within [`Pace::retry`], and nothing since.
    pub fn is_overdue(&self, neighbor: &str) -> bool {
        let links = self.0.links.borrow();
        links.get(neighbor).is_some_and(|end| end.link.borrow().is_overdue())
    }

    /// Starts a task that calls this with a neighbor that has become overdue, and all the news that
    /// wait for it then. Not with what it is told while [it is](Gossip::is_overdue).
    pub fn when_overdue(&self, call: impl Fn(&str, Vec<T>) + 'static) {
        // Unbounded, as the backlogs are from which this is copied; and the task never waits.
        let (sender, mut overdue) = mpsc::unbounded_channel();
        self.0.overdue.replace(Some(sender));
        self.0.node.spawn(async move {
            while let Some((neighbor, news)) = overdue.recv().await {
                call(&neighbor, news);
            }
        });
    }

    /// Puts news into the backlog for a neighbor.
    pub fn tell(&self, neighbor: &str, news: impl IntoIterator<Item = T>) {
        let mut news = news.into_iter().peekable();
        if news.peek().is_some() {
            self.change(neighbor, |link, now| link.tell(now, news));
        }
    }

    /// Takes note of a batch once its news is where it should be: from now on, it counts as
    /// acknowledged. Tells whether the sender still lives. If it has been started again meanwhile,
    /// nobody will tell its news to whom it has not reached yet.
    pub fn receive(&self, from: &str, batch: &Batch<T>) -> bool {
        let (received, acknowledged) = self.change(from, |link, now| {
            let received = link.receive(now, batch);
            (received, link.acknowledged())
        });
        if self.is_leader(from) {
            let confirmed = (!received.is_reborn).then_some(acknowledged);
            self.for_all_but(from, |link| link.note_confirmed(confirmed));
        }
        self.note_wait(from, batch);
        if received.is_late {
            self.tell(from, batch.news.iter().cloned());
        }
        if received.is_again {
            self.ask_also([from.to_owned()]);
            self.remind(from);
        }
        !received.is_late
    }

    /// Has the sender of news know how long it waits here for the beat at which it goes on: to the
    /// neighbor that this node follows, or to everybody. What has just missed one goes on earlier.
    fn note_wait(&self, from: &str, batch: &Batch<T>) {
        let (links, leader) = (self.0.links.borrow(), self.0.leader.borrow());
        let onward = links.get(leader.as_deref().unwrap_or(from));
        let (Some(onward), Some(sender)) = (onward, links.get(from)) else { return };
        let now = Instant::now();
        let second_chance = onward.link.borrow().beat().second_chance(now);
        let Some(wait) = onward.link.borrow().beat().wait(now) else { return };
        let has_missed = sender.link.borrow_mut().note_wait(batch, wait, second_chance.is_some());
        let Some(at) = second_chance.filter(|_| has_missed) else { return };
        for (neighbor, end) in &*links {
            if leader.as_ref().is_none_or(|leader| leader == neighbor) {
                end.link.borrow_mut().flush_also(at);
                end.changed.notify_one();
            }
        }
    }

    /// Waits until this node knows that it has had a former life, and of anybody who was not asked
    /// about it: those, first one that knows of that life, and `true`; or until it has to be
    /// compared with somebody without having forgotten anything.
    pub(super) async fn reminded(&self) -> (Vec<String>, bool) {
        loop {
            let compare_requests = self.0.compare_requests.take();
            if !compare_requests.is_empty() {
                return (compare_requests, false);
            }
            if let Some(first) = &*self.0.reminder.borrow() {
                let mut others = self.0.acquaintances.take();
                if let Some(place) = others.iter().position(|other| other == first) {
                    others[..=place].rotate_right(1);
                }
                if !others.is_empty() {
                    return (others, true);
                }
            }
            self.0.reminded.notified().await;
        }
    }

    pub(super) fn node(&self) -> &Node {
        &self.0.node
    }

    fn change<R>(&self, neighbor: &str, change: impl FnOnce(&mut Link<T>, Instant) -> R) -> R {
        let end = self.end(neighbor);
        let result = change(&mut end.link.borrow_mut(), Instant::now());
        end.changed.notify_one();
        result
    }

    fn end(&self, neighbor: &str) -> Rc<End<T>> {
        let Shared { node, pace, start, links, .. } = &*self.0;
        if let Some(end) = links.borrow().get(neighbor) {
            return Rc::clone(end);
        }
        let link = Link::new(*pace, node.life(), *start);
        let end = Rc::new(End { link: RefCell::new(link), changed: Notify::new() });
        links.borrow_mut().insert(neighbor.to_owned(), Rc::clone(&end));
        node.spawn(keep_up_to_date(self.clone(), neighbor.to_owned(), Rc::clone(&end)));
        end
    }
}

/// Sends what is due, for as long as the node lives.
async fn keep_up_to_date<T: Clone + Serialize + 'static>(
    gossip: Gossip<T>,
    neighbor: String,
    end: Rc<End<T>>,
) {
    loop {
        let (due, now) = (end.link.borrow().due(), Instant::now());
        match due {
            Some(at) if at <= now => {
                gossip.emit(&neighbor, &end, now);
                if end.link.borrow().due().is_some_and(|at| at <= now) {
                    // What was said is written, and others are heard, before the next batch.
                    tokio::task::yield_now().await;
                }
            }
            Some(at) => tokio::select! {
                biased;
                () = end.changed.notified() => {}
                () = sleep_until(at) => {}
            },
            None => end.changed.notified().await,
        }
    }
}

impl<T: Clone + Serialize + 'static> Gossip<T> {
    fn emit(&self, neighbor: &str, end: &End<T>, now: Instant) {
        let Shared { send, overdue, .. } = &*self.0;
        let forwards = self.forwards_news_of(neighbor);
        let (batch, late) = end.link.borrow_mut().emit(now, forwards);
        send(neighbor, batch);
        if self.is_leader(neighbor) {
            let position = end.link.borrow().end();
            self.for_all_but(neighbor, |link| link.note_forwarded(position));
        }
        if let Some(overdue) = &*overdue.borrow()
            && !late.is_empty()
        {
            // Refused only when the node is about to end.
            let _ = overdue.send((neighbor.to_owned(), late));
        }
    }

    /// Whether what this neighbor tells goes on to the node that this one follows. Such news is
    /// acknowledged once the followed node has acknowledged it. Otherwise, if both were killed, the
    /// neighbor would not know that it has to tell somebody else.
    fn forwards_news_of(&self, neighbor: &str) -> bool {
        let leader = self.0.leader.borrow();
        let leader = leader.as_deref().filter(|leader| *leader != neighbor);
        let links = self.0.links.borrow();
        let link = leader.and_then(|leader| links.get(leader));
        link.is_some_and(|end| !end.link.borrow().is_overdue())
    }

    fn is_leader(&self, neighbor: &str) -> bool {
        self.0.leader.borrow().as_deref() == Some(neighbor)
    }

    fn for_all_but(&self, neighbor: &str, mut change: impl FnMut(&mut Link<T>)) {
        for (other, end) in &*self.0.links.borrow() {
            if other != neighbor {
                change(&mut end.link.borrow_mut());
            }
        }
    }
}

impl<T> Clone for Gossip<T> {
    fn clone(&self) -> Self {
        Gossip(Rc::clone(&self.0))
    }
}
