//! Clients of a test: what they ask nodes, and what they make of the answers.
//!
//! A [workload](crate::Workload) says which [`Operation`] is next; here is what one is made of. Its
//! [`Request`] is sent to a node. The reply must have the request's [`Schema`], and the [`Outcome`]
//! says which value the operation then has; [`Errors`] says what becomes of it otherwise.

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
