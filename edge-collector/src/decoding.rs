//! Where heavy bodies are decompressed and decoded: on a few threads beside those that serve connections, whose other requests go on
//! meanwhile. Bounded: who comes when all are busy and as many wait as may is told to come again. Knows no body.

use std::num::NonZero;
use std::sync::Arc;
use std::thread::available_parallelism;

use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

/// Bodies that may wait for a thread: each takes some milliseconds at most.
const WAITING: usize = 32;

/// The threads, shared by all workers.
#[derive(Debug)]
pub struct Decoding {
    /// For those that wait and those that run.
    places: Arc<Semaphore>,
    threads: Arc<Semaphore>,
}

impl Default for Decoding {
    /// Half of the processors, so that the other half is left for requests.
    fn default() -> Self {
        Self::new((available_parallelism().map_or(1, NonZero::get) / 2).max(1), WAITING)
    }
}

impl Decoding {
    /// So many at once, while so many more wait.
    #[must_use]
    pub fn new(threads: usize, waiting: usize) -> Self {
        let places = Arc::new(Semaphore::new(threads + waiting));
        Self { places, threads: Arc::new(Semaphore::new(threads)) }
    }

    /// What `work` answers. Once it has begun it ends, and keeps its thread until then, though its request be gone.
    ///
    /// # Errors
    /// [`DecodingError`].
    pub async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, DecodingError> {
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| DecodingError::Full)?;
        let thread = Arc::clone(&self.threads).acquire_owned().await.expect("never closed");
        let done = spawn_blocking(move || {
            let done = work();
            drop((place, thread));
            done
        });
        done.await.map_err(|_| DecodingError::Broken)
    }
}

/// Why a body was not decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecodingError {
    /// All threads are busy, and enough bodies wait. Transient.
    #[error("too many large bodies are being decoded")]
    Full,
    /// A defect: decoding it panicked. Permanent.
    #[error("the body could not be decoded")]
    Broken,
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;
    use tokio::task::JoinSet;

    #[tokio::test]
    async fn no_more_run_than_there_are_threads_and_no_more_wait_than_may() {
        let decoding = Arc::new(Decoding::new(2, 3));
        let (begun, begins) = mpsc::channel();
        let mut gates = Vec::new();
        let mut running = JoinSet::new();
        for number in 0..5 {
            let (gate, opened) = mpsc::channel::<()>();
            gates.push(gate);
            let (decoding, begun) = (Arc::clone(&decoding), begun.clone());
            running.spawn(async move {
                decoding
                    .run(move || {
                        begun.send(number).expect("counted");
                        opened.recv().expect_err("closed");
                    })
                    .await
            });
            tokio::task::yield_now().await;
        }
        let begun = spawn_blocking(move || {
            begins.recv().expect("one");
            begins.recv().expect("two");
            begins
        });
        let begins = begun.await.expect("two begin");
        assert!(begins.try_recv().is_err(), "and no third");
        assert_eq!(decoding.run(|| ()).await, Err(DecodingError::Full));
        drop(gates);
        while let Some(ended) = running.join_next().await {
            assert_eq!(ended.expect("no panic"), Ok(()));
        }
        assert_eq!(decoding.run(|| 7).await, Ok(7));
    }

    #[tokio::test]
    async fn a_request_that_is_gone_keeps_its_thread_until_its_work_has_ended() {
        let decoding = Arc::new(Decoding::new(1, 0));
        let (gate, opened) = mpsc::channel::<()>();
        let (begun, begins) = tokio::sync::oneshot::channel();
        let gone = {
            let decoding = Arc::clone(&decoding);
            tokio::spawn(async move {
                decoding
                    .run(move || {
                        begun.send(()).expect("awaited");
                        opened.recv().expect_err("closed");
                    })
                    .await
            })
        };
        begins.await.expect("it runs");
        gone.abort();
        assert!(gone.await.expect_err("aborted").is_cancelled());
        assert_eq!(decoding.run(|| ()).await, Err(DecodingError::Full));
        drop(gate);
        while decoding.run(|| ()).await.is_err() {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn a_defect_costs_its_body_and_no_thread() {
        let decoding = Decoding::new(1, 0);
        assert_eq!(
            decoding.run(|| panic!("a defect, on purpose")).await,
            Err::<(), _>(DecodingError::Broken)
        );
        assert_eq!(decoding.run(|| 7).await, Ok(7));
    }
}
