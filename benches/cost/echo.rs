//! The node that is measured: it echoes, and can call another echo node.

use glomers::{Handler, Json, async_trait};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Request {
    Echo { echo: Json },
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Reply {
    EchoOk { echo: Json },
}

pub(crate) struct Echo;

#[async_trait(?Send)]
impl Handler for Echo {
    type Request = Request;
    type Reply = Reply;

    async fn handle(&self, _from: &str, request: Request) -> anyhow::Result<Reply> {
        let Request::Echo { echo } = request;
        Ok(Reply::EchoOk { echo })
    }
}
