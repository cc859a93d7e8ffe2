//! Random malformed histories, for all checkers: any verdict will do, but no checker may panic.

use super::{Placement, availability, exceptions, liveness, stats};
use crate::{
    elle::ConsistencyModel, history::History, random::Random, workload, workload::CheckContext,
};

const HISTORIES: usize = 500;

const FUNCTIONS: [&str; 13] = [
    "read",
    "write",
    "cas",
    "add",
    "broadcast",
    "echo",
    "generate",
    "txn",
    "send",
    "poll",
    "assign",
    "crash",
    "subscribe",
];

/// Values of all workloads, and of none.
const VALUES: [&str; 40] = [
    "nil",
    "0",
    "1",
    "-1",
    "1N",
    "123456789012345678901",
    "0.5",
    "##NaN",
    "1/3",
    "0.5M",
    "\\a",
    "\"a\"",
    ":a",
    "a",
    "[]",
    "()",
    "[1 2]",
    "[1 nil]",
    "[1 [1 2]]",
    "[0 1]",
    "#{1}",
    "{}",
    "{1 2}",
    "{\"a\" 1}",
    "#object[Foo 0x6f \"a\"]",
    "#inst \"2020\"",
    "[[:append 1 2]]",
    "[[:append 1 2] [:r 1 [1 2]]]",
    "[[:r 1 [2 1]]]",
    "[[:r 1 3]]",
    "[[:w 1 2]]",
    "[[:w 1 1] [:r 1 2]]",
    "[[:r]]",
    "[:r 1 2]",
    "[[:send 1 2]]",
    "[[:send 1 [0 2]]]",
    "[[:send 1 [-1 2]]]",
    "[[:poll {1 [[0 2] [1 3]]}]]",
    "[[:poll {1 [[1] 2 [nil nil]]}]]",
    "[[:poll]]",
];

#[test]
fn no_history_makes_a_checker_panic() {
    let random = Random::seeded(7);
    let models = [ConsistencyModel::StrictSerializable];
    let nodes = ["n0".to_owned(), "n1".to_owned()];
    for number in 0..HISTORIES {
        let text = random_history(&mut random.fork(&number.to_string()));
        let history = History::read_edn(&text).unwrap();
        for placement in
            [Placement { nodes: &[], concurrency: 0 }, Placement { nodes: &nodes, concurrency: 2 }]
        {
            for workload in workload::ALL {
                let context = CheckContext { placement: &placement, models: &models };
                let check = || workload.check(&history, &context);
                let verdict = std::panic::catch_unwind(std::panic::AssertUnwindSafe(check));
                assert!(verdict.is_ok(), "{workload:?} panics on\n{text}");
            }
            liveness::check(&history, &placement);
        }
        stats::check(&history);
        exceptions::check(&history);
        availability::check(&history, availability::Goal::default());
    }
}

/// Up to fourteen entries. Some complete an operation that was never invoked, and some lack
/// optional fields.
fn random_history(random: &mut Random) -> String {
    let mut text = String::new();
    let (mut index, mut busy) = (0, [false; 3]);
    for _ in 0..random.below(15) {
        let process = random.index(4);
        let is_busy = busy.get(process).copied().unwrap_or_default();
        let kinds: &[&str] = if is_busy {
            &["ok", "fail", "info"]
        } else {
            &["invoke", "invoke", "ok", "fail", "info"]
        };
        let kind = *random.choose(kinds);
        if let Some(busy) = busy.get_mut(process) {
            *busy = kind == "invoke";
        }
        index += 1 + random.below(3);
        let process = if process == 3 { ":nemesis".to_owned() } else { process.to_string() };
        let (f, value) = (random.choose(&FUNCTIONS), random.choose(&VALUES));
        let mut op =
            format!("{{:index {index} :type :{kind} :process {process} :f :{f} :value {value}");
        for field in [" :time 3", " :final? true", " :error :net-timeout", " :error [:abort \"a\"]"]
        {
            if random.below(3) == 0 && !(op.contains(":error") && field.contains(":error")) {
                op.push_str(field);
            }
        }
        text.push_str(&op);
        text.push_str("}\n");
    }
    text
}
