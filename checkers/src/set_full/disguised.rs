//! Lost elements that are in reads after all, as something else.

use super::timeline::Timeline;
use crate::disguise::Disguise;
use crate::edn::Value;

/// The elements that nobody added, in the order in which they were read.
pub(super) fn foreign<'a>(timelines: &[Timeline<'a>]) -> Vec<&'a Value> {
    let foreign = timelines.iter().filter(|timeline| timeline.add.is_none());
    foreign.map(|timeline| timeline.element).collect()
}

/// That all lost elements, which are sorted, are in reads as these foreign ones, if that is so.
pub(super) fn sentence(lost: &[Value], foreign: &[&Value]) -> Option<String> {
    let mut found: Vec<Option<(Disguise, &Value)>> = vec![None; lost.len()];
    for element in foreign {
        for (disguise, origin) in Disguise::origins(element) {
            if let Ok(place) = lost.binary_search(&origin) {
                found[place].get_or_insert((disguise, element));
            }
        }
    }
    let found: Vec<(Disguise, &Value)> = found.into_iter().collect::<Option<_>>()?;
    let (&(disguise, element), first) = (found.first()?, lost.first()?.json());
    let is_one = found.iter().all(|(other, _)| *other == disguise);
    let as_what = if is_one { disguise.plural() } else { "values of other types" };
    let those = match lost.len() {
        1 => "the lost value is".to_owned(),
        all => format!("all {all} lost values are"),
    };
    let element = element.json();
    Some(format!("{those} in reads as {as_what}: {first} was added, and reads have {element}"))
}

#[cfg(test)]
mod tests {
    use crate::set_full;
    use crate::testing::history;

    #[test]
    fn lost_values_that_come_back_as_something_else_are_told_as_that() {
        #[track_caller]
        fn check(read: &str, expected: &str) {
            let adds = "0 invoke add 0\n0 ok add 0\n0 invoke add 1\n0 ok add 1\n";
            let text = format!("{adds}1 invoke read nil\n1 ok read {read}");
            let set = set_full::check(&history(&text), "add", "read");
            assert_eq!(set.reason().as_deref(), Some(expected), "{read}");
        }
        let all = |what: &str, first: &str| {
            format!("all 2 lost values are in reads as {what}: 0 was added, and reads have {first}")
        };
        check("[\"1\" \"0\"]", &all("strings", "\"0\""));
        check("[0.0 1.0]", &all("numbers with a fraction", "0.0"));
        check("[[0] [1]]", &all("arrays", "[0]"));
        check("[{\"message\" 0} {\"message\" 1}]", &all("objects", "{\"message\":0}"));
        check("[\"0\" [1]]", &all("values of other types", "\"0\""));
        let one = "the lost value is in reads as strings: 1 was added, and reads have \"1\"";
        check("[0 \"1\"]", one);
        // Some are nowhere.
        check("[\"0\" \"7\"]", "2 values known to a node and then lost: 0, 1");
    }
}
