//! What is wrong with the configuration, in one sentence for a person. Decides nothing.

use std::net::SocketAddr;

use crate::ingest;

/// What is wrong with the configuration. Permanent.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// It cannot be read, an unknown key, a missing one, or a value of another kind.
    #[error(transparent)]
    Layers(#[from] footfall_daemon::config::ConfigError),
    /// Not an address and a port.
    #[error("{key} = \"{text}\" is not an address and a port, such as 127.0.0.1:8081")]
    Address {
        /// Which key.
        key: &'static str,
        /// What stands there.
        text: String,
    },
    /// An address that others can reach, for something that asks nobody who they are.
    #[error(
        "{0} can be reached from elsewhere: until authentication is configured, only loopback addresses are allowed"
    )]
    Open(SocketAddr),
    /// Two servers on one port.
    #[error("http.metrics_listen is the address of http.listen, {0}: name another, or leave it out")]
    SameAddress(SocketAddr),
    /// A file that has to be there.
    #[error("{0} names no file: {1} is needed")]
    Missing(&'static str, &'static str),
    /// A name that would have to be quoted.
    #[error("event_store.{0} is to be made of letters, digits and underscores")]
    Name(&'static str),
    /// No URL, or one that stands there twice.
    #[error(
        "event_store.servers is to hold a list of http:// or https:// URLs for each shard, each once and without user and password, and not {0:?}"
    )]
    Url(String),
    /// Another machine, to which everything would go in the clear.
    #[error(
        "{key} names {url}, and what is sent there could be read on the way: name it with https://, or say {words} where nobody can listen"
    )]
    Clear {
        /// Which key.
        key: &'static str,
        /// The URL.
        url: String,
        /// What says that it is meant.
        words: &'static str,
    },
    /// TLS with a server that nobody is named to vouch for.
    #[error(
        "live.redis.ca names no file, and with live.redis.host = \"{0}\" TLS is spoken: name the certificates of the authority that vouches for \
         it, or say live.redis.tls = false where nobody can listen"
    )]
    RedisAuthority(String),
    /// No name and no address.
    #[error(
        "live.redis.host is to be a name or an address, without redis:// and without a port, and not \"{0}\""
    )]
    RedisHost(String),
    /// A shard without a server.
    #[error("event_store.servers names a shard without a server")]
    EmptyShard,
    /// Servers that would each hold a part of what they all should hold.
    #[error(
        "event_store.servers names several replicas of a shard, which needs event_store.cluster: the name that ClickHouse knows them by"
    )]
    Replicas,
    /// A name of no backend that there is.
    #[error("{key} is to be {names}")]
    Backend {
        /// Which key.
        key: &'static str,
        /// The backends that there are.
        names: &'static str,
    },
    /// A value that Kafka has no use for.
    #[error("log.kafka.{0}")]
    Kafka(&'static str),
    /// A value that nobody can do anything with for Druid.
    #[error("druid.{0}")]
    Druid(&'static str),
    /// The file of Druid's way to Kafka.
    #[error("druid.consumer_file: {} cannot be read: {source}", path.display())]
    DruidConsumer {
        /// Which.
        path: std::path::PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A log in which nothing fits.
    #[error("log.max_bytes is to be at least {0}, and log.segment_bytes at most half of it")]
    Log(u64),
    /// Neither a folder nor an S3 server that can be asked.
    #[error("{0}")]
    Blobs(&'static str),
    /// Objects that are closed at once or never.
    #[error("blobs.close_after_seconds is to be from 1 to 3600")]
    CloseAfter,
    /// A number that is too small or too large.
    #[error("{key} is to be from {least} to {most}")]
    Range {
        /// Which key.
        key: &'static str,
        /// The smallest.
        least: u16,
        /// The largest.
        most: u16,
    },
    /// Certificates and keys.
    #[error(transparent)]
    Relay(#[from] ingest::EndpointError),
}
