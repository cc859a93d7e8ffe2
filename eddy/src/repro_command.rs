//! The shell command that repeats a failed test.
//!
//! People run the command again after they have changed the code. So it must not name the
//! executable that failed, since then cargo would not build it again. It asks cargo for the same
//! target, derived from the source file of the test, and runs this test alone.

use std::cell::OnceCell;
use std::ffi::OsStr;
use std::panic::Location;
use std::path::{Path, PathBuf};
use std::{env, thread};

thread_local! {
    /// The command for the seed that this thread was started for.
    static COMMAND: OnceCell<String> = const { OnceCell::new() };
}

/// The command that repeats the test of this thread, which calls from `location`.
pub fn for_this_test(location: &'static Location<'static>) -> String {
    let with_seed = COMMAND.with(|line| line.get().cloned());
    with_seed.unwrap_or_else(|| for_test(None, location, thread_test_name().as_deref()))
}

/// The command that repeats the test `name`, or without a name everything that this process runs.
pub(crate) fn for_test(seed: Option<u64>, location: &Location, name: Option<&str>) -> String {
    TestProcess::of_this_process().command(seed, location.file(), name)
}

/// Makes [`for_this_test`] return this command on this thread. Only the first call has an effect.
pub(crate) fn set_for_thread(command: String) {
    COMMAND.with(|remembered| {
        remembered.get_or_init(|| command);
    });
}

/// The name of the test that this thread runs, and that created a closure whose type has this name.
///
/// The test harness names its threads after tests, but under `--test-threads=1` it runs all tests
/// on the main thread. Then the name of the closure's type has it, unless the closure was created
/// in a function that the test calls.
pub(crate) fn test_name(closure: &str) -> Option<String> {
    thread_test_name().or_else(|| closure_test_name(closure).map(str::to_owned))
}

fn thread_test_name() -> Option<String> {
    thread::current().name().filter(|name| *name != "main").map(str::to_owned)
}

/// `tests::it_works` of `my_node::tests::it_works::{{closure}}`.
fn closure_test_name(type_name: &str) -> Option<&str> {
    let (function, _) = type_name.split_once("::{{closure}}")?;
    let (_crate, name) = function.split_once("::")?;
    Some(name).filter(|name| !name.contains(['<', '>']))
}

/// The package, program and arguments of this process.
#[derive(Clone)]
struct TestProcess {
    /// The package under test and its directory, if cargo started the process.
    package: Option<(String, PathBuf)>,
    has_library: bool,
    program: PathBuf,
    args: Vec<String>,
}

impl TestProcess {
    fn of_this_process() -> TestProcess {
        let directory = env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
        TestProcess {
            has_library: directory.as_ref().is_some_and(|path| path.join("src/lib.rs").exists()),
            package: env::var("CARGO_PKG_NAME").ok().zip(directory),
            program: env::current_exe().unwrap_or_default(),
            args: env::args().skip(1).collect(),
        }
    }

    fn command(&self, seed: Option<u64>, file: &str, name: Option<&str>) -> String {
        let mut line = Vec::from_iter(seed.map(|seed| format!("EDDY_SEED={seed}")));
        let words = match name {
            // An ignored test does not run without its flag.
            Some(name) => {
                let ignored =
                    |word: &&String| matches!(&***word, "--ignored" | "--include-ignored");
                let named = ["--exact".to_owned(), name.to_owned()];
                named.into_iter().chain(self.args.iter().filter(ignored).cloned()).collect()
            }
            None => self.args.clone(),
        };
        match self.cargo_command(file) {
            Some(command) => {
                line.push(command);
                line.extend((!words.is_empty()).then(|| "--".to_owned()));
            }
            None => line.push(self.program.display().to_string()),
        }
        line.extend(words);
        line.join(" ")
    }

    /// The cargo command that builds and runs this process's target, if the target is known.
    fn cargo_command(&self, file: &str) -> Option<String> {
        let (package, directory) = self.package.as_ref()?;
        // The compiler names files relative to the workspace, a directory above the package.
        let inside = |root: &Path| Some(root.join(file).strip_prefix(directory).ok()?.to_owned());
        let file = directory.ancestors().filter_map(inside).last()?;
        let parts: Vec<&str> = file.iter().filter_map(|part| part.to_str()).collect();
        let (target, name) = match parts[..] {
            ["src", "bin", name, ..] => ("--bin ", name),
            ["tests", name, ..] => ("--test ", name),
            ["benches", name, ..] => ("--bench ", name),
            ["examples", name, ..] => ("--example ", name),
            ["src", name, ..] if name != "main.rs" && self.has_library => ("--lib", &**package),
            ["src", ..] => ("--bin ", &**package),
            _ => return None,
        };
        let name = name.strip_suffix(".rs").unwrap_or(name);
        // Targets can share files, and a doctest is a program of its own: check the executable.
        let (built, _hash) = self.program.file_stem()?.to_str()?.rsplit_once('-')?;
        if built != name.replace('-', "_") {
            return None;
        }
        let named = if target == "--lib" { "" } else { name };
        let profile = self.profile_flag();
        Some(format!("cargo test{profile} -p {package} {target}{named}"))
    }

    /// The flag for the profile of this process's build: cargo puts tests into
    /// `target/PROFILE/deps`.
    fn profile_flag(&self) -> String {
        let deps = self.program.parent().filter(|directory| directory.ends_with("deps"));
        let directory = deps.and_then(Path::parent).and_then(Path::file_name);
        match directory.and_then(OsStr::to_str) {
            None | Some("debug") => String::new(),
            Some("release") => " --release".to_owned(),
            Some(profile) => format!(" --profile {profile}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seeds;

    /// A test process of the package `my-node` in a workspace.
    fn run(program: &str) -> TestProcess {
        TestProcess {
            package: Some(("my-node".to_owned(), "/home/me/project/my-node".into())),
            has_library: true,
            program: format!("/home/me/project/target/debug/deps/{program}").into(),
            args: vec!["--nocapture".to_owned(), "seed".to_owned()],
        }
    }

    #[test]
    fn the_command_asks_cargo_for_the_target_of_the_file() {
        #[track_caller]
        fn check(file: &str, program: &str, target: &str) {
            let line = run(program).command(Some(7), file, Some("tests::a"));
            let expected =
                format!("EDDY_SEED=7 cargo test -p my-node {target} -- --exact tests::a");
            assert_eq!(line, expected, "{file}");
        }
        check("my-node/src/bin/other-node.rs", "other_node-4896d8f1", "--bin other-node");
        check("my-node/src/bin/other-node/main.rs", "other_node-4896d8f1", "--bin other-node");
        check("my-node/src/bin/other-node/a/b.rs", "other_node-4896d8f1", "--bin other-node");
        check("my-node/tests/partitions.rs", "partitions-4896d8f1", "--test partitions");
        check("my-node/tests/partitions/main.rs", "partitions-4896d8f1", "--test partitions");
        check("my-node/tests/partitions/src/b.rs", "partitions-4896d8f1", "--test partitions");
        check("my-node/benches/cost.rs", "cost-4896d8f1", "--bench cost");
        check("my-node/examples/small.rs", "small-4896d8f1", "--example small");
        check("my-node/src/main.rs", "my_node-4896d8f1", "--bin my-node");
        check("my-node/src/lib.rs", "my_node-4896d8f1", "--lib");
        check("my-node/src/a/tests.rs", "my_node-4896d8f1", "--lib");
        check("/home/me/project/my-node/src/a.rs", "my_node-4896d8f1", "--lib");
    }

    #[test]
    fn the_command_has_the_profile_and_the_flags_that_matter() {
        #[track_caller]
        fn check(run: &TestProcess, seed: Option<u64>, name: Option<&str>, expected: &str) {
            assert_eq!(run.command(seed, "my-node/src/a.rs", name), expected);
        }
        let run = run("my_node-4896d8f1");
        let named = Some("tests::a");
        check(&run, None, named, "cargo test -p my-node --lib -- --exact tests::a");
        check(&run, Some(7), None, "EDDY_SEED=7 cargo test -p my-node --lib -- --nocapture seed");
        for flag in ["--ignored", "--include-ignored"] {
            let args = vec![flag.to_owned(), "--nocapture".to_owned(), "a".to_owned()];
            let line = format!("cargo test -p my-node --lib -- --exact tests::a {flag}");
            check(&TestProcess { args, ..run.clone() }, None, named, &line);
        }
        let silent = TestProcess { args: Vec::new(), ..run.clone() };
        check(&silent, None, None, "cargo test -p my-node --lib");
        for (profile, flag) in [("release", "--release"), ("seeds", "--profile seeds")] {
            let program = format!("/home/me/project/target/{profile}/deps/my_node-4896d8f1").into();
            let line = format!("cargo test {flag} -p my-node --lib -- --exact tests::a");
            check(&TestProcess { program, ..run.clone() }, None, named, &line);
        }
        let program = TestProcess { has_library: false, ..run };
        check(&program, None, named, "cargo test -p my-node --bin my-node -- --exact tests::a");
    }

    #[test]
    fn an_unknown_target_is_repeated_by_its_executable() {
        #[track_caller]
        fn check(run: &TestProcess, file: &str) {
            let program = run.program.display();
            let named = run.command(Some(7), file, Some("tests::a"));
            assert_eq!(named, format!("EDDY_SEED=7 {program} --exact tests::a"));
            assert_eq!(run.command(None, file, None), format!("{program} --nocapture seed"));
        }
        let lib = run("my_node-4896d8f1");
        check(&TestProcess { package: None, ..lib.clone() }, "my-node/src/lib.rs");
        check(&lib, "elsewhere/src/lib.rs");
        check(&lib, "my-node/build.rs");
        check(&run("rust_out"), "my-node/src/lib.rs");
        // A file that two targets share.
        check(&run("partitions-4896d8f1"), "my-node/tests/common/mod.rs");
    }

    #[test]
    fn the_type_name_of_a_closure_has_the_name_of_its_test() {
        #[track_caller]
        fn check(type_name: &str, expected: Option<&str>) {
            assert_eq!(closure_test_name(type_name), expected);
        }
        check("my_node::tests::a::{{closure}}", Some("tests::a"));
        check("partitions::a::{{closure}}::{{closure}}", Some("a"));
        check("my_node::tests::a", None);
        check("my_node::tests::check<my_node::Node>::{{closure}}", None);
        check("<my_node::Node as my_node::Check>::check::{{closure}}", None);
    }

    #[test]
    fn inside_of_seeds_the_command_has_the_seed() {
        let test = "repro_command::tests::inside_of_seeds_the_command_has_the_seed";
        let lines = seeds(|_| for_this_test(Location::caller()));
        let end = format!(" -p eddy --lib -- --exact {test}");
        assert!(lines[0].starts_with("EDDY_SEED="), "{lines:?}");
        assert!(lines[0].ends_with(&end), "{lines:?}");
    }
}
