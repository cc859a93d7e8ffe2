//! Whether a node runs, for those who wait for it.
//!
//! Whoever judges a node by time asks its [`Pulse`] for that time: a node that is paused can do
//! nothing, and one that was killed has nothing to answer for.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time;

/// What a node was told to do, and whether its process is gone.
#[derive(Debug, Clone, Copy)]
pub(super) struct State {
    pub(super) order: Order,
    pub(super) is_gone: bool,
}

/// What a node was told to do last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    Run,
    Pause,
    Die,
}

/// A node's state, to wait for.
#[derive(Debug, Clone)]
pub(super) struct Pulse(watch::Receiver<State>);

impl State {
    /// As a node begins.
    pub(super) const RUNNING: State = State { order: Order::Run, is_gone: false };
}

impl Pulse {
    pub(super) fn of(state: &watch::Sender<State>) -> Pulse {
        Pulse(state.subscribe())
    }

    /// Whether the process is gone.
    pub(super) fn is_gone(&self) -> bool {
        self.0.borrow().is_gone
    }

    /// Waits until the process is gone.
    pub(super) async fn gone(&mut self) {
        // Or nobody is left to tell.
        let _ = self.0.wait_for(|state| state.is_gone).await;
    }

    /// Waits until the node is killed.
    pub(super) async fn killed(&mut self) {
        // Or nobody is left to kill it.
        let _ = self.0.wait_for(|state| state.order == Order::Die).await;
    }

    /// Waits until the node has run for that long without a pause; forever, if it does no more.
    pub(super) async fn has_run_for(&mut self, time: Duration) {
        loop {
            let State { order, is_gone } = *self.0.borrow_and_update();
            tokio::select! {
                biased;
                changed = self.0.changed() => {
                    if changed.is_err() {
                        return std::future::pending().await;
                    }
                }
                () = time::sleep(time), if order == Order::Run && !is_gone => return,
            }
        }
    }
}

#[cfg(test)]
pub(super) mod testing {
    use super::*;

    /// The pulse of a node that has no process.
    pub(crate) struct Puppet(watch::Sender<State>);

    impl Puppet {
        pub(crate) fn running() -> (Puppet, Pulse) {
            let (sender, receiver) = watch::channel(State::RUNNING);
            (Puppet(sender), Pulse(receiver))
        }

        pub(crate) fn pause(&self) {
            self.0.send_modify(|state| state.order = Order::Pause);
        }

        pub(crate) fn resume(&self) {
            self.0.send_modify(|state| state.order = Order::Run);
        }

        pub(crate) fn kill(&self) {
            self.0.send_modify(|state| state.order = Order::Die);
        }

        pub(crate) fn bury(&self) {
            self.0.send_modify(|state| state.is_gone = true);
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::testing::Puppet;
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_pause_is_no_time_that_a_node_has_had() {
        let (node, mut pulse) = Puppet::running();
        let start = Instant::now();
        let judge = async { pulse.has_run_for(Duration::from_secs(5)).await };
        let nemesis = async {
            time::sleep(Duration::from_secs(4)).await;
            node.pause();
            time::sleep(Duration::from_secs(60)).await;
            node.resume();
        };
        tokio::join!(judge, nemesis);
        assert_eq!(start.elapsed(), Duration::from_secs(4 + 60 + 5));
    }

    #[tokio::test(start_paused = true)]
    async fn a_node_that_is_dead_is_not_judged() {
        for end in [Puppet::kill, Puppet::bury] {
            let (node, mut pulse) = Puppet::running();
            end(&node);
            let judged = pulse.has_run_for(Duration::from_secs(1));
            assert!(time::timeout(Duration::from_secs(60), judged).await.is_err());
        }
    }
}
