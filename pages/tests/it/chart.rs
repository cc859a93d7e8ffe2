//! Chart as a file, with every element of a chart.

#![expect(clippy::unwrap_used, reason = "what fails here fails the test")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use eddy_pages::chart::{Area, Axis, Chart, Point, Series};

fn example() -> Chart {
    let flush: [Point; 4] = [
        (150.0, 2.5, "100 ms").into(),
        (328.0, 1.2).into(),
        (560.0, 0.7).into(),
        (894.0, 0.34, "1.5 s").into(),
    ];
    let others = [
        (369.0, 24.2, "flood over tree4, acked"),
        (174.0, 22.6, "star, acked"),
        (72.0, 11.9, "everyone to everyone, no acks"),
        (763.0, 1.72, "star, 500 ms batches"),
    ];
    Chart {
        title: "Messages per operation against latency".to_owned(),
        x: Axis { range: Some((50.0, 2_000.0)), ..Axis::logarithmic("median latency in ms") },
        y: Axis { range: Some((0.2, 50.0)), ..Axis::logarithmic("server messages per operation") },
        series: vec![
            Series::line("broadcast-e, flush 100 ms … 1.5 s", flush),
            Series::marks("broadcast-d", [(87.0, 12.1)]),
            Series::marks("other solutions", others),
            Series::dashed("a limit", [(50.0, 24.0), (2_000.0, 24.0)]),
        ],
        areas: vec![
            Area::new("3d: < 30 msgs/op, < 400 ms", (0.0, 0.0), (400.0, 30.0)),
            Area::new("3e: < 20 msgs/op, < 1000 ms", (0.0, 0.0), (1_000.0, 20.0)),
        ],
    }
}

/// True if elements are nested correctly and there is no other markup.
fn is_well_formed(xml: &str) -> bool {
    let mut open_tags = Vec::new();
    let mut parts = xml.trim().split('<');
    let nothing_before = parts.next() == Some("");
    nothing_before
        && parts.all(|part| {
            let Some((tag, text)) = part.split_once('>') else { return false };
            let name = tag.split([' ', '/']).next().unwrap();
            if let Some(ended) = tag.strip_prefix('/') {
                return open_tags.pop() == Some(ended) && !text.contains('>');
            }
            if !tag.ends_with('/') {
                open_tags.push(name);
            }
            tag.matches('"').count() % 2 == 0 && !text.contains('>') && !open_tags.is_empty()
        })
        && open_tags.is_empty()
}

#[test]
fn the_well_formedness_check_rejects_bad_markup() {
    assert!(is_well_formed("<a b=\"c\"><d/>text<e>&lt;</e></a>\n"));
    for wrong in ["<a>", "<a></b>", "<a><b></a></b>", "<a b=\"></a>", "<a>></a>", "x<a/>"] {
        assert!(!is_well_formed(wrong), "{wrong}");
    }
}

#[test]
fn a_chart_is_well_formed_and_shows_all_that_was_given() {
    let linear = |axis: Axis| Axis { range: None, ..Axis::linear(axis.label) };
    let log_log = example();
    let x_linear = Chart { x: linear(log_log.x.clone()), ..log_log.clone() };
    let both_linear = Chart { y: linear(log_log.y.clone()), ..x_linear.clone() };
    for (name, chart) in
        [("log_log", log_log), ("x_linear", x_linear), ("both_linear", both_linear)]
    {
        let svg = chart.to_svg().unwrap();
        let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("chart_{name}.svg"));
        fs::write(&file, &svg).unwrap();
        assert!(is_well_formed(&svg), "{}", file.display());
        assert_eq!(svg.matches("<circle").count(), 5, "a line's marks, and in the legend");
        assert_eq!(svg.matches("stroke-dasharray").count(), 2, "a limit, and in the legend");
        let labels = chart.series.iter().flat_map(|series| &series.points);
        for label in labels.filter_map(|point| point.label.as_ref()) {
            assert!(svg.contains(&format!(">{label}</text>")), "{label}");
        }
        assert!(svg.contains(">3d: &lt; 30 msgs/op, &lt; 400 ms</text>"));
    }
}

#[test]
fn series_that_share_a_color_look_different() {
    let ends = [(1.0, 1.0), (2.0, 2.0)];
    let curve = |number: u32| Series::curve(number.to_string(), ends);
    let dots = |number: u32| Series::dots(number.to_string(), ends);
    for make in [&curve as &dyn Fn(u32) -> Series, &dots] {
        let series = (0..14).map(make).collect();
        let chart = Chart { series, ..Chart::default() };
        let svg = chart.to_svg().unwrap();
        let looks = svg.lines().filter(|line| line.contains("stroke-width"));
        let looks: BTreeSet<String> =
            looks.map(|line| line.split('"').skip(2).collect::<String>()).collect();
        assert_eq!(looks.len(), 14, "{looks:#?}");
    }
}
