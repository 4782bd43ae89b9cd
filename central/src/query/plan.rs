//! Which statement answers which report, with its parameters and limits. Sends nothing.

use clickhouse::Client;
use clickhouse::query::Query;

use super::Question;

/// Seconds a report may run.
const MAX_SECONDS: &str = "10";
/// Bytes a report may use: 1 GiB.
const MAX_MEMORY_BYTES: &str = "1073741824";

/// The reports there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Report {
    Totals,
    TopPages,
    Sources,
    Countries,
    Devices,
    Browsers,
}

impl Report {
    const fn sql(self) -> &'static str {
        match self {
            Self::Totals => include_str!("reports/totals.sql"),
            Self::TopPages => include_str!("reports/top_pages.sql"),
            Self::Sources => include_str!("reports/sources.sql"),
            Self::Countries => include_str!("reports/countries.sql"),
            Self::Devices => include_str!("reports/devices.sql"),
            Self::Browsers => include_str!("reports/browsers.sql"),
        }
    }
}

/// The statement for `report`: values travel as parameters, never inside the text.
pub(super) fn plan(client: &Client, report: Report, question: &Question) -> Query {
    let statement = client
        .query_raw(report.sql())
        .with_setting("max_execution_time", MAX_SECONDS)
        .with_setting("max_memory_usage", MAX_MEMORY_BYTES)
        .param("website_id", &question.website_id)
        .param("from_ms", question.period.from_ms())
        .param("to_ms", question.period.to_ms())
        .param("bots", u8::from(question.bots));
    match report {
        Report::Totals => statement,
        _ => statement.param("limit", question.limit),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_report_has_the_same_filter_and_only_known_parameters() {
        use Report::{Browsers, Countries, Devices, Sources, TopPages, Totals};
        for report in [Totals, TopPages, Sources, Countries, Devices, Browsers] {
            let sql = report.sql();
            for filter in [
                "website_id = {website_id:String}",
                "server_timestamp >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')",
                "server_timestamp < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')",
                "is_duplicate = 0",
                "is_bot <= {bots:UInt8}",
            ] {
                assert!(sql.contains(filter), "{report:?} lacks {filter}");
            }
            assert_eq!(sql.matches('{').count(), if report == Totals { 4 } else { 5 }, "{report:?}");
            assert_eq!(report != Totals, sql.contains("LIMIT {limit:UInt16}"), "{report:?}");
        }
    }
}
