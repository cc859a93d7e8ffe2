//! Run state of a process, and waiting for it to change.
//!
//! A task that judges a node by time asks its [`RunStateReceiver`] for that time: a paused node can
//! do nothing, and a killed one is not to blame.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time;

/// Requested state of a process, and whether it was reaped.
#[derive(Debug, Clone, Copy)]
pub(super) struct RunState {
    pub(super) requested: RequestedState,
    pub(super) is_reaped: bool,
}

/// State that was requested last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RequestedState {
    Running,
    Paused,
    Killed,
}

/// Receiver of a process's run state.
#[derive(Debug, Clone)]
pub(super) struct RunStateReceiver(watch::Receiver<RunState>);

impl RunState {
    /// State of a new process.
    pub(super) const RUNNING: RunState =
        RunState { requested: RequestedState::Running, is_reaped: false };
}

impl RunStateReceiver {
    pub(super) fn of(state: &watch::Sender<RunState>) -> RunStateReceiver {
        RunStateReceiver(state.subscribe())
    }

    /// True if the process was reaped.
    pub(super) fn is_reaped(&self) -> bool {
        self.0.borrow().is_reaped
    }

    /// Waits until the process is reaped.
    pub(super) async fn reaped(&mut self) {
        // Or until the sender is dropped.
        let _ = self.0.wait_for(|state| state.is_reaped).await;
    }

    /// Waits until a kill is requested.
    pub(super) async fn killed(&mut self) {
        // Or until the sender is dropped.
        let _ = self.0.wait_for(|state| state.requested == RequestedState::Killed).await;
    }

    /// Waits until the node has run for `time` without a pause; forever if it is killed or reaped.
    pub(super) async fn has_run_for(&mut self, time: Duration) {
        loop {
            let RunState { requested, is_reaped } = *self.0.borrow_and_update();
            let is_running = requested == RequestedState::Running && !is_reaped;
            tokio::select! {
                biased;
                changed = self.0.changed() => {
                    if changed.is_err() {
                        return std::future::pending().await;
                    }
                }
                () = time::sleep(time), if is_running => return,
            }
        }
    }
}

#[cfg(test)]
pub(super) mod testing {
    use super::*;

    /// Run state without a process, set by tests.
    pub(crate) struct FakeRunState(watch::Sender<RunState>);

    impl FakeRunState {
        pub(crate) fn running() -> (FakeRunState, RunStateReceiver) {
            let (sender, receiver) = watch::channel(RunState::RUNNING);
            (FakeRunState(sender), RunStateReceiver(receiver))
        }

        pub(crate) fn pause(&self) {
            self.0.send_modify(|state| state.requested = RequestedState::Paused);
        }

        pub(crate) fn resume(&self) {
            self.0.send_modify(|state| state.requested = RequestedState::Running);
        }

        pub(crate) fn kill(&self) {
            self.0.send_modify(|state| state.requested = RequestedState::Killed);
        }

        pub(crate) fn reap(&self) {
            self.0.send_modify(|state| state.is_reaped = true);
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::testing::FakeRunState;
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn paused_time_does_not_count() {
        let (node, mut run_state) = FakeRunState::running();
        let start = Instant::now();
        let waiter = async { run_state.has_run_for(Duration::from_secs(5)).await };
        let nemesis = async {
            time::sleep(Duration::from_secs(4)).await;
            node.pause();
            time::sleep(Duration::from_secs(60)).await;
            node.resume();
        };
        tokio::join!(waiter, nemesis);
        assert_eq!(start.elapsed(), Duration::from_secs(4 + 60 + 5));
    }

    #[tokio::test(start_paused = true)]
    async fn a_killed_or_reaped_node_is_not_judged() {
        for end in [FakeRunState::kill, FakeRunState::reap] {
            let (node, mut run_state) = FakeRunState::running();
            end(&node);
            let wait = run_state.has_run_for(Duration::from_secs(1));
            assert!(time::timeout(Duration::from_secs(60), wait).await.is_err());
        }
    }
}
