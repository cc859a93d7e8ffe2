//! Placement of labels so that they hide no other label, mark or line.
//!
//! Each label in turn takes the best of a few positions, and is not moved again. That is not
//! optimal, but good enough for the few labels of a readable chart.

use super::text;

/// Rectangle in pixels; y grows downward.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Rectangle {
    pub(super) left: f64,
    pub(super) top: f64,
    pub(super) width: f64,
    pub(super) height: f64,
}

/// Occupied space of a picture.
#[derive(Debug)]
pub(super) struct LabelSpace {
    inside: Rectangle,
    occupied: Vec<Rectangle>,
}

/// Distance of a label from its point's center: less touches the mark, more could belong to another
/// point.
const DISTANCE: f64 = 9.0;

/// Distance of an area's name from its border.
const INSET: f64 = 6.0;

/// Cost of a pixel outside the frame, in hidden pixels: clipped text cannot be read.
const OUTSIDE_COST: f64 = 100.0;

/// Extra cost of each position over the one before, in hidden pixels.
const PREFERENCE_STEP: f64 = 2.0;

impl LabelSpace {
    pub(super) fn new(inside: Rectangle) -> LabelSpace {
        LabelSpace { inside, occupied: vec![] }
    }

    pub(super) fn occupy(&mut self, rectangle: Rectangle) {
        self.occupied.push(rectangle);
    }

    /// Occupies the space of a line, in steps too short for a text to fit between.
    pub(super) fn occupy_line(&mut self, from: (f64, f64), to: (f64, f64)) {
        const STEP: f64 = 4.0;
        let (across, down) = (to.0 - from.0, to.1 - from.1);
        let count = (across.hypot(down) / STEP).ceil().max(1.0);
        let mut step = 0.0;
        while step <= count {
            let part = step / count;
            self.occupy(Rectangle::centered_at(
                (from.0 + across * part, from.1 + down * part),
                4.0,
                4.0,
            ));
            step += 1.0;
        }
    }

    /// Places a label beside a point: right, left, above, below, or at a corner.
    pub(super) fn place_beside(&mut self, point: (f64, f64), text: &str, size: f64) -> Rectangle {
        let (width, height) = (text::width(text, size), size * 1.2);
        let (away, level) = (DISTANCE + width / 2.0, DISTANCE + height / 2.0);
        let corner = away - DISTANCE / 2.0;
        let ways = [
            (away, 0.0),
            (-away, 0.0),
            (0.0, -level),
            (0.0, level),
            (corner, -level),
            (corner, level),
            (-corner, -level),
            (-corner, level),
        ];
        let places = ways.map(|(right, down)| {
            Rectangle::centered_at((point.0 + right, point.1 + down), width, height)
        });
        self.occupy_best(places)
    }

    /// Places a label in a corner of an area, preferably the top right one.
    pub(super) fn place_within(&mut self, area: Rectangle, text: &str, size: f64) -> Rectangle {
        let (width, height) = (text::width(text, size), size * 1.2);
        let left = area.left + INSET;
        let right = area.left + area.width - INSET - width;
        let top = area.top + INSET / 2.0;
        let bottom = area.top + area.height - INSET / 2.0 - height;
        let places = [(right, top), (left, top), (left, bottom), (right, bottom)]
            .map(|(left, top)| Rectangle { left, top, width, height });
        self.occupy_best(places)
    }

    /// Occupies the position that hides least; the first of equals.
    fn occupy_best<const COUNT: usize>(&mut self, places: [Rectangle; COUNT]) -> Rectangle {
        let mut best = (f64::INFINITY, self.inside);
        let mut preference = 0.0;
        for place in places {
            let outside = place.area() - place.overlap(self.inside);
            let hidden: f64 = self.occupied.iter().map(|taken| taken.overlap(place)).sum();
            let cost = hidden + outside * OUTSIDE_COST + preference;
            if cost < best.0 {
                best = (cost, place);
            }
            preference += PREFERENCE_STEP;
        }
        self.occupy(best.1);
        best.1
    }
}

impl Rectangle {
    pub(super) fn centered_at((x, y): (f64, f64), width: f64, height: f64) -> Rectangle {
        Rectangle { left: x - width / 2.0, top: y - height / 2.0, width, height }
    }

    fn area(self) -> f64 {
        self.width * self.height
    }

    /// Area that two rectangles share, in square pixels.
    fn overlap(self, other: Rectangle) -> f64 {
        let right = (self.left + self.width).min(other.left + other.width);
        let bottom = (self.top + self.height).min(other.top + other.height);
        let (width, height) = (right - self.left.max(other.left), bottom - self.top.max(other.top));
        width.max(0.0) * height.max(0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn room() -> LabelSpace {
        LabelSpace::new(Rectangle { left: 0.0, top: 0.0, width: 400.0, height: 300.0 })
    }

    /// Checks the side of a point that its label is on.
    #[track_caller]
    fn check(room: &mut LabelSpace, (x, y): (f64, f64), expected: &str) {
        let place = room.place_beside((x, y), "label", 12.0);
        let side = match () {
            () if place.left > x => "right",
            () if place.left + place.width < x => "left",
            () if place.top + place.height < y => "above",
            () if place.top > y => "below",
            () => "on it",
        };
        assert_eq!(side, expected);
    }

    #[test]
    fn a_label_is_right_of_its_point_unless_something_else_is() {
        let point = (200.0, 150.0);
        let mut room = room();
        for side in ["right", "left", "above", "below"] {
            check(&mut room, point, side);
        }
    }

    #[test]
    fn a_label_stays_inside() {
        check(&mut room(), (395.0, 150.0), "left");
        check(&mut room(), (5.0, 150.0), "right");
    }

    #[test]
    fn a_label_does_not_lie_on_a_line() {
        let mut room = room();
        room.occupy_line((0.0, 150.0), (400.0, 150.0));
        check(&mut room, (200.0, 150.0), "above");
    }

    #[test]
    fn the_name_of_an_area_is_in_a_free_corner() {
        let area = Rectangle { left: 100.0, top: 100.0, width: 200.0, height: 100.0 };
        let mut room = room();
        let places = [(); 4].map(|()| room.place_within(area, "name", 12.0));
        for (number, place) in places.iter().enumerate() {
            assert!((place.overlap(area) - place.area()).abs() < 1e-9, "{place:?}");
            assert!(places[..number].iter().all(|other| other.overlap(*place) == 0.0));
        }
        assert!(places[0].left > 200.0 && places[0].top < 150.0, "{places:?}");
    }
}
