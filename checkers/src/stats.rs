//! How many operations succeeded: Jepsen's `stats`, with the exception that Maelstrom makes of
//! kafka's crashes.

use std::{borrow::Cow, collections::BTreeMap};

use super::sentence::{NAMED, and, counted, error, seconds, time};
use super::{Contradiction, Placement, Validity, exceptions};
use crate::{
    edn::{Map, Value},
    history::{History, Kind, Op, Process},
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
    /// How each process fared with each function.
    by_process: BTreeMap<Cow<'static, str>, BTreeMap<Process, Fates>>,
    /// Whether there was a nemesis, which may be to blame for silence.
    has_nemesis: bool,
}

/// How operations ended that a process began, or a node was asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Fates {
    /// They succeeded.
    ok: usize,
    /// They were not answered in time.
    silent: usize,
    /// The replies were malformed, which is told elsewhere.
    malformed: usize,
    /// They were answered with an error.
    refused: usize,
    /// How long the first waited that was not answered, in nanoseconds.
    waited: Option<u64>,
    /// The first error.
    error: Option<Value>,
}

/// How many requests a node must leave without an answer, while others answer such requests, before
/// that is told. One or two may have come when the test was about to end.
const SILENT: usize = 3;

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
    let mut by_process: BTreeMap<Cow<'static, str>, BTreeMap<Process, Fates>> = BTreeMap::new();
    for op in history.clients().filter(|op| op.kind != Kind::Invoke) {
        overall.add(op.kind);
        match by_f.get_mut(&op.f) {
            Some(counts) => counts.add(op.kind),
            None => by_f.entry(op.f.clone()).or_default().add(op.kind),
        }
        if !by_process.contains_key(&op.f) {
            by_process.insert(op.f.clone(), BTreeMap::new());
        }
        if let Some(processes) = by_process.get_mut(&op.f) {
            processes.entry(op.process).or_default().add(history, op);
        }
    }
    let has_nemesis = history.ops().iter().any(|op| op.process == Process::Nemesis);
    let judged = by_f.iter().filter(|(f, _)| is_judged(f));
    let valid = Validity::merge(judged.map(|(_, counts)| counts.valid()));
    Stats { valid, overall, by_f, by_process, has_nemesis }
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
    pub fn reasons(&self, placement: &Placement<'_>) -> impl Iterator<Item = String> {
        let nothing = "no operation ended, so nothing shows that any can succeed";
        let nothing = (self.valid == Validity::Unknown).then(|| nothing.to_owned());
        self.without_success(placement).map(|(_, reason)| reason).chain(nothing)
    }

    /// For each function of which nothing succeeded, the first operations.
    pub fn contradictions(
        &self,
        history: &History,
        placement: &Placement<'_>,
    ) -> Vec<Contradiction> {
        let of = |(f, reason): (&str, String)| {
            let ends = history.clients().filter(|op| op.kind != Kind::Invoke && op.f == f);
            let first: Vec<&Op> = ends.take(NAMED).collect();
            let when = first.first().map(|op| format!("; the first of them ended at {}", time(op)));
            let what = reason + &when.unwrap_or_default();
            Contradiction::between(history, what, first)
        };
        self.without_success(placement).map(of).collect()
    }

    /// Nodes that never answered what others answered, in sentences, where no fault may be to
    /// blame.
    pub fn silent(&self, placement: &Placement<'_>) -> Vec<String> {
        let judged = self.by_process.iter().filter(|(f, _)| is_judged(f) && !self.has_nemesis);
        let succeeded = judged.filter(|(f, _)| self.by_f.get(*f).is_some_and(|by| by.ok > 0));
        let told = succeeded.filter_map(|(f, processes)| {
            let mut nodes = by_node(processes, placement);
            nodes.retain(|_, fates| fates.is_silent() && fates.silent >= SILENT);
            nodes.remove("");
            (!nodes.is_empty()).then(|| no_answer(f, &nodes) + ", and others did")
        });
        told.collect()
    }

    /// The functions of which nothing succeeded, each with a sentence.
    fn without_success(&self, placement: &Placement<'_>) -> impl Iterator<Item = (&str, String)> {
        let by_f = self.by_f.iter().filter(|(f, counts)| is_judged(f) && counts.ok == 0);
        by_f.map(|(f, counts)| {
            let processes = self.by_process.get(f);
            let nodes = processes.map(|processes| by_node(processes, placement));
            (&**f, failed(f, *counts, &nodes.unwrap_or_default()))
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

/// How the processes of each node fared; of the node `""`, where nobody knows which that is.
fn by_node<'a>(
    processes: &BTreeMap<Process, Fates>,
    placement: &Placement<'a>,
) -> BTreeMap<&'a str, Fates> {
    let mut nodes: BTreeMap<&str, Fates> = BTreeMap::new();
    for (process, fates) in processes {
        nodes.entry(placement.node_of(*process).unwrap_or("")).or_default().join(fates);
    }
    nodes
}

/// That no operation of a function succeeded, and what became of them in place of that.
fn failed(f: &str, counts: Counts, nodes: &BTreeMap<&str, Fates>) -> String {
    let (silent, others): (BTreeMap<_, _>, BTreeMap<_, _>) = nodes
        .iter()
        .map(|(node, fates)| (*node, fates.clone()))
        .partition(|(_, fates)| fates.is_silent());
    if others.is_empty() && !silent.is_empty() {
        return no_answer(f, &silent);
    }
    let mut all = Fates::default();
    for fates in others.values() {
        all.join(fates);
    }
    let refused = match (all.refused as u64, &all.error) {
        (0, _) => None,
        (count, None) => Some(format!("{count} ended without an error that tells why")),
        (1, Some(why)) => Some(format!("one was refused with {}", error(why))),
        (refused, Some(why)) => {
            Some(format!("{refused} were refused, the first with {}", error(why)))
        }
    };
    let malformed = match all.malformed as u64 {
        0 => None,
        1 => Some("1 malformed reply".to_owned()),
        count => Some(format!("{count} malformed replies")),
    };
    let late = match (all.silent as u64, all.waited) {
        (0, _) | (_, None) => None,
        (count, Some(waited)) => Some(format!("{count} not answered within {}", patience(waited))),
    };
    let silence = (!silent.is_empty()).then(|| no_answer(f, &silent));
    let parts: Vec<String> = [refused, malformed, late, silence].into_iter().flatten().collect();
    let none = match counts.count() {
        1 => format!("the only {} did not succeed", noun(f)),
        count => format!("none of {} succeeded", named(count, f)),
    };
    format!("{none}: {}", parts.join("; "))
}

/// That nothing was answered in time: `n2 answered none of 5 broadcasts within 5 s`.
fn no_answer(f: &str, nodes: &BTreeMap<&str, Fates>) -> String {
    let mut all = Fates::default();
    for fates in nodes.values() {
        all.join(fates);
    }
    let (operations, within) = (named(all.silent, f), patience(all.waited.unwrap_or_default()));
    let names: Vec<String> = nodes.keys().map(|node| (*node).to_owned()).collect();
    match &names[..] {
        [node] if all.silent == 1 && !node.is_empty() => {
            format!("{node} did not answer its only {} within {within}", noun(f))
        }
        [_] if all.silent == 1 => {
            format!("the only {} was not answered within {within}", noun(f))
        }
        [node] if !node.is_empty() => {
            format!("{node} answered none of {operations} within {within}")
        }
        [_] => format!("none of {operations} was answered within {within}"),
        nodes => format!(
            "none of {operations} was answered within {within}, by any of {} nodes: {}",
            nodes.len(),
            and(nodes)
        ),
    }
}

/// So many operations: `5 broadcasts`.
fn named(count: usize, f: &str) -> String {
    counted(count as u64, &noun(f))
}

/// What an operation is called that has a plural with an s.
fn noun(f: &str) -> String {
    match f {
        "broadcast" | "read" | "write" | "add" | "send" | "poll" | "txn" => f.to_owned(),
        f => format!("{f} request"),
    }
}

/// How long a client waited: `5 s`, where that is what it had meant to.
fn patience(nanoseconds: u64) -> String {
    match (nanoseconds + 50_000_000) / 1_000_000_000 {
        whole @ 1.. if nanoseconds.abs_diff(whole * 1_000_000_000) < 50_000_000 => {
            format!("{whole} s")
        }
        _ => seconds(nanoseconds),
    }
}

impl Fates {
    /// Counts one more.
    fn add(&mut self, history: &History, end: &Op) {
        if end.kind == Kind::Ok {
            self.ok += 1;
        } else if exceptions::is_malformed(end) {
            self.malformed += 1;
        } else if exceptions::is_silence(end) {
            self.silent += 1;
            let began = history.invocation(end).map_or(end.time, |begin| begin.time);
            self.waited.get_or_insert(end.time.saturating_sub(began));
        } else {
            self.refused += 1;
            self.error = self.error.take().or_else(|| end.error.clone());
        }
    }

    fn join(&mut self, other: &Fates) {
        self.ok += other.ok;
        self.silent += other.silent;
        self.malformed += other.malformed;
        self.refused += other.refused;
        self.waited = self.waited.or(other.waited);
        self.error = self.error.take().or_else(|| other.error.clone());
    }

    /// Whether nothing was answered.
    fn is_silent(&self) -> bool {
        self.silent > 0 && self.ok + self.malformed + self.refused == 0
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
    fn a_function_that_never_succeeded_is_told_with_what_became_of_it() {
        // Each is a process, how its operation ended, and the error.
        #[track_caller]
        fn check(ends: &[(u64, &str)], nodes: usize, expected: &str) {
            let ops = (0..).zip(ends).map(|(number, (process, error))| {
                let head = |index: usize, time: u64, kind: &str| {
                    format!(
                        "{{:index {index}, :time {time}, :type :{kind}, :process {process}, :f \
                         :broadcast, :value 1"
                    )
                };
                let (begin, end) = (head(2 * number, 0, "invoke"), "info");
                let end = head(2 * number + 1, 5_000_400_000, end);
                format!("{begin}}}\n{end}, {error}}}\n")
            });
            let history = History::read_edn(&ops.collect::<String>()).unwrap();
            let nodes: Vec<String> = (0..nodes).map(|number| format!("n{number}")).collect();
            let placement = Placement { nodes: &nodes, concurrency: nodes.len() };
            let reasons: Vec<String> = super::check(&history).reasons(&placement).collect();
            assert_eq!(reasons, [expected]);
        }
        let (silence, busy) = (":error :net-timeout", ":error [:abort \"busy\"]");
        let malformed = ":error \"?\", :exception {:via [{:type :malformed-rpc-response}]}";
        let unhandled = ":error \"?\", :exception {:via [{:type :timeout}]}";
        let only = "n0 did not answer its only broadcast within 5 s";
        check(&[(0, silence)], 1, only);
        check(&[(0, unhandled)], 1, only);
        check(&[(0, silence)], 0, "the only broadcast was not answered within 5 s");
        check(&[(0, silence), (0, silence)], 0, "none of 2 broadcasts was answered within 5 s");
        let all = "none of 2 broadcasts was answered within 5 s, by any of 2 nodes: n0 and n1";
        check(&[(0, silence), (1, silence)], 2, all);
        let refused = "none of 2 broadcasts succeeded: 2 were refused, the first with error 14, \
                       abort: \"busy\"";
        check(&[(0, busy), (1, busy)], 2, refused);
        let differ = "none of 3 broadcasts succeeded: one was refused with error 14, abort: \
                      \"busy\"; n1 answered none of 2 broadcasts within 5 s";
        check(&[(0, busy), (1, silence), (1, silence)], 2, differ);
        check(&[(0, malformed)], 1, "the only broadcast did not succeed: 1 malformed reply");
        let late = "none of 3 broadcasts succeeded: 1 malformed reply; 2 not answered within 5 s";
        check(&[(0, malformed), (0, silence), (0, silence)], 1, late);
    }

    #[test]
    fn a_node_that_never_answers_what_others_answer_is_told_where_there_are_no_faults() {
        let nodes = ["n0", "n1"].map(String::from);
        let placement = Placement { nodes: &nodes, concurrency: 2 };
        let told = |faults: &str, silent: usize| {
            let op = |index: usize, process: u64, rest: &str| {
                format!(
                    "{{:index {index}, :time 1, :process {process}, :f :add, :value 1, {rest}}}\n"
                )
            };
            let answered = op(0, 0, ":type :ok");
            let timeouts =
                (0..silent).map(|index| op(index + 1, 1, ":type :info, :error :net-timeout"));
            let text = answered + &timeouts.collect::<String>() + faults;
            super::check(&History::read_edn(&text).unwrap()).silent(&placement)
        };
        assert_eq!(told("", 3), ["n1 answered none of 3 adds within 0.000 s, and others did"]);
        assert_eq!(told("", 2), [""; 0]);
        let kill = "{:index 9, :time 1, :type :info, :process :nemesis, :f :kill, :value nil}\n";
        assert_eq!(told(kill, 3), [""; 0]);
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
        let contradictions = super::check(&history)
            .contradictions(&history, &Placement { nodes: &[], concurrency: 0 });
        let [adds] = &contradictions[..] else { panic!("{contradictions:?}") };
        let what = "none of 20 adds succeeded: 20 ended without an error that tells why; the first \
                    of them ended at 0.010 s";
        assert_eq!((&*adds.what, &adds.operations), (what, &(0..16).collect()));
    }
}
