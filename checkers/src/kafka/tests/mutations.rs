//! Correct histories and mutated ones, checked against an oracle.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    super::check,
    oracle,
    simulation::{ClientAction, ClientEvent, OffsetPairs, history, to_history},
};
use crate::{Validity, history::Kind, random::Random};

const SEEDS: u64 = 200;

/// Compares the verdict with the oracle's, and returns the names of the errors.
#[track_caller]
fn compare_with_oracle(
    events: &[ClientEvent],
    context: &str,
) -> (Validity, BTreeSet<&'static str>) {
    let history = to_history(events);
    let (kafka, oracle) = (check(&history), oracle::judge(events));
    let names = kafka.errors.iter().map(|anomaly| anomaly.error_type.name());
    let mut errors: BTreeSet<&str> = names.collect();
    errors.extend(kafka.unseen.as_ref().map(|_| "unseen"));
    let valid = match (oracle.fails, oracle.errors.is_empty()) {
        (true, _) => Validity::Unknown,
        (false, valid) => valid.into(),
    };
    assert_eq!(kafka.valid, valid, "{context}: {errors:?}, {oracle:?}");
    assert_eq!(kafka.worst_realtime_lag.lag, oracle.lag, "{context}");
    if oracle.errors.contains("inconsistent-offsets") {
        assert!(errors.contains("inconsistent-offsets"), "{context}: {errors:?}");
    } else if !oracle.fails {
        assert_eq!(errors, oracle.errors, "{context}");
        let unseen = kafka.unseen.iter().flat_map(|unseen| unseen.messages.values());
        assert_eq!(unseen.map(Vec::len).sum::<usize>(), oracle.unseen, "{context}");
    }
    assert_eq!(kafka.explanation().is_empty(), valid == Validity::Valid, "{context}");
    assert!(kafka.errors.iter().all(|anomaly| anomaly.error_type.is_bad()));
    (valid, errors)
}

#[test]
fn a_correct_system_is_valid_whatever_happens_to_its_clients() {
    let mut seen = [0; 4];
    for seed in 0..SEEDS {
        let events = history(seed);
        assert_eq!(compare_with_oracle(&events, &format!("seed {seed}")).0, Validity::Valid);
        assert!(check(&to_history(&events)).warnings().is_empty(), "seed {seed}");
        let sends = |kind| {
            let sends =
                events.iter().filter(|event| matches!(event.action, ClientAction::Send { .. }));
            sends.filter(|event| event.kind == kind).count()
        };
        for (seen, kind) in seen.iter_mut().zip([Kind::Ok, Kind::Info, Kind::Fail]) {
            *seen += sends(kind);
        }
        let crashes = events.iter().filter(|event| matches!(event.action, ClientAction::Crash));
        seen[3] += crashes.count();
    }
    assert!(seen.iter().all(|count| *count > 200), "{seen:?}");
}

#[test]
fn a_mutation_causes_the_errors_that_the_oracle_finds_and_no_others() {
    let mut verdicts: BTreeMap<&str, BTreeMap<Validity, usize>> = BTreeMap::new();
    let mut errors: BTreeMap<&str, usize> = BTreeMap::new();
    for seed in 0..SEEDS {
        for (name, mutate) in MUTATIONS {
            let mut events = history(seed);
            if mutate(&mut events, &mut Random::seeded(seed).fork(name)).is_none() {
                continue;
            }
            let (valid, found) = compare_with_oracle(&events, &format!("seed {seed}, {name}"));
            *verdicts.entry(name).or_default().entry(valid).or_default() += 1;
            for error in found {
                *errors.entry(error).or_default() += 1;
            }
        }
    }
    for (name, _) in MUTATIONS {
        let rejected = verdicts[name].iter().filter(|(valid, _)| **valid != Validity::Valid);
        assert!(rejected.map(|(_, count)| *count).sum::<usize>() > 20, "{name}: {verdicts:?}");
    }
    for error in [
        "duplicate",
        "inconsistent-offsets",
        "int-poll-skip",
        "int-nonmonotonic-poll",
        "poll-skip",
        "nonmonotonic-poll",
        "nonmonotonic-send",
        "lost-write",
        "G1a",
        "G1c-realtime",
        "unseen",
    ] {
        assert!(errors.get(error).is_some_and(|count| *count > 5), "{error}: {errors:?}");
    }
}

type Mutate = fn(&mut Vec<ClientEvent>, &mut Random) -> Option<()>;

/// The mutations of a history; `None` if there is nothing to mutate.
const MUTATIONS: [(&str, Mutate); 11] = [
    ("one answer lacks a message", |events, random| {
        let (pairs, at) = some_pair(events, random)?;
        pairs.remove(at);
        Some(())
    }),
    ("all answers lack a message", |events, random| {
        let (pairs, at) = some_pair(events, random)?;
        let lost = pairs[at].1;
        for pairs in events.iter_mut().flat_map(answers) {
            pairs.retain(|(_, message)| *message != lost);
        }
        Some(())
    }),
    ("two messages of an answer are swapped", |events, random| {
        let (pairs, at) = some_pair(events, random)?;
        pairs.get(at + 1)?;
        (pairs[at].1, pairs[at + 1].1) = (pairs[at + 1].1, pairs[at].1);
        Some(())
    }),
    ("two pairs of an answer are swapped", |events, random| {
        let (pairs, at) = some_pair(events, random)?;
        pairs.get(at + 1)?;
        pairs.swap(at, at + 1);
        Some(())
    }),
    ("an answer has a message twice", |events, random| {
        let (pairs, at) = some_pair(events, random)?;
        pairs.insert(at, pairs[at]);
        Some(())
    }),
    ("a message stands at two offsets", |events, random| {
        let (pairs, at) = some_pair(events, random)?;
        let (offset, message) = *pairs.last()?;
        pairs.push((offset + 1, pairs[at].1));
        (pairs[at].1 != message).then_some(())
    }),
    ("an answer has a message that nobody sent", |events, random| {
        let (pairs, at) = some_pair(events, random)?;
        pairs[at].1 = 1_000_000;
        Some(())
    }),
    ("a send that happened fails", |events, random| {
        let sends = events.iter_mut().filter(|event| {
            event.kind == Kind::Ok && matches!(event.action, ClientAction::Send { .. })
        });
        let send = some(sends, random)?;
        send.kind = Kind::Fail;
        if let ClientAction::Send { offset, .. } = &mut send.action {
            *offset = None;
        }
        Some(())
    }),
    ("a send is told another offset", |events, random| {
        let offsets = events.iter_mut().filter_map(|event| match &mut event.action {
            ClientAction::Send { offset: Some(offset), .. } => Some(offset),
            _ => None,
        });
        *some(offsets, random)? += 1;
        Some(())
    }),
    ("a send begins after all that happened", |events, random| {
        let end = events.iter().map(|event| event.ended).max()?;
        let processes = events.iter().map(|event| event.process).max()?;
        let sends =
            events.iter_mut().filter(|event| matches!(event.action, ClientAction::Send { .. }));
        let send = some(sends, random)?;
        (send.began, send.ended, send.process) = (end + 1, end + 2, processes + 1);
        Some(())
    }),
    ("two answers of a process are swapped", |events, random| {
        let polls = events.iter_mut().filter_map(|event| {
            let answers_something = answers(event).next().is_some();
            answers_something.then_some(event)
        });
        let mut polls: Vec<&mut ClientEvent> = polls.collect();
        let first = usize::try_from(random.below(polls.len() as u64)).unwrap();
        let process = polls[first].process;
        let second = polls.iter().skip(first + 1).position(|event| event.process == process)?;
        let (before, after) = polls.split_at_mut(first + 1 + second);
        std::mem::swap(&mut before[first].action, &mut after[0].action);
        Some(())
    }),
];

/// The nonempty lists of messages in the reply to a poll.
fn answers(event: &mut ClientEvent) -> impl Iterator<Item = &mut OffsetPairs> {
    let polled = match &mut event.action {
        ClientAction::Poll(polled) if event.kind == Kind::Ok => polled.as_mut_slice(),
        _ => &mut [],
    };
    polled.iter_mut().map(|(_, pairs)| pairs).filter(|pairs| !pairs.is_empty())
}

fn some_pair<'a>(
    events: &'a mut [ClientEvent],
    random: &mut Random,
) -> Option<(&'a mut OffsetPairs, usize)> {
    let pairs = some(events.iter_mut().flat_map(answers), random)?;
    let at = usize::try_from(random.below(pairs.len() as u64)).unwrap();
    Some((pairs, at))
}

fn some<T>(items: impl Iterator<Item = T>, random: &mut Random) -> Option<T> {
    let mut items: Vec<T> = items.collect();
    (!items.is_empty())
        .then(|| items.swap_remove(usize::try_from(random.below(items.len() as u64)).unwrap()))
}
