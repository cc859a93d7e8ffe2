//! Recovery of a file after a restart: whole batches, then at most a torn batch; all else is
//! damage.
//!
//! A file is created by a replacement, which is durable before the file gets its name. So batch 1
//! is always durable. A later batch is written only when the sync of the one before has returned.
//! So a batch was durable if anything follows it: the next batch, or the mark that is written after
//! a pause. Only the last batch may have been in flight when the node was killed. A kill leaves
//! some of its records, in order, with arbitrary bytes between them. Anything else was durable, and
//! was changed since: damage.

use std::fmt;

use super::record::{self, Label, Record, RecordError};

/// Contents of a file without damage.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct RecoveredFile<'a> {
    /// The JSON of each record.
    pub(super) records: Vec<&'a [u8]>,
    /// The number of whole batches.
    pub(super) batches: u64,
    /// Length of these batches in bytes. The rest of the file is torn.
    pub(super) length: usize,
    /// True if the file shows that its last batch was durable.
    pub(super) is_marked: bool,
}

/// A place at which durable data was changed or lost.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Damage {
    batch: u64,
    record: u64,
    /// Offset at which this record should begin.
    at: usize,
    line: usize,
    kind: DamageKind,
}

/// Reason for which a record counts as damaged.
#[derive(Debug, PartialEq, Eq)]
enum DamageKind {
    InvalidRecord(RecordError),
    WrongLabel(Label),
    /// A value file that is not exactly one record.
    NotOneRecord,
}

/// Recovers a log.
pub(super) fn read_log(bytes: &[u8]) -> Result<RecoveredFile<'_>, Damage> {
    let mut found = RecoveredFile::default();
    while found.length < bytes.len() || found.batches == 0 {
        if let Err(damage) = found.read_batch(bytes) {
            let is_last = is_torn(&bytes[found.length..], damage.batch);
            return if found.batches > 0 && is_last { Ok(found) } else { Err(damage) };
        }
    }
    Ok(found)
}

/// Recovers a value: a file of one batch with one record, which a kill never tears.
pub(super) fn read_value(bytes: &[u8]) -> Result<&[u8], Damage> {
    let mut found = RecoveredFile::default();
    found.read_batch(bytes)?;
    match found.records[..] {
        [json] if found.length == bytes.len() => Ok(json),
        _ => {
            let (record, at) = if found.records.len() == 1 { (2, found.length) } else { (1, 0) };
            Err(Damage::new(bytes, 1, record, at, DamageKind::NotOneRecord))
        }
    }
}

impl<'a> RecoveredFile<'a> {
    /// Reads the next batch, or leaves `self` unchanged if it is not whole.
    fn read_batch(&mut self, bytes: &'a [u8]) -> Result<(), Damage> {
        let (batch, before) = (self.batches + 1, self.records.len());
        let blank = bytes[self.length..].iter().take_while(|byte| **byte == b'\n').count();
        let mut at = self.length + blank;
        let (mut number, mut known_count) = (1, None);
        loop {
            let record = match expect_record(&bytes[at..], batch, number, known_count) {
                Ok(record) => record,
                Err(kind) => {
                    self.records.truncate(before);
                    return Err(Damage::new(bytes, batch, number, at, kind));
                }
            };
            at += record.length;
            let Label { record_count, .. } = record.label;
            if record_count > 0 {
                self.records.push(record.json);
            }
            if number >= record_count {
                self.batches = batch;
                self.length = at;
                self.is_marked = batch == 1 || record_count == 0;
                return Ok(());
            }
            known_count = Some(record_count);
            number += 1;
        }
    }
}

/// Parses the next record, and checks that it is record `number` of batch `batch`, which has
/// `known_count` records if that is known.
fn expect_record(
    bytes: &[u8],
    batch: u64,
    number: u64,
    known_count: Option<u64>,
) -> Result<Record<'_>, DamageKind> {
    let record = record::parse_record(bytes).map_err(DamageKind::InvalidRecord)?;
    let Label { record_count: found, .. } = record.label;
    let record_count = known_count.unwrap_or(found);
    // An empty batch has one line, record 0 of 0.
    let expected = Label { batch, record: number.min(found), record_count };
    if record.label == expected { Ok(record) } else { Err(DamageKind::WrongLabel(record.label)) }
}

/// True if a kill during the write of this batch may have left these bytes.
fn is_torn(rest: &[u8], batch: u64) -> bool {
    let lines = rest.split_inclusive(|byte| *byte == b'\n');
    let labels =
        lines.filter_map(|line| record::parse_record(line).ok()).map(|record| record.label);
    let mut last: Option<Label> = None;
    for label in labels {
        let follows = last.is_none_or(|last| {
            label.record > last.record && label.record_count == last.record_count
        });
        if label.batch != batch || !follows {
            return false;
        }
        last = Some(label);
    }
    true
}

impl Damage {
    fn new(bytes: &[u8], batch: u64, record: u64, at: usize, kind: DamageKind) -> Self {
        let line = bytes[..at].split(|byte| *byte == b'\n').count();
        Damage { batch, record, at, line, kind }
    }
}

/// A phrase that follows "is damaged at".
impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Damage { batch, record, at, line, kind } = self;
        write!(f, "record {record} of batch {batch} (line {line}, byte {at}): ")?;
        match kind {
            DamageKind::InvalidRecord(flaw) => write!(f, "{flaw}"),
            DamageKind::WrongLabel(label) => write!(f, "found {label}"),
            DamageKind::NotOneRecord => f.write_str("expected one record, and nothing else"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A log of batches of lines.
    fn file(batches: &[&str]) -> Vec<u8> {
        let batches = (1..).zip(batches);
        batches.flat_map(|(number, lines)| record::encode_batch(number, lines.as_bytes())).collect()
    }

    /// The non-blank lines in this order, counted from 0. A negative number damages the line.
    fn rearranged(bytes: &[u8], order: &[i32]) -> Vec<u8> {
        let lines = bytes.split_inclusive(|byte| *byte == b'\n');
        let lines: Vec<&[u8]> = lines.filter(|line| *line != b"\n").collect();
        let mut out = Vec::new();
        for &number in order {
            let start = out.len();
            out.extend_from_slice(lines[usize::try_from(number.abs()).unwrap()]);
            if number < 0 {
                out[start] = b'?';
            }
        }
        out
    }

    #[test]
    fn only_the_last_batch_can_be_torn_and_a_kill_changes_no_order() {
        #[track_caller]
        fn check(bytes: &[u8], order: &[i32], expected: Result<usize, &str>) {
            let bytes = rearranged(bytes, order);
            let found = read_log(&bytes).map(|found| found.records.len());
            assert_eq!(found.map_err(|damage| damage.to_string()), expected.map_err(str::to_owned));
        }
        // Lines 0 and 1 are batch 1, 2 to 4 are batch 2, and 5 to 7 are batch 3.
        let bytes = file(&["1\n2\n", "3\n4\n5\n", "6\n7\n8\n"]);
        check(&bytes, &[0, 1, 2, 3, 4, 5, 6, 7], Ok(8));
        check(&bytes, &[0, 1, 2, 3, 4, 5, 6], Ok(5));
        check(&bytes, &[0, 1, 2, 3, 4, -5, 6, 7], Ok(5));
        check(&bytes, &[0, 1, 2, 3, 4, 5, -6, 7], Ok(5));
        check(&bytes, &[0, 1, 2, 3, 4, -5, -6, -7], Ok(5));
        check(&bytes, &[0, 1, -2, -3, -4], Ok(2));
        let wrong = "the checksum of this line is wrong";
        let damage = |place: &str, what: &str| format!("record {place}: {what}");
        let at = damage("2 of batch 1 (line 2, byte 17)", wrong);
        check(&bytes, &[0, -1, 2, 3, 4, 5, 6, 7], Err(&at));
        check(&bytes, &[0, -1], Err(&at));
        let at = damage("1 of batch 2 (line 3, byte 34)", wrong);
        check(&bytes, &[0, 1, -2, -3, -4, -5, -6, 7], Err(&at));
        let place = "1 of batch 2 (line 3, byte 34)";
        let at = damage(place, "found record 2 of 3 of batch 2");
        check(&bytes, &[0, 1, 3, 2, 4], Err(&at));
        check(&bytes, &[0, 1, 3, 2, 4, 5, 6, 7], Err(&at));
        let at = damage(place, "found record 1 of 3 of batch 3");
        check(&bytes, &[0, 1, 5, 6, 7], Err(&at));
        let at = damage(place, "found record 2 of 2 of batch 1");
        check(&bytes, &[0, 1, 1], Err(&at));
        let at = damage("2 of batch 3 (line 7, byte 102)", "found record 1 of 3 of batch 3");
        check(&bytes, &[0, 1, 2, 3, 4, 5, 5, 6, 7], Err(&at));
        let at = damage("1 of batch 1 (line 1, byte 0)", "found record 1 of 3 of batch 2");
        check(&bytes, &[2, 3, 4], Err(&at));
        check(b"", &[], Err("record 1 of batch 1 (line 1, byte 0): the file ends before it"));
        // Blank lines are ignored: people may have added some.
        let spaced = String::from_utf8(bytes).unwrap().replace("\n\n", "\n\n\n\n");
        assert_eq!(read_log(spaced.as_bytes()).map(|found| found.records.len()), Ok(8));
    }

    #[test]
    fn a_changed_line_break_damages_one_batch_only() {
        let bytes = file(&["1\n", "2\n", "3\n"]);
        for at in (0..bytes.len()).filter(|at| bytes[*at] == b'\n') {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            let is_in_the_last = at >= file(&["1\n", "2\n"]).len();
            assert_eq!(read_log(&changed).is_ok(), is_in_the_last, "byte {at}");
        }
    }

    #[test]
    fn an_empty_batch_marks_the_one_before_it() {
        let check = |bytes: &[u8], expected| {
            let found = read_log(bytes).map(|found| (found.batches, found.is_marked));
            assert_eq!(found.ok(), expected, "{}", bytes.escape_ascii());
        };
        check(&file(&["1\n"]), Some((1, true)));
        check(&file(&[""]), Some((1, true)));
        let unmarked = file(&["1\n", "2\n3\n"]);
        check(&unmarked, Some((2, false)));
        check(&rearranged(&unmarked, &[0, -1, 2]), Some((1, true)));
        let marked = file(&["1\n", "2\n3\n", ""]);
        check(&marked, Some((3, true)));
        check(&rearranged(&marked, &[0, -1, 2, 3]), None);
        check(&rearranged(&marked, &[0, 1, -2, 3]), None);
        // Only the mark is lost.
        check(&rearranged(&marked, &[0, 1, 2, -3]), Some((2, false)));
    }

    #[test]
    fn a_value_is_one_record_and_nothing_else() {
        let check =
            |bytes: &[u8], expected: Option<&[u8]>| assert_eq!(read_value(bytes).ok(), expected);
        let one = file(&["42\n"]);
        check(&one, Some(b"42"));
        check(b"", None);
        check(&one[..one.len() - 1], None);
        check(&[&one[..], b"x"].concat(), None);
        check(&[&one[..], &one[..]].concat(), None);
        check(&file(&["42\n", ""]), None);
        check(&file(&["42\n43\n"]), None);
        check(&file(&[""]), None);
    }
}
