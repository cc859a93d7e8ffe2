//! A follower that lacks 128 MB catches up, and the latency of the others does not increase.
//!
//! In eddy's simulation, any number of bytes takes the same time. Here each node writes to a pipe
//! of 100 MB/s, so a large message to one node delays all messages after it, as in a process.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use glomers::Host;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, DuplexStream};
use tokio::sync::{mpsc, oneshot};
use tokio::task::{LocalSet, spawn_local};
use tokio::time::{Duration, Instant, sleep, sleep_until, timeout};

use super::LinKv;

const NODES: [&str; 3] = ["n1", "n2", "n3"];
const LATENCY: Duration = Duration::from_millis(1);
const BYTES_PER_MS: u32 = 100_000;

const VALUE_BYTES: usize = 300_000;
const VALUES: usize = 430;

/// A line, with the time of its arrival.
type TimedLine = (Instant, Vec<u8>);

/// Network between three nodes and their clients.
#[derive(Default)]
struct PipeNetwork {
    inboxes: RefCell<BTreeMap<String, mpsc::UnboundedSender<TimedLine>>>,
    clients: RefCell<BTreeMap<u64, oneshot::Sender<Value>>>,
    last_id: Cell<u64>,
    bytes_to_n3: Cell<usize>,
    /// Size of the largest message between nodes, in bytes.
    longest: Cell<usize>,
    /// Last entry that n3 has acknowledged.
    matched: Cell<u64>,
}

impl PipeNetwork {
    fn start(self: &Rc<Self>, node: &str, seed: u64) {
        let (stdin, input) = tokio::io::duplex(1 << 20);
        let (output, stdout) = tokio::io::duplex(1 << 16);
        let (inbox, lines) = mpsc::unbounded_channel();
        self.inboxes.borrow_mut().insert(node.to_owned(), inbox);
        spawn_local(deliver(lines, stdin));
        spawn_local(Rc::clone(self).forward_output(stdout));
        spawn_local(async move { Host::seeded(seed).serve_on(input, output, LinKv::new).await });
        let init = json!({"type": "init", "node_id": node, "node_ids": NODES});
        self.send(node, json!({"src": "c0", "dest": node, "body": init}).to_string().into_bytes());
    }

    fn stop(&self, node: &str) {
        self.inboxes.borrow_mut().remove(node);
    }

    fn send(&self, to: &str, mut line: Vec<u8>) {
        line.push(b'\n');
        if let Some(inbox) = self.inboxes.borrow().get(to) {
            let _ = inbox.send((Instant::now() + LATENCY, line));
        }
    }

    /// Reads a node's output at the rate of the pipe.
    async fn forward_output(self: Rc<Self>, stdout: DuplexStream) {
        let (mut stdout, mut line, mut free) =
            (BufReader::with_capacity(1 << 16, stdout), Vec::new(), Instant::now());
        loop {
            let chunk = stdout.fill_buf().await.unwrap();
            if chunk.is_empty() {
                return;
            }
            let end = chunk.iter().position(|byte| *byte == b'\n');
            let length = end.map_or(chunk.len(), |end| end + 1);
            line.extend_from_slice(&chunk[..length]);
            stdout.consume(length);
            let nanoseconds = length as u64 * 1_000_000 / u64::from(BYTES_PER_MS);
            // Timers are late by at most 1 ms, in which the pipe is not idle.
            let idle_since = Instant::now() - Duration::from_millis(1);
            free = free.max(idle_since) + Duration::from_nanos(nanoseconds);
            sleep_until(free).await;
            if end.is_some() {
                line.pop();
                self.route(std::mem::take(&mut line));
            }
        }
    }

    fn route(&self, line: Vec<u8>) {
        let head = std::str::from_utf8(&line[..line.len().min(200)]).unwrap_or_default();
        let [_, _, _, src, _, _, _, dest, _] = head.splitn(9, '"').collect::<Vec<_>>()[..] else {
            panic!("no message: {head}")
        };
        if !dest.starts_with('n') {
            let message: Value = serde_json::from_slice(&line).unwrap();
            let id = message["body"]["in_reply_to"].as_u64();
            let client = id.and_then(|id| self.clients.borrow_mut().remove(&id));
            client.map(|client| client.send(message["body"].clone()));
            return;
        }
        self.longest.set(self.longest.get().max(line.len()));
        if dest == "n3" {
            self.bytes_to_n3.set(self.bytes_to_n3.get() + line.len());
        }
        if src == "n3" {
            let text = String::from_utf8_lossy(&line);
            let matched = text.split("\"match_index\":").nth(1);
            let digits = matched.map(|rest| rest.chars().take_while(char::is_ascii_digit));
            let matched = digits.and_then(|digits| digits.collect::<String>().parse().ok());
            self.matched.set(self.matched.get().max(matched.unwrap_or_default()));
        }
        let dest = dest.to_owned();
        let mut line = line;
        line.shrink_to_fit();
        self.send(&dest, line);
    }

    /// Sends a client's request to a node. Returns the reply, if it comes in time.
    async fn ask(&self, node: &str, mut body: Value) -> Option<Value> {
        self.last_id.set(self.last_id.get() + 1);
        let id = self.last_id.get();
        body["msg_id"] = id.into();
        let (client, answer) = oneshot::channel();
        self.clients.borrow_mut().insert(id, client);
        let line = json!({"src": "c1", "dest": node, "body": body}).to_string();
        self.send(node, line.into_bytes());
        timeout(Duration::from_secs(2), answer).await.ok()?.ok()
    }

    async fn write(&self, node: &str, key: usize, value: &str) -> bool {
        let answer = self.ask(node, json!({"type": "write", "key": key, "value": value})).await;
        answer.is_some_and(|answer| answer["type"] == "write_ok")
    }

    /// Median and longest latency of n1 and n2 while a condition holds.
    async fn latencies(&self, mut goes_on: impl FnMut() -> bool) -> [Duration; 2] {
        let mut times = Vec::new();
        while goes_on() {
            for node in ["n1", "n2"] {
                for body in [
                    json!({"type": "write", "key": "small", "value": times.len()}),
                    json!({"type": "read", "key": "small"}),
                ] {
                    let asked = Instant::now();
                    let answer = self.ask(node, body).await;
                    let kind = answer.as_ref().map(|answer| &answer["type"]);
                    assert!(kind.is_some_and(|kind| kind != "error"), "{node}: {answer:?}");
                    times.push(asked.elapsed());
                }
            }
            sleep(Duration::from_millis(5)).await;
        }
        times.sort_unstable();
        [times[times.len() / 2], times[times.len() - 1]]
    }
}

async fn deliver(mut lines: mpsc::UnboundedReceiver<TimedLine>, mut stdin: DuplexStream) {
    while let Some((at, line)) = lines.recv().await {
        sleep_until(at).await;
        if stdin.write_all(&line).await.is_err() {
            return;
        }
    }
}

#[test]
fn a_follower_that_lacks_128_mb_catches_up_while_the_others_answer_as_fast_as_before() {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
    LocalSet::new().block_on(&runtime.unwrap(), async {
        let network = Rc::new(PipeNetwork::default());
        network.start("n1", 1);
        network.start("n2", 2);
        while !network.write("n1", 0, "first").await {}
        let filling = "x".repeat(VALUE_BYTES);
        for key in 1..=VALUES {
            assert!(network.write("n1", key, &format!("{key} {filling}")).await, "{key}");
        }
        let begin = Instant::now();
        let before = network.latencies(|| begin.elapsed() < Duration::from_secs(2)).await;

        network.start("n3", 3);
        let begin = Instant::now();
        let has_caught_up = || network.matched.get() > VALUES as u64;
        let is_late = || begin.elapsed() > Duration::from_secs(60);
        let meanwhile = network.latencies(|| !has_caught_up() && !is_late()).await;
        let (took, bytes) = (begin.elapsed(), network.bytes_to_n3.get());
        println!("n3: {bytes} bytes in {took:?}; others: {before:?}, then {meanwhile:?}");
        assert!(has_caught_up(), "n3 has {} of {VALUES} entries", network.matched.get());
        assert!(meanwhile[0] < before[0] + Duration::from_millis(10), "{before:?}, {meanwhile:?}");
        assert!(meanwhile[1] < before[1] + Duration::from_millis(25), "{before:?}, {meanwhile:?}");
        let least = VALUES * VALUE_BYTES;
        assert!((least..least * 3 / 2).contains(&bytes), "{bytes} bytes for {least}");
        assert!(network.longest.get() < 900_000, "{} bytes in a message", network.longest.get());

        // Without n2, n3 is needed for a majority.
        network.stop("n2");
        sleep(Duration::from_secs(3)).await;
        assert!(network.write("n3", 0, "last").await);
    });
}
