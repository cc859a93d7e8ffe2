//! Time and memory of the checkers on tens of thousands of operations, with a bound for each.
//!
//! Checking is hard in general: a checker can be fast on all histories of a test suite and never
//! end on a longer one. So registers are measured on a valid history, and on the hardest one, which
//! is invalid at its very end; logs and transactions on recordings of Maelstrom. The histories are
//! the same in every run. The bounds are for the patience of a person and for a small machine. The
//! measurements should be far below.

use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use eddy::checkers::elle::{ConsistencyModel, list_append, rw_register};
use eddy::checkers::linearizable::{self, history_generator::HistoryGenerator};
use eddy::checkers::{Validity, kafka};
use eddy::edn::Value;
use eddy::history::{History, Kind, Op};
use eddy::random::Random;
use flate2::read::GzDecoder;

/// Maximum of allocated memory, in MiB.
const MEBIBYTES: u64 = 1024;

/// Prepares a history, and returns its check.
type Prepare = fn() -> Judge;

/// Checks a history, and returns true if the verdict is right.
type Judge = Box<dyn FnOnce() -> bool>;

/// The benchmarks: name, maximum seconds, preparation. Command-line arguments select those whose
/// name contains one of them.
const BENCHMARKS: [(&str, u64, Prepare); 7] = [
    ("lin-kv, 10 000 operations", 10, || lin_kv(None)),
    ("lin-kv, the last read wrong", 10, || lin_kv(Some("a value from nowhere"))),
    ("kafka-1", 2, || recorded("kafka-1", |history| kafka::check(history).valid)),
    ("kafka-1-broken", 2, || recorded("kafka-1-broken", |history| kafka::check(history).valid)),
    ("txn-append-2-broken", 2, || {
        recorded("txn-append-2-broken", |history| {
            list_append::check(history, &[ConsistencyModel::StrictSerializable]).valid
        })
    }),
    ("txn-rw-1", 2, || recorded("txn-rw-1", registers)),
    ("txn-rw-2-not-serializable", 2, || recorded("txn-rw-2-not-serializable", registers)),
];

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let is_wanted = |what: &str| words.is_empty() || words.iter().any(|word| what.contains(word));
    let mut all_hold = true;
    println!("{:<34}{:>10}{:>10}  bound", "what", "s", "MiB");
    for (what, within, prepare) in BENCHMARKS.into_iter().filter(|(what, ..)| is_wanted(what)) {
        let judge = prepare();
        let (mut is_right, mut took) = (false, Duration::ZERO);
        let allocated = allocation_counter::measure(|| {
            let start = Instant::now();
            is_right = judge();
            took = start.elapsed();
        });
        let mebibytes = allocated.bytes_max >> 20;
        let verdict = match (is_right, took.as_secs() < within && mebibytes < MEBIBYTES) {
            (false, _) => "WRONG",
            (true, false) => "MISSED",
            (true, true) => "holds",
        };
        let seconds = took.as_secs_f64();
        println!(
            "{what:<34}{seconds:>10.2}{mebibytes:>10}  < {within} s, {MEBIBYTES} MiB {verdict}"
        );
        all_hold &= verdict == "holds";
    }
    if all_hold { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// A history of one key and ten clients, whose last read returns `found` if that is given.
fn lin_kv(found: Option<&'static str>) -> Judge {
    let sample = HistoryGenerator {
        operations: 10_000,
        clients: 10,
        keys: 1,
        values: 5,
        indeterminate: 0.03,
        unavailable: 0.0,
    };
    let history = sample.history(&mut Random::seeded(1));
    let expected = Validity::from(found.is_none());
    let is_read = |op: &&Op| op.kind == Kind::Ok && op.f == "read";
    let last = history.ops().iter().rfind(is_read).map(|op| op.index);
    let history = History::from_ops(history.ops().iter().cloned().map(|mut op| {
        if let (Some(found), true) = (found, Some(op.index) == last) {
            op.value = vec![Value::Int(0), found.into()].into();
        }
        op
    }));
    Box::new(move || linearizable::check(&history).valid == expected)
}

fn registers(history: &History) -> Validity {
    rw_register::check(history, &[ConsistencyModel::Serializable]).valid
}

/// The check of a recording of Maelstrom, which is invalid if its name says so.
fn recorded(name: &'static str, check: fn(&History) -> Validity) -> Judge {
    let recordings = Path::new(env!("CARGO_MANIFEST_DIR")).join("checkers/tests/recordings");
    let packed = fs::read(recordings.join(name).join("history.edn.gz"));
    let packed = packed.expect("the recordings are part of the project");
    let mut text = String::new();
    GzDecoder::new(&packed[..]).read_to_string(&mut text).expect("a gzipped text");
    let history = History::read_edn(&text).expect("a history");
    let is_wrong = ["broken", "not-serializable"].iter().any(|word| name.contains(word));
    Box::new(move || check(&history) == Validity::from(!is_wrong))
}
