//! A node as a sequence of processes.

use anyhow::{Result, bail};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::ProcessConfig;
use super::group::{ProcessGroup, SupervisedPids};
use super::node_resources::NodeResources;
use super::supervisor::{NodeDiagnostics, REAP_TIMEOUT, Supervisor};
use crate::ProcessEvent;

/// A node of a test. Dropping it kills its process.
#[derive(Debug)]
pub(super) struct ProcessNode {
    resources: NodeResources,
    supervisor: Supervisor,
    /// The node's incarnation, from 0; each restart begins the next one.
    incarnation: u64,
    /// Diagnostics of all previous processes, ready when the last of them is drained.
    previous: Option<JoinHandle<NodeDiagnostics>>,
}

impl ProcessNode {
    /// Spawns the first process.
    pub(super) fn start(
        config: &ProcessConfig,
        number: usize,
        node: &str,
        events: &mpsc::Sender<ProcessEvent>,
        supervised: &SupervisedPids,
    ) -> Result<ProcessNode> {
        let resources = NodeResources::new(config, number, node, events, supervised)?;
        let supervisor = Supervisor::new(resources.spawn()?, &resources, 0);
        Ok(ProcessNode { resources, supervisor, incarnation: 0, previous: None })
    }

    /// Queues a line.
    pub(super) fn deliver(&self, line: String) {
        self.supervisor.deliver(line);
    }

    /// Pauses the process with SIGSTOP.
    pub(super) fn pause(&self) {
        self.supervisor.group().pause();
    }

    /// Resumes the process with SIGCONT.
    pub(super) fn resume(&self) {
        self.supervisor.group().resume();
    }

    /// Process group of the current process.
    pub(super) fn group(&self) -> &ProcessGroup {
        self.supervisor.group()
    }

    /// Spawns another process after the previous one was killed.
    pub(super) async fn restart(&mut self) -> Result<()> {
        if !self.wait_until_reaped().await {
            bail!("node {} cannot be restarted: its process is still there", self.resources.node);
        }
        self.incarnation += 1;
        let next = Supervisor::new(self.resources.spawn()?, &self.resources, self.incarnation);
        let last = std::mem::replace(&mut self.supervisor, next).stop();
        let previous = self.previous.take();
        self.previous = Some(tokio::spawn(with_previous(last, previous)));
        Ok(())
    }

    /// Kills the process at once; the future completes when it is reaped and drained.
    pub(super) fn stop(self) -> impl Future<Output = NodeDiagnostics> {
        let diagnostics = with_previous(self.supervisor.stop(), self.previous);
        async move { timeout(REAP_TIMEOUT, diagnostics).await.unwrap_or_default() }
    }

    /// Waits until its process is reaped; false after a timeout.
    pub(super) async fn wait_until_reaped(&self) -> bool {
        timeout(REAP_TIMEOUT, self.supervisor.group().run_state().reaped()).await.is_ok()
    }
}

async fn with_previous(
    last: impl Future<Output = NodeDiagnostics>,
    previous: Option<JoinHandle<NodeDiagnostics>>,
) -> NodeDiagnostics {
    let diagnostics = last.await;
    match previous {
        Some(previous) => diagnostics.merge_previous(previous.await.unwrap_or_default()),
        None => diagnostics,
    }
}
