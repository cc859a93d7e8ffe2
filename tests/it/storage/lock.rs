//! One directory, and two who want it.

use std::rc::Rc;

use glomers::{Directory, Node};

use super::disk::Place;
use super::{find, live, refusal};

fn numbers(node: Node) -> Vec<u64> {
    node.storage().log("numbers").1
}

#[test]
fn a_directory_that_another_node_uses_is_refused_until_that_one_is_gone() {
    let place = Place::new();
    let path = place.path().to_owned();
    let disk = || Rc::new(Directory::at(place.path()));
    let life = async move |node: Node| {
        let (log, _) = node.storage().log::<u64>("numbers");
        log.append(&[1]).await.unwrap();
        // Another node, in a thread of its own, because no runtime runs inside of another.
        let second = move || refusal(Rc::new(Directory::at(path)), numbers);
        let refused = std::thread::spawn(second).join().unwrap();
        log.append(&[2]).await.unwrap();
        refused
    };
    let refused = live(disk(), life);
    let directory = place.path().display();
    assert_eq!(
        refused,
        format!(
            "n1 refuses to start: it cannot read {directory}/numbers.log: another process uses the \
             directory {directory}, and has locked {directory}/lock: end that process, or give \
             each its own directory in EDDY_STORAGE"
        )
    );
    assert_eq!(find(disk(), numbers), [1, 2]);
}

#[test]
fn whoever_only_looks_has_locked_it_as_well() {
    let place = Place::new();
    let (first, second) = (Rc::new(Directory::at(place.path())), Directory::at(place.path()));
    assert!(find(first.clone(), numbers).is_empty());
    // The node is gone, and whoever has its disk has the lock.
    let second = Rc::new(second);
    assert!(refusal(second.clone(), numbers).contains("another process uses the directory"));
    drop(first);
    assert!(find(second, numbers).is_empty());
}

#[test]
fn a_lock_that_is_about_to_be_freed_is_waited_for() {
    let place = Place::new();
    let file = std::fs::File::create(place.path().join("lock")).unwrap();
    file.lock().unwrap();
    let holder = std::thread::spawn(move || {
        std::thread::sleep(std::time::Duration::from_millis(200));
        drop(file);
    });
    assert!(find(Rc::new(Directory::at(place.path())), numbers).is_empty());
    holder.join().unwrap();
}

#[cfg(unix)]
#[test]
fn a_node_whose_directory_was_replaced_stores_nothing_more() {
    let place = Place::new();
    let path = place.path().to_owned();
    let life = async move |node: Node| {
        let (log, _) = node.storage().log::<u64>("numbers");
        log.append(&[1]).await.unwrap();
        std::fs::remove_dir_all(&path).unwrap();
        std::fs::create_dir(&path).unwrap();
        log.append(&[2]).await.unwrap_err()
    };
    let error = live(Rc::new(Directory::at(place.path())), life);
    assert!(format!("{error:#}").contains("was replaced while this node used it"), "{error:#}");
    assert!(find(Rc::new(Directory::at(place.path())), numbers).is_empty());
}

#[cfg(unix)]
#[test]
fn a_program_that_a_node_has_started_does_not_hold_the_lock() {
    let place = Place::new();
    let disk = Rc::new(Directory::at(place.path()));
    find(disk.clone(), numbers);
    let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
    drop(disk);
    let found = std::panic::catch_unwind(|| find(Rc::new(Directory::at(place.path())), numbers));
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(found.is_ok());
}
