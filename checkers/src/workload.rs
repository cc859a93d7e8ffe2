//! Workloads: which operations a test of each has, and how its history is judged.

mod judges;
mod recognition;

use std::fmt::{self, Display};
use std::str::FromStr;
use std::time::Duration;

use eddy_text::name;

use crate::edn::{Map, Value};
use crate::elle::ConsistencyModel;
use crate::history::History;
use crate::judgement::{Judgement, Standard};
use crate::repair::{self, Repair};
use crate::{Placement, Validity, Verdict, evidence};

/// A kind of test, as `--workload` has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Workload {
    /// Values that every node must come to know.
    Broadcast,
    /// Messages that come back as they were.
    Echo,
    /// A number that clients add to.
    GCounter,
    /// A set that clients add to.
    GSet,
    /// Logs that clients append to, and follow.
    Kafka,
    /// Registers that are as good as one copy on one machine.
    LinKv,
    /// A number that clients add to and subtract from.
    PnCounter,
    /// Transactions over lists that clients append to.
    TxnListAppend,
    /// Transactions over registers.
    TxnRwRegister,
    /// Ids that nobody else has.
    UniqueIds,
}

impl Workload {
    /// All workloads.
    pub const ALL: [Workload; 10] = [
        Workload::Broadcast,
        Workload::Echo,
        Workload::GCounter,
        Workload::GSet,
        Workload::Kafka,
        Workload::LinKv,
        Workload::PnCounter,
        Workload::TxnListAppend,
        Workload::TxnRwRegister,
        Workload::UniqueIds,
    ];

    /// Judges a history in every respect: its workload as [`Workload::check`] does, and what Jepsen
    /// asks of any history.
    ///
    /// It may be a history from elsewhere, so nothing is valid of which nothing was judged.
    pub fn judge(
        self,
        history: &History,
        placement: &Placement<'_>,
        models: &[ConsistencyModel],
        standard: Standard,
    ) -> Judgement {
        let is_of_another = history.clients().next().is_some() && !self.is_in(history);
        let verdict = if is_of_another {
            self.without_operations(history)
        } else {
            self.check(history, placement, models)
        };
        Judgement::new(standard, history, placement, verdict, None).on_evidence()
    }

    /// The verdict of this workload's checker alone, which is Maelstrom's: where there is nothing
    /// to look at, nothing is wrong. Transactions are judged by what these models promise.
    pub fn check(
        self,
        history: &History,
        placement: &Placement<'_>,
        models: &[ConsistencyModel],
    ) -> Verdict {
        match self {
            Workload::Broadcast => judges::set(history, "broadcast", placement),
            Workload::Echo => judges::echo(history),
            Workload::GCounter | Workload::PnCounter => judges::counter(history, placement),
            Workload::GSet => judges::set(history, "add", placement),
            Workload::Kafka => judges::kafka(history),
            Workload::LinKv => judges::registers(history),
            Workload::TxnListAppend => judges::lists(history, models),
            Workload::TxnRwRegister => judges::transactional_registers(history, models),
            Workload::UniqueIds => judges::unique_ids(history),
        }
    }

    /// How soon after the heal, a time of the history, nodes knew again what they should, but for
    /// what is excused; `None` where nodes need to know nothing.
    pub fn repair(
        self,
        history: &History,
        heal: Duration,
        placement: &Placement<'_>,
        excused: &[Value],
    ) -> Option<Repair> {
        match self {
            Workload::Broadcast => {
                Some(repair::check(history, "broadcast", "read", heal, placement, excused))
            }
            _ => None,
        }
    }

    /// The verdict on a history that has operations, but none of this workload.
    fn without_operations(self, history: &History) -> Verdict {
        let (wanted, found) = (self.with_functions(), evidence::found(history));
        let other = Workload::of(history)
            .map_or_else(|_| String::new(), |other| format!("; did you mean {other}?"));
        let reason = format!("there is no operation of {wanted}; the history has {found}{other}");
        let results = Map::new().with("valid?", Validity::Unknown).into();
        Verdict { results, reason: Some(reason), ..Verdict::unknown() }
    }
}

impl Display for Workload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Workload::Broadcast => "broadcast",
            Workload::Echo => "echo",
            Workload::GCounter => "g-counter",
            Workload::GSet => "g-set",
            Workload::Kafka => "kafka",
            Workload::LinKv => "lin-kv",
            Workload::PnCounter => "pn-counter",
            Workload::TxnListAppend => "txn-list-append",
            Workload::TxnRwRegister => "txn-rw-register",
            Workload::UniqueIds => "unique-ids",
        })
    }
}

impl FromStr for Workload {
    type Err = String;

    fn from_str(received: &str) -> Result<Workload, String> {
        name::find("workload", &Workload::ALL, received).map_err(|error| error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_workload_is_found_by_the_name_that_it_displays() {
        for workload in Workload::ALL {
            assert_eq!(workload.to_string().parse(), Ok(workload));
        }
        let error = "brodcast".parse::<Workload>().unwrap_err();
        assert!(error.contains("did you mean broadcast?"), "{error}");
    }
}
