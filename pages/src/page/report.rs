//! `report.html`: a test in one file that needs no network and no other file.
//!
//! The verdict and the figures are HTML. Messages and operations are data, which the page draws
//! itself: JSON, gzipped because bodies repeat each other, in base64 because nothing written in
//! base64 can end a script element. Nodes choose the text of bodies, names and errors, so templates
//! escape everything here, and the script only ever inserts it as text, never as markup.

use std::io::Write;
use std::path::Path;

use anyhow::Context;
use askama::Template;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use eddy_checkers::wording::counted;
use eddy_text::printable::printable;
use eddy_text::shell::quote_words;
use flate2::Compression;
use flate2::write::GzEncoder;

use super::charts::ChartFile;
use super::data::ReportData;
use crate::store::Description;
use crate::summary::{self, LimitStatus, Summary};

/// Contents of the page.
pub(crate) struct ReportPage<'a> {
    pub(crate) description: &'a Description,
    pub(crate) summary: &'a Summary,
    pub(crate) charts: &'a [ChartFile],
    /// Names of the files beside it.
    pub(crate) files: &'a [&'a str],
    pub(crate) data: &'a ReportData,
}

impl ReportPage<'_> {
    /// Renders the page as HTML.
    pub(crate) fn render(&self) -> anyhow::Result<String> {
        let page = ReportTemplate {
            title: title(self.description),
            summary: SummarySection::new(self.description, self.summary),
            charts: self.charts,
            files: self.files,
            opens_at_messages: !self.data.contradictions.is_empty(),
            threads: self.description.concurrency,
            omissions: &self.data.omissions,
            data: compress(self.data)?,
        };
        page.render().context("the report cannot be rendered")
    }
}

#[derive(Template)]
#[template(path = "report/page.html")]
struct ReportTemplate<'a> {
    title: Vec<String>,
    summary: SummarySection,
    charts: &'a [ChartFile],
    files: &'a [&'a str],
    /// True if messages come before charts, so that contradictions and messages are together.
    opens_at_messages: bool,
    threads: usize,
    omissions: &'a [String],
    data: String,
}

/// Section with the result of the test.
#[derive(Template)]
#[template(path = "report/summary.html")]
struct SummarySection {
    class: &'static str,
    verdict: &'static str,
    /// First line, and the others.
    failure: Option<(String, String)>,
    figures: Vec<FigureRow>,
    meanings: Vec<String>,
    reasons: Vec<String>,
    explanation: String,
    stderr: String,
    faults: String,
    /// Warnings that explain the verdict; `warnings` are the others.
    decisive: Vec<String>,
    warnings: Vec<String>,
    command: String,
    circumstances: String,
}

/// Row of a figure and its limit.
struct FigureRow {
    name: String,
    value: String,
    limit: Option<String>,
    /// Explanation of what the figure measures.
    meaning: Option<String>,
    /// Result of the comparison with the limit.
    limit_status: LimitStatus,
}

impl SummarySection {
    fn new(description: &Description, summary: &Summary) -> SummarySection {
        let (decisive, warnings) = summary.split_warnings();
        let all = |texts: &[String]| texts.iter().map(|text| to_printable(text)).collect();
        let figures = summary.figures.iter().map(|figure| FigureRow {
            name: to_printable(&figure.name),
            value: figure.value.map_or_else(|| "–".to_owned(), summary::format_figure),
            limit: figure.limit_text(),
            meaning: figure.meaning(),
            limit_status: figure.limit_status(),
        });
        SummarySection {
            class: summary.status().class(),
            verdict: summary.verdict(),
            failure: summary
                .failure_in_parts()
                .map(|(first, rest)| (to_printable(first), to_printable(rest))),
            figures: figures.collect(),
            meanings: summary.meanings(),
            reasons: all(&summary.reasons),
            explanation: to_printable(&summary.explanation.join("\n")),
            stderr: to_printable(&summary.stderr.join("\n")),
            faults: to_printable(summary.faults.as_deref().unwrap_or_default()),
            decisive: all(decisive),
            warnings: all(warnings),
            command: to_printable(&quote_words(&description.command)),
            circumstances: to_printable(&circumstances(description).join(" · ")),
        }
    }
}

/// Workload, name of the program and number of nodes, as far as they are known.
fn title(description: &Description) -> Vec<String> {
    let bin = Path::new(&description.bin).file_name().map(|name| name.to_string_lossy());
    let nodes = match description.nodes.len() {
        0 => String::new(),
        1 => "1 node".to_owned(),
        count => format!("{count} nodes"),
    };
    let parts = [description.workload.clone(), bin.unwrap_or_default().into_owned(), nodes];
    let mut title: Vec<String> =
        parts.iter().filter(|part| !part.is_empty()).map(|part| to_printable(part)).collect();
    if title.is_empty() {
        title.push("test".to_owned());
    }
    title
}

/// Parameters of the test. Zero or empty ones are unknown.
fn circumstances(description: &Description) -> Vec<String> {
    let Description { began, concurrency, rate, time_limit_s, nemesis, seed, .. } = description;
    let Description { latency_ms, latency_dist, .. } = description;
    let some = |is_known: bool, text: String| is_known.then_some(text);
    let parts = [
        some(*concurrency > 0, counted(*concurrency as u64, "client")),
        some(*rate > 0.0, format!("{rate} operations/s")),
        some(*time_limit_s > 0.0, format!("{time_limit_s} s")),
        some(!latency_dist.is_empty(), format!("latency {latency_ms} ms, {latency_dist}")),
        some(!nemesis.is_empty(), format!("faults: {}", nemesis.join(", "))),
        some(!seed.is_empty(), format!("seed {seed}")),
        some(!began.is_empty(), format!("began {began}")),
    ];
    parts.into_iter().flatten().collect()
}

fn to_printable(text: &str) -> String {
    printable(text).into_owned()
}

fn compress(data: &ReportData) -> anyhow::Result<String> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::default());
    serde_json::to_writer(&mut packed, data).context("the report's data cannot be packed")?;
    packed.flush()?;
    Ok(STANDARD.encode(packed.finish()?))
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use eddy_checkers::Validity;
    use flate2::read::GzDecoder;

    use super::*;
    use crate::page::data::{MessageColumns, Participant};
    use crate::summary::{Figure, FigureLimits, LimitSide};

    const EVIL: &str = "</script><script>alert(1)</script>";

    fn description() -> Description {
        Description {
            workload: "broadcast".to_owned(),
            bin: "target/debug/broadcast-e".to_owned(),
            command: ["eddy", "test", "--bin", "a b's"].map(str::to_owned).to_vec(),
            nodes: ["n0", "n1"].map(str::to_owned).to_vec(),
            seed: "18446744073709551615".to_owned(),
            ..Description::default()
        }
    }

    fn summary() -> Summary {
        let figure = |name: &str, value, bound| Figure {
            name: name.to_owned(),
            value: Some(value),
            bound,
            limit: None,
        };
        Summary {
            valid: Some(Validity::Valid),
            figures: vec![
                figure("messages per operation", 23.5, LimitSide::Below),
                figure("median latency, ms", 400.0, LimitSide::Below),
            ],
            reasons: vec![EVIL.to_owned()],
            explanation: vec![EVIL.to_owned(), "more".to_owned()],
            warnings: vec![EVIL.to_owned()],
            ..Summary::default()
        }
    }

    fn data() -> ReportData {
        ReportData {
            end: 1000,
            participants: ["n0", EVIL]
                .map(|name| Participant { name: name.to_owned(), kind: "node" })
                .into(),
            kinds: vec![EVIL.to_owned()],
            messages: MessageColumns {
                id: vec![u64::MAX],
                src: vec![0],
                dest: vec![1],
                kind: vec![0],
                sent: vec![-5],
                ended: vec![1000],
                fate: vec![0],
                fault: vec![String::new()],
                body: vec![EVIL.to_owned()],
                bytes: vec![0],
            },
            omissions: vec![EVIL.to_owned()],
            ..ReportData::default()
        }
    }

    fn page() -> String {
        let (svg, narrow) = ("<svg></svg>".to_owned(), "<svg><path/></svg>".to_owned());
        let charts = [ChartFile { file: "rate.svg", title: EVIL, svg, narrow }];
        ReportPage {
            description: &Description { workload: EVIL.to_owned(), ..description() },
            summary: &summary(),
            charts: &charts,
            files: &["history.edn", EVIL],
            data: &data(),
        }
        .render()
        .unwrap()
    }

    #[test]
    fn text_of_nodes_is_never_markup() {
        let page = page();
        assert_eq!(page.matches("<script").count(), 2, "the data and the program");
        assert_eq!(page.matches("</script>").count(), 2);
        assert!(!page.contains(EVIL));
        assert!(page.contains("&#60;script&#62;alert(1)"));
    }

    #[test]
    fn the_data_comes_out_as_it_went_in() {
        let page = page();
        let (_, rest) = page.split_once("<script id=\"data\" type=\"text/plain\">").unwrap();
        let (packed, _) = rest.split_once("</script>").unwrap();
        let mut json = String::new();
        let bytes = STANDARD.decode(packed).unwrap();
        GzDecoder::new(bytes.as_slice()).read_to_string(&mut json).unwrap();
        assert_eq!(json, serde_json::to_string(&data()).unwrap());
    }

    /// Page of a test with this summary and no data.
    fn page_of(summary: &Summary) -> String {
        let (description, data) = (description(), ReportData::default());
        ReportPage { description: &description, summary, charts: &[], files: &[], data: &data }
            .render()
            .unwrap()
    }

    #[test]
    fn figures_stand_beside_their_limits() {
        let page = page_of(&summary());
        assert!(page.contains("class=\"verdict valid\">valid</p>"), "{page}");
        let limits = FigureLimits {
            msgs_per_op: Some(24.0),
            median: Some(400.0),
            ..FigureLimits::default()
        };
        let page = page_of(&summary().with_limits(limits));
        for expected in [
            "class=\"verdict beyond\">valid, but not within limits</p>",
            "23.5</td><td class=\"limit\">&#60; 24</td>",
            "<td class=\"kept\">holds</td>",
            "<td class=\"exceeded\">EXCEEDED</td>",
        ] {
            assert!(page.contains(expected), "{expected} in {page}");
        }
    }

    #[test]
    fn a_missing_figure_does_not_exceed_its_limit() {
        let mut summary = summary();
        summary.figures[1].value = None;
        let limits = FigureLimits { median: Some(400.0), ..FigureLimits::default() };
        let page = page_of(&summary.with_limits(limits));
        assert!(page.contains(">NOT MEASURED</td>"), "{page}");
        assert!(!page.contains("EXCEEDED"));
    }

    #[test]
    fn the_page_shows_the_test_and_how_to_repeat_it() {
        let html = page_of(&summary());
        assert!(html.contains("<title>broadcast · broadcast-e · 2 nodes</title>"), "{html}");
        assert!(html.contains("eddy test --bin &#39;a b&#39;\\&#39;&#39;s&#39;</code>"), "{html}");
        assert!(html.contains("seed 18446744073709551615"));
    }

    #[test]
    fn the_page_loads_nothing() {
        let page = page();
        assert!(page.contains("default-src 'none'"));
        for word in ["http://", "https://", "url(", "@import", " src=", "innerHTML"] {
            assert!(!page.contains(word), "{word}");
        }
    }
}
