//! The workloads that this process knows: Maelstrom's, and those that its `main` has added.

use std::ffi::OsStr;
use std::sync::OnceLock;

use clap::builder::{PossibleValue, TypedValueParser};
use clap::{Arg, Command, Error};
use eddy::{Workload, workload};

static ALL: OnceLock<Vec<&'static dyn Workload>> = OnceLock::new();

/// Adds workloads, before anybody has asked for all.
pub(super) fn add(own: &[&'static dyn Workload]) {
    ALL.get_or_init(|| [&workload::ALL, own].concat());
}

/// All of them.
pub(super) fn all() -> &'static [&'static dyn Workload] {
    ALL.get_or_init(|| workload::ALL.to_vec())
}

/// What `--help` says of the option that names one.
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
