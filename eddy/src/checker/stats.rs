//! How many operations succeeded: Jepsen's `stats`, with the exception that Maelstrom makes of
//! kafka's crashes.

use std::{borrow::Cow, collections::BTreeMap};

use super::sentence::{NAMED, time};
use super::{Contradiction, Validity, exceptions};
use crate::{
    edn::{Map, Value},
    history::{History, Kind, Op},
};

/// Operations that never succeed, and need not: those crash a client on purpose.
const EXCUSED: [&str; 2] = ["crash", "debug-topic-partitions"];

/// How the operations of clients ended, together and by function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stats {
    /// Valid if each function succeeded at least once.
    pub valid: Validity,
    /// Of all functions together.
    pub overall: Counts,
    /// Of each function.
    pub by_f: BTreeMap<Cow<'static, str>, Counts>,
    /// The first error of each function that had one. Malformed replies are told elsewhere.
    errors: BTreeMap<Cow<'static, str>, Value>,
}

/// How many operations ended in which way; those that never ended are not counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// They happened.
    pub ok: usize,
    /// They did not happen.
    pub fail: usize,
    /// Nobody knows.
    pub info: usize,
}

/// Counts how the operations of clients ended.
pub fn check(history: &History) -> Stats {
    let mut overall = Counts::default();
    let mut by_f: BTreeMap<Cow<'static, str>, Counts> = BTreeMap::new();
    let mut errors = BTreeMap::new();
    for op in history.clients().filter(|op| op.kind != Kind::Invoke) {
        overall.add(op.kind);
        match by_f.get_mut(&op.f) {
            Some(counts) => counts.add(op.kind),
            None => by_f.entry(op.f.clone()).or_default().add(op.kind),
        }
        if let Some(error) = op.error.as_ref().filter(|_| !exceptions::is_malformed(op))
            && !errors.contains_key(&op.f)
        {
            errors.insert(op.f.clone(), error.clone());
        }
    }
    let judged = by_f.iter().filter(|(f, _)| is_judged(f));
    let valid = Validity::merge(judged.map(|(_, counts)| counts.valid()));
    Stats { valid, overall, by_f, errors }
}

fn is_judged(f: &str) -> bool {
    !EXCUSED.contains(&f)
}

impl Stats {
    /// The same, but unknown if no operation ended that need succeed, where upstream finds nothing
    /// wrong.
    #[must_use]
    pub fn on_evidence(self) -> Stats {
        let has_any = self.by_f.keys().any(|f| is_judged(f));
        Stats { valid: if has_any { self.valid } else { Validity::Unknown }, ..self }
    }

    /// Why it is not valid, in sentences.
    pub fn reasons(&self) -> impl Iterator<Item = String> {
        let nothing = "no operation ended, so nothing shows that any can succeed";
        let nothing = (self.valid == Validity::Unknown).then(|| nothing.to_owned());
        self.without_success().map(|(_, reason)| reason).chain(nothing)
    }

    /// For each function of which nothing succeeded, the first operations.
    pub fn contradictions(&self, history: &History) -> Vec<Contradiction> {
        let of = |(f, reason): (&str, String)| {
            let ends = history.clients().filter(|op| op.kind != Kind::Invoke && op.f == f);
            let first: Vec<&Op> = ends.take(NAMED).collect();
            let when = first.first().map(|op| format!("; the first of them ended at {}", time(op)));
            let what = reason + &when.unwrap_or_default();
            Contradiction::between(history, what, first)
        };
        self.without_success().map(of).collect()
    }

    /// The functions of which nothing succeeded, each with a sentence.
    fn without_success(&self) -> impl Iterator<Item = (&str, String)> {
        let by_f = self.by_f.iter().filter(|(f, counts)| is_judged(f) && counts.ok == 0);
        by_f.map(|(f, Counts { fail, info, .. })| {
            let error = self.errors.get(f).map(|error| format!("; the first error is {error}"));
            let error = error.unwrap_or_default();
            let reason =
                format!("no {f} succeeded: {fail} failed, and of {info} nobody knows{error}");
            (&**f, reason)
        })
    }

    /// The map under `:stats`.
    pub fn to_edn(&self) -> Value {
        let by_f = self.by_f.iter();
        let by_f = by_f.map(|(f, counts)| (Value::keyword(f.clone()), counts.to_map().into()));
        let mut map = self.overall.to_map().with("by-f", by_f.collect::<Map>());
        map.insert(Value::keyword("valid?"), self.valid);
        map.into()
    }
}

impl Counts {
    /// How many operations ended.
    pub fn count(&self) -> usize {
        self.ok + self.fail + self.info
    }

    fn valid(&self) -> Validity {
        Validity::from(self.ok > 0)
    }

    fn add(&mut self, kind: Kind) {
        match kind {
            Kind::Invoke => {}
            Kind::Ok => self.ok += 1,
            Kind::Fail => self.fail += 1,
            Kind::Info => self.info += 1,
        }
    }

    fn to_map(self) -> Map {
        Map::new()
            .with("valid?", self.valid())
            .with("count", self.count())
            .with("ok-count", self.ok)
            .with("fail-count", self.fail)
            .with("info-count", self.info)
    }
}

#[cfg(test)]
mod tests {
    use super::{super::testing::history, *};

    #[track_caller]
    fn check(text: &str, valid: Validity, [ok, fail, info]: [usize; 3]) {
        let stats = super::check(&history(text));
        assert_eq!((stats.valid, stats.overall), (valid, Counts { ok, fail, info }));
    }

    #[test]
    fn every_function_must_succeed_once() {
        check("", Validity::Valid, [0, 0, 0]);
        check("0 invoke read nil", Validity::Valid, [0, 0, 0]);
        check(
            "0 invoke read nil
             0 fail read nil
             0 invoke read nil
             0 ok read []",
            Validity::Valid,
            [1, 1, 0],
        );
        check(
            "0 invoke read nil
             0 ok read []
             0 invoke add 1
             0 info add 1",
            Validity::Invalid,
            [1, 0, 1],
        );
    }

    #[test]
    fn a_function_that_never_succeeded_is_told_with_its_first_error() {
        let with_errors = |errors: [&str; 2]| {
            let read = "{:index 0, :time 1, :type :ok, :process 0, :f :read, :value 1}\n";
            let adds = (1..).zip(errors).map(|(index, error)| {
                format!(
                    "{{:index {index}, :time 1, :type :fail, :process 0, :f :add, :value 1, \
                     {error}}}\n"
                )
            });
            let text: String = [read.to_owned()].into_iter().chain(adds).collect();
            let stats = super::check(&History::read_edn(&text).unwrap());
            stats.reasons().collect::<Vec<String>>()
        };
        let none = "no add succeeded: 2 failed, and of 0 nobody knows";
        let reasons = with_errors([":error [:abort \"busy\"]", ":error :net-timeout"]);
        assert_eq!(reasons, [format!("{none}; the first error is [:abort \"busy\"]")]);
        let malformed = ":error \"?\", :exception {:via [{:type :malformed-rpc-response}]}";
        assert_eq!(with_errors([malformed, malformed]), [none]);
    }

    #[test]
    fn a_crash_and_the_nemesis_are_excused() {
        check(
            "nemesis info start-partition nil
             0 invoke crash nil
             0 info crash nil",
            Validity::Valid,
            [0, 0, 1],
        );
    }

    #[test]
    fn a_crash_is_shown_as_what_it_is() {
        let stats = super::check(&history("0 invoke crash nil\n0 info crash nil")).to_edn();
        assert_eq!(stats.get("valid?"), Some(&true.into()));
        assert_eq!(stats.get_in(&["by-f", "crash", "valid?"]), Some(&false.into()));
    }

    #[test]
    fn the_first_operations_of_a_function_that_never_succeeded_are_named() {
        let adds = (0..20).map(|i| format!("{i} invoke add {i}\n{i} info add {i}\n"));
        let history = history(&(adds.collect::<String>() + "0 invoke read nil\n0 ok read []"));
        let contradictions = super::check(&history).contradictions(&history);
        let [adds] = &contradictions[..] else { panic!("{contradictions:?}") };
        let what = "no add succeeded: 0 failed, and of 20 nobody knows; the first of them ended at \
                    0.010 s";
        assert_eq!((&*adds.what, &adds.operations), (what, &(0..16).collect()));
    }
}
