//! Admission: who may send, and which events are kept. Pure: a policy, the facts of a request and a time go in, a
//! decision comes out; every refusal has one reason of the closed vocabulary.

use footfall_proto::beacon::Event;
use footfall_proto::ident::{ID_BYTES, is_event_id};
use footfall_proto::limits::{CUSTOM_SLOTS, MAX_EVENT_AGE_MS};
use footfall_proto::relay::DropReason;
use siphasher::sip::SipHasher13;

use crate::policy::{Policy, Site};

/// What admission looks at, once per request.
#[derive(Debug, Clone, Copy, Default)]
pub struct Facts<'a> {
    /// The `Origin` header as it came; absent from requests that no page of another origin made.
    pub origin: Option<&'a str>,
    /// Global Privacy Control, by header or by the beacon.
    pub gpc: bool,
    /// Do Not Track, by header or by the beacon.
    pub dnt: bool,
    /// The user agent is a bot's.
    pub bot: bool,
}

/// What becomes of a request as a whole.
#[derive(Debug)]
pub enum Verdict<'a> {
    /// Its events are looked at one by one.
    Admitted(&'a Site),
    /// Nothing of it is taken and the sender is told so: 403.
    Refused(Option<&'a Site>, DropReason),
    /// The sender did nothing wrong, but all its events are dropped.
    Dropped(&'a Site, DropReason),
}

/// Decides on a request.
#[must_use]
pub fn request<'a>(policy: &'a Policy, tracking_id: &str, facts: &Facts<'_>) -> Verdict<'a> {
    let Some(site) = policy.site(tracking_id) else {
        return Verdict::Refused(None, DropReason::UnknownSite);
    };
    if site.paused {
        return Verdict::Refused(Some(site), DropReason::PausedSite);
    }
    if facts
        .origin
        .is_some_and(|origin| !origin_authority(origin).is_some_and(|authority| site.owns(authority)))
    {
        return Verdict::Refused(Some(site), DropReason::Origin);
    }
    if facts.gpc {
        return Verdict::Dropped(site, DropReason::Gpc);
    }
    if facts.dnt {
        return Verdict::Dropped(site, DropReason::Dnt);
    }
    if facts.bot && site.bot_filtering {
        return Verdict::Dropped(site, DropReason::Bot);
    }
    Verdict::Admitted(site)
}

/// Host and port of an `Origin`; `null` and what is no web origin have none.
#[must_use]
pub fn origin_authority(origin: &str) -> Option<&str> {
    let (scheme, authority) = origin.split_once("://")?;
    (matches!(scheme, "http" | "https") && !authority.is_empty() && !authority.contains('/'))
        .then_some(authority)
}

/// Decides on one event of an admitted request by what it holds.
///
/// # Errors
/// The reason to drop it.
pub fn event(event: &Event) -> Result<(), DropReason> {
    if event.event_type.is_empty() || !well_formed(event) {
        return Err(DropReason::Invalid);
    }
    Ok(())
}

/// Decides on a well-formed event by its age, which is taken on the client's own clock where the batch says when it
/// left (`sent_at_ms`, 0 if it does not), so that a wrong clock drops nothing.
///
/// # Errors
/// The reason to drop it.
pub fn age(event: &Event, sent_at_ms: i64, now_ms: i64) -> Result<(), DropReason> {
    let left_at = if sent_at_ms > 0 { sent_at_ms } else { now_ms };
    if event.client_timestamp_ms > 0 && left_at.saturating_sub(event.client_timestamp_ms) > MAX_EVENT_AGE_MS {
        return Err(DropReason::TooOld);
    }
    Ok(())
}

fn well_formed(event: &Event) -> bool {
    let ids = (event.event_id.is_empty() || is_event_id(&event.event_id))
        && (event.page_view_id.is_empty() || event.page_view_id.len() == ID_BYTES);
    let url = if event.event_type == "pageview" {
        is_web_url(&event.page_url)
    } else {
        event.page_url.is_empty() || is_web_url(&event.page_url)
    };
    let numbers = [
        event.event_value,
        event.transaction_revenue,
        event.transaction_tax,
        event.transaction_shipping,
        event.product_price,
    ];
    let slots = event.custom_dimensions.keys().chain(event.custom_metrics.keys());
    ids && url
        && event.client_timestamp_ms >= 0
        && event.scroll_depth <= 100
        && numbers.iter().flatten().chain(event.custom_metrics.values()).all(|number| number.is_finite())
        && slots.into_iter().all(|slot| (1..=CUSTOM_SLOTS).contains(slot))
}

fn is_web_url(url: &str) -> bool {
    let lower = |length: usize| url.get(..length).map(str::to_ascii_lowercase);
    (lower(8).as_deref() == Some("https://") && url.len() > 8)
        || (lower(7).as_deref() == Some("http://") && url.len() > 7)
}

/// Whether a sampled site keeps this visitor: all of a visitor's events or none.
#[must_use]
pub fn keeps_visitor(sampling_rate: f64, visitor: &str) -> bool {
    if sampling_rate >= 1.0 {
        return true;
    }
    // 53 bits are what an f64 holds exactly.
    let share = (SipHasher13::new().hash(visitor.as_bytes()) >> 11) as f64 / (1_u64 << 53) as f64;
    share < sampling_rate
}

#[cfg(test)]
mod tests {
    use super::*;
    use footfall_proto::relay::{self, SiteStatus};
    use proptest::prelude::*;

    const NOW: i64 = 1_800_000_000_000;

    fn policy() -> Policy {
        let site = |tracking: &str, status: SiteStatus, filtering: bool| relay::Site {
            website_id: format!("w-{tracking}"),
            tracking_id: tracking.into(),
            domain: "example.org".into(),
            status: status as i32,
            bot_filtering_enabled: filtering,
            sampling_rate: 1.0,
            ..relay::Site::default()
        };
        Policy::resolve(relay::Policy {
            policy_id: 1,
            sites: vec![
                site("FF-1", SiteStatus::Active, true),
                site("FF-2", SiteStatus::Paused, true),
                site("FF-3", SiteStatus::Active, false),
            ],
        })
    }

    fn decide(tracking: &str, facts: Facts<'_>) -> (&'static str, Option<DropReason>) {
        match request(&policy(), tracking, &facts) {
            Verdict::Admitted(_) => ("admitted", None),
            Verdict::Refused(_, reason) => ("refused", Some(reason)),
            Verdict::Dropped(_, reason) => ("dropped", Some(reason)),
        }
    }

    #[test]
    fn each_request_gets_one_verdict_and_the_first_reason_wins() {
        let from = |origin| Facts { origin: Some(origin), ..Facts::default() };
        for (tracking, facts, verdict, reason) in [
            ("FF-1", Facts::default(), "admitted", None),
            ("FF-1", from("https://www.example.org"), "admitted", None),
            ("FF-1", from("http://example.org:8082"), "admitted", None),
            ("FF-9", Facts::default(), "refused", Some(DropReason::UnknownSite)),
            ("", Facts::default(), "refused", Some(DropReason::UnknownSite)),
            ("FF-2", from("https://evil.test"), "refused", Some(DropReason::PausedSite)),
            ("FF-1", from("https://evil.test"), "refused", Some(DropReason::Origin)),
            ("FF-1", from("null"), "refused", Some(DropReason::Origin)),
            ("FF-1", from(""), "refused", Some(DropReason::Origin)),
            ("FF-1", from("chrome-extension://example.org"), "refused", Some(DropReason::Origin)),
            ("FF-1", Facts { gpc: true, dnt: true, ..Facts::default() }, "dropped", Some(DropReason::Gpc)),
            ("FF-1", Facts { dnt: true, bot: true, ..Facts::default() }, "dropped", Some(DropReason::Dnt)),
            ("FF-1", Facts { bot: true, ..Facts::default() }, "dropped", Some(DropReason::Bot)),
            ("FF-3", Facts { bot: true, ..Facts::default() }, "admitted", None),
        ] {
            assert_eq!(decide(tracking, facts), (verdict, reason), "{tracking} {facts:?}");
        }
    }

    fn page_view() -> Event {
        Event { event_type: "pageview".into(), page_url: "https://example.org/".into(), ..Event::default() }
    }

    fn with(change: impl FnOnce(&mut Event)) -> Result<(), DropReason> {
        let mut changed = page_view();
        change(&mut changed);
        event(&changed).and_then(|()| age(&changed, 0, NOW))
    }

    #[test]
    fn each_event_gets_one_decision() {
        use DropReason::{Invalid, TooOld};
        assert_eq!(with(|_| ()), Ok(()));
        assert_eq!(with(|e| e.event_type.clear()), Err(Invalid));
        assert_eq!(with(|e| e.event_id = vec![1; 16].into()), Ok(()));
        assert_eq!(with(|e| e.event_id = vec![1; 15].into()), Err(Invalid));
        assert_eq!(with(|e| e.event_id = vec![0; 16].into()), Err(Invalid));
        assert_eq!(with(|e| e.page_view_id = vec![1; 3].into()), Err(Invalid));
        for url in ["", "https://", "javascript:alert(1)", "file:///etc", "ftp://x", "example.org/", "h"] {
            assert_eq!(with(|e| e.page_url = url.into()), Err(Invalid), "{url}");
        }
        assert_eq!(with(|e| e.page_url = "HTTP://example.org".into()), Ok(()));
        assert_eq!(with(|e| (e.event_type, e.page_url) = ("event".into(), String::new())), Ok(()));
        assert_eq!(with(|e| (e.event_type, e.page_url) = ("event".into(), "data:x".into())), Err(Invalid));
        assert_eq!(with(|e| e.event_value = Some(f64::NAN)), Err(Invalid));
        assert_eq!(with(|e| e.transaction_revenue = Some(f64::INFINITY)), Err(Invalid));
        assert_eq!(
            with(|e| {
                e.custom_metrics.insert(3, f64::NEG_INFINITY);
            }),
            Err(Invalid)
        );
        assert_eq!(
            with(|e| {
                e.custom_metrics.insert(20, 1.0);
            }),
            Ok(())
        );
        assert_eq!(
            with(|e| {
                e.custom_dimensions.insert(21, "x".into());
            }),
            Err(Invalid)
        );
        assert_eq!(
            with(|e| {
                e.custom_dimensions.insert(0, "x".into());
            }),
            Err(Invalid)
        );
        assert_eq!(with(|e| e.scroll_depth = 101), Err(Invalid));
        assert_eq!(with(|e| e.client_timestamp_ms = -1), Err(Invalid));
        assert_eq!(with(|e| e.client_timestamp_ms = NOW - MAX_EVENT_AGE_MS), Ok(()));
        assert_eq!(with(|e| e.client_timestamp_ms = NOW - MAX_EVENT_AGE_MS - 1), Err(TooOld));
        assert_eq!(with(|e| e.client_timestamp_ms = NOW * 2), Ok(()));
    }

    #[test]
    fn a_wrong_clock_makes_no_event_too_old() {
        let mut old = page_view();
        old.client_timestamp_ms = 1_000;
        assert_eq!(age(&old, 2_000, NOW), Ok(()));
        assert_eq!(age(&old, 2_000 + MAX_EVENT_AGE_MS, NOW), Err(DropReason::TooOld));
    }

    #[test]
    fn sampling_keeps_about_the_asked_share_and_whom_a_lower_rate_keeps() {
        let kept = (0..20_000).filter(|n| keeps_visitor(0.25, &format!("visitor-{n}"))).count();
        assert!((4_700..5_300).contains(&kept), "{kept}");
        assert!(keeps_visitor(1.0, "anybody"));
        assert!((0..1000).all(|n| !keeps_visitor(0.2, &n.to_string()) || keeps_visitor(0.5, &n.to_string())));
    }

    /// Every edge, of every release and after every restart, keeps the same visitors: another choice would cut running
    /// visitors in half.
    #[test]
    fn the_visitors_whom_sampling_keeps_are_fixed() {
        let kept: Vec<_> = (0..40).filter(|n| keeps_visitor(0.25, &format!("visitor-{n}"))).collect();
        assert_eq!(kept, [3, 6, 10, 11, 12, 21, 23, 26, 27, 28, 34, 36, 39]);
    }

    /// An origin made of parts, and whether it is one of the site's.
    fn origins() -> impl Strategy<Value = (String, bool)> {
        let schemes = prop_oneof![
            4 => Just(("https://", true)),
            2 => Just(("http://", true)),
            1 => prop::sample::select(&["ftp://", "chrome-extension://", "//", ""][..]).prop_map(|s| (s, false)),
        ];
        // What stands before the domain: a subdomain, or the beginning of another name.
        let fronts = prop_oneof![
            2 => Just((String::new(), true)),
            2 => "([a-z0-9-]{1,8}\\.){1,3}".prop_map(|front| (front, true)),
            2 => "([a-z0-9-]{1,8}\\.){0,2}[a-z0-9@-]{1,8}".prop_map(|front| (front, false)),
        ];
        let domains = prop::sample::select(&["example.org", "EXAMPLE.org", "Example.Org"][..]);
        // What stands behind it: nothing that matters, or the rest of another name.
        let backs = prop_oneof![
            2 => Just((String::new(), true)),
            1 => Just((".".to_owned(), true)),
            2 => "(:[0-9]{1,5})".prop_map(|back| (back, true)),
            3 => "(\\.[a-z]{2,8}|[a-z0-9-]{1,8}|/[a-z]{0,4}|@[a-z]{2,8}\\.test|:[a-z]{1,4})".prop_map(|back| (back, false)),
        ];
        (schemes, fronts, domains, backs).prop_map(|(scheme, front, domain, back)| {
            let owned = scheme.1 && front.1 && back.1;
            ([scheme.0, &front.0, domain, &back.0].concat(), owned)
        })
    }

    proptest! {
        #[test]
        fn the_sites_domain_and_what_is_below_it_pass_and_no_name_that_only_holds_it((origin, owned) in origins()) {
            let (verdict, _) = decide("FF-1", Facts { origin: Some(&origin), ..Facts::default() });
            prop_assert_eq!(verdict == "admitted", owned, "{}", origin);
        }

        #[test]
        fn no_rubbish_passes(origin in ".{0,60}") {
            let (verdict, _) = decide("FF-1", Facts { origin: Some(&origin), ..Facts::default() });
            prop_assert_eq!(verdict, "refused");
        }
    }
}
