//! A node's future, which can be paused and killed from outside.
//!
//! A paused node is not polled. Its timers go on and expire when it is polled again, as in a
//! process that was stopped. A killed node is dropped at once, at whichever await it was.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

/// One incarnation of a node, from its start to its end.
pub(super) type NodeFuture = Pin<Box<dyn Future<Output = anyhow::Result<()>>>>;

/// A handle to a running, paused or dead node.
#[derive(Default)]
pub(super) struct NodeTask {
    /// The node's future; `None` when it is dead.
    future: RefCell<Option<NodeFuture>>,
    is_paused: Cell<bool>,
    /// The waker of the last poll, to be woken when the node is resumed or killed.
    waker: Cell<Option<Waker>>,
}

impl NodeTask {
    pub(super) fn new(future: NodeFuture) -> Rc<NodeTask> {
        Rc::new(NodeTask { future: RefCell::new(Some(future)), ..NodeTask::default() })
    }

    /// Runs the node to its end and returns the cause, as words that follow "it"; `None` if it was
    /// killed.
    pub(super) fn run(self: &Rc<NodeTask>) -> impl Future<Output = Option<String>> + use<> {
        let task = Rc::clone(self);
        poll_fn(move |cx| task.poll(cx))
    }

    /// Drops the node's future at once, even if it is paused.
    pub(super) fn kill(&self) {
        let future = self.future.borrow_mut().take();
        drop(future);
        // The task that waits for the end must see it.
        self.resume();
    }

    pub(super) fn pause(&self) {
        self.is_paused.set(true);
    }

    pub(super) fn resume(&self) {
        self.is_paused.set(false);
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    fn poll(&self, cx: &mut Context<'_>) -> Poll<Option<String>> {
        self.waker.set(Some(cx.waker().clone()));
        let mut slot = self.future.borrow_mut();
        let Some(future) = slot.as_mut() else { return Poll::Ready(None) };
        if self.is_paused.get() {
            return Poll::Pending;
        }
        // Unwind safe: a node that has panicked is never polled again.
        let cause = match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx))) {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(Ok(()))) => "ended".to_owned(),
            Ok(Poll::Ready(Err(error))) => format!("failed: {error:#}"),
            Err(panic) => format!("panicked: {}", message(&*panic)),
        };
        *slot = None;
        Poll::Ready(Some(cause))
    }
}

fn message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::{self, Instant};

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// A node that ends after a second, and a future of its end and the time of it.
    fn one_second() -> (Rc<NodeTask>, impl Future<Output = (Option<String>, Duration)>) {
        let start = Instant::now();
        let body = NodeTask::new(Box::pin(async {
            time::sleep(SECOND).await;
            Ok(())
        }));
        let ending = body.run();
        (body, async move { (ending.await, start.elapsed()) })
    }

    #[tokio::test(start_paused = true)]
    async fn a_paused_node_goes_on_when_it_is_resumed() {
        let (body, ending) = one_second();
        let resume = async {
            body.pause();
            time::sleep(5 * SECOND).await;
            body.resume();
        };
        let ((how, when), ()) = tokio::join!(ending, resume);
        assert_eq!((how.as_deref(), when), (Some("ended"), 5 * SECOND));
    }

    #[tokio::test(start_paused = true)]
    async fn a_killed_node_is_dropped_at_once_and_has_no_cause_of_its_end() {
        for is_paused in [false, true] {
            let (body, ending) = one_second();
            let kill = async {
                if is_paused {
                    body.pause();
                }
                time::sleep(SECOND / 2).await;
                body.kill();
                assert!(body.future.borrow().is_none());
            };
            let ((how, when), ()) = tokio::join!(ending, kill);
            assert_eq!((how, when), (None, SECOND / 2));
        }
    }

    #[tokio::test]
    async fn errors_and_panics_are_reported() {
        let failing = NodeTask::new(Box::pin(async { anyhow::bail!("no more") })).run();
        assert_eq!(failing.await.as_deref(), Some("failed: no more"));
        let panicking = NodeTask::new(Box::pin(async { panic!("no more") })).run();
        assert_eq!(panicking.await.as_deref(), Some("panicked: no more"));
    }
}
