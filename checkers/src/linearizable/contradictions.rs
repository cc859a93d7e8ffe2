//! Which operations leave the one that fits nowhere no room.
//!
//! Those are the ones that its explanation names: who made the register what it was; who was under
//! way with the value that was needed, and who had found that value before; and who set it last and
//! who overwrote it, if it ever was there.

use super::{
    explain::Story,
    finding::Step,
    register::{NIL, OperationId},
    report,
};
use crate::{Contradiction, sentence};

impl Story<'_> {
    /// What fits nowhere and what leaves it no room, in the words of the explanation, but with
    /// times in place of indices.
    pub(super) fn contradiction(&self, orders: &[Vec<Step>]) -> Contradiction {
        let sentence = Story { at: sentence::time, ..*self }.sentence(orders);
        let what = format!("{} is not linearizable: {sentence}", self.register.name());
        let operations = self.named().into_iter().map(|id| self.operation(id));
        let entries = operations.flat_map(|operation| [Some(operation.begin), operation.end]);
        let contradiction = Contradiction::of(what, entries.flatten().map(|op| op.index));
        let needed = self.operation(self.due).action.needs().filter(|needed| *needed != NIL);
        // Nobody carries a value that was not there: what was forgotten is what was there.
        let value = needed.unwrap_or_else(|| report::value_after(self.register, self.order));
        if value == NIL { contradiction } else { contradiction.about(self.register.value(value)) }
    }

    fn named(&self) -> Vec<OperationId> {
        let needed = self.operation(self.due).action.needs();
        let changes = self.changes();
        let mut named = vec![self.due];
        named.extend(changes.last().map(|(operation, _)| *operation));
        if let Some((producer, _)) = self.under_way().next() {
            named.push(producer);
            named.extend(self.finder(producer));
        }
        let overwritten = changes.iter().rposition(|(_, before)| Some(*before) == needed);
        if let Some(place) = overwritten {
            named.push(changes[place].0);
            named.extend(place.checked_sub(1).map(|before| changes[before].0));
        }
        named
    }
}
