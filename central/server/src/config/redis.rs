//! Where the live view rests, checked: in memory, or in which Redis and as whom. Connects to nothing.

use super::ConfigError;
use super::raw::{RawLive, RawRedis};
use super::transport::is_this_machine;

impl RawLive {
    pub(super) fn resolve(self) -> Result<footfall_live::Options, ConfigError> {
        match (self.backend.as_str(), self.redis) {
            ("memory", _) => Ok(footfall_live::Options::Memory),
            ("redis", redis) => redis.resolve().map(footfall_live::Options::Redis),
            _ => Err(ConfigError::Backend { key: "live.backend", names: "\"memory\" or \"redis\"" }),
        }
    }
}

impl RawRedis {
    fn resolve(self) -> Result<footfall_live::redis::Options, ConfigError> {
        let missing = ConfigError::Missing("live.redis.host", "the name or address of a Redis");
        let host = self.host.ok_or(missing)?;
        if self.password_file.as_ref().is_some_and(|file| !file.is_file()) {
            return Err(ConfigError::Missing("live.redis.password_file", "a file with the password"));
        }
        if host.is_empty() || host.contains('/') {
            return Err(ConfigError::RedisHost(host));
        }
        // The nodes of a cluster are where it says that they are, which may be anywhere.
        let here = is_this_machine(&host) && !self.cluster;
        let tls = self.tls.unwrap_or(!here || self.ca.is_some());
        if tls && !self.ca.as_ref().is_some_and(|file| file.is_file()) {
            return Err(ConfigError::RedisAuthority(host));
        }
        Ok(footfall_live::redis::Options {
            host,
            port: self.port,
            user: self.user,
            password_file: self.password_file,
            tls,
            ca: self.ca,
            cluster: self.cluster,
            prefix: self.prefix,
        })
    }
}
