//! The page, through web-sys: reads what the tracker needs, stores the visitor's ids, and gives the shim the batches to send. Decides
//! nothing.

use alloc::string::String;

use footfall_proto::{ident::ID_BYTES, limits::MAX_FIELD_BYTES};
use wasm_bindgen::prelude::wasm_bindgen;
use web_sys::{Crypto, Document, Performance, Storage};

use crate::{
    call_fields::CallFields,
    facts,
    message::{Message, batch},
    tracker::{self, Now, StoredAnswer, Tracker},
    visitor::{Id, Visitor, parse_hex},
};

#[global_allocator]
static ALLOCATOR: rlsf::SmallGlobalTlsf = rlsf::SmallGlobalTlsf::new();

/// A page of another site shows no panic message: the instance stops.
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    core::arch::wasm32::unreachable()
}

#[wasm_bindgen]
extern "C" {
    /// Of the shim: sends a batch. `true` when `sendBeacon` took it, which gives no answer; otherwise `answered` is called with the answer.
    fn post(body: &[u8], sequence: u32, leaving: bool) -> bool;
    /// Of the shim: calls `tick` after so many milliseconds. Replaces the timer that was set before.
    fn wake(after_ms: u32);
}

/// One page, for as long as it lives.
#[wasm_bindgen]
pub struct Beacon {
    document: Document,
    performance: Performance,
    crypto: Crypto,
    /// Local storage, where the browser has one.
    storage: Option<Storage>,
    /// Whether the site permits to keep something there.
    keeps: bool,
    /// The key of this site's visitor there.
    visitor_key: String,
    /// The key that is there once consent was denied.
    denied_key: String,
    /// The fields of the next call.
    fields: CallFields,
    tracker: Tracker,
}

#[wasm_bindgen]
impl Beacon {
    /// Begins a page load. `signals` has bit 0 for Global Privacy Control and bit 1 for Do Not Track.
    #[wasm_bindgen(constructor)]
    #[expect(clippy::too_many_arguments, reason = "one call from a script that has no struct to pass")]
    pub fn new(
        document: Document,
        performance: Performance,
        crypto: Crypto,
        storage: Option<Storage>,
        keeps: bool,
        visitor_key: String,
        denied_key: String,
        site: &str,
        fragments: bool,
        signals: u32,
    ) -> Self {
        let mut header = Message::default();
        header.text(batch::TRACKING_ID, site, MAX_FIELD_BYTES);
        header.text(batch::SDK_VERSION, env!("CARGO_PKG_VERSION"), MAX_FIELD_BYTES);
        header.bytes(batch::PAGE_LOAD_ID, &random(&crypto)[0]);
        header.count(batch::GPC, u64::from(signals & 1));
        header.count(batch::DNT, u64::from(signals >> 1));
        let mut beacon = Self {
            tracker: Tracker::new(header, !document.hidden(), fragments),
            document,
            performance,
            crypto,
            storage,
            keeps,
            visitor_key,
            denied_key,
            fields: CallFields::default(),
        };
        beacon.heed_storage();
        beacon
    }

    /// A fact of the browser that all batches share: see [`facts::take`].
    pub fn fact(&mut self, name: &str, text: &str, number: f64) {
        facts::take(self.tracker.header(), name, text, number as u64);
    }

    /// A field of the next call: see [`CallFields::take`].
    pub fn field(&mut self, column: &str, slot: u32, text: String, number: f64) {
        self.fields.take(column, slot, text, number);
    }

    /// A call, or with an empty name a possible navigation: see [`Tracker::call`]. Times are milliseconds.
    pub fn call(&mut self, name: &str, unix_ms: f64, steady_ms: f64, location: String, sent_as: &str) {
        let (title, referrer) = (self.document.title(), self.document.referrer());
        if name.is_empty() {
            self.scrolled();
        }
        let now = &Now { steady_ms: steady_ms as u64, unix_ms: unix_ms as u64, random: random(&self.crypto) };
        let document = tracker::Document { title: &title, referrer: &referrer };
        self.tracker.call(
            name,
            core::mem::take(&mut self.fields),
            location,
            parse_hex(sent_as),
            document,
            now,
        );
        self.send_due(false);
    }

    /// Consent was granted or denied: see [`Tracker::consent`]. What is granted is stored at once, so that other pages know of it.
    pub fn consent(&mut self, granted: bool) {
        self.heed_storage();
        if self.tracker.consent(granted)
            && self.keeps
            && let Some(storage) = &self.storage
        {
            resume(storage, &self.visitor_key, &self.now(), false);
        }
        self.send_due(false);
    }

    /// Another page of the site may have stored an answer of the visitor's.
    pub fn recall(&mut self) {
        self.send_due(false);
    }

    /// The page was scrolled.
    pub fn scrolled(&mut self) {
        if let Some(view) = self.document.scrolling_element() {
            let (seen, whole) = (view.scroll_top() + view.client_height(), view.scroll_height());
            let percent = (seen.max(0) as u32 * 100).div_ceil(whole.max(1) as u32);
            self.tracker.scrolled(percent);
        }
    }

    /// The page became visible.
    pub fn shown(&mut self) {
        self.tracker.shown(&self.now());
    }

    /// The page was hidden, or is being left.
    pub fn hidden(&mut self) {
        self.scrolled();
        let now = &self.now();
        self.tracker.hidden(&self.document.title(), now);
        self.send_due(true);
    }

    /// The timer that `wake` set has fired.
    pub fn tick(&mut self) {
        let now = &self.now();
        self.tracker.finish_page_view(&self.document.title(), now);
        self.send_due(false);
    }

    /// A batch was answered: see [`Tracker::answered`]. A `Retry-After` that is no number of seconds comes as 0 or NaN.
    pub fn answered(&mut self, sequence: u32, status: u32, after_s: f64) {
        let now = &self.now();
        self.tracker.answered(sequence, status, after_s as u64, now);
        self.send_due(false);
    }

    /// Sends what is due, or everything when the page is being left, and sets the timer for the rest.
    fn send_due(&mut self, leaving: bool) {
        // No event of storage comes to a page that is frozen or waits in the back/forward cache.
        self.heed_storage();
        let now = &self.now();
        while let Some(batch) = {
            let Self { tracker, storage, keeps, visitor_key, .. } = self;
            tracker.take(leaving, now, |active| {
                let storage = storage.as_ref().filter(|_| *keeps)?;
                resume(storage, visitor_key, now, active)
            })
        } {
            if post(&batch.body, batch.sequence, leaving) {
                self.tracker.handed_over(batch.sequence);
            }
        }
        if let Some(due) = self.tracker.due() {
            wake(due.saturating_sub(now.steady_ms) as u32);
        }
    }

    /// Takes up the visitor's answer as storage holds it now.
    fn heed_storage(&mut self) {
        let Some(storage) = &self.storage else { return };
        let is_there = |key: &str| matches!(storage.get_item(key), Ok(Some(_)));
        let answer = if is_there(&self.denied_key) {
            // A page of another process may have stored a visitor while it did not know yet.
            let _ = storage.remove_item(&self.visitor_key);
            StoredAnswer::Denied
        } else if is_there(&self.visitor_key) {
            StoredAnswer::Visitor
        } else {
            StoredAnswer::Nothing
        };
        self.tracker.heed(answer);
    }

    fn now(&self) -> Now {
        Now {
            steady_ms: self.performance.now() as u64,
            unix_ms: js_sys::Date::now() as u64,
            random: random(&self.crypto),
        }
    }
}

/// The visitor who is stored, or a new one; `None` where storage does not take it.
fn resume(storage: &Storage, key: &str, now: &Now, active: bool) -> Option<Visitor> {
    let kept = storage.get_item(key).ok()?;
    let visitor = Visitor::resume(kept.as_deref(), now.unix_ms, active, now.random);
    storage.set_item(key, &visitor.encode()).ok()?;
    Some(visitor)
}

fn random(crypto: &Crypto) -> [Id; 2] {
    let mut ids = [[0; ID_BYTES]; 2];
    let _ = crypto.get_random_values_with_u8_array(ids.as_flattened_mut());
    ids
}
