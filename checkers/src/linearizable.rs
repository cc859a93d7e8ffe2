//! Whether each key of a store behaved like one register: Maelstrom's `lin-kv`, judged by Knossos.
//!
//! A history is linearizable if its operations can be put in an order that a register would answer
//! alike, and in which no operation comes before one that had ended when it began (Herlihy and
//! Wing, *Linearizability*, 1990). Keys are independent: a history is linearizable if each key's
//! part of it is. What failed did not happen. What has no known end may have happened at any time
//! since it began, or never, and nobody knows what it read.
//!
//! To tell whether there is an order is NP-complete, unless it is known which write each read
//! found: then it takes no longer than to sort (Gibbons and Korach, *Testing shared memories*,
//! 1997). So where no value of a key is set twice, there is no search, and any number of operations
//! may overlap; `zones.rs` has the argument.
//!
//! The search is Wing and Gong's (*Testing and Verifying Concurrent Objects*, 1993): let any
//! operation happen next that could be the first of those that are left, and go back where nothing
//! can. With Lowe's memory of configurations (*Testing for linearizability*, 2017) none is searched
//! twice. A configuration is what has happened and what the register holds; the future depends on
//! nothing else. As in Lowe's just-in-time variant, an operation happens only when another one that
//! ends next has to happen: of an order that explains the history, everything else can be put off.
//! So completions are passed one by one, and what has happened is the number of those passed and a
//! few bits for the operations under way, not one bit for each operation. If no order passes a
//! completion, the history up to it has none, and up to the one before it has one: that completion
//! is the shortest failing prefix.
//!
//! Three things are left out, and none of them loses an order. What only observes happens as soon
//! as it finds its value, for it is one obligation less and changes nothing. What need not happen
//! happens only if somebody is there to find its value before it is overwritten, else it can be
//! taken out of the order. And of operations without an end that do the same, the one that began
//! first goes first; a configuration that has used up more of them than another, and is otherwise
//! the same, can do nothing that the other cannot. So writes that crashed cost something only where
//! they explain something.
//!
//! An operation that was refused because there was no such key, or another value, observed that.
//! Where that leaves no order, it is a warning, or the verdict if there were faults that Maelstrom
//! does not have; `refusals.rs` has the argument.

mod cache;
mod contradictions;
mod explain;
mod finding;
mod layout;
mod refusals;
mod register;
mod report;
pub mod sample;
mod schedule;
mod search;
#[cfg(test)]
mod tests;
mod zones;

pub use self::report::Failure;
use self::{
    finding::{Conclusion, Finding},
    layout::Layout,
    refusals::Evidence,
    register::Register,
    report::Configuration,
};
use super::{
    Validity,
    contradiction::{self, Contradiction},
    sentence::{folded, listed},
};
use crate::{
    edn::{Map, Value},
    history::{History, Op},
};

/// What a search may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// How many bytes the configurations of one key may take. More judge histories with more
    /// clients and more crashes; fewer leave those unknown and let the machine breathe.
    pub memory: usize,
    /// How many seconds a search of one key may take. They are counted in steps, of which a
    /// program that was built to be fast does so many in about a second, so that a verdict does
    /// not depend on the machine. More judge more; users wait longer for what stays unknown.
    pub seconds: u64,
}

impl Default for Limits {
    /// Half a gigabyte and ten seconds, which a thousand operations with known ends never come
    /// close to.
    fn default() -> Limits {
        Limits { memory: 512 << 20, seconds: 10 }
    }
}

/// What is to be said about all keys.
#[derive(Debug, Clone, PartialEq)]
pub struct Linearizable {
    /// The worst of the keys.
    pub valid: Validity,
    /// Each key that an operation names, sorted; or the one register there is, without a key.
    pub keys: Vec<Key>,
    /// The number of successful operations that were judged; reads of nil tell nothing.
    pub judged: usize,
    /// Sentences about what upstream overlooks: operations without a key, and what was refused or
    /// read as nil though it was there.
    pub warnings: Vec<String>,
}

/// What is to be said about a key.
#[derive(Debug, Clone, PartialEq)]
pub struct Key {
    /// The key; `None` if there is one register, and operations name no key.
    pub key: Option<Value>,
    /// Whether its operations are linearizable.
    pub verdict: Verdict,
    /// Where an order of the operations can end; if there is none, an order of those before the one
    /// that fits nowhere. Not all of them: one order is enough.
    configurations: Vec<Configuration>,
}

/// Whether a key's operations are linearizable.
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    /// They are.
    Linearizable,
    /// They are not.
    NotLinearizable(Box<Failure>),
    /// Nobody knows, for a reason that is a clause: `its operations make no sense`.
    Unknown(String),
}

/// Judges the operations `read`, `write` and `cas`. Their values are `[key value]`, or
/// `[key [from to]]`; or else the same without a key, and then there is one register.
pub fn check(history: &History) -> Linearizable {
    check_within(history, Limits::default())
}

/// [`check`], at a cost.
pub fn check_within(history: &History, limits: Limits) -> Linearizable {
    let Layout { registers, without_key } = Layout::of(history.clients().collect());
    let refusals_count = history.has_faults_beyond_maelstrom();
    let (mut judged, mut unpunished) = (0, Vec::new());
    let mut judge = |key: Option<&Value>, ops: &[&Op]| match Register::of(key, ops) {
        Ok(register) => {
            judged += register.operations.iter().filter(|one| one.tells_something()).count();
            let (key, warning) = Key::judge(&register, limits, refusals_count);
            unpunished.extend(warning);
            key
        }
        Err(error) => {
            Key { key: key.cloned(), verdict: Verdict::Unknown(error), configurations: Vec::new() }
        }
    };
    let keys: Vec<Key> = registers.iter().map(|(key, ops)| judge(*key, ops)).collect();
    let mut warnings = Vec::from_iter(folded(unpunished.into_iter(), "keys like these"));
    let nothing = |op: &&Op| format!("the value of {} at index {} names no key", op.f, op.index);
    warnings.extend(folded(without_key.iter().map(nothing), "operations without a key"));
    Linearizable { valid: Validity::merge(keys.iter().map(Key::valid)), keys, judged, warnings }
}

impl Key {
    /// Judges a register, and warns of what refusals and reads of nil say, unless they count.
    fn judge(
        register: &Register<'_>,
        limits: Limits,
        refusals_count: bool,
    ) -> (Key, Option<String>) {
        let finding = Finding::of(register, limits);
        let key = Key::of(register, &finding, limits);
        if finding.conclusion != Conclusion::Order {
            return (key, None);
        }
        match refusals::evidence(register, limits) {
            Evidence::Consistent => (key, None),
            Evidence::Contradiction(register, finding) => {
                let stricter = Key::of(&register, &finding, limits);
                match &stricter.verdict {
                    Verdict::NotLinearizable(failure) if !refusals_count => {
                        (key, Some(refusals::warning(&register, failure)))
                    }
                    _ => (stricter, None),
                }
            }
            Evidence::Unknown(reason) => {
                let what = "operations that were refused, and reads of null,";
                if refusals_count {
                    let reason = format!("{what} could not be judged: {reason}");
                    return (Key { verdict: Verdict::Unknown(reason), ..key }, None);
                }
                let name = register.name();
                (key, Some(format!("{what} of {name} could not be judged: {reason}")))
            }
        }
    }

    fn of(register: &Register<'_>, finding: &Finding, limits: Limits) -> Key {
        let verdict = match (finding.conclusion, finding.due()) {
            (Conclusion::NoOrder, Some(due)) => {
                Verdict::NotLinearizable(Box::new(Failure::of(register, finding, due)))
            }
            (Conclusion::GaveUp, _) => Verdict::Unknown(finding.why_it_gave_up(limits)),
            _ => Verdict::Linearizable,
        };
        let configurations = report::configurations(register, finding);
        Key { key: register.key.cloned(), verdict, configurations }
    }

    /// What sentences call it.
    fn name(&self) -> String {
        register::name(self.key.as_ref())
    }

    /// Whether the key's operations are linearizable.
    pub fn valid(&self) -> Validity {
        match self.verdict {
            Verdict::Linearizable => Validity::Valid,
            Verdict::Unknown(_) => Validity::Unknown,
            Verdict::NotLinearizable(_) => Validity::Invalid,
        }
    }

    /// What stands under the key in `:results`.
    fn to_edn(&self) -> Value {
        let mut map = Map::new().with("valid?", self.valid());
        if let Verdict::Unknown(reason) = &self.verdict {
            map = map.with("cause", reason.clone());
        }
        let configurations = self.configurations.iter().map(Configuration::to_edn);
        map = map.with("configs", Value::List(configurations.collect()));
        map = match &self.verdict {
            Verdict::NotLinearizable(failure) => failure.write_edn(map),
            _ => map.with("final-paths", Value::List(Vec::new())),
        };
        Map::new()
            .with("linearizable", map)
            .with("timeline", Map::new().with("valid?", true))
            .with("valid?", self.valid())
            .into()
    }
}

impl Linearizable {
    /// Why it is not valid, in a sentence.
    pub fn reason(&self) -> Option<String> {
        let worst = self.keys.iter().filter(|key| key.valid() == self.valid);
        let worst: Vec<&Key> = worst.collect();
        let first = worst.first()?;
        let others = match &worst[1..] {
            [] => String::new(),
            others => {
                let others = others.iter().filter_map(|key| key.key.as_ref());
                format!("; and so with key {}", listed(others))
            }
        };
        match &first.verdict {
            Verdict::Linearizable => None,
            Verdict::Unknown(reason) => {
                Some(format!("{} could not be judged: {reason}{others}", first.name()))
            }
            Verdict::NotLinearizable(failure) => {
                let sentence = &failure.sentence;
                Some(format!("{} is not linearizable: {sentence}{others}", first.name()))
            }
        }
    }

    /// For each key that is not linearizable: what came before in an order that is possible, what
    /// fits nowhere, and why not.
    pub fn explanation(&self) -> Vec<String> {
        self.failures().flat_map(|failure| &failure.explanation).cloned().collect()
    }

    /// For each key that is not linearizable: what fits nowhere, and what leaves it no room.
    pub fn contradictions(&self) -> Vec<Contradiction> {
        let contradictions = self.failures().map(|failure| &failure.contradiction);
        contradictions.take(contradiction::MOST).cloned().collect()
    }

    fn failures(&self) -> impl Iterator<Item = &Failure> {
        self.keys.iter().filter_map(|key| match &key.verdict {
            Verdict::NotLinearizable(failure) => Some(&**failure),
            _ => None,
        })
    }

    /// The map under `:workload`; if there is one register, what Maelstrom records for one key.
    pub fn to_edn(&self) -> Value {
        if let [key @ Key { key: None, .. }] = &self.keys[..] {
            return key.to_edn();
        }
        let named = |key: &Key| key.key.clone().unwrap_or(Value::Nil);
        let results = self.keys.iter().map(|key| (named(key), key.to_edn()));
        let failures = self.keys.iter().filter(|key| key.valid() == Validity::Invalid);
        let failures: Vec<Value> = failures.map(named).collect();
        Map::new()
            .with("valid?", self.valid)
            .with("results", results.collect::<Map>())
            .with("failures", failures)
            .into()
    }
}
