//! [`join_all`], which awaits several futures concurrently.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

/// Runs futures concurrently until all are complete, and returns their outputs in order.
///
/// A future is polled only when it was itself woken, so a thousand of them do not cost a million
/// polls.
///
/// ```
/// # use glomers::{KeyValue, Node, RpcError};
/// async fn read_all(node: &Node, keys: &[&str]) -> Result<Vec<Option<i64>>, RpcError> {
///     let store = &KeyValue::lin(node);
///     glomers::join_all(keys.iter().map(|key| store.read(key))).await.into_iter().collect()
/// }
/// ```
pub async fn join_all<F: Future>(futures: impl IntoIterator<Item = F>) -> Vec<F::Output> {
    let ready_queue = Arc::<ReadyQueue>::default();
    let branch = |(index, future)| {
        let waker =
            Waker::from(Arc::new(BranchWaker { index, ready_queue: Arc::clone(&ready_queue) }));
        Branch::Pending(Box::pin(future), waker)
    };
    let mut branches: Vec<Branch<F>> = futures.into_iter().enumerate().map(branch).collect();
    let mut pending = branches.len();
    ready_queue.state().indices.extend(0..pending);
    poll_fn(|context| {
        // A future that is woken meanwhile wakes the parent task, and is polled the next time.
        for index in ready_queue.take(context.waker()) {
            if let Branch::Pending(future, waker) = &mut branches[index]
                && let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(waker))
            {
                branches[index] = Branch::Complete(output);
                pending -= 1;
            }
        }
        if pending == 0 { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    let outputs = branches.into_iter().filter_map(|branch| match branch {
        Branch::Complete(output) => Some(output),
        Branch::Pending(..) => None,
    });
    outputs.collect()
}

/// One of the futures, with its own waker while it is pending.
enum Branch<F: Future> {
    Pending(Pin<Box<F>>, Waker),
    Complete(F::Output),
}

/// The branches that were woken, and the waker of the parent task.
#[derive(Default)]
struct ReadyQueue(Mutex<ReadyState>);

#[derive(Default)]
struct ReadyState {
    indices: Vec<usize>,
    parent: Option<Waker>,
}

impl ReadyQueue {
    /// Takes the indices of the woken branches in order, and registers the parent's waker.
    fn take(&self, parent: &Waker) -> Vec<usize> {
        let mut state = self.state();
        state.parent = Some(parent.clone());
        let mut indices = std::mem::take(&mut state.indices);
        indices.sort_unstable();
        indices.dedup();
        indices
    }

    fn state(&self) -> MutexGuard<'_, ReadyState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct BranchWaker {
    index: usize,
    ready_queue: Arc<ReadyQueue>,
}

impl Wake for BranchWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let mut state = self.ready_queue.state();
        state.indices.push(self.index);
        let parent = state.parent.take();
        drop(state);
        if let Some(waiting) = parent {
            waiting.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::pin::pin;
    use std::time::Duration;

    use tokio::time::{Instant, sleep};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn outputs_are_in_order_after_the_time_of_the_longest_future() {
        let start = Instant::now();
        let slow = [30, 10, 20].map(|millis| async move {
            sleep(Duration::from_millis(millis)).await;
            millis
        });
        assert_eq!(join_all(slow).await, [30, 10, 20]);
        assert_eq!(start.elapsed(), Duration::from_millis(30));
    }

    #[tokio::test]
    async fn an_empty_list_completes_at_once() {
        assert_eq!(join_all(Vec::<std::future::Ready<u64>>::new()).await, [0_u64; 0]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_future_is_polled_only_when_it_was_woken_itself() {
        let polls = &Cell::new(0);
        let counted = async |millis| {
            let mut slow = pin!(sleep(Duration::from_millis(millis)));
            poll_fn(|context| {
                polls.set(polls.get() + 1);
                slow.as_mut().poll(context)
            })
            .await;
            millis
        };
        let all: Vec<u64> = (0..1000).collect();
        assert_eq!(join_all((0..1000).map(counted)).await, all);
        assert!(polls.get() <= 2000, "{} polls", polls.get());
    }

    #[tokio::test]
    async fn futures_that_wake_themselves_and_each_other_all_complete() {
        let yielding = async |times| {
            for _ in 0..times {
                tokio::task::yield_now().await;
            }
        };
        assert_eq!(join_all((0..300).map(yielding)).await.len(), 300);
        let (sender, receiver) = tokio::sync::oneshot::channel();
        let send: Pin<Box<dyn Future<Output = bool>>> = Box::pin(async { sender.send(()).is_ok() });
        let receive = Box::pin(async { receiver.await.is_ok() });
        assert_eq!(join_all([receive, send]).await, [true, true]);
    }
}
