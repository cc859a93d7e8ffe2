//! Nodes whose output is ignored in a lenient test, after a line that is no message or a message
//! to nobody.
//!
//! Maelstrom reads on only until the first such line (`process.clj`): it logs an error, and the
//! node's later lines stay in its pipe. Everybody still speaks to the node, and nobody hears it.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Complaint;

/// The nodes of which anything was put up with, by their numbers.
#[derive(Debug, Default)]
pub(super) struct Deaf {
    unheard: BTreeMap<usize, Unheard>,
    tolerated: BTreeMap<usize, Tolerated>,
}

/// A node that is not heard any more.
#[derive(Debug)]
struct Unheard {
    complaint: Complaint,
    /// When, in the time of the history.
    since: Duration,
    /// How many lines it has written since.
    ignored: u64,
    /// Whether this is past, because the node was started again.
    is_over: bool,
}

/// What was not as it should be, and was taken all the same.
#[derive(Debug)]
struct Tolerated {
    count: u64,
    first: Complaint,
}

impl Deaf {
    /// Whether a line of this node is ignored, of which note is taken.
    pub(super) fn ignores(&mut self, node: usize) -> bool {
        let unheard = self.unheard.get_mut(&node).filter(|unheard| !unheard.is_over);
        if let Some(unheard) = unheard {
            unheard.ignored += 1;
            return true;
        }
        false
    }

    /// Ignores a node from now on. The first reason is the one that is told.
    pub(super) fn stop_hearing(&mut self, since: Duration, node: usize, complaint: Complaint) {
        let unheard = Unheard { complaint, since, ignored: 0, is_over: false };
        self.unheard.entry(node).or_insert(unheard).is_over = false;
    }

    /// Takes note of a message that was sent although it was not as it should be.
    pub(super) fn tolerate(&mut self, node: usize, complaint: Complaint) {
        let tolerated = Tolerated { count: 0, first: complaint };
        self.tolerated.entry(node).or_insert(tolerated).count += 1;
    }

    /// Hears a node again, which was started anew.
    pub(super) fn hear_again(&mut self, node: usize) {
        if let Some(unheard) = self.unheard.get_mut(&node) {
            unheard.is_over = true;
        }
    }

    /// Why a node is not heard, if it is not.
    pub(super) fn complaint(&self, node: usize) -> Option<&Complaint> {
        let unheard = self.unheard.get(&node).filter(|unheard| !unheard.is_over)?;
        Some(&unheard.complaint)
    }

    /// A sentence or two for each node.
    pub(super) fn warnings(&self) -> Vec<String> {
        let tolerated = self.tolerated.values().map(|Tolerated { count, first }| {
            let messages = match count {
                1 => "a message that is taken for --lenient alone".to_owned(),
                _ => format!("{count} messages that are taken for --lenient alone, the first"),
            };
            let Complaint { node, .. } = first;
            format!("node {node} sent {messages}, as Maelstrom takes it: {}", first.in_one_line())
        });
        let unheard = self.unheard.values().map(|unheard| {
            let Unheard { complaint, since, ignored, .. } = unheard;
            let lines = match ignored {
                1 => "1 line".to_owned(),
                _ => format!("{ignored} lines"),
            };
            format!(
                "node {} was not heard any more from {:.3} s on, as in Maelstrom, which left \
                 {lines} unread: {}",
                complaint.node,
                since.as_secs_f64(),
                complaint.in_one_line()
            )
        });
        tolerated.chain(unheard).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_is_ignored_from_its_first_mistake_until_it_is_started_again() {
        let mut deaf = Deaf::default();
        let complaint = |text: &str| Complaint { node: "n1".to_owned(), text: text.to_owned() };
        assert!(!deaf.ignores(1) && deaf.complaint(1).is_none());
        deaf.stop_hearing(Duration::from_millis(1500), 1, complaint("it erred."));
        assert!(deaf.ignores(1) && !deaf.ignores(0));
        assert_eq!(deaf.complaint(1), Some(&complaint("it erred.")));
        deaf.hear_again(1);
        assert!(!deaf.ignores(1) && deaf.complaint(1).is_none());
        deaf.stop_hearing(Duration::from_secs(2), 1, complaint("it erred again."));
        assert!(deaf.ignores(1));
        deaf.tolerate(1, complaint("it was odd."));
        let expected = [
            "node n1 sent a message that is taken for --lenient alone, as Maelstrom takes it: it \
             was odd.",
            "node n1 was not heard any more from 1.500 s on, as in Maelstrom, which left 2 lines \
             unread: it erred.",
        ];
        assert_eq!(deaf.warnings(), expected);
    }
}
