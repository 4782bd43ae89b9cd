//! Lets connections in as far as there are places. Decides nothing that `places` can decide.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::places::{Answer, Limits, Origin, Places, Taken};

/// The places of one endpoint; clones share them.
#[derive(Clone, Debug)]
pub(super) struct Admission(Arc<Mutex<Places>>);

/// A connection's place, until it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    admission: Admission,
    taken: Taken,
}

impl Admission {
    pub(super) fn new(limits: Limits) -> Self {
        Self(Arc::new(Mutex::new(Places::new(limits))))
    }

    /// A place for somebody from there, or why there is none.
    pub(super) fn enter(&self, address: IpAddr, proven: bool) -> Result<Place, Answer> {
        let (origin, now) = (Origin::of(address), Instant::now());
        let mut places = self.places();
        match places.ask(origin, proven, now) {
            Answer::Welcome => Ok(Place { admission: self.clone(), taken: places.take(origin, now) }),
            refused => Err(refused),
        }
    }

    fn places(&self) -> MutexGuard<'_, Places> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// The edge has greeted: says whether there is a place for it among the edges.
    pub(super) fn greet(&mut self) -> bool {
        let Self { admission, taken } = self;
        admission.places().greet(taken, Instant::now())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.admission.places().leave(self.taken);
    }
}
