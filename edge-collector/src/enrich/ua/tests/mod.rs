//! Real user agents and what is made of them.

use std::sync::LazyLock;

use super::*;

mod automatons;
mod browsers;
mod corrections;
mod devices;
mod systems;

fn agents() -> &'static Agents {
    static AGENTS: LazyLock<Agents> = LazyLock::new(Agents::default);
    &AGENTS
}

/// A user agent as browsers on Chromium's engine write it.
fn chromium(comment: &str, rest: &str) -> String {
    format!("Mozilla/5.0 ({comment}) AppleWebKit/537.36 (KHTML, like Gecko) {rest}")
}

/// A user agent as browsers on Apple's engine write it.
fn webkit(comment: &str, rest: &str) -> String {
    format!("Mozilla/5.0 ({comment}) AppleWebKit/605.1.15 (KHTML, like Gecko) {rest}")
}

#[test]
fn letters_beyond_ascii_hide_nothing() {
    let agent = agents().look_up(&chromium(
        "Linux; Android 4.4.2; X325–Locked to Carrier Build/KOT49H",
        "Chrome/80.0.3987.99 Mobile Safari/537.36",
    ));
    assert_eq!(
        (agent.browser.as_str(), agent.os.as_str(), agent.device_type),
        ("Chrome", "Android", DeviceType::Mobile)
    );
    assert_eq!(agent.device_model, "X325–Locked to Carrier");
    let agent = agents().look_up("Mozilla/5.0 (Linux; U; Android 2.3.6; es-co; XT320 Build/GRK39F) AppleWebKit/533.1 (KHTML, like Gecko) Versión/4.0 Mobile Safari/533.1");
    assert_eq!((agent.os_version.as_str(), agent.device_type), ("2.3.6", DeviceType::Mobile));
}

#[test]
fn what_is_remembered_is_what_was_parsed() {
    let first = agents().look_up("Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0");
    let second = agents().look_up("Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0");
    assert!(Arc::ptr_eq(&first, &second));
}

mod with_random_text {
    use super::*;
    use crate::enrich::hints::{Brands, Hints};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn no_user_agent_panics(
            text in "\\PC{0,200}",
            android in "(Android|Adr |iPad|Mac OS X|Windows NT|Windows Phone|X11; CrOS |Mobile;)[ -~;()]{0,80}( Build/| KAIOS|TV|Chrome/|FBAV/)[ -~é]{0,20}",
        ) {
            let hints = Hints { platform: &text, platform_version: &android, model: &text, brands: Brands::Header(&text), ..Hints::default() };
            let _ = corrected(&agents().look_up(&text), hints);
            let _ = corrected(&agents().look_up(&android), Hints { brands: Brands::Header(&android), ..hints });
        }
    }
}
