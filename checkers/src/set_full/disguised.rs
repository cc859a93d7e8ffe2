//! Lost elements that are in reads after all, as something else.

use super::{Lost, OddRead, Oddity};
use crate::disguise::Disguise;
use crate::edn::Value;

/// The elements that nobody added and that all lost elements came back as.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Disguised {
    /// The fate of the lost elements, if it is the same for all.
    pub(crate) how: Option<Disguise>,
    /// The first of the lost elements.
    pub(crate) origin: Value,
    /// The form in which it came back.
    pub(crate) found: Value,
}

/// Looks for all lost elements, which are sorted, among the foreign ones, which are in the order in
/// which they were read.
pub(super) fn find(lost: &[Lost], odd_reads: &[OddRead]) -> Option<Disguised> {
    let mut found: Vec<Option<(Disguise, &Value)>> = vec![None; lost.len()];
    for read in odd_reads.iter().filter(|read| read.oddity == Oddity::Foreign) {
        for (disguise, origin) in Disguise::origins(&read.value) {
            if let Ok(place) = lost.binary_search_by(|lost| lost.element.cmp(&origin)) {
                found[place].get_or_insert((disguise, &read.value));
            }
        }
    }
    let found: Vec<(Disguise, &Value)> = found.into_iter().collect::<Option<_>>()?;
    let ((disguise, element), first) = (*found.first()?, lost.first()?);
    let is_one = found.iter().all(|(other, _)| *other == disguise);
    Some(Disguised {
        how: is_one.then_some(disguise),
        origin: first.element.clone(),
        found: element.clone(),
    })
}
