//! The demo site: the pages in xtask/demo/, served from an origin of its own. Templates are filled in as they are served,
//! so that a change of a page needs only a reload. For this machine only; not a web server for anything else.

use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// The folder of pages and what stands in for `{{EDGE}}` and `{{SITE}}`.
#[derive(Clone)]
pub(super) struct Site {
    folder: PathBuf,
    edge: String,
    tracking_id: String,
}

impl Site {
    pub(super) fn new(folder: PathBuf, edge: &str, tracking_id: &str) -> Self {
        Self { folder, edge: edge.to_owned(), tracking_id: tracking_id.to_owned() }
    }

    /// Answers until `stop`; connections that are open then are closed.
    pub(super) async fn serve(self, listener: TcpListener, stop: CancellationToken) {
        let site = Arc::new(self);
        loop {
            let stream = tokio::select! {
                accepted = listener.accept() => match accepted {
                    Ok((stream, _)) => stream,
                    Err(error) => {
                        eprintln!("warning: the demo site cannot accept a connection: {error}");
                        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
                        continue;
                    }
                },
                () = stop.cancelled() => return,
            };
            let (site, stop) = (Arc::clone(&site), stop.clone());
            tokio::spawn(async move {
                let service = service_fn(|request| {
                    let answer = site.answer(&request);
                    async { Ok::<_, Infallible>(answer) }
                });
                let connection = hyper::server::conn::http1::Builder::new()
                    .timer(TokioTimer::new())
                    .serve_connection(TokioIo::new(stream), service);
                tokio::select! {
                    // A browser that goes away in the middle is no fault.
                    _ = connection => {}
                    () = stop.cancelled() => {}
                }
            });
        }
    }

    fn answer(&self, request: &Request<Incoming>) -> Response<Full<Bytes>> {
        if request.method() != Method::GET && request.method() != Method::HEAD {
            return plain(StatusCode::METHOD_NOT_ALLOWED, "only GET");
        }
        match self.page(request.uri().path()) {
            Some((kind, body)) => Response::builder()
                .header("content-type", kind)
                .header("cache-control", "no-store")
                .body(Full::new(body))
                .expect("these headers are valid"),
            None => plain(StatusCode::NOT_FOUND, "no such page"),
        }
    }

    /// The media type and contents of a path: `/` is index.html, `/pricing` is pricing.html, and so is `/pricing/3`,
    /// an address that a page gave itself by `history.pushState`.
    fn page(&self, path: &str) -> Option<(&'static str, Bytes)> {
        let relative = path.strip_prefix('/')?;
        let harmless = |part: &str| {
            !part.is_empty()
                && !part.starts_with('.')
                && part.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
        };
        let named = relative.strip_suffix('/').unwrap_or(relative);
        if !named.is_empty() && !named.split('/').all(harmless) {
            return None;
        }
        let file = if relative.is_empty() || relative.ends_with('/') {
            self.folder.join(relative).join("index.html")
        } else if Path::new(relative).extension().is_none() {
            let whole = self.folder.join(format!("{relative}.html"));
            match named.rsplit_once('/') {
                Some((above, _)) if !whole.exists() => self.folder.join(format!("{above}.html")),
                _ => whole,
            }
        } else {
            self.folder.join(relative)
        };
        let kind = media_type(&file);
        let contents = std::fs::read(&file).ok()?;
        if !kind.starts_with("text/html") {
            return Some((kind, contents.into()));
        }
        let text = String::from_utf8(contents).ok()?;
        Some((kind, text.replace("{{EDGE}}", &self.edge).replace("{{SITE}}", &self.tracking_id).into()))
    }
}

fn media_type(file: &Path) -> &'static str {
    match file.extension().and_then(|extension| extension.to_str()) {
        Some("html") => "text/html; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("js" | "mjs") => "text/javascript; charset=utf-8",
        Some("json") => "application/json",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("ico") => "image/x-icon",
        Some("txt") => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

fn plain(status: StatusCode, text: &'static str) -> Response<Full<Bytes>> {
    Response::builder()
        .status(status)
        .header("content-type", "text/plain; charset=utf-8")
        .body(Full::new(Bytes::from_static(text.as_bytes())))
        .expect("these headers are valid")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site() -> (tempfile::TempDir, Site) {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("pages")).unwrap();
        std::fs::write(folder.path().join("secret"), "secret").unwrap();
        let pages = folder.path().join("pages");
        std::fs::write(pages.join("index.html"), "<script src={{EDGE}}/footfall.js data-site={{SITE}}>")
            .unwrap();
        std::fs::write(pages.join("pricing.html"), "prices").unwrap();
        std::fs::write(pages.join("dot.png"), [0x89, 0xff, b'{', b'{']).unwrap();
        let site = Site::new(pages, "http://edge", "FF-1");
        (folder, site)
    }

    #[test]
    fn a_page_names_the_edge_and_the_site() {
        let (_folder, site) = site();
        let (kind, body) = site.page("/").unwrap();
        assert_eq!(kind, "text/html; charset=utf-8");
        assert_eq!(&body[..], b"<script src=http://edge/footfall.js data-site=FF-1>");
        assert_eq!(&site.page("/pricing").unwrap().1[..], b"prices");
        assert_eq!(&site.page("/pricing/3").unwrap().1[..], b"prices", "a pushed address can be reloaded");
    }

    #[test]
    fn a_picture_is_served_as_it_is() {
        let (_folder, site) = site();
        assert_eq!(
            site.page("/dot.png").unwrap(),
            ("image/png", Bytes::from_static(&[0x89, 0xff, b'{', b'{']))
        );
    }

    #[test]
    fn nothing_outside_the_folder_is_served() {
        let (_folder, site) = site();
        for path in [
            "/../secret",
            "/..%2fsecret",
            "/./../secret",
            "//secret",
            "/.hidden",
            "/missing",
            "secret",
            "/pages\\x",
        ] {
            assert!(site.page(path).is_none(), "{path}");
        }
    }
}
