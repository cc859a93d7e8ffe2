//! Lost elements that were read with another type.

use super::{LostElement, ReadAnomaly, ReadAnomalyKind};
use crate::edn::Value;
use crate::type_change::TypeChange;

/// The type change that explains all lost elements, with one example.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct TypeChangeOfLost {
    /// The type change, if it is the same for all lost elements.
    pub(crate) change: Option<TypeChange>,
    /// The first of the lost elements.
    pub(crate) origin: Value,
    /// The value that it returned as.
    pub(crate) found: Value,
}

/// Finds all lost elements, which are sorted, among the unexpected ones, which are in the order in
/// which they were read; `None` if any is missing.
pub(super) fn find(
    lost: &[LostElement],
    read_anomalies: &[ReadAnomaly],
) -> Option<TypeChangeOfLost> {
    let mut found: Vec<Option<(TypeChange, &Value)>> = vec![None; lost.len()];
    for read in read_anomalies.iter().filter(|read| read.kind == ReadAnomalyKind::Unexpected) {
        for (change, origin) in TypeChange::originals(&read.value) {
            if let Ok(place) = lost.binary_search_by(|lost| lost.element.cmp(&origin)) {
                found[place].get_or_insert((change, &read.value));
            }
        }
    }
    let found: Vec<(TypeChange, &Value)> = found.into_iter().collect::<Option<_>>()?;
    let ((change, element), first) = (*found.first()?, lost.first()?);
    let is_one = found.iter().all(|(other, _)| *other == change);
    Some(TypeChangeOfLost {
        change: is_one.then_some(change),
        origin: first.element.clone(),
        found: element.clone(),
    })
}
