//! Fuzz test: no input ends a node, and all output is as an [`oracle`] predicts, for 100 000 lines.
//!
//! `GLOMERS_SEED` and `GLOMERS_CASES` set another seed and another number of lines.

mod child;
mod generator;
mod json;
mod node;
mod oracle;
mod pipe;
mod process;
mod tables;

use generator::LineGenerator;
use node::{LineCounts, check, message};

/// Lines of all tests together, by default.
const CASES: usize = 100_000;

/// Lines of input for one node.
const LINES_PER_NODE: usize = 500;

/// Maximum lengths of the chunks of a node's input, in bytes, from single bytes to many lines.
/// Short chunks are slow, so they are rare.
const CHUNK_SIZES: [usize; 8] = [1, 30, 30, 300, 300, 3_000, 3_000, 30_000];

const INIT: &str = r#"{"type":"init","msg_id":0,"node_id":"n1","node_ids":["n1"]}"#;

#[test]
fn messages_with_fields_of_every_kind_are_answered_as_the_oracle_says() {
    fuzz(
        "messages_with_fields_of_every_kind_are_answered_as_the_oracle_says",
        LineGenerator::message,
    );
}

#[test]
fn damaged_messages_are_answered_as_the_oracle_says() {
    fuzz("damaged_messages_are_answered_as_the_oracle_says", LineGenerator::damaged);
}

#[test]
fn interleaved_messages_are_answered_as_the_oracle_says() {
    fuzz("interleaved_messages_are_answered_as_the_oracle_says", LineGenerator::interleaved);
}

#[test]
fn noise_is_answered_as_the_oracle_says() {
    fuzz("noise_is_answered_as_the_oracle_says", LineGenerator::noise);
}

/// Runs a quarter of the cases, with lines of one generator.
fn fuzz(test: &str, line: fn(&mut LineGenerator) -> Vec<u8>) {
    child::run(test, || {
        let (seed, mut counts) = (seed(), LineCounts::default());
        let mut seeds = LineGenerator::new(seed);
        while counts.lines < cases() / 4 {
            let part = one_node(seeds.next(), line).unwrap_or_else(|difference| {
                panic!(
                    "{difference}\nto reproduce: GLOMERS_SEED={seed} GLOMERS_CASES={} cargo test \
                     --test it fuzz::{test}",
                    cases()
                );
            });
            counts.lines += part.lines;
            counts.immediate += part.immediate;
            counts.delayed += part.delayed;
            counts.reported += part.reported;
        }
        // The test is void unless there were many replies of both kinds and many reports.
        let LineCounts { lines, immediate, delayed, reported } = counts;
        let least = lines / 200;
        assert!(immediate > least && delayed > least && reported > least, "{counts:?}");
        println!("{counts:?}");
        reported
    });
}

fn one_node(seed: u64, line: fn(&mut LineGenerator) -> Vec<u8>) -> Result<LineCounts, String> {
    let mut random = LineGenerator::new(seed);
    let mut lines: Vec<_> = (0..LINES_PER_NODE).map(|_| line(&mut random)).collect();
    lines.insert(random.below(4), message("c0", INIT).into_bytes());
    for line in &mut lines {
        if random.below(8) == 0 {
            line.push(b'\r');
        }
    }
    let largest = CHUNK_SIZES[random.below(CHUNK_SIZES.len())];
    check(&lines.join(&b'\n'), seed, largest).map_err(|difference| {
        // A single line that fails alone is easier to understand than all of them.
        let init = message("c0", INIT);
        let alone = |line: &Vec<u8>| [init.as_bytes(), line].join(&b'\n');
        let culprit = lines.iter().find(|line| check(&alone(line), seed, largest).is_err());
        let culprit = culprit.map(|line| String::from_utf8_lossy(line).into_owned());
        format!("{difference}\nthis line fails alone: {culprit:?}")
    })
}

fn seed() -> u64 {
    from_environment("GLOMERS_SEED").unwrap_or(1)
}

fn cases() -> usize {
    from_environment("GLOMERS_CASES").unwrap_or(CASES)
}

fn from_environment<T: std::str::FromStr>(name: &str) -> Option<T> {
    let value = std::env::var(name).ok()?;
    Some(value.parse().unwrap_or_else(|_| panic!("{name}={value} is no number")))
}
