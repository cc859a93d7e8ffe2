use std::collections::BTreeMap;
use std::rc::Rc;

use glomers::{Disk as _, Handler, Host, Node};
use tokio::io::AsyncWriteExt as _;

use super::*;

/// The number of seeds. More find rarer bugs, fewer take less time.
const SEEDS: u64 = 500;

/// The number of kills with each seed.
const KILLS: usize = 6;

struct PassiveNode;

#[async_trait(?Send)]
impl Handler for PassiveNode {
    type Request = ();
    type Reply = ();

    async fn handle(&self, _from: &str, (): ()) -> anyhow::Result<()> {
        Ok(())
    }
}

/// Runs the node n1 for this time, and kills it.
async fn run_until_killed(disk: &Rc<SimulatedDisk>, time: Duration, start: impl FnOnce(&Node)) {
    let init = br#"{"src":"c0","dest":"n1","body":{"type":"init","node_id":"n1","node_ids":[]}}"#;
    let (mut peer, input) = tokio::io::duplex(1024);
    peer.write_all(&[&init[..], b"\n"].concat()).await.unwrap();
    let start = |node: Node| {
        start(&node);
        PassiveNode
    };
    let node = Host::seeded(7).with_disk(disk.clone()).serve_on(input, tokio::io::sink(), start);
    assert!(tokio::time::timeout(time, node).await.is_err(), "the node has ended");
    disk.crash();
}

/// Runs a future to its end in virtual time.
fn simulate<T>(run: impl Future<Output = T>) -> T {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_time().start_paused(true).build().unwrap().block_on(run)
}

/// A model of the log and the value of a node: the contents that are possible after a kill.
#[derive(Debug, Default)]
struct StorageModel {
    /// All entries whose append was called and that may be there, in order.
    appended: Vec<u64>,
    /// The length of the acknowledged prefix: `acknowledged <= appended.len()`.
    acknowledged: usize,
    /// The possible values: the last acknowledged one, and all that were written since.
    values: Vec<Option<u64>>,
}

/// Appends and replaces in several tasks at once, until the node is killed.
fn append_and_replace(node: &Node, model: &Rc<RefCell<StorageModel>>, random: &mut Random) {
    let (log, entries) = node.storage().log::<u64>("log");
    let (value, found) = node.storage().value::<u64>("value");
    {
        let model = &mut *model.borrow_mut();
        let appended = &model.appended;
        assert!(appended.starts_with(&entries), "{entries:?} is not how {appended:?} begins");
        assert!(entries.len() >= model.acknowledged, "{entries:?} is too short: {model:?}");
        assert!(model.values.contains(&found), "{found:?} was not expected: {model:?}");
        model.acknowledged = entries.len();
        model.appended = entries;
        model.values = vec![found];
    }
    let (log, value) = (Rc::new(log), Rc::new(value));
    for _ in 0..3 {
        let (log, model) = (Rc::clone(&log), Rc::clone(model));
        let mut random = Random::seeded(random.bits());
        node.spawn(async move {
            loop {
                tokio::time::sleep(random.time_below(Duration::from_millis(8))).await;
                let (call, length) = {
                    let appended = &mut model.borrow_mut().appended;
                    let first = appended.len() as u64;
                    let entries: Vec<u64> = (first..=first + random.below(4)).collect();
                    appended.extend_from_slice(&entries);
                    (log.append(&entries), appended.len())
                };
                if random.below(4) == 0 {
                    // No task waits for this append.
                    continue;
                }
                call.await.unwrap();
                let acknowledged = &mut model.borrow_mut().acknowledged;
                *acknowledged = length.max(*acknowledged);
            }
        });
    }
    let model = Rc::clone(model);
    node.spawn(async move {
        for number in 0.. {
            model.borrow_mut().values.push(Some(number));
            value.replace(&number).await.unwrap();
            model.borrow_mut().values.retain(|value| *value >= Some(number));
        }
    });
}

/// Runs several incarnations; returns the files that they left, and the disk.
fn run_and_kill(seed: u64) -> (BTreeMap<String, Vec<u8>>, Rc<SimulatedDisk>) {
    let mut random = Random::seeded(seed);
    let disk = Rc::new(SimulatedDisk::new(&random));
    let model =
        Rc::new(RefCell::new(StorageModel { values: vec![None], ..StorageModel::default() }));
    simulate(async {
        for _ in 0..KILLS {
            let time = random.time_below(Duration::from_millis(40));
            run_until_killed(&disk, time, |node| append_and_replace(node, &model, &mut random))
                .await;
        }
        run_until_killed(&disk, Duration::ZERO, |node| {
            append_and_replace(node, &model, &mut random);
        })
        .await;
    });
    let read = |file: &str| (file.to_owned(), disk.read(file).unwrap().unwrap_or_default());
    (["log.log", "value.value"].map(read).into(), disk)
}

#[test]
fn with_every_seed_what_was_acknowledged_survives_in_order() {
    let (mut lost, mut cuts) = (0, 0);
    for seed in 0..SEEDS {
        let (_, disk) = run_and_kill(seed);
        lost += disk.lost_bytes();
        cuts += disk.truncations();
    }
    println!("{SEEDS} seeds: kills took {lost} bytes and tore {cuts} records");
    assert!(lost > 100 * SEEDS, "kills took only {lost} bytes");
    assert!(cuts > SEEDS, "kills tore only {cuts} records");
}

#[test]
fn a_seed_repeats_itself() {
    let run = |seed| {
        let (files, disk) = run_and_kill(seed);
        (files, disk.lost_bytes(), disk.truncations())
    };
    assert_eq!(run(7), run(7));
    assert_ne!(run(7), run(8));
}

/// The contents that a kill leaves at this time of these calls, with the number of seeds that led
/// to each.
fn contents_after_kill(time: Duration) -> BTreeMap<String, usize> {
    let mut left = BTreeMap::new();
    for seed in 0..SEEDS {
        let disk = SimulatedDisk::new(&Random::seeded(seed));
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
fn a_kill_leaves_nothing_everything_or_a_part_and_never_damages_what_is_durable() {
    let left = contents_after_kill(Duration::ZERO);
    for expected in ["abc", "abcnew", "abcd", "abcdefg", "abcdefgnew", "abcd\\x00f"] {
        assert!(left.contains_key(expected), "{expected} is not among {left:?}");
    }
    assert!(left.keys().all(|bytes| bytes.starts_with("abc")), "{left:?}");
    let all = contents_after_kill(MIN_SYNC + SYNC_JITTER);
    assert_eq!(all.keys().collect::<Vec<_>>(), ["abcdefgnew"]);
}

#[test]
fn a_call_of_a_former_incarnation_has_no_effect() {
    let disk = SimulatedDisk::new(&Random::seeded(1));
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
fn a_file_exists_once_it_is_durable() {
    let disk = SimulatedDisk::new(&Random::seeded(1));
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
