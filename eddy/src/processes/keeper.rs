//! The task that one process belongs to, from its start to its end.

use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::Child;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use super::input::{Input, Unread};
use super::stderr::LastWords;
use super::{Command, input, output, stderr};
use crate::drive::Event;

/// How long a process that was killed may take to be gone. Longer would only matter to a machine
/// that stands still.
const GONE_WITHIN: Duration = Duration::from_secs(5);

/// How long the pipes of a process that is gone may take to run empty. They take longer only if
/// somebody else holds them open, who then would do so for good.
const EMPTY_WITHIN: Duration = Duration::from_secs(1);

/// How long a process that has closed its STDOUT may take to end. Shorter, and a node that ends
/// would be taken for one that lives on; longer, and people would wait.
const ENDED_WITHIN: Duration = Duration::from_secs(1);

/// A process and its task; dropping this stops both, in the background.
#[derive(Debug)]
pub(super) struct Keeper {
    id: i32,
    input: Input,
    stop: oneshot::Sender<()>,
    task: JoinHandle<Remains>,
}

/// What a node left, for people to read.
#[derive(Debug, Default)]
pub(crate) struct Remains {
    /// What it wrote to STDERR last.
    pub(crate) last_words: LastWords,
    /// What stood on its STDOUT for a while, and was never ended by a newline.
    pub(crate) half_line: Option<String>,
    /// After how many messages it had closed its STDIN, if it lived on.
    pub(crate) deaf_after: Option<usize>,
}

impl Keeper {
    /// Starts a process.
    pub(super) fn start(
        command: &Command,
        number: usize,
        node: &str,
        events: mpsc::Sender<Event>,
    ) -> Result<Keeper> {
        let log = stderr::Log::create(&command.logs, node, command.log_stderr)?;
        let mut child = tokio::process::Command::new(command.program.path())
            .args(&command.arguments)
            .current_dir(std::env::temp_dir())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| command.program.refused(node, &error))?;
        let group = Group::led_by(&child).context("a process that was just started has an id")?;
        let id = group.0.as_raw_nonzero().get();
        let (input, unread) = input::start(child.stdin.take().context("a piped STDIN")?);
        let stdout = child.stdout.take().context("a piped STDOUT")?;
        let stderr = child.stderr.take().context("a piped STDERR")?;
        let (full, log_is_full) = oneshot::channel();
        let pipes = Pipes {
            unread,
            said: tokio::spawn(output::read(stdout, number, events.clone())),
            log_is_full,
            logged: tokio::spawn(stderr::read(stderr, log, full)),
        };
        let (stop, stopped) = oneshot::channel();
        let told = async move |how| {
            // Nobody listens any more when the test is over.
            let _ = events.send(Event::Ended { node: number, how }).await;
        };
        let task = tokio::spawn(keep(child, group, pipes, stopped, told));
        Ok(Keeper { id, input, stop, task })
    }

    /// The id of the process.
    pub(super) fn id(&self) -> i32 {
        self.id
    }

    /// Hands the process a line.
    pub(super) fn deliver(&self, line: String) {
        self.input.deliver(line);
    }

    /// Tells the process to end now; the future is ready when it has.
    pub(super) fn stop(self) -> impl Future<Output = Remains> {
        // A keeper that has failed listens no more.
        let _ = self.stop.send(());
        let task = self.task;
        async move {
            let remains = tokio::time::timeout(GONE_WITHIN, task).await;
            remains.ok().and_then(Result::ok).unwrap_or_default()
        }
    }
}

/// The three pipes of a process, and the tasks at their ends.
struct Pipes {
    unread: Arc<Unread>,
    said: JoinHandle<Option<String>>,
    log_is_full: oneshot::Receiver<String>,
    logged: JoinHandle<LastWords>,
}

/// Keeps a process until the test ends; tells why it cannot go on, if the process ends first or
/// misuses a pipe.
async fn keep(
    mut child: Child,
    group: Group,
    pipes: Pipes,
    mut stopped: oneshot::Receiver<()>,
    tell: impl AsyncFnOnce(String),
) -> Remains {
    let Pipes { unread, mut said, log_is_full, logged } = pipes;
    let mut half_line = None;
    // Gone as soon as its leader is, whose id may then become another group's.
    let mut group = Some(group);
    let how = tokio::select! {
        biased;
        _ = &mut stopped => None,
        status = child.wait() => {
            // What the node has started dies with it, so that its pipes come to their end, too; and
            // the last line, which may explain the end better than the status does, comes first.
            drop(group.take());
            half_line = Some(last(&mut said).await);
            Some(describe(status))
        }
        how = unread.too_much() => Some(how),
        Ok(how) = log_is_full => Some(how),
        rest = &mut said => {
            half_line = Some(rest.ok().flatten());
            tokio::select! {
                biased;
                _ = &mut stopped => None,
                ended = tokio::time::timeout(ENDED_WITHIN, child.wait()) => Some(match ended {
                    Ok(status) => {
                        drop(group.take());
                        describe(status)
                    }
                    Err(_) => "closed its STDOUT and lives on. STDOUT is where its messages go; \
                               keep it open until STDIN ends.".to_owned(),
                }),
            }
        }
    };
    // Before the group is killed, which closes everything.
    let deaf_after = unread.closed_after();
    if let Some(how) = how {
        tokio::select! {
            biased;
            // Also when the keeper was dropped; then nobody may be there to be told.
            _ = &mut stopped => {}
            () = tell(how) => {
                let _ = stopped.await;
            }
        }
    }
    drop(group);
    let _ = child.wait().await;
    let half_line = match half_line {
        Some(half_line) => half_line,
        None => last(&mut said).await,
    };
    Remains { last_words: last(&mut { logged }).await, half_line, deaf_after }
}

/// What a task at the end of a pipe has to say when the pipe runs empty.
async fn last<T: Default>(task: &mut JoinHandle<T>) -> T {
    let result = tokio::time::timeout(EMPTY_WITHIN, task).await;
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

/// A process group, which is killed when this is dropped.
struct Group(Pid);

impl Group {
    fn led_by(child: &Child) -> Option<Group> {
        let id = i32::try_from(child.id()?).ok()?;
        Pid::from_raw(id).map(Group)
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // An empty group is what is wanted.
        let _ = kill_process_group(self.0, Signal::KILL);
    }
}
