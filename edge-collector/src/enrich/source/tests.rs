//! Visits, and what brought them.

use super::*;
use footfall_proto::limits::MAX_TEXT_BYTES;
use footfall_proto::relay::{self, SiteStatus};
use proptest::prelude::*;

fn site() -> std::sync::Arc<Site> {
    let site = relay::Site {
        website_id: "w".into(),
        tracking_id: "FF-1".into(),
        domain: "example.org".into(),
        extra_domains: vec!["localhost".into(), "shop.test:8082".into()],
        status: SiteStatus::Active as i32,
        ..relay::Site::default()
    };
    let policy = crate::policy::Policy::resolve(relay::Policy { policy_id: 1, sites: vec![site] });
    std::sync::Arc::clone(policy.site("FF-1").expect("there"))
}

fn page_view(url: &str, referrer: &str) -> Event {
    Event {
        event_type: "pageview".into(),
        page_url: url.into(),
        page_referrer: referrer.into(),
        ..Event::default()
    }
}

fn source(event: &Event) -> Option<Source> {
    static HOSTS: std::sync::LazyLock<ReferrerHosts> = std::sync::LazyLock::new(ReferrerHosts::default);
    HOSTS.source_of(event, &site())
}

/// Class, name and medium.
fn told(query: &str, referrer: &str) -> [String; 3] {
    let found = source(&page_view(&format!("https://example.org/p?{query}"), referrer)).expect("a source");
    [found.class.name().to_owned(), found.name, found.medium]
}

#[test]
fn referrers_are_told_apart() {
    for (referrer, expected) in [
        ("", ["direct", "direct", "none"]),
        ("https://www.google.com/", ["organic", "google", "organic"]),
        ("https://www.google.co.uk/search?q=x", ["organic", "google", "organic"]),
        ("https://duckduckgo.com/", ["organic", "duckduckgo", "organic"]),
        ("https://l.facebook.com/l.php?u=https%3A%2F%2Fx.example", ["social", "facebook", "social"]),
        ("https://t.co/abc", ["social", "twitter", "social"]),
        ("https://news.ycombinator.com/", ["social", "hacker news", "social"]),
        ("https://mail.google.com/", ["email", "gmail", "email"]),
        ("https://googleads.g.doubleclick.net/", ["paid", "google", "cpc"]),
        ("https://support.google.com/x", ["referral", "support.google.com", "referral"]),
        ("https://en.wikipedia.org/", ["referral", "en.wikipedia.org", "referral"]),
        ("https://www.perplexity.ai/", ["ai", "perplexity.ai", "ai"]),
        ("https://gemini.google.com/", ["ai", "gemini.google.com", "ai"]),
        (
            "android-app://com.google.android.googlequicksearchbox/https/www.google.com",
            ["organic", "google", "organic"],
        ),
        ("android-app://com.google.android.gm", ["email", "gmail", "email"]),
        ("Android-App://com.example.Reader/", ["referral", "com.example.reader", "referral"]),
    ] {
        assert_eq!(told("", referrer), expected, "{referrer}");
    }
}

#[test]
fn a_host_is_read_in_every_form_that_browsers_and_people_give_it() {
    for (referrer, name) in [
        ("HTTPS://WWW.GOOGLE.COM/", "google"),
        ("https://www.google.com:443", "google"),
        ("https://www.google.com?q=x", "google"),
        ("https://www.google.com./", "google"),
        (" https://www.google.com/\n", "google"),
        ("https://www.Blog.test:8443/post", "blog.test"),
        ("https://user:secret@blog.test/", "blog.test"),
        ("https://a.test@b.test/", "b.test"),
        ("https://www.com/", "www.com"),
        ("https://[2001:DB8::1]:8443/", "[2001:db8::1]"),
        ("https://192.0.2.7:81/", "192.0.2.7"),
        ("https://BÜCHER.test/", "xn--bcher-kva.test"),
        ("https://xn--bcher-kva.test/", "xn--bcher-kva.test"),
        ("http://blog.test/20%-off", "blog.test"),
        ("http://blog.test/a|b?utm=[x]&y={z}", "blog.test"),
        ("http://blog.test\\path", "blog.test"),
        ("http://blog.test/?u=http://localhost/", "blog.test"),
    ] {
        assert_eq!(told("", referrer)[1], name, "{referrer}");
    }
}

#[test]
fn what_is_no_page_sent_nobody() {
    for referrer in [
        "about:blank",
        "about:srcdoc",
        "file:///home/x/page.html",
        "data:text/html,<a href=https://evil.test/>x",
        "blob:https://x.test/5e1b",
        "javascript:location='https://x.test/'",
        "chrome-extension://abcdef/popup.html",
        "null",
        "undefined",
        "not a url",
        "https://",
        "https://.",
        "https://a b/",
        "https://[::1",
        "android-app:///",
    ] {
        assert_eq!(told("", referrer), ["direct", "direct", "none"], "{referrer}");
    }
}

#[test]
fn a_referrer_of_the_site_itself_says_nothing() {
    for referrer in [
        "https://example.org/earlier",
        "https://www.example.org/",
        "https://EXAMPLE.org./",
        "https://user:secret@example.org:9999/",
        "http://sub.localhost/",
        "http://LOCALHOST.:8082/",
        "http://shop.test:8082/",
    ] {
        assert_eq!(source(&page_view("https://example.org/", referrer)), None, "{referrer}");
    }
    assert_eq!(source(&page_view("https://copy.test/b", "https://copy.test/a")), None, "the page's own host");
    for referrer in ["https://example.org.evil.test/", "http://evil-localhost/", "http://shop.test:8083/"] {
        assert_eq!(told("", referrer)[0], "referral", "{referrer}");
    }
}

#[test]
fn the_sites_own_referrer_hides_neither_a_campaign_nor_a_click() {
    let own = "https://example.org/";
    assert_eq!(told("utm_source=news&utm_medium=email", own), ["email", "news", "email"]);
    assert_eq!(told("gclid=x", own), ["paid", "google", "cpc"]);
    assert_eq!(told("fbclid=x", own), ["social", "facebook", "social"]);
}

#[test]
fn what_belongs_to_an_earlier_page_says_nothing_unless_somebody_else_sent_it() {
    let later = |event_type: &str, url: &str, referrer: &str| Event {
        event_type: event_type.into(),
        page_view_id: vec![7; 16].into(),
        ..page_view(url, referrer)
    };
    let page = "https://example.org/";
    assert_eq!(source(&later("engagement", page, "https://t.co/")), None);
    assert_eq!(source(&later("event", page, "")), None);
    assert_eq!(source(&later("transaction", page, "https://example.org/cart")), None);
    let class = |event: &Event| source(event).map(|source| source.class);
    assert_eq!(class(&later("event", page, "https://t.co/")), Some(TrafficSource::Social));
    assert_eq!(class(&later("event", "https://example.org/?gclid=x", "")), Some(TrafficSource::Paid));
    assert_eq!(class(&later("pageview", page, "")), Some(TrafficSource::Direct));
    let alone = Event { event_type: "event".into(), ..Event::default() };
    assert_eq!(class(&alone), Some(TrafficSource::Direct));
}

#[test]
fn campaigns_are_read_as_they_came() {
    for (query, expected) in [
        (
            "utm_source=news&utm_medium=email&utm_campaign=spring+sale&utm_term=shoes&utm_content=top",
            ["news", "email", "spring sale", "shoes", "top"],
        ),
        ("UTM_SOURCE=News&Utm_Medium=Email", ["News", "Email", "", "", ""]),
        ("utm_source=news&utm_source=&utm_medium=+", ["news", "", "", "", ""]),
        ("utm_source=google&utm_medium=cpc&utm_source_platform=x", ["google", "cpc", "", "", ""]),
        ("utm_source=x&amp;utm_medium=feed&amp;utm_campaign=y", ["x", "feed", "y", "", ""]),
        ("utm_source=a%2Bb&utm_medium=%", ["a+b", "%", "", "", ""]),
        ("&&utm_source=x&=&", ["x", "", "", "", ""]),
        ("a=b#?utm_source=news", ["google", "organic", "", "", ""]),
    ] {
        let page = page_view(&format!("https://example.org/p?{query}"), "https://www.google.com/");
        let found = source(&page).expect("a source");
        let told = [&*found.name, &found.medium, &found.campaign, &found.keyword, &found.content];
        assert_eq!(told, expected, "{query}");
        assert_eq!(found.text_bytes(), expected.concat().len());
    }
    let late = page_view(&format!("https://example.org?x={}&utm_source=late", "y".repeat(1900)), "");
    assert_eq!(source(&late).expect("a source").name, "late");
}

#[test]
fn the_medium_decides_the_class_then_the_source() {
    let google = "https://www.google.com/";
    for (query, class) in [
        ("utm_source=x&utm_medium=cpc", "paid"),
        ("utm_source=x&utm_medium=PPC", "paid"),
        ("utm_source=facebook&utm_medium=paid_social", "paid"),
        ("utm_source=facebook&utm_medium=social-cpc", "paid"),
        ("utm_source=x&utm_medium=retargeting", "paid"),
        ("utm_source=x&utm_medium=cpm", "display"),
        ("utm_source=x&utm_medium=Display-Ads", "display"),
        ("utm_source=x&utm_medium=interstitial", "display"),
        ("utm_source=x&utm_medium=e-mail", "email"),
        ("utm_source=x&utm_medium=E_Mail", "email"),
        ("utm_source=x&utm_medium=weekly-newsletter", "email"),
        ("utm_source=x&utm_medium=affiliates", "affiliate"),
        ("utm_source=x.example&utm_medium=social-media", "social"),
        ("utm_source=x.example&utm_medium=sm", "social"),
        ("utm_source=x.example&utm_medium=organic_social", "social"),
        ("utm_source=x.example&utm_medium=organic", "organic"),
        ("utm_source=x.example&utm_medium=referral", "referral"),
        ("utm_source=chatgpt.com&utm_medium=referral", "ai"),
        ("utm_source=x.example&utm_medium=feed", "other"),
        ("utm_source=x.example&utm_medium=paper", "other"),
        ("utm_source=Facebook", "social"),
        ("utm_source=m.facebook.com", "social"),
        ("utm_source=https://www.facebook.com/", "social"),
        ("utm_source=facebook_ads", "paid"),
        ("utm_source=google", "organic"),
        ("utm_source=newsletter", "email"),
        ("utm_source=chatgpt.com", "ai"),
        ("utm_source=late", "other"),
        ("utm_source=(direct)&utm_medium=(none)", "direct"),
        ("utm_medium=email", "email"),
        ("utm_medium=own", "organic"),
        ("utm_campaign=only", "organic"),
    ] {
        assert_eq!(told(query, google)[0], class, "{query}");
    }
    assert_eq!(told("utm_medium=own", ""), ["other", "", "own"]);
    assert_eq!(told("utm_campaign=only", ""), ["direct", "direct", "none"]);
    assert_eq!(told("utm_campaign=only", google), ["organic", "google", "organic"]);
    assert_eq!(told("utm_medium=email", google), ["email", "google", "email"]);
    assert_eq!(told("utm_source=news", google), ["other", "news", ""]);
}

#[test]
fn click_ids_speak_for_whom_they_come_from() {
    for (query, referrer, expected) in [
        ("gclid=x", "", ["paid", "google", "cpc"]),
        ("GCLID=x", "https://www.google.com/", ["paid", "google", "cpc"]),
        ("gclid=x", "https://blog.test/", ["paid", "google", "cpc"]),
        ("gclid=x", "https://www.youtube.com/", ["paid", "google", "cpc"]),
        ("gclid=x", "https://www.ecosia.org/", ["paid", "google", "cpc"]),
        ("msclkid=x", "https://duckduckgo.com/", ["paid", "bing", "cpc"]),
        ("ScCid=x", "", ["paid", "snapchat", "cpc"]),
        ("twclid=x", "https://t.co/", ["paid", "twitter", "cpc"]),
        ("fbclid=x&ttclid=x", "", ["paid", "tiktok", "cpc"]),
        ("ttclid=x&fbclid=x", "", ["paid", "tiktok", "cpc"]),
        ("awc=1_2", "https://www.instagram.com/", ["affiliate", "awin", "affiliate"]),
        ("mc_eid=x", "", ["email", "mailchimp", "email"]),
        ("fbclid=x", "", ["social", "facebook", "social"]),
        ("fbclid=x", "https://l.instagram.com/", ["social", "instagram", "social"]),
        ("fbclid=x", "https://l.threads.com/", ["social", "threads", "social"]),
        ("gclid=", "", ["direct", "direct", "none"]),
        ("msclkid=", "https://www.bing.com/", ["organic", "bing", "organic"]),
        ("srsltid=x", "https://www.google.com/", ["organic", "google", "organic"]),
    ] {
        assert_eq!(told(query, referrer), expected, "{query} {referrer}");
    }
}

#[test]
fn a_link_copied_with_its_click_id_belongs_to_the_page_it_was_copied_to() {
    for (query, referrer, expected) in [
        ("gclid=x", "https://www.reddit.com/", ["social", "reddit", "social"]),
        ("gclid=x", "https://l.facebook.com/", ["social", "facebook", "social"]),
        ("gclid=x", "https://www.bing.com/", ["organic", "bing", "organic"]),
        ("gclid=x", "https://chatgpt.com/", ["ai", "chatgpt.com", "ai"]),
        ("msclkid=x", "https://www.google.com/", ["organic", "google", "organic"]),
        ("ttclid=x", "https://www.google.com/", ["organic", "google", "organic"]),
        ("fbclid=x", "https://www.google.com/", ["organic", "google", "organic"]),
        ("fbclid=x", "https://blog.test/", ["referral", "blog.test", "referral"]),
    ] {
        assert_eq!(told(query, referrer), expected, "{query} {referrer}");
    }
}

#[test]
fn a_named_campaign_wins_over_a_click_and_an_unnamed_one_does_not() {
    let google = "https://www.google.com/";
    for (query, expected) in [
        ("utm_source=news&utm_medium=email&gclid=x", ["email", "news", "email"]),
        ("utm_source=news&gclid=x", ["paid", "news", "cpc"]),
        ("utm_source=google&utm_medium=own&gclid=x", ["paid", "google", "own"]),
        ("utm_campaign=spring&gclid=x", ["paid", "google", "cpc"]),
        ("utm_medium=cpc&msclkid=x", ["paid", "google", "cpc"]),
        ("utm_source=facebook&utm_medium=social&fbclid=x", ["social", "facebook", "social"]),
        ("utm_source=agency&fbclid=x", ["other", "agency", ""]),
    ] {
        assert_eq!(told(query, google), expected, "{query}");
    }
}

#[test]
fn an_events_own_fields_win_over_its_url() {
    let url = "https://example.org/?utm_source=a&utm_medium=b";
    let told = |own: Event| {
        let found = source(&Event { page_url: url.into(), ..own }).expect("a source");
        (found.class, found.name, found.medium)
    };
    let name = Event { traffic_source: "own".into(), ..Event::default() };
    assert_eq!(told(name), (TrafficSource::Other, "own".into(), "b".into()));
    let class = Event { traffic_source: "Email".into(), traffic_medium: "letter".into(), ..Event::default() };
    assert_eq!(told(class), (TrafficSource::Email, "a".into(), "letter".into()));
    let both = Event { traffic_source: "ai".into(), source_name: " bot ".into(), ..Event::default() };
    assert_eq!(told(both), (TrafficSource::Ai, "bot".into(), "b".into()));
    let alone = Event { traffic_source: "affiliate".into(), page_url: String::new(), ..Event::default() };
    let found = source(&alone).expect("a source");
    assert_eq!((&*found.name, &*found.medium), ("", "affiliate"));
}

#[test]
fn a_session_whose_beginning_was_not_seen_has_an_empty_source() {
    let unknown = Source::unknown();
    assert_eq!((unknown.class, unknown.text_bytes()), (TrafficSource::Other, 0));
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

proptest! {
    #[test]
    fn no_address_panics_and_no_text_is_too_long(
        query in "((utm_(source|medium|campaign|term|content)|gclid|fbclid)=\\PC{0,700}&){0,6}",
        front in "https?://example.org/\\?|\\PC{0,20}",
        referrer in "((https?|android-app)://)?(www\\.|mail\\.|[a-z]{1,3}\\.|\\[)*\\PC{0,700}",
        event_type in "pageview|event|engagement",
    ) {
        let event = Event {
            event_type,
            page_url: format!("{front}{query}"),
            page_referrer: referrer.clone(),
            traffic_source: referrer,
            ..Event::default()
        };
        if let Some(found) = source(&event) {
            let texts = [&found.name, &found.medium, &found.campaign, &found.keyword, &found.content];
            prop_assert!(texts.iter().all(|text| text.len() <= MAX_FIELD_BYTES));
        }
        let _ = path_of(&event.page_url);
    }

    #[test]
    fn a_host_is_found_alike_in_any_case_and_with_any_port(
        host in "(www\\.)?(google|bing|facebook|t|blog)\\.(com|de|co|test)",
        port in 1_u16..,
    ) {
        let plain = told("", &format!("https://{host}/"));
        prop_assert_eq!(&plain, &told("", &format!("HTTPS://{}.:{port}/x", host.to_uppercase())));
    }
}
