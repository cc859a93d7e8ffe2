//! Results of registers in `results.edn`, as Knossos reports them.

use crate::{
    Validity,
    edn::{Map, Value},
    history::Op,
    linearizable::{
        Counterexample, KeyResult, KeyVerdict, LinearizableResults, SearchResult,
        final_paths::PathStep,
        register::{Register, RegisterAction, ValueId},
        search_result::LinearizationStep,
    },
};

impl LinearizableResults<'_> {
    /// The map under `:workload`; for a single register, the map that Maelstrom records for one
    /// key.
    pub fn to_edn(&self) -> Value {
        if let [key @ KeyResult { key: None, .. }] = &self.keys[..] {
            return key.to_edn();
        }
        let named = |key: &KeyResult<'_>| key.key.cloned().unwrap_or(Value::Nil);
        let results = self.keys.iter().map(|key| (named(key), key.to_edn()));
        let failures = self.keys.iter().filter(|key| key.valid() == Validity::Invalid);
        let failures: Vec<Value> = failures.map(named).collect();
        Map::new()
            .with("valid?", self.valid)
            .with("results", results.collect::<Map>())
            .with("failures", failures)
            .into()
    }
}

impl KeyResult<'_> {
    /// The map under the key in `:results`.
    fn to_edn(&self) -> Value {
        let mut map = Map::new().with("valid?", self.valid());
        if let Some(cause) = self.verdict.cause() {
            map = map.with("cause", cause);
        }
        let configurations = self.verdict.search_result().into_iter().flat_map(configurations);
        map = map.with("configs", Value::List(configurations.collect()));
        map = match &self.verdict {
            KeyVerdict::NotLinearizable(failure) => failure.write_edn(map),
            _ => map.with("final-paths", Value::List(Vec::new())),
        };
        Map::new()
            .with("linearizable", map)
            .with("timeline", Map::new().with("valid?", true))
            .with("valid?", self.valid())
            .into()
    }
}

impl Counterexample<'_> {
    /// Adds upstream's keys.
    fn write_edn(&self, map: Map) -> Map {
        let SearchResult { register, completions, prefix_len, linearizations, .. } = &self.result;
        let due = |operation| to_edn(register, LinearizationStep { operation, is_due: true });
        let previous = prefix_len.checked_sub(1).map(|level| completions[level]);
        let last_steps = linearizations.iter().filter_map(|order| order.last());
        let last_step = last_steps.max_by_key(|step| entry(register, **step).index);
        let paths = self.final_paths.iter().map(|path| final_path(register, path));
        map.with("final-paths", Value::List(paths.collect()))
            .with("previous-ok", previous.map(due))
            .with("last-op", last_step.map(|step| to_edn(register, *step)))
            .with("op", due(self.due))
    }
}

/// Knossos' configurations: the register's state at the end of each linearization.
fn configurations<'a>(result: &'a SearchResult<'_>) -> impl Iterator<Item = Value> + 'a {
    let SearchResult { register, linearizations, .. } = result;
    linearizations.iter().map(move |order| {
        let pending = result.pending(order).into_iter();
        let pending = pending
            .map(|operation| to_edn(register, LinearizationStep { operation, is_due: false }));
        Map::new()
            .with("model", model(register.value(result.value_after(order))))
            .with("last-op", order.last().map(|step| to_edn(register, *step)))
            .with("pending", pending.collect::<Vec<_>>())
            .into()
    })
}

fn final_path(register: &Register<'_>, path: &[PathStep]) -> Value {
    let steps = path.iter().map(|PathStep { step, before, after }| {
        let model = match after {
            Some(after) => model(register.value(*after)),
            None => inconsistent(register, register.operation(step.operation).action, *before),
        };
        Value::from(Map::new().with("op", to_edn(register, *step)).with("model", model))
    });
    steps.collect::<Vec<_>>().into()
}

fn model(value: &Value) -> Value {
    let fields = Map::new().with("value", value.clone());
    Value::Tagged("knossos.model.CASRegister".to_owned(), Box::new(fields.into()))
}

fn inconsistent(register: &Register<'_>, action: RegisterAction, value: ValueId) -> Value {
    // Clojure's `str` of nil is empty.
    let text = |value: ValueId| match register.value(value) {
        Value::Nil => String::new(),
        value => value.plain().to_string(),
    };
    let now = text(value);
    let message = match action {
        RegisterAction::Cas(from, to) => {
            format!("can't CAS {now} from {} to {}", text(from), text(to))
        }
        RegisterAction::ReadAnyBut(from) => {
            format!("can't refuse to CAS {now} from {}", text(from))
        }
        other => {
            let read = other.required_value().map(text).unwrap_or_default();
            format!("can't read {read} from register {now}")
        }
    };
    let fields = Map::new().with("msg", message);
    Value::Tagged("knossos.model.Inconsistent".to_owned(), Box::new(fields.into()))
}

/// The completion of an operation that was due; the invocation of any other.
fn entry<'a>(register: &Register<'a>, step: LinearizationStep) -> &'a Op {
    let operation = register.operation(step.operation);
    if step.is_due { operation.entry() } else { operation.invocation }
}

/// An entry as Knossos quotes it: with the operation's known result, not as a record, in another
/// order of keys, and without the register's key.
fn to_edn(register: &Register<'_>, step: LinearizationStep) -> Value {
    let op = entry(register, step);
    let mut map = Map::new()
        .with("process", op.process)
        .with("type", op.kind)
        .with("f", Value::keyword(op.f.clone()))
        .with("value", register.argument(register.operation(step.operation).entry()).clone())
        .with("index", op.index)
        .with("time", op.time);
    for (key, value) in &op.extra {
        map = map.with(key.clone(), value.clone());
    }
    if let Some(error) = &op.error {
        map = map.with("error", error.clone());
    }
    map.into()
}

#[cfg(test)]
mod tests {
    use crate::{
        edn::Value,
        linearizable::tests::{judged, one_by_one},
    };

    #[test]
    fn a_history_whose_first_operation_is_wrong_has_no_completion_before_it() {
        let results = judged(&one_by_one("0 read 3")).to_edn();
        let expected = "{:valid? false, :configs ({:model #knossos.model.CASRegister{:value nil}, \
                        :last-op nil, :pending [{:process 0, :type :invoke, :f :read, :value 3, \
                        :index 0, :time 0}]}), :final-paths ([{:op {:process 0, :type :ok, :f \
                        :read, :value 3, :index 1, :time 10000000}, :model \
                        #knossos.model.Inconsistent{:msg \"can't read 3 from register \"}}]), \
                        :previous-ok nil, :last-op nil, :op {:process 0, :type :ok, :f :read, \
                        :value 3, :index 1, :time 10000000}}";
        let Some(Value::Map(keys)) = results.get("results") else { panic!("{results}") };
        let key = keys.get(&Value::Int(0)).unwrap();
        assert_eq!(key.get("linearizable").unwrap().to_string(), expected);
    }
}
