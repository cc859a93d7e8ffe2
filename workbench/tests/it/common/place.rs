//! Working directory of one test, and results of commands.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

/// Working directory of one test, empty at first.
pub(crate) struct Place(pub(crate) PathBuf);

/// Result of a command.
pub(crate) struct CommandResult {
    pub(crate) status: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Place {
    pub(crate) fn new(name: &str) -> Place {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Place(path)
    }

    pub(crate) fn file(&self, name: &str, text: &str, mode: u32) {
        let path = self.0.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    }
}

impl CommandResult {
    pub(crate) fn of(command: &mut Command) -> CommandResult {
        let output = command.output().unwrap();
        CommandResult {
            status: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    #[track_caller]
    pub(crate) fn expect(self, status: i32, fragment: &str) -> CommandResult {
        let CommandResult { stdout, stderr, .. } = &self;
        assert_eq!(self.status, Some(status), "{stdout}\n{stderr}");
        assert!(stderr.contains(fragment), "expected {fragment:?} in:\n{stderr}");
        self
    }
}

/// Runs checks concurrently, because they mostly wait.
pub(crate) fn all_at_once<Row: Sync>(rows: &[Row], check: impl Fn(usize, &Row) + Sync) {
    thread::scope(|scope| {
        for (number, row) in rows.iter().enumerate() {
            let check = &check;
            scope.spawn(move || check(number, row));
        }
    });
}
