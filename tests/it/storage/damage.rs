//! Damage by a disk, of every kind and at every place of a file, and the restart after it.
//!
//! The node refuses to start, or finds all that was stored. Two exceptions are counted separately:
//! a change in an unmarked last batch, and a loss that leaves no whole record after the place.

use std::collections::BTreeMap;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::time::Duration;

use glomers::{Host, Node};
use serde_json::value::RawValue;

use super::disk::FaultyDisk;
use super::{run_node, try_run_node};

/// A file as a node has written it.
pub(crate) struct SampleFile {
    pub(crate) name: &'static str,
    bytes: Vec<u8>,
    lines: Vec<FileLine>,
    /// The JSON of each record.
    records: Vec<String>,
}

struct FileLine {
    start: usize,
    end: usize,
    batch: u64,
    is_record: bool,
}

/// Outcomes of the restarts after one kind of damage.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DamageCounts {
    pub(crate) refused: usize,
    /// All records were found.
    pub(crate) harmless: usize,
    /// The unmarked last batch was cut off.
    pub(crate) unmarked: usize,
    /// No whole record is left after the damage, and the batches before it were found.
    pub(crate) end_lost: usize,
}

/// A damaged copy of a file.
struct DamagedFile {
    kind: &'static str,
    bytes: Vec<u8>,
    /// Offset of the first changed byte.
    first_change: usize,
    /// True if no whole record is left after that.
    loses_end: bool,
}

impl SampleFile {
    pub(crate) fn new(name: &'static str, bytes: Vec<u8>) -> Self {
        let text = String::from_utf8(bytes.clone()).unwrap();
        let (mut lines, mut records, mut start) = (Vec::new(), Vec::new(), 0);
        // A blank line belongs to the batch that it stands before.
        for line in text.split_inclusive('\n').filter(|line| *line != "\n") {
            let length = line.len() + usize::from(text[start..].starts_with('\n'));
            let mut parts = line.trim_end().splitn(3, ' ').skip(1);
            let batch = parts.next().unwrap().split(':').next().unwrap().parse().unwrap();
            let json = parts.next();
            records.extend(json.map(str::to_owned));
            let end = start + length;
            lines.push(FileLine { start, end, batch, is_record: json.is_some() });
            start = end;
        }
        SampleFile { name, bytes, lines, records }
    }

    /// Start of the last batch if it is not marked, otherwise the end of the file.
    fn unmarked_from(&self) -> usize {
        let last = self.lines.last().unwrap();
        let start = self.lines.iter().find(|line| line.batch == last.batch).unwrap().start;
        if last.batch == 1 || !last.is_record { self.bytes.len() } else { start }
    }

    pub(crate) fn is_marked(&self) -> bool {
        self.unmarked_from() == self.bytes.len()
    }

    pub(crate) fn batches(&self) -> u64 {
        self.lines.last().unwrap().batch
    }

    /// Damages the file in every way and restarts a node each time. Changes every `stride`-th byte
    /// only, and exchanges lines that are less than `distance` lines apart.
    pub(crate) fn check(
        &self,
        stride: usize,
        distance: usize,
    ) -> BTreeMap<&'static str, DamageCounts> {
        let mut counts: BTreeMap<&'static str, DamageCounts> = BTreeMap::new();
        self.for_each_damage(stride, distance, |spoiled| {
            if spoiled.bytes == self.bytes {
                return;
            }
            let count = counts.entry(spoiled.kind).or_default();
            let place =
                || format!("{}, {} at byte {}", self.name, spoiled.kind, spoiled.first_change);
            match open(self.name, &spoiled.bytes) {
                Err(refusal) => {
                    let start = format!("n1 refuses to start: {} is damaged at ", self.name);
                    assert!(refusal.starts_with(&start), "{}: {refusal}", place());
                    count.refused += 1;
                }
                Ok(found) if found == self.records => count.harmless += 1,
                Ok(found) => {
                    assert!(self.is_some_batches(&found), "{}: {found:?}", place());
                    let may_be_torn = spoiled.first_change >= self.unmarked_from();
                    assert!(may_be_torn || spoiled.loses_end, "{} was not refused", place());
                    if may_be_torn { count.unmarked += 1 } else { count.end_lost += 1 }
                }
            }
        });
        counts
    }

    /// True if these are the records of whole batches from the first on.
    fn is_some_batches(&self, found: &[String]) -> bool {
        let records = self.lines.iter().filter(|line| line.is_record);
        let batches: Vec<u64> = records.map(|line| line.batch).collect();
        let length = found.len();
        self.records.starts_with(found) && batches[length - 1] != batches[length]
    }

    fn for_each_damage(&self, stride: usize, distance: usize, mut check: impl FnMut(&DamagedFile)) {
        let mut damage = |kind, bytes: Vec<u8>| {
            let same = bytes.iter().zip(&self.bytes).take_while(|(one, other)| one == other);
            let first_change = same.count();
            let left: Vec<&[u8]> = bytes[first_change..].split(|byte| *byte == b'\n').collect();
            let is_left =
                |line: &FileLine| left.contains(&self.bytes[line.start..line.end].trim_ascii());
            let loses_end = !self.lines.iter().any(is_left);
            check(&DamagedFile { kind, bytes, first_change, loses_end });
        };
        for at in (0..self.bytes.len()).step_by(stride) {
            for bit in 0..8 {
                let mut bytes = self.bytes.clone();
                bytes[at] ^= 1 << bit;
                damage("one bit", bytes);
            }
        }
        for at in (0..self.bytes.len()).step_by(stride) {
            let mut bytes = self.bytes.clone();
            let end = bytes.len().min(at + 16);
            bytes[at..end].fill(0);
            damage("16 zeros", bytes);
        }
        for length in (0..self.bytes.len()).step_by(stride) {
            damage("cut short", self.bytes[..length].to_vec());
        }
        let line = |number: usize| &self.bytes[self.lines[number].start..self.lines[number].end];
        let with = |order: &[usize]| -> Vec<u8> {
            order.iter().flat_map(|number| line(*number)).copied().collect()
        };
        let all: Vec<usize> = (0..self.lines.len()).collect();
        for one in 0..all.len() {
            let missing = [&all[..one], &all[one + 1..]].concat();
            damage("missing line", with(&missing));
            for other in one..all.len().min(one + distance) {
                let mut swapped = all.clone();
                swapped.swap(one, other);
                damage("two lines swapped", with(&swapped));
                let doubled = [&all[..=other], &[one], &all[other + 1..]].concat();
                damage("line twice", with(&doubled));
                let mut overwritten = all.clone();
                overwritten[one] = other;
                damage("line in another's place", with(&overwritten));
                let mut overwritten = all.clone();
                overwritten[other] = one;
                damage("line in another's place", with(&overwritten));
            }
        }
        let batches = || 1..=self.batches();
        let of =
            |batch: u64| all.iter().copied().filter(move |&line| self.lines[line].batch == batch);
        for one in batches() {
            let without = batches().filter(|batch| *batch != one).flat_map(of);
            damage("missing batch", with(&without.collect::<Vec<_>>()));
            let twice = batches().flat_map(|batch| {
                let again = (batch == one).then(|| of(batch)).into_iter().flatten();
                of(batch).chain(again)
            });
            damage("batch twice", with(&twice.collect::<Vec<_>>()));
            let swapped = batches().flat_map(|batch| {
                let last = self.batches();
                of(match batch {
                    _ if batch == one => (one + 1).min(last),
                    _ if batch == (one + 1).min(last) => one,
                    _ => batch,
                })
            });
            damage("two batches swapped", with(&swapped.collect::<Vec<_>>()));
        }
    }
}

/// The records that a node finds in this file, or its fatal error.
fn open(name: &'static str, bytes: &[u8]) -> Result<Vec<String>, String> {
    let disk = FaultyDisk::with(name, bytes);
    let program = async move |node: Node| -> Vec<Box<RawValue>> {
        match name.split_once('.').unwrap() {
            (name, "log") => node.storage().log(name).1,
            (name, _) => node.storage().value(name).1.into_iter().collect(),
        }
    };
    // A panic of the parser is a failure of the test.
    let found =
        catch_unwind(AssertUnwindSafe(|| try_run_node(Host::seeded(7).with_disk(disk), program)));
    let found = found.unwrap_or_else(|_| panic!("{name} cannot be read"))?;
    Ok(found.iter().map(|json| json.get().to_owned()).collect())
}

impl fmt::Display for DamageCounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let DamageCounts { refused, harmless, unmarked, end_lost } = self;
        write!(f, "{refused:>8} {harmless:>8} {unmarked:>8} {end_lost:>8}")
    }
}

/// Prints the outcomes of each kind of damage.
pub(crate) fn print(title: &str, counts: &BTreeMap<&str, DamageCounts>) {
    println!("{title:<50}  refused harmless unmarked end lost");
    for (kind, count) in counts {
        println!("  {kind:<48} {count}");
    }
}

/// A log of four batches, of one, three, one and two records.
fn log(idles: bool) -> SampleFile {
    let disk = Rc::new(FaultyDisk::default());
    let program = async move |node: Node| {
        let (log, _) = node.storage().log::<u64>("numbers");
        for entries in [&[1][..], &[2, 3, 4], &[5], &[6, 7]] {
            log.append(entries).await.unwrap();
        }
        if idles {
            tokio::time::sleep(Duration::from_secs(2)).await;
        }
    };
    run_node(disk.clone(), program);
    SampleFile::new("numbers.log", disk.file("numbers.log"))
}

fn replaced_log() -> SampleFile {
    let disk = Rc::new(FaultyDisk::default());
    let program = async |node: Node| {
        let (log, _) = node.storage().log::<u64>("numbers");
        log.append(&[1, 2, 3]).await.unwrap();
        log.replace(&[2, 3]).await.unwrap();
    };
    run_node(disk.clone(), program);
    SampleFile::new("numbers.log", disk.file("numbers.log"))
}

fn value() -> SampleFile {
    let disk = Rc::new(FaultyDisk::default());
    let program = async |node: Node| {
        let (value, _) = node.storage().value::<[String; 2]>("names");
        value.replace(&["one", "two"].map(str::to_owned)).await.unwrap();
    };
    run_node(disk.clone(), program);
    SampleFile::new("names.value", disk.file("names.value"))
}

#[test]
fn after_any_damage_a_node_refuses_to_start_or_finds_everything_with_two_known_exceptions() {
    #[track_caller]
    fn check(title: &str, file: &SampleFile, expected: &[(&str, [usize; 4])]) {
        let counts = file.check(1, 100);
        print(title, &counts);
        let numbers =
            |count: &DamageCounts| [count.refused, count.harmless, count.unmarked, count.end_lost];
        let counts: Vec<_> = counts.iter().map(|(kind, count)| (*kind, numbers(count))).collect();
        assert_eq!(counts, expected, "{title}");
    }
    check(
        "a log whose last batch is not marked",
        &log(false),
        &[
            ("16 zeros", [87, 0, 35, 0]),
            ("batch twice", [4, 0, 0, 0]),
            ("cut short", [17, 0, 35, 70]),
            ("line in another's place", [42, 0, 0, 0]),
            ("line twice", [28, 0, 0, 0]),
            ("missing batch", [3, 0, 1, 0]),
            ("missing line", [5, 0, 2, 0]),
            ("one bit", [696, 0, 280, 0]),
            ("two batches swapped", [3, 0, 0, 0]),
            ("two lines swapped", [21, 0, 0, 0]),
        ],
    );
    check(
        "a log whose last batch is marked",
        &log(true),
        &[
            ("16 zeros", [107, 16, 0, 15]),
            ("batch twice", [5, 0, 0, 0]),
            ("cut short", [17, 16, 0, 105]),
            ("line in another's place", [56, 0, 0, 0]),
            ("line twice", [36, 0, 0, 0]),
            ("missing batch", [4, 1, 0, 0]),
            ("missing line", [7, 1, 0, 0]),
            ("one bit", [976, 128, 0, 0]),
            ("two batches swapped", [4, 0, 0, 0]),
            ("two lines swapped", [28, 0, 0, 0]),
        ],
    );
    check(
        "a log that was replaced",
        &replaced_log(),
        &[
            ("16 zeros", [34, 0, 0, 0]),
            ("batch twice", [1, 0, 0, 0]),
            ("cut short", [34, 0, 0, 0]),
            ("line in another's place", [2, 0, 0, 0]),
            ("line twice", [3, 0, 0, 0]),
            ("missing batch", [1, 0, 0, 0]),
            ("missing line", [2, 0, 0, 0]),
            ("one bit", [272, 0, 0, 0]),
            ("two lines swapped", [1, 0, 0, 0]),
        ],
    );
    check(
        "a value",
        &value(),
        &[
            ("16 zeros", [29, 0, 0, 0]),
            ("batch twice", [1, 0, 0, 0]),
            ("cut short", [29, 0, 0, 0]),
            ("line twice", [1, 0, 0, 0]),
            ("missing batch", [1, 0, 0, 0]),
            ("missing line", [1, 0, 0, 0]),
            ("one bit", [232, 0, 0, 0]),
        ],
    );
}
