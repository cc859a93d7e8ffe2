//! Drawing of a chart: positions, colors, and the order of layers.

use std::collections::BTreeSet;

use super::labels::{LabelSpace, Rectangle};
use super::scale::AxisSpan;
use super::text::{self, escaped};
use super::{Area, Chart, Series, SeriesStyle};

/// Width and height for a wide screen.
pub(super) const WIDE: (f64, f64) = (900.0, 560.0);

/// Width and height for a phone, whose page is about as wide.
pub(super) const NARROW: (f64, f64) = (360.0, 320.0);

/// Minimum height of the axes: a picture with a long legend becomes higher.
const MIN_FRAME_HEIGHT: f64 = 160.0;

/// Margin around the picture: with less, a page's border would touch the text.
const MARGIN: f64 = 14.0;

/// Font sizes: smaller text cannot be read at half size, larger text leaves no room for labels.
const SMALL_FONT: f64 = 13.0;
const LARGE_FONT: f64 = 18.0;

/// Space for the numbers and the label of the horizontal axis.
const BELOW_FRAME: f64 = MARGIN + 3.4 * SMALL_FONT;

/// Space per tick, which determines the number of ticks.
const TICK_WIDTH: f64 = 75.0;
const TICK_HEIGHT: f64 = 45.0;

/// Colors of Okabe and Ito, which nearly all color-blind people can tell apart; without yellow,
/// which is hard to see on white.
const COLORS: [&str; 7] =
    ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#000000"];

/// Colors of areas, which are translucent because areas overlap.
const AREA_COLORS: [&str; 3] = ["#56b4e9", "#009e73", "#e69f00"];

/// Shape of a mark. With 4 shapes and 7 colors, a pair repeats only after 28 series.
#[derive(Clone, Copy)]
enum MarkShape {
    Circle,
    Square,
    Triangle,
    Diamond,
}

const SHAPES: [MarkShape; 4] =
    [MarkShape::Circle, MarkShape::Square, MarkShape::Diamond, MarkShape::Triangle];

/// Drawing in progress.
pub(super) struct Drawing<'a> {
    chart: &'a Chart,
    x: AxisSpan,
    y: AxisSpan,
    width: f64,
    height: f64,
    /// Rectangle that the axes enclose.
    frame: Rectangle,
    elements: Vec<String>,
}

/// Legend entry of a series.
struct LegendEntry<'a> {
    series: &'a Series,
    color: &'static str,
    shape: MarkShape,
    /// True if an earlier series has the same color.
    reuses_color: bool,
}

impl<'a> Drawing<'a> {
    pub(super) fn new(
        chart: &'a Chart,
        x: AxisSpan,
        y: AxisSpan,
        (width, height): (f64, f64),
    ) -> Drawing<'a> {
        let inside = Rectangle { left: 0.0, top: 0.0, width, height };
        Drawing { chart, x, y, width, height, frame: inside, elements: vec![] }
    }

    pub(super) fn into_svg(mut self) -> String {
        let legend_top = self.title();
        let frame_top = self.legend(legend_top) + MARGIN;
        self.height = self.height.max((frame_top + MIN_FRAME_HEIGHT + BELOW_FRAME).ceil());
        self.axes(frame_top);
        self.series();
        self.labels();
        let (head, body) = (self.head(), self.elements.join("\n"));
        format!("{head}\n{body}\n</svg>\n")
    }

    /// SVG header, title and background.
    fn head(&self) -> String {
        let (title, width, height) = (escaped(&self.chart.title), self.width, self.height);
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
             viewBox=\"0 0 {width} {height}\" role=\"img\" \
             font-family=\"Helvetica, Arial, 'DejaVu Sans', sans-serif\" fill=\"#222222\">\n\
             <title>{title}</title>\n\
             <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>"
        )
    }

    /// Draws the title, and returns its bottom.
    fn title(&mut self) -> f64 {
        if self.chart.title.is_empty() {
            return MARGIN;
        }
        let middle = (self.width / 2.0, MARGIN + LARGE_FONT / 2.0);
        // Bold letters are a sixth wider, at most.
        let size = fitting_size(&self.chart.title, LARGE_FONT, (self.width - 2.0 * MARGIN) / 1.17);
        self.text(middle, "middle", size, "font-weight=\"bold\"", &self.chart.title);
        MARGIN + LARGE_FONT * 1.4
    }

    /// Draws the legend in rows from the left, and returns its bottom.
    fn legend(&mut self, top: f64) -> f64 {
        const GAP: f64 = 22.0;
        const ROW: f64 = SMALL_FONT * 1.7;
        let mut left = MARGIN;
        let mut middle = top + ROW / 2.0;
        let mut bottom = top;
        for entry in self.entries().into_iter().filter(|entry| !entry.series.name.is_empty()) {
            let name = &entry.series.name;
            let has_no_line = matches!(entry.series.style, SeriesStyle::Marks | SeriesStyle::Dots);
            let sample = if has_no_line { 12.0 } else { 30.0 };
            let width = sample + 6.0 + text::width(name, SMALL_FONT);
            if left > MARGIN && left + width > self.width - MARGIN {
                left = MARGIN;
                middle += ROW;
            }
            self.line(&entry, &[(left, middle), (left + sample, middle)]);
            self.mark(&entry, (left + sample / 2.0, middle));
            let start = left + sample + 6.0;
            let size = fitting_size(name, SMALL_FONT, self.width - MARGIN - start);
            self.text((start, middle), "start", size, "", name);
            left += width + GAP;
            bottom = middle + ROW / 2.0;
        }
        bottom
    }

    /// Draws areas, grid and axes.
    fn axes(&mut self, top: f64) {
        let bottom = self.height - BELOW_FRAME;
        let y_ticks = self.y.ticks(tick_count(bottom - top, TICK_HEIGHT));
        let numbers = y_ticks.iter().map(|tick| text::width(&text::number(*tick), SMALL_FONT));
        let left = MARGIN + 2.0 * SMALL_FONT + numbers.fold(0.0, f64::max) + 6.0;
        // The last number may stick out by half its width.
        let width = self.width - MARGIN - TICK_WIDTH / 3.0 - left;
        self.frame = Rectangle { left, top, width, height: bottom - top };
        self.areas();
        let right = left + width;
        for tick in self.x.ticks(tick_count(width, TICK_WIDTH)) {
            let x = self.pixel_x(tick);
            self.push(thin_line((x, top), (x, bottom), "#dddddd"));
            self.push(thin_line((x, bottom), (x, bottom + 5.0), "#444444"));
            let place = (x, bottom + 6.0 + SMALL_FONT / 2.0 + 2.0);
            self.text(place, "middle", SMALL_FONT, "", &text::number(tick));
        }
        for tick in y_ticks {
            let y = self.pixel_y(tick);
            self.push(thin_line((left, y), (right, y), "#dddddd"));
            self.push(thin_line((left - 5.0, y), (left, y), "#444444"));
            self.text((left - 8.0, y), "end", SMALL_FONT, "", &text::number(tick));
        }
        self.push(thin_line((left, bottom), (right, bottom), "#444444"));
        self.push(thin_line((left, top), (left, bottom), "#444444"));
        let (x_label, y_label) = (&self.chart.x.label, &self.chart.y.label);
        let middle = (left + width / 2.0, self.height - MARGIN - SMALL_FONT / 2.0);
        self.text(middle, "middle", fitting_size(x_label, SMALL_FONT, width), "", x_label);
        let (x, y) = (MARGIN + SMALL_FONT / 2.0, f64::midpoint(top, bottom));
        let turned = format!("transform=\"rotate(-90 {x:.1} {y:.1})\"");
        self.text(
            (x, y),
            "middle",
            fitting_size(y_label, SMALL_FONT, bottom - top),
            &turned,
            y_label,
        );
    }

    fn areas(&mut self) {
        let names = self.area_names();
        for area in &self.chart.areas {
            let number = names.iter().position(|name| *name == area.name).unwrap_or_default();
            let color = AREA_COLORS[number % AREA_COLORS.len()];
            let Some(Rectangle { left, top, width, height }) = self.shaded(area) else { continue };
            self.push(format!(
                "<rect x=\"{left:.1}\" y=\"{top:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" \
                 fill=\"{color}\" fill-opacity=\"0.13\" stroke=\"{color}\" stroke-opacity=\"0.6\"/>"
            ));
        }
    }

    /// Distinct names of areas.
    fn area_names(&self) -> Vec<&'a str> {
        let mut names: Vec<&str> = Vec::new();
        for area in &self.chart.areas {
            if !names.contains(&area.name.as_str()) {
                names.push(&area.name);
            }
        }
        names
    }

    /// Visible part of an area, if any.
    fn shaded(&self, area: &Area) -> Option<Rectangle> {
        let (left, right) = (self.pixel_x(area.from.0), self.pixel_x(area.to.0));
        let (bottom, top) = (self.pixel_y(area.from.1), self.pixel_y(area.to.1));
        let (width, height) = (right - left, bottom - top);
        (width > 0.0 && height > 0.0).then_some(Rectangle { left, top, width, height })
    }

    /// Draws all lines, then all marks, so that no line covers a mark.
    fn series(&mut self) {
        let entries = self.entries();
        for entry in &entries {
            let places = self.positions(entry.series);
            self.line(entry, &places);
        }
        for entry in &entries {
            let places = self.positions(entry.series);
            if entry.series.style == SeriesStyle::Dots {
                self.dots(entry, &places);
                continue;
            }
            for place in places {
                self.mark(entry, place);
            }
        }
    }

    /// Draws all dots of a series as one path. Each dot is a line of length zero with round caps,
    /// or with square ones if an earlier series has the same color.
    fn dots(&mut self, entry: &LegendEntry, places: &[(f64, f64)]) {
        let shown: BTreeSet<String> =
            places.iter().map(|(x, y)| format!("M{x:.0} {y:.0}h0")).collect();
        let (path, color) = (shown.into_iter().collect::<String>(), entry.color);
        let ends = if entry.reuses_color { "square" } else { "round" };
        self.push(format!(
            "<path d=\"{path}\" stroke=\"{color}\" stroke-width=\"4\" stroke-linecap=\"{ends}\" \
             stroke-opacity=\"0.7\"/>"
        ));
    }

    /// Draws the names of areas and the labels of points where there is space.
    fn labels(&mut self) {
        let chart = self.chart;
        let mut room =
            LabelSpace::new(Rectangle { width: self.width - 4.0 - self.frame.left, ..self.frame });
        let is_sparse =
            |series: &&Series| !matches!(series.style, SeriesStyle::Curve | SeriesStyle::Dots);
        for series in chart.series.iter().filter(is_sparse) {
            let places = self.positions(series);
            if series.style != SeriesStyle::Marks {
                for ends in places.windows(2) {
                    room.occupy_line(ends[0], ends[1]);
                }
            }
            for place in places {
                room.occupy(Rectangle::centered_at(place, 12.0, 12.0));
            }
        }
        for name in self.area_names() {
            let mut areas = chart.areas.iter().filter(|area| area.name == name);
            let first = areas.find_map(|area| Some((area, self.shaded(area)?)));
            if let Some((area, shaded)) = first {
                let place = room.place_within(shaded, &area.name, SMALL_FONT);
                self.label(place, "font-style=\"italic\"", &area.name);
            }
        }
        for series in chart.series.iter().filter(is_sparse) {
            for (point, place) in series.points.iter().zip(self.positions(series)) {
                if let Some(label) = &point.label {
                    let place = room.place_beside(place, label, SMALL_FONT);
                    self.label(place, "", label);
                }
            }
        }
    }

    fn entries(&self) -> Vec<LegendEntry<'a>> {
        let looks = COLORS.iter().cycle().zip(SHAPES.iter().cycle());
        let series = self.chart.series.iter().zip(looks).enumerate();
        let entry = |(number, (series, (color, shape)))| {
            let (color, shape): (&&str, &MarkShape) = (color, shape);
            LegendEntry { series, color, shape: *shape, reuses_color: number >= COLORS.len() }
        };
        series.map(entry).collect()
    }

    fn positions(&self, series: &Series) -> Vec<(f64, f64)> {
        series.points.iter().map(|point| (self.pixel_x(point.x), self.pixel_y(point.y))).collect()
    }

    fn pixel_x(&self, x: f64) -> f64 {
        self.frame.left + self.x.position(x) * self.frame.width
    }

    fn pixel_y(&self, y: f64) -> f64 {
        self.frame.top + (1.0 - self.y.position(y)) * self.frame.height
    }

    /// Draws the line of a series, if it has one.
    fn line(&mut self, entry: &LegendEntry, places: &[(f64, f64)]) {
        let dashes = match entry.series.style {
            SeriesStyle::Curve if entry.reuses_color => " stroke-dasharray=\"2 3\"",
            SeriesStyle::Line | SeriesStyle::Curve => "",
            SeriesStyle::Dashed => " stroke-dasharray=\"7 5\"",
            SeriesStyle::Marks | SeriesStyle::Dots => return,
        };
        let (color, points) = (entry.color, path(places));
        self.push(format!(
            "<polyline points=\"{points}\" fill=\"none\" stroke=\"{color}\" stroke-width=\"2\" \
             stroke-linejoin=\"round\"{dashes}/>"
        ));
    }

    /// Draws the mark of a series at a point, if it has one.
    fn mark(&mut self, entry: &LegendEntry, (x, y): (f64, f64)) {
        // Half the width of a square; other shapes are scaled to look equally large.
        let half = match entry.series.style {
            SeriesStyle::Line => 3.6,
            SeriesStyle::Marks => 4.6,
            SeriesStyle::Dots => return self.dots(entry, &[(x, y)]),
            SeriesStyle::Dashed | SeriesStyle::Curve => return,
        };
        let (round, far) = (half * 1.13, half * 1.4);
        let shape = match entry.shape {
            MarkShape::Circle => format!("<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{round:.1}\""),
            MarkShape::Square => polygon(&[
                (x - half, y - half),
                (x + half, y - half),
                (x + half, y + half),
                (x - half, y + half),
            ]),
            MarkShape::Triangle => {
                polygon(&[(x, y - far), (x + far, y + half), (x - far, y + half)])
            }
            MarkShape::Diamond => {
                polygon(&[(x, y - far), (x + far, y), (x, y + far), (x - far, y)])
            }
        };
        self.push(format!("{shape} fill=\"{}\" stroke=\"#ffffff\"/>", entry.color));
    }

    /// Draws a text with a halo, so that it is readable on any background.
    fn label(&mut self, place: Rectangle, attributes: &str, text: &str) {
        let middle = (place.left + place.width / 2.0, place.top + place.height / 2.0);
        let halo = "stroke=\"#ffffff\" stroke-width=\"3\" stroke-opacity=\"0.7\" \
                    stroke-linejoin=\"round\" paint-order=\"stroke\"";
        self.text(middle, "middle", SMALL_FONT, &format!("{halo} {attributes}"), text);
    }

    /// Draws a text that is centered vertically at a point.
    fn text(&mut self, at: (f64, f64), anchor: &str, size: f64, attributes: &str, text: &str) {
        // Most letters have their middle at about a third of the font size; not every SVG viewer
        // supports vertical centering.
        let (x, y, text) = (at.0, at.1 + size * 0.35, escaped(text));
        let space = if attributes.is_empty() { "" } else { " " };
        self.push(format!(
            "<text x=\"{x:.1}\" y=\"{y:.1}\" font-size=\"{size:.1}\" text-anchor=\"{anchor}\"\
             {space}{}>{text}</text>",
            attributes.trim_end()
        ));
    }

    fn push(&mut self, element: String) {
        self.elements.push(element);
    }
}

fn thin_line(from: (f64, f64), to: (f64, f64), color: &str) -> String {
    let points = path(&[from, to]);
    format!("<polyline points=\"{points}\" fill=\"none\" stroke=\"{color}\"/>")
}

fn polygon(corners: &[(f64, f64)]) -> String {
    format!("<polygon points=\"{}\"", path(corners))
}

/// Coordinates in SVG syntax, to a tenth of a pixel.
fn path(places: &[(f64, f64)]) -> String {
    let places = places.iter().map(|(x, y)| format!("{x:.1},{y:.1}"));
    places.collect::<Vec<_>>().join(" ")
}

/// Font size at which a text fits into a width.
fn fitting_size(text: &str, size: f64, room: f64) -> f64 {
    let width = text::width(text, size);
    if width > room { size * room / width } else { size }
}

/// Number of ticks that fit, at least two.
fn tick_count(length: f64, each: f64) -> u8 {
    (2..u8::MAX).take_while(|count| f64::from(*count) * each <= length).last().unwrap_or(2)
}
