//! Decimal numbers of any size as text: Java's way to print them, and their order.
//!
//! Exponents reach two billion, so no number is ever expanded: a comparison looks at the position
//! of the first digit, and then at the digits.

use std::cmp::Ordering;

/// The text that Java's `BigDecimal` prints for a decimal literal; `None` if its scale does not fit
/// in 32 bits.
pub(super) fn canonical(number: &str) -> Option<String> {
    let (negative, digits) = sign(number);
    let (mantissa, exponent) = digits.split_once(['e', 'E']).unwrap_or((digits, "0"));
    let (whole, part) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let scale = i64::try_from(part.len()).ok()?.checked_sub(exponent.parse().ok()?)?;
    i32::try_from(scale).ok()?;
    let digits = [whole, part].concat();
    let digits = match digits.trim_start_matches('0') {
        "" => "0",
        digits => digits,
    };
    let minus = if negative && digits != "0" { "-" } else { "" };
    let last = i64::try_from(digits.len()).ok()? - 1;
    let adjusted = last - scale;
    if scale >= 0 && adjusted >= -6 {
        let scale = usize::try_from(scale).ok()?;
        // At most seven zeros, for the exponent is not below -6.
        let digits = "0".repeat((scale + 1).saturating_sub(digits.len())) + digits;
        let (whole, part) = digits.split_at(digits.len() - scale);
        let point = if part.is_empty() { "" } else { "." };
        return Some(format!("{minus}{whole}{point}{part}"));
    }
    let (first, rest) = digits.split_at(1);
    let point = if rest.is_empty() { "" } else { "." };
    let exponent = if adjusted == 0 { String::new() } else { format!("E{adjusted:+}") };
    Some(format!("{minus}{first}{point}{rest}{exponent}"))
}

/// The sign of a number, true for a minus, and the digits after it.
pub(super) fn sign(number: &str) -> (bool, &str) {
    let negative = number.starts_with('-');
    (negative, number.strip_prefix(['+', '-']).unwrap_or(number))
}

/// A number as `0.DIGITS × 10^exponent`, so that equal numbers have equal parts.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Scientific {
    negative: bool,
    exponent: i64,
    /// Without zeros at either end; none for zero.
    digits: String,
}

impl Scientific {
    /// The parts of an integer or a decimal as it is printed, without a suffix.
    pub(super) fn of(number: &str) -> Scientific {
        let (negative, digits) = sign(number);
        let (mantissa, exponent) = digits.split_once('E').unwrap_or((digits, "0"));
        let (whole, part) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all = [whole, part].concat();
        let significant = all.trim_start_matches('0');
        let skipped = all.len() - significant.len();
        let place = |length: usize| i64::try_from(length).unwrap_or(i64::MAX);
        let digits = significant.trim_end_matches('0').to_owned();
        if digits.is_empty() {
            return Scientific { negative: false, exponent: 0, digits };
        }
        let exponent = exponent.parse().unwrap_or(0) + place(whole.len()) - place(skipped);
        Scientific { negative, exponent, digits }
    }
}

impl Ord for Scientific {
    fn cmp(&self, other: &Scientific) -> Ordering {
        let magnitude =
            |number: &Scientific| (!number.digits.is_empty()).then_some(number.exponent);
        let magnitudes =
            magnitude(self).cmp(&magnitude(other)).then_with(|| self.digits.cmp(&other.digits));
        match (self.negative, other.negative) {
            (false, false) => magnitudes,
            (true, true) => magnitudes.reverse(),
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
        }
    }
}

impl PartialOrd for Scientific {
    fn partial_cmp(&self, other: &Scientific) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(smaller: &str, larger: &str) {
        let (a, b) = (Scientific::of(smaller), Scientific::of(larger));
        assert_eq!((a.cmp(&b), b.cmp(&a)), (Ordering::Less, Ordering::Greater));
    }

    #[test]
    fn a_decimal_may_have_any_number_of_digits() {
        let long = format!("0.{}", "1".repeat(70_000));
        assert_eq!(canonical(&long), Some(long));
    }

    #[test]
    fn numbers_are_compared_without_being_expanded() {
        check("0", "1");
        check("-1", "0.0");
        check("-2", "-1");
        check("0.09", "0.1");
        check("9", "10");
        check("1.5", "1.51");
        check("9E+1999999999", "1E+2000000000");
        check("1E-2000000000", "9E-1999999999");
        check("0", "1E-2000000000");
        for (a, b) in [("1.0", "1.00"), ("1E+3", "1000"), ("0.0", "0E+3"), ("-0.50", "-0.5")] {
            assert_eq!(Scientific::of(a), Scientific::of(b));
        }
    }
}
