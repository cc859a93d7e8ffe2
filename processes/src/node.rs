//! A node, which may have one process after another.

use anyhow::{Result, bail};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::Command;
use super::group::{Group, Kept};
use super::keeper::{GONE_WITHIN, Keeper, Remains};
use super::post::Post;
use crate::Event;

/// A node of a test; dropping it kills its process.
#[derive(Debug)]
pub(super) struct Node {
    post: Post,
    keeper: Keeper,
    /// How many processes it has had before.
    life: u64,
    /// What all former processes left, when the last of them has.
    former: Option<JoinHandle<Remains>>,
}

impl Node {
    /// Starts a process.
    pub(super) fn start(
        command: &Command,
        number: usize,
        node: &str,
        events: &mpsc::Sender<Event>,
        kept: &Kept,
    ) -> Result<Node> {
        let post = Post::new(command, number, node, events, kept)?;
        let keeper = Keeper::new(post.fill()?, &post, 0);
        Ok(Node { post, keeper, life: 0, former: None })
    }

    /// Hands it a line.
    pub(super) fn deliver(&self, line: String) {
        self.keeper.deliver(line);
    }

    /// Stops it from running.
    pub(super) fn pause(&self) {
        self.keeper.group().pause();
    }

    /// Lets it run again.
    pub(super) fn resume(&self) {
        self.keeper.group().resume();
    }

    /// Its processes.
    pub(super) fn group(&self) -> &Group {
        self.keeper.group()
    }

    /// Starts another process in place of the one that was killed.
    pub(super) async fn restart(&mut self) -> Result<()> {
        if !self.is_gone().await {
            bail!("node {} cannot be started again: its process is still there", self.post.node);
        }
        self.life += 1;
        let next = Keeper::new(self.post.fill()?, &self.post, self.life);
        let last = std::mem::replace(&mut self.keeper, next).stop();
        let former = self.former.take();
        self.former = Some(tokio::spawn(with_former(last, former)));
        Ok(())
    }

    /// Tells it to end now; the future is ready when it has.
    pub(super) fn stop(self) -> impl Future<Output = Remains> {
        let remains = with_former(self.keeper.stop(), self.former);
        async move { timeout(GONE_WITHIN, remains).await.unwrap_or_default() }
    }

    /// Waits until its process is gone; tells whether it is.
    pub(super) async fn is_gone(&self) -> bool {
        timeout(GONE_WITHIN, self.keeper.group().pulse().gone()).await.is_ok()
    }
}

async fn with_former(
    last: impl Future<Output = Remains>,
    former: Option<JoinHandle<Remains>>,
) -> Remains {
    let remains = last.await;
    match former {
        Some(former) => remains.after(former.await.unwrap_or_default()),
        None => remains,
    }
}
