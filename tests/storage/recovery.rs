//! What a new life finds of the last one.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use glomers::{Directory, Host, Node};

use super::disk::{Memory, Place};
use super::{find, live, live_with};

const ENTRIES: [&str; 4] = ["one", "", "a\nline \"break\"", "four"];

/// The bytes of a log of these entries, and where each of its records ends.
fn log_file() -> (Vec<u8>, Vec<usize>) {
    let disk = Rc::new(Memory::default());
    let life = async |node: Node| {
        let (log, _) = node.storage().log::<String>("words");
        log.append(&ENTRIES.map(str::to_owned)).await.unwrap();
    };
    live(disk.clone(), life);
    let bytes = disk.file("words.log");
    let ends = (1..=bytes.len()).filter(|end| bytes[end - 1] == b'\n').collect();
    (bytes, ends)
}

/// What a node finds in a log of these bytes, if it lives.
fn words(disk: &Rc<Memory>) -> Vec<String> {
    find(disk.clone(), |node| node.storage().log("words").1)
}

#[test]
fn a_torn_end_is_cut_off_wherever_it_is_torn() {
    let (bytes, ends) = log_file();
    for length in 0..=bytes.len() {
        let disk = Memory::with("words.log", &bytes[..length]);
        let whole = ends.iter().filter(|end| **end <= length).count();
        let good = ends[..whole].last().copied().unwrap_or(0);
        assert_eq!(words(&disk), ENTRIES[..whole], "cut to {length} bytes");
        assert_eq!(disk.file("words.log"), bytes[..good], "cut to {length} bytes");
        let torn = length - good;
        let told = format!(
            "n1: words.log: {torn} bytes after record {whole} are no whole record, and were cut off"
        );
        let told = if torn > 0 { vec![told] } else { Vec::new() };
        assert_eq!(*disk.told.borrow(), told);
    }
}

#[test]
fn whatever_byte_is_changed_nothing_wrong_is_read() {
    let (bytes, ends) = log_file();
    for position in 0..bytes.len() {
        for change in 1..=255 {
            let mut changed = bytes.clone();
            changed[position] ^= change;
            let whole = ends.iter().filter(|end| **end <= position).count();
            let disk = Memory::with("words.log", &changed);
            assert_eq!(words(&disk), ENTRIES[..whole], "byte {position} changed by {change}");
        }
    }
}

#[test]
fn a_log_goes_on_behind_what_was_cut_off() {
    let (bytes, _) = log_file();
    let disk = Memory::with("words.log", &bytes[..bytes.len() - 1]);
    let life = async |node: Node| {
        let (log, _) = node.storage().log::<String>("words");
        log.append(&["five".to_owned()]).await.unwrap();
    };
    live(disk.clone(), life);
    assert_eq!(words(&disk), ["one", "", "a\nline \"break\"", "five"]);
    assert_eq!(disk.told.borrow().len(), 1);
}

#[test]
fn a_value_that_is_not_whole_counts_as_none() {
    let disk = Rc::new(Memory::default());
    let find_term = |disk: &Rc<Memory>| -> Option<u64> {
        find(disk.clone(), |node| node.storage().value("term").1)
    };
    assert_eq!(find_term(&disk), None);
    let life = async |node: Node| {
        let (term, _) = node.storage().value("term");
        term.replace(&41).await.unwrap();
        term.replace(&42).await.unwrap();
    };
    live(disk.clone(), life);
    assert_eq!(find_term(&disk), Some(42));
    assert!(disk.told.borrow().is_empty());

    let bytes = disk.file("term.value");
    for spoiled in [&bytes[..bytes.len() - 1], &[&bytes[..], b"x"].concat(), b"rubbish\n"] {
        let disk = Memory::with("term.value", spoiled);
        assert_eq!(find_term(&disk), None);
        let told = format!(
            "n1: term.value: {} bytes are not one whole record, and were cut off",
            spoiled.len()
        );
        assert_eq!(*disk.told.borrow(), [told]);
        assert_eq!(disk.file("term.value"), b"");
    }
}

#[test]
fn what_cannot_be_opened_takes_the_node_down_with_a_sentence() {
    #[track_caller]
    fn check(disk: &Rc<Memory>, open: impl FnOnce(Node) + 'static, expected: &str) {
        let outcome = catch_unwind(AssertUnwindSafe(|| find(disk.clone(), open)));
        let panic = outcome.unwrap_err();
        assert_eq!(panic.downcast_ref::<String>().unwrap(), expected);
    }
    let disk = Memory::with("words.log", &log_file().0);
    check(
        &disk,
        |node| drop(node.storage().log::<u64>("words")),
        "n1 cannot read record 1 of words.log as u64: invalid type: string \"one\", expected u64 \
         at line 1 column 5; its checksum is right, so the type has changed since it was written: \
         \"one\"",
    );
    check(
        &disk,
        |node| {
            let _log = node.storage().log::<String>("words");
            node.storage().log::<String>("words");
        },
        "n1 has opened words.log already: expected that it is opened once, and shared",
    );
    for name in ["", "a/b", "..", "Words"] {
        let text = format!(
            "n1 cannot name a value {name:?}: expected lower-case letters, digits, - and _"
        );
        check(&disk, move |node| drop(node.storage().value::<u64>(name)), &text);
    }
    disk.is_unreadable.set(true);
    check(
        &disk,
        |node| drop(node.storage().log::<String>("words")),
        "n1 cannot read words.log: the disk is broken",
    );
}

#[test]
fn a_name_that_was_dropped_can_be_opened_again() {
    let disk = Memory::with("words.log", &log_file().0);
    let twice = |node: Node| {
        drop(node.storage().log::<String>("words"));
        // A value of the same name is another file.
        drop(node.storage().value::<u64>("words"));
        node.storage().log::<String>("words").1.len()
    };
    assert_eq!(find(disk, twice), 4);
}

#[test]
fn a_directory_keeps_logs_and_values_as_text() {
    let place = Place::new();
    let disk = || Rc::new(Directory::at(place.path()));
    let life = async |node: Node| {
        let (log, before) = node.storage().log::<u64>("numbers");
        let (last, _) = node.storage().value("last");
        for number in before.len() as u64..before.len() as u64 + 3 {
            log.append(&[number]).await.unwrap();
            last.replace(&number).await.unwrap();
        }
        before
    };
    assert!(live(disk(), life).is_empty());
    assert_eq!(live(disk(), life), [0, 1, 2]);

    let read = |file| std::fs::read_to_string(place.path().join(file)).unwrap();
    assert_eq!(read("last.value").split_once(' '), Some(("84b12bae", "5\n")));
    assert_eq!(read("numbers.log").lines().count(), 6);
    // A kill in the middle of an append, and one in the middle of a replacement.
    let torn = read("numbers.log").trim_end().to_owned();
    std::fs::write(place.path().join("numbers.log"), torn).unwrap();
    std::fs::write(place.path().join("last.value.new"), "84b1").unwrap();
    let life = async |node: Node| {
        let (log, before) = node.storage().log::<u64>("numbers");
        log.replace(&before[3..]).await.unwrap();
        log.append(&[9]).await.unwrap();
        (before, node.storage().value::<u64>("last").1)
    };
    let found = live(disk(), life);
    assert_eq!(found, (vec![0, 1, 2, 3, 4], Some(5)));
    let found = find(disk(), |node| node.storage().log::<u64>("numbers").1);
    assert_eq!(found, [3, 4, 9]);
}

#[test]
fn a_directory_that_is_not_there_takes_the_node_down_with_a_sentence() {
    let place = Place::new();
    let disk = Rc::new(Directory::at(place.path().join("missing")));
    let open = |node: Node| drop(node.storage().log::<u64>("numbers"));
    let panic = catch_unwind(AssertUnwindSafe(|| find(disk, open))).unwrap_err();
    let text = panic.downcast_ref::<String>().unwrap();
    assert!(text.starts_with("n1 cannot read numbers.log: "), "{text}");
    assert!(text.contains("missing is not a directory that can be used: No such file"), "{text}");
}

#[test]
fn a_host_without_a_disk_lets_everything_succeed_and_keeps_nothing() {
    let life = async |node: Node| {
        let (log, before) = node.storage().log("numbers");
        let (last, value) = node.storage().value("last");
        log.append(&[1, 2]).await.unwrap();
        log.replace(&[2]).await.unwrap();
        last.replace(&2).await.unwrap();
        (before, value)
    };
    for _ in 0..2 {
        assert_eq!(live_with(Host::seeded(7), life), (Vec::new(), None));
    }
}
