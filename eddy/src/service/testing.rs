//! Asking services, for tests.

use serde_json::value::RawValue;

use super::operation::Request;
use super::{Fields, Service};
use crate::random::Random;

/// What is expected of an answer.
pub(super) type Asked<'a> = Option<&'a str>;

pub(super) fn service(name: &str, seed: u64) -> Service {
    Service::named(name, &Random::seeded(seed)).unwrap()
}

pub(super) fn ask(service: &mut Service, client: &str, body: &str) -> Option<String> {
    let body = RawValue::from_string(body.to_owned()).unwrap();
    service.handle(client, &body).map(|reply| reply.get().to_owned())
}

/// Asks in short, as [`body`] has it. The answer is `ok`, a value, or the code of an error.
pub(super) fn short(service: &mut Service, client: &str, request: &str) -> String {
    let reply = ask(service, client, &body(request)).unwrap();
    let reply = reply.strip_suffix(r#","in_reply_to":1}"#).unwrap();
    if let Some((_, value)) = reply.split_once(r#","value":"#) {
        return value.to_owned();
    }
    if let Some((_, ts)) = reply.split_once(r#","ts":"#) {
        return ts.to_owned();
    }
    match reply.split_once(r#""code":"#) {
        Some((_, rest)) => rest.split(',').next().unwrap().to_owned(),
        None => "ok".to_owned(),
    }
}

/// A request to a store in short, as [`body`] has it.
pub(super) fn request(request: &str) -> Request {
    let body = body(request);
    let fields: Fields<'_> = serde_json::from_str(&body).unwrap();
    let kind: String = serde_json::from_str(fields["type"].get()).unwrap();
    Request::read(&kind, &fields).unwrap().unwrap()
}

/// The body of a request in short: `read 1`, `write 1 2`, `cas 1 2 3`, `create 1 2 3`, `ts`, with
/// any JSON that has no spaces for the numbers.
fn body(request: &str) -> String {
    match request.split(' ').collect::<Vec<_>>()[..] {
        [kind] => format!(r#"{{"type":"{kind}","msg_id":1}}"#),
        [kind, key] => format!(r#"{{"type":"{kind}","key":{key},"msg_id":1}}"#),
        [kind, key, value] => {
            format!(r#"{{"type":"{kind}","key":{key},"value":{value},"msg_id":1}}"#)
        }
        ["create", key, from, to] => format!(
            r#"{{"type":"cas","key":{key},"from":{from},"to":{to},"create_if_not_exists":true,"msg_id":1}}"#
        ),
        [kind, key, from, to] => {
            format!(r#"{{"type":"{kind}","key":{key},"from":{from},"to":{to},"msg_id":1}}"#)
        }
        _ => panic!("{request:?} is no request"),
    }
}
