//! The eight tables: made once, by one, checked, and true to the seed.

use std::collections::BTreeSet;

use footfall_daemon::fault::Classify as _;
use footfall_metadata::{Error, Metadata};

use crate::metadata::fixture::{Fixture, site};

pub(crate) async fn many_that_open_at_once_all_succeed(fixture: &Fixture) {
    let openings: Vec<_> = (0..6).map(|_| tokio::spawn(Metadata::open(fixture.location.clone()))).collect();
    for opening in openings {
        opening.await.expect("ran").expect("opened").close().await;
    }
}

pub(crate) async fn a_schema_from_the_future_is_refused(fixture: &Fixture) {
    fixture.open().await.close().await;
    let blob = if fixture.location.is_server() { "'\\x00'" } else { "x'00'" };
    let later = format!(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
         VALUES (99990101000000, 'later', true, {blob}, 0)"
    );
    fixture.sql(&later).await.expect("noted");
    let error = Metadata::open(fixture.location.clone()).await.expect_err("refused");
    assert!(matches!(error, Error::NewerSchema { version: 99_990_101_000_000, .. }), "{error}");
    let sentence = error.to_string();
    assert!(
        sentence.contains(&fixture.location.to_string()) && sentence.contains("run that version"),
        "{sentence}"
    );
    assert!(!error.is_transient());
}

pub(crate) async fn a_migration_that_was_changed_is_refused(fixture: &Fixture) {
    fixture.open().await.close().await;
    let other = if fixture.location.is_server() { "'\\x00'" } else { "x'00'" };
    let changed = format!("UPDATE _sqlx_migrations SET checksum = {other} WHERE version = 20261123090100");
    fixture.sql(&changed).await.expect("changed");
    let error = Metadata::open(fixture.location.clone()).await.expect_err("refused");
    assert!(matches!(error, Error::ChangedSchema { version: 20_261_123_090_100, .. }), "{error}");
    assert!(error.to_string().contains("made by another build"), "{error}");
}

pub(crate) async fn every_table_of_the_seed_is_there(fixture: &Fixture) {
    fixture.open().await.close().await;
    let tables = if fixture.location.is_server() {
        "SELECT table_name::text FROM information_schema.tables WHERE table_schema = 'public'"
    } else {
        "SELECT name FROM sqlite_master WHERE type = 'table'"
    };
    let tables: BTreeSet<_> = fixture.texts(tables).await.into_iter().collect();
    for table in [
        "users",
        "websites",
        "website_properties",
        "website_permissions",
        "goals",
        "funnels",
        "custom_dimensions",
        "custom_metrics",
    ] {
        assert!(tables.contains(table), "{table} is not among {tables:?}");
    }
}

pub(crate) async fn what_the_seed_does_not_name_is_refused(fixture: &Fixture) {
    let metadata = fixture.open().await;
    metadata.add_website(site("example.com", Some("FF-DEMO-1"))).await.expect("added");
    let goal = |columns: &str, values: &str| {
        format!(
            "INSERT INTO goals (website_id, name, {columns}) SELECT website_id, 'g', {values} FROM websites"
        )
    };
    let another = "INSERT INTO users (email, name, password_hash) VALUES ('b@example.com', 'B', '!')";
    fixture.sql(another).await.expect("another user");
    for sql in [
        "UPDATE websites SET status = 'asleep'",
        "UPDATE websites SET sampling_rate = 0",
        "UPDATE websites SET bot_filtering_enabled = 2",
        "UPDATE websites SET currency = 'usd'",
        "UPDATE websites SET owner_user_id = '00000000-0000-4000-8000-000000000000'",
        "UPDATE websites SET created_at = 'some time'",
        "UPDATE users SET status = 'gone'",
        "UPDATE users SET email = 'Ada@Example.com'",
        "DELETE FROM users",
        "INSERT INTO website_properties (website_id, property_key, property_value) SELECT website_id, 'extra_domains', 'a.example' FROM websites",
        "INSERT INTO website_properties (website_id, property_key) SELECT website_id, 'extra_domains' FROM websites",
        "INSERT INTO policy_revision (only_row, revision) VALUES (2, 1)",
        "UPDATE website_permissions SET role = 'king'",
        "UPDATE website_permissions SET role = 'viewer'",
        "DELETE FROM website_permissions",
        "INSERT INTO website_permissions (website_id, user_id, role) SELECT website_id, user_id, 'owner' FROM websites CROSS JOIN users WHERE email = 'b@example.com'",
        &goal("type, match_type, value", "'luck', 'equals', '/'"),
        &goal("type, match_type, value", "'destination', 'sounds_like', '/'"),
        &goal("type", "'destination'"),
        &goal("type, value_numeric", "'destination', 3"),
        &goal("type, match_type, value, value_numeric", "'event', 'equals', 'buy', 3"),
        &goal("type, value_numeric", "'duration', 0"),
        &goal("type, value_numeric, is_active", "'duration', 60, false"),
        "INSERT INTO funnels (website_id, name, steps) SELECT website_id, 'f', '{}' FROM websites",
        "INSERT INTO funnels (website_id, name, steps) SELECT website_id, 'f', '[{}]' FROM websites",
        "INSERT INTO funnels (website_id, name, steps) SELECT website_id, 'f', 'steps' FROM websites",
        "INSERT INTO custom_dimensions (website_id, \"index\", name, scope) SELECT website_id, 21, 'd', 'hit' FROM websites",
        "INSERT INTO custom_dimensions (website_id, \"index\", name, scope) SELECT website_id, 1, 'd', 'galaxy' FROM websites",
        "INSERT INTO custom_metrics (website_id, \"index\", name, type) SELECT website_id, 0, 'm', 'integer' FROM websites",
        "INSERT INTO custom_metrics (website_id, \"index\", name, type) SELECT website_id, 1, 'm', 'colour' FROM websites",
        "INSERT INTO leases (name, holder, token, expires_at_ms) VALUES ('archive', 'a', 0, 0)",
    ] {
        assert!(fixture.sql(sql).await.is_err(), "{sql}");
    }
    // What is right passes, so that it was not the form that was refused.
    for sql in [
        &goal("type, match_type, value", "'destination', 'equals', '/thanks'"),
        "INSERT INTO funnels (website_id, name, steps) SELECT website_id, 'f', '[{}, {}]' FROM websites",
        "INSERT INTO custom_metrics (website_id, \"index\", name, type) SELECT website_id, 20, 'm', 'time' FROM websites",
        "UPDATE websites SET owner_user_id = (SELECT user_id FROM users WHERE email = 'b@example.com')",
        "DELETE FROM websites",
    ] {
        fixture.sql(sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    }
    assert_eq!(fixture.texts("SELECT role FROM website_permissions").await, Vec::<String>::new());
    metadata.close().await;
}
