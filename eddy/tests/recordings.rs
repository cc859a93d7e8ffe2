//! What the real Maelstrom recorded, read, judged and written again.

use std::{fs, io::Read, path::Path};

use eddy::{
    checker::{
        Validity,
        availability::{self, Goal},
        echo, exceptions,
        set_full::{self, SetFull},
        stats, unique_ids,
    },
    edn::Value,
    history::{History, Op},
};
use flate2::read::GzDecoder;

const RECORDINGS: [&str; 7] = [
    "echo-1",
    "unique-ids-3-duplicated",
    "unique-ids-3-partition",
    "broadcast-25-tree4-latency",
    "broadcast-25-tree4-partition",
    "broadcast-5-tree4-lost",
    "broadcast-5-tree4-partition",
];

#[test]
fn histories_are_written_as_they_were_read() {
    for name in RECORDINGS {
        let text = read(name, "history.edn.gz");
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
    for name in RECORDINGS {
        let expected = Value::read_edn(&read(name, "results.edn")).unwrap();
        let history = History::read_edn(&read(name, "history.edn.gz")).unwrap();
        let total = read(name, "flags.txt").contains("--availability total");
        let goal = if total { Goal::Total } else { Goal::None };
        let workload = match name.split_once('-') {
            Some(("echo", _)) => echo::check(&history).to_edn(),
            Some(("unique", _)) => unique_ids::check(&history).to_edn(),
            _ => broadcast(&history).to_edn(),
        };
        for (key, actual) in [
            ("stats", stats::check(&history).to_edn()),
            ("availability", availability::check(&history, goal).to_edn()),
            ("exceptions", exceptions::check(&history).to_edn()),
            ("workload", workload),
        ] {
            let expected = expected.get(key).unwrap();
            assert_same_entries(&format!("{name} :{key}"), expected, &actual);
            assert_same_lines(name, &expected.pretty(), &actual.pretty());
        }
    }
}

#[test]
fn an_element_that_vanishes_from_all_later_reads_is_lost() {
    for name in ["broadcast-5-tree4-partition", "broadcast-25-tree4-partition"] {
        let history = History::read_edn(&read(name, "history.edn.gz")).unwrap();
        assert_eq!(broadcast(&history).valid, Validity::Valid);
        for element in (0..200).step_by(20).map(Value::Int) {
            let vanished = mutate_reads(&history, |op, elements| {
                if op.index > history.ops().len() / 2 {
                    elements.retain(|other| *other != element);
                }
            });
            let set = broadcast(&vanished);
            assert_eq!((set.valid, set.lost), (Validity::Invalid, vec![element]), "{name}");
        }
    }
}

#[test]
fn foreign_elements_duplicates_and_another_order_change_no_verdict() {
    let history = read("broadcast-5-tree4-partition", "history.edn.gz");
    let history = History::read_edn(&history).unwrap();
    let odd = broadcast(&mutate_reads(&history, |_, elements| {
        elements.reverse();
        elements.extend(elements.first().cloned());
        elements.push("foreign".into());
    }));
    assert_eq!(odd.to_edn(), broadcast(&history).to_edn());
    assert!(odd.warnings.iter().any(|warning| warning.contains("read \"foreign\" at index")));
    assert!(odd.warnings.iter().any(|warning| warning.contains("2 times at index")));
    assert!(broadcast(&history).warnings.is_empty());
}

fn broadcast(history: &History) -> SetFull {
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

/// Compares two maps and, if they differ, names the entry.
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

fn read(name: &str, file: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recordings").join(name).join(file);
    let bytes = fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut text = String::new();
    let unpacked = match path.extension() {
        Some(extension) if extension == "gz" => {
            GzDecoder::new(&bytes[..]).read_to_string(&mut text)
        }
        _ => (&bytes[..]).read_to_string(&mut text),
    };
    unpacked.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    text
}
