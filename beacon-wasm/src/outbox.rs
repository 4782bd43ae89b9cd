//! What waits to be sent: fresh events, batches that must be tried again, batches in flight. Bounded; told the time; sends nothing.
//!
//! When it is full the oldest report of engagement goes first, then the oldest event, then the oldest page view; what is in
//! flight stays. The next batch says how many went.

use alloc::vec::Vec;

use footfall_proto::{beacon::Consent, limits::BEACON_QUOTA_BYTES};

use crate::{
    message::{Message, batch},
    retry::{Verdict, wait_ms},
    visitor::{Visitor, hex},
};

/// How long an event that is no page view waits for company, milliseconds.
const LINGER_MS: u64 = 2_000;
/// Fresh events that no longer wait.
const CROWD_EVENTS: usize = 20;
/// Fresh bytes that no longer wait.
const CROWD_BYTES: usize = 8 * 1024;
/// Most events held, those in flight included.
pub const MAX_EVENTS: usize = 200;
/// Most bytes of events held: a page that is being closed can still hand all of it to the browser, headers included.
pub const MAX_BYTES: usize = BEACON_QUOTA_BYTES - 12 * 1024;

/// What an event is to a full outbox, dearest last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Time and depth of a page view.
    Engagement,
    /// An event of the site's own.
    Event,
    /// A page view, which leaves at once.
    PageView,
}

/// What a batch says of its visitor.
#[derive(Debug)]
pub struct Stamp {
    /// What the visitor allowed.
    pub consent: Consent,
    /// Who it is, where the visitor's browser keeps ids.
    pub visitor: Option<Visitor>,
}

/// A batch on its way.
#[derive(Debug, PartialEq, Eq)]
pub struct Parcel {
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
    stamp: Stamp,
    events: Vec<Item>,
    flying: bool,
}

/// See the module. Times are milliseconds of a clock that never goes back.
#[derive(Debug)]
pub struct Outbox {
    fresh: Vec<Item>,
    fresh_due: u64,
    /// In the order of their numbers. While one of them is not flying, mostly because it failed, the edge gets one at a time.
    batches: Vec<Batch>,
    hold_until: u64,
    failures: u32,
    next_sequence: u32,
    dropped: u32,
}

impl Default for Outbox {
    fn default() -> Self {
        Self {
            fresh: Vec::new(),
            fresh_due: u64::MAX,
            batches: Vec::new(),
            hold_until: 0,
            failures: 0,
            next_sequence: 0,
            dropped: 0,
        }
    }
}

impl Outbox {
    /// Adds an event; page views, a crowd, and what is `urgent` are due at once.
    pub fn push(&mut self, kind: Kind, event: Message, urgent: bool, now: u64) {
        self.fresh.push(Item { kind, bytes: event.0 });
        while self.is_full() && self.give_up_one() {}
        let dropped = &mut self.dropped;
        self.batches.retain(|batch| {
            let empty = batch.events.is_empty();
            *dropped += if empty { batch.dropped } else { 0 };
            !empty
        });
        let crowd = self.fresh.len() >= CROWD_EVENTS || size(&self.fresh) >= CROWD_BYTES;
        let at = if urgent || crowd || kind == Kind::PageView { now } else { now + LINGER_MS };
        self.fresh_due = self.fresh_due.min(at);
    }

    /// Makes a batch of what is fresh; what happens later leaves in others.
    pub fn seal(&mut self, stamp: Stamp) {
        if !self.fresh.is_empty() {
            self.batches.push(Batch {
                sequence: self.next_sequence,
                attempt: 0,
                dropped: core::mem::take(&mut self.dropped),
                stamp,
                events: core::mem::take(&mut self.fresh),
                flying: false,
            });
            self.fresh_due = u64::MAX;
            self.next_sequence += 1;
        }
    }

    /// When [`Outbox::take`] would next have something, as far as that is known now; never before 0.
    #[must_use]
    pub fn due(&self) -> Option<u64> {
        if self.waiting().is_some() {
            if self.batches.iter().any(|batch| batch.flying) { None } else { Some(self.hold_until) }
        } else if self.fresh.is_empty() {
            None
        } else {
            Some(self.fresh_due.max(self.hold_until))
        }
    }

    /// Takes the next batch that is due; with `leaving` any batch, since there may be no later. Until it is answered or
    /// handed over it is in flight. `stamp` is asked once for each new batch, and told whether the visitor was active in it.
    /// `header` holds the fields that all batches share.
    pub fn take(
        &mut self,
        header: &Message,
        leaving: bool,
        now: u64,
        unix_ms: u64,
        stamp: impl FnOnce(bool) -> Stamp,
    ) -> Option<Parcel> {
        if !leaving && self.due().is_none_or(|due| due > now) {
            return None;
        }
        if self.waiting().is_none() && !self.fresh.is_empty() {
            let active = self.fresh.iter().any(|item| item.kind != Kind::Engagement);
            self.seal(stamp(active));
        }
        let batch = self.batches.iter_mut().find(|batch| !batch.flying)?;
        batch.flying = true;
        Some(Parcel { sequence: batch.sequence, body: batch.encode(header, unix_ms) })
    }

    /// The browser itself took the batch over and will not say what became of it.
    pub fn handed_over(&mut self, sequence: u32) {
        self.batches.retain(|batch| batch.sequence != sequence);
    }

    /// The batch was answered, or could not be sent. `random` spreads the next try.
    pub fn answered(&mut self, sequence: u32, verdict: Verdict, now: u64, random: u8) {
        match verdict {
            Verdict::Settled => {
                self.failures = 0;
                self.handed_over(sequence);
            }
            Verdict::Again { after_s } => {
                self.failures += 1;
                self.hold_until = self.hold_until.max(now + wait_ms(self.failures, after_s, random));
                for batch in &mut self.batches {
                    if batch.sequence == sequence {
                        batch.attempt += 1;
                        batch.flying = false;
                    }
                }
            }
        }
    }

    /// Takes the visitor's ids out of what may be sent again.
    pub fn forget_visitor(&mut self) {
        for batch in &mut self.batches {
            batch.stamp = Stamp { consent: Consent::Denied, visitor: None };
        }
    }

    /// The oldest batch that is not in flight.
    fn waiting(&self) -> Option<&Batch> {
        self.batches.iter().find(|batch| !batch.flying)
    }

    fn is_full(&self) -> bool {
        let (mut count, mut bytes) = (self.fresh.len(), size(&self.fresh));
        for batch in &self.batches {
            count += batch.events.len();
            bytes += size(&batch.events);
        }
        count > MAX_EVENTS || bytes > MAX_BYTES
    }

    /// Drops the oldest of the cheapest kind there is; `false` when all that is held is in flight.
    fn give_up_one(&mut self) -> bool {
        for kind in [Kind::Engagement, Kind::Event, Kind::PageView] {
            let waiting =
                self.batches.iter_mut().filter(|batch| !batch.flying).map(|batch| &mut batch.events);
            for events in waiting.chain([&mut self.fresh]) {
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
        body.count(batch::CONSENT, self.stamp.consent as u64);
        if let Some(visitor) = &self.stamp.visitor {
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
