//! Atomic replacement of files and links: a reader gets either the old or the new one, whole.

use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};

/// Creates or replaces a file.
pub(super) fn file(path: &Path, text: impl AsRef<[u8]>) -> io::Result<()> {
    replace(path, |new| fs::write(new, text))
}

/// Creates or replaces a symbolic link.
pub(super) fn link(path: &Path, target: &Path) -> io::Result<()> {
    replace(path, |new| symlink(target, new))
}

/// Creates a temporary file beside a path and renames it to the path. Concurrent tests, in one
/// process or several, may replace the same path.
fn replace(path: &Path, make: impl FnOnce(&Path) -> io::Result<()>) -> io::Result<()> {
    static MADE: AtomicU64 = AtomicU64::new(0);
    let name = path.file_name().unwrap_or_default().display();
    let number = MADE.fetch_add(1, Ordering::Relaxed);
    let new = path.with_file_name(format!(".{name}.{}.{number}", process::id()));
    let replaced = make(&new).and_then(|()| fs::rename(&new, path));
    if replaced.is_err() {
        // Best effort: the error of the replacement matters more.
        let _ = fs::remove_file(&new);
    }
    replaced
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_path_may_be_replaced_concurrently() {
        let directory = std::env::temp_dir().join(format!("eddy-replace-{}", process::id()));
        fs::create_dir(&directory).unwrap();
        let path = directory.join("latest");
        let slow = |new: &Path| {
            fs::write(new, "slow")?;
            file(&path, "fast")
        };
        replace(&path, slow).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "slow");
        replace(&path, |_| Err(io::Error::other("no room"))).unwrap_err();
        assert_eq!(fs::read_to_string(&path).unwrap(), "slow");
        assert_eq!(fs::read_dir(&directory).unwrap().count(), 1, "nothing is left beside it");
        fs::remove_dir_all(&directory).unwrap();
    }
}
