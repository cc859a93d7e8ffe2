//! Process group of a node.
//!
//! A [`ProcessGroup`] turns requests into signals until its leader is reaped. After that the system
//! may give the process id to an unrelated process, so no signal is sent. Tasks observe the state
//! through a [`RunStateReceiver`].

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::Child;
use tokio::sync::watch;

use super::procfs;
use super::run_state::{RequestedState, RunState, RunStateReceiver};

/// Ids of the processes that supervisors reap. Nobody else may reap them.
#[derive(Debug, Clone, Default)]
pub struct SupervisedPids(Arc<Mutex<BTreeSet<i32>>>);

/// Processes of a node, except those that left its process group.
#[derive(Debug)]
pub(super) struct ProcessGroup {
    leader: Pid,
    run_state: watch::Sender<RunState>,
    supervised: SupervisedPids,
}

/// Guard that kills the group when dropped.
#[derive(Debug)]
pub(super) struct KillOnDrop(pub(super) Arc<ProcessGroup>);

impl SupervisedPids {
    /// True if a supervisor reaps the process with this id.
    pub(super) fn contains(&self, id: i32) -> bool {
        self.ids().contains(&id)
    }

    fn ids(&self) -> MutexGuard<'_, BTreeSet<i32>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Kills groups and all descendants of their leaders, including those that left the group.
///
/// All groups share one scan of `/proc`, which is long when there are many nodes.
pub(super) fn kill_trees<'a>(groups: impl Iterator<Item = &'a ProcessGroup> + Clone) {
    let running: Vec<&ProcessGroup> =
        groups.clone().filter(|group| !group.run_state().is_reaped()).collect();
    for group in &running {
        group.signal(Signal::STOP);
    }
    let leaders = running.iter().map(|group| group.leader.as_raw_nonzero().get());
    let descendants = procfs::stop_descendants(leaders.collect());
    groups.for_each(ProcessGroup::kill);
    for id in descendants {
        procfs::signal(id, Signal::KILL);
    }
}

impl ProcessGroup {
    /// Group led by a process that was just spawned.
    pub(super) fn led_by(child: &Child, supervised: &SupervisedPids) -> Option<ProcessGroup> {
        let id = i32::try_from(child.id()?).ok()?;
        supervised.ids().insert(id);
        let run_state = watch::Sender::new(RunState::RUNNING);
        Some(ProcessGroup { leader: Pid::from_raw(id)?, run_state, supervised: supervised.clone() })
    }

    /// Subscribes to changes of the run state.
    pub(super) fn run_state(&self) -> RunStateReceiver {
        RunStateReceiver::of(&self.run_state)
    }

    /// Pauses the group with SIGSTOP.
    pub(super) fn pause(&self) {
        self.request(RequestedState::Running, RequestedState::Paused, Signal::STOP);
    }

    /// Resumes the group with SIGCONT.
    pub(super) fn resume(&self) {
        self.request(RequestedState::Paused, RequestedState::Running, Signal::CONT);
    }

    /// Kills the group with SIGKILL.
    pub(super) fn kill(&self) {
        self.run_state.send_if_modified(|state| {
            if !state.is_reaped {
                self.signal(Signal::KILL);
            }
            // Recorded even after the leader exited: its exit is then not reported as a failure.
            let is_new = state.requested != RequestedState::Killed;
            state.requested = RequestedState::Killed;
            is_new
        });
    }

    /// Records that the leader was reaped, and kills the rest of its group.
    pub(super) fn mark_reaped(&self) {
        self.run_state.send_if_modified(|state| {
            let is_new = !state.is_reaped;
            if is_new {
                self.signal(Signal::KILL);
                self.supervised.ids().remove(&self.leader.as_raw_nonzero().get());
                state.is_reaped = true;
            }
            is_new
        });
    }

    fn request(&self, from: RequestedState, to: RequestedState, signal: Signal) {
        self.run_state.send_if_modified(|state| {
            let is_due = state.requested == from && !state.is_reaped;
            if is_due {
                self.signal(signal);
                state.requested = to;
            }
            is_due
        });
    }

    fn signal(&self, signal: Signal) {
        // The only error is an empty group, which needs no signal.
        let _ = kill_process_group(self.leader, signal);
    }
}

impl Drop for KillOnDrop {
    fn drop(&mut self) {
        self.0.kill();
    }
}
