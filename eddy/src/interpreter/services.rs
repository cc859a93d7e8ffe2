//! The services that nodes speak to: those join the network, the others do not exist.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Interpreter;
use crate::network::{Message, Network};
use crate::random::Random;
use crate::service::Service;

/// The services that somebody has spoken to, by their names.
#[derive(Debug)]
pub(super) struct Services {
    random: Random,
    met: BTreeMap<&'static str, Service>,
}

impl Services {
    /// None yet.
    pub(super) fn new(seed: &Random) -> Services {
        Services { random: seed.fork("services"), met: BTreeMap::new() }
    }

    /// Lets the service of this name join the network, if there is one that has not joined yet.
    pub(super) fn meet(&mut self, name: &str, network: &mut Network) {
        if !self.met.contains_key(name)
            && let Some(service) = Service::named(name, &self.random)
        {
            network.join(name);
            self.met.insert(service.name(), service);
        }
    }
}

impl Interpreter {
    /// Lets a service answer a message, at once; `false` if it is not to a service.
    pub(super) fn serve(&mut self, now: Duration, message: &Message) -> bool {
        let Some(service) = self.services.met.get_mut(&*message.dest) else { return false };
        if let Some(body) = service.handle(&message.src, &message.body) {
            let sent = self.network.send(now, &message.dest, &message.src, body);
            debug_assert!(sent.is_ok(), "who asked a service is on the network");
        }
        true
    }
}
