//! Formatting of numbers and times.

use jiff::{Timestamp, Zoned};

pub(crate) use eddy_pages::page::parts;
use eddy_pages::summary;

/// Start of a test, from the name of its directory, which has the same form in eddy and Jepsen.
pub(crate) fn start_time(name: &str) -> Option<Timestamp> {
    let name =
        name.strip_suffix('Z').map_or_else(|| name.to_owned(), |time| format!("{time}+0000"));
    Zoned::strptime("%Y%m%dT%H%M%S%.f%z", &name).ok().map(|time| time.timestamp()).or_else(|| {
        jiff::fmt::strtime::parse("%Y%m%dT%H%M%S%.f%z", &name).ok()?.to_timestamp().ok()
    })
}

/// Local date and time from the name of a test's directory.
pub(crate) fn local_time(name: &str) -> String {
    let digits = |range| name.get(range).filter(|part: &&str| is_number(part));
    let parts =
        (digits(0..4), digits(4..6), digits(6..8), digits(9..11), digits(11..13), digits(13..15));
    match parts {
        (Some(year), Some(month), Some(day), Some(hour), Some(minute), Some(second)) => {
            format!("{year}-{month}-{day} {hour}:{minute}:{second}")
        }
        _ => name.to_owned(),
    }
}

fn is_number(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Figure that may be missing.
pub(crate) fn optional_figure(value: Option<f64>) -> String {
    value.map_or_else(|| "–".to_owned(), summary::format_figure)
}

/// Size of a file.
#[expect(clippy::cast_precision_loss, reason = "one digit behind the point is shown")]
pub(crate) fn size(bytes: u64) -> String {
    let (mut size, mut units) = (bytes as f64, ["B", "kB", "MB", "GB"].into_iter());
    let mut unit = units.next().unwrap_or_default();
    for larger in units {
        if size < 1000.0 {
            break;
        }
        (size, unit) = (size / 1000.0, larger);
    }
    if unit == "B" { format!("{bytes} B") } else { format!("{size:.1} {unit}") }
}

#[cfg(test)]
mod tests {
    use super::{local_time, size, start_time};

    #[test]
    fn the_names_of_directories_are_times() {
        for (name, seconds) in [
            ("20260101T000000.250+0000", 1_767_225_600),
            ("20260101T000000.250Z", 1_767_225_600),
            ("20260101T013000.000+0130", 1_767_225_600),
        ] {
            assert_eq!(start_time(name).map(jiff::Timestamp::as_second), Some(seconds), "{name}");
        }
        assert_eq!(start_time("yesterday"), None);
        assert_eq!(local_time("20260102T030405.678+0000"), "2026-01-02 03:04:05");
        assert_eq!(local_time("yesterday"), "yesterday");
    }

    #[test]
    fn sizes_have_a_digit_behind_the_point() {
        assert_eq!(
            [size(0), size(999), size(1000), size(2_345_678)],
            ["0 B", "999 B", "1.0 kB", "2.3 MB"]
        );
    }
}
