//! Queue of woken tasks: the node waits as one future, and finds here which tasks to poll.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Wake, Waker};

/// Queue capacity kept after a burst of wake-ups. A larger capacity saves allocations; a smaller
/// one saves memory.
const RETAINED_CAPACITY: usize = 1024;

/// The woken tasks, and the waker of the node that waits for them.
#[derive(Debug, Default)]
pub(crate) struct WakeQueue {
    state: Mutex<WakeState>,
}

#[derive(Debug, Default)]
struct WakeState {
    /// The ids of the tasks, in the order of waking.
    woken: VecDeque<u64>,
    /// The node's waker, while it waits.
    node_waker: Option<Waker>,
}

impl WakeQueue {
    /// Wakes the node if it waits.
    pub(crate) fn notify(&self) {
        let node_waker = self.state().node_waker.take();
        if let Some(sleeper) = node_waker {
            sleeper.wake();
        }
    }

    /// The number of woken tasks.
    pub(super) fn len(&self) -> usize {
        self.state().woken.len()
    }

    /// Removes the task that was woken first.
    pub(super) fn pop(&self) -> Option<u64> {
        let mut state = self.state();
        let next = state.woken.pop_front();
        if state.woken.is_empty() {
            state.woken.shrink_to(RETAINED_CAPACITY);
        }
        next
    }

    /// Waits until a task is woken, or for the next [`notify`](WakeQueue::notify).
    pub(super) async fn wait(&self) {
        let _guard = WaitGuard(self);
        let mut has_waited = false;
        poll_fn(|cx| {
            let waker = cx.waker().clone();
            let mut state = self.state();
            let was_woken = has_waited && state.node_waker.is_none();
            if was_woken || !state.woken.is_empty() {
                return Poll::Ready(());
            }
            let before = state.node_waker.replace(waker);
            drop(state);
            // Dropping a foreign waker runs foreign code, which may call `notify`.
            drop(before);
            has_waited = true;
            Poll::Pending
        })
        .await;
    }

    fn state(&self) -> MutexGuard<'_, WakeState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Guard of a waiting node, which removes the node's waker on drop.
struct WaitGuard<'a>(&'a WakeQueue);

impl Drop for WaitGuard<'_> {
    fn drop(&mut self) {
        let node_waker = self.0.state().node_waker.take();
        drop(node_waker);
    }
}

/// The wake-up state of one task, behind its [`Waker`].
#[derive(Debug)]
pub(super) struct TaskWaker {
    task_id: u64,
    /// True if the task is in the queue.
    is_queued: AtomicBool,
    wake_queue: Arc<WakeQueue>,
}

impl TaskWaker {
    pub(super) fn new(task_id: u64, wake_queue: &Arc<WakeQueue>) -> Self {
        TaskWaker { task_id, is_queued: AtomicBool::new(false), wake_queue: Arc::clone(wake_queue) }
    }

    /// The task's id.
    pub(super) fn task_id(&self) -> u64 {
        self.task_id
    }

    /// Lets the next wake-up enqueue the task again. The poll that follows sees everything that
    /// happened before the last wake-up.
    pub(super) fn clear_queued(&self) {
        // A swap, because a plain store does not acquire what the waking thread has released.
        self.is_queued.swap(false, Ordering::AcqRel);
    }
}

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.is_queued.swap(true, Ordering::AcqRel) {
            self.wake_queue.state().woken.push_back(self.task_id);
            self.wake_queue.notify();
        }
    }
}
