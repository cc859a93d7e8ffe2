//! Workloads of this process: Maelstrom's, and those added by its `main`.

use std::ffi::OsStr;
use std::sync::OnceLock;

use clap::builder::{PossibleValue, TypedValueParser};
use clap::{Arg, Command, Error};
use eddy::{Workload, workload};

static ALL: OnceLock<Vec<&'static dyn Workload>> = OnceLock::new();

/// Adds workloads; to be called before [`all`]. Their names must be distinct.
pub(super) fn add(custom: &[&'static dyn Workload]) -> Result<(), String> {
    let all = all_with(custom)?;
    ALL.get_or_init(|| all);
    Ok(())
}

fn all_with(own: &[&'static dyn Workload]) -> Result<Vec<&'static dyn Workload>, String> {
    let mut all = workload::ALL.to_vec();
    for workload in own {
        let name = workload.name();
        if all.iter().any(|known| known.name() == name) {
            return Err(format!("two workloads are called {name}; expected distinct names"));
        }
        all.push(*workload);
    }
    Ok(all)
}

/// All workloads.
pub(super) fn all() -> &'static [&'static dyn Workload] {
    ALL.get_or_init(|| workload::ALL.to_vec())
}

/// Help of the option `--workload`.
pub(super) fn help() -> String {
    let names: Vec<&str> = all().iter().map(|workload| workload.name()).collect();
    let (last, others) = names.split_last().expect("Maelstrom has ten");
    format!("The workload; lin-kv if absent\n\nOne of {} and {last}.", others.join(", "))
}

/// Parser of a workload's name.
#[derive(Clone)]
pub(super) struct WorkloadParser;

impl TypedValueParser for WorkloadParser {
    type Value = &'static dyn Workload;

    fn parse_ref(
        &self,
        command: &Command,
        argument: Option<&Arg>,
        value: &OsStr,
    ) -> Result<&'static dyn Workload, Error> {
        let parse = |received: &str| workload::by_name(received.trim(), all());
        parse.parse_ref(command, argument, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(all().iter().map(|workload| PossibleValue::new(workload.name()))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workload_names_are_distinct() {
        assert_eq!(all_with(&[]).unwrap().len(), workload::ALL.len());
        assert!(all_with(&[&workload::Echo]).unwrap_err().contains("are called echo; expected"));
    }
}
