//! The way of a value through the cluster: who was told, when, by whom, and who never was.

use std::collections::BTreeMap;

use eddy::network::is_client;
use eddy_checkers::edn::Value;
use eddy_checkers::history::Kind;
use eddy_checkers::sentence::counted;
use indexmap::IndexMap;

use super::messages::{self, Arrow};
use super::operations::Operation;
use super::shown::seconds;

/// How many messages are told one by one. The picture shows all of them.
const TOLD: usize = 12;

/// What a story is made of.
pub(super) struct Story<'a> {
    pub(super) value: &'a Value,
    pub(super) nodes: &'a [String],
    /// Those that contradict each other.
    pub(super) operations: &'a [&'a Operation<'a>],
    /// The messages that carried the value.
    pub(super) carriers: &'a [&'a Arrow<'a>],
    /// All messages.
    pub(super) arrows: &'a [Arrow<'a>],
    /// Until when messages are recorded, if not until the end. What is not there says nothing then.
    pub(super) recorded_until: Option<i64>,
}

impl Story<'_> {
    /// Whom the value reached and whom it did not, in lines, and what the nodes knew that the
    /// operations asked.
    pub(super) fn in_short(&self) -> Vec<String> {
        let Story { carriers, operations, recorded_until, .. } = self;
        let mut lines = match recorded_until {
            Some(until) => {
                vec![format!("whom it reached after {} is not recorded", seconds(*until))]
            }
            None => who_never_got_it(self.nodes, carriers),
        };
        lines.extend(self.how_far_it_got());
        lines.extend(operations.iter().filter_map(|operation| self.did_know(operation)));
        lines
    }

    /// How the messages that carried the value went, in lines.
    pub(super) fn way(&self) -> Vec<String> {
        let Story { carriers, recorded_until, .. } = self;
        let (told, rest) = carriers.split_at(carriers.len().min(TOLD));
        let told = told.iter().map(|arrow| line(arrow, recorded_until.is_some()));
        let mut lines: Vec<String> = told.collect();
        if !rest.is_empty() {
            let rest = counted(rest.len() as u64, "message");
            lines.push(format!("and {rest} more that carried it"));
        }
        lines
    }

    /// Who got it from a client, and who passed it on to nobody, unless it reached every node.
    fn how_far_it_got(&self) -> Vec<String> {
        let Story { nodes, carriers, recorded_until, .. } = self;
        let given = carriers.iter().filter(|arrow| is_client(&arrow.message.src));
        let mut lines: Vec<String> = given.map(|arrow| gift(arrow, *recorded_until)).collect();
        let got = nodes.iter().filter_map(|node| Some((node.as_str(), got_at(node, carriers)?)));
        let got: Vec<(&str, &Arrow<'_>)> = got.collect();
        // What is not recorded may have been passed on.
        if recorded_until.is_some() || got.len() == nodes.len() {
            return lines;
        }
        let passed_on = |node: &str| carriers.iter().any(|arrow| is_from_to_another(arrow, node));
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
        // Where no message is known to have it, they may have passed it on in another form.
        if is_recognized(carriers) {
            tell(others, "passed it on to nobody");
        }
        lines
    }

    /// Whether the one who got a message sent none to another node, or to a service, after that.
    fn is_silent_after(&self, arrived: &Arrow<'_>) -> bool {
        let node = &arrived.message.dest;
        let mut sent = self.arrows.iter().filter(|arrow| is_from_to_another(arrow, node));
        sent.all(|arrow| Some(arrow.sent_as) < arrived.ended_as)
    }

    /// Of an operation that came to an end without the value: whether the node that was asked had
    /// it.
    fn did_know(&self, operation: &Operation<'_>) -> Option<String> {
        let Story { value, carriers, recorded_until, .. } = self;
        let Operation { begin, end, process, node, .. } = operation;
        let (end, node) = ((*end)?, node.as_ref()?);
        // A read that found null found nothing.
        let is_empty = end.kind == Kind::Ok && end.value == Value::Nil;
        let has_it = |all: &[Value]| all.contains(value);
        let may_have_it = !is_empty && end.value.as_sequence().is_none_or(has_it);
        if begin.value == **value || may_have_it {
            return None;
        }
        let arrived =
            carriers.iter().filter(|arrow| *arrow.message.dest == **node && arrow.fault.is_none());
        let arrived = arrived.filter_map(|arrow| arrow.ended).min();
        let knew = match arrived {
            Some(time) if time <= operation.invoked => format!("had got it at {}", seconds(time)),
            Some(time) => format!("got it only later, at {}", seconds(time)),
            None if recorded_until.is_some() => "is not recorded to have got it".to_owned(),
            None if !is_recognized(carriers) => "got no message that shows it".to_owned(),
            None => "never got it".to_owned(),
        };
        let (f, invoked) = (&begin.f, seconds(operation.invoked));
        Some(format!("the {f} by process {process} at {invoked} asked {node}, which {knew}"))
    }
}

/// Whether a node sent a message to another node, or to a service.
fn is_from_to_another(arrow: &Arrow<'_>, node: &str) -> bool {
    let (src, dest) = (&arrow.message.src, &arrow.message.dest);
    **src == *node && **dest != *node && !arrow.is_to_client()
}

/// The first message by which a node got it.
fn got_at<'a>(node: &str, carriers: &[&'a Arrow<'a>]) -> Option<&'a Arrow<'a>> {
    let to = carriers.iter().copied().filter(|arrow| *arrow.message.dest == *node);
    to.filter(|arrow| arrow.ended.is_some() && arrow.fault.is_none())
        .min_by_key(|arrow| arrow.ended_as)
}

/// What became of the message by which a client gave it to a node.
fn gift(arrow: &Arrow<'_>, recorded_until: Option<i64>) -> String {
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

/// Whether any message between servers is known to have the value. If none is, they may speak of it
/// in a way that is not understood here.
fn is_recognized(carriers: &[&Arrow<'_>]) -> bool {
    carriers.iter().any(|arrow| !arrow.message.involves_client())
}

/// For all nodes that the value never reached, what became of the messages that had it.
fn who_never_got_it(nodes: &[String], carriers: &[&Arrow<'_>]) -> Vec<String> {
    let mut lines = Vec::new();
    let to = |node: &String| {
        let node = node.clone();
        carriers.iter().filter(move |arrow| *arrow.message.dest == *node)
    };
    let mut never_sent = Vec::new();
    // Nodes that fared alike share a line, in the order of the first of them.
    let mut lost: IndexMap<String, Vec<&str>> = IndexMap::new();
    for node in nodes {
        if to(node).any(|arrow| arrow.ended.is_some() && arrow.fault.is_none()) {
            continue;
        }
        let mut faults: BTreeMap<String, u64> = BTreeMap::new();
        for arrow in to(node) {
            let why = match arrow.fault {
                Some(fault) => format!("lost to {fault}"),
                None => "under way at the end".to_owned(),
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
        lines.push(if is_recognized(carriers) {
            format!("nobody ever sent it to {nodes}")
        } else {
            format!("no message to {nodes} shows it")
        });
    }
    if lines.is_empty() {
        lines.push("it reached every node, so one of them forgot it or did not show it".to_owned());
    }
    lines
}

fn line(arrow: &Arrow<'_>, is_cut_short: bool) -> String {
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
