//! The way of one submission: admit, enrich, remember, journal, then answer. Nothing is acknowledged before its fsync.

use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use footfall_journal::AppendError;
use footfall_proto::ident::uuid_v7;
use footfall_proto::limits::MAX_TEXT_BYTES;
use footfall_proto::relay::{AdmittedEvent, DropReason, Note, Record, Visit};
use prost::Message;
use siphasher::sip::SipHasher13;

use crate::admit::{self, Facts, Verdict};
use crate::dedup::{Key, Seen, Ticket};
use crate::edge::Edge;
use crate::enrich::hints::Hints;
use crate::enrich::source::path_of;
use crate::enrich::ua::{Agent, Kind, corrected};
use crate::enrich::{cut, privacy};
use crate::policy::Site;
use crate::recall::Recall;
use crate::submission::{Form, Sent, Submission};
use crate::tally::{self, Counts};
use crate::ticket::Fate;

mod commit;
mod identity;

use commit::Commit;
use identity::Identities;

/// What the transport tells about a submission.
#[derive(Debug, Clone, Copy)]
pub struct Caller<'a> {
    /// Receipt time, milliseconds since the Unix epoch.
    pub now_ms: i64,
    /// The visitor's address.
    pub address: IpAddr,
    /// `User-Agent`, empty if there was none.
    pub user_agent: &'a str,
    /// `Origin`.
    pub origin: Option<&'a str>,
    /// `Sec-GPC: 1`.
    pub gpc: bool,
    /// `DNT: 1`.
    pub dnt: bool,
    /// `Sec-CH-UA-Platform`.
    pub hint_platform: Option<&'a str>,
    /// `Sec-CH-UA-Mobile`.
    pub hint_mobile: Option<&'a str>,
}

/// What became of a submission.
#[derive(Debug)]
pub enum Outcome {
    /// It was looked at event by event; what was accepted is on disk.
    Taken {
        /// Events accepted.
        accepted: usize,
        /// The others, by index.
        dropped: Vec<Dropped>,
    },
    /// None of it may be sent: 403.
    Refused(DropReason),
    /// It can never be stored: 413.
    TooLarge,
    /// It may be tried again: 503.
    Unavailable(&'static str),
}

/// A dropped event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dropped {
    /// Its place in the submission.
    pub index: usize,
    /// Why.
    pub reason: DropReason,
}

/// Takes one submission.
pub async fn collect(edge: &Arc<Edge>, submission: Submission, caller: Caller<'_>) -> Outcome {
    let Some(policy) = edge.policies.current() else {
        return Outcome::Unavailable("no policy has come from central yet");
    };
    edge.telemetry.unknown_keys.inc_by(submission.unknown_keys as u64);
    let agent = edge.agents.look_up(cut(caller.user_agent, MAX_TEXT_BYTES));
    let facts = Facts {
        origin: caller.origin,
        gpc: caller.gpc || submission.shared.gpc,
        dnt: caller.dnt || submission.shared.dnt,
        bot: is_bot(&agent, submission.form, caller.origin),
    };
    let count = submission.events.len();
    let site = match admit::request(&policy, &submission.shared.tracking_id, &facts) {
        Verdict::Admitted(site) => site,
        Verdict::Refused(site, reason) => {
            drop_all(edge, site, policy.id, reason, count);
            return Outcome::Refused(reason);
        }
        Verdict::Dropped(site, reason) => {
            drop_all(edge, Some(site), policy.id, reason, count);
            let dropped = (0..count).map(|index| Dropped { index, reason }).collect();
            return Outcome::Taken { accepted: 0, dropped };
        }
    };
    let sifted = sift(edge, site, &submission, caller);
    let mut dropped = sifted.dropped;
    let counts = count_by_reason(&dropped);
    let accepted = sifted.events.len();
    if accepted == 0 {
        edge.tallies.merge(&site.website_id, policy.id, &counts);
    } else {
        let record = Record {
            website_id: site.website_id.to_string(),
            server_timestamp_ms: caller.now_ms,
            policy_id: policy.id,
            visit: Some(visit(edge, site, &submission, caller, &agent, facts.bot)),
            events: sifted.events,
            tallies: tally::rows(&counts),
        };
        let bytes = Bytes::from(record.encode_to_vec());
        // Everything that holds the request's body goes before the wait for the disk.
        drop((record, submission));
        let pending = edge.journal.append(vec![bytes]);
        let commit = Commit::new(Arc::clone(edge), pending, sifted.ticket, sifted.keys);
        match commit.finish().await {
            Ok(()) => {}
            Err(AppendError::TooLarge { .. }) => {
                drop_all(edge, Some(site), policy.id, DropReason::TooLarge, count);
                return Outcome::TooLarge;
            }
            Err(AppendError::Full { .. }) => return Outcome::Unavailable("the journal is full"),
            Err(AppendError::Storage { .. } | AppendError::Closed) => {
                return Outcome::Unavailable("the journal cannot be written");
            }
        }
        edge.telemetry.accepted.inc_by(accepted as u64);
        edge.telemetry.id_collisions.inc_by(sifted.collisions);
    }
    for fate in sifted.awaited {
        if !*fate.wait().await {
            return Outcome::Unavailable("the journal cannot be written");
        }
    }
    for (reason, count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
        let reason = DropReason::try_from(reason as i32).expect("an index of its own table");
        edge.telemetry.drop_events(reason, *count);
    }
    dropped.sort_unstable_by_key(|dropped| dropped.index);
    Outcome::Taken { accepted, dropped }
}

/// What a submission comes down to, event by event.
#[derive(Default)]
struct Sifted {
    events: Vec<AdmittedEvent>,
    dropped: Vec<Dropped>,
    /// Remembered by the window, to be forgotten should the commit fail.
    keys: Vec<Key>,
    ticket: Option<Ticket>,
    /// Commits of other requests that must succeed before a duplicate is told so.
    awaited: Vec<Fate>,
    collisions: u64,
}

fn sift(edge: &Edge, site: &Site, submission: &Submission, caller: Caller<'_>) -> Sifted {
    let mut identities = Identities::new(edge, site, submission, caller);
    let mut sifted = Sifted::default();
    let mut recall = edge.recall.lock().expect("no holder panics");
    for (index, sent) in submission.events.iter().enumerate() {
        match sift_one(edge, site, submission, sent, &mut identities, &mut recall, &mut sifted) {
            Ok(event) => sifted.events.push(event),
            Err(reason) => sifted.dropped.push(Dropped { index, reason }),
        }
    }
    // Nothing new was remembered, so nobody can wait for this request.
    if sifted.keys.is_empty()
        && let Some(ticket) = sifted.ticket.take()
    {
        recall.tickets.settle(ticket, true);
    }
    sifted
}

fn sift_one(
    edge: &Edge,
    site: &Site,
    submission: &Submission,
    sent: &Sent,
    identities: &mut Identities<'_>,
    recall: &mut Recall,
    sifted: &mut Sifted,
) -> Result<AdmittedEvent, DropReason> {
    let event = sent.event.as_ref().map_err(|reason| *reason)?;
    let now_ms = identities.now_ms();
    admit::event(event, submission.shared.sent_at_ms, now_ms)?;
    let user_id = identities.user(sent, &mut recall.sessions);
    if !admit::keeps_visitor(site.sampling_rate, &user_id) {
        return Err(DropReason::SampledOut);
    }
    let fingerprint = SipHasher13::new().hash(&sent.bytes);
    let mut note = Note::None;
    let mut event_id = event.event_id.clone();
    if event_id.is_empty() {
        event_id = made_id(now_ms);
    } else {
        let ticket = *sifted.ticket.get_or_insert_with(|| recall.tickets.open());
        match recall.dedup.see(&site.website_id, &event_id, fingerprint, ticket) {
            Seen::First(key) => sifted.keys.push(key),
            Seen::Collides(key) => {
                sifted.keys.push(key);
                sifted.collisions += 1;
                note = Note::IdCollision;
                event_id = made_id(now_ms);
            }
            Seen::Before(original) => {
                if original != ticket {
                    sifted.awaited.extend(recall.tickets.fate(original));
                }
                return Err(DropReason::Duplicate);
            }
        }
    }
    let session_id = identities.session(sent, &user_id, &mut recall.sessions);
    let source = edge.hosts.source_of(event, site);
    Ok(AdmittedEvent {
        event: sent.bytes.clone(),
        event_id,
        fingerprint,
        user_id,
        session_id,
        page_path: path_of(&event.page_url).to_owned(),
        traffic_source: source.source,
        traffic_medium: source.medium,
        traffic_campaign: source.campaign,
        traffic_keyword: source.keyword,
        note: note as i32,
    })
}

fn visit(
    edge: &Edge,
    site: &Site,
    submission: &Submission,
    caller: Caller<'_>,
    agent: &Agent,
    bot: bool,
) -> Visit {
    let shared = &submission.shared;
    let hints = Hints::of(shared.hints.as_ref(), caller.hint_platform, caller.hint_mobile);
    let agent = corrected(agent, hints);
    let place = edge.geo.locate(caller.address);
    let keeps_address =
        matches!(shared.consent(), footfall_proto::beacon::Consent::Granted) && !site.ip_anonymization;
    let address = if keeps_address { caller.address } else { privacy::cut_address(caller.address) };
    let screen = (shared.screen_width > 0 && shared.screen_height > 0)
        .then(|| format!("{}x{}", shared.screen_width, shared.screen_height));
    let short = |text: &str| cut(text, 64).to_owned();
    Visit {
        ip_address: Bytes::copy_from_slice(&privacy::mapped(address)),
        user_agent: cut(caller.user_agent, MAX_TEXT_BYTES).to_owned(),
        country: place.country,
        region: place.region,
        city: place.city,
        latitude: place.latitude,
        longitude: place.longitude,
        device_type: agent.device_type.name().to_owned(),
        device_brand: agent.device_brand,
        device_model: agent.device_model,
        os: agent.os,
        os_version: agent.os_version,
        browser: agent.browser,
        browser_version: agent.browser_version,
        screen_resolution: screen.unwrap_or_default(),
        sdk_version: short(&shared.sdk_version),
        is_bot: bot,
        sample_rate: site.sampling_rate,
        language: short(&shared.language),
        local_salt: true,
        page_load_id: shared.page_load_id.slice(..shared.page_load_id.len().min(16)),
        viewport_width: shared.viewport_width,
        viewport_height: shared.viewport_height,
        timezone: short(&shared.timezone),
    }
}

/// A tool (curl and its kin) that sends JSON from no page does so on purpose: it speaks for itself, not for a visitor.
fn is_bot(agent: &Agent, form: Form, origin: Option<&str>) -> bool {
    match agent.kind {
        Kind::Person => false,
        Kind::Bot => true,
        Kind::Tool => form != Form::Json || origin.is_some(),
    }
}

fn made_id(now_ms: i64) -> Bytes {
    let mut random = [0; 10];
    getrandom::fill(&mut random).expect("the system has randomness once it is up");
    Bytes::copy_from_slice(&uuid_v7(now_ms.unsigned_abs(), random))
}

fn drop_all(edge: &Edge, site: Option<&Site>, policy_id: u64, reason: DropReason, count: usize) {
    edge.telemetry.drop_events(reason, count as u64);
    if let Some(site) = site {
        edge.tallies.add(&site.website_id, policy_id, reason, count as u64);
    }
}

fn count_by_reason(dropped: &[Dropped]) -> Counts {
    let mut counts = Counts::default();
    for dropped in dropped {
        counts[dropped.reason as usize] += 1;
    }
    counts
}
