//! Sentences about values that come back as something else.

use crate::disguise::Disguise;
use crate::edn::Value;

/// The values that something became, in the plural.
pub(super) fn plural(disguise: Disguise) -> &'static str {
    match disguise {
        Disguise::Text => "strings",
        Disguise::Fraction => "numbers with a fraction",
        Disguise::Number => "numbers",
        Disguise::Array => "arrays",
        Disguise::Object => "objects",
    }
}

/// The end of a sentence about a value from nowhere, if it is one in disguise that `is_known`: `; 3
/// is known, and not "3": values must come back with their type`.
pub(crate) fn hint(found: &Value, is_known: impl Fn(&Value) -> bool) -> String {
    let known = Disguise::origins(found).into_iter().find(|(_, origin)| is_known(origin));
    known.map_or(String::new(), |(_, origin)| {
        let (origin, found) = (origin.json(), found.json());
        format!("; {origin} is known, and not {found}: values must come back with their type")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hint_names_both() {
        let three = |value: &Value| *value == Value::Int(3);
        let told = "; 3 is known, and not \"3\": values must come back with their type";
        assert_eq!(hint(&"3".into(), three), told);
        assert_eq!(hint(&"4".into(), three), "");
    }
}
