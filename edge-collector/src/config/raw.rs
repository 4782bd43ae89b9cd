//! The edge's configuration as it is written: every key, its default, and what it is for. These comments are the template and
//! `docs/configuration.md`. Judges nothing but the kind of each value.

#![allow(unused_qualifications, reason = "the derive writes the types of fields once more")]

use std::path::PathBuf;

use confique::Config;

/// An edge node. `edge-collector --config edge.toml --check` says in one sentence what is wrong with its configuration.
#[derive(Debug, Config)]
#[config(layer_attr(serde(deny_unknown_fields)))]
pub(super) struct Raw {
    /// The folder of everything that it keeps: the journal, the policy, the relay's position, the day's salts.
    pub(super) data: PathBuf,
    /// The HTTP server that browsers speak to.
    #[config(nested)]
    pub(super) http: RawHttp,
    /// What only the operator asks.
    #[config(nested)]
    pub(super) health: RawHealth,
    /// Where events go.
    #[config(nested)]
    pub(super) central: RawCentral,
    /// What is kept until central has it.
    #[config(nested)]
    pub(super) journal: RawJournal,
    /// The script for web pages.
    #[config(nested)]
    pub(super) beacon: RawBeacon,
    /// Where visitors are.
    #[config(nested)]
    pub(super) geo: RawGeo,
}

#[derive(Debug, Config)]
#[config(layer_attr(serde(deny_unknown_fields)))]
pub(super) struct RawHttp {
    /// Address and port to serve at, behind whatever ends TLS.
    #[config(default = "127.0.0.1:8080")]
    pub(super) listen: String,
    /// Threads that serve HTTP, each with its own event loop: 1 to 64.
    #[config(default = 1_u64)]
    pub(super) workers: u64,
    /// Open connections at most, 1 to 1000000; more wait in the system's queue. An idle one costs about 12 KB.
    #[config(default = 16384_u64)]
    pub(super) max_connections: u64,
    /// Networks of the proxies whose X-Forwarded-For is believed.
    #[config(default = [])]
    pub(super) trusted_proxies: Vec<String>,
}

#[derive(Debug, Config)]
#[config(layer_attr(serde(deny_unknown_fields)))]
pub(super) struct RawHealth {
    /// Address and port of /healthz, /readyz and /metrics alone, which are never on `http.listen`; "off": nowhere. It may be one that other
    /// machines of your own reach.
    #[config(default = "127.0.0.1:8083")]
    pub(super) listen: String,
    /// Host names under which it is asked from other machines: without one, it answers only as localhost, 127.0.0.1 or [::1].
    #[config(default = [])]
    pub(super) names: Vec<String>,
}

#[derive(Debug, Config)]
#[config(layer_attr(serde(deny_unknown_fields)))]
pub(super) struct RawCentral {
    /// `host:port` of central's relay, looked up again at every connection.
    pub(super) address: String,
    /// The name that central's certificate must carry.
    pub(super) server_name: String,
    /// This edge's certificate chain, PEM; its common name is the edge's id.
    pub(super) certificate: PathBuf,
    /// The key of that certificate, PEM.
    pub(super) key: PathBuf,
    /// The authority that central's certificate must come from, PEM.
    pub(super) ca: PathBuf,
    /// The authority that this edge's own certificate comes from, PEM, where it is another than `ca`. A start and `--check` judge the
    /// certificate by it.
    pub(super) certificate_ca: Option<PathBuf>,
}

#[derive(Debug, Config)]
#[config(layer_attr(serde(deny_unknown_fields)))]
pub(super) struct RawJournal {
    /// Bytes at most of what central has not acknowledged. Past it browsers get 503 and Retry-After.
    #[config(default = 4_294_967_296_u64)]
    pub(super) max_bytes: u64,
    /// Size of a segment file, bytes.
    #[config(default = 67_108_864_u64)]
    pub(super) segment_bytes: u64,
}

#[derive(Debug, Config)]
#[config(layer_attr(serde(deny_unknown_fields)))]
pub(super) struct RawBeacon {
    /// The folder with `footfall.js` and `footfall.wasm`; without it their paths answer 404.
    pub(super) assets: Option<PathBuf>,
}

#[derive(Debug, Config)]
#[config(layer_attr(serde(deny_unknown_fields)))]
pub(super) struct RawGeo {
    /// MaxMind files, asked in this order.
    #[config(default = [])]
    pub(super) databases: Vec<PathBuf>,
    /// An address as which private and loopback addresses are looked up: for demonstrations.
    pub(super) private_as: Option<String>,
}
