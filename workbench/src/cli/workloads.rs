//! The workloads that this process knows: Maelstrom's, and those that its `main` has added.

use std::ffi::OsStr;
use std::sync::OnceLock;

use clap::builder::{PossibleValue, TypedValueParser};
use clap::{Arg, Command, Error};
use eddy::{Workload, workload};

static ALL: OnceLock<Vec<&'static dyn Workload>> = OnceLock::new();

/// Adds workloads, before anybody has asked for all. Each must have a name of its own.
pub(super) fn add(own: &[&'static dyn Workload]) -> Result<(), String> {
    let all = with(own)?;
    ALL.get_or_init(|| all);
    Ok(())
}

fn with(own: &[&'static dyn Workload]) -> Result<Vec<&'static dyn Workload>, String> {
    let mut all = workload::ALL.to_vec();
    for workload in own {
        let name = workload.name();
        if all.iter().any(|known| known.name() == name) {
            return Err(format!("two workloads are called {name}; expected a name for each"));
        }
        all.push(*workload);
    }
    Ok(all)
}

/// All of them.
pub(super) fn all() -> &'static [&'static dyn Workload] {
    ALL.get_or_init(|| workload::ALL.to_vec())
}

/// The help of the option that names one.
pub(super) fn help() -> String {
    let names: Vec<&str> = all().iter().map(|workload| workload.name()).collect();
    let (last, others) = names.split_last().expect("Maelstrom has ten");
    format!("What clients do; lin-kv if absent\n\nAny of {} and {last}.", others.join(", "))
}

/// Takes the name of a workload.
#[derive(Clone)]
pub(super) struct KnownWorkload;

impl TypedValueParser for KnownWorkload {
    type Value = &'static dyn Workload;

    fn parse_ref(
        &self,
        command: &Command,
        argument: Option<&Arg>,
        value: &OsStr,
    ) -> Result<&'static dyn Workload, Error> {
        let parse = |received: &str| workload::named(received.trim(), all());
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
    fn no_two_workloads_have_one_name() {
        assert_eq!(with(&[]).unwrap().len(), workload::ALL.len());
        assert!(with(&[&workload::Echo]).unwrap_err().contains("are called echo; expected"));
    }
}
