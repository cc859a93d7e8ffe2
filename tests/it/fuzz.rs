//! Nothing that comes in kills a node, and nothing is answered wrongly: 100 000 lines, compared
//! with an [`oracle`].
//!
//! `GLOMERS_SEED` and `GLOMERS_CASES` choose other lines, and more of them.

mod child;
mod generator;
mod json;
mod node;
mod oracle;
mod pipe;
mod process;
mod tables;

use generator::Random;
use node::{Tally, check, message};

const CASES: usize = 100_000;

/// The cases of one node.
const LINES: usize = 500;

/// The largest piece in which a node's input comes: byte by byte, which takes its time, up to many
/// lines at once.
const PIECES: [usize; 8] = [1, 30, 30, 300, 300, 3_000, 3_000, 30_000];

const INIT: &str = r#"{"type":"init","msg_id":0,"node_id":"n1","node_ids":["n1"]}"#;

#[test]
fn messages_with_fields_of_every_kind_are_answered_as_the_oracle_says() {
    fuzz("messages_with_fields_of_every_kind_are_answered_as_the_oracle_says", Random::message);
}

#[test]
fn damaged_messages_are_answered_as_the_oracle_says() {
    fuzz("damaged_messages_are_answered_as_the_oracle_says", Random::damaged);
}

#[test]
fn interleaved_messages_are_answered_as_the_oracle_says() {
    fuzz("interleaved_messages_are_answered_as_the_oracle_says", Random::interleaved);
}

#[test]
fn noise_is_answered_as_the_oracle_says() {
    fuzz("noise_is_answered_as_the_oracle_says", Random::noise);
}

/// Runs a quarter of the cases, with lines of one kind.
fn fuzz(test: &str, line: fn(&mut Random) -> Vec<u8>) {
    child::run(test, || {
        let (seed, mut tally) = (seed(), Tally::default());
        let mut seeds = Random::new(seed);
        while tally.lines < cases() / 4 {
            let part = one_node(seeds.next(), line).unwrap_or_else(|difference| {
                panic!(
                    "{difference}\nto repeat: GLOMERS_SEED={seed} GLOMERS_CASES={} cargo test \
                     --test it fuzz::{test}",
                    cases()
                );
            });
            tally.lines += part.lines;
            tally.said += part.said;
            tally.said_later += part.said_later;
            tally.told += part.told;
        }
        // It is no trial unless there was much to say, now and later, and much to complain about.
        let Tally { lines, said, said_later, told } = tally;
        let least = lines / 200;
        assert!(said > least && said_later > least && told > least, "{tally:?}");
        println!("{tally:?}");
        told
    });
}

fn one_node(seed: u64, line: fn(&mut Random) -> Vec<u8>) -> Result<Tally, String> {
    let mut random = Random::new(seed);
    let mut lines: Vec<_> = (0..LINES).map(|_| line(&mut random)).collect();
    lines.insert(random.below(4), message("c0", INIT).into_bytes());
    for line in &mut lines {
        if random.below(8) == 0 {
            line.push(b'\r');
        }
    }
    let largest = PIECES[random.below(PIECES.len())];
    check(&lines.join(&b'\n'), seed, largest).map_err(|difference| {
        // One line alone says more than all of them.
        let init = message("c0", INIT);
        let alone = |line: &Vec<u8>| [init.as_bytes(), line].join(&b'\n');
        let culprit = lines.iter().find(|line| check(&alone(line), seed, largest).is_err());
        let culprit = culprit.map(|line| String::from_utf8_lossy(line).into_owned());
        format!("{difference}\nalone to blame: {culprit:?}")
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
