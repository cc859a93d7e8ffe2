use std::collections::BTreeMap;
use std::rc::Rc;

use glomers::{Disk as _, Handler, Host, Node};
use tokio::io::AsyncWriteExt as _;

use super::*;

/// How many seeds are tried. More finds what is rarer, less takes less time.
const SEEDS: u64 = 500;

/// How often a node is killed with each seed.
const LIVES: usize = 6;

struct Silent;

#[async_trait(?Send)]
impl Handler for Silent {
    type Request = ();
    type Reply = ();

    async fn handle(&self, _from: &str, (): ()) -> anyhow::Result<()> {
        Ok(())
    }
}

/// Lets the node n1 live for this time, and kills it.
async fn live(disk: &Rc<Disk>, time: Duration, start: impl FnOnce(&Node)) {
    let init = br#"{"src":"c0","dest":"n1","body":{"type":"init","node_id":"n1","node_ids":[]}}"#;
    let (mut peer, input) = tokio::io::duplex(1024);
    peer.write_all(&[&init[..], b"\n"].concat()).await.unwrap();
    let start = |node: Node| {
        start(&node);
        Silent
    };
    let node = Host::seeded(7).with_disk(disk.clone()).serve_on(input, tokio::io::sink(), start);
    assert!(tokio::time::timeout(time, node).await.is_err(), "the node has ended");
    disk.crash();
}

/// Lets a future go on in virtual time until it ends.
fn simulate<T>(run: impl Future<Output = T>) -> T {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_time().start_paused(true).build().unwrap().block_on(run)
}

/// What a test knows of the log and the value of a node.
#[derive(Debug, Default)]
struct Known {
    /// All that was ever handed over and may be there, in order.
    appended: Vec<u64>,
    /// How many of those were acknowledged.
    acknowledged: usize,
    /// The value may be any of those that were handed over since the last one acknowledged.
    values: Vec<Option<u64>>,
}

/// Appends and replaces until it is killed, from several tasks at once.
fn work(node: &Node, known: &Rc<RefCell<Known>>, random: &mut Random) {
    let (log, entries) = node.storage().log::<u64>("log");
    let (value, found) = node.storage().value::<u64>("value");
    {
        let known = &mut *known.borrow_mut();
        let appended = &known.appended;
        assert!(appended.starts_with(&entries), "{entries:?} is not how {appended:?} begins");
        assert!(entries.len() >= known.acknowledged, "{entries:?} is too short: {known:?}");
        assert!(known.values.contains(&found), "{found:?} was not expected: {known:?}");
        known.acknowledged = entries.len();
        known.appended = entries;
        known.values = vec![found];
    }
    let (log, value) = (Rc::new(log), Rc::new(value));
    for _ in 0..3 {
        let (log, known) = (Rc::clone(&log), Rc::clone(known));
        let mut random = Random::seeded(random.bits());
        node.spawn(async move {
            loop {
                tokio::time::sleep(random.time_below(Duration::from_millis(8))).await;
                let (call, length) = {
                    let appended = &mut known.borrow_mut().appended;
                    let first = appended.len() as u64;
                    let entries: Vec<u64> = (first..=first + random.below(4)).collect();
                    appended.extend_from_slice(&entries);
                    (log.append(&entries), appended.len())
                };
                if random.below(4) == 0 {
                    // Nobody waits for this one.
                    continue;
                }
                call.await.unwrap();
                let acknowledged = &mut known.borrow_mut().acknowledged;
                *acknowledged = length.max(*acknowledged);
            }
        });
    }
    let known = Rc::clone(known);
    node.spawn(async move {
        for number in 0.. {
            known.borrow_mut().values.push(Some(number));
            value.replace(&number).await.unwrap();
            known.borrow_mut().values.retain(|value| *value >= Some(number));
        }
    });
}

/// Several lives; returns what they left, and the disk.
fn lives(seed: u64) -> (BTreeMap<String, Vec<u8>>, Rc<Disk>) {
    let mut random = Random::seeded(seed);
    let disk = Rc::new(Disk::new(&random));
    let known = Rc::new(RefCell::new(Known { values: vec![None], ..Known::default() }));
    simulate(async {
        for _ in 0..LIVES {
            let time = random.time_below(Duration::from_millis(40));
            live(&disk, time, |node| work(node, &known, &mut random)).await;
        }
        live(&disk, Duration::ZERO, |node| work(node, &known, &mut random)).await;
    });
    let read = |file: &str| (file.to_owned(), disk.read(file).unwrap().unwrap_or_default());
    (["log.log", "value.value"].map(read).into(), disk)
}

#[test]
fn whatever_the_seed_what_was_acknowledged_is_there_and_in_order() {
    let (mut lost, mut cuts) = (0, 0);
    for seed in 0..SEEDS {
        let (_, disk) = lives(seed);
        lost += disk.lost();
        cuts += disk.cuts();
    }
    println!("{SEEDS} seeds: kills took {lost} bytes and tore {cuts} records");
    assert!(lost > 100 * SEEDS, "kills took only {lost} bytes");
    assert!(cuts > SEEDS, "kills tore only {cuts} records");
}

#[test]
fn a_seed_repeats_itself() {
    let run = |seed| {
        let (files, disk) = lives(seed);
        (files, disk.lost(), disk.cuts())
    };
    assert_eq!(run(7), run(7));
    assert_ne!(run(7), run(8));
}

/// What a kill leaves of these calls, in the order of the letters, with many seeds.
fn leftovers(time: Duration) -> BTreeMap<String, usize> {
    let mut left = BTreeMap::new();
    for seed in 0..SEEDS {
        let disk = Disk::new(&Random::seeded(seed));
        let bytes = simulate(async {
            disk.replace("f", b"abc").await.unwrap();
            let calls = async {
                let _ = tokio::join!(disk.append("f", b"defg"), disk.replace("g", b"new"));
            };
            let _ = tokio::time::timeout(time, calls).await;
            disk.crash();
            ["f", "g"].map(|file| disk.read(file).unwrap().unwrap_or_default()).concat()
        });
        *left.entry(bytes.escape_ascii().to_string()).or_default() += 1;
    }
    left
}

#[test]
fn a_kill_leaves_nothing_everything_or_a_part_and_never_harms_what_is_durable() {
    let left = leftovers(Duration::ZERO);
    for expected in ["abc", "abcnew", "abcd", "abcdefg", "abcdefgnew", "abcd\\x00f"] {
        assert!(left.contains_key(expected), "{expected} is not among {left:?}");
    }
    assert!(left.keys().all(|bytes| bytes.starts_with("abc")), "{left:?}");
    let all = leftovers(SYNC + BUSY);
    assert_eq!(all.keys().collect::<Vec<_>>(), ["abcdefgnew"]);
}

#[test]
fn a_call_of_a_former_life_has_no_effect() {
    let disk = Disk::new(&Random::seeded(1));
    simulate(async {
        let killer = async {
            disk.crash();
            disk.read("f").unwrap()
        };
        let (call, after) = tokio::join!(disk.replace("f", b"new"), killer);
        assert!(call.is_err());
        assert_eq!(disk.read("f").unwrap(), after);
    });
}

#[test]
fn a_file_is_there_once_it_is_durable() {
    let disk = Disk::new(&Random::seeded(1));
    simulate(async {
        let error = disk.append("f", b"abc").await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
        assert!(!disk.was_used());
        let look = async { disk.read("f").unwrap() };
        let (stored, meanwhile) = tokio::join!(disk.replace("f", b"abc"), look);
        stored.unwrap();
        assert_eq!(meanwhile, None);
        assert_eq!(disk.read("f").unwrap().as_deref(), Some(&b"abc"[..]));
        assert!(disk.was_used());
    });
}
