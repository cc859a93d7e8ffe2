//! The event loop of a test: drives an [`Interpreter`], and is the only code that waits.
//!
//! The clock is tokio's. In real time the loop waits for nodes and deadlines. In paused time the
//! nodes are futures of the same runtime, and the clock jumps to the next deadline whenever all of
//! them wait.

use std::fmt::{self, Display};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::interpreter::{Instruction, Interpreter, NodeCommand, NodeError};

/// Maximum number of events at one instant of virtual time. A higher limit only delays the report
/// of nodes that message each other without pause, so that time never passes again; a lower one
/// would fail large clusters that do much work at one instant.
const MAX_EVENTS_PER_INSTANT: u32 = 1_000_000;

/// An event at a node, reported to the interpreter.
#[derive(Debug)]
pub enum NodeEvent {
    /// The node wrote a line to STDOUT.
    Wrote {
        /// The node's index.
        node: usize,
        /// The line, without its newline.
        line: String,
    },
    /// The node ended, or did something that no test can survive.
    Ended {
        /// The node's index.
        node: usize,
        /// The node's incarnation, from 0; each restart begins the next one.
        incarnation: u64,
        /// The cause, as words that follow "it": `exited with status 1`.
        cause: String,
    },
}

/// A source of events of nodes.
pub trait NodeEvents {
    /// Waits for the next event. Cancel safe: dropping the future loses no event.
    fn next(&mut self) -> impl Future<Output = Option<NodeEvent>>;
}

impl NodeEvents for mpsc::UnboundedReceiver<NodeEvent> {
    async fn next(&mut self) -> Option<NodeEvent> {
        self.recv().await
    }
}

/// The nodes of a test, as processes or as futures.
pub trait Nodes {
    /// Writes a line, newline included, to a node's STDIN. A node that has ended ignores it.
    fn deliver(&mut self, node: usize, line: String);
    /// Kills nodes, and returns when they have ended. The caller may drop the future only if the
    /// test is over.
    fn kill(&mut self, nodes: &[usize]) -> impl Future<Output = ()>;
    /// Restarts a killed node. The caller may drop the future only if the test is over.
    fn start(&mut self, node: usize) -> impl Future<Output = anyhow::Result<()>>;
    /// Stops a node, as SIGSTOP does.
    fn pause(&mut self, node: usize);
    /// Lets a paused node run again, as SIGCONT does.
    fn resume(&mut self, node: usize);
}

/// The reason for which a test was aborted.
#[derive(Debug)]
pub enum DriveError {
    /// A node made it impossible to go on.
    Node(NodeError),
    /// A killed node could not be restarted.
    Start(anyhow::Error),
    /// The user asked to stop, by this signal.
    Interrupted(&'static str),
    /// Nodes caused too many events at this instant, so that time did not pass.
    NoTimePasses(Duration),
}

/// Runs a test to its end. `interrupted` aborts it with the name of a signal; `progress` is called
/// before every wait.
pub async fn drive(
    interpreter: &mut Interpreter,
    nodes: &mut impl Nodes,
    events: &mut impl NodeEvents,
    interrupted: impl Future<Output = &'static str>,
    mut progress: impl FnMut(&Interpreter),
) -> Result<(), DriveError> {
    let start = Instant::now();
    let (mut instant, mut events_now) = (Duration::ZERO, 0);
    tokio::pin!(interrupted);
    loop {
        let now = start.elapsed();
        events_now = if now == instant { events_now + 1 } else { 0 };
        instant = now;
        if events_now > MAX_EVENTS_PER_INSTANT {
            return Err(DriveError::NoTimePasses(now));
        }
        let wake = match interpreter.step(now)? {
            Instruction::Deliver { node, message } => {
                nodes.deliver(node, message.to_line());
                continue;
            }
            Instruction::Command(command) => {
                tokio::select! {
                    biased;
                    signal = &mut interrupted => return Err(DriveError::Interrupted(signal)),
                    carried_out = carry_out(&command, nodes) => carried_out?,
                }
                if let NodeCommand::Start(node) = command {
                    interpreter.node_started(start.elapsed(), node);
                }
                continue;
            }
            Instruction::Wait(wake) => wake,
            Instruction::Done => return Ok(()),
        };
        progress(interpreter);
        tokio::select! {
            biased;
            signal = &mut interrupted => return Err(DriveError::Interrupted(signal)),
            Some(event) = events.next() => {
                let now = start.elapsed();
                match event {
                    NodeEvent::Wrote { node, line } => {
                        interpreter.receive_line(now, node, &line)?;
                    }
                    NodeEvent::Ended { node, incarnation, cause } => {
                        interpreter.node_ended(node, incarnation, cause)?;
                    }
                }
            }
            () = sleep_until(start, wake) => {}
        }
    }
}

async fn carry_out(command: &NodeCommand, nodes: &mut impl Nodes) -> Result<(), DriveError> {
    match command {
        NodeCommand::Kill(together) => nodes.kill(together).await,
        NodeCommand::Start(node) => nodes.start(*node).await.map_err(DriveError::Start)?,
        NodeCommand::Pause(node) => nodes.pause(*node),
        NodeCommand::Resume(node) => nodes.resume(*node),
    }
    Ok(())
}

async fn sleep_until(start: Instant, wake: Option<Duration>) {
    match wake.and_then(|wake| start.checked_add(wake)) {
        Some(wake) => tokio::time::sleep_until(wake).await,
        None => std::future::pending().await,
    }
}

impl From<NodeError> for DriveError {
    fn from(error: NodeError) -> DriveError {
        DriveError::Node(error)
    }
}

impl Display for DriveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DriveError::Node(error) => error.fmt(f),
            DriveError::Start(error) => write!(f, "{error:#}"),
            DriveError::Interrupted(signal) => write!(f, "stopped by {signal}"),
            DriveError::NoTimePasses(now) => write!(
                f,
                "the nodes caused {MAX_EVENTS_PER_INSTANT} events at {now:?} without letting time \
                 pass: do they reply to each other's replies?"
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

    /// A node that only answers `init`; killed after 1 s, restarted after 2 s.
    struct FakeNode {
        events: mpsc::UnboundedSender<NodeEvent>,
        /// The time that it takes to kill it, and to restart it.
        killing: Duration,
        starting: Duration,
        /// The incarnation whose end is reported when it is killed, and when it is restarted.
        ended_before: Option<u64>,
        ended_after: Option<u64>,
    }

    impl FakeNode {
        fn end(&self, incarnation: Option<u64>) {
            if let Some(incarnation) = incarnation {
                let cause = "exited".to_owned();
                self.events.send(NodeEvent::Ended { node: 0, incarnation, cause }).unwrap();
            }
        }
    }

    impl Nodes for FakeNode {
        fn deliver(&mut self, node: usize, line: String) {
            let line: serde_json::Value = serde_json::from_str(&line).unwrap();
            if line["body"]["type"] == "init" {
                let body = r#"{"type":"init_ok","in_reply_to":1}"#;
                let line = format!(r#"{{"src":"n0","dest":{},"body":{body}}}"#, line["src"]);
                self.events.send(NodeEvent::Wrote { node, line }).unwrap();
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

    /// The result of a test that is interrupted after `patience`, if it has not ended before.
    async fn result_of(patience: Duration, direct: impl FnOnce(&mut FakeNode)) -> String {
        let test = Test {
            workload: &workload::Echo,
            nodes: 1,
            rate: 0.0,
            time_limit: 5 * SECOND,
            strikes: vec![Strike::kill(["n0"], SECOND, 2 * SECOND)],
            ..Test::default()
        };
        let (events, mut received) = mpsc::unbounded_channel();
        let (ended_before, ended_after) = (None, None);
        let [killing, starting] = [Duration::ZERO; 2];
        let mut node = FakeNode { events, killing, starting, ended_before, ended_after };
        direct(&mut node);
        let interrupted = async {
            tokio::time::sleep(patience).await;
            "impatience"
        };
        let mut interpreter = Interpreter::new(&test);
        let driven = drive(&mut interpreter, &mut node, &mut received, interrupted, |_| {}).await;
        driven.map_or_else(|failure| failure.to_string(), |()| "done".to_owned())
    }

    #[tokio::test(start_paused = true)]
    async fn the_end_of_a_former_incarnation_is_ignored() {
        assert_eq!(result_of(60 * SECOND, |_| {}).await, "done");
        assert_eq!(result_of(60 * SECOND, |node| node.ended_before = Some(0)).await, "done");
        assert_eq!(result_of(60 * SECOND, |node| node.ended_after = Some(0)).await, "done");
        let error =
            "node n0 cannot be tested: after its restart, before it answered init, it exited";
        assert_eq!(result_of(60 * SECOND, |node| node.ended_after = Some(1)).await, error);
    }

    #[tokio::test(start_paused = true)]
    async fn a_signal_interrupts_every_wait() {
        let error = "stopped by impatience";
        assert_eq!(result_of(3 * SECOND, |_| {}).await, error);
        assert_eq!(result_of(3 * SECOND, |node| node.killing = Duration::MAX).await, error);
        assert_eq!(result_of(3 * SECOND, |node| node.starting = Duration::MAX).await, error);
    }

    #[tokio::test(start_paused = true)]
    async fn the_time_to_start_a_node_does_not_count_against_its_init_timeout() {
        assert_eq!(result_of(60 * SECOND, |node| node.starting = 20 * SECOND).await, "done");
    }
}
