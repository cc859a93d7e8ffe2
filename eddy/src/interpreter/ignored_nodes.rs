//! Nodes whose output is ignored in a lenient test, after a line that is not a message or a message
//! to an unknown destination.
//!
//! Maelstrom stops reading a node at the first such line (`process.clj`): it logs an error, and the
//! node's later lines stay in its pipe. The node still receives messages, but sends none.

use std::collections::BTreeMap;
use std::time::Duration;

use super::NodeError;

/// The nodes whose invalid output was ignored or tolerated, by index.
#[derive(Debug, Default)]
pub(super) struct IgnoredNodes {
    nodes: BTreeMap<usize, IgnoredNode>,
    tolerated: BTreeMap<usize, ToleratedMessages>,
}

/// A node whose output is ignored.
#[derive(Debug)]
struct IgnoredNode {
    /// The first error of the node, for which it is ignored.
    error: NodeError,
    /// The beginning, in the time of the history.
    since: Duration,
    /// The number of lines that were ignored.
    ignored_lines: u64,
    /// True if the node was restarted, and is not ignored any more.
    is_over: bool,
}

/// Invalid messages of a node that were sent all the same.
#[derive(Debug)]
struct ToleratedMessages {
    count: u64,
    first: NodeError,
}

impl IgnoredNodes {
    /// True if this node is ignored. Then counts a line as ignored.
    pub(super) fn ignores_line(&mut self, node: usize) -> bool {
        let ignored = self.nodes.get_mut(&node).filter(|ignored| !ignored.is_over);
        if let Some(ignored) = ignored {
            ignored.ignored_lines += 1;
            return true;
        }
        false
    }

    /// Ignores a node from now on. Of several errors the first one is reported.
    pub(super) fn ignore(&mut self, since: Duration, node: usize, error: NodeError) {
        let ignored = IgnoredNode { error, since, ignored_lines: 0, is_over: false };
        self.nodes.entry(node).or_insert(ignored).is_over = false;
    }

    /// Notes an invalid message that was sent all the same.
    pub(super) fn tolerate(&mut self, node: usize, error: NodeError) {
        let tolerated = ToleratedMessages { count: 0, first: error };
        self.tolerated.entry(node).or_insert(tolerated).count += 1;
    }

    /// Stops ignoring a restarted node.
    pub(super) fn stop_ignoring(&mut self, node: usize) {
        if let Some(ignored) = self.nodes.get_mut(&node) {
            ignored.is_over = true;
        }
    }

    /// The error for which a node is ignored, if it is.
    pub(super) fn error(&self, node: usize) -> Option<&NodeError> {
        let ignored = self.nodes.get(&node).filter(|ignored| !ignored.is_over)?;
        Some(&ignored.error)
    }

    /// At most two sentences for each node.
    pub(super) fn warnings(&self) -> Vec<String> {
        let tolerated = self.tolerated.values().map(|ToleratedMessages { count, first }| {
            let messages = match count {
                1 => "a message that only Maelstrom and a lenient test accept".to_owned(),
                _ => format!(
                    "{count} messages that only Maelstrom and a lenient test accept, the first"
                ),
            };
            let NodeError { node, .. } = first;
            format!("node {node} sent {messages}: {}", first.in_one_line())
        });
        let ignored = self.nodes.values().map(|ignored| {
            let IgnoredNode { error, since, ignored_lines, .. } = ignored;
            let (lines, were) = match ignored_lines {
                1 => ("line", "was"),
                _ => ("lines", "were"),
            };
            format!(
                "node {} was ignored from {:.3} s on, as in Maelstrom, and {ignored_lines} {lines} \
                 of its output {were} not read: {}",
                error.node,
                since.as_secs_f64(),
                error.in_one_line()
            )
        });
        tolerated.chain(ignored).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_is_ignored_from_its_first_mistake_until_it_is_restarted() {
        let mut ignored = IgnoredNodes::default();
        let error = |text: &str| NodeError { node: "n1".to_owned(), text: text.to_owned() };
        assert!(!ignored.ignores_line(1) && ignored.error(1).is_none());
        ignored.ignore(Duration::from_millis(1500), 1, error("it erred."));
        assert!(ignored.ignores_line(1) && !ignored.ignores_line(0));
        assert_eq!(ignored.error(1), Some(&error("it erred.")));
        ignored.stop_ignoring(1);
        assert!(!ignored.ignores_line(1) && ignored.error(1).is_none());
        ignored.ignore(Duration::from_secs(2), 1, error("it erred again."));
        assert!(ignored.ignores_line(1));
        ignored.tolerate(1, error("it was odd."));
        let expected = [
            "node n1 sent a message that only Maelstrom and a lenient test accept: it was odd.",
            "node n1 was ignored from 1.500 s on, as in Maelstrom, and 2 lines of its output were \
             not read: it erred.",
        ];
        assert_eq!(ignored.warnings(), expected);
    }
}
