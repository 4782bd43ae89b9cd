//! Who may ask, what every answer forbids, and that the dashboard keeps to it.

use super::*;

#[tokio::test]
async fn pages_of_other_origins_reach_nothing() {
    let face = face().await;
    let own = face.base.clone();
    for (name, value) in [
        ("host", "evil.example"),
        ("origin", "http://evil.example"),
        ("origin", "null"),
        ("origin", "http://127.0.0.1:8082"),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
    ] {
        for path in [
            "/",
            "/api/v1/sites",
            "/api/v1/sites/FF-DEMO-1/realtime/stream",
            "/assets/dashboard.js",
            "/metrics",
            "/healthz",
        ] {
            let answer = face.ask(path).header(name, value).send().await.unwrap();
            assert_eq!(answer.status(), 403, "{path} with {name}: {value}");
            assert_eq!(answer.headers()["content-security-policy"], CONTENT_SECURITY_POLICY);
            assert!(!answer.headers().contains_key("access-control-allow-origin"));
            assert!(answer.json::<Value>().await.unwrap()["error"].is_string());
        }
    }
    for (name, value) in
        [("host", "stats.example"), ("origin", own.as_str()), ("sec-fetch-site", "same-origin")]
    {
        assert_eq!(
            face.ask("/api/v1/sites").header(name, value).send().await.unwrap().status(),
            200,
            "{name}: {value}"
        );
    }
}

#[tokio::test]
async fn every_answer_forbids_what_it_does_not_need() {
    let face = face().await;
    for path in [
        "/",
        "/assets/dashboard.css",
        "/api/v1/sites",
        "/api/v1/sites/FF-NOBODY/realtime",
        "/nowhere",
        "/metrics",
    ] {
        let answer = face.answer(path).await;
        let headers = answer.headers();
        assert!(
            headers["content-security-policy"].to_str().unwrap().starts_with("default-src 'self'"),
            "{path}"
        );
        assert_eq!(headers["x-content-type-options"], "nosniff", "{path}");
        assert_eq!(headers["referrer-policy"], "no-referrer", "{path}");
        assert!(headers.contains_key("cache-control"), "{path}");
    }
}

#[tokio::test]
async fn the_dashboard_has_no_inline_code_and_all_it_names() {
    let face = face().await;
    let page = face.answer("/").await.text().await.unwrap();
    assert!(page.contains("IP geolocation by DB-IP") && page.contains("https://db-ip.com"));
    for inline in ["<style", " style=", "<script>", "javascript:", " onclick=", " onload="] {
        assert!(!page.contains(inline), "{inline}");
    }
    let mut wanted: Vec<String> =
        page.split('"').filter(|part| part.starts_with("/assets/")).map(str::to_owned).collect();
    let mut seen = 0;
    while let Some(path) = wanted.pop() {
        let answer = face.answer(&path).await;
        assert_eq!(answer.status(), 200, "{path}");
        let text = answer.text().await.unwrap();
        for sink in
            ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function"]
        {
            assert!(!text.contains(sink), "{path}: {sink}");
        }
        let imports = text.lines().filter_map(|line| line.strip_prefix("import ")?.split_once(" from \"./"));
        wanted.extend(imports.map(|(_, name)| format!("/assets/{}", name.trim_end_matches("\";"))));
        seen += 1;
    }
    assert!(seen >= dashboard_assets(), "{seen} files were reached");
}

fn dashboard_assets() -> usize {
    std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/src/api/dashboard")).unwrap().count() - 1
}
