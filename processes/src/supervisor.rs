//! Supervisor of one process: the task that owns it from spawn to reap.

use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Duration;

use rustix::process::Signal;
use tokio::process::Child;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::errors::StderrErrors;
use super::group::{KillOnDrop, ProcessGroup};
use super::input::{StdinBacklog, StdinWriter};
use super::node_resources::{NodeResources, SpawnedProcess};
use super::pipe::NodePipe;
use super::run_state::RunStateReceiver;
use super::stderr::{StderrSummary, StderrTail};
use super::{input, output, stderr};
use crate::ProcessEvent;

/// Time for a killed process to be reaped. A longer one would only help an overloaded
/// machine.
pub(super) const REAP_TIMEOUT: Duration = Duration::from_secs(5);

/// Time that a process which closed its STDOUT has to exit. A shorter one would take an exiting
/// node for a running one; a longer one would keep people waiting.
const EXIT_TIMEOUT: Duration = Duration::from_secs(1);

/// Time to drain the pipes of a process that was reaped. They take longer only if nobody receives
/// the events, perhaps for good.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(2);

/// Handle of a process and its supervisor task. Dropping it ends both in the background.
#[derive(Debug)]
pub(super) struct Supervisor {
    kill_on_drop: KillOnDrop,
    input: StdinWriter,
    task: JoinHandle<NodeDiagnostics>,
}

/// Diagnostics that a node left behind.
#[derive(Debug, Default)]
pub struct NodeDiagnostics {
    /// Last lines of STDERR.
    pub stderr_tail: StderrTail,
    /// Errors in the STDERR of all its incarnations.
    pub errors: StderrErrors,
    /// Text on STDOUT that was not ended by a newline for a while.
    pub unterminated_line: Option<String>,
    /// Number of messages it was sent before it closed its STDIN, if it kept running.
    pub stdin_closed_after: Option<usize>,
}

impl NodeDiagnostics {
    /// Merges the diagnostics of earlier processes. The end of STDERR is the latest process's.
    pub(super) fn merge_previous(self, previous: NodeDiagnostics) -> NodeDiagnostics {
        NodeDiagnostics {
            stderr_tail: self.stderr_tail,
            errors: self.errors,
            unterminated_line: self.unterminated_line.or(previous.unterminated_line),
            stdin_closed_after: self.stdin_closed_after.or(previous.stdin_closed_after),
        }
    }
}

impl Supervisor {
    /// Supervises a process that was just spawned as this incarnation of its node.
    pub(super) fn new(
        process: SpawnedProcess,
        resources: &NodeResources,
        incarnation: u64,
    ) -> Supervisor {
        let SpawnedProcess { child, group, stdin, stdout, stderr } = process;
        let group = Arc::new(group);
        let (input, backlog) = input::start(stdin, group.run_state());
        let (overflow_sender, log_overflow) = oneshot::channel();
        let (node, run_state) = (resources.index, group.run_state());
        // Both tasks wait for a lock, so that the previous process's output comes first.
        let (events, log) = (Arc::clone(&resources.events), Arc::clone(&resources.log));
        let stdout = NodePipe::new(stdout, group.run_state());
        let stderr = NodePipe::new(stderr, group.run_state());
        let output_task = async move {
            let events = events.lock_owned().await;
            output::read(stdout, node, incarnation, &events, run_state).await
        };
        let log_task = async move {
            let mut log = log.lock_owned().await;
            stderr::read(stderr, &mut log, overflow_sender).await
        };
        let pipes = Pipes {
            backlog,
            output_task: tokio::spawn(output_task),
            log_overflow,
            log_task: tokio::spawn(log_task),
        };
        let failures = resources.failures.clone();
        let report = async move |cause| {
            // Nobody receives events after the test.
            let _ = failures.send(ProcessEvent::Ended { node, incarnation, cause }).await;
        };
        let task = tokio::spawn(supervise(child, KillOnDrop(Arc::clone(&group)), pipes, report));
        Supervisor { kill_on_drop: KillOnDrop(group), input, task }
    }

    /// Process group of the supervised process.
    pub(super) fn group(&self) -> &ProcessGroup {
        &self.kill_on_drop.0
    }

    /// Queues a line for the process.
    pub(super) fn deliver(&self, line: String) {
        self.input.deliver(line);
    }

    /// Kills the process at once; the future completes when it is reaped and its pipes are empty.
    pub(super) fn stop(self) -> impl Future<Output = NodeDiagnostics> {
        drop(self.kill_on_drop);
        let task = self.task;
        async move { task.await.unwrap_or_default() }
    }
}

/// Three pipes of a process and their tasks.
struct Pipes {
    backlog: Arc<StdinBacklog>,
    output_task: JoinHandle<Option<String>>,
    log_overflow: oneshot::Receiver<String>,
    log_task: JoinHandle<StderrSummary>,
}

/// Supervises a process until it is killed. Reports the reason why the test cannot go on if the
/// process exits earlier or misuses a pipe.
async fn supervise(
    mut child: Child,
    kill_on_drop: KillOnDrop,
    pipes: Pipes,
    report: impl AsyncFnOnce(String),
) -> NodeDiagnostics {
    let Pipes { backlog, mut output_task, log_overflow, log_task } = pipes;
    let (group, mut run_state) = (&kill_on_drop.0, kill_on_drop.0.run_state());
    let mut unterminated_line = None;
    let cause = tokio::select! {
        biased;
        () = run_state.killed() => None,
        status = child.wait() => {
            // The node's children are killed as well, so that its pipes reach their end. The last
            // line is awaited first, because it may explain the exit better than the status does.
            group.mark_reaped();
            unterminated_line = Some(drained(&mut output_task).await);
            Some(describe(status))
        }
        cause = backlog.overflow() => Some(cause),
        Ok(cause) = log_overflow => Some(cause),
        rest = &mut output_task => {
            unterminated_line = Some(rest.unwrap_or_default());
            cause_after_stdout_closed(&mut child, group, &mut run_state).await
        }
    };
    // Read before the process is killed, which closes all pipes.
    let stdin_closed_after = backlog.closed_after();
    if let Some(cause) = cause {
        tokio::select! {
            biased;
            () = run_state.killed() => {}
            () = report(cause) => run_state.killed().await,
        }
    }
    let _ = child.wait().await;
    group.mark_reaped();
    let unterminated_line = match unterminated_line {
        Some(unterminated_line) => unterminated_line,
        None => drained(&mut output_task).await,
    };
    let StderrSummary { tail: stderr_tail, errors } = drained(&mut { log_task }).await;
    NodeDiagnostics { stderr_tail, errors, unterminated_line, stdin_closed_after }
}

/// Waits for the exit of a process that closed its STDOUT. Returns how it exited, or that it keeps
/// running; `None` if it is killed.
async fn cause_after_stdout_closed(
    child: &mut Child,
    group: &ProcessGroup,
    run_state: &mut RunStateReceiver,
) -> Option<String> {
    let mut exit_timer = run_state.clone();
    tokio::select! {
        biased;
        () = run_state.killed() => None,
        status = child.wait() => {
            group.mark_reaped();
            Some(describe(status))
        }
        () = exit_timer.has_run_for(EXIT_TIMEOUT) => {
            let cause = "closed its STDOUT and keeps running. Messages go to STDOUT; keep it \
                       open until STDIN ends.";
            Some(cause.to_owned())
        }
    }
}

/// Result of a pipe's task, or the default if the pipe does not run empty in time.
async fn drained<T: Default>(task: &mut JoinHandle<T>) -> T {
    let result = tokio::time::timeout(DRAIN_TIMEOUT, task).await;
    result.ok().and_then(Result::ok).unwrap_or_default()
}

/// Predicate for a process that ended, such as "exited with status 3".
fn describe(status: io::Result<ExitStatus>) -> String {
    match status {
        Ok(status) => match (status.code(), status.signal()) {
            (Some(0), _) => "exited with status 0. A node must run until its STDIN ends; does \
                             something end its loop?"
                .to_owned(),
            (Some(code), _) => format!("exited with status {code}"),
            (None, Some(signal)) => format!("was killed by signal {signal}{}", signal_name(signal)),
            (None, None) => format!("ended ({status})"),
        },
        Err(error) => format!("cannot be waited for: {error}"),
    }
}

fn signal_name(signal: i32) -> String {
    let Some(signal) = Signal::from_named_raw(signal) else { return String::new() };
    let name = format!("{signal:?}");
    format!(" ({})", name.trim_matches('"').replace("Signal::", "SIG"))
}
