//! Clusters in virtual time: nodes are futures of this process, and nobody waits.
//!
//! Everything runs on one thread, under tokio's paused clock: time stands still while anything can
//! be done, and then jumps to the next deadline. All that is left to chance comes from the test's
//! seed, so the same test gives the same report, byte for byte.

#[cfg_attr(not(test), expect(dead_code, reason = "no node is killed yet"))]
mod disk;
mod pipes;

use std::any::Any;
use std::rc::Rc;

use glomers::{Handler, Host, Node};
use tokio::sync::mpsc;
use tokio::task::LocalSet;

use self::pipes::{Input, Output};
use crate::drive::{self, Event, Nodes};
use crate::interpreter::Interpreter;
use crate::random::Random;
use crate::report::Report;
use crate::test::Test;

impl Test {
    /// Runs a cluster of handlers in virtual time; `start` makes each node's handler.
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
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .expect("a runtime without I/O needs nothing from the system");
        LocalSet::new().block_on(&runtime, self.simulate(Rc::new(start)))
    }

    async fn simulate<H: Handler>(&self, start: Rc<impl Fn(Node) -> H + 'static>) -> Report {
        let (sender, mut events) = mpsc::unbounded_channel();
        let random = Random::seeded(self.seed);
        let mut cluster = Cluster { inputs: Vec::new() };
        for (number, id) in self.node_ids().into_iter().enumerate() {
            let (lines, input) = pipes::input();
            cluster.inputs.push(lines);
            let output = Output::new(number, sender.clone());
            let host = Host::seeded(random.fork("node").fork(&id).bits());
            let (start, events) = (Rc::clone(&start), sender.clone());
            tokio::task::spawn_local(async move {
                let how = live(host, input, output, start).await;
                // Nobody listens any more when the test is over.
                let _ = events.send(Event::Ended { node: number, how });
            });
        }
        let mut interpreter = Interpreter::new(self);
        let never = std::future::pending();
        let driven = drive::drive(&mut interpreter, &mut cluster, &mut events, never, |_| {}).await;
        let failure = driven.err().map(|failure| failure.to_string());
        Report::new(self, interpreter, failure)
    }
}

async fn live<H: Handler>(
    host: Host,
    input: Input,
    output: Output,
    start: Rc<impl Fn(Node) -> H + 'static>,
) -> String {
    let node = async move { host.serve_on(input, output, |node| start(node)).await };
    match tokio::task::spawn_local(node).await {
        Ok(Ok(())) => "ended".to_owned(),
        Ok(Err(error)) => format!("failed: {error:#}"),
        Err(error) => match error.try_into_panic() {
            Ok(panic) => format!("panicked: {}", message(&*panic)),
            Err(error) => format!("failed: {error}"),
        },
    }
}

fn message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message")
}

struct Cluster {
    inputs: Vec<mpsc::UnboundedSender<String>>,
}

impl Nodes for Cluster {
    fn deliver(&mut self, node: usize, line: String) {
        // A node that is gone has said so in an event of its own.
        let _ = self.inputs[node].send(line);
    }
}
