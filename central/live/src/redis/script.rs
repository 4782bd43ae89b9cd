//! The scripts, which a server is told once and then called by their hash. One that has forgotten them is told again.

use fred::clients::Client;
use fred::error::Error;
use fred::interfaces::LuaInterface as _;
use fred::types::{FromValue, Value};

/// What runs inside Redis, so that a key and its position change together.
#[derive(Clone, Copy, Debug)]
pub(super) enum Script {
    Minute,
    Sessions,
    Visits,
    Position,
    Generation,
    Release,
}

impl Script {
    const ALL: [Self; 6] =
        [Self::Minute, Self::Sessions, Self::Visits, Self::Position, Self::Generation, Self::Release];

    const fn text(self) -> &'static str {
        match self {
            Self::Minute => include_str!("minute.lua"),
            Self::Sessions => include_str!("sessions.lua"),
            Self::Visits => include_str!("visits.lua"),
            Self::Position => include_str!("position.lua"),
            Self::Generation => include_str!("generation.lua"),
            Self::Release => include_str!("release.lua"),
        }
    }
}

/// The scripts' hashes, as the server gave them.
#[derive(Debug)]
pub(super) struct Scripts([String; Script::ALL.len()]);

impl Scripts {
    /// Tells them to the server (to one of a cluster; the others learn them at the first call).
    pub(super) async fn load(client: &Client) -> Result<Self, Error> {
        let mut hashes: [String; Script::ALL.len()] = Default::default();
        for script in Script::ALL {
            hashes[script as usize] = client.script_load(script.text()).await?;
        }
        Ok(Self(hashes))
    }

    /// Runs one.
    pub(super) async fn run<R: FromValue>(
        &self,
        client: &Client,
        script: Script,
        keys: Vec<String>,
        arguments: Vec<Value>,
    ) -> Result<R, Error> {
        let hash = self.0[script as usize].as_str();
        match client.evalsha(hash, keys.clone(), arguments.clone()).await {
            Err(error) if error.details().starts_with("NOSCRIPT") => {
                client.eval(script.text(), keys, arguments).await
            }
            answer => answer,
        }
    }
}
