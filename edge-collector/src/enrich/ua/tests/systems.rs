//! Operating systems and their versions.

use super::agents;

const SYSTEMS: &[(&str, &str, &str)] = &[
    ("Windows NT 10.0; Win64; x64", "Windows", "10"),
    ("Windows NT 6.3; Win64; x64", "Windows", "8.1"),
    ("Windows NT 6.2; WOW64", "Windows", "8"),
    ("Windows NT 6.1; WOW64", "Windows", "7"),
    ("Windows NT 5.1", "Windows", "XP"),
    ("Windows NT 10.0; Win64; x64; Xbox; Xbox Series X", "Windows", "10"),
    ("Windows Phone 10.0; Android 6.0.1; Microsoft; Lumia 950", "Windows Phone", "10.0"),
    (
        "compatible; MSIE 9.0; Windows Phone OS 7.5; Trident/5.0; IEMobile/9.0; HTC; Radar C110e",
        "Windows Phone",
        "7.5",
    ),
    ("Macintosh; Intel Mac OS X 10_15_7", "macOS", "10.15.7"),
    ("Macintosh; Intel Mac OS X 11_2_2", "macOS", "11.2.2"),
    ("Macintosh; Intel Mac OS X 11.2; rv:86.0", "macOS", "11.2"),
    ("Macintosh; Intel Mac OS X", "macOS", ""),
    ("iPhone; CPU iPhone OS 17_5 like Mac OS X", "iOS", "17.5"),
    ("iPad; CPU OS 17_7_11 like Mac OS X", "iOS", "17.7.11"),
    ("iPod touch; CPU iPhone OS 12_5 like Mac OS X", "iOS", "12.5"),
    ("Linux; Android 14; Pixel 8", "Android", "14"),
    ("Linux; Android 9.1.2; Pixel 2 XL Build/PPP5.180610.010; wv", "Android", "9.1.2"),
    ("Android 14; Mobile; rv:133.0", "Android", "14"),
    ("Linux; Android 10; HarmonyOS; TAS-AL00; HMSCore 6.0.1.306", "HarmonyOS", ""),
    ("Phone; OpenHarmony 5.0", "HarmonyOS", "5.0"),
    ("Mobile; Nokia_8110_4G; rv:48.0) Gecko/48.0 Firefox/48.0 KAIOS/2.5 (", "KaiOS", "2.5"),
    ("SMART-TV; LINUX; Tizen 5.5", "Tizen", "5.5"),
    ("Web0S; Linux/SmartTV", "webOS", ""),
    ("PlayStation; PlayStation 5/2.26", "PlayStation", ""),
    ("Nintendo Switch; WifiWebAuthApplet", "Nintendo", ""),
    ("X11; CrOS x86_64 12239.67.1", "ChromeOS", "12239.67.1"),
    ("X11; CrOS aarch64 14541.0.0", "ChromeOS", "14541.0.0"),
    ("X11; Windows aarch64 10718.88.2", "ChromeOS", "10718.88.2"),
    ("X11; FreeBSD amd64; rv:133.0", "FreeBSD", ""),
    ("X11; OpenBSD amd64; rv:133.0", "OpenBSD", ""),
    ("X11; Linux x86_64; rv:133.0", "Linux", ""),
    ("X11; Datanyze; Linux x86_64", "Linux", ""),
    ("X11; Ubuntu; Linux x86_64; rv:133.0", "Linux", ""),
    ("BB10; Touch", "BlackBerry OS", ""),
];

#[test]
fn a_system_is_known_by_name_and_its_version_is_no_processor() {
    let agents = agents();
    for &(comment, name, version) in SYSTEMS {
        let agent = agents.look_up(&super::chromium(comment, "Safari/537.36"));
        assert_eq!((agent.os.as_str(), agent.os_version.as_str()), (name, version), "{comment}");
    }
}

#[test]
fn browsers_that_run_on_ios_alone_tell_an_ipad_that_asks_for_desktop_pages() {
    for product in ["CriOS/102", "EdgiOS/108", "FxiOS/125.0"] {
        let agent = agents().look_up(&super::webkit(
            "Macintosh; Intel Mac OS X 10_15_7",
            &format!("{product} Version/11.1.1 Safari/605.1.15"),
        ));
        assert_eq!((agent.os.as_str(), agent.device_type.name()), ("iOS", "tablet"), "{product}");
    }
}
