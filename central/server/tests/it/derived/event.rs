//! What happens on the websites of a history: events, the requests that bring them, and the goals of the websites. Plain data; knows no
//! table.

use std::collections::BTreeMap;

use bytes::Bytes;
use footfall_metadata::MatchType;
use footfall_proto::beacon;
use footfall_proto::relay::{AdmittedEvent, Record, Visit};
use footfall_proto::traffic_source;
use prost::Message as _;

/// What the events of one request share.
#[derive(Clone, Debug)]
pub(super) struct Visitor {
    pub(super) website: String,
    pub(super) user: String,
    pub(super) session: String,
    pub(super) is_bot: bool,
    pub(super) sample_rate: f64,
    pub(super) device: &'static str,
    pub(super) browser: &'static str,
    pub(super) os: &'static str,
    pub(super) country: &'static str,
    pub(super) region: &'static str,
    pub(super) city: &'static str,
    /// Class, name, medium, campaign, keyword and content; nothing where the edge did not see the session begin.
    pub(super) source: Option<[String; 6]>,
}

/// One thing that happened in a page.
#[derive(Clone, Debug)]
pub(super) struct Happening {
    pub(super) id: [u8; 16],
    pub(super) fingerprint: u64,
    pub(super) kind: &'static str,
    pub(super) action: &'static str,
    pub(super) path: &'static str,
    pub(super) engagement_ms: u32,
    pub(super) revenue: Option<f64>,
    /// Numbers from 1 to 20, and values.
    pub(super) dimensions: BTreeMap<u32, String>,
}

/// What an edge admitted at once.
#[derive(Clone, Debug)]
pub(super) struct Request {
    /// Which edge, 0 or 1.
    pub(super) edge: usize,
    /// When it reaches the log, as far as its order goes, milliseconds since 1970.
    pub(super) arrives: i64,
    /// When it was received by the edge's clock, milliseconds since 1970.
    pub(super) time: i64,
    pub(super) visitor: Visitor,
    pub(super) happenings: Vec<Happening>,
}

impl Request {
    /// What the edge's journal holds of it.
    pub(super) fn record(&self) -> Bytes {
        let visitor = &self.visitor;
        let visit = Visit {
            ip_address: Bytes::copy_from_slice(
                &std::net::Ipv4Addr::new(192, 0, 2, 7).to_ipv6_mapped().octets(),
            ),
            country: visitor.country.into(),
            region: visitor.region.into(),
            city: visitor.city.into(),
            device_type: visitor.device.into(),
            os: visitor.os.into(),
            browser: visitor.browser.into(),
            is_bot: visitor.is_bot,
            sample_rate: visitor.sample_rate,
            ..Visit::default()
        };
        let record = Record {
            website_id: visitor.website.clone(),
            server_timestamp_ms: self.time,
            policy_id: 1,
            visit: Some(visit),
            events: self.happenings.iter().map(|happening| admitted(visitor, happening, self.time)).collect(),
            tallies: Vec::new(),
            traffic_source_version: traffic_source::VERSION,
        };
        record.encode_to_vec().into()
    }
}

fn admitted(visitor: &Visitor, happening: &Happening, time: i64) -> AdmittedEvent {
    let event_id = Bytes::copy_from_slice(&happening.id);
    let event = beacon::Event {
        event_id: event_id.clone(),
        event_type: happening.kind.into(),
        client_timestamp_ms: time,
        event_action: happening.action.into(),
        engagement_ms: happening.engagement_ms,
        transaction_revenue: happening.revenue,
        custom_dimensions: happening.dimensions.clone().into_iter().collect(),
        ..beacon::Event::default()
    };
    let unknown = || ["other", "", "", "", "", ""].map(str::to_owned);
    let [class, name, medium, campaign, keyword, content] = visitor.source.clone().unwrap_or_else(unknown);
    AdmittedEvent {
        event: event.encode_to_vec().into(),
        event_id,
        fingerprint: happening.fingerprint,
        user_id: visitor.user.clone(),
        session_id: visitor.session.clone(),
        page_path: happening.path.into(),
        traffic_source: class,
        source_name: name,
        traffic_medium: medium,
        traffic_campaign: campaign,
        traffic_keyword: keyword,
        traffic_content: content,
        source_known: visitor.source.is_some(),
        ..AdmittedEvent::default()
    }
}

/// What reaches a goal.
#[derive(Clone, Copy, Debug)]
pub(super) enum Target {
    Page(MatchType, &'static str),
    Event(MatchType, &'static str),
    /// Hundredths of a second.
    Duration(i64),
    /// Hundredths of a page.
    Pages(i64),
}

/// A goal of a website.
#[derive(Clone, Debug)]
pub(super) struct Goal {
    pub(super) website: String,
    pub(super) id: String,
    pub(super) target: Target,
    /// Sessions that began before it count, milliseconds since 1970.
    pub(super) valid_to: i64,
}
