//! The generator of a test: the schedule of operations and faults, as a state machine.
//!
//! In Jepsen, an interpreter repeatedly asks nested generators for the next operation
//! (`generator.clj`, `generator/interpreter.clj`). Maelstrom nests them in one way only
//! (`core.clj`), and this state machine is that one nesting:
//!
//! 1. Operations and faults go on until the time limit; faults may end earlier.
//! 2. Pending operations complete.
//! 3. For a test with final operations, faults end and the nodes have time to recover.
//! 4. Every thread performs its final operations.
//!
//! So operations under faults test safety, and the final operations test liveness. The machine
//! knows neither values nor clocks: its caller passes the time and each completion, and it returns
//! the next step.

#[cfg(test)]
mod tests;
mod threads;

use std::collections::{BTreeMap, BTreeSet};
use std::iter;
use std::ops::Range;
use std::rc::Rc;
use std::time::Duration;

use self::threads::Threads;
use crate::nemesis::{ClusterInfo, Fault, Nemesis, NemesisAction, Strike};
use crate::random::Random;
use crate::stagger::Stagger;

/// The recovery time before the final operations, as in Maelstrom. A longer one would excuse slower
/// repair; a shorter one would fail nodes that retry every few seconds.
pub const RECOVERY: Duration = Duration::from_secs(10);

/// Parameters of a generator.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The number of threads that invoke operations.
    pub concurrency: usize,
    /// Groups of threads, as in Jepsen's `reserve`, each divided into subgroups. Each thread is in
    /// exactly one subgroup. An operation goes to a random group that has a free thread, in
    /// proportion to its size, there to a random subgroup likewise, and there to the next free
    /// thread.
    pub thread_groups: Vec<Vec<Range<usize>>>,
    /// The mean rate of operations in the main phase, per second; 0 for none.
    pub rate: f64,
    /// The length of the main phase.
    pub time_limit: Duration,
    /// The faults that strike at random during the main phase.
    pub faults: BTreeSet<Fault>,
    /// The mean time between two actions of one fault.
    pub nemesis_interval: Duration,
    /// Further strikes at exact times of the main phase.
    pub strikes: Vec<Strike>,
    /// The end of all faults, if it is before the end of the main phase.
    pub faults_until: Duration,
    /// The nodes that faults may strike.
    pub cluster: Rc<ClusterInfo>,
    /// True if faults end before the test does, and every thread has a final operation then.
    pub has_final: bool,
}

/// The next step of a test. The caller performs it at once and then asks for another.
#[derive(Debug, Clone, PartialEq)]
pub enum GeneratorStep {
    /// Invoke an operation, and call [`Generator::completed`] when it has ended.
    Invoke {
        /// The thread that invokes it: a number below the concurrency, bound to one node.
        thread: usize,
        /// The process of that thread, which the history shows.
        process: u64,
        /// The phase, which determines the kind of operation.
        phase: Phase,
    },
    /// Start or end a strike, before anything else.
    Strike(NemesisAction),
    /// Wait until this time, or until an operation completes.
    WaitUntil(Duration),
    /// Wait until an operation completes.
    WaitForCompletion,
    /// The test is over.
    Done,
}

/// The phase of a test that an operation belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// The phase before the time limit, under faults.
    Main,
    /// The phase after the recovery.
    Final,
}

/// The stage of a generator, as a progress display shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GeneratorStage {
    /// Operations and faults, until the time limit.
    Main,
    /// Completion of the operations that are pending at the time limit.
    Draining,
    /// Recovery of the nodes, for the time of [`RECOVERY`].
    Recovery,
    /// Final operations, until all have completed.
    Final,
}

/// The generator of a test. All times count from the beginning of the test.
#[derive(Debug)]
pub struct Generator {
    state: GeneratorState,
    threads: Threads,
    thread_groups: Vec<Vec<Range<usize>>>,
    /// Draws groups and subgroups.
    random: Random,
    operations: Stagger,
    /// The time since which no thread has been free.
    blocked_since: Option<Duration>,
    nemeses: Vec<Nemesis>,
    faults_end: Duration,
    main_end: Duration,
    has_final: bool,
    /// The threads that have a final operation left, and its due time.
    final_due_times: BTreeMap<usize, Duration>,
}

#[derive(Debug, Clone, Copy)]
enum GeneratorState {
    Main,
    Draining,
    EndingFaults,
    Recovering { until: Duration },
    Final,
}

impl Generator {
    /// Makes a generator whose first operation and first drawn strikes are due at `start`.
    pub fn new(plan: &Plan, start: Duration, random: &Random) -> Generator {
        let Plan { faults, strikes, nemesis_interval, cluster, .. } = plan;
        let drawn = faults.iter().enumerate().map(|(index, fault)| {
            Nemesis::new(index, *fault, cluster, *nemesis_interval, start, random)
        });
        let mut strikes: Vec<&Strike> = strikes.iter().collect();
        // The indices decide between strikes that are due at the same time. A report lists strikes
        // in this order, and a test that schedules the listed strikes must run the same way.
        strikes.sort_by_key(|strike| strike.from);
        let scheduled = strikes.into_iter().zip(faults.len()..);
        let scheduled = scheduled.map(|(strike, index)| Nemesis::scheduled(index, strike, start));
        Generator {
            state: GeneratorState::Main,
            threads: Threads::new(plan.concurrency),
            thread_groups: plan.thread_groups.clone(),
            // The label fixes the random stream, so it keeps its former name.
            random: random.fork("crews"),
            operations: Stagger::at_rate(plan.rate, start, random.fork("operations")),
            blocked_since: None,
            nemeses: drawn.chain(scheduled).collect(),
            faults_end: start.saturating_add(plan.faults_until),
            main_end: start.saturating_add(plan.time_limit),
            has_final: plan.has_final,
            final_due_times: BTreeMap::new(),
        }
    }

    /// The next step at this time.
    pub fn next(&mut self, now: Duration) -> GeneratorStep {
        loop {
            self.state = match self.state {
                GeneratorState::Main if now < self.main_end => return self.next_in_main(now),
                GeneratorState::Main => GeneratorState::Draining,
                GeneratorState::Draining if !self.threads.are_all_free() => {
                    return GeneratorStep::WaitForCompletion;
                }
                GeneratorState::Draining if self.has_final => GeneratorState::EndingFaults,
                GeneratorState::Draining => GeneratorState::Final,
                GeneratorState::EndingFaults => match self.end_next_fault(now) {
                    Some(action) => return GeneratorStep::Strike(action),
                    None => GeneratorState::Recovering { until: now + RECOVERY },
                },
                GeneratorState::Recovering { until } if now < until => {
                    return GeneratorStep::WaitUntil(until);
                }
                GeneratorState::Recovering { until } => {
                    self.final_due_times =
                        self.threads.all().map(|thread| (thread, until)).collect();
                    GeneratorState::Final
                }
                GeneratorState::Final => return self.next_in_final(now),
            };
        }
    }

    /// The current stage.
    pub fn stage(&self) -> GeneratorStage {
        match self.state {
            GeneratorState::Main => GeneratorStage::Main,
            GeneratorState::Draining => GeneratorStage::Draining,
            GeneratorState::EndingFaults | GeneratorState::Recovering { .. } => {
                GeneratorStage::Recovery
            }
            GeneratorState::Final => GeneratorStage::Final,
        }
    }

    /// Records that the thread's operation has completed. After an indeterminate one (`crashed`)
    /// the thread goes on as a new process.
    pub fn completed(&mut self, now: Duration, thread: usize, crashed: bool) {
        if let Some(since) = self.blocked_since.take() {
            self.operations.skip_blocked_time(since, now);
        }
        self.threads.release(thread, crashed);
    }

    /// Schedules a further final operation for a thread that has completed one.
    pub fn schedule_final(&mut self, thread: usize, due: Duration) {
        assert!(
            matches!(self.state, GeneratorState::Final),
            "only a final operation can be continued"
        );
        self.final_due_times.insert(thread, due);
    }

    /// Ends the next fault for good. The order is the same for drawn and for scheduled strikes.
    fn end_next_fault(&mut self, now: Duration) -> Option<NemesisAction> {
        self.nemeses.sort_by_key(Nemesis::fault);
        std::iter::from_fn(|| self.nemeses.pop()).find_map(|nemesis| nemesis.retire(now))
    }

    fn next_in_main(&mut self, now: Duration) -> GeneratorStep {
        // The threads' turn does not advance here. A nemesis that draws strikes ends its fault even
        // if none is active; the same strikes, when a test schedules them, have no such end. Both
        // tests must run the same way.
        if now >= self.faults_end
            && let Some(action) = self.end_next_fault(self.faults_end)
        {
            return GeneratorStep::Strike(action);
        }
        let is_any_free = self.threads.next_free(&self.threads.all()).is_some();
        let invoke_at = if is_any_free { self.operations.due() } else { Duration::MAX };
        // Strikes that end now come before strikes that begin now.
        let nemesis = self.nemeses.iter_mut().min_by_key(|nemesis| nemesis.peek());
        let faults_end = self.faults_end;
        let strike_at =
            nemesis.as_ref().map_or(Duration::MAX, |nemesis| nemesis.due().min(faults_end));
        match nemesis {
            Some(nemesis) if strike_at <= now.min(invoke_at) => {
                self.threads.advance_turn();
                GeneratorStep::Strike(nemesis.next_action(now))
            }
            _ if invoke_at <= now => {
                self.operations.happened(now);
                let thread = self.choose_thread();
                let process = self.threads.claim(thread);
                let is_any_free = self.threads.next_free(&self.threads.all()).is_some();
                self.blocked_since = (!is_any_free).then_some(now);
                GeneratorStep::Invoke { thread, process, phase: Phase::Main }
            }
            _ => GeneratorStep::WaitUntil(invoke_at.min(strike_at).min(self.main_end)),
        }
    }

    /// Chooses the thread for the next operation. At least one must be free.
    fn choose_thread(&mut self) -> usize {
        let Generator { thread_groups, threads, random, .. } = self;
        let is_free = |subgroup: &&Range<usize>| threads.next_free(subgroup).is_some();
        let has_free = |group: &&Vec<Range<usize>>| group.iter().any(|subgroup| is_free(&subgroup));
        let group = draw_weighted(
            thread_groups.iter().filter(has_free),
            |group| group.iter().map(ExactSizeIterator::len).sum(),
            random,
        );
        let subgroups = group.into_iter().flatten().filter(is_free);
        let subgroup = draw_weighted(subgroups, ExactSizeIterator::len, random);
        let thread = subgroup.and_then(|subgroup| threads.next_free(subgroup));
        thread.expect("a group with a free thread")
    }

    fn next_in_final(&mut self, now: Duration) -> GeneratorStep {
        let waiting =
            self.final_due_times.iter().filter(|(thread, _)| self.threads.is_free(**thread));
        match waiting.map(|(thread, due)| (*due, *thread)).min() {
            Some((due, thread)) if due <= now => {
                self.final_due_times.remove(&thread);
                let process = self.threads.claim(thread);
                GeneratorStep::Invoke { thread, process, phase: Phase::Final }
            }
            Some((due, _)) => GeneratorStep::WaitUntil(due),
            None if self.threads.are_all_free() => GeneratorStep::Done,
            None => GeneratorStep::WaitForCompletion,
        }
    }
}

/// Draws one of the candidates, with a probability in proportion to its size.
fn draw_weighted<'a, T>(
    candidates: impl Iterator<Item = &'a T>,
    size: impl Fn(&T) -> usize,
    random: &mut Random,
) -> Option<&'a T> {
    let candidates: Vec<&T> = candidates.collect();
    if let [only] = candidates[..] {
        return Some(only);
    }
    let mut members = candidates.iter().flat_map(|one| iter::repeat_n(*one, size(one)));
    members.nth(random.index(members.clone().count()))
}
