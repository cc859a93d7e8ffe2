//! Processes as the nodes of a test.

use eddy::drive::{Event, Events, Nodes};
use eddy_processes::Processes;
use tokio::sync::mpsc;

/// The nodes of a test, each a process.
pub(super) struct Cluster(pub(super) Processes);

/// What these nodes do.
pub(super) struct Heard(pub(super) mpsc::Receiver<eddy_processes::Event>);

impl Nodes for Cluster {
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

impl Events for Heard {
    async fn next(&mut self) -> Option<Event> {
        let event = self.0.recv().await?;
        Some(match event {
            eddy_processes::Event::Said { node, line } => Event::Said { node, line },
            eddy_processes::Event::Ended { node, life, how } => Event::Ended { node, life, how },
        })
    }
}
