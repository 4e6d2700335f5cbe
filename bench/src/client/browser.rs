//! A browser with a new profile and one page.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread::{self, sleep},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::{client::devtools::Devtools, process};

/// Deadline for a page to show an expected state.
const DEADLINE: Duration = Duration::from_secs(30);

/// The measuring script that is injected into every page.
const INSTRUMENT: &str = include_str!("instrument.js");

/// Flags for a browser as in normal use, as far as headless mode allows.
const FLAGS: &[&str] = &[
    "--headless",
    "--remote-debugging-port=0",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--window-size=1280,800",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-extensions",
    "--accept-lang=en-US",
];

/// A running browser. Dropping it ends it.
#[derive(Debug)]
pub struct Browser {
    child: Child,
    profile: PathBuf,
    devtools: Devtools,
    session: String,
}

/// Memory of a page's process, in bytes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Memory {
    /// The JavaScript heap after a garbage collection, plus the WebAssembly memory.
    pub heap_and_wasm: f64,
    /// Resident memory of the whole process.
    pub resident: f64,
}

impl Browser {
    /// Starts a browser with an instrumented page for these selectors; its profile is in a subfolder of `within`.
    pub fn start(chrome: &Path, within: &Path, selectors: &Value) -> Result<Self> {
        let profile = within.join("profile");
        // Left by an interrupted run.
        let _ = fs::remove_dir_all(&profile);
        let mut command = Command::new(chrome);
        command.args(FLAGS).arg(format!("--user-data-dir={}", profile.display())).arg("about:blank");
        if rustix::process::geteuid().is_root() {
            // The sandbox does not work as root, and processes in containers usually run as root.
            command.arg("--no-sandbox");
        }
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().context("cannot start the browser")?;
        let mut lines = BufReader::new(child.stderr.take().context("stderr is piped")?).lines();
        let url = lines
            .by_ref()
            .map_while(Result::ok)
            .find_map(|line| line.strip_prefix("DevTools listening on ").map(|url| url.trim().to_owned()));
        // Prevents the pipe from filling up.
        thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
        let Some(url) = url else {
            let _ = child.kill();
            let _ = child.wait();
            bail!("the browser exited at once");
        };
        let devtools = Devtools::connect(&url)?;
        let mut browser = Self { child, profile, devtools, session: String::new() };
        let targets = browser.devtools.call(None, "Target.getTargets", &json!({}))?;
        let page =
            targets["targetInfos"].as_array().and_then(|all| all.iter().find(|it| it["type"] == "page"));
        let page = page.context("the browser has no page")?["targetId"].clone();
        let attached = json!({ "targetId": page, "flatten": true });
        let attached = browser.devtools.call(None, "Target.attachToTarget", &attached)?;
        browser.session = attached["sessionId"].as_str().unwrap_or_default().to_owned();
        browser.call("Page.enable", json!({}))?;
        browser.before_load(&format!("{{ const peer = {selectors};\n{INSTRUMENT} }}"))?;
        browser.call("Performance.enable", json!({ "timeDomain": "threadTicks" }))?;
        Ok(browser)
    }

    /// Runs a script in every document loaded from now on, before the document's own scripts.
    pub fn before_load(&mut self, script: &str) -> Result<()> {
        self.call("Page.addScriptToEvaluateOnNewDocument", json!({ "source": script })).map(drop)
    }

    /// Sends a DevTools command to the page.
    pub fn call(&mut self, method: &str, parameters: Value) -> Result<Value> {
        self.devtools.call(Some(&self.session), method, &parameters)
    }

    pub fn goto(&mut self, url: &str) -> Result<()> {
        let navigation = self.call("Page.navigate", json!({ "url": url }))?;
        ensure!(navigation.get("errorText").is_none(), "{url}: {}", navigation["errorText"]);
        Ok(())
    }

    /// Evaluates an expression and awaits the result.
    pub fn eval<T: DeserializeOwned>(&mut self, expression: &str) -> Result<T> {
        let parameters = json!({ "expression": expression, "awaitPromise": true, "returnByValue": true });
        let answer = self.call("Runtime.evaluate", parameters)?;
        if let Some(thrown) = answer.get("exceptionDetails") {
            bail!("{expression}: {}", thrown["exception"]["description"]);
        }
        // `undefined`, and numbers that JSON cannot represent, have no value.
        serde_json::from_value(answer["result"]["value"].clone())
            .with_context(|| format!("from {expression}"))
    }

    /// Polls an expression until it is neither null nor false.
    pub fn until<T: DeserializeOwned>(&mut self, what: &str, expression: &str) -> Result<T> {
        let begun = Instant::now();
        loop {
            // While the document is replaced, evaluation fails.
            match self.eval::<Value>(expression) {
                Ok(Value::Null | Value::Bool(false)) | Err(_) => {}
                Ok(value) => return Ok(serde_json::from_value(value)?),
            }
            if begun.elapsed() > DEADLINE {
                let screenshot = self.screenshot().unwrap_or_default();
                bail!("{what}: not within {DEADLINE:?}{screenshot}");
            }
            // Pages do not notify us; polling without a pause would slow them down.
            sleep(Duration::from_millis(20));
        }
    }

    /// Saves a screenshot next to the results, and returns a text with its path.
    fn screenshot(&mut self) -> Result<String> {
        let taken = self.call("Page.captureScreenshot", json!({ "format": "png" }))?;
        let file = self.profile.with_file_name("failed.png");
        fs::write(&file, STANDARD.decode(taken["data"].as_str().unwrap_or_default())?)?;
        Ok(format!("; see {}", file.display()))
    }

    /// Inserts text into the focused element, as an input method does.
    pub fn insert(&mut self, text: &str) -> Result<()> {
        self.call("Input.insertText", json!({ "text": text })).map(drop)
    }

    /// Presses and releases a key: a letter or Enter.
    pub fn press(&mut self, key: &str) -> Result<()> {
        let (text, code) = match key {
            "Enter" => ("\r", 13),
            letter => (letter, u32::from(letter.bytes().next().unwrap_or_default().to_ascii_uppercase())),
        };
        for kind in ["keyDown", "keyUp"] {
            let mut event = json!({ "type": kind, "key": key, "windowsVirtualKeyCode": code });
            if kind == "keyDown" {
                event["text"] = text.into();
            }
            self.call("Input.dispatchKeyEvent", event)?;
        }
        Ok(())
    }

    /// The main thread's total working time in seconds.
    pub fn main_thread(&mut self) -> Result<f64> {
        let metrics = self.call("Performance.getMetrics", json!({}))?;
        let metrics = metrics["metrics"].as_array().cloned().unwrap_or_default();
        let task = metrics.iter().find(|metric| metric["name"] == "TaskDuration");
        task.and_then(|metric| metric["value"].as_f64()).context("the browser does not report task durations")
    }

    /// The process id of the page's renderer: of all renderers, the one that has used most CPU time.
    pub fn renderer(&mut self) -> Result<u32> {
        let info = self.devtools.call(None, "SystemInfo.getProcessInfo", &json!({}))?;
        let all = info["processInfo"].as_array().cloned().unwrap_or_default();
        let renderers = all.iter().filter(|process| process["type"] == "renderer");
        let time = |process: &Value| process["cpuTime"].as_f64().unwrap_or_default();
        let page = renderers.max_by(|a, b| time(a).total_cmp(&time(b)));
        let pid = page.and_then(|process| process["id"].as_u64()).context("no renderer process")?;
        Ok(pid.try_into()?)
    }

    pub fn memory(&mut self) -> Result<Memory> {
        self.call("HeapProfiler.collectGarbage", json!({}))?;
        let heap = self.call("Runtime.getHeapUsage", json!({}))?["usedSize"].as_f64();
        let wasm: f64 = self.eval("bench.wasm()")?;
        let resident = process::resident(self.renderer()?)?;
        Ok(Memory { heap_and_wasm: heap.context("the browser does not report its heap")? + wasm, resident })
    }

    /// Minimises the window.
    pub fn minimize(&mut self) -> Result<()> {
        let window = self.call("Browser.getWindowForTarget", json!({}))?["windowId"].clone();
        let bounds = json!({ "windowId": window, "bounds": { "windowState": "minimized" } });
        self.call("Browser.setWindowBounds", bounds)?;
        self.until::<bool>("the page is hidden", "document.hidden").map(drop)
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The browser then ends all of its processes; killing it may leave some running.
        let _ = self.devtools.call(None, "Browser.close", &json!({}));
        let begun = Instant::now();
        while matches!(self.child.try_wait(), Ok(None)) && begun.elapsed() < Duration::from_secs(5) {
            sleep(Duration::from_millis(20));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.profile);
    }
}
