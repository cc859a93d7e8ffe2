//! The task that one process belongs to, from its start to its end.

use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Duration;

use rustix::process::Signal;
use tokio::process::Child;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::errors::Errors;
use super::group::{Group, Leash};
use super::input::{Input, Unread};
use super::pipe::Pipe;
use super::post::{Post, Process};
use super::pulse::Pulse;
use super::stderr::{LastWords, Told};
use super::{input, output, stderr};
use crate::Event;

/// How long a process that was killed may take to be gone. Longer would only matter to a machine
/// that stands still.
pub(super) const GONE_WITHIN: Duration = Duration::from_secs(5);

/// How long a process that has closed its STDOUT may run until it ends. Shorter, and a node that
/// ends would be taken for one that lives on; longer, and people would wait.
const ENDED_WITHIN: Duration = Duration::from_secs(1);

/// How long it may take until all is told that stood in the pipes of a process that is gone. It
/// takes longer only if nobody listens, who then may never do.
const TOLD_WITHIN: Duration = Duration::from_secs(2);

/// A process and its task; dropping this stops both, in the background.
#[derive(Debug)]
pub(super) struct Keeper {
    leash: Leash,
    input: Input,
    task: JoinHandle<Remains>,
}

/// What a node left, for people to read.
#[derive(Debug, Default)]
pub struct Remains {
    /// What it wrote to STDERR last.
    pub last_words: LastWords,
    /// The errors that it wrote to STDERR, in all of its lives.
    pub errors: Errors,
    /// What stood on its STDOUT for a while, and was never ended by a newline.
    pub half_line: Option<String>,
    /// After how many messages it had closed its STDIN, if it lived on.
    pub deaf_after: Option<usize>,
}

impl Remains {
    /// Adds what an earlier process left: the last words are the later one's.
    pub(super) fn after(self, former: Remains) -> Remains {
        Remains {
            last_words: self.last_words,
            errors: self.errors,
            half_line: self.half_line.or(former.half_line),
            deaf_after: self.deaf_after.or(former.deaf_after),
        }
    }
}

impl Keeper {
    /// Keeps a process that was just started, and leads this of the node's lives.
    pub(super) fn new(process: Process, post: &Post, life: u64) -> Keeper {
        let Process { child, group, stdin, stdout, stderr } = process;
        let group = Arc::new(group);
        let (input, unread) = input::start(stdin, group.pulse());
        let (full, log_is_full) = oneshot::channel();
        let (node, pulse) = (post.number, group.pulse());
        // Both wait for their turn, so that what the former process wrote comes first.
        let (events, log) = (Arc::clone(&post.events), Arc::clone(&post.log));
        let stdout = Pipe::new(stdout, group.pulse());
        let stderr = Pipe::new(stderr, group.pulse());
        let said = async move {
            let events = events.lock_owned().await;
            output::read(stdout, node, life, &events, pulse).await
        };
        let logged = async move {
            let mut log = log.lock_owned().await;
            stderr::read(stderr, &mut log, full).await
        };
        let pipes =
            Pipes { unread, said: tokio::spawn(said), log_is_full, logged: tokio::spawn(logged) };
        let complaints = post.complaints.clone();
        let told = async move |how| {
            // Nobody listens any more when the test is over.
            let _ = complaints.send(Event::Ended { node, life, how }).await;
        };
        let task = tokio::spawn(keep(child, Leash(Arc::clone(&group)), pipes, told));
        Keeper { leash: Leash(group), input, task }
    }

    /// The processes that it keeps.
    pub(super) fn group(&self) -> &Group {
        &self.leash.0
    }

    /// Hands the process a line.
    pub(super) fn deliver(&self, line: String) {
        self.input.deliver(line);
    }

    /// Tells the process to end now; the future is ready when it has, and its pipes are empty.
    pub(super) fn stop(self) -> impl Future<Output = Remains> {
        drop(self.leash);
        let task = self.task;
        async move { task.await.unwrap_or_default() }
    }
}

/// The three pipes of a process, and the tasks at their ends.
struct Pipes {
    unread: Arc<Unread>,
    said: JoinHandle<Option<String>>,
    log_is_full: oneshot::Receiver<String>,
    logged: JoinHandle<Told>,
}

/// Keeps a process until it is killed; tells why the test cannot go on, if the process ends first
/// or misuses a pipe.
async fn keep(
    mut child: Child,
    leash: Leash,
    pipes: Pipes,
    tell: impl AsyncFnOnce(String),
) -> Remains {
    let Pipes { unread, mut said, log_is_full, logged } = pipes;
    let (group, mut pulse) = (&leash.0, leash.0.pulse());
    let mut half_line = None;
    let how = tokio::select! {
        biased;
        () = pulse.killed() => None,
        status = child.wait() => {
            // What the node has started dies with it, so that its pipes come to their end, too; and
            // the last line, which may explain the end better than the status does, comes first.
            group.bury();
            half_line = Some(last(&mut said).await);
            Some(describe(status))
        }
        how = unread.too_much() => Some(how),
        Ok(how) = log_is_full => Some(how),
        rest = &mut said => {
            half_line = Some(rest.unwrap_or_default());
            lives_on(&mut child, group, &mut pulse).await
        }
    };
    // Before the process is gone, which closes everything.
    let deaf_after = unread.closed_after();
    if let Some(how) = how {
        tokio::select! {
            biased;
            () = pulse.killed() => {}
            () = tell(how) => pulse.killed().await,
        }
    }
    let _ = child.wait().await;
    group.bury();
    let half_line = match half_line {
        Some(half_line) => half_line,
        None => last(&mut said).await,
    };
    let Told { last_words, errors } = last(&mut { logged }).await;
    Remains { last_words, errors, half_line, deaf_after }
}

/// How a process ends that has closed its STDOUT, or that it does not; nothing if it is killed.
async fn lives_on(child: &mut Child, group: &Group, pulse: &mut Pulse) -> Option<String> {
    let mut judge = pulse.clone();
    tokio::select! {
        biased;
        () = pulse.killed() => None,
        status = child.wait() => {
            group.bury();
            Some(describe(status))
        }
        () = judge.has_run_for(ENDED_WITHIN) => {
            let how = "closed its STDOUT and lives on. STDOUT is where its messages go; keep it \
                       open until STDIN ends.";
            Some(how.to_owned())
        }
    }
}

/// What a task at the end of a pipe has to say when the pipe runs empty.
async fn last<T: Default>(task: &mut JoinHandle<T>) -> T {
    let result = tokio::time::timeout(TOLD_WITHIN, task).await;
    result.ok().and_then(Result::ok).unwrap_or_default()
}

/// How a process ended, in words that follow "it".
fn describe(status: io::Result<ExitStatus>) -> String {
    match status {
        Ok(status) => match (status.code(), status.signal()) {
            (Some(0), _) => "exited with status 0. A node must run until its STDIN ends; does \
                             something end its loop?"
                .to_owned(),
            (Some(code), _) => format!("exited with status {code}"),
            (None, Some(signal)) => format!("was killed by signal {signal}{}", named(signal)),
            (None, None) => format!("ended ({status})"),
        },
        Err(error) => format!("cannot be waited for: {error}"),
    }
}

fn named(signal: i32) -> String {
    let Some(signal) = Signal::from_named_raw(signal) else { return String::new() };
    let name = format!("{signal:?}");
    format!(" ({})", name.trim_matches('"').replace("Signal::", "SIG"))
}
