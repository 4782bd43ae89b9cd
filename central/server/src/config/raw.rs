//! Central's configuration as it is written: every key, its default, and what it is for. These comments are the template and
//! `docs/configuration.md`. Judges nothing but the kind of each value.

#![allow(unused_qualifications, reason = "the derive writes the types of fields once more")]

use std::fmt;
use std::path::PathBuf;

use confique::Config;
use serde::Deserialize;
use serde::de::value::SeqAccessDeserializer;
use serde::de::{self, Deserializer, SeqAccess, Visitor};

use super::druid::RawDruid;
use super::kafka::RawKafka;

/// Central, on its embedded defaults: one machine, no other service. `central run --config central.toml --check` says in one sentence
/// what is wrong with its configuration.
#[derive(Config)]
#[config(layer_attr(serde(deny_unknown_fields)))]
pub(super) struct RawConfig {
    /// The folder of everything that it keeps: the log, the metadata, the embedded event store, blobs.
    pub(super) data: PathBuf,
    /// The dashboard and the API.
    #[config(nested)]
    pub(super) http: RawHttp,
    /// Where edges connect: QUIC, mutual TLS.
    #[config(nested)]
    pub(super) relay: RawRelay,
    /// ClickHouse. Without `servers`, central starts and watches an embedded one itself.
    #[config(nested)]
    pub(super) event_store: RawEventStore,
    /// The log of what the edges sent, from which every store is fed.
    #[config(nested)]
    pub(super) log: RawLog,
    /// Websites and users.
    #[config(nested)]
    pub(super) metadata: RawMetadata,
    /// The raw log, from which other tiers are rebuilt: docs/raw-log.md.
    #[config(nested)]
    pub(super) blobs: RawBlobs,
    /// The live view, and the answers of reports for a moment.
    #[config(nested)]
    pub(super) live: RawLive,
    /// Reports.
    #[config(nested)]
    pub(super) query: RawQuery,
    /// Sessions, conversions and aggregates: docs/derived-tables.md.
    #[config(nested)]
    pub(super) derive: RawDerive,
    /// Apache Druid, beside ClickHouse: many dashboards over months of rolled-up minutes, distinct visitors within 3.3 %. Page views and
    /// engagement so far; no bounces yet, and reports do not ask it.
    #[config(nested)]
    pub(super) druid: RawDruid,
    /// The tag that site owners paste.
    #[config(nested)]
    pub(super) tag: RawTag,
}

#[derive(Config)]
#[config(layer_attr(serde(deny_unknown_fields)))]
pub(super) struct RawHttp {
    /// Address and port; loopback only until authentication is configured.
    #[config(default = "127.0.0.1:8081")]
    pub(super) listen: String,
    /// Further host names under which requests are answered.
    #[config(default = [])]
    pub(super) names: Vec<String>,
    /// Address and port of /metrics, /healthz and /readyz alone, which then may be one that other machines reach. Without it, /metrics is
    /// served with the dashboard.
    pub(super) metrics_listen: Option<String>,
}

#[derive(Config)]
#[config(layer_attr(serde(deny_unknown_fields)))]
pub(super) struct RawRelay {
    /// Address and port (UDP).
    #[config(default = "127.0.0.1:4433")]
    pub(super) listen: String,
    /// Central's certificate chain, PEM.
    pub(super) certificate: PathBuf,
    /// The key of that certificate, PEM.
    pub(super) key: PathBuf,
    /// The authority that the edges' certificates must come from, PEM.
    pub(super) ca: PathBuf,
    /// The authority that central's own certificate comes from, PEM, where it is another than `ca`; edges name it as `central.ca`. A start
    /// and `--check` judge the certificate by it.
    pub(super) certificate_ca: Option<PathBuf>,
    /// Days back from now within which an edge is believed to have received a record, 1 to 60: for how long it may have been cut off.
    /// Older ones are parked (`central dead-letter`).
    #[config(default = 30)]
    pub(super) receipt_days_back: u16,
    /// Seconds ahead of now, 60 to 3600: how far an edge's clock may go before central's. Later ones are parked.
    #[config(default = 300)]
    pub(super) receipt_seconds_ahead: u16,
}

#[derive(Config)]
#[config(layer_attr(serde(deny_unknown_fields)))]
pub(super) struct RawEventStore {
    /// ClickHouse servers: a list of shards, each a list of the URLs of its replicas. In a variable semicolons part the shards. The number
    /// of shards divides that of the log's partitions. Three replicas outlive one: an insert waits for most of a shard.
    #[config(default = [])]
    pub(super) servers: Shards,
    /// The name by which ClickHouse knows the servers; several replicas need it.
    pub(super) cluster: Option<String>,
    /// Certificates of authorities to trust, PEM; without them the system's are trusted.
    pub(super) ca: Option<PathBuf>,
    /// false allows http:// URLs of other machines, to which the password then goes in the clear: only where nobody can listen.
    #[config(default = true)]
    pub(super) tls: bool,
    /// Address and port of the embedded one, loopback only.
    #[config(default = "127.0.0.1:8123")]
    pub(super) listen: String,
    /// The database.
    #[config(default = "footfall")]
    pub(super) database: String,
    /// The user who may write.
    #[config(default = "footfall")]
    pub(super) user: String,
    /// The file with the user's password. The embedded one makes clickhouse.password in the data folder.
    pub(super) password_file: Option<PathBuf>,
    /// libchdb.so; without it the one that `cargo xtask doctor` has fetched.
    pub(super) library: Option<PathBuf>,
    /// The event-store program; without it the one beside central's own.
    pub(super) program: Option<PathBuf>,
}

#[derive(Config)]
#[config(layer_attr(serde(deny_unknown_fields)))]
pub(super) struct RawLog {
    /// "embedded", or "kafka": several centrals then share the partitions.
    #[config(default = "embedded")]
    pub(super) backend: String,
    /// Bytes at most of the embedded log that wait for a sink.
    #[config(default = 8_589_934_592_u64)]
    pub(super) max_bytes: u64,
    /// Size of a segment file of the embedded log, bytes.
    #[config(default = 67_108_864_u64)]
    pub(super) segment_bytes: u64,
    /// For backend = "kafka".
    #[config(nested)]
    pub(super) kafka: RawKafka,
}

#[derive(Config)]
#[config(layer_attr(serde(deny_unknown_fields)))]
pub(super) struct RawMetadata {
    /// "sqlite", in the data folder, or "postgresql": several centrals may share it.
    #[config(default = "sqlite")]
    pub(super) backend: RawMetadataBackend,
    /// For backend = "postgresql": PostgreSQL 13 or newer.
    #[config(nested)]
    pub(super) postgresql: RawPostgresql,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum RawMetadataBackend {
    Sqlite,
    Postgresql,
}

#[derive(Config)]
#[config(layer_attr(serde(deny_unknown_fields)))]
pub(super) struct RawPostgresql {
    /// Name or address of the server.
    #[config(default = "127.0.0.1")]
    pub(super) host: String,
    #[config(default = 5432)]
    pub(super) port: u16,
    /// The database; it has to exist, owned by the user.
    #[config(default = "footfall")]
    pub(super) database: String,
    #[config(default = "footfall")]
    pub(super) user: String,
    /// The file with the user's password; needed.
    pub(super) password_file: Option<PathBuf>,
    /// Certificates of authorities to trust besides the system's, PEM.
    pub(super) ca: Option<PathBuf>,
    /// false speaks in the clear: only where nobody can listen.
    #[config(default = true)]
    pub(super) tls: bool,
}

#[derive(Config)]
#[config(layer_attr(serde(deny_unknown_fields)))]
pub(super) struct RawBlobs {
    /// "folder" or "s3".
    #[config(default = "folder")]
    pub(super) backend: String,
    /// Without it, blobs in the data folder.
    pub(super) folder: Option<PathBuf>,
    /// Seconds after its first record at which an object is closed, 1 to 3600; a large one is closed earlier.
    #[config(default = 60)]
    pub(super) close_after_seconds: u64,
    /// For backend = "s3".
    #[config(nested)]
    pub(super) s3: RawS3,
}

#[derive(Config)]
#[config(layer_attr(serde(deny_unknown_fields)))]
pub(super) struct RawS3 {
    /// URL of the server, https://, or http:// on this machine; needed.
    pub(super) endpoint: Option<String>,
    #[config(default = "us-east-1")]
    pub(super) region: String,
    /// The bucket; it has to exist. Needed.
    pub(super) bucket: Option<String>,
    /// Before every name in the bucket.
    #[config(default = "")]
    pub(super) prefix: String,
    /// Needed.
    pub(super) access_key: Option<String>,
    /// The file with the secret key; needed.
    pub(super) secret_key_file: Option<PathBuf>,
    /// false allows an http:// URL of another machine, to which everything then goes in the clear: only where nobody can listen.
    #[config(default = true)]
    pub(super) tls: bool,
}

#[derive(Config)]
#[config(layer_attr(serde(deny_unknown_fields)))]
pub(super) struct RawLive {
    /// "memory", or "redis": several centrals then show the same.
    #[config(default = "memory")]
    pub(super) backend: String,
    /// For backend = "redis".
    #[config(nested)]
    pub(super) redis: RawRedis,
}

#[derive(Config)]
#[config(layer_attr(serde(deny_unknown_fields)))]
pub(super) struct RawRedis {
    /// Name or address of the server; needed.
    pub(super) host: Option<String>,
    #[config(default = 6379)]
    pub(super) port: u16,
    #[config(default = "default")]
    pub(super) user: String,
    /// The file with the user's password.
    pub(super) password_file: Option<PathBuf>,
    /// Without it, TLS is spoken with every Redis but one at a loopback address. false speaks in the clear, the password included: only where
    /// nobody can listen.
    pub(super) tls: Option<bool>,
    /// Certificates of the authority that vouches for the server, PEM; needed for TLS.
    pub(super) ca: Option<PathBuf>,
    /// true for a Redis Cluster, of which any node may be named.
    #[config(default = false)]
    pub(super) cluster: bool,
    /// Before every key.
    #[config(default = "")]
    pub(super) prefix: String,
}

#[derive(Config)]
#[config(layer_attr(serde(deny_unknown_fields)))]
pub(super) struct RawQuery {
    /// Seconds for which the answer of a report may be given again.
    #[config(default = 5)]
    pub(super) stale_seconds: u16,
}

#[derive(Config)]
#[config(layer_attr(serde(deny_unknown_fields)))]
pub(super) struct RawDerive {
    /// false leaves the derived tables as they are: reports are then made of the events, and there are none of sessions and goals.
    #[config(default = true)]
    pub(super) enabled: bool,
}

#[derive(Config)]
#[config(layer_attr(serde(deny_unknown_fields)))]
pub(super) struct RawTag {
    /// Where the tag loads the beacon from: an edge, as browsers reach it.
    #[config(default = "http://127.0.0.1:8080")]
    pub(super) edge_url: String,
}

/// Shards, each a list of replicas; in a variable `a,b;c,d`.
#[derive(Clone, Debug, Default)]
pub(super) struct Shards(pub(super) Vec<Vec<String>>);

impl<'de> Deserialize<'de> for Shards {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Lists;

        impl<'de> Visitor<'de> for Lists {
            type Value = Shards;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of shards, each a list of URLs")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, shards: A) -> Result<Shards, A::Error> {
                Vec::deserialize(SeqAccessDeserializer::new(shards)).map(Shards)
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Shards, E> {
                let urls =
                    |shard: &str| shard.split(',').map(str::trim).map(str::to_owned).collect::<Vec<_>>();
                let named = |urls: Vec<String>| urls.into_iter().filter(|url| !url.is_empty()).collect();
                Ok(Shards(text.split(';').map(urls).map(named).collect()))
            }
        }

        deserializer.deserialize_any(Lists)
    }
}
