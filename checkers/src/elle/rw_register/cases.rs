//! What registers show to be wrong without any graph.

use std::mem::{Discriminant, discriminant};

use rustc_hash::FxHashMap;

use super::super::{
    anomaly::Anomaly,
    findings::{Case, Error, Findings},
    transaction::{Id, Transactions},
};
use crate::edn::Value;

/// Keys must be of one type: upstream gives up on others, for `1` and `"1"` are likely the same to
/// the database.
pub(super) fn check_keys<'h>(transactions: &Transactions<'h>) -> Result<(), Error<'h>> {
    let mut first: Option<(Discriminant<Value>, &'h Value)> = None;
    for mop in transactions.entries.iter().flat_map(|entry| &entry.mops) {
        let key = transactions.value(mop.key);
        let (kind, other) = *first.get_or_insert((discriminant(key), key));
        if kind != discriminant(key) {
            return Err(Error::DifferentTypes([other, key]));
        }
    }
    Ok(())
}

/// Transactions that contradict themselves; the first contradiction of each.
pub(super) fn internal<'h>(transactions: &Transactions<'h>, findings: &mut Findings<'h>) {
    for (_, entry) in transactions.oks() {
        let mut expected: FxHashMap<Id, Id> = FxHashMap::default();
        for mop in &entry.mops {
            let before = expected.insert(mop.key, mop.value).map(|id| transactions.value(id));
            // Nil and false are no expectation to upstream.
            let before = before.filter(|value| !matches!(value, Value::Nil | Value::Bool(false)));
            let [key, read] = [mop.key, mop.value].map(|id| transactions.value(id));
            if let Some(before) = before.filter(|before| !mop.writes && *before != read) {
                let case = Case::Internal {
                    transaction: entry.op,
                    mop: mop.source,
                    key,
                    read,
                    expected: before.clone(),
                    is_whole: true,
                };
                findings.add(Anomaly("internal"), case);
                break;
            }
        }
    }
}
