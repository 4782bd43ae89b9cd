//! Clocks that are set, run backwards or leap by years, under everything that remembers a time.

use std::time::Duration;

use bytes::Bytes;
use footfall_edge::collect::{RequestFacts, collect};
use footfall_edge::outcome::{Outcome, Taken};
use footfall_edge::protocol::footfall;
use footfall_edge::session::TIMEOUT_MS;
use footfall_proto::beacon::{BeaconBatch, Consent};
use footfall_proto::relay::DropReason;
use http::Request;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use prost::Message;

use crate::support::{CHROME, RunningEdge, batch, config, folder, page_view};

/// 2027-01-15 08:00 UTC.
const NOW: i64 = 1_800_000_000_000;
const YEARS_MS: i64 = 5 * 365 * 24 * 60 * 60 * 1000;

/// One event at a time that a clock tells, by a visitor who keeps an id, or by one who does not.
async fn take(edge: &RunningEdge, now_ms: i64, number: u128, keeps_id: bool) -> Outcome {
    let mut event = page_view(1);
    event.event_id = Bytes::copy_from_slice(&number.to_be_bytes());
    let consent = if keeps_id { Consent::Granted } else { Consent::Unspecified } as i32;
    let user_id = if keeps_id { "somebody" } else { "" }.to_owned();
    let body = BeaconBatch { consent, user_id, ..batch(vec![event]) }.encode_to_vec();
    let (head, ()) = Request::builder().uri("/e").body(()).expect("a request").into_parts();
    let submissions = (footfall::PROTOCOL.decode)(&head, body.into()).expect("a batch");
    let request = RequestFacts {
        now_ms,
        address: "192.0.2.1".parse().expect("an address"),
        user_agent: CHROME,
        origin: None,
        gpc: false,
        dnt: false,
        hint_platform: None,
        hint_mobile: None,
        hint_brands: None,
    };
    let collected = tokio::time::timeout(Duration::from_secs(20), collect(&edge.edge, submissions, request));
    collected.await.expect("nothing waits for ever").pop().expect("one outcome")
}

fn accepted(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Taken(Taken { accepted: 1, .. }))
}

#[tokio::test(flavor = "multi_thread")]
async fn no_leap_of_the_clock_breaks_or_blocks_anything() {
    let dir = folder();
    let edge = RunningEdge::start(config(dir.path())).await;
    let time = prop_oneof![
        any::<i64>(),
        prop::sample::select(&[i64::MIN, i64::MIN + 1, -1, 0, i64::MAX - 1, i64::MAX][..]),
        NOW - YEARS_MS..NOW + YEARS_MS,
        NOW..NOW + 4 * TIMEOUT_MS,
    ];
    let times = prop::collection::vec(time, 1..8);
    let mut runner = TestRunner::deterministic();
    let mut number = 0;
    for round in 0..40 {
        let leaps = times.new_tree(&mut runner).expect("generated").current();
        for now_ms in &leaps {
            for keeps_id in [true, false] {
                number += 1;
                let outcome = take(&edge, *now_ms, number, keeps_id).await;
                assert!(accepted(&outcome), "{outcome:?} at {now_ms} of {leaps:?}");
            }
            let _ = edge.edge.warnings(*now_ms);
            edge.edge.note_superseded("twin".to_owned(), *now_ms);
            edge.edge.note_refusal(DropReason::Origin, "FF-1", None);
            let _ = edge.edge.refusals.lock().due(*now_ms);
        }
        // Once it is right again, sessions end when they should, and repeats are known.
        let right = NOW + i64::from(round) * 100 * TIMEOUT_MS;
        number += 1;
        let again = number;
        for later in [0, 1, 2 * TIMEOUT_MS + 2] {
            number += 1;
            assert!(accepted(&take(&edge, right + later, number, true).await));
        }
        let events: Vec<_> = edge.records().into_iter().flat_map(|record| record.events).collect();
        let sessions: Vec<_> = events[events.len() - 3..].iter().map(|event| &event.session_id).collect();
        assert!(sessions[0] == sessions[1] && sessions[1] != sessions[2], "{sessions:?} after {leaps:?}");
        assert!(accepted(&take(&edge, right, again, true).await));
        assert!(!accepted(&take(&edge, right, again, true).await));
        assert!(
            edge.edge.warnings(right).is_empty() || leaps.iter().any(|leap| right.abs_diff(*leap) < 60_000)
        );
        assert!(edge.edge.windows.lock().pending_commits.is_empty());
    }
    edge.stop().await;
    // What was written under such a clock is read back.
    let edge = RunningEdge::start(config(dir.path())).await;
    assert!(!accepted(&take(&edge, NOW, number, true).await), "known after a restart");
    assert!(accepted(&take(&edge, NOW, number + 1, true).await));
    edge.stop().await;
}
