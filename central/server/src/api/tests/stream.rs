//! The live view as a stream: what is pushed, how soon, how often, and how it ends.

use std::time::Instant;

use tokio::time::timeout;

use super::*;

/// Shortest time between two messages, milliseconds: a little below the pace, for clocks that differ.
const LEAST_MS: u128 = 240;

/// The messages of a stream of server-sent events, each with its JSON.
struct Messages {
    answer: Response,
    unread: String,
}

impl Messages {
    async fn next(&mut self) -> Option<Value> {
        loop {
            if let Some((message, rest)) = self.unread.split_once("\n\n") {
                let data = message.lines().find_map(|line| line.strip_prefix("data: ")).map(str::to_owned);
                self.unread = rest.to_owned();
                if let Some(data) = data {
                    return Some(serde_json::from_str(&data).unwrap());
                }
                continue;
            }
            self.unread.push_str(std::str::from_utf8(&self.answer.chunk().await.unwrap()?).unwrap());
        }
    }

    async fn within_a_second(&mut self) -> Value {
        timeout(Duration::from_secs(1), self.next())
            .await
            .expect("a message within a second")
            .expect("an open stream")
    }
}

async fn stream(request: RequestBuilder) -> Messages {
    let answer = request.send().await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["content-type"], "text/event-stream");
    Messages { answer, unread: String::new() }
}

#[tokio::test]
async fn a_stream_says_what_is_there_and_pushes_a_visit_within_a_second() {
    let face = face().await;
    let mut messages = stream(face.ask("/api/v1/sites/FF-DEMO-1/realtime/stream")).await;
    assert_eq!(messages.within_a_second().await["pageviews"], 0);
    for (position, page) in [(1, "/a"), (2, "/b")] {
        face.visit(position, page);
        assert_eq!(messages.within_a_second().await["pageviews"], position);
    }
}

#[tokio::test]
async fn accept_turns_the_live_view_into_a_stream() {
    let face = face().await;
    let asked =
        face.ask("/api/v1/sites/FF-DEMO-1/realtime").header("accept", "text/html, Text/Event-Stream;q=0.9");
    assert_eq!(stream(asked).await.within_a_second().await["visitors_now"], 0);
}

#[tokio::test]
async fn a_burst_is_pushed_at_most_four_times_a_second_and_wholly() {
    let face = face().await;
    let mut messages = stream(face.ask("/api/v1/sites/FF-DEMO-1/realtime/stream")).await;
    messages.within_a_second().await;
    let began = Instant::now();
    for position in 1..=60 {
        face.visit(position, "/");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let mut pushed = 1;
    while messages.within_a_second().await["pageviews"] != 60 {
        pushed += 1;
    }
    let most = began.elapsed().as_millis() / LEAST_MS + 1;
    assert!(pushed <= most, "{pushed} messages in {:?}", began.elapsed());
}

#[tokio::test]
async fn shutdown_ends_streams_and_returns() {
    let face = face().await;
    let mut messages = stream(face.ask("/api/v1/sites/FF-DEMO-1/realtime/stream")).await;
    messages.within_a_second().await;
    face.shutdown.cancel();
    assert_eq!(timeout(Duration::from_secs(1), messages.next()).await.expect("it ends at once"), None);
    timeout(Duration::from_secs(2), face.serving).await.expect("serving ends").unwrap().unwrap();
}
