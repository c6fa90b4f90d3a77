//! A real Chromium, driven through chromedriver by the W3C WebDriver protocol. A client of our own,
//! because the crates for it bring an HTTP stack or a licence that does not fit.

use std::{
    io::{Read, Write},
    path::Path,
    process::Stdio,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Lines},
    net::TcpStream,
    process::{Child, ChildStdout, Command},
    sync::{Semaphore, SemaphorePermit},
    time::timeout,
};

const COMMAND_MAX: Duration = Duration::from_secs(60);
/// What does not come in this time does not come.
pub(crate) const WAIT_MAX: Duration = Duration::from_secs(60);
const STARTS_MAX: usize = 10;
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";
/// A telephone and a desk, with and without script.
pub(crate) const KINDS: [(u32, bool); 4] = [(390, true), (390, false), (1280, true), (1280, false)];
/// Chromium without windows (Debian: chromium-headless-shell), the same engine in half the time. Without it the
/// driver finds a whole Chromium. What lies in `/usr/bin` is a script: the driver would end that, and not the browser.
const SHELL: &str = "/usr/lib/chromium/chromium-headless-shell";
/// Browsers at once: more only wait for each other.
static PLACES: Semaphore = Semaphore::const_new(2);

/// A browser with a profile of its own; it ends with the value.
pub(crate) struct Chrome {
    port: u16,
    session: String,
    base: String,
    driver: Child,
    // Held, or the driver would die of writing to nobody.
    _said: Lines<BufReader<ChildStdout>>,
    _place: SemaphorePermit<'static>,
}

impl Drop for Chrome {
    /// Ends the browser too, which would outlive its driver: that goes once the browser and its profile are gone.
    fn drop(&mut self) {
        let request = b"GET /shutdown HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n";
        if let Ok(mut stream) = std::net::TcpStream::connect(("127.0.0.1", self.port)) {
            let _ = stream.set_read_timeout(Some(WAIT_MAX));
            let _ = stream.write_all(request);
            let _ = stream.read(&mut [0; 64]);
            let asked = Instant::now();
            while matches!(self.driver.try_wait(), Ok(None)) && asked.elapsed() < WAIT_MAX {
                std::thread::sleep(Duration::from_millis(10));
            }
        }
    }
}

/// Whether a test that needs `tool` may run. Without the tool it is skipped aloud, or fails where
/// `KVIT_REQUIRE_ALL_TESTS` is set.
pub(crate) fn have(tool: &str, found: bool) -> bool {
    if !found {
        let skipped = format!("SKIPPED: {tool} is not installed");
        assert!(
            std::env::var_os("KVIT_REQUIRE_ALL_TESTS").is_none(),
            "{skipped}"
        );
        eprintln!("{skipped}");
    }
    found
}

impl Chrome {
    /// A browser, or none where Chromium or its driver is missing.
    pub(crate) async fn open() -> Option<Self> {
        let place = PLACES.acquire().await.expect("never closed");
        let started = start_driver().await;
        if !have("chromedriver (Debian: chromium-driver)", started.is_some()) {
            return None;
        }
        let (driver, port, said) = started.expect("checked above");
        let mut chrome = Self {
            port,
            session: String::new(),
            base: String::new(),
            driver,
            _said: said,
            _place: place,
        };
        let args = [
            "--headless=new",
            "--no-sandbox",
            "--disable-dev-shm-usage",
            "--disable-gpu",
            "--hide-scrollbars",
            "--accept-lang=bg",
        ];
        let mut options = json!({ "args": args });
        if Path::new(SHELL).exists() {
            options["binary"] = SHELL.into();
        }
        let wanted = json!({ "capabilities": { "alwaysMatch": {
            "goog:chromeOptions": options,
            "goog:loggingPrefs": { "browser": "ALL" },
        }}});
        let answer = chrome.http("POST", "/session", Some(wanted)).await;
        let session = answer["sessionId"].as_str();
        chrome.session = session.expect("Chromium starts").to_owned();
        Some(chrome)
    }

    /// From now on, the site at `base`, as a new visitor.
    pub(crate) async fn visit(&mut self, base: &str) {
        base.clone_into(&mut self.base);
        self.forget().await;
    }

    /// Whether pages may run script.
    pub(crate) async fn scripts(&self, on: bool) {
        let disabled = json!({ "value": !on });
        self.cdp("Emulation.setScriptExecutionDisabled", disabled)
            .await;
    }

    /// Gives the browser a device that keeps passkeys, and knows its owner or does not; ends with
    /// [`Chrome::unplug`].
    pub(crate) async fn plug_in(&self, knows_owner: bool) -> String {
        let device = json!({
            "protocol": "ctap2", "transport": "internal", "hasResidentKey": true,
            "hasUserVerification": true, "isUserVerified": knows_owner,
        });
        let id = self
            .command("POST", "webauthn/authenticator", Some(device))
            .await;
        id.as_str().expect("an authenticator").to_owned()
    }

    pub(crate) async fn unplug(&self, device: &str) {
        self.command("DELETE", &format!("webauthn/authenticator/{device}"), None)
            .await;
    }

    /// The width of the window in CSS pixels; narrow ones are telephones.
    pub(crate) async fn width(&self, width: u32) {
        let metrics = json!({
            "width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600,
        });
        self.cdp("Emulation.setDeviceMetricsOverride", metrics)
            .await;
    }

    pub(crate) async fn dark(&self, dark: bool) {
        let value = if dark { "dark" } else { "light" };
        let features = json!([{ "name": "prefers-color-scheme", "value": value }]);
        self.cdp(
            "Emulation.setEmulatedMedia",
            json!({ "features": features }),
        )
        .await;
    }

    /// As a new visitor: no cookies.
    pub(crate) async fn forget(&self) {
        self.cdp("Network.clearBrowserCookies", json!({})).await;
    }

    /// Lets somebody else to the browser, with these cookies; gives the cookies of who leaves.
    pub(crate) async fn hand_over(&self, cookies: Value) -> Value {
        let kept = self.cdp("Network.getAllCookies", json!({})).await;
        self.forget().await;
        self.cdp("Network.setCookies", json!({ "cookies": cookies }))
            .await;
        kept["cookies"].clone()
    }

    pub(crate) async fn go(&self, path: &str) {
        let url = format!("{}{path}", self.base);
        self.command("POST", "url", Some(json!({ "url": url })))
            .await;
    }

    pub(crate) async fn back(&self) {
        self.command("POST", "back", Some(json!({}))).await;
    }

    /// The page's path with its query.
    pub(crate) async fn path(&self) -> String {
        let url = self.command("GET", "url", None).await;
        let url = url.as_str().expect("an address");
        url.strip_prefix(&self.base).unwrap_or(url).to_owned()
    }

    pub(crate) async fn html(&self) -> String {
        let source = self.command("GET", "source", None).await;
        source.as_str().expect("a page").to_owned()
    }

    /// The text of the first element that `css` selects.
    pub(crate) async fn text(&self, css: &str) -> String {
        let id = self.find(css).await;
        let text = self
            .command("GET", &format!("element/{id}/text"), None)
            .await;
        text.as_str().expect("a text").to_owned()
    }

    pub(crate) async fn h1(&self) -> String {
        self.text("h1").await
    }

    /// Types into a field, in place of what is there, once the page has put the focus where it begins.
    pub(crate) async fn fill(&self, css: &str, text: &str) {
        self.until(
            "!document.querySelector('[autofocus]') || document.activeElement != document.body",
        )
        .await;
        let id = self.find(css).await;
        self.command("POST", &format!("element/{id}/clear"), Some(json!({})))
            .await;
        let keys = json!({ "text": text });
        self.command("POST", &format!("element/{id}/value"), Some(keys))
            .await;
    }

    /// Chooses a file for a form.
    pub(crate) async fn attach(&self, css: &str, file: &str) {
        let id = self.find(css).await;
        let name = json!({ "text": file });
        self.command("POST", &format!("element/{id}/value"), Some(name))
            .await;
    }

    /// Presses what leads to another page, and waits for that page.
    pub(crate) async fn follow(&self, css: &str) {
        self.eval("window.left = false").await;
        self.press(css).await;
        self.until("window.left === undefined && document.readyState == 'complete'")
            .await;
    }

    /// Presses what leads to a file; gives its name and bytes.
    pub(crate) async fn download(&self, css: &str) -> (String, Vec<u8>) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let wanted = json!({ "behavior": "allow", "downloadPath": folder.path() });
        self.cdp("Browser.setDownloadBehavior", wanted).await;
        self.press(css).await;
        let started = Instant::now();
        loop {
            let files = std::fs::read_dir(folder.path()).expect("readable");
            let names = files.map(|file| file.expect("readable").file_name());
            let names: Vec<_> = names.filter_map(|name| name.into_string().ok()).collect();
            let whole = names
                .iter()
                .find(|name| !name.ends_with(".crdownload") && !name.starts_with('.'));
            if let (Some(name), 1) = (whole, names.len()) {
                let bytes = std::fs::read(folder.path().join(name)).expect("readable");
                // Its name comes before what is in it.
                if !bytes.is_empty() {
                    return (name.clone(), bytes);
                }
            }
            assert!(started.elapsed() < WAIT_MAX, "no file came: {names:?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Types into what has the focus.
    pub(crate) async fn keys(&self, text: &str) {
        let active = self.command("GET", "element/active", None).await;
        let id = active[ELEMENT].as_str().expect("an element");
        let keys = json!({ "text": text });
        self.command("POST", &format!("element/{id}/value"), Some(keys))
            .await;
    }

    pub(crate) async fn press(&self, css: &str) {
        let id = self.find(css).await;
        self.command("POST", &format!("element/{id}/click"), Some(json!({})))
            .await;
    }

    /// Presses what opens a window and goes into it; gives the window that is left.
    pub(crate) async fn step_into(&self, css: &str) -> Value {
        let left = self.command("GET", "window", None).await;
        self.press(css).await;
        let started = Instant::now();
        loop {
            let all = self.command("GET", "window/handles", None).await;
            let mut all = all.as_array().into_iter().flatten();
            if let Some(new) = all.find(|one| **one != left) {
                self.to_window(new).await;
                return left;
            }
            assert!(started.elapsed() < WAIT_MAX, "no window opens");
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
    }

    /// Shuts the window and goes to this one.
    pub(crate) async fn step_back(&self, to: &Value) {
        self.command("DELETE", "window", None).await;
        self.to_window(to).await;
    }

    async fn to_window(&self, window: &Value) {
        let window = json!({ "handle": window });
        self.command("POST", "window", Some(window)).await;
    }

    /// Draws a line on an element with a pointer of this kind, through places that are parts of a hundred of its sides.
    pub(crate) async fn draw(&self, css: &str, kind: &str, places: &[(f64, f64)]) {
        let id = self.find(css).await;
        let size = format!(
            "(e => {{ e.scrollIntoView({{ block: 'center' }}); const r = e.getBoundingClientRect(); return [r.width, r.height] }})(document.querySelector({css:?}))"
        );
        let size = self.eval(&size).await;
        let side = |n: usize| size[n].as_f64().expect("a side");
        let mut actions = Vec::new();
        for (x, y) in places {
            // From the middle of the element.
            let from = |part: &f64, side: f64| ((part / 100.0 - 0.5) * side).round();
            actions.push(json!({
                "type": "pointerMove", "duration": 20, "origin": { ELEMENT: id },
                "x": from(x, side(0)), "y": from(y, side(1)),
            }));
            if actions.len() == 1 {
                actions.push(json!({ "type": "pointerDown", "button": 0 }));
            }
        }
        actions.push(json!({ "type": "pointerUp", "button": 0 }));
        let pointer = json!({
            "type": "pointer", "id": kind, "parameters": { "pointerType": kind }, "actions": actions,
        });
        let actions = json!({ "actions": [pointer] });
        self.command("POST", "actions", Some(actions)).await;
    }

    /// The value of a script's expression. Works where pages themselves may not run script.
    pub(crate) async fn eval(&self, expression: &str) -> Value {
        let script = json!({ "script": format!("return {expression}"), "args": [] });
        self.command("POST", "execute/sync", Some(script)).await
    }

    /// What a promise gives.
    pub(crate) async fn resolve(&self, promise: &str) -> Value {
        let script = format!(
            "const done = arguments[arguments.length - 1]; ({promise}).then(done, e => done('failed: ' + e))"
        );
        let script = json!({ "script": script, "args": [] });
        self.command("POST", "execute/async", Some(script)).await
    }

    /// Waits until `expression` is true.
    pub(crate) async fn until(&self, expression: &str) {
        let started = Instant::now();
        while self.eval(expression).await != Value::Bool(true) {
            assert!(started.elapsed() < WAIT_MAX, "never true: {expression}");
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
    }

    /// What the console said since the last time.
    pub(crate) async fn console(&self) -> Vec<String> {
        let log = self
            .command("POST", "se/log", Some(json!({ "type": "browser" })))
            .await;
        let entries = log.as_array().into_iter().flatten();
        entries
            .filter_map(|entry| entry["message"].as_str().map(str::to_owned))
            .collect()
    }

    /// The page fits into its width, and the console was quiet since the last time.
    pub(crate) async fn is_well(&self) {
        let wide = self
            .eval("document.documentElement.scrollWidth - innerWidth")
            .await;
        assert_eq!(wide, 0, "scrolls sideways");
        let said = self.console().await;
        // Chromium also says that it clears what it was told to clear.
        let expected = |said: &str| {
            said.contains("responded with a status of 4")
                || said.contains("Clear-Site-Data header on")
        };
        let unexpected = said.iter().find(|said| !expected(said));
        assert_eq!(unexpected, None, "the console is quiet");
    }

    /// The whole page as a PNG, in base64.
    pub(crate) async fn picture(&self) -> String {
        let size = self.cdp("Page.getLayoutMetrics", json!({})).await;
        let size = &size["cssContentSize"];
        let clip = json!({
            "x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1,
        });
        let wanted = json!({ "format": "png", "captureBeyondViewport": true, "clip": clip });
        let picture = self.cdp("Page.captureScreenshot", wanted).await;
        picture["data"].as_str().expect("a picture").to_owned()
    }

    /// A command of the Chrome DevTools Protocol.
    pub(crate) async fn cdp(&self, cmd: &str, params: Value) -> Value {
        let body = json!({ "cmd": cmd, "params": params });
        self.command("POST", "goog/cdp/execute", Some(body)).await
    }

    async fn find(&self, css: &str) -> String {
        let wanted = json!({ "using": "css selector", "value": css });
        let started = Instant::now();
        loop {
            let path = format!("/session/{}/elements", self.session);
            let found = self.http("POST", &path, Some(wanted.clone())).await;
            if let Some(id) = found[0][ELEMENT].as_str() {
                return id.to_owned();
            }
            assert!(
                started.elapsed() < WAIT_MAX,
                "no `{css}` on the page:\n{}",
                self.html().await
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    async fn command(&self, method: &str, what: &str, body: Option<Value>) -> Value {
        let path = format!("/session/{}/{what}", self.session);
        let value = self.http(method, &path, body).await;
        assert!(value.get("error").is_none(), "{method} {what}: {value}");
        value
    }

    /// One exchange with the driver; gives the answer's `value`.
    async fn http(&self, method: &str, path: &str, body: Option<Value>) -> Value {
        let exchange = async {
            let body = body.map_or_else(String::new, |body| body.to_string());
            let head = format!(
                "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                body.len()
            );
            let mut stream = TcpStream::connect(("127.0.0.1", self.port)).await?;
            stream.write_all(head.as_bytes()).await?;
            stream.write_all(body.as_bytes()).await?;
            let mut stream = BufReader::new(stream);
            let mut length = 0;
            loop {
                let mut line = String::new();
                stream.read_line(&mut line).await?;
                match line.trim_end().to_ascii_lowercase().split_once(':') {
                    Some(("content-length", value)) => length = value.trim().parse().unwrap_or(0),
                    None if line.trim().is_empty() => break,
                    _ => {}
                }
            }
            let mut answer = vec![0; length];
            stream.read_exact(&mut answer).await?;
            std::io::Result::Ok(answer)
        };
        let answer = timeout(COMMAND_MAX, exchange)
            .await
            .expect("an answer in time");
        let answer = answer.expect("chromedriver answers");
        let mut answer: Value = serde_json::from_slice(&answer).expect("JSON");
        answer["value"].take()
    }
}

/// The driver, the port that it chose and what it goes on saying; none where it is not installed.
///
/// It takes a free port of IPv4 and then wants the same one of IPv6, and ends where a neighbour has just taken that:
/// so it is asked again.
async fn start_driver() -> Option<(Child, u16, Lines<BufReader<ChildStdout>>)> {
    let mut said = String::new();
    for _ in 0..STARTS_MAX {
        let mut driver = Command::new("chromedriver")
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .ok()?;
        let stdout = driver.stdout.take().expect("piped");
        let mut lines = BufReader::new(stdout).lines();
        while let Some(line) = lines.next_line().await.expect("readable") {
            if let Some((_, rest)) = line.split_once("started successfully on port ") {
                let port = rest.trim_end_matches('.').parse().expect("a port");
                return Some((driver, port, lines));
            }
            said.push_str(&line);
            said.push('\n');
        }
    }
    panic!("chromedriver did not start in {STARTS_MAX} attempts:\n{said}");
}
