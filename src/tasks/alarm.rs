//! What wakes a node: it sleeps as a whole, and is told for whom it was woken.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Wake, Waker};

/// How many wake-ups are kept room for. More saves allocations after a burst, less saves memory.
const KEEP: usize = 1024;

/// Wakes the node, and remembers which tasks to poll then.
#[derive(Debug, Default)]
pub(crate) struct Alarm {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// The numbers of the tasks, in the order of waking.
    woken: VecDeque<u64>,
    /// The node's own waker, while it sleeps.
    sleeper: Option<Waker>,
}

impl Alarm {
    /// Wakes the node if it sleeps.
    pub(crate) fn ring(&self) {
        let sleeper = self.state().sleeper.take();
        if let Some(sleeper) = sleeper {
            sleeper.wake();
        }
    }

    /// How many tasks have been woken.
    pub(super) fn woken(&self) -> usize {
        self.state().woken.len()
    }

    /// Takes the task that was woken first.
    pub(super) fn next(&self) -> Option<u64> {
        let mut state = self.state();
        let next = state.woken.pop_front();
        if state.woken.is_empty() {
            state.woken.shrink_to(KEEP);
        }
        next
    }

    /// Sleeps until a task is woken or the alarm rings for another reason.
    pub(super) async fn sleep(&self) {
        let _asleep = Asleep(self);
        let mut has_slept = false;
        poll_fn(|cx| {
            let waker = cx.waker().clone();
            let mut state = self.state();
            let was_woken = has_slept && state.sleeper.is_none();
            if was_woken || !state.woken.is_empty() {
                return Poll::Ready(());
            }
            let before = state.sleeper.replace(waker);
            drop(state);
            // Others' code, which may ring.
            drop(before);
            has_slept = true;
            Poll::Pending
        })
        .await;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// While this lives, the node may be asleep.
struct Asleep<'a>(&'a Alarm);

impl Drop for Asleep<'_> {
    fn drop(&mut self) {
        let sleeper = self.0.state().sleeper.take();
        drop(sleeper);
    }
}

/// What a task's waker rings.
#[derive(Debug)]
pub(super) struct Bell {
    number: u64,
    /// Whether the task is among the woken ones already.
    is_rung: AtomicBool,
    alarm: Arc<Alarm>,
}

impl Bell {
    pub(super) fn new(number: u64, alarm: &Arc<Alarm>) -> Self {
        Bell { number, is_rung: AtomicBool::new(false), alarm: Arc::clone(alarm) }
    }

    /// The number of the task.
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// Makes it ring anew from now on. The task will see whatever was done before the last ring.
    pub(super) fn reset(&self) {
        // A store would not acquire what the other thread has released.
        self.is_rung.swap(false, Ordering::AcqRel);
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.is_rung.swap(true, Ordering::AcqRel) {
            self.alarm.state().woken.push_back(self.number);
            self.alarm.ring();
        }
    }
}
