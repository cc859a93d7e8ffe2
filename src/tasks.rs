//! The tasks of a node: what goes on inside its future beside reading and writing.
//!
//! A task is polled when it has been woken, in the order of waking, and nowhere but inside
//! [`Tasks::run`] and [`Tasks::begin`]. So whatever belongs to a node is one future; a panic in a
//! task is a panic of the node; and when the tasks have had their turns, all that they have said
//! can be written at once.
//!
//! tokio's `LocalSet` would do all of that but the last, at several times the cost of a message.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

/// How many places are kept when no task is left. More saves allocations after a burst, less saves
/// memory.
const KEEP: usize = 1024;

/// Something that goes on inside a node.
pub(crate) type Task = Pin<Box<dyn Future<Output = ()>>>;

/// Tasks that have begun and not ended.
///
/// There is no limit to them: each request in flight is one, and whoever sent it decides how many
/// there are; the others are the program's own.
pub(crate) struct Tasks {
    slots: Vec<Slot>,
    free: Vec<usize>,
    requests: usize,
    alarm: Arc<Alarm>,
    newcomers: Rc<Newcomers>,
}

/// A place for a task. It outlives the task, and so does its waker: who wakes a task that has ended
/// costs the next one in its place a poll in vain.
struct Slot {
    task: Option<(Kind, Task)>,
    bell: Arc<Bell>,
    waker: Waker,
}

/// Why a task is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// To answer a request.
    Request,
    /// Because the program spawned it.
    Background,
}

/// Tasks that were spawned and have not begun. They do so when whoever spawned them waits.
pub(crate) struct Newcomers {
    tasks: RefCell<VecDeque<Task>>,
    alarm: Arc<Alarm>,
    closed: Cell<bool>,
}

/// Wakes the node, and remembers which tasks to poll then.
#[derive(Debug, Default)]
pub(crate) struct Alarm {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    woken: VecDeque<usize>,
    /// The node's own waker, while it sleeps.
    sleeper: Option<Waker>,
}

/// What a task's waker rings.
struct Bell {
    slot: usize,
    /// Whether the slot is among the woken ones already.
    rung: AtomicBool,
    alarm: Arc<Alarm>,
}

impl Tasks {
    pub(crate) fn new(newcomers: Rc<Newcomers>) -> Self {
        let alarm = Arc::clone(&newcomers.alarm);
        Tasks { slots: Vec::new(), free: Vec::new(), requests: 0, alarm, newcomers }
    }

    /// How many requests are in flight.
    pub(crate) fn requests(&self) -> usize {
        self.requests
    }

    /// Runs a task up to its first wait, at once, and then the tasks that it has spawned.
    pub(crate) fn begin(&mut self, kind: Kind, task: Task) {
        self.begin_alone(kind, task);
        self.begin_newcomers();
    }

    /// Polls each task that has been woken, and begins those that were spawned.
    pub(crate) fn run(&mut self) {
        self.begin_newcomers();
        // Those that are woken meanwhile have their turn next time: the node must read and write,
        // too, and let others live.
        let turns = self.alarm.state().woken.len();
        for _ in 0..turns {
            let Some(number) = self.alarm.state().woken.pop_front() else { break };
            let Some(slot) = self.slots.get_mut(number) else { continue };
            slot.bell.rung.swap(false, Ordering::AcqRel);
            if let Some((kind, task)) = slot.task.take() {
                self.poll(number, kind, task);
                self.begin_newcomers();
            }
        }
    }

    /// Waits until there is something to [`run`](Tasks::run), or the alarm rings for another
    /// reason.
    pub(crate) async fn woken(&self) {
        let _asleep = Asleep(&self.alarm);
        let mut has_slept = false;
        poll_fn(|cx| {
            let mut state = self.alarm.state();
            let is_awake = has_slept && state.sleeper.is_none();
            if is_awake || !state.woken.is_empty() || !self.newcomers.is_empty() {
                return Poll::Ready(());
            }
            state.sleeper = Some(cx.waker().clone());
            has_slept = true;
            Poll::Pending
        })
        .await;
    }

    fn begin_newcomers(&mut self) {
        while let Some(task) = self.newcomers.next() {
            self.begin_alone(Kind::Background, task);
        }
    }

    fn begin_alone(&mut self, kind: Kind, task: Task) {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot::new(self.slots.len(), &self.alarm));
            self.slots.len() - 1
        });
        self.requests += usize::from(kind == Kind::Request);
        self.poll(slot, kind, task);
    }

    fn poll(&mut self, number: usize, kind: Kind, mut task: Task) {
        let slot = &mut self.slots[number];
        if task.as_mut().poll(&mut Context::from_waker(&slot.waker)).is_pending() {
            slot.task = Some((kind, task));
        } else {
            self.requests -= usize::from(kind == Kind::Request);
            self.free.push(number);
            if self.free.len() == self.slots.len() && self.slots.len() > KEEP {
                self.slots = Vec::new();
                self.free = Vec::new();
            }
        }
    }
}

impl Drop for Tasks {
    fn drop(&mut self) {
        // Tasks hold on to the node, and the node to its newcomers: without this they would keep
        // each other forever.
        self.newcomers.closed.set(true);
        while self.newcomers.next().is_some() {}
    }
}

impl Slot {
    fn new(number: usize, alarm: &Arc<Alarm>) -> Self {
        let (rung, alarm) = (AtomicBool::new(false), Arc::clone(alarm));
        let bell = Arc::new(Bell { slot: number, rung, alarm });
        Slot { task: None, waker: Waker::from(Arc::clone(&bell)), bell }
    }
}

impl Newcomers {
    pub(crate) fn new(alarm: Arc<Alarm>) -> Self {
        Newcomers { tasks: RefCell::default(), alarm, closed: Cell::new(false) }
    }

    /// Adds a task; drops it if the node is about to end.
    pub(crate) fn push(&self, task: Task) {
        if !self.closed.get() {
            self.tasks.borrow_mut().push_back(task);
            self.alarm.ring();
        }
    }

    fn next(&self) -> Option<Task> {
        self.tasks.borrow_mut().pop_front()
    }

    fn is_empty(&self) -> bool {
        self.tasks.borrow().is_empty()
    }
}

impl Alarm {
    /// Wakes the node if it sleeps.
    pub(crate) fn ring(&self) {
        let sleeper = self.state().sleeper.take();
        if let Some(sleeper) = sleeper {
            sleeper.wake();
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// While this lives, the node may be asleep.
struct Asleep<'a>(&'a Alarm);

impl Drop for Asleep<'_> {
    fn drop(&mut self) {
        self.0.state().sleeper = None;
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.rung.swap(true, Ordering::AcqRel) {
            self.alarm.state().woken.push_back(self.slot);
            self.alarm.ring();
        }
    }
}
