//! An entry of a history.

use std::{
    borrow::Cow,
    fmt::{self, Display, Formatter},
};

use crate::edn::{Map, Value};

/// An entry of a history: the invocation or the completion of an operation.
#[derive(Debug, Clone, PartialEq)]
pub struct Op {
    /// The index in the history, from 0.
    pub index: usize,
    /// Nanoseconds since the test began.
    pub time: u64,
    /// The type: invocation, or one of three completions.
    pub kind: Kind,
    /// The process that invoked it.
    pub process: Process,
    /// The function: `read`, `broadcast`.
    pub f: Cow<'static, str>,
    /// The argument of an invocation; the result of a completion.
    pub value: Value,
    /// The error of a completion that is not `ok`.
    pub error: Option<Value>,
    /// Further fields by keyword name: `final?`, `exception`.
    pub extra: Vec<(Cow<'static, str>, Value)>,
}

impl Op {
    /// An invocation.
    pub fn invoke(
        index: usize,
        time: u64,
        process: Process,
        f: impl Into<Cow<'static, str>>,
        value: impl Into<Value>,
    ) -> Op {
        let (f, value) = (f.into(), value.into());
        Op { index, time, kind: Kind::Invoke, process, f, value, error: None, extra: Vec::new() }
    }

    /// The value of a further field.
    pub fn extra(&self, key: &str) -> Option<&Value> {
        self.extra.iter().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    /// The entry as results quote it, `#jepsen.history.Op{:index 0, …}`.
    pub fn to_edn(&self) -> Value {
        let mut map = Map::new()
            .with("index", self.index)
            .with("time", self.time)
            .with("type", self.kind)
            .with("process", self.process)
            .with("f", Value::keyword(self.f.clone()))
            .with("value", self.value.clone());
        for (key, value) in &self.extra {
            map = map.with(key.clone(), value.clone());
        }
        if let Some(error) = &self.error {
            map = map.with("error", error.clone());
        }
        Value::Tagged(RECORD_TAG.to_owned(), Box::new(map.into()))
    }
}

/// The tag of a quoted entry.
const RECORD_TAG: &str = "jepsen.history.Op";

/// The type of an entry, which Jepsen calls `:type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// The invocation.
    Invoke,
    /// Success: the operation took effect.
    Ok,
    /// A definite failure: the operation did not take effect.
    Fail,
    /// An indeterminate operation: it may have taken effect, or may still do so.
    Info,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Kind; 4] = [Kind::Invoke, Kind::Ok, Kind::Fail, Kind::Info];

    /// The name of its keyword, without the colon.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Invoke => "invoke",
            Kind::Ok => "ok",
            Kind::Fail => "fail",
            Kind::Info => "info",
        }
    }
}

impl Display for Kind {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, ":{}", self.name())
    }
}

impl From<Kind> for Value {
    fn from(kind: Kind) -> Value {
        Value::keyword(kind.name())
    }
}

/// The process that an entry belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Process {
    /// A client, which has at most one pending operation.
    Client(u64),
    /// The nemesis, which injects faults.
    Nemesis,
}

impl Display for Process {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Process::Client(number) => write!(f, "{number}"),
            Process::Nemesis => f.write_str(":nemesis"),
        }
    }
}

impl From<Process> for Value {
    fn from(process: Process) -> Value {
        match process {
            Process::Client(number) => Value::from(number),
            Process::Nemesis => Value::keyword("nemesis"),
        }
    }
}
