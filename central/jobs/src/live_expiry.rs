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
