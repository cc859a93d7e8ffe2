//! The write queue: batches, acknowledgements, failures and marks.

use std::cell::RefCell;
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use glomers::Node;
use tokio::time::Instant;

use super::disk::{FaultyDisk, WRITE_TIME};
use super::{reopen, run_node};

/// The log `numbers` after a restart.
fn numbers(disk: &Rc<FaultyDisk>) -> Vec<u64> {
    reopen(disk.clone(), |node| node.storage().log("numbers").1)
}

/// The writes to the disk, each with the number of its records.
fn writes(disk: &FaultyDisk) -> Vec<(String, usize)> {
    let calls = disk.writes.borrow();
    let write = |call: &String| {
        let [how, _, text] = call.splitn(3, ' ').collect::<Vec<_>>()[..] else { panic!("{call}") };
        // A batch begins with a blank line.
        (how.to_owned(), text.split(';').filter(|line| !line.is_empty()).count())
    };
    calls.iter().map(write).collect()
}

#[test]
fn appends_during_a_write_share_the_next_one() {
    let disk = Rc::new(FaultyDisk::default());
    let program = async |node: Node| {
        let log = Rc::new(node.storage().log("numbers").0);
        let stored = Rc::new(RefCell::new(Vec::new()));
        let began = Instant::now();
        for number in 0..100_u64 {
            let (log, stored) = (Rc::clone(&log), Rc::clone(&stored));
            node.spawn(async move {
                tokio::time::sleep(Duration::from_millis(number / 50)).await;
                log.append(&[number]).await.unwrap();
                stored.borrow_mut().push(number);
            });
        }
        // An empty append waits for all appends before it, and for nothing else.
        tokio::time::sleep(Duration::from_millis(5)).await;
        log.append(&[]).await.unwrap();
        assert!(
            (2 * WRITE_TIME..2 * WRITE_TIME + Duration::from_millis(5)).contains(&began.elapsed())
        );
        stored.take()
    };
    let stored = run_node(disk.clone(), program);
    assert_eq!(stored, (0..100).collect::<Vec<_>>());
    assert_eq!(numbers(&disk), stored);
    let writes: Vec<_> = writes(&disk).into_iter().map(|(_, records)| records).collect();
    assert_eq!(writes.len(), 2, "{writes:?}");
    assert_eq!(writes.iter().sum::<usize>(), 100);
}

#[test]
fn an_append_completes_after_its_write() {
    let disk = Rc::new(FaultyDisk::default());
    let program = async |node: Node| {
        let (log, _) = node.storage().log("numbers");
        let mut append = pin!(log.append(&[1]));
        assert!(tokio::time::timeout(WRITE_TIME / 2, &mut append).await.is_err());
        append.await.unwrap();
    };
    run_node(disk.clone(), program);
    assert_eq!(disk.text("numbers.log").split_once(' '), Some(("b37ad032", "1:1/1 1\n")));
}

#[test]
fn writes_are_in_the_order_of_the_calls_even_if_nobody_waits_for_them() {
    let disk = Rc::new(FaultyDisk::default());
    let program = async |node: Node| {
        let (log, _) = node.storage().log("numbers");
        drop(log.append(&[1, 2]));
        tokio::time::sleep(WRITE_TIME / 2).await;
        let third = log.append(&[3]);
        drop(log.replace(&[2, 3]));
        log.append(&[4]).await.unwrap();
        third.await.unwrap();
    };
    run_node(disk.clone(), program);
    assert_eq!(numbers(&disk), [2, 3, 4]);
    assert_eq!(writes(&disk), [("replace".to_owned(), 2), ("replace".to_owned(), 3)]);
}

#[test]
fn a_file_stays_open_until_it_is_written() {
    let disk = Rc::new(FaultyDisk::default());
    let program = async |node: Node| {
        let (log, _) = node.storage().log("numbers");
        drop(log.append(&[1]));
        drop(log);
        tokio::time::sleep(WRITE_TIME * 2).await;
        node.storage().log::<u64>("numbers").1
    };
    assert_eq!(run_node(disk, program), [1]);
}

#[test]
fn a_node_that_is_killed_during_a_write_has_all_acknowledged_entries() {
    let disk = Rc::new(FaultyDisk::default());
    let program = async |node: Node| {
        let (log, _) = node.storage().log("numbers");
        log.append(&[1]).await.unwrap();
        drop(log.append(&[2]));
        tokio::time::sleep(WRITE_TIME / 2).await;
    };
    run_node(disk.clone(), program);
    assert_eq!(numbers(&disk), [1]);
}

#[test]
fn a_log_fails_all_writes_after_an_error_and_other_files_do_not() {
    let disk = Rc::new(FaultyDisk::default());
    let program = {
        let disk = Rc::clone(&disk);
        async move |node: Node| {
            let (log, _) = node.storage().log("numbers");
            let (term, _) = node.storage().value("term");
            log.append(&[1]).await.unwrap();
            disk.fails_next_write.set(true);
            let second = log.append(&[2, 3]);
            tokio::time::sleep(WRITE_TIME / 2).await;
            let third = log.append(&[4]);
            let mut errors = Vec::new();
            for refused in [second.await, third.await, log.append(&[5]).await] {
                errors.push(refused.unwrap_err().to_string());
            }
            errors.push(log.replace(&[]).await.unwrap_err().to_string());
            term.replace(&1).await.unwrap();
            errors
        }
    };
    let errors = run_node(disk.clone(), program);
    let expected =
        "cannot write numbers.log: the disk is broken; further writes fail until a restart";
    assert_eq!(errors, [expected; 4]);
    // The failed batch was torn, so it is cut off, and that is reported.
    assert_eq!(numbers(&disk), [1]);
    assert_eq!(disk.reports.borrow().len(), 1);
    assert_eq!(reopen(disk, |node| node.storage().value("term").1), Some(1));
}

#[test]
#[should_panic(expected = "n1 cannot write an entry of maps.log as JSON: key must be a string")]
fn an_entry_that_cannot_be_json_is_a_panic() {
    let program = async |node: Node| {
        let (log, _) = node.storage().log::<std::collections::BTreeMap<Vec<u8>, u8>>("maps");
        log.append(&[[(vec![1], 2)].into()]).await
    };
    let _ = run_node(Rc::new(FaultyDisk::default()), program);
}

/// The labels of the lines of the log `numbers`.
fn labels(disk: &FaultyDisk) -> Vec<String> {
    let label = |line: &str| line.split(' ').nth(1).unwrap().to_owned();
    disk.text("numbers.log").lines().filter(|line| !line.is_empty()).map(label).collect()
}

#[test]
fn the_last_batch_is_marked_after_a_second_without_writes() {
    let disk = Rc::new(FaultyDisk::default());
    let program = {
        let disk = Rc::clone(&disk);
        async move |node: Node| {
            let (log, _) = node.storage().log("numbers");
            let mut seen = Vec::new();
            for number in 1..=4 {
                log.append(&[number]).await.unwrap();
                tokio::time::sleep(Duration::from_millis(900)).await;
            }
            seen.push(labels(&disk));
            for _ in 0..2 {
                tokio::time::sleep(Duration::from_secs(60)).await;
                seen.push(labels(&disk));
            }
            log.append(&[5]).await.unwrap();
            tokio::time::sleep(Duration::from_secs(60)).await;
            seen.push(labels(&disk));
            // A replacement needs no mark.
            log.replace(&[6]).await.unwrap();
            tokio::time::sleep(Duration::from_secs(60)).await;
            seen.push(labels(&disk));
            seen
        }
    };
    let seen = run_node(disk.clone(), program);
    let unmarked = ["1:1/1", "2:1/1", "3:1/1", "4:1/1"];
    assert_eq!(seen[0], unmarked);
    let marked = [&unmarked[..], &["5:0/0"]].concat();
    assert_eq!([&seen[1], &seen[2]], [&marked, &marked]);
    assert_eq!(seen[3], [&marked[..], &["6:1/1", "7:0/0"]].concat());
    assert_eq!(seen[4], ["1:1/1"]);
    assert_eq!(writes(&disk).len(), 8);
}

#[test]
fn an_unmarked_batch_is_marked_a_second_after_a_restart() {
    let disk = Rc::new(FaultyDisk::default());
    let program = async |node: Node| {
        let (log, _) = node.storage().log("numbers");
        log.append(&[1]).await.unwrap();
        log.append(&[2]).await.unwrap();
    };
    run_node(disk.clone(), program);
    let idle = async |node: Node| {
        let log = node.storage().log::<u64>("numbers").0;
        tokio::time::sleep(Duration::from_secs(2)).await;
        drop(log);
    };
    run_node(disk.clone(), idle);
    run_node(disk.clone(), idle);
    assert_eq!(labels(&disk), ["1:1/1", "2:1/1", "3:0/0"]);
}

#[test]
fn under_load_no_write_is_spent_on_marks() {
    let disk = Rc::new(FaultyDisk::default());
    let program = async |node: Node| {
        let log = node.storage().log("numbers").0;
        for number in 0..1000 {
            log.append(&[number]).await.unwrap();
        }
    };
    run_node(disk.clone(), program);
    assert_eq!(writes(&disk).len(), 1000);
    assert!(writes(&disk).iter().all(|(_, records)| *records == 1));
    assert!(!disk.text("numbers.log").contains(":0/0"));
}
