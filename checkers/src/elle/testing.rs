//! Test helpers: short histories of transactions, and checks of their verdicts.

use super::{ConsistencyModel, ElleResults};
use crate::edn::Value;
use crate::history::History;
use crate::{Validity, testing};

/// A history that is leaked, because findings borrow from it.
pub(crate) fn history(text: &str) -> &'static History {
    Box::leak(Box::new(testing::history(text)))
}

type Check = for<'h> fn(&'h History, &[ConsistencyModel]) -> ElleResults<'h>;

/// Checks a history against a model, and compares the verdict and the anomalies.
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

/// A history of concurrent transactions, one for each process: all are invoked before any
/// completes.
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

/// Concurrent transactions that all commit.
pub(crate) fn oks(values: &[&str]) -> String {
    concurrent(&values.iter().map(|value| ("ok", *value)).collect::<Vec<_>>())
}
