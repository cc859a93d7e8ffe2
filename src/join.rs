//! Waiting for several things at once.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

/// Runs futures side by side until each has ended, and gives what came of them, in their order.
///
/// Each is polled when it was woken itself, so that a thousand do not cost a million polls.
///
/// ```
/// # use glomers::{KeyValue, Node, RpcError};
/// async fn read_all(node: &Node, keys: &[&str]) -> Result<Vec<Option<i64>>, RpcError> {
///     let store = &KeyValue::lin(node);
///     glomers::join_all(keys.iter().map(|key| store.read(key))).await.into_iter().collect()
/// }
/// ```
pub async fn join_all<F: Future>(futures: impl IntoIterator<Item = F>) -> Vec<F::Output> {
    let woken = Arc::<Woken>::default();
    let branch = |(place, future)| {
        let waker = Waker::from(Arc::new(BranchWaker { place, woken: Arc::clone(&woken) }));
        Branch::Pending(Box::pin(future), waker)
    };
    let mut branches: Vec<Branch<F>> = futures.into_iter().enumerate().map(branch).collect();
    let mut pending = branches.len();
    woken.state().places.extend(0..pending);
    poll_fn(|context| {
        // Those that are woken meanwhile wake whoever polls this, and have their turn then.
        for place in woken.take(context.waker()) {
            if let Branch::Pending(future, waker) = &mut branches[place]
                && let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(waker))
            {
                branches[place] = Branch::Ended(output);
                pending -= 1;
            }
        }
        if pending == 0 { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    let outputs = branches.into_iter().filter_map(|branch| match branch {
        Branch::Ended(output) => Some(output),
        Branch::Pending(..) => None,
    });
    outputs.collect()
}

enum Branch<F: Future> {
    Pending(Pin<Box<F>>, Waker),
    Ended(F::Output),
}

/// The branches that were woken, and whoever waits for all.
#[derive(Default)]
struct Woken(Mutex<State>);

#[derive(Default)]
struct State {
    places: Vec<usize>,
    waiting: Option<Waker>,
}

impl Woken {
    /// Takes the places of those that were woken, in order, and has this waker woken for the next.
    fn take(&self, waiting: &Waker) -> Vec<usize> {
        let mut state = self.state();
        state.waiting = Some(waiting.clone());
        let mut places = std::mem::take(&mut state.places);
        places.sort_unstable();
        places.dedup();
        places
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct BranchWaker {
    place: usize,
    woken: Arc<Woken>,
}

impl Wake for BranchWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let mut state = self.woken.state();
        state.places.push(self.place);
        let waiting = state.waiting.take();
        drop(state);
        if let Some(waiting) = waiting {
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
    async fn what_takes_as_long_as_the_longest_comes_in_order() {
        let start = Instant::now();
        let slow = [30, 10, 20].map(|millis| async move {
            sleep(Duration::from_millis(millis)).await;
            millis
        });
        assert_eq!(join_all(slow).await, [30, 10, 20]);
        assert_eq!(start.elapsed(), Duration::from_millis(30));
    }

    #[tokio::test]
    async fn nothing_is_waited_for_if_there_is_nothing() {
        assert_eq!(join_all(Vec::<std::future::Ready<u64>>::new()).await, [0_u64; 0]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_future_is_polled_when_it_was_woken_and_not_when_others_were() {
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
    async fn futures_that_wake_themselves_and_each_other_all_end() {
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
