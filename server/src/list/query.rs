//! Query of the list: filters and order, from the URL. Invalid values are ignored.

use std::cmp::Ordering;

use serde::Deserialize;

use crate::run::{RecordedTest, TestStatus};

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
    pub(super) fn select(&self, runs: Vec<RecordedTest>) -> Vec<RecordedTest> {
        let column = self.column();
        let wanted = runs.into_iter().filter(|run| self.matches(run));
        let mut keyed: Vec<_> = wanted.map(|run| (column.key(&run), run)).collect();
        keyed.sort_by(|(a, this), (b, that)| {
            let newest_first = || (that.began, &that.id).cmp(&(this.began, &this.id));
            self.compare(a.as_ref(), b.as_ref()).then_with(newest_first)
        });
        keyed.into_iter().map(|(_, run)| run).collect()
    }

    fn matches(&self, run: &RecordedTest) -> bool {
        let is = |wanted: &str, is: &str| wanted.is_empty() || wanted == is;
        is(&self.workload, &run.id.workload)
            && is(&self.program, &run.program())
            && is(&self.verdict, run.status().class())
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
    fn key(self, run: &RecordedTest) -> Option<SortKey> {
        let text = |text: String| (!text.is_empty()).then_some(SortKey::Text(text));
        match self {
            Column::Time => run.began.map(|time| SortKey::Number(time.as_millisecond() as f64)),
            Column::Workload => text(run.id.workload.clone()),
            Column::Program => text(run.program()),
            Column::Nodes => {
                let nodes = run.description.nodes.len();
                (nodes > 0).then_some(SortKey::Number(nodes as f64))
            }
            Column::Faults => text(run.description.nemesis.join(", ")),
            Column::Verdict => {
                let place = TestStatus::ALL.iter().position(|verdict| *verdict == run.status())?;
                Some(SortKey::Number(place as f64))
            }
            figure => run.figure(figure.figure()?).map(SortKey::Number),
        }
    }
}
