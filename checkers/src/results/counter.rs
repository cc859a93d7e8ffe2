//! Results of counters in `results.edn`, as Maelstrom reports them.

use crate::{
    counter::CounterResults,
    edn::{Map, Value},
    history::Op,
};

impl CounterResults<'_> {
    /// The map under `:workload`.
    pub fn to_edn(&self) -> Value {
        let errors = self.errors.iter().map(|read| read.to_edn());
        let errors = (!self.errors.is_empty()).then(|| Value::List(errors.collect()));
        let integer = |number: i128| match i64::try_from(number) {
            Ok(number) => Value::Int(number),
            Err(_) => Value::BigInt(number.to_string().into()),
        };
        let final_reads = self.final_reads.iter().map(|Op { value, .. }| value.clone());
        let ranges = self.acceptable.iter().map(|range| Value::Vector(range.map(integer).into()));
        Map::new()
            .with("valid?", self.valid)
            .with("errors", errors)
            .with("final-reads", Value::List(final_reads.collect()))
            .with("acceptable", Value::List(ranges.collect()))
            .into()
    }
}
