//! Grouping of operations by key: either every value names a key, or none does and there is a
//! single register.
//!
//! Jepsen's `independent` turns every value into a pair of key and value; a history of a single
//! register, such as those that it writes for each key, has bare values. A pair is a value as well,
//! so a single operation may be ambiguous: `cas [0 1]` expects 0, `cas [0 [1 2]]` may be about key
//! 0 or about a register of vectors. The whole history decides. If every operation can be read with
//! a key, it has one: invocations of reads are `[key nil]`, and a compare-and-set has two values
//! beside the key. Else, if every operation can be read without a key, there is a single register:
//! invocations of reads are nil. Every invocation of a read excludes one of the two, so only a
//! history without reads is ambiguous; it is read with keys, as Maelstrom does. If both readings
//! fail, some operations lack their key.

use std::collections::BTreeMap;

use crate::{
    edn::Value,
    history::{Kind, Op},
};

/// The tag of a pair of key and value that is printed as a record.
const TUPLE_TAG: &str = "jepsen.independent.Tuple";

/// The operations of clients, grouped by register.
pub(super) struct OpsByKey<'a> {
    /// The entries of each register, with its key; `None` if it is the only one.
    pub(super) registers: Vec<(Option<&'a Value>, Vec<&'a Op>)>,
    /// The operations that lack their key.
    pub(super) without_key: Vec<&'a Op>,
}

impl<'a> OpsByKey<'a> {
    /// Groups entries by key.
    pub(super) fn of(ops: Vec<&'a Op>) -> OpsByKey<'a> {
        let known = || ops.iter().filter(|op| matches!(&*op.f, "read" | "write" | "cas"));
        let has_keys = known().all(|op| may_have_key(op));
        if !has_keys && known().all(|op| may_lack_key(op)) {
            return OpsByKey { registers: vec![(None, ops)], without_key: Vec::new() };
        }
        let (mut keys, mut without_key) = (BTreeMap::<_, Vec<_>>::new(), Vec::new());
        for op in ops {
            match key_and_argument(&op.value) {
                Some((key, _)) => keys.entry(key).or_default().push(op),
                None => without_key.push(op),
            }
        }
        let registers = keys.into_iter().map(|(key, ops)| (Some(key), ops)).collect();
        OpsByKey { registers, without_key }
    }
}

/// The key and the argument of a value that names a key. A pair may also be printed as a record.
pub(super) fn key_and_argument(value: &Value) -> Option<(&Value, &Value)> {
    match value.as_sequence() {
        Some([key, argument]) => Some((key, argument)),
        _ if is_record(value) => Some((value.get("key")?, value.get("value")?)),
        _ => None,
    }
}

fn may_have_key(op: &Op) -> bool {
    let Some((_, argument)) = key_and_argument(&op.value) else { return false };
    match &*op.f {
        "read" => op.kind != Kind::Invoke || *argument == Value::Nil,
        "cas" => is_pair(argument),
        _ => true,
    }
}

fn may_lack_key(op: &Op) -> bool {
    match &*op.f {
        "read" => op.kind != Kind::Invoke || op.value == Value::Nil,
        "cas" => is_pair(&op.value),
        _ => !is_record(&op.value),
    }
}

fn is_record(value: &Value) -> bool {
    matches!(value, Value::Tagged(tag, _) if tag == TUPLE_TAG)
}

fn is_pair(value: &Value) -> bool {
    value.as_sequence().is_some_and(|values| values.len() == 2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::history;

    /// The registers' keys (`-` for the only one), and how many operations lack theirs.
    #[track_caller]
    fn check(lines: &str, keys: &[&str], without_key: usize) {
        let history = history(lines);
        let layout = OpsByKey::of(history.client_ops().collect());
        let name = |key: Option<&Value>| key.map_or("-".to_owned(), Value::to_string);
        let names: Vec<String> = layout.registers.iter().map(|(key, _)| name(*key)).collect();
        assert_eq!((names.join(" "), layout.without_key.len()), (keys.join(" "), without_key));
    }

    #[test]
    fn the_whole_history_tells_whether_operations_name_a_key() {
        check("", &[], 0);
        check(
            "0 invoke read [3 nil]\n1 invoke write [4 1]\n2 invoke cas [3 [1 2]]",
            &["3", "4"],
            0,
        );
        check("0 invoke read nil\n1 invoke write 1\n2 invoke cas [1 2]\n0 ok read 1", &["-"], 0);
        // Values that are vectors.
        check(
            "0 invoke write [1 2]\n0 ok write [1 2]\n0 invoke read nil\n0 ok read [1 2]",
            &["-"],
            0,
        );
        check("0 invoke cas [0 [1 2]]\n0 ok cas [0 [1 2]]\n0 invoke read nil", &["-"], 0);
        check("0 invoke write [1 2]\n0 invoke write 3", &["-"], 0);
        // Without reads, either is possible.
        check("0 invoke write [1 2]\n0 ok write [1 2]", &["1"], 0);
        check("0 invoke write [1 2]\n1 invoke cas [0 [1 2]]", &["0", "1"], 0);
        check("0 invoke write 1\n0 ok write 1", &["-"], 0);
        check("0 invoke cas [0 1]\n0 ok cas [0 1]", &["-"], 0);
        check("0 invoke write [1 2]\n1 invoke cas [0 1]", &["-"], 0);
        // Some have a key and some have not.
        check("0 invoke read [0 nil]\n0 ok read 1\n1 invoke write 3", &["0"], 2);
        check("0 invoke read nil\n1 invoke read [1 nil]", &["1"], 1);
        check("0 invoke read nil\n1 invoke read [1 2 3]", &[], 2);
        // Records, and operations that no register knows.
        let tuple = "#jepsen.independent.Tuple{:key 7, :value";
        check(&format!("0 invoke read {tuple} nil}}\n0 ok read {tuple} 1}}"), &["7"], 0);
        check(&format!("0 invoke write {tuple} 1}}"), &["7"], 0);
        check("0 invoke add 1", &[], 1);
        check("0 invoke add [0 1]", &["0"], 0);
        check("0 invoke read nil\n1 invoke add [0 1]", &["-"], 0);
        check("nemesis info start-partition nil\n0 invoke read nil", &["-"], 0);
    }
}
