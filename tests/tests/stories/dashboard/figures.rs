//! Which days are asked for, what is shown of them, and what each figure means: the dashboard's page in a real browser, over made-up answers.

use footfall_tests::browser::Browser;
use footfall_tests::recorder::{Recorder, Reply};
use serde_json::{Value, json};

use super::{answer, open, serve, stats};

/// It is noon in UTC, and the next day in Apia.
const NOON: &str = "Date.now = () => Date.UTC(2027, 0, 15, 12)";
/// Two days, as whoever chooses them writes them.
const CHOOSE: &str = "const [from, to] = arguments; document.querySelector('#from').value = from; \
                      document.querySelector('#to').value = to; document.querySelector('#days button').click()";

/// What was asked last of a report of FF-A, without `limit`.
fn asked(central: &Recorder, report: &str) -> Option<String> {
    let path = format!("/api/v1/sites/FF-A/{report}");
    let seen =
        central.seen().into_iter().rfind(|seen| seen.path == path && !seen.query.ends_with("limit=1"))?;
    Some(seen.query.split_once("&limit").map_or(seen.query.clone(), |(query, _)| query.to_owned()))
}

async fn until_asked(central: &Recorder, days: &str, interval: &str) {
    let expected = format!("{days}&tz=Pacific%2FApia");
    footfall_tests::wait::until(&format!("{days} is asked for"), super::PATIENCE, || async {
        let series = format!("{expected}&interval={interval}");
        (asked(central, "stats")? == expected && asked(central, "series")? == series).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn days_are_those_of_the_website_by_name_or_by_two_dates() {
    let central = Recorder::start().await;
    serve(&central);
    let browser = Browser::start().await;
    browser.before_each_page(NOON).await;
    browser.open(&format!("{}/#FF-A", central.origin())).await;
    until_asked(&central, "from=2027-01-16&to=2027-01-16", "hour").await;
    for (name, days, interval) in [
        ("yesterday", "from=2027-01-15&to=2027-01-15", "hour"),
        ("7", "from=2027-01-10&to=2027-01-16", "day"),
        ("30", "from=2026-12-18&to=2027-01-16", "day"),
    ] {
        browser.run(&format!("document.querySelector('input[name=period][value=\"{name}\"]').click()")).await;
        until_asked(&central, days, interval).await;
        assert_eq!(browser.run("return location.hash").await, format!("#FF-A?days={name}"));
    }

    let choose = async |from: &str, to: &str| {
        browser
            .client()
            .execute(CHOOSE, vec![json!(from), json!(to)])
            .await
            .expect("two fields and a button");
    };
    choose("2027-01-02", "2027-01-01").await;
    let complaint = browser.run("return document.querySelector('#to').validationMessage").await;
    assert_eq!(complaint, "The first day is after the last one.");
    choose("2020-01-01", "2027-01-01").await;
    let complaint = browser.run("return document.querySelector('#to').validationMessage").await;
    assert_eq!(complaint, "Choose at most 750 days.");
    assert_eq!(
        browser.run("return location.hash").await,
        "#FF-A?days=30",
        "nothing that makes no sense is asked"
    );
    choose("2027-01-01", "2027-01-02").await;
    until_asked(&central, "from=2027-01-01&to=2027-01-02", "hour").await;
    let shown = "return [location.hash, document.querySelectorAll('input[name=period]:checked').length, \
                 document.querySelector('#from').value, document.querySelector('#to').value]";
    let dates = json!(["#FF-A?from=2027-01-01&to=2027-01-02", 0, "2027-01-01", "2027-01-02"]);
    assert_eq!(browser.run(shown).await, dates);
    browser.client().back().await.expect("there is a step before");
    browser.wait_for("document.querySelector('#from').value === '2026-12-18'").await;
    assert_eq!(browser.run(shown).await, json!(["#FF-A?days=30", 1, "2026-12-18", "2027-01-16"]));
    browser.client().forward().await.expect("there is a step after");
    browser.wait_for("document.querySelector('#to').value === '2027-01-02'").await;
    assert_eq!(browser.run(shown).await, dates);
    browser.quit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_visits_come_to_is_shown_and_what_is_not_computed_says_so() {
    let central = Recorder::start().await;
    serve(&central);
    let browser = open(&central, "").await;
    let figures = "const text = (id) => document.getElementById(id).textContent; \
        return ['f-visits', 'f-bounce-rate', 'f-duration', 'f-pages', 'f-conversions', 'f-conversion-rate', 'f-revenue'].map(text)";
    let expected = json!(["80,000", "25%", "1m 23s", "1.1", "40", "0.1%", "1,234.50"]);
    assert_eq!(browser.run(figures).await, expected);
    let goals = "return [...document.querySelectorAll('#goals tbody tr')].map((row) => [...row.cells].map((cell) => cell.textContent))";
    let expected =
        json!([["<b>Bought</b>", "30", "31", "1,234.50"], ["A goal that is gone", "10", "10", "0.00"]]);
    assert_eq!(browser.run(goals).await, expected);
    let bars = "return document.querySelectorAll('#period-chart rect').length";
    assert_eq!(browser.run(bars).await, 24);
    // By the keys, from the last bar: 23 o'clock of the zone's own clock.
    let read = "const chart = document.querySelector('#period-chart svg'); \
                chart.dispatchEvent(new KeyboardEvent('keydown', { key: 'End', bubbles: true })); \
                return document.querySelector('#period-chart .tip').textContent.replace(/\\s/g, ' ')";
    assert_eq!(browser.run(read).await, "11:00 PM · 2,300 page views · 23 visitors");

    let mut none = stats();
    for part in ["visits", "entry_pages", "exit_pages", "goals"] {
        none[part] = Value::Null;
    }
    central.serve("/api/v1/sites/FF-A/stats", answer(&none));
    central.serve("/api/v1/sites/FF-A/series", Reply::status(503));
    browser.run("document.querySelector('input[name=period][value=\"7\"]').click()").await;
    browser.wait_for("document.getElementById('f-visits').textContent === 'not computed yet'").await;
    assert_eq!(browser.run(figures).await, json!(vec!["not computed yet"; 7]));
    let lists = "return ['period-entries', 'period-exits', 'goals-none'].map((id) => document.getElementById(id).textContent)";
    assert_eq!(browser.run(lists).await, json!(vec!["Not computed yet"; 3]));
    // The chart alone could not be had: the figures beside it are of now.
    let notice = browser.run("return document.getElementById('period-chart-notice').textContent").await;
    assert_eq!(notice, "The chart could not be read: central answered 503.");
    assert_eq!(browser.run("return document.querySelectorAll('.stale').length").await, 0);
    browser.quit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_figures_definition_is_one_click_away_and_the_keyboard_comes_back() {
    let central = Recorder::start().await;
    serve(&central);
    central.serve("/api/v1/definitions", Reply::status(503));
    let browser = open(&central, "").await;
    let mark = "dt[data-figure=bounce_rate] .why";
    let shown =
        "return ['name', 'meaning'].map((part) => document.getElementById(`definition-${part}`).textContent)";
    browser.click(mark).await;
    browser.wait_for("document.activeElement.id === 'definition'").await;
    let failed = "The definition could not be read: central answered 503.";
    assert_eq!(browser.run(shown).await, json!(["Bounce rate", failed]));
    browser.click(mark).await;
    browser.wait_for("document.getElementById('definition').hidden").await;

    serve(&central);
    browser.click(mark).await;
    browser.wait_for("document.activeElement.id === 'definition'").await;
    assert_eq!(browser.run(shown).await, json!(["Bounce rate", "How many left."]));
    let button =
        format!("const mark = document.querySelector('{mark}'); return [mark.ariaExpanded, mark.ariaLabel]");
    assert_eq!(browser.run(&button).await, json!(["true", "What “Bounce rate” means"]));
    let inside = "const { left, right } = document.getElementById('definition').getBoundingClientRect(); \
                  return left >= 0 && right <= innerWidth";
    assert_eq!(browser.run(inside).await, true);

    let keys = async |key: &str| {
        let element = browser.client().active_element().await.expect("something has the focus");
        element.send_keys(key).await.expect("it takes keys");
    };
    keys("\u{e00c}").await;
    browser.wait_for("document.getElementById('definition').hidden").await;
    let back = format!("document.activeElement === document.querySelector('{mark}')");
    assert_eq!(browser.run(&format!("return {back}")).await, true, "Escape gives the focus back");
    keys("\u{e007}").await;
    browser.wait_for("document.activeElement.id === 'definition'").await;
    keys("\u{e004}").await;
    browser.wait_for("document.activeElement.textContent === 'Close'").await;
    keys("\u{e004}").await;
    browser.wait_for("document.getElementById('definition').hidden").await;
    let next = "return document.activeElement.parentElement.dataset.figure";
    assert_eq!(browser.run(next).await, "average_duration_s", "Tab goes on behind the question mark");
    browser.click(mark).await;
    browser.click("#period-title").await;
    browser.wait_for("document.getElementById('definition').hidden").await;
    browser.quit().await;
}
