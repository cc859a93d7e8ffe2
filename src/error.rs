//! What can go wrong, in the two directions: what a node *answers*, and what it *was answered*.
//!
//! They are two types on purpose. Were they one, `?` in a handler would pass a store's definite
//! refusal on as the handler's own, although half of the handler's work may have happened by then:
//! a lie that checkers would believe. So [`Error`] is what a handler says on purpose; every other
//! error, an [`RpcError`] among them, reaches the client as [`ErrorCode::Crash`], which promises
//! nothing. See the section on errors in Maelstrom's `doc/protocol.md`.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The kinds of errors that Maelstrom's protocol defines, and room for your own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "u64", into = "u64")]
pub enum ErrorCode {
    /// 0, indefinite: the operation could not be completed in time.
    Timeout,
    /// 1: there is no such node.
    NodeNotFound,
    /// 10: this node does not know such requests.
    NotSupported,
    /// 11: the operation certainly did not happen, and may succeed later.
    TemporarilyUnavailable,
    /// 12: the request does not have the shape that its type calls for.
    MalformedRequest,
    /// 13, indefinite: something went wrong; the operation may or may not have happened.
    Crash,
    /// 14: the operation certainly did not happen, for a reason that has no code of its own.
    Abort,
    /// 20: there is no such key.
    KeyDoesNotExist,
    /// 21: the key that was to be created is there already.
    KeyAlreadyExists,
    /// 22: what the operation expected to find (`from` in a compare-and-set) is not there.
    PreconditionFailed,
    /// 30: the transaction lost against another one and was undone.
    TxnConflict,
    /// Any other number, indefinite: from 1000 on they are yours to define.
    Other(u64),
}

impl ErrorCode {
    const NAMED: [(u64, ErrorCode, &'static str); 11] = [
        (0, ErrorCode::Timeout, "timeout"),
        (1, ErrorCode::NodeNotFound, "node-not-found"),
        (10, ErrorCode::NotSupported, "not-supported"),
        (11, ErrorCode::TemporarilyUnavailable, "temporarily-unavailable"),
        (12, ErrorCode::MalformedRequest, "malformed-request"),
        (13, ErrorCode::Crash, "crash"),
        (14, ErrorCode::Abort, "abort"),
        (20, ErrorCode::KeyDoesNotExist, "key-does-not-exist"),
        (21, ErrorCode::KeyAlreadyExists, "key-already-exists"),
        (22, ErrorCode::PreconditionFailed, "precondition-failed"),
        (30, ErrorCode::TxnConflict, "txn-conflict"),
    ];

    /// Whether the operation certainly did not happen and never will.
    ///
    /// Time-outs, crashes and every code that the protocol does not define are indefinite.
    pub fn is_definite(self) -> bool {
        !matches!(self, ErrorCode::Timeout | ErrorCode::Crash | ErrorCode::Other(_))
    }

    /// The name that the protocol gives it, `unknown` for other numbers.
    pub fn name(self) -> &'static str {
        let named = Self::NAMED.iter().find(|(_, code, _)| *code == self);
        named.map_or("unknown", |(_, _, name)| name)
    }

    /// An error of this kind, with a sentence for people.
    pub fn error(self, text: impl Into<String>) -> Error {
        Error { code: self, text: text.into() }
    }
}

impl From<u64> for ErrorCode {
    fn from(number: u64) -> Self {
        let named = Self::NAMED.iter().find(|(named, _, _)| *named == number);
        named.map_or(ErrorCode::Other(number), |(_, code, _)| *code)
    }
}

impl From<ErrorCode> for u64 {
    fn from(code: ErrorCode) -> u64 {
        match code {
            ErrorCode::Other(number) => number,
            named => ErrorCode::NAMED.iter().find(|(_, c, _)| *c == named).map_or(0, |(n, ..)| *n),
        }
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.name(), u64::from(*self))
    }
}

/// The body of an error reply: what a handler answers when it means to refuse.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Error {
    /// What kind of error; decides whether the client may assume that nothing happened.
    pub code: ErrorCode,
    /// An explanation for people.
    #[serde(default)]
    pub text: String,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.text)
    }
}

impl std::error::Error for Error {}

/// Why a call to another node brought no result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RpcError {
    /// No answer came in time. The other node may have done what it was asked, or may do it later.
    TimedOut {
        /// The node that was asked.
        dest: String,
        /// How long the caller waited.
        within: Duration,
    },
    /// The other node replied with an error.
    ErrorReply(Error),
    /// The reply has another type than the caller expects. The other node did handle the request.
    Unreadable {
        /// The answer's body.
        body: String,
        /// What was expected instead.
        reason: String,
    },
}

impl RpcError {
    /// Whether what was asked certainly did not happen and never will.
    pub fn is_definite(&self) -> bool {
        self.code().is_some_and(ErrorCode::is_definite)
    }

    /// The code of the error that the other node answered, if that is what happened.
    pub fn code(&self) -> Option<ErrorCode> {
        match self {
            RpcError::ErrorReply(error) => Some(error.code),
            RpcError::TimedOut { .. } | RpcError::Unreadable { .. } => None,
        }
    }
}

impl fmt::Display for RpcError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RpcError::TimedOut { dest, within } => {
                write!(f, "no answer from {dest} within {within:?}")
            }
            RpcError::ErrorReply(error) => error.fmt(f),
            RpcError::Unreadable { body, reason } => write!(f, "cannot read {body}: {reason}"),
        }
    }
}

impl std::error::Error for RpcError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_of_the_protocol_has_its_number_name_and_definiteness() {
        #[track_caller]
        fn check(number: u64, name: &str, definite: bool) {
            let code = ErrorCode::from(number);
            assert_eq!(
                (u64::from(code), code.name(), code.is_definite()),
                (number, name, definite)
            );
        }
        check(0, "timeout", false);
        check(1, "node-not-found", true);
        check(10, "not-supported", true);
        check(11, "temporarily-unavailable", true);
        check(12, "malformed-request", true);
        check(13, "crash", false);
        check(14, "abort", true);
        check(20, "key-does-not-exist", true);
        check(21, "key-already-exists", true);
        check(22, "precondition-failed", true);
        check(30, "txn-conflict", true);
        check(15, "unknown", false);
        check(1000, "unknown", false);
        check(u64::MAX, "unknown", false);
    }
}
