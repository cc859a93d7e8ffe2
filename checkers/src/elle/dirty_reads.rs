//! Reads of versions that were not committed: aborted reads (G1a) and intermediate reads (G1b).

use rustc_hash::FxHashMap;

use super::TxnWorkload;
use super::anomaly::Anomaly;
use super::findings::{Case, DirtyRead, Findings};
use super::transaction::{InternedId, NIL, TxnHistory};
use crate::history::{Kind, Op};

/// Adds reads of versions that a failed transaction wrote, and of versions that their writer itself
/// overwrote.
pub(super) fn check<'h>(transactions: &TxnHistory<'h>, findings: &mut Findings<'h>) {
    let mut failed: FxHashMap<(InternedId, InternedId), &Op> = FxHashMap::default();
    let mut intermediate = failed.clone();
    for entry in &transactions.entries {
        let mut last: FxHashMap<InternedId, InternedId> = FxHashMap::default();
        for mop in entry.mops.iter().filter(|mop| mop.is_write) {
            if entry.kind == Kind::Fail {
                failed.insert((mop.key, mop.value), entry.op);
            }
            if let Some(replaced) = last.insert(mop.key, mop.value) {
                intermediate.insert((mop.key, replaced), entry.op);
            }
        }
    }
    if transactions.workload == TxnWorkload::RwRegister {
        // Nil is the initial version of a register.
        intermediate.retain(|(_, version), _| *version != NIL);
    }
    for (entry, mop) in transactions.committed_reads() {
        let read = |writer, version| {
            let [key, value] = [mop.key, version].map(|id| transactions.value(id));
            DirtyRead { writer, reader: entry.op, mop: mop.source, key, value }
        };
        let versions = transactions.versions(mop);
        for version in versions {
            if let Some(writer) = failed.get(&(mop.key, *version)) {
                findings.add(Anomaly("G1a"), Case::AbortedRead(read(writer, *version)));
            }
        }
        let Some(last) = versions.last() else { continue };
        let writer = intermediate.get(&(mop.key, *last));
        if let Some(writer) = writer.filter(|writer| writer.index != entry.op.index) {
            findings.add(Anomaly("G1b"), Case::IntermediateRead(read(writer, *last)));
        }
    }
}
