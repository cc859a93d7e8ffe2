//! Tests with as many nodes as the system allows.

use crate::common::{CommandResult, ECHO, Place, is_running, unique_sleep};

/// Runs eddy in a shell after another command.
fn run(place: &Place, first: &str, words: &str) -> CommandResult {
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", &format!("{first}; exec \"$1\" {words}"), "sh"]);
    let output = shell.arg(place.command("").get_program()).current_dir(&place.0).output().unwrap();
    CommandResult {
        status: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

#[test]
fn hundreds_of_nodes_run_under_a_low_soft_limit() {
    let marker = unique_sleep("86407");
    let place = Place::with_node("many", &format!("sleep {marker} & {ECHO}"));
    let words = "test -w echo --bin node --node-count 300 --time-limit 2 --rate 100";
    let outcome = run(&place, "ulimit -Sn 256", words).expect(0, "n0 … n299 (300 nodes)");
    assert!(outcome.stdout.ends_with("Everything looks good! ヽ(‘ー`)ノ\n"), "{}", outcome.stdout);
    assert!(!is_running(&marker));
}

#[test]
fn a_limit_of_open_files_is_reported_before_anything_is_started() {
    let place = Place::with_node("files", ECHO);
    for limit in [20, 40, 60] {
        // This sets the hard limit, too, which cannot be raised again.
        let words = "test -w echo --bin node --node-count 9";
        let outcome = run(&place, &format!("ulimit -n {limit}"), words).expect(255, "");
        let expected =
            format!(" open files, and {limit} are allowed; raise that limit, which `ulim");
        assert!(outcome.stderr.starts_with("eddy: 9 nodes need "), "{}", outcome.stderr);
        assert!(outcome.stderr.contains(&expected), "{}", outcome.stderr);
        assert!(!place.0.join("store").exists());
    }
    let words = "test -w echo --bin node --node-count 1";
    let CommandResult { stderr, .. } = run(&place, "ulimit -n 20", words).expect(255, "");
    assert!(stderr.starts_with("eddy: 1 node needs "), "{stderr}");
}

#[test]
fn the_suggested_number_of_nodes_can_be_tested() {
    let place = Place::with_node("most", ECHO);
    let test = "test -w echo --bin node --time-limit 1 --node-count";
    let CommandResult { stderr, .. } = run(&place, "ulimit -n 128", &format!("{test} 99"));
    let (_, most) = stderr.trim_end().rsplit_once("test at most ").unwrap();
    let (most, _) = most.split_once(' ').unwrap();
    run(&place, "ulimit -n 128", &format!("{test} {most}")).expect(0, "");
}
