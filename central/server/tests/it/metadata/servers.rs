//! What only a server can do: be away, come back, refuse, and hold a wrong password against us. One clear sentence each.

use std::sync::Arc;
use std::time::{Duration, Instant};

use footfall_daemon::fault::Classify as _;
use footfall_metadata::{Error, Location, Metadata, Server};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

use crate::metadata::fixture::{Fixture, command, site};
use crate::metadata::websites::Watch;
use crate::support::private;

/// Carries bytes to the server until it is cut: what central sees then is a server that was killed.
struct Wire {
    port: u16,
    carry: Option<JoinHandle<()>>,
    to: (String, u16),
}

impl Wire {
    async fn to(server: &Server) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("bound").port();
        let to = (server.host.clone(), server.port);
        Self { port, carry: Some(tokio::spawn(carry(listener, to.clone()))), to }
    }

    /// Ends every connection and refuses new ones.
    async fn cut(&mut self) {
        let carry = self.carry.take().expect("whole");
        carry.abort();
        assert!(carry.await.expect_err("ended").is_cancelled());
    }

    async fn mend(&mut self) {
        let listener = TcpListener::bind(("127.0.0.1", self.port)).await.expect("the port is free again");
        self.carry = Some(tokio::spawn(carry(listener, self.to.clone())));
    }
}

async fn carry(listener: TcpListener, to: (String, u16)) {
    let mut connections = JoinSet::new();
    loop {
        let (mut near, _) = listener.accept().await.expect("accepted");
        let to = to.clone();
        connections.spawn(async move {
            let mut far = TcpStream::connect((to.0.as_str(), to.1)).await.expect("the real server");
            // Either side may end it at any time.
            let _ = copy_bidirectional(&mut near, &mut far).await;
        });
    }
}

fn beside(server: &Server, change: impl FnOnce(&mut Server)) -> Location {
    let mut server = server.clone();
    change(&mut server);
    Location::Postgresql(server)
}

async fn eventually(what: &str, mut is: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !is() {
        assert!(Instant::now() < deadline, "{what} did not come about in time");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn central_goes_on_with_what_it_knows_while_the_server_is_away() {
    let fixture = Fixture::postgresql().await;
    let direct = fixture.open().await;
    direct.add_website(site("example.com", Some("FF-DEMO-1"))).await.expect("added");
    let mut wire = Wire::to(fixture.server()).await;
    let central = Metadata::at(beside(fixture.server(), |server| server.port = wire.port));
    let mut watch = Watch::over(&central);
    let (sent, _) = watch.until(|policy| policy.sites.len() == 1).await;
    eventually("a clean bill", || central.fault().is_none()).await;

    wire.cut().await;
    eventually("a fault", || central.fault().is_some()).await;
    let fault = central.fault().expect("there is one");
    let location = format!("PostgreSQL 127.0.0.1:{}/", wire.port);
    assert!(fault.starts_with(&location) && fault.contains("does not answer"), "{fault}");
    assert_eq!(watch.latest(), sent, "the policy stays");
    let asked = Instant::now();
    let known = central.website("FF-DEMO-1").await.expect("known").expect("still there");
    assert_eq!((known.domain.as_str(), central.websites().await.expect("known").len()), ("example.com", 1));
    assert!(asked.elapsed() < Duration::from_secs(1), "nobody waits for the dead: {:?}", asked.elapsed());
    let refused = central.add_website(site("late.example", None)).await.expect_err("away");
    assert!(refused.is_transient(), "{refused}");

    direct.add_website(site("meanwhile.example", None)).await.expect("added");
    wire.mend().await;
    let (policy, _) = watch.until(|policy| policy.sites.len() == 2).await;
    assert!(policy.policy_id > sent.policy_id);
    eventually("a clean bill", || central.fault().is_none()).await;
    central.add_website(site("late.example", None)).await.expect("added");

    // Sessions that the server ends, as when it is restarted, are replaced without anybody noticing.
    let end_all = format!(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{}'",
        fixture.server().database
    );
    command(&end_all).await;
    central.add_website(site("later.example", None)).await.expect("added on a new connection");
    watch.until(|policy| policy.sites.len() == 4).await;
    watch.end().await;
    central.close().await;
    direct.close().await;
    fixture.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_comes_late_is_found() {
    let fixture = Fixture::postgresql().await;
    let mut wire = Wire::to(fixture.server()).await;
    wire.cut().await;
    let central = Metadata::at(beside(fixture.server(), |server| server.port = wire.port));
    let error = central.connect().await.expect_err("nobody is there");
    assert!(error.is_transient(), "{error}");
    let mut watch = Watch::over(&central);
    assert!(central.websites().await.expect_err("nothing is known").is_transient());
    wire.mend().await;
    watch.until(|policy| policy.policy_id > 0).await;
    eventually("a clean bill", || central.fault().is_none()).await;
    assert_eq!(central.websites().await.expect("an answer"), []);
    watch.end().await;
    central.close().await;
    fixture.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_refuses_is_quoted_and_says_what_to_do() {
    let fixture = Fixture::postgresql().await;
    let folder = tempfile::tempdir().expect("temp dir");
    let (wrong, no_ca) = (folder.path().join("wrong"), folder.path().join("ca.pem"));
    private(&wrong, "not the password\n");
    let stranger = rcgen::generate_simple_self_signed(["stranger".to_owned()]).expect("made");
    std::fs::write(&no_ca, stranger.cert.pem()).expect("written");
    let server = fixture.server();
    for (location, parts) in [
        (
            beside(server, |server| server.password_file = wrong.clone()),
            ["password authentication failed", "wrong"],
        ),
        (
            beside(server, |server| server.database = "nowhere".to_owned()),
            ["does not exist", "CREATE DATABASE nowhere"],
        ),
        (
            beside(server, |server| server.user = "nobody".to_owned()),
            ["password authentication failed", "nobody"],
        ),
        (beside(server, |server| server.ca = Some(no_ca.clone())), ["TLS failed", "metadata.postgresql.ca"]),
        (beside(server, |server| server.tls = false), ["pg_hba.conf", "metadata.postgresql.user"]),
        (
            beside(server, |server| server.password_file = "/no/such/file".into()),
            ["/no/such/file", "password_file"],
        ),
    ] {
        let error = Metadata::open(location).await.expect_err("refused");
        let sentence = error.to_string();
        assert!(!error.is_transient(), "{sentence}");
        assert!(parts.iter().all(|part| sentence.contains(part)) && !sentence.contains('\n'), "{sentence}");
        if !matches!(error, Error::Secret { .. }) {
            assert!(sentence.contains(&format!("PostgreSQL {}:{}", server.host, server.port)), "{sentence}");
        }
    }
    fixture.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_that_was_changed_is_read_again() {
    let fixture = Fixture::postgresql().await;
    let database = fixture.server().database.clone();
    let user = format!("user_{database}");
    command(&format!(
        "CREATE ROLE {user} LOGIN PASSWORD 'the first'; GRANT {user} TO CURRENT_USER; ALTER DATABASE {database} OWNER TO {user}"
    ))
    .await;
    let folder = tempfile::tempdir().expect("temp dir");
    let file = folder.path().join("password");
    private(&file, "the first\n");
    let location =
        beside(fixture.server(), |server| (server.user, server.password_file) = (user.clone(), file.clone()));
    let metadata = Metadata::open(location).await.expect("it opens");
    let watch = Watch::over(&metadata);

    let end_all =
        format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{database}'");
    command(&format!("ALTER ROLE {user} PASSWORD 'the second'")).await;
    command(&end_all).await;
    let refused = |fault: String| fault.contains("password authentication failed") && fault.contains(&user);
    eventually("a fault", || metadata.fault().is_some_and(refused)).await;
    private(&file, "the second\n");
    eventually("a clean bill", || metadata.fault().is_none()).await;
    metadata.add_website(site("example.com", None)).await.expect("added");
    watch.end().await;
    metadata.close().await;
    fixture.end().await;
    command(&format!("DROP ROLE {user}")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_became_read_only_is_still_read() {
    let fixture = Fixture::postgresql().await;
    let metadata = fixture.open().await;
    metadata.add_website(site("example.com", Some("FF-DEMO-1"))).await.expect("added");
    let mut watch = Watch::over(&metadata);
    watch.until(|policy| policy.sites.len() == 1).await;

    let database = &fixture.server().database;
    command(&format!("ALTER DATABASE {database} SET default_transaction_read_only = on")).await;
    let end_all =
        format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{database}'");
    command(&end_all).await;
    eventually("a fault", || metadata.fault().is_some_and(|fault| fault.contains("is read-only"))).await;
    assert_eq!(metadata.websites().await.expect("read").len(), 1);
    let refused = metadata.add_website(site("late.example", None)).await.expect_err("read-only");
    assert!(matches!(refused, Error::ReadOnly { .. }), "{refused}");
    let refused = Metadata::open(fixture.location.clone()).await.expect_err("read-only");
    assert!(refused.to_string().contains("is read-only; make it writable"), "{refused}");

    command(&format!("ALTER DATABASE {database} RESET default_transaction_read_only")).await;
    command(&end_all).await;
    eventually("a clean bill", || metadata.fault().is_none()).await;
    metadata.add_website(site("late.example", None)).await.expect("added");
    watch.until(|policy| Arc::clone(policy).sites.len() == 2).await;
    watch.end().await;
    metadata.close().await;
    fixture.end().await;
}
