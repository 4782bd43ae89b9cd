//! The queue of what is to be sent: pending events, batches to retry, batches in flight. Bounded; takes the time as an argument; sends
//! nothing itself.
//!
//! When it is full the oldest report of engagement is dropped first, then the oldest event, then the oldest page view; what is in flight
//! stays. The next batch says how many were dropped.

use alloc::vec::Vec;

use footfall_proto::{beacon::Consent, limits::BEACON_QUOTA_BYTES};

use crate::{
    message::{Message, batch},
    retry::{Outcome, wait_ms},
    visitor::{Visitor, hex},
};

/// How long an event that is no page view waits for others, milliseconds.
const BATCH_DELAY_MS: u64 = 2_000;
/// So many pending events are sent at once.
const FULL_BATCH_EVENTS: usize = 20;
/// So many pending bytes are sent at once.
const FULL_BATCH_BYTES: usize = 8 * 1024;
/// Most events held, those in flight included.
pub const MAX_EVENTS: usize = 200;
/// Most bytes of events held: `sendBeacon` takes all of it from a page that is being closed, headers included.
pub const MAX_BYTES: usize = BEACON_QUOTA_BYTES - 12 * 1024;

/// Kinds of events, in the order in which a full outbox drops them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Time and depth of a page view.
    Engagement,
    /// An event of the site's own.
    Event,
    /// A page view, which is sent at once.
    PageView,
}

/// Consent and ids of the visitor whom a batch comes from.
#[derive(Debug)]
pub struct VisitorInfo {
    /// What the visitor allowed.
    pub consent: Consent,
    /// The ids, where the browser keeps them.
    pub visitor: Option<Visitor>,
}

/// A batch to be sent now.
#[derive(Debug, PartialEq, Eq)]
pub struct OutgoingBatch {
    /// Names the batch when its answer comes.
    pub sequence: u32,
    /// The encoded `BeaconBatch`.
    pub body: Vec<u8>,
}

#[derive(Debug)]
struct Item {
    kind: Kind,
    bytes: Vec<u8>,
}

#[derive(Debug)]
struct Batch {
    sequence: u32,
    attempt: u32,
    dropped: u32,
    visitor_info: VisitorInfo,
    events: Vec<Item>,
    in_flight: bool,
}

/// See the module. Times are milliseconds of a clock that never goes back.
#[derive(Debug)]
pub struct Outbox {
    pending: Vec<Item>,
    pending_due: u64,
    /// By sequence number. While one of them waits for its retry, only one at a time is sent.
    batches: Vec<Batch>,
    retry_at: u64,
    failures: u32,
    next_sequence: u32,
    dropped: u32,
}

impl Default for Outbox {
    fn default() -> Self {
        Self {
            pending: Vec::new(),
            pending_due: u64::MAX,
            batches: Vec::new(),
            retry_at: 0,
            failures: 0,
            next_sequence: 0,
            dropped: 0,
        }
    }
}

impl Outbox {
    /// Adds an event. Page views, full batches and what is `urgent` are due at once.
    pub fn push(&mut self, kind: Kind, event: Message, urgent: bool, now: u64) {
        self.pending.push(Item { kind, bytes: event.0 });
        while self.is_full() && self.drop_one() {}
        let dropped = &mut self.dropped;
        self.batches.retain(|batch| {
            let empty = batch.events.is_empty();
            *dropped += if empty { batch.dropped } else { 0 };
            !empty
        });
        let full = self.pending.len() >= FULL_BATCH_EVENTS || size(&self.pending) >= FULL_BATCH_BYTES;
        let at = if urgent || full || kind == Kind::PageView { now } else { now + BATCH_DELAY_MS };
        self.pending_due = self.pending_due.min(at);
    }

    /// Makes a batch of the pending events, to be sent with this visitor info; later events go into later batches.
    pub fn close_batch(&mut self, visitor_info: VisitorInfo) {
        if !self.pending.is_empty() {
            self.batches.push(Batch {
                sequence: self.next_sequence,
                attempt: 0,
                dropped: core::mem::take(&mut self.dropped),
                visitor_info,
                events: core::mem::take(&mut self.pending),
                in_flight: false,
            });
            self.pending_due = u64::MAX;
            self.next_sequence += 1;
        }
    }

    /// When [`Outbox::take`] would next have something, as far as that is known now; never before 0.
    #[must_use]
    pub fn due(&self) -> Option<u64> {
        if self.waiting().is_some() {
            if self.batches.iter().any(|batch| batch.in_flight) { None } else { Some(self.retry_at) }
        } else if self.pending.is_empty() {
            None
        } else {
            Some(self.pending_due.max(self.retry_at))
        }
    }

    /// Takes the next batch that is due; with `leaving` any batch, since there may be no later. Until it is answered or
    /// handed over it is in flight. `visitor_info` is asked once for each new batch, and told whether the visitor was active in it.
    /// `header` holds the fields that all batches share.
    pub fn take(
        &mut self,
        header: &Message,
        leaving: bool,
        now: u64,
        unix_ms: u64,
        visitor_info: impl FnOnce(bool) -> VisitorInfo,
    ) -> Option<OutgoingBatch> {
        if !leaving && self.due().is_none_or(|due| due > now) {
            return None;
        }
        if self.waiting().is_none() && !self.pending.is_empty() {
            let active = self.pending.iter().any(|item| item.kind != Kind::Engagement);
            self.close_batch(visitor_info(active));
        }
        let batch = self.batches.iter_mut().find(|batch| !batch.in_flight)?;
        batch.in_flight = true;
        Some(OutgoingBatch { sequence: batch.sequence, body: batch.encode(header, unix_ms) })
    }

    /// `sendBeacon` took the batch; there will be no answer.
    pub fn handed_over(&mut self, sequence: u32) {
        self.batches.retain(|batch| batch.sequence != sequence);
    }

    /// The batch was answered, or could not be sent. `random` spreads the next try.
    pub fn answered(&mut self, sequence: u32, outcome: Outcome, now: u64, random: u8) {
        match outcome {
            Outcome::Done => {
                self.failures = 0;
                self.handed_over(sequence);
            }
            Outcome::Retry { after_s } => {
                self.failures += 1;
                self.retry_at = self.retry_at.max(now + wait_ms(self.failures, after_s, random));
                for batch in &mut self.batches {
                    if batch.sequence == sequence {
                        batch.attempt += 1;
                        batch.in_flight = false;
                    }
                }
            }
        }
    }

    /// Takes the visitor's ids out of what may be sent again.
    pub fn forget_visitor(&mut self) {
        for batch in &mut self.batches {
            batch.visitor_info = VisitorInfo { consent: Consent::Denied, visitor: None };
        }
    }

    /// The oldest batch that is not in flight.
    fn waiting(&self) -> Option<&Batch> {
        self.batches.iter().find(|batch| !batch.in_flight)
    }

    fn is_full(&self) -> bool {
        let (mut count, mut bytes) = (self.pending.len(), size(&self.pending));
        for batch in &self.batches {
            count += batch.events.len();
            bytes += size(&batch.events);
        }
        count > MAX_EVENTS || bytes > MAX_BYTES
    }

    /// Drops the oldest event of the first kind that there is; `false` when everything is in flight.
    fn drop_one(&mut self) -> bool {
        for kind in [Kind::Engagement, Kind::Event, Kind::PageView] {
            let waiting =
                self.batches.iter_mut().filter(|batch| !batch.in_flight).map(|batch| &mut batch.events);
            for events in waiting.chain([&mut self.pending]) {
                if drop_first(events, kind) {
                    self.dropped += 1;
                    return true;
                }
            }
        }
        false
    }
}

impl Batch {
    fn encode(&self, header: &Message, unix_ms: u64) -> Vec<u8> {
        let mut body = header.clone();
        body.count(batch::SEQUENCE, u64::from(self.sequence));
        body.count(batch::ATTEMPT, u64::from(self.attempt));
        body.count(batch::SENT_AT_MS, unix_ms);
        body.count(batch::CONSENT, self.visitor_info.consent as u64);
        if let Some(visitor) = &self.visitor_info.visitor {
            body.bytes(batch::USER_ID, hex(&visitor.user_id).as_bytes());
            body.bytes(batch::SESSION_ID, hex(&visitor.session_id).as_bytes());
        }
        body.count(batch::DROPPED, u64::from(self.dropped));
        for event in &self.events {
            body.bytes(batch::EVENTS, &event.bytes);
        }
        body.0
    }
}

/// Drops the oldest item of a kind, if there is one.
fn drop_first(items: &mut Vec<Item>, kind: Kind) -> bool {
    let count = items.len();
    let mut found = false;
    items.retain(|item| {
        let first = !found && item.kind == kind;
        found |= first;
        !first
    });
    items.len() < count
}

fn size(items: &[Item]) -> usize {
    items.iter().map(|item| item.bytes.len()).sum()
}

#[cfg(test)]
mod tests;
