//! The one loop: lines in, lines out.
//!
//! A node is one future. Everything that belongs to it, the requests that are being handled and the
//! tasks that it has spawned, is polled inside this future and nowhere else: who drops it has
//! killed the node, and who stops polling it has paused it.

use std::future::poll_fn;
use std::io::Write as _;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use anyhow::Context as _;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc;
use tokio::task::{JoinError, JoinSet, LocalSet};

use crate::error::{Error, ErrorCode};
use crate::host::Host;
use crate::incoming::{Asker, BadLine, Incoming};
use crate::lines::{Line, Lines};
use crate::node::{Node, Task};
use crate::outbox::Outbox;
use crate::serve::Handler;

/// How long requests that are in flight may go on after the input has ended. Longer delays the exit
/// of a node that waits for answers which cannot come any more; shorter cuts off more replies.
const GRACE: Duration = Duration::from_secs(1);

/// Write before reading on once this many bytes wait. More saves writes under load, less keeps
/// replies from waiting while input keeps coming.
const ENOUGH: usize = 64 << 10;

pub(crate) async fn run<H: Handler>(
    host: Host,
    input: impl AsyncRead + Unpin,
    output: impl AsyncWrite + Unpin,
    start: impl FnOnce(Node) -> H,
) -> anyhow::Result<()> {
    let mut wire = Wire { lines: Lines::new(input), output, outbox: Rc::default() };
    let node = async {
        let Some(Init { node_id, node_ids }) = wire.initialize().await? else { return Ok(()) };
        let (tasks, spawned) = mpsc::unbounded_channel();
        let node = Node::new(node_id, node_ids, Rc::clone(&wire.outbox), tasks, host.random());
        let handler = Rc::new(start(node.clone()));
        let (requests, background) = (JoinSet::new(), JoinSet::new());
        Server { wire, node, handler, requests, background, spawned }.run().await
    };
    LocalSet::new().run_until(node).await
}

#[derive(Deserialize)]
struct Init {
    node_id: String,
    node_ids: Vec<String>,
}

/// What the library answers on its own.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Protocol<'a> {
    InitOk,
    Error(&'a Error),
}

/// The two ends of the wire, and what waits to be written.
struct Wire<I, O> {
    lines: Lines<I>,
    output: O,
    outbox: Rc<Outbox>,
}

impl<I: AsyncRead + Unpin, O: AsyncWrite + Unpin> Wire<I, O> {
    /// Reads until `init` comes, and answers it. Whatever comes before is refused.
    async fn initialize(&mut self) -> anyhow::Result<Option<Init>> {
        while let Some(line) = self.lines.next().await.context(INPUT)? {
            match read_init(&line) {
                Ok((init, asker)) => {
                    if let Some(asker) = asker {
                        self.outbox.reply(&init.node_id, &asker, &Protocol::InitOk);
                    }
                    return Ok(Some(init));
                }
                Err(bad) => {
                    let me = bad.asker.as_ref().map_or("?", |asker| &asker.dest);
                    refuse(&self.outbox, me, &bad);
                }
            }
            self.flush().await?;
        }
        Ok(None)
    }

    async fn flush(&mut self) -> anyhow::Result<()> {
        self.outbox.write_to(&mut self.output).await.context("cannot write output")
    }
}

const INPUT: &str = "cannot read input";

fn read_init(line: &Line<'_>) -> Result<(Init, Option<Asker>), BadLine> {
    let incoming = Incoming::parse(line)?;
    let (kind, asker) = (&incoming.header.kind, incoming.asker());
    if kind == "init" {
        return Ok((incoming.read()?, asker));
    }
    let error = ErrorCode::TemporarilyUnavailable.error(format!("{kind} came before init"));
    Err(BadLine { error, asker })
}

struct Server<H, I, O> {
    wire: Wire<I, O>,
    node: Node,
    handler: Rc<H>,
    requests: JoinSet<()>,
    background: JoinSet<()>,
    spawned: mpsc::UnboundedReceiver<Task>,
}

impl<H: Handler, I: AsyncRead + Unpin, O: AsyncWrite + Unpin> Server<H, I, O> {
    async fn run(mut self) -> anyhow::Result<()> {
        loop {
            // Input that never pauses must not keep the tasks from their turns.
            tokio::task::coop::consume_budget().await;
            if self.wire.outbox.len() > ENOUGH {
                self.wire.flush().await?;
            }
            tokio::select! {
                biased;
                Some(ended) = self.requests.join_next() => propagate_panic(ended),
                Some(ended) = self.background.join_next() => propagate_panic(ended),
                Some(task) = self.spawned.recv() => begin(&mut self.background, task).await,
                line = self.wire.lines.next() => match line.context(INPUT)? {
                    Some(line) => {
                        if let Some(request) = receive(&self.node, &self.handler, &line) {
                            begin(&mut self.requests, request).await;
                        }
                    }
                    None => return self.shut_down().await,
                },
                () = self.wire.outbox.filled() => self.wire.flush().await?,
            }
        }
    }

    /// Lets the requests in flight finish. The tasks go on as long as they do, for a request may
    /// wait for one of them.
    async fn shut_down(mut self) -> anyhow::Result<()> {
        let grace = tokio::time::sleep(GRACE);
        tokio::pin!(grace);
        loop {
            tokio::select! {
                biased;
                ended = self.requests.join_next() => match ended {
                    Some(ended) => propagate_panic(ended),
                    None => break,
                },
                Some(ended) = self.background.join_next() => propagate_panic(ended),
                Some(task) = self.spawned.recv() => begin(&mut self.background, task).await,
                () = &mut grace => break,
                () = self.wire.outbox.filled() => self.wire.flush().await?,
            }
        }
        self.wire.flush().await
    }
}

/// Takes a line: an answer goes to whoever waits for it, a request becomes a task.
fn receive<H: Handler>(node: &Node, handler: &Rc<H>, line: &Line<'_>) -> Option<Task> {
    let bad = match Incoming::parse(line) {
        Ok(incoming) => {
            let Incoming { message, header } = &incoming;
            if let Some(in_reply_to) = header.in_reply_to {
                node.calls().answer(in_reply_to, &header.kind, message.body);
                return None;
            }
            match read_request::<H>(&incoming) {
                Ok(request) => {
                    let from = message.src.clone().into_owned();
                    let (node, handler) = (node.clone(), Rc::clone(handler));
                    return Some(Box::pin(handle(node, handler, from, incoming.asks(), request)));
                }
                Err(bad) => bad,
            }
        }
        Err(bad) => bad,
    };
    refuse(node.outbox(), node.id(), &bad);
    None
}

fn read_request<H: Handler>(incoming: &Incoming<'_>) -> Result<H::Request, BadLine> {
    if incoming.header.kind == "init" {
        let error = ErrorCode::PreconditionFailed.error("init came a second time");
        return Err(BadLine { error, asker: incoming.asker() });
    }
    incoming.read()
}

async fn handle<H: Handler>(
    node: Node,
    handler: Rc<H>,
    from: String,
    msg_id: Option<u64>,
    request: H::Request,
) {
    let outcome = handler.handle(&from, request).await;
    let dest = node.id().to_owned();
    let asker = msg_id.map(|msg_id| Asker { src: from, dest, msg_id });
    match (outcome, asker) {
        (Ok(reply), Some(asker)) => node.outbox().reply(node.id(), &asker, &reply),
        (Ok(_), None) => {}
        (Err(error), asker) => {
            let error = error
                .downcast::<Error>()
                .unwrap_or_else(|error| ErrorCode::Crash.error(format!("{error:#}")));
            refuse(node.outbox(), node.id(), &BadLine { error, asker });
        }
    }
}

/// Runs a task up to its first wait, at once; what is left goes on beside the others.
async fn begin(others: &mut JoinSet<()>, mut task: Task) {
    let done = poll_fn(|cx| Poll::Ready(task.as_mut().poll(cx).is_ready())).await;
    if !done {
        others.spawn_local(task);
    }
}

/// Answers with an error, or tells it to whoever reads the log if nobody waits for an answer.
fn refuse(outbox: &Outbox, me: &str, bad: &BadLine) {
    match &bad.asker {
        Some(asker) => outbox.reply(me, asker, &Protocol::Error(&bad.error)),
        // A log that nobody takes is no reason to die.
        None => drop(writeln!(std::io::stderr(), "{me}: {}", bad.error)),
    }
}

/// A bug in a handler or a task takes the node down; the panic's message is on stderr already.
fn propagate_panic(ended: Result<(), JoinError>) {
    if let Err(error) = ended
        && let Ok(panic) = error.try_into_panic()
    {
        std::panic::resume_unwind(panic);
    }
}
