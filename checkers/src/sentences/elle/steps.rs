//! Sentences about the steps of a cycle: why one transaction comes before the next.

use crate::elle::TxnWorkload::{ListAppend, RwRegister};
use crate::elle::{CycleStep, ElleResults};
use crate::wording::seconds;

impl ElleResults<'_> {
    /// A line for each step of a cycle, and the conclusion.
    pub(super) fn steps(&self, steps: &[CycleStep<'_>]) -> Vec<String> {
        let count = steps.len();
        let lines = (0..).zip(steps).map(|(at, step)| {
            let (from, to) = (format!("T{}", at + 1), format!("T{}", (at + 1) % count + 1));
            format!("{}, so {from} comes before {to}", self.step(*step, &from, &to))
        });
        let end = match count {
            1 => "so T1 would have to come before itself",
            _ => {
                "so each of them would have to come before itself, and no order of these \
                 transactions explains what they saw"
            }
        };
        lines.chain([end.to_owned()]).collect()
    }

    fn step(&self, step: CycleStep<'_>, from: &str, to: &str) -> String {
        match (step, self.workload) {
            (CycleStep::WriteRead { key, value, .. }, ListAppend) => {
                let (key, value) = (key.json(), value.json());
                format!("{to} read key {key} up to element {value}, which {from} had appended")
            }
            (CycleStep::WriteRead { key, value, .. }, RwRegister) => {
                let (key, value) = (key.json(), value.json());
                format!("{to} read key {key} as {value}, which {from} had written")
            }
            (CycleStep::WriteWrite { key, value, next, is_observed, .. }, ListAppend) => {
                let (key, value, next) = (key.json(), value.json(), next.json());
                let seen = if is_observed {
                    "reads show it right behind"
                } else {
                    "no read shows it, so it is behind"
                };
                format!("{to} appended {next} to key {key}: {seen} {value}, which {from} appended")
            }
            (CycleStep::WriteWrite { key, value, next, .. }, RwRegister) => {
                let (key, value, next) = (key.json(), value.json(), next.json());
                format!(
                    "{to} set key {key} to {next} after reading {value}, which {from} had written"
                )
            }
            (CycleStep::ReadWrite { key, value, next, .. }, ListAppend) => {
                let (key, next) = (key.json(), next.json());
                let value = value
                    .map_or("as empty".into(), |last| format!("up to element {}", last.json()));
                format!("{from} read key {key} {value} and did not see {next}, which {to} appended")
            }
            (CycleStep::ReadWrite { key, value: Some(value), next, .. }, RwRegister) => {
                let (key, value, next) = (key.json(), value.json(), next.json());
                format!("{from} read key {key} as {value}, which {to} replaced by {next}")
            }
            (CycleStep::ReadWrite { key, value: None, next, .. }, RwRegister) => {
                let (key, next) = (key.json(), next.json());
                format!(
                    "{from} read key {key} before anything was written to it (as null), and {to} \
                     set it to {next}"
                )
            }
            (CycleStep::Process(process), _) => format!("process {process} did {from} before {to}"),
            (CycleStep::Realtime { end, begin }, _) => {
                let earlier = seconds(begin.time.saturating_sub(end.time));
                let (ended, begun) = (end.index, begin.index);
                format!(
                    "{from} had ended (index {ended}) {earlier} before {to} began (index {begun})"
                )
            }
        }
    }
}
