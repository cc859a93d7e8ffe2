//! Evidence: how many operations a verdict rests on.
//!
//! Upstream's checkers find nothing wrong where there is nothing to look at. Whoever has just seen
//! the test knows that; whoever is given a history has to be told.

use std::collections::BTreeMap;

use super::sentence::counted;
use crate::history::{History, Kind, Op};

/// The operations that a checker looks for, counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Evidence {
    /// Which operations they are, in words that follow "no": `echo that ended`.
    pub wanted: &'static str,
    /// How many the verdict rests on.
    pub judged: usize,
    /// How many were passed over because their values have another shape.
    pub passed_over: usize,
}

impl Evidence {
    /// Counts the operations that the checker looks for, each by whether its value can be judged.
    pub fn count(wanted: &'static str, operations: impl IntoIterator<Item = bool>) -> Evidence {
        let (mut judged, mut passed_over) = (0, 0);
        for can_be_judged in operations {
            *(if can_be_judged { &mut judged } else { &mut passed_over }) += 1;
        }
        Evidence { wanted, judged, passed_over }
    }

    /// What was looked for and what was found, if nothing was judged, in a sentence.
    pub fn lack(&self, history: &History) -> Option<String> {
        let Evidence { wanted, judged, passed_over } = *self;
        let others = match passed_over as u64 {
            0 => String::new(),
            count => {
                let those = counted(count, "value");
                format!("; {those} of another shape could not be judged")
            }
        };
        let found = found(history);
        (judged == 0).then(|| {
            format!("nothing was judged: there is no {wanted}; the history has {found}{others}")
        })
    }
}

/// The operations of a history by function, and how many of each succeeded: `read (2 ok of 3)`.
pub(crate) fn found(history: &History) -> String {
    let mut by_f: BTreeMap<&str, [usize; 2]> = BTreeMap::new();
    for op in history.clients() {
        let [ok, begun] = by_f.entry(&op.f).or_default();
        *ok += usize::from(op.kind == Kind::Ok);
        // A history may begin in the middle of an operation.
        *begun += usize::from(op.kind == Kind::Invoke || history.invocation(op).is_none());
    }
    let shown = by_f.iter().map(|(f, [ok, begun])| format!("{f} ({ok} ok of {begun})"));
    let shown: Vec<String> = shown.collect();
    if shown.is_empty() { "no operation of a client".to_owned() } else { shown.join(", ") }
}

/// The ends of operations that succeeded and are called one of these.
pub(crate) fn ok<'a>(history: &'a History, names: &'a [&str]) -> impl Iterator<Item = &'a Op> {
    history.clients().filter(|op| op.kind == Kind::Ok && names.contains(&&*op.f))
}

#[cfg(test)]
mod tests {
    use super::super::testing::history;
    use super::*;

    #[test]
    fn what_was_looked_for_and_what_was_found_is_told_where_nothing_was_judged() {
        let text = "0 invoke read nil\n0 ok read {0 1}\n0 invoke add 1\n1 ok read 2";
        let history = history(text);
        let of = |operations: &[bool]| Evidence::count("final read", operations.iter().copied());
        assert_eq!(of(&[true, false]).lack(&history), None);
        let nothing = "nothing was judged: there is no final read; the history has add (0 ok of \
                       1), read (2 ok of 2)";
        assert_eq!(of(&[]).lack(&history).unwrap(), nothing);
        let odd = format!("{nothing}; 2 values of another shape could not be judged");
        assert_eq!(of(&[false, false]).lack(&history).unwrap(), odd);
    }
}
