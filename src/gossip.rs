//! Keeping neighbors up to date: what is new, and seeing to it that it arrives.
//!
//! Every neighbor has a backlog and a task that empties it, batch by batch. A batch is sent again
//! until it is acknowledged, and only then the next one leaves. So nothing is lost as long as both
//! ends live: what a neighbor has not acknowledged is in the batch on its way or in the backlog
//! behind it. And a slow link costs few messages: whatever comes while a batch is on its way
//! travels with the next one, as in John Nagle's algorithm for TCP (RFC 896). A dead neighbor costs
//! one call that waits, whatever the backlog, and one message for each attempt.
//!
//! A batch may arrive more than once, when its acknowledgement is lost. [`Seen`] takes care of
//! that.
//!
//! # After a restart
//!
//! A node that is killed forgets what it has acknowledged, and nobody sends it that again. So a
//! node that starts has to [`catch_up`]: it asks each neighbor for everything that this one knows,
//! again and again until it answers, and what it learns so is news that it passes on, because the
//! node that was killed may have been the only one to tell it. Then, once the links work for long
//! enough, every value that a living node X knows is known to its neighbor Z:
//!
//! * If Z's present life has acknowledged it, Z knows it. If no life has, it is in X's backlog, or
//!   in the batch on its way.
//! * If a former life of Z has acknowledged it, X knew it before the present one asked, and it is
//!   in X's answer, even if the acknowledgement comes later still.
//! * If it came from Z, X does not send it back. If the present life of Z sent it, Z knows it. If a
//!   former one did, it is in X's answer, unless it was overtaken by the present life's question.
//!   Therefore Z asks a neighbor that knows anything once more, 5 s later.
//!
//! Nothing in this depends on who else is killed, or when. Whoever is killed again begins again. A
//! neighbor that is down as well, or behind a cut link, is asked until it answers; it answers with
//! what it has learned by then, and the rest is news for it, which it tells. Questions, answers and
//! batches that are lost are repeated, and twice does no harm; an answer or acknowledgement for a
//! former life of X finds nobody. So a value is lost only if at some moment no living node knows
//! it: those that did were killed before another one had heard of it.

use std::collections::HashSet;
use std::hash::Hash;
use std::time::Duration;

use serde::Serialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use tokio::sync::mpsc;

use crate::json::JsonArray;
use crate::node::Node;
use crate::rpc::Retry;

/// How a neighbor is kept up to date.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pace {
    /// The shortest time between two batches. Longer saves messages, shorter saves latency; news
    /// that finds nothing sent for that long leaves at once.
    pub flush: Duration,
    /// How a batch that is not acknowledged is sent again. It never gives up.
    pub retry: Retry,
}

/// A neighbor that is kept up to date in the background. Once it is dropped, what it was told still
/// arrives, and then that ends.
#[derive(Debug)]
pub struct Neighbor<T> {
    id: String,
    // Unbounded, because the news must be kept somewhere until it is acknowledged: a backlog is no
    // longer than what this node has to remember anyway.
    backlog: mpsc::UnboundedSender<T>,
}

impl<T: 'static> Neighbor<T> {
    /// Starts a task of `node` that sends `neighbor` its batches; `request` makes the request that
    /// carries one. Any reply but an error acknowledges it.
    pub fn keep_up_to_date<R: Serialize + 'static>(
        node: &Node,
        neighbor: impl Into<String>,
        pace: Pace,
        request: impl Fn(Vec<T>) -> R + 'static,
    ) -> Self {
        let (backlog, news) = mpsc::unbounded_channel();
        let id = neighbor.into();
        node.spawn(empty(news, node.clone(), id.clone(), pace, request));
        Neighbor { id, backlog }
    }

    /// The neighbor's node id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Puts news into the backlog.
    pub fn tell(&self, news: impl IntoIterator<Item = T>) {
        for item in news {
            // Refused only when the node is about to end.
            let _ = self.backlog.send(item);
        }
    }
}

async fn empty<T, R: Serialize>(
    mut news: mpsc::UnboundedReceiver<T>,
    node: Node,
    neighbor: String,
    pace: Pace,
    request: impl Fn(Vec<T>) -> R,
) {
    let retry = Retry { deadline: None, even_if_refused: true, ..pace.retry };
    let mut batch = Vec::new();
    while news.recv_many(&mut batch, usize::MAX).await > 0 {
        let next = tokio::time::sleep(pace.flush);
        let request = request(std::mem::take(&mut batch));
        // Without a deadline, and repeated even if refused, this returns when it has succeeded.
        let _ = node.rpc_retry::<IgnoredAny>(retry, &neighbor, &request).await;
        next.await;
    }
}

/// How long after its first answer a neighbor is asked a second time. Messages that the node's
/// former life sent, and that take longer than this and its restart together, reach that neighbor
/// alone. Longer waits for slower ones, and leaves this node without their values for longer.
const AGAIN: Duration = Duration::from_secs(5);

/// Starts a task of `node` that asks `neighbor` for everything it knows, and lets `learn` have it.
///
/// `items` takes an answer to `request` apart. The question is repeated until it is answered with
/// anything but an error; a neighbor that knew nothing is not asked again. Where all start at the
/// same time this costs one question and one answer.
pub fn catch_up<A: DeserializeOwned + 'static, T>(
    node: &Node,
    neighbor: impl Into<String>,
    request: impl Serialize + 'static,
    items: impl Fn(A) -> Vec<T> + 'static,
    learn: impl Fn(&str, Vec<T>) + 'static,
) {
    let (asker, neighbor) = (node.clone(), neighbor.into());
    let retry = Retry { deadline: None, even_if_refused: true, ..Retry::default() };
    node.spawn(async move {
        // Without a deadline, and repeated even if refused, a call returns when it has succeeded.
        let ask = async || asker.rpc_retry(retry, &neighbor, &request).await.map(&items);
        let Ok(known) = ask().await else { return };
        if known.is_empty() {
            return;
        }
        learn(&neighbor, known);
        tokio::time::sleep(AGAIN).await;
        if let Ok(known) = ask().await {
            learn(&neighbor, known);
        }
    });
}

/// What a node has seen, each item once, in the order in which it came.
#[derive(Debug)]
pub struct Seen<T> {
    items: Vec<T>,
    known: HashSet<T>,
    json: JsonArray,
}

impl<T: Clone + Eq + Hash + Serialize> Seen<T> {
    /// Adds those items that are new, and returns them.
    pub fn learn(&mut self, items: impl IntoIterator<Item = T>) -> Vec<T> {
        let known = &mut self.known;
        let news: Vec<T> = items.into_iter().filter(|item| known.insert(item.clone())).collect();
        self.items.extend_from_slice(&news);
        for item in &news {
            self.json.push(item);
        }
        news
    }

    /// Whether this has been seen.
    pub fn contains(&self, item: &T) -> bool {
        self.known.contains(item)
    }

    /// Everything that has been seen.
    pub fn items(&self) -> &[T] {
        &self.items
    }

    /// Everything that has been seen, ready to be sent.
    pub fn to_json(&self) -> JsonArray {
        self.json.clone()
    }
}

impl<T> Default for Seen<T> {
    fn default() -> Self {
        Seen { items: Vec::new(), known: HashSet::new(), json: JsonArray::default() }
    }
}
