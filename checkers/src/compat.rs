//! Copies of iteration orders that depend on hash codes: those of maps and sets of Clojure and of
//! the library Bifurcan.
//!
//! Upstream takes whatever a hash map yields first. That decides which of two contradicting reads
//! counts as the true one, and which errors are in its results, in which order. So these orders are
//! needed for verdicts that agree on a broken history and for results that agree to the letter.
//! Nothing else may use them: our own reports have a simple order of their own.

pub(crate) mod bifurcan;
pub(crate) mod clojure;
mod java;
