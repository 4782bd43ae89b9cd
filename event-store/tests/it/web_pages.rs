//! Web pages in a browser on this machine: they reach nothing.

use crate::server::Folder;

#[test]
fn of_other_names_origins_and_sites_are_refused() {
    let server = Folder::new().start_with(&["--name", "store.internal"]);
    let own = server.url.trim_start_matches("http://").to_owned();
    let origin = format!("Origin: http://{own}");
    let right = [
        vec!["Host: localhost"],
        vec!["Host: LOCALHOST:1"],
        vec!["Host: [::1]:8123"],
        vec!["Host: store.internal"],
        vec![origin.as_str()],
        vec!["Sec-Fetch-Site: same-origin"],
        vec!["Sec-Fetch-Site: none"],
    ];
    let wrong = [
        vec!["Host: evil.example"],
        vec!["Host: 127.0.0.1.evil.example"],
        vec!["Host:"],
        vec!["Origin: http://127.0.0.1:8082"],
        vec!["Origin: null"],
        vec!["Origin: https://evil.example"],
        vec!["Sec-Fetch-Site: cross-site"],
        vec!["Sec-Fetch-Site: same-site"],
        vec!["Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document"],
    ];
    for (headers, status) in right.into_iter().map(|h| (h, 200)).chain(wrong.into_iter().map(|h| (h, 403))) {
        let arguments: Vec<&str> = headers.iter().flat_map(|header| ["-H", *header]).collect();
        for (query, body) in [("?query=SELECT%201", None), ("", Some("SELECT 1")), ("ping?", None)] {
            let data = body.map_or(vec![], |body| vec!["--data-binary", body]);
            let said = server.curl(query, &[arguments.as_slice(), data.as_slice()].concat());
            assert_eq!(said.status, status, "{headers:?} {query}: {}", said.body);
        }
    }
    let visit = [
        "-H",
        "Sec-Fetch-Site: cross-site",
        "-H",
        "Sec-Fetch-Mode: navigate",
        "-H",
        "Sec-Fetch-Dest: document",
    ];
    assert_eq!(server.curl_as_reader("", &visit).body, "Ok.\n");
    let preflight =
        ["-X", "OPTIONS", "-H", "Origin: https://evil.example", "-H", "Access-Control-Request-Method: POST"];
    assert_eq!(server.curl_as_reader("", &preflight).status, 403);
}
