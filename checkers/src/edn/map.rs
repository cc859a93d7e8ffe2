//! Maps and sets that keep the order of insertion.

use std::borrow::Cow;

use indexmap::{IndexMap, IndexSet};
use rustc_hash::FxBuildHasher;

use super::{
    Value,
    order::{Keyword, namespace_and_name},
};

/// A map that keeps the order of insertion and ignores it in comparisons.
#[derive(Debug, Clone, Default)]
pub struct Map {
    entries: IndexMap<Value, Value, FxBuildHasher>,
    /// True if a namespace that all keys share is written once: `#:jepsen{:a 1}`.
    lifted: bool,
}

impl Map {
    /// An empty map.
    pub fn new() -> Map {
        Map::default()
    }

    /// Adds `value` under the keyword `key`: `Map::new().with("valid?", true)`.
    #[must_use]
    pub fn with(mut self, key: impl Into<Cow<'static, str>>, value: impl Into<Value>) -> Map {
        self.insert(Value::keyword(key), value);
        self
    }

    /// Sets the value under `key`, in the position of the previous one or at the end, and returns
    /// the previous one.
    pub fn insert(&mut self, key: impl Into<Value>, value: impl Into<Value>) -> Option<Value> {
        self.entries.insert(key.into(), value.into())
    }

    /// Removes and returns the value under the keyword `key`; the other entries keep their order.
    pub fn remove_keyword(&mut self, key: &str) -> Option<Value> {
        self.entries.shift_remove(&Keyword(key))
    }

    /// The value under `key`.
    pub fn get(&self, key: &Value) -> Option<&Value> {
        self.entries.get(key)
    }

    /// The value under the keyword `key`.
    pub fn keyword(&self, key: &str) -> Option<&Value> {
        self.entries.get(&Keyword(key))
    }

    /// The entries in order of insertion.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&Value, &Value)> {
        self.entries.iter()
    }

    /// Lets the map be written with its keys' shared namespace in front, if they have one.
    #[must_use]
    pub(super) fn lifted(self) -> Map {
        Map { lifted: true, ..self }
    }

    /// The namespace that is written in front of the map.
    pub(super) fn namespace(&self) -> Option<&str> {
        if !self.lifted {
            return None;
        }
        let mut namespaces = self.entries.keys().map(|key| {
            let (namespace, name) = namespace_and_name(key)?;
            // A symbol is still one without its namespace, unlike a/1 and a/nil.
            let is_name =
                name.starts_with(char::is_alphabetic) && !["nil", "true", "false"].contains(&name);
            (is_name || matches!(key, Value::Keyword(_))).then_some(namespace)
        });
        let shared = namespaces.next()?.filter(|name| name.starts_with(char::is_alphabetic))?;
        namespaces.all(|namespace| namespace == Some(shared)).then_some(shared)
    }

    /// The number of entries.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// True if there are no entries.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

impl FromIterator<(Value, Value)> for Map {
    fn from_iter<I: IntoIterator<Item = (Value, Value)>>(entries: I) -> Map {
        Map { entries: entries.into_iter().collect(), lifted: false }
    }
}

impl IntoIterator for Map {
    type Item = (Value, Value);
    type IntoIter = indexmap::map::IntoIter<Value, Value>;

    fn into_iter(self) -> Self::IntoIter {
        self.entries.into_iter()
    }
}

/// A set that keeps the order of insertion and ignores it in comparisons.
#[derive(Debug, Clone, Default)]
pub struct Set(pub(super) IndexSet<Value, FxBuildHasher>);

impl Set {
    /// An empty set.
    pub fn new() -> Set {
        Set::default()
    }

    /// Adds an element; true if it is new.
    pub fn insert(&mut self, element: impl Into<Value>) -> bool {
        self.0.insert(element.into())
    }

    /// True if the set contains the element.
    pub fn contains(&self, element: &Value) -> bool {
        self.0.contains(element)
    }

    /// The elements in order of insertion.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Value> {
        self.0.iter()
    }

    /// The number of elements.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// True if there are no elements.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<Value> for Set {
    fn from_iter<I: IntoIterator<Item = Value>>(elements: I) -> Set {
        Set(elements.into_iter().collect())
    }
}
