//! Which browser, or which app with a browser in it, a user agent names. Apps and browsers that borrow another's engine
//! name themselves beside it, so they are looked for first. What is not found here is woothee's.

use std::collections::HashMap;

use woothee::parser::WootheeResult;

use super::product::{after, leading_version, version, version_after, words};

/// Products and their names, generated from a package (see `data/README.md`).
const PRODUCTS: &str = include_str!("../../../data/products.tsv");

/// What names a browser, and its name. The first that stands in a user agent counts: apps before the browsers whose
/// words they repeat. The version follows the token.
const NAMED: &[(&str, &str)] = &[
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
    ("Phantom/ios", "Phantom"),
    ("Phantom/android", "Phantom"),
    ("Valve Steam", "Steam"),
    ("Valve Client", "Steam"),
    ("MMS/", "Opera Neon"),
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
    ("HIBrowser", "HiBrowser"),
    ("Dolphin", "Dolphin"),
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

/// What the version of some follows, if not the token.
const ELSEWHERE: &[(&str, &str)] = &[
    ("Facebook", "FBAV/"),
    ("Facebook Messenger", "FBAV/"),
    ("TikTok", "app_version/"),
    ("Weibo", "weibo__"),
    ("Ecosia", "android@"),
    ("Ecosia", "ios@"),
    ("Phantom", "Phantom/android"),
    ("LinkedIn", "LinkedInApp]"),
];

/// What names a browser, ready to be found.
pub(super) struct Browsers {
    /// The entries of [`NAMED`] by the first byte of their token.
    tokens: HashMap<u8, Vec<usize>>,
    products: HashMap<&'static str, &'static str>,
}

impl Default for Browsers {
    fn default() -> Self {
        let mut tokens = HashMap::<u8, Vec<usize>>::new();
        for (index, (token, _)) in NAMED.iter().enumerate() {
            tokens.entry(token.as_bytes()[0]).or_default().push(index);
        }
        Self { tokens, products: PRODUCTS.lines().filter_map(|line| line.split_once('\t')).collect() }
    }
}

impl Browsers {
    /// Name and version; both empty when nothing is known.
    pub(super) fn browser(
        &self,
        user_agent: &str,
        os: &str,
        parsed: Option<&WootheeResult<'_>>,
    ) -> (String, String) {
        self.named(user_agent)
            .or_else(|| self.listed(user_agent))
            .or_else(|| by_engine(user_agent, os))
            .or_else(|| parsed.map(renamed))
            .unwrap_or_default()
    }

    /// The first entry of [`NAMED`] whose token stands at the beginning of a word.
    fn named(&self, user_agent: &str) -> Option<(String, String)> {
        let mut previous = b' ';
        let mut found: Option<(usize, usize)> = None;
        for (at, &byte) in user_agent.as_bytes().iter().enumerate() {
            let begins_word = !std::mem::replace(&mut previous, byte).is_ascii_alphanumeric();
            let Some(indices) = self.tokens.get(&byte).filter(|_| begins_word) else { continue };
            let stands = |&&index: &&usize| user_agent[at..].starts_with(NAMED[index].0);
            if let Some(&index) = indices.iter().find(stands)
                && found.is_none_or(|(before, _)| index < before)
            {
                found = Some((index, at));
            }
        }
        let (index, at) = found?;
        let (token, name) = NAMED[index];
        let elsewhere = ELSEWHERE.iter().filter(|(of, _)| *of == name);
        let version = elsewhere
            .filter_map(|(_, token)| version_after(user_agent, token))
            .chain([leading_version(&user_agent[at + token.len()..])])
            .find(|version| !version.is_empty())
            .or_else(|| (name == "Brave").then(|| version_after(user_agent, "Chrome/"))?);
        Some((name.to_owned(), version.unwrap_or_default()))
    }

    fn listed(&self, user_agent: &str) -> Option<(String, String)> {
        words(user_agent).find_map(|(product, number)| {
            let name = self.products.get(product)?;
            Some(((*name).to_owned(), leading_version(number)))
        })
    }
}

/// Browsers that are what their engine says, and the views in apps that name no app.
fn by_engine(user_agent: &str, os: &str) -> Option<(String, String)> {
    let own_version = after(user_agent, "Version/").map(version);
    let name = |name: &str, version: &str| Some((name.to_owned(), version.to_owned()));
    if let Some(chromium) = after(user_agent, "Chromium/") {
        return name("Chromium", version(chromium));
    }
    if let Some(chrome) = after(user_agent, "Chrome/") {
        // "Version/4.0" has stood in every WebView of Android since 2013.
        let view = os == "Android" && (user_agent.contains("; wv)") || own_version.is_some());
        return name(if view { "WebView" } else { "Chrome" }, version(chrome));
    }
    let safari = user_agent.contains("Safari/");
    match os {
        "iOS" if user_agent.contains("AppleWebKit/") => {
            name(if safari { "Safari" } else { "WebView" }, own_version.unwrap_or_default())
        }
        "macOS" if safari => name("Safari", own_version?),
        "Android" if safari => name("Android Browser", own_version?),
        _ => None,
    }
}

fn renamed(parsed: &WootheeResult<'_>) -> (String, String) {
    let known = |text: &str| if text == "UNKNOWN" { String::new() } else { text.to_owned() };
    (known(parsed.name), known(parsed.version))
}
