//! Jepsen's `stats`: every function must succeed at least once, with Maelstrom's exception for
//! kafka's crashes.

use std::{borrow::Cow, collections::BTreeMap};

use super::{Placement, Validity, exceptions};
use crate::{
    edn::Value,
    history::{History, Kind, Op, Process},
};

/// Functions that need not succeed, because they crash a client on purpose.
const MAY_NEVER_SUCCEED: [&str; 2] = ["crash", "debug-topic-partitions"];

/// The completions of clients' operations, in total and by function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stats {
    /// Valid if each function succeeded at least once.
    pub valid: Validity,
    /// Counts of all functions together.
    pub overall: OutcomeCounts,
    /// Counts of each function.
    pub by_f: BTreeMap<Cow<'static, str>, OutcomeCounts>,
    /// The responses that each process got, by function.
    by_process: BTreeMap<Cow<'static, str>, BTreeMap<Process, ResponseCounts>>,
    /// True if there was a nemesis, which may explain missing responses.
    has_nemesis: bool,
}

/// The responses to the operations that a process invoked, or that a node received.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ResponseCounts {
    /// Operations that succeeded.
    pub(crate) ok: usize,
    /// Operations that got no reply in time.
    pub(crate) timed_out: usize,
    /// Malformed replies, which [`exceptions`] reports.
    pub(crate) malformed: usize,
    /// Operations that were answered with an error.
    pub(crate) refused: usize,
    /// The time that the first operation without a reply waited, in nanoseconds.
    pub(crate) first_timeout: Option<u64>,
    /// The first error.
    pub(crate) error: Option<Value>,
}

/// The responses to one function's operations, by node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ResponsesByNode<'a> {
    /// The function.
    pub(crate) f: &'a str,
    /// The completions of all its operations.
    pub(crate) counts: OutcomeCounts,
    /// The nodes to report; `""` stands for unknown nodes.
    pub(crate) nodes: BTreeMap<&'a str, ResponseCounts>,
}

/// Minimum number of requests that a node must leave unanswered, while others answer such requests,
/// before that is reported. One or two may have been sent just before the test ended.
const MIN_TIMEOUTS: usize = 3;

/// Completions by type; operations that never completed are not counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OutcomeCounts {
    /// Operations that took effect.
    pub ok: usize,
    /// Operations that did not take effect.
    pub fail: usize,
    /// Indeterminate operations: they may or may not have taken effect.
    pub info: usize,
}

/// Counts the completions of clients' operations.
pub fn check(history: &History) -> Stats {
    let mut overall = OutcomeCounts::default();
    let mut by_f: BTreeMap<Cow<'static, str>, OutcomeCounts> = BTreeMap::new();
    let mut by_process: BTreeMap<Cow<'static, str>, BTreeMap<Process, ResponseCounts>> =
        BTreeMap::new();
    for op in history.client_ops().filter(|op| op.kind != Kind::Invoke) {
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
    !MAY_NEVER_SUCCEED.contains(&f)
}

impl Stats {
    /// Makes the verdict unknown if no function completed that must succeed, where upstream finds
    /// nothing wrong.
    #[must_use]
    pub fn requiring_evidence(self) -> Stats {
        let has_any = self.by_f.keys().any(|f| is_judged(f));
        Stats { valid: if has_any { self.valid } else { Validity::Unknown }, ..self }
    }

    /// The functions of which no operation succeeded.
    pub(crate) fn without_success<'a>(
        &'a self,
        placement: &Placement<'a>,
    ) -> impl Iterator<Item = ResponsesByNode<'a>> {
        let by_f = self.by_f.iter().filter(|(f, counts)| is_judged(f) && counts.ok == 0);
        by_f.map(|(f, counts)| {
            let nodes = self.by_process.get(f).map(|processes| by_node(processes, placement));
            ResponsesByNode { f, counts: *counts, nodes: nodes.unwrap_or_default() }
        })
    }

    /// The functions that succeeded at some nodes, each with the nodes that never replied to it.
    /// Empty if there was a nemesis, since its faults may explain that.
    pub(crate) fn without_answer<'a>(
        &'a self,
        placement: &Placement<'a>,
    ) -> impl Iterator<Item = ResponsesByNode<'a>> {
        let by_f = self.by_f.iter().filter(|(f, counts)| is_judged(f) && counts.ok > 0);
        by_f.filter(|_| !self.has_nemesis).filter_map(|(f, counts)| {
            let mut nodes = by_node(self.by_process.get(f)?, placement);
            nodes.retain(|node, responses| {
                !node.is_empty()
                    && responses.never_answered()
                    && responses.timed_out >= MIN_TIMEOUTS
            });
            (!nodes.is_empty()).then_some(ResponsesByNode { f, counts: *counts, nodes })
        })
    }
}

/// The responses that the processes of each node got; those of unknown nodes are under `""`.
fn by_node<'a>(
    processes: &BTreeMap<Process, ResponseCounts>,
    placement: &Placement<'a>,
) -> BTreeMap<&'a str, ResponseCounts> {
    let mut nodes: BTreeMap<&str, ResponseCounts> = BTreeMap::new();
    for (process, responses) in processes {
        nodes.entry(placement.node_of(*process).unwrap_or("")).or_default().merge(responses);
    }
    nodes
}

impl ResponseCounts {
    /// Counts one more completion.
    fn add(&mut self, history: &History, end: &Op) {
        if end.kind == Kind::Ok {
            self.ok += 1;
        } else if exceptions::is_malformed(end) {
            self.malformed += 1;
        } else if exceptions::is_timeout(end) {
            self.timed_out += 1;
            let began = history.invocation(end).map_or(end.time, |begin| begin.time);
            self.first_timeout.get_or_insert(end.time.saturating_sub(began));
        } else {
            self.refused += 1;
            self.error = self.error.take().or_else(|| end.error.clone());
        }
    }

    fn merge(&mut self, other: &ResponseCounts) {
        self.ok += other.ok;
        self.timed_out += other.timed_out;
        self.malformed += other.malformed;
        self.refused += other.refused;
        self.first_timeout = self.first_timeout.or(other.first_timeout);
        self.error = self.error.take().or_else(|| other.error.clone());
    }

    /// The sum of all of these.
    pub(crate) fn sum<'a>(all: impl Iterator<Item = &'a ResponseCounts>) -> ResponseCounts {
        let mut sum = ResponseCounts::default();
        all.for_each(|responses| sum.merge(responses));
        sum
    }

    /// True if there were operations, and none of them got a reply.
    pub(crate) fn never_answered(&self) -> bool {
        self.timed_out > 0 && self.ok + self.malformed + self.refused == 0
    }
}

impl OutcomeCounts {
    /// The number of completions.
    pub fn count(&self) -> usize {
        self.ok + self.fail + self.info
    }

    /// Valid if any operation succeeded.
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
        assert_eq!((stats.valid, stats.overall), (valid, OutcomeCounts { ok, fail, info }));
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
    fn a_crash_is_reported_as_invalid_under_its_function() {
        let stats = super::check(&history("0 invoke crash nil\n0 info crash nil")).to_edn();
        assert_eq!(stats.get("valid?"), Some(&true.into()));
        assert_eq!(stats.get_in(&["by-f", "crash", "valid?"]), Some(&false.into()));
    }
}
