//! The future that a node is, in the hands of whoever may pause or kill it.
//!
//! A paused node is not polled. Its timers go on, and are due when it is polled again, as they are
//! in a process that was stopped. A killed node is dropped at once, wherever it was.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

/// What a node does from its start to its end.
pub(super) type Life = Pin<Box<dyn Future<Output = anyhow::Result<()>>>>;

/// A node's future; none when it is dead.
#[derive(Default)]
pub(super) struct Body {
    life: RefCell<Option<Life>>,
    is_paused: Cell<bool>,
    /// Who wanted to poll it while it could not be.
    waker: Cell<Option<Waker>>,
}

impl Body {
    pub(super) fn new(life: Life) -> Rc<Body> {
        Rc::new(Body { life: RefCell::new(Some(life)), ..Body::default() })
    }

    /// Lives, and tells how it ended, in words that follow "it"; nothing if it was killed.
    pub(super) fn ending(self: &Rc<Body>) -> impl Future<Output = Option<String>> + use<> {
        let body = Rc::clone(self);
        poll_fn(move |cx| body.poll(cx))
    }

    /// Ends it, as by a power failure.
    pub(super) fn kill(&self) {
        let life = self.life.borrow_mut().take();
        drop(life);
        // Whoever waits for its end learns of it.
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
        let mut life = self.life.borrow_mut();
        let Some(living) = life.as_mut() else { return Poll::Ready(None) };
        if self.is_paused.get() {
            return Poll::Pending;
        }
        // Nothing of a node that has panicked is looked at again.
        let how = match catch_unwind(AssertUnwindSafe(|| living.as_mut().poll(cx))) {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(Ok(()))) => "ended".to_owned(),
            Ok(Poll::Ready(Err(error))) => format!("failed: {error:#}"),
            Err(panic) => format!("panicked: {}", message(&*panic)),
        };
        *life = None;
        Poll::Ready(Some(how))
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

    /// A body that ends after a second, and the time at which its ending was told.
    fn one_second() -> (Rc<Body>, impl Future<Output = (Option<String>, Duration)>) {
        let start = Instant::now();
        let body = Body::new(Box::pin(async {
            time::sleep(SECOND).await;
            Ok(())
        }));
        let ending = body.ending();
        (body, async move { (ending.await, start.elapsed()) })
    }

    #[tokio::test(start_paused = true)]
    async fn a_paused_body_goes_on_when_it_is_resumed() {
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
    async fn a_killed_body_is_dropped_at_once_and_tells_nothing() {
        for is_paused in [false, true] {
            let (body, ending) = one_second();
            let kill = async {
                if is_paused {
                    body.pause();
                }
                time::sleep(SECOND / 2).await;
                body.kill();
                assert!(body.life.borrow().is_none());
            };
            let ((how, when), ()) = tokio::join!(ending, kill);
            assert_eq!((how, when), (None, SECOND / 2));
        }
    }

    #[tokio::test]
    async fn errors_and_panics_are_told() {
        let failing = Body::new(Box::pin(async { anyhow::bail!("no more") })).ending();
        assert_eq!(failing.await.as_deref(), Some("failed: no more"));
        let panicking = Body::new(Box::pin(async { panic!("no more") })).ending();
        assert_eq!(panicking.await.as_deref(), Some("panicked: no more"));
    }
}
