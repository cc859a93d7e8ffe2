//! What a replica has on its disk: one log of records, from which its state follows.
//!
//! Term, vote and entries stand in one file in the order in which they were stored, so one sync is
//! for all of them, and what a kill leaves is what there was at some moment. An entry takes the
//! place of all that stood at its index or behind it. From time to time the file is written anew.
//!
//! The number of the node's life stands there as well. A host takes it from its clock, and a clock
//! may be set back; but what a node proposes in a life that seems to be a former one is ignored.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::interface::{Output, Stored};
use super::message::{Entry, NodeId, Snapshot};
use crate::json::Json;
use crate::node::Node;
use crate::refusal::refuse;
use crate::storage::Log;

/// After how many records the file is written anew, unless a snapshot does it before. More saves
/// work, fewer save space and the time of a start.
const MOST_RECORDS: usize = 10_000;

/// A replica's storage.
pub(super) struct Journal<C> {
    log: Log<Record<C>>,
    owner: Owner,
    life: u64,
    /// How many records the file has, and those that wait to be written.
    records: usize,
    waiting: Vec<Record<C>>,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Record<C> {
    Owner(Owner),
    Life(u64),
    Term { current_term: u64, voted_for: Option<NodeId> },
    Entry { index: u64, entry: Entry<C> },
    Snapshot(Snapshot<Json>),
}

/// To whom a file belongs: another node's vote, or another cluster's log, would be taken for its
/// own otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Owner {
    node_id: String,
    node_ids: Vec<String>,
}

impl<C: Clone + Serialize + DeserializeOwned> Journal<C> {
    /// What this node has stored in its former lives, if it had any.
    ///
    /// # Panics
    /// If it is the storage of another node, or of another cluster.
    pub(super) fn open(node: &Node, node_ids: &[String]) -> (Self, Stored<C, Json>) {
        let (log, found) = node.storage().log::<Record<C>>("raft");
        let owner = Owner { node_id: node.id().to_owned(), node_ids: node_ids.to_vec() };
        let (life, waiting) = (node.life(), Vec::new());
        let mut journal = Journal { log, owner, life, records: found.len(), waiting };
        let mut stored = Stored::default();
        if found.is_empty() {
            journal.waiting.push(Record::Owner(journal.owner.clone()));
        }
        for record in found {
            journal.read(record, &mut stored);
        }
        journal.waiting.push(Record::Life(journal.life));
        (journal, stored)
    }

    /// Which life of the node this is: a higher number than that of any other. It waits to be
    /// stored from the start on, so it is durable before this life says anything.
    pub(super) fn life(&self) -> u64 {
        self.life
    }

    fn read(&mut self, record: Record<C>, stored: &mut Stored<C, Json>) {
        match record {
            Record::Owner(Owner { node_id, node_ids }) => {
                let Owner { node_id: me, node_ids: all } = &self.owner;
                if (&node_id, &node_ids) != (me, all) {
                    refuse(format!(
                        "{me} refuses to start: of the cluster {all:?}, it has the storage of \
                         {node_id} of {node_ids:?}: expected its own, or none"
                    ));
                }
            }
            Record::Life(former) => self.life = self.life.max(former + 1),
            Record::Term { current_term, voted_for } => {
                stored.store(&Output::StoreTerm { current_term, voted_for });
            }
            Record::Entry { index, entry } => {
                stored.store(&Output::StoreEntries { index, entries: vec![entry] });
            }
            Record::Snapshot(snapshot) => {
                (stored.snapshot, stored.entries) = (Some(snapshot), Vec::new());
            }
        }
    }

    /// Takes note of an output that is to be stored; hands back any other.
    pub(super) fn take(&mut self, output: Output<C, Json>) -> Option<Output<C, Json>> {
        match output {
            Output::StoreTerm { current_term, voted_for } => {
                self.waiting.push(Record::Term { current_term, voted_for });
            }
            Output::StoreEntries { index, entries } => self.push_entries(index, entries),
            Output::StoreAll(stored) => self.renew(stored),
            other => return Some(other),
        }
        None
    }

    /// Whether there is something that is not durable yet.
    pub(super) fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Whether the file should be written anew.
    pub(super) fn is_long(&self, entries: usize) -> bool {
        self.records > entries + MOST_RECORDS
    }

    /// Has this take the place of all records.
    pub(super) fn renew(&mut self, stored: Stored<C, Json>) {
        let Stored { current_term, voted_for, snapshot, entries } = stored;
        self.records = 0;
        self.waiting = vec![Record::Owner(self.owner.clone()), Record::Life(self.life)];
        let first = snapshot.as_ref().map_or(0, |last| last.last_included_index) + 1;
        self.waiting.extend(snapshot.map(Record::Snapshot));
        self.waiting.push(Record::Term { current_term, voted_for });
        self.push_entries(first, entries);
    }

    fn push_entries(&mut self, first: u64, entries: Vec<Entry<C>>) {
        let records = (first..).zip(entries).map(|(index, entry)| Record::Entry { index, entry });
        self.waiting.extend(records);
    }

    /// Waits until everything is durable.
    ///
    /// # Panics
    /// If the disk fails: a node that cannot remember its vote must not go on.
    pub(super) async fn sync(&mut self) {
        let waiting = std::mem::take(&mut self.waiting);
        let written = if self.records == 0 {
            self.log.replace(&waiting).await
        } else {
            self.log.append(&waiting).await
        };
        if let Err(error) = written {
            let id = &self.owner.node_id;
            refuse(format!("{id} cannot go on, nor store its part of the log: {error:#}"));
        }
        self.records += waiting.len();
    }
}
