//! The clients of a test: who waits for which reply, and until when.
//!
//! Every thread has a client, which is replaced when an operation ends in doubt: a late reply then
//! finds nobody. Initialization and setup have clients of their own, one for each node.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::time::Duration;

use serde_json::value::RawValue;

use crate::network::{Message, Network};
use crate::schema::Reply;
use crate::workload::{Operation, Request};

#[derive(Debug)]
pub(super) struct Clients {
    opened: u64,
    /// The open clients, with the last `msg_id` that each has used.
    open: BTreeMap<u64, u64>,
    /// The client of each thread.
    threads: Vec<Option<u64>>,
    waiting: BTreeMap<u64, Waiting>,
    deadlines: BTreeSet<(Duration, u64)>,
    /// The last request that was made, with its `msg_id` and body. All nodes are asked the same at
    /// setup, which may be long.
    last: Option<(Rc<serde_json::Value>, u64, Rc<RawValue>)>,
}

/// A request that has not been answered yet.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) client: u64,
    /// The number of the node that was asked.
    pub(super) node: usize,
    pub(super) deadline: Duration,
    pub(super) operation: Operation,
    /// The last question of the operation.
    pub(super) request: Request,
    pub(super) purpose: Purpose,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Purpose {
    /// Initialization or setup, without which there is no test.
    Preparation,
    /// What the test is about.
    Operation { thread: usize, process: u64, is_final: bool },
}

impl Clients {
    pub(super) fn new(threads: usize) -> Clients {
        Clients {
            opened: 0,
            open: BTreeMap::new(),
            threads: vec![None; threads],
            waiting: BTreeMap::new(),
            deadlines: BTreeSet::new(),
            last: None,
        }
    }

    /// Opens a client and lets it join the network.
    pub(super) fn open(&mut self, network: &mut Network) -> u64 {
        let client = self.opened;
        self.opened += 1;
        self.open.insert(client, 0);
        network.join(&name(client));
        client
    }

    /// Uses up the name of a client that nobody needs.
    pub(super) fn skip(&mut self) {
        self.opened += 1;
    }

    /// The client of a thread; a new one if it has none.
    pub(super) fn of_thread(&mut self, thread: usize, network: &mut Network) -> u64 {
        if let Some(client) = self.threads[thread] {
            return client;
        }
        let client = self.open(network);
        self.threads[thread] = Some(client);
        client
    }

    /// Closes a client for good; replies that still come are dropped.
    pub(super) fn close(&mut self, client: u64, network: &mut Network) {
        self.open.remove(&client);
        network.leave(&name(client));
        if let Some(thread) = self.threads.iter_mut().find(|owned| **owned == Some(client)) {
            *thread = None;
        }
    }

    /// Notes that a client waits, and gives its name and the body of its request.
    pub(super) fn wait(&mut self, waiting: Waiting) -> (String, Rc<RawValue>) {
        let Waiting { client, deadline, .. } = waiting;
        let msg_id = self.open.entry(client).or_insert(0);
        *msg_id += 1;
        let msg_id = *msg_id;
        let body = self.body(&waiting.request.body, msg_id);
        self.deadlines.insert((deadline, client));
        self.waiting.insert(client, waiting);
        (name(client), body)
    }

    fn body(&mut self, request: &Rc<serde_json::Value>, msg_id: u64) -> Rc<RawValue> {
        if let Some((last, id, body)) = &self.last
            && Rc::ptr_eq(last, request)
            && *id == msg_id
        {
            return Rc::clone(body);
        }
        let mut body = serde_json::Value::clone(request);
        body["msg_id"] = msg_id.into();
        let body = serde_json::value::to_raw_value(&body).expect("a JSON value is JSON");
        let body: Rc<RawValue> = body.into();
        self.last = Some((Rc::clone(request), msg_id, Rc::clone(&body)));
        body
    }

    /// Waits again for an answer that did not come in time.
    pub(super) fn wait_longer(&mut self, waiting: Waiting, deadline: Duration) {
        let client = waiting.client;
        self.deadlines.insert((deadline, client));
        self.waiting.insert(client, Waiting { deadline, ..waiting });
    }

    /// Gives a node until then to answer what it has yet to answer before it can be tested.
    pub(super) fn give_time(&mut self, node: usize, deadline: Duration) {
        if let Some(waiting) = self.take_preparation(node) {
            self.wait_longer(waiting, deadline);
        }
    }

    /// Stops waiting for a node that cannot answer any more.
    pub(super) fn give_up_preparation(&mut self, node: usize, network: &mut Network) {
        if let Some(waiting) = self.take_preparation(node) {
            self.close(waiting.client, network);
        }
    }

    fn take_preparation(&mut self, node: usize) -> Option<Waiting> {
        let client = self.preparing(node)?.client;
        self.take(client)
    }

    /// Whether any client waits for a reply.
    pub(super) fn are_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Takes the request that this message answers, if a client waits for it, and the reply.
    pub(super) fn answered<'a>(&mut self, message: &'a Message) -> Option<(Waiting, Reply<'a>)> {
        let client = message.dest.strip_prefix('c')?.parse().ok()?;
        // Nothing else of the body matters here: whether it is a good reply is for its schema.
        let reply = Reply::read(&message.body).ok()?;
        if self.open.get(&client) != Some(&in_reply_to(&reply)?) {
            return None;
        }
        Some((self.take(client)?, reply))
    }

    /// Whether a message is to an open client, but in reply to nothing that it ever asked.
    pub(super) fn are_puzzled_by(&self, message: &Message) -> bool {
        let client = message.dest.strip_prefix('c').and_then(|number| number.parse().ok());
        let asked = client.and_then(|client: u64| self.open.get(&client));
        asked.is_some_and(|asked| {
            let reply = Reply::read(&message.body).ok();
            reply.and_then(|reply| in_reply_to(&reply)).is_none_or(|id| !(1..=*asked).contains(&id))
        })
    }

    /// What a node has yet to answer before it can be tested, if anything.
    pub(super) fn preparation(&self, node: usize) -> Option<&'static str> {
        self.preparing(node).map(|waiting| waiting.operation.f)
    }

    fn preparing(&self, node: usize) -> Option<&Waiting> {
        let is_preparation = |waiting: &&Waiting| {
            waiting.node == node && matches!(waiting.purpose, Purpose::Preparation)
        };
        self.waiting.values().find(is_preparation)
    }

    /// Takes a request whose time is up.
    pub(super) fn expired(&mut self, now: Duration) -> Option<Waiting> {
        let (deadline, client) = *self.deadlines.first()?;
        if deadline <= now { self.take(client) } else { None }
    }

    /// When the next client loses patience.
    pub(super) fn next_deadline(&self) -> Option<Duration> {
        self.deadlines.first().map(|(deadline, _)| *deadline)
    }

    fn take(&mut self, client: u64) -> Option<Waiting> {
        let waiting = self.waiting.remove(&client)?;
        self.deadlines.remove(&(waiting.deadline, client));
        Some(waiting)
    }
}

fn in_reply_to(reply: &Reply<'_>) -> Option<u64> {
    reply.field("in_reply_to")?.get().parse().ok()
}

/// What a client is called on the network.
pub(super) fn name(client: u64) -> String {
    format!("c{client}")
}
