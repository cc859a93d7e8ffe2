//! Browser session: the part of W3C's `WebDriver`, which is JSON over HTTP, that these tests need.

use std::fmt::Debug;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use ureq::Agent;

/// Key of an element's id in responses (`WebDriver`, section 12).
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// Session with its own browser.
pub(crate) struct BrowserSession {
    agent: Agent,
    address: String,
}

/// Element of the current page.
pub(crate) struct Element<'a> {
    session: &'a BrowserSession,
    path: String,
}

impl BrowserSession {
    /// Starts a browser with these capabilities, through a driver at this address.
    pub(crate) fn open(driver: &str, capabilities: &Value) -> BrowserSession {
        // Errors are in the response's body.
        let agent = Agent::config_builder().http_status_as_error(false).build().new_agent();
        let wanted = json!({"capabilities": {"alwaysMatch": capabilities}});
        let mut session =
            BrowserSession { agent, address: format!("{}/session", driver.trim_end_matches('/')) };
        let opened = expect_success(session.post("", &wanted));
        let id = opened["sessionId"].as_str().unwrap_or_else(|| panic!("no session: {opened}"));
        session.address = format!("{}/{id}", session.address);
        session
    }

    pub(crate) fn goto(&self, url: &str) {
        expect_success(self.post("/url", &json!({"url": url})));
    }

    /// Return value of a script.
    pub(crate) fn execute(&self, script: &str) -> Result<Value, String> {
        self.post("/execute/sync", &json!({"script": script, "args": []}))
    }

    /// Value that a script passes to its last argument, which is a callback.
    pub(crate) fn execute_async(&self, script: &str) -> Result<Value, String> {
        self.post("/execute/async", &json!({"script": script, "args": []}))
    }

    pub(crate) fn find(&self, selector: &str) -> Element<'_> {
        Element { session: self, path: String::new() }.find(selector)
    }

    pub(crate) fn move_mouse(&self, x: f64, y: f64) {
        let to = json!({"type": "pointerMove", "duration": 0, "x": x, "y": y});
        let mouse = json!({"type": "pointer", "id": "mouse", "actions": [to]});
        expect_success(self.post("/actions", &json!({"actions": [mouse]})));
    }

    /// Screenshot of the window as a PNG.
    pub(crate) fn screenshot(&self) -> Vec<u8> {
        let picture = expect_success(self.get("/screenshot"));
        STANDARD.decode(picture.as_str().unwrap_or_default()).unwrap()
    }

    /// Runs a command that is specific to the driver.
    pub(crate) fn driver_command(&self, path: &str, body: &Value) -> Value {
        expect_success(self.post(path, body))
    }

    pub(crate) fn close(&self) {
        expect_success(value(self.agent.delete(&self.address).call()));
    }

    fn get(&self, path: &str) -> Result<Value, String> {
        value(self.agent.get(format!("{}{path}", self.address)).call())
    }

    fn post(&self, path: &str, body: &Value) -> Result<Value, String> {
        value(self.agent.post(format!("{}{path}", self.address)).send_json(body))
    }
}

impl<'a> Element<'a> {
    /// First descendant that matches a selector.
    pub(crate) fn find(&self, selector: &str) -> Element<'a> {
        let wanted = json!({"using": "css selector", "value": selector});
        let found = self.session.post(&format!("{}/element", self.path), &wanted);
        let found = found.unwrap_or_else(|error| panic!("{selector}: {error}"));
        let id = found[ELEMENT].as_str().unwrap_or_else(|| panic!("{selector}: {found}"));
        Element { session: self.session, path: format!("/element/{id}") }
    }

    pub(crate) fn text(&self) -> String {
        expect_success(self.get("text")).as_str().unwrap_or_default().to_owned()
    }

    pub(crate) fn is_displayed(&self) -> bool {
        expect_success(self.get("displayed")) == true
    }

    pub(crate) fn is_enabled(&self) -> bool {
        expect_success(self.get("enabled")) == true
    }

    pub(crate) fn click(&self) {
        expect_success(self.session.post(&format!("{}/click", self.path), &json!({})));
    }

    /// Focuses the element and types into it.
    pub(crate) fn send_keys(&self, keys: &str) {
        expect_success(self.session.post(&format!("{}/value", self.path), &json!({"text": keys})));
    }

    /// Selects the option with this value.
    pub(crate) fn select(&self, value: &str) {
        self.find(&format!("option[value=\"{value}\"]")).click();
    }

    fn get(&self, what: &str) -> Result<Value, String> {
        self.session.get(&format!("{}/{what}", self.path))
    }
}

/// Field `value` of a response; it holds the error if the command failed.
fn value(answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> Result<Value, String> {
    let mut answer = answer.map_err(|error| error.to_string())?;
    let mut body: Value = answer.body_mut().read_json().map_err(|error| error.to_string())?;
    let value = body["value"].take();
    if answer.status().is_success() { Ok(value) } else { Err(value.to_string()) }
}

/// Result of a command that must not fail.
#[track_caller]
fn expect_success<T, E: Debug>(result: Result<T, E>) -> T {
    result.unwrap()
}
