//! Looks at the events of one submission one by one: which are accepted, which dropped and why, and what the windows of
//! duplicates and sessions say of each.

use bytes::Bytes;
use footfall_proto::ident::uuid_v7;
use footfall_proto::relay::{AdmittedEvent, DropReason, Note};
use siphasher::sip::SipHasher13;

use super::RequestFacts;
use super::append::Append;
use super::identity::Identities;
use crate::admit;
use crate::dedup::Seen;
use crate::edge::Edge;
use crate::enrich::source::{Source, path_of};
use crate::enrich::visitor;
use crate::outcome::Dropped;
use crate::pending_commit::CommitOutcome;
use crate::policy::Site;
use crate::submission::{Submission, SubmittedEvent};
use crate::windows::Windows;

/// Of a session that began where this edge did not see it.
static UNKNOWN_SOURCE: Source = Source::unknown();

/// What a submission comes down to, event by event.
#[derive(Default)]
pub(super) struct Admission {
    pub(super) events: Vec<AdmittedEvent>,
    /// In the order of their indexes.
    pub(super) dropped: Vec<Dropped>,
    /// Appends of other requests that must succeed before a duplicate is told so.
    pub(super) awaited: Vec<CommitOutcome>,
    /// Whether an event repeats one of the same request, so that its answer waits for the request's own append.
    pub(super) repeats_request: bool,
    pub(super) collisions: u64,
}

/// Decides on each event, and remembers the accepted ones as part of the request's append.
pub(super) fn admit_events(
    edge: &Edge,
    site: &Site,
    submission: &Submission,
    request: RequestFacts<'_>,
    append: &mut Append,
) -> Admission {
    let mut events = Events {
        edge,
        site,
        submission,
        identities: Identities::new(edge, site, submission, request),
        append,
        admission: Admission::default(),
    };
    let mut windows = edge.windows.lock();
    for (index, sent) in submission.events.iter().enumerate() {
        match events.admit(sent, &mut windows) {
            Ok(event) => events.admission.events.push(event),
            Err(reason) => events.admission.dropped.push(Dropped { index, reason }),
        }
    }
    events.admission
}

/// The events of one submission, under way.
struct Events<'a> {
    edge: &'a Edge,
    site: &'a Site,
    submission: &'a Submission,
    identities: Identities<'a>,
    append: &'a mut Append,
    admission: Admission,
}

impl Events<'_> {
    fn admit(&mut self, sent: &SubmittedEvent, windows: &mut Windows) -> Result<AdmittedEvent, DropReason> {
        let event = sent.event.as_ref().map_err(|reason| *reason)?;
        let now_ms = self.identities.now_ms();
        admit::event(event)?;
        if !self.submission.credential.permits().time {
            admit::age(event, self.submission.shared.sent_at_ms, now_ms)?;
        }
        let user_id = self.identities.user(sent, &mut windows.sessions);
        if !admit::keeps_visitor(self.site.sampling_rate, &user_id) {
            return Err(DropReason::SampledOut);
        }
        let fingerprint = SipHasher13::new().hash(&sent.bytes);
        let mut note = Note::None;
        let mut event_id = event.event_id.clone();
        if event_id.is_empty() {
            event_id = made_id(now_ms);
        } else {
            let commit = *self.append.commit.get_or_insert_with(|| windows.pending_commits.open());
            match windows.dedup.see(&self.site.website_id, &event_id, fingerprint, commit) {
                Seen::First(key) => self.append.keys.push(key),
                Seen::Collision(key) => {
                    self.append.keys.push(key);
                    self.admission.collisions += 1;
                    note = Note::IdCollision;
                    event_id = made_id(now_ms);
                }
                Seen::Duplicate(original) => {
                    if original == commit {
                        self.admission.repeats_request = true;
                    } else {
                        self.admission.awaited.extend(windows.pending_commits.outcome_of(original));
                    }
                    return Err(DropReason::Duplicate);
                }
            }
        }
        let session_id = self.identities.session(sent, &user_id, &mut windows.sessions);
        let session = visitor::session_key(&self.site.website_id, &session_id);
        let source = windows
            .session_sources
            .of_event(session, now_ms, || self.edge.referrer_hosts.source_of(event, self.site));
        let source_known = source.is_some();
        let source = source.as_deref().unwrap_or(&UNKNOWN_SOURCE);
        Ok(AdmittedEvent {
            event: sent.bytes.clone(),
            event_id,
            fingerprint,
            user_id,
            session_id,
            page_path: path_of(&event.page_url).to_owned(),
            traffic_source: source.class.name().to_owned(),
            traffic_medium: source.medium.clone(),
            traffic_campaign: source.campaign.clone(),
            traffic_keyword: source.keyword.clone(),
            note: note as i32,
            source_name: source.name.clone(),
            traffic_content: source.content.clone(),
            source_known,
        })
    }
}

fn made_id(now_ms: i64) -> Bytes {
    let mut random = [0; 10];
    getrandom::fill(&mut random).expect("the system has randomness once it is up");
    Bytes::copy_from_slice(&uuid_v7(now_ms.unsigned_abs(), random))
}
