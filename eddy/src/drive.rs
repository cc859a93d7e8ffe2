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
pub(crate) enum Event {
    /// It wrote a line, given without its newline.
    Said { node: usize, line: String },
    /// It ended, or did what no test survives, in this of its lives, the first being 0: what, in
    /// words that follow "it".
    Ended { node: usize, life: u64, how: String },
}

/// Where events come from.
pub(crate) trait Events {
    /// Waits for the next one; may be given up without losing any.
    async fn next(&mut self) -> Option<Event>;
}

impl Events for mpsc::UnboundedReceiver<Event> {
    async fn next(&mut self) -> Option<Event> {
        self.recv().await
    }
}

impl Events for mpsc::Receiver<Event> {
    async fn next(&mut self) -> Option<Event> {
        self.recv().await
    }
}

/// The nodes of a test, wherever they run.
pub(crate) trait Nodes {
    /// Hands a node a line, newline included. A node that is gone ignores it.
    fn deliver(&mut self, node: usize, line: String);
    /// Kills nodes, and returns when they are gone; may be given up when they will be soon.
    async fn kill(&mut self, nodes: &[usize]);
    /// Starts a node again that was killed; may be given up.
    async fn start(&mut self, node: usize) -> anyhow::Result<()>;
    /// Stops a node from running.
    fn pause(&mut self, node: usize);
    /// Lets a paused node run again.
    fn resume(&mut self, node: usize);
}

/// Why a test did not come to its end.
#[derive(Debug)]
pub(crate) enum Failure {
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
pub(crate) async fn drive(
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
