//! Clients of a test: what they ask nodes, and what they make of the answers.
//!
//! A [workload](crate::Workload) says which [`Operation`] is next; here is what one is made of. Its
//! [`Request`] is sent to a node. The reply must have the request's [`Schema`], and the [`Outcome`]
//! says which value the operation then has; [`Errors`] says what becomes of it otherwise.

mod completion;
mod operation;
mod schema;

use std::time::Duration;

pub(crate) use self::completion::{Completion, EXCERPT, Next};
pub use self::operation::{Answer, Errors, Operation, Outcome, Request, Work};
pub use self::schema::{Reply, Schema, Shape};
pub(crate) use self::schema::{is_integer, named};

/// The time that a client waits for a reply, unless its workload says otherwise.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(5);
