//! Which device a user agent names: a computer, a phone or a tablet, and its model. Televisions, consoles and what else is
//! none of the three count as computers.

use woothee::parser::WootheeResult;

use super::DeviceType;
use super::brand::is_kindle;
use super::product::{after, comment_with};

/// What televisions, the boxes beside them and consoles say, in small letters.
const TELEVISIONS: &[&str] = &[
    "smarttv",
    "smart-tv",
    "smart_tv",
    "smart tv",
    "android tv",
    "google tv",
    "fhd tv",
    "googletv",
    "androidtv",
    "appletv",
    "hbbtv",
    "netcast",
    "crkey",
    "web0s",
    "webos.tv",
    "roku",
    "vidaa",
    "bravia",
    "viera;",
    "viera/",
    "mibox",
    "chromecast",
    "large screen",
    "ce-html",
    "stbapp",
    "tclwebkit",
    "playstation",
    "xbox",
    "nintendo",
];

/// Words that phones other than iPhones and Android's say, in small letters.
const PHONES: &[&str] = &[
    "mobi",
    "phone",
    "midp",
    "opera mini",
    "ucweb",
    "symbian",
    "series60",
    "series40",
    "blackberry",
    "bb10",
    "kaios",
    "j2me",
    "up.browser",
    "wap-browser",
    "wap browser",
    "docomo",
    "kddi-",
    "lumia",
    "iemobile",
    "wpdesktop",
    "xblwp7",
    "nokia",
    "palm",
    "maui",
    "brew",
    "meego",
    "maemo",
    "pre/1",
    "pixi/",
];

/// Series of tablets, as their models begin.
const TABLETS: &[&str] = &[
    "SM-T",
    "SM-X",
    "SM-P",
    "GT-P1",
    "GT-P3",
    "GT-P5",
    "GT-P6",
    "GT-P7",
    "GT-N51",
    "GT-N80",
    "SCH-I800",
    "SGH-P1000",
    "Nexus 7",
    "Nexus 9",
    "Nexus 10",
    "BTV-",
    "BNTV",
    "NOOK",
    "TB-",
    "TB3",
    "TB8",
    "Lenovo TB",
    "XOOM",
    "Xoom",
];

/// What kind of device it is. `model` is what [`model`] found.
pub(super) fn device_type(
    user_agent: &str,
    os: &str,
    model: &str,
    parsed: Option<&WootheeResult<'_>>,
) -> DeviceType {
    let lower = user_agent.to_ascii_lowercase();
    if is_television(user_agent, &lower, model) {
        return DeviceType::Desktop;
    }
    if after(user_agent, "iPad").is_some() || after(user_agent, "iPd").is_some() {
        return DeviceType::Tablet;
    }
    if ["iphone", "ipod", "dv(iph"].iter().any(|word| lower.contains(word)) {
        return DeviceType::Mobile;
    }
    let tablet = lower.contains("tablet") && !lower.contains("tablet pc")
        || ["playbook", "touchpad", "kindle"].iter().any(|word| lower.contains(word));
    if tablet || os == "iOS" && lower.contains("macintosh") {
        return DeviceType::Tablet;
    }
    if matches!(os, "Android" | "HarmonyOS") {
        return android_type(user_agent, &lower, model);
    }
    let phone = PHONES.iter().any(|word| lower.contains(word))
        || parsed.is_some_and(|parsed| matches!(parsed.category, "smartphone" | "mobilephone"));
    // Windows on a phone says so, or names the phone.
    let windows_on_phone = || {
        ["lumia", "iemobile", "wpdesktop", "opera mobi", "palmsource"].iter().any(|word| lower.contains(word))
    };
    let computer = matches!(os, "macOS" | "ChromeOS") || os == "Windows" && !windows_on_phone();
    if phone && !computer { DeviceType::Mobile } else { DeviceType::Desktop }
}

/// Browsers on phones say "Mobile", those on tablets do not.
fn android_type(user_agent: &str, lower: &str, model: &str) -> DeviceType {
    let mobile = says_mobile(user_agent, model) || after(user_agent, "Phone").is_some();
    // Programs that are no browsers say neither; Yandex's says "apad" on what is no phone.
    let program = !user_agent.starts_with("Mozilla/");
    let computer = ["chromebook", "pixelbook"].iter().any(|word| lower.contains(word));
    if computer || after(user_agent, "PC;").is_some() || after(user_agent, "2in1;").is_some() {
        DeviceType::Desktop
    } else if (mobile || program) && !is_tablet(model) && !lower.contains("/apad") {
        DeviceType::Mobile
    } else {
        DeviceType::Tablet
    }
}

fn is_television(user_agent: &str, lower: &str, model: &str) -> bool {
    let elsewhere =
        user_agent.split_once(model).is_some_and(|(before, after)| says_tv(before) || says_tv(after));
    let in_model = || !is_tablet(model) && is_television_model(model, says_mobile(user_agent, model));
    elsewhere || in_model() || TELEVISIONS.iter().any(|word| lower.contains(word))
}

/// Whether it says "Mobile" or "Mobi" anywhere but in the model ("MY MOBILE 708").
fn says_mobile(user_agent: &str, model: &str) -> bool {
    let (before, after) = user_agent.split_once(model).unwrap_or((user_agent, ""));
    ["Mobi", "mobi"].iter().any(|word| before.contains(word) || after.contains(word))
}

/// "TV", "HTV-55", "BeyondTV2", but no word that goes on after it.
fn says_tv(text: &str) -> bool {
    text.match_indices("TV").any(|(at, _)| !text[at + 2..].starts_with(|c: char| c.is_ascii_lowercase()))
}

/// Televisions in words ("LED", "UHD", "4K", "Box"), or by their inches ("55U730GR", "HTV-55U11B"). Phones that receive
/// television say so too ("myA9 DTV"): where a browser is mobile, "TV" tells only after a small letter ("BeyondTV").
fn is_television_model(model: &str, mobile: bool) -> bool {
    let tells = |word: &str| {
        let lower = word.to_ascii_lowercase();
        matches!(lower.as_str(), "box" | "tvbox" | "stick" | "stb" | "uhd" | "2k" | "4k" | "8k")
            || word.ends_with("Box")
    };
    let begins = |text: &str, wanted: fn(&char) -> bool| text.chars().next().is_some_and(|c| wanted(&c));
    let led = model.match_indices("LED").any(|(at, _)| begins(&model[at + 3..], char::is_ascii_digit));
    let fire_tv = model.strip_prefix("AFT").is_some_and(|rest| begins(rest, char::is_ascii_alphanumeric));
    let named = model.match_indices("TV").any(|(at, _)| {
        let (before, after) = (&model[..at], &model[at + 2..]);
        let before = before.strip_suffix('A').unwrap_or(before);
        let own_word = before.ends_with(|c: char| c.is_ascii_lowercase())
            || before.ends_with("2K")
            || before.ends_with("4K");
        let plain = !mobile && ![" DTV", "_DTV"].iter().any(|end| model.ends_with(end));
        !begins(after, char::is_ascii_lowercase) && (own_word || plain)
            || tells_inches(after.trim_start_matches(['-', '_']))
    });
    model.split(|c: char| !c.is_ascii_alphanumeric()).any(tells)
        || led
        || fire_tv
        || named
        || tells_inches(model)
}

fn tells_inches(model: &str) -> bool {
    let inches = model.get(..2).and_then(|inches| inches.parse::<u8>().ok());
    let inches = inches.is_some_and(|inches| (19..99).contains(&inches));
    let rest = model.get(2..).unwrap_or_default();
    let letters = rest.bytes().take_while(u8::is_ascii_uppercase).count();
    inches && (1..=4).contains(&letters) && rest[letters..].starts_with(|c: char| c.is_ascii_digit())
}

/// By its series, or by a word ("Xiaomi Pad 5", "MediaPad", "TAB-10US").
fn is_tablet(model: &str) -> bool {
    let word = |part: &str| {
        ["tab", "pad"].iter().any(|kind| part.eq_ignore_ascii_case(kind))
            || part.ends_with("Tab")
            || part.ends_with("Pad")
    };
    is_kindle(model)
        || TABLETS.iter().any(|series| model.starts_with(series))
        || model.split(|c: char| !c.is_ascii_alphabetic()).any(word)
}

/// The model, and the words of the user agent that tell it.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Model<'a> {
    /// Empty when it is not told.
    pub(super) name: &'a str,
    /// The maker, where the user agent tells it beside the model.
    pub(super) maker: &'a str,
    /// The field that it stands in, with the build.
    pub(super) field: &'a str,
}

/// The model that `user_agent` tells.
pub(super) fn model(user_agent: &str) -> Model<'_> {
    let known = |name, maker| Model { name, maker, field: "" };
    for (word, name, maker) in [
        ("iPad", "iPad", "Apple"),
        ("iPod", "iPod", "Apple"),
        ("PlayStation 5", "PlayStation 5", "Sony"),
        ("PlayStation 4", "PlayStation 4", "Sony"),
        ("PLAYSTATION 3", "PlayStation 3", "Sony"),
        ("PlayStation Vita", "PlayStation Vita", "Sony"),
        ("Xbox Series X", "Xbox Series X", "Microsoft"),
        ("Xbox One", "Xbox One", "Microsoft"),
        ("Xbox", "Xbox", "Microsoft"),
        ("Nintendo Switch", "Nintendo Switch", "Nintendo"),
        ("Nintendo WiiU", "Wii U", "Nintendo"),
        ("Nintendo 3DS", "Nintendo 3DS", "Nintendo"),
    ] {
        if after(user_agent, word).is_some() {
            return known(name, maker);
        }
    }
    if let Some(comment) = comment_with(user_agent, "Windows Phone") {
        return on_windows_phone(comment);
    }
    if user_agent.contains("iPhone") {
        return known("iPhone", "Apple");
    }
    if user_agent.contains("Macintosh") {
        return known("Mac", "Apple");
    }
    let begins = ["Android", "Adr ", "OpenHarmony", "HarmonyOS"];
    if let Some((token, comment)) =
        begins.iter().find_map(|token| Some((token, comment_with(user_agent, token)?)))
    {
        let rest = comment.split_once(token).map_or("", |(_, rest)| rest);
        let fields = rest.split(';').skip(1);
        if let Some(found) = in_fields(fields) {
            return found;
        }
    }
    for token in [" Build/", "KAIOS", "KaiOS"] {
        if user_agent.contains(token)
            && let Some(comment) =
                comment_with(user_agent, if token == " Build/" { token } else { "Mobile;" })
            && let Some(found) = in_fields(comment.split(';'))
        {
            return found;
        }
    }
    Model::default()
}

/// "Windows Phone 10.0; Android 6.0.1; Microsoft; Lumia 950".
fn on_windows_phone(comment: &str) -> Model<'_> {
    let mut fields = comment.rsplit(';').map(str::trim).filter(|field| !tells_nothing(field));
    let name = fields.next().unwrap_or_default();
    let maker = fields.next().unwrap_or_default();
    Model { name: super::super::cut(name, 64), maker, field: name }
}

fn in_fields<'a>(fields: impl Iterator<Item = &'a str>) -> Option<Model<'a>> {
    let mut told = fields.map(str::trim).filter(|field| !tells_nothing(field));
    let field = told.next()?;
    // Where parentheses are missing, the engine follows in the same field.
    let field = field.split(" AppleWebKit").next().unwrap_or_default();
    let name = ["Build/", "MIUI/"]
        .iter()
        .fold(field, |name, mark| name.split(mark).next().unwrap_or_default())
        .trim();
    Some(Model { name: if name == "K" { "" } else { without_maker(name) }, maker: "", field })
}

/// Samsung's browser puts the maker before the model: "SAMSUNG SM-G991B".
fn without_maker(model: &str) -> &str {
    let rest = model.strip_prefix("SAMSUNG ").or_else(|| model.strip_prefix("SAMSUNG-"));
    super::super::cut(rest.unwrap_or(model), 64)
}

/// As a hint states it.
pub(super) fn stated_model(model: &str) -> &str {
    without_maker(model.trim())
}

/// Fields that stand beside the model: languages, processors, libraries, layouts.
fn tells_nothing(field: &str) -> bool {
    const WORDS: &[&str] = &[
        "",
        "wv",
        "U",
        "N",
        "I",
        "Mobile",
        "Tablet",
        "Phone",
        "Touch",
        "ARM",
        "arm",
        "arm_64",
        "x86",
        "x86_64",
        "compatible",
    ];
    const STARTS: &[&str] = &[
        "rv:",
        "Build/",
        "HMSCore",
        "GMSCore",
        "HarmonyOS",
        "Android",
        "Trident/",
        "IEMobile/",
        "MSIE",
        "Windows Phone",
        "http",
        "+http",
        "Linux",
        "KAIOS",
        "KaiOS",
    ];
    WORDS.contains(&field)
        || STARTS.iter().any(|start| field.starts_with(start))
        || field.contains('@')
        || is_language(field)
}

/// "en", "en-us", "de_DE", "zh-hans-cn".
fn is_language(field: &str) -> bool {
    let mut parts = field.split(['-', '_']);
    let first = parts.next().unwrap_or_default();
    first.len() == 2
        && first.bytes().all(|c| c.is_ascii_lowercase())
        && parts.all(|part| (2..=4).contains(&part.len()) && part.bytes().all(|c| c.is_ascii_alphabetic()))
}
