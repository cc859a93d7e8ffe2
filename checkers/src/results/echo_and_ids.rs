//! Results of echoes and unique ids in `results.edn`.

use crate::echo::{EchoResults, WrongEcho};
use crate::edn::{Map, Value};
use crate::unique_ids::UniqueIdsResults;

impl EchoResults {
    /// The map under `:workload`.
    pub fn to_edn(&self) -> Value {
        let errors = self.errors.iter().map(|WrongEcho { sent, received }| {
            let (sent, received) = (sent.value.clone(), received.value.clone());
            vec!["Expected a message with :echo".into(), sent, received].into()
        });
        let errors = Value::List(errors.collect());
        Map::new().with("valid?", self.valid).with("errors", errors).into()
    }
}

impl UniqueIdsResults {
    /// The map under `:workload`.
    pub fn to_edn(&self) -> Value {
        let duplicated = self.duplicated.iter().map(|(id, times)| (id.clone(), (*times).into()));
        let (least, greatest) = self.range.clone().unwrap_or((Value::Nil, Value::Nil));
        Map::new()
            .with("valid?", self.valid)
            .with("attempted-count", self.attempted_count)
            .with("acknowledged-count", self.acknowledged_count)
            .with("duplicated-count", self.duplicated_count)
            .with("duplicated", duplicated.collect::<Map>())
            .with("range", vec![least, greatest])
            .into()
    }
}
