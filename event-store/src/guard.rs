//! Keeps web pages out: a browser on this machine must not carry a stranger's page to this port. Pure.

use http::header::{HOST, ORIGIN};
use http::{HeaderMap, Method, Uri};

/// Admits a request by its Host, Origin and Sec-Fetch headers; `names` are further host names that count as this server.
pub fn admit(method: &Method, uri: &Uri, headers: &HeaderMap, names: &[String]) -> Result<(), Refused> {
    let mut hosts = headers.get_all(HOST).iter();
    let host = match (hosts.next(), hosts.next()) {
        (Some(host), None) => host.to_str().map_err(|_| Refused::Host)?,
        _ => return Err(Refused::Host),
    };
    if !is_ours(host, names) || uri.authority().is_some_and(|authority| !is_ours(authority.as_str(), names)) {
        return Err(Refused::Host);
    }
    for origin in headers.get_all(ORIGIN) {
        let own = origin.to_str().ok().and_then(|origin| origin.strip_prefix("http://"));
        if !own.is_some_and(|own| own.eq_ignore_ascii_case(host)) {
            return Err(Refused::Origin);
        }
    }
    for site in headers.get_all("sec-fetch-site") {
        let site = site.as_bytes();
        if site != b"same-origin" && site != b"none" && !is_visit(method, uri, headers) {
            return Err(Refused::Site);
        }
    }
    Ok(())
}

/// A person following a link to the server's front page, which runs nothing.
fn is_visit(method: &Method, uri: &Uri, headers: &HeaderMap) -> bool {
    let says = |name: &str, value: &[u8]| headers.get(name).is_some_and(|found| found.as_bytes() == value);
    method == Method::GET
        && uri.path() == "/"
        && uri.query().is_none()
        && says("sec-fetch-mode", b"navigate")
        && says("sec-fetch-dest", b"document")
}

/// Whether `host[:port]` names this machine's loopback or one of `names`.
fn is_ours(host: &str, names: &[String]) -> bool {
    let (name, port) = match host.strip_prefix('[') {
        Some(rest) => match rest.split_once(']') {
            Some((address, port)) => (format!("[{address}]"), port),
            None => return false,
        },
        None => match host.find(':') {
            Some(colon) => (host[..colon].to_owned(), &host[colon..]),
            None => (host.to_owned(), ""),
        },
    };
    let port_is_right = match port.strip_prefix(':') {
        Some(digits) => digits.parse::<u16>().is_ok(),
        None => port.is_empty(),
    };
    port_is_right
        && (["localhost", "127.0.0.1", "[::1]"].iter().any(|own| name.eq_ignore_ascii_case(own))
            || names.iter().any(|own| name.eq_ignore_ascii_case(own)))
}

/// Why a request is not admitted. Permanent for this client: it is not spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The Host is missing, doubled, or another name.
    #[error("this server answers to localhost, 127.0.0.1 and [::1] only")]
    Host,
    /// A page of another origin.
    #[error("pages of another origin may not ask this server")]
    Origin,
    /// A page of another site.
    #[error("pages of another site may not ask this server")]
    Site,
}

#[cfg(test)]
mod a_request {
    use super::*;
    use http::HeaderValue;
    use proptest::prelude::*;

    fn ask(method: &Method, uri: &str, headers: &[(&'static str, &str)]) -> Result<(), Refused> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, HeaderValue::from_str(value).expect("header"));
        }
        admit(method, &uri.parse().expect("uri"), &map, &["store.internal".to_owned()])
    }

    #[test]
    fn names_this_machine() {
        for host in [
            "localhost",
            "LOCALHOST:8123",
            "127.0.0.1:1",
            "[::1]:8123",
            "[::1]",
            "store.internal:9",
            "127.0.0.1",
        ] {
            assert_eq!(ask(&Method::POST, "/", &[("host", host)]), Ok(()), "{host}");
        }
        for host in [
            "evil.example",
            "127.0.0.1.evil.example",
            "localhost.",
            "[::1",
            "127.0.0.1:x",
            "[::1]x",
            "127.0.0.2",
            "",
        ] {
            assert_eq!(ask(&Method::POST, "/", &[("host", host)]), Err(Refused::Host), "{host}");
        }
        assert_eq!(ask(&Method::GET, "/", &[]), Err(Refused::Host));
        assert_eq!(
            ask(&Method::GET, "/", &[("host", "localhost"), ("host", "localhost")]),
            Err(Refused::Host)
        );
        assert_eq!(ask(&Method::GET, "http://evil.example/", &[("host", "localhost")]), Err(Refused::Host));
    }

    #[test]
    fn comes_from_no_other_origin() {
        let own = [("host", "127.0.0.1:8123"), ("origin", "http://127.0.0.1:8123")];
        assert_eq!(ask(&Method::POST, "/", &own), Ok(()));
        for origin in ["http://127.0.0.1:8082", "https://127.0.0.1:8123", "null", "http://evil.example", ""] {
            let foreign = [("host", "127.0.0.1:8123"), ("origin", origin)];
            assert_eq!(ask(&Method::POST, "/", &foreign), Err(Refused::Origin), "{origin}");
        }
    }

    #[test]
    fn comes_from_no_other_site_unless_a_person_visits() {
        let from = |site| vec![("host", "localhost:8123"), ("sec-fetch-site", site)];
        assert_eq!(ask(&Method::GET, "/?query=SELECT+1", &from("none")), Ok(()));
        assert_eq!(ask(&Method::GET, "/?query=SELECT+1", &from("same-origin")), Ok(()));
        for site in ["cross-site", "same-site", "anything"] {
            assert_eq!(ask(&Method::GET, "/?query=SELECT+1", &from(site)), Err(Refused::Site));
            let mut visit = from(site);
            visit.extend([("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document")]);
            assert_eq!(ask(&Method::GET, "/", &visit), Ok(()));
            assert_eq!(ask(&Method::GET, "/?query=SELECT+1", &visit), Err(Refused::Site));
            assert_eq!(ask(&Method::POST, "/", &visit), Err(Refused::Site));
        }
    }

    proptest! {
        #[test]
        fn with_any_host_is_judged_without_panic(host in "[\\x20-\\x7e]{0,40}") {
            let _ = is_ours(&host, &[]);
        }
    }
}
