//! Sentences for the warnings about errors that upstream overlooks.

use super::{hint, listed};
use crate::elle::{ElleResults, Observation, TxnWorkload, Warning};
use crate::history::Op;
use crate::wording::{counted, first_and_count};

impl ElleResults<'_> {
    /// The warnings: of each kind the first, and the number of the others.
    pub fn warnings(&self) -> Vec<String> {
        let kinds = self.warnings.chunk_by(|a, b| self.kind(a) == self.kind(b));
        kinds
            .filter_map(|warnings| {
                let sentences = warnings.iter().map(|warning| self.warning(warning));
                first_and_count(sentences, self.kind(warnings.first()?))
            })
            .collect()
    }

    /// The plural noun for warnings of this kind.
    fn kind(&self, warning: &Warning<'_>) -> &'static str {
        match (warning, self.workload) {
            (Warning::LengthMismatch { .. } | Warning::OperationMismatch { .. }, _) => {
                "replies that do not match their requests"
            }
            (Warning::GarbageRead { .. }, TxnWorkload::ListAppend) => "values that nobody appended",
            (Warning::GarbageRead { .. }, TxnWorkload::RwRegister) => "values that nobody wrote",
            (Warning::Reordered { .. }, _) => "appends that were reordered",
            (Warning::DirtyWrites { .. }, _) => "cycles of writes",
        }
    }

    fn warning(&self, warning: &Warning<'_>) -> String {
        match warning {
            Warning::LengthMismatch { reply, requested, replied } => {
                let replied = counted(*replied as u64, "operation");
                format!("{} has {replied}, and its request had {requested}", reply_phrase(reply))
            }
            Warning::OperationMismatch { reply, requested, replied } => {
                let (requested, replied) = (requested.json(), replied.json());
                format!("{} has {replied}, where its request had {requested}", reply_phrase(reply))
            }
            Warning::GarbageRead { reply, key, value, origin } => {
                let verb = match self.workload {
                    TxnWorkload::ListAppend => "appended",
                    TxnWorkload::RwRegister => "wrote",
                };
                let (reply, hint) = (reply_phrase(reply), hint(value, *origin));
                let (key, value) = (key.json(), value.json());
                format!("{reply} has {value} for key {key}, which nobody {verb}{hint}")
            }
            Warning::Reordered { reply, writer, key, elements: [a, b] } => {
                let (reply, index) = (reply_phrase(reply), writer.index);
                let (key, a, b) = (key.json(), a.json(), b.json());
                format!(
                    "{reply} has {a} before {b} in key {key}, but the transaction at index {index} \
                     appended {b} first"
                )
            }
            Warning::DirtyWrites { writers, observations } => {
                let sights: Vec<String> = observations.iter().map(seen).collect();
                let (writers, sights) =
                    (listed(writers.iter().map(|op| op.index)), sights.join("; "));
                format!(
                    "either reads went back to older versions, or the writes of the transactions \
                     at indices {writers} were interleaved (G0), which Maelstrom overlooks: \
                     {sights}"
                )
            }
        }
    }
}

/// The subject of a sentence: `the reply to process 3 at index 12`.
fn reply_phrase(reply: &Op) -> String {
    format!("the reply to process {} at index {}", reply.process, reply.index)
}

fn seen(observation: &Observation<'_>) -> String {
    let Observation { key, versions: [before, after], ops: [first, second] } = observation;
    let (key, before, after) = (key.json(), before.json(), after.json());
    let (process, first, second) = (second.process, first.index, second.index);
    format!(
        "process {process} saw key {key} as {before} (index {first}) and then as {after} (index \
         {second})"
    )
}
