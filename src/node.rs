//! [`Node`], a handler's access to the cluster: it sends messages, makes calls and runs tasks.

use std::rc::Rc;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::time::Instant;

use crate::error::RpcError;
use crate::host::{Host, SplitMix64};
use crate::outbox::{Envelope, Outbox};
use crate::rpc::{PendingCalls, Retry};
use crate::storage::Storage;
use crate::tasks::SpawnQueue;

/// Timeout of [`Node::rpc`] and of the services' clients. A larger value keeps callers waiting
/// behind a cut link; a smaller one gives up on replies that are on their way. Maelstrom's clients
/// wait 5 s, and its challenges delay a message by 100 ms.
pub(crate) const RPC_TIMEOUT: Duration = Duration::from_secs(1);

/// A handle to this node: its id, its peers, messages, calls, tasks and storage.
///
/// It is created when `init` is received, so none of its fields is optional. Clones are handles to
/// the same node, and cheap.
#[derive(Clone)]
pub struct Node {
    inner: Rc<NodeInner>,
}

struct NodeInner {
    id: String,
    node_ids: Vec<String>,
    outbox: Rc<Outbox>,
    calls: PendingCalls,
    spawn_queue: Rc<SpawnQueue>,
    random: SplitMix64,
    incarnation: u64,
    storage: Storage,
}

impl Node {
    pub(crate) fn new(
        id: String,
        node_ids: Vec<String>,
        outbox: Rc<Outbox>,
        spawn_queue: Rc<SpawnQueue>,
        host: &Host,
    ) -> Self {
        let storage = Storage::new(id.clone(), host.disk(), Rc::clone(&spawn_queue));
        let inner = NodeInner {
            id,
            node_ids,
            outbox,
            calls: PendingCalls::starting_at(host.first_msg_id()),
            spawn_queue,
            random: host.random(),
            incarnation: host.incarnation(),
            storage,
        };
        Node { inner: Rc::new(inner) }
    }

    /// This node's id.
    pub fn id(&self) -> &str {
        &self.inner.id
    }

    /// The ids of all nodes of the cluster including this one, in the same order on every node.
    pub fn node_ids(&self) -> &[String] {
        &self.inner.node_ids
    }

    /// The ids of all other nodes.
    pub fn peers(&self) -> impl Iterator<Item = &str> {
        self.node_ids().iter().map(String::as_str).filter(|id| *id != self.id())
    }

    /// Sends a one-way message, which may be lost.
    ///
    /// The message is buffered until the node writes its output, and the buffer has no limit. A
    /// task that sends in a loop must await something in it.
    ///
    /// The body is an enum variant, whose name becomes the `type`, or a struct or a map with a
    /// `type` of its own.
    ///
    /// # Panics
    /// If the body is of another form, or cannot be written as JSON.
    pub fn send(&self, dest: &str, body: &(impl Serialize + ?Sized)) {
        self.enqueue(dest, body, None);
    }

    /// Calls another node or a service, and waits up to 1 s for its reply.
    ///
    /// The reply is read as an enum by its `type`, or as a struct by its fields. A reply of type
    /// `error` becomes [`RpcError::ErrorReply`].
    pub async fn rpc<R: DeserializeOwned + 'static>(
        &self,
        dest: &str,
        body: &(impl Serialize + ?Sized),
    ) -> Result<R, RpcError> {
        self.rpc_with_timeout(RPC_TIMEOUT, dest, body).await
    }

    /// [`Node::rpc`] with another timeout than 1 s.
    pub async fn rpc_with_timeout<R: DeserializeOwned + 'static>(
        &self,
        timeout: Duration,
        dest: &str,
        body: &(impl Serialize + ?Sized),
    ) -> Result<R, RpcError> {
        let mut call = self.inner.calls.register();
        self.enqueue(dest, body, Some(call.id()));
        let reply = tokio::time::timeout(timeout, call.reply()).await;
        reply.unwrap_or_else(|_| Err(RpcError::TimedOut { dest: dest.to_owned(), within: timeout }))
    }

    /// Repeats [`Node::rpc`] until it succeeds or `retry` gives up, and then returns the last
    /// error.
    ///
    /// By default, timeouts and indefinite errors are repeated. An unreadable reply is not, because
    /// the other node has handled the request.
    pub async fn rpc_retry<R: DeserializeOwned + 'static>(
        &self,
        retry: Retry,
        dest: &str,
        body: &(impl Serialize + ?Sized),
    ) -> Result<R, RpcError> {
        let deadline = retry.give_up_after.and_then(|limit| Instant::now().checked_add(limit));
        let remaining = || deadline.map_or(Duration::MAX, |at| at - Instant::now());
        let (mut timeout, mut backoff) = (retry.timeout, retry.backoff);
        loop {
            let attempt = self.rpc_with_timeout(timeout.min(remaining()), dest, body).await;
            let error = match attempt {
                Err(error) if retry.applies_to(&error) => error,
                done => return done,
            };
            let jittered = backoff.mul_f64(1.0 - self.random_fraction() / 2.0);
            if remaining() <= jittered {
                return Err(error);
            }
            tokio::time::sleep(jittered).await;
            timeout = timeout.saturating_mul(2).min(retry.max_delay.max(retry.timeout));
            backoff = backoff.saturating_mul(2).min(retry.max_delay.max(retry.backoff));
        }
    }

    /// Runs a background task, until it ends or the node does: when its input has ended and the
    /// last request was answered.
    ///
    /// Tasks start in the order in which they were spawned. If a handler spawns one and replies
    /// without awaiting, the task starts after the reply. Tasks share one thread, so they need not
    /// be `Send` and must not block. A panic in a task ends the node. Their number has no limit: a
    /// task that waits for a peer without a timeout stays in memory as long as the peer does not
    /// reply.
    pub fn spawn(&self, task: impl Future<Output = ()> + 'static) {
        self.inner.spawn_queue.push(Box::pin(task));
    }

    /// A random number from the [`Host`], so that a simulation with the same seed repeats it.
    pub fn random(&self) -> u64 {
        self.inner.random.next()
    }

    /// Incarnation number: it distinguishes this run of the node from former ones, and is greater
    /// than all of theirs. It is the start time in microseconds since 1970, so the system must not
    /// set its clock back while the node is down. A simulation counts restarts from 0.
    pub fn incarnation(&self) -> u64 {
        self.inner.incarnation
    }

    /// This node's durable storage, which its next incarnation finds.
    ///
    /// The environment variable `EDDY_STORAGE`, which eddy sets, names its directory. Without it,
    /// as under Jepsen's Maelstrom, all writes succeed and nothing is kept. The first use reports
    /// that on stderr.
    pub fn storage(&self) -> Storage {
        self.inner.storage.clone()
    }

    pub(crate) fn calls(&self) -> &PendingCalls {
        &self.inner.calls
    }

    pub(crate) fn outbox(&self) -> &Outbox {
        &self.inner.outbox
    }

    fn enqueue(&self, dest: &str, body: &(impl Serialize + ?Sized), msg_id: Option<u64>) {
        let envelope = Envelope { src: self.id(), dest, msg_id, in_reply_to: None };
        self.inner.outbox.push(envelope, body);
    }

    /// A random number, uniform in [0, 1).
    #[expect(clippy::cast_precision_loss, reason = "the 53 bits that are left fit into an f64")]
    fn random_fraction(&self) -> f64 {
        (self.random() >> 11) as f64 / (1_u64 << 53) as f64
    }
}

impl std::fmt::Debug for Node {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Node").field("id", &self.id()).finish_non_exhaustive()
    }
}
