//! Anti-entropy: comparison with other nodes after a restart, or when a node is suspected.

use std::cell::RefCell;
use std::hash::Hash;
use std::rc::Rc;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{BucketItems, Comparisons, Digest, Gossip, Seen};
use crate::rpc::Retry;

/// Time limit for the first node, which sends everything. A larger value delays the comparisons
/// with the others if the first has died meanwhile; with a smaller one a slow link makes all of
/// them send everything.
const FIRST_TIMEOUT: Duration = Duration::from_secs(1);

/// Time limit for a comparison that [`Gossip::compare_with`] has requested. A larger value finds
/// more differences where links are bad, which is not needed: the node that compares has forgotten
/// nothing, and compares again when another node is suspected.
const COMPARE_TIMEOUT: Duration = Duration::from_secs(10);

/// Step of a comparison: items in which another node differs from this one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ComparisonStep<T> {
    /// The other node.
    pub from: String,
    /// Items that it has, and this node may lack.
    pub items: Vec<T>,
    /// Items that the other node lacks, in the last step after [`Gossip::compare_with`]: they were
    /// enqueued for it, and further nodes may lack them, too. Empty after a restart, when all nodes
    /// are compared with.
    pub lacking: Vec<T>,
    /// True for the first node after a restart: all others are compared with next, so nothing needs
    /// to be forwarded.
    pub is_first: bool,
}

/// Spawns the task that compares this node's items with those of others, after a restart or when
/// [`Gossip::compare_with`] requests it. After a restart it compares with one node first, which
/// therefore sends everything, and then with all others at the same time, which send what is still
/// missing. Nodes that do not answer are asked until they do.
///
/// `make_request` makes the request that carries a [`Digest`]; the reply to it is a
/// [`BucketItems`]. A long one comes in parts, each with its own request.
///
/// `on_items` stores the items of another node. It must forward them unless `is_first`, because
/// perhaps no third node knows them. Items that the other node lacks are enqueued for it.
pub fn spawn_anti_entropy<T, Q>(
    gossip: &Gossip<T>,
    seen: &Rc<RefCell<Seen<T>>>,
    make_request: impl Fn(Digest) -> Q + 'static,
    on_items: impl AsyncFn(ComparisonStep<T>) + 'static,
) where
    T: Clone + Eq + Hash + Serialize + DeserializeOwned + 'static,
    Q: Serialize + 'static,
{
    let (links, seen) = (gossip.clone(), Rc::clone(seen));
    // Returns false if the other node did not answer in time.
    let compare = async move |from: String, retry: Retry, kind: ComparisonKind| {
        let is_first = kind == ComparisonKind::FirstAfterRestart;
        let mut digest = seen.borrow().digest();
        let mut theirs: Option<BucketItems<T>> = None;
        loop {
            let request = make_request(digest.clone());
            let reply = links.node().rpc_retry::<BucketItems<T>>(retry, &from, &request).await;
            let Ok(reply) = reply else { return false };
            let next = digest.continuation(&reply);
            let items = reply.items.clone();
            let lacking = Vec::new();
            on_items(ComparisonStep { from: from.clone(), items, lacking, is_first }).await;
            let all = match theirs.take() {
                None => reply,
                Some(earlier) => earlier.joined_with(reply),
            };
            let Some(next) = next else {
                let lacking = seen.borrow().missing_from(&all);
                links.enqueue(&from, lacking.iter().cloned());
                if kind == ComparisonKind::Extra && !lacking.is_empty() {
                    on_items(ComparisonStep { from, items: Vec::new(), lacking, is_first }).await;
                }
                return true;
            };
            (digest, theirs) = (next, Some(all));
        }
    };
    let (compare, gossip) = (Rc::new(compare), gossip.clone());
    let node = gossip.node().clone();
    let endless = Retry { give_up_after: None, on_any_error: true, ..Retry::default() };
    node.clone().spawn(async move {
        let mut none_compared = true;
        loop {
            let (peers, kind, retry) = match gossip.next_comparisons().await {
                Comparisons::Extra(peers) => {
                    let retry = Retry { give_up_after: Some(COMPARE_TIMEOUT), ..endless };
                    (peers, ComparisonKind::Extra, retry)
                }
                Comparisons::AfterRestart(mut peers) => {
                    if std::mem::take(&mut none_compared) {
                        let (first, give_up_after) = (peers.remove(0), Some(FIRST_TIMEOUT));
                        let retry = Retry { give_up_after, timeout: FIRST_TIMEOUT, ..endless };
                        if !compare(first.clone(), retry, ComparisonKind::FirstAfterRestart).await {
                            peers.push(first);
                        }
                    }
                    (peers, ComparisonKind::AfterRestart, endless)
                }
            };
            for peer in peers {
                let compare = Rc::clone(&compare);
                node.spawn(async move {
                    compare(peer, retry, kind).await;
                });
            }
        }
    });
}

/// Reason for a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ComparisonKind {
    /// The first one after a restart, with the node that sends everything.
    FirstAfterRestart,
    AfterRestart,
    /// Requested by [`Gossip::compare_with`].
    Extra,
}
