//! Visits and where they came from.

use super::*;
use footfall_proto::relay::{self, SiteStatus};
use proptest::prelude::*;

fn site() -> std::sync::Arc<Site> {
    let site = relay::Site {
        website_id: "w".into(),
        tracking_id: "FF-1".into(),
        domain: "example.org".into(),
        status: SiteStatus::Active as i32,
        ..relay::Site::default()
    };
    let policy = crate::policy::Policy::resolve(relay::Policy { policy_id: 1, sites: vec![site] });
    std::sync::Arc::clone(policy.site("FF-1").expect("there"))
}

fn source(url: &str, referrer: &str) -> Source {
    let event = Event { page_url: url.into(), page_referrer: referrer.into(), ..Event::default() };
    ReferrerHosts::default().source_of(&event, &site())
}

#[test]
fn referrers_are_told_apart() {
    for (referrer, source_name, medium) in [
        ("", "direct", "none"),
        ("https://www.google.com/", "organic", "google"),
        ("https://www.google.co.uk/search?q=x", "organic", "google"),
        ("https://duckduckgo.com/", "organic", "duckduckgo"),
        ("https://www.ecosia.org/", "organic", "ecosia"),
        ("https://www.baidu.com/", "organic", "baidu"),
        ("https://l.facebook.com/", "social", "facebook"),
        ("https://t.co/abc", "social", "twitter"),
        ("https://old.reddit.com/r/rust", "social", "reddit"),
        ("https://mail.google.com/", "email", "gmail"),
        ("android-app://com.google.android.gm/", "email", "gmail"),
        ("https://googleads.g.doubleclick.net/", "paid", "google"),
        ("https://support.google.com/x", "referral", "support.google.com"),
        ("https://www.blog.test:8443/post", "referral", "blog.test"),
        ("https://user:secret@blog.test/", "referral", "blog.test"),
        ("https://example.org/earlier", "direct", "none"),
        ("https://www.example.org/", "direct", "none"),
        ("not a url", "direct", "none"),
        ("https://", "direct", "none"),
    ] {
        let found = source("https://example.org/", referrer);
        assert_eq!((found.source.as_str(), found.medium.as_str()), (source_name, medium), "{referrer}");
    }
}

#[test]
fn what_a_site_names_wins_then_click_ids_then_the_referrer() {
    let google = "https://www.google.com/";
    for (query, expected) in [
        (
            "utm_source=news&utm_medium=email&utm_campaign=spring+sale&utm_term=shoes",
            ["news", "email", "spring sale", "shoes"],
        ),
        ("UTM_Source=news", ["news", "", "", ""]),
        ("utm_campaign=only", ["organic", "google", "only", ""]),
        ("gclid=abc&utm_term=x", ["paid", "cpc", "", "x"]),
        ("gclid=abc&utm_source=news", ["news", "", "", ""]),
        ("fbclid=abc", ["social", "facebook", "", ""]),
        ("fbclid=abc&ttclid=abc", ["paid", "cpc", "", ""]),
        ("a=b", ["organic", "google", "", ""]),
        ("a=b#?utm_source=news", ["organic", "google", "", ""]),
    ] {
        let found = source(&format!("https://example.org/p?{query}"), google);
        assert_eq!([&found.source[..], &found.medium, &found.campaign, &found.keyword], expected, "{query}");
    }
}

#[test]
fn an_events_own_fields_win_over_its_url() {
    let event = Event {
        page_url: "https://example.org/?utm_source=a&utm_medium=b".into(),
        traffic_source: "own".into(),
        ..Event::default()
    };
    let found = ReferrerHosts::default().source_of(&event, &site());
    assert_eq!((found.source.as_str(), found.medium.as_str()), ("own", "b"));
}

#[test]
fn paths_are_cut_and_not_decoded() {
    for (url, path) in [
        ("https://example.org/a/b?c=d#e", "/a/b"),
        ("https://example.org", "/"),
        ("https://example.org?x=/y", "/"),
        ("https://example.org#/route", "/"),
        ("https://example.org/%C3%A4%2Fb", "/%C3%A4%2Fb"),
        ("", ""),
        ("nonsense", ""),
    ] {
        assert_eq!(path_of(url), path, "{url}");
    }
    assert_eq!(path_of(&format!("https://x/{}", "ä".repeat(3000))).len(), MAX_TEXT_BYTES - 1);
}

#[test]
fn the_list_of_hosts_is_whole() {
    assert!(ReferrerHosts::default().0.len() > 1700);
}

proptest! {
    #[test]
    fn no_url_panics(url in "\\PC{0,120}", referrer in "(https?://)?\\PC{0,80}") {
        let found = source(&url, &referrer);
        prop_assert!(found.medium.len() <= MAX_FIELD_BYTES);
        let _ = path_of(&url);
    }
}
