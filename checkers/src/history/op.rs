//! One entry of a history.

use std::{
    borrow::Cow,
    fmt::{self, Display, Formatter},
};

use crate::edn::{Map, Value};

/// The beginning or the end of an operation.
#[derive(Debug, Clone, PartialEq)]
pub struct Op {
    /// The place in the history, from 0.
    pub index: usize,
    /// When, in nanoseconds since the test began.
    pub time: u64,
    /// Whether it began, or how it ended.
    pub kind: Kind,
    /// Who did it.
    pub process: Process,
    /// What was done: `read`, `broadcast`.
    pub f: Cow<'static, str>,
    /// With what, or what came of it.
    pub value: Value,
    /// Why it is not known to have succeeded.
    pub error: Option<Value>,
    /// What else there is to know, under the names of keywords: `final?`, `exception`.
    pub extra: Vec<(Cow<'static, str>, Value)>,
}

impl Op {
    /// The beginning of an operation.
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

    /// What the operation holds under a keyword that has no field of its own.
    pub fn extra(&self, key: &str) -> Option<&Value> {
        self.extra.iter().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    /// The operation as results quote it, `#jepsen.history.Op{:index 0, …}`.
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

/// Which end of an operation an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// It began.
    Invoke,
    /// It happened.
    Ok,
    /// It certainly did not happen.
    Fail,
    /// It may have happened, or may happen yet.
    Info,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Kind; 4] = [Kind::Invoke, Kind::Ok, Kind::Fail, Kind::Info];

    /// The name of its keyword.
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

/// Who does something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Process {
    /// A client, which does one thing at a time.
    Client(u64),
    /// The one that injects faults.
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
