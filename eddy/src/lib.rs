//! Tests of clusters of Maelstrom nodes in virtual time, judged by Maelstrom's rules.
//!
//! [`glomers`] handlers run as futures of the test's own process: twenty seconds of twenty-five
//! nodes pass in a fraction of one, and the same seed gives the same run, byte for byte. The
//! program `eddy`, of the package `eddy-workbench`, takes the command line of `maelstrom test`, and
//! drives nodes that are processes by the same state machine.
//!
//! # Testing a node of your own
//!
//! A [`Test`] is a value: what clients do, how many nodes there are, what the network is like and
//! what goes wrong. [`Test::run`] makes a [`Report`] of it, which has a verdict and figures, and
//! prints itself.
//!
//! ```
//! use std::time::Duration;
//!
//! use eddy::latency::Latency;
//! use eddy::{Fault, Test, workload};
//! use glomers::{Handler, Node, async_trait};
//! use serde::{Deserialize, Serialize};
//!
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
//! struct RandomIds {
//!     node: Node,
//! }
//!
//! #[async_trait(?Send)]
//! impl Handler for RandomIds {
//!     type Request = Request;
//!     type Reply = Reply;
//!
//!     async fn handle(&self, _from: &str, _request: Request) -> anyhow::Result<Reply> {
//!         let random = [self.node.random(), self.node.random()];
//!         Ok(Reply::GenerateOk { id: format!("{random:x?}") })
//!     }
//! }
//!
//! let test = Test {
//!     workload: &workload::UniqueIds,
//!     nodes: 3,
//!     rate: 100.0,
//!     time_limit: Duration::from_secs(10),
//!     latency: Latency { mean: Duration::from_millis(100), ..Latency::default() },
//!     faults: [Fault::Partition].into(),
//!     seed: 7,
//!     ..Test::default()
//! };
//! let report = test.run(|node| RandomIds { node });
//! report.assert_valid();
//! assert_eq!(report.servers.sent, 0, "nobody needs to be asked: {report}");
//! ```
//!
//! # What goes wrong
//!
//! [`Test::faults`] strike at random, as the seed says; [`Test::strikes`] say exactly what happens
//! to whom, from when until when. The report tells the strikes that there were, in the same form.
//! [`Test::faults_until`] ends them all, and [`Report::repair`] tells how soon the nodes had
//! repaired what they did.
//!
//! ```
//! # use std::time::Duration;
//! # use eddy::{Fault, Strike, Test};
//! let second = Duration::from_secs(1);
//! let by_chance = Test { faults: [Fault::Kill, Fault::Loss].into(), ..Test::default() };
//! let exactly = Test {
//!     strikes: vec![
//!         Strike::partition(["n1"], 2 * second, 5 * second),
//!         Strike::kill(["n2"], 7 * second, 9 * second),
//!         Strike::lose(0.5, ["n0", "n1"], 8 * second, 12 * second),
//!     ],
//!     ..Test::default()
//! };
//! ```
//!
//! What each fault does, and which bug it is there to find, is in `workbench/README.md`.
//!
//! When [`Report::assert_valid`] fails, or [`Report::assert`], it tells so on STDERR at once, looks
//! for the smallest test in which the same goes wrong, and prints it as Rust, with its strikes.
//!
//! To try 4 seeds, or as many as `EDDY_SEEDS` says, wrap the test into [`seeds()`]; a failure names
//! its seed and the command that repeats it.
//!
//! # Where to read
//!
//! The package `eddy-checkers`, which is [`checker`] here, has the data, [`history`] and [`edn`],
//! and judges it. A [`workload`] says what [clients](client) ask for, and may be one of your own.
//! [`generator`], [`stagger`], [`concurrency`], [`nemesis`], [`network`],
//! [`topology`] and [`latency`] decide what happens when, as state machines that are told the time;
//! all their chance comes from [`random`]. [`interpreter`] puts them together, and [`drive`] lets
//! it run nodes of any kind. [`report`] is what comes of a test, and [`repeat`] the line that
//! repeats it. The package `eddy-pages` keeps a report in a store and draws it.

pub mod client;
pub mod concurrency;
pub mod drive;
pub mod generator;
pub mod interpreter;
pub mod latency;
mod matrix;
pub mod nemesis;
pub mod network;
mod quiet;
pub mod repeat;
pub mod report;
mod seeds;
mod service;
mod shrink;
mod simulation;
pub mod stagger;
mod test;
pub mod topology;
mod uncaptured;
pub mod workload;

pub use eddy_checkers as checker;
pub use eddy_checkers::{ConsistencyModel, Validity, edn, history, random};
#[doc(inline)]
pub use latency::Latency;
pub use matrix::Matrix;
#[doc(inline)]
pub use nemesis::{Fault, Strike};
#[doc(inline)]
pub use report::{OkFraction, Report, Toll};
pub use seeds::seeds;
pub use test::Test;
#[doc(inline)]
pub use workload::Workload;
