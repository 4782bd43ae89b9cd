//! The path of one request's submissions: admit, enrich, append to the journal, then tell what became of each. Nothing is
//! acknowledged before its fsync.

use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use footfall_journal::AppendError;
use footfall_proto::limits::MAX_TEXT_BYTES;
use footfall_proto::relay::{DropReason, Record};
use footfall_proto::traffic_source;
use prost::Message;
use smallvec::SmallVec;

use crate::admit::{self, Facts, Verdict};
use crate::edge::Edge;
use crate::enrich::cut;
use crate::enrich::ua::{Agent, Kind};
use crate::outcome::{Dropped, Outcome, Outcomes, Taken};
use crate::pending_commit::CommitOutcome;
use crate::policy::{Policy, Site};
use crate::submission::{Assertions, Submission, Submissions};
use crate::tally::{self, Counts};

mod admission;
mod append;
mod identity;
mod visit;

use append::Append;

/// What the transport tells about a request.
#[derive(Debug, Clone, Copy)]
pub struct RequestFacts<'a> {
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
    /// `Sec-CH-UA`.
    pub hint_brands: Option<&'a str>,
}

impl<'a> RequestFacts<'a> {
    /// The same with the visitor whom the submission states, as far as its sender may state one.
    fn for_visitor_of(self, submission: &'a Submission, permitted: Assertions) -> Self {
        let stated = &submission.visitor;
        match stated.address.filter(|_| permitted.address) {
            None => self,
            Some(address) => Self {
                address,
                user_agent: stated.user_agent.as_deref().unwrap_or_default(),
                // The request's hints are those of the program that sends.
                hint_platform: None,
                hint_mobile: None,
                hint_brands: None,
                ..self
            },
        }
    }
}

/// Takes the submissions of one request. What is accepted of them is one append to the journal: all of it is on disk
/// before any of it is told to be.
pub async fn collect(edge: &Arc<Edge>, submissions: Submissions, request: RequestFacts<'_>) -> Outcomes {
    let Some(policy) = edge.policies.current() else {
        let without_policy = |_| Outcome::Unavailable("no policy has come from central yet");
        return submissions.iter().map(without_policy).collect();
    };
    let mut append = Append::new(edge, submissions.len());
    // Each submission goes as soon as it is decided: nothing holds the request's body while the disk is awaited.
    let decided: SmallVec<[_; 1]> = submissions
        .into_iter()
        .map(|submission| decide(edge, &policy, &submission, request, &mut append))
        .collect();
    let appended = append.finish().await;
    let mut outcomes = Outcomes::new();
    for decision in decided {
        outcomes.push(match decision {
            Decision::Final(outcome) => outcome,
            Decision::ByEvent(selected) => selected.outcome(edge, &policy, &appended).await,
        });
    }
    outcomes
}

/// What is decided about a submission before the append.
enum Decision<'p> {
    /// Nothing of it is stored, and nothing has to be awaited.
    Final(Outcome),
    /// Its events were looked at one by one.
    ByEvent(Selected<'p>),
}

/// What became of a submission's events; those that were accepted are in the request's append.
struct Selected<'p> {
    site: &'p Site,
    taken: Taken,
    counts: Counts,
    /// Appends of other requests that must succeed before their duplicates here are told so.
    awaited: Vec<CommitOutcome>,
    /// Whether an event repeats one of another submission of the request.
    repeats_request: bool,
    collisions: u64,
    /// Events that the page gave up before it could send them, as it says.
    given_up: u32,
}

/// Most events that a page is believed to have given up between two batches: its queue is far shorter.
const MOST_GIVEN_UP: u32 = 10_000;

fn decide<'p>(
    edge: &Edge,
    policy: &'p Policy,
    submission: &Submission,
    request: RequestFacts<'_>,
    append: &mut Append,
) -> Decision<'p> {
    edge.telemetry.unknown_keys.inc_by(submission.unknown_keys as u64);
    let permitted = submission.credential.permits();
    let request = request.for_visitor_of(submission, permitted);
    let agent = edge.agents.look_up(cut(request.user_agent, MAX_TEXT_BYTES));
    let facts = Facts {
        origin: request.origin,
        gpc: request.gpc || submission.shared.gpc,
        dnt: request.dnt || submission.shared.dnt,
        bot: is_bot(&agent, permitted, request.origin),
    };
    let count = submission.events.len();
    let site = match admit::request(policy, &submission.shared.tracking_id, &facts) {
        Verdict::Admitted(site) => site,
        Verdict::Refused(site, reason) => {
            drop_all(edge, site, policy.id, reason, count);
            edge.note_refusal(reason, &submission.shared.tracking_id, request.origin);
            return Decision::Final(Outcome::Refused(reason));
        }
        Verdict::Dropped(site, reason) => {
            drop_all(edge, Some(site), policy.id, reason, count);
            let dropped = (0..count).map(|index| Dropped { index, reason }).collect();
            return Decision::Final(Outcome::Taken(Taken { accepted: 0, dropped }));
        }
    };
    let admitted = admission::admit_events(edge, site, submission, request, append);
    let counts = count_by_reason(&admitted.dropped);
    let accepted = admitted.events.len();
    if accepted == 0 {
        edge.tallies.merge(&site.website_id, policy.id, &counts);
    } else {
        let record = Record {
            website_id: site.website_id.to_string(),
            server_timestamp_ms: request.now_ms,
            policy_id: policy.id,
            visit: Some(visit::visit(edge, site, submission, request, &agent, facts.bot)),
            events: admitted.events,
            tallies: tally::rows(&counts),
            traffic_source_version: traffic_source::VERSION,
        };
        append.records.push(Bytes::from(record.encode_to_vec()));
    }
    Decision::ByEvent(Selected {
        site,
        taken: Taken { accepted, dropped: admitted.dropped },
        counts,
        awaited: admitted.awaited,
        repeats_request: admitted.repeats_request,
        collisions: admitted.collisions,
        given_up: submission.shared.dropped.min(MOST_GIVEN_UP),
    })
}

impl Selected<'_> {
    /// What the sender is told, now that the append of the request has ended.
    async fn outcome(self, edge: &Edge, policy: &Policy, appended: &Result<(), AppendError>) -> Outcome {
        let Taken { accepted, dropped } = &self.taken;
        match appended {
            Err(_) if *accepted == 0 && !self.repeats_request => {}
            Err(AppendError::TooLarge { .. }) => {
                // Without an accepted event what was dropped is counted already.
                let count = if *accepted > 0 { accepted + dropped.len() } else { 0 };
                drop_all(edge, Some(self.site), policy.id, DropReason::TooLarge, count);
                edge.note_refusal(DropReason::TooLarge, &self.site.tracking_id, None);
                return Outcome::TooLarge;
            }
            Err(AppendError::Full { .. }) => return Outcome::Unavailable("the journal is full"),
            Err(AppendError::Storage { .. } | AppendError::Closed) => {
                return Outcome::Unavailable("the journal cannot be written");
            }
            Ok(()) => {
                edge.telemetry.accepted.inc_by(*accepted as u64);
                edge.telemetry.id_collisions.inc_by(self.collisions);
                // A batch that is sent again says it again.
                if *accepted > 0 {
                    edge.telemetry.given_up.inc_by(self.given_up.into());
                }
            }
        }
        for original in self.awaited {
            if !*original.wait().await {
                return Outcome::Unavailable("the journal cannot be written");
            }
        }
        for (reason, count) in self.counts.iter().enumerate().filter(|(_, count)| **count > 0) {
            let reason = DropReason::try_from(reason as i32).expect("an index of its own table");
            edge.telemetry.drop_events(reason, *count);
        }
        Outcome::Taken(self.taken)
    }
}

/// A program (curl and its kin) that may send on purpose, and sends from no page, speaks for itself and not for a visitor.
fn is_bot(agent: &Agent, permitted: Assertions, origin: Option<&str>) -> bool {
    match agent.kind {
        Kind::Person => false,
        Kind::Bot => true,
        Kind::Tool => !permitted.automation || origin.is_some(),
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::submission::StatedVisitor;

    #[test]
    fn a_stated_visitor_replaces_the_one_who_connected_only_where_that_is_permitted() {
        let address = |text: &str| text.parse::<IpAddr>().expect("address");
        let request = RequestFacts {
            now_ms: 0,
            address: address("192.0.2.1"),
            user_agent: "curl/8",
            origin: None,
            gpc: false,
            dnt: false,
            hint_platform: Some("Linux"),
            hint_mobile: None,
            hint_brands: None,
        };
        let visitor =
            StatedVisitor { address: Some(address("192.0.2.2")), user_agent: Some("Firefox".into()) };
        let submission = Submission { visitor, ..Submission::default() };
        let seen = request.for_visitor_of(&submission, Assertions::NONE);
        assert_eq!((seen.address, seen.user_agent), (address("192.0.2.1"), "curl/8"));
        let permitted = Assertions { address: true, ..Assertions::NONE };
        let seen = request.for_visitor_of(&submission, permitted);
        assert_eq!(
            (seen.address, seen.user_agent, seen.hint_platform),
            (address("192.0.2.2"), "Firefox", None)
        );
        let silent = Submission::default();
        assert_eq!(request.for_visitor_of(&silent, permitted).address, address("192.0.2.1"));
    }
}
