//! Copies of orders that depend on hash codes: those in which Clojure, and the library Bifurcan,
//! iterate over maps and sets.
//!
//! Upstream takes whatever comes first out of a hash map. Which of two reads that contradict each
//! other counts as the true one, which errors are among the few in its results, and in which order
//! they are there, follows from that. So verdicts that agree on a broken history, and results that
//! agree to the letter, need these orders, and nothing else may use them: the order of what we show
//! beside them is ours, and simple.

pub(crate) mod bifurcan;
pub(crate) mod clojure;
mod java;
