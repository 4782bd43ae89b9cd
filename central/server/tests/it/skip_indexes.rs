//! The seed's skip indexes leave out granules in the questions that they are for.

use crate::support::Engine;
use clickhouse::Client;

/// Enough for several blocks of an index of granularity 4.
const ROWS: u64 = 200_000;

/// Granules that an index leaves, of how many it was asked about.
async fn granules(client: &Client, index: &str, filter: &str) -> (u64, u64) {
    let question = format!("EXPLAIN indexes = 1 SELECT count() FROM events_local WHERE {filter}");
    let lines = client.query(&question).fetch_all::<String>().await.expect("a plan");
    let of_index = lines.iter().skip_while(|line| line.trim() != format!("Name: {index}"));
    let line = of_index.map(|line| line.trim()).find_map(|line| line.strip_prefix("Granules: "));
    let (left, all) = line
        .and_then(|line| line.split_once('/'))
        .unwrap_or_else(|| panic!("{index} is not used: {lines:#?}"));
    (left.parse().expect("a number"), all.parse().expect("a number"))
}

#[tokio::test(flavor = "multi_thread")]
async fn each_skip_index_leaves_out_what_cannot_match() {
    let dir = tempfile::tempdir().expect("temp dir");
    let engine = Engine::start(dir.path()).await;
    let client = engine.client();
    // One website whose pages, sessions and users change with time, as they do.
    let insert = format!(
        "INSERT INTO events_local (event_id, website_id, session_id, user_id, event_type, page_path, server_timestamp)
         SELECT generateUUIDv4(), 'site', concat('session-', toString(intDiv(number, 10))), concat('user-', toString(intDiv(number, 20))),
             'pageview', concat('/blog/post', toString(intDiv(number, 1000)), '/read'),
             toDateTime64('2026-11-23 00:00:00', 3, 'UTC') + toIntervalMillisecond(number * 400)
         FROM numbers({ROWS})"
    );
    client.query(&insert).execute().await.expect("stored");
    for (index, filter) in [
        ("idx_session", "website_id = 'site' AND session_id = 'session-7'"),
        ("idx_user", "website_id = 'site' AND user_id = 'user-9000'"),
        ("idx_page", "website_id = 'site' AND hasToken(page_path, 'post150')"),
        ("idx_page", "website_id = 'site' AND page_path = '/blog/post3/read'"),
        // The key, which begins with the website, would leave the same granules out here, where there is one website.
        (
            "idx_timestamp",
            "server_timestamp >= toDateTime64('2026-11-23 20:00:00', 3, 'UTC') SETTINGS use_primary_key = 0",
        ),
    ] {
        let (left, all) = granules(&client, index, filter).await;
        assert!(left < all && all > 0, "{index}: {left} of {all} granules for {filter}");
    }
    engine.stop().await;
}
