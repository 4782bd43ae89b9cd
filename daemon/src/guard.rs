//! Who may ask a server that knows nobody by a password: this machine's own programs, and pages of the server's own origin. A web page
//! from elsewhere that runs in a browser on this machine is neither, however it names us. Pure; how a refusal is answered is each
//! server's own.

use http::header::{HOST, HeaderMap, HeaderValue, ORIGIN};
use http::uri::Authority;
use http::{Method, Uri};

/// The names of this machine; any other name could be made to point here by whoever owns it.
const OWN_NAMES: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];

/// The host names that are ours.
#[derive(Clone, Debug)]
pub struct Guard {
    configured: Vec<String>,
}

impl Guard {
    /// Answers to the names of this machine and to the configured ones.
    pub fn new(configured: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self { configured: configured.into_iter().map(Into::into).collect() }
    }

    /// Whether a request may be answered. `front_page`: whether it asks for a page that runs nothing and tells nothing, to which any
    /// page may link.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn judge(
        &self,
        method: &Method,
        uri: &Uri,
        headers: &HeaderMap,
        front_page: bool,
    ) -> Result<(), Refusal> {
        let host = self.own_host(uri, headers).ok_or(Refusal::Host)?;
        if !headers.get_all(ORIGIN).iter().all(|origin| self.is_origin_of(&host, origin)) {
            return Err(Refusal::Origin);
        }
        let foreign = |value: &HeaderValue| value != "same-origin" && value != "none";
        if headers.get_all("sec-fetch-site").iter().any(foreign)
            && !(front_page && is_navigation(method, headers))
        {
            return Err(Refusal::FetchSite);
        }
        Ok(())
    }

    /// The host that is asked: the request line's where it names one (RFC 9112, 3.2.2), else the one `Host`. Each that is named must be
    /// ours, and be nothing but a name and a port.
    fn own_host(&self, uri: &Uri, headers: &HeaderMap) -> Option<Authority> {
        let ours = |text: &str| authority(text).filter(|named| self.is_ours(named.host()));
        let mut hosts = headers.get_all(HOST).iter();
        let host = ours(hosts.next()?.to_str().ok()?)?;
        if hosts.next().is_some() {
            return None;
        }
        match uri.authority() {
            Some(named) => ours(named.as_str()),
            None => Some(host),
        }
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

    fn is_ours(&self, name: &str) -> bool {
        OWN_NAMES.iter().any(|own| own.eq_ignore_ascii_case(name)) || self.is_configured(name)
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

/// A link that a person follows: it opens a page of its own and tells the other page nothing.
fn is_navigation(method: &Method, headers: &HeaderMap) -> bool {
    let only = |name, wanted: &str| {
        let mut values = headers.get_all(name).iter();
        values.next().is_some_and(|value| value == wanted) && values.next().is_none()
    };
    method == Method::GET && only("sec-fetch-mode", "navigate") && only("sec-fetch-dest", "document")
}

/// Why a request is not answered. Permanent for this client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The Host is missing, doubled, or another name.
    #[error("this Host is not a name of this server")]
    Host,
    /// A page of another origin.
    #[error("pages of another origin may not ask here")]
    Origin,
    /// A page of another site.
    #[error("requests from another site are not answered here")]
    FetchSite,
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderName, HeaderValue};
    use proptest::prelude::*;

    fn judge(request: &str) -> Result<(), Refusal> {
        let mut lines = request.lines().map(str::trim_start);
        let (method, uri) = lines.next().and_then(|line| line.split_once(' ')).unwrap();
        let uri: Uri = uri.parse().unwrap();
        let mut headers = HeaderMap::new();
        for line in lines {
            let (name, value) = line.split_once(": ").unwrap();
            headers.append(
                HeaderName::from_bytes(name.as_bytes()).unwrap(),
                HeaderValue::from_bytes(value.as_bytes()).unwrap(),
            );
        }
        let front = uri.path() == "/" && uri.query().is_none();
        Guard::new(["Stats.example"]).judge(&method.parse().unwrap(), &uri, &headers, front)
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
            "GET http://localhost:8081/\nhost: localhost:8081",
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
            "GET /\nhost: localhost\nhost: localhost",
            "GET http://evil.example/\nhost: localhost",
            "GET http://evil.example@localhost/\nhost: localhost",
            "GET http://localhost:/\nhost: localhost",
            "GET http://localhost:99999/\nhost: localhost",
            "GET http://127.0.0.1.evil.example/\nhost: localhost",
            "GET /\nhost: localhost.",
            "GET /\nhost: [::1",
            "GET /\nhost: [::1]x",
            "GET /\nhost: 127.0.0.1:x",
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
            "",
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
    fn another_site_may_link_to_the_front_page_and_nothing_else() {
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
                ("GET /?query=SELECT+1", navigation),
                ("GET /", "sec-fetch-mode: navigate\nsec-fetch-mode: navigate\nsec-fetch-dest: document"),
                ("GET /api/v1/sites", navigation),
                ("GET /metrics", "sec-fetch-mode: cors\nsec-fetch-dest: empty"),
            ] {
                assert_eq!(ask(line, more), Err(Refusal::FetchSite), "{line} {more}");
            }
        }
    }

    #[test]
    fn the_request_line_says_which_origin_is_our_own() {
        let ask = |origin: &str| {
            judge(&format!("GET http://127.0.0.1:1/x\nhost: localhost:8081\norigin: {origin}"))
        };
        assert_eq!(ask("http://127.0.0.1:1"), Ok(()));
        assert_eq!(ask("http://localhost:8081"), Err(Refusal::Origin));
    }

    proptest! {
        #[test]
        fn no_origin_but_our_own_gets_through(origin in "[ -~]{0,40}") {
            prop_assume!(!origin.trim().eq_ignore_ascii_case("http://localhost:8081"));
            let request = format!("GET /\nhost: localhost:8081\norigin: {origin}");
            prop_assert_eq!(judge(&request), Err(Refusal::Origin));
        }

        #[test]
        fn no_host_but_our_own_gets_through(host in "[ -~]{0,40}") {
            let name = host.trim().rsplit_once(':').map_or(host.trim(), |(name, _)| name);
            let own = OWN_NAMES.iter().any(|own| own.eq_ignore_ascii_case(name) || own.eq_ignore_ascii_case(host.trim()));
            prop_assume!(!own && !name.eq_ignore_ascii_case("stats.example"));
            prop_assert_eq!(judge(&format!("GET /\nhost: {host}")), Err(Refusal::Host));
        }
    }
}
