//! A history from its file.

use std::fmt::{self, Display, Formatter};

use super::{History, Kind, Op, Process};
use crate::edn::{Map, ReadError, Value};

/// The line that made a text no history.
#[derive(Debug)]
pub struct HistoryError {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub reason: HistoryErrorReason,
}

/// What a line of a history can get wrong.
#[derive(Debug)]
pub enum HistoryErrorReason {
    /// It is not EDN.
    Unreadable(ReadError),
    /// It is EDN, but no operation.
    NoOp(String),
}

impl Display for HistoryError {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match &self.reason {
            HistoryErrorReason::Unreadable(error) => {
                Display::fmt(&ReadError { line: self.line, ..error.clone() }, f)
            }
            HistoryErrorReason::NoOp(reason) => write!(f, "line {}: {reason}", self.line),
        }
    }
}

impl std::error::Error for HistoryError {}

impl History {
    /// Reads a history.edn, which has an operation a line; blank lines are skipped.
    pub fn read_edn(text: &str) -> Result<History, HistoryError> {
        let mut history = History::new();
        for (i, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            let fail = |reason| HistoryError { line: i + 1, reason };
            let value = Value::read_edn(line)
                .map_err(|error| fail(HistoryErrorReason::Unreadable(error)))?;
            let op = Op::from_edn(value).map_err(|error| fail(HistoryErrorReason::NoOp(error)))?;
            if let Some(last) = history.ops.last().filter(|last| last.index >= op.index) {
                let reason = format!("operation {} comes after {}", op.index, last.index);
                return Err(fail(HistoryErrorReason::NoOp(reason)));
            }
            history.push(op);
        }
        Ok(history)
    }
}

impl Op {
    /// Reads an operation from a map or a record; the error is a sentence.
    fn from_edn(value: Value) -> Result<Op, String> {
        let mut fields = match value {
            Value::Map(fields) => fields,
            Value::Tagged(_, value) if matches!(*value, Value::Map(_)) => {
                return Op::from_edn(*value);
            }
            other => return Err(format!("expected a map, found `{other}`")),
        };
        let index = natural(&mut fields, "index")?;
        let index = usize::try_from(index).map_err(|error| format!(":index: {error}"))?;
        let time = natural(&mut fields, "time")?;
        let kind = take(&mut fields, "type", ":invoke, :ok, :fail or :info", |value| {
            Kind::ALL.into_iter().find(|kind| *value == Value::from(*kind))
        })?;
        let process = take(&mut fields, "process", "a number or :nemesis", |value| match value {
            Value::Int(number) => u64::try_from(*number).ok().map(Process::Client),
            Value::Keyword(name) if name == "nemesis" => Some(Process::Nemesis),
            _ => None,
        })?;
        let f = take(&mut fields, "f", "a keyword", |value| match value {
            Value::Keyword(name) => Some(name.clone()),
            _ => None,
        })?;
        let value = fields.remove_keyword("value").unwrap_or(Value::Nil);
        let error = fields.remove_keyword("error");
        let extra = fields.into_iter().map(|(key, value)| match key {
            Value::Keyword(name) => Ok((name, value)),
            key => Err(format!("expected a keyword as key, found `{key}`")),
        });
        let extra = extra.collect::<Result<_, _>>()?;
        Ok(Op { index, time, kind, process, f, value, error, extra })
    }
}

fn natural(fields: &mut Map, key: &str) -> Result<u64, String> {
    take(fields, key, "a natural number", |value| value.as_int()?.try_into().ok())
}

fn take<T>(
    fields: &mut Map,
    key: &str,
    expected: &str,
    convert: impl Fn(&Value) -> Option<T>,
) -> Result<T, String> {
    match fields.remove_keyword(key) {
        None => Err(format!("expected :{key}, which is missing")),
        Some(value) => {
            convert(&value).ok_or(format!("expected {expected} as :{key}, found `{value}`"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_error(text: &str, message: &str) {
        assert_eq!(History::read_edn(text).unwrap_err().to_string(), message);
    }

    #[test]
    fn errors_name_the_line() {
        let op = "{:index 0, :time 1, :type :invoke, :process 0, :f :read, :value nil}";
        check_error("\n\n{:index", "line 3, column 8: expected a value for the key, found the end");
        check_error(&format!("{op}\n[]"), "line 2: expected a map, found `[]`");
        check_error(&format!("{op}\n{op}"), "line 2: operation 0 comes after 0");
        check_error(&op.replace(":read", "1"), "line 1: expected a keyword as :f, found `1`");
        check_error("{:index 0}", "line 1: expected :time, which is missing");
        check_error(
            &op.replace(":invoke", ":began"),
            "line 1: expected :invoke, :ok, :fail or :info as :type, found `:began`",
        );
    }
}
