//! Chromium, controlled through `chromedriver`.
//!
//! One `chromedriver` serves all tests. Its parent is a shell that waits for the end of its own
//! input, a pipe that only this process holds. However this process ends, the shell then kills its
//! process group: `chromedriver` and every browser that it started.

use std::env;
use std::io::{BufRead, BufReader, Write, stderr};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

/// Programs that must be on the PATH.
const PROGRAMS: [&str; 2] = ["chromium", "chromedriver"];

/// Script that kills its process group at the end of its input. It closes its STDOUT, so that the
/// end of `chromedriver`'s output is seen.
const KILL_AT_EOF: &str = "chromedriver --port=0 & exec >&-; read -r nothing; kill -9 0";

struct Driver {
    address: String,
    /// Holds the pipe.
    _shell: Child,
}

/// URL of `chromedriver`. `None`, after a message, if the tests are skipped.
pub(crate) fn address() -> Option<&'static str> {
    static DRIVER: OnceLock<Option<Driver>> = OnceLock::new();
    let missing: Vec<&str> =
        PROGRAMS.into_iter().filter(|program| !is_installed(program)).collect();
    if !missing.is_empty() {
        let line = format!(
            "skipped, because {} cannot be found on the PATH; on Debian: apt-get install chromium \
             chromium-driver",
            missing.join(" and ")
        );
        let is_required = env::var("EDDY_BROWSER").is_ok_and(|value| value == "required");
        assert!(!is_required, "EDDY_BROWSER=required, but this would be {line}");
        // Not `eprintln!`, whose output is hidden in tests that pass.
        let test = std::thread::current();
        let line = format!("{}: {line}\n", test.name().unwrap_or_default());
        stderr().write_all(line.as_bytes()).unwrap();
        return None;
    }
    DRIVER.get_or_init(|| Some(Driver::start())).as_ref().map(|driver| &*driver.address)
}

fn is_installed(program: &str) -> bool {
    let paths = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&paths).any(|directory| directory.join(program).is_file())
}

impl Driver {
    fn start() -> Driver {
        let mut command = Command::new("sh");
        command.args(["-c", KILL_AT_EOF]).process_group(0);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit());
        let mut shell = command.spawn().unwrap();
        let mut lines = BufReader::new(shell.stdout.take().unwrap()).lines();
        let port = lines.find_map(|line| {
            let line = line.unwrap();
            let port = line.strip_prefix("ChromeDriver was started successfully on port ")?;
            Some(port.trim_end_matches('.').to_owned())
        });
        let port = port.expect("chromedriver should tell its port");
        // Its further output must be read, or its writes would fail.
        std::thread::spawn(move || lines.for_each(drop));
        Driver { address: format!("http://127.0.0.1:{port}"), _shell: shell }
    }
}
