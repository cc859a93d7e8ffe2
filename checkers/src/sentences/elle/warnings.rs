//! Warnings about what upstream overlooks.

use super::{hint, listed};
use crate::elle::{Elle, Sight, Warning, Workload};
use crate::history::Op;
use crate::sentence::{counted, folded};

impl Elle<'_> {
    /// Warnings about what upstream overlooks: of each kind the first, and how many more there are.
    pub fn warnings(&self) -> Vec<String> {
        let kinds = self.warnings.chunk_by(|a, b| self.kind(a) == self.kind(b));
        kinds
            .filter_map(|warnings| {
                let sentences = warnings.iter().map(|warning| self.warning(warning));
                folded(sentences, self.kind(warnings.first()?))
            })
            .collect()
    }

    /// The plural of such warnings.
    fn kind(&self, warning: &Warning<'_>) -> &'static str {
        match (warning, self.workload) {
            (Warning::OtherLength { .. } | Warning::OtherOperation { .. }, _) => {
                "replies that do not match their requests"
            }
            (Warning::Foreign { .. }, Workload::ListAppend) => "values that nobody appended",
            (Warning::Foreign { .. }, Workload::RwRegister) => "values that nobody wrote",
            (Warning::Reordered { .. }, _) => "appends that changed places",
            (Warning::DirtyWrites { .. }, _) => "circles of writes",
        }
    }

    fn warning(&self, warning: &Warning<'_>) -> String {
        match warning {
            Warning::OtherLength { reply, asked, told } => {
                let told = counted(*told as u64, "operation");
                format!("{} has {told}, and its request had {asked}", named(reply))
            }
            Warning::OtherOperation { reply, asked, told } => {
                let (asked, told) = (asked.json(), told.json());
                format!("{} has {told}, where its request had {asked}", named(reply))
            }
            Warning::Foreign { reply, key, value, origin } => {
                let verb = match self.workload {
                    Workload::ListAppend => "appended",
                    Workload::RwRegister => "wrote",
                };
                let (reply, hint) = (named(reply), hint(value, *origin));
                let (key, value) = (key.json(), value.json());
                format!("{reply} has {value} for key {key}, which nobody {verb}{hint}")
            }
            Warning::Reordered { reply, writer, key, elements: [a, b] } => {
                let (reply, index) = (named(reply), writer.index);
                let (key, a, b) = (key.json(), a.json(), b.json());
                format!(
                    "{reply} has {a} before {b} in {key}, but the transaction at index {index} \
                     appended {b} first"
                )
            }
            Warning::DirtyWrites { writers, sights } => {
                let sights: Vec<String> = sights.iter().map(seen).collect();
                let (writers, sights) =
                    (listed(writers.iter().map(|op| op.index)), sights.join("; "));
                format!(
                    "either reads went back to older versions, or the writes of the transactions \
                     at index {writers} were interleaved (G0), which upstream cannot see: {sights}"
                )
            }
        }
    }
}

fn named(reply: &Op) -> String {
    format!("the reply to process {} at index {}", reply.process, reply.index)
}

fn seen(sight: &Sight<'_>) -> String {
    let Sight { key, versions: [before, after], ops: [first, second] } = sight;
    let (key, before, after) = (key.json(), before.json(), after.json());
    let (process, first, second) = (second.process, first.index, second.index);
    format!(
        "process {process} saw key {key} as {before} (index {first}) and then as {after} (index \
         {second})"
    )
}
