//! Websites, and the policy that the edges get from them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use footfall_metadata::{Error, Metadata, watch};
use footfall_proto::relay::{Policy, SiteStatus};
use tokio::sync::watch as channel;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::metadata::fixture::{Fixture, site};

async fn revision(metadata: &Metadata) -> u64 {
    metadata.policy().await.expect("an answer").policy_id
}

pub(crate) async fn one_is_found_by_either_id(fixture: &Fixture) {
    let metadata = fixture.open().await;
    let mut new = site("shop.example", None);
    new.extra_domains = ["shop.example.org", "localhost"].map(|domain| domain.parse().expect("one")).to_vec();
    new.sampling_rate = 0.25;
    let added = metadata.add_website(new).await.expect("added");
    assert!(added.tracking_id.starts_with("FF-") && added.tracking_id.len() == 11, "{}", added.tracking_id);
    let is_random = uuid::Uuid::try_parse(&added.website_id).is_ok_and(|id| id.get_version_num() == 4);
    assert!(is_random, "{}", added.website_id);
    assert_eq!(added.extra_domains, ["shop.example.org", "localhost"]);
    assert!((added.sampling_rate - 0.25).abs() < 1e-12);
    assert!(added.created_at.len() == 24 && added.created_at.ends_with('Z'), "{}", added.created_at);
    for id in [&added.tracking_id, &added.website_id] {
        assert_eq!(metadata.website(id).await.expect("an answer").as_ref(), Some(&added));
    }
    assert_eq!(metadata.website("FF-NOBODY").await.expect("an answer"), None);
    metadata.close().await;
}

pub(crate) async fn a_tracking_id_belongs_to_one_even_after_it_is_deleted(fixture: &Fixture) {
    let metadata = fixture.open().await;
    metadata.add_website(site("example.com", Some("FF-DEMO-1"))).await.expect("added");
    let taken = metadata.add_website(site("example.org", Some("FF-DEMO-1"))).await.expect_err("taken");
    assert!(matches!(&taken, Error::TrackingIdTaken(id) if id == "FF-DEMO-1"), "{taken}");
    fixture.sql("UPDATE websites SET status = 'deleted'").await.expect("changed");
    assert_eq!(metadata.website("FF-DEMO-1").await.expect("an answer"), None);
    let taken = metadata.add_website_if_missing(site("example.org", Some("FF-DEMO-1"))).await;
    assert!(matches!(taken, Err(Error::TrackingIdTaken(_))), "{taken:?}");
    metadata.close().await;
}

pub(crate) async fn adding_what_is_there_changes_nothing_when_asked_so(fixture: &Fixture) {
    let metadata = fixture.open().await;
    let add = async |domain: &str, id: Option<&str>| {
        metadata.add_website_if_missing(site(domain, id)).await.expect("an answer")
    };
    let first = add("example.com", Some("FF-DEMO-1")).await;
    assert!(first.created);
    let before = metadata.policy().await.expect("an answer");
    let by_id = add("elsewhere.example", Some("FF-DEMO-1")).await;
    let by_domain = add("example.com", None).await;
    assert_eq!((by_id.created, &by_id.website), (false, &first.website));
    assert_eq!((by_domain.created, &by_domain.website), (false, &first.website));
    assert_eq!(metadata.policy().await.expect("an answer"), before);
    metadata.close().await;
}

pub(crate) async fn the_owner_is_made_once_and_locked(fixture: &Fixture) {
    let metadata = fixture.open().await;
    for domain in ["a.example", "b.example"] {
        metadata.add_website(site(domain, None)).await.expect("added");
    }
    let users = fixture.texts("SELECT email || ' ' || password_hash FROM users").await;
    assert_eq!(users, ["owner@localhost !"]);
    let roles = "SELECT p.role FROM website_permissions AS p JOIN websites AS w ON w.website_id = p.website_id \
                 AND w.owner_user_id = p.user_id";
    assert_eq!(fixture.texts(roles).await, ["owner", "owner"]);
    metadata.close().await;
}

pub(crate) async fn two_writers_at_once_both_get_their_way(fixture: &Fixture) {
    let (here, elsewhere) = (fixture.open().await, fixture.open().await);
    let before = revision(&here).await;
    let writing = [("here", &here), ("elsewhere", &elsewhere)].map(|(name, metadata)| {
        let metadata = metadata.clone();
        tokio::spawn(async move {
            let mut seen = Vec::new();
            for number in 0..20 {
                let domain = format!("{name}-{number}.example");
                metadata.add_website(site(&domain, None)).await.expect("added");
                seen.push(revision(&metadata).await);
            }
            seen
        })
    });
    for writer in writing {
        let seen = writer.await.expect("wrote");
        assert!(seen[0] > before && seen.is_sorted_by(|one, next| one < next), "{seen:?} after {before}");
    }
    assert_eq!(here.websites().await.expect("an answer").len(), 40);
    assert_eq!(revision(&here).await, revision(&elsewhere).await);
    here.close().await;
    elsewhere.close().await;
}

pub(crate) async fn every_change_that_edges_must_know_raises_the_revision(fixture: &Fixture) {
    let metadata = fixture.open().await;
    let mut last = revision(&metadata).await;
    metadata.add_website(site("example.com", Some("FF-DEMO-1"))).await.expect("added");
    for sql in [
        "SELECT 1",
        "UPDATE websites SET status = 'paused'",
        "INSERT INTO website_properties (website_id, property_key, property_value) SELECT website_id, 'extra_domains', '[\"b.example\"]' FROM websites",
        "UPDATE website_properties SET property_value = '[]'",
        "DELETE FROM website_properties",
        "DELETE FROM websites",
    ] {
        fixture.sql(sql).await.expect("changed");
        let now = revision(&metadata).await;
        assert!(now > last, "{sql}: {now} after {last}");
        last = now;
    }
    fixture.sql("UPDATE users SET name = 'somebody'").await.expect("changed");
    assert_eq!(revision(&metadata).await, last);
    metadata.close().await;
}

pub(crate) async fn a_database_made_anew_outranks_the_one_before_it(fixture: &Fixture) {
    let before = fixture.open().await;
    before.add_website(site("example.com", Some("FF-DEMO-1"))).await.expect("added");
    for name in ["one", "two", "three"] {
        fixture.sql(&format!("UPDATE websites SET name = '{name}'")).await.expect("changed");
    }
    let old = revision(&before).await;
    // The clock has to tell them apart: a millisecond.
    sleep(Duration::from_millis(20)).await;
    let other = Fixture::sqlite();
    let new = other.open().await;
    assert!(revision(&new).await > old);
    before.close().await;
    new.close().await;
}

pub(crate) async fn the_policy_names_active_and_paused_ones_and_no_deleted_one(fixture: &Fixture) {
    let metadata = fixture.open().await;
    for (domain, id) in [("a.example", "FF-A"), ("b.example", "FF-B"), ("c.example", "FF-C")] {
        metadata.add_website(site(domain, Some(id))).await.expect("added");
    }
    for (id, status) in [("FF-B", "paused"), ("FF-C", "deleted")] {
        let change = format!("UPDATE websites SET status = '{status}' WHERE tracking_id = '{id}'");
        fixture.sql(&change).await.expect("changed");
    }
    let policy = metadata.policy().await.expect("an answer");
    let sites: Vec<_> = policy.sites.iter().map(|site| (site.tracking_id.as_str(), site.status())).collect();
    assert_eq!(sites, [("FF-A", SiteStatus::Active), ("FF-B", SiteStatus::Paused)]);
    assert!(policy.sites.iter().all(|site| site.ip_anonymization_enabled && site.bot_filtering_enabled));
    metadata.close().await;
}

/// A central's watch over the policy.
pub(crate) struct Watch {
    policy: channel::Receiver<Arc<Policy>>,
    stop: CancellationToken,
    run: tokio::task::JoinHandle<()>,
}

impl Watch {
    pub(crate) fn over(metadata: &Metadata) -> Self {
        let (tx, policy) = channel::channel(Arc::default());
        let stop = CancellationToken::new();
        let run = tokio::spawn(watch(metadata.clone(), tx, stop.clone()));
        Self { policy, stop, run }
    }

    /// The first policy that `is` so, and when it was there.
    pub(crate) async fn until(&mut self, is: impl FnMut(&Arc<Policy>) -> bool) -> (Arc<Policy>, Instant) {
        let waited = timeout(Duration::from_secs(30), self.policy.wait_for(is));
        let policy = Arc::clone(&waited.await.expect("in time").expect("it watches"));
        (policy, Instant::now())
    }

    pub(crate) fn latest(&self) -> Arc<Policy> {
        Arc::clone(&self.policy.borrow())
    }

    pub(crate) async fn end(self) {
        self.stop.cancel();
        timeout(Duration::from_secs(10), self.run).await.expect("at once").expect("ran");
    }
}

pub(crate) async fn a_change_by_another_process_is_noticed_within_two_seconds(fixture: &Fixture) {
    let (here, there, elsewhere) = (fixture.open().await, fixture.open().await, fixture.open().await);
    let mut watches = [Watch::over(&here), Watch::over(&there)];
    for watch in &mut watches {
        watch.until(|policy| policy.policy_id > 0).await;
    }
    elsewhere.add_website(site("example.com", Some("FF-DEMO-1"))).await.expect("added");
    for sql in ["SELECT 1", "UPDATE websites SET status = 'paused'", "UPDATE websites SET status = 'deleted'"]
    {
        fixture.sql(sql).await.expect("changed");
        let (asked, expected) = (Instant::now(), elsewhere.policy().await.expect("an answer"));
        for watch in &mut watches {
            let (policy, noticed) = watch.until(|policy| policy.policy_id >= expected.policy_id).await;
            assert_eq!(*policy, expected, "both centrals name the same state by the same id");
            assert!(noticed - asked < Duration::from_secs(2), "after {:?}", noticed - asked);
        }
    }
    for watch in watches {
        watch.end().await;
    }
    for metadata in [here, there, elsewhere] {
        metadata.close().await;
    }
}

pub(crate) async fn a_copy_from_before_outranks_what_was_sent(fixture: &Fixture) {
    let metadata = fixture.open().await;
    metadata.add_website(site("example.com", Some("FF-DEMO-1"))).await.expect("added");
    let mut watch = Watch::over(&metadata);
    let (sent, _) = watch.until(|policy| policy.sites.len() == 1).await;
    // As a restored copy has it: one site fewer, and an older revision.
    let copy = "DELETE FROM websites; UPDATE policy_revision SET revision = 1700000000000";
    fixture.sql(copy).await.expect("restored");
    let (policy, _) = watch.until(|policy| policy.sites.is_empty()).await;
    assert!(policy.policy_id > sent.policy_id, "{} after {}", policy.policy_id, sent.policy_id);
    watch.end().await;
    metadata.close().await;
}
