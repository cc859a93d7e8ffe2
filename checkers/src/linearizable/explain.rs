//! Sentences that explain why an operation fits nowhere.
//!
//! A write fits everywhere, so such an operation had to find a certain value, or any other one. The
//! question is always who set the value that was there, and why nobody can have set another one.

use super::{
    finding::{Finding, Step},
    register::{Action, NIL, Operation, OperationId, Register, ValueId},
    report,
};
use crate::Contradiction;
use crate::disguise;
use crate::edn::Value;
use crate::history::Op;
use crate::sentence::{NAMED, counted, first_few, seconds};

/// How many operations before the one that fits nowhere are told. Fewer hide how the register came
/// to its value, more hide everything else.
const BEFORE: usize = 8;

/// Why the operation that is due fits nowhere: a sentence, lines for a person, and which operations
/// leave it no room.
pub(super) fn failure(
    register: &Register<'_>,
    finding: &Finding,
    due: OperationId,
) -> (String, Vec<String>, Contradiction) {
    let orders = &finding.orders[..finding.orders.len().min(NAMED)];
    // Of the longest ones, the first.
    let order = orders.iter().rev().max_by_key(|order| order.len()).map_or(&[][..], Vec::as_slice);
    let at = |op: &Op| format!("index {}", op.index);
    let story = Story { register, finding, due, order, at };
    let sentence = story.sentence(orders);
    (sentence.clone(), story.lines(&sentence), story.contradiction(orders))
}

/// What there is to tell.
pub(super) struct Story<'a> {
    pub(super) register: &'a Register<'a>,
    pub(super) finding: &'a Finding,
    /// What fits nowhere.
    pub(super) due: OperationId,
    /// The longest order found of what came before.
    pub(super) order: &'a [Step],
    /// How the sentence says when something began or ended.
    pub(super) at: fn(&Op) -> String,
}

impl Story<'_> {
    /// `read 3 at index 57 by process 4, but key 0 was 2 from index 40 (write 2 by process 1) on,
    /// and no write of 3 was under way`.
    pub(super) fn sentence(&self, orders: &[Vec<Step>]) -> String {
        let due = self.operation(self.due);
        let what = self.words(due);
        let (at, process) = ((self.at)(due.entry()), due.begin.process);
        let was = self.was();
        let elsewhere = self.elsewhere(orders);
        let producers = self.producers(due);
        let because = self.because(due);
        format!("{what} at {at} by process {process}{because}, but {was}{elsewhere}, {producers}")
    }

    /// What the register was at last in the order, and who made it so.
    fn was(&self) -> String {
        let key = self.register.name();
        let changes = self.changes();
        let Some(operation) = changes.last().map(|(operation, _)| self.operation(*operation))
        else {
            return format!("nothing had been written to {key}");
        };
        let value = self.value(operation.action.sets().unwrap_or(NIL));
        let (what, process) = (self.words(operation), operation.begin.process);
        let limit = self.operation(self.due).entry().index;
        let what = format!("{what} by process {process}");
        if let Some(end) = operation.end.filter(|end| end.index < limit) {
            return format!("{key} was {value} from {} ({what}) on", (self.at)(end));
        }
        let began = (self.at)(operation.begin);
        format!("{key} was {value} ({what}, under way since {began})")
    }

    /// What it was in other orders.
    fn elsewhere(&self, orders: &[Vec<Step>]) -> String {
        let last = |order: &[Step]| report::value_after(self.register, order);
        let here = last(self.order);
        let mut others: Vec<ValueId> = orders.iter().map(|order| last(order)).collect();
        others.sort_unstable();
        others.dedup();
        others.retain(|value| *value != here);
        let others: Vec<String> = others.into_iter().map(|value| self.value(value)).collect();
        if others.is_empty() {
            String::new()
        } else {
            format!(" (or {}, in another order)", others.join(" or "))
        }
    }

    /// Who could have set a value that was needed, and why nobody did.
    fn producers(&self, due: &Operation<'_>) -> String {
        let needed = due.action.needs();
        let value = needed.map(|needed| self.value(needed)).unwrap_or_default();
        if needed != Some(NIL) && needed.is_some() && self.begun().next().is_none() {
            let sets = |known: &Value| {
                let mut operations = self.register.operations.iter();
                let sets = |id: ValueId| self.register.value(id) == known;
                operations.any(|operation| operation.action.sets().is_some_and(sets))
            };
            let hint = needed.map(|needed| disguise::hint(self.register.value(needed), sets));
            let hint = hint.unwrap_or_default();
            return format!("and nobody had begun to write {value}{hint}");
        }
        let mut reasons = self.under_way().map(|(id, operation)| {
            let what = self.words(operation);
            let process = operation.begin.process;
            let reason = self.why_not(id);
            format!("{what} by process {process} was under way, but {reason}")
        });
        match reasons.next() {
            None if needed.is_none() => "and no write of another value was under way".to_owned(),
            None if due.is_refusal() => "and nothing deletes a key".to_owned(),
            None => format!("and no write of {value} was under way"),
            Some(first) => {
                let more = match reasons.count() {
                    0 => String::new(),
                    more => format!("; and {}", counted(more as u64, "more such operation")),
                };
                format!("and {first}{more}")
            }
        }
    }

    /// What had begun that sets a value that was needed, before what fits nowhere ended.
    fn begun(&self) -> impl Iterator<Item = (OperationId, &Operation<'_>)> {
        let due = self.operation(self.due);
        let limit = due.entry().index;
        (0..).zip(&self.register.operations).filter(move |(_, operation)| {
            let sets_needed = operation.action.sets().is_some_and(|value| due.action.finds(value));
            sets_needed && operation.begin.index < limit
        })
    }

    /// Of those, what had not ended when it began.
    pub(super) fn under_way(&self) -> impl Iterator<Item = (OperationId, &Operation<'_>)> {
        let since = self.operation(self.due).begin.index;
        self.begun().filter(move |(id, operation)| {
            *id != self.due && operation.end.is_none_or(|end| end.index > since)
        })
    }

    /// Who came right after an operation in the order, and found what it had set.
    pub(super) fn finder(&self, id: OperationId) -> Option<OperationId> {
        let place = self.order.iter().position(|step| step.operation == id)?;
        let next = self.order.get(place + 1)?.operation;
        let (found, set) = (self.operation(next).action, self.operation(id).action.sets()?);
        (!matches!(found, Action::Write(_)) && found.finds(set)).then_some(next)
    }

    /// Why an operation under way cannot have happened just before.
    fn why_not(&self, id: OperationId) -> String {
        if self.order.iter().all(|step| step.operation != id) {
            let needed = self.operation(id).action.needs().unwrap_or(NIL);
            return format!("it would have had to find {}", self.value(needed));
        }
        match self.finder(id).map(|finder| self.operation(finder)) {
            Some(operation) => {
                let (what, process) = (self.words(operation), operation.begin.process);
                let at = (self.at)(operation.entry());
                format!("it came earlier, before {what} by process {process} at {at}")
            }
            None => "it came earlier and was overwritten".to_owned(),
        }
    }

    /// The operations in order, and the sentence.
    fn lines(&self, sentence: &str) -> Vec<String> {
        let key = self.register.name();
        let due = self.operation(self.due);
        let index = due.entry().index;
        let mut lines =
            vec![format!("{key}: no order explains its operations up to index {index}")];
        let skipped = self.order.len().saturating_sub(BEFORE);
        lines.push(match (self.order.len(), skipped) {
            (0, _) => "  nothing came before:".to_owned(),
            (_, 0) => "  what came before fits in this order:".to_owned(),
            (..) => {
                let operations = counted(skipped as u64, "operation");
                format!("  what came before fits in this order, whose first {operations} we skip:")
            }
        });
        let mut value = report::value_after(self.register, &self.order[..skipped]);
        for step in &self.order[skipped..] {
            let operation = self.operation(step.operation);
            value = operation.action.sets().unwrap_or(value);
            lines.push(format!("    {}: it is {}", self.told(operation), self.value(value)));
        }
        lines.push(format!("    {}: fits nowhere", self.told(due)));
        lines.extend(self.others());
        lines.extend(self.last_time(due));
        lines.push(format!("  {sentence}"));
        lines
    }

    /// What else was under way.
    fn others(&self) -> Vec<String> {
        let pending = report::pending(self.register, self.finding, self.order);
        let others: Vec<OperationId> = pending.into_iter().filter(|id| *id != self.due).collect();
        if others.is_empty() {
            return Vec::new();
        }
        let told = others.iter().map(|id| format!("    {}", self.told(self.operation(*id))));
        let mut lines = vec!["  under way as well, and not in this order yet:".to_owned()];
        let mut few = first_few(told, "operations");
        if others.len() > NAMED
            && let Some(rest) = few.last_mut()
        {
            rest.insert_str(0, "    ");
        }
        lines.append(&mut few);
        lines
    }

    /// When the register last had the value that was needed.
    fn last_time(&self, due: &Operation<'_>) -> Option<String> {
        let needed = due.action.needs()?;
        let changes = self.changes();
        let (operation, _) = changes.iter().rev().find(|(_, before)| *before == needed)?;
        let overwritten = self.told(self.operation(*operation));
        Some(format!("  in this order it was {} last before {overwritten}", self.value(needed)))
    }

    /// The steps that changed the register, and what it was before each.
    pub(super) fn changes(&self) -> Vec<(OperationId, ValueId)> {
        let (mut value, mut changes) = (NIL, Vec::new());
        for step in self.order {
            let set = self.operation(step.operation).action.sets();
            if let Some(set) = set.filter(|set| *set != value) {
                changes.push((step.operation, value));
                value = set;
            }
        }
        changes
    }

    /// `write 1 by process 5, index 36 to 38, 0.421 s to 0.424 s`.
    fn told(&self, operation: &Operation<'_>) -> String {
        let what = self.words(operation);
        let begin = operation.begin;
        let (process, index, time) = (begin.process, begin.index, seconds(begin.time));
        match operation.end {
            Some(end) => {
                let (end, end_time) = (end.index, seconds(end.time));
                let because = self.because(operation);
                format!(
                    "{what} by process {process}{because}, index {index} to {end}, {time} to \
                     {end_time}"
                )
            }
            None => {
                format!("{what} by process {process}, from index {index}, {time}, without an end")
            }
        }
    }

    fn words(&self, operation: &Operation<'_>) -> String {
        match operation.action {
            Action::Read(_) if operation.is_refusal() => self.asked(operation),
            Action::Read(value) => format!("read {}", self.value(value.unwrap_or(NIL))),
            Action::Write(value) => format!("write {}", self.value(value)),
            Action::Cas(from, to) => format!("cas {} to {}", self.value(from), self.value(to)),
            Action::Not(_) => self.asked(operation),
        }
    }

    /// What an operation was to do that was refused.
    fn asked(&self, operation: &Operation<'_>) -> String {
        let f = &operation.begin.f;
        match self.register.argument(operation.begin) {
            Value::Nil => f.to_string(),
            argument => match argument.as_sequence() {
                Some([from, to]) if f == "cas" => {
                    format!("cas {} to {}", from.json(), to.json())
                }
                _ => format!("{f} {}", argument.json()),
            },
        }
    }

    /// Why an operation was refused, if it was.
    fn because(&self, operation: &Operation<'_>) -> String {
        match operation.action {
            _ if !operation.is_refusal() => String::new(),
            Action::Not(value) => {
                format!(" was refused because the value was not {}", self.value(value))
            }
            _ => " was refused because the key did not exist".to_owned(),
        }
    }

    pub(super) fn operation(&self, id: OperationId) -> &Operation<'_> {
        &self.register.operations[id as usize]
    }

    fn value(&self, number: ValueId) -> String {
        self.register.value(number).json().to_string()
    }
}
