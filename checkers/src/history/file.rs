//! History files: how to find and read them.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use flate2::bufread::MultiGzDecoder;

use super::History;

/// Names of the history file in a test's directory.
const HISTORY_FILES: [&str; 2] = ["history.edn", "history.edn.gz"];

/// The first bytes of every gzipped file (RFC 1952, section 2.3.1).
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// The first bytes of Jepsen's own format, which holds whole tests.
const JEPSEN_MAGIC: &[u8] = b"JEPSEN";

/// Maximum size of an unpacked history in bytes: that of some ten million operations.
///
/// A smaller limit would refuse tests that ran for days. Gzip compresses up to a thousandfold, so
/// with a larger limit a file small enough for an email could exhaust memory. An uncompressed file
/// shows its size, and has no limit.
const MAX_UNPACKED_BYTES: u64 = 1 << 30;

/// Finds the history file in the directory of a recorded test; a path to a file is returned as it
/// is.
pub fn find(path: &Path) -> Result<PathBuf, String> {
    if !path.is_dir() {
        return Ok(path.to_owned());
    }
    let shown = path.display();
    let files = HISTORY_FILES.map(|name| path.join(name));
    if let Some(file) = files.into_iter().find(|file| file.exists()) {
        return Ok(file);
    }
    let latest = path.join("latest");
    Err(if latest.exists() {
        format!("{shown} is not a test; did you mean {}?", latest.display())
    } else {
        format!("{shown} has no {}; expected the directory of a test", HISTORY_FILES.join(" or "))
    })
}

/// Reads a history file; the error is a sentence.
pub fn read(path: &Path) -> Result<History, String> {
    parse(path, contents(path))
}

/// Reads a history file whose last line may be incomplete, because its writer was killed; that line
/// is dropped.
pub fn read_torn(path: &Path) -> Result<History, String> {
    let whole_lines = contents(path).map(|mut bytes| {
        let end = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1);
        bytes.truncate(end);
        bytes
    });
    parse(path, whole_lines)
}

fn parse(path: &Path, contents: Result<Vec<u8>, String>) -> Result<History, String> {
    let shown = path.display();
    let bytes = contents.map_err(|error| format!("{shown}: {error}"))?;
    let text = String::from_utf8(bytes).map_err(|error| {
        let line = line_number(&error.as_bytes()[..error.utf8_error().valid_up_to()]);
        format!("{shown}: line {line}: this is no UTF-8; expected an operation in EDN")
    })?;
    History::read(&text).map_err(|error| {
        let hint = match text.lines().next() {
            Some(line) if line.contains("\t:") => ", as in the history.edn beside a history.txt",
            _ => "",
        };
        format!(
            "{shown}: {error}. Expected one operation after the other, as in a history.edn{hint}, \
             or objects in JSON"
        )
    })
}

fn contents(path: &Path) -> Result<Vec<u8>, String> {
    let unreadable =
        |error: io::Error| format!("{error}; expected a history.edn, or the directory of a test");
    let mut file = BufReader::new(File::open(path).map_err(unreadable)?);
    let beginning = file.fill_buf().map_err(unreadable)?;
    if beginning.starts_with(JEPSEN_MAGIC) {
        return Err(
            "this is a whole test in Jepsen's own format; expected the history.edn beside it"
                .to_owned(),
        );
    }
    if beginning.starts_with(&GZIP_MAGIC) {
        return unpack(file, MAX_UNPACKED_BYTES);
    }
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).map_err(unreadable)?;
    Ok(bytes)
}

/// Unpacks gzipped bytes; more than `limit` is an error.
fn unpack(packed: impl BufRead, limit: u64) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let unpacked = MultiGzDecoder::new(packed).take(limit + 1).read_to_end(&mut bytes);
    if let Err(error) = unpacked {
        return Err(format!(
            "line {}: {error}; expected a whole gzipped history",
            line_number(&bytes)
        ));
    }
    if bytes.len() as u64 > limit {
        return Err(format!(
            "this is more than {limit} bytes when it is unpacked; expected less, or the history \
             unpacked"
        ));
    }
    Ok(bytes)
}

/// The number of the line that these bytes end in, from 1.
fn line_number(bytes: &[u8]) -> usize {
    bytes.split(|byte| *byte == b'\n').count()
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::{Compression, write::GzEncoder};

    use super::*;

    #[test]
    fn unpacking_stops_at_the_limit() {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(&vec![b'\n'; 1_000_000]).unwrap();
        let packed = encoder.finish().unwrap();
        assert_eq!(unpack(&*packed, 1_000_000).unwrap().len(), 1_000_000);
        let error = unpack(&*packed, 999_999).unwrap_err();
        assert!(error.starts_with("this is more than 999999 bytes when it is unpacked"), "{error}");
        let cut = &packed[..packed.len() - 20];
        let error = unpack(cut, 1_000_000).unwrap_err();
        assert!(error.ends_with("expected a whole gzipped history"), "{error}");
        // Unpacking stops at the limit.
        let error = unpack(cut, 1000).unwrap_err();
        assert!(error.starts_with("this is more than 1000 bytes"), "{error}");
    }
}
