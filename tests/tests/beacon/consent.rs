//! Consent is one answer for all tabs and pages of a site: what is stored and what is sent once it was taken back.

use fantoccini::wd::WindowHandle;
use footfall_proto::beacon::{BeaconBatch, Consent};
use footfall_tests::recorder::Reply;
use footfall_tests::stage::{PATIENCE, Stage};
use footfall_tests::wait::until;
use serde_json::{Value, json};

const DENIED: &str = "footfall-denied:FF-TEST-1";

/// Everything that a page of this origin can keep in the browser.
const KEPT: &str = "const kept = document.cookie ? [document.cookie] : []; \
    for (const store of [localStorage, sessionStorage]) for (const key of Object.keys(store)) kept.push(key + '=' + store[key]); \
    return Promise.all([indexedDB.databases(), caches.keys()]).then((lists) => kept.concat(lists.flat().map(JSON.stringify)))";

/// Opens another tab and shows it.
async fn new_tab(stage: &Stage) -> WindowHandle {
    let handle = stage.browser.client().new_window(true).await.expect("a new tab opens").handle;
    show(stage, &handle).await;
    handle
}

async fn show(stage: &Stage, tab: &WindowHandle) {
    stage.browser.client().switch_to_window(tab.clone()).await.expect("the tab is there");
}

async fn shown(stage: &Stage) -> WindowHandle {
    stage.browser.client().window().await.expect("a tab is shown")
}

/// Waits until the page that is shown sees that consent was denied somewhere.
async fn wait_for_denial(stage: &Stage) {
    stage.browser.wait_for(&format!("localStorage['{DENIED}']")).await;
}

/// Sends an event from the page that is shown and returns its batch.
async fn event(stage: &Stage, action: &str) -> BeaconBatch {
    stage.browser.run(&format!("footfall('event', {{ action: '{action}' }})")).await;
    until(&format!("the event {action} came"), PATIENCE, || async {
        let holds = |batch: &BeaconBatch| batch.events.iter().any(|event| event.event_action == action);
        let posts = stage.edge.posts().into_iter().filter(|post| !post.is_json());
        posts.map(|post| post.batch()).find(holds)
    })
    .await
}

fn ids(batch: &BeaconBatch) -> (&str, &str) {
    (&batch.user_id, &batch.session_id)
}

/// The batch says that consent was granted, and who the visitor is.
fn assert_granted(batch: &BeaconBatch) {
    let (user, session) = ids(batch);
    assert_eq!((batch.consent(), user.len(), session.len()), (Consent::Granted, 32, 32), "{batch:?}");
}

/// Denies consent in the page that is shown and returns when that was done, milliseconds of the clock that all tabs share.
async fn deny(stage: &Stage) -> i64 {
    let now = stage.browser.run("footfall('consent', 'denied'); return Date.now()").await;
    now.as_i64().expect("a time")
}

/// After `time` nothing was sent that names the visitor of `before`, or any other.
fn assert_nobody_after(stage: &Stage, time: i64, before: &BeaconBatch) {
    let posts = stage.edge.posts();
    let later: Vec<_> = posts.iter().filter(|post| post.batch().sent_at_ms > time).collect();
    assert!(!later.is_empty(), "something was sent");
    for post in later {
        let batch = post.batch();
        assert_eq!((batch.consent(), ids(&batch)), (Consent::Denied, ("", "")), "{batch:?}");
        for id in [&before.user_id, &before.session_id] {
            assert!(!post.body.windows(id.len()).any(|window| window == id.as_bytes()), "{post:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_denial_in_one_of_three_tabs_ends_the_visitor_in_all_of_them() {
    let stage = Stage::new().await;
    stage.page("/granted", "data-consent=\"granted\"", "");
    let one = shown(&stage).await;
    stage.visit("/a").await;
    stage.browser.run("footfall('consent', 'granted')").await;
    let known = event(&stage, "one").await;
    assert_granted(&known);
    let two = new_tab(&stage).await;
    stage.visit("/b").await;
    stage.browser.run("footfall('consent', 'granted')").await;
    assert_eq!(ids(&event(&stage, "two").await), ids(&known));
    let three = new_tab(&stage).await;
    stage.visit("/granted").await;
    assert_eq!(ids(&event(&stage, "three").await), ids(&known));

    show(&stage, &two).await;
    let denied_at = deny(&stage).await;
    for tab in [&one, &three, &two] {
        show(&stage, tab).await;
        wait_for_denial(&stage).await;
        let seen = stage.edge.posts().len();
        stage.browser.run("footfall('event', { action: 'after' })").await;
        stage.browser.run("history.pushState(null, '', '/after?' + Math.random())").await;
        stage.edge.wait_for_posts(seen + 1).await;
    }
    // Pages that are opened afterwards, one of them made when consent was still thought to be granted.
    stage.visit("/granted").await;
    event(&stage, "opened later").await;
    show(&stage, &one).await;
    stage.visit("/b").await;
    event(&stage, "opened later as well").await;
    for tab in [&one, &two, &three] {
        show(&stage, tab).await;
        stage.barrier().await;
        assert_eq!(stage.browser.run(KEPT).await, json!([format!("{DENIED}=1")]));
    }
    assert_nobody_after(&stage, denied_at, &known);

    // Granted again in one tab, it is granted in all, and to nobody who was known before.
    show(&stage, &three).await;
    stage.browser.run("footfall('consent', 'granted')").await;
    let again = event(&stage, "three again").await;
    assert_granted(&again);
    assert_ne!(again.user_id, known.user_id);
    assert_ne!(again.session_id, known.session_id);
    for (tab, action) in [(&one, "one again"), (&two, "two again")] {
        show(&stage, tab).await;
        stage.browser.wait_for("localStorage['footfall:FF-TEST-1']").await;
        let batch = event(&stage, action).await;
        assert_eq!((batch.consent(), ids(&batch)), (Consent::Granted, ids(&again)));
    }
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_was_in_the_cache_while_consent_was_denied_knows_of_it() {
    let stage = Stage::new().await;
    stage.page("/a", "", "addEventListener('pageshow', (e) => { window.restored = e.persisted })");
    let one = shown(&stage).await;
    stage.visit("/a").await;
    stage.browser.run("footfall('consent', 'granted')").await;
    let known = event(&stage, "known").await;
    assert_granted(&known);
    stage.browser.open("about:blank").await;
    new_tab(&stage).await;
    stage.visit("/b").await;
    let denied_at = deny(&stage).await;
    show(&stage, &one).await;
    stage.browser.client().back().await.expect("there is a page before");
    stage.browser.wait_for("window.restored").await;
    event(&stage, "restored").await;
    assert_nobody_after(&stage, denied_at, &known);
    assert_eq!(stage.browser.run(KEPT).await, json!([format!("{DENIED}=1")]));
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_denial_counts_where_the_module_does_not_run_and_where_nothing_may_be_kept() {
    let stage = Stage::new().await;
    let policy = format!("script-src 'self' 'unsafe-inline' {0}; connect-src {0}", stage.edge.origin());
    let page = stage.reply("/no-module", "", "").header("content-security-policy", &policy);
    stage.site.serve("/no-module", page);
    stage.page("/keeps-nothing", "data-storage=\"none\"", "");
    let one = shown(&stage).await;
    stage.visit("/a").await;
    for (path, kept) in [("/no-module", json!([format!("{DENIED}=1")])), ("/keeps-nothing", json!([]))] {
        stage.browser.run("footfall('consent', 'granted')").await;
        assert_granted(&event(&stage, &format!("before {path}")).await);
        let two = new_tab(&stage).await;
        stage.browser.open(&stage.url(path)).await;
        stage.browser.wait_for("window.footfall && footfall.site").await;
        deny(&stage).await;
        assert_eq!(stage.browser.run(KEPT).await, kept, "{path}");
        show(&stage, &one).await;
        stage.browser.wait_for("!localStorage['footfall:FF-TEST-1']").await;
        let batch = event(&stage, &format!("after {path}")).await;
        assert_eq!((batch.consent(), ids(&batch)), (Consent::Denied, ("", "")), "{path}");
        assert_eq!(stage.browser.run(KEPT).await, kept, "{path}");
        show(&stage, &two).await;
        stage.browser.client().close_window().await.expect("it closes");
        show(&stage, &one).await;
    }
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_denial_reaches_pages_that_keep_nothing_themselves() {
    let stage = Stage::new().await;
    stage.page("/keeps-nothing", "data-storage=\"none\" data-consent=\"granted\"", "");
    let one = shown(&stage).await;
    stage.visit("/keeps-nothing").await;
    assert_eq!(event(&stage, "before").await.consent(), Consent::Granted);
    new_tab(&stage).await;
    stage.visit("/keeps-nothing").await;
    deny(&stage).await;
    show(&stage, &one).await;
    // The other tab's answer comes as an event of storage, of which nothing can be seen but what is sent.
    until("the denial is known in the other tab", PATIENCE, || async {
        let batch = event(&stage, &format!("after {}", uuid::Uuid::now_v7())).await;
        (batch.consent() == Consent::Denied).then_some(())
    })
    .await;
    assert_eq!(stage.browser.run(KEPT).await, json!([]));
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tag_that_says_denied_takes_back_what_is_stored_and_leaves_nothing_where_nothing_is() {
    let stage = Stage::new().await;
    stage.page("/denied", "data-consent=\"denied\"", "");
    stage.visit("/denied").await;
    assert_eq!(stage.edge.batches()[0].consent(), Consent::Denied);
    assert_eq!(stage.browser.run(KEPT).await, json!([]), "nobody has answered yet");
    let one = shown(&stage).await;
    stage.visit("/a").await;
    stage.browser.run("footfall('consent', 'granted')").await;
    let known = event(&stage, "known").await;
    assert_granted(&known);
    new_tab(&stage).await;
    stage.visit("/denied").await;
    let batches = stage.edge.batches();
    let denied = batches.iter().rfind(|batch| batch.consent() == Consent::Denied);
    let denied_at = denied.expect("the page view of /denied").sent_at_ms;
    show(&stage, &one).await;
    wait_for_denial(&stage).await;
    event(&stage, "after").await;
    assert_nobody_after(&stage, denied_at, &known);
    assert_eq!(stage.browser.run(KEPT).await, json!([format!("{DENIED}=1")]));
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_tracking_id_of_an_origin_has_its_own_answer() {
    let stage = Stage::new().await;
    let html = format!(
        "<!doctype html><title>Other</title><script async src=\"{}/footfall.js\" data-site=\"FF-TEST-2\"></script>",
        stage.edge.origin()
    );
    stage.site.serve("/other", Reply::file("text/html", html));
    let one = shown(&stage).await;
    stage.visit("/a").await;
    stage.browser.run("footfall('consent', 'granted')").await;
    assert_granted(&event(&stage, "first").await);
    new_tab(&stage).await;
    stage.visit("/other").await;
    stage.browser.run("footfall('consent', 'granted')").await;
    let other = event(&stage, "other").await;
    assert_granted(&other);
    show(&stage, &one).await;
    deny(&stage).await;
    let kept = stage.browser.run("return Object.keys(localStorage).sort()").await;
    assert_eq!(kept, json!([DENIED, "footfall:FF-TEST-2"]));
    stage.visit("/other").await;
    assert_eq!(ids(&event(&stage, "still").await), ids(&other));
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_storage_throws_nobody_is_named_and_everything_is_counted() {
    let stage = Stage::new().await;
    for (path, broken) in [
        ("/no-storage", "Object.defineProperty(window, 'localStorage', { get() { throw new Error('no') } })"),
        ("/full", "Storage.prototype.setItem = () => { throw new Error('full') }"),
    ] {
        stage.page(path, "data-consent=\"granted\"", broken);
        stage.visit(path).await;
        let batch = event(&stage, path).await;
        assert_eq!((batch.consent(), ids(&batch)), (Consent::Granted, ("", "")), "{path}");
        deny(&stage).await;
        let batch = event(&stage, &format!("{path} denied")).await;
        assert_eq!((batch.consent(), ids(&batch)), (Consent::Denied, ("", "")), "{path}");
    }
    // A full storage still lets go of what it holds.
    stage.visit("/a").await;
    stage.browser.run("footfall('consent', 'granted')").await;
    assert_granted(&event(&stage, "kept").await);
    stage.page("/full", "", "Storage.prototype.setItem = () => { throw new Error('full') }");
    let one = shown(&stage).await;
    new_tab(&stage).await;
    stage.browser.open(&stage.url("/full")).await;
    stage.browser.wait_for("window.footfall && footfall.site").await;
    deny(&stage).await;
    show(&stage, &one).await;
    stage.browser.wait_for("!localStorage['footfall:FF-TEST-1']").await;
    let batch = event(&stage, "let go").await;
    assert_eq!((batch.consent(), ids(&batch)), (Consent::Denied, ("", "")));
    assert_eq!(stage.browser.run(KEPT).await, Value::Array(Vec::new()));
    stage.end().await;
}
