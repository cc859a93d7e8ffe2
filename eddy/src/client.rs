//! Clients of a test: their operations, the requests of these, and the evaluation of replies.
//!
//! A [workload](crate::Workload) generates the [`Operation`]s. The [`ClientRequest`] of an
//! operation is sent to a node. The reply must match the request's [`Schema`]; the [`ResultSource`]
//! then gives the value of the operation. The [`ErrorPolicy`] decides how an operation ends after
//! an error or a timeout.

mod completion;
mod operation;
mod schema;

use std::time::Duration;

pub(crate) use self::completion::{ClientStep, Completion, MAX_KEPT_REPLY};
pub use self::operation::{
    ClientRequest, ErrorPolicy, Operation, OperationStep, ResultSource, Work,
};
pub use self::schema::{ClientReply, Schema, Shape};
pub(crate) use self::schema::{describe_json, is_integer};

/// The time that a client waits for a reply, unless its workload says otherwise.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(5);
