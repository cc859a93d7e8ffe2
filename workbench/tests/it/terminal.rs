//! The `eddy` command at a terminal: the progress line, and the summary in color.

use std::fs;
use std::io::{Read, Write, stderr};
use std::mem;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;

use anstream::adapter::strip_str;
use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, ioctl_tiocgptpeer, openpt, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use crate::common::{CommandResult, ECHO, Place};

const GOOD: &str = "Everything looks good! ヽ(‘ー`)ノ";
const BAD: &str = "Analysis invalid! (ﾉಥ益ಥ）ﾉ ┻━┻";
const RECORDINGS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../checkers/tests/recordings");

/// Runs a command with one terminal for STDOUT and another for STDERR, of this width.
fn at_terminals(command: Command, columns: u16) -> CommandResult {
    at_terminals_while(command, columns, |_| {})
}

/// Runs a command likewise, and calls `look` whenever it has written to STDERR.
fn at_terminals_while(
    mut command: Command,
    columns: u16,
    mut look: impl FnMut(&Child),
) -> CommandResult {
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY;
    let [stdout, stderr] = [columns; 2].map(|ws_col| {
        let ours = openpt(flags).unwrap();
        grantpt(&ours).unwrap();
        unlockpt(&ours).unwrap();
        let size = Winsize { ws_row: 24, ws_col, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&ours, size).unwrap();
        let theirs = ioctl_tiocgptpeer(&ours, flags).unwrap();
        (fs::File::from(ours), theirs)
    });
    command.stdin(Stdio::null()).stdout(stdout.1).stderr(stderr.1);
    let mut child = command.spawn().unwrap();
    // The terminals must have no other writer, or their readers would wait.
    drop(command);
    let stdout = thread::spawn(move || read(stdout.0, || {}));
    let stderr = read(stderr.0, || look(&child));
    let status = child.wait().unwrap().code();
    CommandResult { status, stdout: stdout.join().unwrap(), stderr }
}

/// Everything that is written to a terminal until its last writer closes it.
fn read(mut terminal: fs::File, mut look: impl FnMut()) -> String {
    let (mut bytes, mut part) = (Vec::new(), [0; 4096]);
    // The end of a terminal is an error.
    while let Ok(length @ 1..) = terminal.read(&mut part) {
        bytes.extend(&part[..length]);
        look();
    }
    String::from_utf8(bytes).unwrap().replace("\r\n", "\n")
}

/// Command for a terminal with colors.
fn command(place: &Place, words: &str) -> Command {
    let mut command = place.command(words);
    command.env("TERM", "xterm");
    command
}

/// Lines that a terminal showed, in order.
fn drawn(text: &str) -> Vec<String> {
    let lines = text.split(['\r', '\n']).map(|line| strip_str(line).to_string());
    lines.map(|line| line.trim_end().to_owned()).filter(|line| !line.is_empty()).collect()
}

#[test]
fn a_test_ends_with_a_dozen_lines_in_color() {
    let place = Place::with_node("terminal-valid", ECHO);
    let run = "test -w echo --bin node --node-count 1 --time-limit 1 --rate 20 --min-ok-fraction 1";
    let outcome = at_terminals(command(&place, run), 40).expect(0, "eddy: echo with n0");
    let CommandResult { stdout, stderr, .. } = &outcome;
    assert!(stdout.starts_with("\x1b[1m\x1b[32mvalid, and within limits\x1b[0m\n"), "{stdout:?}");
    let lines: Vec<_> = stdout.lines().map(|line| strip_str(line).to_string()).collect();
    assert!(lines.len() <= 15, "{stdout}");
    assert!(lines.iter().any(|line| line.ends_with("1 ≥ 1       holds")), "{stdout}");
    let directory = fs::read_link(place.0.join("store/latest")).unwrap();
    let report = format!("report  store/{}/report.html", directory.display());
    assert!(lines.contains(&report), "{stdout}");
    assert!(!stdout.contains("again"), "{stdout}");
    assert_eq!(lines.last().map(String::as_str), Some(GOOD));
    // The first line is not progress.
    let widest = drawn(stderr).into_iter().skip(1).map(|line| line.chars().count()).max();
    assert!(widest.unwrap() <= 40, "{stderr}");
}

#[test]
fn a_failure_is_explained_with_the_command_that_repeats_it() {
    let wrong = ECHO.replace(r#""echo":\3"#, r#""echo":"something else""#);
    let place = Place::with_node("terminal-invalid", &wrong);
    let run = "test -w echo --bin ./node --node-count 1 --time-limit 1 --rate 50 --seed 7 a* --";
    let mut command = command(&place, run);
    command.env("NO_COLOR", "1");
    let CommandResult { stdout, .. } = at_terminals(command, 80).expect(1, "");
    assert!(!stdout.contains('\x1b'), "{stdout:?}");
    assert!(stdout.starts_with("not valid\n"), "{stdout}");
    assert!(stdout.contains("\nreason: "), "{stdout}");
    assert!(stdout.contains(" test -w echo --bin ./node "), "{stdout}");
    assert!(stdout.contains(" --rate 50 'a*' --seed 7 --\n"), "{stdout}");
    assert!(stdout.ends_with(&format!("\n\n{BAD}\n")), "{stdout}");
    assert!(stdout.lines().count() <= 20, "{stdout}");
}

#[test]
fn a_valid_test_says_how_many_warnings_it_has() {
    let place = Place::with_node("terminal-warnings", &format!("{ECHO} -e '/\"echo_ok\"/p'"));
    let run = "test -w echo --bin node --node-count 1 --time-limit 1 --rate 20";
    let CommandResult { stdout, .. } = at_terminals(command(&place, run), 80).expect(0, "");
    let stdout = strip_str(&stdout).to_string();
    assert!(stdout.starts_with("valid, with 1 warning\n"), "{stdout}");
    assert!(stdout.contains("\nwarning: node n0 sent "), "{stdout}");
}

#[test]
fn the_propagation_of_a_lost_value_is_shown() {
    // Node that neither sends values nor returns them.
    let node = r#"exec sed -u -E \
        -e 's/.*"src":"([^"]*)","dest":"([^"]*)".*"msg_id":([0-9]+).*"type":"(init|topology|broadcast|read)".*/{"src":"\2","dest":"\1","body":{"type":"\4_ok","in_reply_to":\3}}/' \
        -e 's/"read_ok"/&,"messages":[]/'"#;
    let place = Place::with_node("terminal-way", node);
    let run = "test -w broadcast --bin node --node-count 2 --time-limit 1 --rate 20";
    let CommandResult { stdout, .. } = at_terminals(command(&place, run), 80).expect(1, "");
    let stdout = strip_str(&stdout).to_string();
    assert!(stdout.contains(" got it from client c"), "{stdout}");
    assert!(stdout.contains(" got it and sent nothing to another node after that\n"), "{stdout}");
    assert!(!stdout.contains(" → "), "{stdout}");
}

#[test]
fn kills_before_any_acknowledgement_are_reported() {
    // Node whose ids consist of the client and the number of its request.
    let ids = ECHO
        .replace("\"type\":\"echo\"", "\"type\":\"generate\"")
        .replace(r#""echo":("[^"]*").*"#, "")
        .replace(
            r#""type":"echo_ok","echo":\3,"in_reply_to":\4"#,
            r#""type":"generate_ok","id":"\1 \3","in_reply_to":\3"#,
        );
    let place = Place::with_node("terminal-early", &ids);
    // First seed from 0 whose only kill hits the only node.
    let run = "test -w unique-ids --bin node --node-count 1 --time-limit 1 --rate 20 --nemesis kill \
               --nemesis-interval 1000 --seed 2";
    let mut command = command(&place, run);
    command.env("NO_COLOR", "1");
    let CommandResult { stdout, .. } = at_terminals(command, 80);
    let warning = "\nwarning: the only kill struck before any id was acknowledged, so nothing \
                   could be lost: try --nemesis-interval 0.2\n";
    assert!(stdout.contains(warning), "{stdout}");
    assert!(stdout.contains("\nfaults  1 kill (n0 at 0.0 s)\n"), "{stdout}");
    let page = fs::read_to_string(place.0.join("store/latest/report.html")).unwrap();
    assert!(page.contains(">faults: 1 kill (n0 at 0.0 s)</p>"), "{page}");
}

#[test]
fn an_error_of_a_running_node_is_shown_below_the_failure() {
    let wrong = ECHO.replace(r#""echo":\3"#, r#""echo":"something else""#);
    let traceback = "Exception in thread Thread-1 (gossip):\nTraceback (most recent call last):\n  \
                     File \"node.py\", line 7, in gossip\nKeyError: \u{1b}[2J";
    let shown = traceback.replace('\u{1b}', "\\u{1b}").replace('\n', "\n  ");
    let says = format!("cat >&2 <<'END'\nstarting\n{traceback}\nbeat\nEND\n");
    let place = Place::with_node("terminal-error", &format!("{says}{wrong}"));
    let run = "test -w echo --bin ./node --node-count 2 --time-limit 1 --rate 20";
    let expected = format!(
        "\nnodes n0 and n1 wrote errors to STDERR, n0 this one (node-logs/n0.log):\n  {shown}\n"
    );
    let mut command = command(&place, run);
    command.env("NO_COLOR", "1");
    let CommandResult { stdout, .. } = at_terminals(command, 80).expect(1, "");
    assert!(stdout.split_once("\nreason: ").unwrap().1.contains(&expected), "{stdout}");
    assert!(!stdout.contains("beat"), "{stdout}");
    let page = fs::read_to_string(place.0.join("store/latest/report.html")).unwrap();
    let escaped = shown.replace('"', "&#34;");
    assert!(page.contains(&format!("(node-logs/n0.log):\n  {escaped}</pre>")), "{page}");
    assert!(page.contains("<a href=\"./node-logs/n1.log\">node-logs/n1.log</a>"), "{page}");
    let piped = place.eddy(run).expect(1, "").stdout;
    assert!(piped.contains(&expected), "{piped}");
    // Errors of nodes in a valid test are not shown.
    let place = Place::with_node("terminal-error-valid", &format!("{says}{ECHO}"));
    let piped = place.eddy(run).expect(0, "").stdout;
    assert!(!piped.contains("KeyError"), "{piped}");
}

#[test]
fn a_crash_is_reported_with_the_report_and_the_command_that_repeats_it() {
    let crash = r"case $EDDY_STORAGE in *n0) sleep 0.5; exit 3;; esac
        echo 'panic: of another node' >&2";
    let place = Place::with_node("terminal-crash", &format!("({crash}) || exit 3\n{ECHO}"));
    let run = "test -w echo --bin ./node --node-count 2 --time-limit 1 --seed 7";
    let CommandResult { stderr, .. } = place.eddy(run).expect(255, "it exited with status 3");
    let directory = fs::read_link(place.0.join("store/latest")).unwrap();
    let directory = directory.display();
    let expected = format!(
        "the recorded files are in store/{directory}\nnode n1 wrote an error to STDERR \
         (node-logs/n1.log):\n  panic: of another node\nreport  store/{directory}/report.html\n\
         again   "
    );
    let (_, again) = stderr.split_once(&expected).unwrap_or_else(|| panic!("{stderr}"));
    assert!(again.ends_with(" test -w echo --bin ./node --node-count 2 --time-limit 1 --seed 7\n"));
    let page = fs::read_to_string(place.0.join("store/latest/report.html")).unwrap();
    assert!(!page.contains("What went wrong</h2>"), "{page}");
    assert!(page.contains("panic: of another node"), "{page}");
}

#[test]
fn a_mistake_of_a_node_is_reported_at_once() {
    let wrong = ECHO.replace(r#""echo":\3"#, r#""ekho":\3"#);
    let place = Place::with_node("terminal-notice", &wrong);
    let run = "test -w echo --bin ./node --node-count 1 --time-limit 2 --rate 10";
    let outcome = at_terminals(command(&place, run), 80).expect(1, "");
    let told = "eddy: node n0 answered echo wrongly. Malformed reply: ";
    assert_eq!(outcome.stderr.matches(told).count(), 1, "{}", outcome.stderr);
    let (_, after) = outcome.stderr.split_once(told).unwrap();
    assert!(after.contains(" op/s"), "{}", outcome.stderr);
    // The explanation of the verdict is below it.
    let stdout = strip_str(&outcome.stdout).to_string();
    let (_, reason) = stdout.split_once("\nreason: ").unwrap();
    let next = reason.lines().nth(1).unwrap();
    assert!(next.starts_with("warning: ") && next.contains("malformed"), "{stdout}");
    let again = place.eddy(run).expect(1, told);
    assert_eq!(again.stderr.matches(told).count(), 1, "{}", again.stderr);
}

#[test]
fn without_a_terminal_the_contradiction_is_shown() {
    let place = Place::new("terminal-piped");
    let analyze = format!("analyze {RECORDINGS}/unique-ids-3-duplicated");
    let piped = place.eddy(&analyze).expect(1, "").stdout;
    assert!(piped.contains("\n  id 68 was given 3 times: to process 0 at "), "{piped}");
}

#[test]
fn edn_is_the_same_on_a_terminal_and_in_a_pipe() {
    let place = Place::with_node("terminal-edn", ECHO);
    let analyze = format!("analyze {RECORDINGS}/lin-kv-3-broken");
    let piped = place.eddy(&analyze).expect(1, "").stdout;
    let analyzed = |options: &str| {
        at_terminals(command(&place, &format!("{analyze} {options}")), 80).expect(1, "").stdout
    };
    assert_eq!(analyzed("--edn"), piped);
    let brief = analyzed("");
    assert!(brief.starts_with("\x1b[1m\x1b[31mnot valid\x1b[0m\n"), "{brief:?}");
    assert!(brief.contains(" more lines with --edn\n"), "{brief}");
    assert!(brief.ends_with(&format!("\n\n{BAD}\n")), "{brief}");
    let run = "test -w echo --bin node --node-count 1 --time-limit 1 --edn";
    let CommandResult { stdout, .. } = at_terminals(command(&place, run), 80).expect(0, "");
    let results = fs::read_to_string(place.0.join("store/latest/results.edn")).unwrap();
    assert_eq!(stdout, format!("{results}\n{GOOD}\n"));
    let check = || command(&place, "check store/latest --max-latency 0");
    let checked = at_terminals(check(), 80).expect(1, "").stdout;
    let piped = String::from_utf8(check().output().unwrap().stdout).unwrap();
    assert!(checked.contains("\x1b[31mEXCEEDED\x1b[0m"), "{checked:?}");
    assert_eq!(strip_str(&checked).to_string(), piped);
    let mut check = check();
    check.env("TERM", "dumb");
    assert_eq!(at_terminals(check, 80).stdout, piped);
}

#[test]
fn an_analysis_shows_the_contradiction_and_the_report() {
    let place = Place::new("terminal-analysis");
    place.file("test/report.html", "", 0o644);
    let history = format!("{RECORDINGS}/unique-ids-3-duplicated/history.edn.gz");
    fs::copy(history, place.0.join("test/history.edn.gz")).unwrap();
    for (recorded, report) in [
        ("false", "report  test/report.html\n"),
        ("true", "report  test/report.html (about the recorded verdict)\n"),
    ] {
        place.file("test/results.edn", &format!("{{:valid? {recorded}}}"), 0o644);
        let mut analyze = command(&place, "analyze test");
        analyze.env("NO_COLOR", "1");
        let CommandResult { stdout, .. } = at_terminals(analyze, 80).expect(1, "");
        assert!(stdout.contains(report), "{stdout}");
        assert!(stdout.contains("\n  id 68 was given 3 times: to process 0 at "), "{stdout}");
    }
}

#[test]
fn a_line_and_a_file_show_the_progress() {
    let place = Place::with_node("terminal-progress", ECHO);
    let run = "test -w echo --bin node --node-count 3 --time-limit 5 --rate 20 --nemesis partition \
               --nemesis-interval 1 --seed 1";
    let file = place.0.join("store/current/progress.json");
    let mut last = String::new();
    let look = |_: &Child| last = fs::read_to_string(&file).unwrap_or(mem::take(&mut last));
    let outcome = at_terminals_while(command(&place, run), 80, look);
    let CommandResult { stderr, .. } = outcome.expect(0, "");
    let lines = drawn(&stderr);
    let tells = |word: &str| assert!(lines.iter().any(|line| line.contains(word)), "{stderr}");
    for word in ["/5 s, ", " op/s, ", " msgs/op, ", " partition", " operations"] {
        tells(word);
    }
    assert!(lines.iter().skip(1).all(|line| line.chars().count() <= 80), "{stderr}");
    let progress: serde_json::Value = serde_json::from_str(&last).unwrap();
    assert!(progress["operations"].as_u64() > Some(20), "{last}");
    assert!(progress["faults"]["partition"].as_u64() >= Some(1), "{last}");
    let rest: Vec<_> = fs::read_dir(place.0.join("store/latest")).unwrap().collect();
    let is_progress =
        |entry: &fs::DirEntry| entry.file_name().display().to_string().contains("pro");
    assert!(!rest.iter().any(|entry| is_progress(entry.as_ref().unwrap())), "{rest:?}");
}

#[test]
fn a_test_that_is_stopped_leaves_no_progress_behind() {
    let place = Place::with_node("terminal-stopped", ECHO);
    let file = place.0.join("store/current/progress.json");
    let mut was_there = false;
    let stop = |eddy: &Child| {
        if file.exists() && !was_there {
            was_there = true;
            kill_process(Pid::from_child(eddy), Signal::TERM).unwrap();
        }
    };
    let run = command(&place, "test -w echo --bin node --node-count 1");
    at_terminals_while(run, 80, stop).expect(255, "stopped by SIGTERM");
    assert!(was_there);
    assert!(!file.exists());
}

#[test]
fn every_shell_gets_a_completion_script() {
    let place = Place::new("terminal-completions");
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let CommandResult { stdout, .. } =
            place.eddy(&format!("completions {shell}")).expect(0, "");
        let names: &[&str] = match shell {
            // These two do not complete values.
            "elvish" | "powershell" => &["analyze", "--max-msgs-per-op"],
            _ => &["txn-list-append", "tree3", "exponential", "one-way", "read-committed"],
        };
        for name in names {
            assert!(stdout.contains(name), "{name} for {shell}:\n{stdout}");
        }
    }
}

/// Runs a script in a shell, with `eddy` on its PATH and an empty home. `None`, after a message, if
/// there is no such shell.
fn in_shell(place: &Place, shell: &str, script: &str) -> Option<String> {
    let eddy = Path::new(env!("CARGO_BIN_EXE_eddy")).parent().unwrap();
    let path = format!("{}:{}", eddy.display(), std::env::var("PATH").unwrap());
    let is_there = |directory: PathBuf| directory.join(shell).exists();
    if !std::env::split_paths(&path).any(is_there) {
        // Not `eprintln!`, whose output is hidden in tests that pass.
        let line = format!("completions are not tried in {shell}, which is not there\n");
        stderr().write_all(line.as_bytes()).unwrap();
        return None;
    }
    let mut command = Command::new("timeout");
    command.args(["60", shell, "-c", script]).current_dir(&place.0);
    command.env("HOME", &place.0).env("PATH", path);
    command.env_remove("XDG_CONFIG_HOME").env_remove("XDG_DATA_HOME");
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8(output.stdout).unwrap())
}

/// Script in which zsh lets another zsh, on a terminal, complete a line, and prints the result.
const ZSH: &str = r#"
    eddy completions zsh > _eddy
    zmodload zsh/zpty
    zpty other zsh -f
    zpty -w other 'PS1=; fpath=($PWD $fpath); autoload -U compinit; compinit -u -D'
    zpty -w other 'tell() { print -r -- "<$BUFFER>" }; zle -N tell; bindkey "^T" tell'
    zpty -w other 'print REA''DY'
    zpty -r other shown $'*READY\r\n*'
    zpty -w -n other $'LINE\t\024'
    zpty -r other shown '*<eddy*>*'
    print -r -- ${${shown##*<}%%>*}
"#;

#[test]
fn the_last_part_of_a_list_is_completed() {
    let place = Place::new("terminal-lists");
    for (line, expected) in [
        ("eddy test --nemesis k", "kill"),
        ("eddy test --nemesis partition,k", "partition,kill"),
        ("eddy test --nemesis kill,loss,du", "kill,loss,duplicate"),
        ("eddy test --consistency-models read-committed,seri", "read-committed,serializable"),
        ("eddy analyze --consistency-models PRAM,causal-", "PRAM,causal-cerone"),
    ] {
        let words: Vec<&str> = line.split(' ').collect();
        let (option, word) = (words[2], words[3]);
        let bash = format!(
            "source <(eddy completions bash); COMP_WORDS=({line}); COMP_CWORD=3; \
             _eddy eddy {word} {option}; printf '%s\\n' \"${{COMPREPLY[@]}}\""
        );
        let fish = format!("eddy completions fish | source; complete -C '{line}'");
        let zsh = ZSH.replace("LINE", line);
        for (shell, script) in [("bash", bash), ("fish", fish), ("zsh", zsh)] {
            if let Some(completed) = in_shell(&place, shell, &script) {
                // fish also prints a description, after a tab.
                let completed = completed.lines().last().unwrap_or_default();
                let last = completed.split('\t').next().unwrap().rsplit(' ').next().unwrap();
                // zsh appends another part, or replaces the comma by a space.
                assert_eq!(last.trim_end_matches(','), expected, "{shell}: {line}");
            }
        }
    }
}

#[test]
fn the_installation_instructions_work_in_a_fresh_home() {
    let help = Place::new("terminal-help").eddy("completions --help").expect(0, "").stdout;
    for (shell, file) in [
        ("bash", ".local/share/bash-completion/completions/eddy"),
        ("zsh", ".zfunc/_eddy"),
        ("fish", ".config/fish/completions/eddy.fish"),
        ("elvish", ".config/elvish/lib/eddy.elv"),
    ] {
        let place = Place::new(&format!("terminal-home-{shell}"));
        let (_, advice) = help.split_once(&format!("\n  {shell} ")).unwrap();
        let lines: Vec<&str> = advice.lines().take(2).map(str::trim).collect();
        assert!(lines[0].starts_with("mkdir") && lines[1].starts_with("eddy"), "{lines:?}");
        in_shell(&place, "sh", &lines.join(" && ")).unwrap();
        let script = fs::read_to_string(place.0.join(file)).unwrap();
        assert!(script.contains("nemesis"), "{file}: {script}");
    }
}
