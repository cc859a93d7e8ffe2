//! Catch-up of a lin-kv replica that is far behind: its time and traffic, and the latencies of the
//! other replicas' clients meanwhile. There are three real processes with storage. One of them is
//! killed, and then the others store the backlog. The argument is the backlog in MB:
//!
//! ```text
//! cargo bench --bench catch_up -- 1024
//! ```
//!
//! `make bench` does not run it, because it takes minutes, and several times the backlog in memory
//! and on disk.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

const LIN_KV: &str = env!("CARGO_BIN_EXE_lin-kv");
const NODES: [&str; 3] = ["n1", "n2", "n3"];

/// Size of a value: small enough for an ordinary line, and large enough that two do not fit into
/// one message between replicas.
const VALUE_BYTES: usize = 300_000;

/// Backlog of the last replica in MB, by default.
const MEGABYTES: usize = 128;

/// Time for which latencies are measured before the last replica restarts.
const BEFORE: Duration = Duration::from_secs(5);

/// Maximum duration of the catch-up.
const MAX_CATCH_UP: Duration = Duration::from_secs(300);

/// Routes messages between the processes and the clients.
#[derive(Default)]
struct Router {
    inboxes: Mutex<BTreeMap<String, Sender<Vec<u8>>>>,
    clients: Mutex<BTreeMap<u64, Sender<Value>>>,
    traffic: Mutex<Traffic>,
}

#[derive(Default, Clone, Copy)]
struct Traffic {
    bytes_to_last: usize,
    longest_line: usize,
    /// Index of the last entry that the last replica has acknowledged, as `match_index`.
    match_index: u64,
}

/// A replica's process, killed on drop.
struct ReplicaProcess(Child);

impl Drop for ReplicaProcess {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn main() {
    let argument = std::env::args().skip(1).find_map(|argument| argument.parse().ok());
    let megabytes = argument.unwrap_or(MEGABYTES);
    let directory = std::env::temp_dir().join(format!("glomers-catch-up-{}", std::process::id()));
    measure(megabytes, &directory);
    std::fs::remove_dir_all(&directory).expect("a directory that can be removed");
}

fn measure(megabytes: usize, directory: &Path) {
    let router = Arc::new(Router::default());
    let mut nodes = NODES.map(|node| router.start(node, directory)).into_iter();
    let _others = [nodes.next(), nodes.next()];
    router.write_until_ok(0, "first");
    drop(nodes);
    let values = megabytes * 1_000_000 / VALUE_BYTES;
    let filling = "x".repeat(VALUE_BYTES);
    for key in 1..=values {
        router.write_until_ok(key, &format!("{key} {filling}"));
    }
    let begin = Instant::now();
    let before = router.latencies(|| begin.elapsed() < BEFORE);

    router.update_traffic(|traffic| *traffic = Traffic::default());
    let begin = Instant::now();
    let _last = router.start("n3", directory);
    let least = values as u64;
    let meanwhile = router
        .latencies(|| router.traffic().match_index <= least && begin.elapsed() < MAX_CATCH_UP);
    let (took, traffic) = (begin.elapsed(), router.traffic());
    assert!(traffic.match_index > least, "the replica has not caught up within {MAX_CATCH_UP:?}");
    println!("lin-kv, one of 3 nodes behind by {megabytes} MB: caught up after {took:.1?}");
    println!(
        "{:.0} MB were sent to it, at most {:.0} kB in a message",
        megabytes_of(traffic.bytes_to_last),
        megabytes_of(traffic.longest_line) * 1e3
    );
    println!("the others' clients       asked   median ms     p99 ms  longest ms  not answered");
    before.print("before");
    meanwhile.print("meanwhile");
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
fn megabytes_of(bytes: usize) -> f64 {
    bytes as f64 / 1e6
}

/// Latencies of replies, and the number of requests without one.
struct Latencies {
    times: Vec<Duration>,
    unanswered: usize,
}

impl Latencies {
    fn print(mut self, when: &str) {
        self.times.sort_unstable();
        let at = |percent: usize| {
            let place = (self.times.len() * percent / 100).min(self.times.len() - 1);
            self.times[place].as_secs_f64() * 1e3
        };
        println!(
            "{when:<24} {:>6} {:>11.1} {:>10.1} {:>11.1} {:>13}",
            self.times.len() + self.unanswered,
            at(50),
            at(99),
            at(100),
            self.unanswered
        );
    }
}

impl Router {
    fn start(self: &Arc<Self>, id: &str, directory: &Path) -> ReplicaProcess {
        let storage: PathBuf = directory.join(id);
        std::fs::create_dir_all(&storage).expect("a directory that can be made");
        let mut command = Command::new(LIN_KV);
        command.env("EDDY_STORAGE", storage).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("a process");
        let mut stdin = child.stdin.take().expect("a pipe");
        let mut stdout = BufReader::new(child.stdout.take().expect("a pipe"));
        let (inbox, lines) = mpsc::channel::<Vec<u8>>();
        std::thread::spawn(move || {
            // Until the node is killed, or the network is gone.
            while lines.recv().is_ok_and(|line| stdin.write_all(&line).is_ok()) {}
        });
        let network = Arc::clone(self);
        std::thread::spawn(move || {
            let mut line = Vec::new();
            while stdout.read_until(b'\n', &mut line).is_ok_and(|bytes| bytes > 0) {
                network.route(std::mem::take(&mut line));
            }
        });
        let mut inboxes = self.inboxes.lock().unwrap_or_else(PoisonError::into_inner);
        inboxes.insert(id.to_owned(), inbox);
        drop(inboxes);
        let init = json!({"type": "init", "node_id": id, "node_ids": NODES});
        self.send(id, format!("{}\n", json!({"src": "c0", "dest": id, "body": init})).into());
        ReplicaProcess(child)
    }

    fn send(&self, to: &str, line: Vec<u8>) {
        let inboxes = self.inboxes.lock().unwrap_or_else(PoisonError::into_inner);
        // Fails for a replica that was killed.
        inboxes.get(to).map(|inbox| inbox.send(line));
    }

    fn route(&self, line: Vec<u8>) {
        let head = String::from_utf8_lossy(&line[..line.len().min(200)]);
        let [_, _, _, src, _, _, _, dest, _] = head.splitn(9, '"').collect::<Vec<_>>()[..] else {
            panic!("no message: {head}")
        };
        if !dest.starts_with('n') {
            let message: Value = serde_json::from_slice(&line).expect("a message");
            let id = message["body"]["in_reply_to"].as_u64();
            let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
            let client = id.and_then(|id| clients.remove(&id));
            client.map(|client| client.send(message["body"].clone()));
            return;
        }
        self.update_traffic(|traffic| {
            if dest == NODES[2] {
                traffic.bytes_to_last += line.len();
                traffic.longest_line = traffic.longest_line.max(line.len());
            }
            if src == NODES[2] {
                let text = String::from_utf8_lossy(&line);
                let number = text.split("\"match_index\":").nth(1).and_then(|rest| {
                    let end = rest.find(|letter: char| !letter.is_ascii_digit())?;
                    rest[..end].parse().ok()
                });
                traffic.match_index = traffic.match_index.max(number.unwrap_or_default());
            }
        });
        let dest = dest.to_owned();
        self.send(&dest, line);
    }

    fn update_traffic(&self, how: impl FnOnce(&mut Traffic)) {
        how(&mut self.traffic.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn traffic(&self) -> Traffic {
        *self.traffic.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends a request, and waits up to 2 s for the reply.
    fn ask(&self, id: u64, node: &str, mut body: Value) -> Option<Value> {
        body["msg_id"] = id.into();
        let (client, answer) = mpsc::channel();
        self.clients.lock().unwrap_or_else(PoisonError::into_inner).insert(id, client);
        self.send(node, format!("{}\n", json!({"src": "c1", "dest": node, "body": body})).into());
        answer.recv_timeout(Duration::from_secs(2)).ok()
    }

    /// Repeats a write until it succeeds, because a leader may have to be elected first.
    fn write_until_ok(&self, key: usize, value: &str) {
        let write = || json!({"type": "write", "key": key, "value": value});
        let begin = Instant::now();
        while self.ask(1, NODES[0], write()).is_none_or(|answer| answer["type"] != "write_ok") {
            assert!(begin.elapsed() < MAX_CATCH_UP, "no replica accepts key {key}");
        }
    }

    /// Latencies of the other two replicas while `goes_on`.
    fn latencies(&self, goes_on: impl Fn() -> bool) -> Latencies {
        let (mut times, mut unanswered) = (Vec::new(), 0);
        while goes_on() {
            for node in &NODES[..2] {
                for body in [
                    json!({"type": "write", "key": "small", "value": times.len()}),
                    json!({"type": "read", "key": "small"}),
                ] {
                    let asked = Instant::now();
                    let id = 2 + times.len() as u64 + unanswered as u64;
                    match self.ask(id, node, body) {
                        Some(answer) if answer["type"] != "error" => times.push(asked.elapsed()),
                        _ => unanswered += 1,
                    }
                }
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Latencies { times, unanswered }
    }
}
