//! Sentences about operations that did not succeed.

use std::collections::BTreeMap;

use crate::stats::{ResponseCounts, ResponsesByNode, Stats};
use crate::wording::{counted, error, join_and, seconds};
use crate::{Placement, Validity};

impl Stats {
    /// The reasons why it is not valid.
    pub fn reasons<'a>(&'a self, placement: &Placement<'a>) -> impl Iterator<Item = String> {
        let nothing = "no operation ended, so nothing shows that any can succeed";
        let nothing = (self.valid == Validity::Unknown).then(|| nothing.to_owned());
        self.without_success(placement).map(|responses| no_success(&responses)).chain(nothing)
    }

    /// Warnings of nodes that never replied to requests that others answered, if there were no
    /// faults.
    pub fn silent_node_warnings<'a>(
        &'a self,
        placement: &Placement<'a>,
    ) -> impl Iterator<Item = String> {
        let silent = self.without_answer(placement);
        silent.map(|ResponsesByNode { f, nodes, .. }| {
            no_answer(f, &nodes) + ", although other nodes answered"
        })
    }
}

/// A sentence that no operation of a function succeeded, with the responses.
pub(crate) fn no_success(ResponsesByNode { f, counts, nodes }: &ResponsesByNode<'_>) -> String {
    let (silent, others): (BTreeMap<_, _>, BTreeMap<_, _>) = nodes
        .iter()
        .map(|(node, responses)| (*node, responses.clone()))
        .partition(|(_, responses)| responses.never_answered());
    if others.is_empty() && !silent.is_empty() {
        return no_answer(f, &silent);
    }
    let all = ResponseCounts::sum(others.values());
    let refused = match (all.refused as u64, &all.error) {
        (0, _) => None,
        (count, None) => Some(format!("{count} ended without an error")),
        (1, Some(why)) => Some(format!("one was refused with {}", error(why))),
        (refused, Some(why)) => {
            Some(format!("{refused} were refused, the first with {}", error(why)))
        }
    };
    let malformed = match all.malformed as u64 {
        0 => None,
        1 => Some("1 malformed reply".to_owned()),
        count => Some(format!("{count} malformed replies")),
    };
    let late = match (all.timed_out as u64, all.first_timeout) {
        (0, _) | (_, None) => None,
        (count, Some(waited)) => {
            Some(format!("{count} not answered within {}", waiting_time(waited)))
        }
    };
    let silence = (!silent.is_empty()).then(|| no_answer(f, &silent));
    let parts: Vec<String> = [refused, malformed, late, silence].into_iter().flatten().collect();
    let none = match counts.count() {
        1 => format!("the only {} did not succeed", noun(f)),
        count => format!("none of {} succeeded", counted_ops(count, f)),
    };
    format!("{none}: {}", parts.join("; "))
}

/// A sentence that no operation was answered in time: `n2 answered none of 5 broadcasts within 5
/// s`.
fn no_answer(f: &str, nodes: &BTreeMap<&str, ResponseCounts>) -> String {
    let all = ResponseCounts::sum(nodes.values());
    let (operations, within) =
        (counted_ops(all.timed_out, f), waiting_time(all.first_timeout.unwrap_or_default()));
    let names: Vec<String> = nodes.keys().map(|node| (*node).to_owned()).collect();
    match &names[..] {
        [node] if all.timed_out == 1 && !node.is_empty() => {
            format!("{node} did not answer its only {} within {within}", noun(f))
        }
        [_] if all.timed_out == 1 => {
            format!("the only {} was not answered within {within}", noun(f))
        }
        [node] if !node.is_empty() => {
            format!("{node} answered none of {operations} within {within}")
        }
        [_] => format!("none of {operations} was answered within {within}"),
        nodes => format!(
            "none of {operations} to {} nodes was answered within {within}: {}",
            nodes.len(),
            join_and(nodes)
        ),
    }
}

/// A number of operations: `5 broadcasts`.
fn counted_ops(count: usize, f: &str) -> String {
    counted(count as u64, &noun(f))
}

/// A noun for an operation, whose plural ends with an s.
fn noun(f: &str) -> String {
    match f {
        "broadcast" | "read" | "write" | "add" | "send" | "poll" | "txn" => f.to_owned(),
        f => format!("{f} request"),
    }
}

/// The time that a client waited, rounded to seconds if it is close: `5 s`.
fn waiting_time(nanoseconds: u64) -> String {
    match (nanoseconds + 50_000_000) / 1_000_000_000 {
        whole @ 1.. if nanoseconds.abs_diff(whole * 1_000_000_000) < 50_000_000 => {
            format!("{whole} s")
        }
        _ => seconds(nanoseconds),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::History;
    use crate::stats;

    #[test]
    fn a_function_that_never_succeeded_is_reported_with_its_responses() {
        // Each is a process, the type of its completion, and the error.
        #[track_caller]
        fn check(ends: &[(u64, &str)], nodes: usize, expected: &str) {
            let ops = (0..).zip(ends).map(|(number, (process, error))| {
                let head = |index: usize, time: u64, kind: &str| {
                    format!(
                        "{{:index {index}, :time {time}, :type :{kind}, :process {process}, :f \
                         :broadcast, :value 1"
                    )
                };
                let (begin, end) = (head(2 * number, 0, "invoke"), "info");
                let end = head(2 * number + 1, 5_000_400_000, end);
                format!("{begin}}}\n{end}, {error}}}\n")
            });
            let history = History::read_edn(&ops.collect::<String>()).unwrap();
            let nodes: Vec<String> = (0..nodes).map(|number| format!("n{number}")).collect();
            let placement = Placement { nodes: &nodes, concurrency: nodes.len() };
            let reasons: Vec<String> = stats::check(&history).reasons(&placement).collect();
            assert_eq!(reasons, [expected]);
        }
        let (silence, busy) = (":error :net-timeout", ":error [:abort \"busy\"]");
        let malformed = ":error \"?\", :exception {:via [{:type :malformed-rpc-response}]}";
        let unhandled = ":error \"?\", :exception {:via [{:type :timeout}]}";
        let only = "n0 did not answer its only broadcast within 5 s";
        check(&[(0, silence)], 1, only);
        check(&[(0, unhandled)], 1, only);
        check(&[(0, silence)], 0, "the only broadcast was not answered within 5 s");
        check(&[(0, silence), (0, silence)], 0, "none of 2 broadcasts was answered within 5 s");
        let all = "none of 2 broadcasts to 2 nodes was answered within 5 s: n0 and n1";
        check(&[(0, silence), (1, silence)], 2, all);
        let refused = "none of 2 broadcasts succeeded: 2 were refused, the first with error 14, \
                       abort: \"busy\"";
        check(&[(0, busy), (1, busy)], 2, refused);
        let differ = "none of 3 broadcasts succeeded: one was refused with error 14, abort: \
                      \"busy\"; n1 answered none of 2 broadcasts within 5 s";
        check(&[(0, busy), (1, silence), (1, silence)], 2, differ);
        check(&[(0, malformed)], 1, "the only broadcast did not succeed: 1 malformed reply");
        let late = "none of 3 broadcasts succeeded: 1 malformed reply; 2 not answered within 5 s";
        check(&[(0, malformed), (0, silence), (0, silence)], 1, late);
    }

    #[test]
    fn without_faults_a_node_that_never_answers_what_others_answer_is_reported() {
        let nodes = ["n0", "n1"].map(String::from);
        let placement = Placement { nodes: &nodes, concurrency: 2 };
        let told = |faults: &str, silent: usize| {
            let op = |index: usize, process: u64, rest: &str| {
                format!(
                    "{{:index {index}, :time 1, :process {process}, :f :add, :value 1, {rest}}}\n"
                )
            };
            let answered = op(0, 0, ":type :ok");
            let timeouts =
                (0..silent).map(|index| op(index + 1, 1, ":type :info, :error :net-timeout"));
            let text = answered + &timeouts.collect::<String>() + faults;
            let stats = stats::check(&History::read_edn(&text).unwrap());
            stats.silent_node_warnings(&placement).collect::<Vec<_>>()
        };
        assert_eq!(
            told("", 3),
            ["n1 answered none of 3 adds within 0.000 s, although other nodes answered"]
        );
        assert_eq!(told("", 2), [""; 0]);
        let kill = "{:index 9, :time 1, :type :info, :process :nemesis, :f :kill, :value nil}\n";
        assert_eq!(told(kill, 3), [""; 0]);
    }
}
