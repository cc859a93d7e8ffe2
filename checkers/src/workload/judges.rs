//! The judge of each workload: its checker's findings as a [`Verdict`].

use std::iter::repeat_n;

use crate::edn::Value;
use crate::elle::{ConsistencyModel, Elle, list_append, rw_register};
use crate::evidence::{self, Evidence};
use crate::history::{History, Kind, Op};
use crate::{Placement, Verdict, counter, echo, kafka, linearizable, set_full, unique_ids};

pub(super) fn set(history: &History, add: &str, placement: &Placement<'_>) -> Verdict {
    Verdict::of_set(set_full::check_with_kills(history, add, "read", placement))
}

pub(super) fn echo(history: &History) -> Verdict {
    let echo = echo::check(history);
    let results = echo.to_edn();
    let is_certain = |kind| matches!(kind, Kind::Ok | Kind::Fail);
    let ends = history.clients().filter(|op| is_certain(op.kind));
    let pairs = ends.filter(|op| history.invocation(op).is_some());
    // A body without it would be the echo of nil.
    let pairs = pairs.map(|op| op.kind == Kind::Fail || op.value.get("echo").is_some());
    let evidence = Evidence::count("echo that was answered or refused", pairs);
    let verdict = Verdict::new(evidence, echo.valid, results, echo.reason());
    Verdict { contradictions: echo.contradictions, ..verdict }
}

pub(super) fn counter(history: &History, placement: &Placement<'_>) -> Verdict {
    let counter = counter::check_on_nodes(history, placement);
    let contradictions = counter.contradictions(history);
    let reads = counter.final_reads.iter().map(counter::is_integer);
    let wanted = "read that succeeded, is marked as final and has an integer";
    let evidence = Evidence::count(wanted, reads);
    let verdict = Verdict::new(evidence, counter.valid, counter.to_edn(), counter.reason());
    let verdict = Verdict { contradictions, ..verdict };
    verdict.with(counter.explanation(), counter.warnings)
}

pub(super) fn kafka(history: &History) -> Verdict {
    let logs = kafka::check(history);
    let contradictions = logs.contradictions();
    let verdict = Verdict::new(logs.evidence, logs.valid, logs.to_edn(), logs.reason());
    let verdict = Verdict { contradictions, ..verdict };
    verdict.with(logs.explanation(), logs.warnings)
}

pub(super) fn registers(history: &History) -> Verdict {
    let keys = linearizable::check(history);
    let contradictions = keys.contradictions();
    let succeeded = evidence::ok(history, &["read", "write", "cas"]).zip(0..);
    let ends = succeeded.map(|(_, number)| number < keys.judged);
    let evidence = Evidence::count("read, write or cas of a key that succeeded", ends);
    let verdict = Verdict::new(evidence, keys.valid, keys.to_edn(), keys.reason());
    let verdict = Verdict { contradictions, ..verdict };
    verdict.with(keys.explanation(), keys.warnings)
}

pub(super) fn lists(history: &History, models: &[ConsistencyModel]) -> Verdict {
    transactions(history, list_append::check(history, models))
}

pub(super) fn transactional_registers(history: &History, models: &[ConsistencyModel]) -> Verdict {
    transactions(history, rw_register::check(history, models))
}

pub(super) fn unique_ids(history: &History) -> Verdict {
    let ids = unique_ids::check(history);
    let results = ids.to_edn();
    let given = repeat_n(true, ids.acknowledged_count);
    let evidence = Evidence::count("generate that succeeded", given);
    let verdict = Verdict::new(evidence, ids.valid, results, ids.reason());
    Verdict { contradictions: ids.contradictions, ..verdict }
}

fn transactions(history: &History, elle: Elle) -> Verdict {
    let contradictions = elle.contradictions();
    let is_micro_op = |value: &Value| matches!(value.as_sequence(), Some([Value::Keyword(_), ..]));
    let has_any = |op: &Op| op.value.as_sequence().is_some_and(|all| all.iter().any(is_micro_op));
    let ends = evidence::ok(history, &["txn"]).map(has_any);
    let wanted = "txn that succeeded and has operations";
    let evidence = Evidence::count(wanted, ends);
    let verdict = Verdict::new(evidence, elle.valid, elle.to_edn(), elle.reason());
    let verdict = Verdict { contradictions, ..verdict };
    verdict.with(elle.explanation(), elle.warnings)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::history;

    #[test]
    fn nothing_is_judged_where_what_succeeded_names_no_key() {
        let lines = "0 invoke read [0 nil]\n1 invoke write 3\n1 ok write 3";
        let evidence = registers(&history(lines)).evidence.unwrap();
        assert_eq!((evidence.judged, evidence.passed_over), (0, 1));
    }
}
