//! Clusters in virtual time, whose nodes are futures of this process.
//!
//! Everything runs on one thread, with tokio's paused clock. Time stands still while any task can
//! run, and then jumps to the next deadline. All randomness comes from the test's seed, so the same
//! test gives the same report, byte for byte.

mod disk;
mod node_task;
mod pipes;

use std::rc::Rc;

use glomers::{Handler, Host, Node};
use tokio::sync::mpsc;
use tokio::task::LocalSet;

use self::disk::SimulatedDisk;
use self::node_task::{NodeFuture, NodeTask};
use self::pipes::{InputPipe, OutputPipe};
use crate::drive::{self, NodeEvent, Nodes};
use crate::interpreter::Interpreter;
use crate::nemesis::strike::DurationLiteral;
use crate::random::Random;
use crate::report::{OptionNames, Report};
use crate::test::Test;

/// The names of the fields of a [`Test`] that decide when faults strike, for advice in a report.
const FIELD_NAMES: OptionNames = OptionNames {
    interval: |interval| format!("nemesis_interval: {}", DurationLiteral(interval)),
    seed: "another seed",
    time_limit: "a longer time_limit",
    nodes: "nodes: 3",
};

impl Test {
    /// Runs a cluster of handlers in virtual time. `start` makes the handler of each node, and
    /// makes a new one when a killed node is restarted.
    ///
    /// A node that panics or writes an invalid message ends the test; the report says so.
    ///
    /// # Panics
    /// If the test is invalid, for example without nodes, with two nodes of one name, or with a
    /// rate below 0; and inside an asynchronous runtime, because this makes one of its own.
    #[track_caller]
    pub fn run<H: Handler>(&self, start: impl Fn(Node) -> H + 'static) -> Report {
        if let Err(why) = self.validate() {
            panic!("invalid test: {why}");
        }
        let start = Rc::new(start);
        let program = move |host: Host, input, output| -> NodeFuture {
            let start = Rc::clone(&start);
            Box::pin(async move { host.serve_on(input, output, |node| start(node)).await })
        };
        let program: Rc<SimulatedProgram> = Rc::new(program);
        let run = move |test: &Test| test.simulate(&program);
        let report = run(self);
        report.with_rerun(run)
    }

    fn simulate(&self, program: &Rc<SimulatedProgram>) -> Report {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .expect("a runtime without I/O needs nothing from the system");
        LocalSet::new().block_on(&runtime, async {
            let (events, mut node_events) = mpsc::unbounded_channel();
            let mut cluster = SimulatedCluster::new(self, Rc::clone(program), events);
            let mut interpreter = Interpreter::new(self);
            let never = std::future::pending();
            let driven =
                drive::drive(&mut interpreter, &mut cluster, &mut node_events, never, |_| {});
            let failure = driven.await.err().map(|failure| failure.to_string());
            let mut report = Report::new(self, interpreter, failure);
            let disks = || cluster.nodes.iter().map(|node| &node.disk);
            let were_used = disks().any(|disk| disk.was_used());
            report.note_storage(were_used, disks().map(|disk| disk.lost_bytes()).sum());
            report.warn_of_vacuous_faults(FIELD_NAMES);
            report
        })
    }
}

/// The program of every node of a cluster. It hides the type of the handler, so the simulation is
/// not generic: a crate with tests compiles no copy of it, nor of the runtime.
type SimulatedProgram = dyn Fn(Host, InputPipe, OutputPipe) -> NodeFuture;

/// The nodes of a simulated test.
struct SimulatedCluster {
    program: Rc<SimulatedProgram>,
    events: mpsc::UnboundedSender<NodeEvent>,
    random: Random,
    nodes: Vec<SimulatedNode>,
}

/// A node, alive or dead.
struct SimulatedNode {
    id: String,
    /// The node's incarnation, from 0; each restart begins the next one.
    incarnation: u64,
    /// The disk, which all incarnations share.
    disk: Rc<SimulatedDisk>,
    /// The node's STDIN; `None` while it is dead.
    input: Option<mpsc::UnboundedSender<String>>,
    task: Rc<NodeTask>,
}

impl SimulatedCluster {
    fn new(
        test: &Test,
        program: Rc<SimulatedProgram>,
        events: mpsc::UnboundedSender<NodeEvent>,
    ) -> Self {
        let random = Random::seeded(test.seed).fork("node");
        let new_node = |id: String| {
            let disk = Rc::new(SimulatedDisk::new(&random.fork(&id).fork("disk")));
            SimulatedNode { id, incarnation: 0, disk, input: None, task: Rc::default() }
        };
        let nodes: Vec<SimulatedNode> = test.node_ids().into_iter().map(new_node).collect();
        let mut cluster = SimulatedCluster { program, events, random, nodes };
        (0..cluster.nodes.len()).for_each(|node| cluster.spawn(node));
        cluster
    }

    /// Starts a new incarnation of a node that is dead or was never started.
    fn spawn(&mut self, node: usize) {
        let state = &mut self.nodes[node];
        let mut random = self.random.fork(&state.id);
        if state.incarnation > 0 {
            random = random.fork(&state.incarnation.to_string());
        }
        let disk: Rc<dyn glomers::Disk> = Rc::clone(&state.disk) as _;
        let host = Host::seeded(random.bits()).with_incarnation(state.incarnation).with_disk(disk);
        let (lines, input) = pipes::input_pipe();
        let output = OutputPipe::new(node, self.events.clone());
        let (incarnation, events) = (state.incarnation, self.events.clone());
        state.input = Some(lines);
        state.task = NodeTask::new((self.program)(host, input, output));
        let ending = state.task.run();
        tokio::task::spawn_local(async move {
            if let Some(cause) = ending.await {
                // The receiver is gone when the test is over.
                let _ = events.send(NodeEvent::Ended { node, incarnation, cause });
            }
        });
    }
}

impl Nodes for SimulatedCluster {
    fn deliver(&mut self, node: usize, line: String) {
        if let Some(input) = &self.nodes[node].input {
            // A node that has ended has sent an event that says so.
            let _ = input.send(line);
        }
    }

    async fn kill(&mut self, nodes: &[usize]) {
        for &node in nodes {
            let state = &mut self.nodes[node];
            state.task.kill();
            state.input = None;
            state.disk.crash();
        }
    }

    async fn start(&mut self, node: usize) -> anyhow::Result<()> {
        self.nodes[node].incarnation += 1;
        self.spawn(node);
        Ok(())
    }

    fn pause(&mut self, node: usize) {
        self.nodes[node].task.pause();
    }

    fn resume(&mut self, node: usize) {
        self.nodes[node].task.resume();
    }
}
