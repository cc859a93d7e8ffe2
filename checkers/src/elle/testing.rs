//! Short histories of transactions, and what is found in them.

use super::{ConsistencyModel, ElleResults};
use crate::edn::Value;
use crate::history::History;
use crate::{Validity, testing};

/// A history that outlives the findings about it.
pub(crate) fn history(text: &str) -> &'static History {
    Box::leak(Box::new(testing::history(text)))
}

type Check = for<'h> fn(&'h History, &[ConsistencyModel]) -> ElleResults<'h>;

/// Judges a history by a model: the verdict, and which anomalies there are.
#[track_caller]
pub(crate) fn check(judge: Check, model: &str, text: &str, expected: &str) -> ElleResults<'static> {
    let elle = judge(history(text), &[model.parse().unwrap()]);
    let names: Vec<&str> = elle.anomalies.keys().map(|anomaly| anomaly.name()).collect();
    let found = format!("{:?} {}", elle.valid, names.join(" "));
    assert_eq!(found.trim_end(), expected, "{model}\n{text}");
    assert_eq!(elle.reason().is_none(), elle.valid == Validity::Valid);
    assert_eq!(elle.explanation().is_empty(), elle.valid == Validity::Valid);
    elle
}

/// Transactions, one after the other, of processes 0, 1, 2 …, none before all have begun.
pub(crate) fn concurrent(ends: &[(&str, &str)]) -> String {
    let asked = |value: &str| {
        let value = Value::read_edn(value).unwrap();
        let mops =
            value.as_sequence().unwrap().iter().map(|mop| match mop.as_sequence().unwrap() {
                [Value::Keyword(f), key, _] if f == "r" => {
                    Value::Vector(vec![Value::keyword("r"), key.clone(), Value::Nil])
                }
                _ => mop.clone(),
            });
        Value::Vector(mops.collect())
    };
    let begins =
        ends.iter().enumerate().map(|(i, (_, value))| format!("{i} invoke txn {}\n", asked(value)));
    let ends =
        ends.iter().enumerate().map(|(i, (kind, value))| format!("{i} {kind} txn {value}\n"));
    begins.chain(ends).collect()
}

pub(crate) fn oks(values: &[&str]) -> String {
    concurrent(&values.iter().map(|value| ("ok", *value)).collect::<Vec<_>>())
}
