//! Challenge 1: every request is answered with its own value.
//!
//! The value is never parsed: [`Json`] keeps the received text, so even numbers that no machine
//! type holds come back unchanged.

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
    use eddy::{Test, Validity, workload};
    use serde_json::Value;

    use super::*;

    #[test]
    fn every_echo_comes_back() {
        let test = Test { workload: &workload::Echo, rate: 100.0, ..Test::default() };
        test.run(|_node| Echo).assert_valid();
    }

    /// Mutant that adds one to the number in each echo.
    struct OffByOne;

    #[async_trait(?Send)]
    impl Handler for OffByOne {
        type Request = Request;
        type Reply = Reply;

        async fn handle(&self, _from: &str, request: Request) -> anyhow::Result<Reply> {
            let Request::Echo { echo } = request;
            let (words, number) = echo.get().trim_matches('"').rsplit_once(' ').unwrap_or_default();
            let echo = format!("\"{words} {}\"", number.parse::<u64>()? + 1);
            Ok(Reply::EchoOk { echo: serde_json::from_str(&echo)? })
        }
    }

    #[test]
    fn an_echo_that_changes_a_number_is_caught() {
        let report = Test { workload: &workload::Echo, ..Test::default() }.run(|_node| OffByOne);
        assert_eq!(report.valid, Validity::Invalid, "{report}");
    }

    /// Node that parses the value and serializes it again.
    struct Reserializing;

    #[derive(Deserialize, Serialize)]
    #[serde(rename_all = "snake_case")]
    enum Parsed {
        Echo { echo: Value },
        EchoOk { echo: Value },
    }

    #[async_trait(?Send)]
    impl Handler for Reserializing {
        type Request = Parsed;
        type Reply = Parsed;

        async fn handle(&self, _from: &str, request: Parsed) -> anyhow::Result<Parsed> {
            let (Parsed::Echo { echo } | Parsed::EchoOk { echo }) = request;
            Ok(Parsed::EchoOk { echo })
        }
    }

    /// Answer to an echo of this payload, as text.
    async fn echoed<H: Handler>(handler: H, payload: &str) -> String {
        let input = format!(
            r#"{{"src":"c1","dest":"n1","body":{{"type":"init","msg_id":1,"node_id":"n1","node_ids":["n1"]}}}}
            {{"src":"c1","dest":"n1","body":{{"type":"echo","msg_id":2,"echo":{payload}}}}}"#
        );
        let mut output = Vec::new();
        glomers::serve_on(input.as_bytes(), &mut output, |_node| handler).await.unwrap();
        let output = String::from_utf8(output).unwrap();
        let (_, rest) = output.split_once(r#""echo":"#).unwrap();
        rest.trim_end().strip_suffix(r#","in_reply_to":2}}"#).unwrap().to_owned()
    }

    #[tokio::test]
    async fn numbers_come_back_digit_for_digit() {
        let integers =
            "[18446744073709551615,-9223372036854775808,-0,123456789012345678901234567890]";
        for payload in [integers, "[1e300,1E2,1.0,0.1,1e-320]", r#"{"b":{"a":[1.50]},"a":null}"#] {
            assert_eq!(echoed(Echo, payload).await, payload);
        }
        // A node that parses numbers does not pass.
        assert_ne!(echoed(Reserializing, integers).await, integers);
    }
}
