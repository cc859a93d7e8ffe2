//! Reading of histories, in the formats of Jepsen and related tools.
//!
//! Jepsen writes one map a line, and `pr` a vector of records. The examples of Elle and Knossos
//! spread maps over several lines and leave out fields, and elle-cli reads JSON. All of these are
//! sequences of values, and each value is an entry.

use std::fmt::{self, Display, Formatter};

use super::{History, Kind, Process, fields::Context, json};
use crate::edn::{JsonError, ReadError, Value, ValueReader};

/// An error in the text of a history.
#[derive(Debug)]
pub struct HistoryError {
    /// The line, from 1.
    pub line: usize,
    /// The error.
    pub reason: HistoryErrorReason,
}

/// Reasons why a text is not a history.
#[derive(Debug)]
pub enum HistoryErrorReason {
    /// The line is not EDN.
    Unreadable(ReadError),
    /// The line is not JSON, in a history that begins as JSON.
    Json(JsonError),
    /// It is a value, but not an operation.
    NotAnOperation(String),
    /// The process still has a pending operation.
    ProcessBusy {
        /// The process.
        process: Process,
        /// The index of its pending invocation.
        pending: usize,
    },
}

impl Display for HistoryError {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match &self.reason {
            HistoryErrorReason::Unreadable(error) => {
                Display::fmt(&ReadError { line: self.line, ..error.clone() }, f)
            }
            HistoryErrorReason::Json(error) => write!(f, "line {}: {error}", self.line),
            HistoryErrorReason::NotAnOperation(reason) => write!(f, "line {}: {reason}", self.line),
            HistoryErrorReason::ProcessBusy { process, pending } => write!(
                f,
                "line {}: expected the end of the operation at index {pending} first, found \
                 another one that process {process} begins; a process does one thing at a time, \
                 and without a :process all is done by process 0",
                self.line
            ),
        }
    }
}

impl std::error::Error for HistoryError {}

impl From<ReadError> for HistoryError {
    fn from(error: ReadError) -> HistoryError {
        HistoryError { line: error.line, reason: HistoryErrorReason::Unreadable(error) }
    }
}

impl History {
    /// Reads a history in EDN: entries in sequence, as in a history.edn, or in a vector or a list.
    /// Indices, times, processes and the functions of transactions may be missing.
    pub fn read_edn(text: &str) -> Result<History, HistoryError> {
        let mut history = History::new();
        let mut values = ValueReader::of(text)?;
        while let Some((line, value)) = values.next()? {
            history.read_op(line, value)?;
        }
        Ok(history)
    }

    /// Reads a history in EDN, or in JSON if it begins with an object whose first key is a string,
    /// alone or in an array.
    pub fn read(text: &str) -> Result<History, HistoryError> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        if !json::is_json(text) {
            return History::read_edn(text);
        }
        let mut history = History::new();
        for (line, value) in json::values(text)? {
            history.read_op(line, value)?;
        }
        Ok(history)
    }

    fn read_op(&mut self, line: usize, value: Value) -> Result<(), HistoryError> {
        let fail = |reason| HistoryError { line, reason };
        let context = Context {
            last: self.ops.last().map(|last| (last.index, last.time)),
            pending_f: &|process| self.pending_op(process).map(|op| op.f.clone()),
        };
        let (op, has_time) =
            context.op(value).map_err(|reason| fail(HistoryErrorReason::NotAnOperation(reason)))?;
        if let Some(pending) = self.pending_op(op.process).filter(|_| op.kind == Kind::Invoke) {
            let (process, running) = (op.process, pending.index);
            return Err(fail(HistoryErrorReason::ProcessBusy { process, pending: running }));
        }
        self.lacks_time |= !has_time;
        self.push(op);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let mut written = Vec::new();
        History::read(text).unwrap().write_edn(&mut written).unwrap();
        assert_eq!(String::from_utf8(written).unwrap(), expected, "{text}");
    }

    #[track_caller]
    fn check_error(text: &str, message: &str) {
        assert_eq!(History::read(text).unwrap_err().to_string(), message, "{text}");
    }

    const READ: &str = "\
{:index 0, :time 0, :type :invoke, :process 0, :f :read, :value nil}
{:index 1, :time 1, :type :ok, :process 0, :f :read, :value 5}
";

    #[test]
    fn the_forms_of_neighboring_tools_are_read() {
        for text in [
            READ,
            // Several entries on a line, one over several lines, in a vector or a list, as records.
            "{:type :invoke :process 0 :f :read} {:type :ok :process 0 :f :read :value 5}",
            "[{:type :invoke,\n  :process 0,\n  :f :read}\n \
             {:type :ok,\n  :process 0,\n  :f :read,\n  :value 5}]",
            "; a comment\n({:type :invoke, :process 0, :f :read}, \
             {:type :ok, :process 0, :f :read, :value 5})",
            "[#jepsen.history.Op{:index 0, :time -1, :type :invoke, :process 0, :f :read, \
             :value nil} #jepsen.history.Op{:index 1, :time -1, :type :ok, :process 0, :f :read, \
             :value 5}]",
            // Without processes; a completion without its function.
            "{:type :invoke, :f :read}\n{:type :ok, :value 5}",
            // JSON: an array, objects one after the other, a byte order mark.
            r#"[{"type": "invoke", "process": 0, "f": "read", "value": null},
                {"type": "ok", "process": 0, "f": "read", "value": 5}]"#,
            "\u{feff}{\"type\":\"invoke\",\"process\":0,\"f\":\"read\"}\n{\"type\":\"ok\",\"process\":0,\"f\":\"read\",\"value\":5}\n",
        ] {
            check(text, READ);
        }
        check("", "");
        check("[]", "");
    }

    #[test]
    fn transactions_may_leave_out_their_function() {
        let txn = "\
{:index 4, :time 0, :type :ok, :process 0, :f :txn, :value [[:append \"x\" 1] [:r \"y\" nil]]}
{:index 6, :time 7, :type :info, :process :nemesis, :f :kill, :value nil}
{:index 7, :time 8, :type :ok, :process 1, :f :txn, :value [[:r \"x\" [1]]]}
";
        check(
            "[{:index 4 :type :ok, :value [[:append \"x\" 1] [:r \"y\" nil]]}
              {:index 6 :time 7 :type :info :process :nemesis :f :kill}
              {:process 1, :type :ok, :f nil :value [[:r \"x\" [1]]]}]",
            txn,
        );
        check(
            r#"{"index": 4, "type": "ok", "value": [["append", "x", 1], ["r", "y", null]]}
               {"index": 6, "time": 7, "type": "info", "process": "nemesis", "f": "kill"}
               {"process": 1, "type": "ok", "f": "txn", "value": [["r", "x", [1]]]}"#,
            txn,
        );
        // In an operation with another function, micro-operations are a plain value.
        let value = r#"[["r", 1]]"#;
        let op = format!(r#"{{"type": "ok", "process": 0, "f": "read", "value": {value}}}"#);
        check(&op, "{:index 0, :time 0, :type :ok, :process 0, :f :read, :value [[\"r\" 1]]}\n");
    }

    #[test]
    fn a_history_knows_whether_it_has_no_times() {
        let timed = READ.replace(":time 0, ", "");
        assert!(History::read(&timed).unwrap().lacks_time());
        assert!(!History::read(READ).unwrap().lacks_time());
    }

    #[test]
    fn errors_name_the_line() {
        let op = "{:index 0, :time 1, :type :invoke, :process 0, :f :read, :value nil}";
        check_error("\n\n{:index", "line 3, column 8: expected a value for the key, found the end");
        check_error(
            &format!("{op}\n{}\n{op}", &op[..30]),
            "line 2, column 31: expected a key or }, found the next value",
        );
        check_error(
            &format!("{op}\n[]"),
            "line 2: expected an operation such as {:type :invoke, :process 0, :f :read}, found \
             `[]`",
        );
        check_error(
            &format!("{op}\n{op}"),
            "line 2: expected an :index beyond 0, found 0; without any, the order counts",
        );
        check_error(&op.replace(":read", "1"), "line 1: expected a keyword as :f, found `1`");
        check_error("{:index 0}", "line 1: expected :type, which is missing");
        check_error(
            "{:type :ok, :value 1}",
            "line 1: expected :f, which is missing; only transactions may leave it out",
        );
        check_error(
            &op.replace(":invoke", ":began"),
            "line 1: expected :invoke, :ok, :fail or :info as :type, found `:began`",
        );
        check_error(
            &op.replace(":process 0", ":process \"a\""),
            "line 1: expected a number or :nemesis as :process, found `\"a\"`; \
             each client needs a number of its own",
        );
        check_error(
            &format!("{op}\n{}", op.replace(":index 0", ":index 3")),
            "line 2: expected the end of the operation at index 0 first, found another one that \
             process 0 begins; a process does one thing at a time, and without a :process all is \
             done by process 0",
        );
        check_error(
            "[{\"type\": \"invoke\"\n",
            "line 2: malformed JSON: EOF while parsing an object at line 2 column 0",
        );
        check_error("[{\"f\": 1},\n7]", "line 1: expected :type, which is missing");
    }
}
