//! Waiting for something to become true, with a deadline.

use std::future::Future;
use std::time::{Duration, Instant};

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(20);
/// Enough for whatever a busy machine does.
const LONG: Duration = Duration::from_mins(1);

/// Looks again and again until `look` finds something. Panics with `what` once it has taken longer than `within`.
pub async fn until<T, F: Future<Output = Option<T>>>(
    what: &str,
    within: Duration,
    mut look: impl FnMut() -> F,
) -> T {
    let deadline = Instant::now() + within;
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(Instant::now() < deadline, "waited {within:?} in vain until {what}");
        tokio::time::sleep(PAUSE).await;
    }
}

/// Asks again and again until `holds` says so. Panics with `what` after a minute.
pub async fn eventually(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + LONG;
    while !holds().await {
        assert!(Instant::now() < deadline, "waited {LONG:?} in vain until {what}");
        tokio::time::sleep(PAUSE).await;
    }
}
