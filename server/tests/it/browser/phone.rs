//! Pages in a window as small as a phone's, and in dark mode.

use serde_json::json;

use crate::browser::page::{BrowserPage, browse};
use crate::browser::served::{NEWEST_FIRST, store};
use crate::serve::client::ServeProcess;

/// Required contrast of text: WCAG's level AA.
const CONTRAST: f64 = 4.5;

/// Width of a small phone's window.
const PHONE: u32 = 360;

/// Smallest readable font size in a chart on a phone, in pixels.
const MIN_FONT_SIZE: f64 = 11.0;

/// Script that returns, for each visible chart, whether it is complete, and its smallest font size.
const CHARTS: &str = r#"[...document.querySelectorAll("figure svg")]
    .filter((svg) => svg.checkVisibility())
    .map((svg) => {
        const place = svg.getBoundingClientRect();
        const figure = svg.closest("figure");
        const isWhole = figure.scrollWidth <= figure.clientWidth
            && place.left >= 0 && place.right <= innerWidth;
        const sizes = [...svg.querySelectorAll("text")]
            .map((text) => Number(text.getAttribute("font-size")));
        return [isWhole, Math.min(...sizes) * place.width / svg.viewBox.baseVal.width];
    })"#;

/// Script that finds parts of names and paths that are broken inside a word although they would fit
/// on a line.
const BROKEN_NAMES: &str = r#"[...document.querySelectorAll(
    ".program, #files td, .about td, #about td, .title span, h2 a")]
    .flatMap((cell) => {
        const walker = document.createTreeWalker(cell, NodeFilter.SHOW_TEXT);
        const parts = [];
        while (walker.nextNode()) parts.push(walker.currentNode);
        const room = cell.getBoundingClientRect().width;
        return parts.flatMap((part) => part.data.split(/[ -]/).map((word) => {
            const range = document.createRange();
            const from = part.data.indexOf(word);
            range.setStart(part, from);
            range.setEnd(part, from + word.length);
            const lines = [...range.getClientRects()];
            const width = lines.reduce((all, line) => all + line.width, 0);
            return lines.length > 1 && width < room ? part.data : null;
        }));
    })
    .filter((part) => part !== null)"#;

/// Background of a dark page.
const DARK_BACKGROUND: &str = "rgb(21, 24, 27)";

/// Selectors of text on these pages.
const TEXT_SELECTORS: [&str; 5] = [".verdict", "td", "a", "p, h1, h2, th", ".note"];

/// Script that returns the lowest contrast, as defined by WCAG 2, between the text and the
/// background of the elements of each selector; `null` for a selector without elements.
const LEAST_CONTRASTS: &str = r"((selectors) => {
    const parts = (color) => color.match(/[\d.]+/g).map(Number);
    const linear = (part) =>
        part <= 10 ? part / 255 / 12.92 : ((part / 255 + 0.055) / 1.055) ** 2.4;
    const light = ([red, green, blue]) =>
        0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue);
    const behind = (element) => {
        for (; element; element = element.parentElement) {
            const color = parts(getComputedStyle(element).backgroundColor);
            if (color[3] !== 0) return color;
        }
        return [255, 255, 255];
    };
    const contrast = (element) => {
        const both = [light(parts(getComputedStyle(element).color)), light(behind(element))];
        return (Math.max(...both) + 0.05) / (Math.min(...both) + 0.05);
    };
    return selectors.map((selector) => {
        const seen = [...document.querySelectorAll(selector)]
            .filter((element) => element.checkVisibility());
        return seen.length ? Math.min(...seen.map(contrast)) : null;
    });
})";

fn addresses(server: &ServeProcess) -> [(&'static str, String); 4] {
    let [_, lost, valid] = NEWEST_FIRST.map(|test| test.replace('+', "%2B"));
    [
        ("list", String::new()),
        ("compare", format!("compare?a={valid}&b={lost}")),
        ("overview", format!("run/{lost}/")),
        ("report", format!("run/{lost}/report.html")),
    ]
    .map(|(name, path)| (name, format!("http://{}/{path}", server.address)))
}

fn open(page: &BrowserPage, name: &str, address: &str) {
    page.goto(address);
    if name == "report" {
        page.wait_until_loaded();
    }
}

#[test]
fn pages_fit_a_phone_and_can_be_read_in_the_dark() {
    let place = store("phone");
    let server = ServeProcess::start(&place);
    browse("phone", |page| {
        page.resize(PHONE, 800);
        nothing_is_wider_than_the_window_of_a_phone(page, &server);
        page.resize(1280, 900);
        dark_pages_are_dark_and_can_be_read(page, &server);
    });
}

fn nothing_is_wider_than_the_window_of_a_phone(page: &BrowserPage, server: &ServeProcess) {
    for (name, address) in addresses(server) {
        open(page, name, &address);
        page.wait_until_drawn();
        page.save_screenshot(name);
        let width = page.count("document.documentElement.scrollWidth");
        assert!(width <= u64::from(PHONE), "{name} is {width} wide");
        let chart = "document.querySelector(\".phone svg, .chart img\")?.clientWidth ?? 1000";
        let width = page.count(chart);
        assert!(width >= 300, "{name} has charts {width} wide");
        assert_eq!(page.get(BROKEN_NAMES), json!([]), "{name} breaks names");
        if name == "report" {
            charts_are_whole_and_can_be_read(page);
        }
    }
    page.get("document.getElementById(\"messages\").scrollIntoView()");
    page.wait_until_drawn();
    page.save_screenshot("messages");
}

fn charts_are_whole_and_can_be_read(page: &BrowserPage) {
    page.get("document.getElementById(\"charts\").scrollIntoView()");
    page.wait_until_drawn();
    page.save_screenshot("charts");
    let charts = page.get(CHARTS);
    let charts: Vec<(bool, f64)> = serde_json::from_value(charts).unwrap();
    assert_eq!(charts.len(), 4, "one picture of each chart: {charts:?}");
    for (is_whole, smallest) in charts {
        assert!(is_whole && smallest >= MIN_FONT_SIZE, "whole: {is_whole}, {smallest} pixels");
    }
}

fn dark_pages_are_dark_and_can_be_read(page: &BrowserPage, server: &ServeProcess) {
    for scheme in ["light", "dark"] {
        page.set_color_scheme(scheme);
        for (name, address) in addresses(server) {
            open(page, name, &address);
            page.wait_until_drawn();
            if scheme == "dark" {
                page.save_screenshot(&format!("dark-{name}"));
                let paper = page.get("getComputedStyle(document.body).backgroundColor");
                assert_eq!(paper, DARK_BACKGROUND, "{name}");
            }
            let contrasts = page.get(&format!("{LEAST_CONTRASTS}({TEXT_SELECTORS:?})"));
            let contrasts: Vec<Option<f64>> = serde_json::from_value(contrasts).unwrap();
            assert!(contrasts[0].is_some(), "{name} tells a verdict");
            for (read, contrast) in TEXT_SELECTORS.iter().zip(contrasts) {
                let is_read = contrast.is_none_or(|contrast| contrast >= CONTRAST);
                assert!(is_read, "{read} of {name}, {scheme}: {contrast:?}");
            }
        }
        page.get("document.getElementById(\"messages\").scrollIntoView()");
        page.wait_until_drawn();
        page.save_screenshot(&format!("{scheme}-messages"));
    }
}
