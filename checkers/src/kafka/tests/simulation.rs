//! Histories of a correct system: logs in one place, with clients that are slow, time out and
//! crash.

use crate::{
    edn::{Map, Value},
    history::{History, Kind, Op, Process},
    random::Random,
};

/// An operation with the times of its invocation and completion, which are all distinct.
#[derive(Debug, Clone)]
pub(super) struct ClientEvent {
    pub(super) process: u64,
    pub(super) began: u64,
    pub(super) ended: u64,
    pub(super) kind: Kind,
    pub(super) action: ClientAction,
}

/// Offsets and messages.
pub(super) type OffsetPairs = Vec<(i64, i64)>;

#[derive(Debug, Clone)]
pub(super) enum ClientAction {
    Send { key: usize, message: i64, offset: Option<i64> },
    Poll(Vec<(usize, OffsetPairs)>),
    Assign(Vec<usize>),
    Crash,
}

const THREADS: u64 = 3;
const KEYS: usize = 3;

/// The logs, and their clients.
struct KafkaSimulation {
    random: Random,
    now: u64,
    logs: Vec<OffsetPairs>,
    next_message: i64,
    /// Sends that have timed out and may still take effect.
    timed_out_sends: Vec<(usize, i64)>,
    clients: Vec<Client>,
    events: Vec<ClientEvent>,
}

/// A client thread, and its current operation.
struct Client {
    process: u64,
    /// The assigned keys, and the next offset to poll of each.
    offsets: Vec<(usize, i64)>,
    /// The operation in progress, and true if it has taken effect.
    running: Option<(ClientEvent, bool)>,
}

/// A correct history of more than a hundred operations.
pub(super) fn history(seed: u64) -> Vec<ClientEvent> {
    let mut simulation = KafkaSimulation {
        random: Random::seeded(seed),
        now: 0,
        logs: vec![Vec::new(); KEYS],
        next_message: 1,
        timed_out_sends: Vec::new(),
        clients: Vec::new(),
        events: Vec::new(),
    };
    for process in 0..THREADS {
        simulation.clients.push(Client { process, offsets: Vec::new(), running: None });
    }
    for _ in 0..200 {
        let thread = simulation.below(THREADS);
        simulation.step(thread);
    }
    for thread in 0..simulation.clients.len() {
        while simulation.clients[thread].running.is_some() {
            simulation.step(thread);
        }
    }
    simulation.timed_out_sends.clear();
    simulation.final_polls();
    simulation.events
}

impl KafkaSimulation {
    fn below(&mut self, bound: u64) -> usize {
        usize::try_from(self.random.below(bound)).unwrap()
    }

    fn tick(&mut self) -> u64 {
        self.now += 1 + self.random.below(5);
        self.now
    }

    fn step(&mut self, thread: usize) {
        if !self.timed_out_sends.is_empty() && self.random.below(8) == 0 {
            let (key, message) = self.timed_out_sends.remove(0);
            self.append(key, message);
        }
        match self.clients[thread].running.take() {
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
        let action = match self.random.below(20) {
            0 => ClientAction::Crash,
            1..4 => {
                let mut keys: Vec<usize> = (0..KEYS).collect();
                self.random.shuffle(&mut keys);
                keys.truncate(1 + self.below(KEYS as u64));
                ClientAction::Assign(keys)
            }
            4..12 => ClientAction::Poll(Vec::new()),
            _ => {
                self.next_message += 1;
                let (key, message) = (self.below(KEYS as u64), self.next_message);
                ClientAction::Send { key, message, offset: None }
            }
        };
        let (process, began) = (self.clients[thread].process, self.tick());
        let event = ClientEvent { process, began, ended: 0, kind: Kind::Ok, action };
        self.clients[thread].running = Some((event, false));
    }

    fn take_effect(&mut self, thread: usize, mut event: ClientEvent) {
        let luck = self.random.below(20);
        let polled = self.poll(thread);
        match &mut event.action {
            ClientAction::Crash => event.kind = Kind::Info,
            ClientAction::Send { .. } | ClientAction::Assign(_) if luck == 0 => {
                event.kind = Kind::Fail;
            }
            ClientAction::Send { key, message, .. } if luck == 1 => {
                event.kind = Kind::Info;
                self.timed_out_sends.push((*key, *message));
            }
            ClientAction::Send { key, message, offset } => {
                *offset = Some(self.append(*key, *message));
                if luck == 2 {
                    (event.kind, *offset) = (Kind::Info, None);
                }
            }
            ClientAction::Poll(_) if luck == 0 => event.kind = Kind::Info,
            ClientAction::Poll(pairs) => {
                for (key, polled) in &polled {
                    let offsets = &mut self.clients[thread].offsets;
                    let next = offsets.iter_mut().find(|(assigned, _)| assigned == key).unwrap();
                    if let Some((offset, _)) = polled.last() {
                        next.1 = offset + 1;
                    }
                }
                *pairs = polled;
            }
            ClientAction::Assign(keys) => {
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
        self.clients[thread].running = Some((event, true));
    }

    /// The reply to a poll: a few messages from the client's offsets on, in order.
    fn poll(&mut self, thread: usize) -> Vec<(usize, OffsetPairs)> {
        let mut polled = Vec::new();
        for (key, next) in self.clients[thread].offsets.clone() {
            let few = 1 + self.below(3);
            let news = self.logs[key].iter().filter(|(offset, _)| *offset >= next).take(few);
            let news: OffsetPairs = news.copied().collect();
            if !news.is_empty() || !self.logs[key].is_empty() && self.random.below(4) == 0 {
                polled.push((key, news));
            }
        }
        polled
    }

    fn end(&mut self, thread: usize, mut event: ClientEvent) {
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
            self.run(thread, ClientAction::Crash);
            self.run(thread, ClientAction::Assign((0..KEYS).collect()));
            while self.clients[thread].offsets.len() < KEYS {
                self.run(thread, ClientAction::Assign((0..KEYS).collect()));
            }
            let is_behind = |simulation: &KafkaSimulation, (key, next): &(usize, i64)| {
                simulation.logs[*key].last().is_some_and(|(offset, _)| offset >= next)
            };
            while self.clients[thread].offsets.iter().any(|assigned| is_behind(self, assigned)) {
                self.run(thread, ClientAction::Poll(Vec::new()));
                if self.clients[thread].offsets.is_empty() {
                    self.run(thread, ClientAction::Assign((0..KEYS).collect()));
                }
            }
            // Upstream misjudges a key that appears in no operation but the last.
            self.run(thread, ClientAction::Poll(Vec::new()));
        }
    }

    fn run(&mut self, thread: usize, action: ClientAction) {
        let (process, began) = (self.clients[thread].process, self.tick());
        let event = ClientEvent { process, began, ended: 0, kind: Kind::Ok, action };
        self.clients[thread].running = Some((event, false));
        while self.clients[thread].running.is_some() {
            self.step(thread);
        }
    }
}

/// The history of these events.
pub(super) fn to_history(events: &[ClientEvent]) -> History {
    let mut ends: Vec<(u64, bool, &ClientEvent)> = Vec::new();
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

fn value(event: &ClientEvent, is_end: bool) -> (&'static str, Value) {
    let key = |key: &usize| Value::from(key.to_string());
    let pair = |(offset, message): &(i64, i64)| vec![(*offset).into(), (*message).into()].into();
    let part = |name: &'static str, rest: Vec<Value>| {
        let part: Vec<Value> = std::iter::once(Value::keyword(name)).chain(rest).collect();
        vec![part.into()].into()
    };
    match &event.action {
        ClientAction::Send { key: k, message, offset: Some(offset) } if is_end => {
            ("send", part("send", vec![key(k), pair(&(*offset, *message))]))
        }
        ClientAction::Send { key: k, message, .. } => {
            ("send", part("send", vec![key(k), (*message).into()]))
        }
        ClientAction::Poll(polled) if is_end && event.kind == Kind::Ok => {
            let polled = polled
                .iter()
                .map(|(k, pairs)| (key(k), pairs.iter().map(pair).collect::<Vec<Value>>().into()));
            ("poll", part("poll", vec![polled.collect::<Map>().into()]))
        }
        ClientAction::Poll(_) => ("poll", part("poll", Vec::new())),
        ClientAction::Assign(keys) => {
            ("assign", keys.iter().map(key).collect::<Vec<Value>>().into())
        }
        ClientAction::Crash => ("crash", Value::Nil),
    }
}
