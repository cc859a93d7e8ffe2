//! Clusters in virtual time: nodes are futures of this process, and nobody waits.
//!
//! Everything runs on one thread, under tokio's paused clock: time stands still while anything can
//! be done, and then jumps to the next deadline. All that is left to chance comes from the test's
//! seed, so the same test gives the same report, byte for byte.

mod body;
mod disk;
mod pipes;

use std::rc::Rc;

use glomers::{Handler, Host, Node};
use tokio::sync::mpsc;
use tokio::task::LocalSet;

use self::body::{Body, Life};
use self::disk::Disk;
use self::pipes::{Input, Output};
use crate::drive::{self, Event, Nodes};
use crate::interpreter::Interpreter;
use crate::nemesis::strike::Time;
use crate::random::Random;
use crate::report::{Options, Report};
use crate::test::Test;

/// The fields of a [`Test`] that decide when faults strike.
const FIELDS: Options = Options {
    interval: |interval| format!("nemesis_interval: {}", Time(interval)),
    seed: "another seed",
    time_limit: "a longer time_limit",
    nodes: "nodes: 3",
};

impl Test {
    /// Runs a cluster of handlers in virtual time; `start` makes each node's handler, and makes it
    /// again when the node was killed.
    ///
    /// A panic of a node, or a message that is none, ends the test and is told in the report.
    ///
    /// # Panics
    /// If there can be no such test, say with no nodes, two of one name, or a rate below 0; and
    /// inside an asynchronous runtime, because it makes one of its own.
    #[track_caller]
    pub fn run<H: Handler>(&self, start: impl Fn(Node) -> H + 'static) -> Report {
        if let Err(why) = self.validate() {
            panic!("there can be no such test: {why}");
        }
        let start = Rc::new(start);
        let program = move |host: Host, input, output| -> Life {
            let start = Rc::clone(&start);
            Box::pin(async move { host.serve_on(input, output, |node| start(node)).await })
        };
        let program: Rc<Program> = Rc::new(program);
        let run = move |test: &Test| test.simulate(&program);
        let report = run(self);
        report.with_rerun(run)
    }

    fn simulate(&self, program: &Rc<Program>) -> Report {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .expect("a runtime without I/O needs nothing from the system");
        LocalSet::new().block_on(&runtime, async {
            let (events, mut heard) = mpsc::unbounded_channel();
            let mut cluster = Cluster::new(self, Rc::clone(program), events);
            let mut interpreter = Interpreter::new(self);
            let never = std::future::pending();
            let driven = drive::drive(&mut interpreter, &mut cluster, &mut heard, never, |_| {});
            let failure = driven.await.err().map(|failure| failure.to_string());
            let mut report = Report::new(self, interpreter, failure);
            let disks = || cluster.nodes.iter().map(|slot| &slot.disk);
            let were_used = disks().any(|disk| disk.was_used());
            report.note_storage(were_used, disks().map(|disk| disk.lost()).sum());
            report.note_idle_faults(FIELDS);
            report
        })
    }
}

/// What every node of a cluster runs. All that knows the type of its handler is behind this, so a
/// program of tests compiles no runtime and no simulation, whose code this crate has already.
type Program = dyn Fn(Host, Input, Output) -> Life;

/// The nodes of a test.
struct Cluster {
    program: Rc<Program>,
    events: mpsc::UnboundedSender<Event>,
    random: Random,
    nodes: Vec<Slot>,
}

/// A node's place, whether it is alive or not.
struct Slot {
    id: String,
    /// How many times it was started before.
    restarts: u64,
    /// What survives it.
    disk: Rc<Disk>,
    /// Where its lines go; nowhere while it is dead.
    input: Option<mpsc::UnboundedSender<String>>,
    body: Rc<Body>,
}

impl Cluster {
    fn new(test: &Test, program: Rc<Program>, events: mpsc::UnboundedSender<Event>) -> Self {
        let random = Random::seeded(test.seed).fork("node");
        let slot = |id: String| {
            let disk = Rc::new(Disk::new(&random.fork(&id).fork("disk")));
            Slot { id, restarts: 0, disk, input: None, body: Rc::default() }
        };
        let nodes: Vec<Slot> = test.node_ids().into_iter().map(slot).collect();
        let mut cluster = Cluster { program, events, random, nodes };
        (0..cluster.nodes.len()).for_each(|node| cluster.live(node));
        cluster
    }

    /// Gives a node that is dead a new life.
    fn live(&mut self, node: usize) {
        let slot = &mut self.nodes[node];
        let mut random = self.random.fork(&slot.id);
        if slot.restarts > 0 {
            random = random.fork(&slot.restarts.to_string());
        }
        let disk: Rc<dyn glomers::Disk> = Rc::clone(&slot.disk) as _;
        let host = Host::seeded(random.bits()).with_former_lives(slot.restarts).with_disk(disk);
        let (lines, input) = pipes::input();
        let output = Output::new(node, self.events.clone());
        let (life, events) = (slot.restarts, self.events.clone());
        slot.input = Some(lines);
        slot.body = Body::new((self.program)(host, input, output));
        let ending = slot.body.ending();
        tokio::task::spawn_local(async move {
            if let Some(how) = ending.await {
                // Nobody listens any more when the test is over.
                let _ = events.send(Event::Ended { node, life, how });
            }
        });
    }
}

impl Nodes for Cluster {
    fn deliver(&mut self, node: usize, line: String) {
        if let Some(input) = &self.nodes[node].input {
            // A node that is gone has said so in an event of its own.
            let _ = input.send(line);
        }
    }

    async fn kill(&mut self, nodes: &[usize]) {
        for &node in nodes {
            let slot = &mut self.nodes[node];
            slot.body.kill();
            slot.input = None;
            slot.disk.crash();
        }
    }

    async fn start(&mut self, node: usize) -> anyhow::Result<()> {
        self.nodes[node].restarts += 1;
        self.live(node);
        Ok(())
    }

    fn pause(&mut self, node: usize) {
        self.nodes[node].body.pause();
    }

    fn resume(&mut self, node: usize) {
        self.nodes[node].body.resume();
    }
}
