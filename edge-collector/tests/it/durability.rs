//! Repeats, restarts and a full journal: what was answered with success is there, once.

use footfall_proto::relay::Note;
use serde_json::{Map, json};

use crate::support::{RunningEdge, answer, body, config, folder, page_view};

fn duplicate(told: &serde_json::Value) -> bool {
    *told == json!({"accepted": 0, "dropped": [{"index": 0, "reason": "duplicate"}]})
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_event_is_stored_once_however_often_it_comes() {
    let dir = folder();
    let edge = RunningEdge::start(config(dir.path())).await;
    assert_eq!(edge.send(body(vec![page_view(1)])).await.0, 204);
    assert!(duplicate(&edge.send(body(vec![page_view(1)])).await.1));
    let (_, told) = edge.send(body(vec![page_view(2), page_view(2), page_view(1)])).await;
    assert_eq!(told["accepted"], 1);
    assert_eq!(told["dropped"].as_array().expect("list").len(), 2);
    let all_at_once = (0..20).map(|_| edge.send(body(vec![page_view(3)])));
    let answers = join_all(all_at_once).await;
    assert_eq!(answers.iter().filter(|(status, _)| *status == 204).count(), 1);
    assert_eq!(answers.iter().filter(|(_, told)| duplicate(told)).count(), 19);
    let stored: Vec<_> =
        edge.records().into_iter().flat_map(|record| record.events).map(|event| event.event_id[0]).collect();
    assert_eq!(stored, [1, 2, 3]);
    edge.stop().await;
}

async fn join_all<F: Future>(futures: impl Iterator<Item = F>) -> Vec<F::Output> {
    let mut pending: Vec<_> = futures.map(Box::pin).collect();
    let mut done: Vec<Option<F::Output>> = pending.iter().map(|_| None).collect();
    std::future::poll_fn(|context| {
        for (future, slot) in pending.iter_mut().zip(&mut done) {
            if slot.is_none()
                && let std::task::Poll::Ready(output) = future.as_mut().poll(context)
            {
                *slot = Some(output);
            }
        }
        if done.iter().all(Option::is_some) { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    done.into_iter().flatten().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_can_suppress_an_event_by_taking_its_id() {
    let dir = folder();
    let edge = RunningEdge::start(config(dir.path())).await;
    let mut other = page_view(1);
    other.page_title = "Something else".into();
    assert_eq!(edge.send(body(vec![other.clone()])).await.0, 204);
    assert_eq!(edge.send(body(vec![page_view(1)])).await.0, 204);
    let events: Vec<_> = edge.records().into_iter().flat_map(|record| record.events).collect();
    assert_eq!(events[0].note(), Note::None);
    assert_eq!(events[1].note(), Note::IdCollision);
    assert_ne!(events[0].event_id, events[1].event_id);
    edge.stop().await;

    let edge = RunningEdge::start(config(dir.path())).await;
    for event in [other, page_view(1)] {
        assert!(duplicate(&edge.send(body(vec![event])).await.1), "both are known after a restart");
    }
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_knows_its_events_its_sessions_and_its_visitors() {
    let dir = folder();
    let edge = RunningEdge::start(config(dir.path())).await;
    assert_eq!(edge.send(body(vec![page_view(1)])).await.0, 204);
    edge.stop().await;
    let edge = RunningEdge::start(config(dir.path())).await;
    assert!(duplicate(&edge.send(body(vec![page_view(1)])).await.1));
    assert_eq!(edge.send(body(vec![page_view(2)])).await.0, 204);
    let events: Vec<_> = edge.records().into_iter().flat_map(|record| record.events).collect();
    assert_eq!(events.len(), 2);
    assert_eq!(events[0].user_id, events[1].user_id);
    assert_eq!(events[0].session_id, events[1].session_id);
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_journal_asks_clients_to_come_back_and_loses_nothing_acknowledged() {
    let dir = folder();
    let mut small = config(dir.path());
    (small.journal.segment_bytes, small.journal.max_bytes) = (1 << 20, 8 << 20);
    let edge = RunningEdge::start(small.clone()).await;
    let mut accepted = 0_u64;
    // As large as an event can be whose texts keep their bounds.
    let dimensions: Map<_, _> = (1..=20).map(|slot| (slot.to_string(), "x".repeat(512).into())).collect();
    let event = json!({"event_type": "event", "custom_dimensions": dimensions, "page_title": "x".repeat(2048),
        "page_referrer": "x".repeat(2048)});
    let refused = loop {
        let document = json!({"tracking_id": "FF-1", "events": vec![&event; 10]});
        let response = edge.post(document.to_string()).send().await.expect("answered");
        match response.status().as_u16() {
            204 => accepted += 10,
            _ => break response,
        }
        assert!(accepted < 1_000, "it never filled");
    };
    assert_eq!(refused.status(), 503);
    assert!(refused.headers().contains_key("retry-after"));
    let lost_event = body(vec![page_view(1)]);
    let ready = edge.ask("/readyz").await.text().await.expect("text");
    assert!(ready.contains("the journal is full"), "{ready}");
    assert!(accepted > 200);
    assert_eq!(edge.records().iter().map(|record| record.events.len() as u64).sum::<u64>(), accepted);

    // Once there is room again, what was refused is no duplicate.
    let mut status = answer(edge.post(lost_event.clone())).await.0;
    if status == 503 {
        edge.edge.journal.release(edge.edge.journal.end());
        status = answer(edge.post(lost_event)).await.0;
    }
    assert_eq!(status, 204);
    edge.stop().await;
    let edge = RunningEdge::start(small).await;
    assert!(edge.send(body(vec![page_view(1)])).await.1["dropped"][0]["reason"] == "duplicate");
    edge.stop().await;
}
