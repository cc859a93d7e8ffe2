//! Recognition of a history's workload by its operations.
//!
//! Every operation of a client counts: one that a workload does not have rules it out, for a bank
//! reads, too. Where several workloads have them all, values tell. Those that succeeded show what
//! they are, and where none did, nothing does. Then nobody guesses, unless it makes no difference:
//! a history in which no read succeeded is not valid as a counter and not valid as a set.

use std::collections::BTreeSet;

use super::Workload;
use crate::counter::is_integer;
use crate::edn::Value;
use crate::history::{History, Kind, Op};
use crate::{Validity, stats};

impl Workload {
    /// The functions that its clients' operations may have. Jepsen's Kafka tests have more than
    /// Maelstrom asks for, and the same checker.
    fn functions(self) -> &'static [&'static str] {
        match self {
            Workload::Broadcast => &["broadcast", "read"],
            Workload::Echo => &["echo"],
            Workload::GCounter | Workload::GSet | Workload::PnCounter => &["add", "read"],
            Workload::Kafka => {
                &["send", "poll", "txn", "assign", "subscribe", "crash", "debug-topic-partitions"]
            }
            Workload::LinKv => &["read", "write", "cas"],
            Workload::TxnListAppend | Workload::TxnRwRegister => &["txn"],
            Workload::UniqueIds => &["generate"],
        }
    }

    /// The workload of a history by all its operations; an error tells in sentences why it is not
    /// known. Where all that it may be of give the same verdict, any will do.
    pub fn of(history: &History) -> Result<Workload, String> {
        if history.clients().next().is_none() {
            return Err("has no operation of a client; expected a history.edn".to_owned());
        }
        let fitting = Workload::fitting(history);
        // The two counters are judged alike.
        let counter = fitting.contains(&Workload::PnCounter).then_some(Workload::PnCounter);
        let is_of_none = || stats::check(history).valid != Validity::Valid;
        match fitting[..] {
            [workload] | [Workload::GCounter, workload @ Workload::PnCounter] => Ok(workload),
            [] => {
                let all = Workload::ALL.map(Workload::with_functions).join(", ");
                Err(format!(
                    "is of no workload that is known by its operations; expected the name of one. \
                     It has {}; there are {all}",
                    functions(history).join(", ")
                ))
            }
            [first, ..] if is_of_none() => Ok(counter.unwrap_or(first)),
            _ => {
                let names: Vec<String> = fitting.iter().map(ToString::to_string).collect();
                Err(format!(
                    "may be of several workloads by its operations, {}: {}; expected one of \
                     these names",
                    functions(history).join(", "),
                    names.join(", ")
                ))
            }
        }
    }

    /// The workloads that a history may be of, by all its operations.
    pub fn fitting(history: &History) -> Vec<Workload> {
        let mut fitting = Workload::ALL.to_vec();
        fitting.retain(|workload| workload.foreign(history).is_empty());
        // Reads alone, without keys, may be of anything.
        let is_told = |workload: &Workload| workload.signs(history).is_some();
        fitting.retain(|workload| *workload != Workload::LinKv || is_told(workload));
        let signs = |workload: &Workload| workload.signs(history);
        for is_kept in [|sign: Option<bool>| sign != Some(false), |sign| sign == Some(true)] {
            let kept = fitting.iter().copied().filter(|workload| is_kept(signs(workload)));
            let kept: Vec<Workload> = kept.collect();
            if !kept.is_empty() {
                fitting = kept;
            }
        }
        fitting
    }

    /// Whether a history has any operation that this workload has.
    pub fn is_in(self, history: &History) -> bool {
        history.clients().any(|op| self.functions().contains(&&*op.f))
    }

    /// The functions of operations that this workload does not have, sorted.
    pub fn foreign(self, history: &History) -> Vec<&str> {
        let mut foreign = functions(history);
        foreign.retain(|f| !self.functions().contains(f));
        foreign
    }

    /// Its name with its operations: `broadcast (broadcast, read)`.
    pub fn with_functions(self) -> String {
        format!("{self} ({})", self.functions().join(", "))
    }

    /// Whether a history is of this workload, as far as values tell: not if any contradicts it.
    fn signs(self, history: &History) -> Option<bool> {
        history.clients().filter_map(|op| self.sign(op)).reduce(|all, one| all && one)
    }

    /// Whether an operation is of this workload, if its value tells.
    fn sign(self, op: &Op) -> Option<bool> {
        let read = (op.f == "read" && op.kind == Kind::Ok).then_some(&op.value);
        let is_list = |value: &Value| value.as_sequence().is_some();
        match self {
            // A node may answer null for an empty list.
            Workload::Broadcast | Workload::GSet => {
                let read = read.filter(|value| **value != Value::Nil);
                read.map(|value| value.elements().is_some())
            }
            Workload::GCounter | Workload::PnCounter => read.map(is_integer),
            // Who reads a key names it before it is known what the key has.
            Workload::LinKv => {
                let is_asked = op.f == "read" && op.kind == Kind::Invoke;
                let is_pair = op.value.as_sequence().is_some_and(|pair| pair.len() == 2);
                (op.f != "read" || is_asked && is_pair).then_some(true)
            }
            Workload::Kafka => micro_ops(op, |f, _| match f {
                "send" | "poll" => Some(true),
                _ => Some(false),
            }),
            Workload::TxnListAppend => micro_ops(op, |f, value| match (f, value) {
                ("append", _) => Some(true),
                ("r", Some(Value::Nil) | None) => None,
                ("r", Some(value)) => Some(is_list(value)),
                _ => Some(false),
            }),
            Workload::TxnRwRegister => micro_ops(op, |f, value| match (f, value) {
                ("w", _) => Some(true),
                ("r", Some(Value::Nil) | None) => None,
                ("r", Some(value)) => Some(!is_list(value)),
                _ => Some(false),
            }),
            Workload::Echo | Workload::UniqueIds => None,
        }
    }
}

/// The functions of clients' operations, each once, sorted.
fn functions(history: &History) -> Vec<&str> {
    let functions: BTreeSet<&str> = history.clients().map(|op| &*op.f).collect();
    functions.into_iter().collect()
}

/// Whether a transaction is of a workload: not if any of its operations is not, given by function
/// and value, and unknown if none of them tells.
fn micro_ops(op: &Op, sign: impl Fn(&str, Option<&Value>) -> Option<bool>) -> Option<bool> {
    let micro_ops = op.value.as_sequence().unwrap_or_default().iter();
    let signs = micro_ops.filter_map(|micro_op| match micro_op.as_sequence()? {
        [Value::Keyword(f), rest @ ..] => sign(f, rest.get(1)),
        _ => Some(false),
    });
    signs.reduce(|all, one| all && one)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::history;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let found = Workload::of(&history(text));
        let found = found.map_or_else(|error| error, |workload| workload.to_string());
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
        let none = "is of no workload that is known by its operations; expected the name of one. \
                    It has ";
        let all = "there are broadcast (broadcast, read), echo (echo), g-counter (add, read)";
        check("0 ok read {0 60}\n0 ok transfer {:from 0}", &format!("{none}read, transfer; {all}"));
        check("0 ok add 1\n0 ok read 1\n0 ok dequeue 1", &format!("{none}add, dequeue, read;"));
        check("0 ok send [[:send 0 [0 1]]]\n0 ok commit nil", &format!("{none}commit, send;"));
        check("0 ok echo 1\n0 ok generate 1", none);
        check("nemesis info kill nil", "has no operation of a client");
        let several = |found: &str, names: &str| {
            format!("may be of several workloads by its operations, {found}: {names}; expected one")
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
        assert_eq!(Workload::GSet.foreign(&history), ["transfer"]);
        assert_eq!(Workload::LinKv.foreign(&history), ["add", "transfer"]);
        assert!(Workload::LinKv.is_in(&history) && !Workload::Echo.is_in(&history));
    }
}
