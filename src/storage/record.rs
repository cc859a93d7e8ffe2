//! Text format of records and batches: a record is a line `{checksum} {label} {JSON}`, which people
//! can read and repair.
//!
//! ```text
//! 495007b8 1:1/2 {"term":3}
//! 80903176 1:2/2 {"entry":7}
//!
//! f825708a 2:1/1 {"entry":8}
//!
//! af9bc0df 3:0/0
//! ```
//!
//! The label `1:2/2` means record 2 of 2 in batch 1. A batch without records is the line `3:0/0`. A
//! blank line separates batches, so that a damaged line break never joins lines of two batches.
//!
//! The checksum covers label and JSON, so it detects a record that was moved as well as one that
//! was changed. It is CRC-32, which detects every error within 32 consecutive bits and misses one
//! in 2^32 of the others. It protects against accidents, not against forgery.

use std::fmt;

use serde::Serialize;

/// Length of the checksum: eight hexadecimal digits and a space.
const CHECKSUM_LENGTH: usize = 9;

/// Position of a record in its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Label {
    /// The batch, from 1.
    pub(super) batch: u64,
    /// The record in the batch, from 1; 0 in a batch without records.
    pub(super) record: u64,
    /// The number of records in the batch.
    pub(super) record_count: u64,
}

/// A whole record.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Record<'a> {
    pub(super) label: Label,
    /// Empty in a batch without records.
    pub(super) json: &'a [u8],
    /// Length of the line in bytes, with its line break.
    pub(super) length: usize,
}

/// Error of a line that is no record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RecordError {
    EndOfFile,
    IncompleteLine,
    Checksum,
    Label,
}

/// Parses the record at the beginning of these bytes.
pub(super) fn parse_record(bytes: &[u8]) -> Result<Record<'_>, RecordError> {
    let Some(end) = bytes.iter().position(|byte| *byte == b'\n') else {
        return Err(if bytes.is_empty() {
            RecordError::EndOfFile
        } else {
            RecordError::IncompleteLine
        });
    };
    let (checksum, text) =
        bytes[..end].split_at_checked(CHECKSUM_LENGTH).ok_or(RecordError::Checksum)?;
    if checksum != checksum_of(text) {
        return Err(RecordError::Checksum);
    }
    let space = text.iter().position(|byte| *byte == b' ').unwrap_or(text.len());
    let label = Label::parse(&text[..space]).ok_or(RecordError::Label)?;
    let json = text.get(space + 1..).unwrap_or_default();
    Ok(Record { label, json, length: end + 1 })
}

/// Appends an entry as a line of JSON, for [`encode_batch`].
pub(super) fn push_line(lines: &mut Vec<u8>, entry: &impl Serialize) -> serde_json::Result<()> {
    let start = lines.len();
    serde_json::to_writer(&mut *lines, entry)?;
    // JSON that is passed on as text may contain line breaks between its tokens.
    for byte in lines[start..].iter_mut().filter(|byte| **byte == b'\n') {
        *byte = b' ';
    }
    lines.push(b'\n');
    Ok(())
}

/// Encodes a batch of lines of JSON, which may be none, with the blank line before it.
pub(super) fn encode_batch(number: u64, lines: &[u8]) -> Vec<u8> {
    let records = lines.split_inclusive(|byte| *byte == b'\n').count();
    let mut out = Vec::with_capacity(lines.len() + (records + 1) * 2 * CHECKSUM_LENGTH);
    if number > 1 {
        out.push(b'\n');
    }
    if records == 0 {
        encode_record(&mut out, &format!("{number}:0/0"), b"\n");
    }
    for (record, line) in (1..).zip(lines.split_inclusive(|byte| *byte == b'\n')) {
        encode_record(&mut out, &format!("{number}:{record}/{records} "), line);
    }
    out
}

fn encode_record(out: &mut Vec<u8>, label: &str, line: &[u8]) {
    let start = out.len();
    out.extend_from_slice(&[b' '; CHECKSUM_LENGTH]);
    out.extend_from_slice(label.as_bytes());
    out.extend_from_slice(line);
    let (checksum, text) = out[start..].split_at_mut(CHECKSUM_LENGTH);
    checksum.copy_from_slice(&checksum_of(&text[..text.len() - 1]));
}

impl Label {
    fn parse(text: &[u8]) -> Option<Self> {
        let (batch, place) = std::str::from_utf8(text).ok()?.split_once(':')?;
        let (record, record_count) = place.split_once('/')?;
        let number = |text: &str| text.parse().ok();
        Some(Label {
            batch: number(batch)?,
            record: number(record)?,
            record_count: number(record_count)?,
        })
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Label { batch, record, record_count } = self;
        write!(f, "record {record} of {record_count} of batch {batch}")
    }
}

/// A clause that follows a colon.
impl fmt::Display for RecordError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            RecordError::EndOfFile => "the file ends before it",
            RecordError::IncompleteLine => "the file ends in the middle of this line",
            RecordError::Checksum => "the checksum of this line is wrong",
            RecordError::Label => {
                "the checksum of this line is right, but no label such as 1:2/3 follows it, so it \
                 was not written by this version of the library"
            }
        })
    }
}

fn checksum_of(text: &[u8]) -> [u8; CHECKSUM_LENGTH] {
    let (mut digits, sum) = ([b' '; CHECKSUM_LENGTH], crc32(text));
    for (digit, place) in digits[..8].iter_mut().zip((0..8).rev()) {
        *digit = b"0123456789abcdef"[(sum >> (4 * place) & 0xf) as usize];
    }
    digits
}

/// The CRC-32 of IEEE 802.3, as in gzip and PNG.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |sum, byte| {
        CRC_TABLE[usize::from(sum.to_le_bytes()[0] ^ byte)] ^ (sum >> 8)
    })
}

/// The CRC-32 of each byte value, for the computation by bytes.
const CRC_TABLE: [u32; 256] = crc_table();

const fn crc_table() -> [u32; 256] {
    /// The polynomial, lowest power first.
    const POLYNOMIAL: u32 = 0xedb8_8320;
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut sum = byte;
        let mut bit = 0;
        while bit < 8 {
            sum = if sum & 1 == 1 { (sum >> 1) ^ POLYNOMIAL } else { sum >> 1 };
            bit += 1;
        }
        table[byte as usize] = sum;
        byte += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use serde_json::{json, value::RawValue};

    use super::*;

    fn lines(entries: &[impl Serialize]) -> Vec<u8> {
        let mut lines = Vec::new();
        for entry in entries {
            push_line(&mut lines, entry).unwrap();
        }
        lines
    }

    #[test]
    fn checksums_match_known_values_of_crc_32() {
        let check = |text: &str, expected| assert_eq!(crc32(text.as_bytes()), expected, "{text}");
        check("", 0);
        check("a", 0xe8b7_be43);
        check("abc", 0x3524_41c2);
        check("123456789", 0xcbf4_3926);
        check("The quick brown fox jumps over the lazy dog", 0x414f_a339);
    }

    #[test]
    fn a_record_is_a_line_that_people_can_read() {
        let text = |number, lines: &[u8]| String::from_utf8(encode_batch(number, lines)).unwrap();
        // The example of the module documentation.
        let example = [
            r#"495007b8 1:1/2 {"term":3}"#,
            r#"80903176 1:2/2 {"entry":7}"#,
            "",
            r#"f825708a 2:1/1 {"entry":8}"#,
            "",
            "af9bc0df 3:0/0",
        ];
        let written = [
            text(1, &lines(&[json!({"term": 3}), json!({"entry": 7})])),
            text(2, &lines(&[json!({"entry": 8})])),
            text(3, b""),
        ];
        assert_eq!(written.concat().lines().collect::<Vec<_>>(), example);
    }

    #[test]
    fn records_are_parsed_back_one_by_one() {
        let entries = [json!(null), json!("line\nbreak"), json!({"a": [1, 2.5]}), json!("")];
        let out = encode_batch(7, &lines(&entries));
        let mut rest = &out[1..];
        for (record, entry) in (1..).zip(&entries) {
            let found = parse_record(rest).unwrap();
            assert_eq!(found.label, Label { batch: 7, record, record_count: 4 });
            assert_eq!(serde_json::from_slice::<serde_json::Value>(found.json).unwrap(), *entry);
            rest = &rest[found.length..];
        }
        assert_eq!(parse_record(rest), Err(RecordError::EndOfFile));
    }

    #[test]
    fn line_breaks_between_tokens_do_not_end_a_record() {
        let text: Box<RawValue> = serde_json::from_str("[1,\n\n2]").unwrap();
        assert_eq!(lines(&[text]), b"[1,  2]\n");
    }

    #[test]
    fn anything_but_an_encoded_record_is_an_error() {
        let check = |bytes: &[u8], expected| {
            assert_eq!(parse_record(bytes), Err(expected), "{}", bytes.escape_ascii());
        };
        check(b"", RecordError::EndOfFile);
        check(b"\n", RecordError::Checksum);
        check(b"cbf43926\n", RecordError::Checksum);
        check(b"cbf43926 123456789", RecordError::IncompleteLine);
        check(b"CBF43926 123456789\n", RecordError::Checksum);
        check(b"cbf43926  123456789\n", RecordError::Checksum);
        check(b"cbf43926\t123456789\n", RecordError::Checksum);
        check(b"cbf43926 123456788\n", RecordError::Checksum);
        check(b"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\n", RecordError::Checksum);
        // A record of an old version without batches.
        check(b"cbf43926 123456789\n", RecordError::Label);
    }
}
