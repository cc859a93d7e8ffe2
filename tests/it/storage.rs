//! What a node stores, and what its next life finds: on a real disk, and on disks that fail.

mod damage;
mod disk;
mod lock;
mod programs;
mod queue;
mod recovery;

use std::cell::Cell;
use std::pin::Pin;
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

/// What a node does, which any test may make something else of, so that all of them share one node
/// and one runtime: every type that these know is compiled with them again.
type Life = Box<dyn FnOnce(Node) -> Pin<Box<dyn Future<Output = ()>>>>;

/// A life of the node n1: it starts, does this, and is killed.
fn live<T: 'static>(disk: Rc<dyn Disk>, life: impl AsyncFnOnce(Node) -> T + 'static) -> T {
    live_with(Host::seeded(7).with_disk(disk), life)
}

/// [`live`] with any host.
fn live_with<T: 'static>(host: Host, life: impl AsyncFnOnce(Node) -> T + 'static) -> T {
    try_live(host, life).unwrap_or_else(|refusal| panic!("the node ended: {refusal}"))
}

/// A life, or why the node refused to begin or to go on with it.
fn try_live<T: 'static>(
    host: Host,
    life: impl AsyncFnOnce(Node) -> T + 'static,
) -> Result<T, String> {
    let outcome = Rc::new(Cell::new(None));
    let kept = Rc::clone(&outcome);
    let life: Life = Box::new(|node| Box::pin(async move { kept.set(Some(life(node).await)) }));
    // Time stands still while there is anything to do, and then jumps.
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_time().start_paused(true).build().unwrap();
    runtime.block_on(live_until_done(host, life))?;
    Ok(outcome.take().expect("a life that was not cut short"))
}

async fn live_until_done(host: Host, life: Life) -> Result<(), String> {
    let (mut peer, input) = tokio::io::duplex(1024);
    peer.write_all(INIT.as_bytes()).await.unwrap();
    let (sender, done) = oneshot::channel();
    let start = |node: Node| {
        node.clone().spawn(async move {
            life(node).await;
            sender.send(()).unwrap();
        });
        Silent
    };
    let serving = host.serve_on(input, tokio::io::sink(), start);
    tokio::select! {
        biased;
        end = serving => Err(format!("{:#}", end.unwrap_err())),
        done = done => {
            done.unwrap();
            Ok(())
        }
    }
}

/// What a node finds when it starts.
fn find<T: 'static>(disk: Rc<dyn Disk>, open: impl FnOnce(Node) -> T + 'static) -> T {
    live(disk, async |node| open(node))
}

/// Why a node refuses to start.
#[track_caller]
fn refusal<T: 'static>(disk: Rc<dyn Disk>, open: impl FnOnce(Node) -> T + 'static) -> String {
    let started = try_live(Host::seeded(7).with_disk(disk), async |node| open(node));
    started.err().expect("a node that refuses to start")
}
