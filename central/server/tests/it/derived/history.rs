//! Random histories: what visitors do on a few websites, and in which order the log gets it. A function of the seed and the clock alone.

use fastrand::Rng;

use super::event::{Happening, Request, Visitor};

const SECOND_MS: i64 = 1000;
const MINUTE_MS: i64 = 60 * SECOND_MS;
const HOUR_MS: i64 = 60 * MINUTE_MS;
const DAY_MS: i64 = 24 * HOUR_MS;

/// The second edge's clock is so much ahead of the first one's.
const CLOCKS_APART_MS: i64 = 50 * SECOND_MS;
/// How late an event may come.
const LATEST_MS: i64 = 26 * HOUR_MS;

/// Zones, and how far their clocks are ahead of UTC in the two halves of a year, minutes.
pub(super) const ZONES: [(&str, [i64; 2]); 4] = [
    ("Europe/Berlin", [60, 120]),
    ("Asia/Kolkata", [330, 330]),
    ("Australia/Lord_Howe", [660, 630]),
    ("Pacific/Apia", [780, 780]),
];

/// Pages, events and what else has a name: some that goals look for, some that are nearly like it, some that are hard to quote.
const PATHS: [&str; 12] = [
    "/",
    "/",
    "/thanks",
    "/thanks/",
    "/shop",
    "/shop/cart",
    "/blog/1",
    "/blog/22",
    "/blog/x",
    "/it's",
    "/back\\slash\t",
    "/straße~1",
];
const ACTIONS: [&str; 7] = ["", "signup", "signup2", "play", "play 'it'", "Buy", "buy\\now"];
const DEVICES: [&str; 3] = ["desktop", "mobile", "tablet"];
const BROWSERS: [&str; 3] = ["Firefox", "Chrome", ""];
const SYSTEMS: [&str; 2] = ["Linux", "iOS"];
const PLACES: [(&str, &str, &str); 4] =
    [("DE", "Bavaria", "Hof"), ("IN", "", "Pune"), ("AU", "", ""), ("", "", "")];
const SOURCES: [(&str, &str); 4] =
    [("direct", "direct"), ("organic", "google"), ("referral", "news.example"), ("email", "letter")];

/// A website as a history needs it.
#[derive(Clone, Debug)]
pub(super) struct Site {
    pub(super) website: String,
    /// Into [`ZONES`].
    pub(super) zone: usize,
    pub(super) sample_rate: f64,
}

/// What visitors do on `sites` between two times, in the order in which the log gets it: some `events` events, repeats not counted.
pub(super) fn requests(rng: &mut Rng, sites: &[Site], (from, to): (i64, i64), events: usize) -> Vec<Request> {
    let mut all: Vec<Request> = Vec::new();
    let mut count = 0;
    let mut number = 0_u32;
    while count < events {
        number += 1;
        let site = &sites[rng.usize(..sites.len())];
        let (visitor, begin) = match all.get(rng.usize(..all.len().max(1))) {
            // Under an id that is there already: of a bot beside a person, on another website, or by the same visitor again.
            Some(before) if rng.u8(..100) < 12 => {
                let mut visitor = before.visitor.clone();
                match rng.u8(..3) {
                    0 => visitor.is_bot = !visitor.is_bot,
                    1 => visitor.website.clone_from(&site.website),
                    _ => {}
                }
                (visitor, before.time + [0, 1, DAY_MS - 1, DAY_MS, DAY_MS + 1, 30 * HOUR_MS][rng.usize(..6)])
            }
            _ => (visitor(rng, site, number), begin(rng, site, (from, to))),
        };
        for mut request in session(rng, &visitor, begin) {
            if request.time < to && request.time >= from {
                count += request.happenings.len();
                request.visitor.sample_rate =
                    if rng.u8(..100) < 5 { 0.25 } else { site_rate(sites, &request) };
                all.push(request);
            }
        }
    }
    let repeats: Vec<_> = all.iter().filter(|_| rng.u8(..100) < 7).cloned().collect();
    all.extend(repeats.into_iter().map(|request| repeat(rng, request)));
    all.sort_by_key(|request| request.arrives);
    all
}

fn site_rate(sites: &[Site], request: &Request) -> f64 {
    let site = sites.iter().find(|site| site.website == request.visitor.website);
    site.map_or(1.0, |site| site.sample_rate)
}

/// When a session begins: anywhere, or around a border of an hour, of a UTC day or of a day where the website is.
fn begin(rng: &mut Rng, site: &Site, (from, to): (i64, i64)) -> i64 {
    let any = rng.i64(from..to);
    let around = |rng: &mut Rng| match rng.u8(..5) {
        0 => -1,
        1 => 0,
        2 => 1,
        _ => rng.i64(-20 * MINUTE_MS..5 * MINUTE_MS),
    };
    match rng.u8(..100) {
        0..=19 => any.div_euclid(DAY_MS) * DAY_MS + around(rng),
        20..=39 => {
            let ahead = ZONES[site.zone].1[rng.usize(..2)] * MINUTE_MS;
            (any + ahead).div_euclid(DAY_MS) * DAY_MS - ahead + around(rng)
        }
        40..=44 => any.div_euclid(HOUR_MS) * HOUR_MS + around(rng),
        _ => any,
    }
}

fn visitor(rng: &mut Rng, site: &Site, number: u32) -> Visitor {
    let (country, region, city) = PLACES[rng.usize(..PLACES.len())];
    let (class, name) = SOURCES[rng.usize(..SOURCES.len())];
    let or_nothing = |rng: &mut Rng, text: &str| if rng.bool() { text.to_owned() } else { String::new() };
    let source = [
        class.to_owned(),
        name.to_owned(),
        or_nothing(rng, "cpc"),
        or_nothing(rng, "it's spring"),
        or_nothing(rng, "shoes"),
        or_nothing(rng, "blue"),
    ];
    Visitor {
        website: site.website.clone(),
        user: format!("user-{}", rng.u8(..12)),
        session: format!("{:08x}{number:04x}", rng.u32(..)),
        is_bot: rng.u8(..100) < 15,
        sample_rate: site.sample_rate,
        device: DEVICES[rng.usize(..DEVICES.len())],
        browser: BROWSERS[rng.usize(..BROWSERS.len())],
        os: SYSTEMS[rng.usize(..SYSTEMS.len())],
        country,
        region,
        city,
        source: (rng.u8(..100) < 85).then_some(source),
    }
}

/// The requests of a session, by the clock of the edge that gets each.
fn session(rng: &mut Rng, visitor: &Visitor, begin: i64) -> Vec<Request> {
    let gap: fn(&mut Rng) -> i64 = match rng.u8(..100) {
        0..=54 => |rng| rng.i64(0..20 * MINUTE_MS),
        // At the same time, as far as the clock can tell.
        55..=64 => |rng| i64::from(rng.u8(..3) == 0),
        // Goes on for days, and is silent for less than one.
        65..=84 => |rng| rng.i64(HOUR_MS..24 * HOUR_MS),
        // Ends, and begins again under its id.
        _ => |rng| [MINUTE_MS, DAY_MS - 1, DAY_MS, DAY_MS + 1, 26 * HOUR_MS][rng.usize(..5)],
    };
    let count = if rng.u8(..100) < 25 { 1 } else { rng.usize(1..9) };
    let only_bounces = rng.u8(..100) < 20;
    let (nearest, strays) = (rng.usize(..2), rng.bool());
    let mut requests = Vec::new();
    let mut time = begin;
    for turn in 0..count {
        let edge = if strays { rng.usize(..2) } else { nearest };
        let received = time + if edge == 1 { CLOCKS_APART_MS } else { 0 };
        let late = if rng.u8(..100) < 10 { rng.i64(0..LATEST_MS) } else { rng.i64(0..3 * SECOND_MS) };
        let mut visitor = visitor.clone();
        if rng.u8(..100) < 5 {
            // He came by another network, and the edge did not see how it began.
            (visitor.country, visitor.region, visitor.city) = PLACES[rng.usize(..PLACES.len())];
            visitor.source = None;
        }
        let happenings = (0..rng.usize(1..4)).map(|index| {
            let bounces = only_bounces && (turn, index) != (0, 0);
            happening(rng, bounces, turn + index == 0)
        });
        let happenings = happenings.collect();
        requests.push(Request { edge, arrives: received + late, time: received, visitor, happenings });
        time += gap(rng);
    }
    requests
}

fn happening(rng: &mut Rng, only_engages: bool, first: bool) -> Happening {
    let kind = match rng.u8(..100) {
        _ if only_engages => "engagement",
        0..=89 if first => "pageview",
        0..=39 => "pageview",
        40..=64 => "engagement",
        65..=84 => "event",
        85..=94 => "transaction",
        _ => "a kind of its own",
    };
    let engagement_ms = match kind {
        "engagement" => [0, 1, 4_000, 6_000, 9_999, 10_000, 10_001, 60_000][rng.usize(..8)],
        "pageview" if rng.u8(..100) < 5 => 10_000,
        _ => 0,
    };
    let revenue =
        (kind == "transaction" && rng.u8(..100) < 80).then(|| f64::from(rng.u32(..100_000)) / 100.0);
    let dimensions = (0..rng.u32(..3)).map(|_| {
        let value = if rng.u8(..100) < 20 { String::new() } else { format!("it's {}", rng.u8(..9)) };
        (rng.u32(1..21), value)
    });
    let dimensions = dimensions.collect();
    Happening {
        id: rng.u128(1..).to_be_bytes(),
        fingerprint: rng.u64(..),
        kind,
        action: if kind == "engagement" { "" } else { ACTIONS[rng.usize(..ACTIONS.len())] },
        path: PATHS[rng.usize(..PATHS.len())],
        engagement_ms,
        revenue,
        dimensions,
    }
}

/// What comes so late that all others have been there before: it is older than they.
pub(super) fn straggler(rng: &mut Rng, requests: &[Request]) -> Option<Request> {
    let oldest = requests.iter().map(|request| request.time).min()?;
    let mut request = requests.get(rng.usize(..requests.len()))?.clone();
    request.time = oldest - rng.i64(0..LATEST_MS);
    for happening in &mut request.happenings {
        happening.id = rng.u128(1..).to_be_bytes();
    }
    Some(request)
}

/// Takes out what comes last of all: some of the requests, and what users said so long ago that it holds for a session to its last
/// millisecond, or no longer.
pub(super) fn held_back(rng: &mut Rng, requests: &mut Vec<Request>) -> Vec<Request> {
    let mut late: Vec<_> = requests.extract_if(.., |_| rng.u8(..100) < 10).collect();
    late.extend(long_ago(rng, requests));
    late
}

fn long_ago(rng: &mut Rng, requests: &[Request]) -> Vec<Request> {
    let old = |rng: &mut Rng| {
        let mut request = requests[rng.usize(..requests.len())].clone();
        request.time += rng.i64(-1..2) - 30 * DAY_MS;
        request.visitor.session = format!("{:08x}before", rng.u32(..));
        for happening in &mut request.happenings {
            happening.id = rng.u128(1..).to_be_bytes();
            happening.dimensions = (1..21).map(|number| (number, "long ago".to_owned())).collect();
        }
        request
    };
    (0..40.min(requests.len())).map(|_| old(rng)).collect()
}

/// The same events, or some of them, again by the other edge; the visitor may have another session there.
fn repeat(rng: &mut Rng, mut request: Request) -> Request {
    request.edge = 1 - request.edge;
    request.time += rng.i64(0..2 * MINUTE_MS);
    request.arrives += rng.i64(-HOUR_MS..2 * HOUR_MS);
    if rng.u8(..100) < 30 {
        request.visitor.session = format!("{:08x}again", rng.u32(..));
    }
    if rng.bool() {
        request.happenings.truncate(1);
    }
    request
}
