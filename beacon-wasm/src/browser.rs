//! The page itself, by web-sys: reads what the tracker must be told, keeps what it wants kept, and hands the shim what is to be
//! sent. Decides nothing.

use alloc::string::String;

use footfall_proto::{ident::ID_BYTES, limits::MAX_FIELD_BYTES};
use wasm_bindgen::prelude::wasm_bindgen;
use web_sys::{Crypto, Document, Performance, Storage};

use crate::{
    call_fields::Given,
    facts,
    message::{Message, batch},
    tracker::{self, Now, Tracker},
    visitor::{Id, Visitor, parse_hex},
};

#[global_allocator]
static ALLOCATOR: rlsf::SmallGlobalTlsf = rlsf::SmallGlobalTlsf::new();

/// Nobody reads a panic's message in somebody else's page: the instance stops.
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    core::arch::wasm32::unreachable()
}

#[wasm_bindgen]
extern "C" {
    /// The shim's: sends a batch. Says whether the browser took it over, so that there will be no answer; otherwise the answer
    /// comes to `answered`.
    fn post(body: &[u8], sequence: u32, leaving: bool) -> bool;
    /// The shim's: calls `tick` after so many milliseconds, in place of what was asked for before.
    fn wake(after_ms: u32);
}

/// One page, for as long as it lives.
#[wasm_bindgen]
pub struct Beacon {
    document: Document,
    performance: Performance,
    crypto: Crypto,
    /// Local storage, where the site permits to keep something.
    storage: Option<Storage>,
    /// The name of this site's record there.
    record: String,
    /// The fields of the next call.
    given: Given,
    tracker: Tracker,
}

#[wasm_bindgen]
impl Beacon {
    /// Begins a page load. `signals` has bit 0 for Global Privacy Control and bit 1 for Do Not Track.
    #[wasm_bindgen(constructor)]
    pub fn new(
        document: Document,
        performance: Performance,
        crypto: Crypto,
        storage: Option<Storage>,
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
            record: String::from("footfall:") + site,
            given: Given::default(),
        };
        // A record is kept only under consent, so it says that consent was given.
        if beacon.kept().is_some() {
            beacon.tracker.consent(true);
        }
        beacon
    }

    /// A fact of the browser that all batches share: see [`facts::take`].
    pub fn fact(&mut self, name: &str, text: &str, number: f64) {
        facts::take(self.tracker.header(), name, text, number as u64);
    }

    /// A field of the next call: see [`Given::take`].
    pub fn field(&mut self, column: &str, slot: u32, text: String, number: f64) {
        self.given.take(column, slot, text, number);
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
            core::mem::take(&mut self.given),
            location,
            parse_hex(sent_as),
            document,
            now,
        );
        self.flow(false);
    }

    /// What the visitor allowed.
    pub fn consent(&mut self, granted: bool) {
        self.tracker.consent(granted);
        if let (false, Some(storage)) = (granted, &self.storage) {
            let _ = storage.remove_item(&self.record);
        }
        self.flow(false);
    }

    /// The page was scrolled.
    pub fn scrolled(&mut self) {
        if let Some(view) = self.document.scrolling_element() {
            let (seen, whole) = (view.scroll_top() + view.client_height(), view.scroll_height());
            let percent = (seen.max(0) as u32 * 100).div_ceil(whole.max(1) as u32);
            self.tracker.scrolled(percent);
        }
    }

    /// The page came into sight.
    pub fn shown(&mut self) {
        self.tracker.shown(&self.now());
    }

    /// The page went out of sight, or is being left.
    pub fn hidden(&mut self) {
        self.scrolled();
        let now = &self.now();
        self.tracker.hidden(&self.document.title(), now);
        self.flow(true);
    }

    /// The time that `wake` was asked for has come.
    pub fn tick(&mut self) {
        let now = &self.now();
        self.tracker.settle(&self.document.title(), now);
        self.flow(false);
    }

    /// A batch was answered: see [`Tracker::answered`]. A `Retry-After` that is no number of seconds comes as 0 or NaN.
    pub fn answered(&mut self, sequence: u32, status: u32, after_s: f64) {
        let now = &self.now();
        self.tracker.answered(sequence, status, after_s as u64, now);
        self.flow(false);
    }

    /// Lets go what is due, or everything when the page is being left, and asks to be woken for the rest.
    fn flow(&mut self, leaving: bool) {
        let now = &self.now();
        while let Some(parcel) = {
            let Self { tracker, storage, record, .. } = self;
            tracker.take(leaving, now, |active| {
                let storage = storage.as_ref()?;
                let kept = storage.get_item(record).ok()?;
                let visitor = Visitor::resume(kept.as_deref(), now.unix_ms, active, now.random);
                storage.set_item(record, &visitor.record()).ok()?;
                Some(visitor)
            })
        } {
            if post(&parcel.body, parcel.sequence, leaving) {
                self.tracker.handed_over(parcel.sequence);
            }
        }
        if let Some(due) = self.tracker.due() {
            wake(due.saturating_sub(now.steady_ms) as u32);
        }
    }

    fn kept(&self) -> Option<String> {
        self.storage.as_ref()?.get_item(&self.record).ok()?
    }

    fn now(&self) -> Now {
        Now {
            steady_ms: self.performance.now() as u64,
            unix_ms: js_sys::Date::now() as u64,
            random: random(&self.crypto),
        }
    }
}

fn random(crypto: &Crypto) -> [Id; 2] {
    let mut ids = [[0; ID_BYTES]; 2];
    let _ = crypto.get_random_values_with_u8_array(ids.as_flattened_mut());
    ids
}
