//! What strikes do to links and nodes, and what the history says of them.

use std::time::Duration;

use super::requests::INIT_TIMEOUT;
use super::{Interpreter, outcome};
use crate::edn::Value;
use crate::history::{Kind, Process};
use crate::nemesis::{Action, Fault, Harm};
use crate::network::Admission;
use crate::service::is_service;

impl Interpreter {
    /// Does what a nemesis wants.
    pub(super) fn strike(&mut self, now: Duration, action: Action) {
        let f = action.to_string();
        let (before, after) = match action {
            Action::Begin { nemesis, due, drawn, harm } => (drawn, self.begin(due, nemesis, harm)),
            Action::End { nemesis, due, fault } => {
                let harm = self.faults.end(due, nemesis);
                self.end(now, nemesis, fault, harm)
            }
        };
        for value in [before, after] {
            let mut op = self.op(now, Kind::Info, Process::Nemesis, f.clone());
            op.value = value;
            self.history.push(op);
        }
    }

    /// Begins a strike, and gives what is to be said of it.
    fn begin(&mut self, due: Duration, nemesis: usize, harm: Harm) -> Value {
        let mut struck = self.nodes.clone();
        for service in harm.names().into_iter().filter(|name| is_service(name)) {
            self.services.meet(&service, &mut self.network);
            struck.push(service);
        }
        self.network.strike(nemesis, &harm, &struck);
        for node in self.numbers_of(&harm) {
            match harm.fault() {
                Fault::Kill => self.kill(nemesis, node),
                Fault::Pause => {
                    self.faults.pause(nemesis, node);
                }
                _ => {}
            }
        }
        let is_dead =
            |name: &str| self.numbers.get(name).is_some_and(|node| self.faults.is_dead(*node));
        let struck = outcome::of(&harm, &self.nodes, is_dead);
        self.faults.begin(due, nemesis, harm);
        struck
    }

    /// Ends a strike, and gives what is to be said of it, before and after.
    fn end(
        &mut self,
        now: Duration,
        nemesis: usize,
        fault: Fault,
        harm: Option<Harm>,
    ) -> (Value, Value) {
        self.network.end_strike(nemesis);
        let mut helped = Vec::new();
        if let Some(harm) = harm {
            for node in self.numbers_of(&harm) {
                let is_helped = match fault {
                    Fault::Kill => self.faults.revive(nemesis, node),
                    Fault::Pause => self.faults.resume(nemesis, node),
                    _ => false,
                };
                if is_helped {
                    helped.push(node);
                }
            }
        }
        for &node in &helped {
            match fault {
                Fault::Kill => self.initialize(now, node),
                _ => self.clients.give_time(node, now + INIT_TIMEOUT),
            }
        }
        outcome::of_end(fault, helped.iter().map(|node| self.nodes[*node].as_str()))
    }

    fn kill(&mut self, nemesis: usize, node: usize) {
        let Some(lost) = self.faults.kill(nemesis, node) else { return };
        self.network.admit(&self.nodes[node], Admission::Nobody);
        (0..lost).for_each(|_| self.network.struck(Fault::Kill));
        self.clients.give_up_preparation(node, &mut self.network);
    }

    fn numbers_of(&self, harm: &Harm) -> Vec<usize> {
        harm.names().iter().filter_map(|name| self.numbers.get(name)).copied().collect()
    }
}
