//! Maelstrom's services, used by nodes as processes.

use std::fs;

use crate::common::Place;

/// Node that asks `lin-tso` for ids. It encodes the client in the `msg_id` of its request, which
/// may be any JSON.
const SHELL: &str = r#"exec sed -u -E \
    -e '/"type":"init"/ s/.*"src":"([^"]*)","dest":"([^"]*)".*"msg_id":([0-9]+).*/{"src":"\2","dest":"\1","body":{"type":"init_ok","in_reply_to":\3}}/' \
    -e '/"type":"generate"/ s/.*"src":"([^"]*)","dest":"([^"]*)".*"msg_id":([0-9]+).*/{"src":"\2","dest":"lin-tso","body":{"type":"ts","msg_id":"\1:\3"}}/' \
    -e '/"type":"ts_ok"/ s/.*"dest":"([^"]*)".*"ts":([0-9]+),"in_reply_to":"([^:]*):([0-9]+)".*/{"src":"\1","dest":"\3","body":{"type":"generate_ok","id":\2,"in_reply_to":\4}}/'"#;

#[test]
fn processes_can_use_services() {
    let place = Place::with_node("services", SHELL);
    let options = "--node-count 2 --rate 50 --time-limit 2 --latency 5 --nemesis partition";
    place.eddy(&format!("test -w unique-ids --bin node {options}")).expect(0, "");
    let results = fs::read_to_string(place.0.join("store/latest/results.edn")).unwrap();
    assert!(results.contains(":range [0 "), "{results}");
    assert!(!results.contains(":ok-count 0"), "{results}");
}
