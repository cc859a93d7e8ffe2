//! Program of a node, checked before any process is spawned.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, ErrorKind, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::hint;

/// Bytes of a script that are searched for the end of its first line. The kernel reads fewer.
const MAX_FIRST_LINE_BYTES: u64 = 4096;

/// Path of an executable file. As in Maelstrom, `PATH` is not searched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProgramFile(PathBuf);

impl ProgramFile {
    /// Finds a program, relative to the current directory. `words` are its arguments, and errors
    /// name `node`.
    pub fn find(path: &Path, words: &[OsString], node: &str) -> Result<ProgramFile> {
        ProgramFile::resolve(path, words).with_context(|| format!("node {node} cannot be started"))
    }

    fn resolve(given: &Path, words: &[OsString]) -> Result<ProgramFile> {
        let path = std::path::absolute(given).unwrap_or_else(|_| given.to_owned());
        let shown = path.display();
        // Links are resolved, as in Maelstrom: a program may look for its files beside itself.
        let real = match path.canonicalize() {
            Ok(real) => real,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                bail!("{shown} does not exist{}", hint::of(given, words).unwrap_or_default())
            }
            Err(error) => bail!("{shown} cannot be read: {error}"),
        };
        let metadata = fs::metadata(&real).with_context(|| format!("{shown} cannot be read"))?;
        if metadata.is_dir() {
            bail!("{shown} is a directory; expected an executable file");
        }
        if metadata.permissions().mode() & 0o111 == 0 {
            bail!("{shown} is not executable (chmod +x makes it so)");
        }
        Ok(ProgramFile(real))
    }

    /// Absolute path, without links.
    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    /// Error for a failed spawn, with advice for scripts.
    pub(super) fn spawn_error(&self, node: &str, error: &std::io::Error) -> anyhow::Error {
        let path = self.0.display();
        let no_exec = Some(rustix::io::Errno::NOEXEC.raw_os_error());
        let is_without_interpreter = error.raw_os_error() == no_exec;
        let hint = match error.kind() {
            ErrorKind::NotFound if !self.0.exists() => {
                return anyhow::anyhow!("node {node} cannot be started: {path} no longer exists");
            }
            ErrorKind::NotFound if has_carriage_return(&self.0) => {
                "; its first line ends with a carriage return, as on Windows. Expected a line feed \
                 alone: sed -i 's/\\r$//' fixes it"
            }
            ErrorKind::NotFound => "; does the interpreter that its first line names exist?",
            _ if is_without_interpreter && self.0.extension().is_some_and(|kind| kind == "py") => {
                "; does it begin with the line #!/usr/bin/env python3?"
            }
            _ if is_without_interpreter => "; does it begin with a line like #!/bin/sh?",
            _ => file_limit_advice(error),
        };
        anyhow::anyhow!("node {node} cannot be started: {path}: {error}{hint}")
    }
}

/// Advice for a system error that comes from too many nodes, as a continuation of its sentence.
pub(super) fn file_limit_advice(error: &std::io::Error) -> &'static str {
    if error.raw_os_error() == Some(rustix::io::Errno::MFILE.raw_os_error()) {
        "; each node needs a few open files. `ulimit -n` shows the limit, and raises it"
    } else {
        ""
    }
}

/// True if the `#!` line ends with a carriage return, which Unix takes for a part of the
/// interpreter's name.
fn has_carriage_return(path: &Path) -> bool {
    let mut line = Vec::new();
    let read = File::open(path).and_then(|file| {
        BufReader::new(file.take(MAX_FIRST_LINE_BYTES)).read_until(b'\n', &mut line)
    });
    read.is_ok() && line.starts_with(b"#!") && line.ends_with(b"\r\n")
}

#[cfg(test)]
mod tests {
    use std::io::Error;

    use rustix::io::Errno;

    use super::*;

    #[test]
    fn a_failed_spawn_gets_advice() {
        #[track_caller]
        fn check(path: &str, error: Errno, expected: &str) {
            let program = ProgramFile(PathBuf::from(path));
            let error = Error::from_raw_os_error(error.raw_os_error());
            let message = program.spawn_error("n7", &error).to_string();
            let begins = format!("node n7 cannot be started: {path}");
            assert!(message.starts_with(&begins) && message.ends_with(expected), "{message}");
        }
        let script = std::env::temp_dir().join(format!("eddy-return-{}", std::process::id()));
        std::fs::write(&script, "#!/bin/sh\r\n").unwrap();
        check(script.to_str().unwrap(), Errno::NOENT, "alone: sed -i 's/\\r$//' fixes it");
        std::fs::remove_file(&script).unwrap();
        check("/bin/sh", Errno::NOENT, "; does the interpreter that its first line names exist?");
        check("/bin/no-such-node", Errno::NOENT, "/bin/no-such-node no longer exists");
        check("/bin/sh", Errno::NOEXEC, "; does it begin with a line like #!/bin/sh?");
        check("/bin/node.py", Errno::NOEXEC, "begin with the line #!/usr/bin/env python3?");
        check("/bin/sh", Errno::MFILE, "shows the limit, and raises it");
        check("/bin/sh", Errno::ACCESS, ": Permission denied (os error 13)");
    }
}
