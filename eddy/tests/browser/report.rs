//! The report of a test in which nothing went wrong, and of one that lost values.

use crate::clusters::{MARKUP, keep, lost, markup, valid};
use crate::page::{BACKSPACE, HOME, Page, browse};

/// The messages that can be pointed at, of the first few hundreds.
async fn in_sight(page: &Page) -> Vec<usize> {
    let found = page.get("[...Array(600).keys()].filter((at) => eddy.place(at))").await;
    serde_json::from_value(found).unwrap()
}

/// What the browser has asked for besides the page.
async fn requests(page: &Page) -> u64 {
    page.count("performance.getEntriesByType(\"resource\").length").await
}

#[test]
fn the_report_of_a_valid_test_tells_its_verdict_its_figures_and_every_message() {
    let report = valid();
    let directory = keep(&report, "valid");
    browse("valid", async |page| {
        page.goto_report(&directory).await;
        page.keep("top").await;
        page.shows("#verdict", "valid").await;
        page.shows("#figures", "messages per operation").await;
        let drawn = "document.querySelectorAll(\"#charts svg\").length";
        assert!(page.count(drawn).await >= 3, "charts");
        assert!(!page.find("#contradictions").await.is_displayed().await.unwrap());

        page.get("document.getElementById(\"messages\").scrollIntoView()").await;
        let message = in_sight(page).await[0];
        assert!(page.hover(message).await);
        for fragment in ["news", "→", "arrived", "\"type\": \"news\"", "\"message\": "] {
            page.shows("#tooltip", fragment).await;
        }
        page.keep("tooltip").await;
        assert_eq!(requests(page).await, 0);
    });
}

#[test]
fn messages_are_filtered_by_kind_and_by_text_and_zoomed_by_buttons_and_keys() {
    let report = valid();
    let directory = keep(&report, "filter");
    browse("filter", async |page| {
        page.goto_report(&directory).await;
        let before = page.visible().await;
        page.click("#all").await;
        let servers = page.visible().await;
        assert_eq!(servers, report.servers.sent, "all between servers");
        assert!(before <= servers, "{before} of {servers}");
        page.click("#clients").await;
        let all = page.visible().await;
        assert_eq!(all, report.all.sent, "all, those of clients included");
        page.click("#kinds input[value=news]").await;
        assert_eq!(page.visible().await, all - servers, "all but news");
        page.keep("without-news").await;
        page.click("#kinds input[value=news]").await;
        assert_eq!(page.visible().await, all);

        page.click("#clients").await;
        page.press("#search", "\"message\":2").await;
        let found = page.visible().await;
        page.shows("#shown", "contain").await;
        page.keep("search").await;
        assert!(found >= 4 && found < servers, "{found} of {servers}");
        page.press("#search", &BACKSPACE.repeat("\"message\":2".len())).await;
        assert_eq!(page.visible().await, servers);

        page.click("#all").await;
        page.click("#in").await;
        for _ in 0..3 {
            page.click("#left").await;
            page.click("#in").await;
        }
        let closer = page.visible().await;
        assert!(closer < servers, "{closer} of {servers} after zooming in");
        page.press("#view", "+++").await;
        let closest = page.visible().await;
        assert!(0 < closest && closest < closer, "{closest} of {closer} after zooming in by keys");
        page.press("#view", "-").await;
        assert!(page.visible().await > closest, "after zooming out by keys");
        page.press("#view", HOME).await;
        assert_eq!(page.visible().await, servers, "after Home");
    });
}

#[test]
fn the_report_of_a_lost_value_opens_where_it_was_lost_and_says_why() {
    let report = lost();
    let directory = keep(&report, "lost");
    browse("lost", async |page| {
        page.goto_report(&directory).await;
        page.keep("top").await;
        page.shows("#verdict", "not valid").await;
        let value = report.contradictions[0].what.clone();
        page.shows("#cards .card.selected .what", &value).await;
        page.shows("#cards .card.selected .story", "never got it").await;
        let above = "document.getElementById(\"contradictions\").getBoundingClientRect().bottom \
            <= document.getElementById(\"view\").getBoundingClientRect().top";
        assert_eq!(page.get(above).await, true, "what went wrong is above the view");

        // What can be seen at first has what is highlighted.
        let around = page.visible().await;
        page.click("#only").await;
        let marked = page.visible().await;
        assert!(marked > 0 && marked <= around, "{marked} of {around}");
        page.get("document.getElementById(\"view\").scrollIntoView({ block: \"center\" })").await;
        let mut told = String::new();
        for message in in_sight(page).await {
            assert!(page.hover(message).await);
            told = page.text("#tooltip").await;
            if told.contains("lost, by partition") {
                break;
            }
        }
        assert!(told.contains("lost, by partition"), "{told}");
        page.keep("lost-message").await;
        page.click("#only").await;
        page.click("#cards .card.selected tbody tr:last-child .row").await;
        page.drawn().await;
        page.until("document.querySelector(\"#cards tr.selected\")").await;
        page.keep("operation").await;
    });
}

#[test]
fn markup_that_a_node_wrote_is_text() {
    let report = markup();
    let directory = keep(&report, "markup");
    browse("markup", async |page| {
        page.goto_report(&directory).await;
        page.shows("#cards .card.selected", MARKUP).await;
        page.keep("card").await;
        page.click("#all").await;
        page.press("#search", "generate_ok").await;
        page.drawn().await;
        page.get("document.getElementById(\"view\").scrollIntoView({ block: \"center\" })").await;
        let message = in_sight(page).await[0];
        assert!(page.hover(message).await);
        page.shows("#tooltip", "<script>window.ran=1</script>").await;
        page.keep("tooltip").await;
        assert_eq!(page.get("window.ran ?? 0").await, 0, "it ran");
        assert_eq!(page.count("document.images.length").await, 0);
        assert_eq!(page.count("document.scripts.length").await, 2);
        assert_eq!(requests(page).await, 0);
    });
}
