//! Durable storage across restarts, on a real disk and on disks that fail.

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

/// A handler without requests: the test gives the node a program instead.
struct Silent;

#[async_trait(?Send)]
impl Handler for Silent {
    type Request = ();
    type Reply = ();

    async fn handle(&self, _from: &str, (): ()) -> anyhow::Result<()> {
        Ok(())
    }
}

/// A test's program for a node. Boxed, so that the node and the runtime are compiled once for all
/// tests.
type TestProgram = Box<dyn FnOnce(Node) -> Pin<Box<dyn Future<Output = ()>>>>;

/// Runs a program on the node n1 until it ends, and then kills the node.
fn run_node<T: 'static>(disk: Rc<dyn Disk>, program: impl AsyncFnOnce(Node) -> T + 'static) -> T {
    run_node_on(Host::seeded(7).with_disk(disk), program)
}

/// [`run_node`] with any host.
fn run_node_on<T: 'static>(host: Host, program: impl AsyncFnOnce(Node) -> T + 'static) -> T {
    try_run_node(host, program).unwrap_or_else(|refusal| panic!("the node ended: {refusal}"))
}

/// [`run_node`], or the fatal error of the node.
fn try_run_node<T: 'static>(
    host: Host,
    program: impl AsyncFnOnce(Node) -> T + 'static,
) -> Result<T, String> {
    let outcome = Rc::new(Cell::new(None));
    let result = Rc::clone(&outcome);
    let program: TestProgram =
        Box::new(|node| Box::pin(async move { result.set(Some(program(node).await)) }));
    // Virtual time: it jumps to the next timer when every task waits.
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_time().start_paused(true).build().unwrap();
    runtime.block_on(run_until_done(host, program))?;
    Ok(outcome.take().expect("a program that has ended"))
}

async fn run_until_done(host: Host, program: TestProgram) -> Result<(), String> {
    let (mut peer, input) = tokio::io::duplex(1024);
    peer.write_all(INIT.as_bytes()).await.unwrap();
    let (sender, done) = oneshot::channel();
    let start = |node: Node| {
        node.clone().spawn(async move {
            program(node).await;
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

/// Starts a node, and returns what it opens.
fn reopen<T: 'static>(disk: Rc<dyn Disk>, open: impl FnOnce(Node) -> T + 'static) -> T {
    run_node(disk, async |node| open(node))
}

/// The error with which a node refuses to start.
#[track_caller]
fn start_error<T: 'static>(disk: Rc<dyn Disk>, open: impl FnOnce(Node) -> T + 'static) -> String {
    let started = try_run_node(Host::seeded(7).with_disk(disk), async |node| open(node));
    started.err().expect("a node that refuses to start")
}
