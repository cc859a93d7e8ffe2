//! The errors that nodes wrote to STDERR, for whoever reads a verdict.

use std::path::Path;

use eddy_checkers::sentence::{and, counted};
use eddy_processes::Remains;

/// How many different errors are told. Most nodes have the same mistake, and so the same error.
const MOST_TOLD: usize = 2;

/// Lines that tell the errors of nodes, each error with the first node that had it; `logs` is the
/// directory of their logs.
pub(super) fn lines<'a>(
    nodes: impl IntoIterator<Item = (&'a String, &'a Remains)>,
    logs: &Path,
) -> Vec<String> {
    let mut told: Vec<Told> = Vec::new();
    for (node, remains) in nodes {
        let Some(lines) = remains.errors.first() else { continue };
        let count = remains.errors.count();
        match told.iter_mut().find(|told| told.lines.last() == lines.last()) {
            Some(same) => same.nodes.push(node.clone()),
            None => told.push(Told { nodes: vec![node.clone()], count, lines }),
        }
    }
    let rest = told.iter().skip(MOST_TOLD).flat_map(|told| told.nodes.iter().cloned());
    let rest: Vec<String> = rest.collect();
    let more = (!rest.is_empty()).then(|| {
        let logs = logs.display();
        format!("{} wrote other errors, which are in {logs}", named(&rest))
    });
    let lines = told.into_iter().take(MOST_TOLD).flat_map(|told| told.into_lines(logs));
    lines.chain(more).collect()
}

/// An error, and who had it.
struct Told {
    nodes: Vec<String>,
    /// How many errors the first of them had.
    count: u64,
    lines: Vec<String>,
}

impl Told {
    fn into_lines(self, logs: &Path) -> impl Iterator<Item = String> {
        let Told { nodes, count, lines } = self;
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
        let (nodes, log) = (named(&nodes), log.display());
        let head = format!("{nodes} wrote {among} to STDERR{which} ({log}):");
        let lines = lines.into_iter().map(|line| format!("  {line}"));
        [head].into_iter().chain(lines)
    }
}

fn named(nodes: &[String]) -> String {
    format!("node{} {}", if nodes.len() == 1 { "" } else { "s" }, and(nodes))
}

#[cfg(test)]
mod tests {
    use eddy_processes::Errors;

    use super::*;

    #[test]
    fn the_same_error_of_several_nodes_is_told_once() {
        #[track_caller]
        fn check(texts: &[&str], expected: &[&str]) {
            let all: Vec<(String, Remains)> = texts
                .iter()
                .enumerate()
                .map(|(node, text)| {
                    let errors = Errors::of(text);
                    (format!("n{node}"), Remains { errors, ..Remains::default() })
                })
                .collect();
            let nodes = all.iter().map(|(node, remains)| (node, remains));
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
