//! How far polls lag behind: how long the newest message that a process had polled was no longer
//! the newest in its log, when the process polled again.
//!
//! An offset is certainly no longer the last one from the first time on that somebody was told of
//! a greater one.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use super::{
    acts::{Act, Key},
    index::Index,
};
use crate::{
    compat::clojure::order_map,
    edn::Value,
    history::{Kind, Process},
};

/// The poll that lagged most.
#[derive(Debug, Clone, PartialEq)]
pub struct Lag {
    /// When it began, in nanoseconds.
    pub time: u64,
    /// How old the news was that the process did not have, in nanoseconds.
    pub lag: u64,
    /// Whose poll it was, and the key; `None` if nobody polled anything.
    pub whose: Option<(Process, Value)>,
}

/// Finds the first of the polls that lagged most.
pub(super) fn worst(index: &Index<'_>) -> Lag {
    let news = News::of(index);
    let mut progress: FxHashMap<Process, Progress> = FxHashMap::default();
    let mut worst = Lag { time: 0, lag: 0, whose: None };
    for act in index.acts.all.iter().filter(|act| act.op.kind == Kind::Ok) {
        let progress = progress.entry(act.op.process).or_default();
        if act.op.f == "subscribe" {
            *progress = Progress::default();
        } else if let Some(keys) = &act.assigned {
            progress.assign(keys);
        }
        let Some(invocation) = index.history.invocation(act.op) else { continue };
        if act.op.f != "poll" && act.op.f != "txn" {
            continue;
        }
        for (key, offset) in max_offsets(act) {
            progress.reach(key, offset);
        }
        let lag = |key, offset| {
            news.after(key, offset).map_or(0, |at| invocation.time.saturating_sub(at))
        };
        let lags = || progress.offsets.iter().map(|(key, offset)| (*key, lag(*key, *offset)));
        let Some(most) = lags().map(|(_, lag)| lag).max() else { continue };
        if most > worst.lag || worst.whose.is_none() {
            let mut keys: Vec<(Key, u64)> = lags().collect();
            order_map(&mut keys, |(key, _)| index.acts.keys.place(*key));
            let first = keys.into_iter().find(|(_, lag)| *lag == most);
            let whose = first.map(|(key, _)| (act.op.process, index.key(key).clone()));
            worst = Lag { time: invocation.time, lag: most, whose };
        }
    }
    worst
}

/// How far a process has come in each key; −1 where it has polled nothing.
#[derive(Debug, Default)]
struct Progress {
    /// In order of insertion.
    offsets: Vec<(Key, i64)>,
    places: FxHashMap<Key, usize>,
}

impl Progress {
    fn reach(&mut self, key: Key, offset: i64) {
        let place = *self.places.entry(key).or_insert(self.offsets.len());
        match self.offsets.get_mut(place) {
            Some((_, reached)) => *reached = offset.max(*reached),
            None => self.offsets.push((key, offset)),
        }
    }

    fn assign(&mut self, keys: &[Key]) {
        let before = std::mem::take(self);
        for key in keys {
            let offset = before.places.get(key).map_or(-1, |place| before.offsets[*place].1);
            self.reach(*key, offset);
        }
    }
}

/// For each key the times at which a greater offset than all before was told.
#[derive(Debug)]
struct News(Vec<Vec<(i64, u64)>>);

impl News {
    fn of(index: &Index<'_>) -> News {
        let mut news: Vec<Vec<(i64, u64)>> = vec![Vec::new(); index.acts.keys.len()];
        for act in &index.acts.all {
            if matches!(act.op.kind, Kind::Ok | Kind::Info) {
                for (key, offset) in max_offsets(act) {
                    let last = news[key].last().map_or(-1, |(offset, _)| *offset);
                    if offset > last {
                        news[key].push((offset, act.op.time));
                    }
                }
            }
        }
        News(news)
    }

    /// When it was first told that there is more than this offset.
    fn after(&self, key: Key, offset: i64) -> Option<u64> {
        let news = &self.0[key];
        let later = news.partition_point(|(told, _)| *told <= offset);
        news.get(later).map(|(_, time)| *time)
    }
}

/// The greatest offsets that an operation tells of, by key. Upstream takes sends to offsets below 0
/// for sends to 0.
fn max_offsets(act: &Act<'_>) -> Vec<(Key, i64)> {
    let polled = act.polls.iter().map(|poll| {
        let offsets = poll.pairs.iter().filter_map(|(offset, _)| *offset);
        (poll.key, offsets.fold(-1, i64::max))
    });
    let mut offsets: Vec<(Key, i64)> = polled.collect();
    let mut sent: BTreeMap<Key, i64> = BTreeMap::new();
    for send in &act.sends {
        if let Some(offset) = send.offset {
            let greatest = sent.entry(send.key).or_default();
            *greatest = offset.max(*greatest);
        }
    }
    offsets.extend(sent);
    offsets
}
