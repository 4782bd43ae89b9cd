//! What the bodies of callers without the password hold together, charged as their bytes come.

use crate::engine::{Exception, code};
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// One body's share, given back when dropped.
#[derive(Debug)]
pub struct Charge {
    /// One permit a KiB.
    shared: Option<Arc<Semaphore>>,
    held: Vec<OwnedSemaphorePermit>,
    paid: usize,
}

impl Charge {
    /// Of what all share; of nothing for who has the password.
    pub fn new(shared: Option<Arc<Semaphore>>) -> Self {
        Self { shared, held: Vec::new(), paid: 0 }
    }

    /// Charges a body of which so many bytes have come.
    pub fn grow_to(&mut self, bytes: usize) -> Result<(), Exception> {
        let kilobytes = bytes.div_ceil(1 << 10);
        let (Some(shared), Some(more @ 1..)) = (&self.shared, kilobytes.checked_sub(self.paid)) else {
            return Ok(());
        };
        let permits = u32::try_from(more).unwrap_or(u32::MAX);
        let permit = Arc::clone(shared).try_acquire_many_owned(permits).map_err(|_| {
            let message = "Too many simultaneous queries: too many bodies have been begun";
            Exception::new(code::TOO_MANY_SIMULTANEOUS_QUERIES, "TOO_MANY_SIMULTANEOUS_QUERIES", message)
        })?;
        self.held.push(permit);
        self.paid = kilobytes;
        Ok(())
    }
}

#[cfg(test)]
mod a_charge {
    use super::*;

    #[test]
    fn grows_with_its_body_and_is_given_back() {
        let shared = Arc::new(Semaphore::new(10));
        let mut one = Charge::new(Some(Arc::clone(&shared)));
        for bytes in [1, 1024, 1025, 6 << 10] {
            one.grow_to(bytes).expect("room");
        }
        assert_eq!(shared.available_permits(), 4);
        let mut two = Charge::new(Some(Arc::clone(&shared)));
        assert_eq!(two.grow_to(5 << 10).map_err(|exception| exception.code), Err(202));
        drop(one);
        two.grow_to(5 << 10).expect("room again");
        Charge::new(None).grow_to(usize::MAX).expect("not charged");
    }
}
