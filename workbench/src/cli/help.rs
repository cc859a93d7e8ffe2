//! Texts of `--help` besides the options.

/// Headings of options, in display order.
pub(super) const NODES: &str = "Nodes";
pub(super) const CLIENTS: &str = "Clients";
pub(super) const NETWORK: &str = "Network";
pub(super) const FAULTS: &str = "Faults";
pub(super) const JUDGING: &str = "Judging";
pub(super) const OUTPUT: &str = "Output";
pub(super) const NOT_IN_MAELSTROM: &str = "Not in Maelstrom";
pub(super) const LIMITS: &str = "Limits";

/// Line below the output of `-h`.
pub(super) const MORE: &str = "More options, examples and exit status: --help";

pub(super) const EDDY: &str = "\
Examples:
  eddy test -w echo --bin ./my-node --node-count 1 --time-limit 10
  eddy check store/latest --max-msgs-per-op 30 --max-median 400
  eddy analyze store/latest
  eddy serve

More examples: eddy test --help. Completion with the tab key: eddy completions --help";

pub(super) const TEST: &str = "\
Examples:
  Five broadcast nodes under partitions:
    eddy test -w broadcast --bin ./my-node --node-count 5 --time-limit 20 --rate 10 \\
        --nemesis partition
  A slow network, and Fly.io's limits for it:
    eddy test -w broadcast --bin ./my-node --node-count 25 --rate 100 --latency 100 \\
        --max-msgs-per-op 30 --max-median 400 --max-latency 600
  The same faults again, with arguments for the node:
    eddy test -w g-counter --bin ./my-node --nemesis kill,pause --seed 7 -- --verbose

Exit status:
  0    valid (and within limits)
  1    not valid (or beyond a limit)
  2    unknown: not decided, for example for lack of evidence
  254  wrong arguments
  255  no verdict: the test could not be carried out or was interrupted,
       or its results could not be written";

pub(super) const CHECK: &str = "\
Examples:
  eddy check store/latest --max-msgs-per-op 30 --max-median 400 --max-latency 600
  eddy check store/latest --min-ok-fraction 1 --title unique-ids --table table.txt

Exit status:
  0    valid, and within limits
  1    not valid, or beyond a limit
  2    unknown: not decided, for example for lack of evidence
  254  wrong arguments
  255  no verdict, or the figures could not be written";

pub(super) const ANALYZE: &str = "\
Examples:
  eddy analyze store/latest
  eddy analyze history.edn.gz -w lin-kv
  eddy analyze store/latest --consistency-models read-committed

Exit status:
  0    valid
  1    not valid
  2    unknown: not decided, for example for lack of evidence
  254  wrong arguments
  255  the results could not be written";

pub(super) const SERVE: &str = "\
Examples:
  eddy serve
  eddy serve path/to/store --port 9000

Exit status:
  0    stopped by a signal
  254  wrong arguments, or eddy-serve is not installed
  255  the address cannot be used";
