//! What hints correct.

use super::{agents, chromium, webkit};
use crate::enrich::hints::{Brands, Hints};
use crate::enrich::ua::{Agent, DeviceType, corrected};

const CHROME: &str = "Chrome/131.0.0.0 Safari/537.36";

fn with(comment: &str, rest: &str, hints: Hints<'_>) -> Agent {
    corrected(&agents().look_up(&chromium(comment, rest)), hints)
}

fn on_windows(hints: Hints<'_>) -> Agent {
    with("Windows NT 10.0; Win64; x64", CHROME, hints)
}

#[test]
fn a_mac_with_a_touch_screen_is_an_ipad() {
    let mac = agents().look_up(&webkit("Macintosh; Intel Mac OS X 10_15_7", "Version/18.1 Safari/605.1.15"));
    let ipad = corrected(&mac, Hints { max_touch_points: 5, ..Hints::default() });
    assert_eq!(
        (ipad.device_type, ipad.device_model.as_str(), ipad.os.as_str()),
        (DeviceType::Tablet, "iPad", "iOS")
    );
    assert_eq!((ipad.browser.as_str(), ipad.os_version.as_str()), ("Safari", ""));
    assert_eq!(corrected(&mac, Hints::default()), *mac);
    let laptop = on_windows(Hints { platform: "Windows", max_touch_points: 10, ..Hints::default() });
    assert_eq!((laptop.device_type, laptop.os.as_str()), (DeviceType::Desktop, "Windows"));
}

#[test]
fn systems_tell_the_version_that_user_agents_hide() {
    for (comment, platform, stated, system, version) in [
        ("Windows NT 10.0; Win64; x64", "Windows", "15.0.0", "Windows", "11"),
        ("Windows NT 10.0; Win64; x64", "Windows", "10.0.0", "Windows", "10"),
        ("Windows NT 6.1; Win64; x64", "Windows", "0.1.0", "Windows", "7"),
        ("Macintosh; Intel Mac OS X 10_15_7", "macOS", "14.5.0", "macOS", "14.5.0"),
        ("X11; CrOS x86_64 14541.0.0", "Chrome OS", "16093.68.0", "ChromeOS", "16093.68.0"),
        ("Linux; Android 10; K", "Android", "14", "Android", "14"),
        ("X11; Linux x86_64", "Android", "", "Android", ""),
        ("X11; Linux x86_64", "Android", "15", "Android", "15"),
    ] {
        let agent = with(comment, CHROME, Hints { platform, platform_version: stated, ..Hints::default() });
        assert_eq!(
            (agent.os.as_str(), agent.os_version.as_str()),
            (system, version),
            "{comment}, {platform} {stated}"
        );
    }
}

#[test]
fn android_tells_its_device() {
    let hints =
        |model, mobile| Hints { platform: "Android", model, mobile: Some(mobile), ..Hints::default() };
    let reduced = |hints| with("Linux; Android 10; K", "Chrome/131.0.0.0 Mobile Safari/537.36", hints);
    for (model, brand, name) in [
        ("Pixel 8", "Google", "Pixel 8"),
        ("SM-S901B", "Samsung", "SM-S901B"),
        ("SAMSUNG SM-S901B", "Samsung", "SM-S901B"),
        ("2201117TG", "Xiaomi", "2201117TG"),
    ] {
        let phone = reduced(hints(model, true));
        assert_eq!(
            (phone.device_brand.as_str(), phone.device_model.as_str(), phone.device_type),
            (brand, name, DeviceType::Mobile)
        );
    }
    assert_eq!(reduced(hints("Pixel Tablet", false)).device_type, DeviceType::Tablet);
    // The same hint comes from a television, which is no tablet.
    assert_eq!(
        with("Linux; Android 9; AFTKA Build/PS7285", CHROME, hints("AFTKA", false)).device_type,
        DeviceType::Desktop
    );
}

#[test]
fn a_browser_that_calls_itself_chrome_tells_its_name_in_its_brands() {
    let beacon = |brands: &[&str]| brands.iter().map(|brand| (*brand).to_owned()).collect::<Vec<_>>();
    for (header, name, version) in [
        (r#""Brave";v="131", "Chromium";v="131", "Not_A Brand";v="24""#, "Brave", "131"),
        (r#""Chromium";v="131", "Not A;Brand";v="99", "Brave";v="131""#, "Brave", "131"),
        (r#""Not(A:Brand";v="8", "Chromium";v="131", "Google Chrome";v="131""#, "Chrome", "131.0.0.0"),
        (r#""Google Chrome";v="131", "Vivaldi";v="7.0""#, "Vivaldi", "7.0"),
        (r#""YaBrowser";v="24.4", "Chromium";v="122""#, "Yandex Browser", "24.4"),
        (r#""Microsoft Edge";v="131""#, "Edge", "131"),
        (r#""Notion \"Beta\"", "Chromium";v="131""#, r#"Notion \"Beta\""#, ""),
        (r#""Chromium";v="131", "Not?A_Brand";v="24""#, "Chrome", "131.0.0.0"),
        ("Brave", "Chrome", "131.0.0.0"),
        ("\"", "Chrome", "131.0.0.0"),
        ("", "Chrome", "131.0.0.0"),
    ] {
        let agent = on_windows(Hints { brands: Brands::Header(header), ..Hints::default() });
        assert_eq!((agent.browser.as_str(), agent.browser_version.as_str()), (name, version), "{header}");
    }
    let opera = "Chrome/131.0.0.0 Safari/537.36 OPR/115.0.5322.77";
    let brands = beacon(&["Opera GX/115", "Chromium/131", "Not=A?Brand/24"]);
    let hints = Hints { brands: Brands::Beacon(&brands), ..Hints::default() };
    let agent = with("Windows NT 10.0; Win64; x64", opera, hints);
    assert_eq!((agent.browser.as_str(), agent.browser_version.as_str()), ("Opera GX", "115.0.5322.77"));
    assert_eq!(on_windows(hints).browser, "Opera GX");
}
