//! Live progress, as server-sent events.
//!
//! One task looks into the store for all who listen, and only while somebody does. A test that has
//! ended does not begin again, so it is not looked at twice, and a look costs little more than
//! reading the names of the directories.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::extract::State;
use axum::response::Sse;
use axum::response::sse::{Event, KeepAlive};
use eddy_pages::store::{Progress, RESULTS, SUMMARY};
use futures_core::Stream;
use serde::Serialize;
use tokio::sync::{mpsc, watch};
use tokio::time;

use super::App;
use super::root::{self, Id, Root};
use super::run;

/// How often the store is looked at: as often as tests tell their progress.
const INTERVAL: Duration = Duration::from_millis(500);

/// The tests that are running, and how far they are.
type Running = BTreeMap<Id, Progress>;

/// Whoever wants to know what is running subscribes here.
#[derive(Debug)]
pub(super) struct Watcher {
    /// `None` while nobody has looked lately.
    running: watch::Sender<Option<Running>>,
}

/// The tests of which it is known that they have ended.
#[derive(Debug, Default)]
struct Ended(BTreeSet<Id>);

/// What a listener is told. Whatever is not there any more has ended.
#[derive(Debug, Serialize)]
struct News<'a> {
    running: Vec<Going<'a>>,
}

#[derive(Debug, Serialize)]
struct Going<'a> {
    run: &'a Id,
    progress: &'a Progress,
}

/// What comes through a channel, as a stream.
struct Received(mpsc::Receiver<Event>);

/// Tells what is running, now and whenever that changes.
pub(super) async fn stream(
    State(app): State<Arc<App>>,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let (sender, receiver) = mpsc::channel(1);
    let mut running = app.watcher.running.subscribe();
    tokio::spawn(async move {
        loop {
            let now = running.borrow_and_update().clone();
            if let Some(now) = now {
                // Numbers and names always have a form in JSON.
                let news = serde_json::to_string(&News::of(&now)).unwrap_or_default();
                let event = Event::default().data(news);
                if sender.send(event).await.is_err() {
                    return;
                }
            }
            tokio::select! {
                changed = running.changed() => if changed.is_err() { return },
                // Whoever has left must not keep the store being looked at.
                () = sender.closed() => return,
            }
        }
    });
    Sse::new(Received(receiver)).keep_alive(KeepAlive::default())
}

impl Watcher {
    /// Looks from now on, whenever somebody listens.
    pub(super) fn start(root: Root) -> Watcher {
        let (sender, _) = watch::channel(None);
        let running = sender.clone();
        tokio::spawn(async move {
            let mut ended = Ended::default();
            let mut ticks = time::interval(INTERVAL);
            ticks.set_missed_tick_behavior(time::MissedTickBehavior::Delay);
            loop {
                ticks.tick().await;
                if sender.receiver_count() == 0 {
                    sender.send_replace(None);
                    continue;
                }
                let root = root.clone();
                let look = tokio::task::spawn_blocking(move || (ended.look(&root), ended));
                let Ok((now, so_far)) = look.await else { return };
                ended = so_far;
                sender.send_if_modified(|known| {
                    let is_news = known.as_ref() != Some(&now);
                    *known = Some(now);
                    is_news
                });
            }
        });
        Watcher { running }
    }
}

impl Ended {
    /// Looks for tests that are running.
    fn look(&mut self, root: &Root) -> Running {
        let Ok(store) = root.open() else { return Running::new() };
        let (mut running, mut ended) = (Running::new(), BTreeSet::new());
        for id in root::ids(&store) {
            if self.0.contains(&id) {
                ended.insert(id);
                continue;
            }
            let Ok(directory) = root.run(&id) else { continue };
            if let Some(progress) = run::progress(&directory) {
                running.insert(id, progress);
            } else if [SUMMARY, RESULTS].iter().any(|name| directory.exists(name)) {
                ended.insert(id);
            }
        }
        // Those that were removed are forgotten.
        self.0 = ended;
        running
    }
}

impl<'a> News<'a> {
    fn of(running: &'a Running) -> News<'a> {
        let going = running.iter().map(|(run, progress)| Going { run, progress });
        News { running: going.collect() }
    }
}

impl Stream for Received {
    type Item = Result<Event, Infallible>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().0.poll_recv(context).map(|event| event.map(Ok))
    }
}
