//! What the style forbids and no lint knows.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The packages with what they need in this workspace: each only what stands before it in this list.
const PACKAGES: [(&str, &str, &[&str]); 7] = [
    ("text", "eddy-text", &[]),
    ("checkers", "eddy-checkers", &["eddy-text"]),
    ("processes", "eddy-processes", &["eddy-text"]),
    (".", "glomers", &[]),
    ("eddy", "eddy", &["eddy-text", "eddy-checkers", "glomers"]),
    ("pages", "eddy-pages", &["eddy-text", "eddy-checkers", "eddy"]),
    (
        "workbench",
        "eddy-workbench",
        &["eddy-text", "eddy-checkers", "eddy-processes", "eddy", "eddy-pages"],
    ),
];

const SOURCES: [&str; 7] =
    ["src", "text/src", "checkers/src", "processes/src", "eddy/src", "pages/src", "workbench/src"];

const TESTS: [&str; 5] =
    ["tests/it", "checkers/tests/it", "eddy/tests/it", "pages/tests/it", "workbench/tests/it"];

/// What takes long to compile, and who may have it as a direct dependency.
const HEAVY: [(&str, &[&str]); 6] = [
    ("axum", &["eddy-workbench"]),
    ("clap", &["eddy-workbench"]),
    ("cap-std", &["eddy-workbench"]),
    ("askama", &["eddy-pages", "eddy-workbench"]),
    ("jiff", &["eddy-pages", "eddy-workbench"]),
    ("tokio", &["eddy-processes", "glomers", "eddy", "eddy-workbench"]),
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// All Rust files below a directory, with their text.
fn sources(directory: &str) -> Vec<(PathBuf, String)> {
    let (mut files, mut directories) = (Vec::new(), vec![root().join(directory)]);
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).expect("the sources are there") {
            let path = entry.expect("the sources can be listed").path();
            if path.is_dir() {
                directories.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push((path.clone(), read(path)));
            }
        }
    }
    assert!(!files.is_empty(), "no sources in {directory}");
    files
}

/// The same without the files that are nothing but tests.
fn programs(directory: &str) -> Vec<(PathBuf, String)> {
    let is_program = |path: &Path| path.iter().all(|part| part != "tests");
    sources(directory).into_iter().filter(|(path, _)| is_program(path)).collect()
}

/// The part of a file before its tests.
fn without_tests(text: &str) -> &str {
    text.split("\n#[cfg(test)]").next().unwrap_or_default()
}

/// Whether a file says this before its tests, and not in a comment.
fn uses(text: &str, forbidden: &str) -> bool {
    let mut code = without_tests(text).lines().filter(|line| !line.trim_start().starts_with("//"));
    code.any(|line| line.contains(forbidden))
}

/// Compares a part of the README, up to `end`, with what it is a copy of, whose first line it has;
/// with `UPDATE=1`, copies that again.
#[track_caller]
fn check_copy(original: &str, end: &str) {
    let readme = read("README.md");
    let opening = original.lines().next().unwrap_or_default();
    let (before, rest) = readme.split_once(&format!("\n{opening}\n")).unwrap_or_else(|| {
        panic!("README.md has no line\n{opening}\nto begin the copy of\n{original}")
    });
    let (copy, after) = rest.split_once(end).expect("the copy ends");
    let is_asked_to_update = std::env::var("UPDATE").is_ok_and(|update| update == "1");
    if format!("{opening}\n{copy}") != original && is_asked_to_update {
        let updated = format!("{before}\n{original}{end}{after}");
        fs::write(root().join("README.md"), updated).expect("README.md can be written");
    } else {
        assert_eq!(format!("{opening}\n{copy}"), original, "`UPDATE=1 cargo test tidy` copies it");
    }
}

#[test]
fn what_the_readme_copies_is_like_the_original() {
    let echo = read("src/bin/echo.rs");
    check_copy(without_tests(&echo).trim_end(), "\n```\n");
    // The documentation of eddy, in which the example is tested.
    let docs = read("eddy/src/lib.rs").replace("//! ", "");
    let example = docs.find("\nlet test = Test {").expect("the docs show a test");
    let (example, _) = docs[example..].split_once("\n```").expect("the example ends");
    check_copy(example.trim_start(), "\n```\n");
    // What `make frontier` has written.
    for table in read("docs/frontier.md").split("\n\n") {
        check_copy(table.trim_end(), "\n\n");
    }
}

#[test]
fn the_line_that_the_readme_breaks_is_there_to_be_broken() {
    let (readme, node) = (read("README.md"), read("src/bin/broadcast-c.rs"));
    let (_, diff) = readme.split_once("```diff\n-").expect("the README breaks a line");
    let (whole, broken) = diff.split_once("\n+").expect("there is another one in its place");
    let (broken, _) = broken.split_once('\n').expect("the line ends");
    assert!(node.contains(&format!("\n{whole}\n")), "expected {whole}");
    assert_ne!(whole, broken);
}

#[test]
fn every_picture_and_file_that_the_readme_links_is_there() {
    let readme = read("README.md");
    let links = readme.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    let files: Vec<&str> = links.filter(|link| !link.contains(':')).collect();
    assert!(files.len() > 4, "{files:?}");
    for file in files {
        assert!(Path::new(file).exists(), "README.md links {file}, which is missing");
    }
}

#[test]
fn every_target_builds_what_it_runs_and_nothing_else() {
    let makefile = read("Makefile");
    let rules = makefile.lines().filter_map(|line| line.split_once(": workbench build-"));
    let mut count = 0;
    for (target, _) in rules {
        let make = make().args(["--dry-run", target]).output();
        let shown = String::from_utf8(make.expect("make can be started").stdout);
        let shown = shown.expect("commands are UTF-8");
        let named = |before: &str| {
            let after = shown.split(before).skip(1);
            let names = after.filter_map(|rest| rest.split_whitespace().next());
            names.filter(|name| !name.contains('/')).collect::<Vec<_>>()
        };
        let run = named("--bin target/debug/");
        assert_eq!(named("--bin "), [&["eddy"], &run[..]].concat(), "make {target}");
        assert_eq!(run.len(), 1, "make {target}");
        count += 1;
    }
    assert!(count > 25, "{count} targets that test a node");
}

#[test]
fn a_wrong_target_is_answered_with_the_nearest_one() {
    for (wrong, expected) in [
        ("brodcast-e", "did you mean broadcast-e? `make` alone lists"),
        ("kafka-d", "did you mean kafka-a? `make` alone lists"),
        ("verfy", "did you mean verify? `make` alone lists"),
        ("unheard-of", "no target unheard-of; `make` alone lists"),
    ] {
        let make = make().arg(wrong).output();
        let make = make.expect("make can be started");
        assert_eq!(make.status.code(), Some(2), "make {wrong}");
        let told = String::from_utf8(make.stderr).expect("make speaks UTF-8");
        assert!(told.contains(expected), "expected {expected:?} in {told}");
    }
}

/// Make as somebody calls it, even where make has called these tests.
fn make() -> Command {
    let mut make = Command::new("make");
    make.env_remove("MAKELEVEL").env_remove("MAKEFLAGS").env_remove("MFLAGS");
    make.current_dir(root());
    make
}

#[test]
fn make_alone_lists_targets_in_groups() {
    let make = make().output().expect("make can be started");
    let listed = String::from_utf8(make.stdout).expect("make speaks UTF-8");
    let groups: Vec<&str> = listed.split("\n\n").collect();
    assert!(groups.len() > 5, "{listed}");
    for group in &groups[1..] {
        let (title, targets) = group.split_once('\n').expect("a group has targets");
        assert!(!title.starts_with(' '), "{group}");
        assert!(targets.lines().all(|target| target.starts_with("  ")), "{group}");
    }
    let tests = groups.iter().find(|group| group.starts_with("Tests\n"));
    assert!(tests.is_some_and(|tests| tests.contains("\n  seeds ")), "{listed}");
}

#[test]
fn only_one_file_of_the_library_touches_stdin_and_stdout() {
    for (path, text) in programs("src") {
        let is_stdio = path.ends_with("stdio.rs") || path.ends_with("tests.rs");
        for forbidden in ["stdin()", "stdout()", " print!(", " println!("] {
            assert!(
                is_stdio || !without_tests(&text).contains(forbidden),
                "{}: {forbidden} belongs to stdio.rs, because stdout is for messages only",
                path.display()
            );
        }
    }
}

#[test]
fn nodes_have_no_other_source_of_chance_and_time_than_their_host() {
    for (path, text) in programs("src") {
        let is_host = path.ends_with("host.rs");
        for forbidden in ["RandomState", "SystemTime", "std::time::Instant", "env::var"] {
            assert!(
                is_host || !uses(&text, forbidden),
                "{}: {forbidden} would differ between two runs with the same seed; ask the Host",
                path.display()
            );
        }
    }
}

#[test]
fn only_one_file_of_the_library_touches_files() {
    for (path, text) in programs("src") {
        assert!(
            path.ends_with("storage/directory.rs") || !uses(&text, "std::fs"),
            "{}: std::fs belongs to storage/directory.rs, because a simulation brings its own disk",
            path.display()
        );
    }
}

/// What a package needs to be compiled, but for its tests.
fn dependencies(directory: &str) -> Vec<String> {
    listed(directory, "dependencies")
}

/// The packages that a table of a manifest names.
fn listed(directory: &str, table: &str) -> Vec<String> {
    let manifest = read(Path::new(directory).join("Cargo.toml"));
    for unread in ["\n[target.", "\n[dependencies.", "\n[dev-dependencies.", "\n[build-"] {
        assert!(!manifest.contains(unread), "{directory}: {unread} is not read here");
    }
    let sections = manifest.split("\n[");
    let needed = sections.filter_map(|section| section.strip_prefix(&format!("{table}]\n")));
    let lines = needed.flat_map(str::lines).filter(|line| !line.starts_with(['#', ' ']));
    let names = lines.filter_map(|line| line.split(['.', ' ', '=']).next());
    names.filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

#[test]
fn packages_need_only_what_is_below_them() {
    let mut below: Vec<&str> = Vec::new();
    for (directory, package, needed) in PACKAGES {
        let ours = |name: &String| PACKAGES.iter().any(|(_, package, _)| package == name);
        let mut found: Vec<String> = dependencies(directory).into_iter().filter(ours).collect();
        let mut needed: Vec<&str> = needed.to_vec();
        assert!(needed.iter().all(|name| below.contains(name)), "{package} is above {below:?}");
        found.sort_unstable();
        needed.sort_unstable();
        assert_eq!(found, needed, "{package} needs other packages than are listed here");
        for name in listed(directory, "dev-dependencies").iter().filter(|name| ours(name)) {
            // The tests of nodes run clusters.
            let is_known = package == "glomers" && ["eddy", "eddy-pages"].contains(&name.as_str());
            assert!(below.contains(&name.as_str()) || is_known, "{package}'s tests need {name}");
        }
        below.push(package);
    }
}

#[test]
fn every_package_of_the_workspace_is_listed() {
    let manifest = read("Cargo.toml");
    let members = manifest.split("\nmembers = [").nth(1).and_then(|rest| rest.split(']').next());
    let members = members.expect("the workspace has members").split('"').skip(1).step_by(2);
    let mut members: Vec<&str> = members.chain(["."]).collect();
    let mut packages = PACKAGES.map(|(directory, ..)| directory);
    members.sort_unstable();
    packages.sort_unstable();
    assert_eq!(members, packages);
}

#[test]
fn judges_and_simulations_touch_no_files_and_start_no_processes() {
    for (path, text) in ["checkers/src", "eddy/src"].into_iter().flat_map(sources) {
        if path.ends_with("history/file.rs") {
            continue;
        }
        for forbidden in ["std::fs", "std::process", "std::net"] {
            let is_used = uses(&text, forbidden);
            assert!(!is_used, "{}: {forbidden} belongs to the workbench", path.display());
        }
    }
}

#[test]
fn only_who_serves_or_draws_depends_on_servers_templates_and_command_lines() {
    for (heavy, allowed) in HEAVY {
        let all = PACKAGES
            .iter()
            .filter(|(directory, ..)| dependencies(directory).iter().any(|name| name == heavy));
        let who: Vec<&str> = all.map(|(_, package, _)| *package).collect();
        assert_eq!(who, allowed, "who needs {heavy}");
    }
}

#[test]
fn every_file_opens_with_what_it_is_about() {
    for (path, text) in SOURCES.into_iter().flat_map(sources) {
        let is_tests = path.ends_with("tests.rs");
        let opens = is_tests || text.starts_with("//! ");
        assert!(opens, "{}: begin with a module doc", path.display());
    }
}

#[test]
fn a_line_has_at_most_a_hundred_columns() {
    let mut long = Vec::new();
    for (path, text) in SOURCES.into_iter().flat_map(sources) {
        for (number, line) in (1..).zip(text.lines()) {
            let columns = line.chars().count();
            let is_literal = line.contains("r#\"") || line.contains("r\"") || line.contains("\\\"");
            if columns > 100 && !is_literal {
                long.push(format!("{}:{number}: {columns} columns", path.display()));
            }
        }
    }
    assert!(long.is_empty(), "{}", long.join("\n"));
}

#[test]
fn a_test_with_many_seeds_has_the_name_that_make_seeds_looks_for() {
    let files = ["src/bin"].into_iter().chain(TESTS).flat_map(sources);
    for (path, text) in files.filter(|(path, _)| !path.ends_with("tidy.rs")) {
        let mut function = "";
        for (number, line) in text.lines().enumerate() {
            if let Some((_, signature)) = line.split_once("fn ") {
                function = signature.split('(').next().unwrap_or_default();
            }
            let calls = |(at, _)| !line[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_');
            let is_named = function.contains("whatever_the_seed");
            assert!(
                is_named || !line.match_indices("seeds(").any(calls),
                "{}:{}: call `seeds` in the test itself, and name that whatever_the_seed_…",
                path.display(),
                number + 1
            );
        }
    }
}
