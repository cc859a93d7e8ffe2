//! A comparison of our EDN reader with another one, on many texts generated from a seed.
//!
//! The other reader is clojure-reader, which is implemented differently: with an explicit stack,
//! and with `BTreeMap`s. A text that both can read must have the same value for both.

mod generator;
mod other;

use clojure_reader::edn;
use eddy_checkers::edn::Value;
use eddy_checkers::random::Random;

use generator::{GeneratedText, mutated};
use other::{from_other, has_unsupported, is_common, read_all};

/// The numbers of generated texts, and of texts that were then mutated. More find rarer
/// differences, fewer save time.
const TEXTS: usize = 60_000;
const MUTATED: usize = 60_000;

#[test]
fn a_value_is_read_whatever_notation_it_is_written_in() {
    let random = Random::seeded(23);
    for text in 0..TEXTS {
        let mut generated = GeneratedText::new(random.fork(&text.to_string()));
        generated.value(4);
        let GeneratedText { canonical, noisy, .. } = generated;
        let value = Value::read_edn(&noisy).unwrap_or_else(|error| panic!("{noisy}: {error}"));
        assert_eq!(value.to_string(), canonical, "from {noisy}");
        let printed = Value::read_edn(&canonical).unwrap();
        assert_eq!(printed.to_string(), canonical);
        assert_eq!(printed, value, "{canonical} and {noisy}");
        // The other reader takes ##Inf for a tag.
        if !noisy.contains("##") {
            let other = edn::read_string(&noisy).unwrap_or_else(|error| panic!("{noisy}: {error}"));
            assert_eq!(from_other(&other), value, "{noisy}");
        }
    }
}

#[test]
fn a_mutated_text_is_rejected_by_both_readers_or_read_alike() {
    let random = Random::seeded(42);
    let (mut both, mut refused, mut only_here) = (0, 0, 0);
    for text in 0..MUTATED {
        let mut generated = GeneratedText::new(random.fork(&text.to_string()));
        generated.value(3);
        let mutated = mutated(&generated.noisy, &mut generated.random);
        let (ours, other) = (Value::read_edn(&mutated), read_all(&mutated));
        if let Ok(ours) = &ours {
            let again = Value::read_edn(&ours.to_string());
            assert_eq!(again.as_ref(), Ok(ours), "{mutated} is printed as {ours}");
        }
        match (ours, other) {
            (Ok(ours), Some(other)) if is_common(&mutated, &ours) => {
                both += 1;
                assert_eq!(other, ours, "{mutated}");
            }
            (Ok(_), _) => only_here += 1,
            (Err(_), None) => refused += 1,
            (Err(error), Some(other)) => {
                assert!(has_unsupported(&mutated), "{mutated}: {error}, but {other}");
            }
        }
    }
    // Each outcome was frequent enough to be tested.
    for (count, what) in [(both, "read by both"), (refused, "refused"), (only_here, "read here")] {
        assert!(count > MUTATED / 20, "{count} texts were {what}");
    }
}
