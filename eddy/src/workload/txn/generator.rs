//! Which transactions clients ask for: those of Elle's generator (`elle.txn/wr-txns`).
//!
//! A few keys are in use at a time, each twice as likely as the one before, so that some are
//! written by many at once and others now and then. A key that has been written as often as it may
//! is replaced by a new one. The values of a key count from 1, so none is written twice.

use std::collections::BTreeMap;

use crate::random::Random;
use crate::workload::Parameters;

/// How large transactions and their keys become.
#[derive(Debug, Clone, Copy)]
pub(in crate::workload) struct Limits {
    /// How many keys are in use at a time.
    pub(in crate::workload) keys: usize,
    /// How many operations a transaction has at most.
    pub(in crate::workload) length: u64,
    /// How often a key is written at most.
    pub(in crate::workload) writes: u64,
}

impl Limits {
    /// Those that a test names.
    pub(in crate::workload) fn of(parameters: &Parameters) -> Limits {
        let Parameters { key_count, max_txn_length, max_writes_per_key, .. } = *parameters;
        Limits { keys: key_count, length: max_txn_length, writes: max_writes_per_key }
    }
}

/// One operation of a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::workload) enum MicroOp {
    Read { key: u64 },
    Write { key: u64, value: u64 },
}

/// An endless row of transactions.
#[derive(Debug)]
pub(in crate::workload) struct Transactions {
    limits: Limits,
    /// The keys in use, the least likely first.
    keys: Vec<u64>,
    next_key: u64,
    /// The next value of each key in use that was written.
    values: BTreeMap<u64, u64>,
}

impl Transactions {
    pub(in crate::workload) fn new(limits: Limits) -> Transactions {
        let next_key = limits.keys as u64;
        let keys = (0..next_key).collect();
        Transactions { limits, keys, next_key, values: BTreeMap::new() }
    }

    /// One to as many operations as there may be, half of them writes.
    pub(in crate::workload) fn next(&mut self, random: &mut Random) -> Vec<MicroOp> {
        let length = 1 + random.below(self.limits.length);
        (0..length).map(|_| self.micro_op(random)).collect()
    }

    fn micro_op(&mut self, random: &mut Random) -> MicroOp {
        loop {
            let is_write = random.below(2) == 1;
            let place = self.place(random);
            let key = self.keys[place];
            if !is_write {
                return MicroOp::Read { key };
            }
            let next = self.values.entry(key).or_insert(1);
            let value = *next;
            if value <= self.limits.writes {
                *next += 1;
                return MicroOp::Write { key, value };
            }
            self.values.remove(&key);
            self.keys[place] = self.next_key;
            self.next_key += 1;
        }
    }

    /// A place among the keys: the last with a probability of about one half, the one before with a
    /// quarter, and so on.
    fn place(&self, random: &mut Random) -> usize {
        loop {
            let back = random.bits().leading_zeros() as usize;
            if let Some(place) = self.keys.len().checked_sub(back + 1) {
                return place;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const LIMITS: Limits = Limits { keys: 10, length: 4, writes: 16 };

    #[test]
    fn no_value_is_written_twice_and_no_key_too_often() {
        let (mut transactions, mut random) = (Transactions::new(LIMITS), Random::seeded(1));
        let (mut written, mut keys, mut lengths) = (BTreeSet::new(), BTreeSet::new(), [0; 4]);
        for _ in 0..10_000 {
            let txn = transactions.next(&mut random);
            lengths[txn.len() - 1] += 1;
            for micro_op in txn {
                match micro_op {
                    MicroOp::Read { key } => assert!(transactions.next_key > key),
                    MicroOp::Write { key, value } => {
                        assert!((1..=16).contains(&value) && written.insert((key, value)));
                        keys.insert(key);
                    }
                }
            }
        }
        assert!(lengths.iter().all(|count| (2300..2700).contains(count)), "{lengths:?}");
        assert!((11_000..14_000).contains(&written.len()), "{}", written.len());
        assert!((700..900).contains(&keys.len()), "{}", keys.len());
    }

    #[test]
    fn each_key_is_twice_as_likely_as_the_one_before() {
        for keys in [1, 2, 10, 100] {
            let transactions = Transactions::new(Limits { keys, ..LIMITS });
            let mut random = Random::seeded(keys as u64);
            let mut counts = vec![0; keys];
            for _ in 0..30_000 {
                counts[transactions.place(&mut random)] += 1;
            }
            for pair in counts.windows(2).filter(|pair| pair[0] > 1000) {
                let ratio = f64::from(pair[1]) / f64::from(pair[0]);
                assert!((1.8..2.2).contains(&ratio), "{counts:?}");
            }
        }
    }
}
