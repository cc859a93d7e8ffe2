//! Invariants that must hold after each step of a cluster: the five properties of figure 3, and
//! that reads are linearizable.

use std::collections::BTreeMap;

use super::{Output, ServerId, TestOutput, TestRaft};
use crate::raft::Entry;

/// History of a cluster, as far as the invariants need it.
#[derive(Debug, Default)]
pub(super) struct Invariants {
    /// Leaders by term.
    leaders: BTreeMap<u64, ServerId>,
    /// Committed entries from index 1 on, each with the term in which it was first seen committed.
    committed: Vec<(Entry<u64>, u64)>,
    /// Number of committed entries that a read must see, by its request id.
    reads: BTreeMap<u64, u64>,
}

/// State of a node before a step.
pub(super) struct NodeBefore {
    led_term: Option<u64>,
    entries: Vec<Entry<u64>>,
    snapshot_index: u64,
}

impl NodeBefore {
    pub(super) fn of(node: &TestRaft, me: ServerId) -> NodeBefore {
        NodeBefore {
            led_term: (node.leader() == Some(me)).then(|| node.term()),
            entries: node.log().entries().to_vec(),
            snapshot_index: node.log().snapshot_index(),
        }
    }
}

impl Invariants {
    /// Number of committed entries.
    pub(super) fn committed(&self) -> u64 {
        self.committed.len() as u64
    }

    /// Number of terms that had a leader.
    pub(super) fn elections(&self) -> usize {
        self.leaders.len()
    }

    /// Records the request of a read, which must see all entries that are committed by now.
    pub(super) fn record_read(&mut self, request_id: u64) {
        self.reads.insert(request_id, self.committed());
    }

    /// Checks a step of node `me`.
    pub(super) fn check_step(
        &mut self,
        me: ServerId,
        before: &NodeBefore,
        nodes: &[&TestRaft],
        outputs: &[TestOutput],
    ) -> Result<(), String> {
        let node = nodes[me];
        if node.leader() == Some(me) {
            let first = *self.leaders.entry(node.term()).or_insert(me);
            if first != me {
                return Err(format!("election safety: {first} and {me} lead term {}", node.term()));
            }
            if before.led_term == Some(node.term()) {
                is_prefix(before, node)?;
            }
        }
        if before.entries != node.log().entries() {
            let others = (0..nodes.len()).filter(|other| *other != me);
            others.map(|other| nodes[other]).try_for_each(|other| match_logs(node, other))?;
        }
        let new_from = self.committed() + 1;
        self.commit(node)?;
        // A leader's log only grows, so each entry is looked for once.
        let since = if before.led_term == Some(node.term()) { new_from } else { 1 };
        self.is_complete(me, node, since)?;
        if self.committed() >= new_from {
            let mut all = nodes.iter().enumerate();
            all.try_for_each(|(me, node)| self.is_complete(me, node, new_from))?;
        }
        outputs.iter().try_for_each(|output| self.check_output(output, outputs, node))
    }

    fn commit(&mut self, node: &TestRaft) -> Result<(), String> {
        for index in self.committed() + 1..=node.commit_index() {
            let Some(entry) = node.log().entry(index) else {
                return Err(format!("entry {index} is committed, and nobody ever had it"));
            };
            self.committed.push((entry.clone(), node.term()));
        }
        Ok(())
    }

    fn is_complete(&self, me: ServerId, node: &TestRaft, since: u64) -> Result<(), String> {
        if node.leader() != Some(me) {
            return Ok(());
        }
        let skipped = usize::try_from(since - 1).unwrap_or(usize::MAX);
        for (index, (entry, term)) in (since..).zip(self.committed.iter().skip(skipped)) {
            let has_it = index <= node.log().snapshot_index()
                || node.log().entry(index).is_some_and(|own| own == entry);
            if *term < node.term() && !has_it {
                let (leads, of) = (node.term(), entry.term);
                let lacks = format!("{me} leads term {leads} without entry {index} of term {of}");
                return Err(format!("leader completeness: {lacks}"));
            }
        }
        Ok(())
    }

    fn check_output(
        &mut self,
        output: &TestOutput,
        all: &[TestOutput],
        node: &TestRaft,
    ) -> Result<(), String> {
        match output {
            Output::Apply { index, command } => {
                let committed = usize::try_from(*index - 1).ok().map(|at| &self.committed[at].0);
                if committed.is_some_and(|entry| entry.command != *command) {
                    return Err(format!(
                        "state machine safety: {command:?} is applied as {index}, where \
                         {committed:?} was committed"
                    ));
                }
            }
            Output::Restore(snapshot) => {
                let index = snapshot.last_included_index;
                if snapshot.state != self.state(index) {
                    return Err(format!("state machine safety: wrong state after entry {index}"));
                }
            }
            Output::ReadReady { request_id } => {
                let applied = all.iter().filter_map(|output| match output {
                    Output::Apply { index, .. } => Some(*index),
                    _ => None,
                });
                let seen = applied.max().unwrap_or_default().max(node.commit_index());
                let floor = self.reads.remove(request_id).unwrap_or_default();
                if seen < floor {
                    return Err(format!(
                        "linearizability: a read saw {seen} of {floor} committed entries"
                    ));
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// State of the state machine after an index: the number of commands, and their hash.
    pub(super) fn state(&self, index: u64) -> Vec<u64> {
        let until = usize::try_from(index).unwrap_or(usize::MAX).min(self.committed.len());
        let commands = self.committed[..until].iter().filter_map(|(entry, _)| entry.command);
        let state = commands.fold((0, 0_u64), |(count, sum), one| (count + 1, sum * 31 % P + one));
        vec![state.0, state.1]
    }
}

/// Prime modulus of the hash.
const P: u64 = 1_000_000_007;

/// Leader append-only: a leader's log only grows.
fn is_prefix(before: &NodeBefore, node: &TestRaft) -> Result<(), String> {
    let log = node.log();
    for (index, entry) in (before.snapshot_index + 1..).zip(&before.entries) {
        if index > log.snapshot_index() && log.entry(index) != Some(entry) {
            return Err(format!("leader append-only: a leader has changed its entry {index}"));
        }
    }
    Ok(())
}

/// Log matching: two entries with the same index and term are the same, and so are all before them.
fn match_logs(one: &TestRaft, other: &TestRaft) -> Result<(), String> {
    let (one, other) = (one.log(), other.log());
    let first = one.snapshot_index().max(other.snapshot_index()) + 1;
    let last = one.last_index().min(other.last_index());
    let agree = (first..=last).rev().find(|index| one.term_at(*index) == other.term_at(*index));
    let Some(agree) = agree else { return Ok(()) };
    for index in first..agree {
        if one.entry(index) != other.entry(index) {
            return Err(format!(
                "log matching: two logs agree on entry {agree}, and not on {index}"
            ));
        }
    }
    if one.entry(agree) != other.entry(agree) {
        return Err(format!("log matching: two entries {agree} have the same term"));
    }
    Ok(())
}
