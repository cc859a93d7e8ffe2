//! Jepsen's `stats`: every function succeeds at least once, with the exception that Maelstrom makes
//! of kafka's crashes.

use std::{borrow::Cow, collections::BTreeMap};

use super::{Placement, Validity, exceptions};
use crate::{
    edn::Value,
    history::{History, Kind, Op, Process},
};

/// Operations that never succeed, and need not: those crash a client on purpose.
const EXCUSED: [&str; 2] = ["crash", "debug-topic-partitions"];

/// The ends of clients' operations, together and by function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stats {
    /// Valid if each function succeeded at least once.
    pub valid: Validity,
    /// Of all functions together.
    pub overall: Counts,
    /// Of each function.
    pub by_f: BTreeMap<Cow<'static, str>, Counts>,
    /// How each process fared with each function.
    by_process: BTreeMap<Cow<'static, str>, BTreeMap<Process, Fates>>,
    /// Whether there was a nemesis, which may be to blame for silence.
    has_nemesis: bool,
}

/// The ends of the operations that a process began, or a node was asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Fates {
    /// They succeeded.
    pub(crate) ok: usize,
    /// They were not answered in time.
    pub(crate) silent: usize,
    /// The replies were malformed, which is told elsewhere.
    pub(crate) malformed: usize,
    /// They were answered with an error.
    pub(crate) refused: usize,
    /// How long the first waited that was not answered, in nanoseconds.
    pub(crate) waited: Option<u64>,
    /// The first error.
    pub(crate) error: Option<Value>,
}

/// The ends of one function's operations, by node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FatesByNode<'a> {
    /// The function.
    pub(crate) f: &'a str,
    /// The outcomes of all of its operations.
    pub(crate) counts: Counts,
    /// The nodes that are to be told of; `""` is one that nobody knows.
    pub(crate) nodes: BTreeMap<&'a str, Fates>,
}

/// How many requests a node must leave without an answer, while others answer such requests, before
/// that is told. One or two may have come when the test was about to end.
const SILENT: usize = 3;

/// How many operations ended in which way; those that never ended are not counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// They happened.
    pub ok: usize,
    /// They did not happen.
    pub fail: usize,
    /// Nobody knows.
    pub info: usize,
}

/// Counts how the operations of clients ended.
pub fn check(history: &History) -> Stats {
    let mut overall = Counts::default();
    let mut by_f: BTreeMap<Cow<'static, str>, Counts> = BTreeMap::new();
    let mut by_process: BTreeMap<Cow<'static, str>, BTreeMap<Process, Fates>> = BTreeMap::new();
    for op in history.clients().filter(|op| op.kind != Kind::Invoke) {
        overall.add(op.kind);
        match by_f.get_mut(&op.f) {
            Some(counts) => counts.add(op.kind),
            None => by_f.entry(op.f.clone()).or_default().add(op.kind),
        }
        if !by_process.contains_key(&op.f) {
            by_process.insert(op.f.clone(), BTreeMap::new());
        }
        if let Some(processes) = by_process.get_mut(&op.f) {
            processes.entry(op.process).or_default().add(history, op);
        }
    }
    let has_nemesis = history.ops().iter().any(|op| op.process == Process::Nemesis);
    let judged = by_f.iter().filter(|(f, _)| is_judged(f));
    let valid = Validity::merge(judged.map(|(_, counts)| counts.valid()));
    Stats { valid, overall, by_f, by_process, has_nemesis }
}

fn is_judged(f: &str) -> bool {
    !EXCUSED.contains(&f)
}

impl Stats {
    /// The same, but unknown if no operation ended that need succeed, where upstream finds nothing
    /// wrong.
    #[must_use]
    pub fn on_evidence(self) -> Stats {
        let has_any = self.by_f.keys().any(|f| is_judged(f));
        Stats { valid: if has_any { self.valid } else { Validity::Unknown }, ..self }
    }

    /// The functions of which nothing succeeded.
    pub(crate) fn without_success<'a>(
        &'a self,
        placement: &Placement<'a>,
    ) -> impl Iterator<Item = FatesByNode<'a>> {
        let by_f = self.by_f.iter().filter(|(f, counts)| is_judged(f) && counts.ok == 0);
        by_f.map(|(f, counts)| {
            let nodes = self.by_process.get(f).map(|processes| by_node(processes, placement));
            FatesByNode { f, counts: *counts, nodes: nodes.unwrap_or_default() }
        })
    }

    /// The functions that succeeded, each with the nodes that never answered it, where no fault may
    /// be to blame.
    pub(crate) fn without_answer<'a>(
        &'a self,
        placement: &Placement<'a>,
    ) -> impl Iterator<Item = FatesByNode<'a>> {
        let by_f = self.by_f.iter().filter(|(f, counts)| is_judged(f) && counts.ok > 0);
        by_f.filter(|_| !self.has_nemesis).filter_map(|(f, counts)| {
            let mut nodes = by_node(self.by_process.get(f)?, placement);
            nodes.retain(|node, fates| {
                !node.is_empty() && fates.is_silent() && fates.silent >= SILENT
            });
            (!nodes.is_empty()).then_some(FatesByNode { f, counts: *counts, nodes })
        })
    }
}

/// The ends at the processes of each node; at `""`, where nobody knows which that is.
fn by_node<'a>(
    processes: &BTreeMap<Process, Fates>,
    placement: &Placement<'a>,
) -> BTreeMap<&'a str, Fates> {
    let mut nodes: BTreeMap<&str, Fates> = BTreeMap::new();
    for (process, fates) in processes {
        nodes.entry(placement.node_of(*process).unwrap_or("")).or_default().join(fates);
    }
    nodes
}

impl Fates {
    /// Counts one more.
    fn add(&mut self, history: &History, end: &Op) {
        if end.kind == Kind::Ok {
            self.ok += 1;
        } else if exceptions::is_malformed(end) {
            self.malformed += 1;
        } else if exceptions::is_silence(end) {
            self.silent += 1;
            let began = history.invocation(end).map_or(end.time, |begin| begin.time);
            self.waited.get_or_insert(end.time.saturating_sub(began));
        } else {
            self.refused += 1;
            self.error = self.error.take().or_else(|| end.error.clone());
        }
    }

    fn join(&mut self, other: &Fates) {
        self.ok += other.ok;
        self.silent += other.silent;
        self.malformed += other.malformed;
        self.refused += other.refused;
        self.waited = self.waited.or(other.waited);
        self.error = self.error.take().or_else(|| other.error.clone());
    }

    /// The ends of all of these together.
    pub(crate) fn sum<'a>(all: impl Iterator<Item = &'a Fates>) -> Fates {
        let mut sum = Fates::default();
        all.for_each(|fates| sum.join(fates));
        sum
    }

    /// Whether nothing was answered.
    pub(crate) fn is_silent(&self) -> bool {
        self.silent > 0 && self.ok + self.malformed + self.refused == 0
    }
}

impl Counts {
    /// How many operations ended.
    pub fn count(&self) -> usize {
        self.ok + self.fail + self.info
    }

    /// True if any of them succeeded.
    pub(crate) fn valid(&self) -> Validity {
        Validity::from(self.ok > 0)
    }

    fn add(&mut self, kind: Kind) {
        match kind {
            Kind::Invoke => {}
            Kind::Ok => self.ok += 1,
            Kind::Fail => self.fail += 1,
            Kind::Info => self.info += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::testing::history, *};

    #[track_caller]
    fn check(text: &str, valid: Validity, [ok, fail, info]: [usize; 3]) {
        let stats = super::check(&history(text));
        assert_eq!((stats.valid, stats.overall), (valid, Counts { ok, fail, info }));
    }

    #[test]
    fn every_function_must_succeed_once() {
        check("", Validity::Valid, [0, 0, 0]);
        check("0 invoke read nil", Validity::Valid, [0, 0, 0]);
        check(
            "0 invoke read nil
             0 fail read nil
             0 invoke read nil
             0 ok read []",
            Validity::Valid,
            [1, 1, 0],
        );
        check(
            "0 invoke read nil
             0 ok read []
             0 invoke add 1
             0 info add 1",
            Validity::Invalid,
            [1, 0, 1],
        );
    }

    #[test]
    fn a_crash_and_the_nemesis_are_excused() {
        check(
            "nemesis info start-partition nil
             0 invoke crash nil
             0 info crash nil",
            Validity::Valid,
            [0, 0, 1],
        );
    }

    #[test]
    fn a_crash_is_shown_as_what_it_is() {
        let stats = super::check(&history("0 invoke crash nil\n0 info crash nil")).to_edn();
        assert_eq!(stats.get("valid?"), Some(&true.into()));
        assert_eq!(stats.get_in(&["by-f", "crash", "valid?"]), Some(&false.into()));
    }
}
