//! Operations in JSON, as elle-cli takes them: strings where EDN has keywords.

use serde_json::value::RawValue;

use super::{HistoryError, HistoryErrorReason};
use crate::edn::{JsonError, Map, Value};

/// Functions whose values are lists of micro-operations, `["append", 1, 2]`.
const WITH_MICRO_OPS: [&str; 3] = ["txn", "send", "poll"];

/// True if a text begins with an object whose first key is a string, or with an array of such. No
/// EDN history does.
pub(super) fn is_json(text: &str) -> bool {
    let text = text.trim_ascii_start();
    let text = text.strip_prefix('[').unwrap_or(text).trim_ascii_start();
    text.strip_prefix('{').is_some_and(|text| text.trim_ascii_start().starts_with('"'))
}

/// The objects of a text, in an array or in sequence, as EDN maps, each with the line on which it
/// begins.
pub(super) fn values(text: &str) -> Result<Vec<(usize, Value)>, HistoryError> {
    let malformed = |error: serde_json::Error| HistoryError {
        line: error.line(),
        reason: HistoryErrorReason::Json(error.into()),
    };
    let objects: Vec<&RawValue> = if text.trim_ascii_start().starts_with('[') {
        serde_json::from_str(text).map_err(malformed)?
    } else {
        let objects = serde_json::Deserializer::from_str(text).into_iter();
        objects.collect::<Result<_, _>>().map_err(malformed)?
    };
    let (mut line, mut seen) = (1, 0);
    let mut values = Vec::with_capacity(objects.len());
    for object in objects {
        // The objects are slices of the text, in its order.
        let start = object.get().as_ptr().addr() - text.as_ptr().addr();
        line += text[seen..start].bytes().filter(|byte| *byte == b'\n').count();
        seen = start;
        let value = operation(object)
            .map_err(|error| HistoryError { line, reason: HistoryErrorReason::Json(error) })?;
        values.push((line, value));
    }
    Ok(values)
}

fn operation(object: &RawValue) -> Result<Value, JsonError> {
    let Value::Map(mut fields) = Value::body_from_json(object)? else {
        return Value::from_json(object);
    };
    let f = fields.keyword("f").and_then(Value::as_str);
    let has_micro_ops = f.is_none_or(|f| WITH_MICRO_OPS.contains(&f));
    for key in ["type", "process", "f"] {
        replace(&mut fields, key, keyword);
    }
    if has_micro_ops {
        replace(&mut fields, "value", |value| match value {
            Value::Vector(micro_ops) => {
                Value::Vector(micro_ops.into_iter().map(micro_op).collect())
            }
            other => other,
        });
    }
    Ok(fields.into())
}

/// Converts the value under a keyword in place.
fn replace(fields: &mut Map, key: &'static str, convert: impl Fn(Value) -> Value) {
    if let Some(value) = fields.keyword(key) {
        let value = convert(value.clone());
        fields.insert(Value::keyword(key), value);
    }
}

fn micro_op(micro_op: Value) -> Value {
    let Value::Vector(mut parts) = micro_op else { return micro_op };
    if let Some(f) = parts.first_mut() {
        *f = keyword(std::mem::replace(f, Value::Nil));
    }
    Value::Vector(parts)
}

fn keyword(value: Value) -> Value {
    match value {
        Value::Str(name) => Value::keyword(name),
        other => other,
    }
}
