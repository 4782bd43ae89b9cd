//! Who sent an event: the sender's own ids where they may be used, else the day's keyed hash; and its session.

use std::sync::Arc;

use footfall_proto::beacon::Consent;
use footfall_proto::ident::uuid_v7;

use super::RequestFacts;
use crate::edge::Edge;
use crate::enrich::salt::Days;
use crate::enrich::visitor::{self, Purpose, SiteKey};
use crate::policy::Site;
use crate::session::{SessionId, Sessions};
use crate::submission::{Submission, SubmittedEvent};

/// The identities of one request's events.
pub(super) struct Identities<'a> {
    site: &'a Site,
    request: RequestFacts<'a>,
    days: Arc<Days>,
    uses_ids: bool,
    /// The cookieless visitor, once it was asked for: one per request.
    visitor: Option<String>,
}

impl<'a> Identities<'a> {
    pub(super) fn new(
        edge: &Edge,
        site: &'a Site,
        submission: &Submission,
        request: RequestFacts<'a>,
    ) -> Self {
        // Without the visitor's consent the sender's ids count only if it is believed about them.
        let uses_ids = match submission.shared.consent() {
            Consent::Granted => true,
            Consent::Denied => false,
            Consent::Unspecified => submission.credential.permits().identity,
        };
        Self { site, request, days: edge.salts.at(request.now_ms), uses_ids, visitor: None }
    }

    pub(super) fn now_ms(&self) -> i64 {
        self.request.now_ms
    }

    pub(super) fn user(&mut self, sent: &SubmittedEvent, sessions: &mut Sessions) -> String {
        if self.uses_ids && !sent.user_id.is_empty() {
            return visitor::derived(&self.site.website_id, Purpose::User, &sent.user_id);
        }
        if self.visitor.is_none() {
            self.visitor = Some(self.cookieless(sessions));
        }
        self.visitor.clone().unwrap_or_default()
    }

    pub(super) fn session(&self, sent: &SubmittedEvent, user_id: &str, sessions: &mut Sessions) -> String {
        if self.uses_ids && !sent.session_id.is_empty() {
            return visitor::derived(&self.site.website_id, Purpose::Session, &sent.session_id);
        }
        let owner = visitor::owner(&self.site.website_id, user_id);
        visitor::session_text(sessions.touch(owner, self.request.now_ms, || new_session(self.request.now_ms)))
    }

    /// The visitor's id of today; in the first half hour of a day yesterday's, while its session goes on.
    fn cookieless(&self, sessions: &mut Sessions) -> String {
        let now_ms = self.request.now_ms;
        let visitor_id = |salt: &[u8; 32]| {
            let key = SiteKey::derive(salt, &self.site.website_id);
            key.visitor(self.request.address, self.request.user_agent)
        };
        if let Some(salt) = self.days.yesterday(now_ms) {
            let yesterdays = visitor_id(salt);
            let owner = visitor::owner(&self.site.website_id, &yesterdays);
            if sessions.peek(owner, now_ms).is_some() {
                return yesterdays;
            }
        }
        visitor_id(self.days.today(now_ms).expect("the days were turned to this time"))
    }
}

fn new_session(now_ms: i64) -> SessionId {
    let mut random = [0; 10];
    getrandom::fill(&mut random).expect("the system has randomness once it is up");
    uuid_v7(now_ms.unsigned_abs(), random)
}
