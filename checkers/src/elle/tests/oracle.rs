//! An oracle for serializability that tries all orders of a few transactions.

use super::database::{ReadKind, SimulatedTxn};
use crate::history::Kind;

/// True if the committed transactions, and any subset of the indeterminate ones, can have executed
/// one after the other. If `strict`, the order must respect real time.
pub(super) fn is_serial(transactions: &[SimulatedTxn], seen: ReadKind, strict: bool) -> bool {
    let open: Vec<&SimulatedTxn> =
        transactions.iter().filter(|transaction| transaction.kind != Kind::Fail).collect();
    continues(&open, &vec![Vec::new(); 3], seen, strict)
}

fn continues(open: &[&SimulatedTxn], lists: &[Vec<i64>], seen: ReadKind, strict: bool) -> bool {
    if open.iter().all(|transaction| transaction.kind != Kind::Ok) {
        return true;
    }
    (0..open.len()).any(|next| {
        let precedes = |other: &&SimulatedTxn| {
            other.kind == Kind::Ok && (other.end.max(other.begin), true) < (open[next].begin, false)
        };
        if strict && open.iter().any(precedes) {
            return false;
        }
        let Some(after) = applied(open[next], lists, seen) else { return false };
        let mut rest = open.to_vec();
        rest.remove(next);
        continues(&rest, &after, seen, strict)
    })
}

/// The lists after a transaction; `None` if its reads contradict the lists before it.
fn applied(
    transaction: &SimulatedTxn,
    lists: &[Vec<i64>],
    seen: ReadKind,
) -> Option<Vec<Vec<i64>>> {
    let mut lists = lists.to_vec();
    for ((key, append), read) in transaction.mops.iter().zip(&transaction.reads) {
        let list = &mut lists[*key];
        if let Some(element) = append {
            list.push(*element);
            continue;
        }
        let read = read.as_deref().unwrap_or_default();
        let fits = match seen {
            _ if transaction.kind != Kind::Ok => true,
            ReadKind::Lists => read == list,
            ReadKind::Registers => read.last() == list.last(),
        };
        if !fits {
            return None;
        }
    }
    Some(lists)
}
