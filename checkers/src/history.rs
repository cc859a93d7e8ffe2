//! History of a test: the operations that clients invoked and completed, and the actions of the
//! nemesis.
//!
//! Every verdict is a function of the history alone, so anyone can reproduce it from the file. The
//! file has Jepsen's format, one entry a line; formats of related tools can be read as well.

mod fields;
pub mod file;
mod json;
mod op;
mod read;
mod write;

use rustc_hash::FxHashMap;

pub use self::{
    op::{Kind, Op, Process},
    read::{HistoryError, HistoryErrorReason},
};

/// The entries of one test's history, in order of time.
#[derive(Debug, Clone, Default)]
pub struct History {
    ops: Vec<Op>,
    /// For each entry, the position of its partner: the completion of an invocation, and vice
    /// versa.
    partners: Vec<Option<usize>>,
    /// The position of the pending invocation of each client process.
    pending: FxHashMap<u64, usize>,
    /// True if entries lack a time, so that their order replaces it.
    lacks_time: bool,
}

impl History {
    /// An empty history.
    pub fn new() -> History {
        History::default()
    }

    /// A history of these entries.
    ///
    /// # Panics
    ///
    /// As [`History::push`] does.
    pub fn from_ops(ops: impl IntoIterator<Item = Op>) -> History {
        let mut history = History::new();
        for op in ops {
            history.push(op);
        }
        history
    }

    /// Appends an entry.
    ///
    /// # Panics
    ///
    /// If its index does not exceed the last one's: entries are found by binary search for their
    /// index.
    pub fn push(&mut self, op: Op) {
        let position = self.ops.len();
        let last = self.ops.last().map(|last| last.index);
        assert!(last < Some(op.index), "operation {} comes after {last:?}", op.index);
        let partner = match (op.process, op.kind) {
            (Process::Nemesis, _) => None,
            (Process::Client(process), Kind::Invoke) => {
                self.pending.insert(process, position);
                None
            }
            (Process::Client(process), _) => self.pending.remove(&process),
        };
        if let Some(invocation) = partner {
            self.partners[invocation] = Some(position);
        }
        self.partners.push(partner);
        self.ops.push(op);
    }

    /// All entries.
    pub fn ops(&self) -> &[Op] {
        &self.ops
    }

    /// The entry of this index, if there is one.
    pub fn op(&self, index: usize) -> Option<&Op> {
        self.position(index).map(|position| &self.ops[position])
    }

    /// The entries of clients, without those of the nemesis.
    pub fn client_ops(&self) -> impl Iterator<Item = &Op> {
        self.ops.iter().filter(|op| op.process != Process::Nemesis)
    }

    /// True if the nemesis injected faults that Maelstrom 0.2.4 does not have: any but partitions.
    pub fn has_faults_beyond_maelstrom(&self) -> bool {
        let known = ["start-partition", "stop-partition"];
        let mut of_nemesis = self.ops.iter().filter(|op| op.process == Process::Nemesis);
        of_nemesis.any(|op| !known.contains(&&*op.f))
    }

    /// The completion of an invocation; `None` if the operation is still pending.
    pub fn completion(&self, invocation: &Op) -> Option<&Op> {
        self.partner(invocation).filter(|_| invocation.kind == Kind::Invoke)
    }

    /// The invocation of a completion: the last one of its process.
    pub fn invocation(&self, completion: &Op) -> Option<&Op> {
        self.partner(completion).filter(|_| completion.kind != Kind::Invoke)
    }

    /// True if it was read from a text in which entries have no time, so that durations are
    /// meaningless.
    pub fn lacks_time(&self) -> bool {
        self.lacks_time
    }

    /// The invocation of a process's pending operation.
    fn pending_op(&self, process: Process) -> Option<&Op> {
        let Process::Client(process) = process else { return None };
        self.pending.get(&process).map(|position| &self.ops[*position])
    }

    fn partner(&self, op: &Op) -> Option<&Op> {
        let partner = self.partners[self.position(op.index)?];
        partner.map(|partner| &self.ops[partner])
    }

    fn position(&self, index: usize) -> Option<usize> {
        match self.ops.get(index) {
            Some(at_index) if at_index.index == index => Some(index),
            _ => self.ops.binary_search_by_key(&index, |op| op.index).ok(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_completion_belongs_to_the_last_invocation_of_its_process() {
        let history = History::read_edn(
            "{:index 10, :time 1, :type :invoke, :process 0, :f :read, :value nil}
             {:index 11, :time 2, :type :invoke, :process 1, :f :read, :value nil}
             {:index 12, :time 3, :type :info, :process :nemesis, :f :start, :value nil}
             {:index 14, :time 4, :type :ok, :process 1, :f :read, :value 1}
             {:index 15, :time 5, :type :invoke, :process 1, :f :read, :value nil}
             {:index 17, :time 6, :type :ok, :process 0, :f :read, :value 0}",
        )
        .unwrap();
        let pairs: Vec<_> = history
            .ops()
            .iter()
            .map(|op| (op.index, history.completion(op).map(|op| op.index)))
            .collect();
        let expected =
            [(10, Some(17)), (11, Some(14)), (12, None), (14, None), (15, None), (17, None)];
        assert_eq!(pairs, expected);
        assert_eq!(history.invocation(&history.ops()[5]), Some(&history.ops()[0]));
        assert_eq!((history.op(14), history.op(13)), (history.ops().get(3), None));
        assert_eq!(history.client_ops().count(), 5);
    }

    #[test]
    fn maelstrom_knows_no_fault_but_partitions() {
        for (f, expected) in [("start-partition", false), ("stop-partition", false), ("kill", true)]
        {
            let text = format!(
                "{{:index 0, :time 1, :type :invoke, :process 0, :f :read, :value nil}}
                 {{:index 1, :time 1, :type :info, :process :nemesis, :f :{f}, :value nil}}"
            );
            let history = History::read_edn(&text).unwrap();
            assert_eq!(history.has_faults_beyond_maelstrom(), expected, "{f}");
        }
    }

    #[test]
    #[should_panic(expected = "operation 3 comes after Some(3)")]
    fn an_index_that_does_not_increase_is_a_bug() {
        let op = Op::invoke(3, 0, Process::Client(0), "read", crate::edn::Value::Nil);
        History::from_ops([op.clone(), op]);
    }
}
