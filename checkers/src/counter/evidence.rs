//! Explanation of a wrong final read: the adds that would explain it, when its node last showed a
//! right sum, and who else has the same.

use super::acceptable::{self, Range, contains, nearest};
use super::earlier::Adds;
use super::fewest::{Fewest, MOST_ADDS, fewest};
use crate::Placement;
use crate::history::{History, Kind, Op};
use crate::sentence::{NAMED, and, counted, first_few, time};

/// How many reads of one node are looked at, from the last one back. Each takes a look at all adds,
/// so more would take long where there are very many of both.
const MOST_READS: usize = 200;

/// A wrong value, and all final reads of it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Wrong {
    pub(super) value: i128,
    /// The nodes that it was read from, or the processes where nodes are not known.
    pub(super) readers: Vec<String>,
    pub(super) are_nodes: bool,
    /// How it comes out: `without 2 (process 3, acknowledged at 1.200 s)`.
    pub(super) cause: Option<String>,
    /// The ends of the adds that explain it, if no others do.
    pub(super) adds: Vec<Op>,
    /// What else is known, in lines for a person to read.
    pub(super) lines: Vec<String>,
}

/// Everything that is looked at to explain a wrong value.
pub(super) struct Facts<'a> {
    pub(super) history: &'a History,
    pub(super) placement: &'a Placement<'a>,
    pub(super) acceptable: &'a [Range],
    /// Whether any adds are in doubt.
    pub(super) has_doubts: bool,
}

/// An add that may be missing or counted too often.
struct Suspect<'a> {
    /// By how much the sum would change.
    change: i128,
    /// What would be wrong about it.
    mistake: Mistake,
    /// Its end, or its beginning if it never ended.
    add: &'a Op,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Mistake {
    Missing,
    Doubled,
    /// It was refused, or never ended, and yet it counts.
    Unacknowledged,
}

impl Facts<'_> {
    /// What is known about these wrong reads, of which each has a value.
    pub(super) fn of(&self, errors: &[(i128, &Op)]) -> Vec<Wrong> {
        let mut values: Vec<(i128, Vec<&Op>)> = Vec::new();
        for (value, read) in errors {
            match values.iter().position(|(other, _)| other == value) {
                Some(place) => values[place].1.push(read),
                None if values.len() < NAMED => values.push((*value, vec![read])),
                None => {}
            }
        }
        let suspects = self.suspects();
        values.iter().map(|(value, reads)| self.explain(*value, reads, &suspects)).collect()
    }

    /// The node that an operation was sent to, or its process.
    pub(super) fn place(&self, op: &Op) -> String {
        let node = self.placement.node_of(op.process);
        node.map_or_else(|| format!("process {}", op.process), str::to_owned)
    }

    fn explain(&self, value: i128, reads: &[&Op], suspects: &[Suspect<'_>]) -> Wrong {
        let mut readers: Vec<String> = Vec::new();
        for reader in reads.iter().map(|read| self.place(read)) {
            if !readers.contains(&reader) {
                readers.push(reader);
            }
        }
        let changes: Vec<i128> = suspects.iter().map(|suspect| suspect.change).collect();
        let chosen = |places: &[usize]| -> Vec<&Suspect<'_>> {
            places.iter().map(|place| &suspects[*place]).collect()
        };
        let found = fewest(&changes, self.acceptable, value);
        let mut adds = Vec::new();
        let (cause, how) = match &found {
            Fewest::Only(places) => {
                let only = chosen(places);
                adds = only.iter().map(|suspect| suspect.add.clone()).collect();
                let cause = self.cause(&only);
                let others = match places.len() {
                    1 => "no other single add explains it".to_owned(),
                    count => format!("no other choice of up to {count} adds explains it"),
                };
                (Some(cause.clone()), format!("it comes out {cause}, and {others}"))
            }
            Fewest::Example(places) => {
                let cause = self.cause(&chosen(places));
                (
                    Some(format!("for example {cause}")),
                    format!("it comes out, for example, {cause}"),
                )
            }
            Fewest::None => {
                let none = "adds that are missing or counted twice explains it";
                (None, format!("no choice of up to {MOST_ADDS} {none}"))
            }
            Fewest::Unknown => {
                let many =
                    "there are too many choices of adds that may be missing or counted twice";
                (None, many.to_owned())
            }
        };
        let are_nodes = reads.iter().all(|read| self.placement.node_of(read.process).is_some());
        let read_by = match &readers[..] {
            [one] if are_nodes => format!("read from {one}"),
            [one] => format!("read by {one}"),
            several => format!("on which {} agree", and(several)),
        };
        let difference = self.difference(value);
        let mut lines = vec![format!("{value}, {read_by}, {difference}: {how}.")];
        let before = readers.iter().take(NAMED).filter_map(|reader| {
            let first = reads.iter().find(|read| self.place(read) == *reader)?;
            self.last_right(reader, first)
        });
        lines.extend(before);
        Wrong { value, readers, are_nodes, cause, adds, lines }
    }

    /// How far off a value is: `is 5 less than 42`.
    fn difference(&self, value: i128) -> String {
        let near = nearest(self.acceptable, value).unwrap_or_default();
        let (by, word) = (value.abs_diff(near), if value < near { "less" } else { "more" });
        let which = if self.has_doubts { ", the nearest that it may be" } else { "" };
        format!("is {by} {word} than {near}{which}")
    }

    /// All adds that may be wrong, each in the ways in which it may.
    fn suspects(&self) -> Vec<Suspect<'_>> {
        let mut suspects = Vec::new();
        for begin in self.history.clients().filter(|op| op.kind == Kind::Invoke && op.f == "add") {
            let add = self.history.completion(begin).unwrap_or(begin);
            let Some(delta) = acceptable::delta(&add.value) else { continue };
            let mut push = |change, mistake| suspects.push(Suspect { change, mistake, add });
            match add.kind {
                Kind::Ok => {
                    push(-delta, Mistake::Missing);
                    push(delta, Mistake::Doubled);
                }
                Kind::Info => push(delta, Mistake::Doubled),
                Kind::Fail | Kind::Invoke => push(delta, Mistake::Unacknowledged),
            }
        }
        suspects
    }

    /// `without 2 (…) and 3 (…), with 4 (…) twice`.
    fn cause(&self, suspects: &[&Suspect<'_>]) -> String {
        let of = |mistake: Mistake| {
            let adds = suspects.iter().filter(|suspect| suspect.mistake == mistake);
            let adds: Vec<String> = adds.map(|suspect| self.named(suspect.add)).collect();
            let adds = (!adds.is_empty()).then(|| and(&adds))?;
            Some(match mistake {
                Mistake::Missing => format!("without {adds}"),
                Mistake::Doubled => format!("with {adds} counted twice"),
                Mistake::Unacknowledged => format!("with {adds} counted all the same"),
            })
        };
        let mistakes = [Mistake::Missing, Mistake::Doubled, Mistake::Unacknowledged];
        let mut parts: Vec<String> = mistakes.into_iter().filter_map(of).collect();
        if self.has_doubts {
            parts.push("with some choice of those in doubt".to_owned());
        }
        parts.join(", ")
    }

    /// An add by its delta, its process, and what became of it when.
    fn named(&self, add: &Op) -> String {
        let Op { value, process, kind, .. } = add;
        let node = self.placement.node_of(*process).map(|node| format!(" on {node}"));
        let became = match kind {
            Kind::Ok => "acknowledged at",
            Kind::Info => "in doubt since",
            Kind::Fail => "refused at",
            Kind::Invoke => "begun and not ended, at",
        };
        let delta = acceptable::integer(value).unwrap_or_default();
        format!("{delta} (process {process}{}, {became} {})", node.unwrap_or_default(), time(add))
    }

    /// When a node last showed a sum that was right at the time, before this read of it.
    fn last_right(&self, reader: &str, before: &Op) -> Option<String> {
        let history = self.history;
        let is_earlier = |op: &&Op| {
            op.kind == Kind::Ok
                && op.f == "read"
                && op.index < before.index
                && self.place(op) == reader
        };
        let reads: Vec<&Op> = history.clients().filter(is_earlier).collect();
        let adds = Adds::of(history);
        let mut latest = reads.iter().rev().take(MOST_READS);
        let right = latest.find(|read| {
            let begin = history.invocation(read);
            begin.is_some_and(|begin| adds.allow(begin, read))
        });
        match (right, reads.len()) {
            (_, 0) => None,
            (Some(read), _) => {
                let sum = acceptable::integer(&read.value).unwrap_or_default();
                let when = time(read);
                Some(format!("{reader} last read a sum that was right then, {sum}, at {when}."))
            }
            (None, count) if count > MOST_READS => {
                Some(format!("None of the last {MOST_READS} earlier reads of {reader} was right."))
            }
            (None, count) => {
                let reads = counted(count as u64, "earlier read");
                Some(format!("{reader} was not right before either, in {reads}."))
            }
        }
    }

    /// Who read what it should, in a sentence.
    pub(super) fn right(&self, reads: &[(i128, &Op)]) -> Option<String> {
        let mut sums: Vec<(i128, Vec<String>)> = Vec::new();
        for (sum, read) in reads.iter().filter(|(sum, _)| contains(self.acceptable, *sum)) {
            let reader = self.place(read);
            match sums.iter().position(|(other, _)| other == sum) {
                Some(place) if sums[place].1.contains(&reader) => {}
                Some(place) => sums[place].1.push(reader),
                None => sums.push((*sum, vec![reader])),
            }
        }
        let all = sums.iter().map(|(sum, readers)| format!("{} read {sum}", and(readers)));
        let all = first_few(all, "sums");
        (!all.is_empty()).then(|| format!("Right at the end: {}.", all.join("; ")))
    }
}
