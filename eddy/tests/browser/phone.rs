//! The same pages in a window as small as a phone's, and in the dark.

use crate::client::Server;
use crate::page::{Page, browse};
use crate::served::{NEWEST_FIRST, goto_list, store};

/// What is read must stand out from its paper so much: WCAG's level AA.
const CONTRAST: f64 = 4.5;

/// The contrast of an element's text with what is behind it, as WCAG 2 computes it; the least of
/// all that match.
const LEAST_CONTRAST: &str = r#"((selector) => {
    const parts = (color) => color.match(/[\d.]+/g).map(Number);
    const linear = (part) => part <= 10.31475 ? part / 255 / 12.92 : ((part / 255 + 0.055) / 1.055) ** 2.4;
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
    const seen = [...document.querySelectorAll(selector)];
    return seen.length ? Math.min(...seen.map(contrast)) : 0;
})"#;

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

async fn open(page: &Page, name: &str, address: &str) {
    if name == "list" {
        page.goto(address).await;
        page.until("document.querySelector(\"#runs\")").await;
    } else {
        page.goto(address).await;
        if name == "report" {
            page.drawn_first().await;
        }
    }
}

#[test]
fn nothing_is_wider_than_the_window_of_a_phone() {
    let place = store("phone");
    let server = Server::start(&place);
    browse("phone", async |page| {
        page.resize(390, 844).await;
        for (name, address) in addresses(&server) {
            open(page, name, &address).await;
            page.drawn().await;
            page.keep(name).await;
            let width = page.number("document.documentElement.scrollWidth").await;
            assert!(width <= 390.0, "{name} is {width} wide");
        }
        page.get("document.getElementById(\"messages\").scrollIntoView()").await;
        page.drawn().await;
        page.keep("messages").await;
    });
}

#[test]
fn dark_pages_are_dark_and_can_be_read() {
    let place = store("dark");
    let server = Server::start(&place);
    browse("dark", async |page| {
        for scheme in ["light", "dark"] {
            page.prefer(scheme).await;
            for (name, address) in addresses(&server) {
                open(page, name, &address).await;
                page.drawn().await;
                if scheme == "dark" {
                    page.keep(name).await;
                    let paper = page.get("getComputedStyle(document.body).backgroundColor").await;
                    assert_eq!(paper, "rgb(21, 24, 27)", "{name}");
                }
                let marked =
                    if name == "list" { ".verdict" } else { ".verdict, #figures td, table td" };
                for selector in [marked, "a", "p, h1, h2, th", ".note"] {
                    let contrast = page.number(&format!("{LEAST_CONTRAST}({selector:?})")).await;
                    let where_ = format!("{selector} of {name}, {scheme}");
                    assert!(contrast >= CONTRAST || contrast == 0.0, "{contrast} for {where_}");
                }
            }
            page.get("document.getElementById(\"messages\").scrollIntoView()").await;
            page.drawn().await;
            page.keep(&format!("{scheme}-messages")).await;
        }
        goto_list(page, &server).await;
    });
}
