//! Histories of a correct system: logs in one place, clients that are slow, time out and crash.

use crate::{
    edn::{Map, Value},
    history::{History, Kind, Op, Process},
    random::Random,
};

/// An operation from its beginning to its end, both at moments that nothing else has.
#[derive(Debug, Clone)]
pub(super) struct Event {
    pub(super) process: u64,
    pub(super) began: u64,
    pub(super) ended: u64,
    pub(super) kind: Kind,
    pub(super) what: What,
}

/// Offsets and messages.
pub(super) type Pairs = Vec<(i64, i64)>;

#[derive(Debug, Clone)]
pub(super) enum What {
    Send { key: usize, message: i64, offset: Option<i64> },
    Poll(Vec<(usize, Pairs)>),
    Assign(Vec<usize>),
    Crash,
}

const THREADS: u64 = 3;
const KEYS: usize = 3;

/// A system with its clients.
struct World {
    random: Random,
    now: u64,
    logs: Vec<Pairs>,
    next_message: i64,
    /// Sends that have timed out, and may yet happen.
    ghosts: Vec<(usize, i64)>,
    clients: Vec<Client>,
    events: Vec<Event>,
}

/// A client thread, and what it is at.
struct Client {
    process: u64,
    /// The key that it polls next from which offset.
    offsets: Vec<(usize, i64)>,
    /// What it has begun, and whether it had its effect.
    at: Option<(Event, bool)>,
}

/// A correct history of a good hundred operations.
pub(super) fn history(seed: u64) -> Vec<Event> {
    let mut world = World {
        random: Random::seeded(seed),
        now: 0,
        logs: vec![Vec::new(); KEYS],
        next_message: 1,
        ghosts: Vec::new(),
        clients: Vec::new(),
        events: Vec::new(),
    };
    for process in 0..THREADS {
        world.clients.push(Client { process, offsets: Vec::new(), at: None });
    }
    for _ in 0..200 {
        let thread = world.below(THREADS);
        world.step(thread);
    }
    for thread in 0..world.clients.len() {
        while world.clients[thread].at.is_some() {
            world.step(thread);
        }
    }
    world.ghosts.clear();
    world.final_polls();
    world.events
}

impl World {
    fn below(&mut self, bound: u64) -> usize {
        usize::try_from(self.random.below(bound)).unwrap()
    }

    fn tick(&mut self) -> u64 {
        self.now += 1 + self.random.below(5);
        self.now
    }

    fn step(&mut self, thread: usize) {
        if !self.ghosts.is_empty() && self.random.below(8) == 0 {
            let (key, message) = self.ghosts.remove(0);
            self.append(key, message);
        }
        match self.clients[thread].at.take() {
            None => self.begin(thread),
            Some((event, false)) => self.take_effect(thread, event),
            Some((event, true)) => self.end(thread, event),
        }
    }

    fn append(&mut self, key: usize, message: i64) -> i64 {
        // Offsets may be sparse.
        let gap = 1 + i64::from(self.random.below(4) == 0);
        let offset = self.logs[key].last().map_or(0, |(offset, _)| offset + gap);
        self.logs[key].push((offset, message));
        offset
    }

    fn begin(&mut self, thread: usize) {
        let what = match self.random.below(20) {
            0 => What::Crash,
            1..4 => {
                let mut keys: Vec<usize> = (0..KEYS).collect();
                self.random.shuffle(&mut keys);
                keys.truncate(1 + self.below(KEYS as u64));
                What::Assign(keys)
            }
            4..12 => What::Poll(Vec::new()),
            _ => {
                self.next_message += 1;
                let (key, message) = (self.below(KEYS as u64), self.next_message);
                What::Send { key, message, offset: None }
            }
        };
        let (process, began) = (self.clients[thread].process, self.tick());
        let event = Event { process, began, ended: 0, kind: Kind::Ok, what };
        self.clients[thread].at = Some((event, false));
    }

    fn take_effect(&mut self, thread: usize, mut event: Event) {
        let luck = self.random.below(20);
        let polled = self.poll(thread);
        match &mut event.what {
            What::Crash => event.kind = Kind::Info,
            What::Send { .. } | What::Assign(_) if luck == 0 => event.kind = Kind::Fail,
            What::Send { key, message, .. } if luck == 1 => {
                event.kind = Kind::Info;
                self.ghosts.push((*key, *message));
            }
            What::Send { key, message, offset } => {
                *offset = Some(self.append(*key, *message));
                if luck == 2 {
                    (event.kind, *offset) = (Kind::Info, None);
                }
            }
            What::Poll(_) if luck == 0 => event.kind = Kind::Info,
            What::Poll(pairs) => {
                for (key, polled) in &polled {
                    let offsets = &mut self.clients[thread].offsets;
                    let next = offsets.iter_mut().find(|(assigned, _)| assigned == key).unwrap();
                    if let Some((offset, _)) = polled.last() {
                        next.1 = offset + 1;
                    }
                }
                *pairs = polled;
            }
            What::Assign(keys) => {
                let client = &mut self.clients[thread];
                let before = std::mem::take(&mut client.offsets);
                client.offsets = keys
                    .iter()
                    .map(|key| {
                        before.iter().find(|(old, _)| old == key).copied().unwrap_or((*key, 0))
                    })
                    .collect();
            }
        }
        self.clients[thread].at = Some((event, true));
    }

    /// What the node answers: a few messages from where the client is, in order.
    fn poll(&mut self, thread: usize) -> Vec<(usize, Pairs)> {
        let mut polled = Vec::new();
        for (key, next) in self.clients[thread].offsets.clone() {
            let few = 1 + self.below(3);
            let news = self.logs[key].iter().filter(|(offset, _)| *offset >= next).take(few);
            let news: Pairs = news.copied().collect();
            if !news.is_empty() || !self.logs[key].is_empty() && self.random.below(4) == 0 {
                polled.push((key, news));
            }
        }
        polled
    }

    fn end(&mut self, thread: usize, mut event: Event) {
        event.ended = self.tick();
        let client = &mut self.clients[thread];
        if event.kind == Kind::Info {
            client.process += THREADS;
            client.offsets.clear();
        }
        self.events.push(event);
    }

    fn final_polls(&mut self) {
        for thread in 0..self.clients.len() {
            self.run(thread, What::Crash);
            self.run(thread, What::Assign((0..KEYS).collect()));
            while self.clients[thread].offsets.len() < KEYS {
                self.run(thread, What::Assign((0..KEYS).collect()));
            }
            let is_behind = |world: &World, (key, next): &(usize, i64)| {
                world.logs[*key].last().is_some_and(|(offset, _)| offset >= next)
            };
            while self.clients[thread].offsets.iter().any(|assigned| is_behind(self, assigned)) {
                self.run(thread, What::Poll(Vec::new()));
                if self.clients[thread].offsets.is_empty() {
                    self.run(thread, What::Assign((0..KEYS).collect()));
                }
            }
            // Upstream misjudges a key that the last poll is the first to tell of.
            self.run(thread, What::Poll(Vec::new()));
        }
    }

    fn run(&mut self, thread: usize, what: What) {
        let (process, began) = (self.clients[thread].process, self.tick());
        let event = Event { process, began, ended: 0, kind: Kind::Ok, what };
        self.clients[thread].at = Some((event, false));
        while self.clients[thread].at.is_some() {
            self.step(thread);
        }
    }
}

/// The history of these events.
pub(super) fn written(events: &[Event]) -> History {
    let mut ends: Vec<(u64, bool, &Event)> = Vec::new();
    for event in events {
        ends.push((event.began, false, event));
        ends.push((event.ended, true, event));
    }
    ends.sort_by_key(|(time, is_end, event)| (*time, *is_end, event.process));
    History::from_ops(ends.into_iter().enumerate().map(|(index, (time, is_end, event))| {
        let (f, value) = value(event, is_end);
        let kind = if is_end { event.kind } else { Kind::Invoke };
        Op { kind, ..Op::invoke(index, time, Process::Client(event.process), f, value) }
    }))
}

fn value(event: &Event, is_end: bool) -> (&'static str, Value) {
    let key = |key: &usize| Value::from(key.to_string());
    let pair = |(offset, message): &(i64, i64)| vec![(*offset).into(), (*message).into()].into();
    let part = |name: &'static str, rest: Vec<Value>| {
        let part: Vec<Value> = std::iter::once(Value::keyword(name)).chain(rest).collect();
        vec![part.into()].into()
    };
    match &event.what {
        What::Send { key: k, message, offset: Some(offset) } if is_end => {
            ("send", part("send", vec![key(k), pair(&(*offset, *message))]))
        }
        What::Send { key: k, message, .. } => {
            ("send", part("send", vec![key(k), (*message).into()]))
        }
        What::Poll(polled) if is_end && event.kind == Kind::Ok => {
            let polled = polled
                .iter()
                .map(|(k, pairs)| (key(k), pairs.iter().map(pair).collect::<Vec<Value>>().into()));
            ("poll", part("poll", vec![polled.collect::<Map>().into()]))
        }
        What::Poll(_) => ("poll", part("poll", Vec::new())),
        What::Assign(keys) => ("assign", keys.iter().map(key).collect::<Vec<Value>>().into()),
        What::Crash => ("crash", Value::Nil),
    }
}
