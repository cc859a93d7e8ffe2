//! A session of a browser, and what a test does with it.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::browser::driver;
use crate::browser::session::{Element, Session};

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
pub(crate) const ENTER: &str = "\u{e007}";
pub(crate) const HOME: &str = "\u{e011}";
pub(crate) const LEFT: &str = "\u{e012}";
pub(crate) const RIGHT: &str = "\u{e014}";

/// A page in a browser.
pub(crate) struct Page {
    session: Session,
    name: String,
}

/// Opens a browser for a test, and looks at its console afterwards, where nothing may be. Does
/// nothing where there is no browser.
pub(crate) fn browse(name: &str, test: impl FnOnce(&Page)) {
    let Some(address) = driver::address() else { return };
    let page = Page::open(address, name);
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        test(&page);
        assert_eq!(page.console(), json!([]), "the browser's console");
    }));
    if outcome.is_err() {
        // It is a help, if it can be had.
        let _ = catch_unwind(AssertUnwindSafe(|| page.keep("failed")));
    }
    page.session.close();
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
    fn open(address: &str, name: &str) -> Page {
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
        Page { session: Session::open(address, &wanted), name: name.to_owned() }
    }

    /// Opens an address.
    pub(crate) fn goto(&self, url: &str) {
        self.session.goto(url);
    }

    /// Opens the report of a test that was kept, as a file, and waits until it is drawn.
    pub(crate) fn goto_report(&self, directory: &Path) {
        let file = directory.join("report.html");
        self.goto(&format!("file://{}", file.display()));
        self.drawn_first();
    }

    /// Waits until a report is there and drawn.
    pub(crate) fn drawn_first(&self) {
        self.until("window.eddy");
        let script = "eddy.ready.then(() => done(\"drawn\"), (error) => done(String(error)))";
        assert_eq!(self.wait(script), "drawn");
    }

    /// Waits until what was done is drawn.
    pub(crate) fn drawn(&self) {
        self.wait(TWO_FRAMES);
    }

    /// Runs a script that calls `done`, with what it gives.
    pub(crate) fn wait(&self, script: &str) -> Value {
        let script = format!("const done = arguments[0]; {script}");
        self.session.execute_async(&script).unwrap()
    }

    /// What an expression gives.
    pub(crate) fn get(&self, expression: &str) -> Value {
        let result = self.session.execute(&format!("return {expression}"));
        result.unwrap_or_else(|error| panic!("{expression}: {error}"))
    }

    /// How many an expression says there are.
    pub(crate) fn count(&self, expression: &str) -> u64 {
        self.get(expression).as_u64().unwrap_or_else(|| panic!("{expression} counts nothing"))
    }

    pub(crate) fn number(&self, expression: &str) -> f64 {
        self.get(expression).as_f64().unwrap_or_else(|| panic!("{expression} is no number"))
    }

    /// The messages that can be seen, once what was done is drawn.
    pub(crate) fn visible(&self) -> u64 {
        self.drawn();
        self.count("eddy.visible()")
    }

    /// Waits until an expression is true.
    #[track_caller]
    pub(crate) fn until(&self, expression: &str) {
        let (since, script) = (Instant::now(), format!("return Boolean({expression})"));
        // Between two pages there is nobody to ask.
        while self.session.execute(&script) != Ok(json!(true)) {
            assert!(since.elapsed() < PATIENCE, "never was {expression}");
            sleep(LOOK_EVERY);
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

    /// Types into what is found, which gets the focus by it.
    pub(crate) fn press(&self, selector: &str, keys: &str) {
        self.find(selector).send_keys(keys);
    }

    /// Moves the mouse to a message, if any part of it can be seen.
    pub(crate) fn hover(&self, message: usize) -> bool {
        let place = self.get(&format!("eddy.place({message})"));
        let [Some(x), Some(y)] = ["x", "y"].map(|axis| place[axis].as_f64()) else { return false };
        self.session.move_mouse(x, y);
        self.drawn();
        true
    }

    /// Makes the window so large, as that of a phone or of a desk.
    pub(crate) fn resize(&self, width: u32, height: u32) {
        let metrics = json!({"width": width, "height": height, "deviceScaleFactor": 1,
            "mobile": width < 500});
        self.tool("Emulation.setDeviceMetricsOverride", metrics);
    }

    /// Gives the screen so many pixels for one of the page's, both ways.
    pub(crate) fn scale(&self, factor: u32) {
        // Chromium tells a page of other pixels only when it had those of its own before.
        self.tool("Emulation.clearDeviceMetricsOverride", json!({}));
        let metrics = json!({"width": 0, "height": 0, "deviceScaleFactor": factor,
            "mobile": false});
        self.tool("Emulation.setDeviceMetricsOverride", metrics);
    }

    /// Has the system prefer dark pages, or light ones.
    pub(crate) fn prefer(&self, scheme: &str) {
        let features = json!([{"name": "prefers-color-scheme", "value": scheme}]);
        self.tool("Emulation.setEmulatedMedia", json!({"features": features}));
    }

    /// Keeps a picture of the window.
    pub(crate) fn keep(&self, state: &str) {
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("screenshots");
        fs::create_dir_all(&directory).unwrap();
        let picture = self.session.screenshot();
        fs::write(directory.join(format!("{}-{state}.png", self.name)), picture).unwrap();
    }

    /// What the console has got since the last time.
    fn console(&self) -> Value {
        self.session.own("/se/log", &json!({"type": "browser"}))
    }

    /// A command of Chromium's developer tools.
    fn tool(&self, command: &str, parameters: Value) {
        self.session.own("/goog/cdp/execute", &json!({"cmd": command, "params": parameters}));
    }
}
