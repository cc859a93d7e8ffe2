//! Tests of clusters of Maelstrom nodes in virtual time, judged by Maelstrom's rules.
//!
//! [`glomers`] handlers run as futures inside the test's process. Twenty seconds of a cluster of
//! twenty-five nodes take a fraction of a second, and the same seed gives the same run, byte for
//! byte. The program `eddy`, of the package `eddy-workbench`, takes the command line of `maelstrom
//! test`. It tests nodes that are processes, with the same state machine.
//!
//! # Testing a node of your own
//!
//! A [`Test`] is a value: the workload of its clients, the number of nodes, the network and the
//! faults. [`Test::run`] returns a [`Report`], which has a verdict and figures, and implements
//! `Display`.
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
//! assert_eq!(report.traffic.servers.sent, 0, "no node needs to ask another: {report}");
//! ```
//!
//! # Faults
//!
//! [`Test::faults`] strike random nodes at random times, which the seed determines. A [`Strike`] in
//! [`Test::strikes`] has a fixed fault, fixed nodes, a beginning and an end. The report lists the
//! strikes of a run in the same form. [`Test::faults_until`] ends all strikes, and
//! [`Report::repair`] is the time in which the nodes recovered from them.
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
//! `workbench/README.md` describes each fault, and the bugs that it is there to find.
//!
//! When [`Report::assert_valid`] or [`Report::assert`] fails, it says so on STDERR at once. Then it
//! searches for the smallest test that fails in the same way, and prints that test as Rust, with
//! its strikes.
//!
//! To try 4 seeds, or the number in `EDDY_SEEDS`, wrap the test in [`seeds()`]. A failure names its
//! seed and the command that repeats it.
//!
//! # Code map
//!
//! The package `eddy-checkers`, which is [`checkers`] here, has the data, [`history`] and [`edn`],
//! and the checkers. A [`workload`] generates the operations of [clients](client); you can write
//! your own. [`generator`], [`stagger`], [`concurrency`], [`nemesis`], [`network`], [`topology`]
//! and [`latency`] are state machines without I/O: time is a parameter, and all randomness comes
//! from [`random`]. [`interpreter`] combines them into a test, and [`drive`] runs it with nodes of
//! any kind. [`report`] is the result of a test, and [`repro_command`] the command that repeats it.
//! The package `eddy-pages` keeps reports in a store and renders them.

pub mod client;
pub mod concurrency;
pub mod drive;
pub mod generator;
pub mod interpreter;
pub mod latency;
pub mod nemesis;
pub mod network;
mod panic_capture;
mod repair_matrix;
pub mod report;
pub mod repro_command;
mod seeds;
mod service;
mod shrink;
mod simulation;
pub mod stagger;
mod test;
pub mod topology;
mod uncaptured;
pub mod workload;

pub use eddy_checkers as checkers;
pub use eddy_checkers::{ConsistencyModel, Validity, edn, history, random};
#[doc(inline)]
pub use latency::Latency;
#[doc(inline)]
pub use nemesis::{Fault, Strike};
pub use repair_matrix::RepairMatrix;
#[doc(inline)]
pub use report::{FaultStats, OkCount, Report};
pub use seeds::seeds;
pub use test::Test;
#[doc(inline)]
pub use workload::Workload;
