//! Batches that were sent to central and are not acknowledged yet. Pure and bounded; central's acks move it on.

use std::collections::VecDeque;

use footfall_journal::Epoch;

use super::batch::Run;

/// Batches in flight at most.
pub const MAX_BATCHES: usize = 64;
/// Bytes in flight at most, before compression; a single larger batch is sent alone.
pub const MAX_BYTES: usize = 16 << 20;

/// Batches in flight, oldest first.
#[derive(Debug)]
pub struct InFlight {
    batches: VecDeque<SentBatch>,
    bytes: usize,
    acknowledged: u64,
}

#[derive(Debug)]
struct SentBatch {
    epoch: Epoch,
    first: u64,
    next: u64,
    resume: u64,
    bytes: usize,
}

impl InFlight {
    /// Nothing is in flight; central has everything below `acknowledged`.
    #[must_use]
    pub fn new(acknowledged: u64) -> Self {
        Self { batches: VecDeque::new(), bytes: 0, acknowledged }
    }

    /// Whether another batch may leave.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.batches.is_empty() || (self.batches.len() < MAX_BATCHES && self.bytes < MAX_BYTES)
    }

    /// Central has everything below.
    #[must_use]
    pub fn acknowledged(&self) -> u64 {
        self.acknowledged
    }

    /// Whether everything sent is acknowledged.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.batches.is_empty()
    }

    /// Notes a batch that leaves now. Batches leave in journal order.
    pub fn send(&mut self, run: &Run) {
        let bytes = run.records.iter().map(bytes::Bytes::len).sum();
        self.bytes += bytes;
        self.batches.push_back(SentBatch {
            epoch: run.epoch,
            first: run.first,
            next: run.next(),
            resume: run.resume,
            bytes,
        });
    }

    /// Takes an ack: everything of `epoch` below `next` that was sent is in central's log. Gives the offset below
    /// which the journal may be released. Acks are cumulative; an old one changes nothing.
    ///
    /// # Errors
    /// [`AckError`] when central acknowledges what was not sent: the connection is not to be trusted any more.
    pub fn acknowledge(&mut self, epoch: Epoch, next: u64) -> Result<u64, AckError> {
        if next <= self.acknowledged {
            return Ok(self.acknowledged);
        }
        let sent = |batch: &SentBatch| batch.epoch == epoch && batch.first < next;
        if !self.batches.front().is_some_and(sent) {
            return Err(AckError { next });
        }
        while let Some(front) = self.batches.front().filter(|front| sent(front)) {
            if front.next > next {
                self.acknowledged = next;
                return Ok(next);
            }
            self.acknowledged = front.resume;
            self.bytes -= front.bytes;
            let beyond = next > front.next;
            self.batches.pop_front();
            if beyond && !self.batches.front().is_some_and(sent) {
                return Err(AckError { next });
            }
        }
        Ok(self.acknowledged)
    }
}

/// Central acknowledged records that were not sent. The connection is given up; nothing is released for it.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("central acknowledged records below {next}, which were not sent")]
pub struct AckError {
    next: u64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn run(epoch: u8, first: u64, count: usize, resume: u64) -> Run {
        Run { epoch: Epoch([epoch; 16]), first, records: vec![vec![0; 100].into(); count], resume }
    }

    #[test]
    fn acks_release_up_to_themselves_and_past_holes() {
        let mut in_flight = InFlight::new(10);
        in_flight.send(&run(1, 10, 5, 20));
        in_flight.send(&run(1, 20, 5, 25));
        in_flight.send(&run(2, 25, 5, 30));
        let one = Epoch([1; 16]);
        assert_eq!(in_flight.acknowledge(one, 12), Ok(12));
        assert_eq!(in_flight.acknowledge(one, 15), Ok(20));
        assert_eq!(in_flight.acknowledge(one, 15), Ok(20));
        assert_eq!(in_flight.acknowledge(one, 25), Ok(25));
        assert_eq!(in_flight.acknowledge(Epoch([2; 16]), 30), Ok(30));
        assert!(in_flight.is_empty());
    }

    #[test]
    fn an_ack_for_what_was_not_sent_is_an_error() {
        let mut in_flight = InFlight::new(10);
        assert!(in_flight.acknowledge(Epoch([1; 16]), 11).is_err());
        in_flight.send(&run(1, 10, 5, 15));
        assert!(in_flight.acknowledge(Epoch([2; 16]), 12).is_err());
        assert!(in_flight.acknowledge(Epoch([1; 16]), 16).is_err());
    }

    proptest! {
        #[test]
        fn never_releases_what_is_not_acknowledged_and_never_goes_back(
            steps in prop::collection::vec((any::<bool>(), 1_usize..50, 0_u64..3, 0_u8..2, 0_u64..400), 1..200),
        ) {
            let mut in_flight = InFlight::new(0);
            let (mut end, mut epoch, mut released) = (0_u64, 0_u8, 0_u64);
            // Model: what was sent, as (epoch, first, next).
            let mut sent: Vec<(u8, u64, u64)> = Vec::new();
            for (send, count, hole, turn, pick) in steps {
                if send {
                    if !in_flight.has_room() { continue; }
                    epoch += turn;
                    let next = end + count as u64;
                    in_flight.send(&run(epoch, end, count, next + hole));
                    sent.push((epoch, end, next));
                    end = next + hole;
                } else if let Some(batch) = sent.get(pick as usize % sent.len().max(1)) {
                    // An honest ack, in order or repeated, for all or a part of a batch.
                    let next = batch.1 + 1 + pick % (batch.2 - batch.1);
                    let reachable = sent.iter().filter(|b| b.1 < batch.1 && b.2 > released).all(|b| b.0 == batch.0);
                    let answer = in_flight.acknowledge(Epoch([batch.0; 16]), next);
                    if reachable && next > released {
                        let below = answer.expect("honest");
                        prop_assert!(below >= next && sent.iter().all(|b| b.1 >= next || b.2.min(next) <= below));
                        // Beyond the ack itself only a hole may be released, never a record.
                        prop_assert!(sent.iter().all(|b| b.2 <= next || b.1.max(next) >= below));
                        released = below;
                    } else if let Ok(below) = answer {
                        prop_assert!(below >= released);
                        released = below;
                    }
                }
                prop_assert!(in_flight.batches.len() <= MAX_BATCHES);
                prop_assert_eq!(in_flight.bytes, in_flight.batches.iter().map(|batch| batch.bytes).sum::<usize>());
            }
        }
    }
}
