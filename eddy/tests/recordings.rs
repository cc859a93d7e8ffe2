//! What the real Maelstrom recorded, read, judged and written again.

use std::{fs, io::Read, path::Path};

use eddy::{edn::Value, history::History};

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
    if !file.ends_with(".gz") {
        return String::from_utf8(bytes).unwrap();
    }
    let mut text = String::new();
    flate2::read::GzDecoder::new(&bytes[..]).read_to_string(&mut text).unwrap();
    text
}
