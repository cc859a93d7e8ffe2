//! Ids that the first node hands out under a lease: who has it knows the next id, and nobody else
//! does until it is given back or a second has passed.

use std::cell::RefCell;
use std::time::Duration;

use glomers::{ErrorCode, Handler, Node, async_trait};
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep};

const LEASE: Duration = Duration::from_secs(1);

/// How long a holder works before it gives the lease back: far less than it has.
const WORK: Duration = Duration::from_millis(20);

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Body {
    Generate,
    GenerateOk { id: String },
    Acquire,
    AcquireOk { lease: u64, id: u64, run: u64 },
    Release { lease: u64, id: u64 },
    ReleaseOk,
}

pub(crate) struct Ids {
    node: Node,
    is_wrong: bool,
    run: u64,
    ledger: RefCell<Ledger>,
}

/// What the first node knows.
#[derive(Default)]
struct Ledger {
    next: u64,
    leases: u64,
    /// The lease that is out, and its end.
    out: Option<(u64, Instant)>,
}

impl Ids {
    pub(crate) fn new(node: Node, is_wrong: bool) -> Ids {
        Ids { run: node.random(), node, is_wrong, ledger: RefCell::default() }
    }

    async fn generate(&self) -> anyhow::Result<String> {
        let first = &self.node.node_ids()[0];
        let within = Duration::from_millis(300);
        let (lease, id, run) = loop {
            match self.node.rpc_within(within, first, &Body::Acquire).await {
                Ok(Body::AcquireOk { lease, id, run }) => break (lease, id, run),
                Ok(_) => anyhow::bail!("no lease"),
                Err(_) => sleep(WORK).await,
            }
        };
        sleep(WORK).await;
        match self.node.rpc_within(within, first, &Body::Release { lease, id }).await? {
            Body::ReleaseOk => Ok(format!("{run}-{id}")),
            _ => anyhow::bail!("no release"),
        }
    }

    fn acquire(&self) -> anyhow::Result<Body> {
        let mut ledger = self.ledger.borrow_mut();
        if ledger.out.is_some_and(|(_, end)| Instant::now() < end) {
            return Err(ErrorCode::TemporarilyUnavailable.error("somebody has it").into());
        }
        ledger.leases += 1;
        let lease = ledger.leases;
        ledger.out = Some((lease, Instant::now() + LEASE));
        Ok(Body::AcquireOk { lease, id: ledger.next, run: self.run })
    }

    fn release(&self, lease: u64, id: u64) -> anyhow::Result<Body> {
        let mut ledger = self.ledger.borrow_mut();
        let is_held = ledger.out.is_some_and(|(held, _)| held == lease);
        // The mistake: a lease that is gone needs no release, so this is fine.
        if !is_held && !self.is_wrong {
            return Err(ErrorCode::Abort.error("the lease is over").into());
        }
        if is_held {
            ledger.out = None;
        }
        ledger.next = ledger.next.max(id + 1);
        Ok(Body::ReleaseOk)
    }
}

#[async_trait(?Send)]
impl Handler for Ids {
    type Request = Body;
    type Reply = Body;

    async fn handle(&self, _from: &str, request: Body) -> anyhow::Result<Body> {
        match request {
            Body::Generate => Ok(Body::GenerateOk { id: self.generate().await? }),
            Body::Acquire => self.acquire(),
            Body::Release { lease, id } => self.release(lease, id),
            _ => anyhow::bail!("no request"),
        }
    }
}
