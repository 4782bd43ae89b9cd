//! What an answer to a caller without the password may take: bytes, time, and a share of what all of them hold together.

use crate::engine::{Exception, code};
use crate::limits::{
    READER_PAUSE, READER_TIME, READERS_STREAMED_BYTES, READERS_WHOLE_BYTES, UNCHARGED_ANSWER_BYTES,
};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// One answer's bounds.
#[derive(Debug, Clone)]
pub struct Allowance {
    /// What whole answers hold together until they are read, one permit a KiB.
    shared: Arc<Semaphore>,
    /// The answer shall be over by then.
    until: Instant,
    /// The data folder: no exception says where it is.
    data: Arc<str>,
    sent: u64,
}

impl Allowance {
    /// Of an answer that begins now.
    pub fn new(shared: Arc<Semaphore>, data: Arc<str>) -> Self {
        Self { shared, until: Instant::now() + READER_TIME, data, sent: 0 }
    }

    /// How long a client may leave the next bytes unread.
    pub fn pause(&self) -> Duration {
        READER_PAUSE.min(self.until.saturating_duration_since(Instant::now()))
    }

    /// Charges bytes of a long answer, before they are encoded.
    pub fn charge(&mut self, bytes: usize) -> Result<(), Exception> {
        self.sent += bytes as u64;
        if self.sent <= READERS_STREAMED_BYTES { Ok(()) } else { Err(too_long(READERS_STREAMED_BYTES)) }
    }

    /// Refuses a whole answer that is too long.
    pub fn check_whole(bytes: usize) -> Result<(), Exception> {
        if bytes as u64 <= READERS_WHOLE_BYTES { Ok(()) } else { Err(too_long(READERS_WHOLE_BYTES)) }
    }

    /// Waits, on a thread of the pool, until a whole answer of this length may be held. A small one may at once.
    pub fn hold(&self, runtime: &Handle, bytes: usize) -> Result<Option<OwnedSemaphorePermit>, Exception> {
        if bytes <= UNCHARGED_ANSWER_BYTES {
            return Ok(None);
        }
        let kilobytes = u32::try_from(bytes.div_ceil(1 << 10)).unwrap_or(u32::MAX);
        let permit = Arc::clone(&self.shared).acquire_many_owned(kilobytes);
        match runtime.block_on(async { tokio::time::timeout(self.pause(), permit).await }) {
            Ok(Ok(permit)) => Ok(Some(permit)),
            _ => Err(Exception::new(
                code::TOO_MANY_SIMULTANEOUS_QUERIES,
                "TOO_MANY_SIMULTANEOUS_QUERIES",
                "Too many answers wait to be read",
            )),
        }
    }

    /// An exception that does not say where the data lies.
    pub fn conceal(&self, exception: Exception) -> Exception {
        if exception.text.contains(&*self.data) {
            Exception { text: exception.text.replace(&*self.data, "DATA"), ..exception }
        } else {
            exception
        }
    }
}

fn too_long(most: u64) -> Exception {
    let message = format!(
        "Limit for result exceeded: without the password an answer of this kind may be {} MiB long",
        most >> 20
    );
    Exception::new(code::TOO_MANY_ROWS_OR_BYTES, "TOO_MANY_ROWS_OR_BYTES", message)
}

#[cfg(test)]
mod an_allowance {
    use super::*;

    fn allowance(kilobytes: usize) -> Allowance {
        Allowance::new(Arc::new(Semaphore::new(kilobytes)), "/secret/data".into())
    }

    #[test]
    fn ends_at_its_last_byte() {
        let mut allowance = allowance(0);
        let half = READERS_STREAMED_BYTES as usize / 2;
        assert!(allowance.charge(half).is_ok() && allowance.charge(half).is_ok());
        assert_eq!(allowance.charge(1).map_err(|exception| exception.code), Err(396));
        assert!(Allowance::check_whole(READERS_WHOLE_BYTES as usize).is_ok());
        assert!(Allowance::check_whole(READERS_WHOLE_BYTES as usize + 1).is_err());
    }

    #[test]
    fn shares_what_unread_answers_hold() {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.expect("a runtime");
        let allowance = Allowance { until: Instant::now() + Duration::from_millis(50), ..allowance(200) };
        assert!(allowance.hold(runtime.handle(), UNCHARGED_ANSWER_BYTES).expect("small").is_none());
        let held = allowance.hold(runtime.handle(), 200 << 10).expect("room").expect("charged");
        assert_eq!(allowance.hold(runtime.handle(), 100 << 10).map_err(|e| e.code).err(), Some(202));
        drop(held);
        let again = Allowance { until: Instant::now() + Duration::from_secs(9), ..allowance };
        assert!(again.hold(runtime.handle(), 100 << 10).is_ok());
    }

    #[test]
    fn conceals_where_the_data_lies() {
        let exception = Exception::new(107, "FILE_DOESNT_EXIST", "Cannot open file /secret/data/nope");
        let told = allowance(0).conceal(exception).text;
        assert!(told.contains("DATA/nope") && !told.contains("secret"), "{told}");
    }
}
