//! A node's disk in virtual time: what is written takes a while to become durable, and a kill
//! leaves of the rest what chance decides.
//!
//! A kill here is as bad as a power failure, worse than that of a process: what was not synced may
//! be there, or not, or a beginning of it, or something else in its place. A real kill leaves all
//! that was written in the system's cache. A node that survives this survives that.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use glomers::async_trait;

use crate::random::Random;

/// How long a sync takes at least, as on a good solid-state disk. Shorter leaves a kill less to
/// tear, longer delays every answer that waits for it.
const SYNC: Duration = Duration::from_micros(500);

/// How much longer it may take, on a disk that has much to do. More gives the syncs of different
/// files more orders in which they end, less delays answers less.
const BUSY: Duration = Duration::from_micros(4_500);

/// A node's disk. It is the same for all lives of the node.
#[derive(Debug)]
pub(crate) struct Disk {
    state: RefCell<State>,
}

#[derive(Debug)]
struct State {
    files: BTreeMap<String, File>,
    /// How long each sync takes.
    syncs: Random,
    /// What a kill leaves.
    crashes: Random,
    /// How often the node was killed.
    lives: u64,
    was_used: bool,
    lost: u64,
    cuts: u64,
}

#[derive(Debug, Default)]
struct File {
    /// Whether it is there; if not, it is about to be.
    exists: bool,
    bytes: Vec<u8>,
    /// How many of them are durable.
    durable: usize,
    /// What is about to replace all of them.
    replacement: Option<Vec<u8>>,
}

impl Disk {
    /// An empty disk, whose fate is this one.
    pub(crate) fn new(random: &Random) -> Self {
        let (syncs, crashes) = (random.fork("sync"), random.fork("crash"));
        let files = BTreeMap::new();
        let state = State { files, syncs, crashes, lives: 0, was_used: false, lost: 0, cuts: 0 };
        Disk { state: RefCell::new(state) }
    }

    /// The node was killed. What is durable stays; of the rest, chance decides. Calls of the former
    /// life have no effect any more.
    pub(crate) fn crash(&self) {
        let state = &mut *self.state.borrow_mut();
        state.lives += 1;
        for file in state.files.values_mut() {
            state.lost += file.crash(&mut state.crashes);
        }
    }

    /// How many bytes kills have taken or changed, of all that was handed over and not yet durable.
    pub(crate) fn lost(&self) -> u64 {
        self.state.borrow().lost
    }

    /// Whether anything was ever written.
    pub(crate) fn was_used(&self) -> bool {
        self.state.borrow().was_used
    }

    /// How often a node has cut off what was torn.
    #[cfg(test)]
    pub(crate) fn cuts(&self) -> u64 {
        self.state.borrow().cuts
    }

    /// Does something to a file, and once a sync is over, something else.
    async fn write(
        &self,
        name: &str,
        begin: impl FnOnce(&mut File),
        end: impl FnOnce(&mut File),
    ) -> io::Result<()> {
        let (life, sync) = {
            let state = &mut *self.state.borrow_mut();
            state.was_used = true;
            begin(state.files.entry(name.to_owned()).or_default());
            (state.lives, SYNC + state.syncs.time_below(BUSY))
        };
        tokio::time::sleep(sync).await;
        let state = &mut *self.state.borrow_mut();
        match state.files.get_mut(name) {
            Some(file) if state.lives == life => end(file),
            _ => return Err(io::Error::other("the node was killed meanwhile")),
        }
        Ok(())
    }
}

#[async_trait(?Send)]
impl glomers::Disk for Disk {
    fn read(&self, file: &str) -> io::Result<Option<Vec<u8>>> {
        let mut state = self.state.borrow_mut();
        let file = state.files.get_mut(file).filter(|file| file.exists);
        Ok(file.map(|file| {
            file.durable = file.bytes.len();
            file.bytes.clone()
        }))
    }

    fn cut(&self, file: &str, length: u64) -> io::Result<()> {
        let state = &mut *self.state.borrow_mut();
        let file = state.files.get_mut(file).ok_or(io::ErrorKind::NotFound)?;
        let length = usize::try_from(length).map_err(io::Error::other)?;
        file.bytes.truncate(length);
        file.durable = file.bytes.len();
        state.cuts += 1;
        Ok(())
    }

    async fn append(&self, file: &str, bytes: &[u8]) -> io::Result<()> {
        if !self.state.borrow().files.get(file).is_some_and(|file| file.exists) {
            return Err(io::ErrorKind::NotFound.into());
        }
        let begin = |file: &mut File| file.bytes.extend_from_slice(bytes);
        // Nobody else writes this file meanwhile: a disk is promised that.
        self.write(file, begin, |file| file.durable = file.bytes.len()).await
    }

    async fn replace(&self, file: &str, bytes: &[u8]) -> io::Result<()> {
        let begin = |file: &mut File| file.replacement = Some(bytes.to_vec());
        self.write(file, begin, |file| {
            file.replace();
        })
        .await
    }

    /// The counts tell it: in a thousand runs there would be thousands of lines.
    fn tell(&self, _line: &str) {}
}

impl File {
    /// Puts the replacement into its place, and says how many bytes it had.
    fn replace(&mut self) -> u64 {
        let Some(bytes) = self.replacement.take() else { return 0 };
        self.exists = true;
        self.bytes = bytes;
        self.durable = self.bytes.len();
        self.durable as u64
    }

    /// What a kill leaves; returns how many bytes were lost.
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
        let fresh = self.bytes.len() - self.durable;
        if fresh == 0 {
            return 0;
        }
        let kept = match random.below(4) {
            0 => 0,
            1 => fresh,
            _ => index(random, fresh + 1),
        };
        self.bytes.truncate(self.durable + kept);
        // The length has reached the disk, and some bytes have not, others behind them may have.
        let mut spoiled = 0;
        if kept > 0 && random.below(4) == 0 {
            let start = index(random, kept);
            spoiled = 1 + index(random, kept - start);
            let are_zero = random.below(2) == 0;
            for byte in &mut self.bytes[self.durable + start..][..spoiled] {
                *byte = if are_zero { 0 } else { random.bits().to_le_bytes()[0] };
            }
        }
        self.durable = self.bytes.len();
        (fresh - kept + spoiled) as u64
    }
}

fn index(random: &mut Random, bound: usize) -> usize {
    usize::try_from(random.below(bound as u64)).expect("what is below a usize fits a usize")
}

#[cfg(test)]
mod tests;
