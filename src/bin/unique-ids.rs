//! Challenge 2: ids that are unique across nodes and restarts, without coordination.
//!
//! An id consists of the node's id, a random number that this run of the node has drawn, and a
//! counter. Ids of two nodes differ in the first part; two ids of the same run differ in the last;
//! and two runs of the same node, before and after a crash, differ in the middle, but for one
//! chance in 2^64 for each pair of runs. Nothing is stored and no other node is asked, so neither
//! partitions nor restarts matter.

use std::cell::Cell;

use glomers::{Handler, Node, async_trait};
use serde::{Deserialize, Serialize};

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Request {
    Generate,
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Reply {
    GenerateOk { id: String },
}

struct UniqueIds {
    node: Node,
    run_id: u64,
    generated: Cell<u64>,
}

impl UniqueIds {
    fn new(node: Node) -> Self {
        let run_id = node.random();
        UniqueIds { node, run_id, generated: Cell::new(0) }
    }
}

#[async_trait(?Send)]
impl Handler for UniqueIds {
    type Request = Request;
    type Reply = Reply;

    async fn handle(&self, _from: &str, request: Request) -> anyhow::Result<Reply> {
        let Request::Generate = request;
        let count = self.generated.get() + 1;
        self.generated.set(count);
        Ok(Reply::GenerateOk { id: format!("{}-{:016x}-{count}", self.node.id(), self.run_id) })
    }
}

fn main() -> anyhow::Result<()> {
    glomers::serve(UniqueIds::new)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use eddy::checkers::availability::Goal;
    use eddy::{Fault, Test, Validity, seeds, workload};
    use glomers::Host;

    use super::*;

    fn challenge() -> Test {
        Test {
            workload: &workload::UniqueIds,
            nodes: 3,
            rate: 1000.0,
            time_limit: Duration::from_secs(30),
            availability: Goal::Total,
            faults: [Fault::Partition].into(),
            ..Test::default()
        }
    }

    #[test]
    fn for_any_seed_every_request_gets_an_id_of_its_own() {
        seeds(|seed| {
            let time_limit = Duration::from_secs(5);
            Test { seed, time_limit, ..challenge() }.run(UniqueIds::new).assert_valid();
        });
    }

    #[test]
    fn for_any_seed_no_fault_makes_an_id_come_twice() {
        seeds(|seed| {
            for faults in Fault::sets_to_test() {
                let (time_limit, availability) = (Duration::from_secs(5), Goal::default());
                let nemesis_interval = Duration::from_secs(1);
                let test = Test { seed, faults, time_limit, availability, ..challenge() };
                Test { nemesis_interval, ..test }.run(UniqueIds::new).assert_valid();
            }
        });
    }

    #[test]
    fn it_keeps_the_rate_of_the_challenge() {
        let report = challenge().run(UniqueIds::new);
        report.assert_valid();
        assert!(report.operations.ok > 29_000, "{report}");
    }

    /// Wrong node whose ids are its counter alone.
    struct CountsOnly(UniqueIds);

    #[async_trait(?Send)]
    impl Handler for CountsOnly {
        type Request = Request;
        type Reply = Reply;

        async fn handle(&self, from: &str, request: Request) -> anyhow::Result<Reply> {
            self.0.handle(from, request).await?;
            Ok(Reply::GenerateOk { id: self.0.generated.get().to_string() })
        }
    }

    #[test]
    fn a_node_that_only_counts_is_caught() {
        let start = |node| CountsOnly(UniqueIds::new(node));
        Test { nodes: 1, ..challenge() }.run(start).assert_valid();
        let report = challenge().run(start);
        assert_eq!(report.valid, Validity::Invalid, "{}", report.results);
    }

    async fn first_id_after_a_start(seed: u64) -> String {
        let input = r#"{"src":"c1","dest":"n1","body":{"type":"init","msg_id":1,"node_id":"n1","node_ids":["n1"]}}
            {"src":"c1","dest":"n1","body":{"type":"generate","msg_id":2}}"#;
        let mut output = Vec::new();
        let host = Host::seeded(seed);
        host.serve_on(input.as_bytes(), &mut output, UniqueIds::new).await.unwrap();
        String::from_utf8(output).unwrap()
    }

    #[tokio::test]
    async fn a_node_that_was_restarted_does_not_repeat_its_ids() {
        let (before, after) = (first_id_after_a_start(1).await, first_id_after_a_start(2).await);
        assert_ne!(before, after);
    }
}
