//! The database as central and `central admin` use it: from nothing, twice, side by side, and while one of them watches.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use footfall_proto::relay::{Policy, SiteStatus};
use tokio::sync::watch as channel;
use tokio_util::sync::CancellationToken;

use super::*;

async fn fresh(folder: &tempfile::TempDir) -> Metadata {
    Metadata::open(folder.path().join("metadata.sqlite")).await.unwrap()
}

fn site(domain: &str, tracking_id: Option<&str>) -> New {
    New {
        name: format!("The site {domain}"),
        domain: domain.parse().unwrap(),
        extra_domains: Vec::new(),
        tracking_id: tracking_id.map(|id| id.parse().unwrap()),
        timezone: "UTC".to_owned(),
        ip_anonymization_enabled: true,
        bot_filtering_enabled: true,
        sampling_rate: 1.0,
        owner: "owner@localhost".parse().unwrap(),
    }
}

async fn change(metadata: &Metadata, sql: &'static str) -> sqlx::Result<()> {
    sqlx::query(sql).execute(&metadata.pool).await.map(drop)
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test]
async fn opening_twice_keeps_what_is_there_and_the_files_private() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("deeper/metadata.sqlite");
    let added = Metadata::open(&path).await.unwrap().add_website(site("example.com", None)).await.unwrap();
    let again = Metadata::open(&path).await.unwrap();
    assert_eq!(again.websites().await.unwrap(), [added]);
    for file in std::fs::read_dir(path.parent().unwrap()).unwrap() {
        let file = file.unwrap().path();
        assert_eq!(mode(&file), 0o600, "{}", file.display());
    }
}

#[tokio::test]
async fn a_file_that_others_could_read_is_taken_from_them() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("metadata.sqlite");
    std::fs::write(&path, b"").unwrap();
    std::fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
    Metadata::open(&path).await.unwrap();
    assert_eq!(mode(&path), 0o600);
}

#[tokio::test]
async fn many_that_open_at_once_all_succeed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("metadata.sqlite");
    let openings: Vec<_> = (0..6).map(|_| tokio::spawn(Metadata::open(path.clone()))).collect();
    for opening in openings {
        opening.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn a_schema_from_the_future_is_refused_in_one_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let metadata = fresh(&folder).await;
    change(
        &metadata,
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) VALUES (99990101000000, 'later', 1, x'00', 0)",
    )
    .await
    .unwrap();
    let error = Metadata::open(folder.path().join("metadata.sqlite")).await.unwrap_err();
    assert!(matches!(error, Error::NewerSchema { version: 99_990_101_000_000, .. }), "{error}");
    assert!(!error.is_transient());
}

#[tokio::test]
async fn what_is_no_database_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("metadata.sqlite");
    std::fs::write(&path, vec![b'x'; 4096]).unwrap();
    assert!(Metadata::open(&path).await.is_err());
}

#[tokio::test]
async fn a_website_is_found_by_either_id() {
    let folder = tempfile::tempdir().unwrap();
    let metadata = fresh(&folder).await;
    let mut new = site("shop.example", None);
    new.extra_domains = vec!["shop.example.org".parse().unwrap(), "localhost".parse().unwrap()];
    new.sampling_rate = 0.25;
    let added = metadata.add_website(new).await.unwrap();
    assert!(added.tracking_id.starts_with("FF-") && added.tracking_id.len() == 11, "{}", added.tracking_id);
    assert!(
        uuid::Uuid::try_parse(&added.website_id).is_ok_and(|id| id.get_version_num() == 4),
        "{}",
        added.website_id
    );
    assert_eq!(added.extra_domains, ["shop.example.org", "localhost"]);
    assert_eq!(metadata.website(&added.tracking_id).await.unwrap().as_ref(), Some(&added));
    assert_eq!(metadata.website(&added.website_id).await.unwrap().as_ref(), Some(&added));
    assert_eq!(metadata.website("FF-NOBODY").await.unwrap(), None);
}

#[tokio::test]
async fn a_tracking_id_belongs_to_one_website_even_after_it_is_deleted() {
    let folder = tempfile::tempdir().unwrap();
    let metadata = fresh(&folder).await;
    metadata.add_website(site("example.com", Some("FF-DEMO-1"))).await.unwrap();
    let taken = metadata.add_website(site("example.org", Some("FF-DEMO-1"))).await.unwrap_err();
    assert!(matches!(&taken, Error::TrackingIdTaken(id) if id == "FF-DEMO-1"), "{taken}");
    change(&metadata, "UPDATE websites SET status = 'deleted'").await.unwrap();
    assert_eq!(metadata.website("FF-DEMO-1").await.unwrap(), None);
    let taken = metadata.add_website_if_missing(site("example.org", Some("FF-DEMO-1"))).await.unwrap_err();
    assert!(matches!(taken, Error::TrackingIdTaken(_)), "{taken}");
}

#[tokio::test]
async fn adding_what_is_there_changes_nothing_when_asked_so() {
    let folder = tempfile::tempdir().unwrap();
    let metadata = fresh(&folder).await;
    let first = metadata.add_website_if_missing(site("example.com", Some("FF-DEMO-1"))).await.unwrap();
    assert!(first.created);
    let before = metadata.policy().await.unwrap();
    let by_id = metadata.add_website_if_missing(site("elsewhere.example", Some("FF-DEMO-1"))).await.unwrap();
    let by_domain = metadata.add_website_if_missing(site("example.com", None)).await.unwrap();
    assert_eq!((by_id.created, &by_id.website), (false, &first.website));
    assert_eq!((by_domain.created, &by_domain.website), (false, &first.website));
    assert_eq!(metadata.policy().await.unwrap(), before);
}

#[tokio::test]
async fn the_owner_is_made_once_and_locked() {
    let folder = tempfile::tempdir().unwrap();
    let metadata = fresh(&folder).await;
    metadata.add_website(site("a.example", None)).await.unwrap();
    metadata.add_website(site("b.example", None)).await.unwrap();
    let users: Vec<(String, String)> =
        sqlx::query_as("SELECT email, password_hash FROM users").fetch_all(&metadata.pool).await.unwrap();
    assert_eq!(users, [("owner@localhost".to_owned(), "!".to_owned())]);
}

#[tokio::test]
async fn the_schema_refuses_what_the_seed_does_not_name() {
    let folder = tempfile::tempdir().unwrap();
    let metadata = fresh(&folder).await;
    metadata.add_website(site("example.com", Some("FF-DEMO-1"))).await.unwrap();
    for sql in [
        "UPDATE websites SET status = 'asleep'",
        "UPDATE websites SET sampling_rate = 0",
        "UPDATE websites SET bot_filtering_enabled = 2",
        "UPDATE websites SET owner_user_id = '00000000-0000-4000-8000-000000000000'",
        "UPDATE websites SET created_at = 'yesterday'",
        "UPDATE users SET status = 'gone'",
        "DELETE FROM users",
        "INSERT INTO website_properties (website_id, property_key, property_value) SELECT website_id, 'extra_domains', 'a.example' FROM websites",
        "INSERT INTO website_properties (website_id, property_key) SELECT website_id, 'extra_domains' FROM websites",
        "INSERT INTO policy_revision (only_row, revision) VALUES (2, 1)",
    ] {
        assert!(change(&metadata, sql).await.is_err(), "{sql}");
    }
}

#[tokio::test]
async fn every_change_that_edges_must_know_raises_the_revision() {
    let folder = tempfile::tempdir().unwrap();
    let metadata = fresh(&folder).await;
    let mut last = metadata.revision().await.unwrap();
    metadata.add_website(site("example.com", Some("FF-DEMO-1"))).await.unwrap();
    for sql in [
        "SELECT 1 -- the website that was just added",
        "UPDATE websites SET status = 'paused'",
        "INSERT INTO website_properties (website_id, property_key, property_value) SELECT website_id, 'extra_domains', '[\"b.example\"]' FROM websites",
        "UPDATE website_properties SET property_value = '[]'",
        "DELETE FROM website_properties",
        "DELETE FROM websites",
    ] {
        change(&metadata, sql).await.unwrap();
        let revision = metadata.revision().await.unwrap();
        assert!(revision > last, "{sql}: {revision} after {last}");
        last = revision;
    }
    change(&metadata, "UPDATE users SET name = 'somebody'").await.unwrap();
    assert_eq!(metadata.revision().await.unwrap(), last);
}

#[tokio::test]
async fn a_database_made_anew_outranks_the_one_before_it() {
    let (old, new) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let before = fresh(&old).await;
    for sql in ["SELECT 1", "UPDATE websites SET name = 'other'", "UPDATE websites SET name = 'another'"] {
        let _ = before.add_website_if_missing(site("example.com", Some("FF-DEMO-1"))).await.unwrap();
        change(&before, sql).await.unwrap();
    }
    sleep(Duration::from_millis(20)).await;
    assert!(fresh(&new).await.revision().await.unwrap() > before.revision().await.unwrap());
}

#[tokio::test]
async fn the_policy_names_active_and_paused_websites_and_no_deleted_one() {
    let folder = tempfile::tempdir().unwrap();
    let metadata = fresh(&folder).await;
    for (domain, id) in [("a.example", "FF-A"), ("b.example", "FF-B"), ("c.example", "FF-C")] {
        metadata.add_website(site(domain, Some(id))).await.unwrap();
    }
    change(&metadata, "UPDATE websites SET status = 'paused' WHERE tracking_id = 'FF-B'").await.unwrap();
    change(&metadata, "UPDATE websites SET status = 'deleted' WHERE tracking_id = 'FF-C'").await.unwrap();
    let policy = metadata.policy().await.unwrap();
    assert_eq!(policy.policy_id, metadata.revision().await.unwrap());
    let sites: Vec<_> = policy.sites.iter().map(|site| (site.tracking_id.as_str(), site.status())).collect();
    assert_eq!(sites, [("FF-A", SiteStatus::Active), ("FF-B", SiteStatus::Paused)]);
    assert!(policy.sites.iter().all(|site| site.ip_anonymization_enabled && site.bot_filtering_enabled));
}

#[tokio::test]
async fn a_change_by_another_process_is_noticed_within_two_seconds() {
    let folder = tempfile::tempdir().unwrap();
    let here = fresh(&folder).await;
    let elsewhere = fresh(&folder).await;
    let (tx, mut rx) = channel::channel(Arc::new(here.policy().await.unwrap()));
    let shutdown = CancellationToken::new();
    let watching = tokio::spawn(watch(here, tx, shutdown.clone()));

    let asked = Instant::now();
    elsewhere.add_website(site("example.com", Some("FF-DEMO-1"))).await.unwrap();
    tokio::time::timeout(Duration::from_secs(2), rx.changed()).await.expect("noticed in time").unwrap();
    let policy: Arc<Policy> = rx.borrow_and_update().clone();
    assert_eq!(policy.sites.len(), 1, "after {:?}", asked.elapsed());

    shutdown.cancel();
    watching.await.unwrap();
}
