//! The fuzz test with a process, whose stdin and stdout are pipes.

use std::io::{Read as _, Write as _};
use std::process::{Command, Stdio};

use crate::fuzz::child::count_reports;
use crate::fuzz::generator::LineGenerator;
use crate::fuzz::node::{Expected, message};
use crate::fuzz::oracle::Oracle;

const LINES: usize = 50_000;

#[test]
fn a_process_answers_as_the_oracle_says() {
    let mut random = LineGenerator::new(crate::fuzz::seed());
    let mut lines = vec![message("c0", crate::fuzz::INIT).into_bytes()];
    lines.extend((0..LINES).map(|case| match case % 4 {
        0 => random.damaged(),
        1 => random.interleaved(),
        2 => random.noise(),
        _ => random.message(),
    }));
    let mut input = lines.join(&b'\n');
    let expected = Expected::of(&mut input, Oracle::new(&["echo"]));

    let mut command = Command::new(env!("CARGO_BIN_EXE_echo"));
    let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut node = command.spawn().unwrap();
    let (mut stdin, stderr) = (node.stdin.take().unwrap(), count_reports(&mut node));
    let writer = std::thread::spawn(move || stdin.write_all(&input));
    let mut output = String::new();
    node.stdout.take().unwrap().read_to_string(&mut output).unwrap();
    writer.join().unwrap().unwrap();
    assert!(node.wait().unwrap().success());
    expected.compare(&output).unwrap_or_else(|difference| panic!("{difference}"));
    assert_eq!(stderr.join().unwrap(), (expected.counts.reported, String::new()));
}
