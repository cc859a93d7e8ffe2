//! The lock of a directory that two nodes try to use.

use std::rc::Rc;

use glomers::{Directory, Node};

use super::disk::TempDirectory;
use super::{reopen, run_node, start_error};

fn numbers(node: Node) -> Vec<u64> {
    node.storage().log("numbers").1
}

#[test]
fn a_directory_is_refused_while_another_node_uses_it() {
    let place = TempDirectory::new();
    let path = place.path().to_owned();
    let disk = || Rc::new(Directory::at(place.path()));
    let program = async move |node: Node| {
        let (log, _) = node.storage().log::<u64>("numbers");
        log.append(&[1]).await.unwrap();
        // In another thread, because a runtime cannot run inside another one.
        let second = move || start_error(Rc::new(Directory::at(path)), numbers);
        let refused = std::thread::spawn(second).join().unwrap();
        log.append(&[2]).await.unwrap();
        refused
    };
    let refused = run_node(disk(), program);
    let directory = place.path().display();
    assert_eq!(
        refused,
        format!(
            "n1 refuses to start: it cannot read {directory}/numbers.log: another process uses the \
             directory {directory}, and has locked {directory}/lock: end that process, or give \
             each its own directory in EDDY_STORAGE"
        )
    );
    assert_eq!(reopen(disk(), numbers), [1, 2]);
}

#[test]
fn a_node_that_only_reads_locks_the_directory_as_well() {
    let place = TempDirectory::new();
    let (first, second) = (Rc::new(Directory::at(place.path())), Directory::at(place.path()));
    assert!(reopen(first.clone(), numbers).is_empty());
    // The node is gone, but its `Directory` still holds the lock.
    let second = Rc::new(second);
    assert!(start_error(second.clone(), numbers).contains("another process uses the directory"));
    drop(first);
    assert!(reopen(second, numbers).is_empty());
}

#[test]
fn a_lock_that_is_released_soon_is_waited_for() {
    let place = TempDirectory::new();
    let file = std::fs::File::create(place.path().join("lock")).unwrap();
    file.lock().unwrap();
    let holder = std::thread::spawn(move || {
        std::thread::sleep(std::time::Duration::from_millis(200));
        drop(file);
    });
    assert!(reopen(Rc::new(Directory::at(place.path())), numbers).is_empty());
    holder.join().unwrap();
}

#[cfg(unix)]
#[test]
fn a_node_whose_directory_was_replaced_writes_nothing_more() {
    let place = TempDirectory::new();
    let path = place.path().to_owned();
    let program = async move |node: Node| {
        let (log, _) = node.storage().log::<u64>("numbers");
        log.append(&[1]).await.unwrap();
        std::fs::remove_dir_all(&path).unwrap();
        std::fs::create_dir(&path).unwrap();
        log.append(&[2]).await.unwrap_err()
    };
    let error = run_node(Rc::new(Directory::at(place.path())), program);
    assert!(format!("{error:#}").contains("was replaced while this node used it"), "{error:#}");
    assert!(reopen(Rc::new(Directory::at(place.path())), numbers).is_empty());
}

#[cfg(unix)]
#[test]
fn a_child_process_does_not_inherit_the_lock() {
    let place = TempDirectory::new();
    let disk = Rc::new(Directory::at(place.path()));
    reopen(disk.clone(), numbers);
    let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
    drop(disk);
    let found = std::panic::catch_unwind(|| reopen(Rc::new(Directory::at(place.path())), numbers));
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(found.is_ok());
}
