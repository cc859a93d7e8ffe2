//! Tests of which messages arrive, and when.

use super::*;

const MS: Duration = Duration::from_millis(1);

fn network(delivery: Delivery) -> Network {
    let latency = Latency { mean: 100 * MS, ..Latency::default() };
    let mut network = Network::new(latency, delivery, Random::seeded(1), false);
    for name in ["n0", "n1", "n2", "c0", "lin-kv"] {
        network.join(name);
    }
    network
}

fn send(network: &mut Network, now: u32, src: &str, dest: &str) {
    let body: Box<RawValue> = serde_json::from_str("{}").unwrap();
    network.send(now * MS, src, dest, body.into()).unwrap();
}

/// Runs the network to its end and returns the arrivals, as `id@milliseconds`.
fn arrivals(network: &mut Network) -> String {
    let mut arrived = Vec::new();
    while let Some(now) = network.next_arrival() {
        if let Some(message) = network.receive(now) {
            arrived.push(format!("{}@{}", message.id, now.as_millis()));
        }
    }
    arrived.join(" ")
}

fn strike(network: &mut Network, effect: &StrikeEffect) {
    network.strike(0, effect, &["n0", "n1", "n2"].map(String::from));
}

fn cut(network: &mut Network, receiver: &str, sender: &str) {
    let effect = StrikeEffect::Cut([(receiver.to_owned(), [sender.to_owned()].into())].into());
    strike(network, &effect);
}

#[test]
fn latency_is_for_messages_between_servers_and_services() {
    #[track_caller]
    fn check(src: &str, dest: &str, expected: &str) {
        for delivery in [Delivery::Maelstrom, Delivery::Plain] {
            let mut network = network(delivery);
            send(&mut network, 5, src, dest);
            assert_eq!(arrivals(&mut network), expected);
        }
    }
    check("n0", "n1", "0@105");
    check("n0", "lin-kv", "0@105");
    check("lin-kv", "n0", "0@105");
    check("c0", "n0", "0@5");
    check("n0", "c0", "0@5");
}

#[test]
fn a_request_waits_behind_a_message_in_transit() {
    #[track_caller]
    fn check(delivery: Delivery, expected: &str) {
        let mut network = network(delivery);
        send(&mut network, 0, "n0", "n1");
        send(&mut network, 10, "n2", "n1");
        send(&mut network, 20, "c0", "n1");
        assert_eq!(arrivals(&mut network), expected);
    }
    check(Delivery::Maelstrom, "0@100 2@100 1@110");
    check(Delivery::Plain, "2@20 0@100 1@110");
}

#[test]
fn a_cut_is_checked_when_the_message_is_taken_or_when_it_arrives() {
    #[track_caller]
    fn check(delivery: Delivery, expected: &str, dropped: u64) {
        let mut network = network(delivery);
        send(&mut network, 0, "n0", "n1");
        send(&mut network, 0, "n0", "n2");
        cut(&mut network, "n1", "n0");
        send(&mut network, 10, "n0", "n1");
        send(&mut network, 10, "n1", "n0");
        assert_eq!(arrivals(&mut network), expected);
        assert_eq!(network.traffic_counter().dropped(), dropped);
        network.end_strike(0);
        send(&mut network, 200, "n0", "n1");
        assert_eq!(arrivals(&mut network), "4@300");
    }
    check(Delivery::Maelstrom, "0@100 1@100 3@110", 1);
    check(Delivery::Plain, "1@100 3@110", 2);
}

#[test]
fn a_message_to_a_client_that_has_left_is_dropped_and_not_counted() {
    let mut network = network(Delivery::Maelstrom);
    send(&mut network, 0, "n0", "c0");
    network.leave("c0");
    send(&mut network, 0, "n0", "c0");
    assert_eq!(arrivals(&mut network), "");
    assert_eq!(network.traffic_counter().traffic(1).all.sent, 1);
}

#[test]
fn a_message_to_an_unknown_name_is_an_error() {
    let mut network = network(Delivery::Maelstrom);
    let body: Box<RawValue> = serde_json::from_str("{}").unwrap();
    assert_eq!(network.send(MS, "n0", "n9", body.into()), Err(UnknownParticipant));
}

#[test]
fn a_line_is_json_even_with_odd_names() {
    let mut network = network(Delivery::Plain);
    network.join("n\"1");
    send(&mut network, 0, "c0", "n\"1");
    let line = network.receive(MS).unwrap().to_line();
    assert_eq!(line, "{\"id\":0,\"src\":\"c0\",\"dest\":\"n\\\"1\",\"body\":{}}\n");
}

/// The number of arrivals of a thousand messages, and the times of the first and the last.
fn a_thousand(network: &mut Network, src: &str, dest: &str) -> (usize, Duration, Duration) {
    (0..1000).for_each(|_| send(network, 0, src, dest));
    let mut arrived = Vec::new();
    while let Some(now) = network.next_arrival() {
        arrived.extend(network.receive(now).map(|_| now));
    }
    (arrived.len(), arrived[0], arrived[arrived.len() - 1])
}

#[test]
fn a_strike_affects_the_links_of_its_nodes_to_other_nodes() {
    let names = || ["n1".to_owned()].into();
    for delivery in [Delivery::Maelstrom, Delivery::Plain] {
        for (src, dest, is_struck) in [
            ("n1", "n0", true),
            ("n0", "n1", true),
            ("n1", "lin-kv", false),
            ("lin-kv", "n1", false),
            ("n0", "n2", false),
            ("c0", "n1", false),
            ("n1", "c0", false),
        ] {
            let thousand = |effect: StrikeEffect| {
                let mut network = network(delivery);
                strike(&mut network, &effect);
                let (count, first, last) = a_thousand(&mut network, src, dest);
                let struck = network.traffic_counter().messages_affected_by(effect.fault());
                assert_eq!(struck > 0, is_struck, "{effect:?} from {src} to {dest}");
                assert_eq!(
                    network.traffic_counter().traffic(1).all.sent,
                    1000,
                    "copies do not count"
                );
                (count, first, last, struck)
            };
            let takes = if src == "c0" || dest == "c0" { Duration::ZERO } else { 100 * MS };
            let (count, first, last, gone) = thousand(StrikeEffect::Lose(0.3, names()));
            assert_eq!((count as u64 + gone, first, last), (1000, takes, takes));
            assert!(!is_struck || (250..350).contains(&gone), "{gone}");
            let (count, first, last, doubled) = thousand(StrikeEffect::Duplicate(0.3, names()));
            assert_eq!((count as u64 - doubled, first), (1000, takes));
            assert!(!is_struck || (250..350).contains(&doubled), "{doubled}");
            assert!(!is_struck || (1000 * MS..1100 * MS).contains(&last), "{last:?}");
            let (count, first, last, _) = thousand(StrikeEffect::Slow(70 * MS, names()));
            let slower = takes + if is_struck { 70 * MS } else { Duration::ZERO };
            assert_eq!((count, first, last), (1000, slower, slower));
        }
    }
}

#[test]
fn a_message_that_a_fault_delays_delays_no_other_message() {
    #[track_caller]
    fn check(effect: StrikeEffect, now: u32, expected: u64) {
        let mut network = network(Delivery::Maelstrom);
        strike(&mut network, &effect);
        send(&mut network, 0, "n0", "n1");
        send(&mut network, now, "c0", "n1");
        let first = network.next_arrival().unwrap();
        assert_eq!((first, network.receive(first).unwrap().id), (now.max(10) * MS, expected));
    }
    let names = || ["n1".to_owned()].into();
    check(StrikeEffect::Slow(70 * MS, names()), 10, 1);
    // The first copy arrives. The second is still delayed when the client's message comes.
    check(StrikeEffect::Duplicate(1.0, names()), 100, 0);
}

#[test]
fn a_link_is_cut_as_long_as_any_strike_cuts_it() {
    let mut network = network(Delivery::Plain);
    let nodes = ["n0", "n1", "n2"].map(String::from);
    let names = || ["n1".to_owned()].into();
    network.strike(1, &StrikeEffect::Partition(names()), &nodes);
    network.strike(2, &StrikeEffect::Mute(names()), &nodes);
    let both = |network: &mut Network| {
        send(network, 0, "n0", "n1");
        send(network, 0, "n1", "n0");
        arrivals(network)
    };
    assert_eq!(both(&mut network), "");
    network.end_strike(1);
    assert_eq!(both(&mut network), "2@100");
    network.end_strike(2);
    assert_eq!(both(&mut network), "4@100 5@100");
    let struck = [Fault::Partition, Fault::OneWay]
        .map(|fault| network.traffic_counter().messages_affected_by(fault));
    assert_eq!(struck, [2, 1]);
}

#[test]
fn a_strike_cuts_the_links_of_its_grudge() {
    let nodes = ["n0", "n1", "n2"].map(String::from);
    let names = || ["n1".to_owned()].into();
    let cut = StrikeEffect::Cut([("n1".to_owned(), ["n1", "n2"].map(String::from).into())].into());
    for effect in [
        StrikeEffect::Partition(names()),
        StrikeEffect::Mute(names()),
        StrikeEffect::Deafen(names()),
        cut,
    ] {
        let grudge = effect.grudge(&nodes);
        for src in ["n0", "n1", "n2", "c0", "lin-kv"] {
            for dest in ["n0", "n1", "n2", "c0", "lin-kv"] {
                let mut network = network(Delivery::Plain);
                strike(&mut network, &effect);
                send(&mut network, 0, src, dest);
                let is_cut = grudge.get(dest).is_some_and(|senders| senders.contains(src));
                assert_eq!(arrivals(&mut network).is_empty(), is_cut, "{effect:?}: {src} {dest}");
            }
        }
    }
}

#[test]
fn a_dead_node_receives_nothing_and_a_restarted_node_only_init() {
    for delivery in [Delivery::Maelstrom, Delivery::Plain] {
        let mut network = network(delivery);
        network.set_admission("n1", Admission::None);
        send(&mut network, 0, "c0", "n1");
        send(&mut network, 0, "n0", "n1");
        send(&mut network, 0, "n1", "n0");
        assert_eq!(arrivals(&mut network), "2@100", "what it sent while it was alive arrives");
        network.join("c9");
        network.set_admission("n1", Admission::Only("c9".to_owned()));
        send(&mut network, 200, "n0", "n1");
        send(&mut network, 200, "c0", "n1");
        send(&mut network, 200, "c9", "n1");
        let init = if delivery == Delivery::Plain { "5@200" } else { "5@300" };
        assert_eq!(arrivals(&mut network), init);
        network.set_admission("n1", Admission::All);
        send(&mut network, 400, "n0", "n1");
        assert_eq!(arrivals(&mut network), "6@500");
        assert_eq!(network.traffic_counter().messages_affected_by(Fault::Kill), 4);
    }
}

#[test]
fn a_message_of_a_node_to_itself_is_on_no_link() {
    let names = || ["n1".to_owned()].into();
    for effect in [
        StrikeEffect::Lose(1.0, names()),
        StrikeEffect::Duplicate(1.0, names()),
        StrikeEffect::Slow(70 * MS, names()),
        StrikeEffect::Mute(names()),
    ] {
        let mut network = network(Delivery::Maelstrom);
        strike(&mut network, &effect);
        send(&mut network, 0, "n1", "n1");
        assert_eq!(arrivals(&mut network), "0@100", "{effect:?}");
        assert_eq!(network.traffic_counter().messages_affected_by(effect.fault()), 0, "{effect:?}");
    }
}

#[test]
fn a_message_with_an_endless_delay_does_not_arrive() {
    for delivery in [Delivery::Maelstrom, Delivery::Plain] {
        let mut network = network(delivery);
        let nodes = ["n0", "n1", "n2"].map(String::from);
        let names = || ["n1".to_owned()].into();
        network.strike(1, &StrikeEffect::Slow(Duration::MAX, names()), &nodes);
        network.strike(2, &StrikeEffect::Slow(MS, names()), &nodes);
        network.strike(3, &StrikeEffect::Duplicate(1.0, names()), &nodes);
        send(&mut network, 1, "n0", "n1");
        send(&mut network, 1, "n0", "n2");
        assert_eq!(network.receive(1000 * MS).map(|message| message.id), Some(1));
        assert!(network.receive(1000 * MS).is_none());
    }
}
