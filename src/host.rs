//! [`Host`], the environment of a node: everything that may differ between two runs.
//!
//! Under Maelstrom, a node's randomness comes from the operating system. A simulation gives it a
//! seed instead, so every run with this seed is the same. The disk is the system's or the
//! simulation's.

use std::cell::Cell;
use std::fmt;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::rc::Rc;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::storage::{Directory, Disk};

/// Environment variable that names the directory of a node's storage.
const STORAGE_VARIABLE: &str = "EDDY_STORAGE";

/// Randomness, incarnation number and disk of a node.
#[derive(Clone)]
pub struct Host {
    seed: u64,
    incarnation: u64,
    disk: Option<Rc<dyn Disk>>,
}

impl Host {
    /// The operating system, with the directory that `EDDY_STORAGE` names as disk.
    pub fn system() -> Self {
        // The standard library draws the keys of its hash maps from the system's randomness.
        let seed = RandomState::new().build_hasher().finish();
        let directory = std::env::var_os(STORAGE_VARIABLE).filter(|path| !path.is_empty());
        let disk = directory.map(|path| Rc::new(Directory::at(path)) as Rc<dyn Disk>);
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let incarnation = u64::try_from(since_1970.as_micros()).unwrap_or(u64::MAX);
        Host { seed, incarnation, disk }
    }

    /// A simulated host without a disk. The same seed gives the node the same random numbers.
    pub fn seeded(seed: u64) -> Self {
        Host { seed, incarnation: 0, disk: None }
    }

    /// The same host with this incarnation number: the restarts of the node so far.
    #[must_use]
    pub fn with_incarnation(self, incarnation: u64) -> Self {
        Host { incarnation, ..self }
    }

    /// The same host with this disk.
    #[must_use]
    pub fn with_disk(self, disk: Rc<dyn Disk>) -> Self {
        Host { disk: Some(disk), ..self }
    }

    pub(crate) fn disk(&self) -> Option<Rc<dyn Disk>> {
        self.disk.clone()
    }

    pub(crate) fn incarnation(&self) -> u64 {
        self.incarnation
    }

    pub(crate) fn random(&self) -> SplitMix64 {
        SplitMix64 { state: Cell::new(self.seed) }
    }

    /// The first `msg_id`, from 2^30 up to 2^31, so that all have ten digits. It is not drawn from
    /// [`Host::random`], so a node's random numbers do not depend on its calls.
    pub(crate) fn first_msg_id(&self) -> u64 {
        let stream = SplitMix64 { state: Cell::new(!self.seed) };
        stream.next() >> 34 | 1 << 30
    }
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let has_disk = self.disk.is_some();
        f.debug_struct("Host")
            .field("seed", &self.seed)
            .field("incarnation", &self.incarnation)
            .field("has_disk", &has_disk)
            .finish_non_exhaustive()
    }
}

/// Sebastiano Vigna's `splitmix64` generator: its period is 2^64, and any seed is good.
#[derive(Debug)]
pub(crate) struct SplitMix64 {
    state: Cell<u64>,
}

impl SplitMix64 {
    pub(crate) fn next(&self) -> u64 {
        let state = self.state.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
        self.state.set(state);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_generator_matches_its_reference_implementation() {
        // The first outputs of splitmix64.c for the seed 1234567.
        let random = Host::seeded(1_234_567).random();
        assert_eq!(
            [random.next(), random.next()],
            [6_457_827_717_110_365_317, 3_203_168_211_198_807_973]
        );
    }

    #[test]
    fn the_first_msg_id_has_ten_digits_and_differs_between_seeds() {
        let ids: BTreeSet<u64> = (0..1000).map(|seed| Host::seeded(seed).first_msg_id()).collect();
        assert!(ids.iter().all(|id| (1 << 30..1 << 31).contains(id)));
        assert_eq!(ids.len(), 1000);
    }

    #[test]
    fn the_system_gives_each_node_different_random_numbers() {
        assert_ne!(Host::system().random().next(), Host::system().random().next());
    }
}
