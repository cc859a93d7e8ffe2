//! Fatal errors of a node that are no bugs: their cause is outside of the node, as a damaged disk.
//!
//! A fatal error unwinds like a panic, so it ends the node at any place, and the constructor of a
//! handler returns no `Result`. Unlike a panic, it does not run the panic hook, which would print a
//! place in the source. The node's future returns it as an error, and the program prints that and
//! exits.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::pin;
use std::task::Poll;

/// The message of a fatal error.
#[derive(Debug)]
struct FatalError(String);

impl std::error::Error for FatalError {}

impl fmt::Display for FatalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Ends the node with this message.
pub(crate) fn fail_node(message: String) -> ! {
    if cfg!(panic = "abort") {
        // An abort cannot be caught, and a panic at least prints the message.
        panic!("{message}")
    } else {
        resume_unwind(Box::new(FatalError(message)))
    }
}

/// Runs a node, and returns its fatal error as `Err`.
pub(crate) async fn catch_fatal(
    node: impl Future<Output = anyhow::Result<()>>,
) -> anyhow::Result<()> {
    let mut node = pin!(node);
    std::future::poll_fn(|cx| {
        // Unwind safe: the state of a node that has unwound is never used again.
        let polled = catch_unwind(AssertUnwindSafe(|| node.as_mut().poll(cx)));
        polled.unwrap_or_else(|panic| match panic.downcast::<FatalError>() {
            Ok(refusal) => Poll::Ready(Err((*refusal).into())),
            Err(panic) => resume_unwind(panic),
        })
    })
    .await
}
