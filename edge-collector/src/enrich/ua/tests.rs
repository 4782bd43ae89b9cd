//! Real user agents and what is made of them.

use super::*;

const CHROME_WINDOWS: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36";
const EDGE: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36 Edg/131.0.2903.86";
const FIREFOX_LINUX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0";
const SAFARI_MAC: &str = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Safari/605.1.15";
const SAFARI_IPHONE: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1";
const SAFARI_IPAD: &str = "Mozilla/5.0 (iPad; CPU OS 17_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4 Mobile/15E148 Safari/604.1";
const GALAXY: &str = "Mozilla/5.0 (Linux; Android 13; SM-S901B Build/TP1A) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Mobile Safari/537.36";
const REDUCED: &str = "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Mobile Safari/537.36";
const ANDROID_TABLET: &str = "Mozilla/5.0 (Linux; Android 12; SM-X906C) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36";
const FIREFOX_TABLET: &str = "Mozilla/5.0 (Android 14; Tablet; rv:133.0) Gecko/133.0 Firefox/133.0";
const SAMSUNG_BROWSER: &str = "Mozilla/5.0 (Linux; Android 14; SAMSUNG SM-G991B) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/26.0 Chrome/122.0.0.0 Mobile Safari/537.36";

#[test]
fn people_are_told_apart_by_browser_system_and_device() {
    let agents = Agents::default();
    for (user_agent, browser, version, os, os_version, device, brand, model) in [
        (CHROME_WINDOWS, "Chrome", "131.0.0.0", "Windows", "10", "desktop", "", ""),
        (EDGE, "Edge", "131.0.2903.86", "Windows", "10", "desktop", "", ""),
        (FIREFOX_LINUX, "Firefox", "133.0", "Linux", "", "desktop", "", ""),
        (SAFARI_MAC, "Safari", "18.1", "macOS", "10.15.7", "desktop", "Apple", "Mac"),
        (SAFARI_IPHONE, "Safari", "18.1", "iOS", "18.1", "mobile", "Apple", "iPhone"),
        (SAFARI_IPAD, "Safari", "17.4", "iOS", "17.4", "tablet", "Apple", "iPad"),
        (GALAXY, "Chrome", "120.0.0.0", "Android", "13", "mobile", "Samsung", "SM-S901B"),
        (REDUCED, "Chrome", "131.0.0.0", "Android", "10", "mobile", "", ""),
        (ANDROID_TABLET, "Chrome", "120.0.0.0", "Android", "12", "tablet", "Samsung", "SM-X906C"),
        (FIREFOX_TABLET, "Firefox", "133.0", "Android", "14", "tablet", "", ""),
        (SAMSUNG_BROWSER, "SamsungBrowser", "26.0", "Android", "14", "mobile", "Samsung", "SAMSUNG SM-G991B"),
    ] {
        let agent = agents.look_up(user_agent);
        assert_eq!(agent.kind, Kind::Person, "{user_agent}");
        let found = (
            agent.browser.as_str(),
            agent.browser_version.as_str(),
            agent.os.as_str(),
            agent.os_version.as_str(),
        );
        assert_eq!(found, (browser, version, os, os_version), "{user_agent}");
        let found = (agent.device_type.name(), agent.device_brand.as_str(), agent.device_model.as_str());
        assert_eq!(found, (device, brand, model), "{user_agent}");
    }
}

#[test]
fn automatons_are_told_from_people_and_tools_from_crawlers() {
    let agents = Agents::default();
    for bot in [
        "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
        "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
        "Mozilla/5.0 (Linux; Android 5.0) AppleWebKit/537.36 (KHTML, like Gecko) Mobile Safari/537.36 (compatible; Bytespider; spider-feedback@bytedance.com)",
        "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2; +https://openai.com/gptbot)",
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/131.0.0.0 Safari/537.36",
    ] {
        assert_eq!(agents.look_up(bot).kind, Kind::Bot, "{bot}");
    }
    for tool in ["curl/8.5.0", "python-requests/2.32.0", "Go-http-client/1.1", "okhttp/4.12.0"] {
        assert_eq!(agents.look_up(tool).kind, Kind::Tool, "{tool}");
    }
    assert_eq!(agents.look_up("").kind, Kind::Person);
}

#[test]
fn hints_correct_what_user_agents_hide() {
    let agents = Agents::default();
    let hints = |platform, platform_version, model, mobile, max_touch_points| Hints {
        platform,
        platform_version,
        model,
        mobile,
        max_touch_points,
    };
    let ipad = corrected(&agents.look_up(SAFARI_MAC), hints("", "", "", None, 5));
    assert_eq!(
        (ipad.device_type, ipad.device_model.as_str(), ipad.os.as_str()),
        (DeviceType::Tablet, "iPad", "iOS")
    );
    let eleven = corrected(&agents.look_up(CHROME_WINDOWS), hints("Windows", "15.0.0", "", Some(false), 0));
    assert_eq!((eleven.os.as_str(), eleven.os_version.as_str()), ("Windows", "11"));
    let ten = corrected(&agents.look_up(CHROME_WINDOWS), hints("Windows", "10.0.0", "", Some(false), 0));
    assert_eq!(ten.os_version, "10");
    let pixel = corrected(&agents.look_up(REDUCED), hints("Android", "14", "Pixel 8", Some(true), 5));
    assert_eq!(
        (pixel.device_brand.as_str(), pixel.device_model.as_str(), pixel.os_version.as_str()),
        ("Google", "Pixel 8", "14")
    );
    let tablet = corrected(&agents.look_up(REDUCED), hints("Android", "14", "Pixel Tablet", Some(false), 5));
    assert_eq!(tablet.device_type, DeviceType::Tablet);
    let mac = agents.look_up(SAFARI_MAC);
    assert_eq!(corrected(&mac, Hints::default()), *mac);
}

#[test]
fn the_beacons_hints_win_over_headers() {
    use footfall_proto::beacon::ClientHints;
    let headers = Hints::of(None, Some("\"Android\""), Some("?1"));
    assert_eq!((headers.platform, headers.mobile), ("Android", Some(true)));
    let beacon = ClientHints { platform: "Windows".into(), mobile: Some(false), ..ClientHints::default() };
    let both = Hints::of(Some(&beacon), Some("\"Android\""), Some("?1"));
    assert_eq!((both.platform, both.mobile), ("Windows", Some(false)));
}

mod with_random_text {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn no_user_agent_panics(text in "\\PC{0,200}", android in "(Android|iPad|Mac OS X|Windows NT)[ -~;()]{0,80}") {
            let agents = Agents::default();
            let _ = corrected(&agents.look_up(&text), Hints { platform: &text, platform_version: &android, model: &text, ..Hints::default() });
            let _ = agents.look_up(&android);
        }
    }
}
