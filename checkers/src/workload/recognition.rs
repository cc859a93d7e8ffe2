//! Recognition of a history's workload by its operations.
//!
//! Every client operation counts: a function that a workload does not have rules the workload out,
//! even if others match (Jepsen's `bank` test has reads, too). If several workloads have all
//! functions, values decide. Only successful operations have informative values; without any, no
//! workload is chosen, unless the choice makes no difference: a history in which no read succeeded
//! is valid neither as a counter nor as a set.

use std::collections::BTreeSet;

use super::{GCounter, PnCounter, WorkloadChecker};
use crate::history::History;
use crate::{Validity, stats};

/// Finds the workload of a history among these, by all its operations. The error explains in
/// sentences why it is not known. If all candidates give the same verdict, any of them is returned.
pub fn recognize<'a, C: WorkloadChecker + ?Sized>(
    history: &History,
    all: &[&'a C],
) -> Result<&'a C, String> {
    if history.client_ops().next().is_none() {
        return Err("has no operation of a client; expected a history.edn".to_owned());
    }
    let fitting = fitting(history, all);
    let counter = fitting.iter().copied().find(|workload| workload.name() == PnCounter.name());
    // Both counters have the same checker.
    let is_counter = |workload: &&C| [GCounter.name(), PnCounter.name()].contains(&workload.name());
    let is_no_verdict_valid = || stats::check(history).valid != Validity::Valid;
    match fitting[..] {
        [workload] => Ok(workload),
        [] => {
            let all: Vec<String> =
                all.iter().map(|workload| workload.name_with_functions()).collect();
            Err(format!(
                "fits no known workload: it has the operations {}. The workloads are {}",
                functions(history).join(", "),
                all.join(", ")
            ))
        }
        [first, ..] if fitting.iter().all(is_counter) || is_no_verdict_valid() => {
            Ok(counter.unwrap_or(first))
        }
        _ => {
            let names: Vec<&str> = fitting.iter().map(|workload| workload.name()).collect();
            Err(format!(
                "fits several workloads with its operations ({}): {}",
                functions(history).join(", "),
                names.join(", ")
            ))
        }
    }
}

/// The workloads among these that fit a history, by all its operations.
pub fn fitting<'a, C: WorkloadChecker + ?Sized>(history: &History, all: &[&'a C]) -> Vec<&'a C> {
    let possible =
        all.iter().copied().filter(|workload| workload.foreign_functions(history).is_empty());
    let mut fitting: Vec<(&C, Option<bool>)> =
        possible.map(|workload| (workload, fits(workload, history))).collect();
    // Prefer workloads that no value contradicts, and among them those that some value supports.
    for is_kept in [|fits: Option<bool>| fits != Some(false), |fits| fits == Some(true)] {
        if fitting.iter().any(|(_, fits)| is_kept(*fits)) {
            fitting.retain(|(_, fits)| is_kept(*fits));
        }
    }
    fitting.into_iter().map(|(workload, _)| workload).collect()
}

/// True if the values of a history fit this workload, false if any value contradicts it, `None` if
/// no value decides.
fn fits<C: WorkloadChecker + ?Sized>(workload: &C, history: &History) -> Option<bool> {
    history.client_ops().filter_map(|op| workload.fits(op)).reduce(|all, one| all && one)
}

/// The functions of clients' operations, sorted, without duplicates.
pub(super) fn functions(history: &History) -> Vec<&str> {
    let functions: BTreeSet<&str> = history.client_ops().map(|op| &*op.f).collect();
    functions.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::super::{ALL, Echo, GSet, LinKv};
    use super::*;
    use crate::testing::history;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let found = recognize(&history(text), &ALL);
        let found = found.map_or_else(|error| error, |workload| workload.name().to_owned());
        assert!(found.starts_with(expected), "{text}: {found}");
    }

    #[test]
    fn a_workload_is_recognized_by_all_operations() {
        check("0 invoke echo 1", "echo");
        check("0 invoke generate nil", "unique-ids");
        check("0 invoke broadcast 1", "broadcast");
        check("0 invoke broadcast 1\n1 invoke read nil\n1 ok read 5", "broadcast");
        check("0 invoke write [0 1]\n1 invoke read [0 nil]", "lin-kv");
        check("0 invoke write 1\n1 invoke read nil\n1 ok read 1", "lin-kv");
        check("0 invoke read [0 nil]\n0 fail read [0 nil]", "lin-kv");
        check("0 invoke assign [\"1\"]\n0 info crash nil", "kafka");
        check("0 ok subscribe [\"1\"]\n0 ok debug-topic-partitions nil", "kafka");
        check("0 invoke txn [[:send 0 1]]", "kafka");
        check("0 invoke txn [[:r 0 nil] [:append 0 1]]", "txn-list-append");
        check("0 invoke txn [[:r 0 nil]]\n0 ok txn [[:r 0 [1]]]", "txn-list-append");
        check("0 invoke txn [[:r 0 nil] [:w 0 1]]", "txn-rw-register");
        check("0 invoke txn [[:r 0 nil]]\n0 ok txn [[:r 0 1]]", "txn-rw-register");
        check("0 invoke add 1\n0 ok read [1]", "g-set");
        check("0 invoke add 1\n0 ok read nil", "g-set");
        check("0 invoke add 1\n0 ok read #{1}", "g-set");
        check("0 invoke add 1\n0 ok read 1", "pn-counter");
    }

    #[test]
    fn a_workload_is_not_guessed_from_some_of_the_operations() {
        let none = "fits no known workload: it has the operations ";
        let all = "The workloads are broadcast (broadcast, read), echo (echo), g-counter (add, \
                   read)";
        check("0 ok read {0 60}\n0 ok transfer {:from 0}", &format!("{none}read, transfer. {all}"));
        check("0 ok add 1\n0 ok read 1\n0 ok dequeue 1", &format!("{none}add, dequeue, read."));
        check("0 ok send [[:send 0 [0 1]]]\n0 ok commit nil", &format!("{none}commit, send."));
        check("0 ok echo 1\n0 ok generate 1", none);
        check("nemesis info kill nil", "has no operation of a client");
        let several = |found: &str, names: &str| {
            format!("fits several workloads with its operations ({found}): {names}")
        };
        let added = several("add, read", "g-counter, g-set, pn-counter");
        check("0 invoke add 1\n0 ok read [1]\n0 ok read 1", &added);
        check("0 invoke add 1\n0 ok read \"1\"", &added);
        let read = several("read", "broadcast, g-set");
        check("0 invoke read nil\n0 ok read nil", &read);
        check("0 invoke read nil\n0 ok read [1 2]", &read);
        let either = several("txn", "txn-list-append, txn-rw-register");
        check("0 ok txn [[:r 0 nil]]", &either);
        let any = several("txn", "kafka, txn-list-append, txn-rw-register");
        check("0 invoke txn [[:r 0 nil] [:append 0 1]]\n0 ok txn [[:w 0 1]]", &any);
        check("0 ok txn nil", &any);
    }

    #[test]
    fn any_workload_will_do_where_none_is_valid() {
        check("0 invoke add 1\n0 info add 1\n0 invoke read nil\n0 fail read nil", "pn-counter");
        check("0 invoke read nil\n0 fail read nil", "pn-counter");
        check("0 invoke txn [[:r 0 nil]]\n0 fail txn [[:r 0 nil]]", "txn-list-append");
        check("0 invoke txn nil\n0 info txn nil", "kafka");
    }

    #[test]
    fn operations_that_a_workload_does_not_have_are_named() {
        let history = history("0 ok add 1\n0 ok read 1\n0 ok transfer 1\nnemesis info kill nil");
        assert_eq!(GSet.foreign_functions(&history), ["transfer"]);
        assert_eq!(LinKv.foreign_functions(&history), ["add", "transfer"]);
        assert!(LinKv.has_operations_in(&history) && !Echo.has_operations_in(&history));
    }
}
