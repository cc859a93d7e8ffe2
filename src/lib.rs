//! A small library for nodes of Maelstrom, Jepsen's workbench for distributed systems.
//!
//! You write a [`Handler`], which maps requests to replies. The library reads and writes the
//! messages, matches replies to calls, and runs tasks and storage.
//!
//! # Map
//!
//! The modules are listed in reading order. For `src/bin/`, this page, `handler`, [`gossip::Seen`]
//! and, from `broadcast-c` on, the rest of [`gossip`] are enough; `lin-kv` needs [`raft`].
//!
//! | module | contents |
//! |---|---|
//! | `handler` | [`Handler`], the trait with which you write a node |
//! | `serve` | [`serve`](fn@serve) and the event loop of a node: lines in, lines out |
//! | `node`, `rpc`, `join` | [`Node`], a handler's handle to its node and the cluster; calls |
//! | `kv` | clients of Maelstrom's services: [`KeyValue`], [`TimestampOracle`] |
//! | `error` | [`Error`], an error reply; [`RpcError`], the failure of a call |
//! | `message`, `body`, `json`, `size` | messages; bodies as enums; JSON as text; size limits |
//! | `lines`, `incoming`, `outbox`, `stdio` | input split into messages; output and its buffer |
//! | `tasks` | requests and background tasks, polled inside the node's own future |
//! | `host`, `storage`, `fatal` | randomness and disk; durable logs and values; fatal errors |
//! | [`gossip`] | reliable delivery to neighbors and anti-entropy after a restart |
//! | [`raft`] | replication of a state machine by Raft |
//!
//! # A node, step by step
//!
//! ## Replies
//!
//! A node's behavior is a [`Handler`]. Its requests are the variants of one enum, its replies those
//! of another, and the variant's name is the message's `type`. [`serve`](fn@serve) runs it on stdin
//! and stdout, [`serve_on`] on any pair of byte streams:
//!
//! ```
//! use glomers::{Handler, Json, async_trait};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Deserialize)]
//! #[serde(rename_all = "snake_case")]
//! enum Request {
//!     Echo { echo: Json },
//! }
//!
//! #[derive(Serialize)]
//! #[serde(rename_all = "snake_case")]
//! enum Reply {
//!     EchoOk { echo: Json },
//! }
//!
//! struct Echo;
//!
//! #[async_trait(?Send)]
//! impl Handler for Echo {
//!     type Request = Request;
//!     type Reply = Reply;
//!
//!     async fn handle(&self, _from: &str, request: Request) -> anyhow::Result<Reply> {
//!         let Request::Echo { echo } = request;
//!         Ok(Reply::EchoOk { echo })
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> anyhow::Result<()> {
//! let input = br#"
//!     {"src":"c1","dest":"n1","body":{"type":"init","msg_id":1,"node_id":"n1","node_ids":["n1"]}}
//!     {"src":"c1","dest":"n1","body":{"type":"echo","msg_id":2,"echo":{"pi":3.140}}}
//! "#;
//! let mut output = Vec::new();
//! glomers::serve_on(&input[..], &mut output, |_node| Echo).await?;
//! assert_eq!(
//!     String::from_utf8(output)?,
//!     r#"{"src":"n1","dest":"c1","body":{"type":"init_ok","in_reply_to":1}}
//! {"src":"n1","dest":"c1","body":{"type":"echo_ok","echo":{"pi":3.140},"in_reply_to":2}}
//! "#
//! );
//! # Ok(())
//! # }
//! ```
//!
//! In a program, `main` is `glomers::serve(|_node| Echo)`. The handler returns its reply, so it can
//! neither forget it nor send it twice. [`Json`] keeps a value as the text that was received.
//!
//! ## State
//!
//! A node runs on one thread, so `Cell` and `RefCell` suffice for its state. The handler is
//! constructed after `init` was received, so a handler's [`Node`] need not be an `Option`.
//!
//! ```
//! # use std::cell::Cell;
//! # use glomers::{Handler, Node, async_trait};
//! # use serde::{Deserialize, Serialize};
//! #[derive(Deserialize)]
//! #[serde(rename_all = "snake_case")]
//! enum Request {
//!     Generate,
//! }
//!
//! #[derive(Serialize)]
//! #[serde(rename_all = "snake_case")]
//! enum Reply {
//!     GenerateOk { id: String },
//! }
//!
//! struct Ids {
//!     node: Node,
//!     generated: Cell<u64>,
//! }
//!
//! #[async_trait(?Send)]
//! impl Handler for Ids {
//!     type Request = Request;
//!     type Reply = Reply;
//!
//!     async fn handle(&self, _from: &str, _request: Request) -> anyhow::Result<Reply> {
//!         self.generated.set(self.generated.get() + 1);
//!         let (id, count) = (self.node.id(), self.generated.get());
//!         let incarnation = self.node.incarnation();
//!         Ok(Reply::GenerateOk { id: format!("{id}-{incarnation}-{count}") })
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> anyhow::Result<()> {
//! # let input = br#"
//! #     {"src":"c1","dest":"n1","body":{"type":"init","node_id":"n1","node_ids":["n1"]}}
//! #     {"src":"c1","dest":"n1","body":{"type":"generate"}}
//! #     {"src":"c1","dest":"n1","body":{"type":"generate","msg_id":2}}
//! # "#;
//! # let mut output = Vec::new();
//! let new_handler = |node| Ids { node, generated: Cell::new(0) };
//! glomers::serve_on(&input[..], &mut output, new_handler).await?;
//! let output = String::from_utf8(output)?;
//! assert!(output.contains(r#"{"type":"generate_ok","id":"n1-"#), "{output}");
//! assert!(output.contains(r#"-2","in_reply_to":2}"#), "{output}");
//! # Ok(())
//! # }
//! ```
//!
//! This state is lost when the process ends. A node that was killed counts from 1 again. Without
//! its [incarnation](Node::incarnation), it would generate the same ids again. This number is the
//! time of its start, so it grows with every restart unless the clock is set back meanwhile. State
//! that must survive a kill belongs in [`Node::storage`].
//!
//! ## Calls
//!
//! [`Node::rpc`] sends a request and waits up to 1 s for the reply, [`Node::rpc_retry`] repeats it
//! until it succeeds or its [`Retry`] policy gives up, and [`Node::send`] does not wait. While a
//! handler waits, other requests are handled.
//!
//! An [`RpcError`], or any other error that is not an [`Error`], reaches the client as error 13,
//! crash: the operation may or may not have happened. To promise that it has not, return a definite
//! [`Error`]:
//!
//! ```
//! use glomers::{ErrorCode, Node, RpcError};
//! # use serde::{Deserialize, Serialize};
//!
//! # #[derive(Serialize)]
//! # #[serde(rename_all = "snake_case")]
//! # enum Call { Read }
//! # #[derive(Deserialize)]
//! # #[serde(rename_all = "snake_case")]
//! # enum CallReply { ReadOk { value: u64 } }
//! async fn sum_of_all_peers(node: &Node) -> anyhow::Result<u64> {
//!     let mut sum = 0;
//!     for peer in node.peers() {
//!         match node.rpc(peer, &Call::Read).await {
//!             Ok(CallReply::ReadOk { value }) => sum += value,
//!             // A read changes nothing, so a definite error is safe.
//!             Err(RpcError::TimedOut { .. }) => {
//!                 let text = format!("{peer} is silent");
//!                 return Err(ErrorCode::TemporarilyUnavailable.error(text).into());
//!             }
//!             Err(other) => return Err(other.into()),
//!         }
//!     }
//!     Ok(sum)
//! }
//! ```
//!
//! ## Background tasks
//!
//! [`Node::spawn`] runs a task beside the handler, for work after the reply or periodic work.
//! [`gossip`] has such tasks, which deliver values to neighbors.
//!
//! ```
//! # use std::time::Duration;
//! # use glomers::Node;
//! # use serde::Serialize;
//! #[derive(Serialize)]
//! #[serde(rename_all = "snake_case")]
//! enum Heartbeat {
//!     Alive,
//! }
//!
//! fn send_heartbeats(node: &Node) {
//!     let sender = node.clone();
//!     node.spawn(async move {
//!         loop {
//!             sender.peers().for_each(|peer| sender.send(peer, &Heartbeat::Alive));
//!             tokio::time::sleep(Duration::from_secs(1)).await;
//!         }
//!     });
//! }
//! # struct Silent;
//! # #[glomers::async_trait(?Send)]
//! # impl glomers::Handler for Silent {
//! #     type Request = ();
//! #     type Reply = ();
//! #     async fn handle(&self, _: &str, (): ()) -> anyhow::Result<()> { Ok(()) }
//! # }
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> anyhow::Result<()> {
//! # let input = br#"
//! #     {"src":"c1","dest":"n1","body":{"type":"init","node_id":"n1","node_ids":["n1","n2"]}}
//! # "#;
//! # let mut output = Vec::new();
//! # glomers::serve_on(&input[..], &mut output, |node| { send_heartbeats(&node); Silent }).await?;
//! # assert_eq!(output, b"{\"src\":\"n1\",\"dest\":\"n2\",\"body\":{\"type\":\"alive\"}}\n");
//! # Ok(())
//! # }
//! ```
//!
//! ## Services
//!
//! [`KeyValue`] and [`TimestampOracle`] are clients of the services on Maelstrom's network. Their
//! operations are calls, so a write that timed out may still take effect.
//!
//! ```
//! use glomers::{KeyValue, Node, RpcError};
//!
//! async fn add(node: &Node, delta: u64) -> Result<(), RpcError> {
//!     let store = KeyValue::seq(node);
//!     loop {
//!         let sum: u64 = store.read(&"sum").await?.unwrap_or(0);
//!         if store.cas_or_create(&"sum", &sum, &(sum + delta)).await? {
//!             return Ok(());
//!         }
//!     }
//! }
//! ```
//!
//! ## Durable storage
//!
//! [`Node::storage`] holds logs and values on the node's disk. Writes are durable when they return.
//! A node that stores before it replies still knows after a restart all that it has acknowledged.
//! If a file is damaged, the node refuses to start and reports the file and the place in it. It
//! does not notice the loss of a file or of a log's end, nor a change in a log's last write if it
//! was killed within a second of it.
//!
//! ```
//! # use std::cell::RefCell;
//! # use std::rc::Rc;
//! # use glomers::{Directory, DurableLog, Handler, Host, Node, async_trait};
//! # use serde::{Deserialize, Serialize};
//! # #[derive(Deserialize)]
//! # #[serde(rename_all = "snake_case")]
//! # enum Request { Note { text: String }, Read }
//! # #[derive(Serialize)]
//! # #[serde(rename_all = "snake_case")]
//! # enum Reply { NoteOk, ReadOk { notes: Vec<String> } }
//! struct Notes {
//!     log: DurableLog<String>,
//!     notes: RefCell<Vec<String>>,
//! }
//!
//! impl Notes {
//!     fn new(node: Node) -> Self {
//!         let (log, notes) = node.storage().log("notes");
//!         Notes { log, notes: RefCell::new(notes) }
//!     }
//! }
//!
//! #[async_trait(?Send)]
//! impl Handler for Notes {
//! #   type Request = Request;
//! #   type Reply = Reply;
//!     // …
//!     async fn handle(&self, _from: &str, request: Request) -> anyhow::Result<Reply> {
//!         Ok(match request {
//!             Request::Note { text } => {
//!                 self.log.append(std::slice::from_ref(&text)).await?;
//!                 self.notes.borrow_mut().push(text);
//!                 Reply::NoteOk
//!             }
//!             Request::Read => Reply::ReadOk { notes: self.notes.borrow().clone() },
//!         })
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> anyhow::Result<()> {
//! # let directory = std::env::temp_dir().join(format!("glomers-guide-{}", std::process::id()));
//! # std::fs::create_dir_all(&directory)?;
//! # let init =
//! #     r#"{"src":"c1","dest":"n1","body":{"type":"init","node_id":"n1","node_ids":["n1"]}}"#;
//! # let note = r#"{"src":"c1","dest":"n1","body":{"type":"note","text":"hello"}}"#;
//! # let read = r#"{"src":"c1","dest":"n1","body":{"type":"read","msg_id":2}}"#;
//! # let host = || Host::system().with_disk(Rc::new(Directory::at(&directory)));
//! # let (first, second, mut output) =
//! #     (format!("{init}\n{note}"), format!("{init}\n{read}"), Vec::new());
//! host().serve_on(first.as_bytes(), &mut Vec::new(), Notes::new).await?;
//! // A restart.
//! host().serve_on(second.as_bytes(), &mut output, Notes::new).await?;
//! # std::fs::remove_dir_all(&directory)?;
//! assert!(String::from_utf8(output)?.contains(r#"{"type":"read_ok","notes":["hello"]"#));
//! # Ok(())
//! # }
//! ```
//!
//! In a program, the environment variable `EDDY_STORAGE` names the directory. eddy, the workbench
//! of this repository, sets it for each node. Without it, as under Jepsen's Maelstrom, nothing is
//! kept.
//!
//! ## Consensus
//!
//! [`raft::Replica`] replicates a state machine to all nodes. A command is executed at most once,
//! in the same order everywhere, and reads are linearizable, whatever messages and nodes are lost.
//! A node answers requests as long as it can communicate with a leader that can communicate with a
//! majority. `src/bin/lin-kv.rs` is a store built on it.
//!
//! # Guarantees
//!
//! * A request with a `msg_id` gets exactly one reply, unless the node ends first. Replies and
//!   errors get none, even with a `msg_id`.
//! * Once a request has reached the handler, its client gets a definite error only if the handler
//!   returned an [`Error`] with a definite code.
//! * Requests start in the order of their arrival, and none waits for another.
//! * A bad line affects nothing else. It is answered with error 12 if its sender can be identified,
//!   and reported on stderr otherwise. An unknown `type` is answered with error 10. Only messages
//!   are written to stdout.
//! * Misuse of the library panics, and a panic in a handler or a task ends the node.
//! * A call leaves nothing in memory once it is answered, has timed out or is dropped. Replies that
//!   come late, twice, or to a former incarnation are ignored: each incarnation numbers its calls
//!   from a random start.
//! * After the end of input, requests in flight have one more second, and all output is written.
//! * A write that a [`DurableLog`] or a [`DurableValue`] has acknowledged survives a kill. A
//!   torn write at the end of a log is removed at the next start.
//! * A running node is one future. Dropping it kills the node; not polling it pauses the node. Its
//!   randomness and its disk come from its [`Host`] and its time from tokio, so a simulation can
//!   repeat a run.
//!
//! # Deliberately absent
//!
//! * Threads: handlers are not `Send`, and a long computation delays all other requests.
//! * Logging: `eprintln!` writes to stderr, which Maelstrom keeps in the node's log.
//! * Membership changes: the nodes are those of `init`.
//! * Deduplication: a repeated call may be handled twice. Only the receiver knows whether that
//!   matters.

mod handler;
mod serve;
mod node;
mod rpc;
mod join;
mod kv;
mod error;
mod message;
mod body;
mod json;
mod size;
mod lines;
mod incoming;
mod outbox;
mod stdio;
mod tasks;
mod host;
mod storage;
mod fatal;
pub mod gossip;
pub mod raft;

pub use async_trait::async_trait;
pub use error::{Error, ErrorCode, RpcError};
pub use handler::Handler;
pub use host::Host;
pub use join::join_all;
pub use json::{Json, JsonArray};
pub use kv::{KeyValue, TimestampOracle};
pub use message::{Header, Message};
pub use node::Node;
pub use rpc::Retry;
pub use serve::{serve, serve_on};
pub use size::{MAX_ENTRY_BYTES, MessageBudget, check_entry_size};
pub use storage::{Directory, Disk, DurableLog, DurableValue, Storage};
