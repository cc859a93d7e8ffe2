//! Helpers for tests of the `eddy` command.

mod place;

use std::fs;
use std::path::Path;
use std::process::Command;

use eddy::edn::Value;

pub(crate) use place::{CommandResult, Place, all_at_once};

/// Node for the echo workload. It relies on the alphabetical order of keys in requests.
pub(crate) const ECHO: &str = r#"exec sed -u -E \
    -e '/"type":"init"/ s/.*"src":"([^"]*)","dest":"([^"]*)".*"msg_id":([0-9]+).*/{"src":"\2","dest":"\1","body":{"type":"init_ok","in_reply_to":\3}}/' \
    -e '/"type":"echo"/ s/.*"src":"([^"]*)","dest":"([^"]*)".*"echo":("[^"]*").*"msg_id":([0-9]+).*/{"src":"\2","dest":"\1","body":{"type":"echo_ok","echo":\3,"in_reply_to":\4}}/'"#;

impl Place {
    /// Directory with an executable `node` that runs this script.
    pub(crate) fn with_node(name: &str, script: &str) -> Place {
        let place = Place::new(name);
        place.file("node", &format!("#!/bin/sh\n{script}\n"), 0o755);
        place
    }

    /// Command without environment variables about colors. `CI`, set on continuous integration
    /// machines, would enable colors on every terminal, even a dumb one.
    pub(crate) fn command(&self, words: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_eddy"));
        command.args(words.split_whitespace()).current_dir(&self.0);
        for name in ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "CI"] {
            command.env_remove(name);
        }
        command
    }

    /// Runs a command. If it is a test, its history is analyzed again, and the verdict must be the
    /// same.
    pub(crate) fn eddy(&self, words: &str) -> CommandResult {
        let outcome = self.run(words);
        let directory = self.0.join("store/current");
        if words.starts_with("test ") && directory.join("test.json").exists() {
            self.check_analysis(&directory.canonicalize().unwrap());
        }
        outcome
    }

    fn check_analysis(&self, directory: &Path) {
        let read = |file: &str| fs::read_to_string(directory.join(file)).unwrap_or_default();
        let CommandResult { status, stdout, stderr } =
            self.run(&format!("analyze {}", directory.display()));
        let context = format!("{}: {stdout}{stderr}", directory.display());
        let results = read("results.edn");
        if results.is_empty() {
            assert!(stdout.contains("the test did not end"), "{context}");
            return;
        }
        let then = Value::read_edn(&results).unwrap().get("valid?").unwrap().to_string();
        let now = match status {
            Some(0) => "true",
            Some(1) => "false",
            // If nothing was judged, a test is valid, as in Maelstrom, with a warning.
            Some(2) if then == "true" && stdout.contains("; the history has ") => "true",
            Some(2) => ":unknown",
            _ => "nothing",
        };
        assert_eq!(now, then, "{context}");
    }

    fn run(&self, words: &str) -> CommandResult {
        CommandResult::of(&mut self.command(words))
    }
}

/// Argument for `sleep` that no other process uses, not even another run of these tests.
pub(crate) fn unique_sleep(seconds: &str) -> String {
    format!("{seconds}.{}", std::process::id())
}

/// True if any process runs `sleep` with this argument.
pub(crate) fn is_running(marker: &str) -> bool {
    let expected = format!("sleep\0{marker}\0");
    let processes = fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    let lines = processes.filter_map(|process| fs::read(process.path().join("cmdline")).ok());
    lines.into_iter().any(|line| line == expected.as_bytes())
}
