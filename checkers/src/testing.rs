//! Small histories for the tests of checkers.

use crate::{
    edn::Value,
    history::{History, Kind, Op, Process},
};

/// The history of lines such as `0 invoke read nil`: process (or `nemesis`), kind, function, value.
///
/// Indices count the lines, and each line is 10 ms after the one before.
#[track_caller]
pub(crate) fn history(text: &str) -> History {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    History::from_ops(lines.enumerate().map(|(index, line)| {
        let words: Vec<_> = line.splitn(4, ' ').collect();
        let [process, kind, f, value] = words[..] else { panic!("four words in `{line}`") };
        let process = process.parse().map_or(Process::Nemesis, Process::Client);
        let value = Value::read_edn(value).unwrap();
        let kind = Kind::ALL.into_iter().find(|known| known.name() == kind).unwrap();
        let time = 10_000_000 * index as u64;
        Op { kind, ..Op::invoke(index, time, process, f.to_owned(), value) }
    }))
}
