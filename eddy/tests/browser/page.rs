//! A session of a browser, and what a test does with it.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::{Path, PathBuf};
use std::time::Duration;

use axum::http::Method;
use fantoccini::actions::{InputSource, MouseActions, PointerAction};
use fantoccini::elements::Element;
use fantoccini::wd::WebDriverCompatibleCommand;
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};
use url::{ParseError, Url};

use crate::driver;

/// What does not come within that never will. Much more than anything takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// How often it is looked whether something has come.
const LOOK_EVERY: Duration = Duration::from_millis(10);

const FLAGS: [&str; 12] = [
    "--headless",
    "--disable-gpu",
    "--disable-software-rasterizer",
    "--disable-extensions",
    "--disable-default-apps",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--window-size=1280,900",
];

/// What a page draws is there once two frames have passed.
const TWO_FRAMES: &str = "requestAnimationFrame(() => requestAnimationFrame(() => done()))";

/// Keys without a letter, as `WebDriver` calls them.
pub(crate) const BACKSPACE: &str = "\u{e003}";
pub(crate) const HOME: &str = "\u{e011}";
pub(crate) const LEFT: &str = "\u{e012}";
pub(crate) const RIGHT: &str = "\u{e014}";

/// A page in a browser.
pub(crate) struct Page {
    client: Client,
    name: String,
}

/// A command of Chromium's that is not among those of all browsers.
#[derive(Debug)]
struct Own {
    path: &'static str,
    body: Value,
}

/// Opens a browser for a test, and looks at its console afterwards, where nothing may be. Does
/// nothing where there is no browser.
pub(crate) fn browse(name: &str, test: impl AsyncFnOnce(&Page)) {
    let Some(address) = driver::address() else { return };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let page = runtime.block_on(Page::open(address, name));
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        runtime.block_on(async {
            test(&page).await;
            assert_eq!(page.console().await, json!([]), "the browser's console");
        });
    }));
    if outcome.is_err() {
        // It is a help, if it can be had.
        let _ = catch_unwind(AssertUnwindSafe(|| runtime.block_on(page.keep("failed"))));
    }
    runtime.block_on(page.client.close()).unwrap();
    outcome.unwrap_or_else(|panic| resume_unwind(panic));
}

/// A directory of the tests in the browser alone, empty at first.
pub(crate) fn directory(name: &str) -> PathBuf {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("browser").join(name);
    let _ = fs::remove_dir_all(&directory);
    fs::create_dir_all(&directory).unwrap();
    directory
}

impl Page {
    async fn open(address: &str, name: &str) -> Page {
        let profile = directory(&format!("profiles/{name}"));
        let mut flags: Vec<String> = FLAGS.iter().map(|flag| (*flag).to_owned()).collect();
        flags.push(format!("--user-data-dir={}", profile.display()));
        // Chromium refuses to run as root without. What it opens here is our own.
        if rustix::process::geteuid().is_root() {
            flags.push("--no-sandbox".to_owned());
        }
        let wanted = json!({
            "goog:chromeOptions": {"args": flags},
            "goog:loggingPrefs": {"browser": "ALL"},
        });
        let Value::Object(wanted) = wanted else { unreachable!() };
        let mut builder = ClientBuilder::new(HttpConnector::new());
        let client = builder.capabilities(wanted).connect(address).await.unwrap();
        Page { client, name: name.to_owned() }
    }

    /// Opens an address.
    pub(crate) async fn goto(&self, url: &str) {
        self.client.goto(url).await.unwrap();
    }

    /// Opens the report of a test that was kept, as a file, and waits until it is drawn.
    pub(crate) async fn goto_report(&self, directory: &Path) {
        let file = directory.join("report.html");
        self.goto(Url::from_file_path(&file).unwrap().as_str()).await;
        self.drawn_first().await;
    }

    /// Waits until a report is there and drawn.
    pub(crate) async fn drawn_first(&self) {
        self.until("window.eddy").await;
        let script = "eddy.ready.then(() => done(\"drawn\"), (error) => done(String(error)))";
        assert_eq!(self.wait(script).await, "drawn");
    }

    /// Waits until what was done is drawn.
    pub(crate) async fn drawn(&self) {
        self.wait(TWO_FRAMES).await;
    }

    /// Runs a script that calls `done`, with what it gives.
    pub(crate) async fn wait(&self, script: &str) -> Value {
        let script = format!("const done = arguments[0]; {script}");
        self.client.execute_async(&script, Vec::new()).await.unwrap()
    }

    /// What an expression gives.
    pub(crate) async fn get(&self, expression: &str) -> Value {
        let result = self.client.execute(&format!("return {expression}"), Vec::new()).await;
        result.unwrap_or_else(|error| panic!("{expression}: {error}"))
    }

    /// How many an expression says there are.
    pub(crate) async fn count(&self, expression: &str) -> u64 {
        self.get(expression).await.as_u64().unwrap_or_else(|| panic!("{expression} counts nothing"))
    }

    pub(crate) async fn number(&self, expression: &str) -> f64 {
        self.get(expression).await.as_f64().unwrap_or_else(|| panic!("{expression} is no number"))
    }

    /// The messages that can be seen, once what was done is drawn.
    pub(crate) async fn visible(&self) -> u64 {
        self.drawn().await;
        self.count("eddy.visible()").await
    }

    /// Waits until an expression is true.
    #[track_caller]
    pub(crate) fn until(&self, expression: &str) -> impl Future<Output = ()> {
        let caller = std::panic::Location::caller();
        async move {
            let (since, script) = (Instant::now(), format!("return Boolean({expression})"));
            // Between two pages there is nobody to ask.
            while self.client.execute(&script, Vec::new()).await.ok() != Some(json!(true)) {
                assert!(since.elapsed() < PATIENCE, "{caller}: never was {expression}");
                sleep(LOOK_EVERY).await;
            }
        }
    }

    pub(crate) async fn find(&self, selector: &str) -> Element {
        let found = self.client.find(Locator::Css(selector)).await;
        found.unwrap_or_else(|error| panic!("{selector}: {error}"))
    }

    pub(crate) async fn text(&self, selector: &str) -> String {
        self.find(selector).await.text().await.unwrap()
    }

    #[track_caller]
    pub(crate) fn shows(&self, selector: &str, fragment: &str) -> impl Future<Output = ()> {
        let caller = std::panic::Location::caller();
        async move {
            let text = self.text(selector).await;
            assert!(text.contains(fragment), "{caller}: no {fragment:?} in {selector}: {text}");
        }
    }

    pub(crate) async fn click(&self, selector: &str) {
        self.find(selector).await.click().await.unwrap();
    }

    /// Types into what is found, which gets the focus by it.
    pub(crate) async fn press(&self, selector: &str, keys: &str) {
        self.find(selector).await.send_keys(keys).await.unwrap();
    }

    /// Moves the mouse to a message, if any part of it can be seen.
    pub(crate) async fn hover(&self, message: usize) -> bool {
        let place = self.get(&format!("eddy.place({message})")).await;
        let [Some(x), Some(y)] = ["x", "y"].map(|axis| place[axis].as_f64()) else { return false };
        let to = PointerAction::MoveTo { duration: None, x, y };
        let mouse = MouseActions::new("mouse".to_owned()).then(to);
        self.client.perform_actions(mouse).await.unwrap();
        self.drawn().await;
        true
    }

    /// Makes the window so large, as that of a phone or of a desk.
    pub(crate) async fn resize(&self, width: u32, height: u32) {
        let metrics = json!({"width": width, "height": height, "deviceScaleFactor": 1,
            "mobile": width < 500});
        self.tool("Emulation.setDeviceMetricsOverride", metrics).await;
    }

    /// Has the system prefer dark pages, or light ones.
    pub(crate) async fn prefer(&self, scheme: &str) {
        let features = json!([{"name": "prefers-color-scheme", "value": scheme}]);
        self.tool("Emulation.setEmulatedMedia", json!({"features": features})).await;
    }

    /// Keeps a picture of the window.
    pub(crate) async fn keep(&self, state: &str) {
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("screenshots");
        fs::create_dir_all(&directory).unwrap();
        let picture = self.client.screenshot().await.unwrap();
        fs::write(directory.join(format!("{}-{state}.png", self.name)), picture).unwrap();
    }

    /// What the console has got since the last time.
    async fn console(&self) -> Value {
        self.own("se/log", json!({"type": "browser"})).await
    }

    /// A command of Chromium's developer tools.
    async fn tool(&self, command: &str, parameters: Value) {
        self.own("goog/cdp/execute", json!({"cmd": command, "params": parameters})).await;
    }

    async fn own(&self, path: &'static str, body: Value) -> Value {
        self.client.issue_cmd(Own { path, body }).await.unwrap()
    }
}

impl WebDriverCompatibleCommand for Own {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, ParseError> {
        base.join(&format!("session/{}/{}", session.unwrap_or_default(), self.path))
    }

    fn method_and_body(&self, _: &Url) -> (Method, Option<String>) {
        (Method::POST, Some(self.body.to_string()))
    }
}
