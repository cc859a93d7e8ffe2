//! Search for a linearization of a register's history.
//!
//! Many indeterminate operations make many configurations that differ only in which of these are
//! linearized. So the search runs twice. The first, relaxed search lets each of them take effect
//! any number of times, so that nothing has to be remembered of them. If it cannot pass some
//! completion, no linearization can. Otherwise the exact search looks for a way to the same
//! completion; it avoids every state from which the relaxed one found no way.

use super::{
    SearchLimits,
    cache::{Cache, ConfigurationId, DeterminateState, EMPTY, MultisetId},
    register::{OperationId, Register, RegisterAction},
    search_index::{SearchIndex, ValueSet},
    search_result::{Conclusion, LinearizationStep, MAX_ORDERS, SearchResult},
    zones,
};

/// Finds a linearization: by zones if no value is written twice, otherwise by search.
pub(super) fn find(register: Register<'_>, limits: SearchLimits) -> SearchResult<'_> {
    zones::find(register).unwrap_or_else(|register| find_by_search(register, limits))
}

/// Finds a linearization by search.
pub(super) fn find_by_search(register: Register<'_>, limits: SearchLimits) -> SearchResult<'_> {
    let index = SearchIndex::of(&register);
    let search = LinearizationSearch::run(&index, limits);
    let orders = search
        .final_configurations()
        .into_iter()
        .take(MAX_ORDERS)
        .map(|configuration| search.path(configuration));
    SearchResult {
        conclusion: match search.outcome {
            SearchOutcome::Found(_) => Conclusion::Linearizable,
            SearchOutcome::NotFound => Conclusion::NotLinearizable,
            SearchOutcome::GaveUp => Conclusion::GaveUp,
        },
        prefix_len: search.prefix_len,
        linearizations: orders.collect(),
        completions: index.completions.clone(),
        register,
    }
}

/// A search and its result.
struct LinearizationSearch<'a> {
    /// Its operations by level.
    index: &'a SearchIndex<'a>,
    outcome: SearchOutcome,
    indeterminate_use: IndeterminateUse,
    cache: Cache,
    /// The length of the longest prefix reached, in completions.
    prefix_len: usize,
    moves: u64,
}

/// The number of times that an indeterminate operation may take effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum IndeterminateUse {
    /// Any number of times: the relaxed search.
    Unlimited,
    /// At most once: the exact search.
    Once,
}

/// States from which the relaxed search found no way to its goal.
struct DeadEnds<'a> {
    cache: &'a Cache,
    /// The configurations on the path that it found, sorted. All others are dead ends.
    on_path: Vec<ConfigurationId>,
}

/// The outcome of a search.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SearchOutcome {
    /// The goal was reached, at this configuration.
    Found(ConfigurationId),
    /// The goal cannot be reached. The operation at level `prefix_len` cannot be linearized.
    NotFound,
    /// The search reached its limits.
    GaveUp,
}

/// The number of multiset comparisons that take about a second.
const COMPARISONS_PER_SECOND: u64 = 1 << 25;

/// The cost of a move in comparisons. A move accesses memory at random.
const COMPARISONS_PER_MOVE: u64 = 16;

/// A configuration whose moves are being tried.
struct Frame {
    configuration: ConfigurationId,
    /// The index of its first move on the stack of moves.
    moves_from: usize,
}

impl DeadEnds<'_> {
    fn contains(&self, state: &DeterminateState) -> bool {
        let configuration = self.cache.find(state);
        configuration
            .is_some_and(|configuration| self.on_path.binary_search(&configuration).is_err())
    }
}

impl<'a> LinearizationSearch<'a> {
    /// Runs the relaxed search, then the exact one.
    fn run(index: &'a SearchIndex<'a>, limits: SearchLimits) -> LinearizationSearch<'a> {
        let goal = index.len();
        let relaxed =
            LinearizationSearch::to_prefix(goal, index, IndeterminateUse::Unlimited, None, limits);
        if index.classes.is_empty() || relaxed.outcome == SearchOutcome::GaveUp {
            return relaxed;
        }
        let goal = relaxed.prefix_len;
        let path_search = match relaxed.outcome {
            SearchOutcome::Found(_) => None,
            _ => Some(LinearizationSearch::to_prefix(
                goal,
                index,
                IndeterminateUse::Unlimited,
                None,
                limits,
            )),
        };
        let dead_ends = path_search.as_ref().unwrap_or(&relaxed).dead_ends();
        let mut exact = LinearizationSearch::to_prefix(
            goal,
            index,
            IndeterminateUse::Once,
            Some(&dead_ends),
            limits,
        );
        match exact.outcome {
            // The relaxed search has shown that the next completion cannot be passed.
            SearchOutcome::Found(_) if goal < index.len() => {
                exact.outcome = SearchOutcome::NotFound;
            }
            // The exact search did not get so far, but certainly no linearization gets further.
            SearchOutcome::GaveUp if goal < index.len() => return relaxed,
            SearchOutcome::Found(_) | SearchOutcome::GaveUp => {}
            // States from which the goal is unreachable may still be on the longest path.
            SearchOutcome::NotFound => {
                exact = LinearizationSearch::to_prefix(
                    goal,
                    index,
                    IndeterminateUse::Once,
                    None,
                    limits,
                );
                exact.outcome = SearchOutcome::NotFound;
            }
        }
        exact
    }

    fn to_prefix(
        goal: usize,
        index: &'a SearchIndex<'a>,
        indeterminate_use: IndeterminateUse,
        dead_ends: Option<&DeadEnds<'_>>,
        limits: SearchLimits,
    ) -> LinearizationSearch<'a> {
        let (outcome, cache) = (SearchOutcome::NotFound, Cache::new());
        let mut search = LinearizationSearch {
            index,
            outcome,
            indeterminate_use,
            cache,
            prefix_len: 0,
            moves: 0,
        };
        search.outcome = search.depth_first(goal, dead_ends, limits);
        search
    }

    fn dead_ends(&self) -> DeadEnds<'_> {
        let mut on_path = Vec::new();
        if let SearchOutcome::Found(configuration) = self.outcome {
            let parent = |configuration: &ConfigurationId| {
                self.cache.parent(*configuration).map(|(parent, _)| parent)
            };
            on_path.extend(std::iter::successors(Some(configuration), parent));
        }
        on_path.sort_unstable();
        DeadEnds { cache: &self.cache, on_path }
    }

    /// The configurations in which the search first reached level `prefix_len`, as upstream's; only
    /// the last one if it found a linearization.
    fn final_configurations(&self) -> Vec<ConfigurationId> {
        if let SearchOutcome::Found(configuration) = self.outcome {
            return vec![configuration];
        }
        let is_last = |configuration: &ConfigurationId| {
            let came_from =
                self.cache.parent(*configuration).map(|(parent, _)| self.cache.level(parent));
            self.cache.level(*configuration) == self.prefix_len && came_from < Some(self.prefix_len)
        };
        self.cache.ids().filter(is_last).collect()
    }

    /// The linearization that led to a configuration.
    fn path(&self, configuration: ConfigurationId) -> Vec<LinearizationStep> {
        let came_by = std::iter::successors(self.cache.parent(configuration), |(parent, _)| {
            self.cache.parent(*parent)
        });
        let mut moves: Vec<OperationId> = came_by.map(|(_, operation)| operation).collect();
        moves.reverse();
        let (mut steps, mut state) = (Vec::new(), self.initial_state());
        self.linearize_observers(&mut state, |step| steps.push(step));
        for operation in moves {
            let is_due = self.index.completions[state.level()] == operation;
            steps.push(LinearizationStep { operation, is_due });
            self.apply(&mut state, operation);
            self.linearize_observers(&mut state, |step| steps.push(step));
        }
        steps
    }

    fn depth_first(
        &mut self,
        goal: usize,
        dead_ends: Option<&DeadEnds<'_>>,
        limits: SearchLimits,
    ) -> SearchOutcome {
        let (mut frames, mut moves) = (Vec::new(), Vec::new());
        let mut wanted = ValueSet::default();
        let mut state = self.initial_state();
        self.linearize_observers(&mut state, |_| {});
        let mut reached = self.visit(&state, EMPTY, None);
        loop {
            if let Some(configuration) = reached {
                if self.prefix_len == goal {
                    return SearchOutcome::Found(configuration);
                }
                let moves_from = moves.len();
                let indeterminate = self.cache.load(configuration, &mut state);
                self.collect_moves(&state, indeterminate, &mut wanted, &mut moves);
                frames.push(Frame { configuration, moves_from });
            }
            let Some(frame) = frames.last() else { return SearchOutcome::NotFound };
            reached = None;
            if moves.len() == frame.moves_from {
                frames.pop();
            } else if let Some(operation) = moves.pop() {
                self.moves += 1;
                let mut indeterminate = self.cache.load(frame.configuration, &mut state);
                let class = self.index.class_of(operation);
                if let (Some(class), IndeterminateUse::Once) = (class, self.indeterminate_use) {
                    indeterminate = self.cache.with_class(indeterminate, class);
                }
                self.apply(&mut state, operation);
                self.linearize_observers(&mut state, |_| {});
                if !dead_ends.is_some_and(|dead_ends| dead_ends.contains(&state)) {
                    reached =
                        self.visit(&state, indeterminate, Some((frame.configuration, operation)));
                }
                let work = self.moves * COMPARISONS_PER_MOVE + self.cache.comparisons();
                let most = limits.seconds.saturating_mul(COMPARISONS_PER_SECOND);
                if self.cache.bytes() > limits.memory || work > most {
                    return SearchOutcome::GaveUp;
                }
            }
        }
    }

    fn initial_state(&self) -> DeterminateState {
        DeterminateState::initial(self.index.slot_count)
    }

    fn visit(
        &mut self,
        state: &DeterminateState,
        indeterminate: MultisetId,
        from: Option<(ConfigurationId, OperationId)>,
    ) -> Option<ConfigurationId> {
        self.prefix_len = self.prefix_len.max(state.level());
        self.cache.insert(state, indeterminate, from)
    }

    /// Linearizes an operation that is possible.
    fn apply(&self, state: &mut DeterminateState, operation: OperationId) {
        if let Some(value) = self.index.action(operation).apply(state.value()) {
            state.set_value(value);
        }
        if self.index.class_of(operation).is_none() {
            state.set_linearized(self.index.slot(operation));
        }
    }

    /// Linearizes all read-only operations that are possible, and passes the completions of
    /// linearized operations.
    fn linearize_observers(
        &self,
        state: &mut DeterminateState,
        mut record: impl FnMut(LinearizationStep),
    ) {
        let index = self.index;
        while let Some(due) = index.completions.get(state.level()) {
            for observer in index.observers.get(state.level()) {
                let slot = index.slot(*observer);
                let action = index.action(*observer);
                if !state.is_linearized(slot) && action.apply(state.value()).is_some() {
                    state.set_linearized(slot);
                    record(LinearizationStep { operation: *observer, is_due: observer == due });
                }
            }
            let slot = index.slot(*due);
            if !state.is_linearized(slot) {
                break;
            }
            state.pass_completion(slot);
        }
    }

    /// Pushes all possible moves on the stack, the most promising last.
    fn collect_moves(
        &self,
        state: &DeterminateState,
        indeterminate: MultisetId,
        wanted: &mut ValueSet,
        moves: &mut Vec<OperationId>,
    ) {
        let index = self.index;
        let level = state.level();
        let due = index.completions[level];
        let needed = index.action(due).required_value();
        let from = moves.len();
        self.collect_indeterminate(state, indeterminate, wanted, moves);
        let changers = index.mutators.get(level).iter().copied();
        moves.extend(changers.filter(|changer| {
            let can_happen = index.action(*changer).apply(state.value()).is_some();
            !state.is_linearized(index.slot(*changer)) && can_happen
        }));
        moves[from..].sort_by_key(|operation| {
            let sets_needed = index.action(*operation).written_value() == needed;
            let is_determinate = index.class_of(*operation).is_none();
            (*operation == due, is_determinate, sets_needed)
        });
    }

    /// Pushes indeterminate operations that write a value which another operation can observe. A
    /// write that is overwritten unobserved can be left out.
    fn collect_indeterminate(
        &self,
        state: &DeterminateState,
        indeterminate: MultisetId,
        wanted: &mut ValueSet,
        moves: &mut Vec<OperationId>,
    ) {
        let index = self.index;
        let level = state.level();
        let available = || {
            index.classes.iter().zip(0..).filter_map(|((action, operations), class)| {
                let next = *operations.get(self.cache.multiplicity(indeterminate, class))?;
                index.has_begun(next, level).then_some((*action, next))
            })
        };
        if available().next().is_none() {
            return;
        }
        wanted.clear();
        let determinate = index.observers.get(level).iter().chain(index.mutators.get(level));
        let determinate =
            determinate.filter(|operation| !state.is_linearized(index.slot(**operation)));
        let determinate = determinate.map(|operation| index.action(*operation));
        determinate
            .clone()
            .filter_map(RegisterAction::required_value)
            .for_each(|value| wanted.insert(value));
        // Some operation requires that the register has another value.
        let wants_another =
            determinate.clone().any(|action| matches!(action, RegisterAction::ReadAnyBut(_)));
        available()
            .filter_map(|(action, _)| action.required_value())
            .for_each(|value| wanted.insert(value));
        for (action, operation) in available() {
            let is_wanted =
                |value| wanted.contains(value) || wants_another && value != state.value();
            if action.apply(state.value()).is_some_and(is_wanted) {
                moves.push(operation);
            }
        }
    }
}
