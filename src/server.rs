//! The one loop: lines in, lines out.
//!
//! A node is one future. Everything that belongs to it, the requests that are being handled and the
//! tasks that it has spawned, is polled inside this future and nowhere else: who drops it has
//! killed the node, and who stops polling it has paused it.

use std::io::Write as _;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncWrite};

use crate::error::{Error, ErrorCode};
use crate::handler::Handler;
use crate::host::Host;
use crate::incoming::{Asker, Incoming, Refusal};
use crate::lines::{Line, Lines};
use crate::node::Node;
use crate::outbox::{Envelope, Outbox};
use crate::refusal;
use crate::tasks::{Alarm, Kind, Newcomers, Task, Tasks};

/// How long requests that are in flight may go on after the input has ended. Longer delays the exit
/// of a node that waits for answers which cannot come any more; shorter cuts off more replies.
const GRACE: Duration = Duration::from_secs(1);

/// Pause for the tasks, and for the rest of the program, after this many lines, although more have
/// been read. More saves writes under load, less lets replies and tasks wait for less.
const LINES_AT_ONCE: usize = 256;

/// Write once this many bytes wait, although more lines have been read. More saves writes, less
/// lets whoever reads them begin sooner.
const ENOUGH_BYTES: usize = 32 << 10;

/// Write once this many bytes wait, although not every task has had its turn. More saves writes
/// while many large replies are ready, less keeps less of them in memory, and other tasks waiting
/// for less.
const ENOUGH_IN_A_TURN: usize = 1 << 20;

pub(crate) async fn run<H: Handler>(
    host: Host,
    input: impl AsyncRead + Unpin,
    output: impl AsyncWrite + Unpin,
    start: impl FnOnce(Node) -> H,
) -> anyhow::Result<()> {
    let alarm = Arc::<Alarm>::default();
    let outbox = Rc::new(Outbox::new(Arc::clone(&alarm)));
    let mut wire = Wire { lines: Lines::new(input), output, outbox: Rc::clone(&outbox) };
    let Some(Init { node_id, node_ids }) = wire.initialize().await? else { return Ok(()) };
    let newcomers = Rc::new(Newcomers::new(alarm));
    let tasks = Tasks::new(Rc::clone(&newcomers));
    let node = Node::new(node_id, node_ids, outbox, newcomers, &host);
    refusal::or_refusal(async {
        let handler = Rc::new(start(node.clone()));
        Server { wire, node, handler, tasks }.run().await
    })
    .await
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
        loop {
            let goes_on = self.fill().await?;
            while let Some(line) = self.lines.next_line() {
                match read_init(&line) {
                    Ok((init, asker)) => {
                        if let Some(asker) = asker {
                            answer(&self.outbox, &init.node_id, &asker, &Protocol::InitOk);
                        }
                        return Ok(Some(init));
                    }
                    Err(refusal) => {
                        let me = refusal.asker.as_ref().map_or("?", |asker| &asker.dest);
                        refuse(&self.outbox, me, &refusal);
                    }
                }
            }
            self.flush().await?;
            if !goes_on {
                return Ok(None);
            }
        }
    }

    async fn fill(&mut self) -> anyhow::Result<bool> {
        self.lines.fill().await.context("cannot read input")
    }

    async fn flush(&mut self) -> anyhow::Result<()> {
        self.outbox.write_to(&mut self.output).await.context("cannot write output")
    }
}

fn read_init(line: &Line<'_>) -> Result<(Init, Option<Asker>), Refusal> {
    let incoming = Incoming::parse(line)?;
    let (kind, asker) = (&incoming.header().kind, incoming.asker());
    if kind == "init" {
        return Ok((incoming.read()?, asker));
    }
    let error = ErrorCode::TemporarilyUnavailable.error(format!("{kind} came before init"));
    Err(Refusal { error, asker })
}

struct Server<H, I, O> {
    wire: Wire<I, O>,
    node: Node,
    handler: Rc<H>,
    tasks: Tasks,
}

impl<H: Handler, I: AsyncRead + Unpin, O: AsyncWrite + Unpin> Server<H, I, O> {
    async fn run(mut self) -> anyhow::Result<()> {
        // What the start has spawned comes before every request.
        self.take_turns().await?;
        let mut goes_on = true;
        while goes_on {
            self.take_lines().await?;
            self.take_turns().await?;
            goes_on = tokio::select! {
                biased;
                // First, because tasks may wake each other without end, and they have had a turn.
                goes_on = self.wire.fill() => goes_on?,
                () = self.tasks.woken() => true,
            };
        }
        self.take_lines().await?;
        self.finish().await
    }

    /// Takes all lines that have been read.
    async fn take_lines(&mut self) -> anyhow::Result<()> {
        let mut taken = 0;
        while let Some(line) = self.wire.lines.next_line() {
            if let Some(request) = receive(&self.node, &self.handler, &line) {
                self.tasks.begin(Kind::Request, request);
            }
            taken += 1;
            if taken == LINES_AT_ONCE {
                taken = 0;
                tokio::task::yield_now().await;
                self.run_tasks();
            }
            if self.wire.outbox.len() > ENOUGH_BYTES {
                self.wire.flush().await?;
            }
        }
        Ok(())
    }

    /// Lets every task that has been woken go on, and then writes what all of them have said.
    async fn take_turns(&mut self) -> anyhow::Result<()> {
        // Tasks that wake each other without end must not keep the rest of the program from its
        // turns.
        tokio::task::coop::consume_budget().await;
        self.run_tasks();
        self.wire.flush().await
    }

    fn run_tasks(&mut self) {
        let outbox = &self.wire.outbox;
        self.tasks.run(|| outbox.len() > ENOUGH_IN_A_TURN);
    }

    /// Lets the requests in flight finish. The tasks go on as long as they do, for a request may
    /// wait for one of them.
    async fn finish(&mut self) -> anyhow::Result<()> {
        let grace = tokio::time::sleep(GRACE);
        tokio::pin!(grace);
        self.take_turns().await?;
        while self.tasks.requests() > 0 && !grace.is_elapsed() {
            tokio::select! {
                biased;
                () = &mut grace => {}
                () = self.tasks.woken() => {}
            }
            // Not limited: half a line would be no message.
            self.take_turns().await?;
        }
        Ok(())
    }
}

/// Takes a line: an answer goes to whoever waits for it, a request becomes a task.
fn receive<H: Handler>(node: &Node, handler: &Rc<H>, line: &Line<'_>) -> Option<Task> {
    let taken = Incoming::parse(line).and_then(|incoming| {
        if let Some(in_reply_to) = incoming.header().in_reply_to {
            node.calls().answer(in_reply_to, &incoming);
            return Ok(None);
        }
        let request = read_request::<H>(&incoming)?;
        let (node, handler, from) = (node.clone(), Rc::clone(handler), incoming.src.to_string());
        let task: Task = Box::pin(handle(node, handler, from, incoming.asks(), request));
        Ok(Some(task))
    });
    taken.unwrap_or_else(|refusal| {
        refuse(node.outbox(), node.id(), &refusal);
        None
    })
}

fn read_request<H: Handler>(incoming: &Incoming<'_>) -> Result<H::Request, Refusal> {
    if incoming.header().kind == "init" {
        let error = ErrorCode::PreconditionFailed.error("init came a second time");
        return Err(Refusal { error, asker: incoming.asker() });
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
    let outbox = node.outbox();
    match (outcome, msg_id) {
        (Ok(reply), Some(msg_id)) => outbox.push(Envelope::reply(node.id(), &from, msg_id), &reply),
        (Ok(_), None) => {}
        (Err(error), msg_id) => {
            let error = error
                .downcast::<Error>()
                .unwrap_or_else(|error| ErrorCode::Crash.error(format!("{error:#}")));
            let dest = node.id().to_owned();
            let asker = msg_id.map(|msg_id| Asker { src: from, dest, msg_id });
            refuse(outbox, node.id(), &Refusal { error, asker });
        }
    }
}

/// Answers with an error, or tells it to whoever reads the log if nobody waits for an answer.
fn refuse(outbox: &Outbox, me: &str, refusal: &Refusal) {
    if let Some(asker) = &refusal.asker {
        answer(outbox, me, asker, &Protocol::Error(&refusal.error));
    } else {
        // In one piece, because several nodes may share a log; and a log that nobody takes is no
        // reason to die.
        let line = format!("{me}: {}\n", refusal.error);
        let _ = std::io::stderr().write_all(line.as_bytes());
    }
}

fn answer(outbox: &Outbox, me: &str, asker: &Asker, body: &Protocol<'_>) {
    outbox.push(Envelope::reply(me, &asker.src, asker.msg_id), body);
}
