//! The live view forgets what is over, so that quiet websites cost nothing. Each central does it for what it holds in memory; Redis
//! forgets by itself.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use footfall_live::Live;

use super::{Job, Lease};

/// How often.
const PERIOD: Duration = Duration::from_mins(1);

/// The job, for this view.
pub fn job(live: Live) -> Job {
    Job::new("live_expiry", PERIOD, Lease::None, move |_| {
        live.expire(now_ms());
        std::future::ready(Ok(()))
    })
}

/// Milliseconds since 1970.
fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use footfall_live::{LiveEvent, Options, SourcePartition};

    #[tokio::test]
    async fn what_no_page_shows_any_more_is_forgotten() {
        let live = Live::open(Options::Memory);
        let source = SourcePartition { incarnation: [1; 16], partition: 0 };
        // In 1970.
        let event =
            LiveEvent { website_id: "site", at_ms: 90_000, user_id: "someone", ..LiveEvent::default() };
        live.writer(source).apply(1, &[event], 90_000).await.expect("counted");
        let shown = async |website_id| live.snapshot(website_id, 100_000).await.expect("an answer");
        assert_ne!(shown("site").await, shown("another").await);
        (job(live.clone()).function)(None).await.expect("done");
        assert_eq!(shown("site").await, shown("another").await);
    }
}
