//! [`serve`] and the event loop of a node: lines in, lines out.
//!
//! A running node is one future. The requests in flight and the spawned tasks are polled inside it
//! and nowhere else. So dropping the future kills the node, and not polling it pauses the node.
//!
//! The loop repeats four steps: dispatch the lines that were read, poll the tasks that were woken,
//! write their output, and wait for input or a wake-up.

use std::io::Write as _;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncWrite};

use crate::error::{Error, ErrorCode};
use crate::fatal;
use crate::handler::Handler;
use crate::host::Host;
use crate::incoming::{ErrorReply, Incoming, ReplyTo};
use crate::lines::{InputLine, Lines};
use crate::node::Node;
use crate::outbox::{Envelope, Outbox};
use crate::stdio;
use crate::tasks::{SpawnQueue, Task, TaskKind, Tasks, WakeQueue};

/// Time for the requests in flight after the end of input. A larger value delays the exit of a node
/// with calls that can no longer be answered; a smaller one drops more replies.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(1);

/// Maximum number of lines dispatched before tasks, and other futures on this thread, get a turn. A
/// larger number saves writes under load; a smaller one shortens the delay of replies and tasks.
const MAX_LINES_PER_ROUND: usize = 256;

/// Output beyond this many bytes is written before further lines are dispatched. A larger value
/// saves writes; with a smaller one the receiver can start earlier.
const FLUSH_BYTES: usize = 32 << 10;

/// While more output than this waits to be written, no further task is polled. A larger value saves
/// writes when many large replies are ready; a smaller one takes less memory and shortens the delay
/// of the other tasks.
const MAX_UNWRITTEN_BYTES: usize = 1 << 20;

/// Runs a node on stdin and stdout until stdin ends: the `main` of a Maelstrom node.
///
/// `new_handler` constructs the handler after `init` was received.
///
/// # Errors
/// If stdin cannot be read, stdout cannot be written, or the node's storage fails. A bad line is
/// not an error.
pub fn serve<H: Handler>(new_handler: impl FnOnce(Node) -> H) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async { serve_on(stdio::Stdin::open(), stdio::Stdout, new_handler).await })
}

/// Runs a node on any pair of byte streams: of a test, a socket or a simulation.
///
/// # Errors
/// As [`serve`].
pub async fn serve_on<H: Handler>(
    input: impl AsyncRead + Unpin,
    output: impl AsyncWrite + Unpin,
    new_handler: impl FnOnce(Node) -> H,
) -> anyhow::Result<()> {
    Host::system().serve_on(input, output, new_handler).await
}

impl Host {
    /// Runs a node as [`serve_on`] does, with this host's randomness and disk.
    ///
    /// # Errors
    /// As [`serve`].
    pub async fn serve_on<H: Handler>(
        self,
        input: impl AsyncRead + Unpin,
        output: impl AsyncWrite + Unpin,
        new_handler: impl FnOnce(Node) -> H,
    ) -> anyhow::Result<()> {
        // Wakers put the tasks to be polled into one queue; `Node::spawn` puts new ones into the
        // other.
        let wake_queue = Arc::<WakeQueue>::default();
        let outbox = Rc::new(Outbox::new(Arc::clone(&wake_queue)));
        let mut connection =
            Connection { lines: Lines::new(input), output, outbox: Rc::clone(&outbox) };
        let Some(Init { node_id, node_ids }) = connection.initialize().await? else {
            return Ok(());
        };
        let spawn_queue = Rc::new(SpawnQueue::new(wake_queue));
        let tasks = Tasks::new(Rc::clone(&spawn_queue));
        let node = Node::new(node_id, node_ids, outbox, spawn_queue, &self);
        // The constructor may open storage: a damaged disk unwinds to here and becomes the error.
        fatal::catch_fatal(async {
            let handler = Rc::new(new_handler(node.clone()));
            EventLoop { connection, node, handler, tasks }.run().await
        })
        .await
    }
}

#[derive(Deserialize)]
struct Init {
    node_id: String,
    node_ids: Vec<String>,
}

/// Replies that are not a handler's [`Handler::Reply`]: `init_ok` and errors.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum ProtocolReply<'a> {
    InitOk,
    Error(&'a Error),
}

/// The input, the output, and the messages to be written.
struct Connection<I, O> {
    lines: Lines<I>,
    output: O,
    outbox: Rc<Outbox>,
}

impl<I: AsyncRead + Unpin, O: AsyncWrite + Unpin> Connection<I, O> {
    /// Reads up to `init` and replies to it; earlier messages are answered with an error. Returns
    /// `None` if the input ends before.
    async fn initialize(&mut self) -> anyhow::Result<Option<Init>> {
        loop {
            let input_open = self.fill().await?;
            while let Some(line) = self.lines.next_line() {
                match read_init(&line) {
                    Ok((init, reply_to)) => {
                        if let Some(reply_to) = reply_to {
                            send_reply(
                                &self.outbox,
                                &init.node_id,
                                &reply_to,
                                &ProtocolReply::InitOk,
                            );
                        }
                        return Ok(Some(init));
                    }
                    Err(error) => {
                        let reply_to = error.reply_to.as_ref();
                        let node_id = reply_to.map_or("?", |reply_to| &reply_to.node_id);
                        reply_or_log(&self.outbox, node_id, &error);
                    }
                }
            }
            self.flush().await?;
            if !input_open {
                return Ok(None);
            }
        }
    }

    /// Reads more input. Returns false at its end.
    async fn fill(&mut self) -> anyhow::Result<bool> {
        self.lines.fill().await.context("cannot read input")
    }

    async fn flush(&mut self) -> anyhow::Result<()> {
        self.outbox.write_to(&mut self.output).await.context("cannot write output")
    }
}

fn read_init(line: &InputLine<'_>) -> Result<(Init, Option<ReplyTo>), ErrorReply> {
    let incoming = Incoming::parse(line)?;
    let (message_type, reply_to) = (&incoming.header().kind, incoming.reply_to());
    if message_type == "init" {
        return Ok((incoming.read()?, reply_to));
    }
    let text = format!("{message_type} was received before init");
    Err(ErrorReply { error: ErrorCode::TemporarilyUnavailable.error(text), reply_to })
}

/// The event loop of a node, after `init`.
struct EventLoop<H, I, O> {
    connection: Connection<I, O>,
    node: Node,
    handler: Rc<H>,
    tasks: Tasks,
}

impl<H: Handler, I: AsyncRead + Unpin, O: AsyncWrite + Unpin> EventLoop<H, I, O> {
    async fn run(mut self) -> anyhow::Result<()> {
        // Tasks that the handler's constructor spawned run before the first request.
        self.run_and_flush().await?;
        let mut input_open = true;
        while input_open {
            self.dispatch_lines().await?;
            self.run_and_flush().await?;
            input_open = tokio::select! {
                biased;
                // Input first: tasks may wake each other without end, and they have just run.
                input_open = self.connection.fill() => input_open?,
                () = self.tasks.wait_until_woken() => true,
            };
        }
        self.dispatch_lines().await?;
        self.drain().await
    }

    /// Turns all lines that were read into tasks and completed calls, and lets tasks run in
    /// between.
    async fn dispatch_lines(&mut self) -> anyhow::Result<()> {
        let mut lines = 0;
        while let Some(line) = self.connection.lines.next_line() {
            if let Some(request) = dispatch(&self.node, &self.handler, &line) {
                self.tasks.start(TaskKind::Request, request);
            }
            lines += 1;
            if lines == MAX_LINES_PER_ROUND {
                lines = 0;
                tokio::task::yield_now().await;
                self.run_tasks();
            }
            if self.connection.outbox.len() > FLUSH_BYTES {
                self.connection.flush().await?;
            }
        }
        Ok(())
    }

    /// Polls the tasks that were woken, then writes the output of all of them.
    async fn run_and_flush(&mut self) -> anyhow::Result<()> {
        // Tasks that wake each other without end must not starve the rest of the program.
        tokio::task::coop::consume_budget().await;
        self.run_tasks();
        self.connection.flush().await
    }

    fn run_tasks(&mut self) {
        let outbox = &self.connection.outbox;
        self.tasks.run_woken(|| outbox.len() > MAX_UNWRITTEN_BYTES);
    }

    /// Lets the requests in flight finish. Background tasks run meanwhile, because a request may
    /// wait for one.
    async fn drain(&mut self) -> anyhow::Result<()> {
        let grace = tokio::time::sleep(SHUTDOWN_GRACE);
        tokio::pin!(grace);
        self.run_and_flush().await?;
        while self.tasks.requests_in_flight() > 0 && !grace.is_elapsed() {
            tokio::select! {
                biased;
                () = &mut grace => {}
                () = self.tasks.wait_until_woken() => {}
            }
            // Not subject to the grace period: an interrupted write would leave half a line.
            self.run_and_flush().await?;
        }
        Ok(())
    }
}

/// Completes a call by a reply, or makes a request's task.
fn dispatch<H: Handler>(node: &Node, handler: &Rc<H>, line: &InputLine<'_>) -> Option<Task> {
    let task = Incoming::parse(line).and_then(|incoming| {
        if let Some(in_reply_to) = incoming.header().in_reply_to {
            node.calls().complete(in_reply_to, &incoming);
            return Ok(None);
        }
        let request = read_request::<H>(&incoming)?;
        let (node, handler, from) = (node.clone(), Rc::clone(handler), incoming.src.to_string());
        let msg_id = incoming.request_msg_id();
        let task: Task = Box::pin(run_request(node, handler, from, msg_id, request));
        Ok(Some(task))
    });
    task.unwrap_or_else(|error| {
        reply_or_log(node.outbox(), node.id(), &error);
        None
    })
}

fn read_request<H: Handler>(incoming: &Incoming<'_>) -> Result<H::Request, ErrorReply> {
    if incoming.header().kind == "init" {
        let error = ErrorCode::PreconditionFailed.error("init was received a second time");
        return Err(ErrorReply { error, reply_to: incoming.reply_to() });
    }
    incoming.read()
}

async fn run_request<H: Handler>(
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
            let node_id = node.id().to_owned();
            let reply_to = msg_id.map(|msg_id| ReplyTo { requester: from, node_id, msg_id });
            reply_or_log(outbox, node.id(), &ErrorReply { error, reply_to });
        }
    }
}

/// Replies with the error, or reports it on stderr if nobody expects a reply.
fn reply_or_log(outbox: &Outbox, node_id: &str, ErrorReply { error, reply_to }: &ErrorReply) {
    if let Some(reply_to) = reply_to {
        send_reply(outbox, node_id, reply_to, &ProtocolReply::Error(error));
    } else {
        // In one write, because several nodes may share a log. A log that cannot be written does
        // not end the node.
        let line = format!("{node_id}: {error}\n");
        let _ = std::io::stderr().write_all(line.as_bytes());
    }
}

fn send_reply(outbox: &Outbox, node_id: &str, reply_to: &ReplyTo, body: &ProtocolReply<'_>) {
    outbox.push(Envelope::reply(node_id, &reply_to.requester, reply_to.msg_id), body);
}
