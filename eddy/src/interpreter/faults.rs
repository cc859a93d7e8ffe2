//! The active strikes, the state of the nodes that they strike, and the commands that follow.
//!
//! Several strikes may kill or pause a node at the same time. It is restarted when the last strike
//! that killed it ends, and resumes when the last strike that paused it ends. Messages to a
//! paused node are buffered up to a limit, as in a socket. If the node is killed, they are lost.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use crate::nemesis::{Fault, Strike, StrikeEffect};
use crate::network::NetworkMessage;

/// Maximum number of bytes that are buffered for a paused node. Less would lose what the buffers of
/// a system hold. More would let nodes that send without end exhaust the memory, and would let a
/// resumed process get more lines at once than it may leave unread.
const MAX_BUFFERED_BYTES: usize = 32 << 20;

/// The approximate length of the line of a message, without its body.
const LINE_OVERHEAD: usize = 64;

/// A command to the driver of the nodes, which are given by their indices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NodeCommand {
    /// Kill nodes, all at once, because that takes little more time than one kill.
    Kill(Vec<usize>),
    /// Restart a killed node.
    Start(usize),
    /// Stop a node from running.
    Pause(usize),
    /// Let a paused node run again.
    Resume(usize),
}

/// The strikes of a test and their effects on nodes.
#[derive(Debug)]
pub(super) struct Faults {
    nodes: Vec<NodeFaults>,
    /// All strikes so far. An active strike has the end [`Duration::MAX`].
    strikes: Vec<Strike>,
    /// The number of strikes of each fault, in the order of [`Fault::ALL`].
    strike_counts: [u64; Fault::ALL.len()],
    /// The index in `strikes` of the active strike of each nemesis.
    active: BTreeMap<usize, usize>,
    commands: VecDeque<NodeCommand>,
    /// Buffered messages of resumed nodes, each with the index of its node.
    released: VecDeque<(usize, NetworkMessage)>,
    /// The time of the first operation, from which the times of strikes count.
    strikes_start: Duration,
}

/// The effects of faults on a node.
#[derive(Debug, Default)]
struct NodeFaults {
    /// The nemeses that keep it dead; it is alive if there is none.
    killed_by: BTreeSet<usize>,
    /// The nemeses that keep it paused; empty while it is dead.
    paused_by: BTreeSet<usize>,
    /// Messages that have arrived since it was paused; empty while it runs.
    buffered: Vec<NetworkMessage>,
    buffered_bytes: usize,
    /// The number of kills.
    kill_count: u64,
}

impl Faults {
    /// The state before the first strike, for a number of nodes.
    pub(super) fn new(nodes: usize) -> Faults {
        Faults {
            nodes: (0..nodes).map(|_| NodeFaults::default()).collect(),
            strikes: Vec::new(),
            strike_counts: [0; Fault::ALL.len()],
            active: BTreeMap::new(),
            commands: VecDeque::new(),
            released: VecDeque::new(),
            strikes_start: Duration::ZERO,
        }
    }

    /// Sets the time from which the times of strikes count.
    pub(super) fn set_strikes_start(&mut self, now: Duration) {
        self.strikes_start = now;
    }

    /// The time from which the times of strikes count.
    pub(super) fn strikes_start(&self) -> Duration {
        self.strikes_start
    }

    /// Notes the beginning of a strike.
    pub(super) fn begin(&mut self, due: Duration, nemesis_index: usize, effect: StrikeEffect) {
        let from = due.saturating_sub(self.strikes_start);
        self.active.insert(nemesis_index, self.strikes.len());
        if let Some(number) = Fault::ALL.iter().position(|fault| *fault == effect.fault()) {
            self.strike_counts[number] += 1;
        }
        self.strikes.push(Strike { from, until: Duration::MAX, effect });
    }

    /// Notes the end of the active strike of a nemesis, and returns its effect, if there was one.
    pub(super) fn end(&mut self, due: Duration, nemesis_index: usize) -> Option<StrikeEffect> {
        let strike = &mut self.strikes[self.active.remove(&nemesis_index)?];
        strike.until = due.saturating_sub(self.strikes_start);
        Some(strike.effect.clone())
    }

    /// The number of strikes of each fault so far, in the order of [`Fault::ALL`].
    pub(super) fn strike_counts(&self) -> [u64; Fault::ALL.len()] {
        self.strike_counts
    }

    /// All strikes so far; active ones get the end `limit`.
    pub(super) fn strikes(&self, limit: Duration) -> Vec<Strike> {
        let until =
            |strike: &Strike| if strike.until == Duration::MAX { limit } else { strike.until };
        self.strikes
            .iter()
            .map(|strike| Strike { until: until(strike), ..strike.clone() })
            .collect()
    }

    /// Kills a node. Returns the number of buffered messages that are lost, or `None` if the node
    /// was already dead.
    pub(super) fn kill(&mut self, nemesis_index: usize, node: usize) -> Option<usize> {
        let state = &mut self.nodes[node];
        let was_alive = state.killed_by.is_empty();
        state.killed_by.insert(nemesis_index);
        state.paused_by.clear();
        if !was_alive {
            return None;
        }
        state.kill_count += 1;
        state.buffered_bytes = 0;
        match self.commands.back_mut() {
            Some(NodeCommand::Kill(nodes)) => nodes.push(node),
            _ => self.commands.push_back(NodeCommand::Kill(vec![node])),
        }
        Some(std::mem::take(&mut state.buffered).len())
    }

    /// Ends the kill of a node by one nemesis. Returns true if the node is restarted, because no
    /// other nemesis keeps it dead.
    pub(super) fn restart(&mut self, nemesis_index: usize, node: usize) -> bool {
        let killed_by = &mut self.nodes[node].killed_by;
        let is_restarted = killed_by.remove(&nemesis_index) && killed_by.is_empty();
        if is_restarted {
            self.commands.push_back(NodeCommand::Start(node));
        }
        is_restarted
    }

    /// Pauses a node. Returns true if it was running.
    pub(super) fn pause(&mut self, nemesis_index: usize, node: usize) -> bool {
        let NodeFaults { killed_by, paused_by, .. } = &mut self.nodes[node];
        let was_running = killed_by.is_empty() && paused_by.is_empty();
        if killed_by.is_empty() {
            paused_by.insert(nemesis_index);
        }
        if was_running {
            self.commands.push_back(NodeCommand::Pause(node));
        }
        was_running
    }

    /// Ends the pause of a node by one nemesis. Returns true if the node resumes, because no other
    /// nemesis keeps it paused.
    pub(super) fn resume(&mut self, nemesis_index: usize, node: usize) -> bool {
        let state = &mut self.nodes[node];
        let is_resumed = state.paused_by.remove(&nemesis_index) && state.paused_by.is_empty();
        if is_resumed {
            self.commands.push_back(NodeCommand::Resume(node));
            state.buffered_bytes = 0;
            self.released.extend(state.buffered.drain(..).map(|message| (node, message)));
        }
        is_resumed
    }

    pub(super) fn is_paused(&self, node: usize) -> bool {
        !self.nodes[node].paused_by.is_empty()
    }

    pub(super) fn is_dead(&self, node: usize) -> bool {
        !self.nodes[node].killed_by.is_empty()
    }

    /// The number of kills of a node: its incarnation, or the next one while it is dead.
    pub(super) fn kill_count(&self, node: usize) -> u64 {
        self.nodes[node].kill_count
    }

    /// Buffers a message for a paused node. Returns false, and drops it, if the buffer is full.
    pub(super) fn buffer(&mut self, node: usize, message: NetworkMessage) -> bool {
        let state = &mut self.nodes[node];
        state.buffered_bytes += LINE_OVERHEAD + message.body.get().len();
        let fits = state.buffered_bytes <= MAX_BUFFERED_BYTES;
        if fits {
            state.buffered.push(message);
        }
        fits
    }

    /// The next command to the driver.
    pub(super) fn next_command(&mut self) -> Option<NodeCommand> {
        self.commands.pop_front()
    }

    /// The next buffered message of a resumed node.
    pub(super) fn next_released(&mut self) -> Option<(usize, NetworkMessage)> {
        self.released.pop_front()
    }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use serde_json::value::RawValue;

    use super::*;

    fn message(length: usize) -> NetworkMessage {
        let body = RawValue::from_string(format!("\"{}\"", "x".repeat(length))).unwrap();
        let name: Rc<str> = "n0".into();
        NetworkMessage { id: 0, src: Rc::clone(&name), dest: name, body: body.into() }
    }

    fn commands(faults: &mut Faults) -> Vec<NodeCommand> {
        std::iter::from_fn(|| faults.next_command()).collect()
    }

    #[test]
    fn a_node_recovers_when_the_last_of_its_strikes_ends() {
        let mut faults = Faults::new(1);
        assert!(faults.pause(1, 0));
        assert!(!faults.pause(2, 0));
        assert!(!faults.resume(1, 0));
        assert!(faults.is_paused(0));
        assert!(faults.resume(2, 0));
        assert_eq!(faults.kill(3, 0), Some(0));
        assert_eq!(faults.kill(4, 0), None);
        assert!(!faults.restart(3, 0));
        assert!(!faults.restart(3, 0));
        assert!(faults.restart(4, 0));
        assert!(!faults.is_paused(0));
        let expected = [
            NodeCommand::Pause(0),
            NodeCommand::Resume(0),
            NodeCommand::Kill(vec![0]),
            NodeCommand::Start(0),
        ];
        assert_eq!(commands(&mut faults), expected);
    }

    #[test]
    fn a_kill_ends_a_pause_and_loses_the_buffered_messages() {
        let mut faults = Faults::new(1);
        faults.pause(1, 0);
        assert!(faults.buffer(0, message(1)));
        assert_eq!(faults.kill(2, 0), Some(1));
        assert!(!faults.pause(3, 0), "a dead node");
        assert!(faults.restart(2, 0));
        assert!(!faults.resume(1, 0) && !faults.resume(3, 0));
        assert!(faults.next_released().is_none());
        assert_eq!(
            commands(&mut faults),
            [NodeCommand::Pause(0), NodeCommand::Kill(vec![0]), NodeCommand::Start(0)]
        );
    }

    #[test]
    fn buffered_messages_are_released_in_order_up_to_a_limit() {
        let mut faults = Faults::new(2);
        faults.pause(1, 1);
        assert!(faults.buffer(1, message(1)));
        assert!(faults.buffer(1, message(2)));
        assert!(!faults.buffer(1, message(MAX_BUFFERED_BYTES)));
        faults.resume(1, 1);
        let released = std::iter::from_fn(|| faults.next_released());
        let released: Vec<_> =
            released.map(|(node, message)| (node, message.body.get().len())).collect();
        assert_eq!(released, [(1, 3), (1, 4)]);
    }

    #[test]
    fn strikes_are_listed_with_their_times() {
        let second = Duration::from_secs(1);
        let mut faults = Faults::new(1);
        faults.set_strikes_start(10 * second);
        let [first, second_one] = ["n0", "n1"].map(|name| Strike::kill([name], second, 3 * second));
        faults.begin(11 * second, 0, first.effect.clone());
        faults.begin(11 * second, 7, second_one.effect.clone());
        assert_eq!(faults.end(13 * second, 7), Some(second_one.effect.clone()));
        assert_eq!(faults.end(14 * second, 7), None);
        let open = Strike { until: 20 * second, ..first };
        assert_eq!(faults.strikes(20 * second), [open, second_one]);
    }
}
