//! A generator of transactions, after Elle's `elle.txn/wr-txns`.
//!
//! A few keys are in use at a time. Each is twice as likely as the one before, so that many clients
//! contend for some keys and few for others. A key that has reached its limit of writes is replaced
//! by a new one. The values of a key count from 1, so no value is written twice.

use std::collections::BTreeMap;

use crate::random::Random;
use crate::workload::Parameters;

/// Limits of transactions and keys.
#[derive(Debug, Clone, Copy)]
pub(in crate::workload) struct TxnLimits {
    /// The number of keys in use at a time.
    pub(in crate::workload) key_count: usize,
    /// Maximum number of operations of a transaction.
    pub(in crate::workload) max_length: u64,
    /// Maximum number of writes to a key.
    pub(in crate::workload) max_writes_per_key: u64,
}

impl TxnLimits {
    /// The limits that a test sets.
    pub(in crate::workload) fn of(parameters: &Parameters) -> TxnLimits {
        let Parameters { key_count, max_txn_length, max_writes_per_key, .. } = *parameters;
        TxnLimits { key_count, max_length: max_txn_length, max_writes_per_key }
    }
}

/// One operation of a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::workload) enum MicroOp {
    Read { key: u64 },
    Write { key: u64, value: u64 },
}

/// An endless series of transactions.
#[derive(Debug)]
pub(in crate::workload) struct TxnGenerator {
    limits: TxnLimits,
    /// The keys in use, in ascending order of probability.
    keys: Vec<u64>,
    next_key: u64,
    /// The next value of each key in use that has been written.
    values: BTreeMap<u64, u64>,
}

impl TxnGenerator {
    pub(in crate::workload) fn new(limits: TxnLimits) -> TxnGenerator {
        let next_key = limits.key_count as u64;
        let keys = (0..next_key).collect();
        TxnGenerator { limits, keys, next_key, values: BTreeMap::new() }
    }

    /// The next transaction: one to `max_length` operations, half of them writes.
    pub(in crate::workload) fn next(&mut self, random: &mut Random) -> Vec<MicroOp> {
        let length = 1 + random.below(self.limits.max_length);
        (0..length).map(|_| self.micro_op(random)).collect()
    }

    fn micro_op(&mut self, random: &mut Random) -> MicroOp {
        loop {
            let is_write = random.below(2) == 1;
            let place = self.draw_index(random);
            let key = self.keys[place];
            if !is_write {
                return MicroOp::Read { key };
            }
            let next = self.values.entry(key).or_insert(1);
            let value = *next;
            if value <= self.limits.max_writes_per_key {
                *next += 1;
                return MicroOp::Write { key, value };
            }
            self.values.remove(&key);
            self.keys[place] = self.next_key;
            self.next_key += 1;
        }
    }

    /// Draws an index into the keys: the last with a probability of about one half, the one before
    /// with one quarter, and so on.
    fn draw_index(&self, random: &mut Random) -> usize {
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

    const LIMITS: TxnLimits = TxnLimits { key_count: 10, max_length: 4, max_writes_per_key: 16 };

    #[test]
    fn no_value_is_written_twice_and_no_key_too_often() {
        let (mut transactions, mut random) = (TxnGenerator::new(LIMITS), Random::seeded(1));
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
        for key_count in [1, 2, 10, 100] {
            let transactions = TxnGenerator::new(TxnLimits { key_count, ..LIMITS });
            let mut random = Random::seeded(key_count as u64);
            let mut counts = vec![0; key_count];
            for _ in 0..30_000 {
                counts[transactions.draw_index(&mut random)] += 1;
            }
            for pair in counts.windows(2).filter(|pair| pair[0] > 1000) {
                let ratio = f64::from(pair[1]) / f64::from(pair[0]);
                assert!((1.8..2.2).contains(&ratio), "{counts:?}");
            }
        }
    }
}
