//! The services of a test. A service joins the network when the first message names it.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Interpreter;
use crate::network::{Network, NetworkMessage};
use crate::random::Random;
use crate::service::MaelstromService;

/// The services that have joined the network, by name.
#[derive(Debug)]
pub(super) struct Services {
    random: Random,
    joined: BTreeMap<&'static str, MaelstromService>,
}

impl Services {
    /// The state in which no service has joined.
    pub(super) fn new(seed: &Random) -> Services {
        Services { random: seed.fork("services"), joined: BTreeMap::new() }
    }

    /// Lets the service of this name join the network, if it is one and has not joined yet.
    pub(super) fn join(&mut self, name: &str, network: &mut Network) {
        if !self.joined.contains_key(name)
            && let Some(service) = MaelstromService::named(name, &self.random)
        {
            network.join(name);
            self.joined.insert(service.name(), service);
        }
    }
}

impl Interpreter {
    /// Delivers a message to a service, which replies at once. Returns false if the destination is
    /// not a service.
    pub(super) fn serve(&mut self, now: Duration, message: &NetworkMessage) -> bool {
        let Some(service) = self.services.joined.get_mut(&*message.dest) else { return false };
        if let Some(body) = service.handle(&message.src, &message.body) {
            let sent = self.network.send(now, &message.dest, &message.src, body);
            debug_assert!(sent.is_ok(), "who asked a service is on the network");
        }
        true
    }
}
