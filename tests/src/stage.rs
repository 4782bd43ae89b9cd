//! The beacon's stage: a site whose pages carry the tag, an edge of another origin that only listens, and a real browser.

use std::path::Path;
use std::time::Duration;

use footfall_proto::beacon::Event;
use hyper::Method;

use crate::browser::Browser;
use crate::recorder::{Recorder, Reply};
use crate::wait::until;

/// For something that a page was made to do.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// A site, an edge, and a browser that has not been anywhere.
#[derive(Debug)]
pub struct Stage {
    /// Where the pages are.
    pub site: Recorder,
    /// Where the beacon comes from and goes to.
    pub edge: Recorder,
    /// Who visits.
    pub browser: Browser,
}

impl Stage {
    /// Sets it up with two pages, /a and /b.
    pub async fn new() -> Self {
        let (site, edge) = (Recorder::start().await, Recorder::start().await);
        let dist = Path::new(env!("CARGO_MANIFEST_DIR")).join("../beacon-wasm/dist");
        for (name, media_type) in [("footfall.js", "text/javascript"), ("footfall.wasm", "application/wasm")]
        {
            let bytes = std::fs::read(dist.join(name)).expect("the beacon is built: `cargo xtask beacon`");
            edge.serve(&format!("/{name}"), Reply::file(media_type, bytes));
        }
        let stage = Self { site, edge, browser: Browser::start().await };
        stage.page("/a", "", "");
        stage.page("/b", "", "");
        stage
    }

    /// A page with the tag, which has these attributes besides, and a script before it.
    pub fn page(&self, path: &str, attributes: &str, script: &str) {
        self.site.serve(path, self.reply(path, attributes, script));
    }

    /// The same, for more headers.
    #[must_use]
    pub fn reply(&self, path: &str, attributes: &str, script: &str) -> Reply {
        let edge = self.edge.origin();
        let html = format!(
            "<!doctype html><title>Page {path}</title><script>{script}</script>\
             <script async src=\"{edge}/footfall.js\" data-site=\"FF-TEST-1\" {attributes}></script>\
             <body style=\"margin:0\"><div style=\"height:4000px\"><a href=\"/b\">b</a></div>"
        );
        Reply::file("text/html; charset=utf-8", html)
    }

    /// A page's address.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.site.origin())
    }

    /// Opens a page and waits for its page view.
    pub async fn visit(&self, path: &str) -> Event {
        let before = self.edge.events().len();
        let url = self.url(path);
        self.browser.open(&url).await;
        until(&format!("the page view of {path} came"), PATIENCE, || async {
            let mut events = self.edge.events().into_iter().skip(before);
            events.find(|event| event.event_type == "pageview" && event.page_url == url)
        })
        .await
    }

    /// Milliseconds until the first timer of the page that is shown fires; waits until there is one.
    pub async fn next_timer(&self) -> u64 {
        self.browser.wait_for("testPage.next() < Infinity").await;
        self.browser
            .run("return Math.ceil(testPage.next())")
            .await
            .as_u64()
            .expect("a number of milliseconds")
    }

    /// Asks the edge for something and waits until that has come: so has, then, all that pages asked it for before. Twice, as a browser
    /// that opens a new connection for one request may send the next over another.
    pub async fn barrier(&self) {
        for _ in 0..2 {
            let path = format!("/barrier/{}", self.edge.seen().len());
            let url = format!("{}{path}", self.edge.origin());
            if self.browser.run("return location.protocol").await == "http:" {
                self.browser.run(&format!("fetch('{url}', {{ mode: 'no-cors' }})")).await;
            } else {
                self.browser.open(&url).await;
            }
            until("the barrier has come", PATIENCE, || async {
                self.edge.seen().iter().any(|seen| seen.path == path).then_some(())
            })
            .await;
        }
    }

    /// Ends the visit; what was posted must have come as a page may send it unasked.
    pub async fn end(self) {
        for seen in self.edge.seen() {
            assert_ne!(seen.method, Method::OPTIONS, "no browser asked the edge first: {seen:?}");
            assert!(!seen.headers.contains_key("cookie"), "{seen:?}");
            if seen.method == Method::POST {
                let content_type = seen.headers["content-type"].to_str().expect("text");
                assert!(content_type.starts_with("text/plain"), "{content_type}");
            }
        }
        self.browser.quit().await;
    }
}
