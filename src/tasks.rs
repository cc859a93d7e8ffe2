//! Executor of a node's tasks: the requests in flight and the background tasks.
//!
//! A task is polled when it starts, and then whenever it was woken, in the order of waking. That
//! happens only inside [`Tasks::start`] and [`Tasks::run_woken`]. So a node with all its tasks is
//! one future, a panic in a task is a panic of the node, and the output of all tasks is written at
//! once after they ran.
//!
//! tokio's `LocalSet` does all of that but the last, at several times the cost per message.

mod wake_queue;

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Waker};

use self::wake_queue::TaskWaker;
pub(crate) use self::wake_queue::WakeQueue;

/// The future of a request or of a background task.
pub(crate) type Task = Pin<Box<dyn Future<Output = ()>>>;

/// The tasks that have started and not ended.
///
/// Their number has no limit: the clients decide how many requests are in flight, and the program
/// how many background tasks there are.
pub(crate) struct Tasks {
    /// The tasks by their ids. Ordered, so that they are also dropped in a fixed order.
    waiting: BTreeMap<u64, WaitingTask>,
    /// The last id given to a task.
    last_id: u64,
    /// The waker of a task that ended at its first poll, for reuse by the next task. If a late
    /// wake-up of the former task reaches the next one, the cost is one needless poll.
    spare_slot: Option<WakerSlot>,
    /// Invariant: the number of requests in `waiting`.
    requests: usize,
    wake_queue: Arc<WakeQueue>,
    spawn_queue: Rc<SpawnQueue>,
}

/// A pending task.
struct WaitingTask {
    kind: TaskKind,
    task: Task,
    slot: WakerSlot,
}

/// A task's wake-up state and the waker made of it.
struct WakerSlot {
    task_waker: Arc<TaskWaker>,
    waker: Waker,
}

/// The origin of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TaskKind {
    /// A request in flight.
    Request,
    /// A task that the program spawned.
    Background,
}

/// The spawned tasks that have not started. They start when the spawning task is pending or done.
pub(crate) struct SpawnQueue {
    tasks: RefCell<VecDeque<Task>>,
    wake_queue: Arc<WakeQueue>,
    is_closed: Cell<bool>,
}

impl Tasks {
    pub(crate) fn new(spawn_queue: Rc<SpawnQueue>) -> Self {
        let wake_queue = Arc::clone(&spawn_queue.wake_queue);
        let waiting = BTreeMap::new();
        Tasks { waiting, last_id: 0, spare_slot: None, requests: 0, wake_queue, spawn_queue }
    }

    /// The number of requests in flight.
    pub(crate) fn requests_in_flight(&self) -> usize {
        self.requests
    }

    /// Polls a new task immediately, and then the tasks that it has spawned.
    pub(crate) fn start(&mut self, kind: TaskKind, task: Task) {
        self.start_one(kind, task);
        self.start_spawned();
    }

    /// Polls each task that was woken and starts the spawned ones, until `should_stop`. The others
    /// are polled by the next call.
    pub(crate) fn run_woken(&mut self, should_stop: impl Fn() -> bool) {
        self.start_spawned();
        // Tasks that are woken meanwhile wait for the next call: the node must also read and write,
        // and leave time to the rest of the program.
        for _ in 0..self.wake_queue.len() {
            // With no budget left, every tokio resource would report that it is not ready.
            if !tokio::task::coop::has_budget_remaining() || should_stop() {
                break;
            }
            let Some(task_id) = self.wake_queue.pop() else { break };
            self.poll_task(task_id);
            self.start_spawned();
        }
    }

    /// Waits until a task is woken or spawned, or the queue is notified for another reason.
    pub(crate) async fn wait_until_woken(&self) {
        if self.spawn_queue.is_empty() {
            self.wake_queue.wait().await;
        }
    }

    fn start_spawned(&mut self) {
        while let Some(task) = self.spawn_queue.pop() {
            self.start_one(TaskKind::Background, task);
        }
    }

    fn start_one(&mut self, kind: TaskKind, mut task: Task) {
        let slot = self.spare_slot.take().unwrap_or_else(|| {
            self.last_id += 1;
            WakerSlot::new(self.last_id, &self.wake_queue)
        });
        if task.as_mut().poll(&mut Context::from_waker(&slot.waker)).is_ready() {
            self.spare_slot = Some(slot);
        } else {
            self.requests += usize::from(kind == TaskKind::Request);
            self.waiting.insert(slot.task_waker.task_id(), WaitingTask { kind, task, slot });
        }
    }

    fn poll_task(&mut self, task_id: u64) {
        let spare = self.spare_slot.as_ref().filter(|call| call.task_waker.task_id() == task_id);
        if let Some(call) = spare {
            call.task_waker.clear_queued();
        }
        let Some(WaitingTask { kind, task, slot }) = self.waiting.get_mut(&task_id) else {
            return;
        };
        slot.task_waker.clear_queued();
        if task.as_mut().poll(&mut Context::from_waker(&slot.waker)).is_ready() {
            self.requests -= usize::from(*kind == TaskKind::Request);
            self.waiting.remove(&task_id);
        }
    }
}

impl Drop for Tasks {
    fn drop(&mut self) {
        // Breaks a reference cycle: a queued task holds the node, and the node holds the queue.
        self.spawn_queue.is_closed.set(true);
        while self.spawn_queue.pop().is_some() {}
    }
}

impl WakerSlot {
    fn new(task_id: u64, wake_queue: &Arc<WakeQueue>) -> Self {
        let task_waker = Arc::new(TaskWaker::new(task_id, wake_queue));
        WakerSlot { waker: Waker::from(Arc::clone(&task_waker)), task_waker }
    }
}

impl SpawnQueue {
    pub(crate) fn new(wake_queue: Arc<WakeQueue>) -> Self {
        SpawnQueue { tasks: RefCell::default(), wake_queue, is_closed: Cell::new(false) }
    }

    /// Adds a task, or drops it if the node is ending.
    pub(crate) fn push(&self, task: Task) {
        if !self.is_closed.get() {
            self.tasks.borrow_mut().push_back(task);
            self.wake_queue.notify();
        }
    }

    fn pop(&self) -> Option<Task> {
        self.tasks.borrow_mut().pop_front()
    }

    fn is_empty(&self) -> bool {
        self.tasks.borrow().is_empty()
    }
}
