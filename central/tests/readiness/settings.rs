//! Configurations that name the real servers, with databases, topics and prefixes that nobody else has.

use std::path::Path;

use clickhouse::Client;
use footfall_central::log::kafka;
use footfall_central::store::blobs::S3;
use footfall_central::store::metadata::Server;

use crate::support::central::{Place, quoted};
use crate::support::services;

/// A central whose event store is a database of its own on the real server; all else is in its folder.
pub(crate) struct Scene {
    pub(crate) place: Place,
    /// A client of the database that may do everything.
    pub(crate) events: Client,
    /// Where the event store is.
    pub(crate) url: String,
    database: String,
}

impl Scene {
    pub(crate) fn new() -> Self {
        let service = services::clickhouse();
        let database = format!("ready_{:016x}", getrandom::u64().expect("randomness"));
        let url = service.shards[0][0].clone();
        let password = std::fs::read_to_string(&service.password_file).expect("a password");
        let events = Client::default().with_url(&url).with_database(&database).with_user(&service.user);
        let events = events.with_password(password.trim());
        let mut scene = Self { place: Place::new(), events, url, database };
        scene.event_store(&service.password_file);
        scene
    }

    /// Says where the event store's password stands.
    pub(crate) fn event_store(&mut self, password_file: &Path) {
        let text = format!(
            "servers = [['{}']]\ndatabase = '{}'\nuser = '{}'\npassword_file = {}",
            self.url,
            self.database,
            services::clickhouse().user,
            quoted(password_file)
        );
        self.place.set("event_store", text);
    }

    pub(crate) async fn end(self) {
        let drop = format!("DROP DATABASE IF EXISTS {}", self.database);
        self.events.with_database("default").query(&drop).execute().await.expect("dropped");
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
pub(crate) fn metadata(server: &Server) -> String {
    let Server { host, port, database, user, password_file, ca, .. } = server;
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
    let S3 { endpoint, region, bucket, prefix, access_key, secret_key_file, allow_http } = s3;
    format!(
        "backend = 's3'\nclose_after_seconds = 1\ns3 = {{ endpoint = '{endpoint}', region = '{region}', bucket = '{bucket}', \
         prefix = '{prefix}', access_key = '{access_key}', secret_key_file = {}, allow_http = {allow_http} }}",
        quoted(secret_key_file)
    )
}
