//! Waiting for several things at once.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;

/// Runs futures side by side until each has ended, and gives what came of them, in their order.
///
/// They are polled in turn, whichever was woken: meant for as many as there are nodes or keys in a
/// request, not for thousands.
///
/// ```
/// # use glomers::{KeyValue, Node, RpcError};
/// async fn read_all(node: &Node, keys: &[&str]) -> Result<Vec<Option<i64>>, RpcError> {
///     let store = &KeyValue::lin(node);
///     glomers::join_all(keys.iter().map(|key| store.read(key))).await.into_iter().collect()
/// }
/// ```
pub async fn join_all<F: Future>(futures: impl IntoIterator<Item = F>) -> Vec<F::Output> {
    let pending = |future| Branch::Pending(Box::pin(future));
    let mut branches: Vec<Branch<F>> = futures.into_iter().map(pending).collect();
    poll_fn(|context| {
        let mut all_ended = true;
        for branch in &mut branches {
            if let Branch::Pending(future) = branch {
                match future.as_mut().poll(context) {
                    Poll::Ready(output) => *branch = Branch::Ended(output),
                    Poll::Pending => all_ended = false,
                }
            }
        }
        if all_ended { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    let outputs = branches.into_iter().filter_map(|branch| match branch {
        Branch::Ended(output) => Some(output),
        Branch::Pending(_) => None,
    });
    outputs.collect()
}

enum Branch<F: Future> {
    Pending(Pin<Box<F>>),
    Ended(F::Output),
}

#[cfg(test)]
mod tests {
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
}
