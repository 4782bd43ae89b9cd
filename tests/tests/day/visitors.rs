//! Visitors of many websites, and what they do: records as an edge writes them, one event after the other in the order of time. What was
//! made is told to [`Expected`]; nothing is sent here.

use std::net::Ipv4Addr;

use bytes::Bytes;
use fastrand::Rng;
use footfall_proto::beacon::Event;
use footfall_proto::relay::{AdmittedEvent, Record, Visit};
use footfall_proto::traffic_source;
use prost::Message as _;

use crate::expected::{Expected, Kind, Seen};

/// Who might come.
const USERS: u32 = 200_000;
/// Of a hundred events so many begin a session.
const BEGIN: u8 = 25;
/// Sessions that go on at the same time, for each website.
const OPEN: usize = 60;

/// A session that may go on.
#[derive(Clone, Copy)]
struct Open {
    session: u32,
    user: u32,
}

/// All who visit.
pub(crate) struct Visitors {
    rng: Rng,
    websites: Vec<String>,
    open: Vec<Vec<Open>>,
    sessions: u32,
    events: u64,
    /// What they come to.
    pub(crate) expected: Expected,
}

impl Visitors {
    /// Of these websites, by their ids.
    pub(crate) fn of(websites: Vec<String>, seed: u64) -> Self {
        let open = vec![Vec::with_capacity(OPEN); websites.len()];
        Self {
            rng: Rng::with_seed(seed),
            websites,
            open,
            sessions: 0,
            events: 0,
            expected: Expected::default(),
        }
    }

    /// Somebody does something at a time, milliseconds since 1970.
    pub(crate) fn next(&mut self, time_ms: i64) -> Bytes {
        let rng = &mut self.rng;
        let site = rng.usize(..self.websites.len());
        let open = &mut self.open[site];
        let begins = open.is_empty() || rng.u8(..100) < BEGIN;
        let visitor = if begins {
            let visitor = Open { session: self.sessions, user: rng.u32(..USERS) };
            self.sessions += 1;
            if open.len() < OPEN {
                open.push(visitor);
            } else {
                open[rng.usize(..OPEN)] = visitor;
            }
            visitor
        } else {
            open[rng.usize(..open.len())]
        };
        let kind = match rng.u8(..100) {
            _ if begins => Kind::View,
            0..=49 => Kind::View,
            50..=89 => Kind::Engagement(rng.u32(..20_000)),
            _ => Kind::Interaction,
        };
        self.expected.add(&Seen { site, session: visitor.session, user: visitor.user, time_ms, kind });
        self.events += 1;
        record(&self.websites[site], visitor, kind, self.events, time_ms)
    }
}

fn record(website_id: &str, visitor: Open, kind: Kind, number: u64, time_ms: i64) -> Bytes {
    let event_id = Bytes::copy_from_slice(&(u128::from(number) << 64 | 1).to_be_bytes());
    let (event_type, engagement_ms) = match kind {
        Kind::View => ("pageview", 0),
        Kind::Engagement(engagement_ms) => ("engagement", engagement_ms),
        Kind::Interaction => ("event", 0),
    };
    let path = format!("/page/{}", number % 500);
    let event = Event {
        event_id: event_id.clone(),
        event_type: event_type.into(),
        client_timestamp_ms: time_ms,
        page_url: format!("https://example.org{path}"),
        page_title: "A page".into(),
        engagement_ms,
        ..Event::default()
    };
    let source = visitor.session % 40;
    let admitted = AdmittedEvent {
        event: event.encode_to_vec().into(),
        event_id,
        fingerprint: number,
        user_id: format!("user-{}", visitor.user),
        session_id: format!("session-{}", visitor.session),
        page_path: path,
        traffic_source: if source < 10 { "direct".into() } else { "referral".into() },
        source_name: format!("source-{source}.example"),
        source_known: true,
        ..AdmittedEvent::default()
    };
    let visit = Visit {
        ip_address: Bytes::copy_from_slice(&Ipv4Addr::new(192, 0, 2, 7).to_ipv6_mapped().octets()),
        user_agent: "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0".into(),
        country: ["DE", "FR", "GB", "IN", "US"][visitor.user as usize % 5].into(),
        device_type: ["desktop", "mobile"][visitor.user as usize % 2].into(),
        os: "Linux".into(),
        browser: "Firefox".into(),
        sample_rate: 1.0,
        ..Visit::default()
    };
    let record = Record {
        website_id: website_id.to_owned(),
        server_timestamp_ms: time_ms,
        policy_id: 1,
        visit: Some(visit),
        events: vec![admitted],
        tallies: Vec::new(),
        traffic_source_version: traffic_source::VERSION,
    };
    record.encode_to_vec().into()
}
