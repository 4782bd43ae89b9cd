//! Ends statements that still run on a server, known by the comment that they were sent with. Knows no table.

use std::time::{Duration, Instant};

use tokio::time::{sleep, timeout};

use super::error::StoreError;
use super::server::Server;

/// How long a question about them may take.
const QUESTION_TIMEOUT: Duration = Duration::from_secs(30);
/// How long to wait for killed statements to be gone.
const KILL_TIMEOUT: Duration = Duration::from_secs(30);
/// How often it is asked whether they are.
const POLL: Duration = Duration::from_millis(20);

/// Ends what was sent with this comment and waits until it is gone.
///
/// # Errors
/// [`StoreError`]; something may then still run.
pub(super) async fn end(server: &Server, comment: &str) -> Result<(), StoreError> {
    let deadline = Instant::now() + KILL_TIMEOUT;
    loop {
        let running = server.writer().query_raw(include_str!("sql/count_running_inserts.sql"));
        let running = running.param("comment", comment).fetch_all::<u64>();
        let running = timeout(QUESTION_TIMEOUT, running).await.map_err(|_| server.timed_out())?;
        match running.map_err(|error| server.error(error))?.first() {
            None | Some(0) => return Ok(()),
            Some(running) if Instant::now() > deadline => return Err(server.still_running(*running)),
            Some(_) => {}
        }
        let kill = server.writer().query_raw(include_str!("sql/kill_inserts.sql")).param("comment", comment);
        let killed = timeout(QUESTION_TIMEOUT, kill.execute()).await.map_err(|_| server.timed_out())?;
        killed.map_err(|error| server.error(error))?;
        sleep(POLL).await;
    }
}
