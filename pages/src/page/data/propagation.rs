//! Propagation of a value through the cluster: which nodes received it, when and from whom, and
//! which never did.

use std::collections::BTreeMap;

use eddy::network::is_client;
use eddy_checkers::edn::Value;
use eddy_checkers::history::Kind;
use eddy_checkers::wording::counted;
use indexmap::IndexMap;

use super::messages::{self, Arrow};
use super::operations::ViewOperation;
use super::truncate::seconds;

/// Messages that are listed one by one. The picture shows all of them.
const MAX_LISTED_MESSAGES: usize = 12;

/// Value, messages and operations that the explanation is made of.
pub(super) struct Propagation<'a> {
    pub(super) value: &'a Value,
    pub(super) nodes: &'a [String],
    /// Operations that contradict each other.
    pub(super) operations: &'a [&'a ViewOperation<'a>],
    /// Messages that carried the value.
    pub(super) value_messages: &'a [&'a Arrow<'a>],
    /// All messages of the test.
    pub(super) arrows: &'a [Arrow<'a>],
    /// End of recording, if before the end of the test. Missing messages then prove nothing.
    pub(super) recorded_until: Option<i64>,
}

impl Propagation<'_> {
    /// Lines about the nodes that the value reached or did not reach, and whether the nodes that
    /// the operations asked had it.
    pub(super) fn summary_lines(&self) -> Vec<String> {
        let Propagation { value_messages, operations, recorded_until, .. } = self;
        let mut lines = match recorded_until {
            Some(until) => {
                vec![format!("whom it reached after {} is not recorded", seconds(*until))]
            }
            None => unreached_lines(self.nodes, value_messages),
        };
        lines.extend(self.reach_lines());
        lines.extend(operations.iter().filter_map(|operation| self.knowledge_line(operation)));
        lines
    }

    /// Lines about the messages that carried the value.
    pub(super) fn message_lines(&self) -> Vec<String> {
        let Propagation { value_messages, recorded_until, .. } = self;
        let (listed, rest) = value_messages.split_at(value_messages.len().min(MAX_LISTED_MESSAGES));
        let listed = listed.iter().map(|arrow| message_line(arrow, recorded_until.is_some()));
        let mut lines: Vec<String> = listed.collect();
        if !rest.is_empty() {
            let rest = counted(rest.len() as u64, "message");
            lines.push(format!("and {rest} more that carried it"));
        }
        lines
    }

    /// Lines about nodes that got the value from a client and, unless it reached every node, about
    /// nodes that passed it on to nobody.
    fn reach_lines(&self) -> Vec<String> {
        let Propagation { nodes, value_messages, recorded_until, .. } = self;
        let given = value_messages.iter().filter(|arrow| is_client(&arrow.message.src));
        let mut lines: Vec<String> =
            given.map(|arrow| client_send_line(arrow, *recorded_until)).collect();
        let got = nodes
            .iter()
            .filter_map(|node| Some((node.as_str(), first_arrival(node, value_messages)?)));
        let got: Vec<(&str, &Arrow<'_>)> = got.collect();
        // Unrecorded messages may have passed it on.
        if recorded_until.is_some() || got.len() == nodes.len() {
            return lines;
        }
        let passed_on =
            |node: &str| value_messages.iter().any(|arrow| is_from_to_another(arrow, node));
        let last = got.into_iter().filter(|(node, _)| !passed_on(node));
        let (silent, others): (Vec<_>, Vec<_>) =
            last.partition(|(_, arrived)| self.is_silent_after(arrived));
        let mut tell = |nodes: Vec<(&str, &Arrow<'_>)>, what: &str| {
            let names: Vec<&str> = nodes.into_iter().map(|(node, _)| node).collect();
            if !names.is_empty() {
                lines.push(format!("{} got it and {what}", names.join(", ")));
            }
        };
        tell(silent, "sent nothing to another node after that");
        // If no message between servers is known to have it, nodes may have passed it on in another
        // form.
        if is_seen_between_servers(value_messages) {
            tell(others, "passed it on to nobody");
        }
        lines
    }

    /// True if the receiver of a message sent none to another node or service afterwards.
    fn is_silent_after(&self, arrived: &Arrow<'_>) -> bool {
        let node = &arrived.message.dest;
        let mut sent = self.arrows.iter().filter(|arrow| is_from_to_another(arrow, node));
        sent.all(|arrow| Some(arrow.send_index) < arrived.end_index)
    }

    /// Line about an operation that completed without the value: whether the node that it asked had
    /// it.
    fn knowledge_line(&self, operation: &ViewOperation<'_>) -> Option<String> {
        let Propagation { value, value_messages, recorded_until, .. } = self;
        let ViewOperation { begin, end, process, node, .. } = operation;
        let (end, node) = ((*end)?, node.as_ref()?);
        // A read of null returned no values.
        let is_empty = end.kind == Kind::Ok && end.value == Value::Nil;
        let has_it = |all: &[Value]| all.contains(value);
        let may_have_it = !is_empty && end.value.as_sequence().is_none_or(has_it);
        if begin.value == **value || may_have_it {
            return None;
        }
        let arrived = value_messages
            .iter()
            .filter(|arrow| *arrow.message.dest == **node && arrow.fault.is_none());
        let arrived = arrived.filter_map(|arrow| arrow.ended).min();
        let knew = match arrived {
            Some(time) if time <= operation.invoked => format!("had got it at {}", seconds(time)),
            Some(time) => format!("got it only later, at {}", seconds(time)),
            None if recorded_until.is_some() => "is not recorded to have got it".to_owned(),
            None if !is_seen_between_servers(value_messages) => {
                "got no message that shows it".to_owned()
            }
            None => "never got it".to_owned(),
        };
        let (f, invoked) = (&begin.f, seconds(operation.invoked));
        Some(format!("the {f} by process {process} at {invoked} asked {node}, which {knew}"))
    }
}

/// True if a node sent the message to another node or service.
fn is_from_to_another(arrow: &Arrow<'_>, node: &str) -> bool {
    let (src, dest) = (&arrow.message.src, &arrow.message.dest);
    **src == *node && **dest != *node && !arrow.is_to_client()
}

/// First message that brought the value to a node.
fn first_arrival<'a>(node: &str, value_messages: &[&'a Arrow<'a>]) -> Option<&'a Arrow<'a>> {
    let to = value_messages.iter().copied().filter(|arrow| *arrow.message.dest == *node);
    to.filter(|arrow| arrow.ended.is_some() && arrow.fault.is_none())
        .min_by_key(|arrow| arrow.end_index)
}

/// Line about the fate of a message in which a client sent the value to a node.
fn client_send_line(arrow: &Arrow<'_>, recorded_until: Option<i64>) -> String {
    let (client, node) = (&arrow.message.src, &arrow.message.dest);
    match (arrow.ended, arrow.fault) {
        (Some(ended), None) => format!("{node} got it from client {client} at {}", seconds(ended)),
        (Some(ended), Some(fault)) => format!(
            "client {client} sent it to {node}, where it was lost to {fault} at {}",
            seconds(ended)
        ),
        (None, _) if recorded_until.is_some() => {
            format!("client {client} sent it to {node}, and what became of it is not recorded")
        }
        (None, _) => format!("client {client} sent it to {node}, and it did not arrive"),
    }
}

/// True if some message between servers is known to carry the value. If none is, nodes may send it
/// in a form that is not recognized here.
fn is_seen_between_servers(value_messages: &[&Arrow<'_>]) -> bool {
    value_messages.iter().any(|arrow| !arrow.message.involves_client())
}

/// Lines about the nodes that the value never reached, and the fate of the messages that had it.
fn unreached_lines(nodes: &[String], value_messages: &[&Arrow<'_>]) -> Vec<String> {
    let mut lines = Vec::new();
    let to = |node: &String| {
        let node = node.clone();
        value_messages.iter().filter(move |arrow| *arrow.message.dest == *node)
    };
    let mut never_sent = Vec::new();
    // Nodes with the same losses share a line, in the order of the first of them.
    let mut lost: IndexMap<String, Vec<&str>> = IndexMap::new();
    for node in nodes {
        if to(node).any(|arrow| arrow.ended.is_some() && arrow.fault.is_none()) {
            continue;
        }
        let mut faults: BTreeMap<String, u64> = BTreeMap::new();
        for arrow in to(node) {
            let why = match arrow.fault {
                Some(fault) => format!("lost to {fault}"),
                None => "in flight at the end".to_owned(),
            };
            *faults.entry(why).or_default() += 1;
        }
        if faults.is_empty() {
            never_sent.push(node.as_str());
        } else {
            let became = faults.iter().map(|(why, count)| format!("{count} {why}"));
            let became = became.collect::<Vec<_>>().join(", ");
            lost.entry(became).or_default().push(node);
        }
    }
    lines.extend(lost.iter().map(|(became, nodes)| {
        let each = if nodes.len() > 1 { " each" } else { "" };
        let nodes = nodes.join(", ");
        format!("{nodes} never got it: of the messages that had it, {became}{each}")
    }));
    if !never_sent.is_empty() {
        let nodes = never_sent.join(", ");
        lines.push(if is_seen_between_servers(value_messages) {
            format!("nobody ever sent it to {nodes}")
        } else {
            format!("no message to {nodes} shows it")
        });
    }
    if lines.is_empty() {
        lines.push("it reached every node, so one of them lost it or did not return it".to_owned());
    }
    lines
}

fn message_line(arrow: &Arrow<'_>, is_cut_short: bool) -> String {
    let Arrow { message, sent, ended, fault, .. } = arrow;
    let became = match (ended, fault) {
        (Some(ended), None) => format!("arrived at {}", seconds(*ended)),
        (Some(ended), Some(fault)) => format!("lost to {fault} at {}", seconds(*ended)),
        (None, _) if is_cut_short => "what became of it is not recorded".to_owned(),
        (None, _) => "did not arrive".to_owned(),
    };
    let (kind, src, dest) = (messages::kind(message), &message.src, &message.dest);
    format!("{}  {src} → {dest}  {kind}, {became}", seconds(*sent))
}
