//! The number of clients that work at the same time.

use std::error::Error;
use std::fmt::{self, Display};
use std::num::NonZeroUsize;
use std::str::FromStr;

/// A number of client threads, the value of `--concurrency`: one per node by default.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Concurrency {
    /// A total, as in `10`.
    Total(NonZeroUsize),
    /// A number for each node, as in `2n`.
    PerNode(NonZeroUsize),
}

impl Concurrency {
    /// The number of threads in a cluster of `nodes` nodes.
    pub fn threads(self, nodes: usize) -> usize {
        match self {
            Concurrency::Total(threads) => threads.get(),
            Concurrency::PerNode(threads) => threads.get().saturating_mul(nodes),
        }
    }
}

impl Default for Concurrency {
    fn default() -> Concurrency {
        Concurrency::PerNode(NonZeroUsize::MIN)
    }
}

impl Display for Concurrency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Concurrency::Total(threads) => write!(f, "{threads}"),
            Concurrency::PerNode(threads) => write!(f, "{threads}n"),
        }
    }
}

impl FromStr for Concurrency {
    type Err = ParseConcurrencyError;

    fn from_str(received: &str) -> Result<Concurrency, ParseConcurrencyError> {
        let parsed = match received.strip_suffix('n') {
            Some(number) => number.parse().map(Concurrency::PerNode),
            None => received.parse().map(Concurrency::Total),
        };
        parsed.map_err(|_| ParseConcurrencyError { received: received.to_owned() })
    }
}

/// The error of a text that is not a [`Concurrency`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseConcurrencyError {
    received: String,
}

impl Display for ParseConcurrencyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let received = &self.received;
        write!(
            f,
            "{received:?} is not a concurrency: expected 1 or more, or a multiple of the nodes \
             like 2n"
        )
    }
}

impl Error for ParseConcurrencyError {}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checks the number of threads for three nodes; `None` if the text is not a concurrency.
    #[track_caller]
    fn check(received: &str, threads: Option<usize>) {
        let parsed = received.parse::<Concurrency>();
        assert_eq!(parsed.as_ref().ok().map(|concurrency| concurrency.threads(3)), threads);
        if let Ok(concurrency) = parsed {
            assert_eq!(concurrency.to_string(), received);
        }
    }

    #[test]
    fn a_concurrency_is_a_number_or_a_multiple_of_the_nodes() {
        check("10", Some(10));
        check("1n", Some(3));
        check("2n", Some(6));
        for wrong in ["", "n", "0", "0n", "-1", "2 n", "2N", "n2", "1.5", "99999999999999999999"] {
            check(wrong, None);
        }
        assert_eq!(Concurrency::default().to_string(), "1n");
    }

    #[test]
    fn an_error_shows_the_invalid_text() {
        let error = "many".parse::<Concurrency>().expect_err("no number");
        assert_eq!(
            error.to_string(),
            "\"many\" is not a concurrency: expected 1 or more, or a multiple of the nodes like 2n"
        );
    }
}
