//! Whether any order of a few transactions explains what they saw, by trying all of them.

use super::database::{Seen, Transaction};
use crate::history::Kind;

/// Whether all that happened, and any of those whose end is unknown, can have happened one after
/// the other; if `strict`, whatever ended before another one began comes before it.
pub(super) fn is_serial(transactions: &[Transaction], seen: Seen, strict: bool) -> bool {
    let open: Vec<&Transaction> =
        transactions.iter().filter(|transaction| transaction.kind != Kind::Fail).collect();
    continues(&open, &vec![Vec::new(); 3], seen, strict)
}

fn continues(open: &[&Transaction], lists: &[Vec<i64>], seen: Seen, strict: bool) -> bool {
    if open.iter().all(|transaction| transaction.kind != Kind::Ok) {
        return true;
    }
    (0..open.len()).any(|next| {
        let precedes = |other: &&Transaction| {
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

/// What there is after a transaction, if it can have seen what it says.
fn applied(transaction: &Transaction, lists: &[Vec<i64>], seen: Seen) -> Option<Vec<Vec<i64>>> {
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
            Seen::Lists => read == list,
            Seen::Registers => read.last() == list.last(),
        };
        if !fits {
            return None;
        }
    }
    Some(lists)
}
