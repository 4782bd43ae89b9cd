//! Which browser, system and device a user agent is, and whether it is a bot. A small cache keeps it cheap.
//!
//! woothee parses; what it does not know is in this folder and its lists. Nothing here decides what becomes of a visitor.

use std::sync::Arc;

use parking_lot::Mutex;
use woothee::parser::Parser;

use crate::generations::Generations;

mod agent;
mod bot;
mod brand;
mod browser;
mod correction;
mod device;
mod product;
mod system;

pub use agent::{Agent, DeviceType, Kind};
pub use correction::corrected;

use bot::Bots;
use brand::brand_of;
use browser::Browsers;

/// User agents remembered per generation; twice that at most, about 500 bytes each.
const CAPACITY: usize = 4096;

/// Parses user agents and remembers the recent ones.
pub struct Agents {
    bots: Bots,
    browsers: Browsers,
    parser: Parser,
    known: Mutex<Generations<Box<str>, Arc<Agent>>>,
}

impl std::fmt::Debug for Agents {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Agents").finish_non_exhaustive()
    }
}

impl Default for Agents {
    fn default() -> Self {
        let known = Mutex::new(Generations::new(CAPACITY));
        Self { bots: Bots::default(), browsers: Browsers::default(), parser: Parser::new(), known }
    }
}

impl Agents {
    /// What `user_agent` tells.
    #[must_use]
    pub fn look_up(&self, user_agent: &str) -> Arc<Agent> {
        if let Some(agent) = self.known.lock().touch(user_agent) {
            return Arc::clone(agent);
        }
        let agent = Arc::new(self.parse(user_agent));
        self.known.lock().insert(user_agent.into(), Arc::clone(&agent));
        agent
    }

    fn parse(&self, user_agent: &str) -> Agent {
        if user_agent.contains('+') && !user_agent.contains(' ') {
            // Some programs send it as servers write it into their logs.
            let agent = self.parse(&user_agent.replace('+', " "));
            return Agent { kind: self.bots.kind(user_agent, ""), ..agent };
        }
        let parsed = self.parser.parse(user_agent);
        let parsed = parsed.as_ref();
        let model = device::model(user_agent);
        let (os, os_version) = system::system(user_agent, parsed);
        let (browser, browser_version) = self.browsers.browser(user_agent, &os, parsed);
        let maker = [brand_of(model.maker), brand_of(model.name)].into_iter().find(|maker| !maker.is_empty());
        Agent {
            device_type: device::device_type(user_agent, &os, model.name, parsed),
            device_brand: maker.unwrap_or_default().to_owned(),
            device_model: model.name.to_owned(),
            os,
            os_version,
            browser,
            browser_version,
            kind: self.bots.kind(user_agent, model.field),
        }
    }
}

#[cfg(test)]
mod tests;
