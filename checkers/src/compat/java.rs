//! Java's `hashCode`.

use crate::edn::Value;

/// The hash of a value, if upstream's values have one that does not depend on the machine; else 0.
pub(super) fn hash(value: &Value) -> u32 {
    match value {
        Value::Bool(true) => 1231,
        Value::Bool(false) => 1237,
        Value::Int(number) => hash_bits(number.cast_unsigned()),
        Value::BigInt(digits) | Value::BigInteger(digits) => match digits.parse::<i64>() {
            Ok(number) => hash_bits(number.cast_unsigned()),
            Err(_) => hash_digits(digits),
        },
        Value::Char(character) => (*character).into(),
        Value::Float(number) => hash_bits(number.to_bits()),
        Value::Str(text) => hash_text(text),
        Value::List(elements) | Value::Vector(elements) => hash_list(elements.iter().map(hash)),
        Value::Map(map) => {
            let entries = map.iter().map(|(key, value)| hash(key) ^ hash(value));
            entries.fold(0, u32::wrapping_add)
        }
        Value::Set(set) => set.iter().map(hash).fold(0, u32::wrapping_add),
        _ => 0,
    }
}

/// The hash of a list whose elements have these hashes.
pub(super) fn hash_list(hashes: impl Iterator<Item = u32>) -> u32 {
    hashes.fold(1, |hash, element| hash.wrapping_mul(31).wrapping_add(element))
}

/// The hash of a long, or of the bits of a double.
pub(super) fn hash_bits(bits: u64) -> u32 {
    low(bits) ^ low(bits >> 32)
}

/// The hash of a `BigInteger` of up to 128 bits.
pub(super) fn hash_digits(digits: &str) -> u32 {
    let Ok(number) = digits.parse::<i128>() else { return hash_text(digits) };
    let magnitude = number.unsigned_abs();
    let words = [96, 64, 32, 0]
        .map(|shift| low(u64::try_from(magnitude >> shift & 0xffff_ffff).unwrap_or(0)));
    let hash = words.iter().fold(0, |hash: u32, word| hash.wrapping_mul(31).wrapping_add(*word));
    if number < 0 { hash.wrapping_neg() } else { hash }
}

/// The hash of a string.
pub(super) fn hash_text(text: &str) -> u32 {
    text.encode_utf16().fold(0, |hash: u32, unit| hash.wrapping_mul(31).wrapping_add(unit.into()))
}

#[expect(clippy::cast_possible_truncation, reason = "half of it is wanted")]
pub(super) fn low(words: u64) -> u32 {
    words as u32
}
