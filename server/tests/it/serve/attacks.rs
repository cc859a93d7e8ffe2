//! Attacks: reading files outside the store, blocking forever, changing anything, or passing for
//! our host.

use std::os::unix::fs::symlink;

use rustix::fs::{FileType, Mode};

use crate::place::Place;
use crate::serve::client::ServeProcess;

const SECRET: &str = "not for you";

/// Store with malicious files of a node, beside a secret file.
fn store(name: &str) -> Place {
    let place = Place::new(name);
    place.file("secret.txt", SECRET, 0o644);
    place.file("store/echo/t/results.edn", "{:valid? true}", 0o644);
    place.file("store/echo/t/storage/n0/wal", "a record", 0o644);
    place.file("store/evil/results.edn", SECRET, 0o644);
    let storage = place.0.join("store/echo/t/storage/n0");
    for (target, name) in [
        (place.0.join("secret.txt"), "absolute"),
        ("../../../../../secret.txt".into(), "relative"),
        ("../../../../..".into(), "above"),
        ("/".into(), "root"),
        ("/proc/self/environ".into(), "environ"),
        ("around".into(), "around"),
        ("/dev/zero".into(), "zero"),
        ("pipe".into(), "to-pipe"),
    ] {
        symlink(target, storage.join(name)).unwrap();
    }
    symlink("../..", place.0.join("store/outside")).unwrap();
    for (name, kind) in [("pipe", FileType::Fifo), ("socket", FileType::Socket)] {
        let mode = Mode::RUSR | Mode::WUSR;
        rustix::fs::mknodat(rustix::fs::CWD, storage.join(name), kind, mode, 0).unwrap();
    }
    place
}

#[test]
fn no_path_leads_out_of_the_store_or_to_a_special_file() {
    let place = store("serve_attacks");
    let server = ServeProcess::start(&place);
    let secret = place.0.join("secret.txt");
    let absolute = secret.display();
    let encoded = absolute.to_string().replace('/', "%2F");
    let paths = [
        "/../secret.txt",
        "/../../../../../../etc/passwd",
        "//etc/passwd",
        "/run/../../secret.txt",
        "/run/../../secret.txt/",
        "/run/echo/t/../../../secret.txt",
        "/run/echo/t/storage/../results.edn",
        "/run/echo/t/./results.edn",
        "/run/echo/t//results.edn",
        "/run/echo/t/results.edn/",
        "/run/echo/t/%2e%2e/%2e%2e/%2e%2e/secret.txt",
        "/run/echo/t/..%2f..%2f..%2fsecret.txt",
        "/run/echo/t/%2E%2E%2F%2E%2E%2F%2E%2E%2Fsecret.txt",
        "/run/echo/t/%252e%252e%252fsecret.txt",
        "/run/echo/t/..%5c..%5c..%5csecret.txt",
        "/run/echo/t/..\\..\\..\\secret.txt",
        "/run/echo/t/%c0%ae%c0%ae/secret.txt",
        "/run/echo/t/%ff",
        "/run/echo/t/results.edn%00.svg",
        "/run/echo/t/%00",
        "/run/%00/t/results.edn",
        "/run/echo/t/results.edn;/../x",
        "/run/%2e%2e/%2e%2e/secret.txt",
        "/run/../echo/",
        "/run/..%2f../x/secret.txt",
        "/run/echo/../",
        "/run/echo/%2e%2e/",
        "/run/echo/%2e%2e%2f%2e%2e/secret.txt",
        "/run/./evil/results.edn",
        "/run/echo/./t/results.edn",
        "/run/outside/store/secret.txt",
        "/run/outside/serve_attacks/secret.txt",
        "/run/echo/t/storage/n0/absolute",
        "/run/echo/t/storage/n0/relative",
        "/run/echo/t/storage/n0/above/secret.txt",
        "/run/echo/t/storage/n0/root/etc/passwd",
        "/run/echo/t/storage/n0/environ",
        "/run/echo/t/storage/n0/around",
        "/run/echo/t/storage/n0/zero",
        "/run/echo/t/storage/n0/pipe",
        "/run/echo/t/storage/n0/to-pipe",
        "/run/echo/t/storage/n0/socket",
        "/run/echo/t/storage/n0",
        "/run/echo/t/storage",
        "/compare?a=../..&b=echo/t",
        "/compare?a=outside/serve_attacks&b=echo/t",
        "/compare?a=echo/t&b=echo/t%00",
        "/style.css/../../secret.txt",
        &format!("/run/echo/t/{absolute}"),
        &format!("/run/echo/t/{encoded}"),
        &format!("/run/echo/{encoded}/"),
        &format!("/run/{encoded}/t/"),
        &"/run/echo/t/".repeat(2000),
        &format!("/run/echo/t/{}", "x".repeat(5000)),
    ]
    .map(str::to_owned);
    for path in &paths {
        let answer = server.get(path);
        assert!([400, 404].contains(&answer.status), "{path}: {}", answer.status);
        let text = String::from_utf8_lossy(&answer.body);
        assert!(!text.contains(SECRET) && !text.contains("root:"), "{path}: {text}");
    }
    // The server still answers other requests.
    server.get("/run/echo/t/storage/n0/wal").expect(200, "text/plain").contains("a record");
    let page = server.get("/run/echo/t/").expect(200, "text/html");
    page.contains("<td>storage/<wbr>n0/<wbr>pipe</td><td class=\"number\">not a file</td>");
    page.contains("<td>storage/<wbr>n0/<wbr>root</td>");
    assert!(!server.get("/").text().contains("outside"), "a link is no test");
}

#[test]
fn requests_that_browsers_never_send_are_refused() {
    let place = store("serve_requests");
    let server = ServeProcess::start(&place);
    let ours = "Host: 127.0.0.1\r\n";
    for (head, status) in [
        ("GET / HTTP/1.1\r\nHost: 127.0.0.1:1\r\n".to_owned(), 200),
        ("GET / HTTP/1.1\r\nHost: localhost\r\n".to_owned(), 200),
        ("GET / HTTP/1.1\r\nHost: [::1]:8080\r\n".to_owned(), 200),
        ("GET / HTTP/1.1\r\nHost: evil.example\r\n".to_owned(), 421),
        ("GET /events HTTP/1.1\r\nHost: evil.example:8080\r\n".to_owned(), 421),
        (
            "GET /run/echo/t/results.edn HTTP/1.1\r\nHost: localhost.evil.example\r\n".to_owned(),
            421,
        ),
        ("GET /nothing HTTP/1.1\r\nHost: evil.example\r\n".to_owned(), 421),
        ("GET http://evil.example/ HTTP/1.1\r\nHost: 127.0.0.1\r\n".to_owned(), 421),
        ("GET / HTTP/1.1\r\nHost: \u{e9}vil\r\n".to_owned(), 421),
        ("GET / HTTP/1.1\r\n".to_owned(), 400),
        ("GET / HTTP/1.0\r\n".to_owned(), 400),
        (format!("POST / HTTP/1.1\r\n{ours}"), 405),
        (format!("PUT /run/echo/t/results.edn HTTP/1.1\r\n{ours}"), 405),
        (format!("DELETE /run/echo/t/results.edn HTTP/1.1\r\n{ours}"), 405),
        (format!("OPTIONS /events HTTP/1.1\r\n{ours}"), 405),
        (format!("POST /style.css HTTP/1.1\r\n{ours}"), 405),
        (format!("GET run/echo/t/results.edn HTTP/1.1\r\n{ours}"), 400),
        (format!("GET /run/echo/t/ results.edn HTTP/1.1\r\n{ours}"), 400),
        (format!("GET /run/echo/t/\u{0} HTTP/1.1\r\n{ours}"), 400),
        ("nonsense\r\n".to_owned(), 400),
    ] {
        let answer = server.send_request(&head);
        assert_eq!(answer.status, status, "{head:?}");
        assert!(status == 200 || !answer.body.starts_with(b"{:valid?"), "{head:?}");
    }
}
