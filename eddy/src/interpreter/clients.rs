//! The clients of a test, and their outstanding requests with deadlines.
//!
//! Every thread has a client. As in Jepsen's interpreter, a thread whose operation was
//! indeterminate goes on as another process. The first operation of that process closes the client
//! and opens a new one, unless the clients of the workload are reusable. A reply to a closed client
//! is dropped. Initialization and setup have clients of their own, one for each node.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;
use std::time::Duration;

use serde_json::value::RawValue;

use super::reply_mistakes;
use crate::client::{ClientReply, ClientRequest, Operation};
use crate::network::{Network, NetworkMessage};

/// Maximum number of closed clients whose timed-out requests are kept; the oldest are forgotten.
/// Only for these is a late reply recognized. A client waits for at least a second, so with 100
/// clients this lasts for more than a minute; more would take more memory.
const MAX_TIMED_OUT: usize = 10_000;

/// Maximum number of answered requests that are kept of an open client; the oldest are forgotten. A
/// second reply usually follows the first closely, and each entry keeps the body of a reply.
const MAX_ANSWERED: usize = 4;

/// The clients of a test, by number.
#[derive(Debug)]
pub(super) struct Clients {
    /// The number of the next client.
    next_client: u64,
    open: BTreeMap<u64, OpenClient>,
    /// The requests that timed out and whose clients are closed, by client; at most
    /// [`MAX_TIMED_OUT`].
    timed_out: BTreeMap<u64, TimedOutRequest>,
    /// The client of each thread, and the process that it was opened for.
    threads: Vec<Option<(u64, u64)>>,
    /// True if the next process of a thread reuses its client.
    are_reused: bool,
    /// The outstanding request of each client.
    outstanding: BTreeMap<u64, OutstandingRequest>,
    /// The deadline of each entry of `outstanding`.
    deadlines: BTreeSet<(Duration, u64)>,
    /// A cache of the last request: its body without and with its `msg_id`. Setup sends the same
    /// request to all nodes, and it may be long.
    last_body: Option<(Rc<serde_json::Value>, u64, Rc<RawValue>)>,
}

/// The state of an open client.
#[derive(Debug, Default)]
struct OpenClient {
    /// The last `msg_id` that it has used.
    msg_id: u64,
    /// The request with that id, if it timed out.
    timed_out: Option<TimedOutRequest>,
    /// The last answered requests, the latest first; at most [`MAX_ANSWERED`].
    answered: VecDeque<AnsweredRequest>,
}

/// A request that was answered.
#[derive(Debug)]
pub(super) struct AnsweredRequest {
    pub(super) msg_id: u64,
    /// The function of its operation.
    pub(super) f: &'static str,
    /// The body of the reply.
    pub(super) body: Rc<RawValue>,
}

/// A message to a client that does not wait for it.
#[derive(Debug)]
pub(super) enum Unsolicited<'a> {
    /// A second reply to this request.
    SecondReply(&'a AnsweredRequest),
    /// A message that answers none of the client's requests: its `in_reply_to`, and the expected
    /// one, as words.
    NoRequest { found: String, expected: String },
}

/// A request that timed out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TimedOutRequest {
    msg_id: u64,
    /// The function of its operation.
    pub(super) f: &'static str,
    /// The time at which the client stopped waiting.
    pub(super) deadline: Duration,
}

/// A request that has neither been answered nor timed out.
#[derive(Debug)]
pub(super) struct OutstandingRequest {
    pub(super) client: u64,
    /// The index of the node that was asked.
    pub(super) node: usize,
    pub(super) deadline: Duration,
    pub(super) operation: Operation,
    /// The latest request of the operation.
    pub(super) request: ClientRequest,
    pub(super) purpose: Purpose,
}

/// The purpose of a request.
#[derive(Debug, Clone, Copy)]
pub(super) enum Purpose {
    /// `init` or the setup of the workload. A node that does not answer it cannot be tested.
    Preparation,
    /// An operation of the history.
    Operation { thread: usize, process: u64, is_final: bool },
}

impl Clients {
    pub(super) fn new(threads: usize, are_reused: bool) -> Clients {
        Clients {
            next_client: 0,
            open: BTreeMap::new(),
            timed_out: BTreeMap::new(),
            threads: vec![None; threads],
            are_reused,
            outstanding: BTreeMap::new(),
            deadlines: BTreeSet::new(),
            last_body: None,
        }
    }

    /// Opens a client and lets it join the network.
    pub(super) fn open(&mut self, network: &mut Network) -> u64 {
        let client = self.next_client;
        self.next_client += 1;
        self.open.insert(client, OpenClient::default());
        network.join(&name(client));
        client
    }

    /// Skips the name of one client.
    pub(super) fn skip_name(&mut self) {
        self.next_client += 1;
    }

    /// The client of a thread that now runs this process. Opens a new client if the thread has
    /// none, or has one of a former process that is not reusable.
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

    /// Closes a client for good. Later replies to it are dropped.
    pub(super) fn close(&mut self, client: u64, network: &mut Network) {
        network.leave(&name(client));
        if let Some(OpenClient { timed_out: Some(timed_out), .. }) = self.open.remove(&client) {
            self.timed_out.insert(client, timed_out);
            if self.timed_out.len() > MAX_TIMED_OUT {
                self.timed_out.pop_first();
            }
        }
    }

    /// Notes that the last request of a client timed out.
    pub(super) fn note_timeout(&mut self, outstanding: &OutstandingRequest) {
        if let Some(OpenClient { msg_id, timed_out, .. }) = self.open.get_mut(&outstanding.client) {
            let OutstandingRequest { operation, deadline, .. } = outstanding;
            *timed_out =
                Some(TimedOutRequest { msg_id: *msg_id, f: operation.f, deadline: *deadline });
        }
    }

    /// The timed-out request of this closed client that this body answers, if there is one.
    pub(super) fn timed_out_request(
        &self,
        client: &str,
        body: &RawValue,
    ) -> Option<TimedOutRequest> {
        let timed_out = self.timed_out.get(&number(client)?)?;
        let id = in_reply_to(&ClientReply::parse(body).ok()?)?;
        (id == timed_out.msg_id).then_some(*timed_out)
    }

    /// Notes an outstanding request, and returns the name of its client and its body.
    pub(super) fn add_outstanding(
        &mut self,
        outstanding: OutstandingRequest,
    ) -> (String, Rc<RawValue>) {
        let OutstandingRequest { client, deadline, .. } = outstanding;
        let open = self.open.entry(client).or_default();
        open.msg_id += 1;
        open.timed_out = None;
        let msg_id = open.msg_id;
        let body = self.body(&outstanding.request.body, msg_id);
        self.deadlines.insert((deadline, client));
        self.outstanding.insert(client, outstanding);
        (name(client), body)
    }

    fn body(&mut self, request: &Rc<serde_json::Value>, msg_id: u64) -> Rc<RawValue> {
        if let Some((last, id, body)) = &self.last_body
            && Rc::ptr_eq(last, request)
            && *id == msg_id
        {
            return Rc::clone(body);
        }
        let mut body = serde_json::Value::clone(request);
        body["msg_id"] = msg_id.into();
        let body = serde_json::value::to_raw_value(&body).expect("a JSON value is JSON");
        let body: Rc<RawValue> = body.into();
        self.last_body = Some((Rc::clone(request), msg_id, Rc::clone(&body)));
        body
    }

    /// Puts back a request that was taken, with a later deadline.
    pub(super) fn put_back(&mut self, outstanding: OutstandingRequest, deadline: Duration) {
        let client = outstanding.client;
        self.deadlines.insert((deadline, client));
        self.outstanding.insert(client, OutstandingRequest { deadline, ..outstanding });
    }

    /// Extends the deadline of a node's outstanding `init` or setup, if it has one.
    pub(super) fn extend_preparation(&mut self, node: usize, deadline: Duration) {
        if let Some(outstanding) = self.take_preparation(node) {
            self.put_back(outstanding, deadline);
        }
    }

    /// Drops the outstanding `init` or setup of a node that was killed, if it has one.
    pub(super) fn drop_preparation(&mut self, node: usize, network: &mut Network) {
        if let Some(outstanding) = self.take_preparation(node) {
            self.close(outstanding.client, network);
        }
    }

    fn take_preparation(&mut self, node: usize) -> Option<OutstandingRequest> {
        let client = self.outstanding_preparation(node)?.0.client;
        self.take(client)
    }

    /// True if any client waits for a reply.
    pub(super) fn has_outstanding(&self) -> bool {
        !self.outstanding.is_empty()
    }

    /// Takes the outstanding request that this message answers, if there is one, and the reply.
    pub(super) fn take_answered<'a>(
        &mut self,
        message: &'a NetworkMessage,
    ) -> Option<(OutstandingRequest, ClientReply<'a>)> {
        let client = number(&message.dest)?;
        // Only `in_reply_to` matters here. The schema checks the rest.
        let reply = ClientReply::parse(&message.body).ok()?;
        let msg_id = in_reply_to(&reply)?;
        if self.open.get(&client)?.msg_id != msg_id {
            return None;
        }
        let outstanding = self.take(client)?;
        let OpenClient { answered, .. } = self.open.get_mut(&client)?;
        answered.truncate(MAX_ANSWERED - 1);
        let body = Rc::clone(&message.body);
        answered.push_front(AnsweredRequest { msg_id, f: outstanding.operation.f, body });
        Some((outstanding, reply))
    }

    /// The outstanding request to a node with this `msg_id`, if the type of the body is one that
    /// its reply may have.
    pub(super) fn outstanding_at_node(
        &self,
        node: usize,
        msg_id: u64,
        body: &RawValue,
    ) -> Option<&OutstandingRequest> {
        let of_node = |outstanding: &&OutstandingRequest| {
            let open = self.open.get(&outstanding.client);
            outstanding.node == node && open.is_some_and(|open| open.msg_id == msg_id)
        };
        let mut outstanding = self.outstanding.values().filter(of_node).peekable();
        outstanding.peek()?;
        let kind = ClientReply::parse(body).ok()?.kind()?;
        outstanding.find(|outstanding| kind == "error" || kind == outstanding.request.reply.kind())
    }

    /// The outstanding request of the client `dest` to a node that this body answers, if any.
    pub(super) fn outstanding_of_client(
        &self,
        dest: &str,
        node: usize,
        body: &RawValue,
    ) -> Option<&OutstandingRequest> {
        let client = number(dest)?;
        let outstanding = self.outstanding.get(&client)?;
        let msg_id = in_reply_to(&ClientReply::parse(body).ok()?)?;
        let is_answered = outstanding.node == node && self.open.get(&client)?.msg_id == msg_id;
        is_answered.then_some(outstanding)
    }

    /// The mistake in a message to an open client that does not wait for it. A late reply is not a
    /// mistake.
    pub(super) fn unsolicited(&self, message: &NetworkMessage) -> Option<Unsolicited<'_>> {
        let client = number(&message.dest)?;
        let OpenClient { msg_id, answered, .. } = self.open.get(&client)?;
        let reply = ClientReply::parse(&message.body).ok();
        let field = reply.as_ref().and_then(|reply| reply.field("in_reply_to"));
        let id = reply.as_ref().and_then(in_reply_to);
        if let Some(id) = id.filter(|id| (1..=*msg_id).contains(id)) {
            return answered
                .iter()
                .find(|answered| answered.msg_id == id)
                .map(Unsolicited::SecondReply);
        }
        let expected = match self.outstanding.get(&client) {
            Some(OutstandingRequest { operation, .. }) => {
                format!("{msg_id}, the msg_id of its request, {}", operation.f)
            }
            None => "the msg_id of a request".to_owned(),
        };
        let found = reply_mistakes::describe_field("in_reply_to", field.map(RawValue::get));
        Some(Unsolicited::NoRequest { found, expected })
    }

    /// The function of a node's outstanding `init` or setup, if it has one.
    pub(super) fn preparation_function(&self, node: usize) -> Option<&'static str> {
        self.outstanding_preparation(node).map(|(outstanding, _)| outstanding.operation.f)
    }

    /// A node's outstanding `init` or setup and its `msg_id`, if it has one.
    pub(super) fn outstanding_preparation(
        &self,
        node: usize,
    ) -> Option<(&OutstandingRequest, u64)> {
        let is_preparation = |outstanding: &&OutstandingRequest| {
            outstanding.node == node && matches!(outstanding.purpose, Purpose::Preparation)
        };
        let outstanding = self.outstanding.values().find(is_preparation)?;
        Some((outstanding, self.open.get(&outstanding.client)?.msg_id))
    }

    /// Takes a request whose deadline has passed.
    pub(super) fn expired(&mut self, now: Duration) -> Option<OutstandingRequest> {
        let (deadline, client) = *self.deadlines.first()?;
        if deadline <= now { self.take(client) } else { None }
    }

    /// The earliest deadline.
    pub(super) fn next_deadline(&self) -> Option<Duration> {
        self.deadlines.first().map(|(deadline, _)| *deadline)
    }

    fn take(&mut self, client: u64) -> Option<OutstandingRequest> {
        let outstanding = self.outstanding.remove(&client)?;
        self.deadlines.remove(&(outstanding.deadline, client));
        Some(outstanding)
    }
}

/// The `in_reply_to` of a reply, if it is a number.
pub(super) fn in_reply_to(reply: &ClientReply<'_>) -> Option<u64> {
    reply.field("in_reply_to")?.get().parse().ok()
}

fn number(client: &str) -> Option<u64> {
    client.strip_prefix('c')?.parse().ok()
}

/// The name of a client on the network.
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
    fn only_the_latest_timed_out_requests_of_closed_clients_are_kept() {
        let mut network =
            Network::new(Latency::default(), Delivery::Maelstrom, Random::seeded(0), false);
        let mut clients = Clients::new(1, false);
        let operation = Operation::init("n0", &[]);
        let Work::Ask(request) = operation.work.clone() else { panic!("init asks nothing") };
        let (deadline, purpose) = (Duration::from_secs(5), Purpose::Preparation);
        let processes = u64::try_from(MAX_TIMED_OUT).unwrap() + 2;
        for process in 0..processes {
            let client = clients.of_thread(0, process, &mut network);
            let (operation, request) = (operation.clone(), request.clone());
            clients.add_outstanding(OutstandingRequest {
                client,
                node: 0,
                deadline,
                operation,
                request,
                purpose,
            });
            let outstanding = clients.expired(deadline).unwrap();
            clients.note_timeout(&outstanding);
        }
        // The last client is open.
        assert_eq!(clients.timed_out.len(), MAX_TIMED_OUT);
        let body = serde_json::value::to_raw_value(&json!({"in_reply_to": 1})).unwrap();
        let gave_up =
            |client| clients.timed_out_request(&name(client), &body).map(|late| late.deadline);
        assert_eq!(gave_up(0), None);
        assert_eq!(gave_up(1), Some(deadline));
        assert_eq!(gave_up(processes - 2), Some(deadline));
        assert_eq!(gave_up(processes - 1), None);
        let other = serde_json::value::to_raw_value(&json!({"in_reply_to": 2})).unwrap();
        assert_eq!(clients.timed_out_request("c1", &other), None);
    }
}
