//! Client threads, their processes, and their order.
//!
//! Each thread runs one process at a time. A process with an indeterminate operation must not be
//! used again, so its thread goes on as a new process. The number of that process, modulo the
//! number of threads, is still the thread. Free threads take turns as in Jepsen's
//! `generator/context.clj`, where the nemesis has a slot after the last thread. It never takes an
//! operation of a client, so the turn of its slot falls to the next free thread. Of five idle
//! threads the first therefore gets two turns in six, and node n0 a third of all requests.
//! Maelstrom's figures include this bias, so eddy's do.

use std::collections::BTreeSet;
use std::ops::Range;

/// Threads, their processes, and the next turn.
#[derive(Debug)]
pub(super) struct Threads {
    processes: Vec<u64>,
    free: BTreeSet<usize>,
    turn: usize,
}

impl Threads {
    /// Makes `count` threads, all free.
    pub(super) fn new(count: usize) -> Threads {
        Threads { processes: (0..count as u64).collect(), free: (0..count).collect(), turn: 0 }
    }

    /// The numbers of all threads.
    pub(super) fn all(&self) -> Range<usize> {
        0..self.processes.len()
    }

    /// The free thread of a subgroup whose turn is next.
    pub(super) fn next_free(&self, subgroup: &Range<usize>) -> Option<usize> {
        let after = self.turn.clamp(subgroup.start, subgroup.end)..subgroup.end;
        self.free.range(after).chain(self.free.range(subgroup.clone())).next().copied()
    }

    pub(super) fn are_all_free(&self) -> bool {
        self.free.len() == self.processes.len()
    }

    pub(super) fn is_free(&self, thread: usize) -> bool {
        self.free.contains(&thread)
    }

    /// Makes a free thread busy and advances the turn. Returns the thread's process.
    pub(super) fn claim(&mut self, thread: usize) -> u64 {
        assert!(self.free.remove(&thread), "thread {thread} is busy");
        self.advance_turn();
        self.processes[thread]
    }

    /// Makes a busy thread free, with a new process if the old one crashed.
    pub(super) fn release(&mut self, thread: usize, crashed: bool) {
        assert!(self.free.insert(thread), "thread {thread} has nothing to complete");
        if crashed {
            self.processes[thread] += self.processes.len() as u64;
        }
    }

    /// Advances the turn, as every operation does, including those of the nemesis.
    pub(super) fn advance_turn(&mut self) {
        self.turn = (self.turn + 1) % (self.processes.len() + 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Simulates turns: `.` is an operation that completes at once, `_` one that does not, `N` one
    /// of the nemesis.
    #[track_caller]
    fn check(count: usize, turns: &str, expected: &str) {
        let mut threads = Threads::new(count);
        let mut taken = Vec::new();
        for turn in turns.chars() {
            if turn == 'N' {
                threads.advance_turn();
                continue;
            }
            let thread = threads.next_free(&(0..count)).expect("a free thread");
            taken.push(threads.claim(thread).to_string());
            if turn == '.' {
                threads.release(thread, false);
            }
        }
        assert_eq!(taken.join(" "), expected);
    }

    #[test]
    fn threads_take_turns_as_in_recorded_histories_of_maelstrom() {
        check(5, ".N.............", "0 2 3 4 0 0 1 2 3 4 0 0 1 2");
        check(3, "N.......", "1 2 0 0 1 2 0");
        check(1, "...", "0 0 0");
    }

    #[test]
    fn a_busy_thread_is_passed_over() {
        check(3, "_......", "0 1 2 1 1 1 2");
        check(3, "___", "0 1 2");
    }

    #[test]
    fn a_crashed_process_is_replaced_on_its_thread() {
        let mut threads = Threads::new(3);
        for process in [1, 4, 7] {
            assert_eq!(threads.claim(1), process);
            assert!(!threads.is_free(1) && !threads.are_all_free());
            threads.release(1, true);
        }
        assert_eq!(threads.claim(0), 0);
    }
}
