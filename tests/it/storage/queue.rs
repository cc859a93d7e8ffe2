//! Who waits for the disk, for how long, and what a failure does to them.

use std::cell::RefCell;
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use glomers::Node;
use tokio::time::Instant;

use super::disk::{Memory, SYNC};
use super::{find, live};

/// What the next life finds in the log `numbers`.
fn numbers(disk: &Rc<Memory>) -> Vec<u64> {
    find(disk.clone(), |node| node.storage().log("numbers").1)
}

/// How many writes the disk was asked for, each with the number of its records.
fn writes(disk: &Memory) -> Vec<(String, usize)> {
    let calls = disk.calls.borrow();
    let write = |call: &String| {
        let [how, _, text] = call.splitn(3, ' ').collect::<Vec<_>>()[..] else { panic!("{call}") };
        // A batch begins with a blank line.
        (how.to_owned(), text.split(';').filter(|line| !line.is_empty()).count())
    };
    calls.iter().map(write).collect()
}

#[test]
fn appends_that_come_while_the_disk_is_busy_share_the_next_write() {
    let disk = Rc::new(Memory::default());
    let life = async |node: Node| {
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
        // Waits for all appends before it, and for nothing else.
        tokio::time::sleep(Duration::from_millis(5)).await;
        log.append(&[]).await.unwrap();
        assert!((2 * SYNC..2 * SYNC + Duration::from_millis(5)).contains(&began.elapsed()));
        stored.take()
    };
    let stored = live(disk.clone(), life);
    assert_eq!(stored, (0..100).collect::<Vec<_>>());
    assert_eq!(numbers(&disk), stored);
    let writes: Vec<_> = writes(&disk).into_iter().map(|(_, records)| records).collect();
    assert_eq!(writes.len(), 2, "{writes:?}");
    assert_eq!(writes.iter().sum::<usize>(), 100);
}

#[test]
fn an_append_is_not_done_before_the_disk_is() {
    let disk = Rc::new(Memory::default());
    let life = async |node: Node| {
        let (log, _) = node.storage().log("numbers");
        let mut append = pin!(log.append(&[1]));
        assert!(tokio::time::timeout(SYNC / 2, &mut append).await.is_err());
        append.await.unwrap();
    };
    live(disk.clone(), life);
    assert_eq!(disk.text("numbers.log").split_once(' '), Some(("b37ad032", "1:1/1 1\n")));
}

#[test]
fn calls_are_stored_in_their_order_whoever_waits_for_them() {
    let disk = Rc::new(Memory::default());
    let life = async |node: Node| {
        let (log, _) = node.storage().log("numbers");
        drop(log.append(&[1, 2]));
        tokio::time::sleep(SYNC / 2).await;
        let third = log.append(&[3]);
        drop(log.replace(&[2, 3]));
        log.append(&[4]).await.unwrap();
        third.await.unwrap();
    };
    live(disk.clone(), life);
    assert_eq!(numbers(&disk), [2, 3, 4]);
    assert_eq!(writes(&disk), [("replace".to_owned(), 2), ("replace".to_owned(), 3)]);
}

#[test]
fn a_file_stays_open_until_it_is_written() {
    let disk = Rc::new(Memory::default());
    let life = async |node: Node| {
        let (log, _) = node.storage().log("numbers");
        drop(log.append(&[1]));
        drop(log);
        tokio::time::sleep(SYNC * 2).await;
        node.storage().log::<u64>("numbers").1
    };
    assert_eq!(live(disk, life), [1]);
}

#[test]
fn a_node_that_is_killed_while_it_writes_has_stored_what_it_acknowledged() {
    let disk = Rc::new(Memory::default());
    let life = async |node: Node| {
        let (log, _) = node.storage().log("numbers");
        log.append(&[1]).await.unwrap();
        drop(log.append(&[2]));
        tokio::time::sleep(SYNC / 2).await;
    };
    live(disk.clone(), life);
    assert_eq!(numbers(&disk), [1]);
}

#[test]
fn a_log_refuses_everything_after_a_failure_and_other_files_do_not() {
    let disk = Rc::new(Memory::default());
    let life = {
        let disk = Rc::clone(&disk);
        async move |node: Node| {
            let (log, _) = node.storage().log("numbers");
            let (term, _) = node.storage().value("term");
            log.append(&[1]).await.unwrap();
            disk.fails.set(true);
            let second = log.append(&[2, 3]);
            tokio::time::sleep(SYNC / 2).await;
            let third = log.append(&[4]);
            let mut told = Vec::new();
            for refused in [second.await, third.await, log.append(&[5]).await] {
                told.push(refused.unwrap_err().to_string());
            }
            told.push(log.replace(&[]).await.unwrap_err().to_string());
            term.replace(&1).await.unwrap();
            told
        }
    };
    let told = live(disk.clone(), life);
    let expected =
        "cannot write numbers.log: the disk is broken; it takes nothing more until a restart";
    assert_eq!(told, [expected; 4]);
    // Of the batch that failed, something has arrived, and something has not.
    assert_eq!(numbers(&disk), [1]);
    assert_eq!(disk.told.borrow().len(), 1);
    assert_eq!(find(disk, |node| node.storage().value("term").1), Some(1));
}

#[test]
#[should_panic(expected = "n1 cannot write an entry of maps.log as JSON: key must be a string")]
fn an_entry_that_is_no_json_takes_the_node_down() {
    let life = async |node: Node| {
        let (log, _) = node.storage().log::<std::collections::BTreeMap<Vec<u8>, u8>>("maps");
        log.append(&[[(vec![1], 2)].into()]).await
    };
    let _ = live(Rc::new(Memory::default()), life);
}

/// The labels of the lines of the log `numbers`.
fn labels(disk: &Memory) -> Vec<String> {
    let label = |line: &str| line.split(' ').nth(1).unwrap().to_owned();
    disk.text("numbers.log").lines().filter(|line| !line.is_empty()).map(label).collect()
}

#[test]
fn the_last_batch_is_marked_once_nothing_is_written_for_a_second() {
    let disk = Rc::new(Memory::default());
    let life = {
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
            // A replacement is marked by itself.
            log.replace(&[6]).await.unwrap();
            tokio::time::sleep(Duration::from_secs(60)).await;
            seen.push(labels(&disk));
            seen
        }
    };
    let seen = live(disk.clone(), life);
    let unmarked = ["1:1/1", "2:1/1", "3:1/1", "4:1/1"];
    assert_eq!(seen[0], unmarked);
    let marked = [&unmarked[..], &["5:0/0"]].concat();
    assert_eq!([&seen[1], &seen[2]], [&marked, &marked]);
    assert_eq!(seen[3], [&marked[..], &["6:1/1", "7:0/0"]].concat());
    assert_eq!(seen[4], ["1:1/1"]);
    assert_eq!(writes(&disk).len(), 8);
}

#[test]
fn what_a_new_life_finds_unmarked_is_marked_after_a_second() {
    let disk = Rc::new(Memory::default());
    let life = async |node: Node| {
        let (log, _) = node.storage().log("numbers");
        log.append(&[1]).await.unwrap();
        log.append(&[2]).await.unwrap();
    };
    live(disk.clone(), life);
    let idle = async |node: Node| {
        let log = node.storage().log::<u64>("numbers").0;
        tokio::time::sleep(Duration::from_secs(2)).await;
        drop(log);
    };
    live(disk.clone(), idle);
    live(disk.clone(), idle);
    assert_eq!(labels(&disk), ["1:1/1", "2:1/1", "3:0/0"]);
}

#[test]
fn under_load_no_write_is_spent_on_marks() {
    let disk = Rc::new(Memory::default());
    let life = async |node: Node| {
        let log = node.storage().log("numbers").0;
        for number in 0..1000 {
            log.append(&[number]).await.unwrap();
        }
    };
    live(disk.clone(), life);
    assert_eq!(writes(&disk).len(), 1000);
    assert!(writes(&disk).iter().all(|(_, records)| *records == 1));
    assert!(!disk.text("numbers.log").contains(":0/0"));
}
