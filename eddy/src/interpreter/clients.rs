//! The clients of a test: who waits for which reply, and until when.
//!
//! Every thread has a client. As in Jepsen's interpreter, a thread whose operation ended in doubt
//! goes on as another process, and that one's first operation closes the client and opens another,
//! unless the workload's clients can be used again. A reply to a closed client finds nobody.
//! Initialization and setup have clients of their own, one for each node.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;
use std::time::Duration;

use serde_json::value::RawValue;

use super::mistakes;
use crate::client::{Operation, Reply, Request};
use crate::network::{Message, Network};

/// How many closed clients are remembered that had given up, the last of all. Each may still get
/// its reply, and how late it is can be told of these only. A client waits for a second or more, so
/// with 100 of them this is more than a minute.
const REMEMBERED: usize = 10_000;

/// How many of its answered requests an open client remembers, the last of all. A second reply
/// comes right after the first one, most often; each keeps the body of a reply.
const ANSWERED: usize = 4;

#[derive(Debug)]
pub(super) struct Clients {
    opened: u64,
    open: BTreeMap<u64, Open>,
    /// The closed clients whose last request was not answered in time; at most [`REMEMBERED`].
    gave_up: BTreeMap<u64, Unanswered>,
    /// The client of each thread, and the process that it was opened for.
    threads: Vec<Option<(u64, u64)>>,
    /// Whether another process of a thread goes on with its client.
    are_reused: bool,
    waiting: BTreeMap<u64, Waiting>,
    deadlines: BTreeSet<(Duration, u64)>,
    /// The last request that was made, with its `msg_id` and body. All nodes are asked the same at
    /// setup, which may be long.
    last: Option<(Rc<serde_json::Value>, u64, Rc<RawValue>)>,
}

/// What is known of an open client.
#[derive(Debug, Default)]
struct Open {
    /// The last `msg_id` that it has used.
    msg_id: u64,
    /// The request with that id, if it was not answered in time.
    unanswered: Option<Unanswered>,
    /// The last requests that were answered; at most [`ANSWERED`].
    answered: VecDeque<Answered>,
}

/// A request that was answered.
#[derive(Debug)]
pub(super) struct Answered {
    pub(super) msg_id: u64,
    /// The operation that it was for.
    pub(super) f: &'static str,
    /// The reply.
    pub(super) body: Rc<RawValue>,
}

/// A message to a client that does not wait for it.
#[derive(Debug)]
pub(super) enum Unsolicited<'a> {
    /// It answers again what had been answered so.
    Again(&'a Answered),
    /// It answers nothing that the client ever asked: what it says that it answers, and what it
    /// should say.
    NoRequest { found: String, expected: String },
}

/// A request that was not answered in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Unanswered {
    msg_id: u64,
    /// The operation that it was for.
    pub(super) f: &'static str,
    /// When the client stopped waiting.
    pub(super) deadline: Duration,
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
    pub(super) fn new(threads: usize, are_reused: bool) -> Clients {
        Clients {
            opened: 0,
            open: BTreeMap::new(),
            gave_up: BTreeMap::new(),
            threads: vec![None; threads],
            are_reused,
            waiting: BTreeMap::new(),
            deadlines: BTreeSet::new(),
            last: None,
        }
    }

    /// Opens a client and lets it join the network.
    pub(super) fn open(&mut self, network: &mut Network) -> u64 {
        let client = self.opened;
        self.opened += 1;
        self.open.insert(client, Open::default());
        network.join(&name(client));
        client
    }

    /// Uses up the name of a client that nobody needs.
    pub(super) fn skip(&mut self) {
        self.opened += 1;
    }

    /// The client of a thread, which works as this process now; a new one if it has none, or has
    /// one of a former process that cannot be used again.
    pub(super) fn of_thread(&mut self, thread: usize, process: u64, network: &mut Network) -> u64 {
        if let Some((client, former)) = self.threads[thread] {
            if former == process || self.are_reused {
                return client;
            }
            self.close(client, network);
        }
        let client = self.open(network);
        self.threads[thread] = Some((client, process));
        client
    }

    /// Closes a client for good; replies that still come are dropped.
    pub(super) fn close(&mut self, client: u64, network: &mut Network) {
        network.leave(&name(client));
        if let Some(Open { unanswered: Some(unanswered), .. }) = self.open.remove(&client) {
            self.gave_up.insert(client, unanswered);
            if self.gave_up.len() > REMEMBERED {
                self.gave_up.pop_first();
            }
        }
    }

    /// Notes that a client does not wait any more for the answer to its last request.
    pub(super) fn give_up(&mut self, waiting: &Waiting) {
        if let Some(Open { msg_id, unanswered, .. }) = self.open.get_mut(&waiting.client) {
            let Waiting { operation, deadline, .. } = waiting;
            *unanswered = Some(Unanswered { msg_id: *msg_id, f: operation.f, deadline: *deadline });
        }
    }

    /// The request that this body answers too late, for the client is closed that is called so.
    pub(super) fn gave_up(&self, client: &str, body: &RawValue) -> Option<Unanswered> {
        let unanswered = self.gave_up.get(&number(client)?)?;
        let id = in_reply_to(&Reply::read(body).ok()?)?;
        (id == unanswered.msg_id).then_some(*unanswered)
    }

    /// Notes that a client waits, and gives its name and the body of its request.
    pub(super) fn wait(&mut self, waiting: Waiting) -> (String, Rc<RawValue>) {
        let Waiting { client, deadline, .. } = waiting;
        let open = self.open.entry(client).or_default();
        open.msg_id += 1;
        open.unanswered = None;
        let msg_id = open.msg_id;
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
        let client = self.preparing(node)?.0.client;
        self.take(client)
    }

    /// Whether any client waits for a reply.
    pub(super) fn are_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Takes the request that this message answers, if a client waits for it, and the reply.
    pub(super) fn answered<'a>(&mut self, message: &'a Message) -> Option<(Waiting, Reply<'a>)> {
        let client = number(&message.dest)?;
        // Nothing else of the body matters here: whether it is a good reply is for its schema.
        let reply = Reply::read(&message.body).ok()?;
        let msg_id = in_reply_to(&reply)?;
        if self.open.get(&client)?.msg_id != msg_id {
            return None;
        }
        let waiting = self.take(client)?;
        let Open { answered, .. } = self.open.get_mut(&client)?;
        answered.truncate(ANSWERED - 1);
        let body = Rc::clone(&message.body);
        answered.push_front(Answered { msg_id, f: waiting.operation.f, body });
        Some((waiting, reply))
    }

    /// The request of this number that a node was asked and that a client waits for, if a body can
    /// be the answer to it by its type.
    pub(super) fn awaited(&self, node: usize, msg_id: u64, body: &RawValue) -> Option<&Waiting> {
        let of_node = |waiting: &&Waiting| {
            let open = self.open.get(&waiting.client);
            waiting.node == node && open.is_some_and(|open| open.msg_id == msg_id)
        };
        let mut waiting = self.waiting.values().filter(of_node).peekable();
        waiting.peek()?;
        let kind = Reply::read(body).ok()?.kind()?;
        waiting.find(|waiting| kind == "error" || kind == waiting.request.reply.kind())
    }

    /// The request that this body of a node answers, if it is sent to the client that waits.
    pub(super) fn awaits(&self, dest: &str, node: usize, body: &RawValue) -> Option<&Waiting> {
        let client = number(dest)?;
        let waiting = self.waiting.get(&client).filter(|waiting| waiting.node == node)?;
        let msg_id = in_reply_to(&Reply::read(body).ok()?)?;
        (self.open.get(&client)?.msg_id == msg_id).then_some(waiting)
    }

    /// What is wrong with a message to an open client that does not wait for it. An answer that
    /// comes too late is as it should be.
    pub(super) fn unsolicited(&self, message: &Message) -> Option<Unsolicited<'_>> {
        let client = number(&message.dest)?;
        let Open { msg_id, answered, .. } = self.open.get(&client)?;
        let reply = Reply::read(&message.body).ok();
        let field = reply.as_ref().and_then(|reply| reply.field("in_reply_to"));
        let id = reply.as_ref().and_then(in_reply_to);
        if let Some(id) = id.filter(|id| (1..=*msg_id).contains(id)) {
            return answered.iter().find(|answered| answered.msg_id == id).map(Unsolicited::Again);
        }
        let expected = match self.waiting.get(&client) {
            Some(Waiting { operation, .. }) => {
                format!("{msg_id}, the msg_id of its request, {}", operation.f)
            }
            None => "the msg_id of a request".to_owned(),
        };
        let found = mistakes::described("in_reply_to", field.map(RawValue::get));
        Some(Unsolicited::NoRequest { found, expected })
    }

    /// What a node has yet to answer before it can be tested, if anything.
    pub(super) fn preparation(&self, node: usize) -> Option<&'static str> {
        self.preparing(node).map(|(waiting, _)| waiting.operation.f)
    }

    /// The request that a node has yet to answer before it can be tested, if any, and its `msg_id`.
    pub(super) fn preparing(&self, node: usize) -> Option<(&Waiting, u64)> {
        let is_preparation = |waiting: &&Waiting| {
            waiting.node == node && matches!(waiting.purpose, Purpose::Preparation)
        };
        let waiting = self.waiting.values().find(is_preparation)?;
        Some((waiting, self.open.get(&waiting.client)?.msg_id))
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

/// The `msg_id` that a reply says it answers.
pub(super) fn in_reply_to(reply: &Reply<'_>) -> Option<u64> {
    reply.field("in_reply_to")?.get().parse().ok()
}

fn number(client: &str) -> Option<u64> {
    client.strip_prefix('c')?.parse().ok()
}

/// What a client is called on the network.
pub(super) fn name(client: u64) -> String {
    format!("c{client}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::client::Work;
    use crate::latency::Latency;
    use crate::network::Delivery;
    use crate::random::Random;

    #[test]
    fn of_the_clients_that_gave_up_only_the_last_are_remembered() {
        let mut network =
            Network::new(Latency::default(), Delivery::Maelstrom, Random::seeded(0), false);
        let mut clients = Clients::new(1, false);
        let operation = Operation::init("n0", &[]);
        let Work::Ask(request) = operation.work.clone() else { panic!("init asks nothing") };
        let (deadline, purpose) = (Duration::from_secs(5), Purpose::Preparation);
        let processes = u64::try_from(REMEMBERED).unwrap() + 2;
        for process in 0..processes {
            let client = clients.of_thread(0, process, &mut network);
            let (operation, request) = (operation.clone(), request.clone());
            clients.wait(Waiting { client, node: 0, deadline, operation, request, purpose });
            let waiting = clients.expired(deadline).unwrap();
            clients.give_up(&waiting);
        }
        // The last one is open.
        assert_eq!(clients.gave_up.len(), REMEMBERED);
        let body = serde_json::value::to_raw_value(&json!({"in_reply_to": 1})).unwrap();
        let gave_up = |client| clients.gave_up(&name(client), &body).map(|late| late.deadline);
        assert_eq!(gave_up(0), None);
        assert_eq!(gave_up(1), Some(deadline));
        assert_eq!(gave_up(processes - 2), Some(deadline));
        assert_eq!(gave_up(processes - 1), None);
        let other = serde_json::value::to_raw_value(&json!({"in_reply_to": 2})).unwrap();
        assert_eq!(clients.gave_up("c1", &other), None);
    }
}
