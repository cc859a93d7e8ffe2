//! Which operation is invoked when, and by whom.
//!
//! Jepsen answers this with nested generators that an interpreter asks again and again
//! (`generator.clj`, `generator/interpreter.clj`). Maelstrom nests them in one way only
//! (`core.clj`), so here is that one as a state machine: operations and faults until the time
//! limit, where faults may end earlier; then whatever is still going on ends; and, for a test with
//! final operations, faults end, the nodes have time to recover, and every thread performs its last
//! operations. So what is done under faults shows whether nodes are safe, and the end, whether they
//! are alive again. The machine knows neither values nor clocks: it is told the time and what has
//! completed, and tells what is next.

#[cfg(test)]
mod tests;
mod threads;

use std::collections::{BTreeMap, BTreeSet};
use std::iter;
use std::ops::Range;
use std::rc::Rc;
use std::time::Duration;

use self::threads::Threads;
use crate::nemesis::{Action, Cluster, Fault, Nemesis, Strike};
use crate::random::Random;
use crate::stagger::Stagger;

/// How long nodes are left alone before the final operations. Maelstrom's figure: longer would
/// forgive slower repair, shorter would call nodes wrong that retry every few seconds.
pub const RECOVERY: Duration = Duration::from_secs(10);

/// What a schedule is made for.
#[derive(Debug, Clone)]
pub struct Plan {
    /// How many threads invoke operations.
    pub concurrency: usize,
    /// The threads that work together, each in one crew, and there in one part of it. An operation
    /// falls to one of the crews that have a free thread, in proportion to their size, there to one
    /// of the parts that have one, likewise, and there to the thread whose turn it is.
    pub crews: Vec<Vec<Range<usize>>>,
    /// Operations per second in the main phase, on average; 0 for none.
    pub rate: f64,
    /// How long the main phase is.
    pub time_limit: Duration,
    /// What strikes at random during the main phase.
    pub faults: BTreeSet<Fault>,
    /// The mean time between two actions of the same fault.
    pub nemesis_interval: Duration,
    /// What strikes besides, from when until when in the main phase.
    pub strikes: Vec<Strike>,
    /// When all faults end for good, if that is before the main phase does.
    pub faults_until: Duration,
    /// Whom it may strike.
    pub cluster: Rc<Cluster>,
    /// Whether faults end before the test does, and every thread has a final operation then.
    pub has_final: bool,
}

/// What the caller is to do, at once; afterwards it asks again.
#[derive(Debug, Clone, PartialEq)]
pub enum Next {
    /// Invoke an operation; [`Schedule::completed`] must be told of its end.
    Invoke {
        /// Who invokes it: a number below the concurrency, which stands for one node.
        thread: usize,
        /// As whom: the name that the history has.
        process: u64,
        /// Which of the workload's operations are due.
        phase: Phase,
    },
    /// Do this to the network, before anything else.
    Strike(Action),
    /// Nothing is to be done before this time, unless an operation completes earlier.
    WaitUntil(Duration),
    /// Nothing is to be done before an operation completes.
    WaitForCompletion,
    /// Nothing is going on, and nothing more will.
    Done,
}

/// The part of a test that an operation belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Before the time limit, under faults.
    Main,
    /// After the recovery.
    Final,
}

/// What a schedule waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The time limit, while operations and faults go on.
    Operations,
    /// The ends of the operations that are under way at the time limit.
    LastAnswers,
    /// The end of the [`RECOVERY`].
    Recovery,
    /// The ends of the final operations.
    LastOperations,
}

/// The state of a test's schedule; all times count from the test's beginning.
#[derive(Debug)]
pub struct Schedule {
    stage: Stage,
    threads: Threads,
    crews: Vec<Vec<Range<usize>>>,
    /// Decides between crews, and between their parts.
    random: Random,
    operations: Stagger,
    /// Since when no thread has been free.
    held_up_since: Option<Duration>,
    nemeses: Vec<Nemesis>,
    faults_end: Duration,
    main_ends: Duration,
    has_final: bool,
    /// The threads that have a final operation left, and when it is due.
    last_words: BTreeMap<usize, Duration>,
}

#[derive(Debug, Clone, Copy)]
enum Stage {
    Main,
    Draining,
    Healing,
    Recovering { until: Duration },
    Final,
}

impl Schedule {
    /// A schedule whose first operation, and first strike, are due at `start`.
    pub fn new(plan: &Plan, start: Duration, random: &Random) -> Schedule {
        let Plan { faults, strikes, nemesis_interval, cluster, .. } = plan;
        let drawn = faults.iter().enumerate().map(|(number, fault)| {
            Nemesis::new(number, *fault, cluster, *nemesis_interval, start, random)
        });
        let mut strikes: Vec<&Strike> = strikes.iter().collect();
        // Their numbers decide between those that are due at the same time. In this order a report
        // tells them, and whoever repeats that must get the same.
        strikes.sort_by_key(|strike| strike.from);
        let named = strikes.into_iter().zip(faults.len()..);
        let named = named.map(|(strike, number)| Nemesis::named(number, strike, start));
        Schedule {
            stage: Stage::Main,
            threads: Threads::new(plan.concurrency),
            crews: plan.crews.clone(),
            random: random.fork("crews"),
            operations: Stagger::at_rate(plan.rate, start, random.fork("operations")),
            held_up_since: None,
            nemeses: drawn.chain(named).collect(),
            faults_end: start.saturating_add(plan.faults_until),
            main_ends: start.saturating_add(plan.time_limit),
            has_final: plan.has_final,
            last_words: BTreeMap::new(),
        }
    }

    /// What is to be done now, one thing at a time.
    pub fn next(&mut self, now: Duration) -> Next {
        loop {
            self.stage = match self.stage {
                Stage::Main if now < self.main_ends => return self.next_in_main(now),
                Stage::Main => Stage::Draining,
                Stage::Draining if !self.threads.are_all_free() => return Next::WaitForCompletion,
                Stage::Draining if self.has_final => Stage::Healing,
                Stage::Draining => Stage::Final,
                Stage::Healing => match self.retire(now) {
                    Some(action) => return Next::Strike(action),
                    None => Stage::Recovering { until: now + RECOVERY },
                },
                Stage::Recovering { until } if now < until => return Next::WaitUntil(until),
                Stage::Recovering { until } => {
                    self.last_words = self.threads.all().map(|thread| (thread, until)).collect();
                    Stage::Final
                }
                Stage::Final => return self.next_in_final(now),
            };
        }
    }

    /// What is going on.
    pub fn part(&self) -> Part {
        match self.stage {
            Stage::Main => Part::Operations,
            Stage::Draining => Part::LastAnswers,
            Stage::Healing | Stage::Recovering { .. } => Part::Recovery,
            Stage::Final => Part::LastOperations,
        }
    }

    /// The thread's operation has ended; after a crash, in doubt about its effect, the thread goes
    /// on as a new process.
    pub fn completed(&mut self, now: Duration, thread: usize, crashed: bool) {
        if let Some(since) = self.held_up_since.take() {
            self.operations.was_held_up(since, now);
        }
        self.threads.release(thread, crashed);
    }

    /// The thread, whose final operation has completed, has another one at this time.
    pub fn again(&mut self, thread: usize, due: Duration) {
        assert!(matches!(self.stage, Stage::Final), "only a final operation can be continued");
        self.last_words.insert(thread, due);
    }

    /// Stops the next fault for good, in the same order whether it was drawn or named.
    fn retire(&mut self, now: Duration) -> Option<Action> {
        self.nemeses.sort_by_key(Nemesis::fault);
        std::iter::from_fn(|| self.nemeses.pop()).find_map(|nemesis| nemesis.retire(now))
    }

    fn next_in_main(&mut self, now: Duration) -> Next {
        // No turn is used up, because a fault that was drawn retires even if it was stopped, and
        // the same strikes, when they are named, do not.
        if now >= self.faults_end
            && let Some(action) = self.retire(self.faults_end)
        {
            return Next::Strike(action);
        }
        let is_anybody_free = self.threads.next_free(&self.threads.all()).is_some();
        let invoke_at = if is_anybody_free { self.operations.due() } else { Duration::MAX };
        // What ends now ends before what begins now.
        let nemesis = self.nemeses.iter_mut().min_by_key(|nemesis| nemesis.turn());
        let faults_end = self.faults_end;
        let strike_at =
            nemesis.as_ref().map_or(Duration::MAX, |nemesis| nemesis.due().min(faults_end));
        match nemesis {
            Some(nemesis) if strike_at <= now.min(invoke_at) => {
                self.threads.pass();
                Next::Strike(nemesis.strike(now))
            }
            _ if invoke_at <= now => {
                self.operations.happened(now);
                let thread = self.choose();
                let process = self.threads.claim(thread);
                let is_anybody_free = self.threads.next_free(&self.threads.all()).is_some();
                self.held_up_since = (!is_anybody_free).then_some(now);
                Next::Invoke { thread, process, phase: Phase::Main }
            }
            _ => Next::WaitUntil(invoke_at.min(strike_at).min(self.main_ends)),
        }
    }

    /// The thread for the next operation, when one is free.
    fn choose(&mut self) -> usize {
        let Schedule { crews, threads, random, .. } = self;
        let is_free = |part: &&Range<usize>| threads.next_free(part).is_some();
        let has_free = |crew: &&Vec<Range<usize>>| crew.iter().any(|part| is_free(&part));
        let crew = draw(
            crews.iter().filter(has_free),
            |crew| crew.iter().map(ExactSizeIterator::len).sum(),
            random,
        );
        let parts = crew.into_iter().flatten().filter(is_free);
        let part = draw(parts, ExactSizeIterator::len, random);
        part.and_then(|part| threads.next_free(part)).expect("a crew with a free thread")
    }

    fn next_in_final(&mut self, now: Duration) -> Next {
        let waiting = self.last_words.iter().filter(|(thread, _)| self.threads.is_free(**thread));
        match waiting.map(|(thread, due)| (*due, *thread)).min() {
            Some((due, thread)) if due <= now => {
                self.last_words.remove(&thread);
                let process = self.threads.claim(thread);
                Next::Invoke { thread, process, phase: Phase::Final }
            }
            Some((due, _)) => Next::WaitUntil(due),
            None if self.threads.are_all_free() => Next::Done,
            None => Next::WaitForCompletion,
        }
    }
}

/// One of these, a larger one more often.
fn draw<'a, T>(
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
