//! The effects of strikes on links and nodes, and their operations in the history.

use std::time::Duration;

use super::requests::INIT_TIMEOUT;
use super::{Interpreter, strike_values};
use crate::edn::Value;
use crate::history::{Kind, Process};
use crate::nemesis::{Fault, NemesisAction, StrikeEffect};
use crate::network::Admission;
use crate::service::is_service;

impl Interpreter {
    /// Carries out an action of a nemesis.
    pub(super) fn strike(&mut self, now: Duration, action: NemesisAction) {
        let f = action.to_string();
        let (before, after) = match action {
            NemesisAction::Begin { nemesis_index, due, drawn, effect } => {
                (drawn, self.begin(due, nemesis_index, effect))
            }
            NemesisAction::End { nemesis_index, due, fault } => {
                let effect = self.faults.end(due, nemesis_index);
                self.end(now, nemesis_index, fault, effect)
            }
        };
        for value in [before, after] {
            let mut op = self.op(now, Kind::Info, Process::Nemesis, f.clone());
            op.value = value;
            self.history.push(op);
        }
    }

    /// Begins a strike, and returns the value of its completion in the history.
    fn begin(&mut self, due: Duration, nemesis_index: usize, effect: StrikeEffect) -> Value {
        let mut struck = self.nodes.clone();
        for service in effect.targets().into_iter().filter(|name| is_service(name)) {
            self.services.join(&service, &mut self.network);
            struck.push(service);
        }
        self.network.strike(nemesis_index, &effect, &struck);
        for node in self.indices_of(&effect) {
            match effect.fault() {
                Fault::Kill => self.kill(nemesis_index, node),
                Fault::Pause => {
                    self.faults.pause(nemesis_index, node);
                }
                _ => {}
            }
        }
        let is_dead =
            |name: &str| self.node_indices.get(name).is_some_and(|node| self.faults.is_dead(*node));
        let struck = strike_values::begin_value(&effect, &self.nodes, is_dead);
        self.faults.begin(due, nemesis_index, effect);
        struck
    }

    /// Ends a strike, and returns the values of its invocation and its completion in the history.
    fn end(
        &mut self,
        now: Duration,
        nemesis_index: usize,
        fault: Fault,
        effect: Option<StrikeEffect>,
    ) -> (Value, Value) {
        self.network.end_strike(nemesis_index);
        let mut recovered = Vec::new();
        if let Some(effect) = effect {
            for node in self.indices_of(&effect) {
                let has_recovered = match fault {
                    Fault::Kill => self.faults.restart(nemesis_index, node),
                    Fault::Pause => self.faults.resume(nemesis_index, node),
                    _ => false,
                };
                if has_recovered {
                    recovered.push(node);
                }
            }
        }
        for &node in &recovered {
            match fault {
                Fault::Kill => self.initialize(now, node),
                _ => self.clients.extend_preparation(node, now + INIT_TIMEOUT),
            }
        }
        strike_values::end_values(fault, recovered.iter().map(|node| self.nodes[*node].as_str()))
    }

    fn kill(&mut self, nemesis_index: usize, node: usize) {
        let Some(lost) = self.faults.kill(nemesis_index, node) else { return };
        self.network.set_admission(&self.nodes[node], Admission::None);
        (0..lost).for_each(|_| self.network.count_affected(Fault::Kill));
        self.clients.drop_preparation(node, &mut self.network);
    }

    fn indices_of(&self, effect: &StrikeEffect) -> Vec<usize> {
        effect.targets().iter().filter_map(|name| self.node_indices.get(name)).copied().collect()
    }
}
