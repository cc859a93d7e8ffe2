//! Challenge 1: whatever comes is sent back.
//!
//! The value is never taken apart: [`Json`] keeps the text in which it came, so even numbers that no
//! machine type holds come back as they were.

use glomers::{Handler, Json, async_trait};
use serde::{Deserialize, Serialize};

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Request {
    Echo { echo: Json },
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Reply {
    EchoOk { echo: Json },
}

struct Echo;

#[async_trait(?Send)]
impl Handler for Echo {
    type Request = Request;
    type Reply = Reply;

    async fn handle(&self, _from: &str, request: Request) -> anyhow::Result<Reply> {
        let Request::Echo { echo } = request;
        Ok(Reply::EchoOk { echo })
    }
}

fn main() -> anyhow::Result<()> {
    glomers::serve(|_node| Echo)
}

#[cfg(test)]
mod tests {
    use eddy::{Test, Workload};

    use super::*;

    #[test]
    fn every_echo_comes_back() {
        let test = Test { workload: Workload::Echo, rate: 100.0, ..Test::default() };
        test.run(|_node| Echo).assert_valid();
    }
}
