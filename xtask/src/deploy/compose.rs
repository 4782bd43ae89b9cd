//! The compose file as far as we use it. A key that is not here is refused: it is misspelt, or belongs here with a rule.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

/// The file, with what its anchors give put in place.
#[derive(Debug, Deserialize)]
pub(super) struct Compose {
    pub(super) services: BTreeMap<String, Service>,
    pub(super) networks: BTreeMap<String, Network>,
    pub(super) volumes: BTreeMap<String, Value>,
    #[serde(rename = "name")]
    _name: String,
    #[serde(flatten)]
    others: BTreeMap<String, Value>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Service {
    pub(super) image: String,
    pub(super) build: Option<Build>,
    pub(super) user: String,
    pub(super) restart: String,
    pub(super) init: bool,
    pub(super) read_only: bool,
    pub(super) cap_drop: Vec<String>,
    pub(super) cap_add: Vec<String>,
    pub(super) security_opt: Vec<String>,
    pub(super) logging: Logging,
    pub(super) depends_on: BTreeMap<String, Condition>,
    pub(super) entrypoint: Vec<String>,
    pub(super) command: Vec<String>,
    pub(super) environment: BTreeMap<String, String>,
    pub(super) networks: Vec<String>,
    pub(super) network_mode: Option<String>,
    pub(super) ports: Vec<String>,
    pub(super) volumes: Vec<Mount>,
    pub(super) tmpfs: Vec<String>,
    pub(super) ulimits: Ulimits,
    pub(super) deploy: Resources,
    pub(super) healthcheck: Health,
    #[serde(rename = "hostname")]
    _hostname: Option<String>,
    #[serde(rename = "shm_size")]
    _shm_size: Option<String>,
    #[serde(rename = "stop_grace_period")]
    _stop_grace_period: Option<String>,
    #[serde(rename = "working_dir")]
    _working_dir: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Build {
    pub(super) context: String,
    pub(super) dockerfile: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Logging {
    pub(super) driver: String,
    pub(super) options: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Condition {
    pub(super) condition: String,
    #[serde(default, rename = "restart")]
    _restart: bool,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Mount {
    Short(String),
    Long {
        source: String,
        target: String,
        #[serde(default)]
        read_only: bool,
        #[serde(rename = "type")]
        _kind: String,
        #[serde(default, rename = "volume")]
        _volume: IgnoredAny,
    },
}

impl Mount {
    pub(super) fn source(&self) -> &str {
        match self {
            Self::Short(text) => text.split(':').next().unwrap_or_default(),
            Self::Long { source, .. } => source,
        }
    }

    pub(super) fn target(&self) -> &str {
        match self {
            Self::Short(text) => text.split(':').nth(1).unwrap_or_default(),
            Self::Long { target, .. } => target,
        }
    }

    pub(super) fn is_read_only(&self) -> bool {
        match self {
            Self::Short(text) => {
                text.split(':').nth(2).is_some_and(|mode| mode.split(',').any(|word| word == "ro"))
            }
            Self::Long { read_only, .. } => *read_only,
        }
    }

    /// The file or folder of ours, below `deploy/`.
    pub(super) fn own_file(&self) -> Option<&str> {
        self.source().strip_prefix("./")
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Ulimits {
    pub(super) nofile: Option<Nofile>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Nofile {
    pub(super) soft: u64,
    pub(super) hard: u64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Resources {
    pub(super) resources: Limited,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Limited {
    pub(super) limits: Limits,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Limits {
    pub(super) cpus: Option<String>,
    pub(super) memory: Option<String>,
    pub(super) pids: Option<u64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Health {
    pub(super) test: Vec<String>,
    pub(super) disable: bool,
    pub(super) interval: Option<String>,
    pub(super) timeout: Option<String>,
    pub(super) retries: Option<u64>,
    #[serde(rename = "start_period")]
    _start_period: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Network {
    pub(super) internal: bool,
    pub(super) ipam: Ipam,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Ipam {
    pub(super) config: Vec<Subnet>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Subnet {
    pub(super) gateway: String,
    #[serde(rename = "subnet")]
    _subnet: String,
}

impl Compose {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let compose: Self = serde_saphyr::from_str(text).map_err(|error| error.to_string())?;
        match compose.others.keys().find(|key| !key.starts_with("x-")) {
            Some(key) => Err(format!("unknown key `{key}`")),
            None => Ok(compose),
        }
    }
}

impl Service {
    /// Everything that is run or given to what runs: where a path may be named.
    pub(super) fn words(&self) -> impl Iterator<Item = &str> {
        let lists = [&self.entrypoint, &self.command, &self.healthcheck.test];
        lists.into_iter().flatten().chain(self.environment.values()).map(String::as_str)
    }

    /// The user's number; root is 0, and so is whoever is not named.
    pub(super) fn uid(&self) -> Option<u32> {
        match self.user.split(':').next() {
            Some("root" | "") | None => Some(0),
            Some(user) => user.parse().ok(),
        }
    }

    /// A service that does something and ends.
    pub(super) fn ends(&self) -> bool {
        self.restart.is_empty()
    }
}

#[test]
fn a_misspelt_key_is_refused() {
    let whole = super::Deploy::read();
    let text = whole.text("compose.yaml");
    for (from, to) in
        [("\n    cap_add:", "\n    cap_ad:"), ("\nvolumes:", "\nvolume:"), ("retries: 12", "retry: 12")]
    {
        assert!(text.contains(from), "{from:?}");
        assert!(Compose::parse(&text.replacen(from, to, 1)).is_err(), "{to:?}");
    }
}
