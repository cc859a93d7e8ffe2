//! A record: one line, `{checksum} {JSON}`, so that people can read a file and mend it.
//!
//! The checksum is what tells a whole record from a torn one. It is CRC-32, which finds every error
//! within 32 bits in a row and misses one in four thousand million of all others. That is for
//! accidents; nobody is kept from writing a record of his own.

use serde::Serialize;

/// The checksum in hexadecimal digits and a space.
const JSON_AT: usize = 9;

/// A record that is whole.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Record<'a> {
    pub(super) json: &'a [u8],
    /// How many bytes it takes, with everything around the JSON.
    pub(super) length: usize,
}

/// The record with which these bytes begin, unless it is torn.
pub(super) fn first(bytes: &[u8]) -> Option<Record<'_>> {
    let end = bytes.iter().position(|byte| *byte == b'\n')?;
    let (checksum, json) = bytes[..end].split_at_checked(JSON_AT)?;
    let is_whole = checksum == checksum_of(json);
    is_whole.then_some(Record { json, length: end + 1 })
}

/// Adds a record.
pub(super) fn push(out: &mut Vec<u8>, entry: &impl Serialize) -> serde_json::Result<()> {
    let start = out.len();
    out.extend_from_slice(&[b' '; JSON_AT]);
    serde_json::to_writer(&mut *out, entry)?;
    let (checksum, json) = out[start..].split_at_mut(JSON_AT);
    // JSON that is passed on as text may contain line breaks, between its tokens.
    for byte in json.iter_mut().filter(|byte| **byte == b'\n') {
        *byte = b' ';
    }
    checksum.copy_from_slice(&checksum_of(json));
    out.push(b'\n');
    Ok(())
}

fn checksum_of(json: &[u8]) -> [u8; JSON_AT] {
    let (mut text, sum) = ([b' '; JSON_AT], crc32(json));
    for (digit, place) in text[..8].iter_mut().zip((0..8).rev()) {
        *digit = b"0123456789abcdef"[(sum >> (4 * place) & 0xf) as usize];
    }
    text
}

/// The CRC-32 of IEEE 802.3, as in gzip and PNG.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes
        .iter()
        .fold(u32::MAX, |sum, byte| TABLE[usize::from(sum.to_le_bytes()[0] ^ byte)] ^ (sum >> 8))
}

/// What each value of a byte does to the checksum.
const TABLE: [u32; 256] = table();

const fn table() -> [u32; 256] {
    /// The polynomial, its lowest power first.
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

    #[test]
    fn checksums_are_those_that_everybody_knows() {
        let check = |text: &str, expected| assert_eq!(crc32(text.as_bytes()), expected, "{text}");
        check("", 0);
        check("a", 0xe8b7_be43);
        check("abc", 0x3524_41c2);
        check("123456789", 0xcbf4_3926);
        check("The quick brown fox jumps over the lazy dog", 0x414f_a339);
    }

    #[test]
    fn a_record_is_a_line_that_people_can_read() {
        let mut out = b"before\n".to_vec();
        push(&mut out, &123_456_789).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), "before\ncbf43926 123456789\n");
    }

    #[test]
    fn what_was_pushed_comes_back_one_by_one() {
        let entries = [json!(null), json!("line\nbreak"), json!({"a": [1, 2.5]}), json!("")];
        let mut out = Vec::new();
        for entry in &entries {
            push(&mut out, entry).unwrap();
        }
        let mut rest = &out[..];
        for entry in &entries {
            let record = first(rest).unwrap();
            assert_eq!(serde_json::from_slice::<serde_json::Value>(record.json).unwrap(), *entry);
            rest = &rest[record.length..];
        }
        assert_eq!(first(rest), None);
    }

    #[test]
    fn line_breaks_between_tokens_do_not_end_a_record() {
        let text: Box<RawValue> = serde_json::from_str("[1,\n\n2]").unwrap();
        let mut out = Vec::new();
        push(&mut out, &text).unwrap();
        assert_eq!(first(&out).unwrap(), Record { json: b"[1,  2]", length: out.len() });
    }

    #[test]
    fn only_what_was_written_is_a_record() {
        let check = |bytes: &[u8]| assert_eq!(first(bytes), None, "{}", bytes.escape_ascii());
        check(b"");
        check(b"\n");
        check(b"cbf43926\n");
        check(b"cbf43926 123456789");
        check(b"CBF43926 123456789\n");
        check(b"cbf43926  123456789\n");
        check(b"cbf43926\t123456789\n");
        check(b"cbf43926 123456788\n");
        check(b"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\n");
    }
}
