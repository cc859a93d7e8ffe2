//! Maelstrom's services, with the weaknesses that make them worth testing against.
//!
//! Each is a state machine: it is told what is asked and by whom, draws what is left to chance, and
//! says what it answers. The network carries both like all messages between servers, so an
//! operation takes effect when its request is delivered. What each service guarantees is argued in
//! its own file. The source is Maelstrom's `service.clj`, which is right where `doc/services.md`
//! says something else: `lww-kv` has two replicas there, not five.
//!
//! As in Maelstrom, whatever has the type of a request is one: it takes effect without a `msg_id`
//! as well, and its reply is then `in_reply_to` null. A value that is missing is null, because
//! there are encoders that leave it out.
//!
//! Deliberately different: what Maelstrom's services cannot handle, they log and leave unanswered.
//! Here whoever waits for an answer gets an error, 10 for a type that the service does not know
//! and 12 for no type, or for values that nest too deep. A request without a key gets 12 as well;
//! Maelstrom takes it for the key null, and nobody means that. Answers are not answered.

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

use self::last_write_wins::LastWriteWins;
use self::linearizable::Linearizable;
use self::operation::Request;
use self::sequential::Sequential;
use self::timestamps::Timestamps;
use crate::random::Random;

/// Whether this is what a service is called, so that no node may be.
pub(crate) fn is_service(name: &str) -> bool {
    ["lin-kv", "lin-tso", "lww-kv", "seq-kv"].contains(&name)
}

/// A service and its source of chance, which is its own: what it draws depends on nobody else.
#[derive(Debug)]
pub(crate) struct Service {
    name: &'static str,
    state: State,
    random: Random,
}

#[derive(Debug)]
enum State {
    Keys(Box<dyn Store>),
    Timestamps(Timestamps),
}

/// A key-value store.
trait Store: Debug {
    /// Does what a client asks.
    fn handle(&mut self, client: &str, request: &Request, random: &mut Random) -> Reply;
}

/// What a service answers.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Reply {
    ReadOk { value: Json },
    WriteOk,
    CasOk,
    TsOk { ts: u64 },
    Error(Error),
}

impl Reply {
    fn absent() -> Reply {
        Reply::Error(ErrorCode::KeyDoesNotExist.error("key does not exist"))
    }
}

/// The body of a message, by its keys. Of a key that is there twice, the last counts.
type Fields<'a> = BTreeMap<String, &'a RawValue>;

impl Service {
    /// The service of this name, if there is one, in its first state.
    pub(crate) fn named(name: &str, random: &Random) -> Option<Service> {
        let (name, state) = match name {
            "lin-kv" => ("lin-kv", State::Keys(Box::<Linearizable>::default())),
            "seq-kv" => ("seq-kv", State::Keys(Box::<Sequential>::default())),
            "lww-kv" => ("lww-kv", State::Keys(Box::<LastWriteWins>::default())),
            "lin-tso" => ("lin-tso", State::Timestamps(Timestamps::default())),
            _ => return None,
        };
        Some(Service { name, state, random: random.fork(name) })
    }

    /// What it is called on the network.
    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    /// Takes the body of a message, and gives that of the reply, if there is one.
    pub(crate) fn handle(&mut self, client: &str, body: &RawValue) -> Option<Rc<RawValue>> {
        #[derive(Serialize)]
        struct Body<'a> {
            #[serde(flatten)]
            reply: Reply,
            in_reply_to: Option<&'a RawValue>,
        }
        let fields: Fields<'_> = serde_json::from_str(body.get()).ok()?;
        let in_reply_to = fields.get("msg_id").copied();
        let reply = match self.reply(client, &fields) {
            Ok(reply) => reply,
            Err(_) if in_reply_to.is_none() || fields.contains_key("in_reply_to") => return None,
            Err(refusal) => Reply::Error(refusal),
        };
        to_raw_value(&Body { reply, in_reply_to }).ok().map(Rc::from)
    }

    /// What it answers to a request; an error if there is no such request.
    fn reply(&mut self, client: &str, fields: &Fields<'_>) -> Result<Reply, Error> {
        let kind = fields.get("type").and_then(|kind| serde_json::from_str(kind.get()).ok());
        let kind: String =
            kind.ok_or_else(|| ErrorCode::MalformedRequest.error("a request has a type"))?;
        let unknown = || {
            let text = format!("{} does not know requests of type {kind:?}", self.name);
            ErrorCode::NotSupported.error(text)
        };
        match &mut self.state {
            State::Timestamps(oracle) if kind == "ts" => Ok(oracle.next()),
            State::Timestamps(_) => Err(unknown()),
            State::Keys(store) => {
                let request = Request::read(&kind, fields)?.ok_or_else(unknown)?;
                Ok(store.handle(client, &request, &mut self.random))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::testing::{Asked, ask, service};
    use super::*;

    #[test]
    fn there_are_four_services() {
        for name in ["lin-kv", "seq-kv", "lww-kv", "lin-tso"] {
            assert_eq!(service(name, 1).name(), name);
        }
        assert!(Service::named("n0", &Random::seeded(1)).is_none());
    }

    #[test]
    fn a_message_is_answered_as_maelstrom_does_and_what_it_cannot_handle_with_an_error() {
        #[track_caller]
        fn check(name: &str, body: &str, expected: Asked) {
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
