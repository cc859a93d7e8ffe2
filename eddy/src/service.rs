//! Maelstrom's services, with the weaknesses that make them worth testing against.
//!
//! Each service is a state machine without I/O: a request, its client and a random stream go in, a
//! reply comes out. The network carries both like all messages between servers, so an operation
//! takes effect when its request is delivered. The file of each service argues its guarantees. The
//! source is Maelstrom's `service.clj`. Where `doc/services.md` differs from it, the code is right:
//! `lww-kv` has two replicas there, not five.
//!
//! As in Maelstrom, every message with the type of a request is a request. Without a `msg_id` it
//! takes effect as well, and its reply has a null `in_reply_to`. A missing value is null, because
//! some encoders leave nulls out.
//!
//! One difference is deliberate: Maelstrom's services log a request that they cannot handle, and do
//! not reply. Here a request with a `msg_id` gets an error: 10 for an unknown type, 12 for a
//! missing type and for values that nest too deep. A request without a key gets 12 as well;
//! Maelstrom takes the key to be null, which no node means. Replies to a service get no reply.

mod last_write_wins;
mod linearizable;
mod operation;
mod sequential;
#[cfg(test)]
mod testing;
mod timestamps;

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::rc::Rc;

use glomers::{Error, ErrorCode, Json};
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

use self::last_write_wins::LastWriteWinsStore;
use self::linearizable::LinearizableStore;
use self::operation::StoreRequest;
use self::sequential::SequentialStore;
use self::timestamps::TimestampCounter;
use crate::random::Random;

/// True if this is the name of a service, which no node may have.
pub(crate) fn is_service(name: &str) -> bool {
    ["lin-kv", "lin-tso", "lww-kv", "seq-kv"].contains(&name)
}

/// A service with a random stream of its own, so that its draws do not depend on other parts of the
/// test.
#[derive(Debug)]
pub(crate) struct MaelstromService {
    name: &'static str,
    state: ServiceState,
    random: Random,
}

/// The state of a service.
#[derive(Debug)]
enum ServiceState {
    KeyValue(Box<dyn KeyValueStore>),
    Timestamps(TimestampCounter),
}

/// A key-value store.
trait KeyValueStore: Debug {
    /// Executes a request of a client.
    fn handle(&mut self, client: &str, request: &StoreRequest, random: &mut Random)
    -> ServiceReply;
}

/// The reply of a service.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum ServiceReply {
    ReadOk { value: Json },
    WriteOk,
    CasOk,
    TsOk { ts: u64 },
    Error(Error),
}

impl ServiceReply {
    fn key_does_not_exist() -> ServiceReply {
        ServiceReply::Error(ErrorCode::KeyDoesNotExist.error("key does not exist"))
    }
}

/// The fields of a message body. Of duplicate keys, the last counts.
type BodyFields<'a> = BTreeMap<String, &'a RawValue>;

impl MaelstromService {
    /// A new service of this name, if there is such a service.
    pub(crate) fn named(name: &str, random: &Random) -> Option<MaelstromService> {
        let (name, state) = match name {
            "lin-kv" => ("lin-kv", ServiceState::KeyValue(Box::<LinearizableStore>::default())),
            "seq-kv" => ("seq-kv", ServiceState::KeyValue(Box::<SequentialStore>::default())),
            "lww-kv" => ("lww-kv", ServiceState::KeyValue(Box::<LastWriteWinsStore>::default())),
            "lin-tso" => ("lin-tso", ServiceState::Timestamps(TimestampCounter::default())),
            _ => return None,
        };
        Some(MaelstromService { name, state, random: random.fork(name) })
    }

    /// The name on the network.
    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    /// Handles the body of a message, and returns the body of the reply, if there is one.
    pub(crate) fn handle(&mut self, client: &str, body: &RawValue) -> Option<Rc<RawValue>> {
        #[derive(Serialize)]
        struct Body<'a> {
            #[serde(flatten)]
            reply: ServiceReply,
            in_reply_to: Option<&'a RawValue>,
        }
        let fields: BodyFields<'_> = serde_json::from_str(body.get()).ok()?;
        let in_reply_to = fields.get("msg_id").copied();
        let reply = match self.reply(client, &fields) {
            Ok(reply) => reply,
            Err(_) if in_reply_to.is_none() || fields.contains_key("in_reply_to") => return None,
            Err(error) => ServiceReply::Error(error),
        };
        to_raw_value(&Body { reply, in_reply_to }).ok().map(Rc::from)
    }

    /// The reply to a request; an error if the request is invalid.
    fn reply(&mut self, client: &str, fields: &BodyFields<'_>) -> Result<ServiceReply, Error> {
        let kind = fields.get("type").and_then(|kind| serde_json::from_str(kind.get()).ok());
        let kind: String =
            kind.ok_or_else(|| ErrorCode::MalformedRequest.error("a request has a type"))?;
        let unknown = || {
            let text = format!("{} does not know requests of type {kind:?}", self.name);
            ErrorCode::NotSupported.error(text)
        };
        match &mut self.state {
            ServiceState::Timestamps(oracle) if kind == "ts" => Ok(oracle.next()),
            ServiceState::Timestamps(_) => Err(unknown()),
            ServiceState::KeyValue(store) => {
                let request = StoreRequest::parse(&kind, fields)?.ok_or_else(unknown)?;
                Ok(store.handle(client, &request, &mut self.random))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::testing::{ExpectedReply, ask, service};
    use super::*;

    #[test]
    fn there_are_four_services() {
        for name in ["lin-kv", "seq-kv", "lww-kv", "lin-tso"] {
            assert_eq!(service(name, 1).name(), name);
        }
        assert!(MaelstromService::named("n0", &Random::seeded(1)).is_none());
    }

    #[test]
    fn replies_are_maelstroms_and_invalid_requests_get_an_error() {
        #[track_caller]
        fn check(name: &str, body: &str, expected: ExpectedReply) {
            assert_eq!(ask(&mut service(name, 1), "n1", body).as_deref(), expected);
        }
        let write = r#""type":"write","key":1,"value":2"#;
        let written = r#"{"type":"write_ok","in_reply_to":"#;
        for name in ["lin-kv", "seq-kv", "lww-kv"] {
            for (msg_id, in_reply_to) in
                [("7", "7"), ("18446744073709551616", "18446744073709551616"), ("\"a\"", "\"a\"")]
            {
                let expected = format!("{written}{in_reply_to}}}");
                check(name, &format!("{{{write},\"msg_id\":{msg_id}}}"), Some(&expected));
            }
            check(name, &format!("{{{write}}}"), Some(&format!("{written}null}}")));
            check(
                name,
                &format!("{{{write},\"in_reply_to\":3}}"),
                Some(&format!("{written}null}}")),
            );
            let text = format!("{name} does not know requests of type \\\"ts\\\"");
            let refusal =
                format!(r#"{{"type":"error","code":10,"text":"{text}","in_reply_to":1}}"#);
            check(name, r#"{"type":"ts","msg_id":1}"#, Some(&refusal));
            let refusal = r#"{"type":"error","code":12,"text":"read needs a key","in_reply_to":1}"#;
            check(name, r#"{"type":"read","msg_id":1}"#, Some(refusal));
        }
        let refusal = r#"{"type":"error","code":12,"text":"a request has a type","in_reply_to":1}"#;
        check("lin-tso", r#"{"msg_id":1}"#, Some(refusal));
        check("lin-tso", r#"{"type":3,"msg_id":1}"#, Some(refusal));
        check("lin-tso", r#"{"type":"ts"}"#, Some(r#"{"type":"ts_ok","ts":0,"in_reply_to":null}"#));
        check("lin-kv", r#"{"type":"hello"}"#, None);
        check("lin-kv", r#"{"type":"read"}"#, None);
        check("lin-kv", r#"{"type":"read_ok","in_reply_to":1,"msg_id":1}"#, None);
        check("lin-kv", r#"{"type":"error","code":10,"in_reply_to":1}"#, None);
    }
}
