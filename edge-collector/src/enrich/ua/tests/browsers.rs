//! Browsers, and apps with a browser in them.

use super::{agents, chromium, webkit};

/// Comment, what follows the engine, name, version.
const ON_CHROMIUM: &[(&str, &str, &str, &str)] = &[
    (WINDOWS, "Chrome/131.0.0.0 Safari/537.36", "Chrome", "131.0.0.0"),
    (WINDOWS, "Chrome/75.0.3763.0 Safari/537.36 Edg/75.0.131.0", "Edge", "75.0.131.0"),
    (WINDOWS, "Chrome/82.0.4051.0 Safari/537.36 Edge/18.19041", "Edge", "18.19041"),
    (WINDOWS, "Chrome/130.0.0.0 Safari/537.36 OPR/115.0.0.0", "Opera", "115.0.0.0"),
    (WINDOWS, "Chrome/130.0.0.0 Safari/537.36 Vivaldi/7.0.3495.6", "Vivaldi", "7.0.3495.6"),
    (
        WINDOWS,
        "Chrome/118.0.5993.771 YaBrowser/23.11.2.771 Yowser/2.5 Safari/537.36",
        "Yandex Browser",
        "23.11.2.771",
    ),
    (WINDOWS, "Whale/3.28.266.14 Chrome/128.0.0.0 Safari/537.36", "Whale", "3.28.266.14"),
    (WINDOWS, "Chrome/111.0.4472.124 Safari/537.3 brave/5035", "Brave", "5035"),
    (
        WINDOWS,
        "Chrome/97.0.4692.98 Safari/537.36 T7/13.38 bdh_dvt/0 bdhonorbrowser/9.6.0.4 (P1 16)",
        "Honor Browser",
        "9.6.0.4",
    ),
    (WINDOWS, "Chrome/123.0.6312.80 Safari/537.36 Quark/7.8.0.750", "Quark", "7.8.0.750"),
    (WINDOWS, "Chrome/128.0.6613.178 Safari/537.36 Norton/128.0.26382.178", "Norton", "128.0.26382.178"),
    (WINDOWS, "QtWebEngine/5.12.4 Chrome/69.0.3497.128 Safari/537.36", "Qt Web Engine", "5.12.4"),
    (MAC, "Brave Chrome/80.0.3987.87 Safari/537.36", "Brave", "80.0.3987.87"),
    (LINUX, "Chrome/114.0.5735.196 Safari/537.36 OPT/2.9", "Opera Touch", "2.9"),
    (
        LINUX,
        "Safari/537.36 HeyTapBrowser/45.13.5.0.3beta Chrome/125.0.6422.72",
        "HeyTap Browser",
        "45.13.5.0.3",
    ),
    (LINUX, "Chrome/106.0.0.0 Brave/537.36", "Brave", "537.36"),
    (
        "X11; Linux x86_64; Quest 3",
        "OculusBrowser/36.6.0.9.50 SamsungBrowser/4.0 Chrome/130.0.6723.191 VR Safari/537.36",
        "Oculus Browser",
        "36.6.0.9.50",
    ),
    (REDUCED, "Chrome/131.0.0.0 Mobile Safari/537.36", "Chrome", "131.0.0.0"),
    (REDUCED, "SamsungBrowser/27.0 Chrome/125.0.0.0 Mobile Safari/537.36", "Samsung Internet", "27.0"),
    (
        REDUCED,
        "Chrome/119.0.0.0 Mobile Safari/537.36 (Ecosia android@119.0.6045.193)",
        "Ecosia",
        "119.0.6045.193",
    ),
    (REDUCED, "Chrome/73.0.3683.0 Mobile Safari/537.36 EdgA/44.11.2.4122", "Edge", "44.11.2.4122"),
    (REDUCED, "Chrome/144.0.7559.132 Safari/537.36 OPX/3.1", "Opera GX", "3.1"),
    (REDUCED, "Chrome/123.0.6312.80 UCMobile/15.0.7.1383 Mobile Safari/537.36", "UC Browser", "15.0.7.1383"),
    (
        REDUCED,
        "Chrome/88.0.4324.93 HuaweiBrowser/11.1.2.301 Mobile Safari/537.36",
        "Huawei Browser",
        "11.1.2.301",
    ),
    (REDUCED, "Chrome/116.0.5845.114 HonorBrowser/3.1.3.303 Safari/537.36", "Honor Browser", "3.1.3.303"),
    (REDUCED, "Silk/108.4.1 like Chrome/108.0.5359.160 Safari/537.36", "Silk", "108.4.1"),
    (
        REDUCED,
        "Chrome/110.0.0.0 YaApp_Android/23.36.1 YaSearchBrowser/23.36.1 BroPP/1.0 SA/3 Mobile Safari/537.36",
        "Yandex Browser",
        "23.36.1",
    ),
    (REDUCED, "Version/4.0 Chrome/130.0.6723.106 Mobile DuckDuckGo/5 Safari/537.36", "DuckDuckGo", "5"),
    (
        REDUCED,
        "Version/4.0 Chrome/87.0.4280.141 Mobile Safari/537.36 VivoBrowser/14.5.11.0",
        "Vivo Browser",
        "14.5.11.0",
    ),
    (
        REDUCED,
        "Version/4.0 Chrome/112.0.5615.136 Mobile Safari/537.36 XiaoMi/MiuiBrowser/14.4.0-gn",
        "Mi Browser",
        "14.4.0",
    ),
    (REDUCED, "Version/4.0 Chrome/66.0.3359.126 MQQBrowser/9.9 Mobile Safari/537.36", "QQ Browser", "9.9"),
    (VIEW, "Version/4.0 Chrome/137.0.7151.118 Safari/537.36 OPR/12.8.2254.76952", "Opera", "12.8.2254.76952"),
    (VIEW, "Version/4.0 Chrome/92.0.4515.131 Mobile Safari/537.36", "WebView", "92.0.4515.131"),
    (
        VIEW,
        "Version/4.0 Chrome/71.0.3578.99 Mobile Safari/537.36 GSA/8.65.5.21.arm64",
        "Google App",
        "8.65.5.21",
    ),
    (
        VIEW,
        "Version/4.0 Chrome/43.0.2357.121 Mobile Safari/537.36 [FB_IAB/FB4A;FBAV/36.0.0.39.166;]",
        "Facebook",
        "36.0.0.39.166",
    ),
    (
        VIEW,
        "Version/4.0 Chrome/142.0.7444.102 Mobile Safari/537.36 [FB_IAB/MESSENGER;FBAV/533.0.0.51.107;]",
        "Facebook Messenger",
        "533.0.0.51.107",
    ),
    (VIEW, "Version/4.0 Chrome/146.0.7680.174 Mobile Safari/537.36 MetaIAB Facebook", "Facebook", ""),
    (
        VIEW,
        "Version/4.0 Chrome/64.0.3282.137 Mobile Safari/537.36 Instagram 30.0.0.12.95 Android (24/7.0; 480dpi)",
        "Instagram",
        "30.0.0.12.95",
    ),
    (
        VIEW,
        "Version/4.0 Chrome/91.0.4472.120 Mobile Safari/537.36 trill_200005 AppName/trill app_version/20.0.5",
        "TikTok",
        "20.0.5",
    ),
    (
        VIEW,
        "Version/4.0 Chrome/107.0.5304.141 Mobile Safari/537.36 MMWEBID/1 MicroMessenger/8.0.31.2281(0x28001F59)",
        "WeChat",
        "8.0.31.2281",
    ),
    (VIEW, "Version/4.0 Chrome/126.0.6478.71 Mobile Safari/537.36;KAKAOTALK 2410820", "KakaoTalk", "2410820"),
    (VIEW, "Version/4.0 Chrome/128.0.6613.88 Mobile Safari/537.36 Line/14.14.0/IAB", "Line", "14.14.0"),
    (VIEW, "Version/4.0 Chrome/128.0.6613.88 Mobile Safari/537.36 [Pinterest/Android]", "Pinterest", ""),
    (
        "Linux; U; Android 4.0.3; de-de; GT-P5100 Build/IML74K",
        "Version/4.0 Safari/534.30",
        "Android Browser",
        "4.0",
    ),
    ("PlayStation; PlayStation 5/2.26", "Version/13.0 Safari/605.1.15", "Safari", "13.0"),
];

const ON_WEBKIT: &[(&str, &str, &str, &str)] = &[
    (MAC, "Version/18.1 Safari/605.1.15", "Safari", "18.1"),
    (MAC, "Version/16.5 Safari/605.1.15 Ddg/17.2", "DuckDuckGo", "17.2"),
    (MAC, "CriOS/102 Version/11.1.1 Safari/605.1.15", "Chrome", "102"),
    (IPHONE, "Version/18.1 Mobile/15E148 Safari/604.1", "Safari", "18.1"),
    (IPHONE, "CriOS/125.0.6422.80 Mobile/15E148 Safari/604.1", "Chrome", "125.0.6422.80"),
    (IPHONE, "FxiOS/138.0  Mobile/15E148 Safari/605.1.15", "Firefox", "138.0"),
    (IPHONE, "Version/13.0 EdgiOS/45.7.12 Mobile/15E148 Safari/605.1.15", "Edge", "45.7.12"),
    (IPHONE, "EdgiOS/125.0.2535.87 Version/17.0 Mobile/15E148 Safari/604.1", "Edge", "125.0.2535.87"),
    (IPHONE, "Version/17.5 Mobile/15E148 Safari/604.1 OPT/4.9.0", "Opera Touch", "4.9.0"),
    (IPHONE, "Version/14.6 Mobile/15E148 DuckDuckGo/7 Safari/605.1.15", "DuckDuckGo", "7"),
    (IPHONE, "Mobile/15E148 Safari/604.1 (Brave)", "Brave", ""),
    (IPHONE, "GSA/344.0.695551749 Mobile/15E148 Safari/604.1", "Google App", "344.0.695551749"),
    (IPHONE, "Mobile/15D60 [FBAN/FBIOS;FBAV/157.0.0.42.96;FBDV/iPhone9,1]", "Facebook", "157.0.0.42.96"),
    (
        IPHONE,
        "Mobile/16B92 Instagram 70.1.0.15.98 (iPhone10,2; iOS 12_1; en_US)",
        "Instagram",
        "70.1.0.15.98",
    ),
    (IPHONE, "Mobile/15E148 musical_ly_24.7.0 JsSdk/2.0 BytedanceWebview/d8a21c6", "TikTok", "24.7.0"),
    (IPHONE, "Mobile/15E148 [LinkedInApp]/9.25.3", "LinkedIn", "9.25.3"),
    (
        IPHONE,
        "Version/16.1 Mobile/15E148 Snapchat/12.10.0.40 (like Safari/8614.2.9.0.10, panda)",
        "Snapchat",
        "12.10.0.40",
    ),
    (IPHONE, "Mobile/15C153 Twitter for iPhone/7.19", "Twitter", "7.19"),
    (IPHONE, "Mobile/15A372 Safari Line/7.12.0", "Line", "7.12.0"),
    (IPHONE, "Mobile/15E148", "WebView", ""),
    (IPHONE, "Mobile/15E148 ManagedBrowser/20181024.1", "WebView", ""),
];

const ON_OTHERS: &[(&str, &str, &str)] = &[
    ("Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0", "Firefox", "133.0"),
    ("Mozilla/5.0 (Windows NT 10.0; WOW64; Trident/7.0; rv:11.0) like Gecko", "Internet Explorer", "11.0"),
    (
        "Mozilla/5.0 (Windows NT 6.1; Win64; x64; rv:60.0) Gecko/20100101 Firefox/60.0 SeaMonkey/2.53.1",
        "SeaMonkey",
        "2.53.1",
    ),
    (
        "Opera/9.80 (J2ME/MIDP; Opera Mini/9.80 (S60; SymbOS; Opera Mobi/23.348; U; en) Presto/2.5.25 Version/10.54",
        "Opera Mini",
        "9.80",
    ),
    ("Opera/9.80 (Windows NT 6.1; WOW64) Presto/2.12.388 Version/12.18", "Opera", "12.18"),
    (
        "UCWEB/2.0 (MIDP-2.0; U; Adr 4.4.2; en-US; SM-T211) U2/1.0.0 UCBrowser/10.2.1.612 U2/1.0.0 Mobile",
        "UC Browser",
        "10.2.1.612",
    ),
];

const WINDOWS: &str = "Windows NT 10.0; Win64; x64";
const MAC: &str = "Macintosh; Intel Mac OS X 10_15_7";
const LINUX: &str = "X11; Linux x86_64";
const REDUCED: &str = "Linux; Android 10; K";
const VIEW: &str = "Linux; Android 11; Pixel 5 Build/RQ3A.210805.001.A1; wv";
const IPHONE: &str = "iPhone; CPU iPhone OS 17_5 like Mac OS X";

#[test]
fn a_browser_is_known_by_the_name_that_it_gives_itself() {
    let agents = agents();
    let told = |user_agent: &str| {
        let agent = agents.look_up(user_agent);
        (agent.browser.clone(), agent.browser_version.clone())
    };
    for &(comment, rest, name, version) in ON_CHROMIUM {
        assert_eq!(told(&chromium(comment, rest)), (name.into(), version.into()), "{comment}: {rest}");
    }
    for &(comment, rest, name, version) in ON_WEBKIT {
        assert_eq!(told(&webkit(comment, rest)), (name.into(), version.into()), "{comment}: {rest}");
    }
    for &(user_agent, name, version) in ON_OTHERS {
        assert_eq!(told(user_agent), (name.into(), version.into()), "{user_agent}");
    }
}
