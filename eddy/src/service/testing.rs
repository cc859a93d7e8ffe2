//! Helpers of tests that send requests to services.

use serde_json::value::RawValue;

use super::operation::StoreRequest;
use super::{BodyFields, MaelstromService};
use crate::random::Random;

/// The expected body of a reply; `None` if no reply is expected.
pub(super) type ExpectedReply<'a> = Option<&'a str>;

pub(super) fn service(name: &str, seed: u64) -> MaelstromService {
    MaelstromService::named(name, &Random::seeded(seed)).unwrap()
}

pub(super) fn ask(service: &mut MaelstromService, client: &str, body: &str) -> Option<String> {
    let body = RawValue::from_string(body.to_owned()).unwrap();
    service.handle(client, &body).map(|reply| reply.get().to_owned())
}

/// Sends a request in the notation of [`body`]. The result is `ok`, a value, or an error code.
pub(super) fn ask_short(service: &mut MaelstromService, client: &str, request: &str) -> String {
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

/// A request to a store, from the notation of [`body`].
pub(super) fn request(request: &str) -> StoreRequest {
    let body = body(request);
    let fields: BodyFields<'_> = serde_json::from_str(&body).unwrap();
    let kind: String = serde_json::from_str(fields["type"].get()).unwrap();
    StoreRequest::parse(&kind, &fields).unwrap().unwrap()
}

/// The body of a request from its short notation: `read 1`, `write 1 2`, `cas 1 2 3`,
/// `create 1 2 3`, `ts`, with any JSON without spaces in place of the numbers.
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
