//! Anti-entropy: comparison with other nodes after a restart, or when one has fallen silent.

use std::cell::RefCell;
use std::hash::Hash;
use std::rc::Rc;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Difference, Digest, Gossip, Seen};
use crate::rpc::Retry;

/// How long the first neighbor may take to tell everything. Longer keeps the others waiting for one
/// that has died meanwhile; shorter has all of them tell everything.
const FIRST_WITHIN: Duration = Duration::from_secs(1);

/// How long a node is asked that may have been told more than this one. Longer finds out more where
/// links are bad; but who asks has forgotten nothing, and asks again when another one falls silent.
const IN_DOUBT_WITHIN: Duration = Duration::from_secs(10);

/// What a neighbor has that this node may lack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lesson<T> {
    /// The neighbor.
    pub from: String,
    /// What it has.
    pub items: Vec<T>,
    /// What it lacks, and has been told now, if [`Gossip::compare_with`] asked: others may lack it
    /// too. After a restart all of them are compared with.
    pub lacking: Vec<T>,
    /// Whether every other neighbor is still to be compared with, so that nobody needs to be told.
    pub is_first: bool,
}

/// Spawns the task that compares this node with others, after a restart or when
/// [`Gossip::compare_with`] asks for it. After a restart it compares what the node has `seen` with
/// what each neighbor has: with one of them first, which so tells everything, and then with all
/// others at the same time, which tell what is missing still. Those that do not answer are asked
/// until they do.
///
/// `question` makes the request that carries a [`Digest`]; the answer to it is a [`Difference`].
/// One that would be too long comes in several, each of which is asked for.
///
/// `learn` takes what a neighbor tells, and passes it on unless it is the first: nobody else may
/// know it. Each neighbor is told what it lacks itself.
pub fn catch_up<T, Q>(
    gossip: &Gossip<T>,
    seen: &Rc<RefCell<Seen<T>>>,
    question: impl Fn(Digest) -> Q + 'static,
    learn: impl AsyncFn(Lesson<T>) + 'static,
) where
    T: Clone + Eq + Hash + Serialize + DeserializeOwned + 'static,
    Q: Serialize + 'static,
{
    let (teller, seen) = (gossip.clone(), Rc::clone(seen));
    let compare = async move |from: String, retry: Retry, is_first: bool, in_doubt: bool| {
        let mut digest = seen.borrow().digest();
        let mut theirs: Option<Difference<T>> = None;
        loop {
            let request = question(digest.clone());
            let answer = teller.node().rpc_retry::<Difference<T>>(retry, &from, &request).await;
            let Ok(difference) = answer else { return false };
            let next = digest.go_on(&difference);
            let items = difference.items.clone();
            let lacking = Vec::new();
            learn(Lesson { from: from.clone(), items, lacking, is_first }).await;
            let all = match theirs.take() {
                None => difference,
                Some(former) => former.and(difference),
            };
            let Some(next) = next else {
                let lacking = seen.borrow().beyond(&all);
                teller.tell(&from, lacking.iter().cloned());
                if in_doubt && !lacking.is_empty() {
                    learn(Lesson { from, items: Vec::new(), lacking, is_first }).await;
                }
                return true;
            };
            (digest, theirs) = (next, Some(all));
        }
    };
    let (compare, gossip) = (Rc::new(compare), gossip.clone());
    let node = gossip.node().clone();
    let forever = Retry { deadline: None, even_if_refused: true, ..Retry::default() };
    node.clone().spawn(async move {
        let mut is_first = true;
        loop {
            let (mut neighbors, has_forgotten) = gossip.reminded().await;
            let deadline = (!has_forgotten).then_some(IN_DOUBT_WITHIN);
            let retry = Retry { deadline, ..forever };
            if has_forgotten && std::mem::take(&mut is_first) {
                let first = neighbors.remove(0);
                let at_first =
                    Retry { deadline: Some(FIRST_WITHIN), within: FIRST_WITHIN, ..forever };
                if !compare(first.clone(), at_first, true, false).await {
                    neighbors.push(first);
                }
            }
            for neighbor in neighbors {
                let compare = Rc::clone(&compare);
                node.spawn(async move {
                    compare(neighbor, retry, false, !has_forgotten).await;
                });
            }
        }
    });
}
