//! The fields of a history's entry, and defaults for missing ones.
//!
//! Jepsen itself numbers entries without an index, and takes -1 for a missing time. Here the order
//! of the entries replaces both, so that it stays the order of time.

use std::borrow::Cow;

use super::{Kind, Op, Process};
use crate::edn::{Map, Value};

/// State of the history before the entry that is read.
pub(super) struct Context<'a> {
    /// The index and the time of the last entry.
    pub(super) last: Option<(usize, u64)>,
    /// The function of a process's pending operation.
    pub(super) pending_f: &'a dyn Fn(Process) -> Option<Cow<'static, str>>,
}

impl Context<'_> {
    /// Reads an entry from a map or a record; the flag is true if it has a time. The error is a
    /// sentence.
    pub(super) fn op(&self, value: Value) -> Result<(Op, bool), String> {
        let mut fields = match value {
            Value::Map(fields) => fields,
            Value::Tagged(_, value) if matches!(*value, Value::Map(_)) => return self.op(*value),
            other => {
                return Err(format!(
                    "expected an operation such as {{:type :invoke, :process 0, :f :read}}, found \
                     `{other}`"
                ));
            }
        };
        let index = self.index(&mut fields)?;
        let time = natural(&mut fields, "time")?;
        let kind = required(&mut fields, "type", ":invoke, :ok, :fail or :info", |value| {
            Kind::ALL.into_iter().find(|kind| *value == Value::from(*kind))
        })?;
        let process = process(&mut fields)?;
        let f = match optional(&mut fields, "f", "a keyword", |value| match value {
            Value::Keyword(name) => Some(name.clone()),
            _ => None,
        })? {
            Some(f) => f,
            None => self.missing_f(&fields, process)?,
        };
        let value = fields.remove_keyword("value").unwrap_or(Value::Nil);
        let error = fields.remove_keyword("error");
        // No checker looks at fields whose key is not a keyword.
        let extra = fields.into_iter().filter_map(|(key, value)| match key {
            Value::Keyword(name) => Some((name, value)),
            _ => None,
        });
        let extra = extra.collect();
        let has_time = time.is_some();
        let time = time.unwrap_or_else(|| self.last.map_or(0, |(_, time)| time.saturating_add(1)));
        Ok((Op { index, time, kind, process, f, value, error, extra }, has_time))
    }

    fn index(&self, fields: &mut Map) -> Result<usize, String> {
        let last = self.last.map(|(last, _)| last);
        let Some(index) = natural(fields, "index")? else {
            let next = last.map_or(Some(0), |last| last.checked_add(1));
            return next
                .ok_or_else(|| "expected a smaller :index before this operation".to_owned());
        };
        let index = usize::try_from(index).map_err(|error| format!(":index: {error}"))?;
        match last {
            Some(last) if last >= index => Err(format!(
                "expected an :index beyond {last}, found {index}; without any, the order counts"
            )),
            _ => Ok(index),
        }
    }

    /// The function of an entry without `:f`: that of its invocation, or `txn` if the value has
    /// micro-operations.
    fn missing_f(&self, fields: &Map, process: Process) -> Result<Cow<'static, str>, String> {
        if let Some(f) = (self.pending_f)(process) {
            return Ok(f);
        }
        let is_micro_op = |value: &Value| {
            matches!(value.as_sequence().and_then(<[Value]>::first), Some(Value::Keyword(_)))
        };
        let micro_ops = fields.keyword("value").and_then(Value::as_sequence);
        if micro_ops.is_some_and(|all| !all.is_empty() && all.iter().all(is_micro_op)) {
            return Ok("txn".into());
        }
        Err("expected :f, which is missing; only transactions may leave it out".to_owned())
    }
}

/// The process; if none is named, a single client does everything.
fn process(fields: &mut Map) -> Result<Process, String> {
    let process = optional(fields, "process", "a number or :nemesis", |value| match value {
        Value::Keyword(name) if name == "nemesis" => Some(Process::Nemesis),
        value => value.as_int()?.try_into().ok().map(Process::Client),
    });
    let process =
        process.map_err(|reason| format!("{reason}; each client needs a number of its own"));
    Ok(process?.unwrap_or(Process::Client(0)))
}

/// An index or a time; `None` if it is missing or -1, which Jepsen writes for none.
fn natural(fields: &mut Map, key: &str) -> Result<Option<u64>, String> {
    if fields.keyword(key).and_then(Value::as_int) == Some(-1) {
        fields.remove_keyword(key);
    }
    optional(fields, key, "a natural number", |value| value.as_int()?.try_into().ok())
}

fn required<T>(
    fields: &mut Map,
    key: &str,
    expected: &str,
    convert: impl Fn(&Value) -> Option<T>,
) -> Result<T, String> {
    optional(fields, key, expected, convert)?
        .ok_or_else(|| format!("expected :{key}, which is missing"))
}

fn optional<T>(
    fields: &mut Map,
    key: &str,
    expected: &str,
    convert: impl Fn(&Value) -> Option<T>,
) -> Result<Option<T>, String> {
    match fields.remove_keyword(key) {
        None | Some(Value::Nil) => Ok(None),
        Some(value) => match convert(&value) {
            Some(converted) => Ok(Some(converted)),
            None => Err(format!("expected {expected} as :{key}, found `{value}`")),
        },
    }
}
