//! Memory and time per value of a node's set of values, for growing sets.
//!
//! With a linear search, or an array that is serialized for each element, an operation would be a
//! thousand times slower at a million values than at a thousand. A small factor is allowed, because
//! memory outside of the caches is several times slower than inside.

#![expect(clippy::unwrap_used, reason = "a benchmark fails by a panic")]
#![expect(clippy::cast_precision_loss, reason = "counts and times are far below 2^53")]

#[path = "cost/echo.rs"]
mod echo;

use std::process::ExitCode;
use std::time::Instant;

use glomers::Json;
use glomers::gossip::Seen;

use self::echo::Echo;

const COUNTS: [u64; 4] = [1_000, 10_000, 100_000, 1_000_000];

/// Maximum ratio of the times per value, of a million values to a thousand.
const MAX_TIME_RATIO: f64 = 10.0;

/// Maximum ratio of the memory per value. A hash table that has just doubled is half empty.
const MAX_MEMORY_RATIO: f64 = 2.0;

/// Values in a batch.
const BATCH: usize = 100;

fn main() -> ExitCode {
    println!("values   insert ns/value   merge ns/value   bytes/value");
    let rows: Vec<[f64; 3]> = COUNTS.into_iter().map(measure).collect();
    for (count, [insert, merge, bytes]) in COUNTS.iter().zip(&rows) {
        println!("{count:<9}{insert:>15.0}{merge:>17.0}{bytes:>14.0}");
    }
    println!("\nallocations per echoed message: {:.1}", allocations_per_echo());
    let [first, .., last] = &rows[..] else { return ExitCode::FAILURE };
    let limits = [MAX_TIME_RATIO, MAX_TIME_RATIO, MAX_MEMORY_RATIO];
    let is_linear = (0..3).all(|column| last[column] <= limits[column] * first[column]);
    println!("{}", if is_linear { "linear: holds" } else { "linear: MISSED" });
    if is_linear { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Nanoseconds to insert a value, nanoseconds to merge one in a batch that is half known, and bytes
/// per value.
fn measure(count: u64) -> [f64; 3] {
    let values: Vec<Json> = (0..count).map(value).collect();
    let nanoseconds = |start: Instant| start.elapsed().as_nanos() as f64 / count as f64;

    let mut seen = Seen::default();
    let start = Instant::now();
    for value in &values {
        seen.insert_new([value.clone()]);
    }
    let insert = nanoseconds(start);

    let (known, new) = values.split_at(values.len() / 2);
    let mut seen = Seen::default();
    seen.insert_new(known.to_vec());
    let start = Instant::now();
    for (known, new) in known.chunks(BATCH / 2).zip(new.chunks(BATCH / 2)) {
        seen.insert_new(known.iter().chain(new).cloned());
    }
    let merge = nanoseconds(start);
    assert_eq!(seen.items().len(), values.len());

    let mut seen = Seen::default();
    let allocated = allocation_counter::measure(|| {
        for number in 0..count {
            seen.insert_new([value(number)]);
        }
    });
    [insert, merge, allocated.bytes_current as f64 / count as f64]
}

/// A number of constant length, so that the text does not grow.
fn value(number: u64) -> Json {
    serde_json::from_str(&(1_000_000 + number).to_string()).unwrap()
}

/// Allocations per message, without those of the start.
fn allocations_per_echo() -> f64 {
    const MORE: usize = 10_000;
    let allocations = |messages: usize| {
        let init =
            r#"{"src":"c0","dest":"n1","body":{"type":"init","node_id":"n1","node_ids":["n1"]}}"#;
        let echo = r#"{"id":7,"src":"c2","dest":"n1","body":{"echo":"Please echo 7","type":"echo","msg_id":7}}"#;
        let input = format!("{init}\n{}", format!("{echo}\n").repeat(messages));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        allocation_counter::measure(|| {
            let node = glomers::serve_on(input.as_bytes(), tokio::io::sink(), |_| Echo);
            runtime.block_on(node).unwrap();
        })
        .count_total
    };
    (allocations(MORE + 1000) - allocations(1000)) as f64 / MORE as f64
}
