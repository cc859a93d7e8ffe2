//! The generator of a workload's operations, and the interpretation of their replies.

use std::ops::Range;
use std::time::Duration;

use crate::client::{ClientReply, ClientRequest, Operation, OperationStep, TIMEOUT};
use crate::history::Op;
use crate::random::Random;

/// The client that performs an operation, and the time.
#[derive(Debug, Clone, Copy)]
pub struct ClientContext {
    /// The time since the beginning of the test.
    pub now: Duration,
    /// The number of the client thread, from 0.
    pub thread: usize,
    /// The current process of the thread. Each indeterminate operation ends its process.
    pub process: u64,
}

/// The operations of one run of a test, generated one by one. The completion of each is reported to
/// it.
///
/// All random choices come from the given [`Random`], so that the same seed gives the same run.
pub trait Operations {
    /// The request, if any, that every node receives before the first operation.
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

    /// True if a client goes on after an indeterminate operation, as Maelstrom's `Reusable` clients
    /// do. Others are closed then, and messages to them have no receiver.
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

    /// Records the completion of an operation of this thread.
    fn completed(&mut self, _thread: usize, _op: &Op) {}

    /// A warning about a mistake that histories do not show, as a sentence.
    fn warning(&self) -> Option<String> {
        None
    }
}
