//! The process group of a node.
//!
//! A [`Group`] takes orders, which become signals; it takes none when its leader is gone, whose id
//! may then be somebody else's. Who judges the node feels its [`Pulse`].

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::Child;
use tokio::sync::watch;

use super::pulse::{Order, Pulse, State};
use super::table;

/// The ids of the processes that keepers wait for, and nobody else may.
#[derive(Debug, Clone, Default)]
pub struct Kept(Arc<Mutex<BTreeSet<i32>>>);

/// A node's processes, unless they have left its group.
#[derive(Debug)]
pub(super) struct Group {
    leader: Pid,
    state: watch::Sender<State>,
    kept: Kept,
}

/// Kills a group when it is dropped.
#[derive(Debug)]
pub(super) struct Leash(pub(super) Arc<Group>);

impl Kept {
    /// Whether this process is one of them.
    pub(super) fn contains(&self, id: i32) -> bool {
        self.ids().contains(&id)
    }

    fn ids(&self) -> MutexGuard<'_, BTreeSet<i32>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Kills groups, and what has left them and is still found below their leaders.
///
/// All at once, because the system's table is long where there are many nodes.
pub(super) fn uproot<'a>(groups: impl Iterator<Item = &'a Group> + Clone) {
    let there: Vec<&Group> = groups.clone().filter(|group| !group.pulse().is_gone()).collect();
    for group in &there {
        group.signal(Signal::STOP);
    }
    let leaders = there.iter().map(|group| group.leader.as_raw_nonzero().get());
    let below = table::freeze_below(leaders.collect());
    groups.for_each(Group::kill);
    for id in below {
        table::signal(id, Signal::KILL);
    }
}

impl Group {
    /// The group of a process that was just started as its leader.
    pub(super) fn led_by(child: &Child, kept: &Kept) -> Option<Group> {
        let id = i32::try_from(child.id()?).ok()?;
        kept.ids().insert(id);
        let state = watch::Sender::new(State::RUNNING);
        Some(Group { leader: Pid::from_raw(id)?, state, kept: kept.clone() })
    }

    /// Tells from now on whether it runs.
    pub(super) fn pulse(&self) -> Pulse {
        Pulse::of(&self.state)
    }

    /// Stops it from running.
    pub(super) fn pause(&self) {
        self.order(Order::Run, Order::Pause, Signal::STOP);
    }

    /// Lets it run again.
    pub(super) fn resume(&self) {
        self.order(Order::Pause, Order::Run, Signal::CONT);
    }

    /// Kills it.
    pub(super) fn kill(&self) {
        self.state.send_if_modified(|state| {
            if !state.is_gone {
                self.signal(Signal::KILL);
            }
            // Also of one that is gone, whose end is then nobody's business any more.
            let is_new = state.order != Order::Die;
            state.order = Order::Die;
            is_new
        });
    }

    /// Notes that its leader is gone, which takes with it whom it leaves behind.
    pub(super) fn bury(&self) {
        self.state.send_if_modified(|state| {
            let is_new = !state.is_gone;
            if is_new {
                self.signal(Signal::KILL);
                self.kept.ids().remove(&self.leader.as_raw_nonzero().get());
                state.is_gone = true;
            }
            is_new
        });
    }

    fn order(&self, from: Order, to: Order, signal: Signal) {
        self.state.send_if_modified(|state| {
            let is_due = state.order == from && !state.is_gone;
            if is_due {
                self.signal(signal);
                state.order = to;
            }
            is_due
        });
    }

    fn signal(&self, signal: Signal) {
        // An empty group takes none, and needs none.
        let _ = kill_process_group(self.leader, signal);
    }
}

impl Drop for Leash {
    fn drop(&mut self) {
        self.0.kill();
    }
}
