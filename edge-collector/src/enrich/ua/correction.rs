//! What a user agent tells, corrected by what the device says of itself: tablets that claim to be computers, Windows 11,
//! the models and versions that reduced user agents hide, and the browsers that call themselves Chrome.

use super::brand::brand_of;
use super::device::stated_model;
use super::{Agent, DeviceType};
use crate::enrich::cut;
use crate::enrich::hints::{Brand, Hints};

/// `agent`, corrected by `hints`.
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
    if let Some(brand) = hints.brand() {
        correct_browser(&mut agent, brand);
    }
    let model = stated_model(hints.model);
    if !model.is_empty() {
        agent.device_model = model.into();
        let brand = brand_of(model);
        if !brand.is_empty() {
            agent.device_brand = brand.into();
        }
    }
    let television = agent.os == "Android" && agent.device_type == DeviceType::Desktop;
    if hints.platform == "Android" {
        if agent.os != "Android" {
            // "Desktop site": the user agent is a computer's.
            (agent.os, agent.os_version) = ("Android".into(), String::new());
        }
        match hints.mobile {
            Some(false) if !television => agent.device_type = DeviceType::Tablet,
            Some(true) => agent.device_type = DeviceType::Mobile,
            _ => {}
        }
    }
    correct_system(&mut agent, hints);
    agent
}

/// Browsers on Chromium's engine whose user agent is Chrome's name themselves in their brands only.
fn correct_browser(agent: &mut Agent, brand: Brand<'_>) {
    let name = cut(brand.name(), 64);
    let borrowed = matches!(agent.browser.as_str(), "Chrome" | "Chromium" | "WebView" | "");
    // "Opera GX" is more than the "Opera" of its user agent, and Chrome no more than a WebView.
    let finer = name.len() > agent.browser.len() && name.starts_with(agent.browser.as_str());
    if name == agent.browser || name == "Chrome" && !agent.browser.is_empty() || !borrowed && !finer {
        return;
    }
    if borrowed || agent.browser_version.is_empty() {
        agent.browser_version = cut(brand.version, 32).into();
    }
    agent.browser = name.into();
}

fn correct_system(agent: &mut Agent, hints: Hints<'_>) {
    let named = match hints.platform {
        "Chrome OS" | "Chromium OS" => "ChromeOS",
        other => other,
    };
    if agent.os.is_empty() && matches!(named, "Windows" | "macOS" | "Linux" | "ChromeOS" | "Android" | "iOS")
    {
        agent.os = named.into();
    }
    if hints.platform_version.is_empty() {
        return;
    }
    match named {
        "Windows" => {
            let major = hints.platform_version.split('.').next().and_then(|major| major.parse().ok());
            match major {
                Some(0) | None => {}
                Some(13_u32..) => agent.os_version = "11".into(),
                Some(_) => agent.os_version = "10".into(),
            }
        }
        "macOS" | "Android" | "ChromeOS" => agent.os_version = cut(hints.platform_version, 32).into(),
        _ => {}
    }
}
