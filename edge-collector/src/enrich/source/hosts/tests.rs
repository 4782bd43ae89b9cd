//! The lists themselves, and which hosts an entry covers.

use super::*;

const LISTS: [&str; 2] =
    [include_str!("../../../../data/referrers.tsv"), include_str!("../../../../data/referrers-extra.tsv")];

#[test]
fn every_line_of_a_list_can_be_read_and_no_key_stands_twice_in_one() {
    for (list, least) in LISTS.into_iter().zip([1500, 400]) {
        let mut keys = std::collections::HashSet::new();
        for text in list.lines().filter(|text| !text.starts_with('#')) {
            let (key, _, name) = line(text).unwrap_or_else(|| panic!("unreadable: {text}"));
            assert!(keys.insert(key), "twice: {key}");
            assert_eq!((&*key.to_lowercase(), &*name.to_lowercase(), key.trim()), (key, name, key), "{text}");
            assert!(!key.starts_with("www.") && !name.is_empty() && text.split('\t').count() == 3, "{text}");
        }
        assert!(keys.len() > least, "{} lines", keys.len());
    }
}

#[test]
fn what_is_kept_by_hand_adds_to_the_package_and_repeats_nothing() {
    let package: std::collections::HashSet<_> = LISTS[0].lines().filter_map(line).collect();
    for entry in LISTS[1].lines().filter_map(line) {
        assert!(!package.contains(&entry), "{entry:?}");
    }
}

#[test]
fn every_listed_host_has_the_class_that_its_line_says() {
    let list = ReferrerHosts::default();
    let by_hand: HashMap<_, _> =
        LISTS[1].lines().filter_map(line).map(|(key, class, _)| (key, class)).collect();
    for (key, class, _) in LISTS.into_iter().flat_map(|list| list.lines().filter_map(line)) {
        let wanted = by_hand.get(key).copied().unwrap_or(class);
        let hosts = match key.strip_suffix(".*") {
            Some(family) => {
                ["com", "de", "co.uk", "com.mm"].map(|suffix| format!("{family}.{suffix}")).to_vec()
            }
            None => vec![key.to_owned()],
        };
        for host in hosts {
            if key.ends_with(".*") && list.hosts.contains_key(&*host) {
                continue;
            }
            let found = if key.contains('.') {
                list.find(&host).map(|sender| sender.class)
            } else {
                list.class_of_name(key).or_else(|| list.find_app(key).map(|sender| sender.class))
            };
            assert_eq!(found, Some(wanted), "{host}");
        }
    }
}

fn found(host: &str) -> Option<(&'static str, String)> {
    let list = ReferrerHosts::default();
    list.find(host).map(|sender| (sender.class.name(), sender.name.into_owned()))
}

#[test]
fn an_engine_covers_its_parts_and_countries_and_none_of_its_other_services() {
    for engine in [
        "google.com",
        "www.google.com.mm",
        "google.co.ao",
        "images.google.cf",
        "cse.google.de",
        "ipv6.google.com",
        "www2.google.com",
    ] {
        assert_eq!(found(engine).expect(engine).0, "organic", "{engine}");
    }
    for engine in [
        "malaysia.search.yahoo.com",
        "s6-eu4.startpage.com",
        "eu4.startpage.com",
        "avira.search.ask.com",
        "yandex.uz",
    ] {
        assert_eq!(found(engine).expect(engine).0, "organic", "{engine}");
    }
    for other in ["myaccount.google.com", "console.cloud.google.com", "help.yahoo.com", "cloud.yandex.ru"] {
        assert_eq!(found(other), None, "{other}");
    }
    for other in ["support.google.com", "docs.google.com", "sites.google.com", "maps.google.de"] {
        assert_eq!(found(other), Some(("referral", other.to_owned())));
    }
}

#[test]
fn names_that_only_look_like_an_engines_are_sites_of_their_own() {
    for other in [
        "google.example.com",
        "google.com.evil.example",
        "notgoogle.com",
        "google.blogspot.com",
        "facebook.com.evil.example",
        "xt.co",
        "com",
        "my.mail.ru.evil.example",
        "127.0.0.1",
        "",
        ".",
        "..",
    ] {
        assert_eq!(found(other), None, "{other}");
    }
}

#[test]
fn a_network_covers_what_is_below_it_but_for_what_speaks_about_it() {
    for (host, name) in [
        ("de-de.facebook.com", "facebook"),
        ("psychicbazaar.tumblr.com", "tumblr"),
        ("in.pinterest.com", "pinterest"),
        ("pinterest.com.mx", "pinterest"),
        ("new.reddit.com", "reddit"),
        ("l.threads.com", "threads"),
    ] {
        assert_eq!(found(host), Some(("social", name.to_owned())));
    }
    for other in ["developers.facebook.com", "engineering.linkedin.com", "support.discord.com"] {
        assert_eq!(found(other), None, "{other}");
    }
}

#[test]
fn mail_hosts_and_servers_of_the_open_social_web_are_told_by_their_names() {
    for (host, class, name) in [
        ("webmail.provider.example", "email", "webmail.provider.example"),
        ("mail02.provider.co.uk", "email", "mail02.provider.co.uk"),
        ("deref-provider.example", "email", "deref-provider.example"),
        ("mastodon.provider.example", "social", "mastodon"),
        ("town.social", "social", "town.social"),
        ("search.portal.example", "organic", "search.portal.example"),
    ] {
        assert_eq!(found(host), Some((class, name.to_owned())));
    }
    for other in ["mail.example", "mailand.example", "search.example", "email.co.uk", "mastodonfans.example"]
    {
        assert_eq!(found(other), None, "{other}");
    }
}

#[test]
fn apps_are_found_by_their_id_or_their_makers() {
    let list = ReferrerHosts::default();
    let name = |id: &'static str| list.find_app(id).map(|sender| sender.name.into_owned());
    assert_eq!(name("com.facebook.katana").as_deref(), Some("facebook"));
    assert_eq!(name("com.instagram.barcelona").as_deref(), Some("threads"));
    assert_eq!(name("org.telegram.messenger.web").as_deref(), Some("telegram"));
    assert_eq!(name("m.facebook.com").as_deref(), Some("facebook"));
    assert_eq!(name("com.example.reader"), None);
}
