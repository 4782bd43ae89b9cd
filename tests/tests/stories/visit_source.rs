//! A visit is of whoever sent it: in every report, list and store, however often its edge is killed.

use footfall_tests::cluster::{CATCH_UP, Cluster, cluster};
use footfall_tests::run::Server;
use footfall_tests::wait::until;
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_visit_from_a_search_engine_is_one_visit_of_it_although_the_edge_was_killed() {
    let cluster = cluster().start().await;
    let page = |path: &str| format!("{}{path}", cluster.run().urls.demo);
    view(&cluster, &page("/"), "https://www.google.com/").await;
    view(&cluster, &page("/gallery"), &page("/")).await;
    let old = cluster.kill(Server::Edge);
    cluster.until_back(Server::Edge, old).await;
    // The shop's own payment service and a link with a campaign's name stand in the middle of the visit.
    view(&cluster, &page("/gallery/1?utm_source=news&gclid=x"), "https://pay.example/").await;
    let purchase = json!({
        "event_type": "transaction", "transaction_id": 10045, "transaction_revenue": "10.50",
        "page_url": page("/thanks"), "page_referrer": page("/gallery/1"),
    });
    send(&cluster, &purchase).await;

    let stored = "SELECT traffic_source, source_name, traffic_medium, source_known, count(), countIf(event_type = 'pageview'), \
                  sum(transaction_revenue), uniqExact(session_id) FROM footfall.events GROUP BY ALL FORMAT TabSeparated";
    until("all four are stored, of one visit and of one source", CATCH_UP, || async {
        let found = cluster.try_clickhouse(stored).await.ok()?;
        (found == "organic\tgoogle\torganic\t1\t4\t3\t10.5\t1").then_some(())
    })
    .await;

    let site = format!("/api/v1/sites/{}", cluster.run().tracking_id);
    let realtime = cluster.api(&format!("{site}/realtime")).await;
    assert_eq!(realtime["sources"]["top"], json!([{ "name": "google", "pageviews": 3 }]));
    assert_eq!(realtime["channels"]["top"], json!([{ "name": "organic", "pageviews": 3 }]));
    // An answer of a report is kept for some seconds.
    let stats = until("the day's figures hold all of the visit", CATCH_UP, || async {
        let stats: Value = cluster.api(&format!("{site}/stats")).await;
        (stats["pageviews"] == 3).then_some(stats)
    })
    .await;
    assert_eq!(stats["sessions"], 1);
    assert_eq!(stats["sources"], json!([{ "name": "google", "pageviews": 3, "visitors": 1 }]));
    assert_eq!(stats["channels"], json!([{ "name": "organic", "pageviews": 3, "visitors": 1 }]));
    cluster.finish().await;
}

async fn view(cluster: &Cluster, url: &str, referrer: &str) {
    let view = json!({ "event_type": "pageview", "page_url": url, "page_referrer": referrer });
    send(cluster, &view).await;
}

async fn send(cluster: &Cluster, event: &Value) {
    let batch = json!({ "tracking_id": cluster.run().tracking_id, "events": [event] });
    let answer = cluster.post(batch.to_string()).await;
    assert_eq!(answer.status(), 204, "{event}");
}
