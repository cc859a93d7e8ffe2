//! Recovery: logs and values as a restarted node finds them.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use glomers::{Directory, Host, Node};

use super::disk::{FaultyDisk, TempDirectory};
use super::{reopen, run_node, run_node_on, start_error};

const ENTRIES: [&str; 4] = ["one", "", "a\nline \"break\"", "four"];

/// The bytes of a log of [`ENTRIES`], in batches of one, one and two entries, and the ends of the
/// batches.
fn log_file() -> (Vec<u8>, [usize; 3]) {
    let disk = Rc::new(FaultyDisk::default());
    let program = {
        let disk = Rc::clone(&disk);
        async move |node: Node| {
            let (log, _) = node.storage().log::<String>("words");
            let mut ends = [0; 3];
            for (end, entries) in
                ends.iter_mut().zip([&ENTRIES[..1], &ENTRIES[1..2], &ENTRIES[2..]])
            {
                let entries: Vec<String> = entries.iter().copied().map(str::to_owned).collect();
                log.append(&entries).await.unwrap();
                *end = disk.file("words.log").len();
            }
            ends
        }
    };
    let ends = run_node(disk.clone(), program);
    (disk.file("words.log"), ends)
}

/// The entries that a node finds in the log `words`.
fn words(disk: &Rc<FaultyDisk>) -> Vec<String> {
    reopen(disk.clone(), |node| node.storage().log("words").1)
}

#[test]
fn a_torn_batch_is_cut_off_wherever_it_is_torn() {
    let (bytes, ends) = log_file();
    // From the end of batch 1 on, because a file does not exist before batch 1 is durable.
    for length in ends[0]..=bytes.len() {
        let disk = FaultyDisk::with("words.log", &bytes[..length]);
        let whole = ends.iter().filter(|end| **end <= length).count();
        let (good, entries) = (ends[whole - 1], [1, 2, 4][whole - 1]);
        assert_eq!(words(&disk), ENTRIES[..entries], "cut to {length} bytes");
        assert_eq!(disk.file("words.log"), bytes[..good], "cut to {length} bytes");
        let torn = length - good;
        let message =
            format!("n1: cut off {torn} bytes of a torn batch after batch {whole} of words.log");
        let message = if torn > 0 { vec![message] } else { Vec::new() };
        assert_eq!(*disk.reports.borrow(), message);
    }
}

#[test]
fn a_log_continues_after_a_torn_batch_was_cut_off() {
    let (bytes, _) = log_file();
    let disk = FaultyDisk::with("words.log", &bytes[..bytes.len() - 1]);
    let program = async |node: Node| {
        let (log, _) = node.storage().log::<String>("words");
        log.append(&["three".to_owned()]).await.unwrap();
    };
    run_node(disk.clone(), program);
    assert_eq!(words(&disk), ["one", "", "three"]);
    assert_eq!(disk.reports.borrow().len(), 1);
}

#[test]
fn a_value_that_is_not_whole_is_refused() {
    let disk = Rc::new(FaultyDisk::default());
    let term = |node: Node| node.storage().value::<u64>("term").1;
    assert_eq!(reopen(disk.clone(), term), None);
    let program = async |node: Node| {
        let (term, _) = node.storage().value("term");
        term.replace(&41).await.unwrap();
        term.replace(&42).await.unwrap();
    };
    run_node(disk.clone(), program);
    assert_eq!(reopen(disk.clone(), term), Some(42));

    let bytes = disk.file("term.value");
    let spoiled = [b"", &bytes[..bytes.len() - 1], &[&bytes[..], b"x"].concat(), b"rubbish\n"];
    for spoiled in spoiled {
        let disk = FaultyDisk::with("term.value", spoiled);
        let message = start_error(disk.clone(), term);
        assert!(
            message.starts_with("n1 refuses to start: term.value is damaged at record "),
            "{message}"
        );
        assert_eq!(disk.file("term.value"), spoiled);
        assert!(disk.reports.borrow().is_empty());
    }
}

#[test]
fn a_refusal_names_the_place_of_the_damage_and_the_repairs() {
    let words = |node: Node| drop(node.storage().log::<String>("words"));
    let (mut bytes, ends) = log_file();
    bytes[ends[0] + 4] ^= 1;
    let disk = FaultyDisk::with("words.log", &bytes);
    assert_eq!(
        start_error(disk.clone(), words),
        "n1 refuses to start: words.log is damaged at record 1 of batch 2 (line 3, byte 22): the \
         checksum of this line is wrong. The data there was durable, so no kill has torn it, and \
         without it n1 would forget what it has acknowledged. Keep n1 down, because the other \
         nodes continue while they are a majority; or repair that line; or restore a copy of the \
         file that has everything that this one had. Do not start n1 without the file"
    );
    assert_eq!(disk.file("words.log"), bytes);

    // A record of an old version without labels.
    let message = start_error(FaultyDisk::with("words.log", b"cbf43926 123456789\n"), words);
    assert!(message.contains("it was not written by this version of the library"), "{message}");

    disk.is_unreadable.set(true);
    let message = start_error(disk, words);
    assert_eq!(message, "n1 refuses to start: it cannot read words.log: the disk is broken");
}

#[test]
fn a_mistake_of_the_program_is_a_panic_with_an_explanation() {
    #[track_caller]
    fn check(disk: &Rc<FaultyDisk>, open: impl FnOnce(Node) + 'static, expected: &str) {
        let outcome = catch_unwind(AssertUnwindSafe(|| reopen(disk.clone(), open)));
        let panic = outcome.unwrap_err();
        assert_eq!(panic.downcast_ref::<String>().unwrap(), expected);
    }
    let disk = FaultyDisk::with("words.log", &log_file().0);
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
        "n1 has already opened words.log: open it once, and share it",
    );
    for name in ["", "a/b", "..", "Words"] {
        let text = format!(
            "n1 cannot name a value {name:?}: expected lower-case letters, digits, - and _"
        );
        check(&disk, move |node| drop(node.storage().value::<u64>(name)), &text);
    }
}

#[test]
fn a_log_that_was_dropped_can_be_opened_again() {
    let disk = FaultyDisk::with("words.log", &log_file().0);
    let twice = |node: Node| {
        drop(node.storage().log::<String>("words"));
        // A value of the same name is another file.
        drop(node.storage().value::<u64>("words"));
        node.storage().log::<String>("words").1.len()
    };
    assert_eq!(reopen(disk, twice), 4);
}

#[test]
fn a_directory_keeps_logs_and_values_as_text() {
    let place = TempDirectory::new();
    let disk = || Rc::new(Directory::at(place.path()));
    let program = async |node: Node| {
        let (log, before) = node.storage().log::<u64>("numbers");
        let (last, _) = node.storage().value("last");
        for number in before.len() as u64..before.len() as u64 + 3 {
            log.append(&[number]).await.unwrap();
            last.replace(&number).await.unwrap();
        }
        before
    };
    assert!(run_node(disk(), program).is_empty());
    assert_eq!(run_node(disk(), program), [0, 1, 2]);

    let read = |file| std::fs::read_to_string(place.path().join(file)).unwrap();
    assert_eq!(read("last.value").split_once(' '), Some(("b417142b", "1:1/1 5\n")));
    assert_eq!(read("numbers.log").lines().filter(|line| !line.is_empty()).count(), 6);
    // A kill in the middle of an append, and one in the middle of a replacement.
    let torn = read("numbers.log").trim_end().to_owned();
    std::fs::write(place.path().join("numbers.log"), torn).unwrap();
    std::fs::write(place.path().join("last.value.new"), "84b1").unwrap();
    let program = async |node: Node| {
        let (log, before) = node.storage().log::<u64>("numbers");
        log.replace(&before[3..]).await.unwrap();
        log.append(&[9]).await.unwrap();
        (before, node.storage().value::<u64>("last").1)
    };
    let found = run_node(disk(), program);
    assert_eq!(found, (vec![0, 1, 2, 3, 4], Some(5)));
    let found = reopen(disk(), |node| node.storage().log::<u64>("numbers").1);
    assert_eq!(found, [3, 4, 9]);
}

#[test]
fn a_missing_directory_is_refused() {
    let place = TempDirectory::new();
    let disk = Rc::new(Directory::at(place.path().join("missing")));
    let message = start_error(disk, |node| drop(node.storage().log::<u64>("numbers")));
    assert!(message.starts_with("n1 refuses to start: it cannot read "), "{message}");
    assert!(
        message.contains("missing is not a directory that can be used: No such file"),
        "{message}"
    );
}

#[test]
fn without_a_disk_all_writes_succeed_and_nothing_is_kept() {
    let program = async |node: Node| {
        let (log, before) = node.storage().log("numbers");
        let (last, value) = node.storage().value("last");
        log.append(&[1, 2]).await.unwrap();
        log.replace(&[2]).await.unwrap();
        last.replace(&2).await.unwrap();
        (before, value)
    };
    for _ in 0..2 {
        assert_eq!(run_node_on(Host::seeded(7), program), (Vec::new(), None));
    }
}
