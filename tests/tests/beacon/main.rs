//! The beacon in a real browser, in pages of one origin, posting to an edge of another that only listens.

mod consent;
mod page_life;
mod refusals;

use std::time::Duration;

use footfall_proto::beacon::{Consent, Event};
use footfall_tests::recorder::{Reply, Seen};
use footfall_tests::stage::Stage;
use serde_json::Value;

/// Longer than a beacon waits for anything.
const AN_HOUR: Duration = Duration::from_hours(1);

/// A call as the page owner's snippet makes it before the tag is loaded.
const SNIPPET: &str =
    "window.footfall=window.footfall||function(){(footfall.q=footfall.q||[]).push(arguments)};";

fn kinds(events: &[Event]) -> Vec<&str> {
    events.iter().map(|event| event.event_type.as_str()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_view_arrives_by_itself_and_says_where_when_and_on_what() {
    let stage = Stage::new().await;
    let view = stage.visit("/a").await;
    assert_eq!((view.event_type.as_str(), view.page_title.as_str()), ("pageview", "Page /a"));
    assert_eq!(view.page_view_id, view.event_id);
    assert_eq!((view.event_id[6] >> 4, view.event_id[8] >> 6), (7, 2), "a UUIDv7");
    assert!((footfall_tests::event::now_ms() - view.client_timestamp_ms).abs() < 60_000);

    let batch = stage.edge.batches().remove(0);
    assert_eq!(batch.tracking_id, "FF-TEST-1");
    assert_eq!((batch.page_load_id.len(), batch.sequence, batch.attempt), (16, 0, 0));
    assert!(batch.sent_at_ms >= view.client_timestamp_ms && !batch.sdk_version.is_empty());
    assert!(batch.screen_width > 0 && batch.screen_height > 0 && batch.viewport_height > 0);
    assert_eq!(batch.viewport_width, 1280);
    assert!(batch.language.starts_with("en") && !batch.timezone.is_empty(), "{batch:?}");
    let hints = batch.hints.expect("Chromium has client hints");
    assert!(
        !hints.platform.is_empty() && hints.mobile == Some(false) && !hints.brands.is_empty(),
        "{hints:?}"
    );
    assert_eq!((batch.gpc, batch.dnt, batch.consent), (false, false, Consent::Unspecified as i32));
    assert_eq!(stage.browser.run("return localStorage.length + document.cookie.length").await, 0);

    stage.browser.click("a").await;
    let events = stage.edge.wait_for_events(3).await;
    assert_eq!(kinds(&events), ["pageview", "engagement", "pageview"]);
    assert_eq!((&events[1].page_view_id, &events[1].page_url), (&view.event_id, &view.page_url));
    assert_eq!(events[2].page_referrer, view.page_url);
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn navigation_inside_a_page_is_a_page_view_with_its_own_title_and_referrer() {
    let stage = Stage::new().await;
    let first = stage.visit("/a").await;
    stage
        .browser
        .run(
            "history.replaceState(null, '', '/a'); history.replaceState(null, '', '#part'); \
              history.pushState({}, '', '/gallery/1?x=1'); document.title = 'One'",
        )
        .await;
    let events = stage.edge.wait_for_events(3).await;
    assert_eq!(kinds(&events), ["pageview", "engagement", "pageview"], "the same address is the same page");
    assert_eq!(
        (events[2].page_url.clone(), events[2].page_title.as_str()),
        (stage.url("/gallery/1?x=1"), "One")
    );
    assert_eq!(events[2].page_referrer, first.page_url);
    assert_eq!((&events[1].page_view_id, &events[1].page_url), (&first.event_id, &first.page_url));
    assert!(events[1].engagement_ms > 0);
    let posts = stage.edge.posts();
    assert_eq!(posts[posts.len() - 1].batch().events.len(), 2, "engagement travels with the page view");

    stage.browser.run("history.back()").await;
    let events = stage.edge.wait_for_events(5).await;
    assert_eq!(events[4].page_url, stage.url("/a#part"));
    assert_eq!(events[4].page_referrer, stage.url("/gallery/1?x=1"));
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn events_from_before_the_module_was_there_keep_their_time_and_fields() {
    let stage = Stage::new().await;
    let wasm = stage.edge.origin().to_owned() + "/footfall.wasm";
    let wasm = footfall_tests::http::get(&wasm).await.expect("served").bytes().await.expect("whole");
    let (slow, module) = Reply::file("application/wasm", wasm).held();
    stage.edge.serve("/footfall.wasm", slow);
    let call = "footfall('event', { category: 'video', action: 'play', label: 7, value: '2.5', \
                custom_dimensions: { 3: 'blue' }, custom_metrics: { 20: 0.5 }, source: 'mail', colour: 'none' });";
    stage.page("/a", "", &format!("{SNIPPET}{call}"));
    stage.browser.stop_clocks().await;
    stage.browser.open(&stage.url("/a")).await;
    stage.browser.wait_for("footfall.site").await;
    stage
        .browser
        .run(
            "footfall('purchase', { transaction_id: 1234, transaction_revenue: 49.9, transaction_tax: 8, \
             transaction_shipping: 0, product_sku: 'S-1', product_name: 'Mug', product_category: 'Kitchen', \
             product_price: 24.95, product_quantity: 2 })",
        )
        .await;
    let called_at = stage.browser.run("return Date.now()").await;
    stage.browser.advance(Duration::from_secs(5)).await;
    module.open();
    stage.browser.wait_for("testPage.modules == 1").await;
    stage.browser.advance(Duration::from_secs(2)).await;
    let events = stage.edge.wait_for_events(3).await;
    // Two requests are under way at once: either may arrive first.
    let of = |kind: &str| events.iter().find(|event| event.event_type == kind).expect("each has come");
    let (view, video, purchase) = (of("pageview"), of("event"), of("purchase"));
    assert_eq!(events.len(), 3, "{:?}", kinds(&events));
    assert!(
        events.iter().all(|event| event.page_view_id == view.event_id && event.page_url == stage.url("/a"))
    );
    assert_eq!(
        (
            video.event_category.as_str(),
            video.event_action.as_str(),
            video.event_label.as_str(),
            video.event_value
        ),
        ("video", "play", "7", Some(2.5))
    );
    assert_eq!(video.custom_dimensions, [(3, "blue".to_owned())].into());
    assert_eq!(video.custom_metrics, [(20, 0.5)].into());
    assert_eq!(video.traffic_source, "mail");
    assert!(events.iter().all(|event| called_at == event.client_timestamp_ms), "{called_at}: {events:?}");
    let expected = Event {
        event_id: purchase.event_id.clone(),
        event_type: "purchase".into(),
        client_timestamp_ms: purchase.client_timestamp_ms,
        page_view_id: view.event_id.clone(),
        page_url: view.page_url.clone(),
        page_title: view.page_title.clone(),
        transaction_id: Some("1234".into()),
        transaction_revenue: Some(49.9),
        transaction_tax: Some(8.0),
        transaction_shipping: Some(0.0),
        product_sku: Some("S-1".into()),
        product_name: Some("Mug".into()),
        product_category: Some("Kitchen".into()),
        product_price: Some(24.95),
        product_quantity: Some(2),
        ..Event::default()
    };
    assert_eq!(purchase, &expected);
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn global_privacy_control_and_do_not_track_are_honoured_by_silence() {
    let stage = Stage::new().await;
    stage.browser.stop_clocks().await;
    for signal in ["globalPrivacyControl", "doNotTrack"] {
        let script = format!(
            "Object.defineProperty(Navigator.prototype, '{signal}', {{ get: () => location.search ? '1' : null }})"
        );
        stage.browser.before_each_page(&script).await;
    }
    stage.browser.open(&(stage.url("/a") + "?quiet")).await;
    stage.browser.wait_for("window.footfall && footfall.site").await;
    stage.browser.run("footfall('event', { action: 'x' }); history.pushState(null, '', '/b?quiet')").await;
    stage.browser.advance(AN_HOUR).await;
    stage.browser.close_tab().await;
    stage.barrier().await;
    let paths = stage.edge.seen().into_iter().map(|seen| seen.path);
    let paths: Vec<_> =
        paths.filter(|path| !path.starts_with("/barrier/") && path != "/favicon.ico").collect();
    assert_eq!(paths, ["/footfall.js"], "not even the module was fetched");

    stage.page("/c", "data-signals=\"report\"", "");
    stage
        .browser
        .before_each_page("Object.defineProperty(navigator, 'globalPrivacyControl', { value: true })")
        .await;
    stage.browser.open(&stage.url("/c")).await;
    stage.edge.wait_for_events(1).await;
    let batch = stage.edge.batches().remove(0);
    assert_eq!((batch.gpc, batch.dnt), (true, false), "a site may leave the decision to its edge");
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_that_was_refused_for_now_comes_again_unchanged_and_not_too_soon() {
    let stage = Stage::new().await;
    stage.browser.stop_clocks().await;
    stage.edge.answer_post(Reply::status(503).header("retry-after", "2"));
    stage.edge.answer_post(Reply::status(500));
    stage.visit("/a").await;
    // As the edge asked, and up to a second more, so that not all browsers come back at once.
    let asked = stage.next_timer().await;
    assert!((2_000..=3_020).contains(&asked), "{asked} ms");
    stage.browser.advance(Duration::from_millis(asked - 1)).await;
    stage.barrier().await;
    assert_eq!(stage.edge.posts().len(), 1, "a millisecond early it has not come");
    stage.browser.advance(Duration::from_millis(1)).await;
    stage.edge.wait_for_posts(2).await;
    // After the second failure in a row one to two seconds, when nobody asked for more.
    let own = stage.next_timer().await;
    assert!((1_000..=2_000).contains(&own), "{own} ms");
    stage.browser.advance(Duration::from_millis(own)).await;
    let posts = stage.edge.wait_for_posts(3).await;
    let batches: Vec<_> = posts.iter().map(Seen::batch).collect();
    assert_eq!(batches.iter().map(|batch| batch.attempt).collect::<Vec<_>>(), [0, 1, 2]);
    assert!(batches.iter().all(|batch| batch.sequence == 0 && batch.events == batches[0].events));
    // The module, three batches and two barriers were answered.
    stage.browser.wait_for("testPage.answers == 6").await;
    stage.browser.advance(AN_HOUR).await;
    stage.barrier().await;
    assert_eq!(stage.edge.posts().len(), 3, "what was taken is not sent again");
    stage.browser.run("history.pushState(null, '', '/b')").await;
    assert_eq!(stage.edge.wait_for_posts(4).await[3].batch().attempt, 0);
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_strict_content_policy_is_enough_and_a_stricter_one_falls_back_to_json() {
    let stage = Stage::new().await;
    let edge = stage.edge.origin();
    let script = "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='";
    let policy =
        |wasm: &str| format!("default-src 'none'; script-src {edge} {script} {wasm}; connect-src {edge}");
    let policed = |path, wasm| stage.reply(path, "", "").header("content-security-policy", &policy(wasm));
    stage.site.serve("/strict", policed("/strict", "'wasm-unsafe-eval'"));
    assert_eq!(stage.visit("/strict").await.event_type, "pageview");
    stage.browser.open("about:blank").await;
    let before = stage.edge.wait_for_posts(2).await.len();

    stage.site.serve("/stricter", policed("/stricter", ""));
    stage.browser.open(&(stage.url("/stricter") + "?q#f")).await;
    let post = stage.edge.wait_for_posts(before + 1).await.remove(before);
    assert!(post.is_json());
    let json: Value = serde_json::from_slice(&post.body).expect("JSON");
    assert_eq!(json["tracking_id"], "FF-TEST-1");
    let view = &json["events"][0];
    assert_eq!((&view["event_type"], &view["page_title"]), (&"pageview".into(), &"Page /stricter".into()));
    assert_eq!(view["page_url"], stage.url("/stricter") + "?q#f");
    let id = uuid::Uuid::parse_str(view["event_id"].as_str().expect("text")).expect("a UUID");
    assert_eq!((id.get_version_num(), id.get_variant()), (7, uuid::Variant::RFC4122));

    stage.browser.run("history.pushState(null, '', '#g'); history.pushState(null, '', '/next')").await;
    stage.browser.run("footfall('event', { category: 'video', value: 2, custom_metrics: { 1: 2 } })").await;
    let posts = stage.edge.wait_for_posts(before + 3).await;
    let json = |index: usize| serde_json::from_slice::<Value>(&posts[before + index].body).expect("JSON");
    assert_eq!(json(1)["events"][0]["page_url"], stage.url("/next"), "another fragment is the same page");
    assert_eq!(json(1)["events"][0]["page_referrer"], stage.url("/stricter") + "?q#f");
    assert_eq!(
        (&json(2)["events"][0]["event_category"], &json(2)["events"][0]["event_value"]),
        (&"video".into(), &2.into())
    );
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_visitor_is_known_again_under_consent_only_and_forgotten_on_denial() {
    let stage = Stage::new().await;
    stage.visit("/a").await;
    stage.browser.run("footfall('consent', 'granted'); footfall('event', {})").await;
    stage.edge.wait_for_events(2).await;
    let granted = stage.edge.batches().remove(1);
    assert_eq!(
        (granted.consent(), granted.user_id.len(), granted.session_id.len()),
        (Consent::Granted, 32, 32)
    );
    assert_eq!(
        stage.browser.run("return Object.keys(localStorage)").await,
        serde_json::json!(["footfall:FF-TEST-1"])
    );

    let seen = stage.edge.posts().len();
    stage.visit("/b").await;
    let next =
        stage.edge.batches().into_iter().skip(seen).find(|batch| batch.events[0].event_type == "pageview");
    let next = next.expect("the page view of /b");
    assert_eq!((&next.user_id, &next.session_id), (&granted.user_id, &granted.session_id));

    stage.browser.run("footfall('consent', 'denied'); history.pushState(null, '', '/c')").await;
    stage.edge.wait_for_posts(seen + 3).await;
    let batches = stage.edge.batches();
    let denied = &batches[batches.len() - 1];
    assert_eq!(
        (denied.consent(), denied.user_id.as_str(), denied.session_id.as_str()),
        (Consent::Denied, "", "")
    );
    let kept = stage.browser.run("return { ...localStorage, cookie: document.cookie }").await;
    assert_eq!(kept, serde_json::json!({ "footfall-denied:FF-TEST-1": "1", "cookie": "" }));

    stage.browser.run("localStorage.clear()").await;
    stage.page("/never", "data-storage=\"none\" data-consent=\"granted\"", "");
    stage.visit("/never").await;
    let batches = stage.edge.batches();
    let kept_nothing = &batches[batches.len() - 1];
    assert_eq!((kept_nothing.consent(), kept_nothing.user_id.as_str()), (Consent::Granted, ""));
    assert_eq!(stage.browser.run("return localStorage.length").await, 0);
    stage.end().await;
}
