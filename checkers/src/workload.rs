//! Workloads: the operations of each kind of test, and the checker for its history.
//!
//! Each is a [`WorkloadChecker`] in a file of its own, and [`ALL`] has the ten of Maelstrom. A
//! program with its own workload passes a longer list.

mod broadcast;
mod echo;
mod g_counter;
mod g_set;
mod kafka;
mod lin_kv;
mod pn_counter;
mod recognition;
mod sets;
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
use crate::assessment::{Assessment, Criteria};
use crate::edn::{Map, Value};
use crate::elle::ConsistencyModel;
use crate::evidence::OperationCounts;
use crate::history::{History, Op};
use crate::repair::Repair;
use crate::{Placement, Validity, Verdict};

/// All workloads of Maelstrom, sorted by name.
pub const ALL: [&dyn WorkloadChecker; 10] = [
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

/// Facts about a test that a checker needs besides its history.
#[derive(Debug, Clone, Copy)]
pub struct CheckContext<'a> {
    /// The node that each client works on.
    pub placement: &'a Placement<'a>,
    /// The consistency models that transactions are checked against.
    pub models: &'a [ConsistencyModel],
}

/// The half of a workload that judges: its name, the operations of its clients, and the check of
/// their history. `eddy::Workload` adds the half that generates operations.
pub trait WorkloadChecker: Debug + Send + Sync {
    /// Its name, as `--workload` takes it.
    fn name(&self) -> &'static str;

    /// The functions that its clients' operations may have.
    fn functions(&self) -> &'static [&'static str];

    /// The verdict of the workload's own checker. As in Maelstrom, a history without evidence is
    /// valid (unlike in [`judge`](WorkloadChecker::judge)).
    fn check(&self, history: &History, context: &CheckContext<'_>) -> Verdict;

    /// True if the operation's value fits this workload, `None` if it fits any. [`recognize`] uses
    /// this for a history whose functions fit several workloads.
    fn fits(&self, _op: &Op) -> Option<bool> {
        None
    }

    /// The time from `heal` (on the history's clock) until every node had every value but the
    /// excused ones; `None` where nodes do not replicate values.
    fn measure_repair(
        &self,
        _history: &History,
        _heal: Duration,
        _placement: &Placement<'_>,
        _excused: &[Value],
    ) -> Option<Repair> {
        None
    }

    /// Judges a history in every respect: its workload by [`check`](WorkloadChecker::check), and
    /// the properties that Jepsen and Maelstrom require of every history.
    ///
    /// Any history may lack what a checker looks for; a part without evidence is unknown here, not
    /// valid.
    fn judge(
        &self,
        history: &History,
        context: &CheckContext<'_>,
        criteria: Criteria,
    ) -> Assessment {
        let has_only_others =
            history.client_ops().next().is_some() && !self.has_operations_in(history);
        let verdict = if has_only_others {
            verdict_without_operations(&self.name_with_functions(), history)
        } else {
            self.check(history, context)
        };
        Assessment::new(criteria, history, context.placement, verdict, None).requiring_evidence()
    }

    /// True if a history has an operation of this workload.
    fn has_operations_in(&self, history: &History) -> bool {
        history.client_ops().any(|op| self.functions().contains(&&*op.f))
    }

    /// The functions in a history that this workload does not have, sorted.
    fn foreign_functions<'a>(&self, history: &'a History) -> Vec<&'a str> {
        let mut foreign = recognition::functions(history);
        foreign.retain(|f| !self.functions().contains(f));
        foreign
    }

    /// Its name with its functions: `broadcast (broadcast, read)`.
    fn name_with_functions(&self) -> String {
        format!("{} ({})", self.name(), self.functions().join(", "))
    }
}

/// The workload of this name; the error suggests the nearest name.
pub fn by_name<'a, C: WorkloadChecker + ?Sized>(
    received: &str,
    all: &[&'a C],
) -> Result<&'a C, String> {
    let found = all.iter().copied().find(|workload| workload.name() == received);
    found.ok_or_else(|| {
        let known = all.iter().map(|workload| workload.name().to_owned()).collect();
        UnknownName::new("workload", received, known).to_string()
    })
}

/// The verdict on a history without a single operation of the workload. `wanted` is the workload's
/// name with its functions.
fn verdict_without_operations(wanted: &str, history: &History) -> Verdict {
    let other = recognize(history, &ALL);
    let other =
        other.map_or_else(|_| String::new(), |other| format!("; did you mean {}?", other.name()));
    let found = OperationCounts::of(history).description();
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
            assert_eq!(
                by_name(workload.name(), &ALL).map(WorkloadChecker::name),
                Ok(workload.name())
            );
        }
        let error = by_name("brodcast", &ALL).unwrap_err();
        assert!(error.contains("did you mean broadcast?"), "{error}");
    }
}
