//! The source of a test's operations.

use std::ops::Range;
use std::time::Duration;

use crate::client::{Answer, Operation, Reply, Request, TIMEOUT};
use crate::history::Op;
use crate::random::Random;

/// The performer of an operation, and the time.
#[derive(Debug, Clone, Copy)]
pub struct Turn {
    /// The time of the test.
    pub now: Duration,
    /// The number of the client thread, from 0.
    pub thread: usize,
    /// The process that the thread is now: another one after each operation in doubt.
    pub process: u64,
}

/// The operations of one run of a test, drawn one by one; it is told what becomes of them.
///
/// Whatever is left to chance comes from the [`Random`] that it is given, so that the same seed
/// gives the same run.
pub trait Operations {
    /// The request, if any, that every node gets before the first operation.
    fn setup(&self, _nodes: &[String]) -> Option<Operation> {
        None
    }

    /// The threads that work together: an operation is for one of these crews, a larger one more
    /// often, for one part of it, likewise, and for a free thread of that.
    fn crews(&self, threads: usize) -> Vec<Vec<Range<usize>>> {
        vec![vec![Range { start: 0, end: threads }]]
    }

    /// The time that a client waits for a reply.
    fn timeout(&self) -> Duration {
        TIMEOUT
    }

    /// True if a client goes on after an operation in doubt, as Maelstrom's does where it is
    /// `Reusable`. Others are closed, and what they are sent then is sent to nobody.
    fn reuses_clients(&self) -> bool {
        false
    }

    /// The next operation.
    fn next(&mut self, turn: Turn, random: &mut Random) -> Operation;

    /// True if threads have something to do at the end, when faults are over and nodes had time to
    /// recover.
    fn has_last(&self) -> bool {
        false
    }

    /// The final operation of a thread, if any.
    fn last(&mut self, _turn: Turn, _random: &mut Random) -> Option<Operation> {
        None
    }

    /// The time at which the thread has something to do again, after that.
    fn again(&mut self, _now: Duration, _thread: usize) -> Option<Duration> {
        None
    }

    /// The answer made of a reply that has the request's schema; an error says what is wrong with
    /// it.
    fn answered(
        &mut self,
        _process: u64,
        operation: &Operation,
        request: &Request,
        reply: &Reply<'_>,
    ) -> Result<Answer, String> {
        request.result.of(&operation.value, reply).map(Answer::Done)
    }

    /// An operation of this thread has ended.
    fn completed(&mut self, _thread: usize, _op: &Op) {}

    /// A warning about what no history tells, in a sentence.
    fn warning(&self) -> Option<String> {
        None
    }
}
