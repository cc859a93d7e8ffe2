//! Charts as SVG text: lines and marks in a frame, on linear and logarithmic axes.
//!
//! A chart is a value, and its picture is a function of it: the same chart gives the same bytes, so
//! a picture in a repository changes only when its content does. The picture shows all data. A
//! point that an axis cannot show is an error that names it, never a gap. A logarithmic axis has no
//! zero and no lower end; an area that begins there begins at the edge of the axis.
//!
//! The viewer's fonts are unknown, so the width of text is estimated (`text.rs`), and labels are
//! kept apart by that estimate. The background is drawn, for dark pages.
//!
//! The crate `plotters` does not do this: it marks a logarithmic axis either at decades alone or at
//! ten numbers of each, which overlap; it marks none below the first whole decade; and it does not
//! place labels.
//!
//! ```
//! use eddy_pages::chart::{Area, Axis, Chart, Series};
//!
//! let chart = Chart {
//!     title: "Cost of a broadcast".to_owned(),
//!     x: Axis { range: Some((0.0, 1_200.0)), ..Axis::linear("median latency in ms") },
//!     y: Axis::logarithmic("messages per operation"),
//!     series: vec![
//!         Series::line("broadcast-e", [(150.0, 2.5), (328.0, 1.2), (894.0, 0.34)]),
//!         Series::marks("others", [(369.0, 24.2, "flood"), (174.0, 22.6, "star")]),
//!         Series::dashed("limit", [(0.0, 20.0), (1_200.0, 20.0)]),
//!     ],
//!     areas: vec![Area::new("3e", (0.0, 0.0), (1_000.0, 20.0))],
//! };
//! let svg = chart.to_svg()?;
//! assert!(svg.starts_with("<svg "));
//! # Ok::<(), eddy_pages::chart::ChartError>(())
//! ```

mod drawing;
mod error;
mod labels;
mod scale;
mod text;

use self::drawing::{Drawing, NARROW, WIDE};
pub use self::error::ChartError;
use self::scale::AxisSpan;

/// Contents of a chart.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Chart {
    /// Title above the chart.
    pub title: String,
    /// Horizontal axis.
    pub x: Axis,
    /// Vertical axis.
    pub y: Axis,
    /// Series in the order of the legend. Each of the first 14 has its own look.
    pub series: Vec<Series>,
    /// Shaded areas, behind all else.
    pub areas: Vec<Area>,
}

/// Axis of a chart.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Axis {
    /// Quantity and unit.
    pub label: String,
    /// Mapping from values to positions.
    pub scale: Scale,
    /// Ends of the axis. `None` makes room for all points and areas, and for zero if the scale has
    /// one.
    pub range: Option<(f64, f64)>,
}

/// Mapping from values to positions on an axis.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Scale {
    /// Equal differences are equally far apart.
    #[default]
    Linear,
    /// Equal ratios are equally far apart; only for values above zero.
    Logarithmic,
}

/// Series of points.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// Name in the legend; a series with an empty name is left out.
    pub name: String,
    /// Style of the points.
    pub style: SeriesStyle,
    /// Points in drawing order.
    pub points: Vec<Point>,
}

/// Style in which points are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SeriesStyle {
    /// A line with a small mark at each point.
    Line,
    /// A mark at each point.
    Marks,
    /// A dashed line without marks, for values that are not measured, such as a limit.
    Dashed,
    /// A line without marks, for so many values that marks would hide it.
    Curve,
    /// A dot at each point, for thousands of points. Dots on the same pixel are merged.
    Dots,
}

/// Point of a series.
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    /// Horizontal value.
    pub x: f64,
    /// Vertical value.
    pub y: f64,
    /// Text beside the point.
    pub label: Option<String>,
}

/// Shaded rectangle, clipped to the axes. Areas of the same name have the same color, and the first
/// visible one is labeled.
///
/// A coordinate of a corner may be infinite. Zero on a logarithmic axis has the same effect.
#[derive(Debug, Clone, PartialEq)]
pub struct Area {
    /// Text in the area.
    pub name: String,
    /// Corner with the smaller x and y.
    pub from: (f64, f64),
    /// Corner with the greater x and y.
    pub to: (f64, f64),
}

impl Chart {
    /// Draws the chart as an SVG document of 900 by 560 pixels.
    ///
    /// An error names the point, area or range that cannot be drawn.
    pub fn to_svg(&self) -> Result<String, ChartError> {
        self.draw(WIDE)
    }

    /// Draws the chart for a phone: 360 pixels wide, and as high as its legend needs.
    pub(crate) fn to_narrow_svg(&self) -> Result<String, ChartError> {
        self.draw(NARROW)
    }

    fn draw(&self, size: (f64, f64)) -> Result<String, ChartError> {
        let x = self.span(&self.x, |point| point.x, |corner| corner.0)?;
        let y = self.span(&self.y, |point| point.y, |corner| corner.1)?;
        Ok(Drawing::new(self, x, y, size).into_svg())
    }

    /// Span of an axis, whose coordinate of points and corners is given.
    fn span(
        &self,
        axis: &Axis,
        of_point: fn(&Point) -> f64,
        of_corner: fn((f64, f64)) -> f64,
    ) -> Result<AxisSpan, ChartError> {
        let mut shown = Vec::new();
        for area in &self.areas {
            for value in [area.from, area.to].map(of_corner) {
                if value.is_nan() {
                    return Err(ChartError::not_finite("area", &area.name, value));
                }
                if value.is_finite() && axis.scale.can_show(value) {
                    shown.push(value);
                }
            }
        }
        for series in &self.series {
            for value in series.points.iter().map(of_point) {
                if !value.is_finite() {
                    return Err(ChartError::not_finite("series", &series.name, value));
                }
                if !axis.scale.can_show(value) {
                    return Err(ChartError::not_positive(&series.name, axis, value));
                }
                shown.push(value);
            }
        }
        let span = AxisSpan::of(axis, &shown)?;
        for series in &self.series {
            let mut values = series.points.iter().map(of_point);
            if let Some(value) = values.find(|value| !span.contains(*value)) {
                return Err(ChartError::outside(&series.name, axis, value, span.ends()));
            }
        }
        Ok(span)
    }
}

impl Axis {
    /// A linear axis.
    pub fn linear(label: impl Into<String>) -> Axis {
        Axis { label: label.into(), scale: Scale::Linear, range: None }
    }

    /// A logarithmic axis.
    pub fn logarithmic(label: impl Into<String>) -> Axis {
        Axis { label: label.into(), scale: Scale::Logarithmic, range: None }
    }
}

impl Series {
    /// A line with small marks, through `(x, y)` or `(x, y, "label")`.
    pub fn line<P: Into<Point>>(
        name: impl Into<String>,
        points: impl IntoIterator<Item = P>,
    ) -> Series {
        Series::new(name, SeriesStyle::Line, points)
    }

    /// Marks at `(x, y)` or `(x, y, "label")`.
    pub fn marks<P: Into<Point>>(
        name: impl Into<String>,
        points: impl IntoIterator<Item = P>,
    ) -> Series {
        Series::new(name, SeriesStyle::Marks, points)
    }

    /// A dashed line through `(x, y)` or `(x, y, "label")`.
    pub fn dashed<P: Into<Point>>(
        name: impl Into<String>,
        points: impl IntoIterator<Item = P>,
    ) -> Series {
        Series::new(name, SeriesStyle::Dashed, points)
    }

    /// A line without marks, through `(x, y)` or `(x, y, "label")`.
    pub fn curve<P: Into<Point>>(
        name: impl Into<String>,
        points: impl IntoIterator<Item = P>,
    ) -> Series {
        Series::new(name, SeriesStyle::Curve, points)
    }

    /// Dots at `(x, y)`; labels are not shown.
    pub fn dots<P: Into<Point>>(
        name: impl Into<String>,
        points: impl IntoIterator<Item = P>,
    ) -> Series {
        Series::new(name, SeriesStyle::Dots, points)
    }

    fn new<P: Into<Point>>(
        name: impl Into<String>,
        style: SeriesStyle,
        points: impl IntoIterator<Item = P>,
    ) -> Series {
        Series { name: name.into(), style, points: points.into_iter().map(Into::into).collect() }
    }
}

impl From<(f64, f64)> for Point {
    fn from((x, y): (f64, f64)) -> Point {
        Point { x, y, label: None }
    }
}

impl<L: Into<String>> From<(f64, f64, L)> for Point {
    fn from((x, y, label): (f64, f64, L)) -> Point {
        Point { x, y, label: Some(label.into()) }
    }
}

impl Area {
    /// The area between two corners.
    pub fn new(name: impl Into<String>, from: (f64, f64), to: (f64, f64)) -> Area {
        Area { name: name.into(), from, to }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart(points: Vec<(f64, f64)>) -> Chart {
        let y = Axis { range: Some((1.0, 100.0)), ..Axis::logarithmic("cost") };
        let series = vec![Series::marks("<a> & \"b\"", points)];
        Chart { title: "T".into(), x: Axis::linear("n'"), y, series, areas: vec![] }
    }

    #[track_caller]
    fn check_error(chart: &Chart, expected: &str) {
        assert_eq!(chart.to_svg().expect_err("no chart").to_string(), expected);
    }

    #[test]
    fn the_same_chart_gives_the_same_bytes() {
        let chart = chart(vec![(1.0, 1.0), (2.0, 100.0)]);
        assert_eq!(chart.to_svg().unwrap(), chart.clone().to_svg().unwrap());
    }

    #[test]
    fn text_is_escaped() {
        let svg = chart(vec![(1.0, 1.0)]).to_svg().unwrap();
        assert!(svg.contains("&lt;a&gt; &amp; &quot;b&quot;"), "{svg}");
        assert!(svg.contains("n&apos;"), "{svg}");
        assert!(!svg.contains("<a>"), "{svg}");
    }

    #[test]
    fn an_empty_chart_has_axes() {
        let svg = Chart::default().to_svg().unwrap();
        assert!(svg.contains(">0.2</text>"), "{svg}");
    }

    #[test]
    fn a_value_that_an_axis_cannot_show_is_an_error() {
        let name = r#"series "<a> & \"b\"""#;
        check_error(
            &chart(vec![(1.0, 2.0), (f64::NAN, 2.0)]),
            &format!("{name} has the value NaN, which is not finite"),
        );
        check_error(
            &chart(vec![(1.0, f64::INFINITY)]),
            &format!("{name} has the value inf, which is not finite"),
        );
        check_error(
            &chart(vec![(1.0, 0.0)]),
            &format!("{name} has the value 0, which the logarithmic axis \"cost\" cannot show"),
        );
        check_error(
            &chart(vec![(1.0, 100.5)]),
            &format!("{name} has the value 100.5, outside the axis \"cost\", 1 to 100"),
        );
        let area = Area::new("3d", (0.0, 0.0), (f64::NAN, 1.0));
        check_error(
            &Chart { areas: vec![area], ..Chart::default() },
            "area \"3d\" has the value NaN, which is not finite",
        );
        let x = Axis { range: Some((5.0, 1.0)), ..Axis::linear("time") };
        check_error(&Chart { x, ..Chart::default() }, "the axis \"time\" cannot go from 5 to 1");
        let x = Axis { range: Some((0.0, 1.0)), ..Axis::logarithmic("time") };
        check_error(
            &Chart { x, ..Chart::default() },
            "the logarithmic axis \"time\" cannot go from 0 to 1",
        );
    }

    #[test]
    fn dots_on_the_same_pixel_are_merged() {
        let series = |points| vec![Series::dots("d", points)];
        let few = Chart { series: series(vec![(0.0, 1.0), (9.0, 9.0)]), ..Chart::default() };
        let again = vec![(0.0, 1.0), (9.0, 9.0), (0.0, 1.0), (0.001, 1.001)];
        let many = Chart { series: series(again), ..Chart::default() };
        let path = |chart: &Chart| {
            let svg = chart.to_svg().unwrap();
            // The dot before it is in the legend.
            svg.rsplit_once("<path d=\"").unwrap().1.split_once('"').unwrap().0.to_owned()
        };
        assert_eq!(path(&many), path(&few));
        assert_eq!(path(&few).matches("h0").count(), 2);
    }

    #[test]
    fn areas_of_the_same_name_share_a_color_and_a_label() {
        let area = |name: &str, x: f64| Area::new(name, (x, 0.0), (x + 1.0, 1.0));
        let areas = vec![area("cut", 0.0), area("kill", 2.0), area("cut", 4.0)];
        let svg = Chart { areas, ..Chart::default() }.to_svg().unwrap();
        assert_eq!(svg.matches(">cut</text>").count(), 1, "{svg}");
        let shades = svg.lines().filter(|line| line.contains("fill-opacity"));
        let color = |line: &str| line.split_once("fill=\"").unwrap().1[..7].to_owned();
        let colors: Vec<String> = shades.map(color).collect();
        assert_eq!((colors.len(), &colors[0]), (3, &colors[2]));
        assert_ne!(colors[0], colors[1]);
    }

    #[test]
    fn an_area_is_clipped_to_the_axes() {
        let areas = vec![Area::new("all", (f64::NEG_INFINITY, 0.0), (f64::INFINITY, 1e9))];
        let whole = Chart { areas, ..chart(vec![(1.0, 10.0)]) }.to_svg().unwrap();
        let areas = vec![Area::new("all", (0.0, 1.0), (1.0, 100.0))];
        assert_eq!(Chart { areas, ..chart(vec![(1.0, 10.0)]) }.to_svg().unwrap(), whole);
        let areas = vec![Area::new("none", (0.0, 200.0), (1.0, 300.0))];
        let none = Chart { areas, ..chart(vec![(1.0, 10.0)]) }.to_svg().unwrap();
        assert_eq!(none, chart(vec![(1.0, 10.0)]).to_svg().unwrap());
    }
}
