//! Which servers may be spoken to in the clear: those on this machine, and those of which the configuration says so in so many words. One
//! rule for all of central's servers, and one key, `tls`. Looks no name up and connects to nothing.

use std::net::IpAddr;

use url::{Host, Url};

use super::ConfigError;

/// Whether a host is this machine: what is sent there crosses no network.
pub(super) fn is_this_machine(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost") || host.parse().is_ok_and(is_loopback)
}

fn is_loopback(address: IpAddr) -> bool {
    address.to_canonical().is_loopback()
}

/// Refuses an http:// URL of another machine, unless the section's `tls` is false.
///
/// # Errors
/// [`ConfigError::Clear`].
pub(super) fn judge(key: &'static str, words: &'static str, url: &Url, tls: bool) -> Result<(), ConfigError> {
    let here = match url.host() {
        Some(Host::Domain(name)) => is_this_machine(name),
        Some(Host::Ipv4(address)) => is_loopback(address.into()),
        Some(Host::Ipv6(address)) => is_loopback(address.into()),
        None => false,
    };
    if tls && !here && url.scheme() == "http" {
        return Err(ConfigError::Clear { key, url: url.as_str().trim_end_matches('/').to_owned(), words });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_is_this_machine() {
        for here in ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1", "localhost", "LocalHost"] {
            assert!(is_this_machine(here), "{here}");
        }
        for elsewhere in [
            "",
            "0.0.0.0",
            "::",
            "10.0.0.1",
            "128.0.0.1",
            "::ffff:10.0.0.1",
            "fe80::1",
            "db",
            "localhost.",
            "localhost.example",
            "127.0.0.1.example",
            "127.0.0.1@db",
        ] {
            assert!(!is_this_machine(elsewhere), "{elsewhere}");
        }
    }

    #[test]
    fn http_is_for_this_machine_and_for_whoever_says_so() {
        let refused = |url: &str, tls| judge("k", "w", &Url::parse(url).expect("a URL"), tls).is_err();
        for here in ["http://127.0.0.1:8123", "http://[::1]:8123/", "http://localhost", "http://127.1"] {
            assert!(!refused(here, true), "{here}");
        }
        for elsewhere in [
            "http://db:8123",
            "http://10.0.0.1",
            "http://[2001:db8::1]",
            "http://localhost.example",
            "http://127.0.0.1@db",
            "http://127.0.0.1.example",
        ] {
            assert!(refused(elsewhere, true) && !refused(elsewhere, false), "{elsewhere}");
            let encrypted = elsewhere.replace("http:", "https:");
            assert!(!refused(&encrypted, true) && !refused(&encrypted, false), "{encrypted}");
        }
    }
}
