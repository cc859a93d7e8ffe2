//! The task that one process belongs to, from its start to its end.

use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::Child;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use super::stderr::LastWords;
use super::{Command, input, output, stderr};
use crate::drive::Event;

/// How long a process that was killed may take to be gone, and its pipes to run empty. Longer would
/// only matter to a machine that stands still.
const GONE_WITHIN: Duration = Duration::from_secs(5);

/// A process and its task; dropping this stops both, in the background.
#[derive(Debug)]
pub(super) struct Keeper {
    lines: mpsc::UnboundedSender<String>,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Keeper {
    /// Starts a process.
    pub(super) fn start(
        command: &Command,
        number: usize,
        node: &str,
        events: mpsc::UnboundedSender<Event>,
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
        let (lines, to_write) = mpsc::unbounded_channel();
        if let Some(stdin) = child.stdin.take() {
            tokio::spawn(input::write(stdin, to_write));
        }
        let stdout = child.stdout.take().context("a piped STDOUT")?;
        let stderr = child.stderr.take().context("a piped STDERR")?;
        let said = tokio::spawn(output::read(stdout, number, events.clone()));
        let last_words = tokio::spawn(stderr::read(stderr, log));
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(async move {
            if let Some(how) = keep(child, group, stopped, said, last_words).await {
                // Nobody listens any more when the test is over.
                let _ = events.send(Event::Ended { node: number, how });
            }
        });
        Ok(Keeper { lines, stop, task })
    }

    /// Hands the process a line.
    pub(super) fn deliver(&self, line: String) {
        // A process that is gone has said so in an event of its own.
        let _ = self.lines.send(line);
    }

    /// Tells the process to end now; the future is ready when it has.
    pub(super) fn stop(self) -> impl Future<Output = ()> {
        // A keeper whose process has ended listens no more.
        let _ = self.stop.send(());
        let task = self.task;
        async move {
            let _ = tokio::time::timeout(GONE_WITHIN, task).await;
        }
    }
}

/// Waits for the end of a process or of the test; tells how the process ended if it came first.
async fn keep(
    mut child: Child,
    group: Group,
    stopped: oneshot::Receiver<()>,
    said: JoinHandle<()>,
    last_words: JoinHandle<LastWords>,
) -> Option<String> {
    let ended = tokio::select! {
        biased;
        _ = stopped => None,
        status = child.wait() => Some(status),
    };
    // What the node has started itself dies with it, so that its pipes come to their end, too.
    drop(group);
    let Some(status) = ended else {
        let _ = child.wait().await;
        let _ = last_words.await;
        return None;
    };
    // The last line may explain the end better than the status does, so it comes first.
    let _ = tokio::time::timeout(GONE_WITHIN, said).await;
    let last_words = tokio::time::timeout(GONE_WITHIN, last_words).await;
    let last_words = last_words.ok().and_then(Result::ok).unwrap_or_default();
    Some(format!("{}{last_words}", describe(status)))
}

fn describe(status: io::Result<ExitStatus>) -> String {
    match status {
        Ok(status) => match (status.code(), status.signal()) {
            (Some(code), _) => format!("exited with status {code}"),
            (None, Some(signal)) => format!("was killed by signal {signal}"),
            (None, None) => format!("ended ({status})"),
        },
        Err(error) => format!("cannot be waited for: {error}"),
    }
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
