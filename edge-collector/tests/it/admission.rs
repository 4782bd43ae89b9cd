//! Which requests are taken, what is made of them, and what their senders are told.

use footfall_proto::beacon::{BeaconBatch, Consent};
use footfall_proto::limits::MAX_BODY_BYTES;
use footfall_proto::relay::DropReason;
use prost::Message;
use serde_json::{Value, json};

use crate::support::{
    CHROME, ORIGIN, RunningEdge, SITE, WEBSITE, answer, batch, body, config, eventually, folder, page_view,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_page_view_is_journalled_with_all_that_the_edge_knows() {
    let dir = folder();
    let edge = RunningEdge::start(config(dir.path())).await;
    let response = edge
        .post(body(vec![page_view(1)]))
        .header("x-forwarded-for", "81.2.69.160")
        .send()
        .await
        .expect("answered");
    assert_eq!(response.status(), 204);
    assert_eq!(response.headers()["access-control-allow-origin"], ORIGIN);
    assert_eq!(response.headers()["vary"], "Origin");
    let records = edge.records();
    assert_eq!(records.len(), 1);
    let record = &records[0];
    assert_eq!((record.website_id.as_str(), record.policy_id), (WEBSITE, 7));
    let visit = record.visit.as_ref().expect("a visit");
    assert_eq!(
        (visit.country.as_str(), visit.region.as_str(), visit.city.as_str()),
        ("GB", "England", "London")
    );
    assert_eq!(&visit.ip_address[10..], &[0xff, 0xff, 81, 2, 69, 0], "cut before the journal");
    assert_eq!(
        (visit.browser.as_str(), visit.os.as_str(), visit.device_type.as_str()),
        ("Chrome", "Linux", "desktop")
    );
    assert_eq!((visit.screen_resolution.as_str(), visit.user_agent.as_str()), ("1920x1080", CHROME));
    assert!(visit.local_salt && !visit.is_bot && (visit.sample_rate - 1.0).abs() < f64::EPSILON);
    let admitted = &record.events[0];
    assert_eq!(admitted.event, page_view(1).encode_to_vec(), "verbatim");
    assert_eq!(admitted.event_id, vec![1; 16]);
    assert_eq!(
        (admitted.page_path.as_str(), admitted.traffic_source.as_str(), admitted.source_name.as_str()),
        ("/page/1", "other", "news")
    );
    assert!(admitted.source_known);
    assert_eq!((admitted.user_id.len(), admitted.session_id.len()), (32, 32));
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_page_gave_up_is_counted_once_and_a_page_that_exaggerates_is_not_believed() {
    let dir = folder();
    let edge = RunningEdge::start(config(dir.path())).await;
    let gave_up = |dropped, number| BeaconBatch { dropped, ..batch(vec![page_view(number)]) }.encode_to_vec();
    // The second is the first one, sent again: its event is told as a duplicate.
    for (body, status) in [(gave_up(3, 1), 204), (gave_up(3, 1), 200), (gave_up(u32::MAX, 2), 204)] {
        assert_eq!(edge.send(body).await.0, status);
    }
    let metrics = edge.metrics().await;
    assert!(metrics.contains("footfall_edge_beacon_given_up_events_total 10003"), "{metrics}");
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn json_is_taken_in_every_documented_shape() {
    let dir = folder();
    let edge = RunningEdge::start(config(dir.path())).await;
    let event = json!({"event_type": "pageview", "page_url": "https://www.example.org/a?b", "page_title": "T", "colour": 1});
    let mut lone = event.clone();
    lone["tracking_id"] = SITE.into();
    for document in [json!({"tracking_id": SITE, "events": [event]}), lone.clone(), json!([lone])] {
        assert_eq!(edge.send(document.to_string()).await.0, 204, "{document}");
    }
    // As a person tries it: curl, from no page.
    let request =
        edge.http.post(format!("{}/e", edge.url)).header("user-agent", "curl/8.5.0").body(lone.to_string());
    assert_eq!(
        answer(request.header("accept", "application/json")).await,
        (200, json!({"accepted": 1, "dropped": []}))
    );
    let records = edge.records();
    assert_eq!(records.len(), 4);
    assert!(records.iter().all(|record| record.events[0].event_id.len() == 16), "ids are made here");
    assert!(edge.metrics().await.contains("footfall_edge_json_unknown_keys_total 4"));
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ids_that_a_sender_states_are_hashed_per_site_and_the_beacons_need_consent() {
    let dir = folder();
    let edge = RunningEdge::start(config(dir.path())).await;
    let mut sent = batch(vec![page_view(1)]);
    (sent.user_id, sent.session_id) = ("alice".into(), "visit".into());
    for (consent, id) in
        [(Consent::Unspecified, 1), (Consent::Granted, 2), (Consent::Granted, 3), (Consent::Denied, 4)]
    {
        sent.consent = consent as i32;
        sent.events = vec![page_view(id)];
        assert_eq!(edge.send(sent.encode_to_vec()).await.0, 204);
    }
    let document =
        json!({"tracking_id": SITE, "event_type": "event", "user_id": "alice", "session_id": "visit"});
    assert_eq!(edge.send(document.to_string()).await.0, 204);
    let events: Vec<_> = edge.records().into_iter().flat_map(|record| record.events).collect();
    let names: Vec<_> =
        events.iter().map(|event| (event.user_id.as_str(), event.session_id.as_str())).collect();
    assert_eq!(names[1], names[2]);
    assert_eq!(names[1], names[4], "JSON states its ids itself");
    assert_eq!(names[0], names[3], "one cookieless visitor, one session");
    assert_ne!(names[0].0, names[1].0);
    assert!(names.iter().all(|(user, session)| user.len() == 32 && session.len() == 32));
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_stays_whole_only_with_consent_and_a_site_that_wants_it() {
    let dir = folder();
    let edge = RunningEdge::start(config(dir.path())).await;
    let mut last_bytes = Vec::new();
    for (id, site, consent) in
        [(1, "FF-OPEN", Consent::Granted), (2, "FF-OPEN", Consent::Unspecified), (3, SITE, Consent::Granted)]
    {
        let mut sent = batch(vec![page_view(id)]);
        (sent.tracking_id, sent.consent) = (site.into(), consent as i32);
        let request = edge.post(sent.encode_to_vec()).header("x-forwarded-for", "81.2.69.160");
        assert_eq!(answer(request).await.0, 204);
        last_bytes.push(edge.records().last().expect("one").visit.as_ref().expect("visit").ip_address[15]);
    }
    assert_eq!(last_bytes, [160, 0, 0]);
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_have_a_status_a_reason_and_a_count() {
    let dir = folder();
    let edge = RunningEdge::start(config(dir.path())).await;
    let of = |site: &str| {
        let mut sent = batch(vec![page_view(1), page_view(2)]);
        sent.tracking_id = site.into();
        sent.encode_to_vec()
    };
    for (site, origin, reason) in [
        ("FF-NONE", ORIGIN, "unknown_site"),
        ("FF-PAUSED", ORIGIN, "paused_site"),
        ("FF-OTHER", ORIGIN, "origin"),
        (SITE, "https://evil.test", "origin"),
        (SITE, "null", "origin"),
        ("FF-NONE", "https://evil.test", "unknown_site"),
    ] {
        let request = edge.http.post(format!("{}/e", edge.url)).header("origin", origin).body(of(site));
        let response = request.send().await.expect("answered");
        assert_eq!(response.status(), 403, "{site} {origin}");
        assert_eq!(response.headers()["x-footfall-reason"], reason);
        // Only pages of some known site may read why, and no page with its cookies.
        let readable =
            response.headers().get("access-control-allow-origin").map(reqwest::header::HeaderValue::as_bytes);
        assert_eq!(readable, (origin == ORIGIN).then_some(ORIGIN.as_bytes()), "{site} {origin}");
        assert!(!response.headers().contains_key("access-control-allow-credentials"));

        // And every page may ask the edge for just that.
        let asked = edge.http.get(format!("{}/e?site={site}", edge.url)).header("origin", origin);
        let asked = asked.send().await.expect("answered");
        assert_eq!(
            (asked.status().as_u16(), &asked.headers()["access-control-allow-origin"]),
            (403, &"*".parse().expect("header"))
        );
        assert_eq!(asked.json::<Value>().await.expect("JSON"), response.json::<Value>().await.expect("JSON"));
    }
    let metrics = edge.metrics().await;
    for line in [
        "events_dropped_total{reason=\"origin\"} 6",
        "events_dropped_total{reason=\"unknown_site\"} 4",
        "requests_refused_total{reason=\"origin\"} 3",
        "requests_refused_total{reason=\"unknown_site\"} 2",
        "requests_refused_total{reason=\"paused_site\"} 1",
    ] {
        assert!(metrics.contains(line), "{line}\n{metrics}");
    }
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_whose_events_are_taken_is_told_so_and_nothing_else_is() {
    let dir = folder();
    let edge = RunningEdge::start(config(dir.path())).await;
    let ask = async |query: &str| {
        let request = edge.http.get(format!("{}{query}", edge.url)).header("origin", ORIGIN);
        request.send().await.expect("answered")
    };
    for (query, status) in [("/e?site=FF-1", 204), ("/e?x=1&site=FF%2D1", 204), ("/e", 405), ("/e?", 405)] {
        assert_eq!(ask(query).await.status(), status, "{query}");
    }
    let told = ask("/e?site=FF-1").await;
    assert_eq!(told.headers()["cache-control"], "no-store");
    assert!(told.text().await.expect("whole").is_empty());
    assert!(edge.records().is_empty());
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_before_it_is_read_is_told_to_the_pages_of_known_sites() {
    let dir = folder();
    let edge = RunningEdge::start(config(dir.path())).await;
    for (path, body, status) in [
        ("/e", vec![0xff; 300], 400),
        ("/e", vec![b'{'; MAX_BODY_BYTES + 1], 413),
        ("/nowhere", vec![b'x'; MAX_BODY_BYTES + 1], 404),
    ] {
        for origin in [ORIGIN, "https://evil.test", "null"] {
            let request = edge.http.post(format!("{}{path}", edge.url)).header("origin", origin);
            let response = request.body(body.clone()).send().await.expect("answered");
            assert_eq!(response.status(), status, "{path} {origin}");
            let readable = response
                .headers()
                .get("access-control-allow-origin")
                .map(reqwest::header::HeaderValue::as_bytes);
            assert_eq!(readable, (origin == ORIGIN).then_some(ORIGIN.as_bytes()), "{path} {origin}");
            assert!(response.json::<Value>().await.expect("JSON")["error"].is_string(), "{path} {origin}");
        }
    }
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn drops_are_told_per_event_and_reach_the_ledger() {
    let dir = folder();
    let edge = RunningEdge::start(config(dir.path())).await;
    let mut old = page_view(2);
    old.client_timestamp_ms = 1;
    let mut nameless = page_view(3);
    nameless.event_type.clear();
    let (status, told) = edge.send(body(vec![page_view(1), old, nameless])).await;
    let dropped = json!([{"index": 1, "reason": "too_old"}, {"index": 2, "reason": "invalid"}]);
    assert_eq!((status, told), (200, json!({"accepted": 1, "dropped": dropped})));
    let tallies: Vec<_> =
        edge.records()[0].tallies.iter().map(|tally| (tally.reason(), tally.count)).collect();
    assert_eq!(tallies, [(DropReason::TooOld, 1), (DropReason::Invalid, 1)], "in the same record");

    for header in ["sec-gpc", "dnt"] {
        let (status, told) = answer(edge.post(body(vec![page_view(9)])).header(header, "1")).await;
        assert_eq!((status, &told["accepted"]), (200, &json!(0)));
    }
    let googlebot = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)";
    let (status, told) = answer(edge.post(body(vec![page_view(9)])).header("user-agent", googlebot)).await;
    assert_eq!((status, &told["dropped"][0]["reason"]), (200, &json!("bot")));
    eventually("the counts are journalled", async || {
        let records = edge.records();
        let rest: u64 = records[1..].iter().flat_map(|record| &record.tallies).map(|tally| tally.count).sum();
        rest == 3
            && records[1..].iter().all(|record| record.events.is_empty() && record.website_id == WEBSITE)
    })
    .await;
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_site_without_bot_filtering_marks_bots() {
    let dir = folder();
    let edge = RunningEdge::start(config(dir.path())).await;
    let mut sent = batch(vec![page_view(1)]);
    sent.tracking_id = "FF-OPEN".into();
    let request = edge.post(sent.encode_to_vec()).header("user-agent", "Googlebot/2.1");
    assert_eq!(answer(request).await.0, 204);
    assert!(edge.records()[0].visit.as_ref().expect("visit").is_bot);
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sampled_site_keeps_a_visitor_wholly_or_not_at_all() {
    let dir = folder();
    let edge = RunningEdge::start(config(dir.path())).await;
    let mut kept = 0;
    for visitor in 0..40_u8 {
        let mut statuses = Vec::new();
        for id in 1..=3 {
            let mut sent = batch(vec![page_view(visitor * 4 + id)]);
            sent.tracking_id = "FF-SAMPLED".into();
            let request =
                edge.post(sent.encode_to_vec()).header("x-forwarded-for", format!("81.2.69.{visitor}"));
            statuses.push(answer(request).await.0);
        }
        assert!(statuses == [204; 3] || statuses == [200; 3], "{statuses:?}");
        kept += usize::from(statuses[0] == 204);
    }
    assert!((5..35).contains(&kept), "{kept}");
    let rates = edge.records().into_iter().filter_map(|record| record.visit).map(|visit| visit.sample_rate);
    assert!(rates.into_iter().all(|rate| (rate - 0.5).abs() < f64::EPSILON));
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pixel_is_a_page_view() {
    let dir = folder();
    let edge = RunningEdge::start(config(dir.path())).await;
    let query = "/p.gif?s=FF-1&u=https%3A%2F%2Fwww.example.org%2Fp%3Fgclid%3D1&t=T";
    let response = edge.get(query).await;
    assert_eq!(
        (response.status().as_u16(), &response.headers()["content-type"]),
        (200, &"image/gif".parse().expect("header"))
    );
    assert!(response.headers()["cache-control"].to_str().expect("text").contains("no-store"));
    assert!(response.bytes().await.expect("body").starts_with(b"GIF89a"));
    let event = edge.records().remove(0).events.remove(0);
    assert_eq!(
        (event.page_path.as_str(), event.traffic_source.as_str(), event.traffic_medium.as_str()),
        ("/p", "paid", "cpc")
    );
    assert_eq!(edge.get("/p.gif?s=FF-NONE&u=https%3A%2F%2Fx%2F").await.status(), 403);
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_policy_clients_are_asked_to_come_back() {
    let dir = tempfile::tempdir().expect("temporary folder");
    let edge = RunningEdge::start(config(dir.path())).await;
    let response = edge.post(body(vec![page_view(1)])).send().await.expect("answered");
    assert_eq!(response.status(), 503);
    assert_eq!(response.headers()["retry-after"], "5");
    assert!(
        response.headers()["access-control-expose-headers"].to_str().expect("text").contains("Retry-After")
    );
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn preflights_are_answered_for_origins_of_known_sites() {
    let dir = folder();
    let edge = RunningEdge::start(config(dir.path())).await;
    for (origin, known) in [(ORIGIN, true), ("https://evil.test", false)] {
        let url = format!("{}/e", edge.url);
        let response = edge
            .http
            .request(reqwest::Method::OPTIONS, url)
            .header("origin", origin)
            .send()
            .await
            .expect("answered");
        assert_eq!(response.status(), 204);
        assert_eq!(response.headers().contains_key("access-control-allow-methods"), known, "{origin}");
        assert_eq!(response.headers().contains_key("access-control-allow-origin"), known, "{origin}");
    }
    edge.stop().await;
}
