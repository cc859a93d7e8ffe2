//! Transactions that read the same version of a key and then wrote it.
//!
//! Whichever of them came second must have read what the first one wrote, unless it did not see
//! it. This needs no order of versions, which is why it is found where cycles are not.

use indexmap::IndexMap;
use rustc_hash::{FxBuildHasher, FxHashMap};

use super::anomaly::Anomaly;
use super::findings::{Explanation, Findings};
use super::transaction::{Entry, Id, Transactions};
use crate::clojure::Place;
use crate::edn::{Map, Value};

type Ordered<K, V> = IndexMap<K, V, FxBuildHasher>;

/// How many entries Clojure's maps keep in the order of insertion; more are hashed.
const SMALL: usize = 8;

/// How many of the transactions of one lost update are shown.
const SHOWN: usize = 4;

/// Adds a case for each version that several transactions replaced.
pub(super) fn check(transactions: &Transactions<'_>, findings: &mut Findings) {
    let mut replaced: Ordered<Id, Ordered<Id, Vec<&Entry<'_>>>> = Ordered::default();
    for (_, entry) in transactions.oks() {
        // What was first read of each key, and whether it was written since.
        let mut reads: FxHashMap<Id, (Id, bool)> = FxHashMap::default();
        for mop in &entry.mops {
            match (reads.get_mut(&mop.key), mop.writes) {
                (None, true) | (Some((_, true)), _) | (Some(_), false) => {}
                (None, false) => {
                    reads.insert(mop.key, (mop.value, false));
                }
                (Some((read, written)), true) => {
                    *written = true;
                    replaced.entry(mop.key).or_default().entry(*read).or_default().push(entry);
                }
            }
        }
    }
    in_clojures_order(transactions, &mut replaced);
    for (key, mut versions) in replaced {
        in_clojures_order(transactions, &mut versions);
        for (read, writers) in versions.iter().filter(|(_, writers)| writers.len() > 1) {
            let [key, read] = [key, *read].map(|id| transactions.value(id));
            let ops: Vec<Value> = writers.iter().map(|entry| entry.op.to_edn()).collect();
            let value =
                Map::new().with("key", key.clone()).with("value", read.clone()).with("txns", ops);
            findings.add(Anomaly("lost-update"), value, || explain(key, read, writers));
        }
    }
}

fn in_clojures_order<V>(transactions: &Transactions<'_>, map: &mut Ordered<Id, V>) {
    if map.len() > SMALL {
        map.sort_by_cached_key(|id, _| Place::of(transactions.value(*id)));
    }
}

fn explain<'a>(key: &Value, read: &Value, writers: &[&'a Entry<'a>]) -> Explanation<'a> {
    let shown = &writers[..writers.len().min(SHOWN)];
    let all = match (writers.len(), writers.len() - shown.len()) {
        (2, _) => "both".to_owned(),
        (_, 0) => "all".to_owned(),
        (_, more) => format!("all, and {more} more,"),
    };
    let (key, read) = (key.json(), read.json());
    let why = format!(
        "they {all} read {key} as {read} and then wrote to it, so whichever came later did not \
         see the earlier one"
    );
    Explanation::of(shown.to_vec(), vec![why])
}
