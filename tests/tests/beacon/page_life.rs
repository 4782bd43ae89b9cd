//! What a page reports in the course of its life: covered, closed, left early, brought back from the cache, prerendered.

use std::time::Duration;

use footfall_tests::recorder::Reply;
use footfall_tests::stage::{PATIENCE, Stage};
use footfall_tests::wait::until;
use serde_json::Value;

use crate::kinds;

#[tokio::test(flavor = "multi_thread")]
async fn closing_the_tab_sends_everything_that_was_not_sent_yet() {
    let stage = Stage::new().await;
    stage.browser.stop_clocks().await;
    let view = stage.visit("/a").await;
    let depth = "window.scrollTo(0, 2000); const page = document.scrollingElement; \
                 return Math.ceil((page.scrollTop + page.clientHeight) * 100 / page.scrollHeight)";
    let depth = stage.browser.run(depth).await;
    stage.browser.advance(Duration::from_millis(400)).await;
    stage.browser.run("footfall('event', { action: 'leaving' })").await;
    stage.browser.close_tab().await;
    let events = stage.edge.wait_for_events(3).await;
    assert_eq!(kinds(&events), ["pageview", "event", "engagement"]);
    let engagement = &events[2];
    assert_eq!((&engagement.page_view_id, &engagement.page_url), (&view.event_id, &view.page_url));
    assert_eq!(engagement.engagement_ms, 400);
    assert_eq!(engagement.scroll_depth, depth, "how far down the lower edge of the window was, percent");
    stage.barrier().await;
    assert_eq!(stage.edge.events().len(), 3, "hidden and pagehide do not say it twice");
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tab_that_is_covered_and_shown_again_reports_only_the_time_in_sight() {
    let stage = Stage::new().await;
    stage.browser.stop_clocks().await;
    stage.visit("/a").await;
    stage.browser.advance(Duration::from_millis(400)).await;
    // The beacon has heard that the page is out of sight before this does: the time that passes now is not in sight.
    let out_of_sight = "document.addEventListener('visibilitychange', () => { if (document.hidden) testPage.advance(60_000) })";
    stage.browser.run(out_of_sight).await;
    let tab = stage.browser.cover().await;
    assert_eq!(stage.edge.wait_for_events(2).await[1].engagement_ms, 400);
    stage.browser.client().switch_to_window(tab).await.expect("the tab is there");
    stage.browser.wait_for("!document.hidden").await;
    stage.browser.advance(Duration::from_millis(100)).await;
    stage.browser.close_tab().await;
    let events = stage.edge.wait_for_events(3).await;
    assert_eq!(kinds(&events), ["pageview", "engagement", "engagement"]);
    assert_eq!(events[2].engagement_ms, 100);
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_is_left_before_the_module_came_is_viewed_once() {
    let stage = Stage::new().await;
    let (never, _gate) = Reply::status(200).held();
    stage.edge.serve("/footfall.wasm", never);
    stage.browser.open(&stage.url("/a")).await;
    stage.browser.wait_for("window.footfall && footfall.site").await;
    stage.browser.run("footfall('event', { action: 'early' })").await;
    stage.browser.close_tab().await;
    let posts = stage.edge.wait_for_posts(1).await;
    stage.barrier().await;
    assert_eq!(stage.edge.posts().len(), 1);
    let json: Value = serde_json::from_slice(&posts[0].body).expect("JSON");
    let types: Vec<_> = json["events"].as_array().expect("a list").iter().map(|e| &e["event_type"]).collect();
    assert_eq!(types, ["pageview", "event"]);
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_was_covered_before_the_module_came_goes_on_under_the_id_it_was_sent_as() {
    let stage = Stage::new().await;
    let wasm = stage.edge.origin().to_owned() + "/footfall.wasm";
    let wasm = footfall_tests::http::get(&wasm).await.expect("served").bytes().await.expect("whole");
    let (slow, module) = Reply::file("application/wasm", wasm).held();
    stage.edge.serve("/footfall.wasm", slow);
    stage.browser.stop_clocks().await;
    stage.browser.open(&stage.url("/a")).await;
    stage.browser.wait_for("window.footfall && footfall.site").await;
    let tab = stage.browser.cover().await;
    let first: Value = serde_json::from_slice(&stage.edge.wait_for_posts(1).await[0].body).expect("JSON");
    stage.browser.client().switch_to_window(tab).await.expect("the tab is there");
    stage.browser.wait_for("!document.hidden").await;
    module.open();
    stage.browser.wait_for("testPage.modules == 1").await;
    stage.browser.run("footfall('event', { action: 'later' })").await;
    stage.browser.advance(Duration::from_millis(300)).await;
    stage.browser.close_tab().await;
    let posts = stage.edge.wait_for_posts(2).await;
    let events = posts[1].batch().events;
    assert_eq!(kinds(&events), ["event", "engagement"]);
    assert_eq!(events[1].engagement_ms, 300);
    let id = uuid::Uuid::parse_str(first["events"][0]["event_id"].as_str().expect("text")).expect("a UUID");
    assert!(events.iter().all(|event| event.page_view_id[..] == id.as_bytes()[..]));
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_comes_back_from_the_cache_is_viewed_again() {
    let stage = Stage::new().await;
    stage.page("/a", "", "addEventListener('pageshow', (e) => { window.restored = e.persisted })");
    let first = stage.visit("/a").await;
    stage.browser.open("about:blank").await;
    stage.edge.wait_for_events(2).await;
    stage.browser.client().back().await.expect("there is a page before");
    stage.browser.wait_for("window.restored").await;
    let events = stage.edge.wait_for_events(3).await;
    assert_eq!(kinds(&events), ["pageview", "engagement", "pageview"]);
    assert_ne!(events[2].event_id, first.event_id);
    assert_eq!((&events[2].page_url, &events[2].page_referrer), (&first.page_url, &first.page_url));
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prerendered_page_is_viewed_when_it_is_shown() {
    let stage = Stage::new().await;
    let rules = "const rules = document.createElement('script'); \
                 rules.type = 'speculationrules'; \
                 rules.textContent = JSON.stringify({ prerender: [{ source: 'list', urls: ['/b'] }] }); \
                 addEventListener('load', () => document.head.append(rules));";
    stage.page("/a", "", rules);
    // Asks the site for a path when the module has run, after everything that the tag does at once then.
    let notice = "const instantiate = WebAssembly.instantiate; \
                  WebAssembly.instantiate = (...given) => instantiate(...given).finally(() => \
                  setTimeout(() => fetch('/module-runs/' + (document.prerendering ? 'unseen' : 'shown'))));";
    stage.page("/b", "", notice);
    stage.visit("/a").await;
    until("the module runs in /b, which the browser prerenders", PATIENCE, || async {
        stage.site.seen().iter().any(|seen| seen.path == "/module-runs/unseen").then_some(())
    })
    .await;
    stage.barrier().await;
    assert_eq!(stage.edge.events().len(), 1, "nobody has seen /b yet");
    stage.browser.click("a").await;
    let events = stage.edge.wait_for_events(3).await;
    let views: Vec<_> = events.iter().filter(|event| event.event_type == "pageview").collect();
    assert_eq!((views.len(), &views[1].page_url), (2, &stage.url("/b")));
    stage.end().await;
}
