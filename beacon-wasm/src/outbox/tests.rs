//! The outbox: what is pushed, answered and due, and which batches it gives.

use super::*;
use footfall_proto::beacon::BeaconBatch;
use proptest::prelude::*;
use prost::Message as _;

const DONE: Outcome = Outcome::Done;
const RETRY: Outcome = Outcome::Retry { after_s: 0 };

fn event(label: &str) -> Message {
    let mut event = Message::default();
    event.text(crate::message::event::EVENT_TYPE, label, 100);
    event
}

fn take(outbox: &mut Outbox, leaving: bool, now: u64) -> Option<BeaconBatch> {
    let visitor_info = |_| VisitorInfo { consent: Consent::Unspecified, visitor: None };
    let outgoing = outbox.take(&Message::default(), leaving, now, 5_000 + now, visitor_info)?;
    let batch = BeaconBatch::decode(outgoing.body.as_slice()).expect("encoded here");
    assert_eq!(batch.sequence, outgoing.sequence);
    Some(batch)
}

fn labels(batch: &BeaconBatch) -> Vec<&str> {
    batch.events.iter().map(|event| event.event_type.as_str()).collect()
}

#[test]
fn a_page_view_leaves_at_once_and_takes_along_what_waits() {
    let mut outbox = Outbox::default();
    outbox.push(Kind::Event, event("a"), false, 100);
    assert_eq!((outbox.due(), take(&mut outbox, false, 100)), (Some(100 + BATCH_DELAY_MS), None));
    outbox.push(Kind::PageView, event("b"), false, 101);
    let batch = take(&mut outbox, false, 101).expect("due");
    assert_eq!((labels(&batch), batch.sent_at_ms, batch.attempt), (vec!["a", "b"], 5_101, 0));
    assert_eq!(outbox.due(), None);
}

#[test]
fn other_events_wait_two_seconds_or_until_a_batch_is_full() {
    let mut outbox = Outbox::default();
    outbox.push(Kind::Event, event("a"), false, 0);
    outbox.push(Kind::Event, event("b"), false, 1_500);
    assert_eq!(take(&mut outbox, false, BATCH_DELAY_MS - 1), None);
    assert_eq!(labels(&take(&mut outbox, false, BATCH_DELAY_MS).expect("due")), ["a", "b"]);
    for _ in 0..FULL_BATCH_EVENTS {
        outbox.push(Kind::Event, event("c"), false, 9_000);
    }
    assert_eq!(take(&mut outbox, false, 9_000).expect("a full batch").events.len(), FULL_BATCH_EVENTS);
    outbox.push(Kind::Event, event("d"), true, 9_001);
    assert_eq!(labels(&take(&mut outbox, false, 9_001).expect("urgent")), ["d"]);
}

#[test]
fn a_resend_repeats_the_events_under_the_same_number_and_counts_the_attempt() {
    let mut outbox = Outbox::default();
    outbox.push(Kind::PageView, event("a"), false, 0);
    let first = take(&mut outbox, false, 0).expect("due");
    outbox.answered(0, RETRY, 10, 255);
    assert_eq!((outbox.due(), take(&mut outbox, false, 1_009)), (Some(1_010), None));
    let second = take(&mut outbox, false, 1_010).expect("due again");
    assert_eq!((second.sequence, second.attempt, &second.events), (0, 1, &first.events));
    outbox.answered(0, DONE, 1_020, 0);
    assert_eq!((outbox.due(), take(&mut outbox, true, 1_020)), (None, None));
}

#[test]
fn an_edge_in_trouble_gets_one_batch_at_a_time_and_then_the_rest() {
    let mut outbox = Outbox::default();
    for (at, label) in ["a", "b", "c"].into_iter().enumerate() {
        outbox.push(Kind::PageView, event(label), false, at as u64);
        take(&mut outbox, false, at as u64).expect("a healthy edge gets each at once");
    }
    for sequence in [2, 0, 1] {
        outbox.answered(sequence, RETRY, 10, 0);
    }
    outbox.push(Kind::PageView, event("d"), false, 11);
    let due = outbox.due().expect("later");
    assert!(due > 11);
    assert_eq!(labels(&take(&mut outbox, false, due).expect("the oldest first")), ["a"]);
    assert_eq!((outbox.due(), take(&mut outbox, false, due)), (None, None), "it must be answered first");
    outbox.answered(0, DONE, due, 0);
    for (sequence, label) in [(1, "b"), (2, "c"), (3, "d")] {
        let batch = take(&mut outbox, false, due).expect("no reason to wait any more");
        assert_eq!((batch.sequence, labels(&batch)), (sequence, vec![label]));
        outbox.answered(sequence, DONE, due, 0);
    }
}

#[test]
fn what_the_server_asked_for_is_waited_for() {
    let mut outbox = Outbox::default();
    outbox.push(Kind::PageView, event("a"), false, 0);
    take(&mut outbox, false, 0);
    outbox.answered(0, Outcome::Retry { after_s: 30 }, 0, 0);
    assert_eq!(outbox.due(), Some(30_000));
    outbox.push(Kind::PageView, event("b"), false, 1);
    assert_eq!(outbox.due(), Some(30_000));
}

#[test]
fn a_page_that_is_left_sends_everything_that_is_not_in_flight() {
    let mut outbox = Outbox::default();
    outbox.push(Kind::PageView, event("failed"), false, 0);
    take(&mut outbox, false, 0);
    outbox.push(Kind::PageView, event("in_flight"), false, 1);
    take(&mut outbox, false, 1);
    outbox.answered(0, Outcome::Retry { after_s: 60 }, 2, 0);
    outbox.push(Kind::Engagement, event("pending"), true, 3);
    assert_eq!(labels(&take(&mut outbox, true, 3).expect("failed before")), ["failed"]);
    assert_eq!(labels(&take(&mut outbox, true, 3).expect("pending")), ["pending"]);
    assert_eq!(take(&mut outbox, true, 3), None);
    outbox.handed_over(0);
    outbox.handed_over(2);
    outbox.answered(1, RETRY, 4, 0);
    assert_eq!(labels(&take(&mut outbox, true, 5).expect("came back")), ["in_flight"]);
}

#[test]
fn a_closed_batch_is_sent_alone_and_with_its_own_visitor_info() {
    let mut outbox = Outbox::default();
    outbox.push(Kind::Event, event("before"), false, 0);
    outbox.close_batch(VisitorInfo { consent: Consent::Denied, visitor: None });
    outbox.push(Kind::PageView, event("after"), false, 1);
    let batch = take(&mut outbox, false, 1).expect("closed");
    assert_eq!((labels(&batch), batch.consent()), (vec!["before"], Consent::Denied));
    let batch = take(&mut outbox, false, 1).expect("pending");
    assert_eq!((labels(&batch), batch.consent()), (vec!["after"], Consent::Unspecified));
}

#[test]
fn a_full_outbox_drops_engagement_first_and_page_views_last_and_says_how_many() {
    let mut outbox = Outbox::default();
    outbox.push(Kind::PageView, event("view"), false, 0);
    take(&mut outbox, false, 0);
    outbox.answered(0, RETRY, 0, 0);
    outbox.push(Kind::Engagement, event("old engagement"), false, 0);
    outbox.push(Kind::Engagement, event("engagement"), false, 0);
    for index in 3..MAX_EVENTS {
        outbox.push(Kind::Event, event(&format!("event {index}")), false, 0);
    }
    outbox.push(Kind::PageView, event("new view"), false, 0);
    outbox.push(Kind::PageView, event("newer view"), false, 0);
    outbox.push(Kind::PageView, event("newest view"), false, 0);
    assert_eq!(labels(&take(&mut outbox, true, 0).expect("failed before")), ["view"]);
    let batch = take(&mut outbox, true, 0).expect("pending");
    assert_eq!(batch.dropped, 3);
    assert_eq!(labels(&batch)[0], "event 4");
    assert_eq!(labels(&batch)[batch.events.len() - 1], "newest view");
    assert_eq!(batch.events.len(), MAX_EVENTS - 1);
}

#[test]
fn the_count_of_a_batch_that_was_dropped_whole_is_sent_with_another() {
    let mut outbox = Outbox::default();
    let long = "x".repeat(MAX_BYTES / 2);
    let long = || {
        let mut event = Message::default();
        event.text(crate::message::event::PAGE_URL, &long, MAX_BYTES);
        event
    };
    for sequence in 0..5 {
        outbox.push(Kind::Event, long(), true, 0);
        take(&mut outbox, true, 0);
        outbox.answered(sequence, RETRY, 0, 0);
    }
    outbox.push(Kind::Event, event("last"), true, 0);
    let (mut held, mut dropped) = (0, 0);
    while let Some(batch) = take(&mut outbox, true, 0) {
        held += batch.events.len() as u32;
        dropped += batch.dropped;
    }
    assert_eq!(held + dropped, 6);
}

#[derive(Debug, Clone)]
enum Step {
    Push(Kind, usize),
    Take(bool),
    Answer(usize, bool),
    HandOver(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let kind = prop_oneof![Just(Kind::Engagement), Just(Kind::Event), Just(Kind::PageView)];
    let step = prop_oneof![
        4 => (kind, 0_usize..20_000).prop_map(|(kind, size)| Step::Push(kind, size)),
        2 => any::<bool>().prop_map(Step::Take),
        2 => (0_usize..4, any::<bool>()).prop_map(|(which, good)| Step::Answer(which, good)),
        1 => (0_usize..4).prop_map(Step::HandOver),
    ];
    prop::collection::vec(step, 0..120)
}

proptest! {
    #[test]
    fn whatever_happens_the_bounds_hold_and_every_event_is_sent_or_counted(steps in steps()) {
        let (mut outbox, mut now, mut pushed) = (Outbox::default(), 0, 0);
        let mut in_flight: Vec<BeaconBatch> = Vec::new();
        let (mut settled, mut dropped) = (0, 0);
        for step in steps {
            now += 400;
            match step {
                Step::Push(kind, size) => {
                    let mut event = Message::default();
                    event.text(crate::message::event::PAGE_URL, &"x".repeat(size), MAX_BYTES);
                    outbox.push(kind, event, false, now);
                    pushed += 1;
                }
                Step::Take(leaving) => in_flight.extend(take(&mut outbox, leaving, now)),
                Step::Answer(which, good) if which < in_flight.len() => {
                    let batch = in_flight.remove(which);
                    outbox.answered(batch.sequence, if good { DONE } else { RETRY }, now, 7);
                    if good {
                        settled += batch.events.len();
                        dropped += batch.dropped;
                    }
                }
                Step::HandOver(which) if which < in_flight.len() => {
                    let batch = in_flight.remove(which);
                    outbox.handed_over(batch.sequence);
                    settled += batch.events.len();
                    dropped += batch.dropped;
                }
                _ => {}
            }
            prop_assert!(!outbox.is_full());
        }
        while let Some(batch) = take(&mut outbox, true, now) {
            in_flight.push(batch);
        }
        for batch in in_flight {
            settled += batch.events.len();
            dropped += batch.dropped;
        }
        prop_assert_eq!(settled + dropped as usize + outbox.dropped as usize, pushed);
    }
}
