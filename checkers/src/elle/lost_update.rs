//! Lost updates: transactions that read the same version of a key and then wrote the key.
//!
//! The second of them should have read what the first one wrote, so it did not see that write. This
//! argument needs no version order, so it finds lost updates where the graph has no cycle.

use indexmap::IndexMap;
use rustc_hash::{FxBuildHasher, FxHashMap};

use super::anomaly::Anomaly;
use super::findings::{Case, Findings};
use super::transaction::{InternedId, TxnHistory};
use crate::compat::clojure::TriePosition;
use crate::history::Op;

type Ordered<K, V> = IndexMap<K, V, FxBuildHasher>;

/// Maximum number of entries for which a Clojure map keeps insertion order; larger ones are hashed.
const SMALL: usize = 8;

/// Adds a case for each version that several transactions read and then overwrote.
pub(super) fn check<'h>(transactions: &TxnHistory<'h>, findings: &mut Findings<'h>) {
    let mut replaced: Ordered<InternedId, Ordered<InternedId, Vec<&'h Op>>> = Ordered::default();
    for (_, entry) in transactions.committed() {
        // The first read of each key, and whether the key was written since.
        let mut reads: FxHashMap<InternedId, (InternedId, bool)> = FxHashMap::default();
        for mop in &entry.mops {
            match (reads.get_mut(&mop.key), mop.is_write) {
                (None, true) | (Some((_, true)), _) | (Some(_), false) => {}
                (None, false) => {
                    reads.insert(mop.key, (mop.value, false));
                }
                (Some((read, written)), true) => {
                    *written = true;
                    replaced.entry(mop.key).or_default().entry(*read).or_default().push(entry.op);
                }
            }
        }
    }
    in_clojures_order(transactions, &mut replaced);
    for (key, mut versions) in replaced {
        in_clojures_order(transactions, &mut versions);
        for (read, writers) in versions.into_iter().filter(|(_, writers)| writers.len() > 1) {
            let [key, read] = [key, read].map(|id| transactions.value(id));
            let case = Case::LostUpdate { key, read, transactions: writers };
            findings.add(Anomaly("lost-update"), case);
        }
    }
}

fn in_clojures_order<V>(transactions: &TxnHistory<'_>, map: &mut Ordered<InternedId, V>) {
    if map.len() > SMALL {
        map.sort_by_cached_key(|id, _| TriePosition::of(transactions.value(*id)));
    }
}
