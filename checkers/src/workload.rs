//! Workloads: which operations a test of each has, and how its history is judged.
//!
//! Each is a [`Checker`] in a file of its own, and [`ALL`] has the ten that Maelstrom knows. A
//! program with one more passes on a list that has that as well.

mod broadcast;
mod echo;
mod g_counter;
mod g_set;
mod kafka;
mod lin_kv;
mod pn_counter;
mod recognition;
mod transactions;
mod txn_list_append;
mod txn_rw_register;
mod unique_ids;

use std::fmt::Debug;
use std::time::Duration;

use eddy_text::name::UnknownName;

pub use self::broadcast::Broadcast;
pub use self::echo::Echo;
pub use self::g_counter::GCounter;
pub use self::g_set::GSet;
pub use self::kafka::Kafka;
pub use self::lin_kv::LinKv;
pub use self::pn_counter::PnCounter;
pub use self::recognition::{fitting, recognize};
pub use self::txn_list_append::TxnListAppend;
pub use self::txn_rw_register::TxnRwRegister;
pub use self::unique_ids::UniqueIds;
use crate::edn::{Map, Value};
use crate::elle::ConsistencyModel;
use crate::evidence::Found;
use crate::history::{History, Op};
use crate::judgement::{Judgement, Standard};
use crate::repair::Repair;
use crate::{Placement, Validity, Verdict};

/// All workloads of Maelstrom, in the order of their names.
pub const ALL: [&dyn Checker; 10] = [
    &Broadcast,
    &Echo,
    &GCounter,
    &GSet,
    &Kafka,
    &LinKv,
    &PnCounter,
    &TxnListAppend,
    &TxnRwRegister,
    &UniqueIds,
];

/// The knowledge that a checker has of a test beside its history.
#[derive(Debug, Clone, Copy)]
pub struct Setting<'a> {
    /// The node that each client works on.
    pub placement: &'a Placement<'a>,
    /// The consistency models whose promises transactions are judged by.
    pub models: &'a [ConsistencyModel],
}

/// A workload as far as a history tells of it: which operations it has, and how they are judged.
pub trait Checker: Debug + Send + Sync {
    /// Its name, as `--workload` has it.
    fn name(&self) -> &'static str;

    /// The functions that its clients' operations may have.
    fn functions(&self) -> &'static [&'static str];

    /// The verdict of its checker alone, which is Maelstrom's: where there is nothing to look at,
    /// nothing is wrong.
    fn check(&self, history: &History, setting: &Setting<'_>) -> Verdict;

    /// True if an operation of its functions is of this workload, `None` if no value tells; a
    /// history of several workloads' functions is [recognized](recognize) by that.
    fn fits(&self, _op: &Op) -> Option<bool> {
        None
    }

    /// The time after the heal, a time of the history, until nodes knew again what they should, but
    /// for what is excused; `None` where nodes need to know nothing.
    fn repair(
        &self,
        _history: &History,
        _heal: Duration,
        _placement: &Placement<'_>,
        _excused: &[Value],
    ) -> Option<Repair> {
        None
    }

    /// Judges a history in every respect: its workload as [`check`](Checker::check) does, and what
    /// Jepsen asks of any history.
    ///
    /// It may be a history from elsewhere, so nothing is valid of which nothing was judged.
    fn judge(&self, history: &History, setting: &Setting<'_>, standard: Standard) -> Judgement {
        let is_of_another = history.clients().next().is_some() && !self.is_in(history);
        let verdict = if is_of_another {
            without_operations(&self.with_functions(), history)
        } else {
            self.check(history, setting)
        };
        Judgement::new(standard, history, setting.placement, verdict, None).on_evidence()
    }

    /// True if a history has any operation that this workload has.
    fn is_in(&self, history: &History) -> bool {
        history.clients().any(|op| self.functions().contains(&&*op.f))
    }

    /// The functions of operations that this workload does not have, sorted.
    fn foreign<'a>(&self, history: &'a History) -> Vec<&'a str> {
        let mut foreign = recognition::functions(history);
        foreign.retain(|f| !self.functions().contains(f));
        foreign
    }

    /// Its name with its operations: `broadcast (broadcast, read)`.
    fn with_functions(&self) -> String {
        format!("{} ({})", self.name(), self.functions().join(", "))
    }
}

/// The workload of this name; an error tells the nearest one.
pub fn named<'a, C: Checker + ?Sized>(received: &str, all: &[&'a C]) -> Result<&'a C, String> {
    let found = all.iter().copied().find(|workload| workload.name() == received);
    found.ok_or_else(|| {
        let known = all.iter().map(|workload| workload.name().to_owned()).collect();
        UnknownName::new("workload", received, known).to_string()
    })
}

/// The verdict on a history that has operations, but none of the workload with these.
fn without_operations(wanted: &str, history: &History) -> Verdict {
    let other = recognize(history, &ALL);
    let other =
        other.map_or_else(|_| String::new(), |other| format!("; did you mean {}?", other.name()));
    let found = Found::of(history).words();
    let reason = format!("there is no operation of {wanted}; the history has {found}{other}");
    let results = Map::new().with("valid?", Validity::Unknown).into();
    Verdict { results, reason: Some(reason), ..Verdict::unknown() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_workload_is_found_by_its_name() {
        for workload in ALL {
            assert_eq!(named(workload.name(), &ALL).map(Checker::name), Ok(workload.name()));
        }
        let error = named("brodcast", &ALL).unwrap_err();
        assert!(error.contains("did you mean broadcast?"), "{error}");
    }
}
