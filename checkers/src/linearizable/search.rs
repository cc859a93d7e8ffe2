//! The search for an order of operations that explains a register's history.
//!
//! Many operations without an end make many configurations that differ in nothing but which of them
//! have happened. So the search runs twice. The first time each of those may happen as often as one
//! likes, and what has happened of them need not be known. If that search finds no way past some
//! completion, there is none. Else the second one, which counts, looks for a way to the same place;
//! it goes nowhere from where the first one found no way on.

use super::{
    Limits,
    cache::{Cache, NOTHING, NodeId, SpentId, State},
    finding::{Conclusion, Finding, Step, TOLD},
    register::{Action, OperationId, Register},
    schedule::{Schedule, Values},
    zones,
};

/// Looks for an order: by zones if no value is set twice, or else by a search.
pub(super) fn finding(register: Register<'_>, limits: Limits) -> Finding<'_> {
    zones::finding(register).unwrap_or_else(|register| by_search(register, limits))
}

/// Looks for an order by a search.
pub(super) fn by_search(register: Register<'_>, limits: Limits) -> Finding<'_> {
    let schedule = Schedule::of(&register);
    let search = Search::run(&schedule, limits);
    let orders = search.last_nodes().into_iter().take(TOLD).map(|node| search.path(node));
    Finding {
        conclusion: match search.outcome {
            Outcome::Found(_) => Conclusion::Order,
            Outcome::Stuck => Conclusion::NoOrder,
            Outcome::GaveUp => Conclusion::GaveUp,
        },
        furthest: search.furthest,
        orders: orders.collect(),
        completions: schedule.order.clone(),
        register,
    }
}

/// What came of a search.
struct Search<'a> {
    /// What was searched.
    schedule: &'a Schedule<'a>,
    /// Whether there is an order.
    outcome: Outcome,
    counting: Counting,
    cache: Cache,
    /// The number of completions that there is an order for.
    furthest: usize,
    moves: u64,
}

/// How often an operation without an end may happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Counting {
    /// As often as one likes.
    Never,
    /// Once.
    Exact,
}

/// Configurations from which a search that was optimistic found no way.
struct DeadEnds<'a> {
    cache: &'a Cache,
    /// Those on the way that it found, sorted.
    ways: Vec<NodeId>,
}

/// Whether there is an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    /// There is, and it ends at this node.
    Found(NodeId),
    /// There is none. The operation at the furthest level fits nowhere.
    Stuck,
    /// It took too much memory to find out.
    GaveUp,
}

/// How many comparisons of multisets take about a second.
const COMPARISONS_PER_SECOND: u64 = 1 << 25;

/// How many comparisons take as long as a move, which looks things up all over the memory.
const COMPARISONS_PER_MOVE: u64 = 16;

/// A node whose moves are tried.
struct Frame {
    node: NodeId,
    /// Where its moves begin on the stack of moves.
    moves_from: usize,
}

impl DeadEnds<'_> {
    fn contain(&self, state: &State) -> bool {
        let node = self.cache.find(state);
        node.is_some_and(|node| self.ways.binary_search(&node).is_err())
    }
}

impl<'a> Search<'a> {
    /// Searches an order of a register's operations.
    fn run(schedule: &'a Schedule<'a>, limits: Limits) -> Search<'a> {
        let goal = schedule.len();
        let optimistic = Search::towards(goal, schedule, Counting::Never, None, limits);
        if schedule.kinds.is_empty() || optimistic.outcome == Outcome::GaveUp {
            return optimistic;
        }
        let goal = optimistic.furthest;
        let way = match optimistic.outcome {
            Outcome::Found(_) => None,
            _ => Some(Search::towards(goal, schedule, Counting::Never, None, limits)),
        };
        let dead_ends = way.as_ref().unwrap_or(&optimistic).dead_ends();
        let mut exact = Search::towards(goal, schedule, Counting::Exact, Some(&dead_ends), limits);
        match exact.outcome {
            // Past the goal there is no way.
            Outcome::Found(_) if goal < schedule.len() => exact.outcome = Outcome::Stuck,
            // It is not far enough, but it is certain that nobody gets further.
            Outcome::GaveUp if goal < schedule.len() => return optimistic,
            Outcome::Found(_) | Outcome::GaveUp => {}
            // What leads nowhere in the end may still lead furthest.
            Outcome::Stuck => {
                exact = Search::towards(goal, schedule, Counting::Exact, None, limits);
                exact.outcome = Outcome::Stuck;
            }
        }
        exact
    }

    fn towards(
        goal: usize,
        schedule: &'a Schedule<'a>,
        counting: Counting,
        dead_ends: Option<&DeadEnds<'_>>,
        limits: Limits,
    ) -> Search<'a> {
        let (outcome, cache) = (Outcome::Stuck, Cache::new());
        let mut search = Search { schedule, outcome, counting, cache, furthest: 0, moves: 0 };
        search.outcome = search.descend(goal, dead_ends, limits);
        search
    }

    fn dead_ends(&self) -> DeadEnds<'_> {
        let mut ways = Vec::new();
        if let Outcome::Found(node) = self.outcome {
            let parent = |node: &NodeId| self.cache.from(*node).map(|(parent, _)| parent);
            ways.extend(std::iter::successors(Some(node), parent));
        }
        ways.sort_unstable();
        DeadEnds { cache: &self.cache, ways }
    }

    /// The nodes at which the search first reached the furthest level, as upstream's
    /// configurations: those from which it went on, if it found an end.
    fn last_nodes(&self) -> Vec<NodeId> {
        if let Outcome::Found(node) = self.outcome {
            return vec![node];
        }
        let is_last = |node: &NodeId| {
            let came_from = self.cache.from(*node).map(|(parent, _)| self.cache.level(parent));
            self.cache.level(*node) == self.furthest && came_from < Some(self.furthest)
        };
        self.cache.nodes().filter(is_last).collect()
    }

    /// The order that led to a node.
    fn path(&self, node: NodeId) -> Vec<Step> {
        let came_by =
            std::iter::successors(self.cache.from(node), |(parent, _)| self.cache.from(*parent));
        let mut moves: Vec<OperationId> = came_by.map(|(_, operation)| operation).collect();
        moves.reverse();
        let (mut steps, mut state) = (Vec::new(), self.beginning());
        self.settle(&mut state, |step| steps.push(step));
        for operation in moves {
            let is_due = self.schedule.order[state.level()] == operation;
            steps.push(Step { operation, is_due });
            self.apply(&mut state, operation);
            self.settle(&mut state, |step| steps.push(step));
        }
        steps
    }

    fn descend(
        &mut self,
        goal: usize,
        dead_ends: Option<&DeadEnds<'_>>,
        limits: Limits,
    ) -> Outcome {
        let (mut frames, mut moves) = (Vec::new(), Vec::new());
        let mut wanted = Values::default();
        let mut state = self.beginning();
        self.settle(&mut state, |_| {});
        let mut reached = self.reach(&state, NOTHING, None);
        loop {
            if let Some(node) = reached {
                if self.furthest == goal {
                    return Outcome::Found(node);
                }
                let moves_from = moves.len();
                let spent = self.cache.load(node, &mut state);
                self.collect_moves(&state, spent, &mut wanted, &mut moves);
                frames.push(Frame { node, moves_from });
            }
            let Some(frame) = frames.last() else { return Outcome::Stuck };
            reached = None;
            if moves.len() == frame.moves_from {
                frames.pop();
            } else if let Some(operation) = moves.pop() {
                self.moves += 1;
                let mut spent = self.cache.load(frame.node, &mut state);
                let kind = self.schedule.kind_of(operation);
                if let (Some(kind), Counting::Exact) = (kind, self.counting) {
                    spent = self.cache.spend(spent, kind);
                }
                self.apply(&mut state, operation);
                self.settle(&mut state, |_| {});
                if !dead_ends.is_some_and(|dead_ends| dead_ends.contain(&state)) {
                    reached = self.reach(&state, spent, Some((frame.node, operation)));
                }
                let work = self.moves * COMPARISONS_PER_MOVE + self.cache.comparisons();
                let most = limits.seconds.saturating_mul(COMPARISONS_PER_SECOND);
                if self.cache.bytes() > limits.memory || work > most {
                    return Outcome::GaveUp;
                }
            }
        }
    }

    fn beginning(&self) -> State {
        State::beginning(self.schedule.slot_count)
    }

    fn reach(
        &mut self,
        state: &State,
        spent: SpentId,
        from: Option<(NodeId, OperationId)>,
    ) -> Option<NodeId> {
        self.furthest = self.furthest.max(state.level());
        self.cache.insert(state, spent, from)
    }

    /// Lets an operation happen that can.
    fn apply(&self, state: &mut State, operation: OperationId) {
        if let Some(value) = self.schedule.action(operation).apply(state.value()) {
            state.set_value(value);
        }
        if self.schedule.kind_of(operation).is_none() {
            state.set_done(self.schedule.slot(operation));
        }
    }

    /// Lets everything happen that only observes and can, and passes what has happened.
    fn settle(&self, state: &mut State, mut happens: impl FnMut(Step)) {
        let schedule = self.schedule;
        while let Some(due) = schedule.order.get(state.level()) {
            for observer in schedule.observers.get(state.level()) {
                let slot = schedule.slot(*observer);
                let action = schedule.action(*observer);
                if !state.is_done(slot) && action.apply(state.value()).is_some() {
                    state.set_done(slot);
                    happens(Step { operation: *observer, is_due: observer == due });
                }
            }
            let slot = schedule.slot(*due);
            if !state.is_done(slot) {
                break;
            }
            state.pass(slot);
        }
    }

    /// Puts what can happen next upon the stack, the most promising last.
    fn collect_moves(
        &self,
        state: &State,
        spent: SpentId,
        wanted: &mut Values,
        moves: &mut Vec<OperationId>,
    ) {
        let schedule = self.schedule;
        let level = state.level();
        let due = schedule.order[level];
        let needed = schedule.action(due).needs();
        let from = moves.len();
        self.collect_indefinite(state, spent, wanted, moves);
        let changers = schedule.changers.get(level).iter().copied();
        moves.extend(changers.filter(|changer| {
            let can_happen = schedule.action(*changer).apply(state.value()).is_some();
            !state.is_done(schedule.slot(*changer)) && can_happen
        }));
        moves[from..].sort_by_key(|operation| {
            let sets_needed = schedule.action(*operation).sets() == needed;
            let is_definite = schedule.kind_of(*operation).is_none();
            (*operation == due, is_definite, sets_needed)
        });
    }

    /// What may have happened, and sets a value that somebody is there to find. Who sets a value
    /// that the next one overwrites might as well not have happened.
    fn collect_indefinite(
        &self,
        state: &State,
        spent: SpentId,
        wanted: &mut Values,
        moves: &mut Vec<OperationId>,
    ) {
        let schedule = self.schedule;
        let level = state.level();
        let available = || {
            schedule.kinds.iter().zip(0..).filter_map(|((action, operations), kind)| {
                let next = *operations.get(self.cache.times_spent(spent, kind))?;
                schedule.has_begun(next, level).then_some((*action, next))
            })
        };
        if available().next().is_none() {
            return;
        }
        wanted.clear();
        let definite = schedule.observers.get(level).iter().chain(schedule.changers.get(level));
        let definite = definite.filter(|operation| !state.is_done(schedule.slot(**operation)));
        let definite = definite.map(|operation| schedule.action(*operation));
        definite.clone().filter_map(Action::needs).for_each(|value| wanted.insert(value));
        // It would have happened if the register had another value.
        let wants_another = definite.clone().any(|action| matches!(action, Action::Not(_)));
        available().filter_map(|(action, _)| action.needs()).for_each(|value| wanted.insert(value));
        for (action, operation) in available() {
            let is_wanted =
                |value| wanted.contains(value) || wants_another && value != state.value();
            if action.apply(state.value()).is_some_and(is_wanted) {
                moves.push(operation);
            }
        }
    }
}
