//! `eddy serve`: its arguments, and the program that it becomes. `server/` tests what is served.

use std::fs;
use std::process::{Command, Stdio};

use crate::common::{CommandResult, Place};

/// Store and an eddy of its own, beside which nothing else is.
fn place(name: &str) -> Place {
    let place = Place::new(name);
    place.file("store/echo/t/results.edn", "{:valid? true}", 0o644);
    fs::create_dir(place.0.join("bin")).unwrap();
    fs::hard_link(env!("CARGO_BIN_EXE_eddy"), place.0.join("bin/eddy")).unwrap();
    place
}

/// Command of the eddy in this place, with only `tools` on its PATH.
fn eddy(place: &Place, words: &str) -> Command {
    let mut command = Command::new(place.0.join("bin/eddy"));
    command.args(words.split_whitespace()).current_dir(&place.0);
    command.env("PATH", place.0.join("tools"));
    command
}

#[test]
fn wrong_arguments_are_reported_with_advice() {
    let place = place("serve-arguments");
    for (words, fragment) in [
        ("serve nowhere", "eddy test -w echo"),
        ("serve store/echo/t/results.edn", "is not a directory"),
        ("serve --port 70000", "70000"),
    ] {
        place.eddy(words).expect(254, fragment);
    }
}

#[test]
fn it_becomes_the_server_beside_it_or_on_the_path() {
    let place = place("serve-server");
    for server in ["tools/eddy-serve", "bin/eddy-serve"] {
        // Its arguments in lines, after its process id.
        let script = format!("#!/bin/sh\nprintf '%s\\n' {server} $$ \"$@\"\nexit 7\n");
        place.file(server, &script, 0o755);
        for (words, arguments) in [
            ("serve", "store\n127.0.0.1\n8080"),
            ("serve store/echo --host ::1 -p 0", "store/echo\n::1\n0"),
        ] {
            let child = eddy(&place, words).stdout(Stdio::piped()).spawn().unwrap();
            let expected = format!("{server}\n{}\n{arguments}\n", child.id());
            let output = child.wait_with_output().unwrap();
            assert_eq!(String::from_utf8(output.stdout).unwrap(), expected);
            assert_eq!(output.status.code(), Some(7));
        }
    }
}

#[test]
fn without_the_server_it_says_how_to_get_one() {
    let place = place("serve-missing");
    let CommandResult { stderr, .. } =
        CommandResult::of(&mut eddy(&place, "serve")).expect(254, "eddy-serve");
    for advice in ["make serve", "cargo install --path server"] {
        assert!(stderr.contains(advice), "{stderr}");
    }
}
