//! Page in a browser, with the actions of tests.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::browser::driver;
use crate::browser::session::{BrowserSession, Element};

/// Timeout of a condition: much longer than anything takes on a busy machine.
const TIMEOUT: Duration = Duration::from_secs(20);

/// Interval at which a condition is polled.
const POLL_INTERVAL: Duration = Duration::from_millis(10);

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

/// Script that waits two frames, after which everything is drawn.
const TWO_FRAMES: &str = "requestAnimationFrame(() => requestAnimationFrame(() => done()))";

/// Special keys, as encoded by `WebDriver`.
pub(crate) const BACKSPACE: &str = "\u{e003}";
pub(crate) const ENTER: &str = "\u{e007}";
pub(crate) const HOME: &str = "\u{e011}";
pub(crate) const LEFT: &str = "\u{e012}";
pub(crate) const RIGHT: &str = "\u{e014}";

/// Page in a browser.
pub(crate) struct BrowserPage {
    session: BrowserSession,
    name: String,
}

/// Runs a test in a browser, and checks that its console stays empty. Does nothing if there is no
/// browser.
pub(crate) fn browse(name: &str, test: impl FnOnce(&BrowserPage)) {
    let Some(address) = driver::address() else { return };
    let page = BrowserPage::open(address, name);
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        test(&page);
        assert_eq!(page.console(), json!([]), "the browser's console");
    }));
    if outcome.is_err() {
        // Best effort: a picture helps to find the failure.
        let _ = catch_unwind(AssertUnwindSafe(|| page.save_screenshot("failed")));
    }
    page.session.close();
    outcome.unwrap_or_else(|panic| resume_unwind(panic));
}

/// Directory of one browser test, empty at first.
pub(crate) fn directory(name: &str) -> PathBuf {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("browser").join(name);
    let _ = fs::remove_dir_all(&directory);
    fs::create_dir_all(&directory).unwrap();
    directory
}

impl BrowserPage {
    fn open(address: &str, name: &str) -> BrowserPage {
        let profile = directory(&format!("profiles/{name}"));
        let mut flags: Vec<String> = FLAGS.iter().map(|flag| (*flag).to_owned()).collect();
        flags.push(format!("--user-data-dir={}", profile.display()));
        // Chromium refuses to run as root without this. It opens only our own pages here.
        if rustix::process::geteuid().is_root() {
            flags.push("--no-sandbox".to_owned());
        }
        let wanted = json!({
            "goog:chromeOptions": {"args": flags},
            "goog:loggingPrefs": {"browser": "ALL"},
        });
        BrowserPage { session: BrowserSession::open(address, &wanted), name: name.to_owned() }
    }

    /// Opens a URL.
    pub(crate) fn goto(&self, url: &str) {
        self.session.goto(url);
    }

    /// Opens the report of a recorded test as a file, and waits until it is drawn.
    pub(crate) fn goto_report(&self, directory: &Path) {
        let file = directory.join("report.html");
        self.goto(&format!("file://{}", file.display()));
        self.wait_until_loaded();
    }

    /// Waits until a report is loaded and drawn.
    pub(crate) fn wait_until_loaded(&self) {
        self.until("window.eddy");
        let script = "eddy.ready.then(() => done(\"drawn\"), (error) => done(String(error)))";
        assert_eq!(self.wait(script), "drawn");
    }

    /// Waits until all changes are drawn.
    pub(crate) fn wait_until_drawn(&self) {
        self.wait(TWO_FRAMES);
    }

    /// Runs a script that calls `done`, and returns the argument of that call.
    pub(crate) fn wait(&self, script: &str) -> Value {
        let script = format!("const done = arguments[0]; {script}");
        self.session.execute_async(&script).unwrap()
    }

    /// Value of an expression.
    pub(crate) fn get(&self, expression: &str) -> Value {
        let result = self.session.execute(&format!("return {expression}"));
        result.unwrap_or_else(|error| panic!("{expression}: {error}"))
    }

    /// Value of an expression that is a count.
    pub(crate) fn count(&self, expression: &str) -> u64 {
        self.get(expression).as_u64().unwrap_or_else(|| panic!("{expression} counts nothing"))
    }

    pub(crate) fn number(&self, expression: &str) -> f64 {
        self.get(expression).as_f64().unwrap_or_else(|| panic!("{expression} is no number"))
    }

    /// Number of visible messages, once all changes are drawn.
    pub(crate) fn visible(&self) -> u64 {
        self.wait_until_drawn();
        self.count("eddy.visible()")
    }

    /// Waits until an expression is true.
    #[track_caller]
    pub(crate) fn until(&self, expression: &str) {
        let (since, script) = (Instant::now(), format!("return Boolean({expression})"));
        // While a page loads, the expression may fail.
        while self.session.execute(&script) != Ok(json!(true)) {
            assert!(since.elapsed() < TIMEOUT, "never was {expression}");
            sleep(POLL_INTERVAL);
        }
    }

    pub(crate) fn find(&self, selector: &str) -> Element<'_> {
        self.session.find(selector)
    }

    pub(crate) fn text(&self, selector: &str) -> String {
        self.find(selector).text()
    }

    #[track_caller]
    pub(crate) fn shows(&self, selector: &str, fragment: &str) {
        let text = self.text(selector);
        assert!(text.contains(fragment), "no {fragment:?} in {selector}: {text}");
    }

    pub(crate) fn click(&self, selector: &str) {
        self.find(selector).click();
    }

    /// Focuses an element and types into it.
    pub(crate) fn press(&self, selector: &str, keys: &str) {
        self.find(selector).send_keys(keys);
    }

    /// Moves the mouse to a message, if any part of it is visible.
    pub(crate) fn hover(&self, message: usize) -> bool {
        let place = self.get(&format!("eddy.place({message})"));
        let [Some(x), Some(y)] = ["x", "y"].map(|axis| place[axis].as_f64()) else { return false };
        self.session.move_mouse(x, y);
        self.wait_until_drawn();
        true
    }

    /// Resizes the window.
    pub(crate) fn resize(&self, width: u32, height: u32) {
        let metrics = json!({"width": width, "height": height, "deviceScaleFactor": 1,
            "mobile": width < 500});
        self.tool("Emulation.setDeviceMetricsOverride", metrics);
    }

    /// Sets the device pixel ratio.
    pub(crate) fn scale(&self, factor: u32) {
        // Chromium reports a change only from an explicit ratio.
        self.tool("Emulation.clearDeviceMetricsOverride", json!({}));
        let metrics = json!({"width": 0, "height": 0, "deviceScaleFactor": factor,
            "mobile": false});
        self.tool("Emulation.setDeviceMetricsOverride", metrics);
    }

    /// Sets the preferred color scheme.
    pub(crate) fn set_color_scheme(&self, scheme: &str) {
        let features = json!([{"name": "prefers-color-scheme", "value": scheme}]);
        self.tool("Emulation.setEmulatedMedia", json!({"features": features}));
    }

    /// Stores a picture of the window.
    pub(crate) fn save_screenshot(&self, state: &str) {
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("screenshots");
        fs::create_dir_all(&directory).unwrap();
        let picture = self.session.screenshot();
        fs::write(directory.join(format!("{}-{state}.png", self.name)), picture).unwrap();
    }

    /// New entries of the console.
    fn console(&self) -> Value {
        self.session.driver_command("/se/log", &json!({"type": "browser"}))
    }

    /// Runs a command of Chromium's developer tools.
    fn tool(&self, command: &str, parameters: Value) {
        self.session
            .driver_command("/goog/cdp/execute", &json!({"cmd": command, "params": parameters}));
    }
}
