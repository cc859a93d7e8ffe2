//! Live progress as server-sent events.
//!
//! One task polls the store for all listeners, and only while there are any. A finished test never
//! runs again, so it is polled only once, and a poll costs little more than listing the
//! directories.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::extract::State;
use axum::response::Sse;
use axum::response::sse::{Event, KeepAlive};
use eddy_pages::store::{RESULTS, SUMMARY, TestProgress};
use futures_core::Stream;
use serde::Serialize;
use tokio::sync::{mpsc, watch};
use tokio::time;

use crate::recorded_test;
use crate::server::AppState;
use crate::store_dir::{self, StoreDir, TestId};

/// Interval of polls: as often as tests write their progress.
const POLL_INTERVAL: Duration = Duration::from_millis(500);

/// Running tests and their progress.
type RunningTests = BTreeMap<TestId, TestProgress>;

/// Poller of running tests, to which listeners subscribe.
#[derive(Debug)]
pub(crate) struct ProgressPoller {
    /// `None` while nobody listens.
    running: watch::Sender<Option<RunningTests>>,
}

/// Tests that are known to have ended.
#[derive(Debug, Default)]
struct EndedTests(BTreeSet<TestId>);

/// Event for listeners. A test that is no longer listed has ended.
#[derive(Debug, Serialize)]
struct ProgressUpdate<'a> {
    running: Vec<RunningTest<'a>>,
}

#[derive(Debug, Serialize)]
struct RunningTest<'a> {
    run: &'a TestId,
    progress: &'a TestProgress,
}

/// Stream of the events in a channel.
struct EventStream(mpsc::Receiver<Event>);

/// Sends the running tests, now and at every change.
pub(crate) async fn stream(
    State(app): State<Arc<AppState>>,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let (sender, receiver) = mpsc::channel(1);
    let mut running = app.poller.running.subscribe();
    tokio::spawn(async move {
        loop {
            let now = running.borrow_and_update().clone();
            if let Some(now) = now {
                // Numbers and names are always valid JSON.
                let update = serde_json::to_string(&ProgressUpdate::of(&now)).unwrap_or_default();
                let event = Event::default().data(update);
                if sender.send(event).await.is_err() {
                    return;
                }
            }
            tokio::select! {
                changed = running.changed() => if changed.is_err() { return },
                // A listener that has left must not keep the poller busy.
                () = sender.closed() => return,
            }
        }
    });
    Sse::new(EventStream(receiver)).keep_alive(KeepAlive::default())
}

impl ProgressPoller {
    /// Starts polling whenever somebody listens.
    pub(crate) fn start(store_dir: StoreDir) -> ProgressPoller {
        let (sender, _) = watch::channel(None);
        let running = sender.clone();
        tokio::spawn(async move {
            let mut ended = EndedTests::default();
            let mut ticks = time::interval(POLL_INTERVAL);
            ticks.set_missed_tick_behavior(time::MissedTickBehavior::Delay);
            loop {
                ticks.tick().await;
                if sender.receiver_count() == 0 {
                    sender.send_replace(None);
                    continue;
                }
                let store_dir = store_dir.clone();
                let poll = tokio::task::spawn_blocking(move || (ended.poll(&store_dir), ended));
                let Ok((now, so_far)) = poll.await else { return };
                ended = so_far;
                sender.send_if_modified(|known| {
                    let is_changed = known.as_ref() != Some(&now);
                    *known = Some(now);
                    is_changed
                });
            }
        });
        ProgressPoller { running }
    }
}

impl EndedTests {
    /// Finds the running tests.
    fn poll(&mut self, store_dir: &StoreDir) -> RunningTests {
        let Ok(store) = store_dir.open() else { return RunningTests::new() };
        let (mut running, mut ended) = (RunningTests::new(), BTreeSet::new());
        for id in store_dir::ids(&store) {
            if self.0.contains(&id) {
                ended.insert(id);
                continue;
            }
            let Ok(directory) = store_dir.test(&id) else { continue };
            if let Some(progress) = recorded_test::progress(&directory) {
                running.insert(id, progress);
            } else if [SUMMARY, RESULTS].iter().any(|name| directory.exists(name)) {
                ended.insert(id);
            }
        }
        // Removed tests are forgotten.
        self.0 = ended;
        running
    }
}

impl<'a> ProgressUpdate<'a> {
    fn of(running: &'a RunningTests) -> ProgressUpdate<'a> {
        let going = running.iter().map(|(run, progress)| RunningTest { run, progress });
        ProgressUpdate { running: going.collect() }
    }
}

impl Stream for EventStream {
    type Item = Result<Event, Infallible>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().0.poll_recv(context).map(|event| event.map(Ok))
    }
}
