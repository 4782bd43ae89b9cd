//! Requests of several submissions, as protocols of other vendors make them: each has its outcome, all are one append.

use footfall_edge::collect::{RequestFacts, collect};
use footfall_edge::outcome::{Dropped, Outcome, Outcomes, Taken};
use footfall_edge::submission::{Credential, StatedVisitor, Submission, SubmittedEvent};
use footfall_proto::beacon::{BeaconEnvelope, Event};
use footfall_proto::relay::DropReason;
use prost::Message;

use crate::support::{CHROME, ORIGIN, RunningEdge, SITE, WEBSITE, config, folder, page_view};

fn submission(tracking_id: &str, event: Event) -> Submission {
    let bytes = event.encode_to_vec().into();
    let sent = SubmittedEvent { bytes, event: Ok(event), user_id: String::new(), session_id: String::new() };
    let shared = BeaconEnvelope { tracking_id: tracking_id.into(), ..BeaconEnvelope::default() };
    Submission { shared, events: vec![sent], ..Submission::default() }
}

async fn take(edge: &RunningEdge, submissions: impl IntoIterator<Item = Submission>) -> Outcomes {
    let request = RequestFacts {
        now_ms: footfall_edge::edge::now_ms(),
        address: "81.2.69.160".parse().expect("address"),
        user_agent: CHROME,
        origin: Some(ORIGIN),
        gpc: false,
        dnt: false,
        hint_platform: None,
        hint_mobile: None,
        hint_brands: None,
    };
    collect(&edge.edge, submissions.into_iter().collect(), request).await
}

fn accepted(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Taken(taken) if *taken == Taken { accepted: 1, dropped: vec![] })
}

fn dropped(outcome: &Outcome, reason: DropReason) -> bool {
    let only = Dropped { index: 0, reason };
    matches!(outcome, Outcome::Taken(taken) if *taken == Taken { accepted: 0, dropped: vec![only] })
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sites_of_one_request_are_decided_one_by_one_and_appended_together() {
    let dir = folder();
    let edge = RunningEdge::start(config(dir.path())).await;
    let syncs = edge.edge.journal.stats().syncs;
    let outcomes = take(
        &edge,
        [
            submission(SITE, page_view(1)),
            submission("FF-NONE", page_view(1)),
            submission("FF-OPEN", page_view(1)),
        ],
    )
    .await;
    assert!(accepted(&outcomes[0]) && accepted(&outcomes[2]), "{outcomes:?}");
    assert!(matches!(outcomes[1], Outcome::Refused(DropReason::UnknownSite)), "{outcomes:?}");
    assert_eq!(outcomes.len(), 3);
    assert_eq!(edge.edge.journal.stats().syncs, syncs + 1, "one append is synced once");
    let websites: Vec<_> = edge.records().into_iter().map(|record| record.website_id).collect();
    assert_eq!(websites, [WEBSITE, "6b1ab2a4-0000-4000-8000-000000000003"]);
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeat_within_a_request_is_told_so_only_once_its_original_is_on_disk() {
    let dir = folder();
    let edge = RunningEdge::start(config(dir.path())).await;
    let twice = |id| [submission(SITE, page_view(id)), submission(SITE, page_view(id))];
    let outcomes = take(&edge, twice(1)).await;
    assert!(accepted(&outcomes[0]) && dropped(&outcomes[1], DropReason::Duplicate), "{outcomes:?}");
    edge.edge.journal.close();
    let invalid = submission(SITE, Event::default());
    let outcomes = take(&edge, twice(2).into_iter().chain([invalid])).await;
    assert!(outcomes[..2].iter().all(|outcome| matches!(outcome, Outcome::Unavailable(_))), "{outcomes:?}");
    assert!(dropped(&outcomes[2], DropReason::Invalid), "nothing of it was to be stored: {outcomes:?}");
    let again = take(&edge, [submission(SITE, page_view(2))]).await;
    assert!(matches!(again[0], Outcome::Unavailable(_)), "what was not stored is no duplicate: {again:?}");
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_visitor_is_not_believed_without_a_credential_that_permits_it() {
    let dir = folder();
    let edge = RunningEdge::start(config(dir.path())).await;
    for (id, credential) in [(1, Credential::Absent), (2, Credential::NotRequired)] {
        let visitor = StatedVisitor {
            address: Some("2001:db8::1".parse().expect("address")),
            user_agent: Some("Googlebot/2.1".into()),
        };
        let mut old = page_view(id + 100);
        old.client_timestamp_ms = 1;
        let stated = Submission { credential, visitor, ..submission(SITE, page_view(id)) };
        let outcomes = take(&edge, [stated, Submission { credential, ..submission(SITE, old) }]).await;
        assert!(accepted(&outcomes[0]), "{credential:?}: {outcomes:?}");
        assert!(dropped(&outcomes[1], DropReason::TooOld), "{credential:?}: {outcomes:?}");
    }
    for record in edge.records().iter().filter(|record| !record.events.is_empty()) {
        let visit = record.visit.as_ref().expect("a visit");
        assert_eq!(&visit.ip_address[10..], &[0xff, 0xff, 81, 2, 69, 0]);
        assert_eq!(visit.user_agent, CHROME);
    }
    edge.stop().await;
}
