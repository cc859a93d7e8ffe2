//! Program with a custom workload: `examples/lock.rs`, with its nodes as processes.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::common::Place;

/// Builds the program with the profile of these tests.
fn lock() -> PathBuf {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--quiet", "--workspace", "--profile", "test", "--example", "lock"]);
    assert!(cargo.status().unwrap().success(), "the example cannot be built");
    Path::new(env!("CARGO_BIN_EXE_eddy")).with_file_name("examples").join("lock")
}

#[test]
fn a_custom_workload_is_run_as_processes_and_analyzed() {
    let (place, lock) = (Place::new("own-workload"), lock());
    let run = |words: &str| {
        let mut command = Command::new(&lock);
        command.args(words.split_whitespace()).current_dir(&place.0);
        let output = command.output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code(), text(output.stdout), text(output.stderr))
    };
    let options = "--node-count 3 --concurrency 2n --rate 50 --time-limit 3";
    let test = format!("test -w lock --bin {} {options} --", lock.display());
    let (status, stdout, stderr) = run(&format!("{test} node"));
    assert_eq!(status, Some(0), "{stdout}{stderr}");
    let (status, stdout, stderr) = run(&format!("{test} wrong-node"));
    assert_eq!(status, Some(1), "{stdout}{stderr}");
    assert!(stdout.contains("\nreason: n"), "{stdout}");
    let report = fs::read_to_string(place.0.join("store/latest/report.html")).unwrap();
    assert!(report.contains(" held it, granted by n"), "{stdout}");
    // The workload is recognized by its operations, and unknown to the plain eddy.
    fs::copy(place.0.join("store/latest/history.edn"), place.0.join("history.edn")).unwrap();
    let (status, again, stderr) = run("analyze history.edn");
    assert_eq!(status, Some(1), "{again}{stderr}");
    assert!(stderr.contains("eddy: workload lock, recognized by its operations"), "{stderr}");
    place.eddy("analyze history.edn").expect(254, "fits no known workload");
    let (status, _, stderr) = run("test -w locks --bin node");
    assert_eq!(status, Some(254), "{stderr}");
    assert!(stderr.contains("did you mean lock?"), "{stderr}");
    let (_, help, _) = run("test --help");
    assert!(help.contains("unique-ids and lock."), "{help}");
}
