//! The outcome of looking for an order of a register's operations.

use super::{
    Limits,
    register::{OperationId, Register},
    report,
    schedule::Schedule,
    search::{Outcome, Search},
    zones,
};
use crate::sentence::counted;

/// What came of looking for an order of a register's operations.
pub(super) struct Finding {
    /// Definite operations in the order of their ends.
    pub(super) completions: Vec<OperationId>,
    /// Whether there is an order.
    pub(super) conclusion: Conclusion,
    /// How many completions there is an order for, as far as is known.
    pub(super) furthest: usize,
    /// An order that explains all of them; or else some of those that explain the first ones, up to
    /// the one that fits nowhere. Upstream's configurations are what they end with.
    pub(super) orders: Vec<Vec<Step>>,
}

/// Whether there is an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Conclusion {
    /// There is.
    Order,
    /// There is none: the completion behind the furthest fits nowhere.
    NoOrder,
    /// It would cost too much to find out.
    GaveUp,
}

/// One operation of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Step {
    /// Which.
    pub(super) operation: OperationId,
    /// Whether it happens because it ended, and not because another one needs it.
    pub(super) is_due: bool,
}

impl Finding {
    /// Looks for an order: by zones if no value is set twice, or else by a search.
    pub(super) fn of(register: &Register<'_>, limits: Limits) -> Finding {
        Finding::of_distinct(register).unwrap_or_else(|| Finding::by_search(register, limits))
    }

    /// Looks for an order if no value is set twice, and nothing was refused for its value.
    pub(super) fn of_distinct(register: &Register<'_>) -> Option<Finding> {
        zones::finding(register)
    }

    /// Looks for an order by a search.
    pub(super) fn by_search(register: &Register<'_>, limits: Limits) -> Finding {
        let schedule = Schedule::of(register);
        let search = Search::run(&schedule, limits);
        let orders = search.last_nodes().into_iter().take(report::TOLD);
        Finding {
            completions: schedule.order.clone(),
            conclusion: match search.outcome {
                Outcome::Found(_) => Conclusion::Order,
                Outcome::Stuck => Conclusion::NoOrder,
                Outcome::GaveUp => Conclusion::GaveUp,
            },
            furthest: search.furthest(),
            orders: orders.map(|node| search.path(node)).collect(),
        }
    }

    /// The operation whose completion fits nowhere, or was not passed; `None` if there is an order.
    pub(super) fn due(&self) -> Option<OperationId> {
        self.completions.get(self.furthest).copied()
    }

    /// Why nobody knows whether there is an order.
    pub(super) fn why_it_gave_up(&self, limits: Limits) -> String {
        let megabytes = limits.memory >> 20;
        let seconds = counted(limits.seconds, "second");
        let passed = counted(self.furthest as u64, "completion");
        format!(
            "the search may take {megabytes} MiB and about {seconds}, and got past {passed} of {}; \
             an order may or may not exist",
            self.completions.len()
        )
    }
}
