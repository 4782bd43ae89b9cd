//! A real Chromium, driven as WebDriver drives it: a fresh profile, a home of its own, and nothing left behind, also when a
//! story panics. It reaches this machine only: every name but localhost is unknown to it.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use fantoccini::wd::{TimeoutConfiguration, WindowHandle};
use fantoccini::{Client, ClientBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::event::BROWSER;
use crate::wait::until;

/// From the start of the driver to a browser that obeys.
const START: Duration = Duration::from_mins(1);
/// For a page to load, a script to end.
const PAGE: Duration = Duration::from_secs(30);
/// Browsers of one test binary at the same time: two cores are quickly full of them.
static SEATS: Semaphore = Semaphore::const_new(2);

/// A browser with one window. Every method panics with what the browser said when it does not obey.
#[derive(Debug)]
pub struct Browser {
    client: Client,
    driver: Child,
    group: Pid,
    port: u16,
    folder: TempDir,
    _seat: SemaphorePermit<'static>,
}

impl Browser {
    /// Starts one.
    pub async fn start() -> Self {
        let seat = SEATS.acquire().await.expect("the seats are never closed");
        let folder =
            tempfile::Builder::new().prefix("footfall-browser-").tempdir().expect("a temporary folder");
        for name in ["home", "tmp", "profile"] {
            std::fs::create_dir(folder.path().join(name)).expect("the folder is new");
        }
        let mut driver = Command::new("chromedriver")
            .arg("--port=0")
            .env("HOME", folder.path().join("home"))
            .env("TMPDIR", folder.path().join("tmp"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .expect("chromedriver starts: `cargo xtask doctor` says what is missing");
        let pid = driver.id().and_then(|pid| i32::try_from(pid).ok()).and_then(Pid::from_raw);
        let group = pid.expect("it was just started");
        let stdout = BufReader::new(driver.stdout.take().expect("it was asked for"));
        let started = async {
            let port = announced_port(stdout).await;
            let client = ClientBuilder::new(HttpConnector::new())
                .capabilities(capabilities(&folder.path().join("profile")))
                .connect(&format!("http://127.0.0.1:{port}"))
                .await;
            (port, client.expect("chromedriver starts a Chromium"))
        };
        let guard = Leftovers { group: Some(group), folder: folder.path().to_owned() };
        let (port, client) = tokio::time::timeout(START, started).await.expect("a browser in time");
        let patience = TimeoutConfiguration::new(Some(PAGE), Some(PAGE), None);
        client.update_timeouts(patience).await.expect("timeouts are taken");
        guard.disarm();
        Self { client, driver, group, port, folder, _seat: seat }
    }

    /// The WebDriver client, for what has no method here.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Opens an address in the window and waits until the page is loaded.
    pub async fn open(&self, url: &str) {
        self.client.goto(url).await.unwrap_or_else(|error| panic!("{url} does not open: {error}"));
    }

    /// Runs the body of a function in the page and returns what it returns.
    pub async fn run(&self, script: &str) -> Value {
        self.client.execute(script, vec![]).await.unwrap_or_else(|error| panic!("`{script}` failed: {error}"))
    }

    /// Waits until an expression is true in the page.
    pub async fn wait_for(&self, expression: &str) {
        let script = format!("return !!({expression})");
        until(&format!("`{expression}` is true in the page"), PAGE, || async {
            (self.run(&script).await == Value::Bool(true)).then_some(())
        })
        .await;
    }

    /// Clicks the first element that a CSS selector finds, as a person would.
    pub async fn click(&self, selector: &str) {
        let found = self.client.wait().at_most(PAGE).for_element(fantoccini::Locator::Css(selector)).await;
        let element = found.unwrap_or_else(|error| panic!("there is no {selector}: {error}"));
        element.click().await.unwrap_or_else(|error| panic!("{selector} cannot be clicked: {error}"));
    }

    /// Closes the tab that is shown, as a visitor who leaves; an empty one takes its place.
    pub async fn close_tab(&self) {
        let old = self.client.window().await.expect("a tab is shown");
        let new = self.client.new_window(true).await.expect("a new tab opens").handle;
        self.client.switch_to_window(old).await.expect("the old tab is still there");
        self.client.close_window().await.expect("it closes");
        self.client.switch_to_window(new).await.expect("the new tab is there");
    }

    /// Opens an empty tab in front of the one that is shown, and returns that one.
    pub async fn cover(&self) -> WindowHandle {
        let old = self.client.window().await.expect("a tab is shown");
        let new = self.client.new_window(true).await.expect("a new tab opens").handle;
        self.client.switch_to_window(new).await.expect("the new tab is there");
        old
    }

    /// Runs a script in every page from now on, before the page's own.
    pub async fn before_each_page(&self, script: &str) {
        self.devtools("Page.addScriptToEvaluateOnNewDocument", json!({ "source": script })).await;
    }

    /// Stops the clock of every page that is opened from now on: see `page.js`.
    pub async fn stop_clocks(&self) {
        self.before_each_page(include_str!("page.js")).await;
    }

    /// Lets time pass in the page that is shown, whose clock stands still, and its timers fire.
    pub async fn advance(&self, time: Duration) {
        self.run(&format!("testPage.advance({})", time.as_millis())).await;
    }

    /// Sends a command of Chromium's own protocol and returns its result.
    pub async fn devtools(&self, command: &str, parameters: Value) -> Value {
        let session = self.client.session_id().await.expect("the driver answers").expect("a session is open");
        let answer = crate::http::client()
            .build()
            .expect("a plain client")
            .post(format!("http://127.0.0.1:{}/session/{session}/goog/cdp/execute", self.port))
            .json(&json!({ "cmd": command, "params": parameters }))
            .send()
            .await
            .expect("the driver answers");
        let status = answer.status();
        let mut body: Value = answer.json().await.expect("the driver answers in JSON");
        assert!(status.is_success(), "{command} was refused: {body}");
        body["value"].take()
    }

    /// Keeps a picture of the page as `name`.png among the artefacts of the build and returns where.
    pub async fn screenshot(&self, name: &str) -> PathBuf {
        let picture = self.client.screenshot().await.expect("the page can be pictured");
        let folder = artefacts();
        std::fs::create_dir_all(&folder).expect("the artefacts' folder can be made");
        let file = folder.join(format!("{name}.png"));
        std::fs::write(&file, picture).expect("the picture can be written");
        file
    }

    /// Ends the browser and its driver. A browser that is dropped is killed instead.
    pub async fn quit(mut self) {
        // A driver that no longer answers is killed with the rest when this is dropped.
        let _ = tokio::time::timeout(PAGE, self.client.clone().close()).await;
        let _ = kill_process_group(self.group, Signal::TERM);
        let _ = tokio::time::timeout(PAGE, self.driver.wait()).await;
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Chromium leaves its driver's group: all processes that use this folder are this browser's.
        drop(Leftovers { group: Some(self.group), folder: self.folder.path().to_owned() });
    }
}

/// Where pictures and the like of test runs are kept: `FOOTFALL_ARTEFACTS`, or `artefacts` in the build's folder.
#[must_use]
pub fn artefacts() -> PathBuf {
    if let Some(set) = std::env::var_os("FOOTFALL_ARTEFACTS").filter(|set| !set.is_empty()) {
        return set.into();
    }
    let own = std::env::current_exe().expect("a test has a path");
    own.ancestors().nth(3).expect("tests lie in target/<profile>/deps").join("artefacts")
}

/// The processes of a browser, killed when this is dropped.
struct Leftovers {
    group: Option<Pid>,
    folder: PathBuf,
}

impl Leftovers {
    fn disarm(mut self) {
        self.group = None;
    }
}

impl Drop for Leftovers {
    fn drop(&mut self) {
        let Some(group) = self.group else { return };
        // What has ended already cannot be signalled, and need not be.
        let _ = kill_process_group(group, Signal::KILL);
        for pid in users_of(&self.folder) {
            let _ = kill_process(pid, Signal::KILL);
        }
    }
}

/// Processes that were started with this folder in their arguments.
fn users_of(folder: &Path) -> Vec<Pid> {
    let folder = folder.to_string_lossy().into_owned();
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    pids.filter(|pid| {
        std::fs::read(format!("/proc/{pid}/cmdline"))
            .is_ok_and(|line| String::from_utf8_lossy(&line).contains(folder.as_str()))
    })
    .filter_map(Pid::from_raw)
    .collect()
}

/// The port that chromedriver says it took.
async fn announced_port(stdout: BufReader<tokio::process::ChildStdout>) -> u16 {
    let mut lines = stdout.lines();
    let port = loop {
        let line =
            lines.next_line().await.expect("chromedriver writes text").expect("chromedriver says its port");
        let port = line
            .split_once("started successfully on port ")
            .and_then(|(_, port)| port.trim_end_matches('.').parse().ok());
        if let Some(port) = port {
            break port;
        }
    };
    // It must be able to go on writing.
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    port
}

fn capabilities(profile: &Path) -> serde_json::Map<String, Value> {
    let arguments = [
        "--headless".to_owned(),
        "--no-sandbox".to_owned(),
        "--disable-gpu".to_owned(),
        "--disable-quic".to_owned(),
        "--disable-dev-shm-usage".to_owned(),
        "--no-first-run".to_owned(),
        "--disable-background-networking".to_owned(),
        "--disable-component-update".to_owned(),
        "--disable-sync".to_owned(),
        "--window-size=1280,900".to_owned(),
        "--lang=en-GB".to_owned(),
        "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1 , EXCLUDE localhost".to_owned(),
        // Headless Chromium calls itself a bot.
        format!("--user-agent={BROWSER}"),
        format!("--user-data-dir={}", profile.display()),
    ];
    let capabilities = json!({ "browserName": "chrome", "goog:chromeOptions": { "args": arguments } });
    capabilities.as_object().expect("written as one").clone()
}
