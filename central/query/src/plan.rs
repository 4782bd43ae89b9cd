//! Which statement answers which report, with its parameters and limits. Sends nothing.

use super::Question;
use footfall_clickhouse::{Limits, Statement};

/// What a report may use.
const LIMITS: Limits = Limits { seconds: 10, memory_bytes: 1 << 30 };

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
pub(super) fn plan(report: Report, question: &Question) -> Statement {
    let statement = Statement::new(report.sql(), LIMITS)
        .with("website_id", question.website_id.as_str())
        .with("from_ms", question.period.from_ms())
        .with("to_ms", question.period.to_ms())
        .with("bots", i64::from(question.bots));
    match report {
        Report::Totals => statement,
        _ => statement.with("limit", i64::from(question.limit)),
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
