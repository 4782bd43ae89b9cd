//! Which browser, system and device a user agent is, and whether it is a bot. A small cache keeps it cheap.

use std::sync::{Arc, Mutex};

use isbot::Bots;
use woothee::parser::Parser;

use super::hints::Hints;
use crate::generations::Generations;

/// User agents remembered per generation; twice that at most, about 500 bytes each.
const CAPACITY: usize = 4096;

/// Programs that people use to send events on purpose. As a visitor of pages each is a bot; as the sender of a JSON
/// event from no page it is a tool.
const TOOLS: [&str; 18] = [
    "curl/",
    "wget/",
    "python-",
    "python/",
    "aiohttp/",
    "go-http-client",
    "okhttp",
    "java/",
    "apache-httpclient",
    "node-fetch",
    "axios/",
    "undici",
    "node",
    "reqwest",
    "ruby",
    "php",
    "postmanruntime",
    "httpie/",
];

/// What a user agent alone tells.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Agent {
    /// desktop, mobile or tablet.
    pub device_type: DeviceType,
    /// "Apple", "Samsung", …; empty when unknown.
    pub device_brand: String,
    /// "iPhone", "SM-S901B"; empty when unknown.
    pub device_model: String,
    /// "Windows", "macOS", "iOS", "Android", "Linux", …
    pub os: String,
    /// As far as it is told.
    pub os_version: String,
    /// "Chrome", "Safari", …
    pub browser: String,
    /// As far as it is told.
    pub browser_version: String,
    /// What kind of visitor it is.
    pub kind: Kind,
}

/// The classes of the table's `device_type`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum DeviceType {
    /// A computer, and whatever is nothing else.
    #[default]
    Desktop,
    /// A phone.
    Mobile,
    /// A tablet.
    Tablet,
}

impl DeviceType {
    /// As the table holds it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Desktop => "desktop",
            Self::Mobile => "mobile",
            Self::Tablet => "tablet",
        }
    }
}

/// Who stands behind a user agent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Kind {
    /// A person, as far as the user agent tells.
    #[default]
    Person,
    /// A crawler, a monitor, a headless browser.
    Bot,
    /// A program that sends requests, such as curl.
    Tool,
}

/// Parses user agents and remembers the recent ones.
pub struct Agents {
    bots: Bots,
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
        Self { bots: Bots::default(), parser: Parser::new(), known: Mutex::new(Generations::new(CAPACITY)) }
    }
}

impl Agents {
    /// What `user_agent` tells.
    #[must_use]
    pub fn look_up(&self, user_agent: &str) -> Arc<Agent> {
        if let Some(agent) = self.known.lock().expect("no holder panics").touch(user_agent) {
            return Arc::clone(agent);
        }
        let agent = Arc::new(self.parse(user_agent));
        self.known.lock().expect("no holder panics").insert(user_agent.into(), Arc::clone(&agent));
        agent
    }

    fn parse(&self, user_agent: &str) -> Agent {
        let mut agent = Agent { kind: self.kind(user_agent), ..Agent::default() };
        if let Some(found) = self.parser.parse(user_agent) {
            let known = |text: &str| if text == "UNKNOWN" { String::new() } else { text.to_owned() };
            agent.browser = known(found.name);
            agent.browser_version = known(found.version);
            (agent.os, agent.os_version) = system(found.os, &found.os_version);
            if matches!(found.category, "smartphone" | "mobilephone") {
                agent.device_type = DeviceType::Mobile;
            }
        }
        name_chromium_kin(user_agent, &mut agent);
        name_device(user_agent, &mut agent);
        agent
    }

    fn kind(&self, user_agent: &str) -> Kind {
        let lower = user_agent.to_ascii_lowercase();
        if TOOLS.iter().any(|tool| lower.starts_with(tool)) {
            return Kind::Tool;
        }
        let crawler = self.bots.is_bot(user_agent)
            || self.parser.parse(user_agent).is_some_and(|found| found.category == "crawler");
        if crawler { Kind::Bot } else { Kind::Person }
    }
}

/// Names as people know them: woothee speaks of "Windows 10" and "Mac OSX", and of NT kernels as versions.
fn system(os: &str, version: &str) -> (String, String) {
    let version = if version == "UNKNOWN" { "" } else { version };
    let (name, version) = match os {
        "UNKNOWN" => ("", version),
        "Mac OSX" => ("macOS", version),
        "iPhone" | "iPad" | "iPod" | "iOS" => ("iOS", version),
        _ => match os.strip_prefix("Windows ") {
            Some("UNKNOWN Ver") => ("Windows", ""),
            Some("Phone OS") => ("Windows Phone", version),
            Some(release) => ("Windows", release),
            None => (os, version),
        },
    };
    (name.to_owned(), version.to_owned())
}

/// Browsers on Chromium's engine that woothee takes for Chrome.
fn name_chromium_kin(user_agent: &str, agent: &mut Agent) {
    for (token, name) in [
        ("Brave/", "Brave"),
        ("DuckDuckGo/", "DuckDuckGo"),
        ("Whale/", "Whale"),
        ("UCBrowser/", "UC Browser"),
    ] {
        if let Some((_, rest)) = user_agent.split_once(token) {
            let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
            agent.browser = name.into();
            agent.browser_version = rest[..end].into();
        }
    }
}

fn name_device(user_agent: &str, agent: &mut Agent) {
    let has = |token: &str| user_agent.contains(token);
    let (brand, model) = if has("iPad") {
        agent.device_type = DeviceType::Tablet;
        ("Apple", "iPad".to_owned())
    } else if has("iPhone") {
        ("Apple", "iPhone".to_owned())
    } else if has("Macintosh") {
        ("Apple", "Mac".to_owned())
    } else if let Some(model) = android_model(user_agent) {
        if !has("Mobile") || has("Tablet") {
            agent.device_type = DeviceType::Tablet;
        }
        (brand_of(&model), model)
    } else {
        if has("Tablet") && !has("Tablet PC") || has("Silk/") && !has("Mobile") || has("Kindle") {
            agent.device_type = DeviceType::Tablet;
        }
        ("", String::new())
    };
    agent.device_brand = brand.into();
    agent.device_model = model;
}

/// The model in "(Linux; Android 13; SM-S901B Build/…)"; empty where it is the "K" of reduced user agents.
fn android_model(user_agent: &str) -> Option<String> {
    let (_, rest) = user_agent.split_once("Android")?;
    let rest = rest.split(')').next().unwrap_or_default();
    let tells_nothing = |field: &str| {
        let is_language = field.len() == 5 && field.as_bytes()[2] == b'-';
        is_language || field.starts_with("rv:") || matches!(field, "" | "wv" | "U" | "Mobile" | "Tablet")
    };
    let fields = rest.split(';').skip(1).map(str::trim).filter(|field| !tells_nothing(field));
    let model = fields.last().unwrap_or_default().split(" Build/").next().unwrap_or_default().trim();
    Some(if model == "K" { String::new() } else { super::cut(model, 64).to_owned() })
}

fn brand_of(model: &str) -> &'static str {
    const BRANDS: [(&str, &str); 22] = [
        ("SM-", "Samsung"),
        ("GT-", "Samsung"),
        ("Galaxy", "Samsung"),
        ("SAMSUNG", "Samsung"),
        ("Pixel", "Google"),
        ("Nexus", "Google"),
        ("Redmi", "Xiaomi"),
        ("Mi ", "Xiaomi"),
        ("MI ", "Xiaomi"),
        ("POCO", "Xiaomi"),
        ("M2", "Xiaomi"),
        ("2", "Xiaomi"),
        ("ONEPLUS", "OnePlus"),
        ("OnePlus", "OnePlus"),
        ("moto", "Motorola"),
        ("CPH", "OPPO"),
        ("RMX", "realme"),
        ("vivo", "vivo"),
        ("HUAWEI", "Huawei"),
        ("Lenovo", "Lenovo"),
        ("LM-", "LG"),
        ("Nokia", "Nokia"),
    ];
    BRANDS.iter().find(|(prefix, _)| model.starts_with(prefix)).map_or("", |(_, brand)| brand)
}

/// What the user agent tells, corrected by what the device says of itself: tablets that claim to be computers,
/// Windows 11, and the models and versions that reduced user agents hide.
#[must_use]
pub fn corrected(agent: &Agent, hints: Hints<'_>) -> Agent {
    let mut agent = agent.clone();
    if agent.os == "macOS" && hints.max_touch_points > 1 {
        // No Mac has a touch screen: this is iPadOS asking for desktop pages.
        agent.device_type = DeviceType::Tablet;
        (agent.device_brand, agent.device_model) = ("Apple".into(), "iPad".into());
        (agent.os, agent.os_version) = ("iOS".into(), String::new());
        return agent;
    }
    if !hints.model.is_empty() {
        agent.device_model = super::cut(hints.model, 64).into();
        let brand = brand_of(hints.model);
        if !brand.is_empty() {
            agent.device_brand = brand.into();
        }
    }
    match (hints.platform, hints.mobile) {
        ("Android", Some(false)) => {
            agent.device_type = DeviceType::Tablet;
            agent.os = "Android".into();
        }
        ("Android", Some(true)) => agent.device_type = DeviceType::Mobile,
        _ => {}
    }
    if hints.platform_version.is_empty() {
        return agent;
    }
    match hints.platform {
        "Windows" => {
            let major: u32 =
                hints.platform_version.split('.').next().and_then(|m| m.parse().ok()).unwrap_or_default();
            if major > 0 {
                agent.os_version = if major >= 13 { "11".into() } else { "10".into() };
            }
        }
        "macOS" | "Android" | "Chrome OS" => agent.os_version = super::cut(hints.platform_version, 32).into(),
        _ => {}
    }
    agent
}

#[cfg(test)]
mod tests;
