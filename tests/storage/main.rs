//! What a node stores, and what its next life finds: on a real disk, and on disks that fail.

#![expect(clippy::unwrap_used, reason = "here, what must not fail is a test that fails")]

mod disk;
mod queue;
mod recovery;

use std::rc::Rc;

use glomers::{Disk, Handler, Host, Node, async_trait};
use tokio::io::AsyncWriteExt as _;
use tokio::sync::oneshot;

const INIT: &str = r#"{"src":"c0","dest":"n1","body":{"type":"init","node_id":"n1","node_ids":["n1"]}}
"#;

/// A node that answers nothing: what it does is told it by a test.
struct Silent;

#[async_trait(?Send)]
impl Handler for Silent {
    type Request = ();
    type Reply = ();

    async fn handle(&self, _from: &str, (): ()) -> anyhow::Result<()> {
        Ok(())
    }
}

/// A life of the node n1: it starts, does this, and is killed.
async fn live<T: 'static>(disk: Rc<dyn Disk>, life: impl AsyncFnOnce(Node) -> T + 'static) -> T {
    live_with(Host::seeded(7).with_disk(disk), life).await
}

/// [`live`] with any host.
async fn live_with<T: 'static>(host: Host, life: impl AsyncFnOnce(Node) -> T + 'static) -> T {
    let (mut peer, input) = tokio::io::duplex(1024);
    peer.write_all(INIT.as_bytes()).await.unwrap();
    let (sender, outcome) = oneshot::channel();
    let start = |node: Node| {
        node.clone().spawn(async move {
            // Whether the test still waits is its own business.
            let _ = sender.send(life(node).await);
        });
        Silent
    };
    tokio::select! {
        biased;
        outcome = outcome => outcome.unwrap(),
        end = host.serve_on(input, tokio::io::sink(), start) => panic!("the node ended: {end:?}"),
    }
}

/// What a node finds when it starts.
fn find<T: 'static>(disk: Rc<dyn Disk>, open: impl FnOnce(Node) -> T + 'static) -> T {
    runtime().block_on(live(disk, async |node| open(node)))
}

/// Time stands still while there is anything to do, and then jumps.
fn runtime() -> tokio::runtime::Runtime {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_time().start_paused(true).build().unwrap()
}
