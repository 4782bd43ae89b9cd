//! A website's live view as server-sent events: one message at once, one on each change (at most four a second), and one every
//! fifteen seconds, because visitors also leave without an event. Ends when central shuts down.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::time::{Instant, sleep_until};

use super::Shared;
use super::problem::Problem;
use super::website::{RequestedWebsite, WebsiteRealtime};
use footfall_metadata::Website;

/// Shortest time between two messages.
const PACE: Duration = Duration::from_millis(250);
/// Longest time between two messages.
const REFRESH: Duration = Duration::from_secs(15);
/// How long a browser waits before it connects again.
const RECONNECT: Duration = Duration::from_secs(2);

pub(super) async fn open(
    State(shared): State<Shared>,
    RequestedWebsite(website): RequestedWebsite,
) -> Result<Response, Problem> {
    of(website, &shared)
}

/// Starts a stream unless there are too many.
pub(super) fn of(website: Website, shared: &Shared) -> Result<Response, Problem> {
    let place = shared.stream_places.clone().try_acquire_owned();
    let place = place.map_err(|_| Problem::busy("too many live streams are open; try again"))?;
    let feed = Feed {
        changes: shared.state.live.subscribe(&website.website_id),
        website,
        shared: shared.clone(),
        sent: None,
        _place: place,
    };
    let messages = stream::unfold(feed, async |mut feed| {
        feed.next().await.map(|event| (Ok::<_, Infallible>(event), feed))
    });
    let mut response = Sse::new(messages).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

struct Feed {
    website: Website,
    changes: watch::Receiver<u64>,
    shared: Shared,
    /// When the last message was made.
    sent: Option<Instant>,
    _place: OwnedSemaphorePermit,
}

impl Feed {
    /// The next message; none once central shuts down or has forgotten the website (the browser then connects anew).
    async fn next(&mut self) -> Option<Event> {
        let shutdown = self.shared.shutdown.clone();
        tokio::select! {
            biased;
            () = shutdown.cancelled() => None,
            said = self.say() => said,
        }
    }

    /// Waits until there is something to say, and says it. While the live view cannot be read there is nothing.
    async fn say(&mut self) -> Option<Event> {
        let first = self.sent.is_none();
        loop {
            self.due().await?;
            self.changes.mark_unchanged();
            self.sent = Some(Instant::now());
            if let Ok(now) = WebsiteRealtime::of(&self.website, &self.shared).await {
                let event = if first { Event::default().retry(RECONNECT) } else { Event::default() };
                return Some(event.json_data(now).expect("the live view is plain data"));
            }
        }
    }

    /// Waits until there is something to say.
    async fn due(&mut self) -> Option<()> {
        let Some(sent) = self.sent else { return Some(()) };
        tokio::select! {
            changed = self.changes.changed() => changed.ok()?,
            () = sleep_until(sent + REFRESH) => {}
        }
        sleep_until(sent + PACE).await;
        Some(())
    }
}
