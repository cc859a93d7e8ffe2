//! Linearization without a search, for histories in which no value is written twice.
//!
//! If no value is written twice, all operations that observed a value observed it from the same
//! write, and nothing else was written meanwhile. So a linearization consists of blocks whose
//! operations are contiguous: a write and all reads of its value (a *cluster*), a compare-and-set
//! of that value, all reads of the new value, and so on. The initial value begins the first block.
//! The order within a block is given. It remains to check that the order of the blocks agrees with
//! real time.
//!
//! Block A has to come before block B if an operation of A completed before one of B was invoked:
//! if `first_completion(A) < last_invocation(B)`. These two positions bound the block's *zone*
//! (Gibbons and Korach, *Testing shared memories*, SIAM Journal on Computing, 1997). If two blocks
//! have to come before each other, there is no linearization. Otherwise it is enough to sort the
//! blocks by their lower bound: if A has to come before B, and B not before A, then
//! `first_completion(A) < last_invocation(B)` and `last_invocation(A) <= first_completion(B)`, so
//! one bound of A is below each bound of B.
//!
//! Indeterminate operations whose value nobody observed are left out, as if they never took effect.
//! A read with unknown result goes behind every operation that completed before its invocation. The
//! first completion that cannot be linearized is found by bisection, because a linearization of a
//! history contains one of each of its prefixes.

use super::{
    register::{NIL, OperationId, Register, RegisterAction, ValueId},
    search_result::{Conclusion, LinearizationStep, MAX_ORDERS, SearchResult},
};

/// Finds a linearization. Returns the register if a value is written twice, if the initial value is
/// written again, or if a refused compare-and-set observed only that the value was another one.
pub(super) fn find(register: Register<'_>) -> Result<SearchResult<'_>, Register<'_>> {
    let Some(setters) = setters(&register) else { return Err(register) };
    let completions = register.completions();
    let prefix = |furthest| Prefix::new(&register, &setters, &completions, furthest);
    let blocks = |furthest| prefix(furthest).blocks();
    let all = completions.len();
    if let Some(blocks) = blocks(all) {
        let (conclusion, linearizations) =
            (Conclusion::Linearizable, vec![prefix(all).steps(&blocks)]);
        return Ok(SearchResult {
            conclusion,
            prefix_len: all,
            linearizations,
            completions,
            register,
        });
    }
    let (mut prefix_len, mut too_far) = (0, all);
    while too_far - prefix_len > 1 {
        let middle = prefix_len.midpoint(too_far);
        match blocks(middle) {
            Some(_) => prefix_len = middle,
            None => too_far = middle,
        }
    }
    let prefix = prefix(prefix_len);
    let blocks = prefix.blocks().unwrap_or_default();
    let linearizations =
        with_alternative_ends(blocks).map(|blocks| prefix.steps(&blocks)).collect();
    Ok(SearchResult {
        conclusion: Conclusion::NotLinearizable,
        prefix_len,
        linearizations,
        completions,
        register,
    })
}

/// For each value, the operation that writes it; `None` if a value has two.
fn setters(register: &Register<'_>) -> Option<Vec<Option<OperationId>>> {
    let mut setters = vec![None; register.values.len()];
    for (id, operation) in (0..).zip(&register.operations) {
        if let RegisterAction::ReadAnyBut(_) = operation.action {
            return None;
        }
        if let Some(value) = changed_value(operation.action) {
            let is_second = setters[value as usize].replace(id).is_some();
            if is_second || value == NIL {
                return None;
            }
        }
    }
    Some(setters)
}

/// The value that an action writes, unless it is read-only.
fn changed_value(action: RegisterAction) -> Option<ValueId> {
    action.written_value().filter(|_| !action.is_read_only())
}

/// A position in the history: 0 is its beginning, and an entry's position is its index plus 1.
type HistoryPosition = usize;

const NEVER: HistoryPosition = HistoryPosition::MAX;

/// A prefix of a history, up to some completion: operations that complete later are indeterminate.
struct Prefix<'a> {
    register: &'a Register<'a>,
    setters: &'a [Option<OperationId>],
    /// The completions of the whole history; the prefix has the first `completed_len` of them.
    completions: &'a [OperationId],
    completed_len: usize,
    /// Its last position.
    last: HistoryPosition,
}

/// Operations that are contiguous in every linearization.
#[derive(Debug, Clone)]
struct ZoneBlock {
    /// The operations, in order.
    operations: Vec<OperationId>,
    first_completion: HistoryPosition,
    last_invocation: HistoryPosition,
}

impl<'a> Prefix<'a> {
    fn new(
        register: &'a Register<'a>,
        setters: &'a [Option<OperationId>],
        completions: &'a [OperationId],
        completed_len: usize,
    ) -> Prefix<'a> {
        let mut prefix = Prefix { register, setters, completions, completed_len, last: NEVER };
        if completed_len < completions.len() {
            let last = completed_len.checked_sub(1).map(|last| completions[last]);
            prefix.last = last.map_or(0, |last| prefix.completion_of(last));
        }
        prefix
    }

    fn invocation_of(&self, id: OperationId) -> HistoryPosition {
        self.register.operations[id as usize].invocation.index + 1
    }

    fn completion_of(&self, id: OperationId) -> HistoryPosition {
        let end = self.register.operations[id as usize].completion.map(|end| end.index + 1);
        end.filter(|end| *end <= self.last).unwrap_or(NEVER)
    }

    fn action(&self, id: OperationId) -> RegisterAction {
        self.register.operations[id as usize].action
    }

    /// The blocks of a linearization of the prefix; `None` if there is none.
    fn blocks(&self) -> Option<Vec<ZoneBlock>> {
        let happened = self.operations_in_effect()?;
        let values = self.register.values.len();
        let (mut readers, mut successors) = (vec![Vec::new(); values], vec![None; values]);
        let mut heads = vec![None];
        for id in happened.iter().copied() {
            match (self.action(id).required_value(), changed_value(self.action(id))) {
                (Some(found), None) => readers[found as usize].push(id),
                (Some(from), Some(_)) => {
                    let is_second = successors[from as usize].replace(id).is_some();
                    if is_second {
                        return None;
                    }
                }
                (None, Some(_)) => heads.push(Some(id)),
                (None, None) => {}
            }
        }
        let mut blocks = Vec::with_capacity(heads.len());
        for head in heads {
            // Nil is the initial value.
            let mut block =
                ZoneBlock { operations: Vec::new(), first_completion: NEVER, last_invocation: 0 };
            block.first_completion = if head.is_none() { 0 } else { NEVER };
            let mut setter = head;
            loop {
                self.append(&mut block, setter.as_slice())?;
                let value = setter.map_or(NIL, |id| changed_value(self.action(id)).unwrap_or(NIL));
                self.append(&mut block, &readers[value as usize])?;
                setter = successors[value as usize];
                if setter.is_none() {
                    break;
                }
            }
            blocks.push(block);
        }
        // An operation in no block depends on a value that depends on itself.
        let placed: usize = blocks.iter().map(|block| block.operations.len()).sum();
        let finds_any = |id: &&OperationId| self.action(**id) == RegisterAction::Read(None);
        if placed + happened.iter().filter(finds_any).count() < happened.len() {
            return None;
        }
        blocks.sort_by_key(|block| block.first_completion.min(block.last_invocation));
        let mut last_begin = 0;
        for block in &blocks {
            if block.first_completion < last_begin {
                return None;
            }
            last_begin = last_begin.max(block.last_invocation);
        }
        Some(blocks)
    }

    /// The operations that took effect, by invocation: those that completed, and those whose values
    /// they observed, transitively. `None` if a value was observed before any write of it was
    /// invoked.
    fn operations_in_effect(&self) -> Option<Vec<OperationId>> {
        let mut has_happened = vec![false; self.register.operations.len()];
        let mut left = self.completions[..self.completed_len].to_vec();
        while let Some(id) = left.pop() {
            if !std::mem::replace(&mut has_happened[id as usize], true)
                && let Some(found) = self.action(id).required_value().filter(|found| *found != NIL)
            {
                let setter = self.setters[found as usize];
                left.push(setter.filter(|setter| self.invocation_of(*setter) < self.last)?);
            }
        }
        let happened = (0..).zip(has_happened).filter(|(_, happened)| *happened);
        Some(happened.map(|(id, _)| id).collect())
    }

    /// Appends operations to a block; `None` if one of them completed before one of the block was
    /// invoked.
    fn append(&self, block: &mut ZoneBlock, group: &[OperationId]) -> Option<()> {
        let first_end = group.iter().map(|id| self.completion_of(*id)).min().unwrap_or(NEVER);
        if first_end < block.last_invocation {
            return None;
        }
        let last_begin = group.iter().map(|id| self.invocation_of(*id)).max().unwrap_or(0);
        block.operations.extend(group);
        block.first_completion = block.first_completion.min(first_end);
        block.last_invocation = block.last_invocation.max(last_begin);
        Some(())
    }

    /// The linearization, given an order of blocks. As in the search, a read-only operation is
    /// linearized at the first completion at which it is pending.
    fn steps(&self, blocks: &[ZoneBlock]) -> Vec<LinearizationStep> {
        let blocks = blocks.iter().flat_map(|block| &block.operations).copied();
        let order = self.with_unconstrained_reads(blocks.collect());
        let (mut level, mut happened) = (0, vec![false; self.register.operations.len()]);
        let step = |operation: OperationId| {
            let only_observes = self.action(operation).is_read_only();
            while let Some(due) = self.completions.get(level)
                && happened[*due as usize]
                && !(only_observes && self.invocation_of(operation) < self.completion_of(*due))
            {
                level += 1;
            }
            happened[operation as usize] = true;
            LinearizationStep { operation, is_due: self.completions.get(level) == Some(&operation) }
        };
        order.into_iter().map(step).collect()
    }

    /// Inserts reads with unknown result into a linearization, each as early as possible.
    fn with_unconstrained_reads(&self, order: Vec<OperationId>) -> Vec<OperationId> {
        let finds_any = |id: &OperationId| self.action(*id) == RegisterAction::Read(None);
        let mut observers: Vec<OperationId> =
            self.completions[..self.completed_len].iter().copied().filter(finds_any).collect();
        observers.sort_unstable();
        let mut by_end: Vec<(HistoryPosition, usize)> =
            (1..).zip(&order).map(|(place, id)| (self.completion_of(*id), place)).collect();
        by_end.sort_unstable();
        let (mut ended, mut behind) = (by_end.into_iter().peekable(), 0);
        // The index of each read, which goes before the operation of the same index.
        let mut places: Vec<(usize, bool, OperationId)> = Vec::new();
        for observer in observers {
            while let Some((_, place)) =
                ended.next_if(|(end, _)| *end < self.invocation_of(observer))
            {
                behind = behind.max(place);
            }
            places.push((behind, false, observer));
        }
        places.extend(order.into_iter().enumerate().map(|(place, id)| (place, true, id)));
        places.sort_unstable();
        places.into_iter().map(|(.., id)| id).collect()
    }
}

/// Blocks in order, and variants of this order with another block at the end, where possible.
fn with_alternative_ends(blocks: Vec<ZoneBlock>) -> impl Iterator<Item = Vec<ZoneBlock>> {
    let mut begins: Vec<HistoryPosition> =
        blocks.iter().map(|block| block.last_invocation).collect();
    begins.sort_unstable_by(|a, b| b.cmp(a));
    let latest = begins.first().copied().unwrap_or(0);
    let latest_of_others = begins.get(1).copied().unwrap_or(0);
    let can_be_last = |at: &usize| {
        let ZoneBlock { first_completion, last_invocation, .. } = blocks[*at];
        first_completion >= if last_invocation == latest { latest_of_others } else { latest }
    };
    let last: Vec<usize> = (0..blocks.len()).rev().filter(can_be_last).take(MAX_ORDERS).collect();
    last.into_iter().map(move |at| {
        let mut blocks = blocks.clone();
        let block = blocks.remove(at);
        blocks.push(block);
        blocks
    })
}
