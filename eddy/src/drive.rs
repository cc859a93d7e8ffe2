//! Lets time pass for an [`Interpreter`]: the one loop that waits.
//!
//! The clock is tokio's. Under real time it waits for nodes and deadlines; under paused time, with
//! nodes that are futures of the same runtime, it jumps from one deadline to the next whenever all
//! of them wait.

use std::fmt::{self, Display};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::interpreter::{Complaint, Interpreter, Order, Step};

/// How many things may happen at one moment in virtual time. More are nodes that talk to each other
/// without pause, so that time would never pass again.
const AT_ONE_MOMENT: u32 = 1_000_000;

/// What a node did.
#[derive(Debug)]
pub enum Event {
    /// It wrote a line.
    Said {
        /// The number of the node.
        node: usize,
        /// The line, without its newline.
        line: String,
    },
    /// It ended, or did what no test survives.
    Ended {
        /// The number of the node.
        node: usize,
        /// How many times it had been started before.
        life: u64,
        /// What it did, in words that follow "it".
        how: String,
    },
}

/// Where events come from.
pub trait Events {
    /// Waits for the next one; may be given up without losing any.
    fn next(&mut self) -> impl Future<Output = Option<Event>>;
}

impl Events for mpsc::UnboundedReceiver<Event> {
    async fn next(&mut self) -> Option<Event> {
        self.recv().await
    }
}

/// The nodes of a test, wherever they run.
pub trait Nodes {
    /// Hands a node a line, newline included. A node that is gone ignores it.
    fn deliver(&mut self, node: usize, line: String);
    /// Kills nodes, and returns when they are gone; may be given up when they will be soon.
    fn kill(&mut self, nodes: &[usize]) -> impl Future<Output = ()>;
    /// Starts a node again that was killed; may be given up.
    fn start(&mut self, node: usize) -> impl Future<Output = anyhow::Result<()>>;
    /// Stops a node from running.
    fn pause(&mut self, node: usize);
    /// Lets a paused node run again.
    fn resume(&mut self, node: usize);
}

/// Why a test did not come to its end.
#[derive(Debug)]
pub enum Failure {
    /// A node made it impossible.
    Node(Complaint),
    /// A node that was killed could not be started again.
    Start(anyhow::Error),
    /// Somebody asked to stop, by this signal.
    Interrupted(&'static str),
    /// Nodes sent so many messages at one moment that it never ended.
    NoTimePasses(Duration),
}

/// Runs a test to its end.
pub async fn drive(
    interpreter: &mut Interpreter,
    nodes: &mut impl Nodes,
    events: &mut impl Events,
    interrupted: impl Future<Output = &'static str>,
    mut progress: impl FnMut(&Interpreter),
) -> Result<(), Failure> {
    let start = Instant::now();
    let (mut moment, mut happened) = (Duration::ZERO, 0);
    tokio::pin!(interrupted);
    loop {
        let now = start.elapsed();
        happened = if now == moment { happened + 1 } else { 0 };
        moment = now;
        if happened > AT_ONE_MOMENT {
            return Err(Failure::NoTimePasses(now));
        }
        let wake = match interpreter.step(now)? {
            Step::Deliver { node, message } => {
                nodes.deliver(node, message.line());
                continue;
            }
            Step::Order(order) => {
                tokio::select! {
                    biased;
                    signal = &mut interrupted => return Err(Failure::Interrupted(signal)),
                    carried_out = carry_out(&order, nodes) => carried_out?,
                }
                if let Order::Start(node) = order {
                    interpreter.started(start.elapsed(), node);
                }
                continue;
            }
            Step::Wait(wake) => wake,
            Step::Done => return Ok(()),
        };
        progress(interpreter);
        tokio::select! {
            biased;
            signal = &mut interrupted => return Err(Failure::Interrupted(signal)),
            Some(event) = events.next() => {
                let now = start.elapsed();
                match event {
                    Event::Said { node, line } => interpreter.hear(now, node, &line)?,
                    Event::Ended { node, life, how } => interpreter.ended(node, life, how)?,
                }
            }
            () = sleep_until(start, wake) => {}
        }
    }
}

async fn carry_out(order: &Order, nodes: &mut impl Nodes) -> Result<(), Failure> {
    match order {
        Order::Kill(together) => nodes.kill(together).await,
        Order::Start(node) => nodes.start(*node).await.map_err(Failure::Start)?,
        Order::Pause(node) => nodes.pause(*node),
        Order::Resume(node) => nodes.resume(*node),
    }
    Ok(())
}

async fn sleep_until(start: Instant, wake: Option<Duration>) {
    match wake.and_then(|wake| start.checked_add(wake)) {
        Some(wake) => tokio::time::sleep_until(wake).await,
        None => std::future::pending().await,
    }
}

impl From<Complaint> for Failure {
    fn from(complaint: Complaint) -> Failure {
        Failure::Node(complaint)
    }
}

impl Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Node(complaint) => complaint.fmt(f),
            Failure::Start(error) => write!(f, "{error:#}"),
            Failure::Interrupted(signal) => write!(f, "stopped by {signal}"),
            Failure::NoTimePasses(now) => write!(
                f,
                "the nodes said {AT_ONE_MOMENT} things at {now:?} without letting time pass: do \
                 they answer each other's answers?"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nemesis::Strike;
    use crate::test::Test;
    use crate::workload;

    const SECOND: Duration = Duration::from_secs(1);

    /// A node that answers `init`, and does as it is told; killed after 1 s, started after 2 s.
    struct Actor {
        events: mpsc::UnboundedSender<Event>,
        /// What it takes to kill it, and to start it again.
        killing: Duration,
        starting: Duration,
        /// The life whose end is told when it is killed, and when it is started again.
        ended_before: Option<u64>,
        ended_after: Option<u64>,
    }

    impl Actor {
        fn end(&self, life: Option<u64>) {
            if let Some(life) = life {
                let how = "exited".to_owned();
                self.events.send(Event::Ended { node: 0, life, how }).unwrap();
            }
        }
    }

    impl Nodes for Actor {
        fn deliver(&mut self, node: usize, line: String) {
            let line: serde_json::Value = serde_json::from_str(&line).unwrap();
            if line["body"]["type"] == "init" {
                let body = r#"{"type":"init_ok","in_reply_to":1}"#;
                let line = format!(r#"{{"src":"n0","dest":{},"body":{body}}}"#, line["src"]);
                self.events.send(Event::Said { node, line }).unwrap();
            }
        }

        async fn kill(&mut self, nodes: &[usize]) {
            assert_eq!(nodes, [0]);
            tokio::time::sleep(self.killing).await;
            self.end(self.ended_before);
        }

        async fn start(&mut self, _: usize) -> anyhow::Result<()> {
            tokio::time::sleep(self.starting).await;
            self.end(self.ended_after);
            Ok(())
        }

        fn pause(&mut self, _: usize) {}

        fn resume(&mut self, _: usize) {}
    }

    /// What a test comes to that is interrupted after this time, if it has not ended before.
    async fn outcome(patience: Duration, direct: impl FnOnce(&mut Actor)) -> String {
        let test = Test {
            workload: &workload::Echo,
            nodes: 1,
            rate: 0.0,
            time_limit: 5 * SECOND,
            strikes: vec![Strike::kill(["n0"], SECOND, 2 * SECOND)],
            ..Test::default()
        };
        let (events, mut heard) = mpsc::unbounded_channel();
        let (ended_before, ended_after) = (None, None);
        let [killing, starting] = [Duration::ZERO; 2];
        let mut actor = Actor { events, killing, starting, ended_before, ended_after };
        direct(&mut actor);
        let interrupted = async {
            tokio::time::sleep(patience).await;
            "impatience"
        };
        let mut interpreter = Interpreter::new(&test);
        let driven = drive(&mut interpreter, &mut actor, &mut heard, interrupted, |_| {}).await;
        driven.map_or_else(|failure| failure.to_string(), |()| "done".to_owned())
    }

    #[tokio::test(start_paused = true)]
    async fn the_end_of_a_former_life_is_no_news() {
        assert_eq!(outcome(60 * SECOND, |_| {}).await, "done");
        assert_eq!(outcome(60 * SECOND, |actor| actor.ended_before = Some(0)).await, "done");
        assert_eq!(outcome(60 * SECOND, |actor| actor.ended_after = Some(0)).await, "done");
        let story = "node n0 cannot be tested: started again, before it answered init, it exited";
        assert_eq!(outcome(60 * SECOND, |actor| actor.ended_after = Some(1)).await, story);
    }

    #[tokio::test(start_paused = true)]
    async fn a_signal_is_heard_whatever_is_waited_for() {
        let story = "stopped by impatience";
        assert_eq!(outcome(3 * SECOND, |_| {}).await, story);
        assert_eq!(outcome(3 * SECOND, |actor| actor.killing = Duration::MAX).await, story);
        assert_eq!(outcome(3 * SECOND, |actor| actor.starting = Duration::MAX).await, story);
    }

    #[tokio::test(start_paused = true)]
    async fn the_time_that_it_takes_to_start_a_node_is_not_the_nodes() {
        assert_eq!(outcome(60 * SECOND, |actor| actor.starting = 20 * SECOND).await, "done");
    }
}
