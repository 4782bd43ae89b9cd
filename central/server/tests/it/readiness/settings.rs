//! Configurations that name the real servers, with databases, topics and prefixes that nobody else has.

#![allow(dead_code, reason = "each test program uses its own part of this")]

use std::path::Path;

use clickhouse::Client;
use footfall_blobs::S3;
use footfall_log::kafka;

use crate::support::central::{Place, quoted};
use crate::support::{Server, services};

/// The password of the event store.
pub(crate) const PASSWORD: &str = "of all servers";

/// A central whose event store is a server elsewhere; all else is in its folder.
pub(crate) struct Scene {
    pub(crate) place: Place,
    /// A client of the event store that may do everything.
    pub(crate) events: Client,
    /// The event store.
    pub(crate) store: Server,
}

impl Scene {
    pub(crate) fn new() -> Self {
        let place = Place::new();
        let store = Server::start(&place.dir.path().join("store"));
        let events = Client::default().with_url(&store.url).with_database("footfall").with_user("footfall");
        let mut scene = Self { place, events: events.with_password(PASSWORD), store };
        let right = scene.place.file("clickhouse.password", PASSWORD);
        scene.event_store(&right);
        scene
    }

    /// Says where the event store's password stands.
    pub(crate) fn event_store(&mut self, password_file: &Path) {
        let text = format!("servers = [['{}']]\npassword_file = {}", self.store.url, quoted(password_file));
        self.place.set("event_store", text);
    }
}

/// `[log]`.
pub(crate) fn log(options: &kafka::Options) -> String {
    let kafka::Options { bootstrap, topic, partitions, replication, group, security, mechanism, .. } =
        options;
    let (user, password_file) = options.user.as_ref().expect("there is one");
    let ca = options.ca.as_ref().expect("there is one");
    format!(
        "backend = 'kafka'\nkafka = {{ bootstrap = '{bootstrap}', topic = '{topic}', partitions = {partitions}, replication = {replication}, \
         retention = '1h', group = '{group}', security = '{security}', mechanism = '{mechanism}', user = '{user}', password_file = {}, \
         ca = {} }}",
        quoted(password_file),
        quoted(ca)
    )
}

/// `[metadata]`.
pub(crate) fn metadata(server: &footfall_metadata::Server) -> String {
    let footfall_metadata::Server { host, port, database, user, password_file, ca, .. } = server;
    let ca = ca.as_ref().expect("there is one");
    format!(
        "backend = 'postgresql'\npostgresql = {{ host = '{host}', port = {port}, database = '{database}', user = '{user}', \
         password_file = {}, ca = {} }}",
        quoted(password_file),
        quoted(ca)
    )
}

/// `[live]`.
pub(crate) fn live(password_file: &Path, prefix: &str) -> String {
    let services::Redis { host, port, user, ca, tls, .. } = services::redis();
    format!(
        "backend = 'redis'\nredis = {{ host = '{host}', port = {port}, user = '{user}', password_file = {}, tls = {tls}, ca = {}, \
         prefix = '{prefix}' }}",
        quoted(password_file),
        quoted(&ca)
    )
}

/// `[blobs]`.
pub(crate) fn blobs(s3: &S3) -> String {
    let S3 { endpoint, region, bucket, prefix, access_key, secret_key_file, .. } = s3;
    format!(
        "backend = 's3'\nclose_after_seconds = 1\ns3 = {{ endpoint = '{endpoint}', region = '{region}', bucket = '{bucket}', \
         prefix = '{prefix}', access_key = '{access_key}', secret_key_file = {} }}",
        quoted(secret_key_file)
    )
}
