//! Client operations, each with its client on the network and the node that it asked.

use std::time::Duration;

use eddy::Report;
use eddy_checkers::history::{Kind, Op, Process};
use rustc_hash::FxHashMap;

use super::{OperationColumns, Participant, microseconds, truncate};

/// Operation from invocation to completion.
#[derive(Debug)]
pub(crate) struct ViewOperation<'a> {
    pub(in crate::page) begin: &'a Op,
    pub(in crate::page) end: Option<&'a Op>,
    pub(in crate::page) process: u64,
    pub(in crate::page) invoked: i64,
    /// -1 without a completion.
    pub(in crate::page) completed: i64,
    /// Index of the participant that is its client.
    pub(in crate::page) client: Option<usize>,
    /// Node that was asked.
    pub(in crate::page) node: Option<String>,
}

/// All operations in the order of invocation.
pub(in crate::page) fn of<'a>(
    report: &'a Report,
    participants: &[Participant],
) -> Vec<ViewOperation<'a>> {
    let places = participants.iter().map(|participant| participant.name.as_str()).zip(0..);
    let places: FxHashMap<&str, usize> = places.collect();
    let begins = report.history.client_ops().filter(|op| op.kind == Kind::Invoke);
    let operations = begins.filter_map(|begin| {
        let Process::Client(process) = begin.process else { return None };
        let end = report.history.completion(begin);
        let node = report.node_of(begin);
        let invoked = microseconds(Duration::from_nanos(begin.time));
        let client = report.network_record().client_names.get(&process);
        Some(ViewOperation {
            begin,
            end,
            process,
            invoked,
            completed: end.map_or(-1, |end| microseconds(Duration::from_nanos(end.time))),
            client: client.and_then(|client| places.get(client.as_str()).copied()),
            node,
        })
    });
    operations.collect()
}

/// Columns of operations; new functions are appended to `functions`.
pub(in crate::page) fn columns(
    operations: &[ViewOperation<'_>],
    participants: &[Participant],
    functions: &mut Vec<String>,
) -> OperationColumns {
    let place = |name: &String| participants.iter().position(|known| known.name == *name);
    let number = |place: Option<usize>| place.and_then(|place| i64::try_from(place).ok());
    let mut columns = OperationColumns::default();
    for operation in operations {
        let ViewOperation { begin, end, process, invoked, completed, client, node } = operation;
        let f = functions.iter().position(|known| *known == begin.f).unwrap_or_else(|| {
            functions.push(begin.f.to_string());
            functions.len() - 1
        });
        let result = end.filter(|end| end.value != begin.value);
        let error = end.and_then(|end| end.error.as_ref());
        columns.process.push(*process);
        columns.f.push(f);
        columns.outcome.push(match end.map(|end| end.kind) {
            Some(Kind::Ok) => 0,
            Some(Kind::Fail) => 1,
            _ => 2,
        });
        columns.invoked.push(*invoked);
        columns.completed.push(*completed);
        columns.client.push(number(*client).unwrap_or(-1));
        columns.node.push(number(node.as_ref().and_then(place)).unwrap_or(-1));
        columns.value.push(truncate::value(&begin.value));
        columns.result.push(result.map(|end| truncate::value(&end.value)).unwrap_or_default());
        columns.error.push(error.map(truncate::value).unwrap_or_default());
        columns.index.push(begin.index);
    }
    columns
}
