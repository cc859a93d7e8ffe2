//! Rules of the code base that no lint checks.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The packages with their dependencies in this workspace, from the lowest to the highest. Each
/// depends only on packages that come earlier here.
const PACKAGES: [(&str, &str, &[&str]); 8] = [
    ("text", "eddy-text", &[]),
    ("checkers", "eddy-checkers", &["eddy-text"]),
    ("processes", "eddy-processes", &["eddy-text"]),
    (".", "glomers", &[]),
    ("eddy", "eddy", &["eddy-text", "eddy-checkers", "glomers"]),
    ("pages", "eddy-pages", &["eddy-text", "eddy-checkers", "eddy"]),
    ("server", "eddy-server", &["eddy-text", "eddy-checkers", "eddy-pages"]),
    (
        "workbench",
        "eddy-workbench",
        &["eddy-text", "eddy-checkers", "eddy-processes", "eddy", "eddy-pages"],
    ),
];

const SOURCES: [&str; 8] = [
    "src",
    "text/src",
    "checkers/src",
    "processes/src",
    "eddy/src",
    "pages/src",
    "server/src",
    "workbench/src",
];

const TESTS: [&str; 6] = [
    "tests/it",
    "checkers/tests/it",
    "eddy/tests/it",
    "pages/tests/it",
    "server/tests/it",
    "workbench/tests/it",
];

const EXAMPLES: [&str; 4] = ["benches", "examples", "checkers/examples", "workbench/examples"];

const TEMPLATES: [&str; 2] = ["pages/templates", "server/templates"];

/// Dependencies that take long to compile, and the packages that may depend on them directly.
const HEAVY: [(&str, &[&str]); 6] = [
    ("axum", &["eddy-server"]),
    ("clap", &["eddy-workbench"]),
    ("cap-std", &["eddy-server"]),
    ("askama", &["eddy-pages", "eddy-server"]),
    ("jiff", &["eddy-pages", "eddy-server"]),
    ("tokio", &["eddy-processes", "glomers", "eddy", "eddy-server", "eddy-workbench"]),
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
    files(directory, &["rs"])
}

/// All files below a directory that have one of these extensions, with their text.
fn files(directory: &str, extensions: &[&str]) -> Vec<(PathBuf, String)> {
    let (mut files, mut directories) = (Vec::new(), vec![root().join(directory)]);
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).expect("the sources are there") {
            let path = entry.expect("the sources can be listed").path();
            if path.is_dir() {
                directories.push(path);
            } else if extensions.iter().any(|one| path.extension().is_some_and(|it| it == *one)) {
                files.push((path.clone(), read(path)));
            }
        }
    }
    assert!(!files.is_empty(), "no {extensions:?} in {directory}");
    files
}

/// The files of [`sources`] that contain more than tests.
fn programs(directory: &str) -> Vec<(PathBuf, String)> {
    let is_program = |path: &Path| path.iter().all(|part| part != "tests");
    sources(directory).into_iter().filter(|(path, _)| is_program(path)).collect()
}

/// The part of a file before its tests.
fn without_tests(text: &str) -> &str {
    text.split("\n#[cfg(test)]").next().unwrap_or_default()
}

/// True if the code of a file contains this text, before its tests and outside of comments.
fn uses(text: &str, forbidden: &str) -> bool {
    let mut code = without_tests(text).lines().filter(|line| !line.trim_start().starts_with("//"));
    code.any(|line| line.contains(forbidden))
}

/// Checks that README.md contains a copy of `original`, from its first line up to `end`. `UPDATE=1`
/// renews the copy.
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
fn the_copies_in_the_readme_are_like_their_originals() {
    let echo = read("src/bin/echo.rs");
    check_copy(without_tests(&echo).trim_end(), "\n```\n");
    // The documentation of eddy, which tests the example.
    let docs = read("eddy/src/lib.rs").replace("//! ", "");
    let example = docs.find("\nlet test = Test {").expect("the docs show a test");
    let (example, _) = docs[example..].split_once("\n```").expect("the example ends");
    check_copy(example.trim_start(), "\n```\n");
}

#[test]
fn the_costs_in_the_readme_are_those_in_the_documents() {
    let readme = read("README.md").split_whitespace().collect::<Vec<_>>().join(" ");
    // The document, the beginning of the row, the words after it before the cost, and the sentence.
    for (document, row, skipped, before, after) in [
        ("docs/frontier.md", "| broadcast-d |", 0, "each value at once, takes ", " messages per"),
        ("docs/frontier.md", "| broadcast-d |", 2, "where ", " is the least possible"),
        (
            "docs/frontier.md",
            "| broadcast-e 1300ms |",
            0,
            "at this interval, takes ",
            "; the least",
        ),
        (
            "docs/frontier.md",
            "| broadcast-e 1300ms |",
            2,
            "through a hub at this interval is ",
            " ([",
        ),
        ("docs/challenges.md", "kafka-c ", 1, "`kafka-c` takes ", " messages per operation"),
        ("docs/challenges.md", "kafka-b ", 1, "for each send takes ", " (`make kafka`)"),
    ] {
        let text = read(document);
        let is_cost = |rest: &&str| rest.trim_start().starts_with(|c: char| c.is_ascii_digit());
        let mut rows = text.lines().filter_map(|line| line.strip_prefix(row)).filter(is_cost);
        let cost = rows.next().and_then(|rest| rest.split_whitespace().nth(skipped));
        let sentence = format!("{before}{}{after}", cost.expect("the row has a cost"));
        assert!(readme.contains(&sentence), "README.md should contain {sentence:?}");
    }
}

#[test]
fn the_line_that_the_readme_changes_exists() {
    let (readme, node) = (read("README.md"), read("src/bin/broadcast-c.rs"));
    let (_, diff) = readme.split_once("```diff\n-").expect("the README breaks a line");
    let (whole, broken) = diff.split_once("\n+").expect("there is another one in its place");
    let (broken, _) = broken.split_once('\n').expect("the line ends");
    assert!(node.contains(&format!("\n{whole}\n")), "expected {whole}");
    assert_ne!(whole, broken);
}

#[test]
fn every_file_that_the_readme_links_exists() {
    let readme = read("README.md");
    let links = readme.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    let files: Vec<&str> = links.filter(|link| !link.contains(':')).collect();
    assert!(files.len() > 4, "{files:?}");
    for file in files {
        assert!(Path::new(file).exists(), "README.md links {file}, which is missing");
    }
}

#[test]
fn every_make_target_builds_exactly_the_nodes_that_it_runs() {
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
fn an_unknown_make_target_suggests_the_nearest_one() {
    for (wrong, expected) in [
        ("brodcast-e", "did you mean broadcast-e? `make` alone lists"),
        ("kafka-d", "did you mean kafka-a? `make` alone lists"),
        ("verfy", "did you mean verify? `make` alone lists"),
        ("unheard-of", "no target unheard-of; `make` alone lists"),
    ] {
        let make = make().arg(wrong).output();
        let make = make.expect("make can be started");
        assert_eq!(make.status.code(), Some(2), "make {wrong}");
        let stderr = String::from_utf8(make.stderr).expect("make speaks UTF-8");
        assert!(stderr.contains(expected), "expected {expected:?} in {stderr}");
    }
}

/// Make without the variables of a make that runs these tests.
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
fn nodes_have_no_other_source_of_randomness_and_time_than_their_host() {
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

/// The dependencies of a package, without those of its tests.
fn dependencies(directory: &str) -> Vec<String> {
    listed(directory, "dependencies")
}

/// The packages in a table of a manifest.
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
fn packages_depend_only_on_those_below_them() {
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
fn checkers_and_simulations_touch_no_files_and_start_no_processes() {
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
fn only_allowed_packages_depend_on_what_takes_long_to_compile() {
    for (heavy, allowed) in HEAVY {
        let all = PACKAGES
            .iter()
            .filter(|(directory, ..)| dependencies(directory).iter().any(|name| name == heavy));
        let who: Vec<&str> = all.map(|(_, package, _)| *package).collect();
        assert_eq!(who, allowed, "packages that depend on {heavy}");
    }
}

#[test]
fn every_file_begins_with_a_module_doc() {
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
fn a_test_with_many_seeds_has_the_name_that_make_seeds_selects() {
    let files = ["src/bin", "workbench/examples"].into_iter().chain(TESTS).flat_map(sources);
    for (path, text) in files.filter(|(path, _)| !path.ends_with("tidy.rs")) {
        let mut function = "";
        for (number, line) in text.lines().enumerate() {
            if let Some((_, signature)) = line.split_once("fn ") {
                function = signature.split('(').next().unwrap_or_default();
            }
            let calls = |(at, _)| !line[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_');
            let is_named = function.contains("for_any_seed");
            assert!(
                is_named || !line.match_indices("seeds(").any(calls),
                "{}:{}: call `seeds` in the test itself, and name that for_any_seed_…",
                path.display(),
                number + 1
            );
        }
    }
}

/// Words that mean something in this project alone, each with the field's word for it.
const RETIRED: [(&str, &str); 25] = [
    ("alarm", "wake queue"),
    ("asker", "reply to"),
    ("bell", "waker"),
    ("carriers", "value messages"),
    ("chronicle", "network trace"),
    ("clue", "evidence"),
    ("complaint", "node error"),
    ("debts", "owed replies"),
    ("desk", "pending requests"),
    ("disguise", "type change"),
    ("judgement", "assessment"),
    ("keeper", "supervisor"),
    ("knots", "strongly connected components"),
    ("leash", "kill on drop"),
    ("lesson", "items of a peer"),
    ("life", "incarnation"),
    ("newcomers", "spawn queue"),
    ("pulse", "run state"),
    ("scene", "view model"),
    ("strays", "unsolicited messages"),
    ("tally", "statistics"),
    ("toll", "fault statistics"),
    ("uproot", "kill tree"),
    ("wish", "request"),
    ("witness", "read proxy"),
];

/// The words of a text: `DeadNode`, `dead_node` and `dead node` have the same two.
fn words(text: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut before = ' ';
    for letter in text.chars() {
        if !letter.is_alphabetic() || (letter.is_uppercase() && before.is_lowercase()) {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut().filter(|_| letter.is_alphabetic()) {
            word.extend(letter.to_lowercase());
        }
        before = letter;
    }
    words
}

#[test]
fn names_and_comments_use_the_words_of_the_field() {
    let mut found = Vec::new();
    let rust = SOURCES.into_iter().chain(TESTS).chain(EXAMPLES).flat_map(sources);
    let templates =
        TEMPLATES.into_iter().flat_map(|directory| files(directory, &["js", "css", "html"]));
    let all = rust.chain(templates);
    for (path, text) in all.filter(|(path, _)| !path.ends_with("tests/it/tidy.rs")) {
        for (number, line) in (1..).zip(text.lines()) {
            for word in words(line) {
                if let Some((_, standard)) = RETIRED.iter().find(|(retired, _)| *retired == word) {
                    found.push(format!("{}:{number}: {word}: say {standard}", path.display()));
                }
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn a_doc_opens_with_a_name_and_not_with_a_question() {
    let questions = ["How", "What", "When", "Where", "Whether", "Which", "Who", "Why"];
    let mut found = Vec::new();
    let all = SOURCES.into_iter().chain(TESTS).chain(EXAMPLES).flat_map(sources);
    for (path, text) in all {
        let mut is_inside = false;
        for (number, line) in (1..).zip(text.lines()) {
            let line = line.trim_start();
            let doc = line.strip_prefix("///").or_else(|| line.strip_prefix("//!"));
            let first = doc.unwrap_or_default().split_whitespace().next().unwrap_or_default();
            if !is_inside && questions.contains(&first) {
                found.push(format!("{}:{number}: {line}", path.display()));
            }
            is_inside = doc.is_some();
        }
    }
    assert!(found.is_empty(), "name the thing:\n{}", found.join("\n"));
}
