//! What several busy edges would relay: visits to websites that use every partition, with the usual fields filled. Builds bytes only;
//! the same seed makes the same load, but for its times and its websites' ids.

use bytes::{Bytes, BytesMut};
use footfall_log::placement;
use footfall_proto::beacon::Event;
use footfall_proto::limits::MAX_BATCH_RECORDS;
use footfall_proto::relay::{AdmittedEvent, LogEntry, Record, Visit};
use footfall_proto::traffic_source;
use footfall_proto::{frame, ident};
use prost::Message as _;

/// What an edge that has much to send reads from its journal at a time, and so puts into a batch, bytes.
const BATCH_BYTES: usize = 1 << 20;
/// zstd's level on an edge.
const LEVEL: i32 = 1;
/// The visits are spread over so much time before now, milliseconds.
const SPREAD_MS: u64 = 300_000;
/// Events of a visit: a page view in a record of its own, and three more in another.
const VISIT_EVENTS: u64 = 4;

const AGENTS: &str = include_str!("../../assets/agents.txt");
/// Country, region, city, latitude, longitude.
const PLACES: [(&str, &str, &str, f32, f32); 6] = [
    ("DE", "Land Berlin", "Berlin", 52.52, 13.4),
    ("GB", "England", "London", 51.51, -0.13),
    ("US", "California", "San Francisco", 37.77, -122.42),
    ("FR", "Île-de-France", "Paris", 48.86, 2.35),
    ("JP", "Tokyo", "Tokyo", 35.69, 139.69),
    ("BR", "São Paulo", "São Paulo", -23.55, -46.63),
];
/// Device type, brand, model, operating system and its version, browser and its version, screen.
const DEVICES: [[&str; 8]; 4] = [
    ["desktop", "", "", "Windows", "10", "Chrome", "142", "2560x1440"],
    ["desktop", "Apple", "", "macOS", "15.3", "Safari", "18.3", "1728x1117"],
    ["mobile", "Samsung", "SM-S921B", "Android", "15", "Chrome", "142", "412x915"],
    ["mobile", "Apple", "iPhone", "iOS", "18.3", "Safari", "18.3", "393x852"],
];

/// A relay batch without its epoch: each round sends it under a new one.
#[derive(Debug)]
pub(crate) struct Packed {
    pub(crate) first_offset: u64,
    pub(crate) count: u32,
    pub(crate) plain_length: u32,
    pub(crate) crc: u32,
    pub(crate) records: Bytes,
}

impl Packed {
    /// The edge offset after its last record.
    pub(crate) fn next_offset(&self) -> u64 {
        self.first_offset + u64::from(self.count)
    }
}

/// A record in the log's envelope, and where it goes.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) partition: u32,
    pub(crate) website_id: String,
    pub(crate) payload: Bytes,
}

/// What all edges send, batches for each of them.
#[derive(Debug)]
pub(crate) struct Load {
    pub(crate) edges: Vec<Vec<Packed>>,
    pub(crate) events: u64,
    pub(crate) records: u64,
    /// Records before compression and without envelopes, bytes.
    pub(crate) bytes: u64,
}

impl Load {
    /// At least `events` events of these websites from `edges` edges, received until `now_ms`.
    pub(crate) fn generate(
        events: u64,
        edges: usize,
        websites: &[String],
        now_ms: u64,
    ) -> anyhow::Result<Self> {
        let mut random = Random(fastrand::Rng::with_seed(0x5eed));
        let mut packers: Vec<_> = (0..edges).map(|_| Packer::default()).collect();
        let visits = events.div_ceil(VISIT_EVENTS);
        for visit in 0..visits {
            let at_ms = now_ms - SPREAD_MS + visit * SPREAD_MS / visits;
            for record in records(&mut random, websites, at_ms) {
                packers[visit as usize % edges].add(&record.encode_to_vec())?;
            }
        }
        let bytes = packers.iter().map(|packer| packer.bytes).sum();
        let edges = packers.into_iter().map(Packer::finish).collect::<anyhow::Result<_>>()?;
        Ok(Self { edges, events: visits * VISIT_EVENTS, records: visits * 2, bytes })
    }

    /// What central makes of the batches of one edge: the same bytes for the same partitions.
    pub(crate) fn entries(
        batches: &[Packed],
        edge_id: &str,
        epoch: &Bytes,
        partitions: u32,
    ) -> anyhow::Result<Vec<Entry>> {
        let mut entries = Vec::new();
        for batch in batches {
            let plain = zstd::bulk::decompress(&batch.records, batch.plain_length as usize)?;
            for (edge_offset, record) in (batch.first_offset..).zip(frame::unpack(plain.into(), batch.count)?)
            {
                let (website_id, partition) = placement::place(&record, partitions);
                let (edge_id, epoch) = (edge_id.to_owned(), epoch.clone());
                let entry = LogEntry { edge_id, epoch, edge_offset, record, ..LogEntry::default() };
                entries.push(Entry { partition, website_id, payload: entry.encode_to_vec().into() });
            }
        }
        Ok(entries)
    }
}

/// Cuts records into batches.
#[derive(Default)]
struct Packer {
    plain: BytesMut,
    count: u32,
    next: u64,
    bytes: u64,
    batches: Vec<Packed>,
}

impl Packer {
    fn add(&mut self, record: &[u8]) -> anyhow::Result<()> {
        frame::pack(record, &mut self.plain);
        self.count += 1;
        self.bytes += record.len() as u64;
        if self.plain.len() >= BATCH_BYTES || self.count as usize == MAX_BATCH_RECORDS {
            self.seal()?;
        }
        Ok(())
    }

    fn seal(&mut self) -> anyhow::Result<()> {
        let plain = self.plain.split();
        let count = std::mem::take(&mut self.count);
        self.batches.push(Packed {
            first_offset: self.next,
            count,
            plain_length: plain.len() as u32,
            crc: frame::checksum(&plain),
            records: zstd::bulk::compress(&plain, LEVEL)?.into(),
        });
        self.next += u64::from(count);
        Ok(())
    }

    fn finish(mut self) -> anyhow::Result<Vec<Packed>> {
        if self.count > 0 {
            self.seal()?;
        }
        Ok(self.batches)
    }
}

/// One visit: the page view leaves at once, what follows waits for a batch.
fn records(random: &mut Random, websites: &[String], at_ms: u64) -> [Record; 2] {
    let visit = visit(random);
    let session = format!("{:016x}{:016x}", random.next(), random.next());
    let user = format!("{:016x}{:016x}", random.next(), random.next());
    let website_id = random.of(websites).clone();
    let article = random.next() % 500;
    let page_path = format!("/articles/2026/how-we-count-visits-without-cookies-{article}");
    let url = format!(
        "https://www.example.com{page_path}?utm_source=newsletter&utm_medium=email&utm_campaign=november"
    );
    let view_id = random.id(at_ms);
    let event = |event_type: &str, id: [u8; 16]| Event {
        event_id: id.to_vec().into(),
        event_type: event_type.to_owned(),
        client_timestamp_ms: at_ms as i64 - 40,
        page_view_id: view_id.to_vec().into(),
        page_url: url.clone(),
        ..Event::default()
    };
    let view = Event {
        page_title: "How we count visits without cookies, and why a daily salt is enough".to_owned(),
        page_referrer: "https://news.example.org/links/analytics/privacy-friendly-tools-compared".to_owned(),
        custom_dimensions: [
            (1, "subscriber".to_owned()),
            (2, "long-read".to_owned()),
            (5, format!("author-{}", article % 40)),
        ]
        .into(),
        ..event("pageview", view_id)
    };
    let engagement = Event {
        engagement_ms: (random.next() % 60_000) as u32,
        scroll_depth: (random.next() % 101) as u32,
        ..event("engagement", random.id(at_ms))
    };
    let click = Event {
        event_category: "navigation".to_owned(),
        event_action: "click".to_owned(),
        event_label: format!("related-{}", random.next() % 90),
        event_value: Some((random.next() % 10) as f64),
        custom_metrics: [(1, (random.next() % 1000) as f64 / 10.0)].into(),
        ..event("event", random.id(at_ms))
    };
    let price = (random.next() % 20_000) as f64 / 100.0;
    let purchase = Event {
        transaction_id: Some(format!("T-{:012}", random.next() % 1_000_000_000_000)),
        transaction_revenue: Some(price),
        transaction_tax: Some(price * 0.19),
        product_sku: Some(format!("SKU-{}", random.next() % 300)),
        product_name: Some("Yearly subscription".to_owned()),
        product_category: Some("subscriptions".to_owned()),
        product_price: Some(price),
        product_quantity: Some(1),
        ..event("transaction", random.id(at_ms))
    };
    let mut record = |events: &[Event], at_ms: u64| Record {
        website_id: website_id.clone(),
        server_timestamp_ms: at_ms as i64,
        policy_id: 17,
        visit: Some(visit.clone()),
        events: events
            .iter()
            .map(|event| AdmittedEvent {
                event: event.encode_to_vec().into(),
                event_id: event.event_id.clone(),
                fingerprint: random.next(),
                user_id: user.clone(),
                session_id: session.clone(),
                page_path: page_path.clone(),
                traffic_source: "email".to_owned(),
                source_name: "newsletter".to_owned(),
                source_known: true,
                traffic_medium: "email".to_owned(),
                traffic_campaign: "november".to_owned(),
                ..AdmittedEvent::default()
            })
            .collect(),
        tallies: Vec::new(),
        traffic_source_version: traffic_source::VERSION,
    };
    [record(&[view], at_ms), record(&[engagement, click, purchase], at_ms)]
}

fn visit(random: &mut Random) -> Visit {
    let (country, region, city, latitude, longitude) = *random.of(&PLACES);
    let [device_type, device_brand, device_model, os, os_version, browser, browser_version, screen] =
        random.of(&DEVICES).map(str::to_owned);
    let agents: Vec<_> = AGENTS.lines().collect();
    let mut ip_address = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 0, 0];
    ip_address[12..15].copy_from_slice(&random.next().to_le_bytes()[..3]);
    Visit {
        ip_address: ip_address.to_vec().into(),
        user_agent: (*random.of(&agents)).to_owned(),
        country: country.to_owned(),
        region: region.to_owned(),
        city: city.to_owned(),
        latitude,
        longitude,
        device_type,
        device_brand,
        device_model,
        os,
        os_version,
        browser,
        browser_version,
        screen_resolution: screen,
        sdk_version: "0.1.0".to_owned(),
        sample_rate: 1.0,
        language: "en-GB".to_owned(),
        page_load_id: random.id(0).to_vec().into(),
        viewport_width: 1280,
        viewport_height: 1100,
        timezone: "Europe/London".to_owned(),
        ..Visit::default()
    }
}

/// The same sequence for the same seed.
struct Random(fastrand::Rng);

impl Random {
    fn next(&mut self) -> u64 {
        self.0.u64(..)
    }

    fn of<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[(self.next() % all.len() as u64) as usize]
    }

    fn id(&mut self, at_ms: u64) -> [u8; 16] {
        let (mut random, bytes) = ([0; 10], [self.next().to_le_bytes(), self.next().to_le_bytes()].concat());
        random.copy_from_slice(&bytes[..10]);
        ident::uuid_v7(at_ms, random)
    }
}
