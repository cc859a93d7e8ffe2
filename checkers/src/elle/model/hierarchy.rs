//! The hierarchy of consistency models, and the anomalies that each forbids.
//!
//! The hierarchy is Elle's, which collects it from Adya, Bailis, Cerone, Daudjee and others. A
//! model forbids whatever the models that it implies forbid, and every special case of such an
//! anomaly.

use std::cmp::Reverse;
use std::collections::BTreeSet;

#[allow(clippy::enum_glob_use, reason = "the tables below are nothing but these names")]
use super::ConsistencyModel::{self, *};
use crate::elle::anomaly::{self, Anomaly};

impl ConsistencyModel {
    /// The models that this one implies directly.
    fn implies(self) -> &'static [ConsistencyModel] {
        match self {
            Causal => &[WritesFollowReads, Pram],
            ConsistentView => &[CursorStability, MonotonicView],
            CursorStability | MonotonicAtomicView | MonotonicSnapshotRead | MonotonicView => {
                &[ReadCommitted]
            }
            ForwardConsistentView => &[ConsistentView],
            Linearizable => &[Sequential],
            ParallelSnapshotIsolation => &[CausalCerone, UpdateAtomic],
            Pram => &[MonotonicReads, MonotonicWrites, ReadYourWrites],
            Prefix => &[CausalCerone],
            ReadAtomic => &[MonotonicAtomicView],
            RepeatableRead => &[CursorStability, MonotonicAtomicView],
            Sequential => &[Causal],
            Serializable => {
                &[RepeatableRead, UpdateSerializable, SnapshotIsolation, ViewSerializable]
            }
            SessionSerializable => &[OneCopySerializable],
            SnapshotIsolation => &[
                ForwardConsistentView,
                MonotonicAtomicView,
                MonotonicSnapshotRead,
                ParallelSnapshotIsolation,
                Prefix,
            ],
            StrictSerializable => &[
                Serializable,
                Linearizable,
                StrongSnapshotIsolation,
                StrongSessionSerializable,
                SessionSerializable,
            ],
            StrongReadCommitted => &[StrongSessionReadCommitted, StrongReadUncommitted],
            StrongReadUncommitted => &[StrongSessionReadUncommitted],
            StrongSessionReadCommitted => &[ReadCommitted, StrongSessionReadUncommitted],
            ReadCommitted | StrongSessionReadUncommitted => &[ReadUncommitted],
            StrongSessionSerializable => &[Serializable, StrongSessionSnapshotIsolation],
            StrongSessionSnapshotIsolation => &[SnapshotIsolation, StrongSessionReadCommitted],
            StrongSnapshotIsolation => &[StrongSessionSnapshotIsolation, StrongReadCommitted],
            CausalCerone | UpdateAtomic => &[ReadAtomic],
            UpdateSerializable => &[ForwardConsistentView],
            MonotonicReads | MonotonicWrites | OneCopySerializable | ReadUncommitted
            | ReadYourWrites | ViewSerializable | WritesFollowReads => &[],
        }
    }

    /// The anomalies that this model forbids, besides those that the models it implies forbid.
    fn forbids(self) -> &'static [&'static str] {
        match self {
            CausalCerone | ParallelSnapshotIsolation | Prefix => &["internal", "G1a"],
            ConsistentView => &["G1", "G-single"],
            CursorStability => &["G1", "G-cursor", "lost-update"],
            ForwardConsistentView => &["G1", "G-SIb"],
            MonotonicSnapshotRead => &["G1", "G-MSR"],
            MonotonicView => &["G1", "G-monotonic"],
            ReadAtomic => &["internal", "G1a", "future-read"],
            ReadCommitted => &["G1", "PL-2-cycle-exists"],
            ReadUncommitted => {
                &["G0", "duplicate-elements", "cyclic-versions", "PL-1-cycle-exists"]
            }
            RepeatableRead => &["G1", "G2-item", "PL-2.99-cycle-exists", "lost-update"],
            Serializable => &["G1", "G2", "predicate-read-miss", "PL-3-cycle-exists", "internal"],
            SnapshotIsolation => &["internal", "G1", "G-SI", "G-nonadjacent", "PL-SI-cycle-exists"],
            StrictSerializable => &["G1", "G1c-realtime", "G2-realtime", "PL-SS-cycle-exists"],
            StrongReadCommitted => &["strong-PL-2-cycle-exists", "G1c-realtime"],
            StrongReadUncommitted => &["strong-PL-1-cycle-exists", "G0-realtime"],
            StrongSessionReadCommitted => &["strong-session-PL-2-cycle-exists", "G1c-process"],
            StrongSessionReadUncommitted => &["strong-session-PL-1-cycle-exists", "G0-process"],
            StrongSessionSerializable => {
                &["G1-process", "G2-process", "strong-session-serializable-cycle-exists"]
            }
            StrongSessionSnapshotIsolation => &[
                "internal",
                "G1-process",
                "G-nonadjacent-process",
                "strong-session-snapshot-isolation-cycle-exists",
            ],
            StrongSnapshotIsolation => &[
                "internal",
                "G1-realtime",
                "G-nonadjacent-realtime",
                "strong-snapshot-isolation-cycle-exists",
            ],
            UpdateAtomic => &["lost-update"],
            UpdateSerializable => &["G1", "G-update"],
            _ => &[],
        }
    }

    /// This model and all that it implies.
    fn with_implied(self) -> BTreeSet<ConsistencyModel> {
        let (mut all, mut open) = (BTreeSet::new(), vec![self]);
        while let Some(model) = open.pop() {
            if all.insert(model) {
                open.extend(model.implies());
            }
        }
        all
    }

    /// This model and all that imply it: the models that are violated if this one is.
    pub(in crate::elle) fn with_stronger(self) -> BTreeSet<ConsistencyModel> {
        ConsistencyModel::ALL
            .into_iter()
            .filter(|model| model.with_implied().contains(&self))
            .collect()
    }
}

/// The anomalies that violate any of these models.
pub(in crate::elle) fn prohibited(models: &[ConsistencyModel]) -> BTreeSet<Anomaly> {
    let models = models.iter().flat_map(|model| model.with_implied());
    anomaly::implying(models.flat_map(ConsistencyModel::forbids).map(|name| Anomaly(name)))
}

/// The models that these anomalies violate.
pub(in crate::elle) fn impossible(
    anomalies: impl IntoIterator<Item = Anomaly>,
) -> BTreeSet<ConsistencyModel> {
    let implied = anomaly::implied(anomalies);
    let direct = ConsistencyModel::ALL
        .into_iter()
        .filter(|model| model.forbids().iter().any(|name| implied.contains(&Anomaly(name))));
    direct.flat_map(ConsistencyModel::with_stronger).collect()
}

/// The models of this set that imply no other model of it.
pub(in crate::elle) fn weakest(models: &BTreeSet<ConsistencyModel>) -> BTreeSet<ConsistencyModel> {
    let is_weakest = |model: &ConsistencyModel| {
        model.with_implied().iter().all(|weaker| weaker == model || !models.contains(weaker))
    };
    models.iter().copied().filter(is_weakest).collect()
}

/// The models that hold and that no other model that holds implies. Models that forbid no anomaly
/// known here are left out, because every history satisfies them.
pub fn strongest(mut holds: impl FnMut(ConsistencyModel) -> bool) -> Vec<ConsistencyModel> {
    let mut models = ConsistencyModel::ALL.to_vec();
    // A model that implies another one has more implied models than that one.
    models.sort_by_key(|model| Reverse(model.with_implied().len()));
    let (mut strongest, mut promised) = (Vec::new(), BTreeSet::new());
    for model in models {
        if !promised.contains(&model) && !prohibited(&[model]).is_empty() && holds(model) {
            promised.extend(model.with_implied());
            strongest.push(model);
        }
    }
    strongest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_lists_each_model_once_and_weaker_models_are_never_stronger() {
        assert_eq!(ConsistencyModel::ALL.into_iter().collect::<BTreeSet<_>>().len(), 36);
        for model in ConsistencyModel::ALL {
            for weaker in model.implies() {
                assert!(!weaker.with_implied().contains(&model), "{model} and {weaker}");
            }
        }
    }

    #[test]
    fn each_model_forbids_what_it_should() {
        #[track_caller]
        fn check(model: ConsistencyModel, forbidden: &[&'static str], allowed: &[&'static str]) {
            let prohibited = prohibited(&[model]);
            for name in forbidden {
                assert!(prohibited.contains(&Anomaly(name)), "{model} forbids {name}");
            }
            for name in allowed {
                assert!(!prohibited.contains(&Anomaly(name)), "{model} allows {name}");
            }
        }
        check(ReadUncommitted, &["G0"], &["G1a", "G1c", "internal", "lost-update"]);
        check(ReadCommitted, &["G0", "G1a", "G1b", "G1c", "dirty-update"], &["internal"]);
        check(SnapshotIsolation, &["G-single-item", "lost-update", "internal"], &["G2-item"]);
        check(RepeatableRead, &["G2-item", "G-single-item"], &["internal", "G2"]);
        check(Serializable, &["G2-item", "internal"], &["G0-realtime", "G2-process"]);
        check(StrongSessionSerializable, &["G2-item-process"], &["G0-realtime"]);
        check(StrictSerializable, &["G0-realtime", "G2-item-realtime", "G1a"], &[]);
        check(Linearizable, &[], &["G0"]);
    }

    #[test]
    fn of_the_models_that_hold_the_strongest_are_named() {
        #[track_caller]
        fn check(broken: &[&'static str], expected: &[ConsistencyModel]) {
            let impossible = impossible(broken.iter().map(|name| Anomaly(name)));
            let mut found = strongest(|model| !impossible.contains(&model));
            found.sort_unstable();
            assert_eq!(found, expected, "{broken:?}");
        }
        check(&[], &[StrictSerializable]);
        check(&["G2-realtime"], &[StrongSessionSerializable, StrongSnapshotIsolation]);
        check(&["G1a", "lost-update"], &[StrongReadUncommitted]);
        check(&["G0"], &[]);
    }

    #[test]
    fn an_anomaly_that_violates_a_model_violates_all_stronger_ones() {
        let lost_update = impossible([Anomaly("lost-update")]);
        assert_eq!(weakest(&lost_update), BTreeSet::from([CursorStability, UpdateAtomic]));
        assert!(lost_update.contains(&StrictSerializable));
        assert!(!lost_update.contains(&ReadCommitted));
        assert_eq!(weakest(&impossible([Anomaly("G0")])), BTreeSet::from([ReadUncommitted]));
        assert!(impossible([Anomaly("empty-transaction-graph")]).is_empty());
    }
}
