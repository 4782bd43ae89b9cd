//! What strangers write is shown, and never obeyed; what strangers' pages ask is refused.

use footfall_tests::browser::Browser;
use footfall_tests::cluster::{CATCH_UP, Cluster, cluster};
use footfall_tests::wait::until;
use serde_json::json;

const SCRIPT: &str = "<script>window.taken=1</script>";
const IMAGE: &str = "<img src=x onerror=window.taken=1>";
const QUOTED: &str = "\"'><svg onload=window.taken=1>";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn text_that_would_be_code_is_only_text_on_the_dashboard() {
    let cluster = cluster().start().await;
    for text in [SCRIPT, IMAGE, QUOTED] {
        send_hostile(&cluster, text).await;
    }
    let stored = "SELECT countIf(page_title LIKE '%taken=1%' AND user_agent LIKE '%taken=1%') FROM footfall.events FORMAT TabSeparated";
    until("the text is stored as it was sent", CATCH_UP, || async {
        (cluster.try_clickhouse(stored).await.ok()? == "3").then_some(())
    })
    .await;

    let browser = Browser::start().await;
    // Whatever the policy of the page had to stop is a fault as well: nothing may have tried.
    browser
        .before_each_page("window.stopped=[];addEventListener('securitypolicyviolation',e=>window.stopped.push(e.blockedURI))")
        .await;
    browser.open(&format!("{}/", cluster.run().urls.central)).await;
    for list in ["live-pages", "period-pages", "live-sources", "period-sources"] {
        browser.wait_for(&format!("document.getElementById('{list}').textContent.includes('taken=1')")).await;
    }
    assert_eq!(browser.run("return typeof window.taken").await, "undefined");
    assert_eq!(browser.run("return window.stopped").await, json!([]));
    let made = "return [...document.querySelectorAll('script:not([src]), img[onerror], svg[onload], main img')].length";
    assert_eq!(browser.run(made).await, 0, "an element was made of a visitor's text");
    browser.quit().await;
    only_own_code(&cluster).await;
    cluster.finish().await;
}

/// A page view with the text wherever a visitor can put one.
async fn send_hostile(cluster: &Cluster, text: &str) {
    let body = json!({
        "tracking_id": cluster.run().tracking_id,
        "events": [{
            "event_type": "pageview",
            "page_url": format!("https://127.0.0.1/{text}?utm_source={text}&utm_medium={text}&utm_campaign={text}&utm_term={text}"),
            "page_title": text,
            "page_referrer": format!("https://elsewhere.example/{text}"),
            "event_category": text,
            "event_label": text,
        }],
    });
    let request = cluster.http().post(format!("{}/e", cluster.run().urls.edge));
    let agent = format!("Mozilla/5.0 (X11; Linux x86_64) {text} Chrome/140.0.0.0 Safari/537.36");
    let answer =
        request.header("user-agent", agent).body(body.to_string()).send().await.expect("the edge answers");
    assert_eq!(answer.status(), 204);
}

/// The policy of the dashboard allows its own files only, and its page carries no code of its own.
async fn only_own_code(cluster: &Cluster) {
    let answer =
        cluster.http().get(format!("{}/", cluster.run().urls.central)).send().await.expect("central answers");
    let policy =
        answer.headers().get("content-security-policy").expect("a policy").to_str().expect("text").to_owned();
    assert!(policy.contains("default-src 'self'") && !policy.contains("unsafe"), "{policy}");
    assert_eq!(answer.headers().get("x-content-type-options").expect("set"), "nosniff");
    let html = answer.text().await.expect("a whole page").to_lowercase();
    for code in [" onclick", " onload", " onerror", " style=", "<style", "javascript:"] {
        assert!(!html.contains(code), "{code}");
    }
    assert!(
        html.match_indices("<script")
            .all(|(at, _)| html[at..].split('>').next().is_some_and(|tag| tag.contains("src=")))
    );
}

/// Tries, from a page of another origin on this machine, to read or to change. Answers the names of what succeeded.
const ATTACK: &str = r#"
    const [central, clickhouse, done] = [arguments[0], arguments[1], arguments[2]];
    const taken = [];
    const element = (tag, url) => new Promise((end) => {
        const node = document.createElement(tag);
        node.onload = () => { taken.push(`${tag} ${url}`); end(); };
        node.onerror = () => end();
        node.src = url;
        document.head.append(node);
    });
    const read = async (url, options) => {
        try { await (await fetch(url, options)).text(); taken.push(`fetch ${url}`); } catch { }
    };
    const blind = async (url, options) => { try { await fetch(url, { mode: "no-cors", ...options }); } catch { } };
    const frame = (url) => new Promise((end) => {
        const node = document.createElement("iframe");
        node.onload = () => { if (node.contentDocument?.body?.textContent) taken.push(`frame ${url}`); end(); };
        node.src = url;
        document.body.append(node);
        setTimeout(end, 2000);
    });
    (async () => {
        for (const url of [`${central}/api/v1/sites`, `${central}/metrics`, `${central}/`, `${clickhouse}/?query=SELECT+1`, `${clickhouse}/ping`]) {
            await read(url);
            await read(url, { credentials: "include" });
            await element("script", url);
            await element("img", url);
        }
        await element("script", `${central}/assets/dashboard.js`);
        await element("img", `${central}/assets/icon.svg`);
        await frame(`${central}/`);
        const hidden = document.createElement("iframe");
        hidden.name = "hidden";
        document.body.append(hidden);
        for (const query of ["DROP TABLE footfall.events_local", "INSERT INTO footfall.events_local (event_id) VALUES (generateUUIDv4())"]) {
            await blind(`${clickhouse}/`, { method: "POST", body: query });
            await blind(`${clickhouse}/?query=${encodeURIComponent(query)}`, { method: "POST" });
            const form = document.createElement("form");
            form.method = "POST"; form.enctype = "text/plain"; form.action = `${clickhouse}/`; form.target = "hidden";
            const field = document.createElement("input");
            field.name = query; form.append(field); document.body.append(form);
            await new Promise((end) => { hidden.onload = end; form.submit(); });
        }
        done(taken);
    })();
"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_of_another_origin_reaches_neither_central_nor_clickhouse() {
    let cluster = cluster().start().await;
    cluster.send(3).await;
    cluster.each_stored_once().await;

    let browser = Browser::start().await;
    // Another port of this machine is another origin of the same site; `localhost` is another site.
    let demo = &cluster.run().urls.demo;
    for origin in [demo.clone(), demo.replace("127.0.0.1", "localhost")] {
        browser.open(&format!("{origin}/about")).await;
        let arguments = vec![json!(cluster.run().urls.central), json!(cluster.run().clickhouse.url)];
        let taken = browser.client().execute_async(ATTACK, arguments).await.expect("the page can try");
        assert_eq!(taken, json!([]), "{origin}");
    }
    browser.quit().await;
    // The demo pages were visited, nothing was dropped and nothing came in by the back door.
    assert_eq!(
        cluster.clickhouse("SELECT count() FROM footfall.events WHERE page_path LIKE '/page/%'").await,
        "3"
    );
    assert_eq!(cluster.clickhouse("SELECT count() FROM footfall.events WHERE website_id = ''").await, "0");

    // What a browser cannot be made to send, a program sends: another name for this machine, and foreign headers.
    for base in [&cluster.run().urls.central, &cluster.run().clickhouse.url] {
        for (name, value) in [
            ("host", "evil.example"),
            ("host", "127.0.0.1.evil.example"),
            ("origin", "https://evil.example"),
            ("origin", "null"),
            ("origin", demo),
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-site", "same-site"),
        ] {
            for path in ["/api/v1/sites", "/ping", "/?query=SELECT+1", "/metrics"] {
                let answer = cluster
                    .http()
                    .get(format!("{base}{path}"))
                    .header(name, value)
                    .send()
                    .await
                    .expect("an answer");
                assert_eq!(answer.status(), 403, "{base}{path} with {name}: {value}");
            }
        }
    }
    cluster.finish().await;
}
