//! A node's refusal to go on, for a reason that is no bug: what is wrong is around the node, as a
//! damaged disk is.
//!
//! It unwinds like a panic, so whatever the node is doing ends there, and the constructor of a
//! handler needs no error of its own. But it is none: no hook prints where in the source it came
//! from, and the node's future ends with it as an error, which a program prints as its last words.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::pin;
use std::task::Poll;

/// Why a node refuses to go on.
#[derive(Debug)]
struct Refusal(String);

impl std::error::Error for Refusal {}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Ends the node with these words.
pub(crate) fn refuse(why: String) -> ! {
    if cfg!(panic = "abort") {
        // There, nobody can catch it, and a panic at least says why.
        panic!("{why}")
    } else {
        resume_unwind(Box::new(Refusal(why)))
    }
}

/// Runs a node, whose refusal becomes the error with which it ends.
pub(crate) async fn or_refusal(
    life: impl Future<Output = anyhow::Result<()>>,
) -> anyhow::Result<()> {
    let mut life = pin!(life);
    std::future::poll_fn(|cx| {
        // Nothing of a node that has refused, or has panicked, is looked at again.
        let polled = catch_unwind(AssertUnwindSafe(|| life.as_mut().poll(cx)));
        polled.unwrap_or_else(|panic| match panic.downcast::<Refusal>() {
            Ok(refusal) => Poll::Ready(Err((*refusal).into())),
            Err(panic) => resume_unwind(panic),
        })
    })
    .await
}
