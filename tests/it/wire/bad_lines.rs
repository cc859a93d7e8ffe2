//! Bad lines, which affect nothing but themselves.

use super::{Example, INIT, INIT_OK, check, check_bodies, expect_lines, message, run};

const ECHO: &str = r#"{"src":"c1","dest":"n1","body":{"type":"echo","echo":7,"msg_id":1}}"#;
const ECHO_OK: &str =
    r#"{"src":"n1","dest":"c1","body":{"type":"echo_ok","echo":7,"in_reply_to":1}}"#;

/// Compares the whole output for input that need not be UTF-8.
#[track_caller]
fn check_bytes(input: &[u8], expected: &[&str]) {
    let (output, end) = run(input, Example::new);
    end.unwrap();
    expect_lines(&output, expected);
}

#[test]
fn a_line_that_is_no_message_is_skipped() {
    check(
        &[
            "rubbish",
            "{",
            "7",
            "null",
            r#"["c1","n1",{"type":"echo","echo":7,"msg_id":1}]"#,
            r#"{"src":"c1","dest":"n1","body":["echo",1,null]}"#,
            r#"{"src":7,"dest":"n1","body":{"type":"echo","echo":7,"msg_id":1}}"#,
            r#"{"src":"c1","dest":"n1","body":{"type":"echo","echo":7,"msg_id":-1}}"#,
            r#"{"src":"c1","dest":"n1"}"#,
            ECHO,
        ],
        &[ECHO_OK],
    );
}

#[test]
fn blank_lines_and_carriage_returns_are_ignored() {
    check(&["", "  ", "\r", &format!("{ECHO}\r"), ""], &[ECHO_OK]);
}

#[test]
fn a_bad_line_whose_sender_can_be_identified_is_malformed() {
    #[track_caller]
    fn check_line(line: &str) {
        let body = r#"{"type":"error","code":12,"text":"…","in_reply_to":1}"#;
        check(&[line, ECHO], &[&message("n1", "c1", body), ECHO_OK]);
    }
    check_line(r#"{"src":"c1","dest":"n1","body":{"msg_id":1}}"#);
    check_line(r#"{"src":"c1","dest":"n1","body":{"type":7,"msg_id":1}}"#);
    check_line(r#"{"src":"c1","body":{"type":"echo","echo":7,"msg_id":1}}"#);
    check_line(r#"{"src":"c2","src":"c1","dest":"n1","body":{"type":"echo","msg_id":1}}"#);
    let deep = "[".repeat(1000) + &"]".repeat(1000);
    check_line(&format!(r#"{{"src":"c1","dest":"n1","body":{{"x":{deep},"msg_id":1}}}}"#));
}

#[test]
fn a_line_that_is_not_utf_8_is_skipped() {
    let mut input = format!("{INIT}\n").into_bytes();
    input.extend_from_slice(b"\xff\xfe\n");
    let echo = b"{\"src\":\"c1\",\"dest\":\"n1\",\"body\":{\"type\":\"echo\",\"echo\":\"\xff\",\"msg_id\":2}}\n";
    input.extend_from_slice(echo);
    input.extend_from_slice(ECHO.as_bytes());
    let malformed = message("n1", "c1", r#"{"type":"error","code":12,"text":"…","in_reply_to":2}"#);
    check_bytes(&input, &[INIT_OK, &malformed, ECHO_OK]);
}

#[test]
fn a_line_that_is_not_utf_8_in_an_unread_field_is_malformed_too() {
    let mut input = format!("{INIT}\n").into_bytes();
    let line = b"{\"id\":\"\xff\",\"src\":\"c1\",\"dest\":\"n1\",\"body\":{\"type\":\"echo\",\"echo\":7,\"msg_id\":1}}";
    input.extend_from_slice(line);
    let malformed = message("n1", "c1", r#"{"type":"error","code":12,"text":"…","in_reply_to":1}"#);
    check_bytes(&input, &[INIT_OK, &malformed]);
}

#[test]
fn a_request_before_init_is_unavailable() {
    let unavailable =
        message("n1", "c1", r#"{"type":"error","code":11,"text":"…","in_reply_to":1}"#);
    check_bytes(
        format!("{ECHO}\nrubbish\n{INIT}\n{ECHO}").as_bytes(),
        &[&unavailable, INIT_OK, ECHO_OK],
    );
    check_bytes(b"", &[]);
}

#[test]
fn an_init_without_node_id_can_be_repeated() {
    let init = r#"{"src":"c0","dest":"n1","body":{"type":"init","msg_id":1,"node_ids":["n1"]}}"#;
    let malformed = message(
        "n1",
        "c0",
        r#"{"type":"error","code":12,"text":"missing field `node_id`…","in_reply_to":1}"#,
    );
    check_bytes(format!("{init}\n{INIT}").as_bytes(), &[&malformed, INIT_OK]);
}

#[test]
fn a_second_init_is_refused() {
    check_bodies(
        &[r#"{"type":"init","msg_id":1,"node_id":"n2","node_ids":["n2"]}"#],
        &[r#"{"type":"error","code":22,"text":"…","in_reply_to":1}"#],
    );
}

#[test]
fn a_long_line_is_read_and_one_over_the_limit_is_skipped() {
    let text = "x".repeat(10 << 20);
    check_bodies(
        &[&format!(r#"{{"type":"echo","echo":"{text}","msg_id":1}}"#)],
        &[&format!(r#"{{"type":"echo_ok","echo":"{text}","in_reply_to":1}}"#)],
    );
    check(&[&"x".repeat((64 << 20) + 1), ECHO], &[ECHO_OK]);
}
