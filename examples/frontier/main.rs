//! What the broadcasts cost, in messages and in time, beside the least that is possible: pictures
//! and tables, from runs in virtual time.
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

use self::run::{Run, Variant};

/// The periods of broadcast-e that are tried with 25 nodes, in milliseconds. The last passes 3e; a
/// longer one would miss its latencies now and then.
const PERIODS: [u64; 7] = [100, 200, 300, 500, 1000, 1300, 1600];

/// The sizes of clusters that are tried.
const SIZES: [usize; 5] = [5, 25, 100, 400, 1000];

fn main() -> anyhow::Result<()> {
    let variants = [Variant::D].into_iter().chain(PERIODS.map(Variant::E));
    let frontier: Vec<Run> =
        variants.map(|variant| Run::of(variant, 25)).collect::<anyhow::Result<_>>()?;
    let shown = [Variant::D, Variant::E(300), Variant::E(1600)];
    let sized = SIZES.into_iter().flat_map(|size| shown.map(|variant| Run::of(variant, size)));
    let sized: Vec<Run> = sized.collect::<anyhow::Result<_>>()?;

    let text = tables::both(&frontier, &sized);
    print!("{text}");
    keep("frontier.md", &text)?;
    keep("frontier.svg", &pictures::frontier(&frontier).to_svg()?)?;
    keep("cluster-size.svg", &pictures::cluster_size(&sized, &shown).to_svg()?)
}

fn keep(name: &str, text: &str) -> anyhow::Result<()> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(name);
    fs::write(&path, text).with_context(|| format!("{} cannot be written", path.display()))
}
