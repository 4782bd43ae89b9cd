//! What `central run --check` and a start find wrong with a configuration, and that `--check` leaves everything as it is.

use std::net::{TcpListener, UdpSocket};
use std::path::Path;

use footfall_harness::authority::{Authority, CENTRAL, Identity, Request, Usage};
use serde_json::Value;

use crate::support::central::Place;

type Variables = Vec<(&'static str, String)>;

/// Both ways of starting refuse it in one sentence that has this part, with 64.
fn refuses(place: &Place, variables: &[(&'static str, String)], part: &str) {
    let variables: Vec<_> = variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
    for arguments in [&["--check"][..], &[]] {
        let refused = place.run(arguments, &variables);
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert_eq!(refused.status.code(), Some(64), "{arguments:?} {variables:?}: {said}");
        assert_eq!(said.trim_end().lines().count(), 1, "{said}");
        assert!(said.starts_with("central: ") && said.contains(part), "{part}: {said}");
    }
    assert!(!place.data().exists(), "something was left behind");
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

fn shown(identity: &Identity, authority: &Authority) -> Variables {
    vec![
        ("FOOTFALL_RELAY_CERTIFICATE", text(&identity.certificate)),
        ("FOOTFALL_RELAY_KEY", text(&identity.key)),
        ("FOOTFALL_RELAY_CA", text(&authority.ca())),
    ]
}

#[test]
fn what_a_configuration_says_wrongly_is_found_by_the_check_and_by_the_start() {
    let place = Place::new();
    let rubbish = text(&place.file("rubbish", "rubbish"));
    for (variable, value, part) in [
        ("FOOTFALL_DATA", format!("{rubbish}/data"), "`data` needs"),
        ("FOOTFALL_BLOBS_FOLDER", format!("{rubbish}/blobs"), "`blobs.folder` needs"),
        ("FOOTFALL_RELAY_CERTIFICATE", rubbish.clone(), "`relay.certificate`"),
        ("FOOTFALL_RELAY_KEY", rubbish.clone(), "holds no private key"),
        ("FOOTFALL_RELAY_CA", rubbish.clone(), "`relay.ca`"),
        ("FOOTFALL_RELAY_CERTIFICATE_CA", rubbish, "`relay.certificate_ca`"),
        ("FOOTFALL_HTTP_LISTEN", "0.0.0.0:8081".to_owned(), "only loopback addresses"),
        ("FOOTFALL_HTTP_METRICS_LISTEN", "here".to_owned(), "http.metrics_listen"),
        ("FOOTFALL_EVENT_STORE_LIBRARY", "/no/such/libchdb.so".to_owned(), "event_store.library"),
        ("FOOTFALL_LOG_MAX_BYTES", "much".to_owned(), "FOOTFALL_LOG_MAX_BYTES"),
        ("FOOTFALL_LOG_MAX_BITES", "268435456".to_owned(), "FOOTFALL_LOG_MAX_BITES"),
        ("FOOTFALL_LOG_FORMAT", "loud".to_owned(), "--log"),
    ] {
        refuses(&place, &[(variable, value)], part);
    }
}

#[test]
fn a_certificate_that_edges_would_refuse_is_found_before_an_edge_does() {
    let place = Place::new();
    let authority = Authority::new(&place.dir.path().join("authority"));
    let good = authority.issue(CENTRAL, Usage::Server);
    let with = |variables: &Variables| {
        let variables: Vec<_> = variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
        place.run(&["--check"], &variables)
    };
    assert!(with(&shown(&good, &authority)).status.success());

    let mut another_key = shown(&good, &authority);
    another_key[1].1 = text(&authority.issue("other", Usage::Server).key);
    refuses(&place, &another_key, "relay.key`");
    for (name, usage, years, part) in [
        ("expired", Usage::Server, 1990..1991, "has expired on 1991-01-01"),
        ("early", Usage::Server, 4000..4096, "is not valid before 4000-01-01"),
        ("client", Usage::Client, 1975..4096, "serverAuth"),
    ] {
        let identity = authority.sign(&Request { name, common_name: Some(CENTRAL), usage, years });
        refuses(&place, &shown(&identity, &authority), part);
    }
    let elsewhere = Authority::new(&place.dir.path().join("elsewhere"));
    let mut stranger = shown(&elsewhere.issue(CENTRAL, Usage::Server), &authority);
    refuses(&place, &stranger, "does not come from the authority that `relay.ca` names");
    stranger.push(("FOOTFALL_RELAY_CERTIFICATE_CA", text(&elsewhere.ca())));
    assert!(with(&stranger).status.success(), "its own authority was named");
}

#[test]
fn a_port_that_another_program_holds_is_found() {
    let place = Place::new();
    let tcp = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let udp = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    let (tcp, udp) =
        (&tcp.local_addr().expect("bound").to_string(), &udp.local_addr().expect("bound").to_string());
    for (variable, address, key) in [
        ("FOOTFALL_HTTP_LISTEN", tcp, "`http.listen`"),
        ("FOOTFALL_HTTP_METRICS_LISTEN", tcp, "`http.metrics_listen`"),
        ("FOOTFALL_EVENT_STORE_LISTEN", tcp, "`event_store.listen`"),
        ("FOOTFALL_RELAY_LISTEN", udp, "`relay.listen`"),
    ] {
        let refused = place.run(&["--check"], &[(variable, address)]);
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert_eq!(refused.status.code(), Some(64), "{said}");
        assert!(said.contains(key) && said.contains(address) && said.contains("end it"), "{said}");
    }
    let waited = place.run(&["--log", "json"], &[("FOOTFALL_RELAY_LISTEN", udp)]);
    let said = String::from_utf8_lossy(&waited.stderr).into_owned();
    assert_eq!(waited.status.code(), Some(64), "{said}");
    let lines: Vec<Value> = said.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let waits = said.matches("waiting for another process to leave the port").count();
    assert_eq!((waits, &lines.last().expect("its last word")["level"]), (1, &Value::from("ERROR")), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_centrals_configuration_can_be_checked_and_its_messages_have_one_time_a_line() {
    let place = Place::new();
    let metrics = crate::support::free_port().to_string();
    let mut command = place.command(&[]);
    let log = std::fs::File::create(place.dir.path().join("log")).expect("made");
    command.env("FOOTFALL_HTTP_METRICS_LISTEN", &metrics).stderr(log);
    let mut central = place.begin(&mut command);
    central.lacks_nothing().await;
    let checked = place.run(&["--check"], &[("FOOTFALL_HTTP_METRICS_LISTEN", &metrics)]);
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));

    assert_eq!(central.get("/metrics").await.0, 404, "they are elsewhere");
    for (path, part) in [
        ("/metrics", "footfall_central_build_info"),
        ("/metrics", "\nprocess_open_fds "),
        ("/readyz", "\"ready\":true"),
        ("/healthz", "true"),
    ] {
        let answer =
            crate::support::http().get(format!("http://{metrics}{path}")).send().await.expect("answered");
        assert_eq!(answer.status(), 200);
        let text = answer.text().await.expect("text");
        assert!(text.contains(part), "{part}: {text}");
    }
    let elsewhere = crate::support::http().get(format!("http://{metrics}/api/v1/sites")).send().await;
    assert_eq!(elsewhere.expect("answered").status(), 404);

    central.signal("-TERM");
    assert!(central.wait().success());
    let said = std::fs::read_to_string(place.dir.path().join("log")).expect("text");
    assert!(said.contains("event_store: the engine is open") && !said.contains('\u{1b}'), "{said}");
    for line in said.lines().filter(|line| line.contains("event_store")) {
        let year = &line[..4];
        assert!(year.parse::<u16>().is_ok() && line.matches(&format!("{year}-")).count() == 1, "{line}");
    }
}
