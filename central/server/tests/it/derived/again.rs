//! Days that are computed again: because somebody took events away, because rows were damaged, or because a late event belongs to a
//! session that reaches into a day whose events are gone.

use std::time::{Duration, Instant};

use fastrand::Rng;
use footfall_derive::{Reason, Request};

use super::goals::Owners;
use super::history::{self, Site};
use super::oracle::{self, Event, Reach};
use super::system::{System, now_ms};
use super::tables;

const HOUR_MS: i64 = 60 * 60 * 1000;
const DAY_MS: i64 = 24 * HOUR_MS;

/// Three days that are over, all of them derived.
struct Days {
    system: System,
    owners: Owners,
    sites: Vec<Site>,
    rng: Rng,
    /// Where the first begins, milliseconds since 1970.
    first: i64,
}

impl Days {
    async fn derived() -> Self {
        let seed = super::number("FOOTFALL_SEED").unwrap_or_else(|| fastrand::u64(..1 << 40));
        println!("FOOTFALL_SEED={seed}");
        let mut rng = Rng::with_seed(seed);
        let first = now_ms().div_euclid(DAY_MS) * DAY_MS - 4 * DAY_MS;
        let window = (first, first + 3 * DAY_MS);
        let mut owners = Owners::new().await;
        let sites = owners.add_websites(&mut rng, 0).await;
        owners.add_goals(&mut rng, window).await;
        let requests = history::requests(&mut rng, &sites, window, 600);
        let mut system = System::start(owners.metadata(), seed).await;
        system.start_sink();
        system.append(&requests, &mut rng).await;
        system.stored().await;
        system.start_derivation();
        let days = Self { system, owners, sites, rng, first };
        days.settled().await;
        days
    }

    /// Waits until all is derived.
    async fn settled(&self) -> Reach {
        let hour = (now_ms() - 5 * 60 * 1000).div_euclid(HOUR_MS) * HOUR_MS;
        self.system.derived(hour, self.first + 3 * DAY_MS).await
    }

    /// Has days of all websites computed again, as a person or a replay does.
    async fn ask(&self, reason: Reason, days: (i64, i64)) {
        let day = |number: i64| u16::try_from(self.first / DAY_MS + number).expect("a day");
        let request = Request {
            id: fastrand::u128(1..).to_be_bytes(),
            reason,
            day_from: day(days.0),
            day_to: day(days.1),
            website_id: None,
            requested_at: now_ms(),
        };
        footfall_derive::request(self.system.store(), 1, &request).await.expect("written down");
    }

    async fn assert_tables_are_of(&self, events: &[Event<'_>], reach: Reach) {
        let wanted = oracle::tables(events, &self.owners.goals, &self.owners.scopes, reach);
        let differences = tables::differences(&wanted, &self.system.tables().await);
        assert!(differences.is_empty(), "{reach:?}\n{differences}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_derived_of_days_whose_events_were_taken_away_is_computed_again() {
    let mut days = Days::derived().await;
    let gone = days.sites[0].website.clone();
    let (from, to) = (days.first + DAY_MS, days.first + 2 * DAY_MS);
    // Written down first: whoever dies in between leaves something to be computed, not something wrong.
    days.system.drop_derivation().await;
    days.ask(Reason::Events, (0, 2)).await;
    let events = days.system.events().await;
    let left: Vec<_> = events
        .iter()
        .filter(|event| event.visitor.website != gone || !(from..to).contains(&event.place.0))
        .copied()
        .collect();
    assert!(left.len() < events.len(), "some go");
    days.system
        .execute(&format!(
            "ALTER TABLE events_local DELETE WHERE website_id = '{gone}' AND toUnixTimestamp64Milli(server_timestamp) >= {from}
             AND toUnixTimestamp64Milli(server_timestamp) < {to} SETTINGS mutations_sync = 1"
        ))
        .await;
    drop((events, left));
    days.system.start_derivation();
    let reach = days.settled().await;
    days.system.drop_derivation().await;
    let events = days.system.events_but(|website, time| website == gone && (from..to).contains(&time)).await;
    days.assert_tables_are_of(&events, reach).await;
    drop(events);
    days.system.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_that_were_lost_or_made_up_are_right_after_a_rebuild() {
    let mut days = Days::derived().await;
    let website = days.sites[0].website.clone();
    for table in ["sessions_local", "conversions_local", "page_view_rollups_local"] {
        let delete =
            format!("ALTER TABLE {table} DELETE WHERE website_id = '{website}' SETTINGS mutations_sync = 1");
        days.system.execute(&delete).await;
    }
    let second = days.first / 1000 + 24 * 3600;
    let made_up = [
        format!(
            "INSERT INTO page_views_hourly_local (website_id, page_path, hour, country, device_type, is_bot, pageviews, version)
             VALUES ('{website}', '/made-up', {second}, 'DE', 'desktop', 0, 7, 1)"
        ),
        format!(
            "INSERT INTO sessions_local (session_id, website_id, user_id, session_start, session_end, sample_rate, version)
             VALUES ('made-up', '{website}', 'nobody', {second}, {second} + 60, 1, 1)"
        ),
    ];
    for insert in &made_up {
        days.system.execute(insert).await;
    }
    days.ask(Reason::Rebuild, (-1, 3)).await;
    let reach = days.settled().await;
    days.system.drop_derivation().await;
    let events = days.system.events().await;
    days.assert_tables_are_of(&events, reach).await;
    drop(events);
    days.system.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn days_are_computed_again_while_events_never_cease_to_come() {
    let mut days = Days::derived().await;
    let website = days.sites[0].website.clone();
    let delete = format!(
        "ALTER TABLE sessions_local DELETE WHERE website_id = '{website}' SETTINGS mutations_sync = 1"
    );
    days.system.execute(&delete).await;
    days.system.drop_derivation().await;
    days.ask(Reason::Rebuild, (-1, 3)).await;
    // Between two steps there is time enough for new events to be stored.
    days.system.start_derivation_every(Duration::from_secs(1));
    let deadline = Instant::now() + Duration::from_mins(1);
    while days.system.waiting_requests().await > 0 {
        assert!(Instant::now() < deadline, "only what is new is computed");
        let now = now_ms();
        let requests = history::requests(&mut days.rng, &days.sites, (now - 60_000, now), 5);
        days.system.append(&requests, &mut days.rng).await;
    }
    days.system.drop_derivation().await;
    days.system.start_derivation();
    let reach = days.settled().await;
    days.system.drop_derivation().await;
    let events = days.system.events().await;
    days.assert_tables_are_of(&events, reach).await;
    drop(events);
    days.system.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn days_that_a_build_without_visits_by_hour_has_derived_get_them() {
    let mut days = Days::derived().await;
    days.system.drop_derivation().await;
    days.system.execute("TRUNCATE TABLE hourly_visits_local").await;
    let older = "INSERT INTO derivation_progress_local SELECT * REPLACE (toDateTime64('2100-01-01', 3) AS visits_from, version + 1 AS version)
         FROM derivation_progress_local FINAL";
    days.system.execute(older).await;
    days.system.start_derivation();
    let reach = days.settled().await;
    days.system.drop_derivation().await;
    let events = days.system.events().await;
    days.assert_tables_are_of(&events, reach).await;
    drop(events);
    days.system.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_that_reaches_into_a_day_whose_events_are_gone_stays_as_it_is() {
    let mut days = Days::derived().await;
    let midnight = days.first + DAY_MS;
    // One that goes on over midnight.
    let mut begun =
        history::requests(&mut days.rng, &days.sites, (days.first, days.first + 3 * DAY_MS), 1).remove(0);
    begun.visitor.session = "over-midnight".to_owned();
    begun.time = midnight - HOUR_MS / 4;
    let later = |begun: &super::event::Request, time, ids: &mut Rng| {
        let mut request = begun.clone();
        request.time = time;
        request.happenings.iter_mut().for_each(|happening| happening.id = ids.u128(1..).to_be_bytes());
        request
    };
    let second = later(&begun, midnight + HOUR_MS / 4, &mut days.rng);
    days.system.append(&[begun.clone(), second], &mut days.rng).await;
    let before = days.frozen().await;
    assert_eq!(before.len(), 1, "{before:?}");

    days.system.execute(&format!("ALTER TABLE events_local DROP PARTITION {}", days.day_name())).await;
    let third = later(&begun, midnight + HOUR_MS / 2, &mut days.rng);
    let mut other = later(&begun, midnight + HOUR_MS / 2, &mut days.rng);
    other.visitor.session = "after-midnight".to_owned();
    days.system.append(&[third, other], &mut days.rng).await;
    let after = days.frozen().await;
    assert_eq!(after.first(), before.first(), "not all of its events are there any more");
    assert_eq!(after.len(), 2, "the other one is a session as any: {after:?}");
    days.system.stop().await;
}

impl Days {
    /// Ends, page views and events of the two sessions, once all is derived.
    async fn frozen(&self) -> Vec<String> {
        self.system.stored().await;
        self.system.taken_in().await;
        self.settled().await;
        let question = "SELECT concat(session_id, ' ', toString(session_start), ' ', toString(session_end), ' ', toString(events)) FROM sessions_local FINAL
             WHERE session_id LIKE '%-midnight%' ORDER BY session_id DESC";
        self.system.texts(question).await
    }

    /// The first day, as the engine calls its partition.
    fn day_name(&self) -> String {
        let day = time::OffsetDateTime::from_unix_timestamp(self.first / 1000).expect("a day").date();
        format!("{:04}{:02}{:02}", day.year(), u8::from(day.month()), day.day())
    }
}
