//! Replies to requests.

use super::{check, check_bodies};

#[test]
fn values_are_returned_unchanged() {
    #[track_caller]
    fn check(value: &str) {
        check_bodies(
            &[&format!(r#"{{"type":"echo","msg_id":1,"echo":{value}}}"#)],
            &[&format!(r#"{{"type":"echo_ok","echo":{value},"in_reply_to":1}}"#)],
        );
    }
    check("18446744073709551615");
    check("-9223372036854775808");
    check("123456789012345678901234567890");
    check("1e300");
    check("1E400");
    check("1");
    check("1.0");
    check("-0.0");
    check("0.1000000000000000055511151231257827");
    check("null");
    check(r#""\u00e9\ud83d\ude00 é 😀 \" \\""#);
    check(r#"{"z":1,"a":{"y":[{},[],[[1.50]]],"b":null},"z":2}"#);
    check("[1, 2,  3]");
    check(&("[".repeat(10_000) + &"]".repeat(10_000)));
}

#[test]
fn a_request_of_unknown_type_is_not_supported() {
    check_bodies(
        &[r#"{"type":"nonsense","msg_id":1}"#],
        &[r#"{"type":"error","code":10,"text":"unknown type \"nonsense\"…","in_reply_to":1}"#],
    );
}

#[test]
fn fields_that_do_not_fit_are_malformed() {
    #[track_caller]
    fn check(body: &str) {
        check_bodies(&[body], &[r#"{"type":"error","code":12,"text":"…","in_reply_to":1}"#]);
    }
    check(r#"{"type":"echo","msg_id":1}"#);
    check(r#"{"type":"add","msg_id":1,"delta":-1}"#);
    check(r#"{"type":"add","msg_id":1,"delta":"1"}"#);
    check(r#"{"type":"add","msg_id":1,"delta":1,"delta":1}"#);
    check(r#"{"type":"echo","msg_id":1,"echo":1,"type":"echo"}"#);
}

#[test]
fn unknown_keys_are_ignored() {
    check(
        &[
            r#"{"id":9,"src":"c1","x":[{}],"dest":"n1","body":{"type":"echo","y":{"z":1},"echo":1,"msg_id":1}}"#,
        ],
        &[r#"{"src":"n1","dest":"c1","body":{"type":"echo_ok","echo":1,"in_reply_to":1}}"#],
    );
    check_bodies(
        &[r#"{"msg_id":1,"anything":true,"type":"refuse"}"#],
        &[r#"{"type":"error","code":30,"text":"on purpose","in_reply_to":1}"#],
    );
}

#[test]
fn a_one_way_message_is_handled_and_never_answered() {
    check_bodies(
        &[
            r#"{"type":"add","delta":5}"#,
            r#"{"type":"add"}"#,
            r#"{"type":"nonsense"}"#,
            r#"{"type":"refuse"}"#,
            r#"{"type":"add","delta":6,"msg_id":null,"in_reply_to":null}"#,
            r#"{"type":"arrived","msg_id":1}"#,
        ],
        &[r#"{"type":"arrived_ok","arrived":[5,6],"in_reply_to":1}"#],
    );
}

#[test]
fn errors_and_unexpected_replies_are_never_answered() {
    check_bodies(
        &[
            r#"{"type":"error","code":13,"text":"to nobody"}"#,
            r#"{"type":"error","code":13,"text":"with a number","msg_id":1}"#,
            r#"{"type":"echo_ok","in_reply_to":77}"#,
            r#"{"type":"echo","echo":1,"msg_id":2,"in_reply_to":77}"#,
            r#"{"type":"nonsense","msg_id":3,"in_reply_to":0}"#,
            r#"{"msg_id":4,"in_reply_to":"text"}"#,
        ],
        &[],
    );
}

#[test]
fn an_error_returned_on_purpose_is_sent_and_any_other_is_a_crash() {
    check_bodies(
        &[r#"{"type":"refuse","msg_id":1}"#, r#"{"type":"stumble","msg_id":2}"#],
        &[
            r#"{"type":"error","code":30,"text":"on purpose","in_reply_to":1}"#,
            r#"{"type":"error","code":13,"text":"…from a store","in_reply_to":2}"#,
        ],
    );
}

#[test]
fn requests_start_in_the_order_of_arrival_and_one_that_waits_blocks_no_other() {
    check_bodies(
        &[
            r#"{"type":"wait","msg_id":1,"millis":30}"#,
            r#"{"type":"wait","msg_id":2,"millis":10}"#,
            r#"{"type":"wait","msg_id":3,"millis":20}"#,
            r#"{"type":"arrived","msg_id":4}"#,
        ],
        &[
            r#"{"type":"arrived_ok","arrived":[30,10,20],"in_reply_to":4}"#,
            r#"{"type":"wait_ok","millis":10,"in_reply_to":2}"#,
            r#"{"type":"wait_ok","millis":20,"in_reply_to":3}"#,
            r#"{"type":"wait_ok","millis":30,"in_reply_to":1}"#,
        ],
    );
}

#[test]
fn a_spawned_task_runs_after_the_reply() {
    let work = r#"{"src":"c1","dest":"n1","body":{"type":"work","msg_id":1}}"#;
    check(
        &[work],
        &[
            r#"{"src":"n1","dest":"c1","body":{"type":"work_ok","in_reply_to":1}}"#,
            r#"{"src":"n1","dest":"n2","body":{"type":"working"}}"#,
        ],
    );
}
