//! URLs, percent-encoded so that any name of a file or workload works.

use std::fmt::Write;

use crate::store_dir::TestId;

/// URL of a test's page, or of one of its files.
pub(crate) fn of_test(id: &TestId, path: &str) -> String {
    format!(
        "/run/{}/{}/{}",
        percent_encode(&id.workload, ""),
        percent_encode(&id.time, ""),
        percent_encode(path, "/")
    )
}

/// Query string of a URL, without empty values.
pub(crate) fn query(pairs: &[(&str, String)]) -> String {
    let set = pairs.iter().filter(|(_, value)| !value.is_empty());
    set.map(|(key, value)| format!("{key}={}", percent_encode(value, "/")))
        .collect::<Vec<_>>()
        .join("&")
}

fn percent_encode(text: &str, spared: &str) -> String {
    text.bytes().fold(String::new(), |mut encoded, byte| {
        let is_plain = byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        if is_plain || spared.as_bytes().contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            // Writing to a `String` cannot fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
        encoded
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn links_are_percent_encoded() {
        let id = super::TestId::new("lin-kv", "20260101T000000.000+0100").unwrap();
        let link = super::of_test(&id, "storage/n0/a b?#%\"ü");
        let plain = "/run/lin-kv/20260101T000000.000%2B0100/storage/n0/a%20b%3F%23%25%22%C3%BC";
        assert_eq!(link, plain);
        assert_eq!(super::query(&[("a", "x/y&z".to_owned()), ("b", String::new())]), "a=x/y%26z");
    }
}
