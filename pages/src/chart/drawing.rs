//! The picture: what is where, in which color, and what covers what.

use std::collections::BTreeSet;

use super::labels::{Rectangle, Room};
use super::scale::Span;
use super::text::{self, escaped};
use super::{Area, Chart, Series, Style};

/// The width and the height of a picture for a wide screen.
pub(super) const WIDE: (f64, f64) = (900.0, 560.0);

/// The same of one for a phone, whose page has about as many pixels across.
pub(super) const NARROW: (f64, f64) = (360.0, 320.0);

/// How high the axes are at least: under a long legend a picture is higher than it would be.
const LEAST_FRAME: f64 = 160.0;

/// Around everything: less, and a page's border touches the text.
const MARGIN: f64 = 14.0;

/// The height of the letters: smaller ones cannot be read when a page shows the picture at half its
/// size, larger ones leave no room for labels.
const SMALL: f64 = 13.0;
const LARGE: f64 = 18.0;

/// Room for the numbers and the label of the axis to the right.
const BELOW_FRAME: f64 = MARGIN + 3.4 * SMALL;

/// Room for a tick and its number, so how many an axis has.
const TICK_WIDTH: f64 = 75.0;
const TICK_HEIGHT: f64 = 45.0;

/// The colors of Okabe and Ito, which can be told apart by nearly everybody who sees few colors;
/// all but yellow, which is hard to see on white.
const COLORS: [&str; 7] =
    ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#000000"];

/// Areas overlap, so they let each other through.
const AREA_COLORS: [&str; 3] = ["#56b4e9", "#009e73", "#e69f00"];

/// A mark's shape; there are four, and seven colors, so it is long until both come again.
#[derive(Clone, Copy)]
enum Shape {
    Circle,
    Square,
    Triangle,
    Diamond,
}

const SHAPES: [Shape; 4] = [Shape::Circle, Shape::Square, Shape::Diamond, Shape::Triangle];

/// A chart that is being drawn.
pub(super) struct Drawing<'a> {
    chart: &'a Chart,
    x: Span,
    y: Span,
    width: f64,
    height: f64,
    /// What the axes enclose.
    frame: Rectangle,
    elements: Vec<String>,
}

/// A series as the legend shows it.
struct Entry<'a> {
    series: &'a Series,
    color: &'static str,
    shape: Shape,
    /// Whether an earlier one has its color.
    is_again: bool,
}

impl<'a> Drawing<'a> {
    pub(super) fn new(
        chart: &'a Chart,
        x: Span,
        y: Span,
        (width, height): (f64, f64),
    ) -> Drawing<'a> {
        let inside = Rectangle { left: 0.0, top: 0.0, width, height };
        Drawing { chart, x, y, width, height, frame: inside, elements: vec![] }
    }

    pub(super) fn into_svg(mut self) -> String {
        let legend_top = self.title();
        let frame_top = self.legend(legend_top) + MARGIN;
        self.height = self.height.max((frame_top + LEAST_FRAME + BELOW_FRAME).ceil());
        self.axes(frame_top);
        self.series();
        self.labels();
        let (head, body) = (self.head(), self.elements.join("\n"));
        format!("{head}\n{body}\n</svg>\n")
    }

    /// What comes before all that is drawn.
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

    /// Draws the title, and says where it ends.
    fn title(&mut self) -> f64 {
        if self.chart.title.is_empty() {
            return MARGIN;
        }
        let middle = (self.width / 2.0, MARGIN + LARGE / 2.0);
        // Bold letters are a sixth wider, at most.
        let size = fitting(&self.chart.title, LARGE, (self.width - 2.0 * MARGIN) / 1.17);
        self.text(middle, "middle", size, "font-weight=\"bold\"", &self.chart.title);
        MARGIN + LARGE * 1.4
    }

    /// Draws the legend in rows from the left, and says where it ends.
    fn legend(&mut self, top: f64) -> f64 {
        const GAP: f64 = 22.0;
        const ROW: f64 = SMALL * 1.7;
        let mut left = MARGIN;
        let mut middle = top + ROW / 2.0;
        let mut bottom = top;
        for entry in self.entries().into_iter().filter(|entry| !entry.series.name.is_empty()) {
            let name = &entry.series.name;
            let has_no_line = matches!(entry.series.style, Style::Marks | Style::Dots);
            let sample = if has_no_line { 12.0 } else { 30.0 };
            let width = sample + 6.0 + text::width(name, SMALL);
            if left > MARGIN && left + width > self.width - MARGIN {
                left = MARGIN;
                middle += ROW;
            }
            self.line(&entry, &[(left, middle), (left + sample, middle)]);
            self.mark(&entry, (left + sample / 2.0, middle));
            let start = left + sample + 6.0;
            let size = fitting(name, SMALL, self.width - MARGIN - start);
            self.text((start, middle), "start", size, "", name);
            left += width + GAP;
            bottom = middle + ROW / 2.0;
        }
        bottom
    }

    /// Draws what does not depend on the points: areas, the lines at the ticks, the axes.
    fn axes(&mut self, top: f64) {
        let bottom = self.height - BELOW_FRAME;
        let y_ticks = self.y.ticks(room(bottom - top, TICK_HEIGHT));
        let numbers = y_ticks.iter().map(|tick| text::width(&text::number(*tick), SMALL));
        let left = MARGIN + 2.0 * SMALL + numbers.fold(0.0, f64::max) + 6.0;
        // The last number may stand out by half of its width.
        let width = self.width - MARGIN - TICK_WIDTH / 3.0 - left;
        self.frame = Rectangle { left, top, width, height: bottom - top };
        self.areas();
        let right = left + width;
        for tick in self.x.ticks(room(width, TICK_WIDTH)) {
            let x = self.across(tick);
            self.push(thin_line((x, top), (x, bottom), "#dddddd"));
            self.push(thin_line((x, bottom), (x, bottom + 5.0), "#444444"));
            let place = (x, bottom + 6.0 + SMALL / 2.0 + 2.0);
            self.text(place, "middle", SMALL, "", &text::number(tick));
        }
        for tick in y_ticks {
            let y = self.down(tick);
            self.push(thin_line((left, y), (right, y), "#dddddd"));
            self.push(thin_line((left - 5.0, y), (left, y), "#444444"));
            self.text((left - 8.0, y), "end", SMALL, "", &text::number(tick));
        }
        self.push(thin_line((left, bottom), (right, bottom), "#444444"));
        self.push(thin_line((left, top), (left, bottom), "#444444"));
        let (x_label, y_label) = (&self.chart.x.label, &self.chart.y.label);
        let middle = (left + width / 2.0, self.height - MARGIN - SMALL / 2.0);
        self.text(middle, "middle", fitting(x_label, SMALL, width), "", x_label);
        let (x, y) = (MARGIN + SMALL / 2.0, f64::midpoint(top, bottom));
        let turned = format!("transform=\"rotate(-90 {x:.1} {y:.1})\"");
        self.text((x, y), "middle", fitting(y_label, SMALL, bottom - top), &turned, y_label);
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

    /// The names of the areas, each once.
    fn area_names(&self) -> Vec<&'a str> {
        let mut names: Vec<&str> = Vec::new();
        for area in &self.chart.areas {
            if !names.contains(&area.name.as_str()) {
                names.push(&area.name);
            }
        }
        names
    }

    /// What can be seen of an area, if anything.
    fn shaded(&self, area: &Area) -> Option<Rectangle> {
        let (left, right) = (self.across(area.from.0), self.across(area.to.0));
        let (bottom, top) = (self.down(area.from.1), self.down(area.to.1));
        let (width, height) = (right - left, bottom - top);
        (width > 0.0 && height > 0.0).then_some(Rectangle { left, top, width, height })
    }

    /// Draws all lines, then all marks, so that no line covers a mark.
    fn series(&mut self) {
        let entries = self.entries();
        for entry in &entries {
            let places = self.places(entry.series);
            self.line(entry, &places);
        }
        for entry in &entries {
            let places = self.places(entry.series);
            if entry.series.style == Style::Dots {
                self.dots(entry, &places);
                continue;
            }
            for place in places {
                self.mark(entry, place);
            }
        }
    }

    /// Draws all dots of a series as one path, each as a line of no length with round ends, or with
    /// square ones where an earlier series has its color.
    fn dots(&mut self, entry: &Entry, places: &[(f64, f64)]) {
        let shown: BTreeSet<String> =
            places.iter().map(|(x, y)| format!("M{x:.0} {y:.0}h0")).collect();
        let (path, color) = (shown.into_iter().collect::<String>(), entry.color);
        let ends = if entry.is_again { "square" } else { "round" };
        self.push(format!(
            "<path d=\"{path}\" stroke=\"{color}\" stroke-width=\"4\" stroke-linecap=\"{ends}\" \
             stroke-opacity=\"0.7\"/>"
        ));
    }

    /// Draws the names of the areas and the labels of the points, where there is room for them.
    fn labels(&mut self) {
        let chart = self.chart;
        let mut room =
            Room::new(Rectangle { width: self.width - 4.0 - self.frame.left, ..self.frame });
        let is_sparse = |series: &&Series| !matches!(series.style, Style::Curve | Style::Dots);
        for series in chart.series.iter().filter(is_sparse) {
            let places = self.places(series);
            if series.style != Style::Marks {
                for ends in places.windows(2) {
                    room.take_line(ends[0], ends[1]);
                }
            }
            for place in places {
                room.take(Rectangle::around(place, 12.0, 12.0));
            }
        }
        for name in self.area_names() {
            let mut areas = chart.areas.iter().filter(|area| area.name == name);
            let first = areas.find_map(|area| Some((area, self.shaded(area)?)));
            if let Some((area, shaded)) = first {
                let place = room.within(shaded, &area.name, SMALL);
                self.label(place, "font-style=\"italic\"", &area.name);
            }
        }
        for series in chart.series.iter().filter(is_sparse) {
            for (point, place) in series.points.iter().zip(self.places(series)) {
                if let Some(label) = &point.label {
                    let place = room.beside(place, label, SMALL);
                    self.label(place, "", label);
                }
            }
        }
    }

    fn entries(&self) -> Vec<Entry<'a>> {
        let looks = COLORS.iter().cycle().zip(SHAPES.iter().cycle());
        let series = self.chart.series.iter().zip(looks).enumerate();
        let entry = |(number, (series, (color, shape)))| {
            let (color, shape): (&&str, &Shape) = (color, shape);
            Entry { series, color, shape: *shape, is_again: number >= COLORS.len() }
        };
        series.map(entry).collect()
    }

    fn places(&self, series: &Series) -> Vec<(f64, f64)> {
        series.points.iter().map(|point| (self.across(point.x), self.down(point.y))).collect()
    }

    fn across(&self, x: f64) -> f64 {
        self.frame.left + self.x.place(x) * self.frame.width
    }

    fn down(&self, y: f64) -> f64 {
        self.frame.top + (1.0 - self.y.place(y)) * self.frame.height
    }

    /// Draws a series' line through places, if it has one.
    fn line(&mut self, entry: &Entry, places: &[(f64, f64)]) {
        let dashes = match entry.series.style {
            Style::Curve if entry.is_again => " stroke-dasharray=\"2 3\"",
            Style::Line | Style::Curve => "",
            Style::Dashed => " stroke-dasharray=\"7 5\"",
            Style::Marks | Style::Dots => return,
        };
        let (color, points) = (entry.color, path(places));
        self.push(format!(
            "<polyline points=\"{points}\" fill=\"none\" stroke=\"{color}\" stroke-width=\"2\" \
             stroke-linejoin=\"round\"{dashes}/>"
        ));
    }

    /// Draws a series' mark at a place, if it has one.
    fn mark(&mut self, entry: &Entry, (x, y): (f64, f64)) {
        // Half of the width of a square; other shapes are as wide as is needed to look as large.
        let half = match entry.series.style {
            Style::Line => 3.6,
            Style::Marks => 4.6,
            Style::Dots => return self.dots(entry, &[(x, y)]),
            Style::Dashed | Style::Curve => return,
        };
        let (round, far) = (half * 1.13, half * 1.4);
        let shape = match entry.shape {
            Shape::Circle => format!("<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{round:.1}\""),
            Shape::Square => polygon(&[
                (x - half, y - half),
                (x + half, y - half),
                (x + half, y + half),
                (x - half, y + half),
            ]),
            Shape::Triangle => polygon(&[(x, y - far), (x + far, y + half), (x - far, y + half)]),
            Shape::Diamond => polygon(&[(x, y - far), (x + far, y), (x, y + far), (x - far, y)]),
        };
        self.push(format!("{shape} fill=\"{}\" stroke=\"#ffffff\"/>", entry.color));
    }

    /// Draws a text that stays readable on what is behind it.
    fn label(&mut self, place: Rectangle, attributes: &str, text: &str) {
        let middle = (place.left + place.width / 2.0, place.top + place.height / 2.0);
        let halo = "stroke=\"#ffffff\" stroke-width=\"3\" stroke-opacity=\"0.7\" \
                    stroke-linejoin=\"round\" paint-order=\"stroke\"";
        self.text(middle, "middle", SMALL, &format!("{halo} {attributes}"), text);
    }

    /// Draws a text whose middle is at a height.
    fn text(&mut self, at: (f64, f64), anchor: &str, size: f64, attributes: &str, text: &str) {
        // A third of their height is where the middle of most letters is; not every program that
        // shows SVG knows how to find it.
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

/// Places as SVG has them, to a tenth of a pixel.
fn path(places: &[(f64, f64)]) -> String {
    let places = places.iter().map(|(x, y)| format!("{x:.1},{y:.1}"));
    places.collect::<Vec<_>>().join(" ")
}

/// The size at which a text is no wider than there is room for.
fn fitting(text: &str, size: f64, room: f64) -> f64 {
    let width = text::width(text, size);
    if width > room { size * room / width } else { size }
}

/// How many ticks fit side by side, and two at least.
fn room(length: f64, each: f64) -> u8 {
    (2..u8::MAX).take_while(|count| f64::from(*count) * each <= length).last().unwrap_or(2)
}
