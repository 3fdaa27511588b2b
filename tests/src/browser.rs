//! A real browser: Debian's chromium without a window, told what to do through a pipe.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::{Value, json};

/// How long it has for an answer: it starts slowly on a busy machine.
const PATIENCE: Duration = Duration::from_mins(2);

/// A browser with one page.
#[derive(Debug)]
pub struct Browser {
    process: Child,
    heard: Receiver<Value>,
    page: Value,
    number: u64,
    asked_for: Vec<String>,
    /// Its profile, which goes with it.
    _folder: tempfile::TempDir,
}

impl Drop for Browser {
    fn drop(&mut self) {
        let group = rustix::process::Pid::from_child(&self.process);
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        let _ = self.process.wait();
    }
}

impl Browser {
    /// Starts it; none where it is not installed.
    #[must_use]
    pub fn start() -> Option<Self> {
        use std::os::unix::process::CommandExt as _;
        if !Command::new("chromium").arg("--version").output().is_ok_and(|out| out.status.success())
        {
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        // It reads from descriptor 3 and writes to 4.
        let mut process = Command::new("sh")
            .args(["-c", "exec chromium \"$@\" 3<&0 4>&1 </dev/null >/dev/null", "sh"])
            .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"])
            .args(["--remote-debugging-pipe", "--no-first-run", "about:blank"])
            .arg(format!("--user-data-dir={}", folder.path().display()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .unwrap();
        let (tell, heard) = channel();
        let mut answers = BufReader::new(process.stdout.take().unwrap());
        std::thread::spawn(move || {
            let mut message = Vec::new();
            while answers.read_until(0, &mut message).is_ok_and(|read| read > 0) {
                message.pop();
                let Ok(value) = serde_json::from_slice(&message) else { break };
                if tell.send(value).is_err() {
                    break;
                }
                message.clear();
            }
        });
        let mut browser = Self {
            process,
            heard,
            page: Value::Null,
            number: 0,
            asked_for: Vec::new(),
            _folder: folder,
        };
        let target = browser.tell("Target.createTarget", &json!({ "url": "about:blank" }));
        let attached = browser.tell(
            "Target.attachToTarget",
            &json!({ "targetId": target["targetId"], "flatten": true }),
        );
        browser.page = attached["sessionId"].clone();
        browser.tell("Network.enable", &json!({}));
        browser.tell("Page.enable", &json!({}));
        Some(browser)
    }

    /// Gives it a command, and waits for the answer.
    ///
    /// # Panics
    /// It refuses, or does not answer in time.
    pub fn tell(&mut self, method: &str, params: &Value) -> Value {
        self.number += 1;
        let mut message = json!({ "id": self.number, "method": method, "params": params });
        if !self.page.is_null() {
            message["sessionId"] = self.page.clone();
        }
        let pipe = self.process.stdin.as_mut().unwrap();
        pipe.write_all(format!("{message}\0").as_bytes()).unwrap();
        loop {
            let answer = self.hear(method);
            if answer["id"] == self.number {
                assert!(answer["error"].is_null(), "{method}: {answer}");
                return answer["result"].clone();
            }
        }
    }

    fn hear(&mut self, waiting_for: &str) -> Value {
        let heard = self.heard.recv_timeout(PATIENCE);
        let heard = heard.unwrap_or_else(|_| panic!("no answer to {waiting_for}"));
        if heard["method"] == "Network.requestWillBeSent" {
            let url = &heard["params"]["request"]["url"];
            self.asked_for.push(url.as_str().unwrap_or_default().to_owned());
        }
        heard
    }

    /// Opens a page in a window of this width, in light or dark colours, and waits until it is there.
    ///
    /// # Panics
    /// It can't be opened.
    pub fn open(&mut self, address: &str, width: u32, colours: &str) {
        self.asked_for.clear();
        let screen =
            json!({ "width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500 });
        self.tell("Emulation.setDeviceMetricsOverride", &screen);
        self.media("screen", colours);
        self.tell("Page.navigate", &json!({ "url": address }));
        while self.hear("Page.loadEventFired")["method"] != "Page.loadEventFired" {}
    }

    /// As what the page is shown: on a screen or printed, and in which colours.
    pub fn media(&mut self, media: &str, colours: &str) {
        let features = json!([{ "name": "prefers-color-scheme", "value": colours }]);
        self.tell("Emulation.setEmulatedMedia", &json!({ "media": media, "features": features }));
    }

    /// What an expression in the page gives.
    pub fn value(&mut self, expression: &str) -> Value {
        let given = json!({ "expression": expression, "returnByValue": true });
        self.tell("Runtime.evaluate", &given)["result"]["value"].clone()
    }

    /// The addresses that the page has asked for, its own left out.
    #[must_use]
    pub fn asked_for(&self) -> Vec<&str> {
        let asked = self.asked_for.iter().skip(1).map(String::as_str);
        asked.filter(|address| !address.starts_with("data:")).collect()
    }

    /// The whole page as a picture, PNG in base 64.
    pub fn picture(&mut self) -> String {
        let whole = json!({ "format": "png", "captureBeyondViewport": true });
        let picture = self.tell("Page.captureScreenshot", &whole);
        picture["data"].as_str().unwrap_or_default().to_owned()
    }
}
