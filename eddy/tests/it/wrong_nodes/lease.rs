//! Ids under a lease, which the first node grants: its holder uses the next id, and no other node
//! gets the lease until it is released or a second has passed.

use std::cell::RefCell;
use std::time::Duration;

use glomers::{ErrorCode, Handler, Node, async_trait};
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep};

const LEASE: Duration = Duration::from_secs(1);

/// The time that a holder works before it releases the lease: far less than the lease lasts.
const WORK: Duration = Duration::from_millis(20);

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum LeaseMessage {
    Generate,
    GenerateOk { id: String },
    Acquire,
    AcquireOk { lease: u64, id: u64, run: u64 },
    Release { lease: u64, id: u64 },
    ReleaseOk,
}

pub(crate) struct LeasedIds {
    node: Node,
    is_wrong: bool,
    incarnation: u64,
    leases: RefCell<LeaseTable>,
}

/// State of the first node.
#[derive(Default)]
struct LeaseTable {
    next: u64,
    leases: u64,
    /// The lease that is held, and its end.
    held: Option<(u64, Instant)>,
}

impl LeasedIds {
    pub(crate) fn new(node: Node, is_wrong: bool) -> LeasedIds {
        LeasedIds { incarnation: node.random(), node, is_wrong, leases: RefCell::default() }
    }

    async fn generate(&self) -> anyhow::Result<String> {
        let first = &self.node.node_ids()[0];
        let within = Duration::from_millis(300);
        let (lease, id, run) = loop {
            match self.node.rpc_with_timeout(within, first, &LeaseMessage::Acquire).await {
                Ok(LeaseMessage::AcquireOk { lease, id, run }) => break (lease, id, run),
                Ok(_) => anyhow::bail!("no lease"),
                Err(_) => sleep(WORK).await,
            }
        };
        sleep(WORK).await;
        match self
            .node
            .rpc_with_timeout(within, first, &LeaseMessage::Release { lease, id })
            .await?
        {
            LeaseMessage::ReleaseOk => Ok(format!("{run}-{id}")),
            _ => anyhow::bail!("no release"),
        }
    }

    fn acquire(&self) -> anyhow::Result<LeaseMessage> {
        let mut ledger = self.leases.borrow_mut();
        if ledger.held.is_some_and(|(_, end)| Instant::now() < end) {
            return Err(ErrorCode::TemporarilyUnavailable.error("somebody has it").into());
        }
        ledger.leases += 1;
        let lease = ledger.leases;
        ledger.held = Some((lease, Instant::now() + LEASE));
        Ok(LeaseMessage::AcquireOk { lease, id: ledger.next, run: self.incarnation })
    }

    fn release(&self, lease: u64, id: u64) -> anyhow::Result<LeaseMessage> {
        let mut ledger = self.leases.borrow_mut();
        let is_held = ledger.held.is_some_and(|(held, _)| held == lease);
        // The mistake: to accept the release of a lease that has expired.
        if !is_held && !self.is_wrong {
            return Err(ErrorCode::Abort.error("the lease is over").into());
        }
        if is_held {
            ledger.held = None;
        }
        ledger.next = ledger.next.max(id + 1);
        Ok(LeaseMessage::ReleaseOk)
    }
}

#[async_trait(?Send)]
impl Handler for LeasedIds {
    type Request = LeaseMessage;
    type Reply = LeaseMessage;

    async fn handle(&self, _from: &str, request: LeaseMessage) -> anyhow::Result<LeaseMessage> {
        match request {
            LeaseMessage::Generate => Ok(LeaseMessage::GenerateOk { id: self.generate().await? }),
            LeaseMessage::Acquire => self.acquire(),
            LeaseMessage::Release { lease, id } => self.release(lease, id),
            _ => anyhow::bail!("no request"),
        }
    }
}
