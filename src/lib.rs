//! glomers is a small library for nodes of Maelstrom, Jepsen's workbench for distributed systems:
//! you write what a node answers, and it does the rest.
//!
//! # A node, step by step
//!
//! ## It answers
//!
//! A node is a [`Handler`]: requests are the variants of one plain enum, replies those of another,
//! and a variant's name is the `type` of a message. [`serve`] runs it on stdin and stdout, and
//! [`serve_on`] on anything else, as here:
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
//! neither forget it nor give it twice; and [`Json`] keeps a value as the text in which it came.
//!
//! ## It remembers
//!
//! A node runs on one thread, so a `Cell` or a `RefCell` will do for its state. The function that
//! makes the handler is called once `init` has come. Before that there is no [`Node`], and so it
//! has no field that is not there yet.
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
//!         let (node, life, count) = (self.node.id(), self.node.life(), self.generated.get());
//!         Ok(Reply::GenerateOk { id: format!("{node}-{life}-{count}") })
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
//! let start = |node| Ids { node, generated: Cell::new(0) };
//! glomers::serve_on(&input[..], &mut output, start).await?;
//! let output = String::from_utf8(output)?;
//! assert!(output.contains(r#"{"type":"generate_ok","id":"n1-"#), "{output}");
//! assert!(output.contains(r#"-2","in_reply_to":2}"#), "{output}");
//! # Ok(())
//! # }
//! ```
//!
//! What it remembers ends with its process: a node that is killed counts from 1 again, so without
//! [`Node::life`] it would give ids twice. What has to outlive a kill belongs in
//! [`Node::storage`].
//!
//! ## It asks others
//!
//! [`Node::rpc`] asks and waits for the answer, up to a second; [`Node::rpc_retry`] asks again
//! until there is one; [`Node::send`] does not wait. A handler that waits holds nobody up: the next
//! request starts meanwhile.
//!
//! What `?` lets through is answered as a crash, which tells the client that anything may have
//! happened. To promise that nothing has, return a definite [`Error`] on purpose:
//!
//! ```
//! use glomers::{ErrorCode, Node, RpcError};
//! # use serde::{Deserialize, Serialize};
//!
//! # #[derive(Serialize)]
//! # #[serde(rename_all = "snake_case")]
//! # enum Ask { Read }
//! # #[derive(Deserialize)]
//! # #[serde(rename_all = "snake_case")]
//! # enum Answer { ReadOk { value: u64 } }
//! async fn sum_of_all_peers(node: &Node) -> anyhow::Result<u64> {
//!     let mut sum = 0;
//!     for peer in node.peers() {
//!         match node.rpc(peer, &Ask::Read).await {
//!             Ok(Answer::ReadOk { value }) => sum += value,
//!             // A read changes nothing, so this is the truth.
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
//! ## It works in the background
//!
//! [`Node::spawn`] runs a task beside the handler: to answer first and work then, or to do
//! something now and again. [`gossip`] has a ready one, which keeps a neighbor up to date.
//!
//! ```
//! # use std::time::Duration;
//! # use glomers::Node;
//! # use serde::Serialize;
//! #[derive(Serialize)]
//! #[serde(rename_all = "snake_case")]
//! enum Note {
//!     Alive,
//! }
//!
//! fn tell_everybody(node: &Node) {
//!     let speaker = node.clone();
//!     node.spawn(async move {
//!         loop {
//!             speaker.peers().for_each(|peer| speaker.send(peer, &Note::Alive));
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
//! # glomers::serve_on(&input[..], &mut output, |node| { tell_everybody(&node); Silent }).await?;
//! # assert_eq!(output, b"{\"src\":\"n1\",\"dest\":\"n2\",\"body\":{\"type\":\"alive\"}}\n");
//! # Ok(())
//! # }
//! ```
//!
//! ## It keeps things in a store
//!
//! [`KeyValue`] and [`TimestampOracle`] speak to the services that Maelstrom has on its network.
//! They are calls like any other, so a write that timed out may still happen.
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
//! ## It survives a restart
//!
//! [`Node::storage`] has logs and values on the node's own disk. What they return from is durable:
//! store first, then answer, and whatever was answered is known in the next life. If the disk has
//! damaged it meanwhile, the node refuses to start and says what is damaged.
//!
//! ```
//! # use std::cell::RefCell;
//! # use std::rc::Rc;
//! # use glomers::{Directory, Handler, Host, Log, Node, async_trait};
//! # use serde::{Deserialize, Serialize};
//! # #[derive(Deserialize)]
//! # #[serde(rename_all = "snake_case")]
//! # enum Request { Note { text: String }, Read }
//! # #[derive(Serialize)]
//! # #[serde(rename_all = "snake_case")]
//! # enum Reply { NoteOk, ReadOk { notes: Vec<String> } }
//! struct Notes {
//!     log: Log<String>,
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
//! # let (first_life, mut output) = (format!("{init}\n{note}"), Vec::new());
//! # let next_life = format!("{init}\n{read}");
//! host().serve_on(first_life.as_bytes(), &mut Vec::new(), Notes::new).await?;
//! host().serve_on(next_life.as_bytes(), &mut output, Notes::new).await?;
//! # std::fs::remove_dir_all(&directory)?;
//! assert!(String::from_utf8(output)?.contains(r#"{"type":"read_ok","notes":["hello"]"#));
//! # Ok(())
//! # }
//! ```
//!
//! In a program the environment variable `EDDY_STORAGE` names the directory, which eddy sets for
//! each node. Where nobody sets it, as under Jepsen's Maelstrom, nothing is kept.
//!
//! ## It agrees with others
//!
//! [`raft::Replica`] keeps a state machine of yours the same on every node, whoever is killed or
//! cut off, as long as a majority can talk: commands happen once, in one order, and reads see all
//! that was answered before them. `src/bin/lin-kv.rs` is a store made of it.
//!
//! # What it promises
//!
//! * Every request that carries a `msg_id` gets exactly one reply, unless the node ends first.
//!   Answers and errors get none, whatever they carry.
//! * A definite error reaches a client only if a handler returned it on purpose.
//! * Requests start in the order in which they arrive, and none waits for another.
//! * A bad line costs that line. It is answered with code 12 if it says who asked, and told on
//!   stderr if not; an unknown `type` gets code 10. Nothing but messages is ever written to stdout.
//! * A bug is a panic, and a panic takes the whole node down, wherever it happens.
//! * A call leaves nothing behind: neither one that was answered, nor one that timed out or was
//!   dropped. Answers that come late or twice, or to a former life of a node that was restarted,
//!   are dropped in silence: a life numbers its calls from somewhere at random.
//! * The end of input is an orderly end: requests in flight get one more second, and what has been
//!   said is written.
//! * What a [`Log`] or a [`Value`] has acknowledged survives a kill; what a kill tears is cut off.
//! * A node is one future. Dropped it is gone, as after a crash; not polled it stands still. All
//!   its randomness and its disk come from its [`Host`], and all its time from tokio, so a
//!   simulation can repeat it.
//!
//! # What it leaves out
//!
//! * Threads: handlers are not `Send`. Who computes for long keeps everybody waiting.
//! * A log: what is written to stderr by `eprintln!` ends up in Maelstrom's log of the node.
//! * Membership: the nodes are those of `init`.
//! * Deduplication: a call that is repeated may be handled twice. Only the receiver knows whether
//!   that matters.
//!
//! # Where to read on
//!
//! The modules are listed in the order in which they explain each other: what travels (`message`,
//! `json`, `size`, `body`, `error`), how a program talks (`node`, `rpc`, `host`), what it keeps
//! (`storage`, `refusal`), how it is run (`handler`, `serve`, `server`, `tasks`, `incoming`,
//! `outbox`, `lines`, `stdio`), and what is built on that (`kv`, `join`, [`gossip`], [`raft`]).

mod message;
mod json;
mod size;
mod body;
mod error;
mod node;
mod rpc;
mod host;
mod refusal;
mod storage;
mod handler;
mod serve;
mod server;
mod tasks;
mod incoming;
mod outbox;
mod lines;
mod stdio;
mod kv;
mod join;
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
pub use size::{LONGEST_ENTRY, Room, check_entry};
pub use storage::{Directory, Disk, Log, Storage, Value};
