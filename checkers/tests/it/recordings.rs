//! Recordings of the real Maelstrom, which are read, checked and written again.
//!
//! `make recordings` prints the verdicts.

use std::{fs, io::Read, path::Path, time::Instant};

use eddy_checkers::{
    Validity,
    availability::{self, Goal},
    counter, echo,
    edn::{Map, Value},
    elle::{self, ConsistencyModel, ElleResults},
    exceptions,
    history::{History, Op},
    kafka, linearizable,
    set_full::{self, SetFullResults},
    stats, unique_ids,
};
use flate2::read::GzDecoder;

const RECORDINGS: [&str; 21] = [
    "broadcast-25-tree4-latency",
    "broadcast-25-tree4-partition",
    "broadcast-5-tree4-lost",
    "broadcast-5-tree4-partition",
    "echo-1",
    "g-counter-3-partition",
    "g-set-3-partition",
    "kafka-1",
    "kafka-1-broken",
    "lin-kv-1",
    "lin-kv-3-broken",
    "lin-kv-3-raft",
    "lin-kv-3-raft-partition",
    "pn-counter-3-partition",
    "txn-append-1",
    "txn-append-2-broken",
    "txn-rw-1",
    "txn-rw-2-not-serializable",
    "txn-rw-2-partition",
    "unique-ids-3-duplicated",
    "unique-ids-3-partition",
];

#[test]
fn histories_are_written_as_they_were_read() {
    for name in RECORDINGS {
        let text = read(name, "history.edn");
        let mut written = Vec::new();
        History::read_edn(&text).unwrap().write_edn(&mut written).unwrap();
        assert_same_lines(name, &text, &String::from_utf8(written).unwrap());
    }
}

#[test]
fn results_are_laid_out_as_they_were_read() {
    for name in RECORDINGS {
        let text = read(name, "results.edn");
        assert_same_lines(name, text.trim_end(), &Value::read_edn(&text).unwrap().pretty());
    }
}

#[test]
fn every_verdict_follows_from_the_history_alone() {
    println!("{:<30}{:>12}{:>8}{:>8}{:>7}", "recording", "operations", "then", "now", "s");
    for name in RECORDINGS {
        let expected = results(name);
        let history = history(name);
        let start = Instant::now();
        let total = read(name, "flags.txt").contains("--availability total");
        let goal = if total { Goal::Total } else { Goal::None };
        let judged = [
            ("stats", stats::check(&history).to_edn()),
            ("availability", availability::check(&history, goal).to_edn()),
            ("exceptions", exceptions::check(&history).to_edn()),
            ("workload", workload(name, &history)),
        ];
        let seconds = start.elapsed().as_secs_f64();
        let verdicts = [expected.get("workload"), Some(&judged[3].1)];
        let valid =
            |map: Option<&Value>| map.and_then(|map| map.get("valid?")).unwrap().to_string();
        let [then, now] = verdicts.map(valid);
        let operations = history.ops().len();
        println!("{name:<30}{operations:>12}{then:>8}{now:>8}{seconds:>7.2}");
        for (key, actual) in judged {
            let actual = with_cycles_of(&expected, actual);
            let expected = without_chance(name, expected.get(key).unwrap());
            let (expected, actual) = (&expected, &without_chance(name, &actual));
            assert_same_entries(&format!("{name} :{key}"), expected, actual);
            assert_same_lines(name, &expected.pretty(), &actual.pretty());
        }
    }
}

fn workload(name: &str, history: &History) -> Value {
    let is = |workload: &str| name.starts_with(workload);
    match () {
        () if is("broadcast") => broadcast(history).to_edn(),
        () if is("echo") => echo::check(history).to_edn(),
        () if is("g-counter") || is("pn-counter") => counter::check(history).to_edn(),
        () if is("g-set") => set_full::check(history, "add", "read").to_edn(),
        () if is("kafka") => kafka::check(history).to_edn(),
        () if is("lin-kv") => linearizable::check(history).to_edn(),
        () if is("txn") => transactions(name, history).to_edn(),
        () => unique_ids::check(history).to_edn(),
    }
}

#[test]
fn an_element_that_vanishes_from_all_later_reads_is_lost() {
    for name in ["broadcast-5-tree4-partition", "broadcast-25-tree4-partition"] {
        let history = history(name);
        assert_eq!(broadcast(&history).valid, Validity::Valid);
        for element in (0..200).step_by(20).map(Value::Int) {
            let vanished = mutate_reads(&history, |op, elements| {
                if op.index > history.ops().len() / 2 {
                    elements.retain(|other| *other != element);
                }
            });
            let set = broadcast(&vanished);
            let lost: Vec<&Value> = set.lost.iter().map(|lost| &lost.element).collect();
            assert_eq!((set.valid, lost), (Validity::Invalid, vec![&element]), "{name}");
        }
    }
}

#[test]
fn foreign_elements_duplicates_and_another_order_change_no_verdict() {
    let history = history("broadcast-5-tree4-partition");
    let odd = broadcast(&mutate_reads(&history, |_, elements| {
        elements.reverse();
        elements.extend(elements.first().cloned());
        elements.push("foreign".into());
    }));
    assert_eq!(odd.to_edn(), broadcast(&history).to_edn());
    let warnings = odd.warnings(&history);
    assert!(warnings.iter().any(|warning| warning.contains("read \"foreign\" at index")));
    assert!(warnings.iter().any(|warning| warning.contains("2 times at index")));
    assert!(broadcast(&history).warnings(&history).is_empty());
}

#[test]
fn a_cycle_is_never_longer_than_upstreams() {
    for (name, count) in [("txn-append-2-broken", 2), ("txn-rw-2-not-serializable", 5)] {
        let expected = results(name);
        let history = history(name);
        let actual = transactions(name, &history).to_edn();
        let (expected, actual) = (cycles(expected.get("workload")), cycles(Some(&actual)));
        assert_eq!(expected.iter().map(|(_, cycles)| cycles.len()).sum::<usize>(), count);
        for ((kind, expected), (other, actual)) in expected.iter().zip(&actual) {
            assert_eq!(kind, other, "{name}");
            let shortest = expected.iter().map(Vec::len).min();
            assert!(actual.iter().map(Vec::len).min() <= shortest, "{name} {kind}");
        }
    }
}

#[test]
fn a_read_that_loses_its_last_element_is_found() {
    let history = history("txn-append-1");
    let of_list = |mop: &Value| Some(mop.as_sequence()?.get(2)?.as_sequence()?.len());
    for from in (100..3_000).step_by(400) {
        let mut done = false;
        let tampered = History::from_ops(history.ops().iter().cloned().map(|mut op| {
            let mut mops = op.value.as_sequence().unwrap_or_default().to_vec();
            let long = mops.iter().position(|mop| of_list(mop).is_some_and(|len| len > 3));
            if let Some(at) = long.filter(|_| !done && op.index >= from) {
                let mut mop = mops[at].as_sequence().unwrap_or_default().to_vec();
                let list = mop[2].as_sequence().unwrap_or_default();
                mop[2] = list[..list.len() - 3].to_vec().into();
                mops[at] = mop.into();
                op.value = mops.into();
                done = true;
            }
            op
        }));
        let elle = transactions("txn-append-1", &tampered);
        assert_eq!(elle.valid, Validity::Invalid, "from {from}");
        assert!(elle.explanation().len() > 3);
    }
}

#[test]
fn transactions_of_incomplete_histories_are_checked() {
    for name in ["txn-append-1", "txn-append-2-broken", "txn-rw-2-not-serializable"] {
        let history = History::read_edn(&read(name, "history.edn")).unwrap();
        for cut in (1..history.ops().len()).step_by(397) {
            let cut_off = History::from_ops(history.ops().iter().take(cut).cloned());
            let elle = transactions(name, &cut_off);
            // A transaction without completion may have committed.
            assert!(name != "txn-append-1" || elle.valid != Validity::Invalid, "{name} to {cut}");
            let torn = history.ops().iter().filter(|op| op.index % 7 != cut % 7).cloned();
            let torn = History::from_ops(torn);
            let elle = transactions(name, &torn);
            assert_eq!(elle.reason().is_none(), elle.valid == Validity::Valid);
        }
    }
}

fn transactions<'h>(name: &str, history: &'h History) -> ElleResults<'h> {
    let flags = read(name, "flags.txt");
    let mut words = flags.split_whitespace();
    let named = words.by_ref().find(|word| *word == "--consistency-models").and(words.next());
    let model = named.map_or(Ok(ConsistencyModel::StrictSerializable), str::parse);
    let model = model.expect("flags name a model");
    if name.contains("append") {
        elle::list_append::check(history, &[model])
    } else {
        elle::rw_register::check(history, &[model])
    }
}

/// The cycles in results, by their kinds.
fn cycles(workload: Option<&Value>) -> Vec<(String, Vec<Vec<Value>>)> {
    let Some(Value::Map(anomalies)) = workload.and_then(|workload| workload.get("anomalies"))
    else {
        return Vec::new();
    };
    let cycle = |case: &Value| Some(case.get("cycle")?.as_sequence()?.to_vec());
    let cycles = anomalies.iter().map(|(kind, cases)| {
        let cases = cases.as_sequence().unwrap_or_default();
        (kind.to_string(), cases.iter().filter_map(cycle).collect())
    });
    cycles.filter(|(_, cycles): &(_, Vec<_>)| !cycles.is_empty()).collect()
}

/// The results with upstream's cycles in place of ours, for anomalies with the same number of
/// cases. So everything is compared but the choice of the cycle that is shown.
fn with_cycles_of(expected: &Value, actual: Value) -> Value {
    let (Value::Map(mut workload), Some(Value::Map(theirs))) =
        (actual.clone(), expected.get_in(&["workload", "anomalies"]))
    else {
        return actual;
    };
    let Some(Value::Map(mut anomalies)) = workload.keyword("anomalies").cloned() else {
        return actual;
    };
    let has_cycles = |cases: &Value| {
        let first = cases.as_sequence().and_then(<[Value]>::first);
        first.is_some_and(|case| case.get("cycle").is_some())
    };
    let len = |cases: &Value| cases.as_sequence().map(<[Value]>::len);
    for (kind, cases) in theirs.iter() {
        if anomalies.get(kind).is_some_and(|ours| has_cycles(ours) && len(ours) == len(cases)) {
            anomalies.insert(kind.clone(), cases.clone());
        }
    }
    workload.insert(Value::keyword("anomalies"), anomalies);
    workload.into()
}

fn broadcast(history: &History) -> SetFullResults {
    set_full::check(history, "broadcast", "read")
}

fn mutate_reads(history: &History, mutate: impl Fn(&Op, &mut Vec<Value>)) -> History {
    History::from_ops(history.ops().iter().cloned().map(|mut op| {
        if let (Some(elements), "read") = (op.value.as_sequence(), op.f.as_ref()) {
            let mut elements = elements.to_vec();
            mutate(&op, &mut elements);
            op.value = elements.into();
        }
        op
    }))
}

/// The keys for which Knossos' result depends on chance. For key 0, the other of its two searches
/// finished first. For key 2, there is more than one configuration, and we show one of them.
const BY_CHANCE: [(&str, i64); 2] =
    [("lin-kv-3-raft-partition", 0), ("lin-kv-3-raft-partition", 2)];

/// The verdicts on keys of [`BY_CHANCE`], and everything else.
fn without_chance(name: &str, results: &Value) -> Value {
    let Value::Map(map) = results else { return results.clone() };
    let entries = map.iter().map(|(key, value)| match (key, key.as_int()) {
        (_, Some(number)) if BY_CHANCE.contains(&(name, number)) => {
            (key.clone(), value.get_in(&["linearizable", "valid?"]).cloned().into())
        }
        _ => (key.clone(), without_chance(name, value)),
    });
    entries.collect::<Map>().into()
}

/// Asserts that two maps are equal, and names the entry that differs.
#[track_caller]
fn assert_same_entries(place: &str, expected: &Value, actual: &Value) {
    let (Value::Map(expected), Value::Map(actual)) = (expected, actual) else {
        return assert_eq!(expected.to_string(), actual.to_string(), "{place}");
    };
    for (key, value) in actual.iter() {
        assert!(expected.get(key).is_some(), "{place} {key} is no key upstream: {value}");
    }
    for (key, value) in expected.iter() {
        let place = format!("{place} {key}");
        match actual.get(key) {
            Some(actual) => assert_same_entries(&place, value, actual),
            None => panic!("{place} is missing; expected {value}"),
        }
    }
}

#[track_caller]
fn assert_same_lines(name: &str, expected: &str, actual: &str) {
    for (i, (expected, actual)) in expected.lines().zip(actual.lines()).enumerate() {
        assert_eq!(expected, actual, "{name}, line {}", i + 1);
    }
    assert_eq!(expected.len(), actual.len(), "{name}");
}

fn history(name: &str) -> History {
    History::read_edn(&read(name, "history.edn")).unwrap()
}

fn results(name: &str) -> Value {
    Value::read_edn(&read(name, "results.edn")).unwrap()
}

/// The text of a file, which may be gzipped.
fn read(name: &str, file: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recordings").join(name).join(file);
    let packed = path.with_file_name(format!("{file}.gz"));
    let mut text = String::new();
    let read = match fs::read(&packed) {
        Ok(bytes) => GzDecoder::new(&bytes[..]).read_to_string(&mut text),
        Err(_) => fs::File::open(&path).and_then(|mut file| file.read_to_string(&mut text)),
    };
    read.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    text
}
