//! Sentences about values that return with another type.

use crate::edn::Value;
use crate::type_change::TypeChange;

/// The new type of the values, in the plural.
pub(super) fn plural_of_type(change: TypeChange) -> &'static str {
    match change {
        TypeChange::Text => "strings",
        TypeChange::Float => "floating-point numbers",
        TypeChange::Number => "numbers",
        TypeChange::Array => "arrays",
        TypeChange::Object => "objects",
    }
}

/// The end of a sentence about an unexpected value, if it is a known value of another type: `; 3 is
/// known, not "3": values must come back with their type`.
pub(crate) fn hint(found: &Value, is_known: impl Fn(&Value) -> bool) -> String {
    let known = TypeChange::originals(found).into_iter().find(|(_, origin)| is_known(origin));
    known.map_or(String::new(), |(_, origin)| {
        let (origin, found) = (origin.json(), found.json());
        format!("; {origin} is known, not {found}: values must come back with their type")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hint_names_both_values() {
        let three = |value: &Value| *value == Value::Int(3);
        let expected = "; 3 is known, not \"3\": values must come back with their type";
        assert_eq!(hint(&"3".into(), three), expected);
        assert_eq!(hint(&"4".into(), three), "");
    }
}
