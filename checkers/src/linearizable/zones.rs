//! An order found without a search, where no value is set twice.
//!
//! If nobody sets a value a second time, all who found it found it from the same operation, and
//! nothing else was set meanwhile. So an order is made of blocks whose operations stand together: a
//! write and all reads of its value (a *cluster*), a compare-and-set of that value, all reads of
//! what that set, and so on. What the register holds in the beginning makes the first block. Within
//! a block the order is given; what is left to ask is whether it agrees with time.
//!
//! Block A has to come before block B if an operation of A ended before one of B began: if
//! `first_end(A) < last_begin(B)`. These two moments bound the block's *zone* (Gibbons and Korach,
//! *Testing shared memories*, SIAM Journal on Computing, 1997). If two blocks have to come before
//! each other, there is no order. Else it is enough to sort blocks by their lower bound: if A has
//! to come before B, and B not before A, then `first_end(A) < last_begin(B)` and
//! `last_begin(A) <= first_end(B)`, so one bound of A is below each of B.
//!
//! What has no end is left out unless somebody found what it set: nobody misses it. A read whose
//! result is unknown has room behind whatever ended before it began. The first completion that fits
//! nowhere is found by bisection, for an order of operations is one of those that ended first.

use super::{
    finding::{Conclusion, Finding, Step, TOLD},
    register::{Action, NIL, OperationId, Register, ValueId},
};

/// Looks for an order; gives the register back where a value is set twice, or the one from the
/// beginning is set again, or an operation found any value but one.
pub(super) fn finding(register: Register<'_>) -> Result<Finding<'_>, Register<'_>> {
    let Some(setters) = setters(&register) else { return Err(register) };
    let completions = register.completions();
    let prefix = |furthest| Prefix::new(&register, &setters, &completions, furthest);
    let blocks = |furthest| prefix(furthest).blocks();
    let all = completions.len();
    if let Some(blocks) = blocks(all) {
        let (conclusion, orders) = (Conclusion::Order, vec![prefix(all).steps(&blocks)]);
        return Ok(Finding { conclusion, furthest: all, orders, completions, register });
    }
    let (mut furthest, mut too_far) = (0, all);
    while too_far - furthest > 1 {
        let middle = furthest.midpoint(too_far);
        match blocks(middle) {
            Some(_) => furthest = middle,
            None => too_far = middle,
        }
    }
    let prefix = prefix(furthest);
    let blocks = prefix.blocks().unwrap_or_default();
    let orders = with_other_ends(blocks).map(|blocks| prefix.steps(&blocks)).collect();
    Ok(Finding { conclusion: Conclusion::NoOrder, furthest, orders, completions, register })
}

/// For each value the operation that sets it, if no value has two.
fn setters(register: &Register<'_>) -> Option<Vec<Option<OperationId>>> {
    let mut setters = vec![None; register.values.len()];
    for (id, operation) in (0..).zip(&register.operations) {
        if let Action::Not(_) = operation.action {
            return None;
        }
        if let Some(value) = set_by(operation.action) {
            let is_second = setters[value as usize].replace(id).is_some();
            if is_second || value == NIL {
                return None;
            }
        }
    }
    Some(setters)
}

/// The value that an action sets; what changes nothing only reads.
fn set_by(action: Action) -> Option<ValueId> {
    action.sets().filter(|_| !action.only_observes())
}

/// A moment: the beginning of the history, or one entry later than an index in it.
type Moment = usize;

const NEVER: Moment = Moment::MAX;

/// A history up to some completion: what ends later has no end.
struct Prefix<'a> {
    register: &'a Register<'a>,
    setters: &'a [Option<OperationId>],
    /// The completions of the whole history, and how many of them the prefix has.
    completions: &'a [OperationId],
    furthest: usize,
    /// Its last moment.
    last: Moment,
}

/// Operations that stand together in every order.
#[derive(Debug, Clone)]
struct Block {
    /// In their order.
    operations: Vec<OperationId>,
    first_end: Moment,
    last_begin: Moment,
}

impl<'a> Prefix<'a> {
    fn new(
        register: &'a Register<'a>,
        setters: &'a [Option<OperationId>],
        completions: &'a [OperationId],
        furthest: usize,
    ) -> Prefix<'a> {
        let mut prefix = Prefix { register, setters, completions, furthest, last: NEVER };
        if furthest < completions.len() {
            let last = furthest.checked_sub(1).map(|last| completions[last]);
            prefix.last = last.map_or(0, |last| prefix.end(last));
        }
        prefix
    }

    fn begin(&self, id: OperationId) -> Moment {
        self.register.operations[id as usize].begin.index + 1
    }

    fn end(&self, id: OperationId) -> Moment {
        let end = self.register.operations[id as usize].end.map(|end| end.index + 1);
        end.filter(|end| *end <= self.last).unwrap_or(NEVER)
    }

    fn action(&self, id: OperationId) -> Action {
        self.register.operations[id as usize].action
    }

    /// Blocks in an order that explains what has ended; `None` if there is none.
    fn blocks(&self) -> Option<Vec<Block>> {
        let happened = self.happened()?;
        let values = self.register.values.len();
        let (mut readers, mut successors) = (vec![Vec::new(); values], vec![None; values]);
        let mut heads = vec![None];
        for id in happened.iter().copied() {
            match (self.action(id).needs(), set_by(self.action(id))) {
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
            // Nil has been there since the beginning.
            let mut block = Block { operations: Vec::new(), first_end: NEVER, last_begin: 0 };
            block.first_end = if head.is_none() { 0 } else { NEVER };
            let mut setter = head;
            loop {
                self.append(&mut block, setter.as_slice())?;
                let value = setter.map_or(NIL, |id| set_by(self.action(id)).unwrap_or(NIL));
                self.append(&mut block, &readers[value as usize])?;
                setter = successors[value as usize];
                if setter.is_none() {
                    break;
                }
            }
            blocks.push(block);
        }
        // Whoever is in no block waits for a value that waits for itself.
        let placed: usize = blocks.iter().map(|block| block.operations.len()).sum();
        let finds_any = |id: &&OperationId| self.action(**id) == Action::Read(None);
        if placed + happened.iter().filter(finds_any).count() < happened.len() {
            return None;
        }
        blocks.sort_by_key(|block| block.first_end.min(block.last_begin));
        let mut last_begin = 0;
        for block in &blocks {
            if block.first_end < last_begin {
                return None;
            }
            last_begin = last_begin.max(block.last_begin);
        }
        Some(blocks)
    }

    /// What happened, by beginning: what has ended, and whoever set what others found; `None` if
    /// somebody found a value that nobody had begun to set.
    fn happened(&self) -> Option<Vec<OperationId>> {
        let mut has_happened = vec![false; self.register.operations.len()];
        let mut left = self.completions[..self.furthest].to_vec();
        while let Some(id) = left.pop() {
            if !std::mem::replace(&mut has_happened[id as usize], true)
                && let Some(found) = self.action(id).needs().filter(|found| *found != NIL)
            {
                let setter = self.setters[found as usize];
                left.push(setter.filter(|setter| self.begin(*setter) < self.last)?);
            }
        }
        let happened = (0..).zip(has_happened).filter(|(_, happened)| *happened);
        Some(happened.map(|(id, _)| id).collect())
    }

    /// Adds operations behind all others of a block; `None` if one of them ended before one of the
    /// others began.
    fn append(&self, block: &mut Block, group: &[OperationId]) -> Option<()> {
        let first_end = group.iter().map(|id| self.end(*id)).min().unwrap_or(NEVER);
        if first_end < block.last_begin {
            return None;
        }
        let last_begin = group.iter().map(|id| self.begin(*id)).max().unwrap_or(0);
        block.operations.extend(group);
        block.first_end = block.first_end.min(first_end);
        block.last_begin = block.last_begin.max(last_begin);
        Some(())
    }

    /// An order of operations, given one of blocks. As in the search, what only observes happens
    /// when the first completion is due that it was under way at.
    fn steps(&self, blocks: &[Block]) -> Vec<Step> {
        let blocks = blocks.iter().flat_map(|block| &block.operations).copied();
        let order = self.with_those_that_find_any(blocks.collect());
        let (mut level, mut happened) = (0, vec![false; self.register.operations.len()]);
        let step = |operation: OperationId| {
            let only_observes = self.action(operation).only_observes();
            while let Some(due) = self.completions.get(level)
                && happened[*due as usize]
                && !(only_observes && self.begin(operation) < self.end(*due))
            {
                level += 1;
            }
            happened[operation as usize] = true;
            Step { operation, is_due: self.completions.get(level) == Some(&operation) }
        };
        order.into_iter().map(step).collect()
    }

    /// An order with what may find any value, each as soon as it can.
    fn with_those_that_find_any(&self, order: Vec<OperationId>) -> Vec<OperationId> {
        let finds_any = |id: &OperationId| self.action(*id) == Action::Read(None);
        let mut observers: Vec<OperationId> =
            self.completions[..self.furthest].iter().copied().filter(finds_any).collect();
        observers.sort_unstable();
        let mut by_end: Vec<(Moment, usize)> =
            (1..).zip(&order).map(|(place, id)| (self.end(*id), place)).collect();
        by_end.sort_unstable();
        let (mut ended, mut behind) = (by_end.into_iter().peekable(), 0);
        // The place of each, before the operation at the same place, and after those of its kind.
        let mut places: Vec<(usize, bool, OperationId)> = Vec::new();
        for observer in observers {
            while let Some((_, place)) = ended.next_if(|(end, _)| *end < self.begin(observer)) {
                behind = behind.max(place);
            }
            places.push((behind, false, observer));
        }
        places.extend(order.into_iter().enumerate().map(|(place, id)| (place, true, id)));
        places.sort_unstable();
        places.into_iter().map(|(.., id)| id).collect()
    }
}

/// Blocks in order, and the same with another one at the end that may be there.
fn with_other_ends(blocks: Vec<Block>) -> impl Iterator<Item = Vec<Block>> {
    let mut begins: Vec<Moment> = blocks.iter().map(|block| block.last_begin).collect();
    begins.sort_unstable_by(|a, b| b.cmp(a));
    let latest = begins.first().copied().unwrap_or(0);
    let latest_of_others = begins.get(1).copied().unwrap_or(0);
    let can_be_last = |at: &usize| {
        let Block { first_end, last_begin, .. } = blocks[*at];
        first_end >= if last_begin == latest { latest_of_others } else { latest }
    };
    let last: Vec<usize> = (0..blocks.len()).rev().filter(can_be_last).take(TOLD).collect();
    last.into_iter().map(move |at| {
        let mut blocks = blocks.clone();
        let block = blocks.remove(at);
        blocks.push(block);
        blocks
    })
}
