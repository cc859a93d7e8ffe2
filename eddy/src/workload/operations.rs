//! The source of a test's operations.

use std::ops::Range;
use std::time::Duration;

use crate::client::{ClientReply, ClientRequest, Operation, OperationStep, TIMEOUT};
use crate::history::Op;
use crate::random::Random;

/// The performer of an operation, and the time.
#[derive(Debug, Clone, Copy)]
pub struct ClientContext {
    /// The time since the beginning of the test.
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

    /// Groups of threads, as in Jepsen's `reserve`, each divided into subgroups. An operation goes
    /// to a random group, in proportion to its size, there to a random subgroup likewise, and there
    /// to the next free thread.
    fn thread_groups(&self, threads: usize) -> Vec<Vec<Range<usize>>> {
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
    fn next(&mut self, context: ClientContext, random: &mut Random) -> Operation;

    /// True if threads have final operations, after the faults have ended and the nodes have had
    /// time to recover.
    fn has_final(&self) -> bool {
        false
    }

    /// The final operation of a thread, if any.
    fn next_final(&mut self, _context: ClientContext, _random: &mut Random) -> Option<Operation> {
        None
    }

    /// The due time of a further final operation of this thread, if it has one.
    fn next_final_due(&mut self, _now: Duration, _thread: usize) -> Option<Duration> {
        None
    }

    /// Interprets a reply that matches the request's schema. An error says what is wrong with it.
    fn interpret_reply(
        &mut self,
        _process: u64,
        operation: &Operation,
        request: &ClientRequest,
        reply: &ClientReply<'_>,
    ) -> Result<OperationStep, String> {
        request.result.value(&operation.value, reply).map(OperationStep::Done)
    }

    /// An operation of this thread has ended.
    fn completed(&mut self, _thread: usize, _op: &Op) {}

    /// A warning about what no history tells, in a sentence.
    fn warning(&self) -> Option<String> {
        None
    }
}
