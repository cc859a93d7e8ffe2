//! Test of every command in the documents.
//!
//! The commands of each block of `sh` or `console` in the READMEs and in `docs/` are run in order,
//! in a directory of the block's own, so nothing here is changed. Each must exit with 0, or with
//! the status in its comment, `# exits with 1`, and must print what a `console` block shows below
//! it. Exceptions are in [`EXCEPTIONS`], with the reason.
//!
//! Commands that take longer than 5 s are run only by `make docs-test`.

mod block;

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{self, Stdio};
use std::sync::OnceLock;

use crate::common::Place;

use block::{CommandBlock, DocumentedCommand, blocks, output_matches};

/// Condition under which a command is run.
#[derive(Debug, Clone, Copy, PartialEq)]
enum RunWhen {
    Always,
    /// By `make docs-test`, with the rest of its block, which may depend on it.
    InDocsTest,
    Never,
}

/// Prefix of a command, when it is run, and why. The longest matching prefix counts.
const EXCEPTIONS: [(&str, RunWhen, &str); 11] = [
    ("make", RunWhen::InDocsTest, "it runs a challenge, which takes 10 s or more"),
    ("make build-echo", RunWhen::Always, "it is done: cargo has built what is tested"),
    ("make verify", RunWhen::Never, "it runs for minutes, and runs this test"),
    ("make broadcast-d MAELSTROM=", RunWhen::Never, "it needs Jepsen's Maelstrom, and so a JVM"),
    ("eddy test", RunWhen::InDocsTest, "it runs as long as its time limit says"),
    ("target/debug/eddy test", RunWhen::InDocsTest, "it runs as long as its time limit says"),
    ("cargo", RunWhen::Never, "it compiles a project that is the reader's"),
    (
        "cargo run --package eddy-checkers",
        RunWhen::Never,
        "it compiles; a test of the example runs it",
    ),
    ("target/debug/examples/lock", RunWhen::Never, "it is not built; a test of its own does both"),
    ("eddy test -w echo --bin target/debug/my-node", RunWhen::Never, "it needs that project"),
    ("eddy serve", RunWhen::Never, "it runs until it is stopped; the tests of serve do so"),
];

/// Timeout of a command in seconds, much longer than any takes.
const TIMEOUT_SECONDS: &str = "300";

/// Node that `path/to/node` stands for: one that survives kills, as the examples need.
const NODE: &str = "broadcast-durable";

/// Recordings that `store/latest`, before a test was run, and `history.edn.gz` stand for.
const RECORDED: [&str; 2] = ["txn-append-1", "lin-kv-1"];

/// Environment variables of the make or cargo that runs this test, which a nested make must not
/// inherit.
const MAKE_VARIABLES: [&str; 5] = ["MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES", "ARGS"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// Documents by name.
fn documents() -> Vec<(String, String)> {
    let mut names =
        ["README.md", "eddy/README.md", "workbench/README.md"].map(str::to_owned).to_vec();
    let more = fs::read_dir(root().join("docs")).unwrap().map(|entry| entry.unwrap().path());
    let more = more.filter(|path| path.extension().is_some_and(|extension| extension == "md"));
    names.extend(more.map(|path| format!("docs/{}", path.file_name().unwrap().display())));
    names.sort();
    let text = |name: &String| fs::read_to_string(root().join(name)).unwrap();
    names.iter().map(|name| (name.clone(), text(name))).collect()
}

/// Condition under which a command is run, and the index in [`EXCEPTIONS`] of the entry that says
/// so.
fn when(command: &DocumentedCommand) -> (RunWhen, Option<usize>) {
    let is_it = |beginning: &str| {
        let rest = command.text.strip_prefix(beginning);
        rest.is_some_and(|rest| beginning.ends_with('=') || !rest.starts_with(|c: char| c != ' '))
    };
    let all = EXCEPTIONS.iter().enumerate().filter(|(_, (beginning, ..))| is_it(beginning));
    let longest = all.max_by_key(|(_, (beginning, ..))| beginning.len());
    longest.map_or((RunWhen::Always, None), |(place, (_, when, _))| (*when, Some(place)))
}

/// Directory of the programs.
fn programs() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let directory = Path::new(env!("CARGO_BIN_EXE_eddy")).parent().unwrap();
        // `cargo test --package eddy` does not build the nodes of the other package.
        if !directory.join(NODE).exists() {
            let mut cargo = process::Command::new(env!("CARGO"));
            cargo.args(["build", "--quiet", "--workspace", "--bins"]).current_dir(root());
            assert!(cargo.status().unwrap().success(), "the nodes cannot be built");
        }
        directory.to_owned()
    })
}

/// Creates a directory with the files that the documents assume.
fn prepare(name: &str) -> Place {
    let place = Place::new(&format!("documents/{name}"));
    for directory in ["bin", "home", "path/to", "target", "store/recorded"] {
        fs::create_dir_all(place.0.join(directory)).unwrap();
    }
    let link = |to: PathBuf, from: &str| symlink(to, place.0.join(from)).unwrap();
    link(root().join("Makefile"), "Makefile");
    link(programs().to_owned(), "target/debug");
    link(programs().join("eddy"), "bin/eddy");
    link(programs().join(NODE), "path/to/node");
    link("recorded".into(), "store/latest");
    let [test, history] = RECORDED.map(|name| root().join("checkers/tests/recordings").join(name));
    for file in ["history.edn.gz", "results.edn"] {
        fs::copy(test.join(file), place.0.join("store/latest").join(file)).unwrap();
    }
    fs::copy(history.join("history.edn.gz"), place.0.join("history.edn.gz")).unwrap();
    place
}

/// Runs the commands of a block that are ever run. The error is the first difference from the
/// document.
fn run(name: &str, block: &CommandBlock) -> Result<(), String> {
    let place = prepare(name);
    let path = std::env::var("PATH").unwrap();
    let path = format!("{}:{path}", place.0.join("bin").display());
    for command in block.commands.iter().filter(|command| when(command).0 != RunWhen::Never) {
        let DocumentedCommand { text, status, output } = command;
        let mut shell = process::Command::new("timeout");
        shell.args([TIMEOUT_SECONDS, "sh", "-c", text]).current_dir(&place.0).stdin(Stdio::null());
        shell.env("PATH", &path).env("HOME", place.0.join("home"));
        // Everything that make would build is built already.
        shell.env("CARGO", "true");
        for name in MAKE_VARIABLES {
            shell.env_remove(name);
        }
        let ended = shell.output().unwrap();
        let (stdout, stderr) = (ended.stdout, ended.stderr);
        let (stdout, stderr) = (String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
        if ended.status.code() != Some(*status) {
            return Err(format!(
                "{text}\n{} and not with {status}, as the document says; it printed\n{stdout}\
                 {stderr}",
                ended.status
            ));
        }
        if !output.is_empty() && !output_matches(output, &stdout.lines().collect::<Vec<_>>()) {
            let shown = output.join("\n");
            return Err(format!("{text}\nprinted\n{stdout}and the document shows\n{shown}"));
        }
    }
    Ok(())
}

/// Differences from the documents, in either the slow or the fast blocks.
fn failures(documents: &[(String, String)], slow: bool) -> Vec<String> {
    let mut failures = Vec::new();
    for (name, text) in documents {
        let blocks = match blocks(text) {
            Ok(blocks) => blocks,
            Err(error) => {
                failures.push(format!("{name}, {error}"));
                continue;
            }
        };
        for block in blocks {
            let is_slow =
                block.commands.iter().any(|command| when(command).0 == RunWhen::InDocsTest);
            if is_slow != slow {
                continue;
            }
            let at = format!("{name}, line {}", block.line);
            if let Err(failure) = run(&at.replace(['/', ' ', ','], "-"), &block) {
                failures.push(format!("{at}: {failure}"));
            }
        }
    }
    failures
}

#[test]
fn commands_in_the_documents_work_as_shown() {
    let failures = failures(&documents(), false);
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

#[test]
#[ignore = "it runs challenges; make docs-test does so"]
fn slow_commands_in_the_documents_work_as_shown() {
    let failures = failures(&documents(), true);
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

#[test]
fn every_exception_is_used() {
    let documents = documents();
    let all = documents.iter().flat_map(|(_, text)| blocks(text).unwrap());
    let all: Vec<DocumentedCommand> = all.flat_map(|block| block.commands).collect();
    let used: BTreeSet<usize> = all.iter().filter_map(|command| when(command).1).collect();
    let unused = EXCEPTIONS.iter().enumerate().filter(|(place, _)| !used.contains(place));
    let unused: Vec<&str> = unused.map(|(_, (beginning, ..))| *beginning).collect();
    assert_eq!(unused, [""; 0]);
    assert!(all.iter().any(|command| when(command).0 == RunWhen::Always), "something is run");
}

#[test]
fn a_wrong_document_is_reported() {
    #[track_caller]
    fn check(block: &str, expected: &[&str]) {
        let document = ("wrong.md".to_owned(), format!("# Title\n\n{block}\n```\n"));
        let failures = failures(&[document], false);
        assert_eq!(failures.is_empty(), expected.is_empty(), "{failures:#?}");
        for words in expected {
            assert!(failures[0].contains(words), "{words:?} in {failures:#?}");
        }
    }
    check("```sh\ntrue\nfalse    # exits with 1: of course", &[]);
    check("```sh\nfalse", &["wrong.md, line 3: false\n", "exit status: 1 and not with 0"]);
    check("```sh\ntrue # exits with 1", &["exit status: 0 and not with 1"]);
    check("```sh\nfalse \\\n  false # exits with 1", &[]);
    check("```sh\neddy frobnicate", &["exit status: 254"]);
    check("```sh\neddy check store/latest --max-msgs-per-op 0 # exits with 1", &[]);
    check("```sh\ntrue > file && mv file other && ! test -e file", &[]);
    check("```console\n$ echo a; echo b\na\nb\n$ echo c # exits with 0\nc", &[]);
    check("```console\n$ echo a; echo b\na", &["printed\na\nb\nand the document shows\na"]);
    check("```console\n$ echo a; echo b\n…\nb", &[]);
    check("```console\n$ echo took 7 s\ntook … s", &[]);
    check("```console\n$ echo took 7 s\ntook … h", &["took … h"]);
    check("```bash\ntrue", &["wrong.md, line 3: a block of \"bash\"; expected sh or console"]);
    check("```rust\nfn main() {}", &[]);
}
