//! Results of checkers as in `results.edn`, one module for each checker.

mod assessment;
mod counter;
mod echo_and_ids;
mod elle;
mod kafka;
mod linearizable;
mod set_full;
