//! The tasks of a node: what goes on inside its future beside reading and writing.
//!
//! A task is polled when it has been woken, in the order of waking, and nowhere but inside
//! [`Tasks::run`] and [`Tasks::begin`]. So whatever belongs to a node is one future; a panic in a
//! task is a panic of the node; and when the tasks have had their turns, all that they have said
//! can be written at once.
//!
//! tokio's `LocalSet` would do all of that but the last, at several times the cost of a message.

mod alarm;

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Waker};

pub(crate) use self::alarm::Alarm;
use self::alarm::Bell;

/// Something that goes on inside a node.
pub(crate) type Task = Pin<Box<dyn Future<Output = ()>>>;

/// Tasks that have begun and not ended.
///
/// There is no limit to them: each request in flight is one, and whoever sent it decides how many
/// there are; the others are the program's own.
pub(crate) struct Tasks {
    /// Those that wait, by their numbers. Ordered, so that they are dropped in order, too.
    waiting: BTreeMap<u64, Waiting>,
    numbers: u64,
    /// The call of a task that ended without waiting. The next one takes over its number: if it is
    /// woken in the other's place, that costs a poll in vain.
    spare: Option<Call>,
    requests: usize,
    alarm: Arc<Alarm>,
    newcomers: Rc<Newcomers>,
}

struct Waiting {
    kind: Kind,
    task: Task,
    call: Call,
}

/// By what a task is woken.
struct Call {
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
    is_closed: Cell<bool>,
}

impl Tasks {
    pub(crate) fn new(newcomers: Rc<Newcomers>) -> Self {
        let alarm = Arc::clone(&newcomers.alarm);
        let waiting = BTreeMap::new();
        Tasks { waiting, numbers: 0, spare: None, requests: 0, alarm, newcomers }
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

    /// Polls each task that has been woken, and begins those that were spawned, until they have
    /// said enough: the others have their turn next time.
    pub(crate) fn run(&mut self, is_enough: impl Fn() -> bool) {
        self.begin_newcomers();
        // Those that are woken meanwhile have their turn next time: the node must read and write,
        // too, and let others live.
        for _ in 0..self.alarm.woken() {
            // Without a budget, whatever a task waits for would say that it is not ready.
            if !tokio::task::coop::has_budget_remaining() || is_enough() {
                break;
            }
            let Some(number) = self.alarm.next() else { break };
            self.go_on(number);
            self.begin_newcomers();
        }
    }

    /// Waits until there is something to [`run`](Tasks::run), or the alarm rings for another
    /// reason.
    pub(crate) async fn woken(&self) {
        if self.newcomers.is_empty() {
            self.alarm.sleep().await;
        }
    }

    fn begin_newcomers(&mut self) {
        while let Some(task) = self.newcomers.next() {
            self.begin_alone(Kind::Background, task);
        }
    }

    fn begin_alone(&mut self, kind: Kind, mut task: Task) {
        let call = self.spare.take().unwrap_or_else(|| {
            self.numbers += 1;
            Call::new(self.numbers, &self.alarm)
        });
        if task.as_mut().poll(&mut Context::from_waker(&call.waker)).is_ready() {
            self.spare = Some(call);
        } else {
            self.requests += usize::from(kind == Kind::Request);
            self.waiting.insert(call.bell.number(), Waiting { kind, task, call });
        }
    }

    fn go_on(&mut self, number: u64) {
        let spare = self.spare.as_ref().filter(|call| call.bell.number() == number);
        if let Some(call) = spare {
            call.bell.reset();
        }
        let Some(Waiting { kind, task, call }) = self.waiting.get_mut(&number) else { return };
        call.bell.reset();
        if task.as_mut().poll(&mut Context::from_waker(&call.waker)).is_ready() {
            self.requests -= usize::from(*kind == Kind::Request);
            self.waiting.remove(&number);
        }
    }
}

impl Drop for Tasks {
    fn drop(&mut self) {
        // Tasks hold on to the node, and the node to its newcomers: without this they would keep
        // each other forever.
        self.newcomers.is_closed.set(true);
        while self.newcomers.next().is_some() {}
    }
}

impl Call {
    fn new(number: u64, alarm: &Arc<Alarm>) -> Self {
        let bell = Arc::new(Bell::new(number, alarm));
        Call { waker: Waker::from(Arc::clone(&bell)), bell }
    }
}

impl Newcomers {
    pub(crate) fn new(alarm: Arc<Alarm>) -> Self {
        Newcomers { tasks: RefCell::default(), alarm, is_closed: Cell::new(false) }
    }

    /// Adds a task; drops it if the node is about to end.
    pub(crate) fn push(&self, task: Task) {
        if !self.is_closed.get() {
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
