//! Where the live view rests, checked: in memory, or in which Redis and as whom. Connects to nothing.

use super::ConfigError;
use super::raw::{RawLive, RawRedis};

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
        if self.tls && !self.ca.as_ref().is_some_and(|file| file.is_file()) {
            return Err(ConfigError::Missing(
                "live.redis.ca",
                "the certificate of whoever vouches for the server",
            ));
        }
        Ok(footfall_live::redis::Options {
            host,
            port: self.port,
            user: self.user,
            password_file: self.password_file,
            tls: self.tls,
            ca: self.ca,
            cluster: self.cluster,
            prefix: self.prefix,
        })
    }
}
