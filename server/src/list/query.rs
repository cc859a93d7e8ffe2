//! Query of the list: filters and order, from the URL. Invalid values are ignored.

use std::cmp::Ordering;

use serde::Deserialize;

use crate::recorded_test::{RecordedTest, TestStatus};

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ListQuery {
    pub(super) workload: String,
    pub(super) program: String,
    /// CSS class of a verdict.
    pub(super) verdict: String,
    sort: String,
    order: String,
    page: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Column {
    Time,
    Workload,
    Program,
    Nodes,
    Faults,
    Verdict,
    MsgsPerOp,
    Median,
    Maximum,
    OkFraction,
}

/// Sort key of a row.
#[derive(Debug, PartialEq, PartialOrd)]
enum SortKey {
    Number(f64),
    Text(String),
}

impl ListQuery {
    /// Sorted matching tests; of equal ones, the newest first.
    pub(super) fn select(&self, tests: Vec<RecordedTest>) -> Vec<RecordedTest> {
        let column = self.column();
        let wanted = tests.into_iter().filter(|test| self.matches(test));
        let mut keyed: Vec<_> = wanted.map(|test| (column.key(&test), test)).collect();
        keyed.sort_by(|(a, this), (b, that)| {
            let newest_first = || (that.began, &that.id).cmp(&(this.began, &this.id));
            self.compare(a.as_ref(), b.as_ref()).then_with(newest_first)
        });
        keyed.into_iter().map(|(_, test)| test).collect()
    }

    fn matches(&self, test: &RecordedTest) -> bool {
        let is = |wanted: &str, is: &str| wanted.is_empty() || wanted == is;
        is(&self.workload, &test.id.workload)
            && is(&self.program, &test.program())
            && is(&self.verdict, test.status().class())
    }

    /// Compares two keys. Missing ones come last in any order.
    fn compare(&self, a: Option<&SortKey>, b: Option<&SortKey>) -> Ordering {
        match (a, b) {
            (Some(a), Some(b)) => {
                let ascending = a.partial_cmp(b).unwrap_or(Ordering::Equal);
                if self.descends() { ascending.reverse() } else { ascending }
            }
            _ => a.is_none().cmp(&b.is_none()),
        }
    }

    pub(super) fn column(&self) -> Column {
        let named = Column::ALL.into_iter().find(|column| column.name() == self.sort);
        named.unwrap_or(Column::Time)
    }

    pub(super) fn descends(&self) -> bool {
        match self.order.as_str() {
            "ascending" => false,
            "descending" => true,
            _ => self.column() == Column::Time,
        }
    }

    /// Number of the page, from 1.
    pub(super) fn page(&self) -> usize {
        self.page.parse().unwrap_or(1).max(1)
    }

    /// Query of another page.
    pub(super) fn on_page(&self, page: usize) -> Vec<(&'static str, String)> {
        let ListQuery { sort, order, .. } = self.clone();
        let mut pairs = self.filters();
        pairs.extend([("sort", sort), ("order", order), ("page", page.to_string())]);
        pairs
    }

    /// Query sorted by a column, or in reverse order if it is already sorted by that column.
    pub(super) fn sorted(&self, column: Column) -> Vec<(&'static str, String)> {
        let descends =
            if self.column() == column { !self.descends() } else { column == Column::Time };
        let order = if descends { "descending" } else { "ascending" };
        let mut pairs = self.filters();
        pairs.extend([("sort", column.name().to_owned()), ("order", order.to_owned())]);
        pairs
    }

    /// Parameters that the filter form must repeat.
    pub(super) fn sorting(&self) -> [(&'static str, &str); 2] {
        [("sort", &self.sort), ("order", &self.order)]
    }

    fn filters(&self) -> Vec<(&'static str, String)> {
        let ListQuery { workload, program, verdict, .. } = self.clone();
        vec![("workload", workload), ("program", program), ("verdict", verdict)]
    }
}

impl Column {
    pub(super) const ALL: [Column; 10] = [
        Column::Time,
        Column::Workload,
        Column::Program,
        Column::Nodes,
        Column::Faults,
        Column::Verdict,
        Column::MsgsPerOp,
        Column::Median,
        Column::Maximum,
        Column::OkFraction,
    ];

    /// Name in URLs.
    fn name(self) -> &'static str {
        match self {
            Column::Time => "time",
            Column::Workload => "workload",
            Column::Program => "program",
            Column::Nodes => "nodes",
            Column::Faults => "faults",
            Column::Verdict => "verdict",
            Column::MsgsPerOp => "msgs",
            Column::Median => "median",
            Column::Maximum => "max",
            Column::OkFraction => "ok",
        }
    }

    /// Title on the page.
    pub(super) fn title(self) -> &'static str {
        match self {
            Column::MsgsPerOp => "msgs/op",
            Column::Median => "median, ms",
            Column::Maximum => "max, ms",
            Column::OkFraction => "ok fraction",
            _ => self.name(),
        }
    }

    pub(super) fn is_number(self) -> bool {
        self.figure().is_some() || self == Column::Nodes
    }

    /// Index of the summary's figure that the column shows.
    fn figure(self) -> Option<usize> {
        match self {
            Column::MsgsPerOp => Some(0),
            Column::Median => Some(1),
            Column::Maximum => Some(2),
            Column::OkFraction => Some(3),
            _ => None,
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "times in milliseconds are far below 2^53")]
    fn key(self, test: &RecordedTest) -> Option<SortKey> {
        let non_empty = |word: String| (!word.is_empty()).then_some(SortKey::Text(word));
        match self {
            Column::Time => test.began.map(|time| SortKey::Number(time.as_millisecond() as f64)),
            Column::Workload => non_empty(test.id.workload.clone()),
            Column::Program => non_empty(test.program()),
            Column::Nodes => {
                let nodes = test.description.nodes.len();
                (nodes > 0).then_some(SortKey::Number(nodes as f64))
            }
            Column::Faults => non_empty(test.description.nemesis.join(", ")),
            Column::Verdict => {
                let place = TestStatus::ALL.iter().position(|verdict| *verdict == test.status())?;
                Some(SortKey::Number(place as f64))
            }
            figure => test.figure(figure.figure()?).map(SortKey::Number),
        }
    }
}
