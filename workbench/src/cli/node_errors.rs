//! Errors in the nodes' STDERR, for the text of a verdict.

use std::path::Path;

use eddy_checkers::wording::{counted, join_and};
use eddy_processes::NodeDiagnostics;

/// Number of different errors shown. Most nodes have the same bug, and so the same error.
const MAX_ERRORS_SHOWN: usize = 2;

/// Lines about the errors of nodes, each with the first node that had it. `logs` is the directory
/// of their logs.
pub(super) fn lines<'a>(
    nodes: impl IntoIterator<Item = (&'a String, &'a NodeDiagnostics)>,
    logs: &Path,
) -> Vec<String> {
    let mut node_errors: Vec<NodeErrors> = Vec::new();
    for (node, diagnostics) in nodes {
        let Some(lines) = diagnostics.errors.first() else { continue };
        let count = diagnostics.errors.count();
        match node_errors.iter_mut().find(|node_errors| node_errors.lines.last() == lines.last()) {
            Some(same) => same.nodes.push(node.clone()),
            None => node_errors.push(NodeErrors { nodes: vec![node.clone()], count, lines }),
        }
    }
    let rest = node_errors
        .iter()
        .skip(MAX_ERRORS_SHOWN)
        .flat_map(|node_errors| node_errors.nodes.iter().cloned());
    let rest: Vec<String> = rest.collect();
    let more = (!rest.is_empty()).then(|| {
        let logs = logs.display();
        format!("{} wrote other errors, which are in {logs}", names_text(&rest))
    });
    let lines = node_errors
        .into_iter()
        .take(MAX_ERRORS_SHOWN)
        .flat_map(|node_errors| node_errors.into_lines(logs));
    lines.chain(more).collect()
}

/// Error and the nodes that had it.
struct NodeErrors {
    nodes: Vec<String>,
    /// Number of errors of the first of them.
    count: u64,
    lines: Vec<String>,
}

impl NodeErrors {
    fn into_lines(self, logs: &Path) -> impl Iterator<Item = String> {
        let NodeErrors { nodes, count, lines } = self;
        let first = nodes.first().cloned().unwrap_or_default();
        let log = logs.join(format!("{first}.log"));
        let among = match (nodes.len(), count) {
            (1, 0 | 1) => "an error".to_owned(),
            (1, _) => counted(count, "error"),
            _ => "errors".to_owned(),
        };
        let which = match (nodes.len(), count) {
            (1, 0 | 1) => String::new(),
            (1, _) => ", this one first".to_owned(),
            (_, 0 | 1) => format!(", {first} this one"),
            (_, _) => format!(", {first} this one first"),
        };
        let (nodes, log) = (names_text(&nodes), log.display());
        let head = format!("{nodes} wrote {among} to STDERR{which} ({log}):");
        let lines = lines.into_iter().map(|line| format!("  {line}"));
        [head].into_iter().chain(lines)
    }
}

fn names_text(nodes: &[String]) -> String {
    format!("node{} {}", if nodes.len() == 1 { "" } else { "s" }, join_and(nodes))
}

#[cfg(test)]
mod tests {
    use eddy_processes::StderrErrors;

    use super::*;

    #[test]
    fn the_same_error_of_several_nodes_is_shown_once() {
        #[track_caller]
        fn check(texts: &[&str], expected: &[&str]) {
            let all: Vec<(String, NodeDiagnostics)> = texts
                .iter()
                .enumerate()
                .map(|(node, text)| {
                    let errors = StderrErrors::of(text);
                    (format!("n{node}"), NodeDiagnostics { errors, ..NodeDiagnostics::default() })
                })
                .collect();
            let nodes = all.iter().map(|(node, diagnostics)| (node, diagnostics));
            assert_eq!(lines(nodes, Path::new("node-logs")), expected);
        }
        check(&["beat", ""], &[]);
        let alone = ["node n1 wrote an error to STDERR (node-logs/n1.log):", "  Error: no"];
        check(&["", "Error: no"], &alone);
        let first = "node n0 wrote 2 errors to STDERR, this one first (node-logs/n0.log):";
        check(&["Error: no\n\nError: 2"], &[first, "  Error: no"]);
        let same = "nodes n0 and n2 wrote errors to STDERR, n0 this one (node-logs/n0.log):";
        check(
            &["Error: no", "Error: 1", "Error: no", "Error: 3", "Error: 4"],
            &[
                same,
                "  Error: no",
                "node n1 wrote an error to STDERR (node-logs/n1.log):",
                "  Error: 1",
                "nodes n3 and n4 wrote other errors, which are in node-logs",
            ],
        );
    }
}
