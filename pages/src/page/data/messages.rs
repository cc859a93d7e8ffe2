//! Messages, from the network's event log.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use eddy::Fault;
use eddy::Report;
use eddy::network::{EventKind, NetworkMessage, is_client};
use rustc_hash::FxHashMap;
use serde::Deserialize;

use super::{MessageColumns, Participant, microseconds, truncate};

/// Message from send to arrival, drawn as an arrow.
#[derive(Debug, Clone)]
pub(crate) struct Arrow<'a> {
    pub(in crate::page) message: &'a NetworkMessage,
    pub(in crate::page) sent: i64,
    /// Time of arrival or loss, if any.
    pub(in crate::page) ended: Option<i64>,
    /// Fault that dropped it, if any.
    pub(in crate::page) fault: Option<Fault>,
    /// Indices of send and end in the log, which order events of the same microsecond.
    pub(in crate::page) send_index: usize,
    pub(in crate::page) end_index: Option<usize>,
}

impl Arrow<'_> {
    /// True if the receiver is a client.
    pub(in crate::page) fn is_to_client(&self) -> bool {
        is_client(&self.message.dest)
    }
}

/// All messages in the order of sending. A message that arrived twice has two entries.
pub(in crate::page) fn arrows(report: &Report) -> Vec<Arrow<'_>> {
    let Some(journal) = &report.network_record().messages else { return Vec::new() };
    let mut arrows: Vec<Arrow<'_>> = Vec::new();
    let mut places: FxHashMap<u64, usize> = FxHashMap::default();
    for (number, event) in journal.events().iter().enumerate() {
        let message = &event.message;
        if event.kind == EventKind::Send {
            places.insert(message.id, arrows.len());
            let sent = time(report, event.at);
            let (send_index, end_index) = (number, None);
            arrows.push(Arrow { message, sent, ended: None, fault: None, send_index, end_index });
            continue;
        }
        let Some(&place) = places.get(&message.id) else { continue };
        let arrow = &mut arrows[place];
        if arrow.ended.is_none() {
            (arrow.ended, arrow.fault) = (Some(time(report, event.at)), event.fault);
            arrow.end_index = Some(number);
        } else {
            let ended = Some(time(report, event.at));
            let again =
                Arrow { ended, fault: event.fault, end_index: Some(number), ..arrow.clone() };
            arrows.push(again);
        }
    }
    arrows.sort_by_key(|arrow| (arrow.sent, arrow.send_index));
    arrows
}

/// Converts a time of the network's journal to microseconds of the history.
pub(in crate::page) fn time(report: &Report, at: Duration) -> i64 {
    let zero = report.network_record().history_start;
    match at.checked_sub(zero) {
        Some(after) => microseconds(after),
        None => -microseconds(zero.saturating_sub(at)),
    }
}

/// Nodes, services that occur in messages, and clients, in the order of their numbers.
pub(in crate::page) fn participants(report: &Report, arrows: &[Arrow<'_>]) -> Vec<Participant> {
    let nodes = report.test().node_ids();
    let (mut services, mut clients) = (BTreeSet::new(), BTreeMap::new());
    let names = arrows.iter().flat_map(|arrow| [&arrow.message.src, &arrow.message.dest]);
    for name in names.map(|name| &**name) {
        match name.strip_prefix('c') {
            Some(number) => drop(clients.insert((number.len(), number), name)),
            None => drop(services.insert(name)),
        }
    }
    services.retain(|name| !nodes.iter().any(|node| node == name));
    let all = nodes.iter().map(|name| (name.as_str(), "node"));
    let all = all.chain(services.into_iter().map(|name| (name, "service")));
    let all = all.chain(clients.into_values().map(|name| (name, "client")));
    all.map(|(name, kind)| Participant { name: name.to_owned(), kind }).collect()
}

/// Columns of messages; new message types are appended to `kinds`.
pub(in crate::page) fn columns(
    arrows: &[Arrow<'_>],
    participants: &[Participant],
    end: i64,
    recorded_until: Option<i64>,
    kinds: &mut Vec<String>,
) -> MessageColumns {
    let places = participants.iter().map(|participant| participant.name.as_str()).zip(0..);
    let places: FxHashMap<&str, usize> = places.collect();
    let place = |name: &str| places.get(name).copied().unwrap_or_default();
    let mut numbers: FxHashMap<String, usize> = FxHashMap::default();
    let mut columns = MessageColumns::default();
    for Arrow { message, sent, ended, fault, .. } in arrows {
        let kind = kind(message);
        let number = *numbers.entry(kind).or_insert_with_key(|kind| {
            kinds.push(kind.clone());
            kinds.len() - 1
        });
        let nowhere = match recorded_until {
            Some(until) => until.max(*sent),
            None if message.involves_client() => *sent,
            None => end,
        };
        let (body, bytes) = truncate::prefix(message.body.get());
        columns.id.push(message.id);
        columns.src.push(place(&message.src));
        columns.dest.push(place(&message.dest));
        columns.kind.push(number);
        columns.sent.push(*sent);
        columns.ended.push(ended.unwrap_or(nowhere));
        columns.fate.push(match (ended, fault) {
            (Some(_), None) => 0,
            (Some(_), Some(_)) => 1,
            (None, _) if recorded_until.is_none() => 2,
            (None, _) => 3,
        });
        columns.fault.push(fault.map(|fault| fault.to_string()).unwrap_or_default());
        columns.body.push(body);
        columns.bytes.push(bytes);
    }
    columns
}

/// Type of a message. Every body has one, which was checked when it was sent.
pub(in crate::page) fn kind(message: &NetworkMessage) -> String {
    #[derive(Deserialize)]
    struct Body {
        #[serde(rename = "type")]
        kind: String,
    }
    serde_json::from_str(message.body.get()).map(|Body { kind }| kind).unwrap_or_default()
}
