//! A node's disk in virtual time. A write takes a while to become durable; of writes that are not
//! durable, a kill leaves a random part.
//!
//! A kill here is as bad as a power failure, and worse than the kill of a process. Of bytes that
//! were not synced it may leave all, none, a prefix, or garbage. The kill of a process leaves all
//! that was written in the page cache of the system. A node that survives the former survives the
//! latter.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use glomers::async_trait;

use crate::random::Random;

/// The minimum duration of a sync, as on a good solid-state disk. A shorter one leaves less for
/// kills to tear; a longer one delays every reply that waits for it.
const MIN_SYNC: Duration = Duration::from_micros(500);

/// The maximum of the random time that a sync takes in addition, as on a busy disk. A longer
/// one lets the syncs of different files end in more orders; a shorter one delays replies less.
const SYNC_JITTER: Duration = Duration::from_micros(4_500);

/// A node's disk, which all incarnations of the node share.
#[derive(Debug)]
pub(crate) struct SimulatedDisk {
    state: RefCell<DiskState>,
}

#[derive(Debug)]
struct DiskState {
    files: BTreeMap<String, SimulatedFile>,
    /// The random stream of the durations of syncs.
    sync_random: Random,
    /// The random stream of the damage that kills do.
    crash_random: Random,
    /// The node's incarnation, from 0. It ends with a kill, which begins the next one here.
    incarnation: u64,
    was_used: bool,
    /// Bytes that kills took or changed.
    lost_bytes: u64,
    /// The number of times the node truncated a torn file.
    truncations: u64,
}

/// A file with its durable and its pending contents.
#[derive(Debug, Default)]
struct SimulatedFile {
    /// False while the file is still being created by its first replacement.
    exists: bool,
    bytes: Vec<u8>,
    /// The length of the durable prefix: `durable_len <= bytes.len()`.
    durable_len: usize,
    /// New contents that are not durable yet.
    replacement: Option<Vec<u8>>,
}

impl SimulatedDisk {
    /// An empty disk, with random streams that are forked from this one.
    pub(crate) fn new(random: &Random) -> Self {
        let (sync_random, crash_random) = (random.fork("sync"), random.fork("crash"));
        let files = BTreeMap::new();
        let state = DiskState {
            files,
            sync_random,
            crash_random,
            incarnation: 0,
            was_used: false,
            lost_bytes: 0,
            truncations: 0,
        };
        SimulatedDisk { state: RefCell::new(state) }
    }

    /// Kills the node: keeps what is durable, and of the rest a random part. Calls of the former
    /// incarnation have no effect any more.
    pub(crate) fn crash(&self) {
        let state = &mut *self.state.borrow_mut();
        state.incarnation += 1;
        for file in state.files.values_mut() {
            state.lost_bytes += file.crash(&mut state.crash_random);
        }
    }

    /// The number of bytes that were not durable and that kills have taken or changed.
    pub(crate) fn lost_bytes(&self) -> u64 {
        self.state.borrow().lost_bytes
    }

    /// True if anything was ever written.
    pub(crate) fn was_used(&self) -> bool {
        self.state.borrow().was_used
    }

    /// The number of times the node has truncated a torn file.
    #[cfg(test)]
    pub(crate) fn truncations(&self) -> u64 {
        self.state.borrow().truncations
    }

    /// Applies `begin` to a file, waits for a sync, and applies `end`, unless the node was killed
    /// meanwhile.
    async fn write(
        &self,
        name: &str,
        begin: impl FnOnce(&mut SimulatedFile),
        end: impl FnOnce(&mut SimulatedFile),
    ) -> io::Result<()> {
        let (incarnation, sync) = {
            let state = &mut *self.state.borrow_mut();
            state.was_used = true;
            begin(state.files.entry(name.to_owned()).or_default());
            (state.incarnation, MIN_SYNC + state.sync_random.time_below(SYNC_JITTER))
        };
        tokio::time::sleep(sync).await;
        let state = &mut *self.state.borrow_mut();
        match state.files.get_mut(name) {
            Some(file) if state.incarnation == incarnation => end(file),
            _ => return Err(io::Error::other("the node was killed meanwhile")),
        }
        Ok(())
    }
}

#[async_trait(?Send)]
impl glomers::Disk for SimulatedDisk {
    fn read(&self, file: &str) -> io::Result<Option<Vec<u8>>> {
        let mut state = self.state.borrow_mut();
        let file = state.files.get_mut(file).filter(|file| file.exists);
        Ok(file.map(|file| {
            file.durable_len = file.bytes.len();
            file.bytes.clone()
        }))
    }

    fn truncate(&self, file: &str, length: u64) -> io::Result<()> {
        let state = &mut *self.state.borrow_mut();
        let file = state.files.get_mut(file).ok_or(io::ErrorKind::NotFound)?;
        let length = usize::try_from(length).map_err(io::Error::other)?;
        file.bytes.truncate(length);
        file.durable_len = file.bytes.len();
        state.truncations += 1;
        Ok(())
    }

    async fn append(&self, file: &str, bytes: &[u8]) -> io::Result<()> {
        if !self.state.borrow().files.get(file).is_some_and(|file| file.exists) {
            return Err(io::ErrorKind::NotFound.into());
        }
        let begin = |file: &mut SimulatedFile| file.bytes.extend_from_slice(bytes);
        // The contract of `glomers::Disk` excludes concurrent writes to one file.
        self.write(file, begin, |file| file.durable_len = file.bytes.len()).await
    }

    async fn replace(&self, file: &str, bytes: &[u8]) -> io::Result<()> {
        let begin = |file: &mut SimulatedFile| file.replacement = Some(bytes.to_vec());
        self.write(file, begin, |file| {
            file.replace();
        })
        .await
    }

    /// Prints nothing, because a thousand runs would print thousands of lines; the counts suffice.
    fn report(&self, _line: &str) {}
}

impl SimulatedFile {
    /// Makes the replacement the contents of the file, and returns its length in bytes.
    fn replace(&mut self) -> u64 {
        let Some(bytes) = self.replacement.take() else { return 0 };
        self.exists = true;
        self.bytes = bytes;
        self.durable_len = self.bytes.len();
        self.durable_len as u64
    }

    /// Damages the file as a kill does, and returns how many bytes were lost.
    fn crash(&mut self, random: &mut Random) -> u64 {
        if let Some(replacement) = &self.replacement {
            if random.below(2) == 0 {
                let lost = replacement.len() as u64;
                self.replacement = None;
                return lost;
            }
            self.replace();
            return 0;
        }
        let fresh = self.bytes.len() - self.durable_len;
        if fresh == 0 {
            return 0;
        }
        let kept = match random.below(4) {
            0 => 0,
            1 => fresh,
            _ => index(random, fresh + 1),
        };
        self.bytes.truncate(self.durable_len + kept);
        // The new length may be durable while some bytes are not, even if later ones are.
        let mut spoiled = 0;
        if kept > 0 && random.below(4) == 0 {
            let start = index(random, kept);
            spoiled = 1 + index(random, kept - start);
            let are_zero = random.below(2) == 0;
            for byte in &mut self.bytes[self.durable_len + start..][..spoiled] {
                *byte = if are_zero { 0 } else { random.bits().to_le_bytes()[0] };
            }
        }
        self.durable_len = self.bytes.len();
        (fresh - kept + spoiled) as u64
    }
}

fn index(random: &mut Random, bound: usize) -> usize {
    usize::try_from(random.below(bound as u64)).expect("what is below a usize fits a usize")
}

#[cfg(test)]
mod tests;
