//! Write-ahead log (WAL): the file that holds a replica's persistent state, as a log of records.
//!
//! Terms, votes and entries are in one file in the order in which they were stored. So one sync
//! makes all of them durable, and after a kill the file holds the state of some earlier moment. An
//! entry replaces all entries at its index or after it. From time to time the file is rewritten.
//! A record here is an entry of the [`DurableLog`]; only some of them hold entries of Raft's log.
//!
//! The file also holds the node's incarnation number. It comes from the clock
//! ([`Host`](crate::Host)), and a clock may be set back; but sessions ignore proposals of an
//! incarnation that seems to be a former one. So each start takes a number that is greater than all
//! in the file.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::interface::{Output, PersistentState};
use super::message::{Entry, ServerId, Snapshot};
use crate::fatal::fail_node;
use crate::json::Json;
use crate::node::Node;
use crate::storage::DurableLog;

/// Maximum number of records beyond one for each entry in the log: with more, the file is
/// rewritten. A snapshot rewrites it as well. A larger number saves work; a smaller one saves space
/// and shortens a start.
const MAX_SURPLUS_RECORDS: usize = 10_000;

/// A replica's persistent state on disk, and records that wait to be written there.
pub(super) struct Wal<C> {
    log: DurableLog<WalRecord<C>>,
    owner: Owner,
    incarnation: u64,
    /// Number of records in the file; 0 if the pending ones are to replace or create it.
    records: usize,
    /// Records that wait to be written.
    pending: Vec<WalRecord<C>>,
}

/// Entry of the durable log that is the WAL. A later one overrides earlier ones.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum WalRecord<C> {
    Owner(Owner),
    Incarnation(u64),
    TermAndVote { current_term: u64, voted_for: Option<ServerId> },
    Entry { index: u64, entry: Entry<C> },
    Snapshot(Snapshot<Json>),
}

/// Owner of the file. A node that took another node's vote, or another cluster's log, for its own
/// would break Raft's guarantees.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Owner {
    node_id: String,
    node_ids: Vec<String>,
}

impl<C: Clone + Serialize + DeserializeOwned> Wal<C> {
    /// Opens the WAL, and reads the state that former incarnations of this node have stored.
    /// The node ends if the file belongs to another node, or to another cluster.
    pub(super) fn open(node: &Node, node_ids: &[String]) -> (Self, PersistentState<C, Json>) {
        let (log, found) = node.storage().log::<WalRecord<C>>("raft");
        let owner = Owner { node_id: node.id().to_owned(), node_ids: node_ids.to_vec() };
        let (incarnation, pending) = (node.incarnation(), Vec::new());
        let mut wal = Wal { log, owner, incarnation, records: found.len(), pending };
        let mut stored = PersistentState::default();
        if found.is_empty() {
            wal.pending.push(WalRecord::Owner(wal.owner.clone()));
        }
        for record in found {
            wal.replay(record, &mut stored);
        }
        wal.pending.push(WalRecord::Incarnation(wal.incarnation));
        (wal, stored)
    }

    /// Number of this incarnation, greater than that of any former one. Its record is pending from
    /// the start, so it is durable before this incarnation sends anything.
    pub(super) fn incarnation(&self) -> u64 {
        self.incarnation
    }

    fn replay(&mut self, record: WalRecord<C>, stored: &mut PersistentState<C, Json>) {
        match record {
            WalRecord::Owner(Owner { node_id, node_ids }) => {
                let Owner { node_id: own_id, node_ids: own_cluster } = &self.owner;
                if (&node_id, &node_ids) != (own_id, own_cluster) {
                    fail_node(format!(
                        "{own_id} refuses to start: it has the storage of {node_id} in the cluster \
                         {node_ids:?}, and not its own in the cluster {own_cluster:?}; start it \
                         with its own storage, or with none"
                    ));
                }
            }
            WalRecord::Incarnation(former) => self.incarnation = self.incarnation.max(former + 1),
            WalRecord::TermAndVote { current_term, voted_for } => {
                stored.store(&Output::StoreTermAndVote { current_term, voted_for });
            }
            WalRecord::Entry { index, entry } => {
                stored.store(&Output::StoreEntries { index, entries: vec![entry] });
            }
            WalRecord::Snapshot(snapshot) => {
                (stored.snapshot, stored.entries) = (Some(snapshot), Vec::new());
            }
        }
    }

    /// Buffers the records of a `Store…` output; returns any other output.
    pub(super) fn buffer(&mut self, output: Output<C, Json>) -> Option<Output<C, Json>> {
        match output {
            Output::StoreTermAndVote { current_term, voted_for } => {
                self.pending.push(WalRecord::TermAndVote { current_term, voted_for });
            }
            Output::StoreEntries { index, entries } => self.push_entries(index, entries),
            Output::StoreAll(stored) => self.rewrite(stored),
            other => return Some(other),
        }
        None
    }

    /// True if there are records that are not durable yet.
    pub(super) fn has_pending(&self) -> bool {
        !self.pending.is_empty()
    }

    /// True if the file should be rewritten, for a log of so many entries.
    pub(super) fn needs_rewrite(&self, entries: usize) -> bool {
        self.records > entries + MAX_SURPLUS_RECORDS
    }

    /// Replaces all records by this state, with the next sync. Pending records are dropped, because
    /// the state includes them.
    pub(super) fn rewrite(&mut self, stored: PersistentState<C, Json>) {
        let PersistentState { current_term, voted_for, snapshot, entries } = stored;
        self.records = 0;
        self.pending =
            vec![WalRecord::Owner(self.owner.clone()), WalRecord::Incarnation(self.incarnation)];
        let first = snapshot.as_ref().map_or(0, |last| last.last_included_index) + 1;
        self.pending.extend(snapshot.map(WalRecord::Snapshot));
        self.pending.push(WalRecord::TermAndVote { current_term, voted_for });
        self.push_entries(first, entries);
    }

    fn push_entries(&mut self, first: u64, entries: Vec<Entry<C>>) {
        let records =
            (first..).zip(entries).map(|(index, entry)| WalRecord::Entry { index, entry });
        self.pending.extend(records);
    }

    /// Waits until all records are durable. The node ends if the disk fails: a node that cannot
    /// store its vote must not go on.
    pub(super) async fn sync(&mut self) {
        let pending = std::mem::take(&mut self.pending);
        let written = if self.records == 0 {
            self.log.replace(&pending).await
        } else {
            self.log.append(&pending).await
        };
        if let Err(error) = written {
            let id = &self.owner.node_id;
            fail_node(format!("{id} cannot go on: it cannot write to its log: {error:#}"));
        }
        self.records += pending.len();
    }
}
