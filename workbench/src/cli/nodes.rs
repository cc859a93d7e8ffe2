//! Processes as the nodes of a test.

use eddy::drive::{NodeEvent, NodeEvents, Nodes};
use eddy_processes::Processes;
use tokio::sync::mpsc;

/// Nodes of a test, each a process.
pub(super) struct ProcessCluster(pub(super) Processes);

/// Events of these nodes.
pub(super) struct ProcessEvents(pub(super) mpsc::Receiver<eddy_processes::ProcessEvent>);

impl Nodes for ProcessCluster {
    fn deliver(&mut self, node: usize, line: String) {
        self.0.deliver(node, line);
    }

    async fn kill(&mut self, nodes: &[usize]) {
        self.0.kill(nodes).await;
    }

    async fn start(&mut self, node: usize) -> anyhow::Result<()> {
        self.0.restart(node).await
    }

    fn pause(&mut self, node: usize) {
        self.0.pause(node);
    }

    fn resume(&mut self, node: usize) {
        self.0.resume(node);
    }
}

impl NodeEvents for ProcessEvents {
    async fn next(&mut self) -> Option<NodeEvent> {
        let event = self.0.recv().await?;
        Some(match event {
            eddy_processes::ProcessEvent::Wrote { node, line } => NodeEvent::Wrote { node, line },
            eddy_processes::ProcessEvent::Ended { node, incarnation, cause } => {
                NodeEvent::Ended { node, incarnation, cause }
            }
        })
    }
}
