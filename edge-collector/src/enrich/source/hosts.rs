//! The list of engines, networks, mail services, advertising networks, assistants and apps, and which hosts an entry
//! covers. Looks names up; it knows neither events nor sites.

use std::borrow::Cow;
use std::collections::HashMap;

use footfall_proto::traffic_source::TrafficSource;

use super::address::without_www;
use super::convention::{by_convention, is_engine_part, is_own_service, is_search, without_public_suffix};
use super::sender::Sender;

/// The list of referrers, in the form that a lookup wants.
#[derive(Debug)]
pub struct ReferrerHosts {
    /// Hosts and apps.
    hosts: HashMap<&'static str, Entry>,
    /// What is the same under every public suffix, without it: `search.yahoo` for `search.yahoo.*`.
    families: HashMap<&'static str, Entry>,
    /// Names that campaigns give as their source.
    names: HashMap<&'static str, TrafficSource>,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    class: TrafficSource,
    name: &'static str,
}

impl Default for ReferrerHosts {
    /// The lists in `data/`: what is kept by hand wins over the package's.
    fn default() -> Self {
        let mut list = Self { hosts: HashMap::new(), families: HashMap::new(), names: HashMap::new() };
        for text in
            [include_str!("../../../data/referrers.tsv"), include_str!("../../../data/referrers-extra.tsv")]
        {
            for (key, class, name) in text.lines().filter_map(line) {
                list.add(key, Entry { class, name });
            }
        }
        list
    }
}

/// One line of a list; comments are none.
pub(super) fn line(line: &'static str) -> Option<(&'static str, TrafficSource, &'static str)> {
    let mut cells = line.split('\t');
    let (key, medium, name) = (cells.next()?, cells.next()?, cells.next()?);
    let class = match medium {
        "search" => TrafficSource::Organic,
        "unknown" => TrafficSource::Referral,
        class => TrafficSource::parse(class)?,
    };
    Some((key, class, name))
}

impl ReferrerHosts {
    fn add(&mut self, key: &'static str, entry: Entry) {
        if let Some(family) = key.strip_suffix(".*") {
            self.families.insert(family, entry);
        } else if key.contains('.') || key.bytes().all(|byte| byte.is_ascii_digit()) {
            self.hosts.insert(key, entry);
        } else {
            self.names.insert(key, entry.class);
        }
        // An engine's or mail service's name is too often a word of its own: those that campaigns use are listed as names.
        if matches!(entry.class, TrafficSource::Social | TrafficSource::Paid | TrafficSource::Ai) {
            self.names.entry(entry.name).or_insert(entry.class);
        }
    }

    /// Who is behind a page's host, given in lower case. None: a site like any other.
    pub(super) fn find<'h>(&self, host: &'h str) -> Option<Sender<'h>> {
        let host = without_www(host);
        for parent in parents(host) {
            if let Some(entry) = self.listed(parent) {
                if !entry.covers(parent, host[..host.len() - parent.len()].trim_end_matches('.')) {
                    break;
                }
                return Some(entry.sender(host));
            }
        }
        by_convention(host)
    }

    fn listed(&self, host: &str) -> Option<Entry> {
        self.hosts.get(host).or_else(|| self.families.get(without_public_suffix(host)?)).copied()
    }

    /// Who is behind an app, by its id or its maker's; some apps give the host of their pages instead.
    pub(super) fn find_app<'h>(&self, id: &'h str) -> Option<Sender<'h>> {
        let mut maker = id;
        loop {
            if let Some(entry) = self.hosts.get(maker) {
                return Some(entry.sender(id));
            }
            match maker.rsplit_once('.') {
                Some((rest, _)) => maker = rest,
                None => break,
            }
        }
        self.find(id)
    }

    /// The class of a name or host that a campaign gives as its source, in lower case.
    pub(super) fn class_of_name(&self, name: &str) -> Option<TrafficSource> {
        if let Some(class) = self.names.get(name) {
            return Some(*class);
        }
        if name.contains('.') {
            return self.find(name).map(|sender| sender.class);
        }
        // "facebook-ads", "google ads".
        let (network, last) = name.rsplit_once(['-', '_', ' '])?;
        (matches!(last, "ad" | "ads") && self.names.contains_key(network)).then_some(TrafficSource::Paid)
    }
}

impl Entry {
    /// Whether the entry for `parent` speaks for `front.parent`, which is not listed itself unless `front` is empty.
    fn covers(self, parent: &str, front: &str) -> bool {
        let labels = || front.split('.').filter(|label| !label.is_empty());
        if labels().any(is_own_service) {
            return false;
        }
        self.class != TrafficSource::Organic
            || labels().all(is_engine_part)
            || [parent, labels().next_back().unwrap_or_default()].into_iter().any(is_search)
    }

    fn sender(self, host: &str) -> Sender<'_> {
        // A listed referral is there so that no parent is taken for it: such a site is named by its host as any other.
        let name = if self.class == TrafficSource::Referral { host } else { self.name };
        Sender { class: self.class, name: Cow::Borrowed(name) }
    }
}

/// A host and the domains above it, but for the topmost.
fn parents(host: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(host), |host| {
        host.split_once('.').map(|(_, parent)| parent).filter(|parent| parent.contains('.'))
    })
}

#[cfg(test)]
mod tests;
