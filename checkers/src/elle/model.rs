//! The consistency models, by all of their names in Elle.

mod hierarchy;

use std::fmt::{self, Display};
use std::str::FromStr;

pub use self::hierarchy::strongest;
pub(super) use self::hierarchy::{impossible, prohibited, weakest};
use eddy_text::name::{self, UnknownName};

macro_rules! models {
    ($($model:ident $name:literal,)*) => {
        /// A consistency model: what a database guarantees about its transactions.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[expect(missing_docs, reason = "the names are the literature's")]
        pub enum ConsistencyModel {
            $($model,)*
        }

        impl ConsistencyModel {
            /// All models.
            pub const ALL: [ConsistencyModel; 36] = [$(ConsistencyModel::$model,)*];

            /// The common name.
            pub fn name(self) -> &'static str {
                match self {
                    $(ConsistencyModel::$model => $name,)*
                }
            }
        }
    };
}

models! {
    Causal "causal",
    CausalCerone "causal-cerone",
    ConsistentView "consistent-view",
    CursorStability "cursor-stability",
    ForwardConsistentView "forward-consistent-view",
    Linearizable "linearizable",
    MonotonicAtomicView "monotonic-atomic-view",
    MonotonicReads "monotonic-reads",
    MonotonicSnapshotRead "monotonic-snapshot-read",
    MonotonicView "monotonic-view",
    MonotonicWrites "monotonic-writes",
    OneCopySerializable "1SR",
    ParallelSnapshotIsolation "parallel-snapshot-isolation",
    Pram "PRAM",
    Prefix "prefix",
    ReadAtomic "read-atomic",
    ReadCommitted "read-committed",
    ReadUncommitted "read-uncommitted",
    ReadYourWrites "read-your-writes",
    RepeatableRead "repeatable-read",
    Sequential "sequential",
    Serializable "serializable",
    SessionSerializable "session-serializable",
    SnapshotIsolation "snapshot-isolation",
    StrictSerializable "strict-serializable",
    StrongReadCommitted "strong-read-committed",
    StrongReadUncommitted "strong-read-uncommitted",
    StrongSessionReadCommitted "strong-session-read-committed",
    StrongSessionReadUncommitted "strong-session-read-uncommitted",
    StrongSessionSerializable "strong-session-serializable",
    StrongSessionSnapshotIsolation "strong-session-snapshot-isolation",
    StrongSnapshotIsolation "strong-snapshot-isolation",
    UpdateAtomic "update-atomic",
    UpdateSerializable "update-serializable",
    ViewSerializable "view-serializable",
    WritesFollowReads "writes-follow-reads",
}

#[allow(clippy::enum_glob_use, reason = "the tables are nothing but these names")]
use ConsistencyModel::*;

impl ConsistencyModel {
    /// The name in results. Upstream has two names for strict serializability, and uses the other
    /// one there.
    pub(crate) fn name_in_results(self) -> &'static str {
        if self == StrictSerializable { "strong-serializable" } else { self.name() }
    }
}

/// Elle's other names for the models.
const ALIASES: [(&str, ConsistencyModel); 18] = [
    ("PL-1", ReadUncommitted),
    ("PL-2", ReadCommitted),
    ("PL-2+", ConsistentView),
    ("PL-2.99", RepeatableRead),
    ("PL-2L", MonotonicView),
    ("PL-3", Serializable),
    ("PL-3U", UpdateSerializable),
    ("PL-CS", CursorStability),
    ("PL-FCV", ForwardConsistentView),
    ("PL-MSR", MonotonicSnapshotRead),
    ("PL-SI", SnapshotIsolation),
    ("PL-SS", StrictSerializable),
    ("conflict-serializable", Serializable),
    ("strong-PL-1", StrongReadUncommitted),
    ("strong-PL-2", StrongReadCommitted),
    ("strong-serializable", StrictSerializable),
    ("strong-session-PL-1", StrongSessionReadUncommitted),
    ("strong-session-PL-2", StrongSessionReadCommitted),
];

impl Display for ConsistencyModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for ConsistencyModel {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<ConsistencyModel, UnknownName> {
        let mut names: Vec<Named> = ConsistencyModel::ALL.map(|m| Named(m.name(), m)).into();
        names.extend(ALIASES.map(|(name, model)| Named(name, model)));
        let text = text.strip_prefix(':').unwrap_or(text);
        name::find("consistency model", &names, text).map(|Named(_, model)| model)
    }
}

/// A name and the model that it stands for.
#[derive(Clone, Copy)]
struct Named(&'static str, ConsistencyModel);

impl Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_and_alias_is_parsed_and_a_typo_gets_a_suggestion() {
        for model in ConsistencyModel::ALL {
            assert_eq!(model.to_string().parse(), Ok(model));
            assert!(model.name_in_results().parse::<ConsistencyModel>() == Ok(model));
        }
        for (alias, model) in ALIASES {
            assert_eq!(alias.parse(), Ok(model));
        }
        let error = "serialisable".parse::<ConsistencyModel>().unwrap_err().to_string();
        let expected = "no consistency model is called \"serialisable\"; did you mean \
                        serializable? (known: causal, ";
        assert!(error.starts_with(expected), "{error}");
    }
}
