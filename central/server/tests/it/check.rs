//! What `central run --check` and a start find wrong with a configuration, and that `--check` leaves everything as it is.

use std::net::{TcpListener, UdpSocket};
use std::os::unix::fs::PermissionsExt;
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

#[test]
fn a_secret_that_others_can_read_is_found_by_the_check_and_by_the_start() {
    let place = Place::new();
    let secret = |name: &str, mode| {
        let path = place.file(name, "secret");
        std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).expect("chmod");
        text(&path)
    };
    let (closed, key) = (secret("closed", 0o400), place.dir.path().join("central.key"));
    for mode in [0o640, 0o604, 0o444] {
        let open = secret("open", mode);
        let remedy = format!("chmod 600 {open}");
        for (name, more) in [
            ("FOOTFALL_EVENT_STORE_PASSWORD_FILE", &[][..]),
            (
                "FOOTFALL_LOG_KAFKA_PASSWORD_FILE",
                &[
                    ("FOOTFALL_LOG_BACKEND", "kafka"),
                    ("FOOTFALL_LOG_KAFKA_BOOTSTRAP", "127.0.0.1:9"),
                    ("FOOTFALL_LOG_KAFKA_USER", "u"),
                ],
            ),
            ("FOOTFALL_METADATA_POSTGRESQL_PASSWORD_FILE", &[("FOOTFALL_METADATA_BACKEND", "postgresql")]),
            (
                "FOOTFALL_LIVE_REDIS_PASSWORD_FILE",
                &[("FOOTFALL_LIVE_BACKEND", "redis"), ("FOOTFALL_LIVE_REDIS_HOST", "127.0.0.1")],
            ),
            (
                "FOOTFALL_BLOBS_S3_SECRET_KEY_FILE",
                &[
                    ("FOOTFALL_BLOBS_BACKEND", "s3"),
                    ("FOOTFALL_BLOBS_S3_ENDPOINT", "http://127.0.0.1:9"),
                    ("FOOTFALL_BLOBS_S3_BUCKET", "b"),
                    ("FOOTFALL_BLOBS_S3_ACCESS_KEY", "a"),
                ],
            ),
        ] {
            let mut variables: Variables =
                more.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
            variables.push((name, open.clone()));
            refuses(&place, &variables, &remedy);
            let (_, file) = variables.last_mut().expect("it was pushed");
            file.clone_from(&closed);
            passes(&place, &variables);
        }
        std::fs::set_permissions(&key, PermissionsExt::from_mode(mode)).expect("chmod");
        refuses(&place, &[], &format!("chmod 600 {}", key.display()));
        std::fs::set_permissions(&key, PermissionsExt::from_mode(0o600)).expect("chmod");
    }
}

/// The check has nothing to say.
fn passes(place: &Place, variables: &[(&'static str, String)]) {
    let variables: Vec<_> = variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let checked = place.run(&["--check"], &variables);
    assert!(checked.status.success(), "{variables:?}: {}", String::from_utf8_lossy(&checked.stderr));
}

/// A server elsewhere, in the clear, is refused with both remedies; one on this machine is not.
#[test]
fn a_server_that_would_be_spoken_to_in_the_clear_is_found_by_the_check_and_by_the_start() {
    let place = Place::new();
    let secret = text(&place.file("secret", "secret"));
    let variables = |pairs: &[(&'static str, &str)]| -> Variables {
        pairs.iter().map(|(name, value)| (*name, value.replace("SECRET", &secret))).collect()
    };
    for (there, word, remedies) in [
        (
            variables(&[
                ("FOOTFALL_EVENT_STORE_SERVERS", "http://10.0.0.1:8123"),
                ("FOOTFALL_EVENT_STORE_PASSWORD_FILE", "SECRET"),
            ]),
            "FOOTFALL_EVENT_STORE_TLS",
            ["https://", "event_store.tls = false"],
        ),
        (
            variables(&[
                ("FOOTFALL_LIVE_BACKEND", "redis"),
                ("FOOTFALL_LIVE_REDIS_HOST", "10.0.0.1"),
                ("FOOTFALL_LIVE_REDIS_PASSWORD_FILE", "SECRET"),
            ]),
            "FOOTFALL_LIVE_REDIS_TLS",
            ["live.redis.ca", "live.redis.tls = false"],
        ),
        (
            variables(&[
                ("FOOTFALL_BLOBS_BACKEND", "s3"),
                ("FOOTFALL_BLOBS_S3_ENDPOINT", "http://10.0.0.1:9"),
                ("FOOTFALL_BLOBS_S3_BUCKET", "b"),
                ("FOOTFALL_BLOBS_S3_ACCESS_KEY", "a"),
                ("FOOTFALL_BLOBS_S3_SECRET_KEY_FILE", "SECRET"),
            ]),
            "FOOTFALL_BLOBS_S3_TLS",
            ["https://", "blobs.s3.tls = false"],
        ),
    ] {
        for remedy in remedies {
            refuses(&place, &there, remedy);
        }
        let here: Variables =
            there.iter().map(|(name, value)| (*name, value.replace("10.0.0.1", "127.0.0.1"))).collect();
        passes(&place, &here);
        let mut meant = there;
        meant.push((word, "false".to_owned()));
        passes(&place, &meant);
    }
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
