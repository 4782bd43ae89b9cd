//! Which operating system a user agent names, and its version as people know it. What is not found here is woothee's.

use woothee::parser::WootheeResult;

use super::product::{after, leading_version, version_after};

/// Systems that one word tells, before the general ones that they are built on: the word, the name, and whether the
/// version after the word is the system's.
const NAMED: &[(&str, &str, bool)] = &[
    ("Windows Phone OS", "Windows Phone", true),
    ("Windows Phone", "Windows Phone", true),
    ("XBLWP7", "Windows Phone", false),
    ("OpenHarmony", "HarmonyOS", true),
    ("HarmonyOS", "HarmonyOS", true),
    ("ArkWeb", "HarmonyOS", false),
    ("KAIOS", "KaiOS", true),
    ("KaiOS", "KaiOS", true),
    ("Tizen", "Tizen", true),
    ("Web0S", "webOS", false),
    ("webOS.TV", "webOS", false),
    ("webOS", "webOS", true),
    ("hpwOS", "webOS", true),
    ("PlayStation", "PlayStation", false),
    ("PLAYSTATION", "PlayStation", false),
    ("Nintendo", "Nintendo", false),
    ("watchOS", "watchOS", true),
    ("tvOS", "tvOS", true),
    ("AppleTV", "tvOS", true),
    ("Apple TV", "tvOS", true),
    ("Fuchsia", "Fuchsia", false),
    ("Roku", "Roku OS", false),
    ("Sailfish", "Sailfish OS", true),
    ("BB10", "BlackBerry OS", false),
    ("BlackBerry", "BlackBerry OS", false),
    ("RIM Tablet OS", "BlackBerry Tablet OS", true),
    ("Bada", "Bada", true),
    ("bada", "Bada", true),
    ("MeeGo", "MeeGo", false),
    ("SymbianOS", "Symbian", true),
    ("Symbian", "Symbian", false),
    ("Series60", "Symbian", false),
    ("S60V", "Symbian", false),
    ("Series40", "Nokia Series 40", false),
    ("Series30Plus", "Nokia Series 30+", false),
    ("wds", "Windows Phone", true),
];

/// Kernels of their own on computers. What follows them is mostly the processor, which is no version.
const UNIX: &[(&str, &str)] = &[
    ("FreeBSD", "FreeBSD"),
    ("OpenBSD", "OpenBSD"),
    ("NetBSD", "NetBSD"),
    ("DragonFly", "DragonFly BSD"),
    ("SunOS", "Solaris"),
    ("Haiku", "Haiku"),
    ("SerenityOS", "SerenityOS"),
];

/// What browsers of iOS call themselves: there is no other system that they run on.
const ONLY_ON_IOS: &[&str] = &["CriOS/", "FxiOS/", "EdgiOS/", "OPiOS/", "GSA/"];

/// Name and version; both empty when nothing is known.
pub(super) fn system(user_agent: &str, parsed: Option<&WootheeResult<'_>>) -> (String, String) {
    let found = named(user_agent)
        .or_else(|| chrome_os(user_agent))
        .or_else(|| windows(user_agent))
        .or_else(|| ios(user_agent))
        .or_else(|| android(user_agent))
        .or_else(|| mac(user_agent))
        .or_else(|| unix(user_agent));
    found.or_else(|| parsed.map(|parsed| renamed(parsed.os, &parsed.os_version))).unwrap_or_default()
}

fn named(user_agent: &str) -> Option<(String, String)> {
    NAMED.iter().find_map(|(word, name, versioned)| {
        let rest = after(user_agent, word)?;
        Some(((*name).to_owned(), if *versioned { leading_version(rest) } else { String::new() }))
    })
}

/// "X11; CrOS x86_64 14541.0.0": the processor stands before the version. An app for ChromeOS says "Windows" for "CrOS".
fn chrome_os(user_agent: &str) -> Option<(String, String)> {
    let (_, rest) = user_agent.split_once("X11; CrOS ").or_else(|| user_agent.split_once("X11; Windows "))?;
    let (_processor, version) = rest.split_once(' ').unwrap_or((rest, ""));
    Some(("ChromeOS".into(), leading_version(version)))
}

fn ios(user_agent: &str) -> Option<(String, String)> {
    let device = ["iPh", "iPad", "iPod", "iPd"].iter().any(|device| after(user_agent, device).is_some());
    let app = ["iOS ", "iOS/", "(iOS;", " iOS;"].iter().any(|token| after(user_agent, token).is_some());
    if device || app {
        let tokens =
            ["CPU iPhone OS", "CPU OS", "CPU iPad OS", "CPU iPhone", "iPhone OS", "iPadOS", "iOS", "OS"];
        let versions = tokens.iter().filter_map(|token| version_after(user_agent, token));
        return Some((
            "iOS".into(),
            versions.into_iter().find(|version| !version.is_empty()).unwrap_or_default(),
        ));
    }
    let on_ios = user_agent.contains("Macintosh") && ONLY_ON_IOS.iter().any(|name| user_agent.contains(name));
    on_ios.then(|| ("iOS".into(), String::new()))
}

fn mac(user_agent: &str) -> Option<(String, String)> {
    let version = ["Mac OS X", "MacOS X", "macOS"].iter().find_map(|token| version_after(user_agent, token));
    // Programs say which Mac, and the version of the kernel.
    let mac =
        ["Macintosh", "MacBook", "iMac", "Macmini", "MacPro"].iter().any(|token| user_agent.contains(token))
            || user_agent.contains("Darwin/")
                && ["x86_64", "i386"].iter().any(|token| user_agent.contains(token));
    let version = version.or_else(|| mac.then(String::new))?;
    Some(("macOS".into(), version))
}

/// "Android 14", "Android-4.0.3", "Android/6.0", and the "Adr 4.4.2" of UC Browser. Amazon's and Meta's browsers run on
/// Android whatever they say.
fn android(user_agent: &str) -> Option<(String, String)> {
    let rest = after(user_agent, "Android").or_else(|| after(user_agent, "Adr "));
    let only =
        || ["Silk/", "OculusBrowser/"].iter().any(|product| user_agent.contains(product)).then_some("");
    Some(("Android".into(), leading_version(rest.or_else(only)?)))
}

/// Windows by its kernel. What is older, or has no kernel of its own, is woothee's.
fn windows(user_agent: &str) -> Option<(String, String)> {
    let release = match version_after(user_agent, "Windows NT")?.split('.').take(2).collect::<Vec<_>>()[..] {
        ["10", ..] | ["6", "4"] => "10",
        ["6", "3"] => "8.1",
        ["6", "2"] => "8",
        ["6", "1"] => "7",
        ["6", "0"] => "Vista",
        ["5", "1" | "2"] => "XP",
        ["5", "0"] => "2000",
        _ => return None,
    };
    Some(("Windows".into(), release.into()))
}

fn unix(user_agent: &str) -> Option<(String, String)> {
    let (word, name) = UNIX.iter().find(|(word, _)| user_agent.contains(word))?;
    Some(((*name).to_owned(), version_after(user_agent, word).unwrap_or_default()))
}

/// Names as people know them: woothee speaks of "Windows 10" and "Mac OSX", and of NT kernels as versions.
fn renamed(os: &str, version: &str) -> (String, String) {
    let version =
        if version == "UNKNOWN" || !version.starts_with(|c: char| c.is_ascii_digit()) { "" } else { version };
    let (name, version) = match os {
        "UNKNOWN" => ("", ""),
        "Mac OSX" => ("macOS", version),
        "iPhone" | "iPad" | "iPod" => ("iOS", version),
        // The version that woothee tells is Firefox's.
        "Firefox OS" => ("Firefox OS", ""),
        _ => match os.strip_prefix("Windows ") {
            Some("UNKNOWN Ver") => ("Windows", ""),
            Some("Phone OS") => ("Windows Phone", version),
            Some(release) => ("Windows", release),
            None => (os, version),
        },
    };
    (name.to_owned(), version.to_owned())
}
