//! Reports of a valid test, and of one that lost values.

use eddy::Report;

use crate::browser::clusters::{MARKUP, keep, lost, markup, valid};
use crate::browser::page::{BACKSPACE, BrowserPage, ENTER, HOME, browse};

/// Visible messages among the first few hundred.
fn in_sight(page: &BrowserPage) -> Vec<usize> {
    let found = page.get("[...Array(600).keys()].filter((at) => eddy.place(at))");
    serde_json::from_value(found).unwrap()
}

/// Number of requests besides the page.
fn requests(page: &BrowserPage) -> u64 {
    page.count("performance.getEntriesByType(\"resource\").length")
}

#[test]
fn the_report_of_a_valid_test_shows_everything_and_filters_and_zooms_messages() {
    let report = valid();
    let directory = keep(&report, "valid");
    browse("valid", |page| {
        page.goto_report(&directory);
        it_tells_its_verdict_its_figures_and_every_message(page);
        page.goto_report(&directory);
        messages_are_filtered_by_kind_and_by_text_and_zoomed_by_buttons_and_keys(page, &report);
        operations_are_visited_by_keys(page);
        the_view_has_the_pixels_of_the_screen_as_far_as_browsers_go(page);
    });
}

fn it_tells_its_verdict_its_figures_and_every_message(page: &BrowserPage) {
    page.save_screenshot("top");
    page.shows("#verdict", "valid");
    page.shows("#figures", "messages per operation");
    let drawn = "document.querySelectorAll(\"#charts svg\").length";
    assert!(page.count(drawn) >= 3, "charts");
    assert!(!page.find("#contradictions").is_displayed());

    page.get("document.getElementById(\"messages\").scrollIntoView()");
    let message = in_sight(page)[0];
    assert!(page.hover(message));
    for fragment in ["news", "→", "arrived", "\"type\": \"news\"", "\"message\": "] {
        page.shows("#tooltip", fragment);
    }
    page.save_screenshot("tooltip");
    assert_eq!(requests(page), 0);
}

fn messages_are_filtered_by_kind_and_by_text_and_zoomed_by_buttons_and_keys(
    page: &BrowserPage,
    report: &Report,
) {
    let before = page.visible();
    page.click("#all");
    let servers = page.visible();
    assert_eq!(servers, report.traffic.servers.sent, "all between servers");
    assert!(before <= servers, "{before} of {servers}");
    page.click("#clients");
    let all = page.visible();
    assert_eq!(all, report.traffic.all.sent, "all, those of clients included");
    page.click("#kinds input[value=news]");
    assert_eq!(page.visible(), all - servers, "all but news");
    page.save_screenshot("without-news");
    page.click("#kinds input[value=news]");
    assert_eq!(page.visible(), all);

    page.click("#clients");
    page.press("#search", "\"message\":2");
    let found = page.visible();
    page.until("document.getElementById(\"shown\").textContent.includes(\"contain\")");
    page.save_screenshot("search");
    assert!(found >= 4 && found < servers, "{found} of {servers}");
    page.press("#search", &format!("{BACKSPACE} 2"));
    assert_eq!(page.visible(), found, "with a space, as the tooltip shows it");
    page.press("#search", ENTER);
    let first = page.text("#tooltip");
    page.press("#search", ENTER);
    assert_ne!(page.text("#tooltip"), first);
    page.press("#search", &ENTER.repeat(usize::try_from(found - 1).unwrap()));
    assert_eq!(page.text("#tooltip"), first, "once around");
    page.press("#search", &BACKSPACE.repeat("\"message\": 2".len()));
    assert_eq!(page.visible(), servers);

    page.click("#all");
    page.click("#in");
    for _ in 0..3 {
        page.click("#left");
        page.click("#in");
    }
    let closer = page.visible();
    assert!(closer < servers, "{closer} of {servers} after zooming in");
    page.press("#view", "+++");
    let closest = page.visible();
    assert!(0 < closest && closest < closer, "{closest} of {closer} after zooming in by keys");
    page.press("#view", "-");
    assert!(page.visible() > closest, "after zooming out by keys");
    page.press("#view", HOME);
    assert_eq!(page.visible(), servers, "after Home");
}

fn operations_are_visited_by_keys(page: &BrowserPage) {
    page.press("#view", "o");
    page.shows("#tooltip", "outcome");
    let first = page.text("#tooltip");
    page.press("#view", "o");
    page.shows("#tooltip", "outcome");
    assert_ne!(page.text("#tooltip"), first);
    page.press("#view", "O");
    assert_eq!(page.text("#tooltip"), first);
}

fn the_view_has_the_pixels_of_the_screen_as_far_as_browsers_go(page: &BrowserPage) {
    let pixels = "((view) => view.width * view.height)(document.getElementById(\"view\"))";
    let before = page.count(pixels);
    page.scale(2);
    page.until(&format!("{pixels} === 4 * {before}"));
    page.scale(10);
    page.until(&format!("{pixels} > 4 * {before}"));
    let most = page.count(pixels);
    assert!(most < 16_100_000, "{most} pixels");
}

#[test]
fn the_report_of_a_lost_value_opens_at_its_loss_and_explains_it() {
    let report = lost();
    let directory = keep(&report, "lost");
    browse("lost", |page| {
        page.goto_report(&directory);
        page.save_screenshot("top");
        page.shows("#verdict", "not valid");
        let value = report.contradictions[0].description.clone();
        page.shows("#cards .card.selected .what", &value);
        page.shows("#cards .card.selected .evidence", "never got it");
        let above = "document.getElementById(\"contradictions\").getBoundingClientRect().bottom \
            <= document.getElementById(\"view\").getBoundingClientRect().top";
        assert_eq!(page.get(above), true, "what went wrong is above the view");

        // The initial window contains the highlighted messages.
        let around = page.visible();
        page.click("#only");
        let marked = page.visible();
        assert!(marked > 0 && marked <= around, "{marked} of {around}");
        page.get("document.getElementById(\"view\").scrollIntoView({ block: \"center\" })");
        let mut told = String::new();
        for message in in_sight(page) {
            assert!(page.hover(message));
            told = page.text("#tooltip");
            if told.contains("lost, by partition") {
                break;
            }
        }
        assert!(told.contains("lost, by partition"), "{told}");
        page.save_screenshot("lost-message");
        page.click("#only");
        page.click("#cards .card.selected tbody tr:last-child .row");
        page.wait_until_drawn();
        page.until("document.querySelector(\"#cards tr.selected\")");
        page.save_screenshot("operation");
    });
}

#[test]
fn markup_that_a_node_wrote_is_text() {
    let report = markup();
    let directory = keep(&report, "markup");
    browse("markup", |page| {
        page.goto_report(&directory);
        page.shows("#cards .card.selected", MARKUP);
        page.save_screenshot("card");
        page.click("#all");
        page.press("#search", "generate_ok");
        page.wait_until_drawn();
        page.get("document.getElementById(\"view\").scrollIntoView({ block: \"center\" })");
        let message = in_sight(page)[0];
        assert!(page.hover(message));
        page.shows("#tooltip", "<script>window.ran=1</script>");
        page.save_screenshot("tooltip");
        assert_eq!(page.get("window.ran ?? 0"), 0, "it ran");
        assert_eq!(page.count("document.images.length"), 0);
        assert_eq!(page.count("document.scripts.length"), 2);
        assert_eq!(requests(page), 0);
    });
}
