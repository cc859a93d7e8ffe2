//! Runs a test in a child process, so that the lines on its stderr are counted instead of printed.

use std::io::{BufRead as _, BufReader, Read};
use std::process::{Child, Command, Stdio};

const RUN_AS_CHILD: &str = "GLOMERS_TEST_RUN_AS_CHILD";

/// Codes of reported errors, as they follow the node's id.
const CODES: [&str; 6] = [
    ": malformed-request (12): ",
    ": not-supported (10): ",
    ": temporarily-unavailable (11): ",
    ": crash (13): ",
    ": precondition-failed (22): ",
    ": txn-conflict (30): ",
];

/// Length of the beginning of a line in which the code must be.
const BEGINNING: usize = 80;

/// Runs the test in a child process, where `body` returns how many lines must be on stderr.
pub(crate) fn run(test: &str, body: impl FnOnce() -> usize) {
    if std::env::var_os(RUN_AS_CHILD).is_some() {
        println!("\nexpected reports: {}", body());
        return;
    }
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", &format!("fuzz::{test}"), "--nocapture"]).env(RUN_AS_CHILD, "1");
    let command = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let stderr = count_reports(&mut child);
    let mut stdout = String::new();
    child.stdout.take().unwrap().read_to_string(&mut stdout).unwrap();
    let (told, other) = stderr.join().unwrap();
    assert!(child.wait().unwrap().success(), "{other}");
    println!("{stdout}");
    let expected = stdout.lines().find_map(|line| line.strip_prefix("expected reports: "));
    assert_eq!(expected, Some(&*told.to_string()), "{other}");
}

/// Counts the errors that a node reports on stderr, and collects all other lines.
pub(crate) fn count_reports(child: &mut Child) -> std::thread::JoinHandle<(usize, String)> {
    let mut stderr = BufReader::with_capacity(1 << 20, child.stderr.take().unwrap());
    std::thread::spawn(move || {
        let (mut told, mut other, mut line) = (0, String::new(), Vec::new());
        while stderr.read_until(b'\n', &mut line).unwrap() > 0 {
            let text = String::from_utf8_lossy(&line[..line.len().min(BEGINNING)]);
            if CODES.iter().any(|code| text.contains(code)) {
                told += 1;
            } else {
                other.push_str(&String::from_utf8_lossy(&line));
            }
            line.clear();
        }
        (told, other)
    })
}
