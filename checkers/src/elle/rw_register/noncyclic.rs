//! The anomalies of registers that need no dependency graph.

use std::mem::{Discriminant, discriminant};

use rustc_hash::FxHashMap;

use super::super::{
    anomaly::Anomaly,
    findings::{AnalysisError, Case, Findings},
    transaction::{InternedId, TxnHistory},
};
use crate::edn::Value;

/// Checks that all keys have one type. Upstream gives up otherwise, because a database is likely to
/// treat `1` and `"1"` as equal.
pub(super) fn check_key_types<'h>(transactions: &TxnHistory<'h>) -> Result<(), AnalysisError<'h>> {
    let mut first: Option<(Discriminant<Value>, &'h Value)> = None;
    for mop in transactions.entries.iter().flat_map(|entry| &entry.mops) {
        let key = transactions.value(mop.key);
        let (kind, other) = *first.get_or_insert((discriminant(key), key));
        if kind != discriminant(key) {
            return Err(AnalysisError::MixedKeyTypes([other, key]));
        }
    }
    Ok(())
}

/// Finds the first contradiction of each transaction with itself.
pub(super) fn internal_anomalies<'h>(transactions: &TxnHistory<'h>, findings: &mut Findings<'h>) {
    for (_, entry) in transactions.committed() {
        let mut expected: FxHashMap<InternedId, InternedId> = FxHashMap::default();
        for mop in &entry.mops {
            let before = expected.insert(mop.key, mop.value).map(|id| transactions.value(id));
            // To upstream, nil and false imply nothing about later reads.
            let before = before.filter(|value| !matches!(value, Value::Nil | Value::Bool(false)));
            let [key, read] = [mop.key, mop.value].map(|id| transactions.value(id));
            if let Some(before) = before.filter(|before| !mop.is_write && *before != read) {
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
