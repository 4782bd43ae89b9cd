//! Who may ask, what every answer forbids, and that the dashboard keeps to it.

use std::collections::BTreeSet;

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
    let mut reached = BTreeSet::new();
    while let Some(path) = wanted.pop() {
        if !reached.insert(path.clone()) {
            continue;
        }
        let answer = face.answer(&path).await;
        assert_eq!(answer.status(), 200, "{path}");
        let text = answer.text().await.unwrap();
        for sink in [
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "document.write",
            "eval(",
            "new Function",
            "cssText",
            "setAttribute(\"style\"",
        ] {
            assert!(!text.contains(sink), "{path}: {sink}");
        }
        let imports = text.split(" from \"./").skip(1).filter_map(|rest| rest.split_once("\";"));
        wanted.extend(imports.map(|(name, _)| format!("/assets/{name}")));
    }
    let all: BTreeSet<_> = assets().map(|(name, _)| format!("/assets/{name}")).collect();
    assert_eq!(reached, all, "files that are not there, and those that nothing names");
}

#[tokio::test]
async fn every_figure_of_the_dashboard_has_a_definition_and_every_script_finds_its_place() {
    let face = face().await;
    let page = face.answer("/").await.text().await.unwrap();
    let named = |attribute: &str| -> BTreeSet<String> {
        let rest = page.split(attribute).skip(1);
        rest.filter_map(|rest| Some(rest.split_once('"')?.0.to_owned())).collect()
    };
    let (_, body) = face.json("/api/v1/definitions").await;
    let defined: BTreeSet<_> = body["definitions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["figure"].as_str().unwrap().to_owned())
        .collect();
    let figures = named(" data-figure=\"");
    assert!(figures.len() > 20, "{figures:?}");
    assert_eq!(figures.difference(&defined).collect::<Vec<_>>(), [""; 0]);

    let ids = named(" id=\"");
    for attribute in [" aria-labelledby=\"", " aria-describedby=\""] {
        let wanted = named(attribute);
        assert_eq!(wanted.difference(&ids).collect::<Vec<_>>(), [""; 0], "{attribute}");
    }
    for (name, text) in assets() {
        for wanted in text.split("$(\"").skip(1).filter_map(|rest| rest.split_once('"')) {
            assert!(ids.contains(wanted.0), "{name} looks for {}", wanted.0);
        }
    }
}

/// Name and text of each file but the page itself.
fn assets() -> impl Iterator<Item = (String, String)> {
    let folder = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/src/api/dashboard")).unwrap();
    folder.map(|entry| entry.unwrap()).filter_map(|entry| {
        let name = entry.file_name().into_string().unwrap();
        (name != "index.html").then(|| (name, std::fs::read_to_string(entry.path()).unwrap()))
    })
}
