//! The same pages in a window as small as a phone's, and in the dark.

use crate::client::Server;
use crate::page::{Page, browse};
use crate::served::{NEWEST_FIRST, store};

/// Text must stand out from its paper so much: WCAG's level AA.
const CONTRAST: f64 = 4.5;

/// The paper of a dark page.
const DARK: &str = "rgb(21, 24, 27)";

/// What is read on any of these pages.
const READ: [&str; 5] = [".verdict", "td", "a", "p, h1, h2, th", ".note"];

/// The least contrast between the text of the elements that a selector finds and what is behind
/// them, as WCAG 2 computes it, for each of some selectors; `null` where there are none.
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

fn addresses(server: &Server) -> [(&'static str, String); 4] {
    let [_, lost, valid] = NEWEST_FIRST.map(|test| test.replace('+', "%2B"));
    [
        ("list", String::new()),
        ("compare", format!("compare?a={valid}&b={lost}")),
        ("overview", format!("run/{lost}/")),
        ("report", format!("run/{lost}/report.html")),
    ]
    .map(|(name, path)| (name, format!("http://{}/{path}", server.address)))
}

fn open(page: &Page, name: &str, address: &str) {
    page.goto(address);
    if name == "report" {
        page.drawn_first();
    }
}

#[test]
fn pages_fit_a_phone_and_can_be_read_in_the_dark() {
    let place = store("phone");
    let server = Server::start(&place);
    browse("phone", |page| {
        page.resize(390, 844);
        nothing_is_wider_than_the_window_of_a_phone(page, &server);
        page.resize(1280, 900);
        dark_pages_are_dark_and_can_be_read(page, &server);
    });
}

fn nothing_is_wider_than_the_window_of_a_phone(page: &Page, server: &Server) {
    for (name, address) in addresses(server) {
        open(page, name, &address);
        page.drawn();
        page.keep(name);
        let width = page.count("document.documentElement.scrollWidth");
        assert!(width <= 390, "{name} is {width} wide");
        let chart = "document.querySelector(\"#charts svg, .chart img\")?.clientWidth ?? 1000";
        let (width, least) = (page.count(chart), if name == "report" { 560 } else { 300 });
        assert!(width >= least, "{name} has charts {width} wide");
    }
    page.get("document.getElementById(\"messages\").scrollIntoView()");
    page.drawn();
    page.keep("messages");
}

fn dark_pages_are_dark_and_can_be_read(page: &Page, server: &Server) {
    for scheme in ["light", "dark"] {
        page.prefer(scheme);
        for (name, address) in addresses(server) {
            open(page, name, &address);
            page.drawn();
            if scheme == "dark" {
                page.keep(&format!("dark-{name}"));
                let paper = page.get("getComputedStyle(document.body).backgroundColor");
                assert_eq!(paper, DARK, "{name}");
            }
            let contrasts = page.get(&format!("{LEAST_CONTRASTS}({READ:?})"));
            let contrasts: Vec<Option<f64>> = serde_json::from_value(contrasts).unwrap();
            assert!(contrasts[0].is_some(), "{name} tells a verdict");
            for (read, contrast) in READ.iter().zip(contrasts) {
                let is_read = contrast.is_none_or(|contrast| contrast >= CONTRAST);
                assert!(is_read, "{read} of {name}, {scheme}: {contrast:?}");
            }
        }
        page.get("document.getElementById(\"messages\").scrollIntoView()");
        page.drawn();
        page.keep(&format!("{scheme}-messages"));
    }
}
