//! Reading of numbers, as Clojure's reader does it.

use super::{
    Value,
    decimal::{self, sign},
};

/// The number that a token denotes; `None` if it only begins like a number.
pub(super) fn read(token: &str) -> Option<Value> {
    integer(token).or_else(|| ratio(token)).or_else(|| fraction(token))
}

/// An integer in decimal, hexadecimal (`0x6f`), octal (`017`) or any radix up to 36 (`2r101`).
fn integer(token: &str) -> Option<Value> {
    let (token, has_suffix) = match token.strip_suffix('N') {
        // In base 36, N is a digit.
        Some(number) if !token.contains(['r', 'R']) => (number, true),
        _ => (token, false),
    };
    let (negative, digits) = sign(token);
    let canonical = if digits == "0" {
        digits.to_owned()
    } else if let Some(digits) = digits.strip_prefix("0x").or(digits.strip_prefix("0X")) {
        in_radix(digits, 16)?
    } else if let Some((radix, digits)) = digits.split_once(['r', 'R']) {
        let radix = natural(radix)?.parse().ok()?;
        in_radix(digits, Some(radix).filter(|radix| (2..=36).contains(radix))?)?
    } else if let Some(digits) = digits.strip_prefix('0') {
        in_radix(digits, 8)?
    } else {
        natural(digits)?.to_owned()
    };
    let minus = if negative && canonical != "0" { "-" } else { "" };
    let canonical = format!("{minus}{canonical}");
    match canonical.parse() {
        Ok(number) if !has_suffix => Some(Value::Int(number)),
        // What is beyond 64 bits is a BigInt for Clojure's reader, too. Only Java's own integers
        // are printed without the suffix.
        Err(_) if !has_suffix => Some(Value::BigInteger(canonical.into())),
        _ => Some(Value::BigInt(canonical.into())),
    }
}

/// Converts digits from another radix to decimal; numbers beyond 128 bits are not supported, since
/// no program prints them so.
fn in_radix(digits: &str, radix: u32) -> Option<String> {
    let alphanumeric = digits.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let number = u128::from_str_radix(digits, radix).ok().filter(|_| alphanumeric);
    number.map(|number| number.to_string())
}

/// A ratio in lowest terms. Parts beyond 128 bits are not reduced: Clojure prints them reduced.
fn ratio(token: &str) -> Option<Value> {
    let (numerator, denominator) = token.split_once('/')?;
    let (negative, numerator) = sign(numerator);
    let (numerator, denominator) = (natural(numerator)?, natural(denominator)?);
    let (numerator, denominator) = match (numerator.parse(), denominator.parse()) {
        (_, Ok(0)) => return None,
        (Ok(numerator), Ok(denominator)) => {
            let divisor = greatest_common_divisor(numerator, denominator);
            ((numerator / divisor).to_string(), (denominator / divisor).to_string())
        }
        _ => (without_zeros(numerator).to_owned(), without_zeros(denominator).to_owned()),
    };
    let minus = if negative && numerator != "0" { "-" } else { "" };
    match &*denominator {
        "1" => Value::integer(&format!("{minus}{numerator}")),
        _ => Some(Value::Ratio(format!("{minus}{numerator}/{denominator}").into())),
    }
}

fn greatest_common_divisor(a: u128, b: u128) -> u128 {
    if b == 0 { a } else { greatest_common_divisor(b, a % b) }
}

/// A double or a decimal, such as `0.5`, `1e3`, `7.` or `1E+3M`.
fn fraction(token: &str) -> Option<Value> {
    let (number, is_decimal) = match token.strip_suffix('M') {
        Some(number) => (number, true),
        None => (token, false),
    };
    let (_, digits) = sign(number);
    let (mantissa, exponent) = digits.split_once(['e', 'E']).unwrap_or((digits, "0"));
    let (whole, part) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    natural(whole)?;
    natural(sign(exponent).1)?;
    // An octal number with an 8 in it is not a double either.
    let is_integer = !is_decimal && !digits.contains(['.', 'e', 'E']);
    if is_integer || !part.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    if is_decimal {
        decimal::canonical(number).map(|text| Value::Decimal(text.into()))
    } else {
        number.parse().ok().map(Value::Float)
    }
}

/// Returns the text if it consists of digits only.
fn natural(digits: &str) -> Option<&str> {
    let all_digits = digits.bytes().all(|byte| byte.is_ascii_digit());
    Some(digits).filter(|digits| all_digits && !digits.is_empty())
}

fn without_zeros(digits: &str) -> &str {
    let trimmed = digits.trim_start_matches('0');
    if trimmed.is_empty() { "0" } else { trimmed }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(token: &str, printed: &str) {
        let number = read(token).map(|number| number.to_string());
        assert_eq!(number.as_deref(), Some(printed), "{token}");
    }

    /// Checks that numbers print as Clojure 1.11 prints them.
    #[test]
    fn numbers_are_read_as_clojure_reads_them() {
        for (token, printed) in [
            ("0", "0"),
            ("-0", "0"),
            ("00", "0"),
            ("0N", "0N"),
            ("12N", "12N"),
            ("+7", "7"),
            ("0x6f", "111"),
            ("+0x1F", "31"),
            ("-0x8000000000000000", "-9223372036854775808"),
            ("017", "15"),
            ("2r101", "5"),
            ("36rZN", "1283"),
            ("1/3", "1/3"),
            ("-4/6", "-2/3"),
            ("4/2", "2"),
            ("0/5", "0"),
            ("+1/2", "1/2"),
            ("1e3", "1000.0"),
            ("1.", "1.0"),
            ("1.0E-5", "1.0E-5"),
            ("0.5M", "0.5M"),
            ("1.M", "1M"),
            ("000.50M", "0.50M"),
            ("-0.0M", "0.0M"),
            ("0E+3M", "0E+3M"),
            ("0.0000001M", "1E-7M"),
            ("123E5M", "1.23E+7M"),
            ("12.3E1M", "123M"),
        ] {
            check(token, printed);
        }
    }

    #[test]
    fn a_token_that_only_begins_like_a_number_is_not_one() {
        for token in [
            "08",
            "1r1",
            "37rZ",
            "2r12",
            "1/0",
            "4/-2",
            "1/2/3",
            "1_000",
            "1.2.3",
            "10.0.0.1",
            "1E99999999999M",
            "1e",
            "0x",
            "2r+1",
            "1inf",
        ] {
            assert_eq!(read(token), None, "{token}");
        }
    }
}
