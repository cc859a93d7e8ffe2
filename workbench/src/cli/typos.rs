//! Typos in a command line that parse without an error, or with an unhelpful one.
//!
//! Most of them only cause a notice, because everything that works in Maelstrom works here.

use std::ffi::OsString;
use std::fmt::Display;
use std::path::Path;

use clap::Command;

use eddy::Fault;
use eddy::latency::Distribution;
use eddy::topology::Topology;
use eddy_checkers::ConsistencyModel;
use eddy_text::shell::quote_words;

use super::workloads;

/// Error about the words after the program's name, with its subcommand, if any.
pub(super) fn find(eddy: &Command, line: &[OsString]) -> Option<(Option<String>, String)> {
    let line: Vec<_> = line.iter().map(|word| word.to_string_lossy()).collect();
    let (first, rest) = line.split_first()?;
    if first.starts_with('-') {
        let test = eddy.find_subcommand("test")?;
        let is_of = |command| match first.strip_prefix("--") {
            Some(name) => is_long(command, name),
            None => is_short(command, &first[1..]) || is_long(command, &first[1..]),
        };
        return (is_of(test) && !is_of(eddy)).then(|| {
            let words: Vec<String> = line.iter().map(ToString::to_string).collect();
            let meant = quote_words(&words);
            (None, format!("expected a command first; did you mean eddy test {meant}?"))
        });
    }
    let command = eddy.find_subcommand(&**first)?;
    let options = rest.iter().take_while(|word| *word != "--");
    let is_slip = |word: &str| {
        // A single letter is a short option.
        word.len() > 2 && !word.starts_with("--") && is_long(command, &word[1..])
    };
    let slip = options.filter(|word| word.starts_with('-')).find(|word| is_slip(word))?;
    let name = slip.split('=').next().unwrap_or_default();
    Some((Some(first.to_string()), format!("{name} begins with one dash; did you mean -{name}?")))
}

/// True if a command has this long option, with or without `=`.
fn is_long(command: &Command, word: &str) -> bool {
    let name = word.split('=').next().unwrap_or_default();
    command.get_arguments().any(|argument| argument.get_long() == Some(name))
}

/// True if a command has the short option with which a word begins.
fn is_short(command: &Command, word: &str) -> bool {
    let shorts = command.get_arguments().filter_map(clap::Arg::get_short);
    word.chars().next().is_some_and(|first| shorts.into_iter().any(|short| short == first))
}

/// Notice about a single number as a node's name.
pub(super) fn name_notice(names: &[String]) -> Option<String> {
    let [name] = names else { return None };
    let is_number = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| {
        format!(
            "there is one node, called {name:?}: --nodes and --node take names; for {name} \
             nodes: --node-count {name}"
        )
    })
}

/// Notices about the arguments of every node. The last `behind_dashes` of them follow `--` and so
/// are intended.
pub(super) fn word_notices(words: &[OsString], behind_dashes: usize) -> Vec<String> {
    let words: Vec<String> = words.iter().map(|word| word.to_string_lossy().into_owned()).collect();
    let doubtful = &words[..words.len().saturating_sub(behind_dashes)];
    let named = doubtful.iter().any(|word| is_option_value(word)).then(|| {
        format!(
            "every node is given these words as arguments: {}. An option takes several names \
             separated by commas, as in --nemesis partition,kill; words after -- are for nodes",
            quote_words(doubtful)
        )
    });
    let lost = words.iter().find_map(|word| {
        let path = Path::new(word);
        let real = path.is_file().then(|| path.canonicalize().ok())??;
        path.is_relative().then(|| {
            let (there, real) = (std::env::temp_dir(), real.display().to_string());
            format!(
                "nodes run in {}, as in Maelstrom, where {word} is another file or none; did you \
                 mean {}?",
                there.display(),
                quote_words(&[real])
            )
        })
    });
    named.into_iter().chain(lost).collect()
}

/// True if this is a value, or a list of values, that an option takes.
fn is_option_value(word: &str) -> bool {
    fn has(all: &[impl Display], word: &str) -> bool {
        all.iter().any(|one| one.to_string() == word)
    }
    let mut parts = word.split(',').filter(|part| !part.is_empty()).peekable();
    parts.peek().is_some()
        && parts.all(|part| {
            has(&Fault::ALL, part)
                || workloads::all().iter().any(|workload| workload.name() == part)
                || has(&Topology::ALL, part)
                || has(&Distribution::ALL, part)
                || has(&ConsistencyModel::ALL, part)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<OsString> {
        line.split_whitespace().map(OsString::from).collect()
    }

    #[test]
    fn a_single_number_is_not_a_number_of_nodes() {
        #[track_caller]
        fn check(names: &[&str], is_told: bool) {
            let names: Vec<String> = names.iter().map(ToString::to_string).collect();
            assert_eq!(name_notice(&names).is_some(), is_told, "{names:?}");
        }
        check(&["5"], true);
        check(&["5", "6"], false);
        check(&["n5"], false);
        check(&[], false);
        assert!(name_notice(&["7".to_owned()]).unwrap().ends_with("for 7 nodes: --node-count 7"));
    }

    #[test]
    fn words_that_are_values_of_options_are_reported() {
        #[track_caller]
        fn check(line: &str, behind_dashes: usize, told: Option<&str>) {
            let notices = word_notices(&words(line), behind_dashes);
            let told =
                told.map(|told| format!("every node is given these words as arguments: {told}. "));
            match told {
                Some(told) => assert!(notices[0].starts_with(&told), "{notices:?}"),
                None => assert!(notices.is_empty(), "{notices:?}"),
            }
        }
        check("kill", 0, Some("kill"));
        check("1600ms kill,pause", 0, Some("1600ms kill,pause"));
        check("total", 0, Some("total"));
        check("read-committed --x", 1, Some("read-committed"));
        check("kill", 1, None);
        check("one --two 1600ms ,", 0, None);
    }

    #[test]
    fn a_missing_dash_and_a_missing_command_are_answered() {
        let mut eddy = <super::super::Cli as clap::CommandFactory>::command();
        eddy.build();
        let check = |line: &str, expected: &str| {
            let found = find(&eddy, &words(line)).map(|(_, text)| text).unwrap_or_default();
            assert_eq!(found, expected, "{line}");
        };
        check("test -bin x", "-bin begins with one dash; did you mean --bin?");
        check("test -node-count=3", "-node-count begins with one dash; did you mean --node-count?");
        check(
            "check . -max-median 4",
            "-max-median begins with one dash; did you mean --max-median?",
        );
        check("test -w echo -n a --rate -1 -- -bin", "");
        check("test -verbose", "");
        check("analyze -bin", "");
        let meant = "expected a command first; did you mean eddy test ";
        check("-w echo --bin x", &format!("{meant}-w echo --bin x?"));
        check("--bin=x", &format!("{meant}--bin=x?"));
        check("--help", "");
        check("--nonsense", "");
        check("-V", "");
        check("", "");
    }
}
