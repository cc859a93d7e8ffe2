//! Errors of the protocol: [`Error`], which a node *replies*, and [`RpcError`], which a call
//! *returns*.
//!
//! They are two types on purpose. With one type, `?` in a handler would pass a store's definite
//! error on as the handler's own, although a part of the operation may have happened. Checkers
//! would believe that false promise. So a handler returns an [`Error`] deliberately, and every
//! other error reaches the client as [`ErrorCode::Crash`], which promises nothing. That includes an
//! [`RpcError`]. See the section on errors in Maelstrom's `doc/protocol.md`.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Error codes of Maelstrom's protocol, and your own.
///
/// A definite error promises that the operation did not happen and never will. After an indefinite
/// one, it may or may not have happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "u64", into = "u64")]
pub enum ErrorCode {
    /// 0, indefinite: the operation could not be completed in time.
    Timeout,
    /// 1: the destination does not exist.
    NodeNotFound,
    /// 10: the node does not know requests of this type.
    NotSupported,
    /// 11: the operation cannot be done now, and may succeed later.
    TemporarilyUnavailable,
    /// 12: the request lacks fields of its type, or they have wrong values.
    MalformedRequest,
    /// 13, indefinite: any other failure.
    Crash,
    /// 14: the operation was not done, for a reason without a code of its own.
    Abort,
    /// 20: the key does not exist.
    KeyDoesNotExist,
    /// 21: the key to be created exists already.
    KeyAlreadyExists,
    /// 22: a precondition, as `from` in a compare-and-set, is not met.
    PreconditionFailed,
    /// 30: the transaction conflicted with another one and was aborted.
    TxnConflict,
    /// Any other number, indefinite. From 1000 on, they are free for your own errors.
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

    /// True if the operation did not happen and never will. Timeouts, crashes and codes that the
    /// protocol does not define are indefinite.
    pub fn is_definite(self) -> bool {
        !matches!(self, ErrorCode::Timeout | ErrorCode::Crash | ErrorCode::Other(_))
    }

    /// The protocol's name of the code, `unknown` for other numbers.
    pub fn name(self) -> &'static str {
        let named = Self::NAMED.iter().find(|(_, code, _)| *code == self);
        named.map_or("unknown", |(_, _, name)| name)
    }

    /// An [`Error`] with this code and an explanation for people.
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

/// An error reply, as a handler returns it deliberately.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Error {
    /// The code. It decides if the client may assume that the operation did not happen.
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

/// Error of a call to another node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RpcError {
    /// No reply came in time. The other node may have handled the request, or may do so later.
    TimedOut {
        /// The node that was called.
        dest: String,
        /// The timeout of the call.
        within: Duration,
    },
    /// The other node replied with an error.
    ErrorReply(Error),
    /// The reply has another type than the caller expects. The other node did handle the request.
    Unreadable {
        /// The body of the reply.
        body: String,
        /// The reason for which it cannot be read.
        reason: String,
    },
}

impl RpcError {
    /// True if the operation did not happen and never will.
    pub fn is_definite(&self) -> bool {
        self.code().is_some_and(ErrorCode::is_definite)
    }

    /// The code of the error reply, if there was one.
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
