//! Thirty whole days of twenty websites, half of all events one website's, as the store itself makes them: what reports are read from.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context as _, ensure};

use crate::stack::Stack;

/// Days that are over, yesterday the last.
pub(crate) const DAYS: u64 = 30;
/// Websites that share what is not the large one's.
const OTHERS: u64 = 19;

/// Which days, as the API and `central rebuild` take them.
#[derive(Clone, Debug)]
pub(crate) struct Days {
    /// The large website.
    pub(crate) website: String,
    pub(crate) first: String,
    pub(crate) last: String,
}

/// Writes `events` events, half of them of the demo website, and says which days they are of.
///
/// # Errors
/// When the store refuses.
pub(crate) async fn write(stack: &Stack, events: u64) -> anyhow::Result<Days> {
    let website = stack.clickhouse("SELECT toString(website_id) FROM footfall.events LIMIT 1").await?;
    ensure!(!website.is_empty(), "one page view says which website it is");
    let others = format!(
        "concat('00000000-0000-7000-8000-0000000000', leftPad(toString(intDiv(number, 5) % {OTHERS}), 2, '0'))"
    );
    let a_day = events / 2 / DAYS;
    for ago in 1..=DAYS {
        for (site, salt) in [(format!("'{website}'"), 1), (others.clone(), 2)] {
            stack.clickhouse(&insert(&site, ago, a_day, salt)).await?;
        }
    }
    let day = async |ago: u64| stack.clickhouse(&format!("SELECT toString(today() - {ago})")).await;
    let (first, last) = (day(DAYS).await?, day(1).await?);
    Ok(Days { website, first, last })
}

/// A session is five events within two minutes, three of them page views; pages are visited as unevenly as they are.
fn insert(site: &str, ago: u64, events: u64, salt: u64) -> String {
    format!(
        "INSERT INTO footfall.events_local (event_id, website_id, session_id, user_id, event_type, client_timestamp, server_timestamp, page_url,
            page_title, page_path, engagement_ms, country, city, device_type, os, browser, traffic_source, source_name, traffic_medium,
            source_known, sample_rate, log_incarnation, log_offset, edge_id, user_agent)
        SELECT generateUUIDv4(), {site}, concat('s', toString(session), '-{ago}-{salt}'), concat('u', toString(cityHash64(session, {ago}, {salt}) % 200000)),
            if(number % 5 IN (0, 2, 3), 'pageview', 'engagement') AS kind, at, at, concat('https://example.org', path), 'A page about something',
            path, if(kind = 'engagement', toUInt32(cityHash64(number, 7) % 30000), 0),
            ['DE', 'FR', 'GB', 'US', 'IN', 'BR', 'JP', 'ES', 'IT', 'PL', 'NL', 'SE'][1 + toUInt32(cityHash64(session, 2) % 12)], 'Town',
            ['desktop', 'mobile', 'tablet'][1 + toUInt32(cityHash64(session, 3) % 3)], 'Linux',
            ['Chrome', 'Firefox', 'Safari', 'Edge', 'Opera'][1 + toUInt32(cityHash64(session, 4) % 5)],
            ['organic', 'direct', 'referral', 'social'][1 + toUInt32(cityHash64(session, 5) % 4)], concat('source', toString(cityHash64(session, 6) % 40)),
            'none', 1, 1, '11111111-2222-3333-4444-555555555555', {ago} * 100000000 + number, 'edge-1',
            'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0'
        FROM (
            SELECT number, intDiv(number, 5) AS session,
                concat('/page/', toString(toUInt32(pow(cityHash64(number, 11) % 10000 / 10000., 3) * 800))) AS path,
                fromUnixTimestamp64Milli(toInt64(toUnixTimestamp(today() - {ago})) * 1000 + toInt64(cityHash64(session, {salt}) % 84000000)
                    + (number % 5) * 20000, 'UTC') AS at
            FROM numbers({events})
        )"
    )
}

/// Has the running central compute the days again: seconds, and whether every table is the same afterwards.
///
/// # Errors
/// When the command fails.
pub(crate) fn rebuild(folder: &Path, days: &Days) -> anyhow::Result<(f64, bool)> {
    let program = std::env::current_exe()?.with_file_name("central");
    let began = Instant::now();
    let mut identical = true;
    for what in ["aggregates", "sessions"] {
        let mut command = Command::new(&program);
        command.args(["rebuild", "--config"]).arg(folder.join("central/central.toml"));
        command.args(["--from", &days.first, "--to", &days.last, "--json", what]);
        let output = command.stderr(std::process::Stdio::inherit()).output().context("start central")?;
        ensure!(output.status.success(), "central rebuild ended with {}", output.status);
        for line in String::from_utf8(output.stdout)?.lines() {
            println!("          {line}");
            let table: serde_json::Value = serde_json::from_str(line)?;
            identical &= table["identical"].as_bool().context("it says whether rows changed")?;
        }
        if !identical {
            break;
        }
    }
    Ok((began.elapsed().as_secs_f64(), identical))
}
