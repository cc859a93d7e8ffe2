//! Costs of the broadcasts in messages and latency, compared with the least possible: charts and
//! tables from runs in virtual time.
//!
//! `make frontier` writes `docs/frontier.svg`, `docs/cluster-size.svg` and `docs/frontier.md`. The
//! same code gives the same bytes.

#[path = "../../src/bin/broadcast-d.rs"]
#[expect(dead_code, reason = "its main function is another program's")]
mod broadcast_d;
#[path = "../../src/bin/broadcast-e.rs"]
#[expect(dead_code, reason = "its main function is another program's")]
mod broadcast_e;
mod limit;
mod pictures;
mod run;
mod tables;

use std::fs;
use std::path::Path;

use anyhow::Context as _;
use eddy::latency::Distribution;

use self::run::{BroadcastRun, Variant};

/// Batch periods of broadcast-e with 25 nodes, in milliseconds. The last but one is that of `make
/// broadcast-e-slow`. A longer one misses the limits of 3e if latencies vary.
const PERIODS: [u64; 7] = [100, 200, 300, 500, 1000, 1300, 1600];

/// Cluster sizes.
const SIZES: [usize; 5] = [5, 25, 100, 400, 1000];

fn main() -> anyhow::Result<()> {
    let variants = || [Variant::D].into_iter().chain(PERIODS.map(Variant::E));
    let of =
        |distribution| variants().map(move |variant| BroadcastRun::of(variant, 25, distribution));
    let frontier: Vec<BroadcastRun> = of(Distribution::Constant).collect::<anyhow::Result<_>>()?;
    let varied: Vec<BroadcastRun> = of(Distribution::Uniform).collect::<anyhow::Result<_>>()?;
    let shown = [Variant::D, Variant::E(300), Variant::E(1300)];
    let sized = |size| shown.map(|variant| BroadcastRun::of(variant, size, Distribution::Constant));
    let sized = SIZES.into_iter().flat_map(sized);
    let sized: Vec<BroadcastRun> = sized.collect::<anyhow::Result<_>>()?;

    let text = tables::all(&frontier, &varied, &sized);
    print!("{text}");
    keep("frontier.md", &text)?;
    keep("frontier.svg", &pictures::frontier(&frontier).to_svg()?)?;
    keep("cluster-size.svg", &pictures::cluster_size(&sized, &shown).to_svg()?)
}

fn keep(name: &str, text: &str) -> anyhow::Result<()> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(name);
    fs::write(&path, text).with_context(|| format!("{} cannot be written", path.display()))
}
