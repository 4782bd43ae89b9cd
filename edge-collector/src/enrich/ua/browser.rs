//! Which browser, or which app with a browser in it, a user agent names. Apps and browsers that borrow another's engine
//! name themselves beside it, so they are looked for first. What is not found here is woothee's.

use std::collections::HashMap;

use woothee::parser::WootheeResult;

use super::product::{after, leading_version, products, version, version_after};

/// Products and their names, generated from a package (see `data/README.md`).
const PRODUCTS: &str = include_str!("../../../data/products.tsv");

/// What names a browser, and its name. The first that stands in a user agent counts: apps before the browsers whose
/// words they repeat. The version follows the token.
const NAMED: [(&str, &str); 106] = [
    ("Instagram", "Instagram"),
    ("Barcelona", "Threads"),
    ("FBAN/MessengerFor", "Facebook Messenger"),
    ("FBAN/Messenger", "Facebook Messenger"),
    ("FB_IAB/MESSENGER", "Facebook Messenger"),
    ("FB_IAB/Orca", "Facebook Messenger"),
    ("FBAV/", "Facebook"),
    ("FBAN/", "Facebook"),
    ("FB_IAB/", "Facebook"),
    ("MetaIAB Facebook", "Facebook"),
    ("TopBuzz", "TopBuzz"),
    ("musical_ly", "TikTok"),
    ("trill", "TikTok"),
    ("TikTok", "TikTok"),
    ("aweme", "Douyin"),
    ("BytedanceWebview", "TikTok"),
    ("LinkedInApp", "LinkedIn"),
    ("Snapchat", "Snapchat"),
    ("[Pinterest", "Pinterest"),
    ("Pinterest for", "Pinterest"),
    ("Pinterest/", "Pinterest"),
    ("Twitter for iPhone", "Twitter"),
    ("Twitter for iPad", "Twitter"),
    ("TwitterAndroid", "Twitter"),
    ("MicroMessenger", "WeChat"),
    ("KAKAOTALK", "KakaoTalk"),
    ("Line/", "Line"),
    ("Weibo", "Weibo"),
    ("weibo", "Weibo"),
    ("NAVER(", "Naver"),
    ("DaumApps", "Daum"),
    ("Telegram-Android", "Telegram"),
    ("AlipayClient", "Alipay"),
    ("DingTalk", "DingTalk"),
    ("Viber", "Viber"),
    ("Zalo", "Zalo"),
    ("VKAndroidApp", "VK"),
    ("VKClient", "VK"),
    ("Reddit/", "Reddit"),
    ("discord/", "Discord"),
    ("Slack_SSB", "Slack"),
    ("Slack/", "Slack"),
    ("Teams/", "Microsoft Teams"),
    ("QQ/", "QQ"),
    ("GSA/", "Google App"),
    ("BingSapphire", "Bing"),
    ("OculusBrowser", "Oculus Browser"),
    ("OPX/", "Opera GX"),
    ("OPRGX/", "Opera GX"),
    ("OPT/", "Opera Touch"),
    ("OPiOS/", "Opera Mini"),
    ("Opera Mini", "Opera Mini"),
    ("OPR/", "Opera"),
    ("Vivaldi", "Vivaldi"),
    ("YaBrowser", "Yandex Browser"),
    ("YaSearchBrowser", "Yandex Browser"),
    ("YaApp_", "Yandex Browser"),
    ("Whale/", "Whale"),
    ("Brave", "Brave"),
    ("brave", "Brave"),
    ("DuckDuckGo", "DuckDuckGo"),
    ("Ddg/", "DuckDuckGo"),
    ("Ecosia", "Ecosia"),
    ("bdhonorbrowser", "Honor Browser"),
    ("HonorBrowser", "Honor Browser"),
    ("HuaweiBrowser", "Huawei Browser"),
    ("HeyTapBrowser", "HeyTap Browser"),
    ("OppoBrowser", "HeyTap Browser"),
    ("VivoBrowser", "Vivo Browser"),
    ("MiuiBrowser", "Mi Browser"),
    ("Mint Browser", "Mint Browser"),
    ("SamsungBrowser", "Samsung Internet"),
    ("QuarkPC", "Quark"),
    ("Quark/", "Quark"),
    ("UCBrowser", "UC Browser"),
    ("UCMobile", "UC Browser"),
    ("UBrowser", "UC Browser"),
    ("UCWEB", "UC Browser"),
    ("UC Browser", "UC Browser"),
    ("MQQBrowser", "QQ Browser"),
    ("QQBrowser", "QQ Browser"),
    ("baiduboxapp", "Baidu"),
    ("baidubrowser", "Baidu"),
    ("SogouMobileBrowser", "Sogou"),
    ("MetaSr", "Sogou"),
    ("360SE", "360 Browser"),
    ("QIHU 360", "360 Browser"),
    ("QHBrowser", "360 Browser"),
    ("LBBROWSER", "Liebao"),
    ("PHX/", "Phoenix"),
    ("HiBrowser", "HiBrowser"),
    ("AlohaBrowser", "Aloha"),
    ("Puffin", "Puffin"),
    ("Silk/", "Silk"),
    ("MxBrowser", "Maxthon"),
    ("Maxthon", "Maxthon"),
    ("coc_coc_browser", "Coc Coc"),
    ("SznProhlizec", "Seznam"),
    ("EdgiOS/", "Edge"),
    ("EdgA/", "Edge"),
    ("EdgW/", "Edge"),
    ("Edg/", "Edge"),
    ("Edge/", "Edge"),
    ("Focus/", "Firefox Focus"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
];

/// Products by name.
pub(super) struct Browsers {
    names: HashMap<&'static str, &'static str>,
}

impl Default for Browsers {
    fn default() -> Self {
        Self { names: PRODUCTS.lines().filter_map(|line| line.split_once('\t')).collect() }
    }
}

impl Browsers {
    /// Name and version; both empty when nothing is known.
    pub(super) fn browser(&self, user_agent: &str, os: &str, parsed: Option<&WootheeResult<'_>>) -> (String, String) {
        named(user_agent)
            .or_else(|| self.listed(user_agent))
            .or_else(|| by_engine(user_agent, os))
            .or_else(|| parsed.map(renamed))
            .unwrap_or_default()
    }

    fn listed(&self, user_agent: &str) -> Option<(String, String)> {
        products(user_agent).find_map(|(product, number)| {
            let name = self.names.get(product)?;
            Some(((*name).to_owned(), leading_version(number)))
        })
    }
}

fn named(user_agent: &str) -> Option<(String, String)> {
    let (token, name) = NAMED.iter().find(|(token, _)| after(user_agent, token).is_some())?;
    let own = ["FBAV/", "app_version/"].iter().filter(|_| matches!(*name, "Facebook" | "Facebook Messenger" | "TikTok"));
    let version = own
        .chain([token])
        .filter_map(|token| version_after(user_agent, token))
        .find(|version| !version.is_empty())
        .unwrap_or_else(|| if *name == "Brave" { engine_version(user_agent) } else { String::new() });
    Some(((*name).to_owned(), version))
}

fn engine_version(user_agent: &str) -> String {
    version_after(user_agent, "Chrome/").unwrap_or_default()
}

/// Browsers that are what their engine says, and the views in apps that name no app.
fn by_engine(user_agent: &str, os: &str) -> Option<(String, String)> {
    let own_version = after(user_agent, "Version/").map(version);
    let name = |name: &str, version: &str| Some((name.to_owned(), version.to_owned()));
    if let Some(chrome) = after(user_agent, "Chrome/") {
        // "Version/4.0" has stood in every WebView of Android since 2013.
        let view = os == "Android" && (user_agent.contains("; wv)") || own_version.is_some());
        return name(if view { "WebView" } else { "Chrome" }, version(chrome));
    }
    let safari = user_agent.contains("Safari/");
    match os {
        "iOS" if user_agent.contains("AppleWebKit/") => name(if safari { "Safari" } else { "WebView" }, own_version.unwrap_or_default()),
        "macOS" if safari => name("Safari", own_version?),
        "Android" if safari => name("Android Browser", own_version?),
        _ => None,
    }
}

fn renamed(parsed: &WootheeResult<'_>) -> (String, String) {
    let known = |text: &str| if text == "UNKNOWN" { String::new() } else { text.to_owned() };
    (known(parsed.name), known(parsed.version))
}
