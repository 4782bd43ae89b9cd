//! Automatons, people, and programs, by the lists of user agents that others keep (see `testdata/README.md`).

use super::{agents, chromium};
use crate::enrich::ua::Kind;

const ISBOT_CRAWLERS: &str = include_str!("../../../../testdata/agents/isbot-crawlers.txt");
const ISBOT_BROWSERS: &str = include_str!("../../../../testdata/agents/isbot-browsers.txt");
const CRAWLER_USER_AGENTS: &str = include_str!("../../../../testdata/agents/crawler-user-agents.txt");

/// The share of `list` that is taken for automatons, in percent, and those that are.
fn automatons(list: &'static str) -> (f64, Vec<&'static str>) {
    let is_automaton = |user_agent: &&str| agents().look_up(user_agent).kind != Kind::Person;
    let found: Vec<_> = list.lines().filter(is_automaton).collect();
    (100.0 * found.len() as f64 / list.lines().count() as f64, found)
}

#[test]
fn crawlers_are_recognised_and_browsers_are_not_taken_for_them() {
    let (crawlers, _) = automatons(ISBOT_CRAWLERS);
    let (browsers, taken) = automatons(ISBOT_BROWSERS);
    let (others, _) = automatons(CRAWLER_USER_AGENTS);
    println!("isbot: {crawlers:.2} % of crawlers recognised, {browsers:.2} % of browsers taken for bots");
    println!("crawler-user-agents: {others:.2} % of crawlers recognised");
    assert!(crawlers >= 98.0 && others >= 98.0, "{crawlers} and {others}");
    assert!(browsers <= 1.0, "{taken:#?}");
}

#[test]
fn an_automaton_names_itself_anywhere_but_in_the_name_of_a_device() {
    for bot in [
        "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
        "Mozilla/5.0 (Linux; Android 6.0.1; Nexus 5X Build/MMB29P) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/41.0.2272.96 Mobile Safari/537.36 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
        "Mozilla/5.0 (Linux; Android 5.0) AppleWebKit/537.36 (KHTML, like Gecko) Mobile Safari/537.36 (compatible; Bytespider; spider-feedback@bytedance.com)",
        "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2; +https://openai.com/gptbot)",
        "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; Claude-User/1.0; +Claude-User@anthropic.com)",
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/131.0.0.0 Safari/537.36",
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/137.0.0.0 Safari/537.36; Devin/1.0; +devin.ai",
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36 Playwright/1.40.0",
        "meta-externalagent/1.1 (+https://developers.facebook.com/docs/sharing/webmasters/crawler)",
        "WhatsApp/2.23.20.0 A",
    ] {
        assert_eq!(agents().look_up(bot).kind, Kind::Bot, "{bot}");
    }
    for model in [
        "CUBOT_P20",
        "M bot 60 Build/NRD90M; wv",
        "XBot_Senior Build/O11019",
        "GM Discovery II",
        "Spider 8",
        "S222 Build/CUBOT",
        "Google Nexus 4",
    ] {
        let user_agent =
            chromium(&format!("Linux; Android 8.0.0; {model}"), "Chrome/70.0.3538.110 Mobile Safari/537.36");
        assert_eq!(agents().look_up(&user_agent).kind, Kind::Person, "{user_agent}");
    }
    for person in [
        "Mozilla/5.0 (iPhone; CPU iPhone OS 12_4_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 DuckDuckGo/7",
        "Mozilla/5.0 (Windows NT 6.1; WOW64; Trident/7.0; Banca Caboto s.p.a.; rv:11.0) like Gecko",
        "",
    ] {
        assert_eq!(agents().look_up(person).kind, Kind::Person, "{person}");
    }
}

#[test]
fn programs_that_send_on_purpose_are_tools() {
    for tool in [
        "curl/8.5.0",
        "python-requests/2.32.0",
        "Go-http-client/1.1",
        "okhttp/4.12.0",
        "Python/3.12 aiohttp/3.9",
    ] {
        assert_eq!(agents().look_up(tool).kind, Kind::Tool, "{tool}");
    }
}
