//! Which operations leave the one that fits nowhere no room.
//!
//! Those are the ones that its explanation names: who made the register what it was; who was under
//! way with the value that was needed, and who had found that value before; and who set it last and
//! who overwrote it, if it ever was there.

use super::{explain::Story, register::NIL, schedule::OperationId};
use crate::checker::{Contradiction, sentence};

impl Story<'_> {
    /// What fits nowhere and what leaves it no room, in the words of the explanation, but with
    /// times in place of indices.
    pub(super) fn contradiction(&self, orders: &[Vec<super::search::Step>]) -> Contradiction {
        let sentence = Story { at: sentence::time, ..*self }.sentence(orders);
        let what = format!("key {} is not linearizable: {sentence}", self.register.key);
        let operations = self.named().into_iter().map(|id| self.operation(id));
        let entries = operations.flat_map(|operation| [Some(operation.begin), operation.end]);
        let contradiction = Contradiction::of(what, entries.flatten().map(|op| op.index));
        match self.operation(self.due).action.needs().filter(|needed| *needed != NIL) {
            Some(needed) => contradiction.about(self.register.value(needed)),
            None => contradiction,
        }
    }

    fn named(&self) -> Vec<OperationId> {
        let needed = self.operation(self.due).action.needs().unwrap_or(NIL);
        let changes = self.changes();
        let mut named = vec![self.due];
        named.extend(changes.last().map(|(operation, _)| *operation));
        if let Some((producer, _)) = self.under_way(needed).next() {
            named.push(producer);
            named.extend(self.finder(producer));
        }
        let overwritten = changes.iter().rposition(|(_, before)| *before == needed);
        if let Some(place) = overwritten {
            named.push(changes[place].0);
            named.extend(place.checked_sub(1).map(|before| changes[before].0));
        }
        named
    }
}
