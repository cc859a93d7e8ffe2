//! Whether what was added to a set stays in it, and how soon everyone sees it: Jepsen's `set-full`.
//!
//! An element is *known* from the first moment that proves it is in the set: the end of its add, or
//! of a read that has it. It is *stable* if the last read to begin without it began before the last
//! that has it, and *lost* if a read that began after it was known lacks it and no later read has
//! it. Whatever is neither was *never read*. How long after it was known the last read still missed
//! a stable element is its stable latency.
//!
//! Upstream does not ask why an element was lost. Where nodes were killed we tell those that only
//! killed nodes had; they are lost all the same.

mod contradictions;
mod disguised;
mod kills;
#[cfg(test)]
mod tests;
mod timeline;
mod warnings;

use self::timeline::{Outcome, Timeline, Timelines};
use super::sentence::{counted, listed, without_times};
use super::{Contradiction, Evidence, Placement, Validity, quantiles::Quantiles};
use crate::{
    edn::{Map, Value},
    history::{History, Kind, Op},
};

/// What is to be said about a set; elements are sorted.
#[derive(Debug, Clone, PartialEq)]
pub struct SetFull {
    /// Invalid if anything is lost, unknown if nothing is stable.
    pub valid: Validity,
    /// How many elements were to be added.
    pub attempt_count: usize,
    /// How many are stable.
    pub stable_count: usize,
    /// The stable elements that a read missed for a while.
    pub stale: Vec<Value>,
    /// The elements that vanished.
    pub lost: Vec<Value>,
    /// Those of the lost that were known to no node that was not killed later; `None` where nobody
    /// was killed, or nobody asked.
    pub lost_with_nodes: Option<Vec<Value>>,
    /// The elements of which nothing can be said.
    pub never_read: Vec<Value>,
    /// Those stale for longest, the worst first.
    pub worst_stale: Vec<Stale>,
    /// How long elements took to become stable, in milliseconds.
    pub stable_latencies: Option<Quantiles>,
    /// How long known elements were seen before they were lost, in milliseconds.
    pub lost_latencies: Option<Quantiles>,
    /// Sentences about what upstream overlooks: foreign elements, duplicates within a read, and
    /// what was lost with its nodes.
    pub warnings: Vec<String>,
    /// What shows that the first of the lost elements are lost.
    pub contradictions: Vec<Contradiction>,
    /// How many reads answered null, if such a read shows that an element is lost, or if all did.
    null_reads: Option<usize>,
    /// What the lost elements came back as, if all of them came back as something else.
    disguised: Option<String>,
    /// The reads.
    pub evidence: Evidence,
}

/// An element that a read missed although it was known.
#[derive(Debug, Clone, PartialEq)]
pub struct Stale {
    /// The element.
    pub element: Value,
    /// How long after it was known it was still missed, in milliseconds.
    pub stable_latency: u64,
    /// What made it known.
    pub known: Op,
    /// The beginning of the last read that missed it.
    pub last_absent: Op,
}

/// How many of the worst stale elements are described.
const WORST: usize = 8;

/// Follows each element that an operation `add` adds through the operations `read`, whose values
/// are sequences of elements.
pub fn check(history: &History, add: &str, read: &str) -> SetFull {
    judge(history, [add, read], None)
}

/// [`check`], and which of the lost elements were lost because their nodes were killed.
pub fn check_with_kills(
    history: &History,
    add: &str,
    read: &str,
    placement: &Placement<'_>,
) -> SetFull {
    judge(history, [add, read], Some(placement))
}

fn judge(history: &History, [add, read]: [&str; 2], placement: Option<&Placement<'_>>) -> SetFull {
    let mut timelines = Timelines::default();
    let (mut reads, mut odd) = (Vec::new(), Vec::new());
    for op in history.clients() {
        match op.kind {
            Kind::Invoke if op.f == add => timelines.begin(op),
            Kind::Ok if op.f == add => timelines.added(op),
            Kind::Ok if op.f == read => {
                // Upstream takes nil for a set of nothing.
                let is_set = op.value.elements().is_some() || op.value == Value::Nil;
                let invocation = history.invocation(op).filter(|_| is_set);
                reads.push(invocation.is_some());
                match invocation {
                    Some(invocation) => timelines.read(invocation, op),
                    None if !is_set => odd.push(op),
                    None => {}
                }
            }
            _ => {}
        }
    }
    let foreign = disguised::foreign(timelines.all());
    let mut warnings = warnings::of(timelines.all(), add);
    warnings.extend(warnings::of_shape(&odd));
    warnings.extend(without_times(history));
    let timelines = timelines.attempted();
    let mut set = sum_up(&timelines, warnings);
    if let Some(placement) = placement {
        set.lost_with_nodes = kills::lost_with_nodes(history, [add, read], placement, &set.lost);
        set.warnings.extend(warnings::of_kills(&set));
    }
    set.evidence = Evidence::count("read that succeeded and has a list", reads);
    set.null_reads = null_reads(history, read, &timelines);
    set.disguised = disguised::sentence(&set.lost, &foreign);
    set.contradictions =
        contradictions::of(history, read, &timelines, set.lost_with_nodes.as_deref());
    set
}

/// How many reads answered null, which is taken for a list without elements, if that explains
/// anything.
fn null_reads(history: &History, read: &str, timelines: &[Timeline<'_>]) -> Option<usize> {
    let is_null = |op: &Op| op.value == Value::Nil;
    let reads = || history.clients().filter(|op| op.kind == Kind::Ok && op.f == read);
    let lost = timelines.iter().filter(|each| matches!(each.outcome(), Outcome::Lost { .. }));
    let mut missing = lost.filter_map(|each| history.completion(each.last_absent?));
    let matters = missing.any(is_null) || reads().all(is_null);
    let count = reads().filter(|op| is_null(op)).count();
    (matters && count > 0).then_some(count)
}

fn sum_up(timelines: &[Timeline<'_>], warnings: Vec<String>) -> SetFull {
    let (mut stable_latencies, mut lost_latencies) = (Vec::new(), Vec::new());
    let (mut stale, mut lost, mut never_read) = (Vec::new(), Vec::new(), Vec::new());
    let mut worst_stale = Vec::new();
    for timeline in timelines {
        let element = timeline.element;
        match timeline.outcome() {
            Outcome::Stable { latency } => {
                stable_latencies.push(latency);
                if latency > 0 {
                    stale.push(element.clone());
                    worst_stale.push((latency, timeline));
                }
            }
            Outcome::Lost { latency } => {
                lost_latencies.push(latency);
                lost.push(element.clone());
            }
            Outcome::NeverRead => never_read.push(element.clone()),
        }
    }
    // Stable, then reversed: of two that are equally stale, upstream shows the greater first.
    worst_stale.sort_by_key(|(latency, _)| *latency);
    let worst_stale = worst_stale.iter().rev().take(WORST).filter_map(|(latency, timeline)| {
        Some(Stale {
            element: timeline.element.clone(),
            stable_latency: *latency,
            known: timeline.known?.clone(),
            last_absent: timeline.last_absent?.clone(),
        })
    });
    SetFull {
        valid: match (lost.len(), stable_latencies.len()) {
            (1.., _) => Validity::Invalid,
            (0, 0) => Validity::Unknown,
            (0, 1..) => Validity::Valid,
        },
        attempt_count: timelines.len(),
        stable_count: stable_latencies.len(),
        worst_stale: worst_stale.collect(),
        stable_latencies: Quantiles::of(stable_latencies),
        lost_latencies: Quantiles::of(lost_latencies),
        stale,
        lost,
        lost_with_nodes: None,
        never_read,
        warnings,
        contradictions: Vec::new(),
        null_reads: None,
        disguised: None,
        evidence: Evidence::default(),
    }
}

impl SetFull {
    /// Why it is not valid, in a sentence.
    pub fn reason(&self) -> Option<String> {
        match self.valid {
            Validity::Valid => None,
            Validity::Unknown => Some(self.lack_of_reads()),
            Validity::Invalid if self.disguised.is_some() => self.disguised.clone(),
            Validity::Invalid => {
                let lost = counted(self.lost.len() as u64, "value");
                let nulls = match self.null_reads {
                    Some(count) => format!("; {}", self.nulls(count)),
                    None => String::new(),
                };
                Some(format!("{lost} known to a node and then lost: {}{nulls}", listed(&self.lost)))
            }
        }
    }

    /// Why nobody can tell whether what was added is kept.
    fn lack_of_reads(&self) -> String {
        let values = match self.attempt_count as u64 {
            0 => return "clients sent no value, so none was there to be kept or lost".to_owned(),
            1 => "the value that was sent is".to_owned(),
            count => format!("the {} that were sent are", counted(count, "value")),
        };
        let reads = match (self.evidence.judged as u64, self.null_reads) {
            (0, _) => "no read succeeded".to_owned(),
            (_, Some(count)) => self.nulls(count),
            (1, _) => "the only read that succeeded returned no value".to_owned(),
            (count, _) => {
                format!("none of {} that succeeded returned a value", counted(count, "read"))
            }
        };
        format!("{reads}, so nobody knows whether {values} kept")
    }

    /// How many reads answered null.
    fn nulls(&self, count: usize) -> String {
        let whose = match (count, self.evidence.judged) {
            (1, 1) => "the only read".to_owned(),
            (count, all) if count == all => format!("all {all} reads"),
            (count, all) => format!("{count} of {all} reads"),
        };
        format!("{whose} answered null in place of a list, which is taken for an empty one")
    }

    /// The map under `:workload`, its keys in the order that Clojure happens to give them. The
    /// duplicates are always none: upstream looks for those that occur less than once.
    pub fn to_edn(&self) -> Value {
        let list = |elements: &[Value]| Value::List(elements.to_vec());
        let mut map = Map::new()
            .with("worst-stale", Value::List(self.worst_stale.iter().map(Stale::to_edn).collect()))
            .with("duplicated-count", 0)
            .with("valid?", self.valid)
            .with("lost-count", self.lost.len())
            .with("lost", list(&self.lost))
            .with("stable-count", self.stable_count)
            .with("stale-count", self.stale.len())
            .with("stale", list(&self.stale))
            .with("never-read-count", self.never_read.len());
        if let Some(latencies) = &self.stable_latencies {
            map = map.with("stable-latencies", latencies.to_edn());
        }
        map = map.with("attempt-count", self.attempt_count);
        if let Some(latencies) = &self.lost_latencies {
            map = map.with("lost-latencies", latencies.to_edn());
        }
        map = map.with("never-read", list(&self.never_read)).with("duplicated", Map::new());
        if let Some(elements) = &self.lost_with_nodes {
            map = map
                .with("lost-with-killed-nodes-count", elements.len())
                .with("lost-with-killed-nodes", list(elements));
        }
        map.into()
    }
}

impl Stale {
    fn to_edn(&self) -> Value {
        // Upstream calls every add `:add`, whatever the workload calls it.
        let known_by_read = self.known.f == self.last_absent.f;
        let f = if known_by_read { self.known.f.clone() } else { "add".into() };
        Map::new()
            .with("element", self.element.clone())
            .with("outcome", Value::keyword("stable"))
            .with("stable-latency", self.stable_latency)
            .with("lost-latency", Value::Nil)
            .with("known", Op { f, ..self.known.clone() }.to_edn())
            .with("last-absent", self.last_absent.to_edn())
            .into()
    }
}
