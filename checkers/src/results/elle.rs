//! The result of the isolation checker as Elle writes it under `:workload`.

use std::collections::BTreeSet;

use crate::edn::{Map, Set, Value};
use crate::elle::TxnWorkload::{ListAppend, RwRegister};
use crate::elle::{Anomaly, Case, ConsistencyModel, CycleStep, DirtyRead, ElleResults, Rels};
use crate::history::Op;
use crate::sentences::elle::expected_list;

impl ElleResults<'_> {
    /// The map under `:workload`.
    pub fn to_edn(&self) -> Value {
        let map = Map::new().with("valid?", self.valid);
        if let Some(error) = self.error() {
            return map.with("error", error).into();
        }
        let types = Value::List(self.anomalies.keys().map(|a| Value::keyword(a.name())).collect());
        if self.anomalies.is_empty() {
            return match self.workload {
                ListAppend => map.into(),
                RwRegister => map.with("anomaly-types", types).with("anomalies", Value::Nil).into(),
            };
        }
        let anomalies = self.anomalies.iter().fold(Map::new(), |map, (anomaly, cases)| {
            map.with(anomaly.name(), self.cases_to_edn(*anomaly, cases))
        });
        map.with("anomaly-types", types)
            .with("anomalies", anomalies)
            .with("not", models(&self.not))
            .with("also-not", models(&self.also_not))
            .into()
    }

    fn cases_to_edn(&self, anomaly: Anomaly, cases: &[Case<'_>]) -> Value {
        let values = cases.iter().map(|case| self.case_to_edn(anomaly, case)).collect();
        match (cases.first(), self.workload) {
            (Some(Case::EmptyGraph), _) => Value::Bool(true),
            (Some(Case::IncompatibleOrder { .. } | Case::DirtyUpdate { .. }), _)
            | (
                Some(Case::Internal { .. } | Case::AbortedRead(_) | Case::IntermediateRead(_)),
                RwRegister,
            ) => Value::List(values),
            _ => Value::Vector(values),
        }
    }

    fn case_to_edn(&self, anomaly: Anomaly, case: &Case<'_>) -> Value {
        let kind = Value::keyword(anomaly.name());
        let of = |op: &Op, mop: &Value| Map::new().with("op", op.to_edn()).with("mop", mop.clone());
        let about = |key: &Value| Map::new().with("key", key.clone());
        let map = match case {
            Case::AbortedRead(read) | Case::IntermediateRead(read) => {
                let DirtyRead { writer, reader, mop, value, .. } = *read;
                let map = of(reader, mop).with("writer", writer.to_edn());
                match self.workload {
                    ListAppend => map.with("element", value.clone()),
                    RwRegister => map,
                }
            }
            Case::DirtyUpdate { failed, writer, key, elements } => {
                let dots = Value::Symbol("...".to_owned());
                let transactions = vec![failed.to_edn(), dots, writer.to_edn()];
                about(key).with("values", elements.clone()).with("txns", transactions)
            }
            Case::DuplicateElements { reader, mop, times, .. } => {
                let times =
                    times.iter().map(|(element, times)| (Value::clone(element), (*times).into()));
                of(reader, mop).with("duplicates", times.collect::<Map>())
            }
            Case::IncompatibleOrder { key, lists, .. } => about(key).with("values", lists.to_vec()),
            Case::Internal { transaction, mop, expected: list, is_whole, .. } => {
                of(transaction, mop).with("expected", expected_list(list, *is_whole))
            }
            Case::FutureRead { transaction, mop, element, .. } => {
                of(transaction, mop).with("element", Value::clone(element))
            }
            Case::LostUpdate { key, read, transactions } => {
                about(key).with("value", Value::clone(read)).with("txns", ops(transactions))
            }
            Case::CyclicVersions { key, versions, .. } => {
                let sources = ["initial-state", "wfr-keys"].map(Value::keyword);
                let versions = versions.iter().copied().map(Value::clone).collect::<Set>();
                about(key).with("scc", versions).with("sources", sources.to_vec())
            }
            Case::Cycle { transactions, steps } => {
                let steps = steps.iter().map(|step| self.step_to_edn(*step)).collect();
                Map::new()
                    .with("cycle", ops(transactions.iter().chain(transactions.first())))
                    .with("steps", Value::List(steps))
                    .with("type", kind)
            }
            Case::CycleExists { model, base, extended, transactions } => {
                let indices: BTreeSet<usize> = transactions.iter().map(|op| op.index).collect();
                Map::new()
                    .with("type", kind)
                    .with("not", Value::keyword(model.name_in_results()))
                    .with("subgraph", subgraph(*model, *base, *extended))
                    .with("scc-size", indices.len())
                    .with("scc", indices.into_iter().map(Value::from).collect::<Set>())
            }
            Case::EmptyGraph => Map::new(),
            Case::Timeout { sought, transactions } => Map::new()
                .with("type", kind)
                .with("anomaly-spec-type", Value::keyword(sought.name()))
                .with("scc-size", *transactions),
        };
        map.into()
    }

    fn step_to_edn(&self, step: CycleStep<'_>) -> Value {
        let (kind, key, value, next, mops) = match step {
            CycleStep::WriteRead { key, value, mops } => ("wr", key, Some(value), None, mops),
            CycleStep::WriteWrite { key, value, next, mops, .. } => {
                ("ww", key, Some(value), Some(next), mops)
            }
            CycleStep::ReadWrite { key, value, next, mops } => ("rw", key, value, Some(next), mops),
            CycleStep::Process(process) => {
                let map = Map::new().with("type", Value::keyword("process"));
                return map.with("process", process).into();
            }
            CycleStep::Realtime { end, begin } => {
                let map = Map::new().with("type", Value::keyword("realtime"));
                return map.with("a'", end.to_edn()).with("b", begin.to_edn()).into();
            }
        };
        let initial = match self.workload {
            ListAppend => Value::keyword("elle.list-append/init"),
            RwRegister => Value::Nil,
        };
        let kind = Value::keyword(kind);
        let map = match (next, self.workload) {
            (Some(_), RwRegister) => Map::new(),
            _ => Map::new().with("type", kind.clone()),
        };
        let map =
            map.with("key", Value::clone(key)).with("value", value.map_or(initial, Value::clone));
        let map = match next {
            Some(next) => map.with("value'", Value::clone(next)),
            None => map,
        };
        // If `:type` is already in the map, it keeps its position.
        map.with("type", kind).with("a-mop-index", mops[0]).with("b-mop-index", mops[1]).into()
    }
}

fn models(models: &BTreeSet<ConsistencyModel>) -> Set {
    let names: BTreeSet<&str> = models.iter().map(|model| model.name_in_results()).collect();
    names.into_iter().map(Value::keyword).collect()
}

/// The subgraph that was searched, as upstream writes it. `p` stands for predicate dependencies,
/// which these workloads do not have.
fn subgraph(model: ConsistencyModel, base: Rels, extended: bool) -> Value {
    let anti_dependencies: &[&'static str] =
        if model == ConsistencyModel::RepeatableRead { &["rw"] } else { &["rw", "rwp"] };
    let names: [(Rels, &[&'static str]); 5] = [
        (Rels::WW, &["ww", "wwp"]),
        (Rels::WR, &["wr", "wrp"]),
        (Rels::RW, anti_dependencies),
        (Rels::PROCESS, &["process"]),
        (Rels::REALTIME, &["realtime"]),
    ];
    let names =
        names.into_iter().filter(|(rel, _)| base.intersects(*rel)).flat_map(|(_, names)| names);
    let names = ["union"].iter().chain(names).copied();
    let union = Value::Vector(names.map(Value::keyword).collect());
    if !extended {
        return union;
    }
    let anti_dependencies = Value::Vector(["union", "rw", "rwp"].map(Value::keyword).into());
    Value::Vector(vec![Value::keyword("extension"), union, anti_dependencies])
}

fn ops<'a>(transactions: impl IntoIterator<Item = &'a &'a Op>) -> Vec<Value> {
    transactions.into_iter().map(|op| op.to_edn()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::elle::testing::{check, oks};
    use crate::elle::{list_append, rw_register};

    #[test]
    fn a_step_is_written_as_upstream_does() {
        let skewed = oks(&["[[:append 1 1] [:append 2 1]]", "[[:r 1 [1]] [:r 2 nil]]"]);
        let elle = check(list_append::check, "serializable", &skewed, "Invalid G-single-item");
        let step = elle.to_edn().get_in(&["anomalies", "G-single-item"]).unwrap().to_string();
        let expected = "{:type :rw, :key 2, :value :elle.list-append/init, :value' 1, \
                        :a-mop-index 1, :b-mop-index 1}";
        assert!(step.contains(expected), "{step}");
        let skewed = oks(&["[[:w 1 1] [:w 2 1]]", "[[:r 1 1] [:r 2 nil]]"]);
        let elle = check(rw_register::check, "serializable", &skewed, "Invalid G-single-item");
        let steps = elle.to_edn().get_in(&["anomalies", "G-single-item"]).unwrap().to_string();
        let expected = "{:key 2, :value nil, :value' 1, :type :rw, :a-mop-index 1, :b-mop-index 1}";
        assert!(steps.contains(expected), "{steps}");
    }

    #[test]
    fn a_subgraph_is_written_as_upstream_does() {
        #[track_caller]
        fn check(model: ConsistencyModel, base: &[Rels], extended: bool, expected: &str) {
            let base = base.iter().fold(Rels::NONE, |all, rel| all.union(*rel));
            assert_eq!(subgraph(model, base, extended).to_string(), expected);
        }
        let (data, time) = ([Rels::WW, Rels::WR, Rels::RW], [Rels::WW, Rels::WR, Rels::REALTIME]);
        let expected = "[:union :ww :wwp :wr :wrp :rw]";
        check(ConsistencyModel::RepeatableRead, &data, false, expected);
        let expected = "[:union :ww :wwp :wr :wrp :rw :rwp]";
        check(ConsistencyModel::Serializable, &data, false, expected);
        let expected = "[:extension [:union :ww :wwp :wr :wrp :realtime] [:union :rw :rwp]]";
        check(ConsistencyModel::StrongSnapshotIsolation, &time, true, expected);
    }
}
