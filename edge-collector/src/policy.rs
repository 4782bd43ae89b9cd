//! The policy: the sites that central serves, with what each wants. Kept in memory for every request and on disk, so
//! that an edge boots without central. An older policy never replaces a newer one.

use std::collections::{HashMap, HashSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use footfall_daemon::file;
use footfall_proto::relay::{self, SiteStatus};
use parking_lot::Mutex;
use prost::Message;

/// One site, in the form that the hot path wants.
#[derive(Debug, Clone, PartialEq)]
pub struct Site {
    /// UUID in text form.
    pub website_id: Arc<str>,
    /// The id that the pages of the site send.
    pub tracking_id: Arc<str>,
    /// Hosts whose pages may send: the domain and the extra ones, lower case. One with a port matches that port only.
    pub domains: Vec<String>,
    /// Whether events are taken at all.
    pub paused: bool,
    /// Drop bots rather than mark them.
    pub bot_filtering: bool,
    /// Cut addresses even where the visitor consented.
    pub ip_anonymization: bool,
    /// Share of visitors kept, (0, 1].
    pub sampling_rate: f64,
}

impl Site {
    fn resolve(site: relay::Site) -> Option<Self> {
        if matches!(site.status(), SiteStatus::Deleted)
            || site.website_id.is_empty()
            || site.tracking_id.is_empty()
        {
            return None;
        }
        let domains = std::iter::once(&site.domain).chain(&site.extra_domains).map(|domain| normal(domain));
        Some(Self {
            domains: domains.filter(|domain| !domain.is_empty()).collect(),
            paused: matches!(site.status(), SiteStatus::Paused),
            website_id: site.website_id.into(),
            tracking_id: site.tracking_id.into(),
            bot_filtering: site.bot_filtering_enabled,
            ip_anonymization: site.ip_anonymization_enabled,
            // An absent rate is no wish to drop everything.
            sampling_rate: if site.sampling_rate > 0.0 { site.sampling_rate.min(1.0) } else { 1.0 },
        })
    }

    /// Whether `authority` (a host, with or without a port) is one of the site's domains or below one.
    #[must_use]
    pub fn owns(&self, authority: &str) -> bool {
        let authority = normal(authority);
        let host = host_of(&authority);
        self.domains.iter().any(|domain| {
            let candidate = if domain.len() == host_of(domain).len() { host } else { &authority };
            candidate == domain
                || candidate.strip_suffix(domain.as_str()).is_some_and(|front| front.ends_with('.'))
        })
    }
}

fn normal(domain: &str) -> String {
    let domain = domain.trim().trim_end_matches('/');
    let domain = domain.split_once("://").map_or(domain, |(_, rest)| rest);
    domain.trim_end_matches('.').to_ascii_lowercase()
}

fn host_of(authority: &str) -> &str {
    match authority.rsplit_once(':') {
        Some((host, port))
            if !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) && !host.ends_with(':') =>
        {
            host
        }
        _ => authority,
    }
}

/// One policy, indexed.
#[derive(Debug)]
pub struct Policy {
    /// Central's number for it; grows with every change.
    pub id: u64,
    sites: HashMap<Arc<str>, Arc<Site>>,
    domains: HashSet<String>,
}

impl Policy {
    /// Indexes what central sent; deleted sites are unknown ones.
    #[must_use]
    pub fn resolve(policy: relay::Policy) -> Self {
        let sites: HashMap<_, _> = policy
            .sites
            .into_iter()
            .filter_map(Site::resolve)
            .map(|site| (Arc::clone(&site.tracking_id), Arc::new(site)))
            .collect();
        let domains =
            sites.values().flat_map(|site| site.domains.iter().map(|domain| host_of(domain).to_owned()));
        Self { id: policy.policy_id, domains: domains.collect(), sites }
    }

    /// The site that a tracking id names.
    #[must_use]
    pub fn site(&self, tracking_id: &str) -> Option<&Arc<Site>> {
        self.sites.get(tracking_id)
    }

    /// Whether any site has pages at `authority`: all that can be asked before a body is read.
    #[must_use]
    pub fn knows_origin(&self, authority: &str) -> bool {
        let authority = normal(authority);
        let mut host = host_of(&authority);
        loop {
            if self.domains.contains(host) {
                return true;
            }
            match host.split_once('.') {
                Some((_, parent)) => host = parent,
                None => return false,
            }
        }
    }

    /// Number of sites.
    #[must_use]
    pub fn len(&self) -> usize {
        self.sites.len()
    }

    /// Whether no site is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.sites.is_empty()
    }
}

/// The policy in force, swapped whole; readers never wait.
#[derive(Debug)]
pub struct Policies {
    current: ArcSwapOption<Policy>,
    path: PathBuf,
    writing: Mutex<()>,
}

impl Policies {
    /// Reads what an earlier run kept at `path`. A damaged file counts as none: central sends a new one.
    ///
    /// # Errors
    /// When the file is there and cannot be read.
    pub fn open(path: &Path) -> io::Result<Self> {
        let current = match std::fs::read(path) {
            Ok(bytes) => match relay::Policy::decode(bytes.as_slice()) {
                Ok(policy) => Some(Arc::new(Policy::resolve(policy))),
                Err(error) => {
                    tracing::warn!(path = %path.display(), %error, "the kept policy is damaged and not used");
                    None
                }
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        Ok(Self { current: ArcSwapOption::new(current), path: path.to_owned(), writing: Mutex::new(()) })
    }

    /// The policy in force, if there is one yet.
    #[must_use]
    pub fn current(&self) -> Option<Arc<Policy>> {
        self.current.load_full()
    }

    /// Puts a newer policy in force and keeps it; says whether it was newer.
    ///
    /// # Errors
    /// When it could not be written; it is in force all the same.
    pub fn offer(&self, policy: relay::Policy) -> io::Result<bool> {
        let _turn = self.writing.lock();
        if self.current.load().as_ref().is_some_and(|current| current.id >= policy.policy_id) {
            return Ok(false);
        }
        let bytes = policy.encode_to_vec();
        self.current.store(Some(Arc::new(Policy::resolve(policy))));
        file::replace(&self.path, &bytes, 0o600)?;
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site(domain: &str, extra: &[&str]) -> relay::Site {
        relay::Site {
            website_id: "6b1ab2a4-0000-4000-8000-000000000001".into(),
            tracking_id: "FF-1".into(),
            domain: domain.into(),
            extra_domains: extra.iter().map(ToString::to_string).collect(),
            status: SiteStatus::Active as i32,
            ..relay::Site::default()
        }
    }

    fn numbered(policy_id: u64) -> relay::Policy {
        relay::Policy { policy_id, sites: vec![site("example.org", &[])] }
    }

    #[test]
    fn a_site_owns_its_domain_what_is_below_it_and_its_extra_domains() {
        let site =
            Site::resolve(site("Example.org", &["shop.test:8082", "https://other.test/"])).expect("active");
        for (authority, owned) in [
            ("example.org", true),
            ("EXAMPLE.ORG", true),
            ("example.org:8443", true),
            ("www.example.org", true),
            ("example.org.", true),
            ("notexample.org", false),
            ("example.org.evil.test", false),
            ("shop.test:8082", true),
            ("shop.test:8083", false),
            ("shop.test", false),
            ("other.test", true),
            ("", false),
            ("null", false),
        ] {
            assert_eq!(site.owns(authority), owned, "{authority}");
        }
    }

    #[test]
    fn origins_are_known_across_sites() {
        let policy = Policy::resolve(numbered(1));
        assert!(policy.knows_origin("a.b.example.org:444"));
        assert!(policy.knows_origin("example.org"));
        assert!(!policy.knows_origin("org"));
        assert!(!policy.knows_origin("evil.test"));
    }

    #[test]
    fn deleted_sites_are_unknown_and_an_absent_rate_keeps_everybody() {
        let mut deleted = site("example.org", &[]);
        deleted.status = SiteStatus::Deleted as i32;
        assert_eq!(Site::resolve(deleted), None);
        assert!(
            (Site::resolve(site("example.org", &[])).expect("active").sampling_rate - 1.0).abs()
                < f64::EPSILON
        );
    }

    #[test]
    fn an_older_policy_never_replaces_a_newer_one_and_the_newest_survives_a_restart() {
        let dir = tempfile::tempdir().expect("temporary folder");
        let path = dir.path().join("policy.bin");
        let policies = Policies::open(&path).expect("nothing there yet");
        assert!(policies.current().is_none());
        assert!(policies.offer(numbered(5)).expect("written"));
        assert!(!policies.offer(numbered(4)).expect("ignored"));
        assert!(!policies.offer(numbered(5)).expect("ignored"));
        assert!(policies.offer(numbered(6)).expect("written"));
        let reopened = Policies::open(&path).expect("kept").current().expect("kept");
        assert_eq!((reopened.id, reopened.len()), (6, 1));
        assert!(reopened.site("FF-1").is_some());
    }

    #[test]
    fn a_damaged_file_counts_as_none() {
        let dir = tempfile::tempdir().expect("temporary folder");
        let path = dir.path().join("policy.bin");
        std::fs::write(&path, [0xff; 40]).expect("written");
        assert!(Policies::open(&path).expect("readable").current().is_none());
    }
}
