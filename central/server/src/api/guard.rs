//! Who may ask: only this machine's own programs and pages of this origin. A web page from elsewhere that runs in a browser on this
//! machine is neither, however it names us. [`Guard::judge`] is pure.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::{HOST, ORIGIN};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::problem::Problem;

/// The names of this machine; any other name could be made to point here by whoever owns it.
const OWN_NAMES: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];

/// The host names that are ours.
pub(super) struct Guard {
    configured: Vec<String>,
}

impl Guard {
    pub(super) fn new(configured: &[String]) -> Self {
        Self { configured: configured.iter().map(|name| name.to_ascii_lowercase()).collect() }
    }

    /// Whether a request may be answered.
    pub(super) fn judge(&self, method: &Method, path: &str, headers: &HeaderMap) -> Result<(), Refusal> {
        let host = self.own_host(headers).ok_or(Refusal::Host)?;
        if !headers.get_all(ORIGIN).iter().all(|origin| self.is_origin_of(&host, origin)) {
            return Err(Refusal::Origin);
        }
        let foreign = |value: &HeaderValue| value != "same-origin" && value != "none";
        if headers.get_all("sec-fetch-site").iter().any(foreign)
            && !is_navigation_to_dashboard(method, path, headers)
        {
            return Err(Refusal::FetchSite);
        }
        Ok(())
    }

    /// The one `Host` of the request, if it is a name of ours.
    fn own_host(&self, headers: &HeaderMap) -> Option<Authority> {
        let mut hosts = headers.get_all(HOST).iter();
        let host = authority(hosts.next()?.to_str().ok()?)?;
        (hosts.next().is_none() && (self.is_own(host.host()) || self.is_configured(host.host())))
            .then_some(host)
    }

    /// Scheme, name and port must be those under which we were asked. Under a configured name a proxy may add TLS.
    fn is_origin_of(&self, host: &Authority, origin: &HeaderValue) -> bool {
        let Some((scheme, rest)) = origin.to_str().ok().and_then(|origin| origin.split_once("://")) else {
            return false;
        };
        let default_port = match scheme {
            "http" => 80,
            "https" if self.is_configured(host.host()) => 443,
            _ => return false,
        };
        authority(rest).is_some_and(|origin| {
            origin.host().eq_ignore_ascii_case(host.host())
                && origin.port_u16().unwrap_or(default_port) == host.port_u16().unwrap_or(default_port)
        })
    }

    #[allow(clippy::unused_self, reason = "reads as a pair with is_configured")]
    fn is_own(&self, name: &str) -> bool {
        OWN_NAMES.iter().any(|own| own.eq_ignore_ascii_case(name))
    }

    fn is_configured(&self, name: &str) -> bool {
        self.configured.iter().any(|configured| configured.eq_ignore_ascii_case(name))
    }
}

/// A name and perhaps a port, without user or anything else.
fn authority(text: &str) -> Option<Authority> {
    let authority: Authority = text.parse().ok().filter(|_| !text.contains('@'))?;
    // `localhost:` and `localhost:99999` have a colon and no port.
    let rest = &text[authority.host().len()..];
    (rest.is_empty() || authority.port_u16().is_some()).then_some(authority)
}

/// A link to the dashboard may be followed from anywhere; it opens a page of its own and tells the other page nothing.
fn is_navigation_to_dashboard(method: &Method, path: &str, headers: &HeaderMap) -> bool {
    let only = |name, wanted: &str| {
        let mut values = headers.get_all(name).iter();
        values.next().is_some_and(|value| value == wanted) && values.next().is_none()
    };
    method == Method::GET
        && path == "/"
        && only("sec-fetch-mode", "navigate")
        && only("sec-fetch-dest", "document")
}

/// Answers 403 to whatever [`Guard::judge`] refuses.
pub(super) async fn check(State(guard): State<Arc<Guard>>, request: Request, next: Next) -> Response {
    match guard.judge(request.method(), request.uri().path(), request.headers()) {
        Ok(()) => next.run(request).await,
        Err(refusal) => Problem::new(StatusCode::FORBIDDEN, refusal.to_string()).into_response(),
    }
}

/// Why a request is not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refusal {
    #[error("this Host is not a name of this server; configured names stand in `http.names`")]
    Host,
    #[error("pages of another origin may not ask here")]
    Origin,
    #[error("requests from another site are not answered here")]
    FetchSite,
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderName;
    use proptest::prelude::*;

    fn judge(request: &str) -> Result<(), Refusal> {
        let mut lines = request.lines().map(str::trim_start);
        let (method, path) = lines.next().and_then(|line| line.split_once(' ')).unwrap();
        let mut headers = HeaderMap::new();
        for line in lines {
            let (name, value) = line.split_once(": ").unwrap();
            headers.append(
                HeaderName::from_bytes(name.as_bytes()).unwrap(),
                HeaderValue::from_bytes(value.as_bytes()).unwrap(),
            );
        }
        Guard::new(&["Stats.example".to_owned()]).judge(&method.parse().unwrap(), path, &headers)
    }

    #[test]
    fn own_programs_and_own_pages_are_answered() {
        for request in [
            "GET /\nhost: 127.0.0.1:8081",
            "GET /api/v1/sites\nhost: localhost",
            "GET /api/v1/sites\nhost: LOCALHOST:8081",
            "GET /\nhost: [::1]:8081",
            "GET /\nhost: stats.example",
            "GET /api/v1/sites\nhost: localhost:8081\nsec-fetch-site: same-origin",
            "GET /api/v1/sites\nhost: localhost:8081\norigin: http://localhost:8081\nsec-fetch-site: same-origin",
            "GET /x\nhost: localhost\norigin: http://localhost:80",
            "GET /x\nhost: stats.example\norigin: https://stats.example",
            "GET /x\nhost: stats.example\norigin: http://stats.example",
            "GET /metrics\nhost: localhost:8081\nsec-fetch-site: none",
        ] {
            assert_eq!(judge(request), Ok(()), "{request}");
        }
    }

    #[test]
    fn other_names_for_this_machine_are_refused() {
        for request in [
            "GET /",
            "GET /\nhost: evil.example",
            "GET /\nhost: localhost.evil.example",
            "GET /\nhost: 127.0.0.1.evil.example",
            "GET /\nhost: 127.0.0.2",
            "GET /\nhost: localhost:",
            "GET /\nhost: localhost:99999",
            "GET /\nhost: user@localhost",
            "GET /\nhost: evil.example@localhost",
            "GET /\nhost: localhost\nhost: evil.example",
            "GET /\nhost: ",
            "GET /\nhost: ::1",
        ] {
            assert_eq!(judge(request), Err(Refusal::Host), "{request}");
        }
    }

    #[test]
    fn foreign_origins_are_refused() {
        for origin in [
            "null",
            "http://evil.example",
            "http://localhost",
            "http://localhost:8082",
            "http://127.0.0.1:8081",
            "https://localhost:8081",
            "file://",
            "localhost:8081",
            "http://localhost:8081@evil.example",
            "http://localhost:8081\norigin: http://evil.example",
        ] {
            let request = format!("GET /api/v1/sites\nhost: localhost:8081\norigin: {origin}");
            assert_eq!(judge(&request), Err(Refusal::Origin), "{origin}");
        }
    }

    #[test]
    fn another_site_may_link_to_the_dashboard_and_nothing_else() {
        let navigation = "sec-fetch-mode: navigate\nsec-fetch-dest: document";
        for site in ["cross-site", "same-site"] {
            let ask = |line: &str, more: &str| {
                judge(&format!("{line}\nhost: localhost:8081\nsec-fetch-site: {site}\n{more}"))
            };
            assert_eq!(ask("GET /", navigation), Ok(()));
            for (line, more) in [
                ("GET /", ""),
                ("GET /", "sec-fetch-mode: no-cors\nsec-fetch-dest: script"),
                ("GET /", "sec-fetch-mode: navigate\nsec-fetch-dest: iframe"),
                ("POST /", navigation),
                ("GET /api/v1/sites", navigation),
                ("GET /metrics", "sec-fetch-mode: cors\nsec-fetch-dest: empty"),
            ] {
                assert_eq!(ask(line, more), Err(Refusal::FetchSite), "{line} {more}");
            }
        }
    }

    proptest! {
        #[test]
        fn no_origin_but_our_own_gets_through(origin in "[ -~]{0,40}") {
            prop_assume!(!origin.trim().eq_ignore_ascii_case("http://localhost:8081"));
            let request = format!("GET /\nhost: localhost:8081\norigin: {origin}");
            prop_assert_eq!(judge(&request), Err(Refusal::Origin));
        }
    }
}
